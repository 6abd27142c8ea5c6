"""Journey 1: the embedded data, one command, the answer on the screen, the tree clean."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ganforge.files import sha256_tree

COMMAND = [str(Path(sys.executable).with_name("ganforge"))]
QUICK = ["--set", "train.steps=20", "--set", "judge.steps=10", "--set", "judge.folds=3",
         "--set", "judge.classifier=logistic-regression"]  # fmt: skip


def ganforge(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("first") / "team"
    assert ganforge("init", str(folder), folder=folder.parent).returncode == 0
    done = ganforge("data", "make", "--json", "-", folder=folder)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert (made["path"], made["md5"] in (folder / "data.dvc").read_text()) == ("data", True)
    assert made["sha256"] == sha256_tree(folder / "data")
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    subprocess.run(["git", *identity, "commit", "-qm", "Begin"], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def first(workspace) -> subprocess.CompletedProcess[str]:
    """The first run, whichever test comes first to a worker."""
    return ganforge("run", "fraud", *QUICK, "--json", "answer.json", folder=workspace)


@pytest.mark.slow
def test_run_fraud_answers_and_leaves_the_tree_clean(workspace, first):
    done = first
    assert done.returncode == 0, done.stderr
    answer = json.loads((workspace / "answer.json").read_text())
    assert answer["sentence"] in " ".join(done.stdout.split())
    (workspace / "answer.json").unlink()
    newest = max((workspace / "runs").glob("*/report.html"))
    assert answer["sentence"].split(".")[0] in newest.read_text()
    status = subprocess.run(["git", "status", "--porcelain"], cwd=workspace, check=True, capture_output=True, text=True)
    assert status.stdout == ""


@pytest.mark.slow
def test_the_same_run_again_keeps_every_stage(workspace, first):
    """Nothing changed, so nothing is trained again; another seed trains again."""
    done = ganforge("run", "fraud", *QUICK, folder=workspace)
    assert done.returncode == 0, done.stderr
    assert "nothing changed" in done.stderr + done.stdout


@pytest.mark.slow
def test_dry_run_prints_the_plan_and_does_nothing(workspace):
    before = sorted(each.name for each in (workspace / "runs").glob("*"))
    done = ganforge("run", "images", "--dry-run", "--per-class", "7", "--seed", "3", folder=workspace)
    assert done.returncode == 0, done.stderr
    assert "per_class: 7" in done.stdout
    assert "seed: 3" in done.stdout
    assert sorted(each.name for each in (workspace / "runs").glob("*")) == before


@pytest.mark.slow
def test_a_mistyped_column_names_the_nearest(workspace):
    done = ganforge("run", "fraud", "--target", "is_froud", folder=workspace)
    assert done.returncode == 2
    assert "is_fraud" in done.stderr
    assert "Traceback" not in done.stderr
