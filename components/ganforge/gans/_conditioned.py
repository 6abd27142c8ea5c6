"""A dense layer over vectors put side by side, one of which is a condition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class ConditionedLinear(nn.Module):
    """W·(x_1 ⊕ … ⊕ x_k ⊕ cond) + b as W_1·x_1 + … + W_k·x_k + W_c·cond + b.

    Nothing is put side by side, and the columns of W that belong to cond are looked up instead of multiplied.

    Attributes:
        weights: W_1 … W_k, (out, features_k) each. bias: b (out,). lookup: W_c transposed, (places, out), or None.
    """

    def __init__(self, features: Sequence[int], places: int, out: int) -> None:
        super().__init__()
        self.weights = nn.ParameterList(torch.empty(out, each) for each in features)
        self.bias = nn.Parameter(torch.empty(out))
        self.lookup = nn.Parameter(torch.empty(places, out)) if places else None
        bound = (sum(features) + places) ** -0.5  # as `nn.Linear(features + places, out)` starts
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, xs: Sequence[Tensor], places: Tensor | None) -> Tensor:
        """x_k (B, features_k); places (B,) or (B, j): the bits that stand in cond; None for no cond. (B, out)."""
        return _shifted_products(xs, self.shift(places), self.weights)

    def shift(self, places: Tensor | None) -> Tensor:
        """W_c·cond + b: (B, out), or (out,) without a cond."""
        return _looked_up(places, self.lookup, self.bias)

    @torch.no_grad()
    def folded(self, norm: nn.BatchNorm1d) -> Callable[[Sequence[Tensor], Tensor | None], Tensor]:
        """This layer and the batch norm that follows it as they now are in evaluation mode: γ (y − μ)/σ + β."""
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        weights = [weight * scale[:, None] for weight in self.weights]
        lookup = None if self.lookup is None else self.lookup * scale
        bias = (self.bias - norm.running_mean) * scale + norm.bias
        return lambda xs, places: _shifted_products(xs, _looked_up(places, lookup, bias), weights)


def _looked_up(places: Tensor | None, lookup: Tensor | None, bias: Tensor) -> Tensor:
    if lookup is None or places is None:
        return bias
    if places.ndim == 1:  # b is added to the few rows of the table, not to the many of the batch
        return (lookup + bias).index_select(0, places)
    return functional.embedding_bag(places, lookup, mode="sum").add_(bias)


def _shifted_products(xs: Sequence[Tensor], shift: Tensor, weights: Iterable[Tensor]) -> Tensor:
    """shift + Σ x_k W_kᵀ in what matrices are multiplied in; a shift (B, out) is used up."""
    dtype = products_type(shift)
    with torch.autocast(shift.device.type, enabled=False):
        return _SumOfProducts.apply(*(each.to(dtype) for each in (shift, *xs, *weights)))  # type: ignore[return-value]


def products_type(like: Tensor) -> torch.dtype:
    """What matrices are multiplied in: autocast's type where it is on, `like`'s otherwise."""
    device = like.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else like.dtype


class _SumOfProducts(torch.autograd.Function):
    """shift + Σ x_k W_kᵀ, added up in place; what autograd makes of a chain of `addmm` copies each sum on its way."""

    @staticmethod
    def forward(ctx: Any, shift: Tensor, *factors: Tensor) -> Tensor:
        count = len(factors) // 2
        xs, weights = factors[:count], factors[count:]
        ctx.rows = shift.ndim == 2
        if ctx.rows and len(shift) == len(xs[0]):
            ctx.mark_dirty(shift)
            y = shift.addmm_(xs[0], weights[0].t())
        else:
            y = torch.mm(xs[0], weights[0].t()).add_(shift)
        for x, weight in zip(xs[1:], weights[1:], strict=True):
            y.addmm_(x, weight.t())
        ctx.save_for_backward(*factors)
        return y

    @staticmethod
    def backward(ctx: Any, d_y: Tensor) -> tuple[Tensor | None, ...]:
        factors = ctx.saved_tensors
        shifts, *needed = ctx.needs_input_grad
        count = len(factors) // 2
        d_xs = [d_y @ w if need else None for w, need in zip(factors[count:], needed[:count], strict=True)]
        d_weights = [d_y.t() @ x if need else None for x, need in zip(factors[:count], needed[count:], strict=True)]
        d_shift = (d_y if ctx.rows else d_y.sum(0)) if shifts else None
        return d_shift, *d_xs, *d_weights
