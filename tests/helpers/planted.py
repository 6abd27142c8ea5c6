"""Synthesizers that are known to help, to lie, to copy or to stop: what a verdict must tell apart.

They learn nothing by training, so that a judgement takes seconds. Importable, so that other processes can make them.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.tree import DecisionTreeClassifier

from ganforge.errors import GanforgeWarning, InterruptedRunError


def ring_table(n: int = 1200, *, positives: int = 40, seed: int = 0) -> pd.DataFrame:
    """Negatives on a broad square, positives on a thin ring inside it, with a column of noise: hard from few."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.uniform(-3, 3, (n, 3)), columns=pd.Index(["x", "y", "noise"]))
    frame.iloc[:positives, :2] = on_the_ring(positives, rng)
    frame["moment"] = rng.permutation(n) * 60.0
    frame["target"] = (np.arange(n) < positives).astype(int)
    return frame.sample(frac=1, random_state=seed, ignore_index=True)


def on_the_ring(n: int, rng: np.random.Generator) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi, n)
    return 1.5 * np.column_stack([np.cos(angle), np.sin(angle)]) + rng.normal(0, 0.02, (n, 2))


class Planted(BaseEstimator):
    """What the others share: remembers what it was fitted on, for the test to look at."""

    kind: ClassVar[str] = "planted"
    seen: ClassVar[list[pd.DataFrame]] = []

    def __init__(self, *, random_state: int | None = None) -> None:
        self.random_state = random_state

    def fit(self, data: Any, *, checkpoints: Any = None, resume: bool = False, on_progress: Any = None) -> Planted:
        self.frame_ = data.frame
        self.notices_: list[str] = []
        type(self).seen.append(data.frame)
        return self

    def sample(self, n: int, *, condition: Any = None, random_state: int | None = None) -> pd.DataFrame:
        rng = np.random.default_rng(random_state)
        like = self.frame_[self.frame_[next(iter(condition))] == next(iter(condition.values()))]
        rows = like.iloc[rng.integers(len(like), size=n)].reset_index(drop=True)
        return self.change(rows, rng)

    def change(self, rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        raise NotImplementedError


class Copier(Planted):
    """Gives back the training rows themselves."""

    kind = "copier"
    seen: ClassVar[list[pd.DataFrame]] = []

    def change(self, rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        return rows


class Oracle(Planted):
    """Knows the truth: new rows of the ring."""

    kind = "oracle"
    seen: ClassVar[list[pd.DataFrame]] = []

    def change(self, rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        ring = on_the_ring(len(rows), rng)
        return rows.assign(x=ring[:, 0], y=ring[:, 1], noise=rng.uniform(-3, 3, len(rows)))


class Liar(Planted):
    """Calls positive what is negative."""

    kind = "liar"
    seen: ClassVar[list[pd.DataFrame]] = []

    def change(self, rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        square = rng.uniform(-3, 3, (len(rows), 3))
        return rows.assign(x=square[:, 0], y=square[:, 1], noise=square[:, 2])


class Jitter(Planted):
    """Training rows, slightly moved; tells something while it is fitted, and may be stopped by the user."""

    kind = "jitter"
    seen: ClassVar[list[pd.DataFrame]] = []
    stop_at: ClassVar[int | None] = None
    """Which fit (from 1) the user interrupts."""

    def fit(self, data: Any, *, checkpoints: Any = None, resume: bool = False, on_progress: Any = None) -> Planted:
        import warnings

        warnings.warn("a column was repaired", GanforgeWarning, stacklevel=2)
        super().fit(data)
        if len(type(self).seen) == type(self).stop_at:
            raise InterruptedRunError("stopped; the same command goes on")
        return self

    def change(self, rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        return rows.assign(x=rows["x"] + rng.normal(0, 0.05, len(rows)), y=rows["y"] + rng.normal(0, 0.05, len(rows)))


class Watched(ClassifierMixin, BaseEstimator):
    """A classifier that remembers which rows it was asked to score, as they came: codes, with gaps."""

    tested: ClassVar[list[np.ndarray]] = []

    def fit(self, X: np.ndarray, y: np.ndarray, sample_weight: Any = None) -> Watched:
        self.model_ = DecisionTreeClassifier(max_depth=4, random_state=0).fit(X, y, sample_weight)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        type(self).tested.append(X)
        return self.model_.predict_proba(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class OlderBoosted:
    """Behaves as LightGBM's and XGBoost's classifiers do, without being scikit-learn's: weights as a keyword among
    others of its own, gaps taken, classes from 0 on and known once it is fitted, columns held to what `fit` saw."""

    weighted: ClassVar[list[bool]] = []
    gaps: ClassVar[list[bool]] = []

    def __init__(self, *, n_estimators: int = 20, random_state: int | None = None, **others: Any) -> None:
        self.n_estimators, self.random_state, self.others = n_estimators, random_state, others

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {"n_estimators": self.n_estimators, "random_state": self.random_state, **self.others}

    def set_params(self, **parameters: Any) -> OlderBoosted:
        own = {name: parameters.pop(name) for name in ("n_estimators", "random_state") if name in parameters}
        vars(self).update(own)
        self.others |= parameters
        return self

    def fit(
        self, X: Any, y: Any, *, sample_weight: Any = None, base_margin: Any = None, eval_set: Any = None
    ) -> OlderBoosted:
        classes = np.unique(y)
        if classes.tolist() != list(range(len(classes))):
            raise ValueError(f"invalid classes: expected {list(range(len(classes)))}, got {classes}")
        if isinstance(X, pd.DataFrame) and any(mark in str(name) for name in X.columns for mark in '[]<{}":,'):
            raise ValueError("special characters in feature names are not supported")
        self.names_ = list(X.columns) if isinstance(X, pd.DataFrame) else None
        model = DecisionTreeClassifier(max_leaf_nodes=self.n_estimators, random_state=self.random_state)
        self._fitted = model.fit(np.asarray(X, dtype=np.float64), y, sample_weight)
        type(self).weighted.append(sample_weight is not None)
        type(self).gaps.append(bool(np.isnan(np.asarray(X, dtype=np.float64)).any()))
        return self

    @property
    def classes_(self) -> np.ndarray:
        if not hasattr(self, "_fitted"):
            raise AttributeError("no classes yet: call fit first")
        return self._fitted.classes_

    def predict_proba(self, X: Any) -> np.ndarray:
        names = list(X.columns) if isinstance(X, pd.DataFrame) else None
        if names != self.names_:
            raise ValueError(f"feature names are not those of fit: {names} instead of {self.names_}")
        return self._fitted.predict_proba(np.asarray(X, dtype=np.float64))


class Boosted(OlderBoosted):
    """The same with scikit-learn's tags, which say that it takes gaps."""

    weighted: ClassVar[list[bool]] = []
    gaps: ClassVar[list[bool]] = []

    def __sklearn_tags__(self) -> Any:
        return DecisionTreeClassifier().__sklearn_tags__()


class Peeper(Planted):
    """Gives back rows of the whole table, those it will be tested on among them."""

    kind = "peeper"
    seen: ClassVar[list[pd.DataFrame]] = []
    everything: ClassVar[pd.DataFrame]

    def sample(self, n: int, *, condition: Any = None, random_state: int | None = None) -> pd.DataFrame:
        column, value = next(iter(condition.items()))
        like = self.everything[self.everything[column] == value]
        rows = np.resize(np.random.default_rng(random_state).permutation(len(like)), n)
        return like.iloc[rows].reset_index(drop=True)


class Broad(Planted):
    """Real positives blurred far over what is around them: found nearly everywhere, told nowhere."""

    kind = "broad"
    seen: ClassVar[list[pd.DataFrame]] = []

    def change(self, rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        return rows.assign(x=rng.normal(0, 1, len(rows)), y=rows["y"] + rng.normal(0, 0.5, len(rows)))
