"""Copies and SMOTE-NC rows: the right number, the table's own make, between their neighbours."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from ganforge.data.schema import Schema
from ganforge.data.table import Table
from ganforge.downstream.applying import augmented
from ganforge.downstream.balancing import balanced_rows, copied_rows, smote_rows
from ganforge.downstream.leaks import MARK
from ganforge.errors import UnknownNameError, UnsuitableDataError


@pytest.fixture
def mixed():
    rng = np.random.default_rng(0)
    n = 200
    amount = np.round(rng.gamma(2, 30, n), 2)
    frame = pd.DataFrame(
        {
            "amount": np.where(np.arange(n) % 9 == 0, np.nan, amount),
            "items": rng.integers(1, 40, n),
            "shop": rng.choice(["web", "till", None], n, p=[0.5, 0.4, 0.1]),
            "card": rng.random(n) < 0.5,
            "at": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 10_000, n) * 60, unit="s"),
            "currency": "EUR",
            "payment_id": [f"P{k:05d}" for k in range(n)],
        }
    )
    return Table.of(frame), np.arange(n) < 12


def test_smote_rows_are_of_the_tables_make(mixed):
    table, positive = mixed
    made = smote_rows(table, positive, 30, random_state=0)
    assert len(made) == 30
    assert list(made.columns) == list(table.frame.columns)
    real = table.frame[positive]
    assert made["amount"].between(real["amount"].min(), real["amount"].max()).all()
    assert made["items"].dtype == np.int64
    assert made["items"].between(real["items"].min(), real["items"].max()).all()
    assert set(made["shop"].dropna()) <= set(real["shop"].dropna())
    assert made["card"].dtype == bool
    assert made["at"].between(real["at"].min(), real["at"].max()).all()
    assert set(made["currency"]) == {"EUR"}
    assert not set(made["payment_id"]) & set(table.frame["payment_id"])
    assert (np.round(made["amount"], 2) == made["amount"]).all()
    Table.of(made, schema=table.schema)  # can be read by the same schema


def test_a_new_row_lies_between_two_positive_ones():
    frame = pd.DataFrame({"x": [0.0, 10.0, *np.linspace(50, 60, 30)], "y": [0.0, 1000.0, *np.linspace(0, 9, 30)]})
    positive = np.arange(32) < 2
    made = smote_rows(Table.of(frame), positive, 50, random_state=0)
    assert made["x"].between(0, 10).all()
    assert np.allclose(made["y"], 100 * made["x"], atol=1)
    assert made["x"].nunique() > 40


def test_neighbours_do_not_hang_on_units():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 2)), columns=pd.Index(["a", "b"]))
    positive = np.arange(60) < 15
    made = smote_rows(Table.of(frame), positive, 40, random_state=0)
    scaled = smote_rows(Table.of(frame.assign(b=frame["b"] * 1e6)), positive, 40, random_state=0)
    assert np.allclose(made["a"], scaled["a"])


def test_what_a_classifier_does_not_see_makes_no_neighbours(mixed):
    """The file has the rows of the arm that was judged: those of a table without target and clock."""
    table, positive = mixed
    n = len(table)
    attack = np.where(positive, np.where(table.frame["items"] > 20, "probe", "flood"), "normal")
    clock = np.random.default_rng(1).permutation(n) * 60.0
    whole = Table.of(table.frame.assign(attack=attack, clock=clock))
    judged = smote_rows(whole.drop("attack", "clock"), positive, 30, random_state=0)
    for time, unseen in ((None, ["attack"]), ("clock", ["attack", "clock"])):
        made = augmented(whole, "attack", arm="smote-nc", ratio=42 / (n - 12), time=time).frame
        added = made[made[MARK]].reset_index(drop=True)
        written = smote_rows(whole, positive, 30, unseen=unseen, random_state=0)
        for name in judged.columns.drop("payment_id"):
            pd.testing.assert_series_equal(added[name], written[name], check_dtype=False)
            if time is not None:
                pd.testing.assert_series_equal(added[name], judged[name], check_dtype=False)
        assert set(added["attack"]) == {"flood", "probe"}
        if time is not None:
            assert set(added["clock"]) <= set(clock[positive])  # of the nearest, not between two


@pytest.mark.parametrize("arm", ["random oversampling", "smote-nc"])
def test_added_rows_are_in_the_dtypes_of_the_real_ones(mixed, arm):
    table, positive = mixed
    minutes = np.arange(len(table)) * 7 % 1_440
    frame = table.frame.assign(
        began=[dt.time(int(each) // 60, int(each) % 60) for each in minutes],
        took=pd.to_timedelta(minutes, unit="min"),
        fraud=positive,
    )
    made = augmented(Table.of(frame), "fraud", arm=arm, ratio=0.5).frame
    added, real = made[made[MARK]], frame[positive]
    for name in ("began", "took"):
        assert made[name].dtype == frame[name].dtype
        assert real[name].min() <= added[name].min() <= added[name].max() <= real[name].max()


@pytest.mark.parametrize("arm", ["random oversampling", "smote-nc"])
@pytest.mark.parametrize("mixed_widths", [True, False])
def test_real_rows_keep_the_texts_of_their_times_of_day(mixed, arm, mixed_widths):
    table, positive = mixed
    at = [f"{k * 7 % 24:02d}:{k % 60:02d}:01.{k % 3:03d}" for k in range(len(table))]
    if mixed_widths:
        at[:3] = ["06:31:07.5", "06:31", "23:59:59.9999999"]
    frame = table.frame.assign(at=at, fraud=positive)
    made = augmented(Table.of(frame), "fraud", arm=arm, ratio=0.5).frame
    assert made.loc[~made[MARK], "at"].tolist() == at
    width = r"(\.\d*[1-9])?" if mixed_widths else r"\.\d{3}"
    assert made.loc[made[MARK], "at"].str.fullmatch(r"\d\d:\d\d:\d\d" + width).all()


def test_an_unseen_column_is_that_of_the_nearest_row():
    x = [0.0, 0.1, 0.2, 9.0, 9.1, 9.2, *np.linspace(50, 60, 30)]
    kind = ["near"] * 3 + ["far"] * 3 + ["none"] * 30
    frame = pd.DataFrame({"x": x, "shop": "a", "kind": kind})
    made = balanced_rows("smote-nc", Table.of(frame), np.arange(36) < 6, ratio=1.0, unseen=["kind"])
    assert len(made) == 24
    nearer = np.abs(made["x"] - 0.1) < np.abs(made["x"] - 9.1)
    clear = np.abs(made["x"] - 4.6) > 2
    assert (np.where(nearer, "near", "far") == made["kind"])[clear].all()
    assert set(made["kind"]) == {"near", "far"}
    categories = Table.of(frame.drop(columns="x").assign(till=["u", "v"] * 18, shop=["a", "b", "c"] * 12))
    assert set(smote_rows(categories, np.arange(36) < 6, 9, unseen=["kind"], random_state=0)["kind"]) <= {"near", "far"}


def test_categories_alone_are_smoten():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.choice(["a", "b", "c"], 80) for name in ("x", "y", "z")})
    made = smote_rows(Table.of(frame), np.arange(80) < 10, 20, random_state=0)
    assert len(made) == 20
    assert set(made["x"]) <= {"a", "b", "c"}


def test_one_positive_has_no_neighbour(mixed):
    table, _ = mixed
    with pytest.raises(UnsuitableDataError, match="two positive rows at least, not 1"):
        smote_rows(table, np.arange(200) == 3, 5, random_state=0)
    with pytest.raises(UnsuitableDataError, match="no positive row"):
        copied_rows(table, np.zeros(200, dtype=bool), 5, random_state=0)


def test_copies_are_positive_rows(mixed):
    table, positive = mixed
    made = copied_rows(table, positive, 40, random_state=0)
    assert len(made) == 40
    assert set(made["payment_id"]) <= set(table.frame.loc[positive, "payment_id"])
    assert made["payment_id"].nunique() > 6


def test_a_ratio_is_reached(mixed):
    table, positive = mixed
    for arm in ("random oversampling", "smote-nc"):
        assert len(balanced_rows(arm, table, positive, ratio=0.25)) == 47 - 12  # .25 · 188
    with pytest.raises(UnknownNameError, match="smote-nc"):
        balanced_rows("smote", table, positive, ratio=0.5)


def test_the_same_seed_gives_the_same_rows(mixed):
    table, positive = mixed
    once, again, other = (smote_rows(table, positive, 10, random_state=seed) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(once, again)
    assert not once["amount"].equals(other["amount"])
    assert Schema.infer(table.frame) == table.schema  # the table is as it was
