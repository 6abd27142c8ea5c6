"""How near do synthetic rows come to the rows they were learned from? No nearer than real rows do that were held out.

The distance to the closest record of a row is that to the nearest training row. Where a generator knows rows by heart,
or mixes two neighbours as SMOTE does, its distances are smaller than those of rows that were never shown to it; smaller
in which share of the cases, and how sure that is, is what counts here. .5 is a new sample of the same population.

A row lies in a space where no unit and no outlier rules: a number at its rank among the training rows (0–1), a category
in a corner of its own, one apart from every other; a gap counts as a category. Two rows are √(Σ differences²) apart.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.metrics import pairwise_distances_argmin
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from ganforge.data.schema import NUMERIC, Schema
from ganforge.data.table import conform
from ganforge.errors import UnsuitableDataError
from ganforge.quality.coding import codes_of, learned_columns, numbers_of
from ganforge.quality.two_sample import LEVEL, Superiority, superiority

_CORNER = 0.5**0.5  # two one-hots that differ are √2 apart; scaled by this, 1


@dataclass(frozen=True, kw_only=True, slots=True)
class ClosestRecords:
    """Distances to the closest training row: of synthetic rows, and of real rows held out."""

    synthetic: float
    """Median."""
    held_out: float
    """Median."""
    nearer: Superiority
    """How often a synthetic row is nearer to its closest training row than a held-out row is to its own, a tie
    counting half. Above .5 by more than its interval: the generator gives training rows away."""

    @property
    def leaks(self) -> bool:
        """Are the synthetic rows nearer, beyond chance?"""
        return self.nearer.low > 0.5

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def closest_records(
    synthetic: pd.DataFrame,
    training: pd.DataFrame,
    held_out: pd.DataFrame,
    *,
    schema: Schema | None = None,
    most_rows: int = 2_000,
    random_state: int = 0,
    level: float = LEVEL,
) -> ClosestRecords:
    """Hold synthetic rows against held-out ones by their distance to the training rows.

    All training rows are looked through; of the others at most `most_rows`, drawn at random. `schema` is inferred from
    the training rows when it is not given.

    Raises `UnknownNameError` for a column that is missing on one side, `UnsuitableDataError` for fewer than two rows.
    """
    rng = np.random.default_rng(random_state)
    space = RowSpace.of(training, schema)
    sides = []
    for frame in (synthetic, held_out):
        rows = rng.choice(len(frame), min(len(frame), most_rows), replace=False)
        sides.append(space.distances(frame.iloc[rows]))
    made, true = sides
    return ClosestRecords(
        synthetic=float(np.median(made)),
        held_out=float(np.median(true)),
        nearer=superiority(made, true, level=level),
    )


@dataclass(frozen=True, eq=False)
class RowSpace:
    """The training rows as points, and how others become points among them."""

    schema: Schema
    ranks: tuple[np.ndarray | None, ...]
    """Numeric columns: the training values, sorted; None for categories."""
    points: np.ndarray
    """(N, D) float32."""

    @classmethod
    def of(cls, training: pd.DataFrame, schema: Schema | None = None) -> Self:
        """Raises `UnsuitableDataError` for fewer than two training rows."""
        learned = learned_columns(training, schema)
        if len(training) < 2:
            raise UnsuitableDataError(f"{len(training)} training rows have no neighbours; give at least 2")
        training = conform(training, learned, source="training rows")
        ranks: list[np.ndarray | None] = []
        for column in learned:
            if column.kind in NUMERIC:
                numbers = numbers_of(pd.Series(training[column.name]), column)
                ranks.append(np.sort(numbers[~np.isnan(numbers)]))
            else:
                ranks.append(None)
        return cls(learned, tuple(ranks), _points(training, learned, ranks))

    def place(self, frame: pd.DataFrame, *, conformed: bool = False) -> np.ndarray:
        """(M, D) float32: the rows as points of this space."""
        return _points(frame if conformed else conform(frame, self.schema), self.schema, self.ranks)

    def distances(self, frame: pd.DataFrame, *, conformed: bool = False) -> np.ndarray:
        """(M,) how far each row is from the nearest training row."""
        points = self.place(frame, conformed=conformed)
        with threadpool_limits(1):
            nearest = pairwise_distances_argmin(points, self.points)
        return _apart(points, self.points[nearest])

    def nearest_two(self, frame: pd.DataFrame, *, conformed: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """(M,), (M,) how far each row is from the nearest training row, and from the second nearest."""
        points = self.place(frame, conformed=conformed)
        with threadpool_limits(1):
            found = NearestNeighbors(n_neighbors=2, algorithm="brute").fit(self.points)
            nearest = found.kneighbors(points, return_distance=False)
        first, second = (_apart(points, self.points[nearest[:, k]]) for k in (0, 1))
        return np.minimum(first, second), np.maximum(first, second)

    def distances_within(self) -> np.ndarray:
        """(N,) how far each training row is from the nearest *other* one: what a new row of the same population is to
        expect, where none can be held out."""
        with threadpool_limits(1):
            nearest = NearestNeighbors(n_neighbors=1).fit(self.points).kneighbors(return_distance=False)
        return _apart(self.points, self.points[nearest[:, 0]])


def _points(frame: pd.DataFrame, schema: Schema, ranks: Any) -> np.ndarray:
    blocks = []
    for column, known in zip(schema, ranks, strict=True):
        series = pd.Series(frame[column.name])
        if known is None:
            codes = codes_of(series, column)
            blocks.append(_CORNER * (codes[:, None] == np.arange(len(column.categories) + 2)))
            continue
        numbers = numbers_of(series, column)
        missing, most = np.isnan(numbers), max(len(known), 1)
        low, high = (np.searchsorted(known, numbers, side) for side in ("left", "right"))
        rank = np.where(missing, 0.5, (low + high) / (2 * most))  # ties at the middle of their ranks
        blocks.append(rank[:, None])
        if column.missing:
            blocks.append(missing[:, None])
    return np.hstack(blocks).astype(np.float32)


def _apart(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Row by row, from the differences themselves: equal rows are at 0 exactly, and equal distances tie."""
    return np.sqrt(np.square(first.astype(np.float64) - second).sum(axis=1)).round(6)
