"""Isolation forest: a row is odd where random cuts part it from the others early.

Liu, Ting & Zhou 2008, "Isolation Forest", doi:10.1109/ICDM.2008.17; scikit-learn's trees behind our `Detector`. The
score is the paper's s(x, ψ) = 2^(−E h(x) / c(ψ)) in (0, 1]: near 1 an anomaly, well below .5 normal.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from sklearn.ensemble import IsolationForest as Forest

from ganforge.artifacts import Artifact
from ganforge.data.table import Table
from ganforge.detectors.base import Detector
from ganforge.errors import InputError
from ganforge.parameters import seed_of, whole


class IsolationForest(Detector):
    """Anomalies by how few random cuts isolate them; see `Detector` for methods and attributes.

    Args:
        n_estimators: trees.
        max_samples: rows a tree sees, ψ; "auto" is 256 as in the paper, or all rows if fewer.
        contamination: share of the training rows taken for anomalies when `threshold_` is set, in (0, .5].
        random_state: seed; None takes a fresh one.
        n_jobs: processes that grow trees and score, as in scikit-learn.
    """

    kind: ClassVar[str] = "isolation-forest"

    def __init__(
        self,
        *,
        n_estimators: int = 100,
        max_samples: int | Literal["auto"] = "auto",
        contamination: float = 0.05,
        random_state: int | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.contamination = contamination
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _check_parameters(self) -> None:
        whole("n_estimators", self.n_estimators)
        if self.max_samples != "auto":
            if isinstance(self.max_samples, str):
                raise InputError(f"max_samples={self.max_samples!r}; give a number of rows or 'auto'")
            whole("max_samples", self.max_samples, least=2)

    def _learn_rows(self, rows: np.ndarray, *, data: Table, **run: Any) -> np.ndarray:
        samples = 256 if isinstance(self.max_samples, str) else self.max_samples
        self.forest_ = Forest(
            n_estimators=self.n_estimators,
            max_samples=min(len(rows), samples),  # type: ignore[arg-type]  # its stubs forget numbers
            random_state=seed_of(self.random_state),
            n_jobs=self.n_jobs,
        ).fit(rows)
        self.typical_ = _typical(rows, self.encoding_.one_hots if self.encoding_ is not None else [])
        return self._score_rows(rows)

    def _score_rows(self, rows: np.ndarray) -> np.ndarray:
        return -self.forest_.score_samples(rows)

    def _explain_rows(self, rows: np.ndarray) -> np.ndarray:
        """By how much the score falls when a column's value is replaced by the training median (a category by the most
        frequent one)."""
        assert self.encoding_ is not None
        before = self._score_rows(rows)
        falls = np.zeros((len(rows), len(self.encoding_.columns)))
        for k in range(falls.shape[1]):
            own = self.encoding_.owners == k
            replaced = rows.copy()
            replaced[:, own] = self.typical_[own]
            falls[:, k] = before - self._score_rows(replaced)
        return np.maximum(falls, 0.0)

    def _contents(self) -> dict[str, Any]:
        return {"estimators": {"forest": self.forest_}, "documents": {"typical": self.typical_.tolist()}}

    def _restore(self, artifact: Artifact) -> None:
        self.forest_ = artifact.estimator("forest")
        self.typical_ = np.array(artifact.documents["typical"], dtype=np.float64)


def _typical(rows: np.ndarray, one_hots: list[tuple[int, int]]) -> np.ndarray:
    """(D,): medians, and in each one-hot the most frequent place."""
    typical = np.median(rows, axis=0)
    for start, stop in one_hots:
        typical[start:stop] = 0.0
        typical[start + int(np.argmax(rows[:, start:stop].sum(axis=0)))] = 1.0
    return typical
