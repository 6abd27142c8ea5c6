"""Splits: what must hold for any data, and the shares by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganforge.data.splits import (
    as_seconds,
    duplicate_groups,
    entity_split,
    folds,
    stratified_split,
    time_split,
    twin_groups,
)
from ganforge.data.table import Table
from ganforge.errors import InputError, UnknownNameError, UnsuitableDataError

MODEST = settings(max_examples=40, deadline=None)
labels = st.lists(st.integers(0, 2), min_size=12, max_size=80)


def disjoint_and_covering(pair, n):
    train, test = pair
    assert len(train)
    assert len(test)
    assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(n))


@MODEST
@given(labels, st.floats(0.1, 0.9), st.integers(0, 99))
def test_stratified_split_covers_and_keeps_shares(y, share, seed):
    y = np.array(y)
    train, test = stratified_split(y, test_share=share, random_state=seed)
    disjoint_and_covering((train, test), len(y))
    for value, count in zip(*np.unique(y, return_counts=True), strict=True):
        if count > 1:
            assert 1 <= (y[test] == value).sum() <= count - 1
            assert abs((y[test] == value).sum() - share * count) <= 1


@pytest.mark.parametrize(
    ("rows", "nearest"),
    [((95, 5), 5), ((90, 3, 3, 4), 10), ((50, 50), 50), ((60, 40), 40), ((10,) * 10, 20)],
)
@pytest.mark.parametrize("seed", range(8))
def test_one_large_customer_does_not_fill_the_test(rows, nearest, seed):
    """Of customers that stay whole, the rows tested on are as near a fifth as they come one after another."""
    customer = np.repeat(np.arange(len(rows)), rows)
    train, test = entity_split(customer, random_state=seed)
    disjoint_and_covering((train, test), len(customer))
    assert not set(customer[train]) & set(customer[test])
    assert len(test) == nearest


@MODEST
@given(labels, st.integers(2, 5), st.integers(0, 99))
def test_folds_cover_once_and_deal_every_class_evenly(y, k, seed):
    y = np.array(y)
    pairs = folds(y, k=k, random_state=seed)
    assert np.array_equal(np.sort(np.concatenate([test for _, test in pairs])), np.arange(len(y)))
    for pair in pairs:
        disjoint_and_covering(pair, len(y))
    for value in np.unique(y):
        counts = [(y[test] == value).sum() for _, test in pairs]
        assert max(counts) - min(counts) <= 1


@MODEST
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 14)), min_size=20, max_size=80), st.integers(0, 99))
def test_groups_never_stand_on_both_sides(rows, seed):
    y, groups = np.array(rows).T
    if len(np.unique(groups)) < 3:
        return
    pairs = [*folds(y, k=3, random_state=seed, groups=groups), stratified_split(y, random_state=seed, groups=groups)]
    pairs.append(entity_split(groups, random_state=seed))
    for train, test in pairs:
        disjoint_and_covering((train, test), len(y))
        assert not set(groups[train]) & set(groups[test])


@MODEST
@given(st.lists(st.integers(0, 1_000), min_size=20, max_size=80), st.floats(0, 50))
def test_time_comes_first_and_the_gap_lies_between(time, gap):
    time = np.array(time)
    try:
        train, test = time_split(time, gap=gap)
    except UnsuitableDataError:
        begin = np.sort(time)[round(0.8 * len(time))]
        assert not (time < begin - gap).any()
        return
    assert time[train].max() + gap < time[test].min()
    assert np.array_equal(test, np.flatnonzero(time >= time[test].min()))  # no moment is torn apart
    left_out = np.setdiff1d(np.arange(len(time)), np.concatenate([train, test]))
    assert (time[left_out] >= time[test].min() - gap).all()


def test_time_folds_walk_forward_with_a_gap():
    time = np.random.default_rng(0).permutation(120).astype(float)
    pairs = folds(np.zeros(120), k=5, time=time, gap=7)
    assert len(pairs) == 5
    for train, test in pairs:
        assert time[train].max() + 7 < time[test].min()
        assert len(test) == 20
    tested = np.concatenate([test for _, test in pairs])
    assert len(np.unique(tested)) == len(tested)
    assert set(time[tested]) == set(range(20, 120))


def test_time_folds_keep_twins_apart():
    time = np.arange(60.0)
    groups = np.arange(60) % 25  # rows 25 and 50 after one another are twins
    for train, test in folds(60, k=3, time=time, groups=groups):
        assert not set(groups[train]) & set(groups[test])


def test_a_split_by_time_keeps_twins_apart():
    groups = np.r_[0:10, 3, 3, 10:17, 5]
    train, test = time_split(np.arange(20.0), groups=groups)
    assert list(test) == [16, 17, 18, 19]
    assert list(train) == [each for each in range(16) if each != 5]  # 3, 10 and 11 are twins, all before the test
    with pytest.raises(UnsuitableDataError, match="has a twin among those tested on"):
        time_split(np.arange(20.0), groups=np.zeros(20, dtype=int))


def test_the_same_seed_gives_the_same_folds_and_another_does_not():
    y = np.arange(60) % 2
    first, again, other = (folds(y, k=3, random_state=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a[1], b[1]) for a, b in zip(first, other, strict=True))


@MODEST
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 1.5, np.nan]), st.sampled_from(["a", "b", None])), min_size=1, max_size=30)
)
def test_duplicates_are_equal_rows_and_no_others(rows):
    frame = pd.DataFrame(rows, columns=["number", "text"]).astype({"text": object})
    groups = duplicate_groups(frame)
    keys = [(repr(float(number)), text) for number, text in rows]
    for i in range(len(rows)):
        for j in range(i):
            assert (groups[i] == groups[j]) == (keys[i] == keys[j])


def test_twins_are_found_under_a_running_number_and_a_note():
    """What no model learns from does not make two rows different; neither does the target."""
    values = np.tile(np.arange(30) + 0.5, 2)
    frame = pd.DataFrame({"payment_id": np.arange(60) + 100, "amount": values, "target": np.arange(60) // 30})
    frame["note"] = [f"a note of more than three words, number {k}" for k in range(60)]
    table = Table.of(frame)
    assert table.schema.of_kind("identifier", "text") == ("payment_id", "note")
    groups = twin_groups(table, leave_out=["target"])
    assert len(np.unique(groups)) == 30
    assert np.array_equal(groups[:30], groups[30:])
    assert len(np.unique(twin_groups(table))) == 60
    assert len(np.unique(twin_groups(table, leave_out=["target", "amount"]))) == 60
    with pytest.raises(UnknownNameError, match="did you mean 'target'"):
        twin_groups(table, leave_out=["targets"])


def test_dates_are_seconds():
    dates = pd.to_datetime(["1970-01-02 00:00:00", "1970-01-01 00:00:01"])
    assert as_seconds(dates).tolist() == [86_400.0, 1.0]
    train, test = time_split(pd.Series(pd.date_range("2025-01-01", periods=10)), gap=86_400)
    assert (train.tolist(), test.tolist()) == (list(range(7)), [8, 9])


def test_what_cannot_be_split_says_why():
    with pytest.raises(UnsuitableDataError, match="smaller gap"):
        time_split(np.arange(10.0), gap=100)
    with pytest.raises(UnsuitableDataError, match="shared among"):
        folds(np.zeros(10), k=3, groups=np.zeros(10))
    with pytest.raises(UnsuitableDataError, match="2 moments in 40 rows"):
        folds(40, k=3, time=np.repeat([0.0, 1.0], 20))
    with pytest.raises(InputError, match="share between 0 and 1"):
        stratified_split([0, 1], test_share=1.0)
    with pytest.raises(InputError, match="one a row"):
        folds([0, 1, 0], k=2, groups=[1])
    with pytest.raises(InputError, match="at least 2"):
        folds(10, k=1)
    with pytest.raises(InputError, match="row 2 is missing"):
        as_seconds([1.0, None])
    with pytest.raises(InputError, match="0 or more"):
        time_split(np.arange(10.0), gap=-1)
