"""Reading tables: files as they come, and every refusal with file, column, row and remedy."""

import contextlib
import gzip
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ganforge.data.codec import Codec
from ganforge.data.images import Images
from ganforge.data.pictures import read_images
from ganforge.data.readers import read, read_table, read_table_chunks
from ganforge.data.schema import Schema
from ganforge.data.streams import open_table, stream_table
from ganforge.data.table import Table
from ganforge.data.toy import toy_payments
from ganforge.errors import GanforgeError, GanforgeWarning, InputError, UnknownNameError

ADULT = "age, work, sum\n39, State-gov ,1\n50, ?,2\n38,  Private, \n27, Private ,4\n"


def written(tmp_path, content, name="table.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_blanks_and_question_marks(tmp_path):
    table = read_table(written(tmp_path, ADULT))
    assert table.frame.columns.tolist() == ["age", "work", "sum"]
    assert table.frame["work"].tolist()[::2] == ["State-gov", "Private"]
    assert table.frame["work"].isna().tolist() == [False, True, False, False]
    assert table.frame["sum"].isna().tolist() == [False, False, True, False]
    assert table.schema["work"].categories == ("Private", "State-gov")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(tmp_path, delimiter):
    frame = toy_payments(80)
    path = tmp_path / "table.txt"
    frame.to_csv(path, index=False, sep=delimiter)
    pd.testing.assert_frame_equal(read_table(path).frame, frame)


def test_decimal_commas_beside_semicolons(tmp_path):
    path = written(tmp_path, "place;price\nA;1,5\nB;1.234,25\nC;-3\n")
    assert read_table(path).frame["price"].tolist() == [1.5, 1234.25, -3.0]


def test_the_same_table_whatever_the_file(tmp_path):
    frame = toy_payments(300)
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "a.csv.gz", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.convert_dtypes(dtype_backend="pyarrow").to_parquet(tmp_path / "b.pq")
    (tmp_path / "packed.csv").write_bytes((tmp_path / "a.csv.gz").read_bytes())  # gzip, though not so named
    tables = [read(path) for path in sorted(tmp_path.iterdir())]
    assert len({table.fingerprint for table in tables}) == 1
    for table in tables:
        pd.testing.assert_frame_equal(table.frame, frame)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(tmp_path, encoding):
    text = "Größe,n\n" + "".join(f"Müller {k % 3},{k}\n" for k in range(30))
    path = written(tmp_path, text.encode(encoding))
    if encoding == "cp1252":
        with pytest.warns(GanforgeWarning, match="read as Windows-1252"):
            table = read_table(path)
    else:
        table = read_table(path)
    assert table.frame.columns.tolist() == ["Größe", "n"]
    assert table.frame.iloc[1, 0] == "Müller 1"


def test_dates_booleans_and_quoted_delimiters(tmp_path):
    rows = "".join(f'2025-01-{1 + k % 28:02d} 10:0{k % 6},{k % 2 == 0!s},"a, b",{40 - k}\n' for k in range(40))
    table = read_table(written(tmp_path, "when,flag,text,n\n" + rows))
    assert [column.kind for column in table.schema] == ["datetime", "boolean", "constant", "integer"]
    assert table.frame["text"][0] == "a, b"
    assert table.frame["when"][1] == pd.Timestamp("2025-01-02 10:01")


def test_zones_far_dates_and_missing_booleans_come_back(tmp_path):
    rows = (
        f"2025-01-{1 + k % 28:02d}T00:30:00+02:00,{('2026-01-01', '9999-12-31')[k % 2]},{('true', '', 'false')[k % 3]}"
        for k in range(40)
    )
    text = "when,until,flag\n" + "\n".join(rows) + "\n"
    table = read_table(written(tmp_path, text))
    assert table.frame.dtypes.astype(str).tolist() == ["datetime64[ns, UTC]", "datetime64[us]", "object"]
    assert table.frame["when"][0] == pd.Timestamp("2024-12-31 22:30", tz="UTC")
    codec = Codec.fit(table)
    pd.testing.assert_frame_equal(codec.decode(codec.encode(table, clip=None)), table.frame)


def test_an_offset_in_parquet_is_a_zone_that_a_schema_is_read_back_with(tmp_path):
    when = pd.Series(pd.date_range("2026-03-02", periods=40, freq="37min", tz="+02:00"))
    pd.DataFrame({"when": when, "n": np.arange(40) * 0.5}).to_parquet(tmp_path / "table.parquet")
    table = read_table(tmp_path / "table.parquet")
    again = Table.of(table.frame, schema=Schema.from_json(table.schema.to_json()))
    assert again.fingerprint == table.fingerprint
    codec = Codec.fit(again)
    made = codec.decode(codec.encode(again, clip=None))["when"]
    assert made.tolist() == when.tolist()
    assert made.dt.hour.tolist() == when.dt.hour.tolist()  # by the clock it came in


def test_a_file_without_a_header_takes_names(tmp_path):
    path = written(tmp_path, "0,tcp,0,0.5\n3,udp,0,0.25\n0,tcp,1,0.75\n", "flows.txt")
    table = read_table(path, names=["duration", "protocol", "bytes", "rate"])
    assert table.frame["duration"].tolist() == [0, 3, 0]
    with pytest.raises(InputError, match=r"flows.txt: the name '0' stands over columns 1 and 3.*names="):
        read_table(path)
    with pytest.raises(InputError, match="4 columns, but 2 names"):
        read_table(path, names=["a", "b"])
    numbers = written(tmp_path, "1.5,2.5\n3,4\n", "numbers.csv")
    with pytest.raises(InputError, match="the first line holds numbers"):
        read_table(numbers)


def test_leading_zeros_stay_where_the_schema_says_text(tmp_path):
    frame = pd.DataFrame({"zip": ["01067", "80331", "20095"] * 9, "n": range(27)})
    table = Table.of(frame)
    path = tmp_path / "zips.csv"
    frame.to_csv(path, index=False)
    assert read_table(path, schema=table.schema).frame["zip"].tolist() == frame["zip"].tolist()
    assert next(iter(read_table_chunks(path, rows=5, schema=table.schema)))["zip"][0] == "01067"


@pytest.mark.filterwarnings("ignore:.*with a zero before them:ganforge.errors.GanforgeWarning")
@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("missing", ["", "?"])
def test_digits_with_a_zero_before_them_are_codes_unless_a_schema_says_numbers(tmp_path, ending, missing):
    codes = ["01067", "80331", missing, "20095"] * 9 + ["00001"]
    frame = pd.DataFrame({"zip": codes, "n": [f"{k}.05" for k in range(37)], "b": [f"0{k}" for k in range(37)]})
    frame.to_csv(tmp_path / f"zips.csv{ending}", index=False)
    asked = {"b": "integer"}
    for kinds in (asked, asked | {"zip": "categorical"}, asked | {"zip": "ordinal"}, asked | {"zip": "identifier"}):
        table = read_table(tmp_path / f"zips.csv{ending}", schema=kinds)
        assert table.frame["zip"].dropna().tolist() == [code for code in codes if code != missing]
        assert table.schema["zip"].kind == kinds.get("zip", "categorical")
        assert table.schema["n"].kind == "continuous"
        assert table.frame["b"].tolist() == list(range(37))
        (chunk,) = read_table_chunks(tmp_path / f"zips.csv{ending}", schema=table.schema)
        assert chunk["zip"][0] == "01067"
        assert chunk["b"].tolist() == list(range(37))
    assert read_table(tmp_path / f"zips.csv{ending}", schema={"zip": "integer"}).frame["zip"].max() == 80331


@pytest.mark.filterwarnings("ignore:.*column 'code' holds digits:ganforge.errors.GanforgeWarning")
@pytest.mark.parametrize("text", ['"01",1\n"02",2\n', "01 ,1\r\n02,2\r\n", "1,1\n02,2", "1,1\n2,2\n 03,3\n"])
def test_zeros_are_seen_wherever_they_stand(tmp_path, text):
    table = read_table(written(tmp_path, f"code,n\n{text}"))
    assert table.frame["code"].dtype == object
    assert set(table.frame["code"]) <= {"1", "2", "01", "02", "03"}
    wide = read_table(written(tmp_path, f"code,n\n{text}".encode("utf-16")))
    assert wide.frame["code"].tolist() == table.frame["code"].tolist()


def both_ways(path, **how):
    """The table in memory, and read by batches."""
    return read_table(path, **how), stream_table(path, batch=170, **how).sample


def test_a_zero_before_one_number_is_a_slip_and_told(tmp_path):
    items, amounts = [str(k) for k in range(1, 901)], [str(k * k % 7919) for k in range(1, 901)]
    items[499], amounts[30] = "05", "0123 "
    pd.DataFrame({"items": items, "amount": amounts}).to_csv(tmp_path / "t.csv", index=False)
    for read_in in (lambda: read_table(tmp_path / "t.csv"), lambda: stream_table(tmp_path / "t.csv", batch=170).sample):
        with pytest.warns(GanforgeWarning) as told:
            table = read_in()
        assert [column.kind for column in table.schema] == ["integer", "integer"]
        assert (table.frame["items"][499], table.frame["amount"][30]) == (5, 123)
        for each, (name, row, said) in zip(told, [("items", 500, "05"), ("amount", 31, "0123")], strict=True):
            message = str(each.message)
            assert f"column {name!r} holds digits" in message
            assert f"row {row} says {said!r} (1 such of 900)" in message
            assert "taken for slips of the pen in a column of numbers" in message
            assert f"if they are codes, say that {name!r} is categorical in a schema" in message
    for table in both_ways(tmp_path / "t.csv", schema={"items": "categorical", "amount": "integer"}):
        assert table.frame["items"].tolist() == items
        assert table.frame["amount"][30] == 123


@pytest.mark.parametrize(
    "codes",
    [
        [f"{k:02d}" for k in range(24)] * 10,
        [f"{k:05d}" for k in range(9_520, 99_120, 448)],  # one in a hundred begins with a zero
        ["7", "11", "04", "112", "09"] * 40,
    ],
    ids=["hours", "zip codes", "of several widths"],
)
def test_digits_of_one_width_or_with_many_zeros_are_codes_and_told(tmp_path, codes):
    pd.DataFrame({"c": codes, "x": np.arange(len(codes)) * 0.5}).to_csv(tmp_path / "t.csv", index=False)
    row = next(k for k, code in enumerate(codes, start=1) if code[0] == "0")
    with pytest.warns(GanforgeWarning) as told:
        tables = both_ways(tmp_path / "t.csv")
    assert len(told) == 2
    for table, each in zip(tables, told, strict=True):
        assert table.frame["c"].tolist() == codes
        assert f"column 'c' holds digits, some with a zero before them: row {row} says" in str(each.message)
        assert "taken for codes, zeros and all; if they are numbers, say that 'c' is integer" in str(each.message)
    for kind, seen in (("integer", [int(code) for code in codes]), ("identifier", codes)):
        for table in both_ways(tmp_path / "t.csv", schema={"c": kind}):
            assert table.frame["c"].tolist() == seen


CARDS = [str(3 * 10**19 + k % 100) for k in range(600)]


@pytest.mark.parametrize(
    "codes",
    [CARDS, [*CARDS[:560], *(str(k) for k in range(1, 41))], [*CARDS[:599], ""]],
    ids=["of one width", "many beyond 64 bits", "one missing"],
)
def test_digits_beyond_64_bits_are_codes_and_told(tmp_path, codes):
    pd.DataFrame({"card": codes, "x": np.arange(600) * 0.5}).to_csv(tmp_path / "t.csv", index=False)
    said = [code for code in codes if code]
    with pytest.warns(GanforgeWarning) as told:
        tables = both_ways(tmp_path / "t.csv")
    assert len(told) == 2
    for table, each in zip(tables, told, strict=True):
        assert table.frame["card"].dropna().tolist() == said
        assert table.schema["card"].kind == "categorical"
        assert "column 'card' holds digits, some too long for whole numbers of 64 bits: row 1 says" in str(each.message)
        assert "taken for codes, as they are written; if they are numbers, say that 'card' is" in str(each.message)
    for kind in ("identifier", "categorical"):
        for table in both_ways(tmp_path / "t.csv", schema={"card": kind}):
            assert table.frame["card"].dropna().tolist() == said
            (chunk,) = read_table_chunks(tmp_path / "t.csv", schema=table.schema)
            assert chunk["card"].dropna().tolist() == said
    for table in both_ways(tmp_path / "t.csv", schema={"card": "continuous"}):
        assert table.frame["card"].dtype == np.float64


def test_a_digit_too_many_in_one_row_is_rounded_and_told(tmp_path):
    amounts = [str(k * k % 7919) for k in range(1, 901)]
    amounts[30] = "99999999999999999999"
    pd.DataFrame({"amount": amounts}).to_csv(tmp_path / "t.csv", index=False)
    with pytest.warns(
        GanforgeWarning, match=r"row 31 says '9{20}' \(1 such of 900\); they were taken for numbers, and"
    ):
        tables = both_ways(tmp_path / "t.csv")
    for table in tables:
        assert table.frame["amount"].tolist() == [float(each) for each in amounts]
    for table in both_ways(tmp_path / "t.csv", schema={"amount": "identifier"}):
        assert table.frame["amount"].tolist() == amounts


LARGE = [1_700_000_000_000_000_000 + k for k in range(600)]


@pytest.mark.parametrize("missing", [[5], range(170), range(400, 600), []], ids=["one", "first", "last", "none"])
@pytest.mark.parametrize("kind", [None, "identifier", "categorical", "integer"])
def test_large_whole_numbers_stay_exact_beside_missing_ones(tmp_path, missing, kind):
    whole = pd.array([None if k in missing else each for k, each in enumerate(LARGE)], dtype="Int64")
    frame = pd.DataFrame({"id": whole, "x": np.arange(600) * 0.5})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    kinds = None if kind is None else {"id": kind}
    expected = Table.of(frame, schema=kinds)
    assert read_table(tmp_path / "t.parquet", schema=kinds).fingerprint == expected.fingerprint
    for table in both_ways(tmp_path / "t.csv", schema=kinds):
        assert table.schema == expected.schema
        assert table.fingerprint == expected.fingerprint
    chunks = list(read_table_chunks(tmp_path / "t.csv", rows=170, schema=expected.schema))
    assert [int(each) for chunk in chunks for each in chunk["id"].dropna()] == frame["id"].dropna().tolist()
    stream = stream_table(tmp_path / "t.csv", schema=kinds, batch=170, sample=100)
    assert stream.schema == expected.schema
    joined = pd.concat([chunk["id"] for chunk in stream.chunks(rows=100)], ignore_index=True)  # some all missing
    assert joined.dropna().tolist() == frame["id"].dropna().tolist()
    assert stream.take(np.arange(600)).frame["id"].dropna().tolist() == frame["id"].dropna().tolist()


@pytest.mark.parametrize("number", ["1e20", "1.5", "100000000000000000000.0", "-3", "1E+25"])
def test_numbers_that_only_floats_hold_stay_numbers(tmp_path, number):
    values = [*CARDS[:400], number] * 2
    pd.DataFrame({"x": values}).to_csv(tmp_path / "t.csv", index=False)
    for table in both_ways(tmp_path / "t.csv"):
        assert table.frame["x"].tolist() == [float(each) for each in values]


@pytest.mark.filterwarnings("ignore:.*column 'zip' holds digits:ganforge.errors.GanforgeWarning")
@pytest.mark.parametrize("column", [np.arange(60_000) / 7, np.arange(60_000)], ids=["fractions", "whole"])
def test_a_code_costs_the_columns_beside_it_little_memory(tmp_path, column):
    peaks = []
    for begin in ("8", "0"):
        frame = pd.DataFrame({f"n{k}": column for k in range(6)})
        frame["zip"] = [f"{begin}1067", "20095"] * 30_000
        frame.to_csv(tmp_path / "t.csv", index=False)
        tracemalloc.start()
        table = read_table(tmp_path / "t.csv")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert (table.frame["zip"].dtype == object) is (begin == "0")
    assert peaks[1] < 2 * peaks[0]


SLIP = "n,day,word\n" + "".join(f"{k}.5,2025-01-{1 + k % 28:02d},w{k % 3}\n" for k in range(60))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"table.csv is empty \(0 bytes\)"),
        (b"  \n \n", "nothing in it but blanks"),
        ("a,b\n", "has a header but no rows"),
        ("a,b,a\n1,2,3\n", "the name 'a' stands over columns 1 and 3"),
        ("a,b\n1,2\n3,4,5\n", "line 3: 3 values, but the header has 2 names"),
        ("a,b\n1,2,3\n4,5,6\n", "rows have more values than the header has names"),
        (SLIP.replace("7.5,", "seven,", 1), r"column 'n' mixes types: it holds numbers, but row 8 says 'seven'"),
        (SLIP.replace("2025-01-09", "2025-01-99", 1), r"column 'day' mixes types: it holds dates, but row 9"),
        (SLIP.replace("12.5,", "inf,", 1), r"column 'n', row 13: inf is not a finite number"),
        (SLIP.replace("12.5,", "-Infinity,", 1), r"column 'n', row 13: -inf"),
        (bytes(range(256)) * 8, "not a table: it holds binary data"),
        (b"PK\x03\x04" + b"x" * 50, "an Excel file; save the sheet as CSV"),
        (b"<!DOCTYPE html><html>404</html>", "a web page"),
        (b'{"a": 1}', "JSON"),
        (b"BZh91AY&SY", "bzip2"),
    ],
)
def test_bad_tables_are_named(tmp_path, content, said):
    path = written(tmp_path, content)
    for attempt in (lambda: read(path), lambda: list(read_table_chunks(path, rows=20))):
        with pytest.raises(InputError, match=said) as caught:
            attempt()
        assert str(path) in str(caught.value)


