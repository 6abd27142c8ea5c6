"""Can a classifier tell synthetic rows from real ones? .5: it cannot; 1: always.

The classifier two-sample test (Lopez-Paz & Oquab 2017, arXiv:1610.06545): label the real rows 0 and the synthetic
ones 1, train a classifier on a part and see how well it tells the rest apart. Here gradient boosting, which takes
numbers, gaps and categories as they are, every row scored once by a model that has not seen it, and the area under the
ROC curve in place of the accuracy, which hangs on no threshold. Use real rows that the generator has not been trained
on: of those it knows by heart none can be told.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, stats
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from ganforge.data.schema import NUMERIC, Schema
from ganforge.data.table import conform
from ganforge.errors import InputError, UnsuitableDataError
from ganforge.quality.coding import features_of, learned_columns

LEVEL = 0.9


@dataclass(frozen=True, kw_only=True, slots=True)
class Superiority:
    """P(a value of the second sample is larger) + ½ P(equal), with its interval."""

    share: float
    low: float
    high: float
    level: float = LEVEL

    def to_json(self) -> dict[str, float]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.share:.3f} ({self.level:.0%} between {self.low:.3f} and {self.high:.3f})"


def superiority(first: np.ndarray, second: np.ndarray, *, level: float = LEVEL) -> Superiority:
    """How often a value of `second` (M,) is larger than one of `first` (N,), ties counting half: the area under the
    ROC curve.

    The interval is the wider of DeLong's (1988, doi:10.2307/2531595), which knows no width where one sample lies wholly
    beyond the other, and Newcombe's method 5 (2006, doi:10.1002/sim.2324), which does.

    Raises `UnsuitableDataError` for a sample of fewer than two values.
    """
    share, deviation = _auc(first, second)
    found = _with_interval(share, deviation, level)
    low, high = (_lower_end(each, len(first), len(second), level) for each in (share, 1 - share))
    return Superiority(share=share, low=min(found.low, low), high=max(found.high, 1 - high), level=level)


def two_sample_auc(
    synthetic: pd.DataFrame,
    real: pd.DataFrame,
    *,
    schema: Schema | None = None,
    folds: int = 5,
    most_rows: int = 5_000,
    random_state: int = 0,
    level: float = LEVEL,
) -> Superiority:
    """Area under the ROC curve of a classifier that tells synthetic rows from real ones, cross-fitted.

    schema: inferred from the real rows when it is not given. folds: parts; each is scored by a model of the others.
    most_rows: of each side, drawn at random; as many of the one as of the other. The interval holds for rows drawn
    anew under these classifiers; it does not know how they would differ if trained on other rows.

    Raises `UnknownNameError` for a column missing in the synthetic rows, `UnsuitableDataError` for fewer than
    10 · `folds` rows on a side, `InputError` for fewer than 2 folds.
    """
    if folds < 2:
        raise InputError(f"folds={folds}; give at least 2")
    learned = learned_columns(real, schema)
    rng, n = np.random.default_rng(random_state), min(len(synthetic), len(real), most_rows)
    if n < 10 * folds:
        raise UnsuitableDataError(f"{n} rows a side are too few to be told apart in {folds} folds; give {10 * folds}")
    sides = [frame.iloc[rng.choice(len(frame), n, replace=False)] for frame in (real, synthetic)]
    features = np.vstack([features_of(conform(side, learned), learned) for side in sides])
    labels = np.repeat([0, 1], n)
    categorical = np.array([column.kind not in NUMERIC for column in learned])
    options: dict[str, Any] = {
        "categorical_features": categorical if categorical.any() else None,
        "early_stopping": False,
        "min_samples_leaf": min(20, max(2, n // 20)),  # of few rows, 20 to a leaf would leave nothing to split
        "max_leaf_nodes": 31 if n >= 400 else 6,
        "max_iter": 100 if n >= 400 else 50,
        "random_state": random_state,
    }
    parts = []
    # One thread: boosting's threads wait for one another in a loop, which costs most where cores are shared.
    with threadpool_limits(1):
        for train, test in StratifiedKFold(folds, shuffle=True, random_state=random_state).split(features, labels):
            model = HistGradientBoostingClassifier(**options).fit(features[train], labels[train])
            scores = model.predict_proba(features[test])[:, 1]
            parts.append(_auc(scores[labels[test] == 0], scores[labels[test] == 1]))
    shares, deviations = np.array(parts).T  # scores of different models are not compared with one another
    return _with_interval(float(shares.mean()), float(np.sqrt((deviations**2).sum()) / folds), level)


def _auc(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """The area and its standard deviation, from the placements of each value among the other sample's."""
    first, second = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if len(first) < 2 or len(second) < 2:
        raise UnsuitableDataError("two samples are compared, and one has fewer than two values; give more rows")
    above = _share_below(second, first)  # of each second value, the share of the first sample below it
    below = 1 - _share_below(first, second)
    return float(above.mean()), float(np.sqrt(above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below)))


def _lower_end(share: float, m: int, n: int, level: float) -> float:
    """The smallest area θ of which `share` is z standard deviations off at most, these being those at θ."""
    if share == 0:
        return 0.0
    z, more = float(stats.norm.ppf((1 + level) / 2)), (m + n) / 2 - 1

    def beyond(theta: float) -> float:
        factor = 1 + more * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return share - theta - z * math.sqrt(theta * (1 - theta) * factor / (m * n))

    bracket = (0.0, share * (1 - 1e-9))  # at 1 itself no deviation is left
    return float(optimize.root_scalar(beyond, bracket=bracket).root)


def _share_below(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    others = np.sort(others)
    return (np.searchsorted(others, values, "left") + np.searchsorted(others, values, "right")) / (2 * len(others))


def _with_interval(share: float, deviation: float, level: float) -> Superiority:
    if not 0 < level < 1:
        raise InputError(f"level={level}; give a number between 0 and 1")
    half = float(stats.norm.ppf((1 + level) / 2)) * deviation
    return Superiority(share=share, low=max(share - half, 0.0), high=min(share + half, 1.0), level=level)
