"""Fidelity: every number beside its floor; the same rows are at it, other rows above it."""

import json

import numpy as np
import pandas as pd
import pytest

from ganforge.data.table import Table
from ganforge.data.toy import toy_payments
from ganforge.errors import InputError, UnknownNameError, UnsuitableDataError
from ganforge.quality import fidelity
from ganforge.quality.resemblance import Fidelity


def parts(n: int = 240) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = toy_payments(2 * n, fraud_share=0.3, seed=0).sample(frac=1, random_state=0).reset_index(drop=True)
    return rows.iloc[:n], rows.iloc[n:]


@pytest.fixture(scope="module")
def fresh() -> Fidelity:
    real, held_out = parts()
    return fidelity(real, toy_payments(240, fraud_share=0.3, seed=5), held_out, target="is_fraud")


@pytest.fixture(scope="module")
def broken() -> Fidelity:
    real, held_out = parts()
    rng = np.random.default_rng(0)
    made = real.apply(lambda column: column.to_numpy()[rng.permutation(len(column))]).assign(amount=1.0)
    return fidelity(real, made, held_out, target="is_fraud")


def test_new_rows_of_the_population_are_at_the_floor(fresh):
    assert fresh.passed
    for name in ("column distance", "pair distance", "association difference", "coverage", "density"):
        assert fresh[name].ratio == pytest.approx(1, abs=0.6), name
    auc = fresh["two-sample AUC"]
    assert auc.interval[0] < 0.55
    assert fresh.usefulness.measure == "average precision"
    assert fresh.usefulness.ratio == pytest.approx(1, abs=0.25)
    assert fresh.usefulness.real > 1.5 * fresh.usefulness.guessing


def test_what_is_broken_stands_first(broken):
    assert broken.worst.column == "amount"
    assert broken.worst.ratio > 5
    assert "amount" in (broken.pairs[0].first, broken.pairs[0].second)
    assert broken["two-sample AUC"].value > 0.95 > 0.65 > broken["two-sample AUC"].floor
    assert broken["coverage"].value < broken["coverage"].floor
    assert broken.usefulness.synthetic < broken.usefulness.real
    assert "amount stands out" in broken.sentence
    assert str(broken).splitlines()[1].strip().startswith("amount: ")


def test_identical_rows_are_at_zero():
    real, _ = parts(60)
    found = fidelity(real, real, real)
    assert found["column distance"].value == found["pair distance"].value == found["association difference"].value == 0
    assert found["coverage"].value == found["precision"].value == found["recall"].value == 1
    assert found["column distance"].ratio is None


def test_a_collapsed_generator_is_stopped():
    real, held_out = parts()
    found = fidelity(real, pd.concat([real.head(2)] * 120), held_out)
    assert [gate.name for gate in found.gates if not gate.passed] == ["column_distance", "coverage"]
    assert found.gates[0].value > found.gates[0].limit


def test_without_rows_held_out_the_real_ones_are_halved():
    real, _ = parts(60)
    found = fidelity(Table.of(real), toy_payments(60, fraud_share=0.3, seed=5))
    assert (found.real, found.compared) == (30, 30)
    assert "one half of the real rows" in found.notes[0]


def test_json_is_strict_and_the_seed_decides(fresh):
    document = json.loads(json.dumps(fresh.to_json(), allow_nan=False))
    assert {each["name"] for each in document["figures"]} >= {"column distance", "coverage", "two-sample AUC"}
    assert document["columns"][0].keys() >= {"column", "distance", "floor", "ratio", "sentence"}
    assert document["pairs"][0].keys() >= {"first", "second", "joint", "joint_floor", "difference", "floor"}
    real, held_out = parts(40)
    made = toy_payments(90, fraud_share=0.3, seed=5)
    one, two = (fidelity(real, made, held_out, random_state=3) for _ in range(2))
    assert one.to_json() == two.to_json()
    assert one["two-sample AUC"].interval[0] < one["two-sample AUC"].value


def test_what_cannot_be_measured_is_noted():
    real, held_out = parts(60)
    found = fidelity(real, toy_payments(12, seed=5).assign(is_fraud=1), held_out.head(12), target="is_fraud")
    assert found.usefulness is None
    assert any("does not vary among the synthetic rows" in note for note in found.notes)
    assert any("12 rows a side are too few for a classifier" in note for note in found.notes)
    with pytest.raises(KeyError):
        found["two-sample AUC"]


def test_numbers_and_several_classes_are_predicted_too():
    real, held_out = parts(150)
    made = toy_payments(150, fraud_share=0.3, seed=5)
    assert fidelity(real, made, held_out, target="merchant").usefulness.measure == "accuracy"
    assert fidelity(real, made, held_out, target="amount").usefulness.measure == "R²"


def test_bad_calls():
    real, held_out = parts(30)
    with pytest.raises(UnknownNameError, match="did you mean 'is_fraud'"):
        fidelity(real, real, held_out, target="is_froud")
    with pytest.raises(UnknownNameError, match="merchant"):
        fidelity(real, real.drop(columns="merchant"), held_out)
    with pytest.raises(UnknownNameError, match="did you mean 'coverage'"):
        fidelity(real, real, held_out, gates={"coverag": 0.1})
    with pytest.raises(UnsuitableDataError, match="at least 4"):
        fidelity(real, real.head(3), held_out)
    with pytest.raises(InputError, match="'amount' stands over columns"):
        fidelity(pd.concat([real, real[["amount"]]], axis=1), real, held_out)
    with pytest.raises(InputError, match="real rows: a list was given"):
        fidelity([1, 2, 3], real, held_out)
    with pytest.raises(InputError, match="most_rows=0"):
        fidelity(real, real, held_out, most_rows=0)
    with pytest.raises(InputError, match="random_state=-1"):
        fidelity(real, real, held_out, random_state=-1)
    with pytest.raises(InputError, match="gate coverage='much'"):
        fidelity(real, real, held_out, gates={"coverage": "much"})


def test_a_message_names_the_row_that_was_given():
    real, held_out = parts(30)
    made = real.reset_index(drop=True)
    made.loc[20, "amount"] = np.inf
    with pytest.raises(InputError, match="synthetic rows: column 'amount', row 21: inf"):
        fidelity(real, made, held_out)


def test_columns_may_be_numbered():
    rng = np.random.default_rng(0)
    real, made, held_out = (pd.DataFrame(rng.normal(size=(40, 2))) for _ in range(3))
    assert {each.column for each in fidelity(real, made, held_out).columns} == {"0", "1"}
