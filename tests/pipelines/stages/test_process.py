"""A training in a process of its own: its progress, its failures, its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from ganforge import errors
from ganforge.catalog import load_model
from ganforge.errors import InterruptedRunError, ServiceError, UnknownNameError
from ganforge_pipelines.stages.context import StageProgress
from ganforge_pipelines.stages.graph import stage
from ganforge_pipelines.stages.manifest import Manifest, situation
from ganforge_pipelines.stages.process import run_in_process
from ganforge_pipelines.stages.running import run_stage

pytestmark = pytest.mark.slow
SMALL = {"train.steps": 8, "train.batch_size": 50, "train.log_every": 1, "train.checkpoint_every": 2}


@pytest.fixture
def prepared(workspace):
    params = workspace.params(flow="fraud", overrides=SMALL)
    run_stage("fraud-prepare", workspace, params)
    return workspace, params


def test_progress_comes_through_and_the_result_stands(prepared):
    workspace, params = prepared
    seen: list[StageProgress] = []
    manifest = run_stage("fraud-train", workspace, params, on_progress=seen.append)
    assert [each.step for each in seen] == list(range(1, 9))
    assert all(each.steps == 8 for each in seen)
    assert set(seen[-1].losses)
    assert manifest.summary == "ctgan-tuned, 8 steps"
    assert (workspace.path("work/fraud/train/generator") / "model.json").is_file()
    losses = workspace.path("work/fraud/train/losses.csv").read_text().splitlines()
    assert losses[0] == "step,name,value"
    assert len(losses) > 8


def test_two_devices_leave_one_result_and_no_process(prepared, monkeypatch, tmp_path):
    """Lightning starts the worker's command again for the second rank, in the workspace's folder."""
    workspace, params = prepared
    params["trainer"] |= {"accelerator": "cpu", "devices": 2}
    (workspace.root / "pandas.py").write_text("raise ImportError('a file of the workspace is no module of ours')\n")
    own = tmp_path / "temporary"
    own.mkdir()
    monkeypatch.setenv("TMPDIR", str(own))
    spec = stage("fraud-train")
    key = situation(spec, workspace, params).key
    ranks: dict[str | None, psutil.Process] = {}

    def look(progress: StageProgress) -> None:
        for each in psutil.Process().children(recursive=True):
            if "ganforge_pipelines.stages.worker" in " ".join(each.cmdline()):
                ranks[each.environ().get("LOCAL_RANK")] = each

    run_in_process(spec, workspace, params, key=key, on_progress=look)
    assert set(ranks) == {None, "1"}
    assert not any(each.is_running() for each in ranks.values())
    (manifest,) = workspace.path("work/fraud").glob("**/train/**/manifest.json")
    found = Manifest.read(manifest.parent)
    assert found is not None
    assert (found.key, found.summary) == (key, "ctgan-tuned, 8 steps")
    assert found.intact(manifest.parent)
    assert len(load_model(manifest.parent / "generator").sample(20, random_state=0)) == 20
    assert sorted(each.name for each in workspace.path("work/fraud").iterdir()) == ["prepare", "train"]
    assert list((workspace.hidden / "checkpoints" / "fraud").iterdir()) == []
    assert list(own.glob("ganforge-rank-*")) == []


def test_what_the_stage_raises_is_raised_here(prepared):
    workspace, params = prepared
    params["fraud"]["train"]["options"] = {"latnt": 3}
    with pytest.raises(UnknownNameError, match="did you mean 'latent'"):
        run_stage("fraud-train", workspace, params)
    assert not workspace.path("work/fraud/train").exists()


def test_a_worker_ended_from_outside_is_told_as_such_and_can_be_taken_up(prepared):
    workspace, params = prepared
    params["fraud"]["train"]["steps"] = 400

    def end_it(progress: StageProgress) -> None:
        if progress.step == 20:
            for child in psutil.Process().children():
                if "ganforge_pipelines.stages.worker" in " ".join(child.cmdline()):
                    child.kill()

    with pytest.raises(ServiceError, match="SIGKILL; the machine may have run out of memory"):
        run_stage("fraud-train", workspace, params, on_progress=end_it)
    (checkpoints,) = (workspace.hidden / "checkpoints" / "fraud").iterdir()
    assert any(checkpoints.iterdir())


INTERRUPTIBLE = """
import json, sys
from ganforge.errors import GanforgeError
from ganforge_pipelines.stages.running import run_stage
from ganforge_pipelines.workspace import Workspace
workspace = Workspace(sys.argv[1])
try:
    run_stage("fraud-train", workspace, json.loads(sys.argv[2]), on_progress=lambda at: print(at.step, flush=True))
