"""`fit` from outside: what it plays, tells, refuses, and leaves behind."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import signal
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.precision import MixedPrecision
from torch import Tensor
from toy_games import EverythingGame, RingGame, everything, ring_points, same_state

from ganforge.errors import InputError, InterruptedRunError, TrainingDivergedError, UnknownNameError
from ganforge.training import Batch, Monitor, Phase, Progress, TensorBatches, TrainerOptions, Turn, fit
from ganforge.training.checkpoints import read


class Counting(TensorBatches):
    """Notes which steps were drawn."""

    def __init__(self, **options) -> None:
        super().__init__(ring_points(200), batch_size=16, **options)
        self.steps: list[int] = []

    def draw(self, step: int, **where) -> Batch:
        self.steps.append(step)
        return super().draw(step, **where)


@pytest.mark.parametrize("steps", [2, 7, 13])
def test_steps_are_exact_whatever_the_number_of_updates(steps: int) -> None:
    batches = Counting()
    training = fit(EverythingGame(), batches, steps=steps, log_every=4)
    assert batches.steps == list(range(steps))
    assert training.steps == steps
    assert training.history[-1]["step"] == steps
    assert training.stopped == "steps"


def test_a_phase_needs_a_step() -> None:
    with pytest.raises(InputError, match="1 steps cannot be shared among 2 phases"):
        fit(EverythingGame(), Counting(), steps=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps=0"),
        ({"steps": 5, "log_every": 0}, "log_every=0"),
        ({"steps": 5, "micro_batches": 0}, "micro_batches=0"),
        ({"steps": 5, "checkpoint_every": 0, "checkpoints": "x"}, "checkpoint_every=0"),
        ({"steps": 5, "resume": True}, "resume=True needs checkpoints"),
        ({"steps": 5, "trainer": TrainerOptions(accelerator="abacus")}, "accelerator='abacus'"),
        ({"steps": 5, "trainer": TrainerOptions(precision="3-true")}, "precision='3-true'"),
        ({"steps": 5, "trainer": TrainerOptions(strategy="by mail")}, "strategy='by mail'"),
    ],
)
def test_wrong_calls(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit(RingGame(4), Counting(), **options)


def test_trainer_options_come_from_a_mapping() -> None:
    assert TrainerOptions.from_mapping({"devices": "2", "precision": "bf16-mixed"}).devices == 2
    assert TrainerOptions.from_mapping({"devices": "auto"}).devices == "auto"
    assert TrainerOptions.from_mapping(None) == TrainerOptions()
    with pytest.raises(UnknownNameError, match="did you mean 'devices'"):
        TrainerOptions.from_mapping({"device": 2})


def test_what_is_left_behind() -> None:
    """Evaluation mode, no gradients, the flags as they came, and the caller's random state."""
    game, batches = everything()
    game.encoder[0].bias.requires_grad_(False)
    random.seed(4)
    np.random.seed(4)  # noqa: NPY002
    torch.manual_seed(4)
    states = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    fit(game, batches, steps=8)
    assert random.getstate() == states[0]
    assert np.array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), states[2])
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert not any(each.training for each in game.modules())
    assert all(each.grad is None for each in game.parameters())
    frozen = {name for name, each in game.named_parameters() if not each.requires_grad}
    assert frozen == {"encoder.0.bias"} | {name for name, _ in game.named_parameters() if name.startswith("averaged.")}


def test_it_writes_nothing_and_says_nothing(tmp_path: Path, monkeypatch, capfd) -> None:
    monkeypatch.chdir(tmp_path)
    fit(RingGame(4), Counting(), steps=5)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_same_seed_same_weights_another_seed_others() -> None:
    def trained(seed: int) -> EverythingGame:
        game, batches = everything()
        fit(game, batches, steps=20, seed=seed)
        return game

    torch.rand(7)
    one = trained(0)
    torch.rand(3)  # the caller's random state is of no account
    assert same_state(one, trained(0))
    assert not same_state(one, trained(1))


def test_progress_and_history() -> None:
    told: list[Progress] = []
    game, batches = everything()
    training = fit(game, batches, steps=50, log_every=20, on_progress=told.append)
    assert [entry["step"] for entry in training.history] == [20, 30, 40, 50]  # the first phase ends with step 30
    assert [entry["phase"] for entry in training.history] == ["adversaries"] * 2 + ["encoder"] * 2
    assert set(training.history[0]["losses"]) == {
        "critic/wasserstein",
        "critic/penalty",
        "lazy/r1",
        "generator/wasserstein",
    }
    assert set(training.history[-1]["losses"]) == {"encoder/residual"}
    assert [each.step for each in told] == [20, 30, 40, 50]
    assert told[-1].losses == training.history[-1]["losses"]
    assert told[0].steps == 50
    assert told[0].seconds <= told[-1].seconds <= training.seconds
    again = json.loads(json.dumps(training.to_json()))
    assert again["history"] == training.history
    assert {"step": 50, "name": "encoder/residual"}.items() <= training.curves()[-1].items()


