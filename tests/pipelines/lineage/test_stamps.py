"""What a file of synthetic rows says of its origin, and what becomes of that when it is copied."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from ganforge.errors import InputError
from ganforge_pipelines.lineage import stamps

FRAME = pd.DataFrame({"amount": np.arange(3.0), "is_fraud": [1, 1, 1]})
TOLD = stamps.stamp(
    made_by="ganforge sample",
    rows=3,
    synthetic_rows=3,
    which=stamps.ALL,
    generator={"kind": "ctgan", "sha256": "ab" * 32, "seed": 0, "steps": 5},
    data=[{"path": "payments.csv", "sha256": "cd" * 32}],
    seed=7,
    condition={"is_fraud": 1},
    asked={"prior": "real"},
)


def test_parquet_keeps_it_inside_and_csv_beside(tmp_path):
    stamps.write_stamped(FRAME, tmp_path / "a.parquet", TOLD)
    stamps.write_stamped(FRAME, tmp_path / "a.csv", TOLD)
    assert stamps.read_stamp(tmp_path / "a.parquet") == TOLD
    beside = stamps.read_stamp(tmp_path / "a.csv")
    assert beside is not None
    assert {name: beside[name] for name in TOLD} == TOLD
    assert [each.name for each in tmp_path.iterdir() if each.name.endswith(".json")] == ["a.csv.lineage.json"]
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), FRAME)


def test_what_survives_a_copy_and_what_does_not(tmp_path):
    stamps.write_stamped(FRAME, tmp_path / "a.parquet", TOLD)
    shutil.copy(tmp_path / "a.parquet", tmp_path / "b.parquet")
    assert stamps.read_stamp(tmp_path / "b.parquet") == TOLD
    pd.read_parquet(tmp_path / "a.parquet").to_parquet(tmp_path / "c.parquet")
    assert stamps.read_stamp(tmp_path / "c.parquet") is None  # written anew by pandas
    stamps.write_stamped(FRAME, tmp_path / "a.csv", TOLD)
    shutil.copy(tmp_path / "a.csv", tmp_path / "b.csv")
    assert stamps.read_stamp(tmp_path / "b.csv") is None
    shutil.copy(stamps.beside(tmp_path / "a.csv"), stamps.beside(tmp_path / "b.csv"))
    assert stamps.read_stamp(tmp_path / "b.csv") is not None


def test_an_npz_file_keeps_it_among_its_arrays(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", pixels=np.zeros((3, 2)), **stamps.as_array(TOLD))
    shutil.copy(tmp_path / "a.npz", tmp_path / "b.npz")
    assert stamps.read_stamp(tmp_path / "b.npz") == TOLD
    np.savez(tmp_path / "c.npz", pixels=np.zeros((3, 2)))
    assert stamps.read_stamp(tmp_path / "c.npz") is None
    (tmp_path / "d.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:40])
    with pytest.raises(InputError, match=r"d\.npz cannot be read as \.npz"):
        stamps.read_stamp(tmp_path / "d.npz")


def test_a_file_without_a_real_row_is_refused_as_data(tmp_path):
    for name in ("a.parquet", "a.csv"):
        stamps.write_stamped(FRAME, tmp_path / name, TOLD)
        with pytest.raises(
            InputError, match=r"mine: all 3 rows are synthetic, made by ganforge sample; .* give the data"
        ):
            stamps.refuse_stamped(tmp_path / name, "mine")
    (tmp_path / "a.csv").write_text("amount,is_fraud\n9.0,1\n")  # as a spreadsheet saves it, or real rows in its place
    with pytest.raises(InputError, match=r"not of .*a\.csv as it is now: .*where its rows are real, remove .*a\.csv\."):
        stamps.refuse_stamped(tmp_path / "a.csv", "mine")
    stamps.beside(tmp_path / "a.csv").unlink()
    stamps.refuse_stamped(tmp_path / "a.csv", "mine")
    marked = {**TOLD, "synthetic": {**TOLD["synthetic"], "which": "made"}}  # some are real: the column tells which
    stamps.write_stamped(FRAME, tmp_path / "b.parquet", marked)
    stamps.refuse_stamped(tmp_path / "b.parquet", "mine")


def test_a_stamp_of_another_file_is_not_believed(tmp_path):
    stamps.write_stamped(FRAME, tmp_path / "a.csv", TOLD)
    (tmp_path / "a.csv").write_text("amount,is_fraud\n9,1\n")
    with pytest.raises(InputError, match="was altered"):
        stamps.read_stamp(tmp_path / "a.csv")


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"format": 99})])
def test_a_stamp_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "a.csv").write_text("amount\n1\n")
    stamps.beside(tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match="what it says of its origin"):
        stamps.read_stamp(tmp_path / "a.csv")


def test_a_generator_hands_its_data_on(tmp_path):
    from ganforge import CTGAN

    frame = pd.DataFrame({"amount": np.arange(40.0), "kind": ["a", "b"] * 20})
    frame.to_csv(tmp_path / "t.csv", index=False)
    CTGAN(steps=2, batch_size=20, random_state=3).fit(frame).save(tmp_path / "m")
    assert stamps.generator_of(tmp_path / "m")["data"] == []
    data = stamps.data_of(tmp_path / "t.csv")
    stamps.write_origin(tmp_path / "m", data=data, seed=3, stage="ganforge fit")
    found = stamps.generator_of(tmp_path / "m")
    assert (found["kind"], found["seed"], found["steps"], found["data"]) == ("ctgan", 3, 2, data)
    assert CTGAN.load(tmp_path / "m").sample(2, random_state=0).shape == (2, 2)  # the model is whole all the same
