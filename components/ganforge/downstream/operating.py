"""Where to put the threshold, and what that costs: chosen on training rows, shown on rows held out.

A threshold chosen where it is measured looks cheaper than it is. So the training rows are scored by classifiers that
have not seen them, nor a twin or another row of their entity (cross-fitting), the cheapest threshold on those scores is
taken, and what it costs is counted on rows that neither classifier nor threshold has seen. Costs are Bahnsen's (2014,
doi:10.1109/ICMLA.2014.48): a missed positive costs its amount, an alert the cost of looking at it.

Where a generator's rows are trained on, the generator itself was trained once, on all training rows: its rows may tell
a classifier of positives that it is to score next. The more it memorises, the higher such scores, and the threshold
chosen on them. What that threshold then costs is counted on rows that the generator has not seen, either.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

from ganforge.downstream.intervals import LEVEL
from ganforge.downstream.measures import Costs, best_threshold
from ganforge.downstream.resampling import Protocol, inner_folds
from ganforge.errors import GanforgeWarning, UnsuitableDataError

GRID = 200
"""Thresholds that a curve is counted at, close together near 0, where the scores of a rare class lie."""
_DRAWS = 1_000
_DRAWS_OF_A_RANKING = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Operating:
    """A threshold and what comes of it on N rows held out."""

    threshold: float
    cost: float
    """Missed positives and alerts together, in the unit of the amounts."""
    low: float
    """The central `level` of the cost over rows drawn anew (Poisson bootstrap)."""
    high: float
    level: float
    nothing: float
    """Cost of never looking."""
    alert_cost: float
    alerts: int
    found: int
    rows: int
    positives: int
    curve: dict[str, list[float]]
    """`threshold`, `cost`, `alerts`, `found`, one value a threshold of the grid."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def cross_fitted(
    positive: np.ndarray,
    scored: Callable[[np.ndarray, np.ndarray], np.ndarray],
    protocol: Protocol,
    *,
    folds: int = 3,
    random_state: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Places of training rows (M,), and the score of each by a classifier that has not seen it (M,).

    positive: (N,) bool. scored: called with (places to train on, places to score), gives the scores of the latter.
    protocol: what stays together and what comes later, as in a judgement's inner folds; forward in time nothing comes
    before the first rows, so that they get no score: M < N. What `scored` adds by a generator that has seen all N rows
    has seen those to be scored, see above. Raises `UnsuitableDataError` where the rarer class is one group of rows.
    """
    splits, notice = inner_folds(positive, protocol, folds=folds, random_state=random_state)
    if not splits:
        fewest = int(min(positive.sum(), (~positive).sum()))
        raise UnsuitableDataError(
            f"{fewest} rows of the rarer class, that belong together, cannot be both trained on and held out: there is "
            "nothing to choose a threshold on"
        )
    if notice is not None:
        warnings.warn(
            "the threshold was chosen on random folds: forward in time some would lack a class",
            GanforgeWarning,
            stacklevel=2,
        )
    scores = [scored(train, test) for train, test in splits]
    return np.concatenate([test for _, test in splits]), np.concatenate(scores)


def operating(
    truth: np.ndarray, score: np.ndarray, costs: Costs, *, threshold: float, level: float = LEVEL, random_state: int = 0
) -> Operating:
    """What `threshold` and the others of the grid cost on rows held out: truth (N,) bool, score (N,) in [0, 1]."""
    grid = np.linspace(0, 1, GRID + 1) ** 3
    order = np.argsort(score, kind="stable")
    below = np.searchsorted(score[order], grid, side="left")  # rows that are no alert
    missed = np.append(0.0, np.cumsum(np.where(truth[order], costs.amount[order], 0.0)))[below]
    found = int(truth.sum()) - np.append(0, np.cumsum(truth[order]))[below]
    alerts = len(score) - below
    each = _cost_of_rows(truth, score >= threshold, costs)
    low, high = _interval(each, level, random_state)
    return Operating(
        threshold=float(threshold),
        cost=float(each.sum()),
        low=low,
        high=high,
        level=level,
        nothing=float(costs.amount[truth].sum()),
        alert_cost=float(costs.alert),
        alerts=int((score >= threshold).sum()),
        found=int((truth & (score >= threshold)).sum()),
        rows=len(truth),
        positives=int(truth.sum()),
        curve={
            "threshold": grid.tolist(),
            "cost": (missed + costs.alert * alerts).tolist(),
            "alerts": alerts.tolist(),
            "found": found.tolist(),
        },
    )


def cheapest_threshold(positive: np.ndarray, score: np.ndarray, costs: Costs) -> float:
    """The threshold of the lowest cost on these rows, in [0, 1]; .5 where looking never pays."""
    return float(np.clip(best_threshold(positive, score, costs), 0.0, 1.0))


def average_precision_interval(
    truth: np.ndarray, score: np.ndarray, *, level: float = LEVEL, random_state: int = 0
) -> tuple[float, float]:
    """The central `level` of the average precision over rows drawn anew (Poisson bootstrap)."""
    rng = np.random.default_rng(random_state)
    drawn = []
    for _ in range(_DRAWS_OF_A_RANKING):
        weights = rng.poisson(1.0, len(truth))
        if weights[truth].any() and weights[~truth].any():
            drawn.append(average_precision_score(truth, score, sample_weight=weights))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _cost_of_rows(truth: np.ndarray, alert: np.ndarray, costs: Costs) -> np.ndarray:
    return np.where(truth & ~alert, costs.amount, 0.0) + np.where(alert, costs.alert, 0.0)


def _interval(each: np.ndarray, level: float, random_state: int) -> tuple[float, float]:
    """Of the sum of (N,) costs; rows that cost nothing need not be drawn."""
    some = each[each > 0]
    if not len(some):
        return 0.0, 0.0
    rng = np.random.default_rng(random_state)
    sums = [float(rng.poisson(1.0, len(some)) @ some) for _ in range(_DRAWS)]
    low, high = np.quantile(sums, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
