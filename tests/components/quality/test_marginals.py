"""Distances of single columns, held against SciPy and against closed forms."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ganforge.data.toy import toy_payments
from ganforge.errors import UnknownNameError, UnsuitableDataError
from ganforge.quality.marginals import kolmogorov_smirnov, marginal_distances, total_variation

numbers = st.lists(st.integers(-5, 5), min_size=1, max_size=30)
several = st.lists(st.integers(-5, 5), min_size=2, max_size=30)  # of one value each SciPy divides by zero


@given(several, several)
def test_kolmogorov_smirnov_is_scipys(first, second):
    ours = kolmogorov_smirnov(np.array(first, dtype=float), np.array(second, dtype=float))
    assert ours == pytest.approx(stats.ks_2samp(first, second, method="asymp").statistic, abs=1e-12)


@given(numbers, numbers)
def test_both_are_distances_between_0_and_1(first, second):
    for distance in (kolmogorov_smirnov, total_variation):
        forth = distance(np.array(first, dtype=float), np.array(second, dtype=float))
        assert forth == pytest.approx(distance(np.array(second, dtype=float), np.array(first, dtype=float)))
        assert 0 <= forth <= 1
        assert distance(np.array(first, dtype=float), np.array(first, dtype=float)) == 0


def test_total_variation_by_hand():
    assert total_variation(["a", "a", "b", "c"], ["a", "b", "b", "d"]) == pytest.approx(0.5)
    assert total_variation(["a"], ["b"]) == 1
    assert total_variation([None, "a"], ["a", "a"]) == pytest.approx(0.5)


def test_a_table_against_itself_and_against_a_broken_one():
    real = toy_payments(800, seed=0)
    same = marginal_distances(real, real)
    assert (same["distance"] == 0).all()
    assert set(same["column"]) == set(real.columns) - {"currency"}  # a constant has no distance
    broken = real.assign(
        amount=real["amount"].max(),
        merchant="fuel",
        age=np.nan,
        booked_at=real["booked_at"] + pd.Timedelta(days=400),
    )
    worst = marginal_distances(broken, real)
    assert set(worst["column"].head(4)) == {"amount", "merchant", "age", "booked_at"}
    assert worst["distance"].is_monotonic_decreasing
    by_name = worst.set_index("column")["distance"]
    assert by_name["booked_at"] == 1
    assert by_name["age"] == 1
    assert by_name["merchant"] == pytest.approx(1 - (real["merchant"] == "fuel").mean())
    assert by_name["online"] == 0


def test_other_real_rows_are_near_but_not_at_zero():
    distances = marginal_distances(toy_payments(800, seed=1), toy_payments(800, seed=0))["distance"]
    assert 0 < distances.max() < 0.15


def test_a_share_of_missing_values_counts():
    real = pd.DataFrame({"x": np.arange(100) + 0.5})
    made = real.where(np.arange(100)[:, None] >= 30)
    found = marginal_distances(made, real.assign(x=real["x"]))
    assert found["distance"][0] >= 0.3


def test_bad_input_is_named():
    real = toy_payments(50, seed=0)
    with pytest.raises(UnknownNameError, match="no column 'age' in synthetic rows"):
        marginal_distances(real.drop(columns="age"), real)
    with pytest.raises(UnsuitableDataError, match="empty"):
        marginal_distances(real.iloc[:0], real)
    with pytest.raises(UnsuitableDataError, match="empty"):
        kolmogorov_smirnov(np.zeros(0), np.zeros(1))
