"""Every dtype that pandas or a reader gives comes back: values within bounds, categories, gaps and dtype."""

import datetime as dt
import decimal
import json
import tracemalloc

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dateutil.tz import tzstr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.api import types

from ganforge.data.clocks import offsets_east
from ganforge.data.codec import Codec, Encoded
from ganforge.data.dtypes import levels_of, spelled
from ganforge.data.features import PaymentFeatures
from ganforge.data.schema import Schema
from ganforge.data.streams import StreamedTable, stream_table
from ganforge.data.table import Table
from ganforge.data.tables import read_frame_chunks, read_table, read_table_chunks, read_verbatim_chunks
from ganforge.errors import InputError

INTEGERS = {f"{sign}int{bits}": (bits, sign == "u") for bits in (8, 16, 32, 64) for sign in ("", "u")}
SINGLES = st.floats(-(2.0**100), 2.0**100, width=32)
MILLI = pd.Timedelta(1, "ms")
CENTS = st.integers(-(10**6), 10**6).map(lambda cents: decimal.Decimal(cents) / 100)
MOMENTS = st.datetimes(dt.datetime(1980, 1, 1), dt.datetime(2090, 1, 1)).map(lambda each: each.replace(microsecond=0))
WORDS = st.sampled_from(["low", "mid", "high", "Ärger", "x y"])


def whole(bits, unsigned):
    if unsigned and bits == 64:  # beyond int64, numbers are floats: of 53 bits
        return st.one_of(st.integers(0, 2**53 - 1).map(lambda each: each * 2**11), st.sampled_from([0, 1]))
    low, high = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return st.one_of(st.integers(low, high), st.sampled_from([low, high, 0, 1]))


def nullable(name):
    return name.replace("int", "Int").replace("uI", "UI")


def arrow(kind):
    return pd.ArrowDtype(kind)


# name → (dtype, values, may some be missing?)
DTYPES = {
    **{name: (name, whole(*size), False) for name, size in INTEGERS.items()},
    **{nullable(name): (nullable(name), whole(*size), True) for name, size in INTEGERS.items()},
    **{f"arrow {name}": (arrow(pa.type_for_alias(name)), whole(*size), True) for name, size in INTEGERS.items()},
    "float32": ("float32", SINGLES, True),
    "float64": ("float64", st.floats(-1e300, 1e300), True),
    "Float32": ("Float32", SINGLES, True),
    "Float64": ("Float64", st.floats(-1e300, 1e300), True),
    "bool": ("bool", st.booleans(), False),
    "boolean": ("boolean", st.booleans(), True),
    "string[python]": (pd.StringDtype("python"), WORDS, True),
    "string[pyarrow]": (pd.StringDtype("pyarrow"), WORDS, True),
    "str": (pd.StringDtype("pyarrow", na_value=np.nan), WORDS, True),
    "category": (pd.CategoricalDtype(["high", "low", "mid", "x y", "Ärger", "never"]), WORDS, True),
    "ordered": (pd.CategoricalDtype(["x y", "low", "never", "mid", "high", "Ärger"], ordered=True), WORDS, True),
    "category of numbers": (pd.CategoricalDtype([30, 10, 20]), st.sampled_from([10, 20, 30]), True),
    "ordered numbers": (pd.CategoricalDtype([30, 10, 20], ordered=True), st.sampled_from([10, 20, 30]), True),
    **{f"datetime64[{unit}]": (f"datetime64[{unit}]", MOMENTS, True) for unit in ("s", "ms", "us", "ns")},
    "zone": ("datetime64[us, Europe/Berlin]", MOMENTS, True),
    "period": ("period[D]", MOMENTS, True),
    "timedelta": ("timedelta64[ms]", st.integers(-10**9, 10**9).map(lambda ms: pd.Timedelta(ms, "ms")), True),
    "arrow float": (arrow(pa.float32()), SINGLES, True),
    "arrow double": (arrow(pa.float64()), st.floats(-1e300, 1e300), True),
    "arrow bool": (arrow(pa.bool_()), st.booleans(), True),
    "arrow string": (arrow(pa.string()), WORDS, True),
    "arrow large string": (arrow(pa.large_string()), WORDS, True),
    "arrow dictionary": (arrow(pa.dictionary(pa.int32(), pa.string())), WORDS, True),
    "arrow timestamp": (arrow(pa.timestamp("us")), MOMENTS, True),
    "arrow zone": (arrow(pa.timestamp("ms", "Asia/Tokyo")), MOMENTS, True),
    "arrow date": (arrow(pa.date32()), MOMENTS.map(lambda each: each.date()), True),
    "arrow duration": (arrow(pa.duration("ms")), st.integers(-10**9, 10**9).map(lambda each: each * MILLI), True),
    "arrow time": (arrow(pa.time32("s")), st.sampled_from([dt.time(9, 30), dt.time(23, 59, 59), dt.time()]), True),
    "arrow fine time": (arrow(pa.time64("us")), st.sampled_from([dt.time(9, 30), dt.time(1, 2, 3, 4)]), True),
    "arrow times": (arrow(pa.time64("us")), st.times(), True),
    "arrow coarse times": (arrow(pa.time32("s")), st.times().map(lambda each: each.replace(microsecond=0)), True),
    "arrow times in a dictionary": (arrow(pa.dictionary(pa.int32(), pa.time64("ns"))), st.times(), True),
    "times": ("object", st.times(), False),
    "arrow null": (arrow(pa.null()), st.none(), True),
    "arrow decimal": (arrow(pa.decimal128(9, 2)), CENTS, True),
}  # fmt: skip


