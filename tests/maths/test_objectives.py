"""The losses at logits small enough to work out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from ganforge.training import objectives

LOG2 = math.log(2)
real = torch.tensor([[2.0], [0.0]])
fake = torch.tensor([[-1.0], [0.0], [0.5]])


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


BY_HAND = {
    # −E log σ(D(x)) − E log(1 − σ(D(x̃)))
    "minimax": (
        -(math.log(sigmoid(2)) + math.log(0.5)) / 2
        - (math.log(1 - sigmoid(-1)) + math.log(0.5) + math.log(1 - sigmoid(0.5))) / 3,
        (math.log(1 - sigmoid(-1)) + math.log(0.5) + math.log(1 - sigmoid(0.5))) / 3,
    ),
    "non_saturating": (
        -(math.log(sigmoid(2)) + math.log(0.5)) / 2
        - (math.log(1 - sigmoid(-1)) + math.log(0.5) + math.log(1 - sigmoid(0.5))) / 3,
        -(math.log(sigmoid(-1)) + math.log(0.5) + math.log(sigmoid(0.5))) / 3,
    ),
    "wasserstein": (-0.5 / 3 - 1.0, 0.5 / 3),
    "hinge": ((0 + 1) / 2 + (0 + 1 + 1.5) / 3, 0.5 / 3),
    "least_squares": (((2 - 1) ** 2 + 1) / 4 + (1 + 0 + 0.25) / 6, (4 + 1 + 0.25) / 6),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_values_by_hand(name: str) -> None:
    objective = getattr(objectives, name)
    critic, generator = BY_HAND[name]
    assert objective.critic(real, fake).item() == pytest.approx(critic, rel=1e-6)
    assert objective.generator(fake).item() == pytest.approx(generator, rel=1e-6)
    assert objective.generator(fake, real).item() == pytest.approx(generator, rel=1e-6)
    assert objective.critic(real, fake).dim() == 0


def test_a_critic_that_cannot_tell_pays_two_log_two() -> None:
    zero = torch.zeros(4, 1)
    assert objectives.minimax.critic(zero, zero).item() == pytest.approx(2 * LOG2)
    assert objectives.hinge.critic(zero, zero).item() == 2
    assert objectives.least_squares.critic(zero, zero).item() == 0.5
    assert objectives.wasserstein.critic(zero, zero).item() == 0


@pytest.mark.parametrize("name", BY_HAND)
def test_finite_where_a_probability_would_be_zero(name: str) -> None:
    """σ(−200) is 0 in float32; the loss and its gradient must not be infinite there."""
    objective = getattr(objectives, name)
    logits = torch.tensor([[-200.0], [200.0]], requires_grad=True)
    for value in (objective.critic(logits, logits), objective.generator(logits)):
        (gradient,) = torch.autograd.grad(value, logits)
        assert torch.isfinite(value)
        assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("name", BY_HAND)
def test_each_side_gains_by_moving_its_logits_the_right_way(name: str) -> None:
    objective = getattr(objectives, name)
    x, y = torch.full((3, 1), 0.5, requires_grad=True), torch.full((3, 1), 0.5, requires_grad=True)
    on_real, on_fake = torch.autograd.grad(objective.critic(x, y), (x, y))
    assert (on_real < 0).all()  # lowered by raising D(x)
    assert (on_fake > 0).all()  # and by lowering D(x̃)
    assert (torch.autograd.grad(objective.generator(y), y)[0] < 0).all()  # the generator: by raising D(x̃)


def test_minimax_saturates_where_non_saturating_does_not() -> None:
    """Against a sure critic, D(x̃) = −10, the gradients are σ(−10) and σ(10)."""
    y = torch.tensor([[-10.0]], requires_grad=True)
    weak = torch.autograd.grad(objectives.minimax.generator(y), y)[0].item()
    strong = torch.autograd.grad(objectives.non_saturating.generator(y), y)[0].item()
    assert weak == pytest.approx(-sigmoid(-10), rel=1e-5)
    assert strong == pytest.approx(-sigmoid(10), rel=1e-5)
