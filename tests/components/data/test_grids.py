"""Spikes and grids: what counts as one, and what would give single rows away."""

import numpy as np
import pytest

from ganforge.data.grids import few_values, grid_of, snapped, spikes_of

NONE = np.zeros(0, dtype=np.int64)


def counted(values):
    return np.unique(np.asarray(values, dtype=np.float64), return_counts=True)


def spikes(values, most=5):
    distinct, rows = counted(values)
    return distinct[spikes_of(distinct, rows, most=most)].tolist()


def grid(values, spacing=None):
    distinct, rows = counted(values)
    return grid_of(distinct, rows, spikes_of(distinct, rows, most=5), spacing=spacing)


def test_what_stands_out_is_a_spike():
    rng = np.random.default_rng(0)
    smooth = rng.normal(50, 10, 1_000)
    assert spikes(smooth) == []
    assert spikes(np.concatenate([smooth, np.zeros(200), np.full(400, 99.0)])) == [99.0, 0.0]
    assert spikes(np.concatenate([smooth, np.zeros(40)])) == []  # less than a twentieth
    assert spikes(np.concatenate([smooth[:20], np.zeros(5)])) == []  # fewer than ten rows
    assert spikes(rng.poisson(4, 2_000)) == []  # frequent, but no more than the numbers beside it
    assert spikes(np.full(500, 3.0)) == []  # nothing else is there
    assert spikes([3.0] * 500 + [4.0]) == [3.0]
    assert spikes([3.0] * 500 + [4.0], most=0) == []


def test_a_column_of_shared_values_is_a_grid():
    rng = np.random.default_rng(0)
    tariffs = np.array([5.0, 12.5, 40.0, 99.0])
    assert grid(rng.choice(tariffs, 400)).tolist() == tariffs.tolist()
    assert grid(rng.choice(tariffs, 400), spacing=0.5).tolist() == tariffs.tolist()
    assert grid(rng.integers(18, 90, 5_000), spacing=1.0) is None  # ages: rounding does as well
    assert grid(rng.integers(18, 90, 5_000) * 100, spacing=1.0) is not None


def test_what_only_single_rows_have_is_never_put_into_a_grid():
    rng = np.random.default_rng(0)
    incomes = np.round(np.exp(rng.normal(10, 0.5, 400)), 2)
    incomes[:20] = incomes[20:40]
    assert len(set(incomes)) == 380
    assert grid(incomes, spacing=0.01) is None
    # nine in ten have none, which says nothing about the others: they are all different
    assert grid(np.concatenate([incomes, np.zeros(3_600)]), spacing=0.01) is None
    tariffs = np.concatenate([np.repeat([5.0, 12.5, 40.0, 99.0], 100), [17.31, 23.08, 64.99]])
    assert grid(tariffs).tolist() == [5.0, 12.5, 40.0, 99.0]
    many = np.repeat(np.arange(3_000) * 7.0, 5)  # too many values to be kept
    assert grid(many) is None


@pytest.mark.parametrize(
    ("value", "want"),
    [(0.0, 0.0), (1.0, 1.0), (1.9, 1.0), (2.0, 1.0), (2.1, 3.0), (9.0, 10.0), (10.0, 10.0), (11.5, 11.5)],
)
def test_to_the_nearest_inside_and_as_it_is_outside(value, want):
    assert snapped(np.array([value]), np.array([1.0, 3.0, 10.0])).tolist() == [want]


def test_a_column_of_few_values_consists_of_them():
    rows = np.array([400, 300, 200, 80, 12, 8])
    assert few_values(rows, most=32).tolist() == [0, 1, 2, 3, 4]  # eight rows might give one away
    assert few_values(rows, most=3).tolist() == [0, 1, 2]
    assert few_values(rows, most=2).tolist() == []  # 700 of 1,000 rows are not what it consists of
    assert few_values(np.array([500, 500]), most=32).tolist() == [0]  # something is left to be smooth
    assert few_values(np.ones(300, dtype=int), most=32).tolist() == []
    assert few_values(rows, most=0).tolist() == []