def series_of(dtype, values):
    if isinstance(dtype, pd.ArrowDtype):
        kind = dtype.pyarrow_dtype
        array = pa.array(values, None if pa.types.is_dictionary(kind) else kind)
        if pa.types.is_dictionary(kind):
            array = array.cast(kind.value_type).dictionary_encode().cast(kind)
        return pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([array])))
    if str(dtype).startswith(("datetime64", "period")):
        moments = pd.Series(pd.to_datetime(values))
        if str(dtype).startswith("period"):
            return moments.dt.to_period("D")
        return moments.dt.tz_localize("UTC").astype(dtype) if "," in dtype else moments.astype(dtype)
    return pd.Series(values, dtype=dtype)


@pytest.mark.parametrize("name", DTYPES)
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_goes_in_comes_out(name, data):
    dtype, values, gaps = DTYPES[name]
    drawn = data.draw(st.lists(st.one_of(values, st.none()) if gaps else values, min_size=3, max_size=30))
    series = series_of(dtype, drawn)
    frame = pd.DataFrame({"a": series, "b": np.arange(len(series)) % 2 == 0})
    identified = Table.of(frame, schema={"a": "identifier"})
    if identified.schema["a"].kind != "constant":  # which is one of nothing but missing values
        assert_made_anew(
            Codec.fit(identified).decode(Encoded(np.empty((300, 0)), np.zeros((300, 1), np.int8)))["a"], series
        )
    table = Table.of(frame)
    assert Schema.from_json(json.loads(json.dumps(table.schema.to_json()))) == table.schema
    codec = Codec.from_json(json.loads(json.dumps(Codec.fit(table, max_modes=3).to_json())))
    decoded = codec.decode(codec.encode(table))["a"]
    if table.schema["a"].kind == "identifier":
        assert_made_anew(decoded, series)
        return
    assert decoded.dtype == series.dtype
    assert decoded.isna().tolist() == series.isna().tolist()
    known = series.dropna()
    if table.schema["a"].kind in ("categorical", "ordinal", "boolean", "constant"):
        assert decoded.dropna().tolist() == known.tolist()
    elif len(known):
        made = decoded.dropna().astype(object)  # there are dtypes whose least value pandas does not tell
        assert made.min() >= known.astype(object).min()
        assert made.max() <= known.astype(object).max()
    again = codec.decode(codec.encode(pd.DataFrame({"a": series, "b": table.frame["b"]})))["a"]
    pd.testing.assert_series_equal(again, decoded)


def assert_made_anew(made, real):
    """All there, all different, none of the real ones; numbers where those were numbers that a dtype goes on after."""
    assert made.notna().all()
    assert made.is_unique
    assert not {compared(each) for each in made} & {compared(each) for each in real.dropna()}
    numbers = types.is_numeric_dtype(real.dtype) and not types.is_bool_dtype(real.dtype)
    if numbers and real.notna().any() and float(real.dropna().max()) < 2**63:
        assert types.is_numeric_dtype(made.dtype)
        assert made.astype(object).min() > real.dropna().astype(object).max()
    if isinstance(real.dtype, pd.StringDtype):
        assert made.dtype == real.dtype


def compared(value):
    """What equals across dtypes: 8, 8.0 and Decimal("8.00") are one number, and all else is its text."""
    try:
        return decimal.Decimal(str(value))
    except decimal.InvalidOperation:
        return str(value)


