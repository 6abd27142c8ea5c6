"""How far one column of synthetic rows is from the real one: 0 the same, 1 nothing in common.

    numbers, dates      Kolmogorov–Smirnov: the largest gap between the two distribution functions
    categories          total variation: half the sum of |difference of shares|

Missing values count: as a category of their own, and for numbers as the gap of their shares, whichever is
larger. Numbers, no opinion: what is far is for the caller to say, who knows how far two samples of real rows
are.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from ganforge.data.schema import NUMERIC, Schema, ticks
from ganforge.data.table import conform
from ganforge.errors import UnsuitableDataError


def kolmogorov_smirnov(first: np.ndarray, second: np.ndarray) -> float:
    """sup |F₁ − F₂| of two samples (N,), (M,) without missing values. Raises `UnsuitableDataError` for an
    empty one."""
    if not len(first) or not len(second):
        raise UnsuitableDataError("two samples are compared, and one of them is empty; give at least one value each")
    first, second = np.sort(first), np.sort(second)
    places = np.concatenate([first, second])
    below_first = np.searchsorted(first, places, side="right") / len(first)
    below_second = np.searchsorted(second, places, side="right") / len(second)
    return float(np.abs(below_first - below_second).max())


def total_variation(first: Iterable, second: Iterable) -> float:
    """½ Σ |p − q| over the values of two samples; missing values are one value more."""
    p = pd.Series(list(first), dtype=object).value_counts(normalize=True, dropna=False)
    q = pd.Series(list(second), dtype=object).value_counts(normalize=True, dropna=False)
    if not len(p) or not len(q):
        raise UnsuitableDataError("two samples are compared, and one of them is empty; give at least one value each")
    return float(p.sub(q, fill_value=0.0).abs().sum() / 2)


def marginal_distances(synthetic: pd.DataFrame, real: pd.DataFrame, *, schema: Schema | None = None) -> pd.DataFrame:
    """One row a learned column, the worst first: `column`, `kind`, `measure`, `distance` (0–1).

    `schema` is inferred from the real rows when it is not given. Raises `UnknownNameError` for a column that
    is missing in the synthetic rows, `UnsuitableDataError` when one side has no rows.
    """
    schema = Schema.infer(real, source="real rows") if schema is None else schema
    learned = Schema(tuple(column for column in schema if column.learned))
    synthetic, real = conform(synthetic, learned, source="synthetic rows"), conform(real, learned, source="real rows")
    rows = []
    for column in learned:
        made, true = pd.Series(synthetic[column.name]), pd.Series(real[column.name])
        numeric = column.kind in NUMERIC
        distance = _numeric_distance(made, true) if numeric else total_variation(made, true)
        measure = "Kolmogorov–Smirnov" if numeric else "total variation"
        rows.append((column.name, column.kind, measure, distance))
    table = pd.DataFrame(rows, columns=pd.Index(["column", "kind", "measure", "distance"]))
    return table.sort_values("distance", ascending=False, kind="stable", ignore_index=True)


def _numeric_distance(made: pd.Series, true: pd.Series) -> float:
    if made.empty or true.empty:
        raise UnsuitableDataError("two samples are compared, and one of them is empty; give at least one row each")
    missing = abs(float(made.isna().mean()) - float(true.isna().mean()))
    made, true = made.dropna(), true.dropna()
    if made.empty or true.empty:
        return 0.0 if made.empty and true.empty else 1.0
    values = [ticks(each) if each.dtype.kind == "M" else each.to_numpy(dtype=np.float64) for each in (made, true)]
    return max(missing, kolmogorov_smirnov(*values))
