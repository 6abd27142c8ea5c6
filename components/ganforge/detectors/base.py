"""What every detector is: fit → decision_function → explain, over rows of a table or pictures.

    detector = FAnoGAN(random_state=0).fit(normal_rows)
    detector.decision_function(rows)     # (N,) float64, higher = more anomalous
    detector.predict(rows)               # +1 belongs here, −1 does not
    detector.explain(rows)               # the columns that made each row odd
    detector.save("model");  FAnoGAN.load("model")

Names follow scikit-learn's `OutlierMixin` (`predict` gives ±1, `fit_predict`, `get_params`, `clone`) and PyOD
(`decision_function`, `contamination`, `decision_scores_`, `labels_`, `threshold_`). Where the two differ:

    decision_function  as in PyOD, higher = more anomalous (scikit-learn's own detectors turn it round);
                       `score_samples` is its negative, as in scikit-learn
    predict            as in scikit-learn, −1 for an anomaly (PyOD gives 1); `labels_` is as in PyOD, 1 for an anomaly

A score depends on the row alone: not on the rows beside it, their order or number, nor on how they are cut into
chunks. Rows are scored a chunk at a time, so memory does not grow with their number beyond the scores themselves.
"""

from __future__ import annotations

import numbers
import warnings
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.exceptions import NotFittedError

from ganforge.artifacts import Artifact, read_artifact, write_artifact
from ganforge.data.images import Images
from ganforge.data.table import Table, frame_of_array
from ganforge.detectors.rows import RowEncoding
from ganforge.errors import ArtifactError, GanforgeWarning, InputError, UnsuitableDataError

CHUNK = 8_192
"""Rows encoded and scored at a time."""


class _NotFittedYetError(InputError, NotFittedError):
    """Caught by those who know scikit-learn's error, and by those who know ganforge's."""


