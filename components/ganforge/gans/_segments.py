"""Choices among the places of a row that belong together: a column's one-hot, a number's mode.

Matrices stand upright in here, (D, B) with a row of the table in each column: what is summed over comes first, so that
every sum adds whole rows of memory, ten times as fast as the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ganforge.gans._noise import gumbel_noise


def gumbel_rows(
    logits: Tensor, segment: Tensor, count: int, scalars: Tensor, asked: Tensor | None, tau: float
) -> tuple[Tensor, Tensor]:
    """Logits (B, D) → rows (B, D), and how surprising what was asked for is (B,).

    At the places `scalars` (S,) a row has the logit's tanh, in each of the `count` segments otherwise a draw of the
    Gumbel-softmax at temperature `tau`: softmax((logits + noise) / τ). `segment` (D,) is the number of the segment that
    a place belongs to; a scalar is one of its own. All columns at once, whatever their widths: neither a loop over them
    nor padding to the widest.

    The surprise is −log d̂ where the one-hot was to have its bit: at the place `asked` (B,), or at several (B, k), whose
    surprises add up; all 0 without one, and −1 among them asks for nothing.
    """
    noise = gumbel_noise(logits.t().shape, device=logits.device)
    return gumbel_rows_at(logits, noise, segment, count, scalars, asked, tau)


def gumbel_rows_at(
    logits: Tensor, noise: Tensor, segment: Tensor, count: int, scalars: Tensor, asked: Tensor | None, tau: float
) -> tuple[Tensor, Tensor]:
    """`gumbel_rows` with the noise given (D, B), in whose type all is computed."""
    return _GumbelRows.apply(logits, noise, segment, count, scalars, asked, tau)  # type: ignore[return-value]


class _GumbelRows(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        noise: Tensor,
        segment: Tensor,
        count: int,
        scalars: Tensor,
        asked: Tensor | None,
        tau: float,
    ) -> tuple[Tensor, Tensor]:
        y = torch.empty_like(noise).copy_(logits.t())  # (D, B)
        numbers = y.index_select(0, scalars).tanh_()  # (S, B)
        y.add_(noise).div_(tau)
        lowest = y.new_full((count, y.shape[1]), -torch.inf)
        top = lowest.scatter_reduce_(0, segment[:, None].expand_as(y), y, "amax")
        y.sub_(top.index_select(0, segment))
        at = None if asked is None else asked.view(len(asked), -1).t()  # (k, B)
        chosen = None if at is None else y.gather(0, at.clamp(min=0))
        soft = y.exp_()
        total = torch.zeros_like(top).index_add_(0, segment, soft)
        soft.div_(total.index_select(0, segment))
        if at is None or chosen is None:
            surprise = y.new_zeros(y.shape[1])
        else:
            each = total.gather(0, segment[at.clamp(min=0)]).log_().sub_(chosen)
            surprise = each.masked_fill_(at < 0, 0).sum(0)
        ctx.save_for_backward(soft, numbers, segment, scalars, at)
        ctx.tau, ctx.count, ctx.dtype = tau, count, logits.dtype
        rows = soft.index_copy(0, scalars, numbers)
        return rows.t().contiguous(), surprise

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_rows: Tensor, d_surprise: Tensor) -> tuple[Tensor | None, ...]:
        """∂s_i/∂y_j = s_i (δ_ij − s_j) and ∂(−log s_a)/∂y_j = s_j − δ_aj, within a segment; ∂tanh = 1 − tanh²."""
        soft, numbers, segment, scalars, at = ctx.saved_tensors
        d_y = torch.empty_like(soft).copy_(d_rows.t())
        d_numbers = d_y.index_select(0, scalars).mul_(1 - numbers.square())
        d_y.mul_(soft)
        common = d_y.new_zeros(ctx.count, d_y.shape[1]).index_add_(0, segment, d_y).neg_()
        if at is not None:
            d_each = d_surprise.expand(at.shape).masked_fill(at < 0, 0)
            common.scatter_add_(0, segment[at.clamp(min=0)], d_each)
        d_y.addcmul_(soft, common.index_select(0, segment))
        if at is not None:
            d_y.scatter_add_(0, at.clamp(min=0), d_each.neg_())
        d_y.div_(ctx.tau).index_copy_(0, scalars, d_numbers)
        return d_y.t().to(ctx.dtype).contiguous(), None, None, None, None, None, None


def drawn_codes(logits: Tensor, spans: Sequence[tuple[int, int]], uniform: Tensor) -> Tensor:
    """One place of each segment, drawn from the softmax of its logits: (B, segments) int64, counted from 0.

    `logits` (D, B); `spans` of the segments, as (start, stop); `uniform` (segments, B) in [0, 1). By inverting the
    distribution function: a code is the number of partial sums that lie below u · Σ exp, and a segment takes one random
    number a row instead of as many as it is wide.
    """
    codes = logits.new_empty(len(spans), logits.shape[1])
    for code, (start, stop), u in zip(codes, spans, uniform, strict=True):
        segment = logits[start:stop]
        weights = (segment - segment.amax(0)).exp_()  # (w, B)
        left = weights.sum(0).mul_(u)
        code.fill_(stop - start - 1)
        for weight in weights[:-1]:
            code += left.sub_(weight).sign()  # 1 as long as more is left, then −1
    return codes.mul_(0.5).floor_().t().long()
