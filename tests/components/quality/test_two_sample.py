"""The classifier two-sample test, and the area under the curve with its interval."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from ganforge.data.toy import toy_payments
from ganforge.errors import InputError, UnknownNameError, UnsuitableDataError
from ganforge.quality.two_sample import superiority, two_sample_auc


def test_superiority_is_the_area_under_the_curve_ties_and_all():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 8, 300), rng.integers(1, 9, 200)
    found = superiority(first, second)
    labels = np.repeat([0, 1], [300, 200])
    assert found.share == pytest.approx(roc_auc_score(labels, np.r_[first, second]))
    assert superiority(second, first).share == pytest.approx(1 - found.share)
    assert superiority([0, 0, 0], [0, 0]).share == 0.5


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(1)
    truth, held = 0.7602, 0  # Φ(1/√2): two normals a standard deviation apart
    for _ in range(400):
        found = superiority(rng.normal(0, 1, 60), rng.normal(1, 1, 90))
        held += found.low <= truth <= found.high
    assert 0.85 < held / 400 < 0.95


def test_few_rows_that_lie_wholly_apart_are_not_certain():
    def low(n):
        return superiority(np.arange(n), n + np.arange(n)).low

    assert low(2) < 0.5 < low(8) < low(40) < 1
    assert (superiority([1, 2], [3, 4]).share, superiority([1, 2], [3, 4]).high) == (1, 1)
    for n in (2, 8, 40):
        theta = low(n)  # 1 lies z of Newcombe's standard deviations above it
        factor = 1 + (n - 1) * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        assert (1 - theta) / np.sqrt(theta * (1 - theta) * factor / n**2) == pytest.approx(1.6449, abs=1e-3)
    apart = superiority([3, 4], [1, 2])
    assert (apart.share, apart.low, apart.high) == (0, 0, pytest.approx(1 - low(2)))


def test_rows_of_one_population_cannot_be_told_apart():
    found = two_sample_auc(toy_payments(700, seed=1), toy_payments(700, seed=0), folds=3)
    assert found.low < 0.53
    assert abs(found.share - 0.5) < 0.05


def test_what_margins_hide_is_told():
    real = toy_payments(700, seed=0)
    rng = np.random.default_rng(0)
    shuffled = real.apply(lambda column: column.iloc[rng.permutation(len(column))].array).astype(real.dtypes)
    found = two_sample_auc(shuffled, toy_payments(700, seed=1), folds=3)
    assert found.low > 0.7
    shifted = toy_payments(700, seed=2).assign(amount=lambda frame: frame["amount"] + 10_000)
    assert two_sample_auc(shifted, real, folds=3).share > 0.999


def test_the_same_figure_for_the_same_random_state():
    made, real = toy_payments(400, seed=1), toy_payments(300, seed=0)
    one = two_sample_auc(made, real, folds=2, random_state=5)
    assert one == two_sample_auc(made, real, folds=2, random_state=5)
    assert one != two_sample_auc(made, real, folds=2, random_state=6)


def test_gaps_and_values_never_seen_count():
    real = pd.DataFrame({"a": ["x", "y"] * 200, "b": np.arange(400.0)})
    gaps = real.assign(b=np.where(np.arange(400) % 2, np.nan, real["b"]))
    assert two_sample_auc(gaps, real, folds=2).share > 0.7
    assert two_sample_auc(real.assign(a="z"), real, folds=2).share > 0.99


def test_bad_calls():
    real = toy_payments(200, seed=0)
    with pytest.raises(InputError, match="folds=1"):
        two_sample_auc(real, real, folds=1)
    with pytest.raises(UnsuitableDataError, match="49 rows a side"):
        two_sample_auc(real.head(49), real)
    with pytest.raises(UnknownNameError, match="merchant"):
        two_sample_auc(real.drop(columns="merchant"), real)
    with pytest.raises(InputError, match="level=1"):
        superiority([1, 2], [1, 2], level=1)
    with pytest.raises(UnsuitableDataError, match="fewer than two"):
        superiority([1], [1, 2])
