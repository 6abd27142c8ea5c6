"""Folds: entities and twins on one side, time forwards, repeats drawn anew."""

import numpy as np
import pytest

from ganforge.downstream.resampling import Protocol, inner_folds, joined, outer_folds
from ganforge.errors import InputError

RNG = np.random.default_rng(0)
POSITIVE = RNG.random(300) < 0.2


def test_groups_that_share_a_row_are_joined():
    entity = np.array([0, 0, 1, 1, 2, 3])
    twins = np.array([0, 1, 1, 2, 3, 4])  # rows 1 and 2 are twins: entities 0 and 1 belong together
    found = joined(entity, twins)
    assert len(set(found[:4])) == 1
    assert len(set(found)) == 3


def test_an_entity_never_stands_on_both_sides():
    entity = RNG.integers(0, 60, 300)
    protocol = Protocol(groups=joined(entity, np.arange(300)))
    for train, test in outer_folds(POSITIVE, protocol, folds=5, repeats=2, random_state=0):
        assert not set(entity[train]) & set(entity[test])
        inner, notice = inner_folds(POSITIVE[train], protocol.take(train), folds=3, random_state=0)
        assert len(inner) == 3
        assert notice is None
        for fit, held in inner:
            assert not set(entity[train][fit]) & set(entity[train][held])


def test_repeats_are_drawn_anew_and_each_covers_the_rows_once():
    pairs = outer_folds(POSITIVE, Protocol(groups=np.arange(300)), folds=5, repeats=3, random_state=0)
    assert len(pairs) == 15
    for repeat in range(3):
        tested = np.concatenate([test for _, test in pairs[5 * repeat : 5 * repeat + 5]])
        assert sorted(tested) == list(range(300))
    assert not np.array_equal(pairs[0][1], pairs[5][1])
    again = outer_folds(POSITIVE, Protocol(groups=np.arange(300)), folds=5, repeats=3, random_state=0)
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(pairs, again, strict=True))


def test_time_goes_forwards_inside_as_outside():
    protocol = Protocol(groups=np.arange(300), time=RNG.permutation(300) * 1.0, gap=5.0)
    for train, test in outer_folds(POSITIVE, protocol, folds=4, repeats=1, random_state=0):
        assert protocol.time[train].max() < protocol.time[test].min() - 5
        inner, notice = inner_folds(POSITIVE[train], protocol.take(train), folds=2, random_state=0)
        assert notice is None
        for fit, held in inner:
            assert protocol.time[train][fit].max() < protocol.time[train][held].min() - 5
    with pytest.raises(InputError, match="can be cut in one way"):
        outer_folds(POSITIVE, protocol, folds=4, repeats=2, random_state=0)


def test_positives_in_one_burst_are_told_and_chosen_on_at_random():
    time = np.arange(300.0)
    burst = (time >= 270) & (time < 290)
    inner, notice = inner_folds(burst, Protocol(groups=np.arange(300), time=time), folds=3, random_state=0)
    assert "random inner folds" in notice
    assert len(inner) == 3
    assert all(burst[side].any() for pair in inner for side in pair)


def test_few_positives_make_fewer_inner_folds():
    few = np.arange(300) < 2
    assert len(inner_folds(few, Protocol(groups=np.arange(300)), folds=5, random_state=0)[0]) == 2
    one = np.arange(300) < 1
    assert inner_folds(one, Protocol(groups=np.arange(300)), folds=5, random_state=0) == ([], None)
