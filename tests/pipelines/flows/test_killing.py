"""Pull the plug in the middle of a flow: the next start keeps what was done and goes on inside what was not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

from ganforge_pipelines.stages.running import run_stage

pytestmark = pytest.mark.slow
HELPER = Path(__file__).parents[2] / "helpers" / "run_a_flow.py"
GANFORGE = str(Path(sys.executable).with_name("ganforge"))
STEPS = {"train.steps": 60, "train.checkpoint_every": 5, "trainer.matmul": "highest"}
"""Two runs are equal bit by bit if they multiply alike; "auto" asks a clock, and a busy machine may answer either."""


def play(workspace, *, kill_when: Callable[[dict[str, Any]], bool] | None = None) -> tuple[int, list[dict[str, Any]]]:
    """Run the flow in a process of its own; SIGKILL it at the first event that `kill_when` wants.

    Returns its exit code and its events. After a kill, waits until nothing of it is left: training, Prefect's server.
    """
    process = subprocess.Popen(
        [sys.executable, str(HELPER), "fraud", str(workspace.root), json.dumps(STEPS)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    events: list[dict[str, Any]] = []
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            events.append(json.loads(line))
            if kill_when is not None and kill_when(events[-1]):
                family = psutil.Process(process.pid).children(recursive=True)
                process.send_signal(signal.SIGKILL)
                process.wait()
                assert any("flows.ephemeral" in _command(each) for each in family)
                ours = [each for each in family if "ganforge_pipelines" in _command(each)]
                _, alive = psutil.wait_procs(ours, timeout=60)
                assert alive == [], "a training or a server went on without the flow that had started it"
                break
    return process.returncode, events


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def stages(events: list[dict[str, Any]], kind: str) -> list[str]:
    return [each["stage"] for each in events if each["kind"] == kind]


def test_a_flow_that_is_killed_twice_ends_where_an_unbroken_one_ends(tiny, prefect_home, tmp_path):
    workspace = tiny(tmp_path / "killed")

    code, events = play(workspace, kill_when=lambda event: event["stage"] == "train" and event["done"] >= 22)
    assert code == -signal.SIGKILL
    assert stages(events, "finished") == ["prepare"]
    assert not workspace.path("work/fraud/train").exists()  # whole, or not at all

    code, events = play(workspace, kill_when=lambda event: event["stage"] == "judge" and event["done"] >= 2)
    assert code == -signal.SIGKILL
    assert stages(events, "kept") == ["prepare"]
    assert stages(events, "finished") == ["train", "sample"]
    training = json.loads(workspace.path("work/fraud/train/training.json").read_text())["ctgan-tuned"]
    assert training["resumed_at"] >= 20  # it went on, it did not begin again
    assert training["steps"] == 60
    assert not workspace.path("work/fraud/judge").exists()

    code, events = play(workspace)
    assert code == 0
    assert stages(events, "kept") == ["prepare", "train", "sample"]
    assert stages(events, "finished") == ["judge", "classify", "register", "report"]
    assert list((workspace.hidden / "checkpoints" / "fraud").iterdir()) == []  # what is finished needs none

    unbroken = tiny(tmp_path / "unbroken")
    params = unbroken.params(flow="fraud", overrides=STEPS)
    for verb in ("prepare", "train", "sample"):
        run_stage(f"fraud-{verb}", unbroken, params)
    tensors, rows = "work/fraud/train/generator/tensors.safetensors", "work/fraud/sample/synthetic.parquet"
    assert workspace.path(tensors).read_bytes() == unbroken.path(tensors).read_bytes()
    # the file itself says which run's generator made it
    pd.testing.assert_frame_equal(pd.read_parquet(workspace.path(rows)), pd.read_parquet(unbroken.path(rows)))


def test_sigterm_to_all_of_it_ends_in_one_line(tiny, prefect_home, tmp_path):
    workspace = tiny(tmp_path / "stopped")
    process = subprocess.Popen(
        [GANFORGE, "run", "fraud", *(part for name, value in STEPS.items() for part in ("--set", f"{name}={value}"))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=workspace.root,
        env={**os.environ, "COLUMNS": "200"},
        start_new_session=True,  # a process group of its own, as a scheduler's
    )
    with process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("prepare"):
                break
        family = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGTERM)
        told = process.stderr.read()
        assert process.wait() == 128 + signal.SIGTERM
    assert told == "error stopped by SIGTERM; what was finished is kept, and the same command goes on from there\n"
    _, alive = psutil.wait_procs(family, timeout=60)
    assert alive == []
    last = (workspace.logs / "runs.log").read_text().splitlines()[-1]
    assert last.endswith("fraud stopped by SIGTERM; the same command goes on")