@pytest.mark.parametrize("micro_batches", [1, 2])
def test_losses_are_means_over_the_steps_between(micro_batches: int) -> None:
    class Known(RingGame):
        def critic_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
            return {"step": 0 * self.critic(batch.real).mean() + turn.clock.step}

    training = fit(Known(4), Counting(), steps=10, log_every=4, micro_batches=micro_batches)
    assert [entry["losses"]["critic/step"] for entry in training.history] == pytest.approx([1.5, 5.5, 8.5])


# --------------------------------------------------------------------------------------------------- not finite


class Diverging(RingGame):
    """The R1 term becomes NaN with step 24, a loss term infinite with step 30."""

    def critic_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
        terms = dict(super().critic_loss(batch, turn))
        if turn.clock.step == 23:
            terms["r1"] = terms["r1"] * float("nan")
        return terms


@pytest.mark.parametrize("micro_batches", [1, 2])
def test_a_nan_stops_with_step_term_and_the_last_good_checkpoint(tmp_path: Path, micro_batches: int) -> None:
    with pytest.raises(TrainingDivergedError, match=r"step 24: critic/r1 became nan.*step-00000020") as caught:
        fit(
            Diverging(4),
            Counting(),
            steps=60,
            log_every=50,
            checkpoints=tmp_path,
            checkpoint_every=10,
            micro_batches=micro_batches,
        )
    assert (caught.value.step, caught.value.term) == (24, "critic/r1")
    assert caught.value.checkpoint == str(tmp_path / "step-00000020")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["step-00000010", "step-00000020"]


def test_without_checkpoints_it_says_that_there_is_none() -> None:
    with pytest.raises(TrainingDivergedError, match="there is no checkpoint before it"):
        fit(Diverging(4), Counting(), steps=25)


def test_weights_that_are_not_finite_are_not_kept(tmp_path: Path) -> None:
    """An infinite gradient of a finite loss, in the last step before a checkpoint."""

    class Steep(RingGame):
        def generator_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
            zero = self.generator[0].weight.sum() * 0
            return {"root": (zero.sqrt() if turn.clock.step == 9 else zero)}

    for checkpoints in (tmp_path, None):
        with pytest.raises(TrainingDivergedError, match=r"step 10: generator\.0\.weight is not finite"):
            fit(Steep(4), Counting(), steps=10, checkpoints=checkpoints, checkpoint_every=5)
    assert [each.name for each in tmp_path.iterdir()] == ["step-00000005"]


# --------------------------------------------------------------------------------------------------- a monitor


def scripted(values: list[float], **options) -> Monitor:
    left = iter(values)
    return Monitor(name="scripted", metric=lambda game: next(left), **options)


def test_the_best_weights_are_kept() -> None:
    kept = {}
    values = iter([5.0, 2.0, 3.0, 4.0])

    def metric(game: EverythingGame) -> float:
        value = next(values)
        kept[value] = {name: each.clone() for name, each in game.state_dict().items()}
        return value

    game, batches = everything()
    training = fit(game, batches, steps=40, monitor=Monitor(name="m", metric=metric, every=10), log_every=100)
    assert (training.best_step, training.best_metric) == (20, 2.0)
    assert [entry["metric"] for entry in training.history if entry["metric"] is not None] == [5, 2, 3, 4]
    assert all(torch.equal(each, kept[2.0][name]) for name, each in game.state_dict().items())


def test_patience_and_mode() -> None:
    monitor = scripted([1, 3, 2, 2.5, 9], every=10, mode="max", patience=2)
    training = fit(RingGame(4), Counting(), steps=100, monitor=monitor)
    assert (training.steps, training.stopped, training.best_step) == (40, "patience", 20)


def test_small_gains_are_kept_but_do_not_restore_patience_until_they_add_up() -> None:
    monitor = scripted([5, 4.9, 4.8, 4.3, 4.2, 4.1, 4.0, 1], every=10, patience=3, tol=0.5)
    training = fit(RingGame(4), Counting(), steps=100, monitor=monitor)
    assert (training.steps, training.stopped) == (70, "patience")  # 4.3 restored it, 4.0 did not
    assert (training.best_step, training.best_metric) == (70, 4.0)


