"""CTGAN as a synthesizer: a table in, a table of the same make out.

    model = CTGAN(random_state=0).fit(payments)
    model.sample(1_000)                                         # as the data are, rare values as rare
    model.sample(500, condition={"is_fraud": 1}, random_state=1)   # 500 frauds

The network, its losses and the batches are `gans/ctgan.py` (Xu et al. 2019, arXiv:1907.00503).
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ganforge import training
from ganforge.artifacts import Artifact
from ganforge.data.codec import Codec
from ganforge.data.constraints import Constraint, parsed, read_constraints
from ganforge.data.streams import StreamedTable, learn_codec
from ganforge.data.table import Table
from ganforge.errors import GanforgeWarning, InputError, UnsuitableDataError
from ganforge.gans.ctgan import ConditionalBatches, Conditions, CTGANGame, check_pac
from ganforge.parameters import seed_of, spawned, whole
from ganforge.synthesis.bank import ConditionBank
from ganforge.synthesis.base import Synthesizer, as_table, collected_notices, fingerprint, marked
from ganforge.synthesis.conditions import BALANCED, request
from ganforge.synthesis.constraining import constrain, keep_constraints, refuse_derived
from ganforge.synthesis.defaults import FEW, default_condition_columns, default_steps
from ganforge.synthesis.drawing import Drawer
from ganforge.synthesis.keeping import contents, restored
from ganforge.synthesis.mending import calibrate
from ganforge.synthesis.monitoring import Judge, hold_out, judgements, why_none
from ganforge.synthesis.quantiles import QuantileMaps
from ganforge.training import Monitor, Progress

LEAST_ROWS = 10


class CTGAN(Synthesizer):
    """Conditional tabular GAN.

    Args:
        steps: training steps, one real batch each; None: as many as it gets better by, at most `default_steps`.
        batch_size: rows a step on one device; a multiple of `pac`. It may exceed the rows there are.
        pac: rows the critic judges together, against mode collapse.
        latent: length of the noise vector.
        generator_widths, critic_widths: units of the hidden layers.
        tau: temperature of the Gumbel-softmax.
        penalty: weight λ of the critic's gradient penalty.
        dropout: share of the critic's units left out in training.
        learning_rate: Adam's, both players.
        weight_decay: Adam's L2 term on the generator.
        max_modes: most modes of a numeric column's mixture.
        few_values: a numeric column that consists of at most so many values has each of them as a mode, so that it can
            be asked for and goes with the other columns value by value; None: 0 here, `FEW` in `TunedCTGAN`.
        constraints: what holds between columns, as `data.constraints` has it (`Inequality`, `Sum`, or text such as
            "opened <= closed" and "net + tax = gross"); a schema file may name more of them.
        calibrate: after training, bring shares and numbers to those of the data, see `calibration`; None: as the
            kind has it (off here, on in `TunedCTGAN`).
        condition_modes: let the network be asked for modes of numbers, so that it obeys ranges; None as above.
        condition_columns: how many columns the network may be asked for together; unconditional rows are drawn under
            as many values of one real row, see `bank`. None: 1 here, as in the paper, and `default_condition_columns`
            in `TunedCTGAN`.
        early_stopping: judge the model's rows while it trains, keep the best weights and stop when it does not get
            better, see `monitoring`; "auto": when `steps` is None. True makes `steps` the most there may be.
        validation_fraction: share of the rows held out to judge on, at most 2,000; none of a table so small, or with
            so many values of a few rows each, that fewer than 500 would be. early_stopping only.
        n_iter_no_change: judgements without a gain that end training, one every 200 steps. early_stopping only.
        random_state: seeds codec, weights, batches and noise; None draws a fresh seed.
        trainer: accelerator, devices, strategy, precision, … for Lightning, see `training.TrainerOptions`.
        log_every, checkpoint_every: steps.

    Attributes:
        codec_: table ⇄ tensors. bank_: what rows of the data would be asked for.
        frequencies_: (C,) how often each value of each discrete column was seen.
        quantile_maps_: what calibration does to numbers; None without it.
        constrained_: the constraints that rows keep; None without any.
        obedience_: share of the rows of the last `sample` call that obeyed its condition when they were first
            drawn, before any was rejected and before gaps that do not go together were mended (`data.gaps`); None after
            a call without one.
        draws_a_row_: rows generated for each row kept, in that call: those that disobeyed or broke a constraint count.
    """

    kind = "ctgan"
    tuned: ClassVar[bool] = False
    by_batches: ClassVar[bool] = True

    def __init__(
        self,
        *,
        steps: int | None = None,
        batch_size: int = 500,
        pac: int = 10,
        latent: int = 128,
        generator_widths: Sequence[int] = (256, 256),
        critic_widths: Sequence[int] = (256, 256),
        tau: float = 0.2,
        penalty: float = 10.0,
        dropout: float = 0.5,
        learning_rate: float = 2e-4,
        weight_decay: float = 1e-6,
        max_modes: int = 10,
        few_values: int | None = None,
        constraints: Sequence[Constraint | str] = (),
        calibrate: bool | None = None,
        condition_modes: bool | None = None,
        condition_columns: int | None = None,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 15,
        random_state: int | None = None,
        trainer: Mapping[str, Any] | None = None,
        log_every: int = 50,
        checkpoint_every: int | None = None,
    ) -> None:
        self.steps = steps
        self.batch_size = batch_size
        self.pac = pac
        self.latent = latent
        self.generator_widths = generator_widths
        self.critic_widths = critic_widths
        self.tau = tau
        self.penalty = penalty
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_modes = max_modes
        self.few_values = few_values
        self.constraints = constraints
        self.calibrate = calibrate
        self.condition_modes = condition_modes
        self.condition_columns = condition_columns
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state
        self.trainer = trainer
        self.log_every = log_every
        self.checkpoint_every = checkpoint_every

    def fit(
        self,
        data: pd.DataFrame | Table | StreamedTable | str | Path,
        *,
        schema: Any = None,
        checkpoints: str | Path | None = None,
        resume: bool = False,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Self:
        """Learn the rows of a table; see `Synthesizer.fit`. A path is read, or, where the file is large, learned from
        by batches (`data.streams`): mixtures are then fitted on a sample of the rows, and only encoded rows are kept.

        Raises:
            InputError: parameters that contradict each other, or a frame that is no table.
            UnsuitableDataError: fewer than 10 rows, or nothing to learn from (all columns constant).
            TrainingDivergedError, InterruptedRunError: see `training.fit`.
        """
        check_pac(whole("batch_size", self.batch_size), whole("pac", self.pac))
        if self.steps is not None:
            whole("steps", self.steps)
        seed = seed_of(self.random_state, resume=resume)
        with collected_notices() as notices:
            table = as_table(data, schema, by_batches=True)
            if len(table) < LEAST_ROWS:
                raise UnsuitableDataError(
                    f"{table.source}: {len(table)} rows are too few to learn from; give at least {LEAST_ROWS}"
                )
            for told in table.schema.left_out():
                warnings.warn(told, GanforgeWarning, stacklevel=2)
            data_fingerprint = table.fingerprint
            constrained = constrain(table, (*parsed(self.constraints), *read_constraints(schema)))
            if constrained is not None:
                table = constrained.apply(table)
            codec, encoded = learn_codec(table, max_modes=self.max_modes, few=self._few(), random_state=seed)
            scalars, codes = torch.from_numpy(encoded.scalars), torch.from_numpy(encoded.codes)
            game = self._new_game(codec, seed=seed, columns=self._columns(len(table), codec))
            steps = self.steps or default_steps(len(table), self.batch_size)
            bank = ConditionBank.of(codes, game.conditions, seed=seed)
            rows, monitor = self._watch(table, codec, game.conditions, codes, seed)
            self.training_ = training.fit(
                game,
                ConditionalBatches(scalars[rows], codes[rows], game.conditions, batch_size=self.batch_size),
                steps=steps,
                seed=seed,
                monitor=monitor,
                trainer=self._trainer_options(self.trainer),
                log_every=self.log_every,
                checkpoints=None if checkpoints is None else Path(checkpoints),
                checkpoint_every=self.checkpoint_every,
                resume=resume,
                fingerprint=fingerprint(self, table.fingerprint),
                on_progress=on_progress,
            )
        game = game.cpu().eval()
        maps = calibrate(game, codec, bank, scalars, codes, seed=seed) if self._is_on("calibrate") else None
        self._set_fitted(codec, game, bank, maps)
        self.data_fingerprint_, self.notices_, self.constrained_ = data_fingerprint, notices, constrained
        return self

    def sample(
        self,
        n: int | None = None,
        *,
        condition: Mapping[str, Any] | None = None,
        counts: Mapping[str, Any] | None = None,
        prior: str | Mapping[str, str | Mapping[Any, float]] = "real",
        random_state: int | None = None,
    ) -> pd.DataFrame:
        """`n` new rows, with the columns and dtypes of the data, in evaluation mode; marked, see `synthesis.base`.

        Args:
            n: rows, at least 1; may be left out where `counts` says how many.
            condition: column → a value, or a list of values to choose from as often as they are in the data; for
                numbers and dates a range: a tuple (low, high), ends included, None for an open end, or a text such as
                ">500" or "500:900"; None where the value is to be missing. Every row obeys. A value may be spelt as
                text ("1" for 1, "true" for True). A tuple is never a list of values, and a list never a range, whether
                a column's numbers are few enough to be categories or not; where they are not, a list is refused.
            counts: column → value → rows: exactly so many, in random order. `{"fraud": 500}` will do where only one
                column has such a value.
            prior: what unconditional rows are drawn under: "real", each value of a discrete column as often as it is
                in the data (not by log-frequency, as in training); "balanced", each row under a value of one column,
                drawn at random, and all values of it alike: rare values come more often, but in a table of many columns
                not as often as the others; or column → value → share, for shares of one's own that add up to 1.
            random_state: the same rows for the same number; None draws fresh ones.

        All that is asked of discrete columns is set in the condition vector together, though training asks for one
        thing at a time: on Adult two or three at once were obeyed .85–.96 of the times, against .003–.46 with one bit
        and rejection, and the other columns came out no worse. A range is asked for by the modes that lie in it
        (`condition_modes`), else left to chance. Rows that do not obey are drawn again; `obedience_` says what share
        did at once.

        Raises:
            UnknownNameError: a column or value that does not exist, naming the nearest.
            InputError: a column that a constraint makes of others, a range that no value lies in, counts that
                contradict `n`, shares that are no shares.
            UnsuitableDataError: the network obeys too rarely to fill `n` rows within 50 draws a row.
        """
        self._check_fitted()
        refuse_derived(self.constrained_, condition, counts, {prior: prior} if isinstance(prior, str) else prior)
        seed = seed_of(random_state)
        asked = request(
            self.codec_,
            None if n is None else whole("n", n),
            condition=condition,
            counts=counts,
            prior=prior,
            share_of=self._share_of,
            rng=np.random.default_rng((seed, 1)),
        )
        order = BALANCED if prior == BALANCED else "real"
        drawer = Drawer(self.game_, self.codec_, self.bank_, self.quantile_maps_, prior=order)
        try:
            drawn = drawer.draw(asked, seed=seed)
        finally:
            self.obedience_ = drawer.at_once
        if self.constrained_ is None:
            frame, generated = self.codec_.decode((drawn.scalars, drawn.codes)), drawn.drawn
        else:
            frame, generated = keep_constraints(
                self.constrained_, self.codec_, drawn, lambda k: drawer.draw(asked, seed=spawned(seed, k))
            )
        self.draws_a_row_ = generated / asked.n
        return marked(frame)

    def _watch(
        self, table: Table | StreamedTable, codec: Codec, conditions: Conditions, codes: Tensor, seed: int
    ) -> tuple[slice | np.ndarray, Monitor | None]:
        """The rows to train on, and who judges the model on the others; all rows and nobody without early stopping."""
        if self.early_stopping not in (True, False, "auto"):
            raise InputError(f"early_stopping={self.early_stopping!r}; give True, False or 'auto'")
        patience = whole("n_iter_no_change", self.n_iter_no_change)
        seen, held_out = hold_out(codes.numpy(), validation_fraction=self.validation_fraction, seed=seed)
        if not (self.steps is None if self.early_stopping == "auto" else self.early_stopping):
            return slice(None), None
        if not len(held_out):
            names = [block.column for block in codec.layout.blocks]
            told = why_none(codes.numpy(), names, validation_fraction=self.validation_fraction)
            if told is not None:
                warnings.warn(told, GanforgeWarning, stacklevel=3)
        bank = ConditionBank.of(codes[seen], conditions, seed=seed)  # the held-out rows are asked for nothing
        parts = {"training": seen, "held_out": held_out}
        judge = Judge(table, codec, bank, **parts, mend_margins=self._is_on("calibrate"), seed=seed)
        return seen, judgements(judge, patience=patience)

    def _share_of(self, block: int) -> np.ndarray:
        """How often each code of a discrete column was seen: (width,)."""
        start = self.game_.conditions.place(block, 0)
        return self.frequencies_[start : start + self.codec_.layout.blocks[block].width]

    def _columns(self, rows: int, codec: Codec) -> int:
        """How many columns may be asked for together."""
        if self.condition_columns is not None:
            return whole("condition_columns", self.condition_columns)
        return default_condition_columns(rows, len(codec.columns)) if self.tuned else 1

    def _few(self) -> int:
        """Up to how many values of a number are modes each."""
        if self.few_values is not None:
            return whole("few_values", self.few_values, least=0)
        return FEW if self.tuned else 0

    def _new_game(self, codec: Codec, *, seed: int, columns: int) -> CTGANGame:
        """The networks with the weights that `seed` starts them at; the caller's random state stays as it is."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return CTGANGame(
                codec.layout,
                latent=self.latent,
                generator_widths=self.generator_widths,
                critic_widths=self.critic_widths,
                pac=self.pac,
                tau=self.tau,
                penalty=self.penalty,
                dropout=self.dropout,
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
                condition_modes=self._is_on("condition_modes"),
                condition_columns=columns,
            )

    def _is_on(self, name: str) -> bool:
        given = getattr(self, name)
        return self.tuned if given is None else bool(given)

    def _set_fitted(self, codec: Codec, game: CTGANGame, bank: ConditionBank, maps: QuantileMaps | None) -> None:
        self.codec_, self.bank_, self.quantile_maps_ = codec, bank, maps
        self.frequencies_ = bank.frequencies
        self.game_ = game.cpu().eval()
        self.obedience_: float | None = None
        self.draws_a_row_: float | None = None

    def _parameters(self) -> dict[str, Any]:
        return {**self.get_params(deep=False), "constraints": [str(each) for each in parsed(self.constraints)]}

    def _contents(self) -> dict[str, Any]:
        return contents(self.game_, self.codec_, self.bank_, self.quantile_maps_, self.constrained_)

    def _restore(self, artifact: Artifact) -> None:
        new_game = functools.partial(self._new_game, seed=0)
        codec, game, bank, maps, self.constrained_ = restored(artifact, new_game)
        self._set_fitted(codec, game, bank, maps)


class TunedCTGAN(CTGAN):
    """CTGAN with what helped beyond the paper: asked for several columns and for modes of numbers, and calibrated."""

    kind = "ctgan-tuned"
    tuned = True
