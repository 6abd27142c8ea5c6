"""What rows of the data would be asked for: the conditions that rows are drawn under when nobody asks for more.

A network that was trained to be asked for K columns together (`gans.conditional_batches`) is asked so when rows are
drawn too: for values that K columns have in one and the same real row. It then has them together as the data have
them, and makes the other columns to go with them. K = 1, as in the paper, asks for one value, as often as it is there.

Of no real row more than K of its codes are kept, those of columns drawn at random; a code of a number is its mode.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from ganforge.gans.ctgan import Conditions

VECTORS = 120_000  # kept over all conditions; a megabyte and a half for six columns
LEAST = 128  # kept for each condition: of fewer the other columns of a rare value would be less varied than they are
MOST = 8  # kept for each row with a condition, each time with other columns


class ConditionBank:
    """For each of the C conditions, K places that some rows with it have: it first, then K − 1 of other columns.

    Attributes:
        frequencies: (C,) how often each condition is met in the data.
        vectors: (M, K) places, int16 where they fit, sorted by their first; columns that a row lacks are "nothing
            more". (0, 1) for K = 1.
    """

    def __init__(self, conditions: Conditions, frequencies: np.ndarray, vectors: np.ndarray) -> None:
        self.conditions, self.frequencies, self.vectors = conditions, frequencies, vectors
        self._count = np.bincount(vectors[:, 0], minlength=conditions.width) if len(vectors) else None
        self._first = None if self._count is None else np.cumsum(self._count) - self._count

    @classmethod
    def of(cls, codes: Tensor, conditions: Conditions, *, seed: int) -> ConditionBank:
        """From the rows' codes (N, blocks)."""
        frequencies = conditions.counts(codes)
        if conditions.columns == 1:
            return cls(conditions, frequencies, np.zeros((0, 1), dtype=np.int32))
        rng, columns = np.random.default_rng((seed, 2)), codes.numpy()[:, conditions.blocks]
        share = np.sqrt(frequencies) / np.sqrt(frequencies).sum()
        wanted = np.minimum(np.maximum(np.round(share * VECTORS), LEAST), np.maximum(MOST * frequencies, LEAST))
        wanted = np.where(frequencies > 0, wanted, 0).astype(np.int64)
        parts = []
        for number, (start, width) in enumerate(zip(conditions.starts, conditions.widths, strict=True)):
            order = np.argsort(columns[:, number], kind="stable")[(columns[:, number] < 0).sum() :]
            begin = np.cumsum(frequencies[start : start + width]) - frequencies[start : start + width]
            value = np.repeat(np.arange(width), wanted[start : start + width])
            within = _spread(wanted[start : start + width], frequencies[start : start + width], rng)
            parts.append(_vectors(columns[order[begin[value] + within]], number, conditions, rng))
        short = conditions.width < np.iinfo(np.int16).max
        return cls(conditions, frequencies, np.concatenate(parts).astype(np.int16 if short else np.int32))

    def draw(self, anchors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Places (n,) → (n, K), the given one first, then others that rows with it have; (n, 1) for K = 1.

        An anchor that no row had stands alone.
        """
        if self._count is None or self._first is None:
            return anchors[:, None]
        some = (rng.random(len(anchors)) * self._count[anchors]).astype(np.int64)
        drawn = self.vectors[np.minimum(self._first[anchors] + some, len(self.vectors) - 1)].astype(np.int64)
        drawn[self._count[anchors] == 0, 1:] = self.conditions.width
        drawn[:, 0] = anchors
        return drawn


def _spread(wanted: np.ndarray, among: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For each value, `wanted` of the numbers below `among`, evenly: none twice before each has been once."""
    turn = np.arange(wanted.sum()) - np.repeat(np.cumsum(wanted) - wanted, wanted)  # 0 … wanted − 1 of each
    share = (turn + rng.random(len(turn))) / np.repeat(wanted, wanted)
    among = np.repeat(among, wanted)
    return np.minimum(share * among, among - 1).astype(np.int64)


def _vectors(rows: np.ndarray, number: int, conditions: Conditions, rng: np.random.Generator) -> np.ndarray:
    """Codes of rows (n, Nd) → places of column `number` and of K − 1 others, drawn anew for each row: (n, K)."""
    lots = rng.random(rows.shape)
    lots[:, number] = -1  # comes first
    chosen = np.argsort(lots, axis=1)[:, : conditions.columns]
    codes = np.take_along_axis(rows, chosen, axis=1)
    return np.where(codes >= 0, conditions.starts[chosen] + codes, conditions.width).astype(np.int32)
