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
