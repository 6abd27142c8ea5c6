"""A data scientist with a scarce table: judge, pull the plug amid it, judge again, augment; then the notebook."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from ganforge.data.toy import toy_payments

GANFORGE = str(Path(sys.executable).with_name("ganforge"))
PATIENCE = 300  # seconds; a step ends as soon as what it waits for is there
JUDGE = ["payments.csv", "--target", "is_fraud", "--kind", "ctgan", "--steps", "3", "--folds", "3", "--jobs", "1"]
KEPT = ".payments.csv.is_fraud.judge"


def ganforge(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    command = [GANFORGE, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def stopped_amid(folder: Path, how: signal.Signals, *, after: int) -> tuple[int, str]:
    """Start judging, and stop it as soon as `after` results are kept; exit code and what it said."""
    process = subprocess.Popen(
        [GANFORGE, "judge", *JUDGE], cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    give_up = time.monotonic() + PATIENCE
    while len(list((folder / KEPT).glob("*.json"))) < after:
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < give_up, "no result appeared"
        time.sleep(0.02)
    process.send_signal(how)
    _, told = process.communicate(timeout=PATIENCE)
    return process.returncode, told


@pytest.mark.slow
def test_judge_killed_judge_again_augment(tmp_path):
    toy_payments(200, fraud_share=0.15, seed=0).to_csv(tmp_path / "payments.csv", index=False)
    code, _ = stopped_amid(tmp_path, signal.SIGKILL, after=3)
    assert code == -signal.SIGKILL
    kept = {each.name: each.stat().st_mtime_ns for each in (tmp_path / KEPT).glob("*.json")}
    assert len(kept) >= 3

    code, told = stopped_amid(tmp_path, signal.SIGINT, after=len(kept) + 2)
    assert code == 130, told
    assert "Traceback" not in told
    assert "the same command goes on" in told

    done = ganforge(tmp_path, "judge", *JUDGE, "--json", "resumed.json")
    assert done.returncode == 0, done.stderr
    after = {each.name: each.stat().st_mtime_ns for each in (tmp_path / KEPT).glob("*.json")}
    assert all(after[name] == when for name, when in kept.items()), "what was done was done again"
    resumed = json.loads((tmp_path / "resumed.json").read_text())
    assert resumed["sentence"] in done.stdout

    asked = ganforge(tmp_path, "augment", *JUDGE, "--out", "more.csv", "--json", "answer.json")
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert answer["sentence"] == resumed["sentence"]
    if resumed["arms"][resumed["recommended"]]["adds_rows"]:
        assert asked.returncode == 0, asked.stderr
    else:
        assert asked.returncode == 1
        assert "no file written" in asked.stderr
        assert not (tmp_path / "more.csv").exists()

    forced = ganforge(tmp_path, "augment", *JUDGE, "--out", "forced.parquet", "--force", "ctgan")
    assert forced.returncode == 0, forced.stderr
    more = pd.read_parquet(tmp_path / "forced.parquet")
    assert (~more["ganforge_synthetic"]).sum() == 200
    assert more["ganforge_synthetic"].sum() > 0
    assert ganforge(tmp_path, "judge", "forced.parquet", "--target", "is_fraud").returncode == 2  # rows made up


def test_the_notebook():
    """What stands in the README's words: a sampler in a pipeline, a verdict that prints its sentence."""
    from imblearn.pipeline import make_pipeline
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    from ganforge import CTGAN, GANSampler, judge

    frame = toy_payments(240, fraud_share=0.15, seed=0)[["amount", "items", "is_fraud"]]
    model = make_pipeline(GANSampler(steps=2, batch_size=50, random_state=0), LogisticRegression())
    scores = cross_val_score(model, frame[["amount", "items"]].fillna(0), frame["is_fraud"], cv=2, error_score="raise")
    assert len(scores) == 2
    verdict = judge(
        frame,
        target="is_fraud",
        synthesizer=CTGAN(steps=2, batch_size=50),
        classifiers="logistic-regression",
        arms=("class weights",),
        sampling_strategy=0.5,
        folds=2,
    )
    assert print(verdict) is None
    assert str(verdict) == verdict.sentence
    assert set(verdict.arms) == {"none", "class weights", "ctgan"}
