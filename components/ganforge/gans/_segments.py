"""Choices among the columns of a matrix that belong together: Gumbel noise, and the softmax of each segment."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

TINY = torch.finfo(torch.float32).tiny


def gumbel_noise(
    shape: Sequence[int],
    *,
    device: torch.device | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Standard Gumbel numbers, −log(−log u): two logarithms are faster than a draw of exponentials."""
    uniform = torch.rand(*shape, device=device, generator=generator).clamp_(TINY, 1 - 2**-24)
    return uniform.log_().neg_().log_().neg_()


def segment_softmax(y: Tensor, segment: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Softmax of (B, D) within each of `count` segments, and each segment's log Σ exp (B, count).

    `segment` (D,) is the number of the segment that a place belongs to. All columns at once, whatever their widths:
    neither a loop over them nor padding to the widest.
    """
    lowest = y.new_full((len(y), count), -torch.inf)
    top = lowest.scatter_reduce(1, segment.expand(len(y), -1), y.detach(), "amax")  # no gradient: it cancels
    e = (y - top.index_select(1, segment)).exp()
    total = y.new_zeros(len(y), count).index_add(1, segment, e)
    return e / total.index_select(1, segment), top + total.log()
