"""Tables read by batches: what the same table in memory has, schema and encoded rows alike."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ganforge.data.codec import Codec
from ganforge.data.schema import Column
from ganforge.data.streams import StreamedTable, learn_codec, open_table, stream_table
from ganforge.data.surveying import Survey
from ganforge.data.table import Table
from ganforge.data.tables import read_table, read_table_chunks
from ganforge.data.toy import toy_payments
from ganforge.errors import InputError

N = 3_000


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same rows as CSV, CSV.gz and Parquet; much of what columns may hold, some of it only near the end."""
    rng = np.random.default_rng(0)
    frame = toy_payments(N, fraud_share=0.05, seed=1).assign(
        payment_id=np.arange(N),
        customer=[f"C{k:06d}" for k in rng.permutation(N)],
        thousands=rng.integers(1, 900, N) * 1000,
        grams=np.round(rng.gamma(2, 5, N), 3),
        late=np.where(np.arange(N) < N - 2, 7, 9),  # constant for all but two rows
        gap=np.where(np.arange(N) == N - 3, np.nan, rng.integers(0, 500, N)),
        grade=rng.choice(["low", "high"], N),
    )
    frame.loc[N - 1, "grade"] = "odd"
    folder = tmp_path_factory.mktemp("streams")
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_csv(folder / "t.csv.gz", index=False)
    frame.to_parquet(folder / "t.parquet", row_group_size=700)
    return folder


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet"])
@pytest.mark.parametrize("batch", [170, 5_000])
def test_within_the_sample_all_is_as_in_memory(files, name, batch):
    table, stream = read_table(files / name), stream_table(files / name, batch=batch)
    assert stream.schema == table.schema
    assert len(stream) == len(table)
    learned = [column.name for column in table.schema if column.learned]
    pd.testing.assert_frame_equal(stream.sample.frame[learned], table.frame[learned])
    codec, encoded = learn_codec(stream, max_modes=10, random_state=3)
    in_memory, rows = learn_codec(table, max_modes=10, random_state=3)
    assert codec.to_json() == in_memory.to_json()
    np.testing.assert_array_equal(encoded.scalars, rows.scalars)
    np.testing.assert_array_equal(encoded.codes, rows.codes)
    assert encoded.codes.dtype == rows.codes.dtype == np.int8


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_beyond_the_sample_the_schema_is_still_that_of_all_rows(files, name):
    table, stream = read_table(files / name), stream_table(files / name, sample=400, batch=333)
    assert len(stream.sample) == 400
    for column in table.schema:
        assert stream.schema[column.name] == column
    assert stream.schema["late"].categories == (7, 9)
    assert stream.schema["customer"].last == table.schema["customer"].last == f"C{N - 1:06d}"
    assert stream.schema["gap"].missing
    codec = Codec.fit(stream.sample)
    whole = codec.encode(table, random_state=5)
    for in_memory in (0, 10**9):
        encoded = stream.encode(codec, random_state=5, in_memory=in_memory)
        np.testing.assert_array_equal(encoded.scalars, whole.scalars)
        np.testing.assert_array_equal(encoded.codes, whole.codes)
        assert isinstance(encoded.codes, np.memmap) is (in_memory == 0)


