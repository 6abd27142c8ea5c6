"""`fit`: the one way to train a game, on any device."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch import Tensor

from ganforge.errors import InputError, InterruptedRunError
from ganforge.training.checkpoints import Checkpoints
from ganforge.training.game import Batch, Batches, Game, Monitor, Movable, steps_by_phase
from ganforge.training.matmul import matmul_precision
from ganforge.training.module import AdversarialModule
from ganforge.training.options import TrainerOptions
from ganforge.training.outcome import Progress, Training
from ganforge.training.randomness import kept_random_state
from ganforge.training.supervising import Supervisor
from ganforge.training.trainer import build, quiet

_DEFAULT_SAVES = 10  # checkpoints a run, unless the caller says how often


def fit(
    game: Game,
    batches: Batches,
    *,
    steps: int,
    seed: int = 0,
    trainer: TrainerOptions | None = None,
    log_every: int = 50,
    monitor: Monitor | None = None,
    checkpoints: str | Path | None = None,
    checkpoint_every: int | None = None,
    resume: bool = False,
    fingerprint: str = "",
    on_progress: Callable[[Progress], None] | None = None,
    micro_batches: int = 1,
) -> Training:
    """Train `game` on `batches` for exactly `steps` real batches, in place.

    Afterwards the game is in evaluation mode where it was before (the CPU as a rule), without gradients, with the
    weights of the last step, or those of the best judgement when there is a monitor. The caller's global random state
    is as it was.

    Parameters
    ----------
    steps
        Real batches in all phases together.
    seed
        Every random number is a function of (seed, rank, step): on one CPU, same seed, same weights, as long as both
        multiply alike (`TrainerOptions.matmul`).
    log_every
        Steps between two entries of the history and calls of `on_progress`; a NaN is found this late at most.
    monitor
        A validation metric, in place of the one the game brings. The weights of its best judgement are what the game
        has in the end, and `patience` may end the run early.
    checkpoints
        A folder of this run alone: the last two checkpoints and the best one are kept in it, all others removed.
    checkpoint_every
        Steps between checkpoints; a tenth of the run by default. There is always one at the end.
    resume
        Take up the newest whole checkpoint there, if it is of this very run: same game, `steps`, `seed`, batch size and
        `fingerprint` (of the data and whatever else the caller's result hangs on). Otherwise begin anew, and say so by
        a `GanforgeWarning`. A finished run is only loaded.
    micro_batches
        Parts a batch is played in, one after the other, to save memory; one step still is one real batch.

    Raises
    ------
    TrainingDivergedError
        A loss or a weight is not finite any more; names the step, the term and the last good checkpoint.
    InterruptedRunError
        Ctrl-C or SIGTERM; the step being played was finished and, with `checkpoints`, saved.
    InputError
        What cannot be played: no such device, a loss without a gradient, contradicting numbers.
    """
    for name, value in {"steps": steps, "log_every": log_every, "micro_batches": micro_batches}.items():
        if value < 1:
            raise InputError(f"{name}={value}; give at least 1")
    if checkpoint_every is not None and checkpoint_every < 1:
        raise InputError(f"checkpoint_every={checkpoint_every}; give at least 1 step")
    if resume and checkpoints is None:
        raise InputError("resume=True needs checkpoints=<folder> to take the run up from")
    monitor = monitor if monitor is not None else game.monitor()
    schedule = list(steps_by_phase(list(game.phases()), steps))
    home = next((each.device for each in game.parameters()), torch.device("cpu"))
    types = {name: each.dtype for name, each in _tensors(game)}
    with kept_random_state():
        module = AdversarialModule(game, schedule, seed=seed, micro_batches=micro_batches)
        supervisor = Supervisor(
            module,
            steps=steps,
            identity=_identity(module, batches, steps=steps, monitor=monitor, fingerprint=fingerprint),
            log_every=log_every,
            monitor=monitor,
            checkpoints=Checkpoints(checkpoints) if checkpoints is not None else None,
            checkpoint_every=checkpoint_every or max(1, steps // _DEFAULT_SAVES),
            on_progress=on_progress,
        )
        if resume and supervisor.checkpoints is not None:
            found = supervisor.checkpoints.newest(supervisor.identity)
            if found is not None:
                supervisor.restore(found)
        began = module.step
        try:
            if not supervisor.finished:
                _play(module, supervisor, batches, steps, trainer or TrainerOptions())
        finally:
            module.release()
            game.to(home)
            for name, each in _tensors(game):  # buffers too: batch norm's statistics were cast with the weights
                each.data = each.data.to(types.get(name, each.dtype))
        if supervisor.stopped_at is not None and not supervisor.finished:
            raise InterruptedRunError(_how_to_go_on(supervisor, steps))
        if supervisor.best is not None and supervisor.best_tensors is not None:
            game.load_state_dict(supervisor.best_tensors)
        supervisor.check_weights()
    best = supervisor.best or {}
    return Training(
        steps=module.step,
        history=supervisor.history,
        best_step=best.get("step"),
        best_metric=best.get("metric"),
        metric_name=monitor.name if monitor else None,
        metric_floor=monitor.floor if monitor else None,
        stopped="steps" if module.step == steps else "patience",
        seconds=supervisor.seconds_before,
        resumed_at=began,
    )


def _tensors(game: Game) -> list[tuple[str, Tensor]]:
    return [*game.named_parameters(), *game.named_buffers()]


def _play(
    module: AdversarialModule, supervisor: Supervisor, batches: Batches, steps: int, options: TrainerOptions
) -> None:
    with quiet(), _stopping_kindly(supervisor):
        trainer = build(options, [supervisor])
        module.require_everything()
        multiplying = matmul_precision(
            options.matmul,
            module.game,
            rows=batches.batch_size,
            device=trainer.strategy.root_device,
            earlier=supervisor.matmul,
        )
        try:
            with multiplying as supervisor.matmul:
                trainer.fit(module, _Draws(batches, module, trainer, steps))
        except SIGTERMException:
            supervisor.stopped_at = module.step
        except SystemExit as error:  # what Lightning makes of a second Ctrl-C
            if not isinstance(error.__context__, KeyboardInterrupt):
                raise
            supervisor.stopped_at = module.step
        except MisconfigurationException as error:
            raise InputError(f"Lightning refuses: {error}") from error


class _Draws:
    """The batches of the steps that are still to be played."""

    def __init__(self, batches: Batches, module: AdversarialModule, trainer: Any, steps: int) -> None:
        self.batches, self.module, self.trainer = batches, module, trainer
        self.steps = range(module.step, steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Batch]:
        rank, world_size, seed = self.trainer.global_rank, self.trainer.world_size, self.module.seed
        device, batches = self.trainer.strategy.root_device, self.batches
        if device.type != "cpu" and isinstance(batches, Movable):
            batches = batches.to(device)
        for step in self.steps:
            yield batches.draw(step, seed=seed, rank=rank, world_size=world_size)


@contextlib.contextmanager
def _stopping_kindly(supervisor: Supervisor) -> Iterator[None]:
    """Ctrl-C and SIGTERM let the step finish and be saved; a second Ctrl-C does not wait. Handlers are only ours to
    set in the main thread; elsewhere the signal goes where it always went."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: Any) -> None:
        supervisor.interrupted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    for each in kept:
        signal.signal(each, ask)
    try:
        yield
    finally:
        for each, handler in kept.items():
            if handler is not None:
                signal.signal(each, handler)


def _identity(
    module: AdversarialModule, batches: Batches, *, steps: int, monitor: Monitor | None, fingerprint: str
) -> dict[str, Any]:
    """What two runs must share for one to go on where the other stopped."""
    game = module.game
    return {
        "fingerprint": fingerprint,
        "steps": steps,
        "seed": module.seed,
        "batch size": batches.batch_size,
        "micro-batches": module.micro_batches,
        "game": type(game).__qualname__,
        "phases": [
            [phase.name, span.stop, [[each.name, list(each.trains), each.every] for each in phase.updates]]
            for phase, span in module.schedule
        ],
        "monitor": [monitor.name, monitor.mode, monitor.every, monitor.patience, monitor.tol] if monitor else None,
        "tensors": {name: list(each.shape) for name, each in game.state_dict().items() if hasattr(each, "shape")},
    }


def _how_to_go_on(supervisor: Supervisor, steps: int) -> str:
    said = f"interrupted after step {supervisor.stopped_at:,} of {steps:,}; "
    if supervisor.last_checkpoint is None:
        return said + "nothing was kept, because no folder for checkpoints was given"
    return said + f"the same command with resume goes on from {supervisor.last_checkpoint}"
