"""A step of CTGAN waits for no value: on a GPU, the queue of work is never drained to look at one."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ganforge.data.layout import Block, Layout
from ganforge.gans.ctgan import ConditionalBatches, CTGANGame
from ganforge.training import TrainerOptions, fit

LAYOUT = Layout((Block("amount", "mixture", 3), Block("shop", "categorical", 4), Block("card", "categorical", 2)))
WAITS = ("aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::unique", "aten::_unique2")


class Counted(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls[func.name().split(".")[0]] += 1
        return func(*args, **(kwargs or {}))


def calls(steps: int, layout: Layout = LAYOUT, **options: Any) -> Counter[str]:
    torch.manual_seed(0)
    game = CTGANGame(layout, latent=4, generator_widths=(4,), critic_widths=(4,), pac=2, **options)
    codes = torch.stack([torch.randint(block.width, (50,)) for block in layout.blocks], 1)
    batches = ConditionalBatches(torch.rand(50, layout.scalars), codes, game.conditions, batch_size=8)
    with Counted() as counted:
        fit(game, batches, steps=steps, log_every=1_000, trainer=TrainerOptions(accelerator="cpu"))
    return counted.calls


@pytest.mark.parametrize("options", [{}, {"condition_modes": True, "condition_columns": 2}])
def test_more_steps_wait_no_more_often(options: dict[str, Any]) -> None:
    few, many = calls(4, **options), calls(24, **options)
    assert many["aten::mm"] > few["aten::mm"] > 0
    assert {name: many[name] for name in WAITS} == {name: few[name] for name in WAITS}


def test_the_operations_of_a_step_do_not_grow_with_the_columns_of_the_table() -> None:
    """No loop over columns: each would be launches more."""
    wide = Layout((*LAYOUT.blocks, *(Block(f"more{k}", "categorical", 3) for k in range(20))))
    few, many = (sum((calls(12, each) - calls(4, each)).values()) for each in (LAYOUT, wide))
    assert few > 0
    assert many - few < 20 * 8  # fewer than one more a column and step
