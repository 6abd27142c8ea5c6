"""Two processes play one game over gloo, started by Lightning and by torchrun."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = str(Path(__file__).parents[2] / "helpers" / "play_together.py")
pytestmark = pytest.mark.slow


def free_port() -> str:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return str(listening.getsockname()[1])


def play(folder: Path, *arguments: str, torchrun: bool = False) -> list[dict]:
    """What both processes saw."""
    port = free_port()
    start = ["-m", "torch.distributed.run", "--nproc_per_node=2", f"--master_port={port}"] if torchrun else []
    environment = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "PYTHONWARNINGS": "default"}
    for name in ("LOCAL_RANK", "RANK", "WORLD_SIZE", "NODE_RANK"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, *start, SCRIPT, str(folder), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"rank-{rank}.json").read_text()) for rank in range(2)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[Path, list[dict]]:
    """A run of two processes that Lightning starts."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, play(folder)


def test_equal_weights_different_noise(whole) -> None:
    """A two-player game with gradient penalty, dropout, batch norm and an average; then an encoder against a network
    that is only looked at."""
    folder, (first, second) = whole
    assert first["weights"] == second["weights"]
    assert len(first["noise"]) == len(second["noise"]) == 18 + 6  # 18 moves of the critic, 6 of the generator
    assert not set(first["noise"]) & set(second["noise"])
    assert first["history"] == second["history"]  # losses are means over both
    assert [entry["step"] for entry in first["history"]] == [10, 18, 20, 30]
    assert (first["main"], second["main"]) == (True, False)
    epoch = 7 * 32  # rows of each, in the first epoch
    assert not set(first["rows"][:epoch]) & set(second["rows"][:epoch])
    assert sorted(each.name for each in (folder / "checkpoints").iterdir()) == ["step-00000027", "step-00000030"]


def test_gradients_worked_out_by_hand_are_shared_too(whole) -> None:
    """CTGAN's critic: both processes see other rows and other noise, and move by the mean of both gradients."""
    first, second = (each["ctgan"] for each in whole[1])
    for player in ("begun", "critic", "generator"):
        assert first[player] == second[player]
    assert first["history"] == second["history"]
    assert [entry["step"] for entry in first["history"]] == [2, 4]
    assert set(first["history"][-1]["losses"]) >= {"critic/penalty", "critic/wasserstein", "generator/wasserstein"}
    assert len(first["noise"]) == len(second["noise"]) >= 4
    assert not set(first["noise"]) & set(second["noise"])


def test_under_torchrun(tmp_path: Path, whole) -> None:
    """The very same run."""
    for here, there in zip(play(tmp_path, torchrun=True), whole[1], strict=True):
        assert {**here, "resumed_at": 0} == there


def test_one_of_them_is_asked_to_stop(tmp_path: Path, whole) -> None:
    """Both stop after the same step, both go on from there, and end where the run that was not stopped ends."""
    for each in play(tmp_path, "12"):
        assert "after step 18 of 30" in each["interrupted"]  # where they next look together: the end of the phase
    for here, there in zip(play(tmp_path), whole[1], strict=True):
        assert here["resumed_at"] == 18
        assert here["weights"] == there["weights"]
        assert here["history"] == there["history"]
