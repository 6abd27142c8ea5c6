"""The learned columns of a table as plain arrays, for whoever counts, cuts or measures them.

    number, date    float64, NaN where missing
    category        0 missing, 1 … n the schema's categories in their order, n + 1 any other value
    features        numbers as they are, categories by their code, NaN where missing: what gradient boosting takes
    Bins            every column as a category: numbers and dates in tenths of the real ones

Rows keep to the schema of the *real* rows, so both sides of a comparison are cut at the same places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from ganforge.data.schema import NUMERIC, Column, Schema, ticks
from ganforge.data.table import conform
from ganforge.errors import UnsuitableDataError

TENTHS = 10
_CATEGORIES = 250  # boosting splits at most 255 groups at once; rarer ones are taken together


def learned_columns(real: pd.DataFrame, schema: Schema | None = None) -> Schema:
    """The columns that a model learns; inferred from the real rows when there is no schema.

    Raises `UnsuitableDataError` when there is none: all are constant, identifiers or free text.
    """
    schema = Schema.infer(real, source="real rows") if schema is None else schema
    learned = Schema(tuple(column for column in schema if column.learned))
    if not len(learned):
        raise UnsuitableDataError("every column is constant, an identifier or free text; there is nothing to compare")
    return learned


def numbers_of(series: pd.Series, column: Column) -> np.ndarray:
    """(N,) float64 of a conformed numeric column, NaN where missing; dates as ticks since 1970."""
    if column.kind != "datetime":
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(series.isna(), np.nan, ticks(series).astype(np.float64))


def codes_of(series: pd.Series, column: Column) -> np.ndarray:
    """(N,) int64 of a conformed column of categories: 0 missing, 1 … n, and n + 1 for a value the schema has not."""
    known = pd.Index(list(column.categories), dtype=object)
    codes = known.get_indexer(pd.Index(series.astype(object))).astype(np.int64) + 1
    codes[codes == 0] = len(known) + 1
    codes[series.isna().to_numpy()] = 0
    return codes


def features_of(frame: pd.DataFrame, schema: Schema) -> np.ndarray:
    """(N, K) float64 of a conformed frame: numbers as they are, categories by their code, NaN where missing."""
    columns = []
    for column in schema:
        series = pd.Series(frame[column.name])
        if column.kind in NUMERIC:
            columns.append(numbers_of(series, column))
        else:
            codes = codes_of(series, column)
            columns.append(np.where(codes == 0, np.nan, np.minimum(codes, _CATEGORIES)))
    return np.column_stack(columns)


@dataclass(frozen=True, eq=False)
class Bins:
    """How each of K columns becomes one of `widths` whole numbers, 0 for missing."""

    schema: Schema
    """The K learned columns."""
    edges: tuple[np.ndarray | None, ...]
    """Numeric columns: where they are cut, ascending; None for categories."""

    @classmethod
    def of(cls, real: pd.DataFrame, schema: Schema | None = None, *, bins: int = TENTHS) -> Self:
        """Cut numbers at the quantiles of the real rows into at most `bins` parts of as many rows each.

        A value that fills more than one part, as zero often does, gets a part of its own.
        """
        learned = learned_columns(real, schema)
        real = conform(real, learned, source="real rows")
        edges = tuple(
            _edges(numbers_of(pd.Series(real[column.name]), column), bins) if column.kind in NUMERIC else None
            for column in learned
        )
        return cls(learned, edges)

    @property
    def widths(self) -> np.ndarray:
        """(K,) how many different codes each column may have, missing and unknown values among them."""
        return np.array(
            [
                len(column.categories) + 2 if edges is None else len(edges) + 2
                for column, edges in zip(self.schema, self.edges, strict=True)
            ]
        )

    def codes(self, frame: pd.DataFrame, *, conformed: bool = False) -> np.ndarray:
        """(K, N) int64, a column of the frame a row. `conformed`: the frame is known to keep to the schema already."""
        frame = frame if conformed else conform(frame, self.schema)
        codes = np.empty((len(self.schema), len(frame)), dtype=np.int64)
        for k, (column, edges) in enumerate(zip(self.schema, self.edges, strict=True)):
            series = pd.Series(frame[column.name])
            if edges is None:
                codes[k] = codes_of(series, column)
            else:
                numbers = numbers_of(series, column)
                codes[k] = np.where(np.isnan(numbers), 0, 1 + np.searchsorted(edges, numbers, side="left"))
        return codes


def _edges(numbers: np.ndarray, bins: int) -> np.ndarray:
    """A part reaches from above one edge up to the next, that one included."""
    known = numbers[~np.isnan(numbers)]
    if not len(known):
        return np.zeros(0)
    cuts, times = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1]), return_counts=True)
    return np.union1d(cuts, np.nextafter(cuts[times > 1], -np.inf))


def some_rows(frame: pd.DataFrame, n: int, rng: np.random.Generator) -> pd.DataFrame:
    """At most `n` of the rows, in random order."""
    return frame.iloc[rng.permutation(len(frame))[:n]].reset_index(drop=True)
