"""Windows by group against counting by hand, and sums that do not depend on what lies outside."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ganforge.data.windows import RunningSum, Trails

events = st.lists(st.tuples(st.integers(0, 3), st.integers(-20, 20)), max_size=40)


@given(events=events, asked=st.lists(st.tuples(st.integers(0, 4), st.integers(-25, 25)), min_size=1, max_size=10))
@settings(max_examples=100, deadline=None)
def test_places_are_counts_by_hand(events, asked):
    groups, moments = (np.array([each[k] for each in events], dtype=np.int64) for k in (0, 1))
    of, at = (np.array([each[k] for each in asked], dtype=np.int64) for k in (0, 1))
    trails = Trails(groups, moments)
    questions = trails.ask(of, at + 3)
    for group, moment, before, until in zip(of, at, questions.before(3), questions.until(3), strict=True):
        ahead = int((groups < group).sum())
        assert before == ahead + int(((groups == group) & (moments < moment)).sum())
        assert until == ahead + int(((groups == group) & (moments <= moment)).sum())
    ordered = list(zip(groups[trails.order], moments[trails.order], strict=True))
    assert ordered == sorted(ordered)


def test_a_sum_does_not_depend_on_what_lies_before_it():
    small = np.array([0.1, 0.2, 0.3, -0.7])
    alone = RunningSum(small).between(np.array([0]), np.array([4]))
    after = RunningSum(np.concatenate([[1e15, 7e14 + 0.3], small])).between(np.array([2]), np.array([6]))
    assert alone == after
    assert abs(alone[0] - small.sum()) < 4 * 2.0**-32


def test_running_sums_may_wrap_around():
    values = np.full(2_000, 2.0**53)
    assert RunningSum(values).between(np.array([1_990]), np.array([2_000]))[0] == 10 * 2.0**53
