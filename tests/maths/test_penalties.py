"""Penalties of critics whose gradient is known."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganforge.errors import InputError
from ganforge.training.penalties import clip_weights, gradient_penalty, r1

w = torch.tensor([3.0, -4.0])  # ‖w‖ = 5


def linear(x: torch.Tensor) -> torch.Tensor:
    return x @ w


def square(x: torch.Tensor) -> torch.Tensor:
    return x.square().sum(1) / 2  # ∇ = x


def test_the_penalty_of_a_linear_critic() -> None:
    """(‖w‖ − 1)² = 16 at every point, whatever the mixture."""
    real, fake = torch.randn(7, 2), torch.randn(7, 2)
    assert gradient_penalty(linear, real, fake).item() == pytest.approx(16, rel=1e-5)
    assert gradient_penalty(linear, real, fake, target=0).item() == pytest.approx(25, rel=1e-5)
    assert gradient_penalty(linear, real, fake, target=5).item() == pytest.approx(0, abs=1e-6)


def test_the_penalty_is_taken_between_the_pair() -> None:
    """With ∇D(x) = x the norm is that of x̂ itself: ‖α·(2, 0) + (1 − α)·(0, 0)‖ = 2α."""
    real, fake = torch.tensor([[2.0, 0.0]] * 2), torch.zeros(2, 2)
    alpha = torch.tensor([0.25, 1.0])
    expected = ((0.5 - 1) ** 2 + (2 - 1) ** 2) / 2
    assert gradient_penalty(square, real, fake, alpha=alpha).item() == pytest.approx(expected)
    assert gradient_penalty(square, real, fake, alpha=alpha[:, None]).item() == pytest.approx(expected)


def test_one_mixture_a_sample() -> None:
    """All features of a sample are mixed by one α: with real = 1s and fake = 0s, x̂ is α in each of them."""
    seen = []

    def critic(x: torch.Tensor) -> torch.Tensor:
        seen.append(x.detach())
        return x.flatten(1).sum(1)

    value = gradient_penalty(critic, torch.ones(50, 3, 4, 4), torch.zeros(50, 3, 4, 4))
    alphas = seen[0].flatten(1)
    assert torch.equal(alphas, alphas[:, :1].expand_as(alphas))
    assert 0 <= alphas.min() < 0.2 < 0.8 < alphas.max() <= 1
    assert value.item() == pytest.approx((48**0.5 - 1) ** 2, rel=1e-5)


def test_r1_of_a_linear_critic() -> None:
    """‖w‖² = 25."""
    assert r1(linear, torch.randn(7, 2)).item() == pytest.approx(25)


def test_r1_of_a_quadratic_critic() -> None:
    """E ‖x‖² of (3, 4) and (1, 0) = (25 + 1) / 2."""
    assert r1(square, torch.tensor([[3.0, 4.0], [1.0, 0.0]])).item() == pytest.approx(13)


@pytest.mark.parametrize("penalty", [lambda c, x: gradient_penalty(c, x, torch.zeros_like(x)), r1])
def test_the_gradient_reaches_the_critic(penalty) -> None:
    """For D(x) = x·v: d(‖v‖ − 1)²/dv = 2(‖v‖ − 1)·v/‖v‖, and d‖v‖²/dv = 2v."""
    critic = nn.Linear(2, 1, bias=False)
    critic.weight.data = w[None].clone()
    penalty(critic, torch.randn(5, 2)).backward()
    expected = 2 * w if penalty is r1 else 2 * (5 - 1) * w / 5
    assert torch.allclose(critic.weight.grad, expected[None], rtol=1e-5)


def test_the_data_gets_no_gradient() -> None:
    real, fake = torch.randn(4, 2, requires_grad=True), torch.randn(4, 2, requires_grad=True)
    critic = nn.Linear(2, 1)
    (gradient_penalty(critic, real, fake) + r1(critic, real)).backward()
    assert real.grad is None
    assert fake.grad is None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_full_precision_under_autocast(dtype: torch.dtype) -> None:
    """Under autocast a plain call of the critic answers in half precision; the penalty sees float32 throughout."""
    critic = nn.Linear(2, 1, bias=False)
    critic.weight.data = torch.tensor([[3.001, -4.002]])
    exact = (critic.weight.detach().double().norm() - 1) ** 2
    seen = []

    def watched(x: torch.Tensor) -> torch.Tensor:
        seen.append(critic(x).dtype)
        return critic(x)

    with torch.autocast("cpu", dtype=dtype):
        assert critic(torch.randn(1, 2)).dtype == dtype
        fake = critic.weight.new_ones(4, 2).to(dtype)  # as a generator under autocast gives them
        value = gradient_penalty(watched, torch.randn(4, 2), fake)
        assert r1(watched, torch.randn(4, 2)).dtype == torch.float32
    assert set(seen) == {torch.float32}
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(exact.item(), rel=1e-5)


def test_a_critic_of_low_precision_is_called_in_its_own() -> None:
    critic = nn.Linear(2, 1, bias=False).to(torch.bfloat16)
    value = r1(critic, torch.randn(4, 2, dtype=torch.bfloat16))
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(critic.weight.float().square().sum().item(), rel=1e-2)


def test_pairs_of_different_shape_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(4, 2\).*\(3, 2\)"):
        gradient_penalty(linear, torch.zeros(4, 2), torch.zeros(3, 2))


def test_clipping() -> None:
    layer = nn.Linear(3, 3)
    layer.weight.data = torch.tensor([[5.0, -5.0, 0.005]] * 3)
    clip_weights(layer, 0.01)
    assert torch.equal(layer.weight.data, torch.tensor([[0.01, -0.01, 0.005]] * 3))
    with pytest.raises(InputError, match="limit"):
        clip_weights(layer, 0)