def test_what_was_judged_and_what_real_data_score_is_told() -> None:
    training = fit(RingGame(4), Counting(), steps=10, monitor=scripted([3.0], every=10, floor=0.5))
    assert (training.metric_name, training.metric_floor) == ("scripted", 0.5)
    unjudged = fit(RingGame(4), Counting(), steps=5)
    assert (unjudged.metric_name, unjudged.metric_floor) == (None, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 0}, "every=0"),
        ({"mode": "least"}, "mode='least'"),
        ({"tol": -0.1}, "tol=-0.1"),
        ({"tol": float("nan")}, "tol=nan"),
    ],
)
def test_a_monitor_that_cannot_be_is_refused(options, message) -> None:
    with pytest.raises(InputError, match=message):
        scripted([1.0], **options)


def test_a_metric_that_is_no_number_is_never_the_best() -> None:
    training = fit(RingGame(4), Counting(), steps=30, monitor=scripted([float("nan"), 4, float("inf")], every=10))
    assert training.best_step == 20
    assert json.dumps(training.to_json(), allow_nan=False)


def test_the_last_step_is_judged_too() -> None:
    training = fit(RingGame(4), Counting(), steps=25, monitor=scripted([3, 2, 1], every=10))
    assert training.best_step == 25


def test_the_monitor_of_the_game_and_the_one_of_the_caller() -> None:
    class Judged(RingGame):
        def monitor(self) -> Monitor:
            return scripted([7.0], every=10)

    assert fit(Judged(4), Counting(), steps=10).best_metric == 7
    assert fit(Judged(4), Counting(), steps=10, monitor=scripted([8.0], every=10)).best_metric == 8


def test_a_monitor_does_not_disturb_the_run() -> None:
    """It draws random numbers and switches networks; the weights it leaves are those of a run without it."""
    modes = []

    def metric(game: EverythingGame) -> float:
        modes.append((any(each.training for each in game.modules()), torch.is_grad_enabled()))
        torch.rand(13)
        game.train()
        game.generator(torch.randn(8, 3))
        game.eval()
        return -len(modes)  # ever better: the last step's weights are the best

    def clean(game: EverythingGame) -> float:
        modes.append((any(each.training for each in game.modules()), torch.is_grad_enabled()))
        return float(game.generator(torch.randn(64, 3)).mean()) * 0 - len(modes)

    plain, batches = everything()
    fit(plain, batches, steps=40)
    watched, _ = everything()
    fit(watched, batches, steps=40, monitor=Monitor(name="m", metric=clean, every=7))
    assert same_state(plain, watched)
    assert modes == [(False, False)] * 6
    again, _ = everything()
    fit(again, batches, steps=40, monitor=Monitor(name="m", metric=metric, every=7))
    assert torch.equal(plain.critic[0].weight, again.critic[0].weight)  # batch norm it moved itself


def test_the_monitor_draws_the_same_whenever_it_is_asked() -> None:
    def judged(**options) -> list[float]:
        game, batches = everything()
        monitor = Monitor(name="m", metric=lambda game: float(torch.rand(())), every=10)
        return [e["metric"] for e in fit(game, batches, steps=20, monitor=monitor, **options).history if e["metric"]]

    assert judged(log_every=3) == judged(log_every=50)


# --------------------------------------------------------------------------------------------------- Ctrl-C


class Interrupting(Counting):
    """Sends itself a signal while a batch is drawn."""

    def __init__(self, number: int, at: int, times: int = 1) -> None:
        super().__init__()
        self.number, self.at, self.times = number, at, times

    def draw(self, step: int, **where) -> Batch:
        if step == self.at:
            for _ in range(self.times):
                os.kill(os.getpid(), self.number)
        return super().draw(step, **where)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_keeps_the_step_and_says_how_to_go_on(tmp_path: Path, number: int) -> None:
    handler = signal.getsignal(number)
    with pytest.raises(InterruptedRunError, match=r"after step 8 of 20.*resume goes on from.*step-00000008") as caught:
        fit(RingGame(4), Interrupting(number, at=7), steps=20, checkpoints=tmp_path)
    assert caught.value.exit_code == 130
    assert signal.getsignal(number) == handler
    torch.manual_seed(0)
    taken_up = fit(RingGame(4), Counting(), steps=20, checkpoints=tmp_path, resume=True)
    assert taken_up.resumed_at == 8


