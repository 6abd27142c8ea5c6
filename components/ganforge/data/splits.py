"""Which rows to train on and which to test on. Pure functions of arrays, returning sorted row numbers.

Every pair (train, test) is disjoint. Rows of one group (exact duplicates, `twin_groups`), where groups are given, never
stand on both sides, and neither does an entity; a split by time has nothing in training that happened after the test
began, and leaves out of training what has a twin in the test.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportCallIssue=false

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from pandas.util import hash_pandas_object

from ganforge.data.table import Table
from ganforge.errors import InputError, UnsuitableDataError

Split = tuple[np.ndarray, np.ndarray]
"""Row numbers (int64, rising) to train on, and to test on."""


def stratified_split(
    y: Any, *, test_share: float = 0.2, random_state: int | None = 0, groups: Any | None = None
) -> Split:
    """Every class keeps its share on both sides, as nearly as whole rows (or groups) allow.

    y: (N,) classes. test_share: in (0, 1). groups: (N,) numbers of groups that stay together.
    A class of two groups or more stands on both sides. Raises `UnsuitableDataError` when there is but one group.
    """
    _check_share(test_share)
    codes, groups = _codes(y), _groups(groups, len(_codes(y)))
    order, sizes, strata = _shuffled_groups(codes, groups, random_state)
    _refuse_few(len(order), 2)
    test_groups: list[np.ndarray] = []
    for stratum in np.unique(strata):
        members = order[strata[order] == stratum]
        taken = _nearest(sizes[members], test_share * sizes[members].sum())
        test_groups.append(members[taken])
    chosen = np.concatenate(test_groups)
    if len(chosen) in (0, len(order)):  # every class is a single group: one of them goes to the other side
        chosen = order[:1]
    return _sides(np.isin(groups, chosen))


def time_split(time: Any, *, test_share: float = 0.2, gap: float = 0.0, groups: Any | None = None) -> Split:
    """Test on the last `test_share` of the rows by time, train on those more than `gap` before the first of them.

    time: (N,) numbers (seconds) or datetime64. gap: in seconds; how long a label takes to be known. Rows within the gap
    are on neither side. Rows of one moment are never torn apart. groups: (N,) numbers of groups; a row before the test
    with another of its group in the test is on neither side either, as in `folds`.
    Raises `UnsuitableDataError` when nothing is left to train on.
    """
    _check_share(test_share)
    time = as_seconds(time)
    _refuse_few(len(time), 2)
    ordered = np.sort(time)
    begin = ordered[min(len(time) - 1, max(1, round((1 - test_share) * len(time))))]
    return _without_twins(*_before_and_from(time, begin, np.inf, gap), _groups(groups, len(time)))


def entity_split(entity: Any, *, test_share: float = 0.2, random_state: int | None = 0) -> Split:
    """Test on entities (customers, patients) that training has never seen; rows as near `test_share` as they allow."""
    return stratified_split(
        np.zeros(len(entity), dtype=int), test_share=test_share, random_state=random_state, groups=_codes(entity)
    )


def folds(
    y: Any,
    *,
    k: int = 5,
    random_state: int | None = 0,
    time: Any | None = None,
    gap: float = 0.0,
    groups: Any | None = None,
) -> list[Split]:
    """k pairs (train, test).

    y: (N,) classes to stratify by, or N itself. Without `time` the k test sets cover all rows once. With `time` the
    rows in order are cut into k + 1 parts: fold j tests on part j + 1 and trains on all that lies more than `gap`
    seconds before it; groups may then leave rows out of training, where a twin of theirs is tested on.
    Raises `UnsuitableDataError` when there are fewer groups (or moments) than folds.
    """
    if k < 2:
        raise InputError(f"k={k} folds; give at least 2")
    n = int(y) if np.ndim(y) == 0 else len(y)
    codes = np.zeros(n, dtype=np.int64) if np.ndim(y) == 0 else _codes(y)
    groups = _groups(groups, n)
    if time is not None:
        return _time_folds(as_seconds(time), groups, k, gap)
    order, sizes, strata = _shuffled_groups(codes, groups, random_state)
    _refuse_few(len(order), k)
    fold_of = np.empty(len(order), dtype=np.int64)
    if (sizes == 1).all():
        # Dealing class after class round the table: no fold has more than one row more of a class than another.
        fold_of[order[np.argsort(strata[order], kind="stable")]] = np.arange(len(order)) % k
    else:
        _deal_by_size(fold_of, order, sizes, strata, k)
    by_row = fold_of[groups]
    return [_sides(by_row == fold) for fold in range(k)]


def duplicate_groups(frame: pd.DataFrame) -> np.ndarray:
    """(N,) int64: exact duplicates share a number. Missing values equal one another. Pass as `groups`."""
    hashed = hash_pandas_object(frame.reset_index(drop=True), index=False, categorize=True)
    groups = pd.factorize(hashed)[0].astype(np.int64)
    if groups.max(initial=-1) + 1 == len(frame):
        return groups
    # Two different rows may have one hash: look at those alone that share one.
    shared = np.flatnonzero(np.bincount(groups)[groups] > 1)
    among = frame.iloc[shared]
    exact = among.groupby(list(among.columns), dropna=False, sort=False, observed=True).ngroup().to_numpy()
    first = pd.Series(shared).groupby(exact).transform("first").to_numpy()
    result = np.arange(len(frame))
    result[shared] = first
    return pd.factorize(result)[0].astype(np.int64)


def twin_groups(table: Table, *, leave_out: Iterable[str] = ()) -> np.ndarray:
    """(N,) int64: rows that are the same to a model share a number. Pass as `groups`.

    Only columns that are learned count: a running number or a free text would make every row one of its own.
    leave_out: columns that are not compared either, such as the target: twins of different classes are twins.
    Without a column to compare every row is a group of its own.
    """
    left_out = set(leave_out)
    for name in left_out:
        table.column(name)
    names = [column.name for column in table.schema if column.learned and column.name not in left_out]
    return duplicate_groups(table.frame[names]) if names else np.arange(len(table), dtype=np.int64)


def as_seconds(time: Any) -> np.ndarray:
    """Numbers as they are, dates as seconds since 1970: (N,) float64. Raises `InputError` for a missing one."""
    values = pd.Series(time).reset_index(drop=True)
    if values.isna().any():
        raise InputError(
            f"the time of row {int(values.isna().to_numpy().argmax()) + 1} is missing; fill it in or leave it out"
        )
    if values.dtype.kind == "M":
        return values.to_numpy(dtype="datetime64[us]").astype(np.int64) / 1e6
    return values.to_numpy(dtype=np.float64)


# -- inside --------------------------------------------------------------------------------------------------------


def _time_folds(time: np.ndarray, groups: np.ndarray, k: int, gap: float) -> list[Split]:
    ordered = np.sort(time)
    begins = np.unique(ordered[[len(time) * j // (k + 1) for j in range(1, k + 1)]])
    if len(begins) < k or begins[0] == ordered[0]:
        raise UnsuitableDataError(
            f"{len(np.unique(time)):,} moments in {len(time):,} rows cannot be cut into {k + 1} parts by time; "
            "ask for fewer folds, or split without time"
        )
    pairs = []
    for begin, end in zip(begins, np.append(begins[1:], np.inf), strict=True):
        pairs.append(_without_twins(*_before_and_from(time, begin, end, gap), groups))
    return pairs


def _without_twins(train: np.ndarray, test: np.ndarray, groups: np.ndarray) -> Split:
    kept = train[~np.isin(groups[train], groups[test])]
    if not len(kept):
        raise UnsuitableDataError(
            f"each of the {len(train):,} rows before the test has a twin among those tested on, so none is left to "
            "train on; leave doubled rows out, or split without time"
        )
    return kept, test


def _before_and_from(time: np.ndarray, begin: float, end: float, gap: float) -> Split:
    if gap < 0:
        raise InputError(f"gap={gap} seconds; give 0 or more")
    train = np.flatnonzero(time < begin - gap) if gap else np.flatnonzero(time < begin)
    if not len(train):
        raise _nothing_before(begin, gap)
    return train, np.flatnonzero((time >= begin) & (time < end))


def _nothing_before(begin: float, gap: float) -> UnsuitableDataError:
    return UnsuitableDataError(
        f"no row lies more than {gap:,g} seconds before the test begins (at {begin:,.0f}); take a smaller gap, "
        "fewer folds, or more days of data"
    )


def _deal_by_size(fold_of: np.ndarray, order: np.ndarray, sizes: np.ndarray, strata: np.ndarray, k: int) -> None:
    """Largest groups first, each to the fold that has the fewest rows of its class so far (then fewest rows at all)."""
    filled = np.zeros((int(strata.max()) + 1, k))
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        stratum = strata[group]
        fold = np.lexsort((filled.sum(axis=0), filled[stratum]))[0]
        fold_of[group] = fold
        filled[stratum, fold] += sizes[group]


def _shuffled_groups(
    codes: np.ndarray, groups: np.ndarray, random_state: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The group numbers in random order, each group's rows, and each group's class: its rarest one."""
    sizes = np.bincount(groups)
    rarity = np.argsort(np.argsort(np.bincount(codes), kind="stable"), kind="stable")  # 0 for the rarest class
    strata = np.full(len(sizes), len(rarity))
    np.minimum.at(strata, groups, rarity[codes])
    return np.random.default_rng(random_state).permutation(len(sizes)), sizes, strata


