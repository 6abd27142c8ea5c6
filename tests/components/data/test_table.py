"""Schema and table: every dtype pandas has, what is inferred of it, and what is refused with column and row."""

import datetime as dt
import decimal
import json

import numpy as np
import pandas as pd
import pytest

from ganforge.data.schema import Column, Schema
from ganforge.data.table import Table, conform
from ganforge.data.toy import toy_payments
from ganforge.errors import InputError, UnknownNameError

N = 60
DAYS = pd.Series(pd.date_range("2025-01-01", periods=N))
FAR = [dt.datetime(9999, 12, 31), *[dt.datetime(2025, 1, 1 + k % 28) for k in range(1, N)]]
WHOLE = list(range(N))
HOLED = [None if k % 7 == 0 else k for k in range(N)]

DTYPES = {
    "int8": (pd.Series(WHOLE[::-1], dtype="int8"), "int64", "integer"),
    "uint32": (pd.Series(WHOLE[::-1], dtype="uint32"), "int64", "integer"),
    "Int64": (pd.Series(HOLED, dtype="Int64"), "float64", "integer"),
    "UInt8 whole": (pd.Series(WHOLE[::-1], dtype="UInt8"), "int64", "integer"),
    "float32": (pd.Series([0.1 * k for k in WHOLE], dtype="float32"), "float64", "continuous"),
    "Float64": (pd.Series([None, *[0.5 * k for k in WHOLE[1:]]], dtype="Float64"), "float64", "continuous"),
    "bool": (pd.Series([k % 3 == 0 for k in WHOLE]), "bool", "boolean"),
    "boolean": (pd.Series([None, *[k % 3 == 0 for k in WHOLE[1:]]], dtype="boolean"), "object", "boolean"),
    "object of bool": (pd.Series([None, *[k % 3 == 0 for k in WHOLE[1:]]], dtype=object), "object", "boolean"),
    "string": (pd.Series([f"k{k % 4}" for k in WHOLE], dtype="string"), "object", "categorical"),
    "category": (pd.Series([f"k{k % 4}" for k in WHOLE]).astype("category"), "object", "categorical"),
    "category of int": (pd.Series([k % 4 for k in WHOLE]).astype("category"), "int64", "categorical"),
    "datetime ns": (DAYS, "datetime64[ns]", "datetime"),
    "datetime s": (DAYS.astype("datetime64[s]"), "datetime64[ns]", "datetime"),
    "datetime zone": (
        pd.Series(pd.date_range("2025-01-01", periods=N, tz="Europe/Berlin")),
        "datetime64[ns, Europe/Berlin]",
        "datetime",
    ),
    "far dates": (pd.Series(FAR, dtype=object), "datetime64[us]", "datetime"),
    "dates": (pd.Series([dt.date(2025, 1, 1 + k % 28) for k in WHOLE], dtype=object), "datetime64[ns]", "datetime"),
    "ISO texts": (pd.Series([f"2025-01-{1 + k % 28:02d}T10:00:00" for k in WHOLE]), "datetime64[ns]", "datetime"),
    "period": (pd.Series(pd.period_range("2025-01", periods=N, freq="M")), "datetime64[ns]", "datetime"),
    "timedelta": (pd.Series(pd.to_timedelta(WHOLE, unit="s") * 1.5), "float64", "continuous"),
    "decimal": (pd.Series([decimal.Decimal(k) / 4 for k in WHOLE], dtype=object), "float64", "continuous"),
    "sparse": (pd.Series(pd.arrays.SparseArray([0.5 * (k % 20) for k in WHOLE])), "float64", "continuous"),
    "arrow int": (pd.Series(HOLED, dtype="int32[pyarrow]"), "float64", "integer"),
    "arrow float": (pd.Series([0.5 * k for k in WHOLE], dtype="double[pyarrow]"), "float64", "continuous"),
    "arrow bool": (pd.Series([k % 2 == 0 for k in WHOLE], dtype="bool[pyarrow]"), "bool", "boolean"),
    "arrow string": (pd.Series([f"k{k % 4}" for k in WHOLE], dtype="string[pyarrow]"), "object", "categorical"),
    "arrow timestamp": (DAYS.astype("timestamp[us][pyarrow]"), "datetime64[ns]", "datetime"),
    "all missing": (pd.Series([None] * N, dtype=object), "float64", "constant"),
    "constant": (pd.Series(["EUR"] * N), "object", "constant"),
    "0 and 1": (pd.Series([k % 2 for k in WHOLE]), "int64", "categorical"),
    "0.0 and 1.0": (pd.Series([float(k % 2) for k in WHOLE]), "float64", "categorical"),
    "beyond 2^53 with holes": (pd.Series([None, *[2**60 + k for k in WHOLE[1:]]], dtype="Int64"), "Int64", "integer"),
    "one value and missing": (pd.Series([None, *[7] * (N - 1)], dtype="Int64"), "float64", "categorical"),
    "distinct texts": (pd.Series([f"K{k:04d}" for k in WHOLE]), "object", "identifier"),
    "sentences": (pd.Series([f"payment number {k} of the month was late again" for k in WHOLE]), "object", "text"),
}  # fmt: skip


