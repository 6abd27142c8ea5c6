"""From rows to what a report may show of them: shares a bin, bands over folds, alerts against findings.

Pure functions that a stage calls while it still holds the rows; what they return holds no row. Extremes and
rare categories would give single people away, so numeric bins end at the ½ % and 99½ % quantiles and categories
with fewer than `least` real rows are counted together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from ganforge.data.numerals import numbers_in
from ganforge_pipelines.report.parts import ColumnComparison, Curve, ScoreHistogram

OTHERS = "all others"
MISSING = "(missing)"


def compare_columns(
    real: pd.DataFrame,
    synthetic: pd.DataFrame,
    *,
    distances: Mapping[str, float],
    measures: Mapping[str, str] | None = None,
    floors: Mapping[str, float] | None = None,
    worst: int = 5,
    bins: int = 30,
    least: int = 10,
    of_day: Collection[str] = (),
) -> tuple[ColumnComparison, ...]:
    """The `worst` columns by `distances` (column → distance in [0, 1]), the worst first, binned for drawing.

    `measures` names each distance (unless given "KS distance" for numbers, "total variation" for categories);
    `floors` is the same distance of real rows that were held out. `of_day` names the columns that hold times of day, as
    moments of the first of January 1970.
    """
    names = sorted(distances, key=lambda name: (-distances[name], str(name)))[:worst]
    made = []
    for name in names:
        one, other = pd.Series(real[name]), pd.Series(synthetic[name])
        shape = _numeric_bins(one, other, bins) if _is_numeric(one) else _category_bins(one, other, least)
        if name in of_day and shape.get("dates"):
            shape |= {"dates": False, "of_day": True}
        measure = (measures or {}).get(name) or ("KS distance" if "edges" in shape else "total variation")
        made.append(
            ColumnComparison(
                name=str(name),
                distance=float(distances[name]),
                measure=measure,
                floor=None if floors is None or name not in floors else float(floors[name]),
                **shape,
            )
        )
    return tuple(made)


def band(
    name: str,
    lines: Sequence[tuple[Sequence[float], Sequence[float]]],
    *,
    grid: Sequence[float] | None = None,
    recommended: bool = False,
) -> Curve:
    """One curve out of the folds' (x, y) lines: their mean, lowest and highest on a common grid (0…1 by .02).

    Made for precision over recall: of several y at one x the largest counts.
    """
    x = np.linspace(0, 1, 51) if grid is None else np.asarray(grid, dtype=float)
    drawn = np.array([_on_grid(np.asarray(xs, float), np.asarray(ys, float), x) for xs, ys in lines])
    several = len(drawn) > 1
    return Curve(
        name=name,
        x=x.tolist(),
        y=drawn.mean(axis=0).tolist(),
        low=drawn.min(axis=0).tolist() if several else None,
        high=drawn.max(axis=0).tolist() if several else None,
        recommended=recommended,
    )


def found_curve(
    name: str,
    scores: Sequence[float],
    is_anomaly: Sequence[bool],
    *,
    day: Sequence[int] | None = None,
    points: int = 200,
) -> Curve:
    """Share of the anomalies found over alerts looked at, oddest first; with the `day` of each row over alerts a day.

    A day has its own alerts: at x the x oddest rows of every day have been looked at.
    """
    odd = np.asarray(is_anomaly, dtype=bool)
    rank = rank_within(np.asarray(scores, dtype=float), np.zeros(len(odd), int) if day is None else np.asarray(day))
    longest = int(rank.max(initial=0))
    hits = np.cumsum(np.bincount(rank[odd], minlength=longest + 1))
    few = np.geomspace(1, max(longest, 1), points)  # dense where budgets lie
    alerts = np.unique(np.concatenate([[0], few, np.linspace(0, longest, points)]).round().astype(int))
    found = hits[np.minimum(alerts, longest)] / max(hits[-1], 1)
    return Curve(name=name, x=alerts.astype(float).tolist(), y=found.tolist())


def rank_within(scores: np.ndarray, group: np.ndarray) -> np.ndarray:
    """(N,) int: 1 for the highest score of each row's group, 2 for the next; of equal ones the earlier row first."""
    order = np.lexsort((np.arange(len(scores)), -scores, group))
    begins = np.flatnonzero(np.append(True, group[order][1:] != group[order][:-1])) if len(order) else order
    sizes = np.diff(np.append(begins, len(order)))
    rank = np.empty(len(scores), dtype=np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(begins, sizes) + 1
    return rank


def score_histogram(
    detector: str,
    scores: Sequence[float],
    is_anomaly: Sequence[bool] | None = None,
    *,
    threshold: float | None = None,
    bins: int = 40,
    normal_name: str = "normal rows",
    anomalous_name: str = "anomalies",
    note: str = "",
) -> ScoreHistogram:
    """Shares of each class a bin; scores beyond the ½ % and 99½ % quantiles stand in the end bins."""
    values = np.asarray(scores, dtype=float)
    odd = np.zeros(len(values), bool) if is_anomaly is None else np.asarray(is_anomaly, dtype=bool)
    ends = [each for each in (values[~odd], values[odd]) if len(each)]
    low = min(float(np.quantile(each, 0.005)) for each in ends)
    high = max(float(np.quantile(each, 0.995)) for each in ends)
    if threshold is not None:
        low, high = min(low, threshold), max(high, threshold)
    log = low > 0 and high > 50 * low
    edges = _edges(low, high, bins, log=log)
    return ScoreHistogram(
        detector=detector,
        edges=edges.tolist(),
        normal=_shares(values[~odd], edges).tolist(),
        anomalous=_shares(values[odd], edges).tolist() if is_anomaly is not None and odd.any() else None,
        threshold=threshold,
        normal_name=normal_name if is_anomaly is not None else "all rows",
        anomalous_name=anomalous_name,
        hit=None if threshold is None or not odd.any() else float((values[odd] >= threshold).mean()),
        wrong=None if threshold is None or odd.all() else float((values[~odd] >= threshold).mean()),
        log=log,
        note=note,
    )


def _is_numeric(column: pd.Series) -> bool:
    if pd.api.types.is_bool_dtype(column) or isinstance(column.dtype, pd.CategoricalDtype):
        return False
    if pd.api.types.is_datetime64_any_dtype(column):
        return True
    return bool(pd.api.types.is_numeric_dtype(column)) and column.nunique(dropna=True) > 12


def _numeric_bins(real: pd.Series, synthetic: pd.Series, bins: int) -> dict:
    dates = bool(pd.api.types.is_datetime64_any_dtype(real))
    one, other = _floats(real, dates=dates), _floats(synthetic, dates=dates)
    if not len(one):
        return _category_bins(real, synthetic, 1)
    bins = max(min(bins, round(1.5 * len(one) ** 0.5)), 6)  # few rows in narrow bins are noise, and nearly rows
    low, high = (float(each) for each in np.quantile(one, [0.005, 0.995]))
    inside = one[(one >= low) & (one <= high)]
    spread = np.quantile(inside, [0.1, 0.9])
    log = not dates and low > 0 and spread[1] > 20 * max(spread[0], 1e-300)
    if not dates and not log and _is_whole(inside) and high - low < bins:
        edges = np.arange(np.floor(low), np.ceil(high) + 2) - 0.5
    else:
        edges = _edges(low, high, bins, log=log)
    return {
        "edges": edges.tolist(),
        "real": _shares(one, edges).tolist(),
        "synthetic": _shares(other, edges).tolist(),
        "log": log,
        "dates": dates,
    }


def _category_bins(real: pd.Series, synthetic: pd.Series, least: int, *, most: int = 9) -> dict:
    one, other = _texts(real), _texts(synthetic)
    counts = one.value_counts()
    kept = [str(name) for name, n in counts.items() if n >= least][:most]
    one, other = (each.where(each.isin(kept), OTHERS) for each in (one, other))
    both = pd.concat([one, other])
    labels = kept + ([OTHERS] if (both == OTHERS).any() else [])
    real_shares, synthetic_shares = (each.value_counts(normalize=True) for each in (one, other))
    return {
        "labels": [str(each) for each in labels],
        "real": [_share_of(real_shares, each) for each in labels],
        "synthetic": [_share_of(synthetic_shares, each) for each in labels],
    }


def _share_of(shares: pd.Series, name: str) -> float:
    return float(shares[name]) if name in shares.index else 0.0


def _texts(column: pd.Series) -> pd.Series:
    return column.astype(object).where(column.notna(), MISSING).map(str)


def _floats(column: pd.Series, *, dates: bool) -> np.ndarray:
    if dates:
        column = pd.to_datetime(column, errors="coerce", utc=True)
        seconds = (column - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
        return seconds.dropna().to_numpy(float)
    if not pd.api.types.is_numeric_dtype(column):
        column = numbers_in(column.dropna().map(str).str.strip())
    values = np.asarray(column, dtype=float)
    return values[np.isfinite(values)]


def _is_whole(values: np.ndarray) -> bool:
    return bool(np.all(values == np.round(values)))


def _edges(low: float, high: float, bins: int, *, log: bool) -> np.ndarray:
    if not high > low:
        half = max(abs(low) * 0.01, 0.5)
        low, high, log = low - half, high + half, False
    return np.geomspace(low, high, bins + 1) if log else np.linspace(low, high, bins + 1)


def _shares(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Share of the values a bin; what lies beyond the ends counts in the end bins."""
    if not len(values):
        return np.zeros(len(edges) - 1)
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), bins=edges)
    return counts / len(values)


def _on_grid(x: np.ndarray, y: np.ndarray, grid: np.ndarray) -> np.ndarray:
    order = np.lexsort((y, x))
    unique, last = np.unique(x[order][::-1], return_index=True)
    return np.interp(grid, unique, y[order][::-1][last])
