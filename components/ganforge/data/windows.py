"""How many, and how much, within a span of time before a moment, by group. Pure functions of arrays.

N events of groups g (N,) at moments t (N,), in no order; M questions of groups and moments. All in a few sorts and
binary searches over the whole array: no loop over groups, so that a million of them cost what one does.

Sums come out exact and in no way dependent on what lies outside of a window, so that a question has the same answer
whatever else is asked, and however much history is kept: the differences of running *float* sums would not.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

_FRACTION = 2.0**32


class Trails:
    """Events by group and moment, to be asked how many of a group lie before a moment.

    groups: (N,) int64, at least 0. moments: (N,) int64.
    """

    def __init__(self, groups: np.ndarray, moments: np.ndarray) -> None:
        self._moments, ranks = np.unique(moments, return_inverse=True)
        self._stride = len(self._moments) + 1  # ranks instead of moments: a group and a rank fit into one int64
        keys = groups.astype(np.int64) * self._stride + ranks
        self.order = np.argsort(keys, kind="stable")
        """(N,): the events, group after group, each in order of time."""
        self._keys = keys[self.order]

    def ask(self, groups: np.ndarray, moments: np.ndarray) -> Questions:
        """M questions (M,), (M,), in any order."""
        return Questions(self, groups, moments)


class Questions:
    """Asked of `Trails`: where a group's events before a moment end. Answers are places in `Trails.order`.

    The questions are sorted once, since a search goes many times faster where the last one ended.
    """

    def __init__(self, trails: Trails, groups: np.ndarray, moments: np.ndarray) -> None:
        self._trails = trails
        self._order = np.lexsort((moments, groups))
        self._begins = groups[self._order].astype(np.int64) * trails._stride
        self._moments, self._which = np.unique(moments[self._order], return_inverse=True)

    def before(self, ago: int = 0) -> np.ndarray:
        """(M,): the group's first event at or after the moment that lies `ago` before the one asked of."""
        return self._place(ago, "left")

    def until(self, ago: int = 0) -> np.ndarray:
        """(M,): the group's first event after that moment, those at the moment being passed."""
        return self._place(ago, "right")

    def _place(self, ago: int, side: Literal["left", "right"]) -> np.ndarray:
        ranks = np.searchsorted(self._trails._moments, self._moments - ago, side=side)[self._which]
        places = np.empty(len(self._order), dtype=np.int64)
        places[self._order] = np.searchsorted(self._trails._keys, self._begins + ranks, side="left")
        return places


class RunningSum:
    """Sums of values (N,) between two places: exact to 2⁻³² a value, the same whatever stands elsewhere.

    Whole parts and fractions are added up apart, in 64-bit integers. These wrap around without harm: what counts is
    that the sum of one window fits.
    """

    def __init__(self, values: np.ndarray) -> None:
        whole = np.floor(values)
        fraction = np.rint((values - whole) * _FRACTION).astype(np.int64)
        with np.errstate(over="ignore"):
            self._whole = np.concatenate([[0], np.cumsum(whole.astype(np.int64), dtype=np.int64)])
            self._fraction = np.concatenate([[0], np.cumsum(fraction, dtype=np.int64)])

    def between(self, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
        """(M,) float64: the sum of the values at places begin … end − 1."""
        with np.errstate(over="ignore"):
            whole = self._whole[end] - self._whole[begin]
            fraction = self._fraction[end] - self._fraction[begin]
        return whole + fraction / _FRACTION
