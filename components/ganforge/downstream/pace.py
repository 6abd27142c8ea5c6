"""How long the rest of a judgement will take, from what was fitted so far.

A generator's arm takes a hundred times as long as class weights: what is left is counted arm by arm.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def seconds_left(fitted: Iterable[tuple[str, float]], to_fit: Sequence[str], workers: int) -> float | None:
    """About so many seconds for the arms in `to_fit`, by as many `workers` at once.

    `fitted`: (arm, seconds) of each fit that is done. None as long as an arm has never been fitted.
    """
    seconds: dict[str, list[float]] = {}
    for arm, spent in fitted:
        seconds.setdefault(arm, []).append(spent)
    if any(arm not in seconds for arm in to_fit):
        return None
    return float(sum(np.mean(seconds[arm]) for arm in to_fit)) / max(workers, 1)


def left_in_words(seconds: float | None) -> str:
    """As in "about 4 min left" or "about 2.5 h left"; nothing where that is not known, or nothing is left."""
    if seconds is None or seconds < 0.5:
        return ""
    if seconds < 90:
        return f"about {seconds:.0f} s left"
    return f"about {seconds / 60:.0f} min left" if seconds < 5_400 else f"about {seconds / 3600:.1f} h left"
