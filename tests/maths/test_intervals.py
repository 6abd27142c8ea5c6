"""Nadeau and Bengio's corrected interval against hand-computed values, and what it is for."""

import math

import numpy as np
import pytest
from scipy import stats

from ganforge.downstream.intervals import Interval, corrected_interval
from ganforge.errors import InputError


def test_by_hand():
    # mean .02, s² = .0005 / 2 … of (.01, .02, .03): s² = 1e-4; variance 1e-4 · (1/3 + 1/2) = 8.333e-5
    interval = corrected_interval([0.01, 0.02, 0.03], test_to_train=0.5, level=0.9)
    half = 2.919985580 * math.sqrt(1e-4 * (1 / 3 + 1 / 2))  # t(.95; 2 degrees) of any printed table
    assert interval.mean == pytest.approx(0.02)
    assert interval.low == pytest.approx(0.02 - half, rel=1e-6)
    assert interval.high == pytest.approx(0.02 + half, rel=1e-6)


def test_without_overlap_it_is_students_interval():
    values = np.random.default_rng(0).normal(0.1, 1, 12)
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    interval = corrected_interval(values.tolist(), test_to_train=0.0, level=0.95)
    assert (interval.low, interval.high) == (pytest.approx(low), pytest.approx(high))


def test_five_folds_are_one_and_a_half_times_as_wide_as_the_folds_own():
    values = [0.1, 0.0, 0.2, -0.1, 0.05]
    naive, corrected = (corrected_interval(values, test_to_train=ratio) for ratio in (0.0, 0.25))
    assert (corrected.high - corrected.mean) / (naive.high - naive.mean) == pytest.approx(math.sqrt(0.45 / 0.2))


def test_it_covers_where_the_folds_own_variance_does_not():
    """Means of overlapping halves of one sample: correlated like folds are. 90 % must not mean 60 %."""
    rng = np.random.default_rng(0)
    hits = {0.0: 0, 1.0: 0}
    for _ in range(400):
        sample = rng.normal(0, 1, 40)
        values = [float(rng.permutation(sample)[:20].mean()) for _ in range(10)]
        for ratio in hits:
            interval = corrected_interval(values, test_to_train=ratio)
            hits[ratio] += interval.low <= 0 <= interval.high
    assert hits[0.0] / 400 < 0.75
    assert hits[1.0] / 400 > 0.85


def test_equal_folds_leave_no_doubt():
    interval = corrected_interval([0.5, 0.5, 0.5], test_to_train=0.5)
    assert (interval.low, interval.mean, interval.high) == (0.5, 0.5, 0.5)
    assert interval.above_zero
    assert not interval.below_zero


def test_the_resolution_is_a_floor_of_the_variance():
    """Two roundings to steps of h have the variance h²/6; what varies more than that is left as it is."""
    floored = corrected_interval([0.5, 0.5, 0.5], test_to_train=0.5, resolution=0.12)
    half = stats.t.ppf(0.95, df=2) * math.sqrt(0.12**2 / 6 * (1 / 3 + 0.5))
    assert (floored.low, floored.high) == pytest.approx((0.5 - half, 0.5 + half))
    values = [0.1, 0.5, 0.9]
    assert corrected_interval(values, test_to_train=0.5, resolution=0.12) == corrected_interval(
        values, test_to_train=0.5
    )


def test_touching_zero_is_not_above_it():
    assert not Interval(0.1, 0.0, 0.2).above_zero
    assert not Interval(-0.1, -0.2, 0.0).below_zero


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([0.1], {"test_to_train": 0.25}, "at least 2 folds"),
        ([0.1, math.nan], {"test_to_train": 0.25}, "not finite"),
        ([0.1, 0.2], {"test_to_train": -1.0}, "ratio"),
        ([0.1, 0.2], {"test_to_train": 0.25, "level": 1.0}, "level"),
    ],
)
def test_what_makes_no_interval_is_refused(values, options, message):
    with pytest.raises(InputError, match=message):
        corrected_interval(values, **options)
