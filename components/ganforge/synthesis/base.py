"""What every synthesizer is: fit → sample → save/load.

    model = CTGAN(steps=2_000, random_state=0).fit(frame)
    model.sample(1_000, condition={"merchant": "fuel"}, random_state=1)
    model.save("model");  CTGAN.load("model")

Parameters are keyword-only and named as in scikit-learn (`get_params`, `set_params`, `clone` work); what is
learned ends in an underscore. A fitted model is a folder of safetensors and JSON, see `ganforge.artifacts`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from ganforge.artifacts import Artifact, read_artifact, write_artifact
from ganforge.data.images import MARK
from ganforge.data.streams import StreamedTable, open_table
from ganforge.data.table import Table, frame_of_array
from ganforge.data.tables import read_table
from ganforge.errors import ArtifactError, GanforgeWarning, InputError
from ganforge.training import Progress, TrainerOptions, Training


class _NotFittedYetError(InputError, NotFittedError):
    """Caught by those who know scikit-learn's error, and by those who know ganforge's."""


class Synthesizer(BaseEstimator, ABC):
    """Learns rows or pictures and makes new ones.

    A subclass sets `kind`, takes its parameters as keywords in `__init__` (stored under the same names,
    checked in `fit`), and says in `_contents` what a folder holds and in `_restore` how that becomes a fitted
    model again.

    Attributes:
        training_: what `training.fit` did (steps, losses by step, seconds).
        data_fingerprint_: SHA-256 of the data it was fitted on.
        notices_: what was left out, repaired or assumed, one sentence each.
    """

    kind: ClassVar[str]
    by_batches: ClassVar[bool] = False
    """Whether `fit` takes a table that is larger than memory (`data.streams.StreamedTable`)."""
    keeps_rows: ClassVar[bool] = False
    """Whether a saved model holds rows it was trained on, from which they can be read again."""

    training_: Training
    data_fingerprint_: str
    notices_: list[str]

    @abstractmethod
    def fit(
        self,
        data: Any,
        *,
        schema: Any = None,
        checkpoints: str | Path | None = None,
        resume: bool = False,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Self:
        """Learn from a data frame, an array of numbers (N, columns) or a `Table` (or `Images`).

        Args:
            data: what to learn from.
            schema: a `Schema` to read the frame by instead of the inferred one (tables only).
            checkpoints: a folder to keep checkpoints in, so that a killed run can be taken up again.
            resume: go on from the newest checkpoint there; where data or parameters have changed, begin anew and say so
                by a `GanforgeWarning`.
            on_progress: called every `log_every` steps.
        """

    @abstractmethod
    def sample(self, n: int, *, condition: Mapping[str, Any] | None = None, random_state: int | None = None) -> Any:
        """`n` new rows or pictures that obey `condition`; the same ones for the same `random_state`. They are marked as
        synthetic, see `marked`; `Images` have a mark a picture."""

    @abstractmethod
    def _contents(self) -> dict[str, Any]:
        """Keyword arguments of `write_artifact`: tensors, documents, estimators, extra."""

    @abstractmethod
    def _restore(self, artifact: Artifact) -> None:
        """Set what `fit` would have set, from a folder."""

    def save(self, folder: str | Path) -> None:
        """Write the fitted model to `folder`, whole or not at all; what stood there is replaced."""
        self._check_fitted()
        contents = self._contents()
        documents = {"training": self.training_.to_json(), **contents.pop("documents", {})}
        extra = {"notices": self.notices_, **contents.pop("extra", {})}
        write_artifact(
            Path(folder),
            kind=self.kind,
            parameters=self._parameters(),
            documents=documents,
            extra=extra,
            data_fingerprint=self.data_fingerprint_,
            **contents,
        )

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """The fitted model that was saved to `folder`; `ArtifactError` when it is another kind, or harmed."""
        artifact = read_artifact(Path(folder))
        if artifact.kind != cls.kind:
            raise ArtifactError(
                f"{folder}: holds a model of kind {artifact.kind!r}, not {cls.kind!r}; "
                "`ganforge.catalog.load_model` loads any kind"
            )
        try:
            model = cls(**artifact.parameters)
            model.training_ = Training(**artifact.documents["training"])
            model.data_fingerprint_ = artifact.data_fingerprint
            model.notices_ = list(artifact.extra.get("notices", ()))
            model._restore(artifact)
        except (KeyError, TypeError) as error:  # whole, as its seal says, but of another version's make
            raise ArtifactError(
                f"{folder}: was written by another version of ganforge, and its parts are not those of this one "
                f"({error}); train it again, or read it with the version that wrote it"
            ) from error
        return model

    # --- what subclasses share ---

    def _parameters(self) -> dict[str, Any]:
        """What the model is constructed with, in plain values."""
        return self.get_params(deep=False)

    def _check_fitted(self) -> None:
        if not hasattr(self, "training_"):
            raise _NotFittedYetError(f"this {type(self).__name__} is not fitted yet; call fit(data) first")

    def _trainer_options(self, trainer: Mapping[str, Any] | None) -> TrainerOptions:
        return TrainerOptions() if trainer is None else TrainerOptions.from_mapping(dict(trainer))


def marked(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame, marked as synthetic in its `attrs`, so that `judge` does not take its rows for real ones.

    pandas keeps the mark through most of what is done to a frame, and in Parquet, and so do `Table.of` and the readers;
    but it is lost in CSV, and where the frame is put together with real rows: `pd.concat` drops what not all parts
    agree on. There a column keeps it: `pd.concat([real, made.assign(ganforge_synthetic=True)])`, as `ganforge augment`
    writes it.
    """
    frame.attrs[MARK] = True
    return frame


def as_table(data: Any, schema: Any = None, *, by_batches: bool = False) -> Any:
    """A data frame, an array of numbers (N, columns) named x0, x1, …, or a file, as a `Table`.

    by_batches: a large file as a `StreamedTable`.

    A table that is one already has its schema, and takes no other. Raises `InputError` for arrays that are no rows.
    """
    if isinstance(data, str | Path):
        return open_table(data, schema=schema) if by_batches else read_table(data, schema=schema)
    if isinstance(data, Table) or (by_batches and isinstance(data, StreamedTable)):
        if schema is not None:
            raise InputError("a Table brings its own schema; give schema= with a data frame only")
        return data
    if isinstance(data, np.ndarray):
        if data.ndim in (3, 4):
            raise InputError(
                f"an array of shape {data.shape} is pictures, not rows of a table; for these there is DCGAN"
            )
        return Table.of(frame_of_array(data), schema=schema, source="array")
    return Table.of(data, schema=schema)


@contextlib.contextmanager
def collected_notices(*, reissue: bool = True) -> Iterator[list[str]]:
    """A list that fills with the `GanforgeWarning`s issued inside; warnings are issued again on leaving.

    reissue: False keeps the `GanforgeWarning`s back, for a caller that will tell them itself.
    """
    notices: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield notices
        finally:
            notices += [str(each.message) for each in caught if issubclass(each.category, GanforgeWarning)]
    for each in caught:
        if reissue or not issubclass(each.category, GanforgeWarning):
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)


def fingerprint(model: Synthesizer, data_fingerprint: str) -> str:
    """What a checkpoint belongs to: the data and every parameter that changes the course of training."""
    parameters = model.get_params(deep=False)
    for name in ("trainer", "log_every", "checkpoint_every"):
        parameters.pop(name, None)
    told = json.dumps(parameters, sort_keys=True, default=str)
    return hashlib.sha256(f"{model.kind}\0{data_fingerprint}\0{told}".encode()).hexdigest()
