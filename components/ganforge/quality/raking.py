"""Weights of rows that give every column the shares it should have.

Raking, or iterative proportional fitting (Deming & Stephan 1940, doi:10.1214/aoms/1177731829): column after column,
rows are weighted by wanted share over present share, until all agree. What the columns say about each other stays as
the rows have it, so that two samples can be compared for how things hang together alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def raked(codes: np.ndarray, shares: Sequence[np.ndarray], *, rounds: int = 10) -> np.ndarray:
    """(N,) weights with mean 1 for rows whose columns are `codes` (K, N).

    shares: for each column the share wanted of each code (width,), adding up to 1. A code that no row has stays
    without weight, and so does the share it should have: the others are brought to theirs as nearly as can be.
    """
    weights = np.ones(codes.shape[1])
    for _ in range(rounds):
        for column, wanted in zip(codes, shares, strict=True):
            present = np.bincount(column, weights=weights, minlength=len(wanted)) / len(weights)
            factor = np.divide(wanted, present, out=np.zeros(len(wanted)), where=present > 0)
            weights *= factor[column]
        weights *= len(weights) / weights.sum()
    return weights