def test_the_sample_is_uniform_and_in_order():
    survey = Survey(sample=2_000)
    for begin in range(0, 20_000, 1_000):
        survey.look_at(pd.DataFrame({"x": np.arange(begin, begin + 1_000) * 1.0}), source="numbers")
    found = survey.sampled["x"].to_numpy()
    assert len(found) == 2_000
    assert (np.diff(found) > 0).all()
    by_tenth = np.bincount((found // 2_000).astype(int), minlength=10)
    assert by_tenth.min() > 140  # 200 expected, standard deviation 13
    assert by_tenth.max() < 260


PRECISE = [repr(each) for each in np.random.default_rng(7).gamma(2, 5, 322).tolist()]
COLUMNS = {
    "codes": [*(["5411", "5412"] * 150), "0742", "07A1", *(["5411", "07A2"] * 10)],
    "zips": ["80331"] * 310 + ["01067"] * 12,
    "spaced": ["1"] * 310 + ["x", " 2 "] * 6,
    "truths": ["true", "FALSE"] * 155 + ["", "True"] * 6,
    "days": ["2025-01-01"] * 310 + ["2025-01-02 10:00+02:00", "9999-12-31"] * 6,
    "until": ["2025-01-01"] * 310 + ["9999-12-31", ""] * 6,
    "late": [""] * 310 + ["a", "7"] * 6,
    "cents": ["1.234"] * 310 + ["1.234,5", "2,5"] * 6,
    "mixed": ["1", "2.5"] * 155 + ["", "3"] * 6,
    "precise": PRECISE,
    "padded": [*PRECISE[:200], "NA ", *PRECISE[201:]],
    "numbered": [*(str(2**60 + k) for k in range(200)), "NA ", *[""] * 121],
}


@pytest.mark.filterwarnings("ignore:.*with a zero before them:ganforge.errors.GanforgeWarning")
@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("kinds", [None, {"codes": "categorical", "zips": "identifier", "spaced": "categorical"}])
def test_columns_of_texts_are_by_batches_what_they_are_in_memory(tmp_path, delimiter, kinds):
    frame = pd.DataFrame({name: each for name, each in COLUMNS.items() if name != "cents" or delimiter == ";"})
    frame.assign(n=np.arange(322) * 0.5).to_csv(tmp_path / "t.csv", index=False, sep=delimiter)
    table = read_table(tmp_path / "t.csv", schema=kinds)
    assert table.frame["codes"].tolist() == COLUMNS["codes"]
    assert table.frame["zips"].tolist() == COLUMNS["zips"]
    said = [float(each) for each in PRECISE]
    assert table.frame["precise"].tolist() == said
    assert table.frame["padded"].dropna().tolist() == said[:200] + said[201:]
    assert table.frame["numbered"].dropna().tolist() == [2**60 + k for k in range(200)]
    for batch in (50, 1_000):
        stream = stream_table(tmp_path / "t.csv", schema=kinds, batch=batch)
        assert stream.schema == table.schema
        pd.testing.assert_frame_equal(stream.sample.frame, table.frame, check_exact=True)
        chunks = pd.concat(stream.chunks(rows=batch), ignore_index=True)
        pd.testing.assert_frame_equal(chunks, table.frame, check_dtype=batch > 322, check_exact=True)
        small = stream_table(tmp_path / "t.csv", schema=kinds, sample=40, batch=batch)
        assert [column.dtype for column in small.schema] == [column.dtype for column in table.schema]


DATES = {
    "days": ["2024-01-01", "2024-01-02", "2024-01-02"],
    "slashes": ["2024/01/02", "2024/01/01", "2024/01/02"],
    "midnights": ["2024-01-01 00:00:00", "2024-01-02 00:00:00", "2024-01-01 00:00:00"],
    "hours": [*["2024-01-01 00:00:00"] * 5, "2024-01-01 10:30:00"],
    "halves": ["2024-01-01T10:30", "2024-01-01T10:30:00.5", ""],
    "zoned": ["2024-01-01", "2024-01-02T10:00+02:00", "2024-01-02"],
    "open": ["9999-12-31", "2024-01-01", "2024-01-01"],
}


@pytest.mark.parametrize("kind", ["categorical", "ordinal"])
@pytest.mark.parametrize("what", DATES)
def test_dates_that_are_categories_are_spelled_in_one_way(tmp_path, what, kind):
    frame = pd.DataFrame({"d": DATES[what] * 40})
    frame.assign(n=np.arange(len(frame)) * 0.5).to_csv(path := tmp_path / "t.csv", index=False)
    table = read_table(path, schema={"d": kind})
    assert set(table.frame["d"].dropna()) == set(table.schema["d"].categories)
    codec = Codec.fit(table)
    rows = codec.encode(table, random_state=0)
    for sample, batch in ((1_000, 50), (1_000, 1_000), (20, 7)):
        stream = stream_table(path, schema={"d": kind}, sample=sample, batch=batch)
        assert stream.schema["d"] == table.schema["d"]
        pd.testing.assert_frame_equal(pd.concat(stream.chunks(rows=batch), ignore_index=True), table.frame)
        np.testing.assert_array_equal(stream.encode(codec, random_state=0).codes, rows.codes)
    for again in (read_table(path), read_table(path, schema=table.schema)):  # dates, and texts as they are written
        np.testing.assert_array_equal(codec.encode(again.frame, random_state=0).codes, rows.codes)


SOME_DAYS = [f"2024-{1 + k // 28 % 6:02d}-{1 + k % 28:02d}" for k in range(1_200)]
HOURS = [f"{day} 10:00:00Z" for day in SOME_DAYS]
TEXTS = {
    "words at both ends": ["open", *SOME_DAYS[:1_100], *["open"] * 200],
    "days, then words": SOME_DAYS[:300] + ["open"] * 300,
    "slashes, then words": [day.replace("-", "/") for day in SOME_DAYS[:300]] + ["open"] * 300,
    "zoned, not zoned, words": HOURS[:300] + SOME_DAYS[:300] + ["open"] * 300,
    "days, then numbers": SOME_DAYS[:300] + [str(k % 50) for k in range(300)],
    "zoned, not zoned": HOURS[:300] + SOME_DAYS[:300],
}


@pytest.mark.parametrize("kind", [None, "categorical", "text"])
@pytest.mark.parametrize("ending", ["csv", "parquet", "dictionary.parquet"])
@pytest.mark.parametrize("what", TEXTS)
def test_texts_are_no_dates_in_a_batch_where_they_are_none_in_the_file(tmp_path, what, ending, kind):
    frame = pd.DataFrame({"c": TEXTS[what], "x": np.arange(len(TEXTS[what])) * 0.5})
    path, kinds = tmp_path / f"t.{ending}", None if kind is None else {"c": kind}
    if ending == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.astype({"c": "category"} if ending.startswith("dictionary") else {}).to_parquet(path, row_group_size=250)
    table = read_table(path, schema=kinds)
    assert (table.schema["c"].kind == "datetime") is (what == "zoned, not zoned" and kind is None)
    for sample in (10_000, 200):
        stream = stream_table(path, schema=kinds, sample=sample, batch=300)
        assert stream.schema == table.schema
        assert stream_table(path, schema=table.schema, sample=sample, batch=300).schema == table.schema
        if table.schema["c"].learned:
            joined = pd.concat(stream.chunks(rows=300), ignore_index=True)
            pd.testing.assert_frame_equal(joined, table.frame)


@pytest.mark.parametrize("kind", ["categorical", "identifier", "text"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_one_word_may_stand_beside_dates_where_a_schema_says_what_they_are(tmp_path, ending, kind):
    frame = pd.DataFrame({"c": [*SOME_DAYS[:5], "open", *SOME_DAYS[6:]]})
    path = tmp_path / f"t.{ending}"
    frame.to_csv(path, index=False) if ending == "csv" else frame.to_parquet(path, row_group_size=250)
    for read_in in (read_table, lambda *args, **how: stream_table(*args, **how, batch=300)):
        with pytest.raises(InputError, match=r"mixes types: it holds dates, but row 6 says 'open' \(1 such of 1200\)"):
            read_in(path)
        table = read_in(path, schema={"c": kind})
        assert (table if isinstance(table, Table) else table.sample).frame["c"].tolist() == frame["c"].tolist()


def test_a_column_of_a_parquet_file_is_looked_at_until_it_is_no_date(tmp_path, monkeypatch):
    """Most columns of texts are none, and are not read twice."""
    frame = pd.DataFrame({"words": ["a", "b"] * 2_000, "days": SOME_DAYS[:1_000] * 4})
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=1_000)
    looked, iter_batches = [], pq.ParquetFile.iter_batches

    def counted(file, *args, columns=None, **options):
        for batch in iter_batches(file, *args, columns=columns, **options):
            looked.append(columns)
            yield batch

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", counted)
    stream = stream_table(tmp_path / "t.parquet", batch=500)
    assert [column.kind for column in stream.schema] == ["categorical", "datetime"]
    assert [looked.count(each) for each in (["words"], ["days"], None)] == [1, 8, 8]


WORDS = ["1", "0", "-3", "+4", "2.5", "1e3", " 7 ", str(2**60 + 1), str(2**63 + 5), str(10**20), "True", "false"]
WORDS += ["inf", "x", "", "NA", "NA ", ".1", "12.30000000000000071", "05", "042"]
WORDS += ["2024-01-01", "2024/01/02 10:00", "2024-01-02T10:00+02:00"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("columns")


@pytest.mark.filterwarnings("ignore:.*'a' holds digits, some:ganforge.errors.GanforgeWarning")
@settings(max_examples=60)
@given(
    values=st.lists(st.sampled_from(WORDS), min_size=2, max_size=5, unique=True).flatmap(
        lambda few: st.lists(st.sampled_from(few), min_size=1, max_size=12)
    ),
    batch=st.integers(1, 12),
    delimiter=st.sampled_from(",;"),
)
@example(values=["True", "false"] * 3 + ["1", "0"] * 3, batch=4, delimiter=",")
@example(values=["-3", "1", "0", str(2**63 + 5)], batch=3, delimiter=",")
@example(values=["1", "0", str(2**63 + 5)], batch=2, delimiter=",")
@example(values=["1", "0", str(2**63 + 5), ""], batch=3, delimiter=";")
def test_whatever_a_column_holds_it_is_the_same_by_batches(folder, values, batch, delimiter):
    path = folder / "t.csv"
    path.write_text(f"a{delimiter}b\n" + "".join(f"{each}{delimiter}w\n" for each in values))
    try:
        table = read_table(path)
    except InputError:
        with pytest.raises(InputError, match="column 'a'"):
            stream_table(path, batch=batch)
    else:
        stream = stream_table(path, batch=batch)
        assert stream.schema == table.schema
        learned = [column.name for column in table.schema if column.learned]
        pd.testing.assert_frame_equal(stream.sample.frame[learned], table.frame[learned], check_exact=True)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_file_is_settled_once_however_often_it_is_gone_through(tmp_path, monkeypatch, delimiter):
    rows = [*(["1.234", "low"] for _ in range(300)), ["1.234,5" if delimiter != "," else "12", "high"]]
    pd.DataFrame(rows, columns=["price", "grade"]).to_csv(tmp_path / "t.csv", index=False, sep=delimiter)
    table, passes, read_csv = read_table(tmp_path / "t.csv"), [], pd.read_csv
    monkeypatch.setattr(pd, "read_csv", lambda *args, **options: passes.append(args) or read_csv(*args, **options))
    stream = stream_table(tmp_path / "t.csv", batch=100)
    looked = len(passes)
    assert looked <= 3  # to find what texts there are, to look at columns that differ by lots, to survey
    for _ in range(2):
        pd.testing.assert_frame_equal(pd.concat(stream.chunks(rows=70), ignore_index=True), table.frame)
    assert len(passes) == looked + 2
    made = stream.through(lambda frame: frame[["price"]], {})
    assert len(made.take(np.array([300]))) == 1
    assert len(passes) == looked + 4


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_without_decimal_commas_a_file_is_read_once_under_a_schema(files, tmp_path, monkeypatch, delimiter):
    table = read_table(files / "t.csv")
    table.frame.to_csv(tmp_path / "t.csv", index=False, sep=delimiter)
    passes, read_csv = [], pd.read_csv
    monkeypatch.setattr(pd, "read_csv", lambda *args, **options: passes.append(args) or read_csv(*args, **options))
    chunks = pd.concat(read_table_chunks(tmp_path / "t.csv", rows=700, schema=table.schema), ignore_index=True)
    pd.testing.assert_frame_equal(chunks, table.frame)
    assert len(passes) == 1


def test_a_slip_is_told_with_its_row_in_the_file(tmp_path):
    days = ["2025-01-01"] * 400
    days[300] = "2025-02-30"
    pd.DataFrame({"day": days, "x": np.arange(400) * 0.5}).to_csv(tmp_path / "t.csv", index=False)
    for batch in (100, 1_000):
        with pytest.raises(
            InputError, match=r"column 'day' mixes types: .* row 301 says '2025-02-30' \(1 such of 400\)"
        ):
            stream_table(tmp_path / "t.csv", batch=batch)


def test_rows_are_taken_by_number(files):
    table, stream = read_table(files / "t.parquet"), stream_table(files / "t.parquet", sample=400)
    rows, learned = np.array([2_999, 5, 5, 1_700]), [column.name for column in table.schema if column.learned]
    pd.testing.assert_frame_equal(stream.take(rows).frame[learned], table.take(rows).frame[learned])


def test_kinds_are_settled_by_a_schema(files):
    kinds = {"thousands": "categorical", "late": "integer", "merchant": "text"}
    table, stream = (
        read_table(files / "t.csv", schema=kinds),
        stream_table(files / "t.csv", schema=kinds, sample=400, batch=900),
    )
    assert stream.schema == table.schema
    assert stream_table(files / "t.csv", schema=table.schema, sample=400).schema == table.schema


def test_the_fingerprint_is_that_of_the_file_and_its_schema(files):
    first, again = stream_table(files / "t.csv", sample=400), stream_table(files / "t.csv", sample=400, batch=77)
    assert first.fingerprint == again.fingerprint
    assert first.fingerprint != stream_table(files / "t.parquet", sample=400).fingerprint
    assert first.fingerprint != stream_table(files / "t.csv", sample=400, schema={"late": "integer"}).fingerprint


def test_only_large_files_are_streamed(files):
    assert isinstance(open_table(files / "t.csv"), Table)
    for name in ("t.csv", "t.csv.gz", "t.parquet"):
        assert isinstance(open_table(files / name, large=1_000), StreamedTable)


def test_what_cannot_be_is_named(tmp_path, monkeypatch):
    frame = pd.DataFrame({"x": np.arange(300) * 0.5, "who": [f"a{k} b" for k in range(300)]})
    frame.to_parquet(tmp_path / "t.parquet")
    monkeypatch.setattr("ganforge.data.surveying.MOST_CATEGORIES", 100)
    with pytest.raises(InputError, match="'who' has more than 100 different values"):
        stream_table(tmp_path / "t.parquet", schema={"who": "categorical"}, sample=50)
    stream = stream_table(tmp_path / "t.parquet", sample=50)
    frame[:200].to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="was changed while it was read"):
        stream.encode(Codec.fit(stream.sample))


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize(
    "parts", [(["lo", "mid"], ["mid", "hi"]), ([], ["lo", "hi"]), (["b", "a"], ["c"], ["a", "d"])], ids=str
)
def test_dictionaries_may_differ_from_one_part_of_a_file_to_the_next(tmp_path, parts, ordered):
    kind = pa.dictionary(pa.int32(), pa.string(), ordered=ordered)
    with pq.ParquetWriter(tmp_path / "t.parquet", pa.schema([("c", kind), ("x", pa.float64())])) as writer:
        for levels in parts * 6:
            places = pa.array([k % len(levels) if levels else None for k in range(30)], pa.int32())
            values = pa.DictionaryArray.from_arrays(places, pa.array(levels, pa.string()), ordered=ordered)
            writer.write_table(pa.table({"c": values, "x": np.arange(30) * 0.5}, schema=writer.schema))
    table = read_table(tmp_path / "t.parquet")
    assert table.schema["c"].given == ("ordered category" if ordered else "category")
    assert table.schema["c"].kind == ("ordinal" if ordered else "categorical")
    for sample, batch in ((10_000, 30), (10_000, 45), (50, 25), (20, 360)):
        stream = stream_table(tmp_path / "t.parquet", sample=sample, batch=batch)
        assert stream.schema == table.schema
        found, expected = stream.schema["c"], table.schema["c"]
        assert (found.given, found.levels) == (expected.given, expected.levels)
        pd.testing.assert_frame_equal(pd.concat(stream.chunks(rows=batch), ignore_index=True), table.frame)


def test_files_that_are_no_tables_are_refused_as_small_ones_are(tmp_path):
    column = pa.array(np.arange(60) * 1.5)
    pq.write_table(pa.Table.from_arrays([column, column], names=["c", "c"]), tmp_path / "doubled.parquet")
    pq.write_table(pa.table({"c": column, "d": column})[:0], tmp_path / "empty.parquet")
    for read_in in (read_table, stream_table, lambda path: open_table(path, large=10)):
        with pytest.raises(InputError, match=r"doubled.parquet: the name 'c' stands over columns 1 and 2; give every"):
            read_in(tmp_path / "doubled.parquet")
        with pytest.raises(InputError, match=r"empty.parquet has .*no rows; give a table with at least one"):
            read_in(tmp_path / "empty.parquet")


def test_free_text_is_not_held(monkeypatch):
    """Of 4,000 texts of 5 kB, 20 MB, no more are held than are in the sample."""
    monkeypatch.setattr("ganforge.data.surveying.MOST_LETTERS", 1_000_000)
    survey = Survey(sample=100)
    tracemalloc.start()
    for begin in range(0, 4_000, 50):
        texts = [f"{k:05d}" * 1_000 for k in range(begin, begin + 50)]
        survey.look_at(pd.DataFrame({"note": texts, "n": np.arange(50.0)}), source="notes")
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 3e6
    assert survey.schema(source="notes")["note"].kind == "text"


def test_texts_too_long_for_categories_are_named_unless_they_are_called_so(monkeypatch):
    monkeypatch.setattr("ganforge.data.surveying.MOST_LETTERS", 1_000)
    frame = pd.DataFrame({"label": [f"{k} and more of it" * 10 for k in range(8)] * 50})
    surveys = {asked: Survey({"label": "categorical"} if asked else None, sample=100) for asked in (False, True)}
    for survey in surveys.values():
        survey.look_at(frame, source="labels")
    with pytest.raises(
        InputError, match=r"'label' has more than 1,000 letters in its .*; call it categorical, text or"
    ):
        surveys[False].schema(source="labels")
    assert len(surveys[True].schema(source="labels")["label"].categories) == 8


@pytest.mark.parametrize("dtype", ["string", "category", object])
@pytest.mark.parametrize(
    "values",
    [
        [f"2026-07-{k % 28 + 1:02d}" for k in range(60)],
        [*(f"2026-07-{k % 28 + 1:02d}" for k in range(59)), "9999-12-31"],
        [*(f"2026-07-{k % 28 + 1:02d}" for k in range(59)), "2026-07-01 10:00+02:00"],
        [f"2026-07-{k % 28 + 1:02d}" if k % 2 else "open" for k in range(60)],
        [None] * 20 + [f"2026-07-{k % 28 + 1:02d}" for k in range(40)],
    ],
    ids=["dates", "beyond nanoseconds", "zoned", "texts too", "missing"],
)
@pytest.mark.parametrize("kind", ["identifier", "text"])
def test_what_no_model_learns_is_the_same_by_batches_in_parquet(tmp_path, kind, values, dtype):
    frame = pd.DataFrame({"c": pd.Series(values, dtype=dtype), "x": np.arange(60) / 2})
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=20)
    table = read_table(tmp_path / "t.parquet", schema={"c": kind})
    stream = stream_table(tmp_path / "t.parquet", schema={"c": kind}, batch=7)
    assert stream.schema == table.schema
    for frames in ([stream.sample.frame], stream.chunks(rows=7)):
        pd.testing.assert_frame_equal(pd.concat(frames, ignore_index=True), table.frame)


def test_numbers_that_no_model_learns_have_one_dtype_in_all_batches(tmp_path):
    numbers = [2**53 + 1 + 2 * k for k in range(60)]
    frame = pd.DataFrame({"small": range(60), "large": numbers, "gaps": [*range(30), *[None] * 10, *range(20)]})
    frame["large"] = frame["large"].astype("Int64").mask(frame.index > 50)
    for name, write in (("t.csv", frame.to_csv), ("t.parquet", frame.to_parquet)):
        write(tmp_path / name, index=False)
        kinds = dict.fromkeys(frame.columns, "identifier")
        table, stream = (way(tmp_path / name, schema=kinds) for way in (read_table, stream_table))
        for chunk in stream.chunks(rows=7):
            assert [str(each) for each in chunk.dtypes] == [str(each) for each in table.frame.dtypes]
        pd.testing.assert_frame_equal(pd.concat(stream.chunks(rows=7), ignore_index=True), table.frame)


@pytest.mark.parametrize("made", [["A1", 5, 2.5], [np.inf, 1.0, 2.0], [2**63 + 1, 2, 3]])
def test_what_no_model_learns_may_hold_anything(made):
    known = Table.of(pd.DataFrame({"key": range(40), "x": np.arange(40) / 3}), schema={"key": "identifier"})
    rows = pd.DataFrame({"key": made, "x": [0.5, 1.0, 1.5]})
    assert Table.of(rows, schema=known.schema).frame["key"].tolist() == made


@pytest.mark.parametrize(
    ("values", "odd", "wish"),
    [
        (["true", "no", "1"], "maybe", "boolean"),
        (["1", "2", "3"], "2.5", "integer"),
        (["1", "2", "3"], "x", "continuous"),
        ([None, None, None], "2.5", "datetime"),
        (
            ["low", "high", "mid"],
            "huge",
            Column(name="c", kind="ordinal", dtype="object", categories=("low", "mid", "high")),
        ),
    ],
    ids=["boolean", "integer", "continuous", "datetime", "ordinal"],
)
def test_a_value_that_cannot_be_is_told_with_its_row_in_a_large_file(tmp_path, values, odd, wish):
    frame = pd.DataFrame({"c": values * 200, "x": np.arange(600) / 2})
    frame.loc[300, "c"] = odd
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    for path in (tmp_path / "t.csv", tmp_path / "t.parquet"):
        with pytest.raises(InputError, match=f"column 'c'.*row 301.*{odd}"):
            read_table(path, schema={"c": wish})
        for batch, told in ((100, r"counted from row 301\).*row 1[: ].*"), (250, r"from row 251\).*row 51[: ].*")):
            with pytest.raises(InputError, match=f"({told}|mixes types: .* row 301 says '){odd}"):
                stream_table(path, schema={"c": wish}, sample=50, batch=batch)
    for path, write in ((tmp_path / "t.csv", pd.DataFrame.to_csv), (tmp_path / "t.parquet", pd.DataFrame.to_parquet)):
        write(frame.drop(index=300), path, index=False)
        assert stream_table(path, schema={"c": wish}, sample=50, batch=100).rows == 599
