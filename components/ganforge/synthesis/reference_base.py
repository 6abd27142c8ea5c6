"""What the package's models have in common behind our `Synthesizer`: translation, seeds, rejection, folders."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import numpy as np
import pandas as pd
import torch

from ganforge.artifacts import Artifact
from ganforge.data.schema import Schema
from ganforge.data.table import Table
from ganforge.errors import GanforgeWarning, UnsuitableDataError
from ganforge.parameters import seed_of, whole
from ganforge.synthesis.base import Synthesizer, as_table, collected_notices, marked
from ganforge.synthesis.bridge import Bridge
from ganforge.synthesis.constants import beside_constants
from ganforge.synthesis.reference_package import columns_of, package, quiet, rebuilt_transformer, seeded
from ganforge.training import Progress, Training

LEAST_ROWS = 10
_PATIENCE = 50  # rows drawn for each row asked for, before a condition is given up
_CHUNK = 8_192


class Reference(Synthesizer):
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
        with quiet(), seeded(seed):
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
        n = whole("n", n)
        codec = self.bridge_.codec
        asked = beside_constants(codec.schema, condition)
        wanted = [codec.code_of(str(name), value) for name, value in asked.items()]
        kept: list[tuple[pd.DataFrame, np.ndarray]] = []
        have = drawn = obeyed = 0
        with quiet(), seeded(seed_of(random_state)):
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
        raw = pd.concat([raw for raw, _ in kept], ignore_index=True)
        return marked(self.bridge_.back(raw, np.concatenate([codes for _, codes in kept])))

    def _check_parameters(self) -> None:
        whole("batch_size", self.batch_size)
        if self.steps is not None:
            whole("steps", self.steps)
        package()

    def _set_fitted(self, bridge: Bridge, model: Any, medians: Mapping[str, float]) -> None:
        bridge.medians = dict(medians)
        self.bridge_, self.model_ = bridge, model
        self.obedience_: float | None = None

    def _contents(self) -> dict[str, Any]:
        network = {f"network.{k}": v.detach().cpu() for k, v in self._network(self.model_).state_dict().items()}
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
                    "columns": columns_of(self._transformer(self.model_)),
                    "sampler": numbers,
                    "medians": self.bridge_.medians,
                },
            },
        }

    def _restore(self, artifact: Artifact) -> None:
        tensors, document = artifact.tensors(), artifact.documents["reference"]
        bridge = Bridge(Schema.from_json(artifact.documents["schema"]))
        model = self._new_model(1)
        with quiet(), seeded(0):
            transformer = rebuilt_transformer(document["columns"])
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
