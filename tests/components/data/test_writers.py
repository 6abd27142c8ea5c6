"""Tables written a frame at a time: one file, whole, with the types that all its frames need."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from ganforge.data.writers import write_tables
from ganforge.errors import InputError


def written(frames, tmp_path, **options):
    write_tables(frames, tmp_path / "out.parquet", **options)
    assert [each.name for each in tmp_path.iterdir()] == ["out.parquet"]
    return pd.read_parquet(tmp_path / "out.parquet")


@pytest.mark.parametrize(
    "values",
    [
        ["a", "b"],
        [dt.time(6, 30), dt.time(22, 15, 1)],
        [1.5, 2.5],
        [True, False],
        [dt.datetime(2026, 1, 31, 4), dt.datetime(2026, 2, 1)],
    ],
    ids=["texts", "times", "numbers", "flags", "dates"],
)
def test_a_column_may_be_empty_in_the_first_frames(values, tmp_path):
    empty = pd.DataFrame({"k": [1, 2], "late": pd.Series([None, None], dtype=object)})
    full = pd.DataFrame({"k": [3, 4], "late": values})
    back = written([empty, empty, full, empty], tmp_path)
    assert back["k"].tolist() == [1, 2, 1, 2, 3, 4, 1, 2]
    assert back["late"].isna().tolist() == [True] * 4 + [False] * 2 + [True] * 2
    assert back["late"][4:6].tolist() == values


def test_whole_numbers_may_be_followed_by_fractions_and_gaps(tmp_path):
    frames = [pd.DataFrame({"n": each}) for each in ([1, 2], [3.0, np.nan], [0.5])]
    back = written(frames, tmp_path)
    assert back["n"].dropna().tolist() == [1, 2, 3, 0.5]
    assert back["n"].isna().sum() == 1


def test_what_a_file_says_of_itself_is_kept_when_its_types_widen(tmp_path):
    frames = [pd.DataFrame({"n": pd.Series([None], dtype=object)}), pd.DataFrame({"n": ["x"]})]
    written(frames, tmp_path, metadata={"made by": "a test"})
    assert pq.read_schema(tmp_path / "out.parquet").metadata[b"made by"] == b"a test"


def test_a_frame_that_fails_leaves_nothing(tmp_path):
    def frames():
        yield pd.DataFrame({"n": [1]})
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="broke"):
        write_tables(frames(), tmp_path / "out.parquet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("first", "later"),
    [([1], ["x"]), ([2**53 + 1], [0.5]), ([1], np.array([2**63 + 1], dtype=np.uint64))],
    ids=["a text", "a fraction beside 2^53 + 1", "a number beyond 64 bits"],
)
def test_what_one_column_cannot_hold_is_named_and_nothing_is_left(first, later, tmp_path):
    frames = [pd.DataFrame({"k": ["a"], "n": first}), pd.DataFrame({"k": ["b"], "n": later})]
    with pytest.raises(InputError, match=r"column 'n' holds .* int64.*\.csv"):
        write_tables(frames, tmp_path / "out.parquet")
    assert list(tmp_path.iterdir()) == []
