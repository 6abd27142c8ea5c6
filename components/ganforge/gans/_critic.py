"""The critic's loss and its gradient in one piece: the Wasserstein distance and the gradient penalty of dense layers.

The critic is piecewise linear: unit i of hidden layer k passes its pre-activation on times a slope s_ki, (leaky) ReLU's
and dropout's in one, which is constant almost everywhere. At the real rows, at the fakes and at the points x̃ in
between, P of each, with F features and L layers:

    down  h_0 = x;  a_k = W_k h_{k−1} + b_k;  h_k = s_k ⊙ a_k;  D = w_L · h_{L−1} + b_L
    up    u_{L−1} = w_L ⊙ s_{L−1};  u_k = W_{k+1}ᵀ u_{k+1} ⊙ s_k                            u_k = ∂D/∂a_k

so the gradient that the penalty asks for is g = ∂D/∂x̃ = W_1ᵀ u_1, and nothing has to be differentiated twice. It hangs
on x̃ through the slopes alone and on no bias at all; its own way back leads through the layers downwards:

    t_0 = g;  t_k = W_k t_{k−1} ⊙ s_k        ½ ∂‖g‖²/∂W_k = u_k t_{k−1}ᵀ, as ∂D/∂W_k = u_k h_{k−1}ᵀ

Therefore one product gives a layer's whole gradient. With t in place of h at the points in between, and rows weighted

    r = −1/P at real rows, 1/P at fakes, λ·2/P·(1 − 1/‖g‖) in between:        ∂loss/∂W_k = Σ r u_k h_{k−1}ᵀ

The first layer is by far the most expensive, and its pre-activations at x̃ lie between those of the pair, ready to be
used. Of h_1·F multiplications each it takes 2P down, P for g, P for t_1 and 3P for ∂W_1: 7P. Differentiating twice
takes 10P: 3P down, P up, 2P for the second derivative and 4P for ∂W_1, which it writes three times instead of once.
(‖g‖² = u_1ᵀ (W_1 W_1ᵀ) u_1 would do without a product of F columns, but W_1 W_1ᵀ is h_1 rows' work: more, as long as
P < h_1.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ganforge.gans._conditioned import products_type

Slope = Callable[[Tensor], Tensor]
"""Pre-activations (n, h) → what each is multiplied by (n, h); may be drawn anew at each call."""


def critic_terms(
    real: Tensor,
    fake: Tensor,
    shift: Tensor,
    rho: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    slope: Slope,
) -> tuple[Tensor, Tensor]:
    """mean D(fake) − mean D(real), and mean (‖∂D/∂x̃‖₂ − 1)² at x̃ = ρ fake + (1 − ρ) real: two scalars.

    Gradients flow to `shift`, `weights` and `biases`. Under autocast, products are of its type; the norm is taken in
    float32 at least.

    Args:
        real, fake: (P, F) each, or in any shape of as many numbers, such as (P·p, F/p).
        shift: (P, h_1) or (h_1,), what stands in for b_1 at both rows of a pair.
        rho: (P, 1) in [0, 1].
        weights: W_1 (h_1, F), …, w_L (1, h_{L−1}), as `nn.Linear` keeps them; L ≥ 2. biases: b_2, …, b_L.
        slope: leaky ReLU's and dropout's.
    """
    dtype, shift = products_type(weights[0]), shift.expand(len(rho), -1)
    with torch.autocast(shift.device.type, enabled=False):
        inputs = (real, fake, shift, rho, slope, dtype, len(weights), *weights, *biases)
        return _CriticTerms.apply(*inputs)  # type: ignore[return-value]


class _CriticTerms(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        real: Tensor,
        fake: Tensor,
        shift: Tensor,
        rho: Tensor,
        slope: Slope,
        dtype: torch.dtype,
        layers: int,
        *given: Tensor,
    ) -> tuple[Tensor, Tensor]:
        cast = [each.to(dtype) for each in given]
        weights, biases = cast[:layers], cast[layers:]
        pairs = len(rho)
        ends, between = slice(0, 2 * pairs), slice(2 * pairs, 3 * pairs)

        h = shift.new_empty(3 * pairs, weights[0].shape[1], dtype=dtype)
        h[:pairs].view(real.shape).copy_(real)
        h[pairs : 2 * pairs].view(fake.shape).copy_(fake)
        first = torch.mm(h[ends], weights[0].t()).view(2, pairs, -1).add_(shift)
        a = torch.cat([first.view(2 * pairs, -1), torch.lerp(first[0], first[1], rho.to(dtype))])
        below, slopes = [h], []
        for weight, bias in zip(weights[1:], biases, strict=True):  # down
            slopes.append(slope(a))
            below.append(a.mul_(slopes[-1]))
            a = torch.addmm(bias, below[-1], weight.t())
        score_real, score_fake = _widened(a[ends]).view(2, pairs).mean(1)

        above = [weights[-1] * slopes[-1]]
        for weight, s in zip(reversed(weights[1:-1]), reversed(slopes[:-1]), strict=True):  # up
            above.insert(0, torch.mm(above[0], weight).mul_(s))
        t = torch.mm(above[0][between], weights[0], out=h[between])
        norm = _widened(t).norm(2, dim=1, keepdim=True)
        for weight, s, each in zip(weights, slopes, below[1:], strict=False):  # and down again, in between
            t = torch.mm(t, weight.t(), out=each[between]).mul_(s[between])

        ctx.save_for_backward(norm, *below, *above)
        ctx.types = shift.dtype, [each.dtype for each in given]
        return score_fake - score_real, (norm - 1).square().mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_wasserstein: Tensor, d_penalty: Tensor) -> tuple[Tensor | None, ...]:
        norm, *kept = ctx.saved_tensors
        pairs, layers = len(norm), (len(kept) + 1) // 2
        below, above = kept[:layers], kept[layers:]
        even = d_wasserstein.expand(pairs, 1) / pairs
        steep = d_penalty * (2 / pairs) * (1 - norm.clamp(min=1e-12).reciprocal())  # where ‖g‖ = 0, t is 0 as well
        r = torch.cat([-even, even, steep]).to(below[0].dtype)
        ups = [*(each * r for each in above), r]
        shift_type, types = ctx.types
        gradients = [torch.mm(u.t(), h) for u, h in zip(ups, below, strict=True)]  # of the weights
        gradients += [u[: 2 * pairs].sum(0) for u in ups[1:]]  # of the biases
        d_shift = ups[0][:pairs] + ups[0][pairs : 2 * pairs]
        cast = [each.to(dtype) for each, dtype in zip(gradients, types, strict=True)]
        return None, None, d_shift.to(shift_type), None, None, None, None, *cast


def _widened(x: Tensor) -> Tensor:
    """In at least float32."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
