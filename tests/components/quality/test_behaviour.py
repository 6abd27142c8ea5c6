"""Payments in time: real customers pass, rows drawn one by one do not."""

import numpy as np
import pandas as pd
import pytest

from ganforge.data.simulators import simulate_payments
from ganforge.errors import UnknownNameError, UnsuitableDataError
from ganforge.quality.behaviour import PaymentColumns, _bursts, behaviour

COLUMNS = PaymentColumns(customer="customer_id", terminal="terminal_id", time="booked_at", amount="amount")


@pytest.fixture(scope="module")
def payments() -> pd.DataFrame:
    return simulate_payments(customers=120, terminals=60, days=30, seed=3)


def test_the_same_customers_are_at_zero_and_other_ones_at_the_floor(payments):
    same = behaviour(payments, payments, payments, COLUMNS)
    assert {each.distance for each in same.habits} == {0.0}
    other = behaviour(payments, simulate_payments(customers=120, terminals=60, days=30, seed=4), None, COLUMNS)
    assert other.ratio == pytest.approx(1, abs=0.9)


def test_customers_shuffled_over_rows_have_no_past(payments):
    rng = np.random.default_rng(0)
    made = payments.assign(customer_id=payments["customer_id"].to_numpy()[rng.permutation(len(payments))])
    found = {each.name: each for each in behaviour(payments, made, None, COLUMNS).habits}
    assert found["customers at a terminal"].ratio > 1.5
    assert found["amount by hour"].distance < 0.1  # amount and hour are as they were
    fresh = payments.assign(customer_id=np.arange(len(payments)), terminal_id=np.arange(len(payments)))
    told = behaviour(payments, fresh, None, COLUMNS)
    gaps = {each.name: each for each in told.habits}["time between payments"]
    assert gaps.distance == 1
    assert "nobody pays twice" in gaps.sentence
    assert told.ratio > 5
    assert "× the floor on average" in told.sentence


def test_bursts_counted_by_hand():
    hours = {"a": [0, 1, 23, 24.5, 100], "b": [0.5, 99]}
    frame = pd.DataFrame(
        [(who, 3_600.0 * hour) for who, at in hours.items() for hour in at], columns=["customer", "seconds"]
    )
    assert _bursts(frame).tolist() == [1, 2, 3, 3, 1, 1, 1]


def test_bad_calls(payments):
    with pytest.raises(UnknownNameError, match="no customer column 'customer_id'"):
        behaviour(payments, payments.drop(columns="customer_id"), None, COLUMNS)
    with pytest.raises(UnsuitableDataError, match="whole customers"):
        behaviour(payments.drop_duplicates("customer_id"), payments, None, COLUMNS)
