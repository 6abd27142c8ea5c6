"""How many operations a training step of CTGAN asks for, ours beside the `ctgan` package's.

    GANFORGE_DATA=FOLDER python -m benchmarks.ctgan_operations   # holds tables/adult_train.csv.gz (UCI Adult)

On a GPU each operation is a launch or more, and each one whose answer the host waits for drains the queue; counted on a
CPU, where the same are asked for. (Adam keeps its count of steps on the CPU and looks at it there: no wait.) Counted is
what Python and autograd dispatch, not the operations inside an operation, as the difference of a longer and a shorter
training on the same 2,000 rows, so that set-up does not count; our logging every 50 steps does.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks._common import data_folder, markdown, save
from ganforge.catalog import load_class
from ganforge.data.readers import read_table
from ganforge.data.table import Table

TITLE = "Operations of a CTGAN step"
ROWS, BATCH, SHORT, LONG = 2_000, 500, 12, 112
KINDS = {"ctgan package": "reference-ctgan", "ctgan": "ctgan"}
WAITS = ("aten::_local_scalar_dense", "aten::nonzero")
"""Operations whose answer the host waits for."""


class Counted(TorchDispatchMode):
    """Counts the operations inside, and those of them whose answer is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = self.waits = 0
        self.moving = False
        """Whether an optimizer is at work."""

    def __enter__(self) -> Self:
        self._hooks = [
            register_optimizer_step_pre_hook(lambda *_: setattr(self, "moving", True)),
            register_optimizer_step_post_hook(lambda *_: setattr(self, "moving", False)),
        ]
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        for each in self._hooks:
            each.remove()
        super().__exit__(*error)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.operations += 1
        self.waits += not self.moving and func.name().split(".")[0] in WAITS
        return func(*args, **(kwargs or {}))


def count(kind: str, table: Table, *, steps: int) -> np.ndarray:
    """(operations, waits) of a whole training."""
    own = {} if kind == "reference-ctgan" else {"early_stopping": False, "log_every": 50}
    with Counted() as counted:
        load_class(kind)(steps=steps, batch_size=BATCH, pac=10, random_state=0, **own).fit(table)
    return np.array([counted.operations, counted.waits])


def main() -> dict:
    whole = read_table(data_folder() / "tables" / "adult_train.csv.gz")
    table = whole.take(np.random.default_rng(0).permutation(len(whole))[:ROWS])
    figures: dict[str, Any] = {"rows": ROWS, "fingerprint": table.fingerprint, "steps": LONG - SHORT}
    for name, kind in KINDS.items():
        more = count(kind, table, steps=LONG) - count(kind, table, steps=SHORT)
        operations, waits = (more / (LONG - SHORT)).tolist()
        figures[name] = {"operations": operations, "waits": waits}
        print(name, figures[name], flush=True)
    return save("ctgan_operations", figures)


def table(figures: dict) -> str:
    rows = [(name, f"{figures[name]['operations']:,.0f}", f"{figures[name]['waits']:.1f}") for name in KINDS]
    return (
        f"{markdown(('', 'operations a step', 'of which the host waits for'), rows)}\n\n"
        f"UCI Adult, {figures['rows']:,} rows, batches of {BATCH}, pac 10, means over {figures['steps']} steps; on a "
        "CPU, where the same operations are asked for as on a GPU, apart from those that carry batches there."
    )


if __name__ == "__main__":
    print(table(main()))