@pytest.mark.parametrize(
    ("dtype", "most", "wider"),
    [
        ("int8", 127, "int16"), ("uint8", 255, "uint16"), ("Int8", 127, "Int16"), ("int64", 2**63 - 1, "uint64"),
        ("float16", 2**11, "float32"), ("Float32", 2**24, "Float64"), (arrow(pa.int8()), 127, arrow(pa.int16())),
        (arrow(pa.float32()), 2**24, arrow(pa.float64())),
        (arrow(pa.decimal128(3, 1)), 99, arrow(pa.decimal128(38, 1))),
        (arrow(pa.dictionary(pa.int8(), pa.string())), 99, arrow(pa.string())),
    ],
    ids=str,
)  # fmt: skip
def test_identifiers_beyond_their_dtype_get_a_wider_one_of_its_make(dtype, most, wider):
    real = [most - 5, most, most - 2, most - 4]
    as_given = {"deci": decimal.Decimal, "dict": str}.get(str(dtype)[:4], int)
    series = series_of(dtype, [as_given(each) for each in real])
    frame = pd.DataFrame({"a": series, "b": [True, False] * 2})
    codec = Codec.fit(Table.of(frame, schema={"a": "identifier"}))
    made = codec.decode(codec.encode(frame.sample(300, replace=True)))["a"]
    assert made.dtype == wider
    assert_made_anew(made, series)


@pytest.mark.parametrize(
    ("real", "made"),
    [
        ([f"customer-{k}" for k in range(1, 41)], ["customer-41", "customer-42"]),
        ([f"C{k:04d}" for k in range(30)], ["C0030", "C0031"]),
        (["C98", "C099"], ["C100", "C101"]),
        (["007", "998"], ["999", "1000"]),
        (["DE12", "FR7", "x"], ["customer-1", "customer-2"]),
        (["customer-a", "Customer-b"], ["new-customer-1", "new-customer-2"]),
        (["new-customer-a", "new-new-customer-7"], ["new-new-new-customer-1", "new-new-new-customer-2"]),
        ([f"3f{k}-{k}c" for k in range(30)], ["customer-1", "customer-2"]),
        (["7" * 5_000, "8"], ["customer-1", "customer-2"]),
    ],
)
def test_identifiers_that_are_texts_go_on_after_the_real_ones_or_begin_like_none(real, made):
    frame = pd.DataFrame({"customer": real, "b": np.arange(len(real)) % 2 == 0})
    table = Table.of(frame, schema={"customer": "identifier"})
    codec = Codec.from_json(json.loads(json.dumps(Codec.fit(table).to_json())))
    assert codec.decode(codec.encode(frame[:2]))["customer"].tolist() == made
    assert len(json.dumps(codec.to_json()["schema"]["columns"][0])) < 200  # the real ones are not in it


def test_identifiers_with_gaps_stay_numbers():
    frame = pd.DataFrame({"a": [1.0, np.nan, 7.0] * 10, "b": [True, False, True] * 10})
    codec = Codec.fit(Table.of(frame, schema={"a": "identifier"}))
    made = codec.decode(codec.encode(frame))["a"]
    assert made.dtype == np.float64
    assert made.tolist() == list(range(8, 38))


def test_whole_numbers_beyond_int64_come_back_whole():
    drawn = [0, 0, 2048, 2**63 + 2048]
    table = Table.of(pd.DataFrame({"a": pd.array(drawn, dtype="UInt64"), "b": [True, False, True, False]}))
    codec = Codec.fit(table, max_modes=3)
    decoded = codec.decode(codec.encode(table))["a"]
    assert decoded.dtype == "UInt64"
    assert decoded.between(min(drawn), max(drawn)).all()


def test_a_table_made_of_a_table_gives_back_the_same():
    frame = pd.DataFrame(
        {
            "size": pd.Categorical(["S", "M", "L"] * 10, categories=["S", "M", "L", "XL"], ordered=True),
            "n": pd.array([*range(29), None], dtype="UInt16"),
            "text": pd.array(["a", "b", None] * 10, dtype="string[pyarrow]"),
            "t": pd.array(["a", "b", "b"] * 10, dtype=pd.ArrowDtype(pa.string())),
        }
    )
    table = Table.of(frame)
    other = Table.of(table.frame, schema=table.schema.kinds())
    assert other.schema == table.schema
    assert other.fingerprint == table.fingerprint
    decoded = Codec.fit(other).decode(Codec.fit(other).encode(frame))
    assert decoded.dtypes.to_dict() == frame.dtypes.to_dict()
    assert decoded["size"].tolist() == frame["size"].tolist()
    assert decoded["size"].max() == "L"


