"""Downstream classifiers for tables as they come: numbers with gaps, categories, dates, booleans.

    make_classifier("gradient-boosting", random_state=0).fit(frame, labels).predict_proba(frame)  →  (N, K)

Three models of scikit-learn with its own defaults, since the question is what the *data* do. A fitted one is
a folder without pickle, like every model of ganforge.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.utils import get_tags
from threadpoolctl import threadpool_limits

from ganforge.artifacts import read_artifact, write_artifact
from ganforge.data.schema import plain
from ganforge.data.table import Table
from ganforge.downstream.features import Features
from ganforge.errors import ArtifactError, InputError, UnknownNameError, UnsuitableDataError

CLASSIFIERS = ("gradient-boosting", "random-forest", "logistic-regression")
KIND = "classifier"


class Classifier(BaseEstimator):
    """One of `CLASSIFIERS` with the features it needs.

    Args:
        name: which model.
        random_state: seed of the model.
        class_weight: None, "balanced" (weights inverse to the classes' frequencies) or class → weight.
        n_jobs: threads to fit and score with; −1: as many as there are cores.

    Attributes:
        classes_: the K classes in the order of `predict_proba`'s columns; of two, the second is the one
        looked for. unseen_: column → rows with a category unknown to training, of the last call.
        left_out_: columns that were not learned from: constants, identifiers, free text.
    """

    def __init__(
        self,
        name: str = "gradient-boosting",
        *,
        random_state: int | None = None,
        class_weight: str | Mapping[Any, float] | None = None,
        n_jobs: int = 1,
    ) -> None:
        self.name = name
        self.random_state = random_state
        self.class_weight = class_weight
        self.n_jobs = n_jobs

    def fit(self, frame: pd.DataFrame | Table, y: Any, *, positive: Any = None, real: Table | None = None) -> Self:
        """Learn from N rows and their N labels.

        positive: of two classes, the one looked for; default True, or 1, or else the rarer one. real: those that others
        were added to; categories and scales come from them alone, as in a judgement. None: from all.
        Raises `UnsuitableDataError` for one class or no usable column, `InputError` for labels that are
        missing or of another number than the rows.
        """
        table = frame if isinstance(frame, Table) else Table.of(frame)
        labels = pd.Series(np.asarray(y) if not isinstance(y, pd.Series) else y.array)
        if len(labels) != len(table):
            raise InputError(f"{len(table):,} rows but {len(labels):,} labels; give one label a row, in the same order")
        if labels.isna().any():
            row = int(np.argmax(labels.isna().to_numpy())) + 1
            raise InputError(f"the label of row {row} is missing; label these rows or leave them out")
        self.classes_ = _classes(labels, positive)
        seen = table if real is None else real
        self.features_ = Features.fit(seen, one_hot=self.name == "logistic-regression")
        self.left_out_ = tuple(column.name for column in seen.schema if not column.learned)
        self.data_fingerprint_ = table.fingerprint
        numbers = {value: k for k, value in enumerate(self.classes_)}
        self.model_ = self._estimator()
        features, codes = self.features_.transform(table.frame), labels.map(numbers).to_numpy(dtype=np.int64)
        # Boosting's threads wait for one another in a loop: on a busy machine a second one can cost 20-fold.
        with threadpool_limits(self.n_jobs if self.n_jobs > 0 else None):
            self.model_.fit(features, codes)
        self.unseen_: dict[str, int] = {}
        return self

    def predict_proba(self, frame: pd.DataFrame | Table) -> np.ndarray:
        """(N, K) probabilities, in the order of `classes_`; columns may come in any order.

        Raises `UnknownNameError` for a missing column; categories never seen are counted in `unseen_`.
        """
        if not hasattr(self, "model_"):
            raise InputError("this classifier is not fitted yet; call fit(frame, labels) first")
        frame = frame.frame if isinstance(frame, Table) else frame
        features = self.features_.transform(frame)
        self.unseen_ = self.features_.unseen(frame)
        if len(features) == 0:
            return np.zeros((0, len(self.classes_)))
        with threadpool_limits(self.n_jobs if self.n_jobs > 0 else None):
            return self.model_.predict_proba(features)

    def predict(self, frame: pd.DataFrame | Table) -> np.ndarray:
        """(N,) the most probable class of each row."""
        return np.asarray(self.classes_)[self.predict_proba(frame).argmax(axis=1)]

    def save(self, folder: str | Path) -> None:
        """Write the fitted classifier to `folder`, whole or not at all; what stood there is replaced."""
        if not hasattr(self, "model_"):
            raise InputError("this classifier is not fitted yet; call fit(frame, labels) first")
        weights = self.class_weight
        if isinstance(weights, Mapping):
            weights = [[plain(key), float(value)] for key, value in weights.items()]
        write_artifact(
            Path(folder),
            kind=KIND,
            parameters={**self.get_params(deep=False), "class_weight": weights},
            documents={"features": self.features_.to_json()},
            estimators={"estimator": self.model_},
            data_fingerprint=self.data_fingerprint_,
            extra={"classes": list(self.classes_), "left_out": list(self.left_out_)},
        )

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """The classifier that was saved to `folder`; `ArtifactError` when it is another kind of model, or
        harmed."""
        artifact = read_artifact(Path(folder))
        if artifact.kind != KIND:
            raise ArtifactError(f"{folder}: holds a model of kind {artifact.kind!r}, not a classifier")
        parameters = dict(artifact.parameters)
        if isinstance(parameters["class_weight"], list):
            parameters["class_weight"] = {key: value for key, value in parameters["class_weight"]}  # noqa: C416
        classifier = cls(**parameters)
        classifier.classes_ = tuple(artifact.extra["classes"])
        classifier.left_out_ = tuple(artifact.extra["left_out"])
        classifier.data_fingerprint_ = artifact.data_fingerprint
        classifier.features_ = Features.from_json(artifact.documents["features"])
        classifier.model_ = artifact.estimator("estimator")
        classifier.unseen_ = {}
        return classifier

    def _estimator(self) -> Any:
        weight = self.class_weight
        if isinstance(weight, Mapping):
            for key in weight:
                if key not in self.classes_:
                    raise UnknownNameError("class", key, self.classes_, where="class_weight")
            weight = {k: float(weight.get(value, 1.0)) for k, value in enumerate(self.classes_)}
        estimator = make_estimator(
            self.name, categorical=self.features_.categorical, random_state=self.random_state, n_jobs=self.n_jobs
        )
        return estimator.set_params(class_weight=weight)


def make_classifier(
    name: str = "gradient-boosting",
    *,
    random_state: int | None = None,
    class_weight: str | Mapping[Any, float] | None = None,
    n_jobs: int = 1,
) -> Classifier:
    """A classifier by name. Raises `UnknownNameError` that names the nearest there is."""
    if name not in CLASSIFIERS:
        raise UnknownNameError("classifier", name, CLASSIFIERS)
    return Classifier(name, random_state=random_state, class_weight=class_weight, n_jobs=n_jobs)


def make_estimator(name: str, *, categorical: np.ndarray, random_state: int | None, n_jobs: int = 1) -> Any:
    """One of `CLASSIFIERS` as a plain scikit-learn estimator of the (N, F) that `Features` makes.

    categorical: (F,) bool, which features are codes of categories. Raises `UnknownNameError` that names the nearest.
    """
    if name == "gradient-boosting":
        options: dict[str, Any] = {
            "categorical_features": categorical if categorical.any() else None,
            "early_stopping": False,  # it would hold rows back, and few positives are what matters here
        }
        return HistGradientBoostingClassifier(random_state=random_state, **options)
    if name == "random-forest":
        return RandomForestClassifier(n_jobs=n_jobs, random_state=random_state)
    if name == "logistic-regression":
        return LogisticRegression(max_iter=1000, random_state=random_state)
    raise UnknownNameError("classifier", name, CLASSIFIERS)


def takes_gaps(estimator: Any) -> bool:
    """Does it take NaN, and codes of categories as numbers? Trees do; what does not gets one 0/1 feature a category."""
    try:
        return bool(get_tags(estimator).input_tags.allow_nan)
    except AttributeError:  # a classifier of another package that has no tags: nothing is known, so gaps are filled
        return False


def _classes(labels: pd.Series, positive: Any) -> tuple[Any, ...]:
    counts = labels.value_counts()
    values = sorted((plain(value) for value in counts.index), key=lambda value: (str(type(value)), value))
    if len(values) < 2:
        raise UnsuitableDataError(
            f"all {len(labels):,} labels are {values[0]!r}; there is nothing to tell apart"
            if values
            else "there are no labels; bring rows"
        )
    if len(values) > 2:
        if positive is not None:
            raise InputError(f"positive={positive!r} is for two classes; here are {len(values)}")
        return tuple(values)
    if positive is None:
        positive = values[1] if values[1] in (True, 1) else min(values, key=lambda each: (counts[each], str(each)))
    elif positive not in values:
        raise UnknownNameError("class", positive, values, where="the labels")
    return (*(value for value in values if value != positive), *(value for value in values if value == positive))
