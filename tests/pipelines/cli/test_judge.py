"""`ganforge judge`: the answer as text and as JSON, roles of columns, what is refused, and what is kept."""

from __future__ import annotations

import json
import subprocess
import sys
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from ganforge.downstream.leaks import MARK
from ganforge.synthesis.base import marked
from ganforge_pipelines.cli.console import Bars, Speaker
from ganforge_pipelines.lineage import stamps

FAST = ["--target", "is_fraud", "--steps", "2", "--jobs", "1"]


@pytest.fixture(autouse=True)
def _one_cheap_model(monkeypatch):
    """One classifier, one ratio, three folds: the command is tested here, not the search."""
    from dataclasses import replace

    from ganforge.downstream import design

    quick = replace(design.PRESETS["quick"], classifiers=("logistic-regression",), ratios=(0.5,), folds=3, time_folds=3)
    monkeypatch.setitem(design.PRESETS, "quick", quick)


def test_the_sentence_and_the_arms_are_told_and_written(payments, cli, tmp_path):
    done = cli("judge", "payments.csv", *FAST, "--json", "verdict.json", "--seed", "3")
    assert done.code == 0, done.err
    answer = json.loads((tmp_path / "verdict.json").read_text())
    assert answer["sentence"] in done.out
    assert answer["recommended"] in answer["arms"]
    assert list(answer["arms"]) == [
        "none", "class weights", "tuned threshold", "random oversampling", "smote-nc", "ctgan",
    ]  # fmt: skip
    for name, arm in answer["arms"].items():
        assert len(arm["average_precision"]["folds"]) == 3
        assert arm["average_precision"]["mean"] == pytest.approx(np.mean(arm["average_precision"]["folds"]))
        assert arm["classifier"] == "logistic-regression"
        assert arm["ratio"] == (0.5 if name in ("random oversampling", "smote-nc", "ctgan") else None)
        if name == "none":
            assert arm["p_better_than_none"] is None
        else:
            assert 0 <= arm["p_better_than_none"] <= 1
    assert "SMOTE-NC" in done.out
    assert any("currency" in notice for notice in answer["notices"])


def test_names_stay_whole_on_a_narrow_terminal(capsys):
    speaker = Speaker(json_to=None, quiet=False)
    speaker.console.width = 60
    speaker.table(
        None,
        ["arm", "average precision", "better than none", "classifier"],
        [("class weights", ".912", "P = 0.14", "gradient-boosting")],
    )
    assert "gradient-boosting" in capsys.readouterr().out


def test_the_time_left_stays_while_a_fit_takes_minutes(monkeypatch):
    clock, terminal = [0.0], StringIO()
    screen = Console(file=terminal, force_terminal=True, force_interactive=True, width=120, get_time=lambda: clock[0])
    monkeypatch.setattr("ganforge_pipelines.cli.console.stderr", lambda: screen)

    def shown(detail):
        clock[0] = 0.0
        with Bars() as bars:
            bars.show("fits", 5, 20)  # kept from before: no sign of how fast it goes
            clock[0] = 120.0
            bars.show("fits", 10, 20, "fold 1")
            clock[0] = 300.0
            bars.show("fits", 10, 20, detail)  # three minutes in which nothing was done
            terminal.truncate(0)
        return terminal.getvalue()

    assert "10.0 min left" in shown("fold 2")  # 5 in 300 s, 10 to go
    assert "10.0 min left" not in shown("fold 2, about 8 min left")  # who tells the bar knows better


def test_the_same_command_goes_on_from_what_is_kept(payments, cli, tmp_path):
    once = cli("judge", "payments.csv", *FAST, "--json", "-")
    kept = sorted(each.name for each in (tmp_path / ".payments.csv.is_fraud.judge").glob("*.json"))
    assert len(kept) == 15  # five arms that train, three folds
    before = {name: (tmp_path / ".payments.csv.is_fraud.judge" / name).stat().st_mtime_ns for name in kept}
    again = cli("judge", "payments.csv", *FAST, "--json", "-")
    after = {name: (tmp_path / ".payments.csv.is_fraud.judge" / name).stat().st_mtime_ns for name in kept}
    assert before == after
    first, second = (json.loads(each.out) for each in (once, again))
    assert {**first, "seconds": 0} == {**second, "seconds": 0}


def test_roles_of_columns(payments, cli):
    with_owner = payments.assign(customer=np.arange(len(payments)) // 3)
    with_owner.to_csv("payments.csv", index=False)
    options = ["--group", "customer", "--amount", "amount", "--leave-out", "booked_at"]
    done = cli("judge", "payments.csv", *FAST, *options, "--json", "-")
    assert done.code == 0, done.err
    answer = json.loads(done.out)
    assert answer["arms"]["none"]["measures"]["savings"]["mean"] <= 1
    assert cli("judge", "payments.csv", *FAST, "--leave-out", "is_fraud").code == 2


def test_folds_forward_in_time(payments, cli):
    done = cli("judge", "payments.csv", *FAST, "--time", "booked_at", "--gap", "0.5", "--json", "-")
    assert done.code == 0, done.err
    assert json.loads(done.out)["test_to_train"] > 0.5  # early folds have little to learn from


def test_too_few_positives_for_the_folds_can_be_judged_in_fewer(payments, cli):
    positive = payments.index[payments["is_fraud"] == 1]
    payments.drop(index=positive[2:]).to_csv("scarce.csv", index=False)
    refused = cli("judge", "scarce.csv", *FAST)
    assert refused.code == 1
    assert "ask for 2 folds" in refused.err
    done = cli("judge", "scarce.csv", *FAST, "--folds", "2")
    assert done.code == 0, done.err
    assert "2 folds are too few to tell" in done.out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--target", "is_froud"], 2, "did you mean 'is_fraud'"),
        (["--target", "is_fraud", "--kind", "ctgn"], 2, "did you mean 'ctgan'"),
        (["--target", "is_fraud", "--kind", "dcgan"], 2, "no kind of generator 'dcgan'"),
        (["--target", "is_fraud", "--preset", "quik"], 2, "did you mean 'quick'"),
        (["--target", "is_fraud", "--group", "custmer"], 2, "no group column 'custmer'"),
        (["--target", "is_fraud", "--amount", "merchant"], 2, "'merchant' cannot be the amount"),
        (
            ["--target", "is_fraud", "--gap", "3"],
            2,
            "--gap 3 needs the column that says when each row happened; give --time",
        ),
    ],
)
def test_a_wrong_call_says_what_is_wrong(payments, cli, tmp_path, arguments, code, told):
    done = cli("judge", "payments.csv", "--jobs", "1", *arguments)
    assert done.code == code
    assert told in done.err
    assert not list(tmp_path.glob(".*.judge"))