def test_the_dtype_makes_no_other_table():
    frame = pd.DataFrame({"n": [3, 1, 2] * 9, "t": ["a", "b", "b"] * 9})
    table, nullable = Table.of(frame), Table.of(frame.convert_dtypes())
    assert nullable.schema == table.schema
    assert nullable.fingerprint == table.fingerprint
    assert nullable.schema["n"].given == "Int64"
    assert table.schema["n"].given is None


def test_a_dtype_without_room_for_gaps_gives_way_where_there_are_some():
    frame = pd.DataFrame({"n": np.arange(40, dtype="int8"), "b": np.arange(40) % 3 == 0})
    codec = Codec.fit(Table.of(frame, schema={"n": "integer"}))
    encoded = codec.encode(frame)
    encoded.codes[5] = -1
    decoded = codec.decode(encoded)
    assert decoded.isna().sum().tolist() == [1, 1]
    assert decoded["n"].dtype == np.float64
    assert codec.decode(codec.encode(frame)).dtypes.to_dict() == frame.dtypes.to_dict()


@pytest.mark.parametrize(
    "dtype",
    [
        np.dtype(object), np.dtype("complex128"), pd.SparseDtype("float64"), pd.IntervalDtype("int64"),
        pd.ArrowDtype(pa.list_(pa.int8())), pd.ArrowDtype(pa.binary()),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_given_back_as_the_house_keeps_it(dtype):
    assert spelled(dtype) is None


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary(2)], ids=str)
def test_bytes_are_left_out_and_not_the_table(kind, tmp_path):
    blobs = [b"\x01\x02", None, b"xy"] * 10
    frame = pd.DataFrame({"blob": pd.Series(blobs, dtype=arrow(kind)), "n": np.arange(30) % 7 * 1.5})
    frame.to_parquet(tmp_path / "t.parquet")
    for table in (Table.of(frame), read_table(tmp_path / "t.parquet"), stream_table(tmp_path / "t.parquet", batch=7)):
        assert table.schema.left_out() == ["free text, not learned and empty in samples: blob"]
        known = table.sample if isinstance(table, StreamedTable) else table
        codec = Codec.fit(Table.of(known.frame, schema=known.schema.kinds()))
        decoded = codec.decode(codec.encode(frame))
        assert decoded["blob"].isna().all()
        assert list(decoded.columns) == ["blob", "n"]


