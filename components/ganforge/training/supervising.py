"""What goes on between the steps: looking at the losses, judging, keeping checkpoints, stopping."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from ganforge.errors import TrainingDivergedError
from ganforge.training.checkpoints import Checkpoints, Snapshot
from ganforge.training.game import Monitor
from ganforge.training.module import AdversarialModule
from ganforge.training.outcome import Progress
from ganforge.training.randomness import kept_random_state, mix, seed_torch

_MOST_PENDING = 20_000  # values left on the device, however seldom someone logs
_JUDGE = 3  # the third stream of random numbers, apart from steps and phases


class Supervisor(pl.Callback):
    """Looks at a run every so many steps; between two looks nothing waits for the device.

    The losses of a stretch of steps are fetched together. The first that is not finite ends the run before anything is
    saved, so a checkpoint is always a good one.
    """

    def __init__(
        self,
        module: AdversarialModule,
        *,
        steps: int,
        identity: Mapping[str, Any],
        log_every: int,
        monitor: Monitor | None,
        checkpoints: Checkpoints | None,
        checkpoint_every: int,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self.module, self.steps, self.identity = module, steps, identity
        self.log_every, self.monitor = log_every, monitor
        self.checkpoints, self.checkpoint_every = checkpoints, checkpoint_every
        self.on_progress = on_progress
        self.interrupted = False
        """Set from a signal handler; the step that is being played is finished and saved first."""
        self.stopped_at: int | None = None
        """The step an interruption ended the run after."""
        self.last_checkpoint: str | None = None
        self.matmul: str | None = None
        """How matrices are multiplied, see `training.matmul`; goes with a checkpoint, so that a run stays alike."""
        self.phase_ends = {span.stop for _, span in module.schedule}

        self.history: list[dict[str, Any]] = []
        self.window: dict[str, list[float]] = {}  # label → [sum, number of steps] since the last entry
        self.metric: float | None = None
        self.best: dict[str, Any] | None = None  # step, metric
        self.best_tensors: dict[str, Tensor] | None = None
        self.in_vain = 0
        self.mark: float | None = None  # the judgement that restored patience last
        self.finished = False
        self.seconds_before, self._began = 0.0, time.perf_counter()
        self._restored: Mapping[str, Any] | None = None
        self._wrapper: DistributedDataParallel | None = None

    # ------------------------------------------------------------------ the state of a run

    @property
    def seconds(self) -> float:
        return self.seconds_before + time.perf_counter() - self._began

    def snapshot(self, trainer: pl.Trainer) -> Snapshot:
        """Everything; called on every device, because gathering a sharded state takes them all."""
        strategy = trainer.strategy
        return Snapshot(
            step=self.module.step,
            identity=self.identity,
            state={
                "module": _of_the_game(strategy.lightning_module_state_dict()),
                "optimizers": [strategy.optimizer_state(each) for each in strategy.optimizers],
                "precision": trainer.precision_plugin.state_dict(),
                "samples": self.module.samples,
                "matmul": self.matmul,
                "history": self.history,
                "window": self.window,
                "metric": self.metric,
                "best": self.best,
                "in_vain": self.in_vain,
                "mark": self.mark,
                "finished": self.finished,
                "seconds": self.seconds,
            },
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Take up where the snapshot stands: the game now, the optimizers once the trainer has made them."""
        state = snapshot.state
        self.module.replay_phases(snapshot.step)
        self.module.game.load_state_dict(state["module"])
        self.module.samples = state["samples"]
        self.history, self.window = list(state["history"]), dict(state["window"])
        self.metric, self.best = state["metric"], state["best"]
        self.in_vain, self.mark = state["in_vain"], state.get("mark")
        self.finished, self.seconds_before = state["finished"], state["seconds"]
        self.matmul = state.get("matmul")
        if self.checkpoints is not None:
            self.last_checkpoint = str(self.checkpoints.path(snapshot.step))
            found = self.checkpoints.best(self.identity) if self.best is not None else None
            if found is None:
                self.best = None
            else:
                self.best_tensors = dict(found.state["module"])
        self._restored = state

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._began = time.perf_counter()
        wrapper = trainer.strategy.model
        self._wrapper = wrapper if isinstance(wrapper, DistributedDataParallel) else None
        if self._restored is not None:
            trainer.strategy.load_optimizer_state_dict({"optimizer_states": self._restored["optimizers"]})
            trainer.precision_plugin.load_state_dict(dict(self._restored["precision"]))
            self._restored = None

    # ------------------------------------------------------------------ after each step

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        if self._wrapper is not None:
            # Under manual optimisation Lightning leaves this off, and each device would go on with batch norm
            # statistics of its own; the next forward takes those of rank 0, as DDP does otherwise.
            self._wrapper.require_forward_param_sync = True
        step, every = self.module.step, self.monitor.every if self.monitor else 0
        last = step == self.steps
        log = last or step % self.log_every == 0 or step in self.phase_ends
        judge = every > 0 and (last or step % every == 0)
        save = self.checkpoints is not None and (last or step % self.checkpoint_every == 0)
        stop = self._asked_to_stop(trainer, log)
        if not (log or judge or save or stop):
            if len(self.module.pending) > _MOST_PENDING:
                self._look(trainer)
            return
        self._look(trainer)
        self.finished = last
        if judge:
            self._judge(trainer)
        if log or judge:
            self._note(self.metric if judge else None)
        if (save or stop or self.finished) and self.checkpoints is not None:
            self._save(trainer)
        if stop:
            self.stopped_at = step
        if stop or self.finished:
            trainer.should_stop = True

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seconds_before, self._began = self.seconds, time.perf_counter()
        if trainer.world_size > 1 and torch.distributed.is_initialized():
            for buffer in self.module.game.buffers():  # batch norm's statistics: every device saw its own batches
                torch.distributed.broadcast(buffer, src=0)

    def _asked_to_stop(self, trainer: pl.Trainer, log: bool) -> bool:
        """Alone, at once; with others, where all of them look, or they would wait for each other for ever."""
        if trainer.world_size == 1:
            return self.interrupted
        return log and trainer.strategy.reduce_boolean_decision(self.interrupted, all=False)

    # ------------------------------------------------------------------ looking

    def _look(self, trainer: pl.Trainer) -> None:
        """Fetch the losses since the last look in one transfer, and refuse what is not finite."""
        pending, self.module.pending = self.module.pending, []
        if not pending:
            return
        values = torch.stack([value.float() for _, _, value in pending])
        gathered = _from_all(values, trainer) if trainer.world_size > 1 else values.reshape(1, -1)
        table = gathered.double().cpu()
        bad = (~torch.isfinite(table)).any(0).nonzero()
        if len(bad):
            step, label, _ = pending[int(bad[0])]
            self._diverged(step, label, f"became {table[:, int(bad[0])].sum().item()}")
        seen: set[tuple[int, str]] = set()
        for (step, label, _), value in zip(pending, table.mean(0).tolist(), strict=True):
            entry = self.window.setdefault(label, [0.0, 0])
            entry[0] += value
            entry[1] += (step, label) not in seen  # the parts of a step, when it is cut into micro-batches
            seen.add((step, label))

    def _diverged(self, step: int, term: str, what: str) -> None:
        kept = (
            f"the last good checkpoint is {self.last_checkpoint}"
            if self.last_checkpoint
            else "there is no checkpoint before it"
        )
        raise TrainingDivergedError(
            f"training diverged at step {step}: {term} {what}; {kept}. "
            "A lower learning rate, a stronger penalty or a clipped gradient norm helps as a rule",
            step=step,
            term=term,
            checkpoint=self.last_checkpoint,
        )

    def _note(self, metric: float | None) -> None:
        step = self.module.step
        phase = self.module.schedule[self.module.phase_index][0].name
        losses = {label: total / count for label, (total, count) in self.window.items()}
        self.window = {}
        self.history.append({"step": step, "phase": phase, "losses": losses, "metric": metric})
        if self.on_progress is not None:
            self.on_progress(
                Progress(
                    step=step,
                    steps=self.steps,
                    phase=phase,
                    losses=losses,
                    metric=self.metric,
                    seconds=self.seconds,
                )
            )

    # ------------------------------------------------------------------ judging

    def _judge(self, trainer: pl.Trainer) -> None:
        """Ask the monitor; keep the best; run out of patience. The game is left as it was."""
        monitor, game, step = self.monitor, self.module.game, self.module.step
        assert monitor is not None
        modes = [(each, each.training) for each in game.modules()]
        game.eval()
        try:
            with kept_random_state(), torch.no_grad():
                seed_torch(mix(self.module.seed, _JUDGE, step), self.module.device)
                value = float(monitor.metric(game))
        finally:
            for each, mode in modes:
                each.training = mode
        value = trainer.strategy.broadcast(value) if trainer.world_size > 1 else value
        self.metric = value if math.isfinite(value) else None
        sign = 1 if monitor.mode == "max" else -1
        if self.metric is not None and (self.best is None or sign * self.metric > sign * self.best["metric"]):
            self.best = {"step": step, "metric": self.metric}
            self._keep_best(trainer)
        if self.metric is not None and (self.mark is None or sign * (self.metric - self.mark) > monitor.tol):
            self.mark, self.in_vain = self.metric, 0
        else:
            self.in_vain += 1
        if monitor.patience is not None and self.in_vain >= monitor.patience:
            self.finished = True

    def _keep_best(self, trainer: pl.Trainer) -> None:
        tensors = _of_the_game(trainer.strategy.lightning_module_state_dict())
        self._check_weights(tensors)
        self.best_tensors = {
            name: each.detach().to("cpu", copy=True) if isinstance(each, Tensor) else each
            for name, each in tensors.items()
        }
        if self.checkpoints is not None and trainer.is_global_zero:
            state = {"module": self.best_tensors, **(self.best or {})}
            self.checkpoints.write_best(Snapshot(step=self.module.step, identity=self.identity, state=state))

    # ------------------------------------------------------------------ saving

    def _save(self, trainer: pl.Trainer) -> None:
        assert self.checkpoints is not None
        snapshot = self.snapshot(trainer)
        self._check_weights(snapshot.state["module"])
        if trainer.is_global_zero:
            self.checkpoints.write(snapshot)
        self.last_checkpoint = str(self.checkpoints.path(snapshot.step))
        trainer.strategy.barrier("checkpoint")

    def check_weights(self) -> None:
        """The end of a run without checkpoints: what is handed back must be finite as well."""
        self._check_weights(self.module.game.state_dict())

    def _check_weights(self, tensors: Mapping[str, Any]) -> None:
        """A finite loss may still have an infinite gradient: look at the weights before they are kept."""
        floats = {name: each for name, each in tensors.items() if isinstance(each, Tensor) and each.is_floating_point()}
        if not floats:
            return
        finite = torch.stack([torch.isfinite(each).all() for each in floats.values()]).tolist()
        for name, good in zip(floats, finite, strict=True):
            if not good:
                self._diverged(self.module.step, name, "is not finite any more")


def _from_all(values: Tensor, trainer: pl.Trainer) -> Tensor:
    """(n,) of each device → (devices, n)."""
    if not torch.distributed.is_initialized():
        return trainer.strategy.all_gather(values).reshape(-1, len(values))
    gathered = [torch.empty_like(values) for _ in range(trainer.world_size)]
    torch.distributed.all_gather(gathered, values)
    return torch.stack(gathered)


def _of_the_game(state: Mapping[str, Any]) -> dict[str, Any]:
    """The game's part of the module's state, under the game's own names."""
    return {name.removeprefix("game."): each for name, each in state.items() if name.startswith("game.")}
