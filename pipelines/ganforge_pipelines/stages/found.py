"""What detectors find within a budget on rows held out, and whether the first of them is really the first.

The detector that finds most is chosen on the rows it is measured on. How far to trust that choice is for a paired
test to say: McNemar's exact one (1947, doi:10.1007/BF02295996) over the anomalies that one detector finds and the
other does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import binom
from sklearn.metrics import average_precision_score, roc_auc_score

from ganforge_pipelines.stages.budget import Budget, wilson

NAMES: dict[str, str] = {"f-anogan": "f-AnoGAN", "isolation-forest": "isolation forest", "knn": "kNN"}
LEVEL = 0.9
"""Of the intervals; two detectors are told apart where chance alone makes such a gap in fewer than 1 − LEVEL cases."""


def figures_of(
    score: np.ndarray, truth: np.ndarray | None, budget: Budget, *, day: np.ndarray | None = None
) -> dict[str, Any]:
    """What one detector reaches on the rows held out; without labels only its threshold.

    score (N,), higher = odder; truth (N,) bool; day (N,) the calendar day of each row, for a budget a day.
    """
    figures: dict[str, Any] = {"threshold": budget.threshold(score, day=day)}
    if truth is not None:
        raised = budget.raised(score, day=day)
        found = int(truth[raised].sum())
        low, high = wilson(found, int(truth.sum()), level=LEVEL)
        figures |= {
            "average_precision": float(average_precision_score(truth, score)),
            "auroc": float(roc_auc_score(truth, score)),
            "recall_at_budget": found / int(truth.sum()),
            "recall_low": low,
            "recall_high": high,
            "precision_at_budget": found / len(raised),
            "found": found,
        }
    return figures


def best_of(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Most found within the budget, then the best order of all rows; without labels the first of the catalogue's."""
    if all("found" not in each for each in figures.values()):
        return next(iter(figures))
    return max(figures, key=lambda kind: _merit(figures[kind]))


def not_told_apart(
    scores: Mapping[str, np.ndarray],
    truth: np.ndarray,
    budget: Budget,
    figures: Mapping[str, Mapping[str, Any]],
    *,
    day: np.ndarray | None = None,
) -> tuple[list[str], dict[str, float]]:
    """(kinds that cannot be told from the best one, the nearest first; McNemar's p of each kind against the best)."""
    best = best_of(figures)
    found = {}
    for kind, score in scores.items():
        found[kind] = np.zeros(len(truth), dtype=bool)
        found[kind][budget.raised(score, day=day)] = True
        found[kind] &= truth
    others = sorted((kind for kind in scores if kind != best), key=lambda kind: _merit(figures[kind]), reverse=True)
    chance = {kind: mcnemar(found[best], found[kind]) for kind in others}
    return [kind for kind in others if chance[kind] > 1 - LEVEL], chance


def mcnemar(one: np.ndarray, other: np.ndarray) -> float:
    """Two-sided exact p that two (N,) bool differ by chance: a coin thrown for each row where they differ."""
    only_one, only_other = int((one & ~other).sum()), int((other & ~one).sum())
    return min(1.0, 2 * float(binom.cdf(min(only_one, only_other), only_one + only_other, 0.5)))


def sentence_of(
    figures: Mapping[str, Mapping[str, Any]],
    best: str,
    budget: Budget,
    facts: Mapping[str, Any],
    *,
    rows: int,
    alerts: int,
    alike: list[str],
) -> str:
    """The answer in one sentence. `alike`: kinds that cannot be told from the best."""
    name = name_of(best)
    if facts["label"] is None:
        threshold = f"{figures[best]['threshold']:.3g}"
        those = f"a threshold of {threshold} gives as many on average" if budget.per_day else f"those above {threshold}"
        return (
            f"{name} scored {rows:,} rows held out; within {budget} it raises {alerts:,} alerts, {those}. "
            "Without a label nobody can say how many of them are right."
        )
    whom = f"rows with {facts['positive']}"
    order = sorted((kind for kind in figures if kind != best), key=lambda kind: _merit(figures[kind]), reverse=True)
    told = [f"{name_of(kind)} {_share(figures[kind]['recall_at_budget'])}" for kind in order]
    rest = f", {', '.join(told)}" if told else ""
    doubt = f"; {alike_in_words(best, alike)}" if alike else ""
    return f"At {budget} {name} finds {_share(figures[best]['recall_at_budget'])} of the {whom}{rest}{doubt}."


def alike_in_words(best: str, alike: list[str]) -> str:
    """ "kNN and f-AnoGAN cannot be told apart"."""
    *names, last = (name_of(kind) for kind in (best, *alike))
    return f"{', '.join(names)} and {last} cannot be told apart"


def name_of(kind: str) -> str:
    """How a sentence calls a detector."""
    return NAMES.get(kind, kind)


def _merit(figures: Mapping[str, Any]) -> tuple[int, float]:
    return figures["found"], figures["average_precision"]


def _share(value: float) -> str:
    return f"{100 * value:.0f} %"
