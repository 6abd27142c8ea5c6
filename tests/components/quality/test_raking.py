"""Weights that mend margins and leave dependence alone."""

import numpy as np
import pytest

from ganforge.data.toy import toy_payments
from ganforge.quality.pairs import PairShares
from ganforge.quality.raking import raked


def test_every_column_gets_its_shares():
    rng = np.random.default_rng(0)
    codes = np.stack([rng.integers(0, 3, 5_000), rng.integers(0, 2, 5_000)])
    wanted = [np.array([0.2, 0.2, 0.6]), np.array([0.9, 0.1])]
    weights = raked(codes, wanted)
    assert weights.mean() == 1
    for column, shares in zip(codes, wanted, strict=True):
        np.testing.assert_allclose(np.bincount(column, weights=weights) / 5_000, shares, atol=1e-6)


def test_odds_ratios_stay():
    a = np.repeat([0, 0, 1, 1], [400, 100, 200, 300])
    b = np.repeat([0, 1, 0, 1], [400, 100, 200, 300])
    table = np.bincount(2 * a + b, weights=raked(np.stack([a, b]), [np.array([0.3, 0.7]), np.array([0.5, 0.5])]))
    assert table[0] * table[3] / (table[1] * table[2]) == pytest.approx(6)


def test_shares_that_are_right_need_no_weights():
    codes = np.repeat([[0, 1, 2]], [2, 3, 5], axis=1)
    np.testing.assert_allclose(raked(codes, [np.array([0.2, 0.3, 0.5])]), 1)


def test_a_code_that_no_row_has_stays_without():
    weights = raked(np.array([[0, 0, 1, 1]]), [np.array([0.25, 0.25, 0.5])])
    np.testing.assert_allclose(np.bincount([0, 0, 1, 1], weights=weights) / 4, [0.5, 0.5])


def test_margins_that_are_off_are_told_apart_from_dependence_that_is():
    real, other = toy_payments(4_000, seed=0), toy_payments(4_000, seed=1)
    shares = PairShares.of(real)
    floor = shares.distance(other, mend_margins=True)
    weights = np.where(other["merchant"] == "fuel", 4.0, 1.0)  # the same customers, other margins
    shifted = other.sample(4_000, replace=True, weights=weights, random_state=0)
    assert shares.distance(shifted) > shares.distance(other) + 0.1
    assert shares.distance(shifted, mend_margins=True) < floor + 0.02
    rng = np.random.default_rng(0)
    broken = other.apply(lambda column: column.iloc[rng.permutation(len(column))].array).astype(other.dtypes)
    assert shares.distance(broken, mend_margins=True) > floor + 0.02