def test_without_a_folder_it_says_that_nothing_was_kept() -> None:
    with pytest.raises(InterruptedRunError, match="nothing was kept"):
        fit(RingGame(4), Interrupting(signal.SIGINT, at=3), steps=20)


def test_a_second_ctrl_c_does_not_wait(tmp_path: Path) -> None:
    with pytest.raises(InterruptedRunError, match="step-00000005"):
        fit(RingGame(4), Interrupting(signal.SIGINT, at=7, times=2), steps=20, checkpoints=tmp_path, checkpoint_every=5)


def test_an_interruption_of_the_last_step_comes_too_late() -> None:
    assert fit(RingGame(4), Interrupting(signal.SIGINT, at=19), steps=20).steps == 20


def test_in_another_thread() -> None:
    """Where signals cannot be handled, as in a worker of a scheduler."""
    done = []
    thread = threading.Thread(target=lambda: done.append(fit(RingGame(4), Counting(), steps=5)))
    thread.start()
    thread.join()
    assert done[0].steps == 5


# --------------------------------------------------------------------------------------------------- precision


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true", "64-true"])
def test_precisions_on_the_cpu(precision: str) -> None:
    """Penalties and weights stay float32 under mixed precision; afterwards the game has the type it came with."""
    seen = set()

    class Watched(EverythingGame):
        def critic_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
            terms = super().critic_loss(batch, turn)
            seen.add((self.critic(batch.real).dtype, terms["penalty"].dtype, batch.real.dtype))
            return terms

    torch.manual_seed(0)
    game = Watched()
    before = game.generator[0].weight.detach().clone()
    training = fit(
        game,
        TensorBatches(ring_points(200), batch_size=32),
        steps=30,
        trainer=TrainerOptions(accelerator="cpu", precision=precision),
    )
    assert {each.dtype for each in game.parameters()} == {torch.float32}
    assert not torch.equal(before, game.generator[0].weight)
    assert np.isfinite(list(training.history[-1]["losses"].values())).all()
    inner = torch.float64 if precision == "64-true" else torch.bfloat16
    penalty = torch.float64 if precision == "64-true" else torch.float32
    assert seen == {(inner, penalty, torch.float32 if "mixed" in precision else inner)}


def test_bf16_learns_what_float32_learns() -> None:
    losses = {}
    for precision in ("32-true", "bf16-mixed"):
        game, batches = everything()
        options = TrainerOptions(accelerator="cpu", precision=precision)
        losses[precision] = fit(game, batches, steps=60, trainer=options).history[-1]["losses"]["encoder/residual"]
    assert losses["bf16-mixed"] == pytest.approx(losses["32-true"], rel=0.1)


def test_fp16_on_the_cpu_is_replaced_aloud() -> None:
    with pytest.warns(UserWarning, match="Using `precision='bf16-mixed'` instead"):
        fit(RingGame(4), Counting(), steps=3, trainer=TrainerOptions(accelerator="cpu", precision="16-mixed"))


def test_a_loss_scaler_is_undone_before_the_norm_is_clipped(monkeypatch, tmp_path: Path) -> None:
    """fp16 on a GPU comes with a scaler; here one is put on the CPU. Scaled or not, the moves are the same, and the
    scale is kept in the checkpoint."""

    def build(options: TrainerOptions, callbacks) -> pl.Trainer:
        plugin = MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=2.0**12))
        return pl.Trainer(
            accelerator="cpu", devices=1, max_epochs=1, barebones=True, plugins=[plugin], callbacks=callbacks
        )

    norms = []

    class Watched(EverythingGame):
        def phases(self) -> Sequence[Phase]:
            first, second = super().phases()
            (update,) = second.updates

            def make(parameters):
                optimizer = update.optimizer(parameters)
                kept = optimizer.param_groups[0]["params"]
                norm = lambda *_: norms.append(torch.stack([p.grad.norm() for p in kept]).norm().item())  # noqa: E731
                optimizer.register_step_pre_hook(norm)
                return optimizer

            return [
                first,
                dataclasses.replace(second, updates=(dataclasses.replace(update, optimizer=make, clip_norm=1e-3),)),
            ]

    monkeypatch.setattr("ganforge.training.fitting.build", build)
    training = fit(Watched(), TensorBatches(ring_points(200), batch_size=32), steps=20, checkpoints=tmp_path)
    assert norms == pytest.approx([1e-3] * 8, rel=1e-2)
    assert np.isfinite(list(training.history[-1]["losses"].values())).all()
    assert read(tmp_path / "step-00000020").state["precision"]["scale"] == 2.0**12
