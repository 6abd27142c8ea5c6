"""Texts of times of day: a slip of the pen among them is told with its row, and they come back as they were written."""

import datetime as dt
import re
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ganforge.data.codec import Codec
from ganforge.data.encoding import spelled_code
from ganforge.data.streams import stream_table
from ganforge.data.table import Table
from ganforge.data.tables import read_table
from ganforge.errors import GanforgeWarning, InputError

N = 400
CLOCK = [f"{k % 24:02d}:{k % 60:02d}:{k * 7 % 60:02d}" for k in range(N)]
UNLIKE = [f"{k * 3 // 60:02d}:{k * 3 % 60:02d}" for k in range(N)]
"""No two are the same, while those of CLOCK stand in three rows and more."""
BERLIN = dt.timezone(dt.timedelta(hours=2))


def framed(texts):
    return pd.DataFrame({"at": texts, "n": np.arange(len(texts)) * 0.5})


def changed(texts, **rows):
    return [rows.get(f"row{k}", text) for k, text in enumerate(texts, start=1)]


def readers(tmp_path, frame, schema=None):
    """The same rows out of a file, out of a file by batches (within the sample and beyond it), and out of memory."""
    frame.to_csv(path := tmp_path / "t.csv", index=False)
    yield lambda: read_table(path, schema=schema)
    yield lambda: stream_table(path, schema=schema, sample=50, batch=40)
    yield lambda: stream_table(path, schema=schema, sample=1_000, batch=90)
    yield lambda: Table.of(frame, schema=schema)


def mmss(minutes, seed=0):
    """Durations as minutes:seconds."""
    seconds = np.random.default_rng(seed).integers(0, 60, len(minutes))
    return [f"{minute:02d}:{second:02d}" for minute, second in zip(minutes, seconds, strict=True)]


@pytest.mark.parametrize("odd", ["24:00", "24:00:00", "24:00:00.000"])
@pytest.mark.parametrize("width", [5, 8])
def test_midnight_as_24_00_among_many_times_of_day_is_told_with_its_row(odd, width, tmp_path):
    texts = changed([each[:width] for each in CLOCK], row251=odd, row390="unknown")
    said = (
        rf"column 'at' mixes types: it holds times of day, but row 251 says '{odd}' \(1 such of 400\); write midnight"
    )
    for read in readers(tmp_path, framed(texts)):
        with pytest.raises(InputError, match=said):
            read()
    for read in readers(tmp_path, framed(texts), {"at": "categorical"}):
        assert odd in read().schema["at"].categories
    assert Table.of(framed(pd.Series(texts).astype("category"))).schema["at"].dtype == "object"  # the other remedy


def test_rows_are_counted_where_whole_batches_are_missing(tmp_path):
    texts = [None] * 200 + UNLIKE[:200]
    for read in readers(tmp_path, framed(changed(texts, row301="24:00"))):
        with pytest.raises(InputError, match=r"row 301 says '24:00' \(1 such of 400\)"):
            read()
    for read in readers(tmp_path, framed(changed(texts, row301="closed"))):
        with pytest.warns(GanforgeWarning, match=r"row 301 says 'closed', which is none \(1 such of 400\)"):
            read()


@pytest.mark.parametrize("odd", ["unknown", "6:30", "12:61", "n.v."])
@pytest.mark.parametrize(("texts", "kind"), [(UNLIKE, "identifier"), (CLOCK[:40] * 10, "categorical")])
def test_one_odd_value_among_many_times_of_day_makes_texts_of_them_and_is_told(odd, texts, kind, tmp_path):
    texts = changed(texts, row251=odd)
    said = rf"column 'at' holds times of day, but row 251 says '{odd}', which is none \(1 such of 400\); .*\({kind}, "
    for read in readers(tmp_path, framed(texts)):
        with pytest.warns(GanforgeWarning, match=said):
            assert read().schema["at"].kind == kind
    for remedy in (framed(pd.Series(texts).astype("category")), framed(changed(texts, row251=None))):
        assert Table.of(remedy).schema["at"].kind in (kind, "datetime")  # without a word


def test_times_of_day_that_are_no_longer_learned_are_told_however_many_are_odd(tmp_path):
    many_odd = changed(UNLIKE, **{f"row{k}": "unknown" for k in range(1, N, 40)})  # 10 of 400: more than 2 %
    for texts in (many_odd, [*UNLIKE[:29], "24:00"]):
        for read in readers(tmp_path, framed(texts)):
            with pytest.warns(GanforgeWarning, match=r"column 'at' holds times of day, but .*none of which is learned"):
                assert read().schema["at"].kind == "identifier"


