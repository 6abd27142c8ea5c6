"""Measures of two columns, against SciPy and scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import normalized_mutual_info_score

from ganforge.data.schema import Schema
from ganforge.data.toy import toy_payments
from ganforge.quality.associations import (
    CORRELATION,
    CRAMER,
    INFORMATION,
    associations,
    cramers_v,
    pairs_beside,
    shared_information,
)
from ganforge.quality.coding import Bins
from ganforge.quality.pairs import PairShares


@pytest.fixture
def codes() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    first = rng.integers(0, 4, 400)
    return first, np.where(rng.random(400) < 0.5, first, rng.integers(0, 3, 400))


def test_cramers_v_is_scipys(codes):
    table = pd.crosstab(*codes).to_numpy()
    assert cramers_v(*codes, corrected=False) == pytest.approx(stats.contingency.association(table, method="cramer"))


def test_the_correction_takes_what_chance_shows():
    rng = np.random.default_rng(1)
    found = [cramers_v(rng.integers(0, 8, 60), rng.integers(0, 8, 60)) for _ in range(20)]
    plain = [cramers_v(rng.integers(0, 8, 60), rng.integers(0, 8, 60), corrected=False) for _ in range(20)]
    assert np.mean(found) < 0.1 < 0.25 < np.mean(plain)
    same = rng.integers(0, 5, 300)
    assert cramers_v(same, same) == pytest.approx(1, abs=0.01)


def test_mutual_information_is_scikit_learns(codes):
    expected = normalized_mutual_info_score(*codes, average_method="geometric")
    assert shared_information(*codes) == pytest.approx(expected)


def test_a_column_that_does_not_vary_tells_nothing():
    constant, other = np.zeros(50, dtype=np.int64), np.arange(50) % 3
    assert cramers_v(constant, other) == shared_information(constant, other) == 0


def test_each_kind_of_pair_has_its_measure_and_gaps_are_left_out():
    rng = np.random.default_rng(2)
    x = rng.normal(size=300)
    frame = pd.DataFrame(
        {"x": x, "y": np.exp(x) + rng.random(300), "c": np.where(x > 0, "up", "down"), "d": rng.choice(["a", "b"], 300)}
    )
    frame.loc[::7, "y"] = np.nan
    bins = Bins.of(frame)
    found = associations(frame, bins, np.array([(0, 1), (0, 2), (2, 3)]))
    both = frame.dropna()
    assert found[0] == pytest.approx(stats.spearmanr(both["x"], both["y"]).statistic)
    codes = bins.codes(frame)
    assert found[1] == pytest.approx(normalized_mutual_info_score(codes[0], codes[2], average_method="geometric"))
    assert found[2] < 0.15


def test_columns_shuffled_one_by_one_stand_out_worst_first():
    rows = toy_payments(1_200, seed=0).drop(columns="booked_at")
    schema = Schema.infer(rows)
    learned = Schema(tuple(each for each in schema if each.learned))
    rows = rows.sample(frac=1, random_state=0).reset_index(drop=True)
    real, kept = rows.iloc[:600].reset_index(drop=True), rows.iloc[600:].reset_index(drop=True)
    rng = np.random.default_rng(0)
    shuffled = real.apply(lambda column: column.to_numpy()[rng.permutation(len(column))])
    found = pairs_beside(real, [shuffled], [kept], learned)
    worst = found[0]
    assert {worst.first, worst.second} == {"amount", "merchant"}
    assert worst.measure == INFORMATION
    assert worst.difference > 5 * worst.floor
    assert worst.joint > 3 * worst.joint_floor
    assert "amount and merchant: mutual information" in worst.sentence
    assert {each.measure for each in found} == {CORRELATION, CRAMER, INFORMATION}
    pairs = PairShares.of(real, learned)
    assert sum(each.joint for each in found) == pytest.approx(pairs.distances(shuffled).sum())


def test_real_rows_against_themselves_are_at_zero():
    rows = toy_payments(300, seed=0).drop(columns="booked_at")
    learned = Schema(tuple(each for each in Schema.infer(rows) if each.learned))
    found = pairs_beside(rows, [rows], [rows], learned)
    assert max(each.joint for each in found) == max(each.difference for each in found) == 0
    assert pairs_beside(rows[["amount"]], [rows], [rows], Schema(learned.columns[:1])) == ()
