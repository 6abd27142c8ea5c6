"""What holds a critic smooth. Pure functions, and always in float32.

Under mixed precision the squared norms of gradients overflow half precision and lose their differences in bfloat16, so
the critic is called with autocast off; under a full `bf16-true` the critic itself is bfloat16 and only the norm is
taken in float32.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from ganforge.errors import InputError

CriticFunction = Callable[[Tensor], Tensor]


def gradient_penalty(
    critic_fn: CriticFunction, real: Tensor, fake: Tensor, *, alpha: Tensor | None = None, target: float = 1.0
) -> Tensor:
    """E (‖∇_x̂ D(x̂)‖₂ − target)² at x̂ = α·x + (1 − α)·x̃, one α ~ U(0, 1) a sample: a scalar.

    Gulrajani et al. 2017, arXiv:1704.00028, equation 3, without its λ (10 in the paper).

    `critic_fn(x (B, …)) → (B, …)`; a row of the output must hang on the same row of x alone, so no batch norm in the
    critic. Where rows are packed together (PacGAN), pack them first and let a row be a pack. `alpha`: (B,) or of a
    shape that broadcasts against `real`, in [0, 1]; drawn when None. `target=0` gives the zero-centred penalty.
    """
    if real.shape != fake.shape:
        raise InputError(
            f"real {tuple(real.shape)} and fake {tuple(fake.shape)} differ in shape; the penalty is taken between pairs"
        )
    with _full_precision(real) as full:
        real, fake = full(real), full(fake)
        if alpha is None:
            alpha = torch.rand(len(real), device=real.device, dtype=real.dtype)
        if alpha.dim() == 1:
            alpha = alpha.reshape(-1, *[1] * (real.dim() - 1))
        between = fake + alpha.to(real.dtype) * (real - fake)
        norms = _input_gradient(critic_fn, between).norm(2, dim=1)
        return (norms - target).square().mean()


def r1(critic_fn: CriticFunction, real: Tensor) -> Tensor:
    """E ‖∇_x D(x)‖₂² at the real data: a scalar.

    Mescheder, Geiger & Nowozin 2018, arXiv:1801.04406, equation 9, without its γ/2.
    """
    with _full_precision(real) as full:
        return _input_gradient(critic_fn, full(real)).square().sum(1).mean()


@torch.no_grad()
def clip_weights(module: nn.Module, limit: float) -> None:
    """Clamp every parameter to [−limit, limit], for `Update(after=…)`.

    Arjovsky, Chintala & Bottou 2017, arXiv:1701.07875, algorithm 1 (limit .01).
    """
    if limit <= 0:
        raise InputError(f"clip_weights: limit={limit}; give a positive one")
    for parameter in module.parameters():
        parameter.clamp_(-limit, limit)


@contextlib.contextmanager
def _full_precision(like: Tensor) -> Iterator[Callable[[Tensor], Tensor]]:
    """Autocast off, and what detaches a tensor and undoes what autocast did to its type. A model that *is* of a lower
    precision (`bf16-true`) keeps its inputs' type, because its weights would not take another."""
    mixed = torch.is_autocast_enabled(like.device.type)
    with torch.autocast(like.device.type, enabled=False):
        yield lambda x: x.detach().float() if mixed else x.detach()


def _input_gradient(critic_fn: CriticFunction, x: Tensor) -> Tensor:
    """∂ΣD(x)/∂x with a graph, flat and in at least float32: (B, features)."""
    with torch.enable_grad():
        x = x.requires_grad_(True)
        (gradient,) = torch.autograd.grad(critic_fn(x).sum(), x, create_graph=True)
    gradient = gradient.flatten(1)
    return gradient.float() if gradient.dtype in (torch.float16, torch.bfloat16) else gradient
