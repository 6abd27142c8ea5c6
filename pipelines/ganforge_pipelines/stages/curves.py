"""Curves thinned to what a page can show."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import precision_recall_curve

POINTS = 200


def precision_recall(truth: np.ndarray, score: np.ndarray, *, points: int = POINTS) -> tuple[list[float], list[float]]:
    """(recall, precision), recall rising, at most `points` of each."""
    precision, recall, _ = precision_recall_curve(truth, score)
    keep = thinned(len(recall), points)
    return recall[::-1][keep].tolist(), precision[::-1][keep].tolist()


def thinned(length: int, points: int = POINTS) -> np.ndarray:
    """At most `points` indices of `range(length)`, evenly, the first and the last among them."""
    if length <= points:
        return np.arange(length)
    return np.unique(np.linspace(0, length - 1, points).round().astype(int))
