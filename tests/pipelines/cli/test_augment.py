"""`ganforge augment`: rows where they help, a reason where they do not, never anything unmarked."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import planted
import pytest

from ganforge.downstream import design
from ganforge.downstream.conclusion import conclude
from ganforge.files import sha256_file
from ganforge_pipelines.lineage.stamps import read_stamp

FAST = ["--target", "is_fraud", "--steps", "2", "--jobs", "1"]


@pytest.fixture(autouse=True)
def _one_cheap_model(monkeypatch):
    quick = replace(design.PRESETS["quick"], classifiers=("gradient-boosting",), ratios=(0.5,), folds=3, inner_folds=0)
    monkeypatch.setitem(design.PRESETS, "quick", quick)


def test_no_file_and_the_reason_where_rows_do_not_help(payments, cli, tmp_path, monkeypatch):
    forest = replace(design.PRESETS["quick"], folds=5, classifiers=("random-forest",))
    monkeypatch.setitem(design.PRESETS, "quick", forest)
    done = cli("augment", "payments.csv", *FAST, "--out", "more.csv", "--json", "answer.json")
    assert done.code == 1, done.out
    assert "no file written: no arm that adds rows beats training on the real rows as they are (P = 0." in done.err
    assert "use --force " in done.err
    assert not (tmp_path / "more.csv").exists()
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert answer["out"] is None
    assert answer["rows_added"] == 0
    assert answer["reason"] in done.err
    assert answer["sentence"] in done.out


def test_of_too_few_folds_it_is_said_that_they_are_too_few(payments, cli, tmp_path):
    """However probable it is that an arm is better: that is not why there is no file."""
    done = cli("augment", "payments.csv", *FAST, "--out", "more.csv")
    assert done.code == 1, done.out
    assert "no file written: 3 folds are too few to tell; judge in 5 at least, or use --force " in done.err
    assert not (tmp_path / "more.csv").exists()


def test_what_surely_harms_is_no_probability_of_nought(payments, cli, monkeypatch):
    folds = {"none": [0.7, 0.72, 0.71, 0.69, 0.73], "smote-nc": [0.5, 0.52, 0.51, 0.49, 0.53]}
    told = {"measure": "average precision", "classifier": "gradient-boosting", "n_rows": 240, "n_positive": 36}
    told |= {"adds_rows": ["smote-nc"], "base_rate": 0.15, "test_to_train": 0.25, "resolution": 0.01}
    monkeypatch.setattr("ganforge.downstream.verdict.judge", lambda *_, **__: conclude(folds, synthetic=[], **told))
    done = cli("augment", "payments.csv", *FAST, "--out", "more.csv")
    assert (done.code, "(P < 0.01 for SMOTE-NC)" in done.err) == (1, True)


def test_where_nothing_was_learned_no_arm_is_said_to_lose_that_surely_wins(payments, cli, monkeypatch):
    folds = {"none": [0.05, 0.12, 0.06, 0.04, 0.20]}
    folds["smote-nc"] = [each + 0.03 for each in folds["none"]]
    told = {"measure": "average precision", "classifier": "gradient-boosting", "n_rows": 240, "n_positive": 36}
    told |= {"adds_rows": ["smote-nc"], "base_rate": 0.15, "test_to_train": 0.25}
    monkeypatch.setattr("ganforge.downstream.verdict.judge", lambda *_, **__: conclude(folds, synthetic=[], **told))
    done = cli("augment", "payments.csv", *FAST, "--out", "more.csv")
    assert done.code == 1
    assert "no file written: nothing was learned, which added rows do not mend; use --force smote-nc" in done.err
    assert "beats" not in done.err


@pytest.mark.parametrize("arm", ["ctgan", "smote-nc", "random oversampling"])
def test_forced_rows_are_written_and_marked(payments, cli, tmp_path, arm):
    done = cli("augment", "payments.csv", *FAST, "--out", "more.parquet", "--force", arm, "--json", "-")
    assert done.code == 0, done.err
    answer, frauds = json.loads(done.out), int(payments["is_fraud"].sum())
    assert (answer["out"], answer["arm"], answer["reason"]) == ("more.parquet", arm, None)
    more = pd.read_parquet(tmp_path / "more.parquet")
    real, added = more[~more["ganforge_synthetic"]], more[more["ganforge_synthetic"]]
    assert len(real) == 240
    assert len(added) == answer["rows_added"] == round(0.5 * (240 - frauds)) - frauds
    assert set(added["is_fraud"]) == {1}
    assert list(more.columns) == [*payments.columns, "ganforge_synthetic"]
    pd.testing.assert_series_equal(real["amount"], payments["amount"])
    assert not list((tmp_path / ".payments.csv.is_fraud.judge").glob("*-*/"))  # no checkpoint is left
    origin = read_stamp("more.parquet")
    assert origin is not None
    assert (origin["synthetic"]["which"], origin["synthetic"]["rows"]) == ("ganforge_synthetic", len(added))
    assert origin["synthetic"]["arm"] == arm
    assert origin["data"] == [{"path": "payments.csv", "sha256": sha256_file("payments.csv")}]
    first_added = cli("lineage", "more.parquet", "--row", 241, "--json", "-")
    assert json.loads(first_added.out)["row"]["origin"] == "synthetic"
    assert "row 240 is real" in cli("lineage", "more.parquet", "--row", 240).out
    again = cli("judge", "more.parquet", *FAST)
    assert again.code == 2
    assert "marked as synthetic" in again.err


def test_rows_that_help_are_written_without_force(tmp_path, monkeypatch, cli):
    """A generator that knows the truth stands in for CTGAN: what is written is the recommended arm's."""
    monkeypatch.chdir(tmp_path)
    planted.ring_table(3000, positives=50).drop(columns="moment").to_csv("ring.csv", index=False)
    monkeypatch.setattr("ganforge.catalog.load_class", lambda kind: planted.Oracle)
    five = replace(design.PRESETS["quick"], folds=5)
    monkeypatch.setitem(design.PRESETS, "quick", five)
    done = cli("augment", "ring.csv", "--target", "target", "--jobs", "1", "--out", "more.csv", "--json", "-")
    assert done.code == 0, done.err
    answer = json.loads(done.out)
    assert (answer["recommended"], answer["arm"], answer["outcome"]) == ("ctgan", "ctgan", "helped")
    more = pd.read_csv("more.csv")
    added = more[more["ganforge_synthetic"]]
    assert len(added) == answer["rows_added"] == round(0.5 * 2950) - 50
    assert np.hypot(added["x"], added["y"]).between(1.3, 1.7).all()


def test_what_cannot_be_forced_is_refused_before_anything_is_judged(payments, cli, tmp_path):
    done = cli("augment", "payments.csv", *FAST, "--out", "more.csv", "--force", "class weights")
    assert done.code == 2
    assert "no arm that adds rows 'class weights'" in done.err
    assert cli("augment", "payments.csv", *FAST, "--out", "payments.csv").code == 2
    assert cli("augment", "payments.csv", *FAST, "--out", "more.xlsx").code == 2
    assert not list(tmp_path.glob(".*.judge"))


def test_owners_of_added_rows_are_unknown(payments, cli):
    payments.assign(customer=np.arange(240) // 3).to_csv("payments.csv", index=False)
    options = ["--group", "customer", "--force", "smote-nc", "--out", "more.csv"]
    done = cli("augment", "payments.csv", *FAST, *options)
    assert done.code == 0, done.err
    more = pd.read_csv("more.csv")
    assert more.loc[more["ganforge_synthetic"], "customer"].isna().all()
    assert (more.loc[~more["ganforge_synthetic"], "customer"] == np.arange(240) // 3).all()