@pytest.mark.parametrize("name", DTYPES)
def test_every_dtype_comes_down_to_a_few(name):
    series, dtype, kind = DTYPES[name]
    table = Table.of(pd.DataFrame({"a": series}))
    assert str(table.frame["a"].dtype) == dtype
    assert table.schema["a"].kind == kind
    assert table.schema["a"].dtype == dtype
    assert table.frame["a"].isna().tolist() == series.isna().tolist()
    assert Schema.from_json(json.loads(json.dumps(table.schema.to_json()))) == table.schema
    again = Table.of(table.frame, schema=table.schema)
    assert again.fingerprint == table.fingerprint


def test_float32_keeps_its_short_decimals():
    table = Table.of(pd.DataFrame({"a": np.array([0.1, 2.35, 7.99] * 20, dtype=np.float32)}))
    assert table.frame["a"].tolist()[:3] == [0.1, 2.35, 7.99]
    assert table.schema["a"].decimals == 2


def test_what_is_seen_in_a_column():
    frame = pd.DataFrame(
        {
            "price": [1.5, 2.25, 3.0] * 20,
            "limit": [10_000, 20_000, 50_000, 70_000] * 15,
            "day": pd.to_datetime(["2025-01-01", "2025-01-03", "2025-02-01"] * 20),
            "grade": ["b", "a", "b"] * 20,
            "payment_id": range(60),
            "customerID": range(7, 67),
            "width": [7 * k % 60 for k in range(60)],
            "line": range(1_000, 1_060),  # numbers the rows, whatever its name
        }
    )
    schema = Schema.infer(frame, overrides={"limit": "integer"})
    assert schema["price"] == Column(name="price", kind="continuous", dtype="float64", low=1.5, high=3.0, decimals=2)
    assert (schema["limit"].decimals, schema["limit"].low) == (-4, 10_000)
    assert schema["day"].step == 86_400 * 10**9
    assert schema["grade"].categories == ("b", "a")
    assert schema.of_kind("identifier") == ("payment_id", "customerID", "line")
    assert schema["width"].kind == "integer"


def test_users_word_counts(tmp_path):
    frame = pd.DataFrame({"code": [1, 2, 3] * 10, "flag": ["yes", "no", "no"] * 10, "n": ["4", "5", "6"] * 10})
    (tmp_path / "kinds.yaml").write_text("code: integer\nflag: boolean\nn: {kind: continuous}\n")
    (tmp_path / "kinds.json").write_text('{"code": "integer", "flag": "boolean", "n": "continuous"}')
    for file in ("kinds.yaml", "kinds.json"):
        table = Table.of(frame, schema=tmp_path / file)
        assert [column.kind for column in table.schema] == ["integer", "boolean", "continuous"]
        assert table.frame["flag"].tolist()[:3] == [True, False, False]
        assert table.frame["n"].tolist()[:3] == [4, 5, 6]
    assert Table.of(frame).schema["code"].kind == "categorical"
    assert Schema.infer(frame, categorical=["n"])["n"].kind == "categorical"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("code: number\n", "no kind of column 'number'"),
        ("- a\n- b\n", "column: kind"),
        ("code: [", "not a schema in JSON or YAML"),
        ("kode: integer\n", "did you mean 'code'"),
    ],
)
def test_a_schema_file_that_is_none(tmp_path, text, said):
    path = tmp_path / "schema.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        Table.of(pd.DataFrame({"code": [1, 2]}), schema=path)
    with pytest.raises(InputError, match="no such schema file"):
        Schema.read(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1.0, np.inf, 2.0], r"column 'a', row 2: inf is not a finite number"),
        (["x", "y", 3], r"column 'a' mixes types: .* row 3 holds 3"),
        ([1, 2, "drei"], r"row 3 holds 'drei'"),
        ([[1], [2], [3]], r"column 'a', row 1: .* of type list"),
        ([1j, 2j, 3j], r"complex"),
        ([b"x", b"y", b"z"], r"of type bytes"),
        (["2025-01-01", "2025-01-32", "2025-01-02"], r"holds dates, but row 2 says '2025-01-32'"),
    ],
)
def test_what_cannot_be_learned_from_is_named(values, said):
    with pytest.raises(InputError, match=said):
        Table.of(pd.DataFrame({"a": values}), source="table.csv")