DURATIONS = {
    "calls, few of them long": mmss([*(k % 24 for k in range(N - 4)), 24, 31, 53, 24]),
    "one long call": mmss([*(k % 20 for k in range(N - 1)), 31], seed=1),
    "one that is 24:00": changed(mmss([*(k % 20 for k in range(N - 1)), 31], seed=1), row7="24:00"),
    "hours": [*CLOCK[:-1], "100:30:00"],
    "a few games": ["21:19", "19:21", "18:21", "25:23"],
    "a few calls": ["05:12", "07:33", "12:09", "61:02", "09:44"],
    "a few songs": ["10:30", "11:20", "12:10", "1:30"],
    "a few openings": ["08:10", "09:20", "10:30", "n.v."],
}


@pytest.mark.parametrize("texts", DURATIONS.values(), ids=list(DURATIONS))
def test_durations_and_scores_are_texts_without_a_word(texts, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for read in readers(tmp_path, framed(texts)):
            assert read().schema["at"].dtype == "object"


def test_what_is_no_slip_of_the_pen_stays_texts(tmp_path):
    shifts = changed(["06:30", "14:30", "22:30", "06:30"] * (N // 4), row7="unknown", row9="24:00")
    slots = [f"{each[:5]}-{other[:5]}" for each, other in zip(CLOCK, reversed(CLOCK), strict=True)]
    many_odd = changed(CLOCK[:40] * 10, **{f"row{k}": "unknown" for k in range(1, N, 40)})  # 10 of 400: more than 2 %
    for texts in (shifts, slots, many_odd):
        for read in readers(tmp_path, framed(texts)):
            assert read().schema["at"].dtype == "object"


def test_a_time_of_day_of_a_time_zone_is_told_with_its_row():
    times = [dt.time.fromisoformat(each) for each in CLOCK]
    zoned = [each.replace(tzinfo=BERLIN) for each in times]
    with pytest.warns(
        GanforgeWarning, match=r"row 1 says '00:00:00\+02:00', which is of a time zone \(400 such of 400"
    ):
        assert Table.of(framed(zoned)).schema["at"].kind == "categorical"
    with pytest.warns(GanforgeWarning, match=r"row 3 says '02:02:14\+02:00', which is of a time zone \(1 such of 400"):
        Table.of(framed([*times[:2], zoned[2], *times[3:]]))
    assert Table.of(framed(zoned), schema={"at": "text"}).schema["at"].kind == "text"
    assert Table.of(framed([zoned[k % 3] for k in range(N)])).schema["at"].kind == "categorical"


@pytest.mark.parametrize("odd", ["24:00:00", "2026-01-31"])
def test_where_most_are_times_of_day_the_one_that_is_none_is_told(odd, tmp_path):
    texts = changed(CLOCK, row21=odd, row31=odd)
    for read in readers(tmp_path, framed(texts), {"at": "datetime"}):
        with pytest.raises(InputError, match=rf"column 'at', row 21: '{odd}' is no time of day, .* write it as 06:30"):
            read()
    dates = [f"2026-01-{1 + k % 28:02d}" for k in range(N)]
    for read in readers(tmp_path, framed(changed(dates, row21="06:30", row31="07:30")), {"at": "datetime"}):
        with pytest.raises(InputError, match="row 21"):  # as ever
            read()


def of_the_whole(message):
    """With a row's number in the whole file, though it was counted from that of its batch."""
    first = re.search(r"counted from row (\d+)", message)
    before = int(first[1]) - 1 if first else 0
    return re.sub(r"row (\d+):", lambda row: f"row {int(row[1]) + before}:", message)


@pytest.mark.parametrize("dtype", [object, "category"])
@pytest.mark.parametrize(
    ("texts", "said"),
    {
        "last batch": ([*UNLIKE[:320], "24:00"], "row 321: '24:00' is no time of day"),
        "its batch": ([*UNLIKE[:320], "2026-02-30", "06:30"], "row 321: '2026-02-30' is no time of day"),
        "zoned": ([*UNLIKE[:320], "06:30:00Z", "24:00"], "row 321: '06:30:00Z' is no time of day"),
        "first batch": (["24:00"] * 80 + UNLIKE, "row 1: '24:00' is no time of day"),
        "gaps": ([None] * 80 + UNLIKE[:120] + [None, "24:00"], "row 202: '24:00' is no time of day"),
        "dates": (["2026-01-31"] * 40 + ["06:30"] * 40 + ["24:00"] * 80, "row 41: '06:30' does not parse as a date"),
        "numbers": ([None] * 80 + ["0.5", "0.25"] * 80, "row 81: '0.5' does not parse as a date"),
    }.values(),
)
def test_dates_or_times_of_day_is_settled_by_all_rows(texts, said, dtype, tmp_path):
    frame = framed(pd.Series(texts, dtype=object).astype(dtype))
    frame.to_parquet(path := tmp_path / "t.parquet")
    packed = [lambda: stream_table(path, schema={"at": "datetime"}, sample=50, batch=40)]
    for read in [*readers(tmp_path, frame, {"at": "datetime"}), *packed]:
        with pytest.raises(InputError) as told:
            read()
        assert said in of_the_whole(str(told.value))


SPELLINGS = {
    "HH:MM": list,
    "HH:MM:SS": lambda times: [f"{each}:00" for each in times],
    "fractions": lambda times: [f"{each}:00.000" for each in times],
    "objects": lambda times: [*map(dt.time.fromisoformat, times)],
    "arrow": lambda times: pd.Series(map(dt.time.fromisoformat, times), dtype=pd.ArrowDtype(pa.time64("us"))),
    "category": lambda times: pd.Categorical([*map(dt.time.fromisoformat, times)]),
}


@pytest.mark.parametrize("learned", SPELLINGS)
@pytest.mark.parametrize("asked", SPELLINGS)
def test_a_time_of_day_among_few_is_known_in_each_spelling(learned, asked):
    shifts = ["06:30", "14:30", "22:30", "06:30"] * (N // 4)
    codec = Codec.fit(Table.of(framed(SPELLINGS[learned](shifts))))
    others = codec.encode(framed(SPELLINGS[asked](shifts)), unseen="count")
    assert not others.unseen
    assert (others.codes == codec.encode(framed(SPELLINGS[learned](shifts))).codes).all()
    categories = codec.schema["at"].categories
    for value in (dt.time(14, 30), "14:30", "14:30:00"):
        assert spelled_code(value, categories) == spelled_code(SPELLINGS[learned](["14:30"])[0], categories)
    assert spelled_code("14:31", categories) is None
    assert codec.encode(framed(["14:31"] * 3), unseen="count").unseen == {"at": 3}


# texts → what those made anew look like
FORMS = {
    "HH:MM": ([each[:5] for each in CLOCK], r"\d\d:\d\d"),
    "HH:MM:SS": (CLOCK, r"\d\d:\d\d:\d\d"),
    "HH:MM:SS.fff": ([f"{each}.{k * 7 % 1000:03d}" for k, each in enumerate(CLOCK)], r"\d\d:\d\d:\d\d\.\d{3}"),
    "HH:MM:SS.fffffffff": ([f"{each}.{k:09d}" for k, each in enumerate(CLOCK)], r"\d\d:\d\d:\d\d\.\d{9}"),
    "HH:MM:SS[.ffffff]": (
        [str(dt.time.fromisoformat(each).replace(microsecond=k % 3)) for k, each in enumerate(CLOCK)],
        r"\d\d:\d\d:\d\d(\.\d{6})?",
    ),
    "HH:MM:SS[.*]": (
        changed(CLOCK, row1="06:31:07.5", row2="06:31", row3="23:59:59.9999999"),
        r".*[:.]\d*[1-9]|.*:\d0",
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("schema", [None, {"at": "datetime"}])
def test_times_of_day_come_back_with_the_decimals_they_came_with(form, schema, tmp_path):
    texts, pattern = FORMS[form]
    for read in readers(tmp_path, framed(texts), schema):
        column = read().schema["at"]
        assert column.kind == "datetime"
        assert column.given == form
    table = Table.of(framed(texts), schema=schema)
    codec = Codec.fit(table)
    made = codec.decode(codec.encode(table))["at"]
    assert made.str.fullmatch(pattern).all()
    assert min(texts)[:8] <= made.min()
    assert made.max()[:8] <= max(texts)[:8]
    again = Table.of(made.to_frame().assign(n=0.5), schema={"at": table.schema["at"]})
    assert (again.as_given()["at"] == made).all()


@pytest.mark.parametrize("dtype", [object, "string"])
def test_a_table_gives_its_times_of_day_back_as_they_were_written(dtype):
    texts = changed(CLOCK, row1="06:31:07.5", row2="06:31", row3="23:59:59.9999999", row4=" 06:30 ")
    frame = framed(texts).astype({"at": dtype})
    frame.loc[7, "at"] = None
    table = Table.of(frame)
    pd.testing.assert_frame_equal(table.as_given(), frame)
    rows = np.array([3, 7, 0, 1])
    pd.testing.assert_frame_equal(table.take(rows).as_given(), frame.iloc[rows].reset_index(drop=True))
    assert list(table.drop("at").as_given()) == ["n"]
