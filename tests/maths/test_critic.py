"""The critic's loss and gradient in one piece, against differentiating twice, in double precision and with dropout."""

from __future__ import annotations

import itertools
from itertools import pairwise

import pytest
import torch
from torch import nn

from ganforge.gans._critic import critic_terms
from ganforge.training.penalties import gradient_penalty

PAIRS = 7


class Dense:
    """A critic of dense layers whose dropout was drawn once: for the real rows, the fakes and the points between."""

    def __init__(self, sizes: tuple[int, ...], dtype: torch.dtype = torch.float64) -> None:
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise((*sizes, 1))).to(dtype)
        self.kept = [2 * (torch.rand(3 * PAIRS, size) > 0.5).to(dtype) for size in sizes[1:]]
        self.shift = torch.randn(PAIRS, sizes[1], dtype=dtype, requires_grad=True)
        self.weights = [each.weight for each in self.layers]
        self.biases = [each.bias for each in self.layers[1:]]

    @property
    def parameters(self) -> list[torch.Tensor]:
        return [self.shift, *self.weights, *self.biases]

    def at(self, x: torch.Tensor, third: int) -> torch.Tensor:
        """Scores of the real rows (0), the fakes (1) or the points between (2)."""
        rows = slice(third * PAIRS, (third + 1) * PAIRS)
        a = x @ self.weights[0].T + self.shift
        for layer, kept in zip(list(self.layers)[1:], self.kept, strict=True):
            a = layer(nn.functional.leaky_relu(a, 0.2) * kept[rows])
        return a[:, 0]

    def slope(self):
        """Leaky ReLU's slope times what is left of each unit, a layer a call."""
        layers = itertools.cycle(self.kept)
        return lambda a: (0.2 + 0.8 * (a > 0).to(a.dtype)) * next(layers).to(a.dtype)


def rows(features: int, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return torch.randn(PAIRS, features, dtype=dtype), torch.rand(PAIRS, features, dtype=dtype), torch.rand(PAIRS, 1)


@pytest.mark.parametrize("sizes", [(5, 3), (30, 16, 8), (6, 5, 9, 4)])
@pytest.mark.parametrize("scale", [(1.0, 10.0), (0.0, 1.0), (2.5, 0.0)])
def test_it_is_what_differentiating_twice_gives(sizes: tuple[int, ...], scale: tuple[float, float]) -> None:
    """Values and every gradient, whatever the two terms are multiplied by."""
    torch.manual_seed(0)
    critic, (real, fake, rho) = Dense(sizes), rows(sizes[0])
    rho = rho.double()
    terms = critic_terms(real, fake, critic.shift, rho, critic.weights, critic.biases, critic.slope())
    wasserstein = critic.at(fake, 1).mean() - critic.at(real, 0).mean()
    penalty = gradient_penalty(lambda x: critic.at(x, 2), real, fake, alpha=1 - rho)
    torch.testing.assert_close(terms[0], wasserstein, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(terms[1], penalty, rtol=1e-12, atol=0)
    ours = torch.autograd.grad(scale[0] * terms[0] + scale[1] * terms[1], critic.parameters, retain_graph=True)
    again = torch.autograd.grad(scale[0] * terms[0] + scale[1] * terms[1], critic.parameters)
    twice = torch.autograd.grad(
        scale[0] * wasserstein + scale[1] * penalty, critic.parameters, allow_unused=True, materialize_grads=True
    )
    for one, same, other in zip(ours, again, twice, strict=True):
        assert torch.equal(one, same)  # nothing is used up
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-13)


def test_its_gradient_is_that_of_finite_differences() -> None:
    torch.manual_seed(1)
    critic, (real, fake, rho) = Dense((4, 5, 3)), rows(4)

    def terms(shift: torch.Tensor, *parameters: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return critic_terms(real, fake, shift, rho.double(), parameters[:3], parameters[3:], critic.slope())

    assert torch.autograd.gradcheck(terms, critic.parameters)


def test_a_critic_without_a_slope_anywhere_has_no_gradient_and_no_nan() -> None:
    """All units dropped in between: ‖g‖ = 0, where the norm has no derivative."""
    critic, (real, fake, rho) = Dense((4, 5)), rows(4)
    critic.kept[0][2 * PAIRS :] = 0
    _, penalty = critic_terms(real, fake, critic.shift, rho.double(), critic.weights, critic.biases, critic.slope())
    assert penalty.item() == 1
    assert not any(each.any() for each in torch.autograd.grad(penalty, critic.parameters))


def test_under_autocast_products_are_bfloat16_and_gradients_the_parameters_own_type() -> None:
    torch.manual_seed(2)
    critic, (real, fake, rho) = Dense((30, 16, 8), torch.float32), rows(30, torch.float32)
    exact = critic_terms(real, fake, critic.shift, rho, critic.weights, critic.biases, critic.slope())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = critic_terms(real, fake, critic.shift, rho, critic.weights, critic.biases, critic.slope())
    for one, other in zip(terms, exact, strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, other, rtol=3e-2, atol=3e-2)
    gradients = torch.autograd.grad(sum(terms), critic.parameters)
    for one, other in zip(gradients, torch.autograd.grad(sum(exact), critic.parameters), strict=True):
        assert one.dtype == torch.float32
        assert (one - other).norm() < 0.05 * other.norm() + 1e-3
