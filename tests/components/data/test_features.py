"""Payment features: the published definitions, nothing from the future, and the same numbers served one by one."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ganforge.data.features import PaymentFeatures
from ganforge.data.simulators import simulate_payments
from ganforge.errors import InputError, UnknownNameError, UnsuitableDataError

ROLES = {"time": "at", "customer": "who", "terminal": "where", "amount": "paid", "target": "fraud"}
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # an example takes a while: shrinking would take minutes
START = pd.Timestamp("2025-03-01")


def payments(*rows: tuple) -> pd.DataFrame:
    """(days since the start, who, where, paid, fraud) a row."""
    days, who, where, paid, fraud = zip(*rows, strict=True)
    at = START + pd.to_timedelta(np.array(days, dtype=float) * 86_400, unit="s")
    return pd.DataFrame({"at": at, "who": who, "where": where, "paid": paid, "fraud": fraud})


def features(**changes) -> PaymentFeatures:
    return PaymentFeatures(**{**ROLES, **changes})


def test_windows_risk_and_clock_as_the_handbook_defines_them():
    """1 March 2025 is a Saturday. Windows are open at their beginning; labels are known seven days later."""
    frame = payments(
        (0.0, "a", "x", 10.0, 1),
        (0.5, "a", "y", 20.0, 0),
        (1.0, "a", "x", 40.0, 0),  # 24 hours after the first: that one is out of the day's window
        (7.25, "b", "x", 5.0, 0),
        (8.0, "a", "x", 2.0, 0),  # of x only what lies 7 days back counts: the first and the third
    )
    made = features(windows=(1, 7)).fit_transform(frame)
    assert made["who_count_1d"].tolist() == [1, 2, 2, 1, 1]
    assert made["who_count_7d"].tolist() == [1, 2, 3, 1, 1]
    assert made["who_mean_1d"].tolist() == [10, 15, 30, 5, 2]
    assert made["where_count_1d"].tolist() == [0, 0, 0, 1, 1]
    assert made["where_risk_1d"].tolist() == [0, 0, 0, 1, 0]
    assert made["where_count_7d"].tolist() == [0, 0, 0, 1, 2]
    assert made["where_risk_7d"].tolist() == [0, 0, 0, 1, 0.5]
    assert made["at_night"].tolist() == [True, False, True, True, True]
    assert made["at_weekend"].tolist() == [True, True, True, True, True]
    assert made["at_night"].tolist() == [hour <= 6 for hour in frame["at"].dt.hour]


def test_simulated_payments_have_the_numbers_of_rolling_windows():
    """Against pandas' rolling windows, which the Handbook's own code uses."""
    frame = simulate_payments(customers=40, terminals=30, days=60, seed=3)
    frame = frame.drop_duplicates(["booked_at", "customer_id"]).drop_duplicates(["booked_at", "terminal_id"])
    frame = frame.reset_index(drop=True)
    names = {"time": "booked_at", "customer": "customer_id", "terminal": "terminal_id", "amount": "amount"}
    made = PaymentFeatures(**names, target="is_fraud").fit_transform(frame)
    for days in (1, 7, 30):
        for _, rows in frame.set_index("booked_at").groupby("customer_id"):
            window = rows["amount"].rolling(f"{days}D")
            at = frame.index[frame["customer_id"] == rows["customer_id"].iloc[0]]
            np.testing.assert_array_equal(made.loc[at, f"customer_id_count_{days}d"], window.count())
            np.testing.assert_allclose(made.loc[at, f"customer_id_mean_{days}d"], window.mean(), atol=1e-9)
        for _, rows in frame.set_index("booked_at").groupby("terminal_id"):
            near, far = rows["is_fraud"].rolling("7D"), rows["is_fraud"].rolling(f"{days + 7}D")
            count = far.count() - near.count()
            risk = ((far.sum() - near.sum()) / count).fillna(0)
            at = frame.index[frame["terminal_id"] == rows["terminal_id"].iloc[0]]
            np.testing.assert_array_equal(made.loc[at, f"terminal_id_count_{days}d"], count)
            np.testing.assert_allclose(made.loc[at, f"terminal_id_risk_{days}d"], risk, atol=1e-9)


moments = st.one_of(st.integers(0, 60), st.floats(0, 60, allow_nan=False).map(lambda day: round(day, 4)))
amounts = st.one_of(
    st.none(),
    st.floats(-1e12, 1e12, allow_nan=False),
    st.integers(0, 10**6).map(lambda cents: cents / 100),
)
rows_of_payments = st.lists(
    st.tuples(
        moments,
        st.sampled_from(["a", "b", "c", None]),
        st.sampled_from([1, 2, None]),
        amounts,
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=25,
)
HEAD = ((0.0, "a", 1, 1.0, 0), (0.0, "b", 2, 2.0, 1))


@given(rows=rows_of_payments, delay=st.sampled_from([0.0, 2.5, 7.0]))
@settings(max_examples=15, deadline=None, phases=PHASES)
def test_served_one_by_one_a_payment_has_the_numbers_it_has_in_the_table(rows, delay):
    frame = payments(*HEAD, *sorted(rows, key=lambda row: row[0]))
    frame["paid"] = frame["paid"].astype(float)
    whole = features(label_delay=delay, windows=(1, 3, 10)).fit_transform(frame)
    served = features(label_delay=delay, windows=(1, 3, 10)).fit(frame[:2])
    told = features(label_delay=delay, windows=(1, 3, 10)).fit(frame[:2])
    for k in range(2, len(frame)):
        row = frame.iloc[[k]]
        if k % 5 == 0:
            served = PaymentFeatures.from_json(json.loads(json.dumps(served.to_json())))
        pd.testing.assert_frame_equal(served.transform(row), whole.iloc[[k]], check_exact=True)
        served.partial_fit(row)
        told.partial_fit(row.drop(columns="fraud")).partial_fit(row)  # its label follows, and it is sent twice
        pd.testing.assert_frame_equal(told.transform(row), whole.iloc[[k]], check_exact=True)


@given(rows=rows_of_payments, at=st.integers(0, 24), delay=st.sampled_from([0.0, 7.0]))
@settings(max_examples=40, deadline=None, phases=PHASES)
def test_no_later_payment_and_no_label_before_its_time_changes_a_row(rows, at, delay):
    frame = payments(*HEAD, *rows)
    frame["paid"] = frame["paid"].astype(float)
    now = frame["at"].iloc[2 + at % len(rows)]
    known = frame["at"] < now if delay == 0 else frame["at"] <= now - pd.Timedelta(days=delay)
    changed = frame.copy()
    changed.loc[~known, "fraud"] = 1 - changed.loc[~known, "fraud"]
    changed.loc[frame["at"] > now, "paid"] = 1e6
    before = (frame["at"] <= now).to_numpy()
    if changed["fraud"].nunique() < 2:
        return
    one, other = (features(label_delay=delay).fit_transform(each) for each in (frame, changed))
    twins = frame[before].duplicated(["at", "who", "where", "paid"], keep=False).to_numpy()
    pd.testing.assert_frame_equal(one[before][~twins], other[before][~twins], check_exact=True)
    if changed[before]["fraud"].nunique() == 2:  # nor does it matter whether there is anything later at all
        alone = features(label_delay=delay).fit_transform(changed[before])
        pd.testing.assert_frame_equal(other[before][~twins], alone[~twins], check_exact=True)


@given(rows=rows_of_payments, seed=st.integers(0, 9))
@settings(max_examples=30, deadline=None, phases=PHASES)
def test_the_order_of_rows_means_nothing(rows, seed):
    frame = payments(*HEAD, *rows)
    frame["paid"] = frame["paid"].astype(float)
    shuffled = frame.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(
        features().fit_transform(shuffled).sort_index(), features().fit_transform(frame), check_exact=True
    )


def test_a_payment_of_the_same_moment_is_not_seen_and_the_same_payment_counts_once():
    frame = payments(*HEAD, (3.0, "a", 1, 5.0, 0), (3.0, "a", 2, 7.0, 0), (3.0, "a", 2, 7.0, 0), (4.0, "a", 1, 1.0, 0))
    made = features(windows=(7,)).fit_transform(frame)
    assert made["who_count_7d"].tolist()[2:] == [2, 2, 2, 4]
    assert made["who_mean_7d"].tolist()[2:] == [3.0, 4.0, 4.0, 3.5]


def test_a_late_label_counts_from_then_on():
    honest = payments(*HEAD, (1.0, "a", 9, 5.0, 0))
    state = features().fit(honest)
    later = payments((10.0, "b", 9, 1.0, 0))
    assert state.transform(later)["where_risk_7d"].tolist() == [0.0]
    state.partial_fit(honest[2:].assign(fraud=1))
    assert state.transform(later)["where_risk_7d"].tolist() == [1.0]
    assert state.transform(later)["where_count_7d"].tolist() == [1]


def test_history_forgets_what_nobody_looks_at_and_says_so():
    state = features().fit(payments(*HEAD, (1.0, "a", 1, 5.0, 0)))
    state.partial_fit(payments((100.0, "c", 3, 5.0, 0)))
    assert len(state.history_) == 1
    again = PaymentFeatures.from_json(state.to_json())
    assert again.transform(payments((100.5, "c", 3, 5.0, 0)))["who_count_1d"].tolist() == [2]
    for each in (state, again):
        with pytest.raises(InputError, match=r"row 2 lies before what this history still tells of.*98.0 days"):
            each.transform(payments((100.0, "c", 3, 5.0, 0), (2.0, "a", 1, 5.0, 0)))


def test_hours_are_read_in_the_zone_of_the_history():
    frame = payments(*HEAD)
    frame["at"] = frame["at"].dt.tz_localize("Europe/Berlin")
    state = features().fit(frame)
    row = frame[:1].assign(at=pd.Series([pd.Timestamp("2025-06-02 03:30", tz="UTC")]).dt.as_unit("ns"))
    assert state.transform(row)["at_night"].tolist() == [True]
    row["at"] = row["at"] + pd.Timedelta(hours=2)  # 05:30 in UTC, 07:30 there
    assert PaymentFeatures.from_json(state.to_json()).transform(row)["at_night"].tolist() == [False]


def test_seconds_have_no_clock():
    frame = payments(*HEAD, (3.0, "a", 1, 5.0, 0)).assign(at=[0, 0, 3 * 86_400])
    state = features(windows=(7,))
    made = state.fit_transform(frame)
    assert list(made.columns) == ["who_count_7d", "who_mean_7d", "where_count_7d", "where_risk_7d"]
    assert list(state.get_feature_names_out()) == list(made.columns)
    assert made["who_count_7d"].tolist() == [1, 1, 2]
    with pytest.raises(InputError, match="holds dates, but the history is told in seconds"):
        state.transform(payments(*HEAD))
    assert "at_night" in state.fit_transform(payments(*HEAD))  # what a former fit saw does not count


def test_it_is_a_scikit_learn_transformer():
    from sklearn.base import clone

    state = features(windows=(1, 14))
    made = state.fit_transform(payments(*HEAD).set_axis([7, 3]))
    assert list(made.index) == [7, 3]
    assert list(state.get_feature_names_out()) == list(made.columns)
    fresh: Any = clone(state)
    assert fresh.get_params() == state.get_params()
    with pytest.raises(InputError, match="no history yet"):
        fresh.transform(payments(*HEAD))


@pytest.mark.parametrize(
    ("changes", "frame", "error", "words"),
    [
        ({"customer": "whom"}, payments(*HEAD), UnknownNameError, "did you mean 'who'"),
        ({"windows": (7, 1)}, payments(*HEAD), InputError, "whole days of at least 1, rising"),
        ({"label_delay": -1}, payments(*HEAD), InputError, "give days, 0 or more"),
        ({"terminal": "who"}, payments(*HEAD), InputError, "named as customer and as terminal"),
        ({}, payments(*HEAD).assign(at=[pd.NaT, START]), InputError, "row 1: the time is missing"),
        ({}, payments(*HEAD).assign(paid=["1", "much"]), InputError, "row 2.*'much' is not a number"),
        ({}, payments(*HEAD).assign(paid=[1.0, 1e300]), InputError, "row 2: 1e.300 is too large"),
        ({}, payments(*HEAD).assign(at=["20:50", "06:30"]), InputError, "'at' holds times of day without a date"),
        ({}, payments(*HEAD).assign(at=[dt.time(20, 50), dt.time(6, 30)]), InputError, "times of day without a date"),
        ({}, payments(*HEAD).assign(fraud=0), UnsuitableDataError, "one value only"),
    ],
)
def test_what_is_wrong_is_named(changes, frame, error, words):
    with pytest.raises(error, match=words):
        features(**changes).fit(frame)
