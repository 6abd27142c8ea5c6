"""Sentences about columns say where the gap is, and give no single row away."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from ganforge.data.schema import Schema
from ganforge.data.table import Table, conform
from ganforge.quality.margins import columns_beside
from ganforge.quality.wording import figure, percent, times


def beside(real: pd.DataFrame, made: pd.DataFrame, kept: pd.DataFrame):
    schema = Schema.infer(real)
    found = columns_beside(real, [made], [kept], Schema(tuple(each for each in schema if each.learned)))
    return {each.column: each for each in found}


@pytest.fixture
def amounts() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"amount": np.round(rng.exponential(20, 4_000), 2), "shop": rng.choice(["a", "b", "c"], 4_000)})


def test_too_few_small_amounts(amounts):
    real, kept = amounts.iloc[:2_000], amounts.iloc[2_000:]
    made = real[real["amount"] > 5]
    found = beside(real, made, kept)["amount"]
    cut = float((real["amount"] <= 5).mean())
    assert found.distance == pytest.approx(cut, abs=0.002)
    assert found.sentence.startswith(
        f"amount: synthetic rows have too few at or below 5 (0 %, the real ones {100 * cut:.0f} %); KS "
    )
    assert found.sentence.endswith(f"{found.ratio:.1f} × the floor") or found.ratio > 9.95


def test_a_category_too_often_and_gaps_too_seldom(amounts):
    amounts.loc[::4, "amount"] = np.nan
    real, kept = amounts.iloc[:2_000], amounts.iloc[2_000:]
    made = real.assign(shop=np.where(np.arange(2_000) % 3, real["shop"], "a"), amount=real["amount"].fillna(7))
    found = beside(real, made, kept)
    assert "synthetic rows say 'a' too often" in found["shop"].sentence
    assert "synthetic rows miss it too seldom (0 %, the real ones 25 %)" in found["amount"].sentence


def test_a_rare_value_is_not_named():
    real = pd.DataFrame({"town": ["Ulm"] * 500 + ["Köln"] * 480 + ["Tinyville"] * 3})
    made = pd.DataFrame({"town": ["Ulm"] * 500 + ["Tinyville"] * 483})
    sentence = beside(real, made, real)["town"].sentence
    assert "Tinyville" not in sentence
    assert "a rare value too often" in sentence or "'Köln' too seldom" in sentence


def test_dates_are_told_as_days(amounts):
    days = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(400) * 6, unit="h")
    real, made = pd.DataFrame({"at": days}), pd.DataFrame({"at": days[200:].repeat(2)})
    assert "too few at or below 2025-02-" in beside(real, made, real)["at"].sentence


def test_times_of_day_are_told_as_such():
    at = pd.Series([dt.time(6 + k // 60, k % 60) for k in range(960)])
    real, made = pd.DataFrame({"at": at}), pd.DataFrame({"at": at[at >= dt.time(12)].repeat(2)})
    table = Table.of(real, source="real")
    made = conform(made.iloc[:960].reset_index(drop=True), table.schema)
    (found,) = columns_beside(table.frame, [made], [table.frame], table.schema)
    assert "synthetic rows have too few at or below 11:56:40 (0 %, the real ones 37 %)" in found.sentence


def test_the_worst_stands_first_and_equal_ones_are_not_accused(amounts):
    real, kept = amounts.iloc[:2_000], amounts.iloc[2_000:]
    found = beside(real, kept.assign(shop="a"), kept)
    assert next(iter(found)) == "shop"
    assert "no further than other real rows" in found["amount"].sentence


@pytest.mark.parametrize(
    ("value", "told"), [(0.1234, ".12"), (0.034, ".034"), (1.2, "1.20"), (0, "0"), (-0.5, "−.50"), (0.0004, "0")]
)
def test_figures(value, told):
    assert figure(value) == told


def test_per_cents_and_times():
    assert [percent(each) for each in (0, 0.0004, 0.005, 0.034, 0.0501, 0.34, 1)] == [
        "0 %", "under .1 %", ".5 %", "3.4 %", "5 %", "34 %", "100 %",
    ]  # fmt: skip
    assert times(0.12, 0.02) == "6.0 × the floor"
    assert times(0.9, 0.02) == "45 × the floor"
    assert times(0.021, 0.02) == "no further than other real rows"
    assert times(0.1, 0) == "other real rows are not off at all"
