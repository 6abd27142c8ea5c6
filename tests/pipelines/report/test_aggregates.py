"""What leaves the rows behind: bins, bands and curves that hold no single value."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from ganforge.errors import InputError
from ganforge_pipelines.report.aggregates import (
    MISSING,
    OTHERS,
    band,
    compare_columns,
    found_curve,
    rank_within,
    score_histogram,
)
from ganforge_pipelines.report.content import ColumnComparison
from ganforge_pipelines.report.distributions import column_chart


def one(real: list | pd.Series, synthetic: list | pd.Series, **options) -> ColumnComparison:
    frames = (pd.DataFrame({"x": values}) for values in (real, synthetic))
    return compare_columns(*frames, distances={"x": 0.1}, **options)[0]


def test_shares_add_up_to_one():
    rng = np.random.RandomState(0)
    numbers = one(rng.normal(size=500).tolist(), rng.normal(1, 2, size=300).tolist())
    words = one(["a"] * 50 + ["b"] * 30, ["a"] * 10 + ["c"] * 10)
    for column in (numbers, words):
        assert sum(column.real) == pytest.approx(1)
        assert sum(column.synthetic) == pytest.approx(1)


def test_the_worst_columns_stand_first():
    frame = pd.DataFrame({"a": range(100), "b": range(100), "c": range(100)})
    made = compare_columns(frame, frame, distances={"a": 0.1, "b": 0.3, "c": 0.2}, worst=2)
    assert [column.name for column in made] == ["b", "c"]


def test_no_extreme_of_a_real_row_shows():
    """One payment of a million among thousands: no bin may end there."""
    values = np.concatenate([np.linspace(1, 100, 5000), [1e6]])
    assert max(one(values.tolist(), values.tolist()).edges) < 101


def test_few_rows_are_drawn_in_few_bins():
    values = np.random.RandomState(0).normal(size=40).tolist()
    assert len(one(values, values).real) < 12


def test_no_rare_category_shows():
    column = one(["shop"] * 200 + ["a name nobody else has"], ["shop"] * 100)
    assert list(column.labels) == ["shop", OTHERS]
    assert sum(column.real) == pytest.approx(1)


def test_times_of_day_are_drawn_by_the_clock():
    day = pd.Timestamp(0)
    real = pd.Series(day + pd.to_timedelta(np.arange(360, 1_320), unit="min"))  # from 06:00 to 22:00
    late = real[real >= day + pd.Timedelta(12, "h")]
    column = one(real, late.reset_index(drop=True), of_day=["x"])
    assert (column.dates, column.of_day, column.log) == (False, True, False)
    chart = column_chart(column, key="c")
    ticks = re.findall(r">(\d\d:\d\d)<", str(chart.svg))
    assert ticks == ["06:00", "12:00", "18:00"]
    assert re.match(r"x: too many from 11:\d\d to 21:\d\d \(", chart.title)
    assert "1970" not in str(chart.svg) + chart.title


def test_an_identifier_becomes_one_bar():
    column = one([f"id{k}" for k in range(300)], [f"id{k}" for k in range(300)])
    assert list(column.labels) == [OTHERS]


def test_missing_values_are_a_category():
    column = one(["a"] * 50 + [None] * 50, ["a"] * 10)
    assert dict(zip(column.labels, column.real, strict=True)) == pytest.approx({"a": 0.5, MISSING: 0.5})


def test_every_dtype_of_a_reader_is_drawn():
    n = 60
    frame = pd.DataFrame(
        {
            "float": np.linspace(0, 1, n),
            "nullable": pd.array([None, *range(n - 1)], dtype="Int64"),
            "bool": [True, False] * (n // 2),
            "nullable bool": pd.array([True, None] * (n // 2), dtype="boolean"),
            "category": pd.Categorical(["a", "b"] * (n // 2)),
            "string": pd.array(["x", "y"] * (n // 2), dtype="string"),
            "date": pd.date_range("2026-01-01", periods=n),
            "zoned": pd.date_range("2026-01-01", periods=n, tz="Europe/Berlin"),
            "constant": [1.0] * n,
            "nothing": [np.nan] * n,
        }
    )
    made = compare_columns(frame, frame, distances=dict.fromkeys(frame.columns, 0.0), worst=20)
    assert len(made) == frame.shape[1]
    for column in made:
        assert np.allclose(column.real, column.synthetic)
        assert sum(column.real) == pytest.approx(1)
    assert {column.name for column in made if column.dates} == {"date", "zoned"}


def test_a_heavy_tail_is_binned_on_a_log_scale():
    values = np.random.RandomState(0).lognormal(3, 2, 2000).tolist()
    column = one(values, values)
    assert column.log
    assert np.allclose(np.diff(np.log(column.edges)), np.diff(np.log(column.edges))[0])


def test_band_is_mean_lowest_and_highest():
    curve = band("none", [([0, 1], [1, 0]), ([0, 1], [0.5, 0])], grid=[0, 0.5, 1])
    assert curve.y == pytest.approx([0.75, 0.375, 0])
    assert curve.low == pytest.approx([0.5, 0.25, 0])
    assert curve.high == pytest.approx([1, 0.5, 0])
    assert band("none", [([0, 1], [1, 0])]).low is None


def test_band_takes_the_largest_of_several_at_one_place():
    curve = band("none", [([1, 0.5, 0.5, 0], [0.1, 0.4, 0.9, 1])], grid=[0.5])
    assert curve.y == pytest.approx([0.9])


def test_found_curve_counts_from_the_top():
    curve = found_curve("d", scores=[0.1, 0.9, 0.8, 0.2], is_anomaly=[False, True, False, True])
    assert dict(zip(curve.x, curve.y, strict=True)) == {0: 0.0, 1: 0.5, 2: 0.5, 3: 1.0, 4: 1.0}


def test_found_curve_a_day_looks_at_every_day_for_itself():
    """The odd rows of day 2 are odder than all of day 1; still each day has its own alerts."""
    scores, day = [1.0, 2.0, 3.0, 11.0, 12.0, 13.0], [1, 1, 1, 2, 2, 2]
    curve = found_curve("d", scores, [False, False, True, True, True, True], day=day)
    assert dict(zip(curve.x, curve.y, strict=True)) == {0: 0.0, 1: 0.5, 2: 0.75, 3: 1.0}
    pooled = found_curve("d", scores, [False, False, True, True, True, True])
    assert dict(zip(pooled.x, pooled.y, strict=True))[2] == 0.5


def test_rank_within_takes_the_earlier_of_equals_first():
    assert rank_within(np.array([1.0, 2.0, 2.0, 9.0]), np.array([0, 0, 0, 7])).tolist() == [3, 1, 2, 1]
    assert rank_within(np.array([]), np.array([])).tolist() == []


def test_score_histogram_keeps_classes_apart():
    scores = np.concatenate([np.random.RandomState(0).normal(0, 1, 1000), np.full(20, 8.0)])
    histogram = score_histogram("d", scores, np.arange(1020) >= 1000, threshold=5.0)
    assert sum(histogram.normal) == pytest.approx(1)
    assert sum(histogram.anomalous) == pytest.approx(1)
    assert histogram.anomalous[-1] == pytest.approx(1)
    assert histogram.edges[-1] >= 8.0
    assert score_histogram("d", scores).anomalous is None


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(InputError, match="'x'"):
        ColumnComparison(name="x", distance=0, measure="KS", real=[1.0], synthetic=[0.5, 0.5], edges=[0, 1, 2])
