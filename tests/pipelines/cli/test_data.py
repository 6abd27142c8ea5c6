"""`ganforge data`: what it writes, and what it leaves alone."""

from __future__ import annotations

import fcntl
import json

import pandas as pd
import pytest
import sklearn.datasets
from sklearn.utils import Bunch

from ganforge.files import sha256_file
from ganforge_pipelines.workspace import Workspace


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> Workspace:
    made = Workspace.create(tmp_path / "team")
    monkeypatch.chdir(made.root)
    return made


def test_make_takes_the_place_of_no_file_of_the_users(workspace, cli):
    workspace.data.mkdir()
    mine = workspace.data / "payments.csv"
    mine.write_text("amount,is_fraud\n1,0\n")
    done = cli("data", "make")
    assert done.code == 2, done.out
    assert f"{mine} is there and is not the embedded data" in done.err
    assert "move it to another name" in done.err
    assert mine.read_text() == "amount,is_fraud\n1,0\n"
    assert list(workspace.data.iterdir()) == [mine]
    assert not (workspace.root / "data.dvc").exists()


def test_make_waits_for_no_other_command(workspace, cli):
    workspace.hidden.mkdir()
    with (workspace.hidden / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # as another process has it: the kernel's lock is one of open files
        done = cli("data", "make")
    assert done.code == 2, done.out
    assert f"{workspace.root} is in use" in done.err
    assert not workspace.data.exists()


def test_fetch_tells_a_script_what_it_wrote(tmp_path, monkeypatch, cli):
    """OpenML is not reached from here: what it sends stands in for it."""
    bunch = Bunch(data=pd.DataFrame({"age": range(6)}), target=pd.Series(["<=50K", ">50K"] * 3, name="class"))
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", lambda **_: bunch)
    done = cli("data", "fetch", "adult", "--out", tmp_path / "adult.csv", "--json", "-")
    assert done.code == 0, done.err
    answer = {"name": "adult", "path": str(tmp_path / "adult.csv"), "sha256": sha256_file(tmp_path / "adult.csv")}
    assert json.loads(done.out) == answer
    assert cli("data", "fetch", "adult", "--out", tmp_path / "again.csv", "--quiet").out == ""
    assert (tmp_path / "again.csv").exists()


def test_check_says_what_a_flow_would_stumble_over(tmp_path, cli):
    data = tmp_path / "t.csv"
    pd.DataFrame({"a": [1] * 50, "b": ["x"] * 50}).to_csv(data, index=False)
    done = cli("data", "check", data)
    assert done.code == 1, done.out
    assert f"{data}: every column holds one value only" in done.err
    assert "give at least one column that varies" in " ".join(done.err.split())


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (
            lambda when: when.where(when.index != 40, "the 3rd of May"),
            "column 'when' mixes types: it holds dates, but row 41 says 'the 3rd of May' (1 such of 120); write dates ",
        ),
        (
            lambda when: when.where(when.index != 40, ""),
            "column 'when', row 41: the time is missing (1 such rows); fill it in or leave these rows out",
        ),
        (
            lambda when: when.where(when.index % 2 == 1, "morning").where(when.index % 2 == 0, "noon"),
            "column 'when', row 1: 'morning' does not parse as a date; write dates as 2026-01-31",
        ),
        (lambda when: when.index % 2 == 0, "column 'when' holds true and false, which is no time; name one of dates"),
    ],
    ids=["one that is no date", "one missing", "words", "true and false"],
)
def test_a_time_that_is_none_is_told_with_its_row(tmp_path, cli, harm, said):
    data = tmp_path / "t.csv"
    when = pd.Series(pd.date_range("2025-03-01", periods=120, freq="7h").astype(str))
    frame = pd.DataFrame({"amount": range(120), "when": when, "is_fraud": [int(k % 12 == 0) for k in range(120)]})
    frame.to_csv(data, index=False)
    assert cli("data", "check", data, "--target", "is_fraud", "--time", "when").code == 0
    frame.assign(when=harm(when)).to_csv(data, index=False)
    done = cli("data", "check", data, "--target", "is_fraud", "--time", "when")
    assert done.code == 2, done.out
    assert f"{data}: {said}" in done.err
    assert "Traceback" not in done.err
