"""FusedAdam is torch's Adam to the last bit, whatever comes between two steps."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

from ganforge.training.adam import FusedAdam

OPTIONS = {"lr": 1e-2, "betas": (0.5, 0.9), "weight_decay": 1e-3}


def both(**options: object) -> tuple[list[nn.Module], list[torch.optim.Adam]]:
    torch.manual_seed(0)
    nets: list[nn.Module] = [nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 1))]
    nets.append(copy.deepcopy(nets[0]))
    kinds: list[Callable[..., torch.optim.Adam]] = [FusedAdam, torch.optim.Adam]
    return nets, [
        kind(net.parameters(), **OPTIONS, fused=True, **options) for kind, net in zip(kinds, nets, strict=True)
    ]


def move(nets: list[nn.Module], optimizers: list[torch.optim.Adam], *, without: int | None = None) -> None:
    for net, optimizer in zip(nets, optimizers, strict=True):
        generator = torch.Generator().manual_seed(len(optimizer.state))
        for k, each in enumerate(net.parameters()):
            each.grad = None if k == without else torch.randn(each.shape, generator=generator) + each.detach()
        optimizer.step()


def assert_alike(nets: list[nn.Module], optimizers: list[torch.optim.Adam]) -> None:
    for one, other in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.equal(one, other)
        for name, value in optimizers[1].state[other].items():
            assert torch.equal(optimizers[0].state[one][name], value)


def test_steps_are_torchs() -> None:
    nets, optimizers = both()
    for _ in range(5):
        move(nets, optimizers)
    assert_alike(nets, optimizers)


def test_a_parameter_without_a_gradient_and_another_learning_rate_change_nothing_else() -> None:
    nets, optimizers = both()
    for k in range(6):
        for each in optimizers:
            each.param_groups[0]["lr"] = 1e-2 / (k + 1)
        move(nets, optimizers, without=2 if k in (0, 3) else None)
    assert_alike(nets, optimizers)


def test_a_checkpoint_taken_up_goes_on_alike() -> None:
    nets, optimizers = both()
    for _ in range(3):
        move(nets, optimizers)
    kept, weights = copy.deepcopy(optimizers[1].state_dict()), copy.deepcopy(nets[1].state_dict())
    move(nets, optimizers)
    for net, optimizer in zip(nets, optimizers, strict=True):
        net.load_state_dict(weights)
        optimizer.load_state_dict(copy.deepcopy(kept))
    for _ in range(3):
        move(nets, optimizers)
    assert_alike(nets, optimizers)


@pytest.mark.parametrize("options", [{"amsgrad": True}, {"maximize": True}])
def test_variants_of_adam_are_left_to_torch(options: dict[str, bool]) -> None:
    nets, optimizers = both(**options)
    for _ in range(3):
        move(nets, optimizers)
    assert_alike(nets, optimizers)


def test_a_closure_is_called_and_its_loss_given_back() -> None:
    nets, optimizers = both()
    move(nets, optimizers)
    losses = [optimizer.step(lambda: torch.tensor(3.0)) for optimizer in optimizers]
    assert losses == [3.0, 3.0]
    assert_alike(nets, optimizers)
