"""Rows of mixed tables as numbers: what stands where, and that a row encodes the same alone."""

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from ganforge.data.table import Table
from ganforge.data.toy import toy_payments
from ganforge.detectors.rows import FREQUENT, RowEncoding
from ganforge.errors import InputError, UnknownNameError, UnsuitableDataError


def encode(frame: pd.DataFrame, other: pd.DataFrame | None = None, **options) -> tuple[RowEncoding, np.ndarray]:
    encoding = RowEncoding.fit(Table.of(frame), **options)
    return encoding, encoding.rows(frame if other is None else other, source="data frame")


def test_numbers_have_mean_nought_and_deviation_one():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"a": rng.normal(5e6, 3e4, 500), "b": rng.exponential(2e-5, 500), "c": rng.integers(0, 90, 500)}
    )
    encoding, rows = encode(frame)
    assert encoding.columns == ("a", "b", "c")
    np.testing.assert_allclose(rows, (frame - frame.mean()) / frame.std(ddof=0), atol=2e-5)


def test_a_number_far_beyond_training_stays_far():
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(0, 1, 500)})
    _, rows = encode(frame, pd.DataFrame({"a": [1000.0, -1e9]}))
    deviation = frame["a"].std(ddof=0)
    np.testing.assert_allclose(rows[:, 0], (np.array([1000.0, -1e9]) - frame["a"].mean()) / deviation, rtol=1e-5)


def test_codes_that_are_numbers_keep_their_order():
    frame = pd.DataFrame({"grade": np.tile([1, 2, 3, 4, 5], 60), "flag": np.tile([0, 0, 1], 100)})
    encoding, rows = encode(frame)
    assert rows.shape == (300, 2)
    assert encoding.one_hots == []
    assert (np.diff(rows[:5, 0]) > 0.5).all()


def test_missing_numbers_have_a_place_where_training_had_some():
    frame = pd.DataFrame({"a": np.r_[np.arange(50.0), np.full(10, np.nan)], "b": np.arange(60.0)})
    counts = Counter()
    encoding = RowEncoding.fit(Table.of(frame))
    other = pd.DataFrame({"a": [np.nan, 24.5], "b": [1.0, np.nan]})
    rows = encoding.rows(other, source="data frame", unseen=counts)
    assert encoding.width == 3
    np.testing.assert_allclose(rows[0, :2], [0, 1])
    np.testing.assert_allclose(rows[1], [0, 0, 0], atol=1e-5)
    assert counts == {"b": 1}  # there never was a missing one


def test_what_is_missing_and_what_is_strange_are_told_apart():
    """Of every kind, with gaps in training and without."""
    n = 60
    full = {
        "number": np.arange(n) * 0.5,
        "word": np.array(["a", "b", "c"] * 20, dtype=object),
        "truth": [True, False] * 30,
        "grade": pd.Categorical(["poor", "fair", "good"] * 20, ["poor", "fair", "good"], ordered=True),
        "day": pd.date_range("2025-01-01 03:00", periods=n, freq="7h"),
    }
    frame = pd.DataFrame(full)
    holed = pd.concat([frame, frame.mask(np.tile(np.arange(n) % 7 == 0, (5, 1)).T).add_prefix("holed_")], axis=1)
    holed["holed_grade"] = holed["grade"].where(np.arange(n) % 7 > 0)
    encoding = RowEncoding.fit(Table.of(holed))
    other = holed.astype(object).head(10).copy()
    other.loc[2:3, list(full)] = np.nan
    other.loc[2:4, [f"holed_{each}" for each in full]] = np.nan
    other.loc[5, ["word", "grade", "holed_word", "holed_grade"]] = "never"
    unseen, missing = Counter(), Counter()
    encoding.rows(other, source="data frame", unseen=unseen, missing=missing)
    assert missing == dict.fromkeys(full, 2)
    strange = {name: count - missing.get(name, 0) for name, count in unseen.items()}
    words = ("word", "grade", "holed_word", "holed_grade")
    assert {name: count for name, count in strange.items() if count} == dict.fromkeys(words, 1)


