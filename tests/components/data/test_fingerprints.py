"""By what a row is known again."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ganforge.data.fingerprints import picture_fingerprints, row_fingerprints, salted
from ganforge.data.images import Images
from ganforge.data.readers import read_table
from ganforge.data.toy import toy_payments

FRAME = pd.DataFrame(
    {
        "amount": [1.0, 2.5, np.nan, 2.5],
        "items": [1, 2, 3, 2],
        "shop": ["a", None, "b", None],
        "at": pd.to_datetime(["2025-01-01", "2025-01-02", None, "2025-01-02"]),
        "is_fraud": [0, 1, 0, 0],
    }
)


def test_the_same_values_whatever_order_and_dtype_they_come_in():
    found = row_fingerprints(FRAME)
    turned = FRAME[FRAME.columns[::-1]].astype({"items": "Int64", "is_fraud": float, "at": "datetime64[s]"})
    assert np.array_equal(found, row_fingerprints(turned))
    assert np.array_equal(found[[2, 0]], row_fingerprints(FRAME.iloc[[2, 0]]))
    assert len(set(found)) == 4


def test_what_is_left_out_does_not_count():
    found = row_fingerprints(FRAME, leave_out=["is_fraud"])
    assert found[1] == found[3]
    assert found[0] != found[1]


def test_a_table_from_csv_and_from_parquet_is_the_same(tmp_path):
    frame = toy_payments(200, seed=0)
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    there, here = (row_fingerprints(read_table(tmp_path / name).frame) for name in ("t.csv", "t.parquet"))
    assert np.array_equal(there, here)


def test_a_salt_makes_two_sets_incomparable():
    found = row_fingerprints(FRAME)
    one, other = salted(found, b"1" * 16), salted(found, b"2" * 16)
    assert np.array_equal(one, salted(found, b"1" * 16))
    assert not set(one) & (set(other) | set(found))


def test_pictures_by_their_pixels():
    pixels = np.zeros((3, 1, 8, 8), dtype=np.uint8)
    pixels[1, 0, 0, 0] = 1
    found = picture_fingerprints(Images.of(pixels))
    assert found[0] == found[2]
    assert found[0] != found[1]
