"""Which rows a model has seen: what is written with one night's model is read by the next night's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ganforge.errors import InputError
from ganforge_pipelines.stages.rows import FINGERPRINT, SEEN, not_seen, write_seen


def lines(*numbers: int) -> pd.DataFrame:
    return pd.DataFrame({FINGERPRINT: np.array(numbers, dtype=np.uint64)})


def test_rows_that_were_trained_on_are_known_under_any_salt(tmp_path):
    for _ in range(2):
        path = write_seen(tmp_path, lines(1, 2, 3), "all")
        found = not_seen(path, lines(3, 4, 1), "all")
        assert found is not None
        assert found.tolist() == [False, True, False]


def test_fingerprints_over_other_columns_say_nothing(tmp_path):
    assert not_seen(write_seen(tmp_path, lines(1), "all"), lines(1), "other columns") is None


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "flipped", "lacking", "pickled"])
def test_a_damaged_file_is_an_error_that_can_be_told(tmp_path, damage):
    path = write_seen(tmp_path, lines(*range(1_000)), "all")
    whole = path.read_bytes()
    if damage == "lacking":
        np.savez_compressed(path, salt=np.zeros(16, dtype=np.uint8))
    elif damage == "pickled":
        path.unlink()
        np.savez(path, fingerprinted=np.array([{}], dtype=object))
    else:
        middle = len(whole) // 2
        flipped = whole[:middle] + bytes(255 - each for each in whole[middle : middle + 40]) + whole[middle + 40 :]
        path.write_bytes({"empty": b"", "text": b"no archive", "cut": whole[:middle], "flipped": flipped}[damage])
    with pytest.raises(InputError, match=rf"{SEEN} of the rows it was trained on cannot be read"):
        not_seen(path, lines(1), "all")
