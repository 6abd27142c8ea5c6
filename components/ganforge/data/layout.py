"""How an encoded table lies in a matrix: which of its D columns belong to which column of the table.

A numeric column becomes a *mixture* block (Xu et al. 2019, arXiv:1907.00503, §4.2): a scalar α in [−1, 1] and the
one-hot β of the mode it is measured in. A column of categories becomes a one-hot block. In the order of the blocks:

    mixture      [α, β_1 … β_w]      1 + w columns
    categorical  [o_1 … o_w]         w columns

A table is *kept* as scalars (n, S) and codes (n, B), which is small; it is expanded to (n, D) batch by batch.
n rows, B blocks, S of them mixtures, D columns. No pandas here: games use this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ganforge.errors import InputError

KINDS = ("mixture", "categorical")


@dataclass(frozen=True, slots=True)
class Block:
    """One column of the table as the network sees it. `width` counts the one-hot places alone, without α."""

    column: str
    kind: str
    width: int

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"block of column {self.column!r}: kind {self.kind!r}; there are {', '.join(KINDS)}")
        if self.width < 1:
            raise InputError(f"block of column {self.column!r}: width {self.width}; give at least 1")


class Span(NamedTuple):
    """Columns `start` to `stop` (excluded) of the matrix: block `block`'s scalar (tanh) or one-hot (softmax)."""

    block: int
    kind: str
    start: int
    stop: int


@dataclass(frozen=True)
class Layout:
    """The blocks in order, and every index that follows from them."""

    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "blocks", tuple(self.blocks))
        if not self.blocks:
            raise InputError("a layout without a block: there is no column to learn from")

    @cached_property
    def spans(self) -> list[Span]:
        """Each segment of the matrix in order, as (block index, "scalar" | "one_hot", start, stop)."""
        spans, at = [], 0
        for k, block in enumerate(self.blocks):
            if block.kind == "mixture":
                spans.append(Span(k, "scalar", at, at + 1))
                at += 1
            spans.append(Span(k, "one_hot", at, at + block.width))
            at += block.width
        return spans

    @property
    def width(self) -> int:
        """D, the columns of the expanded matrix."""
        return self.spans[-1].stop

    @cached_property
    def scalars(self) -> int:
        """S, the number of mixture blocks; scalar j belongs to the j-th of them."""
        return sum(block.kind == "mixture" for block in self.blocks)

    @cached_property
    def one_hots(self) -> list[Span]:
        """The one-hot span of every block, in order: B of them."""
        return [span for span in self.spans if span.kind == "one_hot"]

    @cached_property
    def scalar_positions(self) -> list[int]:
        """Where the S scalars stand in the matrix."""
        return [span.start for span in self.spans if span.kind == "scalar"]

    def expand(self, scalars: Tensor, codes: Tensor) -> Tensor:
        """(n, S) float and (n, B) whole numbers → (n, D) float32. Code −1 (never seen) gives an all-zero one-hot.

        Raises `InputError` when the shapes do not belong to this layout.
        """
        n = len(codes)
        if scalars.shape != (n, self.scalars) or codes.shape != (n, len(self.blocks)):
            raise InputError(
                f"scalars {tuple(scalars.shape)} and codes {tuple(codes.shape)} do not fit this layout; "
                f"give ({n}, {self.scalars}) and ({n}, {len(self.blocks)})"
            )
        starts, positions = self._indices(codes.device)
        # every block has columns of its own, so that no two codes of a row meet in one place
        matrix = torch.zeros(n, self.width, dtype=torch.float32, device=codes.device)
        matrix.scatter_(1, codes.clamp(min=0) + starts, (codes >= 0).float())
        return matrix.index_copy_(1, positions, scalars.float()) if self.scalars else matrix

    def collapse(self, matrix: Tensor) -> tuple[Tensor, Tensor]:
        """(n, D) → scalars (n, S) float32, codes (n, B) int64: the largest place of each one-hot.

        A one-hot that is exactly zero everywhere gives −1, so that `collapse(expand(s, c))` is (s, c).
        """
        if matrix.ndim != 2 or matrix.shape[1] != self.width:
            raise InputError(f"a matrix {tuple(matrix.shape)} does not fit this layout of width {self.width}")
        scalars = matrix.index_select(1, self._indices(matrix.device)[1]).float()
        columns = matrix.t().contiguous()  # (D, n): what follows runs along rows of the table, which is fast
        codes = torch.empty(len(self.blocks), len(matrix), dtype=torch.int64, device=matrix.device)
        for k, span in enumerate(self.one_hots):
            segment = columns[span.start : span.stop]  # (w, n)
            top = segment.amax(dim=0)
            # argmax, several times as fast as torch's: of the places that hold the largest, the first ranks highest
            rank = torch.arange(len(segment), 0, -1, dtype=torch.int32, device=matrix.device)[:, None]
            first = len(segment) - ((segment == top) * rank).amax(dim=0)
            codes[k] = first.masked_fill_((top == 0) & (segment.amin(dim=0) == 0), -1)
        return scalars, codes.t().contiguous()

    def _indices(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Where the B one-hots start and where the S scalars stand, int64; made once a device."""
        if device not in self._made:
            starts = torch.tensor([span.start for span in self.one_hots], device=device)
            self._made[device] = starts, torch.tensor(self.scalar_positions, dtype=torch.int64, device=device)
        return self._made[device]

    @cached_property
    def _made(self) -> dict[torch.device, tuple[Tensor, Tensor]]:
        return {}

    def to_json(self) -> dict[str, Any]:
        return {"blocks": [[block.column, block.kind, block.width] for block in self.blocks]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Layout:
        return cls(tuple(Block(str(name), str(kind), int(width)) for name, kind, width in document["blocks"]))
