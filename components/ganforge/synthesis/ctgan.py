"""CTGAN as a synthesizer: a table in, a table of the same make out.

    model = CTGAN(random_state=0).fit(payments)
    model.sample(1_000)                                         # as the data are, rare values as rare
    model.sample(500, condition={"is_fraud": 1}, random_state=1)   # 500 frauds

The network, its losses and the batches are `gans/ctgan.py` (Xu et al. 2019, arXiv:1907.00503).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ganforge.artifacts import Artifact
from ganforge.data.codec import Codec
from ganforge.data.table import Table
from ganforge.errors import ArtifactError, UnsuitableDataError
from ganforge.gans.ctgan import ConditionalBatches, CTGANGame, check_pac, climb, ladder
from ganforge.synthesis.base import Synthesizer, as_table, collected_notices, fingerprint, positive, seed_of
from ganforge.training import Progress, fit

LEAST_ROWS = 10
_CHUNK = 8_192  # rows generated at a time: about 50 MB of activations at Adult's width
_PATIENCE = 50  # rows drawn for each row asked for, before a condition is given up


class CTGAN(Synthesizer):
    """Conditional tabular GAN.

    Args:
        steps: training steps, one real batch each; None chooses by the number of rows, see `default_steps`.
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
        random_state: seeds codec, weights, batches and noise; None draws a fresh seed.
        trainer: accelerator, devices, strategy, precision, … for Lightning, see `training.TrainerOptions`.
        log_every, checkpoint_every: steps.

    Attributes:
        codec_: table ⇄ tensors. frequencies_: (C,) how often each value of each discrete column was seen.
        obedience_: share of the rows that the network drew for the last `sample` call that obeyed its
            condition by themselves, before any was rejected; None after a call without one.
    """

    kind = "ctgan"

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
        self.random_state = random_state
        self.trainer = trainer
        self.log_every = log_every
        self.checkpoint_every = checkpoint_every

    def fit(
        self,
        data: pd.DataFrame | Table,
        *,
        schema: Any = None,
        checkpoints: str | Path | None = None,
        resume: bool = False,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Self:
        """Learn the rows of a table; see `Synthesizer.fit`.

        Raises:
            InputError: parameters that contradict each other, or a frame that is no table.
            UnsuitableDataError: fewer than 10 rows, or nothing to learn from (all columns constant).
            TrainingDivergedError, InterruptedRunError: see `training.fit`.
        """
        check_pac(positive("batch_size", self.batch_size), positive("pac", self.pac))
        if self.steps is not None:
            positive("steps", self.steps)
        seed = seed_of(self.random_state, resume=resume)
        with collected_notices() as notices:
            table = as_table(data, schema)
            if len(table) < LEAST_ROWS:
                raise UnsuitableDataError(
                    f"{table.source}: {len(table)} rows are too few to learn from; give at least {LEAST_ROWS}"
                )
            codec = Codec.fit(table, max_modes=self.max_modes, random_state=seed)
            encoded = codec.encode(table, random_state=seed)
            scalars, codes = torch.from_numpy(encoded.scalars), torch.from_numpy(encoded.codes)
            game = self._new_game(codec, seed)
            self.training_ = fit(
                game,
                ConditionalBatches(scalars, codes, game.conditions, batch_size=self.batch_size),
                steps=self.steps or default_steps(len(table), self.batch_size),
                seed=seed,
                trainer=self._trainer_options(self.trainer),
                log_every=self.log_every,
                checkpoints=None if checkpoints is None else Path(checkpoints),
                checkpoint_every=self.checkpoint_every,
                resume=resume,
                fingerprint=fingerprint(self, table.fingerprint),
                on_progress=on_progress,
            )
        self._set_fitted(codec, game, game.conditions.counts(codes))
        self.data_fingerprint_, self.notices_ = table.fingerprint, notices
        return self

    def sample(
        self, n: int, *, condition: Mapping[str, Any] | None = None, random_state: int | None = None
    ) -> pd.DataFrame:
        """`n` new rows, with the columns and dtypes of the data, in evaluation mode.

        Args:
            n: rows, at least 1.
            condition: column → value for any number of categorical and boolean columns; every row obeys. A
                value may be spelt as text ("1" for 1, "true" for True), as a command line passes it.
            random_state: the same rows for the same number; None draws fresh ones.

        Without a condition, each row is drawn under a value of one discrete column, taken as often as it is in
        the data (not by log-frequency, as in training). With one, all its bits are set, though training sets one
        at a time: on Adult two or three at once were obeyed .85–.96 of the times, against .003–.46 with one bit
        and rejection, and the other columns came out no worse. Rows that do not obey are drawn again;
        `obedience_` says what share did at once.

        Raises:
            UnknownNameError: a column or value that does not exist, naming the nearest.
            InputError: a condition on a column that is not discrete.
            UnsuitableDataError: the network obeys too rarely to fill `n` rows within 50 draws a row.
        """
        self._check_fitted()
        n = positive("n", n)
        wanted = [self.codec_.code_of(str(name), value) for name, value in (condition or {}).items()]
        seed = seed_of(random_state)
        kept: list[tuple[Tensor, Tensor]] = []
        have = drawn = obeyed = 0
        for scalars, codes in self._draw(n, wanted, seed):
            ok = torch.ones(len(codes), dtype=torch.bool)
            for block, code in wanted:
                ok &= codes[:, block] == code
            drawn, obeyed = drawn + len(codes), obeyed + int(ok.sum())
            kept.append((scalars[ok][: n - have], codes[ok][: n - have].int()))
            have += len(kept[-1][0])
            if have == n:
                break
            if wanted and drawn >= _PATIENCE * n + _CHUNK:
                self.obedience_ = obeyed / drawn
                raise UnsuitableDataError(
                    f"{_spoken(condition)}: of {drawn:,} rows drawn under this condition only {obeyed:,} "
                    f"({obeyed / drawn:.2%}) obey it, too few to fill {n:,}; ask for fewer rows or columns at once, "
                    "or train for more steps"
                )
        self.obedience_ = obeyed / drawn if wanted else None
        scalars, codes = (torch.cat(each) for each in zip(*kept, strict=True))
        return self.codec_.decode((scalars.numpy(), codes.numpy()))

    def _draw(self, n: int, wanted: Sequence[tuple[int, int]], seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Rows without end, at most `_CHUNK` at a time, as (scalars, codes); the first chunks make up `n`."""
        conditions = self.game_.conditions
        rng = np.random.default_rng(seed)
        noise = torch.Generator().manual_seed(seed)
        steps = ladder(self.frequencies_, conditions) if conditions.width else None
        asked = torch.tensor([[conditions.place(block, code) for block, code in wanted]])
        left = n
        while True:
            count = min(left, _CHUNK) if left > 0 else min(max(n, 256), _CHUNK)
            left -= count
            if steps is None:
                places = None
            elif wanted:
                places = asked.expand(count, -1)
            else:
                columns = rng.integers(len(conditions.blocks), size=count)
                places = torch.from_numpy(climb(steps, columns, rng))
            yield self.game_.generate(count, places, generator=noise)

    def _new_game(self, codec: Codec, seed: int) -> CTGANGame:
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
            )

    def _set_fitted(self, codec: Codec, game: CTGANGame, frequencies: np.ndarray) -> None:
        self.codec_, self.frequencies_ = codec, frequencies
        self.game_ = game.cpu().eval()
        self.obedience_: float | None = None

    def _contents(self) -> dict[str, Any]:
        generator = {f"generator.{name}": each for name, each in self.game_.generator.state_dict().items()}
        return {
            "tensors": {**generator, "frequencies": torch.from_numpy(self.frequencies_)},
            "documents": {"codec": self.codec_.to_json()},
        }

    def _restore(self, artifact: Artifact) -> None:
        tensors = artifact.tensors()
        codec = Codec.from_json(artifact.documents["codec"])
        game = self._new_game(codec, 0)
        frequencies = tensors.pop("frequencies").numpy()
        try:
            game.generator.load_state_dict({name.removeprefix("generator."): each for name, each in tensors.items()})
        except RuntimeError as error:
            raise ArtifactError(
                f"{artifact.folder}: the weights do not fit the parameters in model.json; it was put together "
                "from different models; save the model again"
            ) from error
        self._set_fitted(codec, game, frequencies)


def default_steps(rows: int, batch_size: int) -> int:
    """Steps for a table of `rows`: 60 passes over it, but at least 1,500 and at most 4,000 steps.

    The paper's 300 passes starve a small table (300 steps for 400 rows) and take a large one half an hour on
    a laptop; at 16–30 ms a step on a CPU these are one to two minutes.
    """
    return min(max(math.ceil(60 * rows / batch_size), 1_500), 4_000)


def _spoken(condition: Mapping[str, Any] | None) -> str:
    return " and ".join(f"{name}={value!r}" for name, value in (condition or {}).items())