TIMES = {
    "s": (
        pa.time32("s"),  # a Parquet file has them in milliseconds
        [dt.time(6 + k % 16, 15 * (k // 16 % 4)) for k in range(400)],
    ),
    "ms": (pa.time32("ms"), [dt.time(k % 24, k % 60, k % 59, 1_000 * (k * 7 % 1_000)) for k in range(400)]),
    "us": (pa.time64("us"), [dt.time(k % 24, k % 60, k % 59, k * 2_503 % 10**6) for k in range(400)]),
    "ns": (pa.time64("ns"), [dt.time(k % 24, k % 60, k % 59, k * 2_503 % 10**6) for k in range(400)]),
}


@pytest.mark.parametrize("unit", TIMES)
@pytest.mark.parametrize("where", ["parquet", "stream", "memory"])
def test_many_times_of_day_are_numbers_within_their_bounds(unit, where, tmp_path):
    kind, times = TIMES[unit]
    frame = pd.DataFrame({"at": series_of(arrow(kind), times), "b": np.arange(400) % 3 == 0})
    frame.loc[7, "at"] = None
    pq.write_table(pa.Table.from_pandas(frame), path := tmp_path / "t.parquet")
    if where == "stream":
        table = stream_table(path, sample=150, batch=90).sample
    else:
        table = read_table(path) if where == "parquet" else Table.of(frame)
    assert table.schema["at"].kind == "datetime"
    codec = Codec.from_json(json.loads(json.dumps(Codec.fit(table).to_json())))
    codes = np.repeat(codec.encode(table).codes, 5, axis=0)
    alpha = np.random.default_rng(0).uniform(-1, 1, (len(codes), 1)).astype(np.float32)
    made = codec.decode(Encoded(alpha, codes))["at"]
    assert made.dtype == arrow(kind if where == "memory" else pq.read_schema(path).field("at").type)
    found = made.dropna().tolist()
    assert min(times) <= min(found)
    assert max(found) <= max(times)
    assert len(set(found)) > 20
    if unit == "s":  # the grid of quarters of an hour
        assert {(each.minute % 15, each.second) for each in found} == {(0, 0)}
    assert codec.decode(codec.encode(frame))["at"].isna().tolist() == frame["at"].isna().tolist()


def test_times_of_day_in_objects_come_back_as_they_were():
    times = [dt.time(k % 24, k * 7 % 60, 0, k) for k in range(100)]
    few = [dt.time(6), dt.time(14), None, dt.time(22)] * 25
    frame = pd.DataFrame({"at": times, "shift": few, "same": [dt.time(9, 30)] * 100})
    table = Table.of(frame)
    assert [each.kind for each in table.schema] == ["datetime", "categorical", "constant"]
    assert table.schema["shift"].categories == ("06:00:00", "14:00:00", "22:00:00")
    codec = Codec.fit(table)
    made = codec.decode(codec.encode(frame))
    assert made["shift"].tolist() == few
    assert set(made["same"]) == {dt.time(9, 30)}
    assert all(isinstance(each, dt.time) and min(times) <= each <= max(times) for each in made["at"])
    again = Table.of(table.frame, schema=table.schema.kinds() | {"same": table.schema["same"]})
    assert again.schema == table.schema
    assert again.fingerprint == table.fingerprint
    as_texts = frame.astype(str).where(frame.notna(), np.nan)
    assert codec.decode(codec.encode(as_texts)).equals(made)  # as a CSV file has them
    with pytest.raises(InputError, match=r"column 'at', row 2: '25:00' is no time of day, .* write it as 06:30:00"):
        codec.encode(as_texts.assign(at=["06:00", *["25:00"] * 99]))
    with pytest.raises(InputError, match=r"column 'at', row 1: '2025-01-01 00:00:00' is no time of day"):
        codec.encode(frame.assign(at=pd.Timestamp("2025-01-01")))


def test_few_times_of_day_are_categories_as_of_a_csv_file(tmp_path):
    shifts = [dt.time(6), dt.time(14), dt.time(22)] * 40
    frame = pd.DataFrame({"shift": series_of(arrow(pa.time32("s")), shifts), "n": np.arange(120) % 7 * 1.5})
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_csv(tmp_path / "t.csv", index=False)
    table, streamed = read_table(tmp_path / "t.parquet"), stream_table(tmp_path / "t.parquet", sample=50, batch=40)
    assert table.schema["shift"].categories == ("06:00:00", "14:00:00", "22:00:00")
    assert table.fingerprint == read_table(tmp_path / "t.csv").fingerprint
    assert streamed.schema == table.schema
    codec = Codec.fit(table)
    assert codec.decode(codec.encode(frame))["shift"].tolist() == shifts


@pytest.mark.parametrize("kind", [pa.time64("us"), None], ids=str)
def test_times_of_day_called_constant_must_be_one(kind):
    times = [dt.time(6, 30), dt.time(7), dt.time(8)] * 9
    frame = pd.DataFrame({"t": series_of(arrow(kind), times) if kind else times, "n": np.arange(27) * 0.5})
    with pytest.raises(InputError, match="'t' is called constant, but holds 3 different values"):
        Table.of(frame, schema={"t": "constant"})
    same = Table.of(frame.assign(t=frame["t"].iloc[0]), schema={"t": "constant"})
    assert same.schema["t"].value == "06:30:00"


@pytest.mark.parametrize("called", ["identifier", "text"])
@pytest.mark.parametrize("where", ["parquet", "stream", "memory", "objects"])
def test_times_of_day_that_are_not_learned_are_texts(called, where, tmp_path):
    frame = pd.DataFrame({"t": series_of(arrow(pa.time64("us")), TIMES["us"][1]), "b": np.arange(400) % 3 == 0})
    frame.to_parquet(path := tmp_path / "t.parquet")
    frame = frame.assign(t=TIMES["us"][1]) if where == "objects" else frame
    if where == "stream":
        table = stream_table(path, schema={"t": called}, sample=150, batch=90)
        found = pd.concat(table.chunks(rows=130))["t"]
    else:
        table = Table.of(frame, schema={"t": called}) if where != "parquet" else read_table(path, schema={"t": called})
        found = table.frame["t"]
    assert table.schema["t"].dtype == found.dtype == "object"
    assert found.tolist() == [str(each) for each in TIMES["us"][1]]
    assert table.schema["t"].last == read_table(path, schema={"t": called}).schema["t"].last
    assert Table.of(frame, schema=table.schema).frame["t"].tolist() == found.tolist()


def test_times_of_day_under_the_kinds_of_another_file_are_the_same_by_batches(tmp_path):
    frame = pd.DataFrame({"at": TIMES["us"][1], "shift": [dt.time(6), dt.time(14)] * 200, "n": np.arange(400) * 0.5})
    frame.to_parquet(tmp_path / "t.parquet")
    kinds = read_table(tmp_path / "t.parquet").schema.kinds()
    written = frame.assign(shift=["06:00", "14:00", "06:00:00", "14:00"] * 100)  # two spellings of one
    written.to_csv(path := tmp_path / "t.csv", index=False)
    table = read_table(path, schema=kinds)
    assert [each.kind for each in table.schema] == ["datetime", "categorical", "continuous"]
    assert table.schema["shift"].categories == ("06:00:00", "14:00:00")
    for sample in (150, 1_000):
        stream = stream_table(path, schema=kinds, sample=sample, batch=90)
        assert stream.schema == table.schema
        pd.testing.assert_frame_equal(pd.concat(stream.chunks(rows=130), ignore_index=True), table.frame)
    written.assign(at="6 o'clock").to_csv(path, index=False)
    for read in (read_table, stream_table):
        with pytest.raises(InputError, match="column 'at', row 1: \"6 o'clock\" is no time of day"):
            read(path, schema=kinds)


WRITTEN = {
    "HH:MM": [f"{6 + k % 16:02d}:{15 * (k // 16 % 4):02d}" for k in range(400)],
    "HH:MM:SS": [f"{k % 24:02d}:{k % 60:02d}:{k * 7 % 60:02d}" for k in range(400)],
    "seconds in one row": [*(f"{k % 24:02d}:{k % 60:02d}" for k in range(399)), "12:30:07"],
}


@pytest.mark.parametrize("what", WRITTEN)
@pytest.mark.parametrize("schema", [None, {"at": "datetime"}])
def test_texts_of_many_times_of_day_are_learned_as_numbers_and_come_back_as_texts(what, schema, tmp_path):
    frame = pd.DataFrame({"at": WRITTEN[what], "b": np.arange(400) % 3 == 0})
    frame.loc[7, "at"] = None
    frame.to_csv(path := tmp_path / "t.csv", index=False)
    table = read_table(path, schema=schema)
    assert table.schema["at"].kind == "datetime"
    assert table.fingerprint == Table.of(frame, schema=schema).fingerprint
    for sample, batch in ((150, 90), (1_000, 1_000)):
        stream = stream_table(path, schema=schema, sample=sample, batch=batch)
        assert stream.schema == table.schema
        assert stream.schema["at"].given == table.schema["at"].given
        pd.testing.assert_frame_equal(pd.concat(stream.chunks(rows=130), ignore_index=True), table.frame)
    assert read_table(path, schema=table.schema).fingerprint == table.fingerprint
    assert read_table(path, schema=table.schema.kinds()).schema == table.schema
    codec = Codec.from_json(json.loads(json.dumps(Codec.fit(table).to_json())))
    codes = np.repeat(codec.encode(frame).codes, 5, axis=0)
    alpha = np.random.default_rng(0).uniform(-1, 1, (len(codes), 1)).astype(np.float32)
    found = codec.decode(Encoded(alpha, codes))["at"].dropna()
    form = r"\d\d:\d\d" if what == "HH:MM" else r"\d\d:\d\d:\d\d"
    assert found.str.fullmatch(form).all()
    assert found.nunique() > 20
    assert min(WRITTEN[what]) <= found.min()
    assert found.max()[:5] <= max(WRITTEN[what])[:5]
    if what == "HH:MM":
        assert set(found.str[3:]) <= {"00", "15", "30", "45"}


@pytest.mark.parametrize("dtype", ["string[python]", "string[pyarrow]", pd.ArrowDtype(pa.string())], ids=str)
def test_texts_of_times_of_day_come_back_in_their_dtype(dtype):
    frame = pd.DataFrame({"at": pd.Series(WRITTEN["HH:MM:SS"], dtype=dtype), "b": np.arange(400) % 3 == 0})
    codec = Codec.fit(Table.of(frame))
    made = codec.decode(codec.encode(frame))["at"]
    assert made.dtype == frame["at"].dtype
    assert made.str.fullmatch(r"\d\d:\d\d:\d\d").all()


def test_texts_of_few_times_of_day_are_categories_as_they_stand():
    frame = pd.DataFrame({"shift": ["06:00", "14:00", "22:00"] * 40, "n": np.arange(120) * 0.5})
    assert Table.of(frame).schema["shift"].categories == ("06:00", "14:00", "22:00")
    assert Table.of(frame.astype({"shift": "category"})).schema["shift"].kind == "categorical"


def test_times_of_day_are_known_under_labels_that_repeat():
    frame = pd.DataFrame({"at": TIMES["us"][1], "b": np.arange(400) % 3 == 0})
    schema = Schema.infer(pd.concat([frame, frame]))
    assert schema["at"].kind == "datetime"
    assert schema["at"].given == "time"


@pytest.mark.parametrize("times", [TIMES["us"][1], WRITTEN["HH:MM"], ["06:30", "14:30"] * 200])
def test_times_of_day_are_no_order_of_rows(times):
    frame = pd.DataFrame({"at": times, "b": np.arange(400) % 3 == 0})
    with pytest.raises(InputError, match="'at' holds times of day without a date; name one of dates"):
        Table.of(frame).time("at")
    with pytest.raises(InputError, match="'at' holds times of day without a date; name one of dates"):
        PaymentFeatures(time="at", customer="b", terminal="b2", amount="x", target="y").fit(
            frame.assign(b2=frame["b"], x=1.0, y=frame["b"])
        )


@pytest.mark.parametrize("kind", [pa.decimal128(9, 2), pa.decimal128(30, 5)], ids=str)
def test_decimals_in_a_file_come_back_as_decimals(kind, tmp_path):
    prices = [decimal.Decimal(k * 37 % 10_000) / 100 for k in range(300)]
    frame = pd.DataFrame({"price": series_of(arrow(kind), prices), "b": np.arange(300) % 3 == 0})
    frame.to_parquet(tmp_path / "t.parquet")
    for table in (read_table(tmp_path / "t.parquet"), stream_table(tmp_path / "t.parquet", sample=99).sample):
        codec = Codec.fit(table)
        made = codec.decode(codec.encode(frame))["price"]
        assert made.dtype == arrow(kind)
        assert made.between(min(prices), max(prices)).all()
        assert all(each == round(each, 2) for each in made)


def test_decimals_of_more_digits_than_a_float_has_stay_within_their_type():
    most = decimal.Decimal(10**18 - 1) / 100
    frame = pd.DataFrame({"a": series_of(arrow(pa.decimal128(18, 2)), [most, -most, most / 3, most / 7] * 9)})
    frame["a"] = frame["a"].where(frame.index != 5)
    codec = Codec.fit(Table.of(frame))
    made = codec.decode(codec.encode(frame))["a"]
    assert made.dtype == frame["a"].dtype
    assert float(made.max()) == pytest.approx(float(most))


def test_bytes_are_not_held(tmp_path):
    """2,000 of 5 kB are 10 MB, and 20 MB in hexadecimal digits."""
    blobs = [f"{k:05d}".encode() * 1_000 if k % 10 else None for k in range(2_000)]
    frame = pd.DataFrame({"blob": pd.Series(blobs, dtype=arrow(pa.binary())), "n": np.arange(2_000) % 7 * 1.5})
    frame.to_parquet(path := tmp_path / "t.parquet", row_group_size=300)
    tracemalloc.start()
    streamed = stream_table(path, batch=700, sample=900)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3e6
    assert streamed.schema["blob"].kind == "text"
    chunks = list(read_frame_chunks(path, readings={}, rows=1_100))
    assert [len(each) for each in chunks] == [1_100, 900]
    for read in (read_table(path).frame, streamed.sample.frame, *chunks, Table.of(frame).frame):
        assert read["blob"].isna().mean() == pytest.approx(0.1, abs=0.02)
        assert read["blob"].memory_usage(index=False, deep=True) < 200_000
    assert pd.concat(chunks)["blob"].isna().tolist() == frame["blob"].isna().tolist()
    verbatim = pd.concat(read_verbatim_chunks(path, rows=1_100), ignore_index=True)
    assert verbatim["blob"].tolist() == frame["blob"].tolist()
    assert Table.of(frame).fingerprint == read_table(path).fingerprint
    assert Table.of(frame, schema=read_table(path).schema).fingerprint == read_table(path).fingerprint


@pytest.mark.parametrize("blobs", [True, False])
def test_lots_are_as_long_with_bytes_as_without(blobs, tmp_path):
    """Batches of dictionary-encoded columns end where a row group does."""
    names = np.random.default_rng(0).permutation([f"shop {k:02d}" for k in range(50)] * 100)
    frame = pd.DataFrame({"n": np.arange(5_000) * 0.5, "shop": pd.Categorical(names)})
    if blobs:
        frame["blob"] = pd.Series([f"{k:05d}".encode() for k in range(5_000)], dtype=arrow(pa.binary()))
    frame.to_parquet(path := tmp_path / "t.parquet", row_group_size=700)
    read, verbatim = (list(each(path, rows=1_000)) for each in (read_table_chunks, read_verbatim_chunks))
    assert [len(each) for each in read] == [1_000] * 5
    assert [len(each) for each in verbatim] == [1_000] * 5
    for chunks in (read, verbatim):
        whole = pd.concat(chunks, ignore_index=True)
        assert whole["n"].equals(frame["n"])
        assert whole["shop"].tolist() == names.tolist()
    assert not blobs or whole["blob"].tolist() == frame["blob"].tolist()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_columns_beside_those_asked_for_are_passed_over(kind, tmp_path):
    frame = pd.DataFrame({"a": ["x", "y"] * 30, "b.c": np.arange(60), "d": ["1", "2"] * 30})
    path = tmp_path / f"t.{kind}"
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    chunks = list(read_verbatim_chunks(path, rows=25, only=["d", "a"]))
    assert [len(each) for each in chunks] == [25, 25, 10]
    assert all(list(each) == ["a", "d"] for each in chunks)
    assert pd.concat(chunks)["d"].tolist() == frame["d"].tolist()
    assert list(next(read_verbatim_chunks(path, rows=25, only=["b.c"]))) == ["b.c"]


def test_the_clock_of_a_file_is_looked_up_without_its_bytes(tmp_path):
    """Columns of bytes may be larger than memory: here they cannot even be read any more."""
    at = pd.date_range("2026-03-01 01:00", periods=40, freq="h", tz="UTC")
    blobs = pd.Series([f"{k:05d}".encode() * 1_000 for k in range(40)], dtype=arrow(pa.binary()))
    frame = pd.DataFrame({"at": at.tz_convert("Europe/Berlin").map(pd.Timestamp.isoformat), "blob": blobs})
    frame.to_parquet(path := tmp_path / "t.parquet", compression=None)
    table = read_table(path, schema={"at": "datetime"})
    column = pq.read_metadata(path).row_group(0).column(1)
    start = column.dictionary_page_offset or column.data_page_offset
    content = bytearray(path.read_bytes())
    content[start : start + 1_000] = b"\xff" * 1_000
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read_table(path)
    assert offsets_east(table, "at", path=path).tolist() == [3_600.0] * 40


def test_bytes_are_no_categories():
    blobs = pd.Series([b"a", b"b"] * 20, dtype=arrow(pa.dictionary(pa.int8(), pa.binary())))
    frame = pd.DataFrame({"blob": blobs, "n": np.arange(40) % 7 * 1.5})
    assert Table.of(frame).schema["blob"].kind == "text"
    with pytest.raises(InputError, match=r"'blob' is called categorical, but holds bytes, .*; make them texts"):
        Table.of(frame, schema={"blob": "categorical"})
    codec = Codec.fit(Table.of(frame, schema={"blob": "identifier"}))
    assert codec.decode(codec.encode(frame))["blob"].tolist() == [f"blob-{k}" for k in range(1, 41)]


def test_a_zone_of_another_library_comes_back_by_its_name():
    """dateutil's zones are files, whose names pandas writes into a dtype and does not read out of one."""
    booked = pd.date_range("2025-03-29", periods=50, freq="h", tz="dateutil/Europe/Berlin")
    frame = pd.DataFrame({"booked": booked, "b": np.arange(50) % 2 == 0})
    table = Table.of(frame)
    codec = Codec.from_json(json.loads(json.dumps(Codec.fit(table).to_json())))
    made = codec.decode(codec.encode(frame))["booked"]
    assert made.dtype == "datetime64[ns, Europe/Berlin]"
    assert made.between(booked.min(), booked.max()).all()


def test_a_zone_without_a_name_is_refused_before_anything_is_learned():
    booked = pd.Series(pd.date_range("2025-03-29", periods=50, freq="h", tz="UTC")).dt.tz_convert(tzstr("EST5EDT"))
    with pytest.raises(InputError, match=r"data frame: column 'booked': the time zone tzstr\('EST5EDT'\) has no name"):
        Table.of(pd.DataFrame({"booked": booked}))


def test_categories_that_json_does_not_know_become_texts():
    cut = pd.Series(pd.cut(np.arange(30), [0, 10, 20, 30]))
    table = Table.of(pd.DataFrame({"cut": cut}))
    assert table.schema["cut"].kind == "ordinal"
    assert table.schema["cut"].categories == ("(0, 10]", "(10, 20]", "(20, 30]")
    decoded = Codec.fit(table).decode(Codec.fit(table).encode(pd.DataFrame({"cut": cut})))["cut"]
    assert decoded.isna().tolist() == cut.isna().tolist()
    assert decoded.cat.ordered
    assert decoded.cat.categories.tolist() == ["(0, 10]", "(10, 20]", "(20, 30]"]
    days = pd.Categorical(pd.to_datetime(["2025-01-02", "2025-01-01"] * 5), ordered=True)
    assert Table.of(pd.DataFrame({"day": days})).schema["day"].kind == "ordinal"
    assert levels_of(pd.CategoricalDtype([True, False])) == (True, False)