except GanforgeError as error:
    print(type(error).__name__, error, flush=True)
    sys.exit(error.exit_code)
"""


def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on(prepared):
    workspace, params = prepared
    params["fraud"]["train"]["steps"] = 4_000
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, str(workspace.root), json.dumps(params)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "10":
                os.kill(process.pid, signal.SIGINT)
                break
        said, _ = process.communicate(timeout=120)
    assert process.returncode == InterruptedRunError.exit_code
    assert "InterruptedRunError" in said
    assert "goes on" in said or "go on" in said
    (checkpoints,) = (workspace.hidden / "checkpoints" / "fraud").iterdir()
    assert any(checkpoints.iterdir())
    assert workspace.holder() is None
    assert not workspace.path("work/fraud/train").exists()


def test_every_error_of_the_hierarchy_survives_the_way_between_processes():
    """By its class, its words and what it carries; none of them is rebuilt by calling it."""
    from pathlib import Path

    from ganforge_pipelines.stages.process import _again
    from ganforge_pipelines.stages.worker import _described

    made = [
        errors.InputError("a"),
        errors.UnknownNameError("column", "amuont", ["amount"]),
        errors.UnsuitableDataError("b"),
        errors.TrainingDivergedError("c", step=3, term="critic/penalty"),
        errors.InterruptedRunError("d"),
        errors.ServiceError("e"),
    ]
    for error in made:
        again = _again({"error": _described(error, str(error))}, stage("fraud-train"), Path("log"), 1)
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert again.__dict__ == error.__dict__
    other = _again({"error": _described(ValueError("x"), "x")}, stage("fraud-train"), Path("the.log"), 1)
    assert isinstance(other, errors.GanforgeError)
    assert other.exit_code == 70  # a night script must not take a crash for a wrong call
    assert "ValueError: x" in str(other)
    assert "the.log" in str(other)
    silent = _again({}, stage("fraud-train"), Path("the.log"), 1)
    assert isinstance(silent, errors.DefectError)
    assert "the.log" in str(silent)


CRASHES = """
from ganforge_pipelines.stages import running


def crash(*_, **__):
    {statement}


running.execute = crash
"""


def test_a_crash_in_the_other_process_leaves_with_the_code_it_has_in_this_one(prepared, cli, monkeypatch, tmp_path):
    workspace, _ = prepared
    log = workspace.logs / "fraud-train.log"
    early = tmp_path / "sitecustomize.py"  # Python runs it as it starts: the process is the real one up to the crash
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]]))
    monkeypatch.chdir(workspace.root)

    early.write_text(CRASHES.format(statement='raise ZeroDivisionError("at http://me:secret@host\\nand more")'))
    done = cli("stage", "fraud-train")
    assert done.code == 70, done.err
    assert "fraud-train: unexpected ZeroDivisionError: at http://host; this is a defect of ganforge" in done.err
    assert done.err.rstrip().endswith(f"not of your input: please report it with {log}")
    assert "Traceback" not in done.err
    assert "in crash" in log.read_text()
    assert "secret" not in done.err + log.read_text()

    early.write_text(CRASHES.format(statement='raise OSError(28, "No space left on device", "/tmp/x")'))
    done = cli("stage", "fraud-train")
    assert done.code == 2, done.err
    assert "the disk is full (writing /tmp/x); make room" in done.err


def test_another_rank_computes_and_writes_nothing(prepared, monkeypatch, tmp_path):
    """Lightning starts the worker's command again for each rank; only the first may write."""
    from ganforge_pipelines.stages import running

    workspace, params = prepared
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert not running.is_first_rank()
    kept = workspace.checkpoints("fraud", situation(stage("fraud-prepare"), workspace, params).key)
    kept.mkdir(parents=True)
    manifest = running.execute(stage("fraud-prepare"), workspace, params, force=True)
    assert manifest.outputs
    assert kept.is_dir()  # for the first rank to take away, when it is through
    before = workspace.stage_dir("fraud", "prepare").stat().st_ino
    running.execute(stage("fraud-prepare"), workspace, params, force=True)
    assert workspace.stage_dir("fraud", "prepare").stat().st_ino == before
