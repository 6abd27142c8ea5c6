"""What CTGAN is asked for, and the batches it is trained on: the condition vector and training-by-sampling.

Xu et al. 2019, arXiv:1907.00503, §4.3. The paper's condition vector is m_1 ⊕ … ⊕ m_Nd, one mask a discrete column, in
which exactly one bit stands; here that bit's *place* among the C = Σ|D_i| places is all that is ever stored.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ganforge.data.layout import Layout
from ganforge.errors import InputError
from ganforge.training.game import Batch


class Conditions:
    """The places of the condition vector: each discrete column's values, one after the other.

    `modes=True` lets the modes of numeric columns be asked for as well, as Zhao et al. 2021 (CTAB-GAN,
    arXiv:2102.08369, §3.2) do; the paper asks for values of discrete columns alone.

    Attributes:
        blocks: index in the layout of each column that can be asked for, (Nd,).
        widths: |D_i|, (Nd,).
        starts: place of each column's first value, (Nd,).
        width: C = Σ|D_i|; 0 when nothing can be asked for.
    """

    def __init__(self, layout: Layout, *, modes: bool = False) -> None:
        self.modes = modes
        self.blocks = [i for i, block in enumerate(layout.blocks) if modes or block.kind == "categorical"]
        self.widths = np.array([layout.blocks[i].width for i in self.blocks], dtype=np.int64)
        self.starts = np.concatenate([[0], np.cumsum(self.widths)[:-1]]).astype(np.int64)[: len(self.blocks)]
        self.width = int(self.widths.sum())

    def place(self, block: int, code: int) -> int:
        """The place of the bit for value `code` of the layout's block number `block`."""
        return int(self.starts[self.blocks.index(block)]) + code

    def counts(self, codes: Tensor) -> np.ndarray:
        """How many rows of `codes` (N, all blocks) have each value (C,); −1 (unseen) counts nowhere."""
        tallies = [
            np.bincount(code[code >= 0], minlength=width)
            for code, width in zip(codes[:, self.blocks].numpy().T, self.widths, strict=True)
        ]
        return np.concatenate(tallies) if tallies else np.zeros(0, dtype=np.int64)


class ConditionalBatches:
    """Training-by-sampling (§4.3): rows drawn, with replacement, so that rare values are seen as often as
    log- frequency says. Without a discrete column, rows are drawn uniformly and there is no condition.

    Args:
        scalars: (N, S) float32; codes: (N, blocks) integers; both as `Codec.encode` gives them.
        conditions: what is asked for, the game's.
        batch_size: rows a step on one device; may be larger than N.

    The batch of a step is a function of (seed, step, rank).
    """

    def __init__(self, scalars: Tensor, codes: Tensor, conditions: Conditions, *, batch_size: int) -> None:
        if not len(codes):
            raise InputError("there are no rows to draw batches from")
        self.scalars, self.codes, self._batch_size = scalars, codes, batch_size
        self.conditions = conditions
        columns = [codes[:, i].numpy() for i in self.conditions.blocks]
        counts = self.conditions.counts(codes)
        # rows sorted by value, column after column; `first` is where each value's rows begin
        seen = [np.flatnonzero(column >= 0) for column in columns]
        order = [rows[np.argsort(c[rows], kind="stable")] for rows, c in zip(seen, columns, strict=True)]
        self._rows = np.concatenate(order).astype(np.int32) if order else np.zeros(0, np.int32)
        self._first = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)[: len(counts)]
        self._counts = counts
        self._ladder = ladder(np.log1p(counts), self.conditions)

    @property
    def batch_size(self) -> int:
        return self._batch_size

    def draw(self, step: int, *, seed: int, rank: int = 0, world_size: int = 1) -> Batch:
        rng = np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, step, rank))))
        if not self.conditions.width:
            return self._take(rng.integers(len(self.codes), size=self._batch_size))
        columns = rng.integers(len(self.conditions.blocks), size=self._batch_size)
        places = climb(self._ladder, columns, rng)
        within = (rng.random(self._batch_size) * self._counts[places]).astype(np.int64)
        return self._take(self._rows[self._first[places] + within], condition=torch.from_numpy(places))

    def _take(self, rows: np.ndarray, **extras: Tensor) -> Batch:
        at = torch.from_numpy(rows.astype(np.int64, copy=False))
        return Batch(self.scalars[at], codes=self.codes[at].long(), **extras)


def ladder(weights: np.ndarray, conditions: Conditions) -> np.ndarray:
    """Cumulative shares of each discrete column's weights, column i lifted by i: (C,), so that one search
    serves all.

    Raises `InputError` when a column has no weight at all.
    """
    steps = np.empty(len(weights))
    for i, (start, width) in enumerate(zip(conditions.starts, conditions.widths, strict=True)):
        shares = np.cumsum(weights[start : start + width])
        if not shares[-1] > 0:
            raise InputError(f"discrete column number {i + 1} has no value that is ever seen")
        steps[start : start + width] = i + shares / shares[-1]
    return steps


def climb(steps: np.ndarray, columns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The place of a value of each of `columns` (n,), drawn by the weights of the `ladder`: (n,) int64."""
    lifted = columns + rng.random(len(columns))
    # i + u may round up to i + 1, which is the next column's
    return np.searchsorted(steps, np.minimum(lifted, np.nextafter(columns + 1.0, 0)), side="right")
