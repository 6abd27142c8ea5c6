"""Distances of pairs of columns: against closed forms, a plain recount and what margins cannot see."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from ganforge.data.schema import Schema
from ganforge.data.toy import toy_payments
from ganforge.errors import UnknownNameError, UnsuitableDataError
from ganforge.quality import pairs
from ganforge.quality.coding import Bins
from ganforge.quality.marginals import marginal_distances
from ganforge.quality.pairs import PairShares, pair_distance


def two(n_equal: int, n_crossed: int) -> pd.DataFrame:
    a = np.array(["x", "y"] * ((n_equal + n_crossed) // 2), dtype=object)
    b = np.where(np.arange(len(a)) < n_equal, a, np.where(a == "x", "y", "x"))
    return pd.DataFrame({"a": a, "b": b})


def test_known_tables_have_known_distances():
    real = two(1_000, 0)  # b follows a: shares ½ on the diagonal
    assert pair_distance(real, real) == 0
    assert pair_distance(two(0, 1_000), real) == 1  # the same margins, and nothing in common
    assert pair_distance(two(500, 500), real) == pytest.approx(0.5)
    assert pair_distance(two(900, 100), real) == pytest.approx(0.1)


def test_it_is_the_total_variation_of_the_joint_shares():
    made, real = toy_payments(700, seed=1), toy_payments(900, seed=0)
    bins = Bins.of(real)
    first, second = bins.codes(made), bins.codes(real)
    expected = []
    for a, b in combinations(range(len(first)), 2):
        p = pd.Series(list(zip(first[a], first[b], strict=True))).value_counts(normalize=True)
        q = pd.Series(list(zip(second[a], second[b], strict=True))).value_counts(normalize=True)
        expected.append(p.sub(q, fill_value=0).abs().sum() / 2)
    shares = PairShares.of(real)
    np.testing.assert_allclose(shares.distances(made), expected, atol=1e-12)
    assert pair_distance(made, real) == pytest.approx(np.mean(expected))


def test_pairs_of_many_values_come_out_the_same(monkeypatch):
    made, real = toy_payments(300, seed=1), toy_payments(300, seed=0)
    dense = PairShares.of(real).distances(made)
    monkeypatch.setattr(pairs, "_DENSE", 0)
    np.testing.assert_allclose(PairShares.of(real).distances(made), dense, atol=1e-12)


def test_it_sees_what_margins_do_not():
    real = toy_payments(4_000, seed=0)
    other = toy_payments(4_000, seed=1)
    rng = np.random.default_rng(0)
    shuffled = real.apply(lambda column: column.iloc[rng.permutation(len(column))].array).astype(real.dtypes)
    margins = marginal_distances(shuffled, real)["distance"].max()
    assert margins < 1e-9
    floor = pair_distance(other, real)
    assert 0 < floor < 0.08
    assert pair_distance(shuffled, real) > floor + 0.02


def test_order_of_rows_and_columns_does_not_count():
    made, real = toy_payments(300, seed=1), toy_payments(300, seed=0)
    schema = Schema.infer(real)
    one = pair_distance(made, real, schema=schema)
    assert pair_distance(made.iloc[::-1, ::-1], real.iloc[::-1], schema=schema) == pytest.approx(one, abs=1e-12)


def test_of_a_wide_table_some_pairs_are_looked_at():
    made, real = toy_payments(300, seed=1), toy_payments(300, seed=0)
    every = PairShares.of(real)
    some = PairShares.of(real, most_pairs=9, random_state=3)
    assert (len(every.pairs), len(some.pairs)) == (28, 9)
    chosen = [every.pairs.tolist().index(pair) for pair in some.pairs.tolist()]
    np.testing.assert_array_equal(some.distances(made), every.distances(made)[chosen])


def test_a_single_column_is_held_against_itself():
    made, real = pd.DataFrame({"a": ["x"] * 50}), pd.DataFrame({"a": ["x", "y"] * 50})
    assert pair_distance(made, real) == pytest.approx(0.5)


def test_bad_calls():
    real = toy_payments(50, seed=0)
    with pytest.raises(UnknownNameError, match="merchant"):
        pair_distance(real.drop(columns="merchant"), real)
    with pytest.raises(UnsuitableDataError, match="synthetic row"):
        pair_distance(real.head(0), real)
    with pytest.raises(UnsuitableDataError, match="real row"):
        pair_distance(real, real.head(0), schema=Schema.infer(real))
