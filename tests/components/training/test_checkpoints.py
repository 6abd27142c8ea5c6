"""Checkpoints as files."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
import torch
from toy_games import everything

from ganforge.errors import ArtifactError, InputError, ServiceError
from ganforge.training import Game, Monitor, fit
from ganforge.training.checkpoints import Checkpoints, Snapshot, difference, read, write


def snapshot(step: int = 1, **state) -> Snapshot:
    return Snapshot(step=step, identity={"seed": 1}, state=state)


def test_any_nesting_comes_back_as_it_was(tmp_path: Path) -> None:
    tied = torch.randn(3)
    state = {
        "optimizer": {"state": {0: {"step": torch.tensor(3.0), "moments": (tied, [None, 2])}}, 1.5: True},
        "tied": [tied, tied.view(3, 1)],
        "scalars": [1e-300, float("inf"), 7, "x", None, False],
        "bfloat16": torch.randn(2, 2).bfloat16(),
        "empty": torch.empty(0, 3),
    }
    found = read(write(tmp_path / "c", snapshot(**state))).state
    moments = found["optimizer"]["state"][0]["moments"]
    assert isinstance(moments, tuple)
    assert torch.equal(moments[0], tied)
    assert moments[1] == [None, 2]
    assert found["optimizer"]["state"][0]["step"].shape == ()
    assert found["optimizer"][1.5] is True
    assert torch.equal(found["tied"][1], tied.view(3, 1))
    assert found["scalars"] == state["scalars"]
    assert torch.equal(found["bfloat16"], state["bfloat16"])
    assert found["empty"].shape == (0, 3)


def test_nothing_is_pickled(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"state/thing is a object; .*keep state of a game in buffers"):
        write(tmp_path / "c", snapshot(state={"thing": object()}))
    assert list(tmp_path.iterdir()) == []
    game, batches = everything()
    fit(game, batches, steps=5, checkpoints=tmp_path)
    files = {each.name for each in tmp_path.rglob("*") if each.is_file()}
    assert files == {"checkpoint.json", "state.safetensors"}


def test_the_last_two_and_the_best_are_kept(tmp_path: Path) -> None:
    game, batches = everything()
    values = iter([3, 1, 2, 2, 2])
    monitor = Monitor(name="m", metric=lambda game: next(values), every=10)
    fit(game, batches, steps=50, checkpoints=tmp_path, checkpoint_every=10, monitor=monitor)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["best", "step-00000040", "step-00000050"]
    assert read(tmp_path / "best").step == 20


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "step-by-step.txt").write_text("mine")
    game, batches = everything()
    fit(game, batches, steps=5, checkpoints=tmp_path)
    assert (tmp_path / "notes.txt").exists()
    assert (tmp_path / "step-by-step.txt").exists()


@pytest.mark.parametrize("name", ["state.safetensors", "checkpoint.json"])
@pytest.mark.parametrize("harm", ["shorten", "alter", "remove"])
def test_damage_is_found(tmp_path: Path, name: str, harm: str) -> None:
    path = write(tmp_path / "c", snapshot(weights=torch.arange(10.0)))
    content = (path / name).read_bytes()
    if harm == "remove":
        (path / name).unlink()
    else:
        middle = len(content) // 2
        rest = b"" if harm == "shorten" else bytes([content[middle] ^ 1]) + content[middle + 1 :]
        (path / name).write_bytes(content[:middle] + rest)
    with pytest.raises(ArtifactError):
        read(path)


def test_a_newer_format_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "c", snapshot())
    record = json.loads((path / "checkpoint.json").read_text())
    (path / "checkpoint.json").write_text(json.dumps({**record, "format": 9}))
    with pytest.raises(ArtifactError, match="format 9; this ganforge reads 1"):
        read(path)


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.write(snapshot(1, w=torch.ones(2)))

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ganforge.training.checkpoints.save_file", full)
    with pytest.raises(ServiceError, match="the disk is full"):
        checkpoints.write(snapshot(2, w=torch.ones(2)))
    assert [each.name for each in tmp_path.iterdir()] == ["step-00000001"]
    assert checkpoints.newest({"seed": 1}).step == 1


def test_what_differs_is_said() -> None:
    assert difference({"seed": 1, "phases": (1, 2)}, {"seed": 1, "phases": [1, 2]}) == ""
    assert difference({"seed": 1}, {"seed": 2, "steps": 3}) == "seed was 1, is 2; steps was None, is 3"
    assert difference({"tensors": {"a": [1] * 50}}, {"tensors": {}}) == "tensors differs"


def test_a_game_that_changed_its_shape_begins_anew(tmp_path: Path) -> None:
    class Wider(type(everything()[0])):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = torch.nn.Sequential(torch.nn.Linear(2, 9), torch.nn.Linear(9, 3))

    game, batches = everything()
    fit(game, batches, steps=5, checkpoints=tmp_path)
    with pytest.warns(match="game differs; tensors differs"):
        assert fit(Wider(), batches, steps=5, checkpoints=tmp_path, resume=True).resumed_at == 0


def test_state_that_is_not_a_tensor_is_kept_when_it_is_plain(tmp_path: Path) -> None:
    """torch's own way for a module to keep what is no tensor."""
    base = type(everything()[0])

    class Remembering(base):
        def __init__(self) -> None:
            super().__init__()
            self.strength = 0

        def get_extra_state(self) -> dict:
            return {"strength": self.strength}

        def set_extra_state(self, state: dict) -> None:
            self.strength = state["strength"]

        def settle(self) -> None:
            self.strength += 1

    def play(resume: bool) -> Game:
        torch.manual_seed(0)
        game = Remembering()
        fit(game, everything()[1], steps=5, checkpoints=tmp_path, resume=resume)
        return game

    assert play(False).strength == 1
    assert play(True).strength == 1