def test_tables_that_are_none():
    with pytest.raises(InputError, match="the name 'a' stands over columns 1 and 3"):
        Table.of(pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]))
    with pytest.raises(InputError, match="no rows"):
        Table.of(pd.DataFrame({"a": []}))
    with pytest.raises(InputError, match="no columns"):
        Table.of(pd.DataFrame(index=[0, 1]))
    with pytest.raises(InputError, match="not a pandas DataFrame"):
        Table.of([1, 2])
    with pytest.raises(InputError, match="several levels"):
        Table.of(pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])))


def test_columns_are_found_or_the_nearest_is_named():
    table = Table.of(toy_payments(50))
    assert table.column("amount").notna().all()
    with pytest.raises(UnknownNameError, match="no target 'is_frod' in data frame; did you mean 'is_fraud'"):
        table.column("is_frod", "target")


def test_time_in_seconds():
    table = Table.of(pd.DataFrame({"t": ["1970-01-01 00:00:10", "1970-01-02 00:00:00"], "s": [3, 5], "x": ["a", "b"]}))
    assert table.time("t").tolist() == [10.0, 86_400.0]
    assert table.time("s").tolist() == [3.0, 5.0]
    with pytest.raises(InputError, match=r"column 'x', row 1: 'a' does not parse as a date"):
        table.time("x")
    holed = Table.of(pd.DataFrame({"t": [1.0, None, 2.5]}))
    with pytest.raises(InputError, match="row 2: the time is missing"):
        holed.time("t")


def test_the_fingerprint_is_of_values_and_names():
    frame = toy_payments(200)
    table = Table.of(frame)
    assert Table.of(frame.copy()).fingerprint == table.fingerprint
    assert Table.of(frame.convert_dtypes(), schema=table.schema).fingerprint == table.fingerprint
    for other in (frame.iloc[::-1], frame.rename(columns={"age": "years"}), frame.assign(items=frame["items"] + 1)):
        assert Table.of(other).fingerprint != table.fingerprint
    assert table.take(np.arange(200)).fingerprint == table.fingerprint
    assert table.take(np.arange(5)).schema == table.schema
    assert table.drop("age").schema.names == tuple(name for name in frame.columns if name != "age")


def test_conform_brings_other_frames_to_the_schema():
    table = Table.of(toy_payments(100))
    frame = table.frame.iloc[:4]
    texts = frame.astype(object).where(frame.notna(), None)
    texts["booked_at"] = frame["booked_at"].astype(str)
    texts["items"] = frame["items"].astype(str)
    texts["is_fraud"] = frame["is_fraud"].astype(str)
    texts["online"] = frame["online"].map({True: "yes", False: "no"})
    back = conform(texts[list(reversed(texts.columns))].assign(extra=1), table.schema)
    pd.testing.assert_frame_equal(back, frame)
    with pytest.raises(UnknownNameError, match=r"no column 'amount'.*2 columns are missing: amount, items"):
        conform(frame.drop(columns=["items", "amount"]), table.schema)
    with pytest.raises(InputError, match=r"file.csv: column 'items', row 1: 'many' is not a number"):
        conform(texts.assign(items="many"), table.schema, source="file.csv")