def test_a_mixed_column_may_be_called_categorical(tmp_path):
    path = written(tmp_path, SLIP.replace("7.5,", "seven,", 1))
    table = read_table(path, schema={"n": "categorical"})
    assert "seven" in table.schema["n"].categories
    assert len(table) == 60


def test_codes_with_letters_are_no_slip(tmp_path):
    codes = ["1", "2", "3", "4+"] * 25
    table = read_table(written(tmp_path, "grade\n" + "\n".join(codes) + "\n"))
    assert table.schema["grade"].categories == ("1", "2", "3", "4+")


def test_no_such_file_names_the_nearest(tmp_path):
    written(tmp_path, "a\n1\n", "payments.csv")
    with pytest.raises(InputError, match=r"no such file: .*payment.csv; did you mean .*payments.csv"):
        read(tmp_path / "payment.csv")
    with pytest.raises(InputError, match=r"nothing in .* has a name like it"):
        read(tmp_path / "zzz")
    with pytest.raises(InputError, match=r"no folder .* either"):
        read(tmp_path / "nowhere" / "payments.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_table(tmp_path)


def test_packed_files_that_were_cut_short(tmp_path):
    text = "a,b\n" + "".join(f"{k},{k * k % 97}\n" for k in range(200_000))
    packed = gzip.compress(text.encode())
    for name, content in (("cut.csv.gz", packed[: len(packed) // 2]), ("bad.csv.gz", packed[:-8] + b"\0" * 8)):
        path = written(tmp_path, content, name)
        with pytest.raises(InputError, match="gzip file that was cut short or damaged"):
            read(path)
        with pytest.raises(InputError, match="gzip file that was cut short or damaged"):
            list(read_table_chunks(path, rows=1_000))


def test_parquet_that_is_none(tmp_path):
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read(written(tmp_path, b"PAR1 but no more", "cut.parquet"))
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read(written(tmp_path, "a,b\n1,2\n", "text.parquet"))
    pd.DataFrame({"a": [[1, 2], [3]]}).to_parquet(tmp_path / "lists.parquet")
    with pytest.raises(InputError, match=r"lists.parquet: column 'a'"):
        read(tmp_path / "lists.parquet")


def test_npz_tables(tmp_path):
    X, y = np.random.default_rng(0).normal(size=(50, 3)), np.arange(50) % 2
    np.savez(tmp_path / "adbench.npz", X=X, y=y)
    table = read(tmp_path / "adbench.npz")
    assert table.frame.columns.tolist() == ["x0", "x1", "x2", "y"]
    assert np.array_equal(table.frame[["x0", "x1", "x2"]].to_numpy(), X)
    assert table.schema["y"].kind == "categorical"
    np.savez(tmp_path / "short.npz", X=X, y=y[:40])
    with pytest.raises(InputError, match=r"X has 50 rows, but y has shape \(40,\)"):
        read(tmp_path / "short.npz")
    np.savez(tmp_path / "objects.npz", X=np.array([[{}, []]], dtype=object))
    with pytest.raises(InputError, match=r"pickle.*is refused"):
        read(tmp_path / "objects.npz")
    with pytest.raises(InputError, match=r"not a .npz file"):
        read(written(tmp_path, (tmp_path / "adbench.npz").read_bytes()[:200], "cut.npz"))
    np.savez(tmp_path / "other.npz", weights=X)
    with pytest.raises(InputError, match="holds weights"):
        read_table(tmp_path / "other.npz")


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet"])
def test_chunks_together_are_the_table(tmp_path, name):
    frame = toy_payments(250)
    path = tmp_path / name
    frame.to_parquet(path) if name.endswith("parquet") else frame.to_csv(path, index=False)
    whole = read_table(path)
    chunks = list(read_table_chunks(path, rows=60, schema=whole.schema))
    assert [len(chunk) for chunk in chunks] == [60, 60, 60, 60, 10]
    for chunk in chunks:
        for column in whole.schema:  # a chunk may lack the missing values, never have another kind of dtype
            assert str(chunk[column.name].dtype) == column.dtype
    pd.testing.assert_frame_equal(pd.concat(chunks, ignore_index=True), whole.frame)
    assert sum(len(chunk) for chunk in read_table_chunks(path, rows=99)) == 250


def test_chunks_leave_the_callers_warnings_alone(tmp_path):
    path = written(tmp_path, "a,b\n" + "1,2\n" * 30)
    before = list(warnings.filters)
    for _ in read_table_chunks(path, rows=10):
        assert list(warnings.filters) == before


def test_chunks_say_which_rows(tmp_path):
    path = written(tmp_path, "a,b\n" + "".join(f"{k}.25,x\n" for k in range(99)) + "inf,x\n")
    with pytest.raises(InputError, match=r"rows counted from row 81\): column 'a', row 20: inf"):
        list(read_table_chunks(path, rows=40))
    with pytest.raises(InputError, match="at least 1 row"):
        next(read_table_chunks(path, rows=0))
    days = "".join(f"2025-01-{1 + k % 28:02d},{k}.5\n" for k in range(250)).splitlines()
    days[100] = "2025-01-32,7"
    path = written(tmp_path, "day,a\n" + "\n".join(days))
    for attempt in (lambda: read(path), lambda: list(read_table_chunks(path, rows=100))):
        with pytest.raises(InputError, match=r"column 'day' mixes types: .* row 101 says '2025-01-32'"):
            attempt()


def test_the_one_door(tmp_path):
    toy_payments(30).to_csv(tmp_path / "a.csv", index=False)
    assert isinstance(read(tmp_path / "a.csv"), Table)
    np.savez(tmp_path / "pictures.npz", images=np.zeros((3, 8, 8), dtype=np.uint8), labels=[0, 1, 1])
    assert isinstance(read(tmp_path / "pictures.npz"), Images)
    with pytest.raises(InputError, match=r"leave .*labels.* out"):
        read(tmp_path / "a.csv", labels=tmp_path / "labels")
    with pytest.raises(InputError, match="take no schema"):
        read(tmp_path / "pictures.npz", schema={"a": "integer"})
    with pytest.raises(UnknownNameError, match="did you mean 'amount'"):
        read(tmp_path / "a.csv", schema={"amuont": "integer"})


def test_every_refusal_is_ours(tmp_path):
    """Whatever bytes come, the answer is a table or an error of ours: never a traceback of pandas."""
    rng = np.random.default_rng(0)
    base = toy_payments(20).to_csv(index=False).encode()
    for k in range(60):
        damaged = bytearray(base)
        for place in rng.integers(0, len(base), 1 + k % 7):
            damaged[place] = rng.integers(0, 256)
        path = written(tmp_path, bytes(damaged[: rng.integers(1, len(base))]))
        with contextlib.suppress(GanforgeError), warnings.catch_warnings():
            warnings.simplefilter("ignore", GanforgeWarning)  # an encoding was assumed
            assert len(read(path)) >= 1


HEX = ["9f86d081884c7d65", "2703e81567884444", "60303ae22b998861", "5e2147483648", "fd61a03af4f77d87"] * 8


@pytest.mark.parametrize("kind", [None, "identifier", "categorical", "text"])
def test_hexadecimal_codes_that_look_like_numbers_are_texts(tmp_path, kind):
    pd.DataFrame({"token": HEX, "x": np.arange(40) * 0.5}).to_csv(tmp_path / "t.csv", index=False)
    pd.DataFrame({"token": HEX, "x": np.arange(40) * 0.5}).to_parquet(tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        for table in both_ways(tmp_path / name, schema=kind and {"token": kind}):
            assert table.frame["token"].tolist() == HEX


@pytest.mark.parametrize("kind", ["continuous", "integer"])
def test_hexadecimal_codes_that_are_called_numbers_are_refused_with_their_row(tmp_path, kind):
    rows = pd.DataFrame({"token": [*map(str, range(300)), HEX[1]]})
    rows.to_csv(tmp_path / "t.csv", index=False)
    rows.to_parquet(tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        for way in (read_table, stream_table):
            with pytest.raises(InputError, match=f"column 'token'.* row 301.* '{HEX[1]}'"):
                way(tmp_path / name, schema={"token": kind})


def test_texts_of_numbers_are_read_exactly_whatever_the_file(tmp_path):
    values = [*np.random.default_rng(0).random(500).tolist(), 12272409754972916616.0, 5e-324, 1.7976931348623157e308]
    texts = [*map(repr, values[:500]), "12272409754972916616", "5e-324", "1.7976931348623157e308"]
    frame = pd.DataFrame({"c": texts, "k": np.arange(len(texts)) / 2})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    tables = [read_table(tmp_path / name, schema={"c": "continuous"}) for name in ("t.csv", "t.parquet")]
    for table in (*tables, Table.of(frame, schema={"c": "continuous"})):
        assert table.frame["c"].tolist() == values
        assert table.fingerprint == tables[0].fingerprint
    chunks = stream_table(tmp_path / "t.parquet", schema={"c": "continuous"}, batch=7).chunks(rows=7)
    assert pd.concat(chunks)["c"].tolist() == values


HASHES = np.random.default_rng(0).integers(0, 2**64 - 1, 200, dtype=np.uint64)


@pytest.mark.parametrize("first", [10**19, 9 * 10**18, 9 * 10**19], ids=["uint64", "int64 too", "beyond 64 bits"])
def test_digits_beyond_int64_are_codes_and_told(tmp_path, first):
    cards = [str(first + 10**18 * (k % 2) + 7 * k).zfill(19) for k in range(286)]
    pd.DataFrame({"card": cards, "x": np.arange(286) / 2}).to_csv(tmp_path / "t.csv", index=False)
    with pytest.warns(GanforgeWarning, match="'card' holds digits, some too long") as told:
        tables = both_ways(tmp_path / "t.csv")
    assert len(told) == 2
    for table in tables:
        assert table.schema["card"].kind == "identifier"
        assert table.frame["card"].tolist() == cards
        assert table.as_given()["card"].tolist() == cards
    for table in both_ways(tmp_path / "t.csv", schema={"card": "integer"}):
        assert table.frame["card"].tolist() == [float(each) for each in cards]


@pytest.mark.parametrize("dtype", ["uint64", "UInt64", "uint64[pyarrow]"])
@pytest.mark.parametrize("kind", [None, "identifier", "categorical", "text"])
def test_unsigned_hashes_stay_exact_and_come_back_in_their_dtype(tmp_path, dtype, kind):
    frame = pd.DataFrame({"payment_id": pd.Series(HASHES).astype(dtype), "x": np.arange(200) / 2})
    if dtype != "uint64":
        frame["payment_id"] = frame["payment_id"].mask(frame.index == 7)
    digits = frame["payment_id"].astype(object).map(str, na_action="ignore")
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=30)
    schema = kind and {"payment_id": kind}
    stream = stream_table(tmp_path / "t.parquet", schema=schema, batch=3)
    tables = [Table.of(frame, schema=schema), read_table(tmp_path / "t.parquet", schema=schema)]
    for table in (*tables, stream.sample, stream.take(np.arange(200))):
        column = table.schema["payment_id"]
        assert (column.kind, column.dtype) == (kind or "identifier", "object")
        assert table.frame["payment_id"].dropna().tolist() == digits.dropna().tolist()
        assert table.as_given()["payment_id"].dropna().tolist() == frame["payment_id"].dropna().tolist()
        assert table.fingerprint == tables[0].fingerprint
    pd.testing.assert_frame_equal(tables[0].as_given(), frame)
    chunks = pd.concat(stream.chunks(rows=3), ignore_index=True)
    pd.testing.assert_frame_equal(chunks, tables[0].frame)
    codec = Codec.fit(tables[0])
    made = codec.decode(codec.encode(tables[0]))["payment_id"]
    assert made.dtype == dtype or kind == "text"


def test_a_number_beyond_int64_among_many_is_rounded_and_comes_back(tmp_path):
    amounts = pd.Series([k * k % 7919 for k in range(900)], dtype="uint64")
    amounts[30] = 2**64 - 1  # stands for "not known" in many a system
    frame = pd.DataFrame({"amount": amounts, "x": np.arange(900) / 2})
    frame.to_parquet(tmp_path / "t.parquet")
    for table in (Table.of(frame), *both_ways(tmp_path / "t.parquet")):
        assert (table.schema["amount"].kind, table.schema["amount"].dtype) == ("integer", "float64")
        assert table.as_given()["amount"].tolist() == amounts.tolist()
    rows = np.array([30, 1])
    assert Table.of(frame).take(rows).as_given()["amount"].tolist() == amounts[rows].tolist()


@pytest.mark.parametrize("ordered", [True, False])
def test_categories_of_pandas_beyond_int64_are_told_apart(ordered):
    levels = [2**63 + 1, 2**63 + 2, 2**63 + 3]
    frame = pd.DataFrame({"code": pd.Categorical(np.array(levels * 20, dtype=np.uint64), ordered=ordered)})
    table = Table.of(frame)
    assert table.schema["code"].kind == ("ordinal" if ordered else "categorical")
    assert set(table.schema["code"].categories) == set(map(str, levels))
    assert table.as_given()["code"].astype(str).tolist() == frame["code"].astype(str).tolist()


def test_python_numbers_beyond_int64_are_codes():
    cards = [3 * 10**19 + k for k in range(60)]
    table = Table.of(pd.DataFrame({"card": pd.Series(cards, dtype=object)}))
    assert table.frame["card"].tolist() == list(map(str, cards))


@pytest.mark.parametrize(
    "content", ["zip,x\n" + "01234,1.5\n" * 30, "name,x\nM\xfcller,1.5\nMaier,2.5\n".encode("cp1252")]
)
def test_a_warning_names_the_line_that_read_the_file(tmp_path, content):
    path = written(tmp_path, content)
    for way in (read_table, read, open_table, stream_table):
        with pytest.warns(GanforgeWarning) as told:
            way(path)
        assert {each.filename for each in told} == {__file__}


def test_a_warning_of_a_folder_without_pictures_names_the_line_that_read_it(tmp_path):
    for name in ("empty", "full"):
        (tmp_path / name).mkdir()
    Image.fromarray(np.zeros((8, 8), dtype=np.uint8)).save(tmp_path / "full" / "a.png")
    for way in (read, read_images):
        with pytest.warns(GanforgeWarning, match="no pictures in empty") as told:
            way(tmp_path)
        assert [each.filename for each in told] == [__file__]
