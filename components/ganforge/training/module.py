"""The one loop for every GAN: it plays a list of updates and knows no GAN by name."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy, SingleDeviceStrategy
from torch import Tensor, nn

from ganforge.errors import InputError, UnknownNameError
from ganforge.training.ema import Ema
from ganforge.training.game import Batch, Clock, Game, Phase
from ganforge.training.randomness import mix, seed_torch
from ganforge.training.turns import Move, PlayedTurn

_STEP, _PHASE = 1, 2  # apart, so that entering a phase draws nothing that a step draws


class AdversarialModule(pl.LightningModule):
    """Plays a `Game` under Lightning's manual optimisation, one real batch a step.

    Each step: torch is seeded from (seed, rank, step); then for each update that is due, in the phase's order, only the
    networks it `trains` require gradients, its terms are summed and lowered by one move of its optimizer, `after` is
    called, averages follow, and the gradients are dropped. Whoever did not move has no gradient (None, not 0), even
    where a game forgot to detach.

    `schedule`: phases with the steps they are played on (`game.steps_by_phase`). `pending` holds the terms of the steps
    since someone last looked, on the device: nothing here waits for a GPU.
    """

    def __init__(
        self, game: Game, schedule: Sequence[tuple[Phase, range]], *, seed: int = 0, micro_batches: int = 1
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.game = game
        self.schedule = list(schedule)
        self.seed, self.micro_batches = seed, micro_batches
        self.step = 0
        """Steps played."""
        self.samples = 0
        """Real samples seen, over all devices."""
        self.pending: list[tuple[int, str, Tensor]] = []
        """(step counted from 1, "update/term", value on the device), in the order played."""
        self.phase_index = -1
        self._moves: list[Move] = []
        self._active: Move | None = None
        self._flags = {parameter: parameter.requires_grad for parameter in game.parameters()}
        self._entered_flags: dict[nn.Parameter, bool] | None = None
        self._base_rates: list[list[float]] = []
        self._where = next((each.device for each in game.parameters()), torch.device("cpu"))
        self._rank, self._world_size = 0, 1
        self._step_optimizer: Callable[[int, Move], None] = self._step_plainly
        self._backward: Callable[[Tensor], None] = self.manual_backward
        self._check()

    # ------------------------------------------------------------------ before the first step

    @property
    def phase(self) -> Phase:
        return self.schedule[self._phase_at(self.step)][0]

    def network(self, name: str) -> nn.Module:
        """The network of the game by that name."""
        found = getattr(self.game, name, None)
        if not isinstance(found, nn.Module):
            known = [each for each, _ in self.game.named_children()]
            raise UnknownNameError("network", name, known, where=type(self.game).__name__)
        return found

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """One optimizer an update, in the order of the phases."""
        made = [
            update.optimizer([each for name in update.trains for each in self.network(name).parameters()])
            for phase, _ in self.schedule
            for update in phase.updates
        ]
        self._base_rates = [[group["lr"] for group in each.param_groups] for each in made]
        return made

    def require_everything(self) -> None:
        """Let every network that any update trains require gradients: what distributed wrappers look at, once."""
        for phase, _ in self.schedule:
            for update in phase.updates:
                for name in update.trains:
                    self.network(name).requires_grad_(True)
        self._active = None

    def replay_phases(self, step: int) -> None:
        """Go through the `on_enter` of every phase that has begun by `step`, before a checkpoint's weights are
        loaded over what they do: a network that has grown is as deep as it was, and what was frozen is frozen."""
        for index, (_, span) in enumerate(self.schedule):
            if span.start < step:
                self._enter(index)
        self.step = step

    def release(self) -> None:
        """Leave the game as it was found: flags, no gradients, evaluation mode."""
        for parameter, flag in self._flags.items():
            parameter.requires_grad_(flag)
            parameter.grad = None
        self.game.eval()
        self._active = None

    def on_train_start(self) -> None:
        self._where, self._rank, self._world_size = self.device, self.global_rank, self.trainer.world_size
        strategy, precision = self.trainer.strategy, self.trainer.precision_plugin
        if getattr(precision, "scaler", None) is not None:
            self._step_optimizer = self._step_scaled
        elif not isinstance(strategy, (SingleDeviceStrategy, DDPStrategy)):
            self._step_optimizer = self._step_by_strategy
        elif isinstance(strategy, SingleDeviceStrategy):
            # Alone and without a scaler, Lightning's backward is torch's with eight hooks around it that are empty
            # here: a tenth of a millisecond a step.
            self._backward = torch.Tensor.backward
        if self.phase_index >= 0:  # taken up inside a phase that `replay_phases` entered
            self._begin_phase(self.phase_index)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        convert = self.trainer.precision_plugin.convert_input
        return Batch(**{name: convert(each.to(device, non_blocking=True)) for name, each in batch.tensors.items()})

    # ------------------------------------------------------------------ the step

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        index = self._phase_at(self.step)
        if index != self.phase_index:
            self._enter(index)
            self._begin_phase(index)
        seed_torch(mix(self.seed, _STEP, self._rank, self.step), self._where)
        number = self.step - self.schedule[index][1].start + 1
        due = [move for move in self._moves if number % move.update.every == 0]
        turn = PlayedTurn(self, Clock(self.step, self.samples), due)
        for move in due:
            turn.move = move
            self._play(move, batch, turn)
        turn.forget()
        self.step += 1
        self.samples += len(batch) * self._world_size

    def _play(self, move: Move, batch: Batch, turn: PlayedTurn) -> None:
        update = move.update
        self.train_only(move)
        if self.micro_batches == 1:
            self._lower(move, update.loss(batch, turn), 1.0)
        else:
            for part in batch.split(min(self.micro_batches, len(batch))):
                turn.forget()
                self._lower(move, update.loss(part, turn), len(part) / len(batch))
            turn.forget()
        optimizer = self._optimizer(move.optimizer)
        if update.learning_rate is not None:
            factor = update.learning_rate(turn.clock)
            for group, rate in zip(optimizer.param_groups, self._base_rates[move.optimizer], strict=True):
                group["lr"] = rate * factor
        self._step_optimizer(move.optimizer, move)
        for parameter in move.on:  # no other has one; `zero_grad` itself takes a tenth of a millisecond to say so
            parameter.grad = None
        if update.after is not None:
            with torch.no_grad():
                update.after()
        for average in move.averages:
            average.move(update.every * len(batch) * self._world_size)
        turn.played(move)

    def _lower(self, move: Move, terms: Mapping[str, Tensor], weight: float) -> None:
        """Backward through the sum of the terms, and keep their values where they are."""
        if not terms:
            raise InputError(f"update {move.update.name!r} gave no loss term; its loss must give at least one")
        total = reduce(operator.add, terms.values())
        if total.dim() != 0 or not total.requires_grad:
            raise InputError(self._what_is_wrong(move, terms))
        self._backward(total if weight == 1.0 else total * weight)
        for name, value in terms.items():
            label = move.labels.get(name) or move.labels.setdefault(name, f"{move.update.name}/{name}")
            value = value.detach()
            self.pending.append((self.step + 1, label, value if weight == 1.0 else value * weight))

    def train_only(self, move: Move) -> None:
        """Exactly the networks of this move require gradients."""
        if self._active is move:
            return
        for parameter in move.off:
            parameter.requires_grad = False
        for parameter in move.on:
            parameter.requires_grad = True
        self._active = move

    # ------------------------------------------------------------------ the move of an optimizer

    def _optimizer(self, index: int) -> torch.optim.Optimizer:
        return self.trainer.strategy.optimizers[index]

    def _clip(self, move: Move) -> None:
        if move.update.clip_norm is not None:
            nn.utils.clip_grad_norm_(move.on, move.update.clip_norm)

    def _step_plainly(self, index: int, move: Move) -> None:
        """On one device and under DDP, what Lightning's wrapper adds to a step is bookkeeping that nobody reads."""
        self._clip(move)
        self._optimizer(index).step()

    def _step_scaled(self, index: int, move: Move) -> None:
        """fp16: gradients are unscaled before they are clipped; a move with infinite ones is left out."""
        optimizer, scaler = self._optimizer(index), self.trainer.precision_plugin.scaler  # type: ignore[attr-defined]
        if move.update.clip_norm is not None:
            scaler.unscale_(optimizer)
            self._clip(move)
        scaler.step(optimizer)
        scaler.update()

    def _step_by_strategy(self, index: int, move: Move) -> None:
        self._clip(move)
        self.trainer.strategy._lightning_optimizers[index].step()

    # ------------------------------------------------------------------ phases

    def _phase_at(self, step: int) -> int:
        for index, (_, span) in enumerate(self.schedule):
            if step < span.stop:
                return index
        return len(self.schedule) - 1

    def _enter(self, index: int) -> None:
        """All networks in training mode and as trainable as they came; then what the phase does on entering."""
        for parameter, flag in self._flags.items():
            parameter.requires_grad_(flag)
        self._active = None
        self.game.train()
        phase = self.schedule[index][0]
        if phase.on_enter is not None:
            seed_torch(mix(self.seed, _PHASE, index), self._where)
            phase.on_enter()
            self._check_nothing_is_new(phase)
        self._entered_flags = {each: each.requires_grad for each in self.game.parameters()}
        self.phase_index = index

    def _begin_phase(self, index: int) -> None:
        phase = self.schedule[index][0]
        first = sum(len(each.updates) for each, _ in self.schedule[:index])
        wanted = self._entered_flags or self._flags
        averages = [each for each in self.game.modules() if isinstance(each, Ema)]
        self._moves, self._active = [], None
        for k, update in enumerate(phase.updates):
            networks = [self.network(name) for name in update.trains]
            inner = {id(each) for network in networks for each in network.parameters()}
            on = [each for each in self.game.parameters() if id(each) in inner and wanted.get(each, True)]
            if not on:
                raise InputError(
                    f"update {update.name!r} trains {', '.join(update.trains)}, but every parameter there is frozen "
                    "(requires_grad is False); unfreeze what it should move"
                )
            trained = {id(each) for each in on}
            self._moves.append(
                Move(
                    update=update,
                    optimizer=first + k,
                    on=on,
                    off=[each for each in self.game.parameters() if id(each) not in trained],
                    averages=[a for a in averages if any(id(each) in inner for each in a.network.parameters())],
                )
            )

    # ------------------------------------------------------------------ what may be wrong with a game

    def _check(self) -> None:
        for phase, _ in self.schedule:
            names = [update.name for update in phase.updates]
            if not names:
                raise InputError(f"phase {phase.name!r} plays no update; give at least one")
            if len(set(names)) < len(names):
                raise InputError(f"phase {phase.name!r} has two updates of one name among {', '.join(names)}")
            for update in phase.updates:
                for name in update.trains:
                    self.network(name)

    def _check_nothing_is_new(self, phase: Phase) -> None:
        """Optimizers, distributed wrappers and checkpoints know the parameters that were there at the start."""
        new = [name for name, each in self.game.named_parameters() if each not in self._flags]
        if new:
            raise InputError(
                f"phase {phase.name!r}: its on_enter made {', '.join(new[:3])}{' …' if len(new) > 3 else ''}, which no "
                "optimizer would move; make every layer in the game's __init__ and let on_enter switch it on"
            )

    def _what_is_wrong(self, move: Move, terms: Mapping[str, Any]) -> str:
        where = f"update {move.update.name!r} of {type(self.game).__name__}"
        for name, value in terms.items():
            if not isinstance(value, Tensor) or value.dim() != 0:
                shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
                return (
                    f"{where}: term {name!r} is {shape}; a term is a scalar tensor, the mean over the batch as a rule"
                )
        return (
            f"{where}: no term depends on {' or '.join(move.update.trains)}, which it trains; "
            "was something detached that should not be?"
        )
