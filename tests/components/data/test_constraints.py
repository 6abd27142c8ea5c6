"""Constraints: the grammar, what real rows must keep, and that the way there and back cannot break them."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ganforge.data.codec import Codec
from ganforge.data.constrained import Constrained
from ganforge.data.constraints import Inequality, Sum, parse, plan, read_constraints
from ganforge.data.schema import Schema
from ganforge.data.streams import stream_table
from ganforge.data.table import Table
from ganforge.errors import InputError, UnknownNameError


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a <= b", Inequality("a", "b")),
        ("a>=b", Inequality("b", "a")),
        ("net + tax = gross", Sum(["net", "tax"], "gross")),
        ("gross=net+tax+fee", Sum(["net", "tax", "fee"], "gross")),
        ('"opened at" <= closed', Inequality("opened at", "closed")),
        ("`a+b` + 'c = d' = \"it's\"", Sum(["a+b", "c = d"], "it's")),
        ("größe.min <= größe.max", Inequality("größe.min", "größe.max")),
    ],
)
def test_a_constraint_is_read_and_written(text, meant):
    assert parse(text) == meant
    assert parse(str(meant)) == meant


@pytest.mark.parametrize(
    "text",
    ["", "a", "a <=", "<= a", "a < b", "a <= b <= c", "a + b", "a = b", "a + b = c + d", "a b <= c", "a <= 'b",
     "a == b", "__import__('os') <= b", "a <= b; c <= d", "a - b = c"],
)  # fmt: skip
def test_anything_else_is_refused(text):
    with pytest.raises(InputError, match="is not understood"):
        parse(text)


def test_a_schema_file_names_constraints_beside_kinds(tmp_path):
    path = tmp_path / "schema.yaml"
    path.write_text("""age: integer\nconstraints:\n  - '"opened at" <= closed'\n  - net + tax = gross\n""")
    assert Schema.read(path) == {"age": "integer"}
    assert read_constraints(path) == (Inequality("opened at", "closed"), Sum(["net", "tax"], "gross"))
    (tmp_path / "schema.json").write_text(json.dumps({"constraints": ["a <= b"]}))
    assert read_constraints(tmp_path / "schema.json") == (Inequality("a", "b"),)
    assert read_constraints({"age": "integer"}) == ()


def test_what_can_be_made_is_and_the_rest_is_left_to_rejection():
    a_b, b_c, c_a, a_c = (Inequality(*pair) for pair in ("ab", "bc", "ca", "ac"))
    assert plan([b_c, a_b]) == ((a_b, b_c), ())
    assert plan([a_b, b_c, c_a]) == ((a_b, b_c), (c_a,))
    assert plan([a_b, b_c, a_c]) == ((a_b, b_c), (a_c,))
    whole = Sum("ab", "c")
    assert plan([a_c, whole]) == ((a_c,), (whole,))
    assert plan([whole, Inequality("c", "d"), a_b]) == ((a_b, whole, Inequality("c", "d")), ())


def table(**columns) -> Table:
    return Table.of(pd.DataFrame(columns))


@pytest.mark.parametrize(
    ("constraint", "columns", "error", "words"),
    [
        ("a <= b", {"a": [1.0, 5.0, 7.0], "b": [2.0, 4.0, 6.0]}, InputError, "row 2 breaks.*a 5.0, b 4.0; 2 such"),
        ("a + b = c", {"a": [1, 2], "b": [1, 2], "c": [2, 5]}, InputError, r"row 2 breaks the constraint a \+ b = c"),
        ("a <= z", {"a": [1], "b": [1]}, UnknownNameError, "no column 'z'"),
        ("a <= b", {"a": [1, 2], "b": ["x", "y"]}, InputError, "'b' holds texts"),
        ("a <= b", {"a": [1, 2], "b": pd.to_datetime(["2025-01-01"] * 2)}, InputError, "'b' holds dates"),
        ("a <= b", {"a": ["06:30"] * 2, "b": pd.to_datetime(["2025-01-01"] * 2)}, InputError, "'a' holds times of day"),
        ("a <= b", {"a": ["06:30", "09:15"], "b": ["06:30", "09:00"]}, InputError, "row 2 .*a 09:15:00, b 09:00:00; 1"),
        (
            "a <= b",
            {"a": ["06:30", "09:15", "late"] * 20, "b": ["12:00", "23:00"] * 30},
            InputError,
            "but 'a' holds texts, 'b' holds times of day; most of 'a' are times of day: .* that it is datetime",
        ),
        ("a + b = c", {name: ["06:30", "09:15"] for name in "abc"}, InputError, "needs numbers, but 'a' holds times"),
        ("a + b = a", {"a": [1, 2], "b": [0, 0]}, InputError, "a column stands in it twice"),
    ],
)
def test_rows_and_columns_that_do_not_fit_are_named(constraint, columns, error, words):
    with pytest.raises(error, match=words):
        Constrained.fit([constraint], table(**columns))


def gappy(values: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    return np.where(gaps, np.nan, values)


N = 30
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # shrinking whole tables would take minutes
numbers = st.one_of(
    arrays(np.int64, N, elements=st.integers(-1000, 1000)).map(lambda x: x.astype(float)),
    arrays(np.int64, N, elements=st.integers(-(10**6), 10**6)).map(lambda x: x / 100),
    arrays(np.float64, N, elements=st.floats(-1e9, 1e9, allow_nan=False)),
)
gaps = arrays(np.bool_, N, elements=st.booleans())


@given(a=numbers, b=numbers, c=numbers, missing=st.lists(gaps, min_size=3, max_size=3), flags=st.integers(0, 7))
@settings(max_examples=60, deadline=None, phases=PHASES)
def test_inequalities_come_back_and_no_made_row_breaks_them(a, b, c, missing, flags):
    """flags: which columns have gaps. Rows are made of the columns that are learned, each shuffled by itself."""
    values = np.sort(np.stack([a, b, c]), axis=0)
    holes = [mask & bool(flags >> k & 1) for k, mask in enumerate(missing)]
    real = table(**{name: gappy(values[k], holes[k]) for k, name in enumerate("abc")}, other=np.arange(N) % 3)
    constrained = Constrained.fit(["a <= b", "b <= c"], real)
    constrained = Constrained.from_json(json.loads(json.dumps(constrained.to_json())))
    learned = constrained.apply(real)
    back = constrained.restore(learned.frame)
    assert list(back.columns) == list(real.frame.columns)
    for name in "abc":
        np.testing.assert_array_equal(back[name].isna(), real.frame[name].isna())
        np.testing.assert_allclose(back[name].astype(float), real.frame[name].astype(float), rtol=1e-9, atol=1e-6)
    rng = np.random.default_rng(0)
    made = constrained.restore(learned.frame.apply(lambda series: rng.permutation(series.to_numpy())))
    for each in constrained.kept_by_making:
        assert each.holds(made).all()
    if not flags:  # a low value whose high one was missing may lie above all high ones
        assert (made.min() >= real.frame.min()).all()
        assert (made.max() <= real.frame.max()).all()


@given(a=numbers, b=numbers, missing=st.lists(gaps, min_size=3, max_size=3), flags=st.integers(0, 7))
@settings(max_examples=60, deadline=None, phases=PHASES)
def test_sums_come_back_and_no_made_row_breaks_them(a, b, missing, flags):
    holes = [mask & bool(flags >> k & 1) for k, mask in enumerate(missing)]
    whole = {"a": a, "b": b, "c": a + b}
    real = table(**{name: gappy(whole[name], holes[k]) for k, name in enumerate("abc")}, other=np.arange(N) % 3)
    constrained = Constrained.fit([Sum(["a", "b"], "c")], real)
    constrained = Constrained.from_json(json.loads(json.dumps(constrained.to_json())))
    learned = constrained.apply(real)
    back = constrained.restore(learned.frame)
    for name in "abc":
        np.testing.assert_array_equal(back[name].isna(), real.frame[name].isna())
        np.testing.assert_allclose(back[name].astype(float), real.frame[name].astype(float), rtol=1e-9, atol=1e-6)
    rng = np.random.default_rng(0)
    made = constrained.restore(learned.frame.apply(lambda series: rng.permutation(series.to_numpy())))
    assert constrained.kept_by_making[0].holds(made).all()


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_dates_keep_their_steps_and_gaps(zone):
    rng = np.random.default_rng(1)
    opened = pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 10**7, 200), unit="s"))
    closed = (opened + pd.to_timedelta(rng.integers(0, 40, 200), unit="D")).dt.ceil("D")
    opened, closed = opened.dt.tz_localize(zone), closed.dt.tz_localize(zone)
    real = table(opened=opened.mask(rng.random(200) < 0.2), closed=closed.mask(rng.random(200) < 0.2))
    constrained = Constrained.fit(["opened <= closed"], real)
    learned = constrained.apply(real)
    assert learned.frame["closed - opened"].min() >= 0
    pd.testing.assert_frame_equal(constrained.restore(learned.frame), real.frame)
    made = constrained.restore(learned.frame.apply(lambda series: series.sample(frac=1, random_state=3).array))
    assert Inequality("opened", "closed").holds(made).all()
    midnights = made["closed"].dropna().dt.tz_localize(None)
    assert (midnights == midnights.dt.floor("h")).all()


def test_whole_numbers_stay_whole_and_dtypes_come_back():
    rng = np.random.default_rng(2)
    low = rng.integers(0, 500, 300)
    frame = pd.DataFrame(
        {"low": low.astype("int16"), "high": low + rng.integers(0, 99, 300), "x": rng.normal(size=300)}
    )
    frame["sum"] = frame["low"].astype(int) + frame["high"]
    real = Table.of(frame)
    constrained = Constrained.fit(["low <= high", "low + high = sum"], real)
    learned = constrained.apply(real)
    codec = Codec.fit(learned)
    made = constrained.as_given(constrained.restore(codec.decode(codec.encode(learned), as_given=False)))
    assert dict(made.dtypes.astype(str)) == {"low": "int16", "high": "int64", "x": "float64", "sum": "int64"}
    assert (made["low"] <= made["high"]).all()
    assert (made["sum"] == made["low"].astype(int) + made["high"]).all()


TIMES = {
    "HH:MM": lambda texts: texts,
    "HH:MM:SS": lambda texts: texts + ":00",
    "objects": lambda texts: texts.map(dt.time.fromisoformat, na_action="ignore"),
    "arrow": lambda texts: texts.map(dt.time.fromisoformat, na_action="ignore").astype(pd.ArrowDtype(pa.time64("us"))),
}


@pytest.mark.parametrize("form", TIMES)
@pytest.mark.parametrize("few", [("opened",), ("closed",), ("opened", "closed"), ()], ids=str)
@pytest.mark.parametrize("where", ["memory", "batches"])
def test_times_of_day_are_compared_be_they_many_or_few(form, few, where, tmp_path):
    rng = np.random.default_rng(3)
    opened, closed = rng.integers(300, 700, 400), rng.integers(700, 1400, 400)
    opened = rng.choice([390, 480], 400) if "opened" in few else opened
    closed = rng.choice([750, 1080, 1395], 400) if "closed" in few else closed
    rows = pd.DataFrame({"opened": opened, "closed": closed}).map(lambda each: f"{each // 60:02d}:{each % 60:02d}")
    rows = rows.mask(rng.random((400, 2)) < 0.1).apply(TIMES[form]).assign(x=rng.normal(size=400))
    real = Table.of(rows)
    if where == "batches":
        path = tmp_path / ("t.csv" if form.startswith("HH") else "t.parquet")
        rows.to_csv(path, index=False) if form.startswith("HH") else rows.to_parquet(path)
        real = stream_table(path, sample=150, batch=90)
    constrained = Constrained.fit(["opened <= closed"], real)
    constrained = Constrained.from_json(json.loads(json.dumps(constrained.to_json())))
    learned = constrained.apply(real)
    assert learned.schema["opened"].kind == ("categorical" if "opened" in few else "datetime")
    learned, real = (each if isinstance(each, Table) else each.take(np.arange(400)) for each in (learned, real))
    assert learned.frame["closed - opened"].min() >= 0
    pd.testing.assert_frame_equal(constrained.restore(learned.frame), real.frame)
    mixed = learned.frame.apply(lambda series: series.sample(frac=1, random_state=3).array)
    made = constrained.as_given(constrained.restore(mixed))
    spelled = made[["opened", "closed"]].astype(str)
    assert (spelled["opened"] <= spelled["closed"])[made.notna().all(axis=1)].all()
    assert set(made["opened"].dropna()) <= set(rows["opened"].dropna())
    assert made["closed"].dropna().between(rows["closed"].dropna().min(), rows["closed"].dropna().max()).all()
    if where == "memory":
        assert made.dtypes.equals(rows.dtypes)


def test_two_columns_of_times_of_day_that_are_categories_are_left_to_rejection_as_others_are():
    rng = np.random.default_rng(4)
    a, b, c = (rng.choice(each, 200) for each in (["06:30", "07:00"], ["08:00", "09:30"], ["10:00", "23:00"]))
    real = table(a=a.astype(object), b=b.astype(object), c=c.astype(object), x=rng.normal(size=200))
    constrained = Constrained.fit(["a <= b", "b <= c", "a <= c"], real)
    assert constrained.rejecting == (Inequality("a", "c"),)
    learned = constrained.apply(real)
    pd.testing.assert_frame_equal(constrained.restore(learned.frame), real.frame)
    swapped = real.frame.assign(a=["11:00", *real.frame["a"][1:]])
    assert constrained.holds(swapped).tolist() == [str(c[0]) >= "11:00", *[True] * 199]
