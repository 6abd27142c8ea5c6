"""What is not smooth about a numeric column: values that many rows share, and columns that know a few values only.

    few     a column that is a few values and little else (years of schooling, an index once a quarter): each of them is
            a mode of its own, where the caller wants that
    spike   a value that stands out of all around it (no capital gain, an income capped at 99,999, −1 for "unknown"):
            a mode of its own, without width, which comes back as exactly that value
    grid    the values that a column keeps to (tariffs, deductions, billing days): what is generated between two of
            them becomes the nearer one

Both are told of values (U,) ascending without repetition and rows (U,), how often each stands.

None may give away a single row. A spike is a twentieth of the rows, one of few values at least ten rows. A grid
consists of values that `SHARED` rows have each, and only a column that consists of such values, nine tenths of it, has
one: of 400 incomes, 380 of them different, none is ever repeated on purpose.
"""

from __future__ import annotations

import numpy as np

SPIKE_SHARE = 0.05
"""Least share of a column's known rows in a spike."""
SPIKE_ROWS = 10
"""Least rows in a spike."""
SPIKE_RATIO = 5.0
"""Least ratio of a spike's rows to what a value nearby has, the median of `SPIKE_NEIGHBOURS` on either side."""
SPIKE_NEIGHBOURS = 8
FEW_SHARE = 0.002
"""Least share of a column's known rows in one of its few values; they have `SPIKE_ROWS`, too."""
FEW_COVER = 0.9
"""Least share of the known rows in all of the few values together."""
GRID = 2_048
"""Most values of a grid."""
SHARED = 5
"""Least rows of each value of a grid."""
GRID_SHARE = 0.9
"""Least share of a grid's values among the rows that are in no spike."""
_SPARSE = 2  # a grid says more than rounding does when it leaves out so many of the places that rounding allows


def spikes_of(values: np.ndarray, rows: np.ndarray, *, most: int) -> np.ndarray:
    """(P,) which of the values are spikes, the most frequent first, at most so many; never all of the values."""
    frequent = np.flatnonzero(rows >= max(SPIKE_SHARE * rows.sum(), SPIKE_ROWS))
    found = [at for at in frequent.tolist() if rows[at] >= SPIKE_RATIO * _around(rows, at)]
    found = sorted(found, key=lambda at: (-rows[at], at))[:most]
    return np.array(found[: len(values) - 1], dtype=np.int64)


def few_values(rows: np.ndarray, *, most: int) -> np.ndarray:
    """(P,) which of the values are those few that the column consists of; none where it consists of more than `most`.

    Never all of the values: the rarest is left to the smooth part.
    """
    frequent = np.flatnonzero(rows >= max(FEW_SHARE * rows.sum(), SPIKE_ROWS))
    found = frequent[np.argsort(-rows[frequent], kind="stable")][:most]
    return found[: len(rows) - 1] if rows[found].sum() >= FEW_COVER * rows.sum() else found[:0]


def _around(rows: np.ndarray, at: int) -> float:
    """The median, which spikes next to each other do not move; without any neighbour, infinity."""
    beside = np.concatenate([rows[max(at - SPIKE_NEIGHBOURS, 0) : at], rows[at + 1 : at + 1 + SPIKE_NEIGHBOURS]])
    return float(np.median(beside)) if len(beside) else np.inf


def grid_of(values: np.ndarray, rows: np.ndarray, spikes: np.ndarray, *, spacing: float | None) -> np.ndarray | None:
    """The values (G,) that a column keeps to, or None when it keeps to none.

    spikes: which of the values are spikes; they belong to the grid, but say nothing of whether there is one.
    spacing: the distance of two values that the column's rounding allows; None for no rounding. A grid that fills at
    least half of these places (ages, hours) is none: rounding alone does as well.
    """
    common = rows >= SHARED
    rest = np.ones(len(values), dtype=bool)
    rest[spikes] = False
    if not 2 <= common.sum() <= GRID or rows[rest & common].sum() < GRID_SHARE * rows[rest].sum():
        return None
    grid = values[common]
    with np.errstate(over="ignore"):
        places = np.inf if spacing is None else (grid[-1] - grid[0]) / spacing + 1
    return grid if places >= _SPARSE * len(grid) else None


def snapped(values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Each of the values (n,) as the nearest of the grid; what lies beyond its ends stays as it is."""
    above = np.clip(np.searchsorted(grid, values), 1, len(grid) - 1)
    low, high = grid[above - 1], grid[above]
    with np.errstate(over="ignore"):
        nearest = np.where(values - low <= high - values, low, high)
    return np.where((values >= grid[0]) & (values <= grid[-1]), nearest, values)
