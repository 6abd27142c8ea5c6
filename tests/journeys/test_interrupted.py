"""Ctrl-C amid `ganforge fit`: one line, exit 130, a checkpoint; `--resume` ends where no stop would have ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from ganforge.data.toy import toy_payments

GANFORGE = str(Path(sys.executable).with_name("ganforge"))
PATIENCE = 240  # seconds; the test ends as soon as the checkpoint is there
FIT = ["fit", "payments.csv", "--seed", "3", "--set", "batch_size=50", "--set", "checkpoint_every=5"]


@pytest.mark.slow
def test_ctrl_c_and_resume(tmp_path):
    toy_payments(300).to_csv(tmp_path / "payments.csv", index=False)
    environment = {**os.environ, "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    steps = ["--steps", "400"]
    whole = subprocess.run([GANFORGE, *FIT, *steps, "--out", "whole"], cwd=tmp_path, env=environment, check=False)
    assert whole.returncode == 0

    process = subprocess.Popen(
        [GANFORGE, *FIT, *steps, "--out", "stopped"],
        cwd=tmp_path, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    give_up = time.monotonic() + PATIENCE
    checkpoints = tmp_path / ".stopped.checkpoints"
    while not list(checkpoints.glob("step-*")):
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < give_up, "no checkpoint appeared"
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, told
    assert "Traceback" not in told
    assert "--resume" in told or "resume" in told
    assert not (tmp_path / "stopped").exists()
    assert list(checkpoints.glob("step-*"))

    resumed = subprocess.run(
        [GANFORGE, *FIT, *steps, "--out", "stopped", "--resume"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert resumed.returncode == 0, resumed.stderr
    assert not checkpoints.exists()
    a, b = (load_file(tmp_path / name / "tensors.safetensors") for name in ("whole", "stopped"))
    assert a.keys() == b.keys()
    assert all((a[name] == b[name]).all() for name in a)