def test_frequent_rare_and_unseen_categories_each_have_a_place():
    values = [f"c{k:03d}" for k in range(FREQUENT + 20) for _ in range(3 if k < FREQUENT else 2)]
    encoding = RowEncoding.fit(Table.of(pd.DataFrame({"c": np.array(values, dtype=object)})))
    counts = Counter()
    rows = encoding.rows(pd.DataFrame({"c": ["c000", "c070", "c080", "new"]}), source="data frame", unseen=counts)
    assert rows.shape == (4, FREQUENT + 2)
    assert (rows.sum(axis=1) == 1).all()
    assert rows[1].argmax() == rows[2].argmax() == FREQUENT
    assert rows[3].argmax() == FREQUENT + 1
    assert counts == {"c": 1}
    assert encoding.one_hots == [(0, FREQUENT + 2)]


def test_a_date_is_its_time_of_day_and_day_of_week():
    hours = pd.date_range("2025-01-06", periods=24 * 28, freq="h")
    encoding = RowEncoding.fit(Table.of(pd.DataFrame({"at": hours})))
    later = pd.DataFrame({"at": hours + pd.Timedelta(weeks=520)})
    np.testing.assert_allclose(
        encoding.rows(later, source="data frame"),
        encoding.rows(pd.DataFrame({"at": hours}), source="data frame"),
        atol=1e-6,
    )
    assert encoding.columns == ("at",)
    assert encoding.width == 4
    days = RowEncoding.fit(Table.of(pd.DataFrame({"at": pd.date_range("2025-01-06", periods=90, freq="D")})))
    assert days.width == 2  # no time of day


@pytest.mark.parametrize("modes", [1, 5])
def test_a_row_encodes_the_same_alone_and_after_a_trip_through_json(modes):
    frame = toy_payments(400, seed=1)
    encoding, rows = encode(frame, modes=modes)
    again = RowEncoding.from_json(json.loads(json.dumps(encoding.to_json())))
    order = np.random.default_rng(0).permutation(len(frame))
    shuffled = frame.iloc[order][frame.columns[::-1]].assign(beside=1)
    np.testing.assert_array_equal(again.rows(shuffled, source="data frame"), rows[order])
    np.testing.assert_array_equal(again.rows(frame.iloc[[7]], source="data frame"), rows[[7]])
    assert (again.columns, again.width, again.one_hots) == (encoding.columns, encoding.width, encoding.one_hots)
    assert "currency" not in encoding.columns
    assert any("'currency'" in notice for notice in encoding.notices)
    for start, stop in encoding.one_hots:
        np.testing.assert_array_equal(rows[:, start:stop].sum(axis=1), 1)


def test_by_column_adds_up_what_belongs_together():
    encoding, rows = encode(toy_payments(300, seed=0))
    parts = encoding.by_column(rows**2)
    assert parts.shape == (300, len(encoding.columns))
    np.testing.assert_allclose(parts.sum(axis=1), (rows**2).sum(axis=1))
    merchant = encoding.columns.index("merchant")
    np.testing.assert_allclose(parts[:, merchant], 1)


def test_what_cannot_be_encoded_names_column_and_row():
    encoding = RowEncoding.fit(Table.of(pd.DataFrame({"amount": np.arange(50.0), "shop": list("ab") * 25})))
    good = pd.DataFrame({"amount": [1.0, 2.0], "shop": ["a", "b"]})
    with pytest.raises(UnknownNameError, match=r"no column 'amount'.*did you mean 'amounts'"):
        encoding.check(good.rename(columns={"amount": "amounts"}), source="data frame")
    with pytest.raises(InputError, match=r"column 'amount', row 2 is infinite"):
        encoding.check(good.assign(amount=[1.0, -np.inf]), source="data frame")
    with pytest.raises(InputError, match=r"'amount' stands over two"):
        encoding.check(pd.concat([good, good[["amount"]]], axis=1), source="data frame")
    with pytest.raises(InputError, match=r"column 'amount', row 2: 'much' is not a number"):
        encoding.rows(good.astype(object).assign(amount=["1", "much"]), source="data frame")


def test_nothing_that_varies_is_refused():
    with pytest.raises(UnsuitableDataError, match="no row can be odd"):
        RowEncoding.fit(Table.of(pd.DataFrame({"a": np.ones(30), "b": ["x"] * 30})))