class Detector(OutlierMixin, BaseEstimator, ABC):
    """Learns what is normal and says how far from it a row is.

    A subclass sets `kind`, takes its parameters as keywords in `__init__`, and fills in what is abstract below.

    Attributes:
        decision_scores_: (N,) scores of the rows it was fitted on.
        threshold_: the score that the share `contamination` of these exceeds.
        labels_: (N,) 1 where a row it was fitted on exceeds the threshold, else 0.
        unseen_: column → how many values of the last call had never been seen in training: categories, and missing
            values in a column that had none. They are scored all the same.
        newly_missing_: column → how many of these were missing.
        n_features_in_, feature_names_in_: the columns (pictures: C·H·W, no names).
        data_fingerprint_: SHA-256 of the data it was fitted on.
        notices_: what was left out or assumed, one sentence each.
    """

    kind: ClassVar[str]
    pictures: ClassVar[bool] = False
    """Does it take pictures as well as rows?"""
    keeps_rows: ClassVar[bool] = False
    """Whether a saved model holds rows it was trained on, from which they can be read again."""

    contamination: float
    encoding_: RowEncoding | None
    decision_scores_: np.ndarray
    threshold_: float
    labels_: np.ndarray
    unseen_: dict[str, int]
    newly_missing_: dict[str, int]
    data_fingerprint_: str
    notices_: list[str]

    # --- what a subclass fills in ---------------------------------------------------------------------------

    @abstractmethod
    def _learn_rows(self, rows: np.ndarray, *, data: Table, **run: Any) -> np.ndarray:
        """Learn from encoded rows (N, D) float64 and return their scores (N,).

        run: checkpoints, resume, on_progress of `fit`, for those that train by steps.
        """

    @abstractmethod
    def _score_rows(self, rows: np.ndarray) -> np.ndarray:
        """Encoded rows (n, D), n ≤ CHUNK → scores (n,) float64, each by its own row alone."""

    @abstractmethod
    def _explain_rows(self, rows: np.ndarray) -> np.ndarray:
        """Encoded rows (n, D) → (n, columns) ≥ 0: how much each column of the encoding made each row odd."""

    @abstractmethod
    def _contents(self) -> dict[str, Any]:
        """Keyword arguments of `write_artifact`: tensors, documents, estimators, extra."""

    @abstractmethod
    def _restore(self, artifact: Artifact) -> None:
        """Set what `_learn_rows` would have set, from a folder."""

    def _check_parameters(self) -> None:
        """Refuse parameters that contradict themselves or each other."""

    def _encode(self, table: Table) -> RowEncoding:
        return RowEncoding.fit(table)

    @property
    def _least_rows(self) -> int:
        return 10

    def _learn_pictures(self, images: Images, **run: Any) -> np.ndarray:
        raise _no_pictures(self)

    def _score_pictures(self, pixels: np.ndarray) -> np.ndarray:
        """(n, C, H, W) uint8 → (n,) float64."""
        raise _no_pictures(self)

    # --- fit ------------------------------------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        checkpoints: str | Path | None = None,
        resume: bool = False,
        on_progress: Callable[[Any], None] | None = None,
    ) -> Self:
        """Learn what is normal from all rows given.

        Args:
            X: DataFrame, `Table`, numbers (N, columns), `Images`, or uint8 pixels (N, H, W) / (N, C, H, W).
            y: not used, as in scikit-learn. Who has labels passes the normal rows alone.
            checkpoints, resume, on_progress: as in `Synthesizer.fit`; only what trains by steps looks at them.

        Raises `UnsuitableDataError` when there are too few rows or no column varies, `InputError` for what cannot be
        read (infinities, mixed types), naming column and row.
        """
        _share("contamination", self.contamination, high=0.5)
        self._check_parameters()
        data = as_data(X)
        if len(data) < self._least_rows:
            raise UnsuitableDataError(
                f"{data.source}: {len(data)} row{'' if len(data) == 1 else 's'} cannot say what is normal; "
                f"{type(self).__name__} needs at least {self._least_rows}"
            )
        self.notices_ = []
        self.unseen_, self.newly_missing_ = {}, {}
        self.data_fingerprint_ = data.fingerprint
        run = {"checkpoints": checkpoints, "resume": resume, "on_progress": on_progress}
        if isinstance(data, Images):
            if not self.pictures:
                raise _no_pictures(self)
            self.encoding_, self.shape_ = None, data.shape
            self.n_features_in_ = int(np.prod(data.shape))
            scores = self._learn_pictures(data, **run)
        else:
            self.encoding_ = self._encode(data)
            self.n_features_in_, self.feature_names_in_ = len(data.schema), np.array(data.schema.names, dtype=object)
            self._notice(self.encoding_.notices)
            scores = self._learn_rows(self.encoding_.rows(data.frame, source=data.source), data=data, **run)
        self.decision_scores_ = np.asarray(scores, dtype=np.float64)
        self.threshold_ = float(np.quantile(self.decision_scores_, 1 - self.contamination))
        self.labels_ = (self.decision_scores_ > self.threshold_).astype(np.int64)
        return self

    def _notice(self, notices: list[str]) -> None:
        for notice in notices:
            self.notices_.append(notice)
            warnings.warn(notice, GanforgeWarning, stacklevel=4)

    # --- score ----------------------------------------------------------------------------------------------

    def decision_function(self, X: Any) -> np.ndarray:
        """(N,) float64, higher = more anomalous; in the order of the rows, each by its own row alone.

        Columns may stand in any order and others beside them are ignored; a missing one is an `UnknownNameError`. A
        category never seen is scored, and counted in `unseen_`.
        """
        self._check_fitted()
        score = self._score_pictures if self.encoding_ is None else self._score_rows
        scores = [score(chunk) for chunk in self._chunks(X)]
        return np.concatenate(scores) if scores else np.empty(0)

    def score_samples(self, X: Any) -> np.ndarray:
        """The negative of `decision_function`: higher = more normal, as scikit-learn has it."""
        return -self.decision_function(X)

    def predict(self, X: Any) -> np.ndarray:
        """(N,) int64: +1 where the score is at most `threshold_`, −1 for an anomaly."""
        return np.where(self.decision_function(X) > self.threshold_, -1, 1)

    def fit_predict(self, X: Any, y: Any = None, **fit: Any) -> np.ndarray:
        """Fit, and what `predict` would say of the same rows by the scores of `decision_scores_`."""
        return np.where(self.fit(X, y, **fit).labels_ == 1, -1, 1)

    def explain(self, X: Any, top: int = 3) -> pd.DataFrame:
        """The `top` columns that made each row odd, the oddest first.

        A frame with the rows of X: `reason_1` … `reason_top` name columns, `share_1` … `share_top` say in [0, 1] what
        part of the whole each carries. With fewer columns than `top` the last reasons are missing.
        """
        self._check_fitted()
        if self.encoding_ is None:
            raise InputError("pictures have no columns to name; `residual_map(pictures)` shows where each one is odd")
        if isinstance(top, bool) or not isinstance(top, numbers.Integral) or top < 1:
            raise InputError(f"top={top!r}; give a whole number of at least 1")
        names = np.array(self.encoding_.columns, dtype=object)
        reasons, shares = [], []
        for rows in self._chunks(X):
            parts = np.maximum(self._explain_rows(rows), 0.0)  # (n, columns)
            order = np.argsort(-parts, axis=1, kind="stable")[:, :top]
            total = parts.sum(axis=1, keepdims=True)
            share = np.divide(parts, total, out=np.zeros_like(parts), where=total > 0)
            reasons.append(names[order])
            shares.append(np.take_along_axis(share, order, axis=1))
        index = X.index if isinstance(X, pd.DataFrame) else None
        reason, share = np.concatenate(reasons), np.concatenate(shares)
        columns: dict[str, Any] = {}
        for k in range(int(top)):
            columns[f"reason_{k + 1}"] = reason[:, k] if k < reason.shape[1] else None
            columns[f"share_{k + 1}"] = share[:, k] if k < reason.shape[1] else np.nan
        return pd.DataFrame(columns, index=index)

    def _chunks(self, X: Any) -> Iterator[np.ndarray]:
        """The encoded rows (or pixels) of X, up to CHUNK at a time; counts what is new when it is through."""
        counts: Counter[str] = Counter()
        missing: Counter[str] = Counter()
        if self.encoding_ is None:
            images = as_data(X)
            if not isinstance(images, Images) or images.shape != self.shape_:
                raise InputError(f"this detector was fitted on pictures (C, H, W) = {self.shape_}; give such pictures")
            for begin in range(0, len(images), CHUNK):
                yield images.pixels[begin : begin + CHUNK]
        else:
            frame, source = _as_frame(X)
            self.encoding_.check(frame, source=source)
            for begin in range(0, len(frame), CHUNK):
                part, place = frame.iloc[begin : begin + CHUNK], _place(source, begin, len(frame))
                yield self.encoding_.rows(part, source=place, unseen=counts, missing=missing)
        self.unseen_, self.newly_missing_ = dict(counts), dict(missing)

    # --- save -----------------------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> None:
        """Write the fitted model to `folder`, whole or not at all; what stood there is replaced."""
        self._check_fitted()
        contents = self._contents()
        documents = dict(contents.pop("documents", {}))
        if self.encoding_ is not None:
            documents["encoding"] = self.encoding_.to_json()
        import torch

        tensors = {"decision_scores": torch.from_numpy(self.decision_scores_), **contents.pop("tensors", {})}
        extra = {
            "notices": self.notices_,
            "threshold": self.threshold_,
            "shape": None if self.encoding_ is not None else list(self.shape_),
            **contents.pop("extra", {}),
        }
        write_artifact(
            Path(folder),
            kind=self.kind,
            parameters=self.get_params(deep=False),
            tensors=tensors,
            documents=documents,
            extra=extra,
            data_fingerprint=self.data_fingerprint_,
            **contents,
        )

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """The fitted model that was saved to `folder`. Raises `ArtifactError` when it is another kind, or harmed."""
        artifact = read_artifact(Path(folder))
        if artifact.kind != cls.kind:
            raise ArtifactError(
                f"{folder}: holds a model of kind {artifact.kind!r}, not {cls.kind!r}; "
                "`ganforge.catalog.load_model` loads any kind"
            )
        try:
            return cls._of(artifact)
        except (KeyError, TypeError) as error:  # whole, as its seal says, but of another version's make
            raise ArtifactError(
                f"{folder}: was written by another version of ganforge, and its parts are not those of this one "
                f"({error}); train it again, or read it with the version that wrote it"
            ) from error

    @classmethod
    def _of(cls, artifact: Artifact) -> Self:
        model = cls(**artifact.parameters)
        model.data_fingerprint_, model.notices_ = artifact.data_fingerprint, list(artifact.extra["notices"])
        model.unseen_, model.newly_missing_ = {}, {}
        if artifact.extra["shape"] is None:
            model.encoding_ = RowEncoding.from_json(artifact.documents["encoding"])
            names = model.encoding_.schema.names
            model.n_features_in_, model.feature_names_in_ = len(names), np.array(names, dtype=object)
        else:
            model.encoding_, model.shape_ = None, tuple(artifact.extra["shape"])
            model.n_features_in_ = int(np.prod(model.shape_))
        model._restore(artifact)
        model.decision_scores_ = artifact.tensors()["decision_scores"].numpy()
        model.threshold_ = float(artifact.extra["threshold"])
        model.labels_ = (model.decision_scores_ > model.threshold_).astype(np.int64)
        return model

    def _check_fitted(self) -> None:
        if not hasattr(self, "threshold_") and not hasattr(self, "decision_scores_"):
            raise _NotFittedYetError(f"this {type(self).__name__} is not fitted yet; call fit(rows) first")


