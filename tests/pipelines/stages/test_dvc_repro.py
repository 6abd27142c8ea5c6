"""`dvc repro` runs the same stages as the flow: once everything, twice nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ganforge.data.toy import toy_payments
from ganforge_pipelines.lineage import dvc
from ganforge_pipelines.stages.graph import stages_of
from ganforge_pipelines.stages.manifest import Manifest
from ganforge_pipelines.stages.roles import ROLES
from ganforge_pipelines.workspace import Workspace

pytestmark = pytest.mark.slow

SMALL = {
    "fraud.prepare.target": "is_fraud",
    "fraud.prepare.leave_out": [],
    **{f"fraud.prepare.{role}": None for role in ROLES},
    "fraud.train.steps": 4,
    "fraud.train.batch_size": 50,
    "fraud.judge.steps": 2,
    "fraud.judge.folds": 2,
    "fraud.judge.n_jobs": 1,
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    made = Workspace.create(tmp_path_factory.mktemp("repro") / "team")
    made.data.mkdir()
    toy_payments(300, fraud_share=0.12, seed=0).to_csv(made.data / "payments.csv", index=False)
    made.write_params(SMALL)
    dvc.version(made.root, "data/payments.csv")
    return made


def repro(workspace: Workspace, *arguments: str) -> str:
    """What DVC prints; `ganforge` is found where this Python's commands are."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-P", "-m", "dvc", *arguments],
        cwd=workspace.root,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_twice_the_second_doing_nothing_and_one_parameter_what_lies_below_it(workspace):
    names = [spec.name for spec in stages_of("fraud")]
    first = repro(workspace, "repro", "fraud-report")
    assert [name for name in names if f"Running stage '{name}'" in first] == names
    manifests = {name: Manifest.read(workspace.path(f"work/fraud/{name.split('-')[1]}")) for name in names}
    assert all(manifests.values())

    second = repro(workspace, "repro", "fraud-report")
    assert "Running stage" not in second
    assert "up to date" in second

    workspace.write_params({"fraud.classify.classifier": "logistic-regression"})
    third = repro(workspace, "repro", "fraud-report")
    ran = [name for name in names if f"Running stage '{name}'" in third]
    assert ran == ["fraud-classify", "fraud-register", "fraud-report"]
    assert Manifest.read(workspace.path("work/fraud/train")) == manifests["fraud-train"]

    shown = repro(workspace, "metrics", "show", "--json")
    assert "average_precision" in shown


def test_what_a_flow_did_is_found_done(workspace):
    """DVC knows nothing of it, asks the stages, and they find by themselves that nothing has changed."""
    (workspace.root / "dvc.lock").unlink()
    verbs = ("prepare", "train", "sample")
    before = [Manifest.read(workspace.stage_dir("fraud", verb)) for verb in verbs]
    again = repro(workspace, "repro", "fraud-sample")
    for verb in verbs:
        assert f"Running stage 'fraud-{verb}'" in again
    assert [Manifest.read(workspace.stage_dir("fraud", verb)) for verb in verbs] == before  # with their seconds