def _nearest(sizes: np.ndarray, wanted: float) -> np.ndarray:
    """(N,) bool: each, one after another, that brings the sum nearer to `wanted`; of several neither all nor none."""
    taken, total, least = np.zeros(len(sizes), dtype=bool), 0, sizes.min()
    for k, size in enumerate(sizes.tolist()):
        if wanted - total <= least / 2:
            break
        if abs(total + size - wanted) < wanted - total:
            taken[k], total = True, total + size
    if len(sizes) > 1 and taken.all() == taken.any():
        taken[np.argmin(sizes)] ^= True
    return taken


def _sides(tested: np.ndarray) -> Split:
    return np.flatnonzero(~tested), np.flatnonzero(tested)


def _codes(values: Any) -> np.ndarray:
    return pd.factorize(np.asarray(values), use_na_sentinel=False)[0].astype(np.int64)


def _groups(groups: Any | None, n: int) -> np.ndarray:
    if groups is None:
        return np.arange(n)
    if len(groups) != n:
        raise InputError(f"{len(groups):,} groups for {n:,} rows; give one a row")
    return _codes(groups)


def _check_share(test_share: float) -> None:
    if not 0 < test_share < 1:
        raise InputError(f"test_share={test_share}; give a share between 0 and 1")


def _refuse_few(count: int, needed: int) -> None:
    if count < needed:
        raise UnsuitableDataError(f"{count} different rows (or groups of them) cannot be shared among {needed} sides")