def as_data(X: Any) -> Table | Images:
    """What a user may hand in, as a `Table` or `Images`."""
    if isinstance(X, Table | Images):
        return X
    if isinstance(X, pd.DataFrame):
        return Table.of(X)
    array = np.asarray(X)
    if array.ndim in (3, 4):
        return Images.of(array)
    return Table.of(frame_of_array(array), source="array")


def _as_frame(X: Any) -> tuple[pd.DataFrame, str]:
    if isinstance(X, Table):
        return X.frame, X.source
    if isinstance(X, pd.DataFrame):
        return X, "data frame"
    if isinstance(X, Images) or np.ndim(X) in (3, 4):
        raise InputError("this detector was fitted on rows of a table, not on pictures; give such rows")
    return frame_of_array(np.asarray(X)), "array"


def _place(source: str, begin: int, rows: int) -> str:
    """Where a chunk's row 1 stands, for messages."""
    return source if rows <= CHUNK else f"{source}, counted from row {begin + 1}"


def _share(name: str, value: object, *, high: float = 1.0) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 < float(value) <= high:
        raise InputError(f"{name}={value!r}; give a share above 0 and at most {high:g}")
    return float(value)


def _no_pictures(detector: Detector) -> InputError:
    return InputError(f"{type(detector).__name__} takes rows of a table; for pictures there is FAnoGAN")
