"""A run that was stopped and taken up ends bit for bit where the run that was never stopped ends."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from toy_games import EverythingGame, RingGame, everything, mlp, ring_points, same_state

from ganforge.errors import GanforgeWarning, InterruptedRunError
from ganforge.training import Batch, Monitor, Phase, Progress, TensorBatches, Turn, fit

STEPS = 50  # 30 of the adversaries, 20 of the encoder
OPTIONS = {"steps": STEPS, "seed": 11, "log_every": 7}
SCRIPT = Path(__file__).parents[2] / "helpers" / "play_everything.py"


@pytest.fixture(scope="module")
def unbroken() -> tuple[EverythingGame, list]:
    """The run that was never stopped, and its history."""
    torch.set_num_threads(1)
    game, batches = everything()
    return game, fit(game, batches, **OPTIONS).history


def taken_up(folder: Path, **options) -> tuple[EverythingGame, object]:
    game, batches = everything()
    return game, fit(game, batches, **OPTIONS, checkpoints=folder, checkpoint_every=5, resume=True, **options)


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix("step-"))


def newest(folder: Path) -> str:
    return max(each.name for each in folder.glob("step-*"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("killed_at", "kept"), [(13, 10), (30, 30), (43, 40)], ids=["adversaries", "between the phases", "encoder"]
)
def test_after_sigkill(tmp_path: Path, unbroken, killed_at: int, kept: int) -> None:
    """A real process, killed while it plays each phase: dropout, batch norm, average, moments, lazy moves, schedule."""
    command = [sys.executable, str(SCRIPT), str(tmp_path), str(STEPS), str(killed_at)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"  # it has played `killed_at` steps, some after its checkpoint
        process.kill()
    assert newest(tmp_path) == f"step-{kept:08d}"
    game, training = taken_up(tmp_path)
    assert training.resumed_at == kept
    assert same_state(game, unbroken[0])
    assert training.history == unbroken[1]


@pytest.mark.slow
def test_killed_at_any_moment_again_and_again(tmp_path: Path, unbroken) -> None:
    """Killed as soon as a checkpoint appears, while it goes on training or writing; then taken up, and so on."""
    command = [sys.executable, str(SCRIPT), str(tmp_path), str(STEPS), "-1"]
    for least in (5, 20):
        process = subprocess.Popen(command)
        while process.poll() is None and not any(_step(each) >= least for each in tmp_path.glob("step-*")):
            time.sleep(0.01)
        process.kill()
        process.wait()
    game, training = taken_up(tmp_path)
    assert training.resumed_at >= 20
    assert same_state(game, unbroken[0])
    assert training.history == unbroken[1]


class Stop(Exception):
    pass


@pytest.mark.parametrize("at", [1, 12, 30, 31, 49])
def test_an_error_of_the_callers_own(tmp_path: Path, unbroken, at: int) -> None:
    """The same without a process: whatever ends a run, checkpoints are whole."""
    game, batches = everything()
    draw = batches.draw

    def failing(step: int, **where):
        if step == at:
            raise Stop
        return draw(step, **where)

    batches.draw = failing
    with pytest.raises(Stop):
        fit(game, batches, **OPTIONS, checkpoints=tmp_path, checkpoint_every=6)
    resumed, training = taken_up(tmp_path)
    assert training.resumed_at == at // 6 * 6
    assert same_state(resumed, unbroken[0])
    assert training.history == unbroken[1]


def interrupt_at(step: int, folder: Path, **options) -> None:
    import os
    import signal

    game, batches = everything()
    draw = batches.draw

    def interrupting(at: int, **where):
        if at == step:
            os.kill(os.getpid(), signal.SIGINT)
        return draw(at, **where)

    batches.draw = interrupting
    with pytest.raises(InterruptedRunError):
        fit(game, batches, **OPTIONS, checkpoints=folder, **options)


def test_after_ctrl_c(tmp_path: Path, unbroken) -> None:
    """In the middle of a stretch that is logged together: the history is that of the unbroken run, too."""
    interrupt_at(16, tmp_path)
    game, training = taken_up(tmp_path)
    assert training.resumed_at == 17
    assert same_state(game, unbroken[0])
    assert training.history == unbroken[1]


class Growing(RingGame):
    """Progressive growing at its smallest: the second phase switches a block on that was there from the start."""

    def __init__(self) -> None:
        super().__init__(width=16)
        self.generator = nn.ModuleList([mlp(4, 16, 2), mlp(2, 16, 2)])
        self.depth = 1

    def grow(self) -> None:
        self.depth = 2

    def fakes(self, batch: Batch, turn: Turn) -> Tensor:
        def make() -> Tensor:
            first = self.generator[0](torch.randn(len(batch), 4))
            return first if self.depth == 1 else first + self.generator[1](first)

        return turn.shared("fakes", "generator", make)

    def phases(self) -> list[Phase]:
        (shallow,) = super().phases()
        return [shallow, dataclasses.replace(shallow, name="grown", on_enter=self.grow)]


@pytest.mark.parametrize("stop", [6, 14], ids=["shallow", "grown"])
def test_a_network_that_grows_is_taken_up_as_deep_as_it_was(tmp_path: Path, stop: int) -> None:
    def new() -> Growing:
        torch.manual_seed(0)
        return Growing()

    def halt(progress: Progress) -> None:
        if progress.step >= stop:
            raise Stop

    batches, options = TensorBatches(ring_points(200), batch_size=32), {"steps": 20, "seed": 3, "log_every": 2}
    whole, shallow = new(), new()
    fit(whole, batches, **options)
    with pytest.raises(Stop):
        fit(shallow, batches, **options, checkpoints=tmp_path, checkpoint_every=2, on_progress=halt)
    untouched = same_state(shallow.generator[1], new().generator[1])
    assert untouched == (stop <= 10)
    again = new()
    assert 0 < fit(again, batches, **options, checkpoints=tmp_path, resume=True).resumed_at <= stop
    assert again.depth == 2
    assert same_state(again, whole)
    assert not same_state(again.generator[1], new().generator[1])


def test_a_finished_run_is_only_loaded(tmp_path: Path, unbroken) -> None:
    taken_up(tmp_path)
    game, batches = everything()
    batches.draw = None
    training = fit(game, batches, **OPTIONS, checkpoints=tmp_path, resume=True)
    assert training.resumed_at == STEPS
    assert same_state(game, unbroken[0])
    assert training.history == unbroken[1]
    assert not any(each.training for each in game.modules())


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, unbroken) -> None:
    interrupt_at(22, tmp_path, checkpoint_every=5)
    tensors = tmp_path / "step-00000023" / "state.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-8])
    with pytest.warns(GanforgeWarning, match=r"step-00000023.*the checkpoint before it is tried"):
        game, training = taken_up(tmp_path)
    assert training.resumed_at == 20
    assert same_state(game, unbroken[0])


def test_with_no_whole_checkpoint_it_begins_anew(tmp_path: Path, unbroken) -> None:
    interrupt_at(7, tmp_path)
    for each in tmp_path.glob("step-*/checkpoint.json"):
        each.write_text(each.read_text()[:100])
    with pytest.warns(GanforgeWarning, match="damaged"):
        game, training = taken_up(tmp_path)
    assert training.resumed_at == 0
    assert same_state(game, unbroken[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fingerprint": "b"}, "fingerprint was , is b"),
        ({"seed": 12}, "seed was 11, is 12"),
        ({"steps": 60}, "steps was 50, is 60"),
        ({"micro_batches": 2}, "micro-batches was 1, is 2"),
    ],
)
def test_another_run_begins_anew_and_says_so(tmp_path: Path, options: dict, message: str) -> None:
    interrupt_at(22, tmp_path)
    game, batches = everything()
    with pytest.warns(GanforgeWarning, match=f"belongs to another run .*{message}"):
        training = fit(game, batches, **{**OPTIONS, **options}, checkpoints=tmp_path, resume=True)
    assert training.resumed_at == 0
    assert len(list(tmp_path.glob("step-*"))) == 2  # the other run's are gone


def test_the_best_of_before_the_stop_is_still_the_best(tmp_path: Path) -> None:
    def monitor() -> Monitor:
        return Monitor(name="m", metric=lambda game: float((game.critic[0].weight.sum() - 0.4).abs()), every=4)

    whole, batches = everything()
    expected = fit(whole, batches, **OPTIONS, monitor=monitor())
    for at in (6, 18, 33):
        folder = tmp_path / str(at)
        interrupt_at(at, folder, monitor=monitor())
        game, training = taken_up(folder, monitor=monitor())
        assert training.resumed_at == at + 1
        assert training.best_step == expected.best_step
        assert training.history == expected.history
        assert same_state(game, whole)


def test_a_best_checkpoint_that_is_lost_is_looked_for_anew(tmp_path: Path) -> None:
    def monitor() -> Monitor:
        values = iter([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
        return Monitor(name="m", metric=lambda game: next(values), every=10)

    interrupt_at(22, tmp_path, monitor=monitor())
    shutil.rmtree(tmp_path / "best")
    with pytest.warns(GanforgeWarning, match="best.*is looked for anew"):
        _, training = taken_up(tmp_path, monitor=monitor())
    assert training.best_step == 30


def test_without_resume_old_checkpoints_are_not_taken_up(tmp_path: Path, unbroken) -> None:
    interrupt_at(22, tmp_path)
    game, batches = everything()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        training = fit(game, batches, **OPTIONS, checkpoints=tmp_path)
    assert training.resumed_at == 0
    assert same_state(game, unbroken[0])
    assert newest(tmp_path) == f"step-{STEPS:08d}"
