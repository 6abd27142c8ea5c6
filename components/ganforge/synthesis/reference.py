"""The `ctgan` package's CTGAN and TVAE behind our `Synthesizer`, to be held beside our own.

Xu et al. 2019, arXiv:1907.00503, as its authors' package trains and samples it. The package and the `rdt` it
pulls are under the Business Source License 1.1, so they come as the extra `reference`; nothing else needs
them.

What the package does is left as it is: how it trains, the condition it sets, batch norm in training mode
while sampling, log-frequencies as the sampling prior. What it does not take is translated on the way in and
back on the
way out: dates become seconds; a missing number becomes the column's median and a discrete column beside it
that says so; categories, a missing one among them, become codes. Bounds, rounding and dtypes are the
schema's. Rows that do not obey a condition are drawn again (TVAE knows no condition at all), and `obedience_`
says how many did at once.

The package saves by pickle. Here a fitted model is its network's weights, its mixtures and its sampling
frequencies; `load` builds the package's objects anew around them.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import numpy as np
import pandas as pd
import torch

from ganforge.artifacts import Artifact
from ganforge.data.schema import Schema
from ganforge.data.table import Table
from ganforge.errors import GanforgeWarning, InputError, UnsuitableDataError
from ganforge.synthesis.base import Synthesizer, as_table, collected_notices, positive, seed_of
from ganforge.synthesis.bridge import Bridge
from ganforge.training import Progress, Training

LEAST_ROWS = 10
_PATIENCE = 50  # rows drawn for each row asked for, before a condition is given up
_CHUNK = 8_192


class _Reference(Synthesizer):
    """What both have in common: translation, seeds, rejection, folders."""

    steps: int | None
    batch_size: int
    random_state: int | None

    @abstractmethod
    def _new_model(self, epochs: int) -> Any:
        """The package's object, not fitted."""

    @abstractmethod
    def _steps_an_epoch(self, rows: int) -> int: ...

    @abstractmethod
    def _history(self, model: Any, steps_an_epoch: int) -> list[dict[str, Any]]:
        """The package's losses as the history of a `Training`."""

    @abstractmethod
    def _network(self, model: Any) -> torch.nn.Module: ...

    @abstractmethod
    def _raw(self, n: int, wanted: Sequence[tuple[int, int]]) -> pd.DataFrame:
        """`n` rows as the package samples them."""

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

        The package keeps no checkpoint and tells nothing on its way: with `checkpoints` or `resume` a notice
        says that the run begins anew, and `on_progress` is called once, at the end.

        Raises `InputError` for parameters the package cannot take, `UnsuitableDataError` for fewer than 10
        rows.
        """
        self._check_parameters()
        seed = seed_of(self.random_state)
        with collected_notices() as notices:
            table = as_table(data, schema)
            if len(table) < LEAST_ROWS:
                raise UnsuitableDataError(
                    f"{table.source}: {len(table)} rows are too few to learn from; give at least {LEAST_ROWS}"
                )
            if checkpoints is not None or resume:
                warnings.warn(
                    "the ctgan package keeps no checkpoints; training begins anew, and has to be run to its end",
                    GanforgeWarning,
                    stacklevel=2,
                )
        bridge = Bridge(table.schema)
        plain = bridge.cross(table)
        each = self._steps_an_epoch(len(table))
        epochs = 300 if self.steps is None else max(1, round(self.steps / each))
        model, began = self._new_model(epochs), perf_counter()
        with _quiet(), _seeded(seed):
            model.fit(plain, bridge.discrete)
        seconds = perf_counter() - began
        history = self._history(model, each)
        self.training_ = Training(steps=epochs * each, history=history, seconds=seconds)
        self.data_fingerprint_, self.notices_ = table.fingerprint, notices
        self._set_fitted(bridge, model, bridge.medians)
        if on_progress is not None:
            on_progress(
                Progress(
                    step=epochs * each,
                    steps=epochs * each,
                    phase="training",
                    losses=history[-1]["losses"],
                    seconds=seconds,
                )
            )
        return self

    def sample(
        self, n: int, *, condition: Mapping[str, Any] | None = None, random_state: int | None = None
    ) -> pd.DataFrame:
        """`n` new rows; see `CTGAN.sample`. The condition of the first column named is given to the package."""
        self._check_fitted()
        n = positive("n", n)
        codec = self.bridge_.codec
        wanted = [codec.code_of(str(name), value) for name, value in (condition or {}).items()]
        kept: list[tuple[pd.DataFrame, np.ndarray]] = []
        have = drawn = obeyed = 0
        with _quiet(), _seeded(seed_of(random_state)):
            while have < n:
                if wanted and drawn >= _PATIENCE * n + _CHUNK:
                    self.obedience_ = obeyed / drawn
                    raise UnsuitableDataError(
                        f"{condition}: of {drawn:,} rows drawn only {obeyed:,} ({obeyed / drawn:.2%}) obey this "
                        f"condition, too few to fill {n:,}; ask for fewer rows or columns at once"
                    )
                count = min(_CHUNK, max(n - have, 256)) if wanted else min(_CHUNK, n - have)
                raw = self._raw(count, wanted)
                codes = self.bridge_.codes(raw)
                ok = np.ones(count, dtype=bool)
                for block, code in wanted:
                    ok &= codes[:, block] == code
                drawn, obeyed = drawn + count, obeyed + int(ok.sum())
                rows = np.flatnonzero(ok)[: n - have]
                kept.append((raw.iloc[rows], codes[rows]))
                have += len(rows)
        self.obedience_ = obeyed / drawn if wanted else None
        return self.bridge_.back(
            pd.concat([raw for raw, _ in kept], ignore_index=True), np.concatenate([c for _, c in kept])
        )

    def _check_parameters(self) -> None:
        positive("batch_size", self.batch_size)
        if self.steps is not None:
            positive("steps", self.steps)
        _package()

    def _set_fitted(self, bridge: Bridge, model: Any, medians: Mapping[str, float]) -> None:
        bridge.medians = dict(medians)
        self.bridge_, self.model_ = bridge, model
        self.obedience_: float | None = None

    def _contents(self) -> dict[str, Any]:
        network = {f"network.{k}": v.detach().cpu() for k, v in self._network(self.model_).state_dict().items()}
        mixtures: dict[str, dict[str, Any]] = {}
        for info in self._transformer(self.model_)._column_transform_info_list:
            if info.column_type == "continuous":
                mixture = info.transform._bgm_transformer
                mixtures[info.column_name] = {
                    "means": mixture.means_.ravel().tolist(),
                    "variances": mixture.covariances_.ravel().tolist(),
                    "valid": info.transform.valid_component_indicator.tolist(),
                }
            else:
                mixtures[info.column_name] = {"values": list(info.transform.dummies)}
        state = self._sampler_state(self.model_)
        arrays = {
            f"sampler.{name}": torch.from_numpy(np.ascontiguousarray(value))
            for name, value in state.items()
            if isinstance(value, np.ndarray)
        }
        numbers = {k: int(v) for k, v in state.items() if isinstance(v, int | np.integer)}
        return {
            "tensors": {**network, **arrays},
            "documents": {
                "schema": self.bridge_.codec.schema.to_json(),
                "reference": {
                    "columns": mixtures,
                    "sampler": numbers,
                    "medians": self.bridge_.medians,
                },
            },
        }

    def _restore(self, artifact: Artifact) -> None:
        tensors, document = artifact.tensors(), artifact.documents["reference"]
        bridge = Bridge(Schema.from_json(artifact.documents["schema"]))
        model = self._new_model(1)
        with _quiet(), _seeded(0):
            transformer = _rebuilt_transformer(document["columns"])
            self._attach(model, transformer, document["sampler"], tensors)
        network = {k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")}
        self._network(model).load_state_dict(network)
        self._set_fitted(bridge, model, document["medians"])

    @abstractmethod
    def _transformer(self, model: Any) -> Any: ...

    def _sampler_state(self, model: Any) -> dict[str, Any]:
        """What sampling needs besides network and transformer; a list of training rows is no part of it."""
        return {}

    @abstractmethod
    def _attach(self, model: Any, transformer: Any, numbers: dict[str, int], tensors: dict[str, Any]) -> None:
        """Give an unfitted model its transformer, its sampler and a network of the right shape."""


class ReferenceCTGAN(_Reference):
    """The package's CTGAN.

    Args:
        steps: training steps; the package counts epochs of max(1, rows // batch_size) steps, so the number is
            rounded to whole epochs. None: the package's own 300 epochs.
        batch_size: even, and a multiple of `pac`.
        pac, latent, generator_widths, critic_widths, weight_decay: as in our `CTGAN`.
        learning_rate: both players'.
        random_state: None draws a fresh seed.
    """

    kind = "reference-ctgan"

    def __init__(
        self,
        *,
        steps: int | None = None,
        batch_size: int = 500,
        pac: int = 10,
        latent: int = 128,
        generator_widths: Sequence[int] = (256, 256),
        critic_widths: Sequence[int] = (256, 256),
        learning_rate: float = 2e-4,
        weight_decay: float = 1e-6,
        random_state: int | None = None,
    ) -> None:
        self.steps = steps
        self.batch_size = batch_size
        self.pac = pac
        self.latent = latent
        self.generator_widths = generator_widths
        self.critic_widths = critic_widths
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.random_state = random_state

    def _check_parameters(self) -> None:
        super()._check_parameters()
        positive("pac", self.pac)
        both = math.lcm(2, self.pac)
        if self.batch_size % both:
            near = max(both, round(self.batch_size / both) * both)
            raise InputError(
                f"batch_size={self.batch_size} with pac={self.pac}: the ctgan package takes even batches that pac "
                f"divides; the nearest that works is batch_size={near}"
            )

    def _new_model(self, epochs: int) -> Any:
        return _package().CTGAN(
            embedding_dim=self.latent,
            generator_dim=tuple(self.generator_widths),
            discriminator_dim=tuple(self.critic_widths),
            generator_lr=self.learning_rate,
            discriminator_lr=self.learning_rate,
            generator_decay=self.weight_decay,
            batch_size=self.batch_size,
            pac=self.pac,
            epochs=epochs,
            enable_gpu=False,
        )

    def _steps_an_epoch(self, rows: int) -> int:
        return max(1, rows // self.batch_size)

    def _history(self, model: Any, steps_an_epoch: int) -> list[dict[str, Any]]:
        names = {"Generator Loss": "generator/loss", "Discriminator Loss": "critic/loss"}
        return [
            {
                "step": (epoch + 1) * steps_an_epoch,
                "phase": "training",
                "losses": {ours: float(row[theirs]) for theirs, ours in names.items()},
                "metric": None,
            }
            for epoch, row in enumerate(model.loss_values.to_dict("records"))
        ]

    def _network(self, model: Any) -> torch.nn.Module:
        return model._generator

    def _transformer(self, model: Any) -> Any:
        return model._transformer

    def _sampler_state(self, model: Any) -> dict[str, Any]:
        return vars(model._data_sampler)

    def _raw(self, n: int, wanted: Sequence[tuple[int, int]]) -> pd.DataFrame:
        if not wanted:
            return self.model_.sample(n)
        block, code = wanted[0]
        return self.model_.sample(n, self.bridge_.codec.columns[block].name, str(code))

    def _attach(self, model: Any, transformer: Any, numbers: dict[str, int], tensors: dict[str, Any]) -> None:
        from ctgan.data_sampler import DataSampler
        from ctgan.synthesizers.ctgan import Generator

        sampler = object.__new__(DataSampler)  # its constructor wants the training data
        for name, value in numbers.items():
            setattr(sampler, name, value)
        for name, value in tensors.items():
            if name.startswith("sampler."):
                setattr(sampler, name.removeprefix("sampler."), value.numpy())
        model._transformer, model._data_sampler = transformer, sampler
        model._generator = Generator(
            self.latent + sampler.dim_cond_vec(), tuple(self.generator_widths), transformer.output_dimensions
        )


class ReferenceTVAE(_Reference):
    """The package's TVAE, a variational autoencoder for tables (the paper's §4.5).

    Args:
        steps: training steps; the package counts epochs of ceil(rows / batch_size) steps, so the number is
            rounded to whole epochs. None: the package's own 300 epochs.
        batch_size: rows a step.
        latent: length of the code.
        encoder_widths, decoder_widths: units of the hidden layers.
        l2: weight decay of both.
        loss_factor: weight of the reconstruction against the divergence.
        random_state: None draws a fresh seed.
    """

    kind = "reference-tvae"

    def __init__(
        self,
        *,
        steps: int | None = None,
        batch_size: int = 500,
        latent: int = 128,
        encoder_widths: Sequence[int] = (128, 128),
        decoder_widths: Sequence[int] = (128, 128),
        l2: float = 1e-5,
        loss_factor: float = 2,
        random_state: int | None = None,
    ) -> None:
        self.steps = steps
        self.batch_size = batch_size
        self.latent = latent
        self.encoder_widths = encoder_widths
        self.decoder_widths = decoder_widths
        self.l2 = l2
        self.loss_factor = loss_factor
        self.random_state = random_state

    def _new_model(self, epochs: int) -> Any:
        return _package().TVAE(
            embedding_dim=self.latent,
            compress_dims=tuple(self.encoder_widths),
            decompress_dims=tuple(self.decoder_widths),
            l2scale=self.l2,
            batch_size=self.batch_size,
            loss_factor=self.loss_factor,
            epochs=epochs,
            enable_gpu=False,
        )

    def _steps_an_epoch(self, rows: int) -> int:
        return math.ceil(rows / self.batch_size)

    def _history(self, model: Any, steps_an_epoch: int) -> list[dict[str, Any]]:
        means = model.loss_values.groupby("Epoch")["Loss"].mean()
        return [
            {
                "step": (int(epoch) + 1) * steps_an_epoch,
                "phase": "training",
                "losses": {"autoencoder/loss": float(loss)},
                "metric": None,
            }
            for epoch, loss in means.items()
        ]

    def _network(self, model: Any) -> torch.nn.Module:
        return model.decoder

    def _transformer(self, model: Any) -> Any:
        return model.transformer

    def _raw(self, n: int, wanted: Sequence[tuple[int, int]]) -> pd.DataFrame:
        return self.model_.sample(n)

    def _attach(self, model: Any, transformer: Any, numbers: dict[str, int], tensors: dict[str, Any]) -> None:
        from ctgan.synthesizers.tvae import Decoder

        model.transformer = transformer
        model.decoder = Decoder(self.latent, tuple(self.decoder_widths), transformer.output_dimensions)


def _rebuilt_transformer(columns: Mapping[str, Mapping[str, Any]]) -> Any:
    """The package's transformer, fitted to a stand-in of the right columns and then given what was learned."""
    from ctgan.data_transformer import DataTransformer, SpanInfo

    rows = max(32, *(len(each.get("values", ())) for each in columns.values()))
    stand_in = pd.DataFrame(
        {
            name: np.resize(np.array(each["values"], dtype=object), rows)
            if "values" in each
            else np.linspace(0.0, 1.0, rows)
            for name, each in columns.items()
        }
    )
    transformer = DataTransformer()
    transformer.fit(stand_in, [name for name, each in columns.items() if "values" in each])
    rebuilt = []
    for info in transformer._column_transform_info_list:
        learned = columns[info.column_name]
        if "values" in learned:
            info.transform.dummies = list(learned["values"])
            rebuilt.append(info)
            continue
        mixture = info.transform._bgm_transformer
        mixture.means_ = np.array(learned["means"])[:, None]
        mixture.covariances_ = np.array(learned["variances"])[:, None, None]
        valid = info.transform.valid_component_indicator = np.array(learned["valid"], dtype=bool)
        spans = [SpanInfo(1, "tanh"), SpanInfo(int(valid.sum()), "softmax")]
        rebuilt.append(info._replace(output_info=spans, output_dimensions=1 + int(valid.sum())))
    transformer._column_transform_info_list = rebuilt
    transformer.output_info_list = [info.output_info for info in rebuilt]
    transformer.output_dimensions = int(sum(info.output_dimensions for info in rebuilt))
    return transformer


def _package() -> Any:
    try:
        import ctgan
    except ImportError as error:
        raise InputError(
            "the reference models need the ctgan package, which is not installed; "
            "`pip install 'ganforge[reference]'` brings it (Business Source License 1.1)"
        ) from error
    return ctgan


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The package's warnings of deprecation and convergence are nothing that its user could act on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """The package draws from the global generators; the caller's state is put back."""
    numpy_state = np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        np.random.seed(seed % 2**32)  # noqa: NPY002
        torch.manual_seed(seed)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002