def test_marked_rows_are_no_real_data(payments, cli):
    payments.assign(ganforge_synthetic=np.arange(len(payments)) >= 200).to_csv("more.csv", index=False)
    done = cli("judge", "more.csv", *FAST)
    assert done.code == 2
    assert "40 of 240 rows are marked as synthetic" in done.err


def test_what_a_notebook_sampled_and_wrote_is_no_real_data(payments, cli, tmp_path):
    """No column and no stamp says so, but the file itself, as pandas wrote it."""
    marked(payments.copy()).to_parquet("made.parquet")
    for command in (["judge", "made.parquet"], ["augment", "made.parquet", "--out", "more.csv"]):
        done = cli(*command, *FAST)
        assert done.code == 2
        assert "made.parquet: 240 of 240 rows are marked as synthetic" in done.err
        assert "judge the data they were made from" in done.err
    assert not list(tmp_path.glob(".*.judge"))


@pytest.mark.parametrize("name", ["made.csv", "made.parquet"])
def test_a_file_that_is_stamped_as_synthetic_is_no_real_data(payments, cli, tmp_path, name):
    """As `ganforge sample` writes it: no column says so."""
    told = {"made_by": "ganforge sample", "rows": 240, "which": stamps.ALL, "generator": {"kind": "ctgan"}, "seed": 0}
    told |= {"synthetic_rows": 240, "data": stamps.data_of("payments.csv")}
    stamps.write_stamped(marked(payments.copy()), name, stamps.stamp(**told))
    for command in (["judge", name], ["augment", name, "--out", "more.csv"]):
        done = cli(*command, *FAST)
        assert done.code == 2
        assert f"{name}: 240 of 240 rows are synthetic, as its stamp says (ganforge sample)" in done.err
        assert "judge what they were made from, payments.csv" in done.err
    assert not list(tmp_path.glob(".*.judge"))
    # Where the column is gone that the stamp speaks of nothing says which rows are real.
    stamps.write_stamped(payments, name, stamps.stamp(**{**told, "which": MARK, "synthetic_rows": 40}))
    assert "40 of 240 rows are synthetic, as its stamp says" in cli("judge", name, *FAST).err


def test_a_stamp_of_another_file_is_to_be_removed_where_the_rows_are_real(payments, cli, tmp_path):
    told = {"made_by": "ganforge sample", "rows": 9, "which": stamps.ALL, "generator": {}, "seed": 0}
    stamps.write_stamped(payments.head(9), "payments.csv", stamps.stamp(**told, synthetic_rows=9, data=[]))
    payments.to_csv("payments.csv", index=False)
    done = cli("judge", "payments.csv", *FAST)
    assert done.code == 2
    assert "payments.csv.lineage.json is not of payments.csv as it is now" in done.err
    assert "where its rows are real, remove payments.csv.lineage.json" in done.err


def test_pictures_are_sent_where_they_are_judged(tmp_path, cli):
    np.savez(tmp_path / "pictures.npz", X=np.zeros((4, 8, 8), dtype=np.uint8), y=np.zeros(4, dtype=np.int64))
    done = cli("judge", tmp_path / "pictures.npz", *FAST)
    assert done.code == 2
    assert "ganforge run images" in done.err


HOLD = """
import sys
from pathlib import Path
from ganforge_pipelines.workspace.lock import hold
with hold(Path(sys.argv[1]), wait=True):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_at_once_do_not_clear_away_what_the_other_is_at(payments, cli, tmp_path):
    lock = tmp_path / ".payments.csv.is_fraud.judge" / "lock"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        done = cli("judge", "payments.csv", *FAST)
        assert done.code == 2
        assert f".payments.csv.is_fraud.judge is in use by process {other.pid}" in done.err
        other.communicate()
    assert cli("judge", "payments.csv", *FAST).code == 0


def test_ctrl_c_says_what_is_kept_and_that_the_same_command_goes_on(payments, cli, monkeypatch):
    from ganforge.downstream import verdict

    real, calls = verdict.run_trial, []

    def stopped(*arguments):
        calls.append(arguments[1:3])
        if len(calls) == 7:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(verdict, "run_trial", stopped)
    done = cli("judge", "payments.csv", *FAST)
    assert done.code == 130
    assert "stopped; 6 of 15 fits are kept in .payments.csv.is_fraud.judge, and the same command goes on" in done.err
    assert cli("judge", "payments.csv", *FAST).code == 0
    assert len(calls) == 7 + 9
