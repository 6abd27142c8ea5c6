"""How two columns hang together, as one number a pair.

    numbers, numbers        Spearman's rank correlation (−1 … 1), over rows where both are there
    categories, categories  Cramér's V (0 … 1), corrected for its bias at few rows (Bergsma 2013,
                            doi:10.1016/j.jkss.2012.10.002)
    number, category        mutual information of the category and the number's tenth over √(H₁ · H₂) (0 … 1)

Beside real rows and held-out ones: whether the synthetic rows keep it. Beyond one number a pair, the joint shares are
held against each other cell by cell (`pairs.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ganforge.data.schema import NUMERIC, Schema
from ganforge.quality.coding import Bins, numbers_of
from ganforge.quality.pairs import PairShares
from ganforge.quality.wording import figure, ratio, times

CORRELATION, CRAMER, INFORMATION = "rank correlation", "Cramér's V", "mutual information"
_MOST = 100  # categories of a column that are told apart; those beyond are counted together


@dataclass(frozen=True, kw_only=True, slots=True)
class PairFidelity:
    """Two columns: how they hang together in real, synthetic and held-out rows."""

    first: str
    second: str
    measure: str
    real: float
    synthetic: float
    held_out: float
    joint: float
    """Total variation of the joint shares, synthetic against real: 0 the same, 1 nothing in common."""
    joint_floor: float
    """The same, held-out against real."""
    sentence: str

    @property
    def difference(self) -> float:
        return abs(self.synthetic - self.real)

    @property
    def floor(self) -> float:
        return abs(self.held_out - self.real)

    @property
    def ratio(self) -> float | None:
        """joint / joint_floor; None where the floor is 0."""
        return ratio(self.joint, self.joint_floor)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "difference": self.difference, "floor": self.floor, "ratio": self.ratio}


def pairs_beside(
    real: pd.DataFrame,
    synthetic: Sequence[pd.DataFrame],
    held_out: Sequence[pd.DataFrame],
    schema: Schema,
    *,
    most_pairs: int = 500,
    random_state: int = 0,
) -> tuple[PairFidelity, ...]:
    """Pairs of columns, those first whose joint shares lie furthest above their floor; none for a single column.

    synthetic, held_out: one draw of rows or several, all of one size; numbers are means over the draws. Of a table with
    more than `most_pairs` pairs, so many are drawn at random.
    """
    if len(schema) < 2:
        return ()
    shares = PairShares.of(real, schema, most_pairs=most_pairs, random_state=random_state)
    names = schema.names
    true = associations(real, shares.bins, shares.pairs).round(12)
    made, others = (
        [(associations(each, shares.bins, shares.pairs), shares.distances(each, conformed=True)) for each in side]
        for side in (synthetic, held_out)
    )
    (drawn, joint), (kept, joint_floor) = (np.mean(np.array(side), axis=0).round(12) for side in (made, others))
    found = []
    for k, (a, b) in enumerate(shares.pairs):
        measure = measure_of(schema, int(a), int(b))
        found.append(
            PairFidelity(
                first=names[a],
                second=names[b],
                measure=measure,
                real=float(true[k]),
                synthetic=float(drawn[k]),
                held_out=float(kept[k]),
                joint=float(joint[k]),
                joint_floor=float(joint_floor[k]),
                sentence=(
                    f"{names[a]} and {names[b]}: {measure} {figure(drawn[k])}, real rows {figure(true[k])}, other real "
                    f"rows {figure(kept[k])}; joint shares {figure(joint[k])} off, other real rows "
                    f"{figure(joint_floor[k])}: {times(joint[k], joint_floor[k])}"
                ),
            )
        )
    return tuple(sorted(found, key=lambda each: each.joint_floor - each.joint))


def measure_of(schema: Schema, first: int, second: int) -> str:
    """Which of the three measures two columns have."""
    numeric = sum(schema.columns[k].kind in NUMERIC for k in (first, second))
    return (CRAMER, INFORMATION, CORRELATION)[numeric]


def associations(frame: pd.DataFrame, bins: Bins, pairs: np.ndarray) -> np.ndarray:
    """(P,) the measure of each pair (P, 2) of columns of `bins`; 0 where a column does not vary.

    `frame` keeps to the schema of the bins.
    """
    schema = bins.schema
    codes = np.minimum(bins.codes(frame, conformed=True), _MOST)
    numbers = {
        k: numbers_of(pd.Series(frame[column.name]), column)
        for k, column in enumerate(schema)
        if column.kind in NUMERIC
    }
    whole = {k: stats.rankdata(values) for k, values in numbers.items() if not np.isnan(values).any()}
    found = np.empty(len(pairs))
    for k, (a, b) in enumerate(pairs):
        measure = measure_of(schema, int(a), int(b))
        if measure == CRAMER:
            found[k] = cramers_v(codes[a], codes[b])
        elif measure == INFORMATION:
            found[k] = shared_information(codes[a], codes[b])
        elif a in whole and b in whole:
            found[k] = _pearson(whole[a], whole[b])
        else:
            both = ~(np.isnan(numbers[a]) | np.isnan(numbers[b]))
            found[k] = _pearson(*(stats.rankdata(numbers[c][both]) for c in (a, b)))
    return found


def cramers_v(first: np.ndarray, second: np.ndarray, *, corrected: bool = True) -> float:
    """Cramér's V of two columns of whole numbers (N,); 0 where one does not vary.

    corrected: less what independence would show at so few rows, Bergsma's V~.
    """
    table = _contingency(first, second)
    rows, columns = table.shape
    n = table.sum()
    if min(rows, columns) < 2:
        return 0.0
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / n
    squared, most = float((np.square(table - expected) / expected).sum() / n), min(rows, columns) - 1
    if corrected:
        squared = max(0.0, squared - (rows - 1) * (columns - 1) / (n - 1))
        most = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return float(min(np.sqrt(squared / most), 1.0)) if most > 0 else 0.0


def shared_information(first: np.ndarray, second: np.ndarray) -> float:
    """Mutual information of two columns of whole numbers (N,) over the geometric mean of their entropies, 0 … 1."""
    table = _contingency(first, second)
    joint = table / table.sum()
    entropies = [stats.entropy(joint.sum(axis)) for axis in (0, 1)]
    if min(entropies) < 1e-12:
        return 0.0
    information = sum(entropies) - stats.entropy(joint.ravel())
    return float(np.clip(information / np.sqrt(entropies[0] * entropies[1]), 0.0, 1.0))


def _contingency(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Counts of the values that are there, (R, C)."""
    (rows, a), (columns, b) = (np.unique(each, return_inverse=True) for each in (first, second))
    counts = np.bincount(a * len(columns) + b, minlength=len(rows) * len(columns))
    return counts.reshape(len(rows), len(columns)).astype(np.float64)


def _pearson(first: np.ndarray, second: np.ndarray) -> float:
    if len(first) < 2:
        return 0.0
    a, b = first - first.mean(), second - second.mean()
    length = np.sqrt((a @ a) * (b @ b))
    return float(np.clip(a @ b / length, -1, 1)) if length > 0 else 0.0
