"""What critics and generators play for: pure functions of logits.

An `Objective` is a pair. `critic(real_logits, fake_logits)` and `generator(fake_logits, real_logits=None)` take logits
of any shape, (B, 1) as a rule, and give the mean over them as a scalar to be lowered. The generator's may look at
the real logits too, because relativistic objectives need them; the five here do not.

The discriminator gives logits, never probabilities: −log σ(x) = softplus(−x) stays finite where log(σ(x)) does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor
from torch.nn.functional import relu, softplus


class CriticLoss(Protocol):
    def __call__(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor: ...


class GeneratorLoss(Protocol):
    def __call__(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor: ...


@dataclass(frozen=True)
class Objective:
    """The two sides of one game."""

    name: str
    critic: CriticLoss
    generator: GeneratorLoss


def _cross_entropy(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """−E log σ(D(x)) − E log(1 − σ(D(G(z))))."""
    return softplus(-real_logits).mean() + softplus(fake_logits).mean()


def _minimax(fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
    """E log(1 − σ(D(G(z))))."""
    return -softplus(fake_logits).mean()


def _non_saturating(fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
    """−E log σ(D(G(z)))."""
    return softplus(-fake_logits).mean()


def _wasserstein_critic(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """E D(G(z)) − E D(x)."""
    return fake_logits.mean() - real_logits.mean()


def _raise_logits(fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
    """−E D(G(z))."""
    return -fake_logits.mean()


def _hinge_critic(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """E max(0, 1 − D(x)) + E max(0, 1 + D(G(z)))."""
    return relu(1 - real_logits).mean() + relu(1 + fake_logits).mean()


def _least_squares_critic(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """½ E (D(x) − 1)² + ½ E D(G(z))²."""
    return 0.5 * (real_logits - 1).square().mean() + 0.5 * fake_logits.square().mean()


def _least_squares_generator(fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
    """½ E (D(G(z)) − 1)²."""
    return 0.5 * (fake_logits - 1).square().mean()


minimax = Objective("minimax", _cross_entropy, _minimax)
"""Goodfellow et al. 2014, arXiv:1406.2661, equation 1. The generator's gradient vanishes while the critic is sure."""

non_saturating = Objective("non-saturating", _cross_entropy, _non_saturating)
"""Goodfellow et al. 2014, arXiv:1406.2661, section 3: the same fixed point, a strong gradient early on."""

wasserstein = Objective("wasserstein", _wasserstein_critic, _raise_logits)
"""Arjovsky, Chintala & Bottou 2017, arXiv:1701.07875, equation 2; the critic must be held 1-Lipschitz, by
`penalties.gradient_penalty` or `penalties.clip_weights`."""

hinge = Objective("hinge", _hinge_critic, _raise_logits)
"""Lim & Ye 2017, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957, equations 16 and 17."""

least_squares = Objective("least-squares", _least_squares_critic, _least_squares_generator)
"""Mao et al. 2017, arXiv:1611.04076, equation 9 (a = 0, b = c = 1)."""
