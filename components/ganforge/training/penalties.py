"""What holds a critic smooth. Pure functions, and always in float32.

Under mixed precision the squared norms of gradients overflow half precision and lose their differences in bfloat16, so
the critic is called with autocast off; under a full `bf16-true` the critic itself is bfloat16 and only the norm is
taken in float32. The closed form of `gradient_penalty_of_layers`, which is there for speed, multiplies its matrices in
whatever precision training runs in; there too the norm is taken in float32.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

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


def gradient_penalty_of_layers(weights: Sequence[Tensor], slopes: Sequence[Tensor], *, target: float = 1.0) -> Tensor:
    """`gradient_penalty` in closed form, for a critic of dense layers between which everything is piecewise linear.

    D(x) = w_L · s_{L−1} ⊙ (W_{L−1} ⋯ s_1 ⊙ (W_1 x + b_1)) + b_L, where unit i of layer k passes its pre-activation on
    times a slope s_ki: (leaky) ReLU's, dropout's 0 or 1/(1 − p), or both in one. A slope changes only where a
    pre-activation changes its sign, so that almost everywhere

        ∇_x D(x̂) = w_L diag(s_{L−1}) W_{L−1} ⋯ diag(s_1) W_1

    which needs no gradient to be taken, and one ordinary backward pass takes its gradient with respect to the weights.
    It hangs on x̂ through the slopes alone and on no bias at all.

    Multiplications, for B points, D features and L layers of h units: B·h·(D + (L − 2)·h) forward and twice that
    backward. Twice differentiating the critic takes 2 B·h·(D + (L − 2)·h) more: the forward pass at x̂ and a second
    matrix of the first layer's gradients. (‖v W_1‖² = v (W_1 W_1ᵀ) vᵀ would need no product with v of D columns, but
    h²·D for W_1 W_1ᵀ, and again backward: more, as long as B < h.)

    Args:
        weights: W_1 (h_1, D), W_2 (h_2, h_1), …, w_L (1, h_{L−1}), as `nn.Linear` keeps them.
        slopes: s_1 (B, h_1), …, s_{L−1} (B, h_{L−1}) at x̂; constants.
        target: 1 for Gulrajani et al. 2017, 0 for the zero-centred penalty.
    """
    if len(slopes) != len(weights) - 1:
        between = len(weights) - 1
        raise InputError(f"{len(weights)} layers have {between} sets of slopes between them, not {len(slopes)}")
    gradient = weights[-1]  # (1, h_{L−1})
    for weight, slope in zip(reversed(weights[:-1]), reversed(slopes), strict=True):
        gradient = (gradient * slope) @ weight  # (B, h_k) → (B, h_{k−1})
    return (_widened(gradient).norm(2, dim=1) - target).square().mean()


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
    return _widened(gradient.flatten(1))


def _widened(x: Tensor) -> Tensor:
    """In at least float32."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
