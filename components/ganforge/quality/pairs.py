"""How far two columns *together* are from the real ones: 0 the same, 1 nothing in common.

The joint shares of every pair of columns, numbers in tenths of the real ones, are held against those of the real rows
by total variation, ½ Σ |p − q|; the pair distance is the mean over all pairs. It sees what margins do not: that
pensioners do not work in sales. Two samples of the same rows are not at 0 either: hold a distance against that of
real rows that were held out.

    pair_distance(synthetic, real)
    shares = PairShares.of(real);  shares.distance(first);  shares.distance(second)     # the real rows counted once
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Self

import numpy as np
import pandas as pd

from ganforge.data.schema import Schema
from ganforge.errors import UnsuitableDataError
from ganforge.quality.coding import TENTHS, Bins
from ganforge.quality.raking import raked

_DENSE = 1 << 14  # cells of a pair's table that are counted in an array; larger ones by the cells that are not empty


def pair_distance(
    synthetic: pd.DataFrame, real: pd.DataFrame, *, schema: Schema | None = None, bins: int = TENTHS
) -> float:
    """Mean total variation of the joint shares of two columns, over all pairs; of a single column, its own.

    `schema` is inferred from the real rows when it is not given. Missing values are a value of their own. Raises
    `UnknownNameError` for a column that is missing in the synthetic rows, `UnsuitableDataError` when one side has no
    rows.
    """
    return PairShares.of(real, schema, bins=bins).distance(synthetic)


@dataclass(frozen=True, eq=False)
class PairShares:
    """The joint shares of P pairs of columns of one table, to hold other tables against."""

    bins: Bins
    pairs: np.ndarray
    """(P, 2) which columns."""
    cells: tuple[np.ndarray | None, ...]
    """For each pair the cells (one number each, ascending) that are not empty; None where all are counted."""
    shares: tuple[np.ndarray, ...]
    """For each pair the share of rows in those cells."""
    margins: tuple[np.ndarray, ...]
    """For each column the share of rows with each of its codes."""

    @classmethod
    def of(
        cls,
        real: pd.DataFrame,
        schema: Schema | None = None,
        *,
        bins: int = TENTHS,
        most_pairs: int | None = None,
        random_state: int = 0,
    ) -> Self:
        """Count the real rows.

        most_pairs: of a wide table, so many pairs drawn at random; None takes all of them.
        """
        cut = Bins.of(real, schema, bins=bins)
        codes, widths = cut.codes(real), cut.widths
        if not codes.shape[1]:
            raise UnsuitableDataError("there is no real row to compare with; give at least one")
        pairs = np.array(list(combinations(range(len(widths)), 2)) or [(0, 0)])
        if most_pairs is not None and len(pairs) > most_pairs:
            drawn = np.random.default_rng(random_state).choice(len(pairs), most_pairs, replace=False)
            pairs = pairs[np.sort(drawn)]
        cells, shares = [], []
        for a, b in pairs:
            joint, size = codes[a] * widths[b] + codes[b], int(widths[a] * widths[b])
            if size <= _DENSE:
                cells.append(None)
                shares.append(np.bincount(joint, minlength=size) / len(joint))
            else:
                filled, counts = np.unique(joint, return_counts=True)
                cells.append(filled)
                shares.append(counts / len(joint))
        margins = tuple(np.bincount(c, minlength=w) / len(c) for c, w in zip(codes, widths, strict=True))
        return cls(cut, pairs, tuple(cells), tuple(shares), margins)

    def distances(self, frame: pd.DataFrame, *, conformed: bool = False, mend_margins: bool = False) -> np.ndarray:
        """(P,) total variation of each pair.

        conformed: the frame is known to keep to the schema already. mend_margins: weight the rows so that each column
        alone has the real shares, and see what is left: how the columns hang together.
        """
        codes, widths = self.bins.codes(frame, conformed=conformed), self.bins.widths
        if not codes.shape[1]:
            raise UnsuitableDataError("there is no synthetic row to compare; give at least one")
        weights = raked(codes, self.margins) if mend_margins else None
        distances = np.empty(len(self.pairs))
        for k, ((a, b), cells, shares) in enumerate(zip(self.pairs, self.cells, self.shares, strict=True)):
            joint, each = codes[a] * widths[b] + codes[b], weights
            if cells is not None:
                place = np.minimum(np.searchsorted(cells, joint), len(cells) - 1)
                known = cells[place] == joint
                joint, each = place[known], None if weights is None else weights[known]
            made = np.bincount(joint, weights=each, minlength=len(shares)) / codes.shape[1]
            distances[k] = 1 - np.minimum(made, shares).sum()  # = ½ Σ |p − q|, as both add up to 1
        return np.maximum(distances, 0.0)  # 1 − Σ may fall a rounding error below

    def distance(self, frame: pd.DataFrame, *, conformed: bool = False, mend_margins: bool = False) -> float:
        """The mean of `distances`."""
        return float(self.distances(frame, conformed=conformed, mend_margins=mend_margins).mean())
