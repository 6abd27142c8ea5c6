"""What the trials of one arm say together: its measures, its usual choice, and what is told beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ganforge.downstream.measures import MEASURES
from ganforge.downstream.search import Candidate
from ganforge.downstream.trials import Result


def measures_of(found: Sequence[Result]) -> dict[str, list[float]]:
    """By name, one value a fold."""
    return {name: [each.measures[name] for each in found] for name in MEASURES}


def usual_choice(found: Sequence[Result]) -> tuple[str, float | None]:
    """The classifier and ratio with the highest mean inner average precision over all folds that could choose.

    One fold's choice rests on few positives; over all of them it is steadier. Without inner folds: the first fold's.
    """
    tables = [dict(each.inner) for each in found if each.inner]
    if not tables:
        return found[0].classifier, found[0].ratio
    pairs = [pair for pair in tables[0] if all(pair in each for each in tables)]
    best = max(pairs, key=lambda pair: float(np.mean([each[pair] for each in tables])))
    return best.classifier, best.ratio


def details(found: Sequence[Result]) -> dict[str, Any]:
    """By fold: training rows added, copies dropped, seconds, thresholds; and over all of them: what was chosen how
    often, and how the probabilities keep what they say, as they come and recalibrated."""
    chosen = Counter(Candidate(each.classifier, each.ratio).key for each in found)
    return {
        "rows_added": [each.rows_added for each in found],
        "copies_dropped": [each.copies_dropped for each in found],
        "seconds": [round(each.seconds, 2) for each in found],
        "threshold": [each.threshold for each in found],
        "chosen": dict(chosen.most_common()),
        "reliability": _reliability([each.reliability[0] for each in found]),
        "reliability_recalibrated": _reliability([each.reliability[1] for each in found]),
    }


def _reliability(tables: Sequence[Any]) -> list[dict[str, float]]:
    """Bins that hold rows, over all folds: rows, mean probability, share of positives."""
    known = [np.asarray(each, dtype=np.float64) for each in tables if len(each)]
    if not known:
        return []
    return [
        {"rows": int(rows), "predicted": float(probability / rows), "observed": float(positives / rows)}
        for rows, probability, positives in np.sum(known, axis=0)
        if rows
    ]
