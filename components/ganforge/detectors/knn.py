"""k nearest neighbours: a row is odd where its nearest rows of training are far away.

Ramaswamy, Rastogi & Shim 2000, "Efficient algorithms for mining outliers from large data sets", definition of D^k,
doi:10.1145/342009.335437; the mean over the neighbours is Angiulli & Pizzuti 2002, doi:10.1007/3-540-45681-3_2.

Distances are Euclidean over rows on one scale (`detectors.rows`): a number one deviation off counts 1, another category
counts √2. Found by a kd-tree, whose distances of a row do not hang on the rows asked for beside it.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from sklearn.neighbors import KDTree

from ganforge.artifacts import Artifact
from ganforge.data.table import Table
from ganforge.detectors.base import Detector
from ganforge.errors import UnknownNameError
from ganforge.parameters import seed_of, whole


class KNN(Detector):
    """Anomalies by the distance to their neighbours; see `Detector` for methods and attributes.

    Args:
        n_neighbors: k.
        method: "largest" (the distance to the k-th neighbour) or "mean" (over the k).
        max_samples: rows kept to measure against, drawn without replacement when there are more; time a scored row
            grows with them, and in many columns nearly as fast as they do.
        contamination: share of the training rows taken for anomalies when `threshold_` is set, in (0, .5].
        random_state: seeds the draw of `max_samples`.

    The model is its rows (`keeps_rows`): who has a saved one can work them out again, so it is kept as the data are.

    `decision_scores_` of the training rows leave the row itself out, as PyOD does; `decision_function` on a row that
    was trained on finds that row at distance 0.
    """

    kind: ClassVar[str] = "knn"
    keeps_rows: ClassVar[bool] = True

    def __init__(
        self,
        *,
        n_neighbors: int = 5,
        method: Literal["largest", "mean"] = "largest",
        max_samples: int = 10_000,
        contamination: float = 0.05,
        random_state: int | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.method = method
        self.max_samples = max_samples
        self.contamination = contamination
        self.random_state = random_state

    def _check_parameters(self) -> None:
        whole("n_neighbors", self.n_neighbors)
        whole("max_samples", self.max_samples, least=self.n_neighbors + 1)
        if self.method not in ("largest", "mean"):
            raise UnknownNameError("method", self.method, ("largest", "mean"))

    @property
    def _least_rows(self) -> int:
        return max(10, self.n_neighbors + 1)

    def _learn_rows(self, rows: np.ndarray, *, data: Table, **run: Any) -> np.ndarray:
        kept = np.arange(len(rows))
        if len(rows) > self.max_samples:
            rng = np.random.default_rng(seed_of(self.random_state))
            kept = np.sort(rng.choice(len(rows), self.max_samples, replace=False))
            self._notice([f"{data.source}: {len(kept):,} of {len(rows):,} rows are kept as neighbours (max_samples)"])
        self.tree_ = KDTree(rows[kept])
        itself = np.zeros(len(rows), dtype=bool)
        itself[kept] = True
        scores = np.empty(len(rows))
        for own in (True, False):  # a row that is kept finds itself first, at distance 0
            part = np.flatnonzero(itself == own)
            if len(part):
                distances, _ = self.tree_.query(rows[part], k=self.n_neighbors + own)
                scores[part] = self._summary(distances[:, int(own) :])
        return scores

    def _score_rows(self, rows: np.ndarray) -> np.ndarray:
        distances, _ = self.tree_.query(rows, k=self.n_neighbors)
        return self._summary(distances)

    def _summary(self, distances: np.ndarray) -> np.ndarray:
        """(n, k) in increasing order → (n,)."""
        return distances[:, -1].copy() if self.method == "largest" else distances.mean(axis=1)

    def _explain_rows(self, rows: np.ndarray) -> np.ndarray:
        """Each column's share of the squared distances to the k neighbours, averaged over them."""
        assert self.encoding_ is not None
        _, neighbours = self.tree_.query(rows, k=self.n_neighbors)
        references = np.asarray(self.tree_.data)
        apart = np.zeros_like(rows)
        for k in range(self.n_neighbors):
            apart += (rows - references[neighbours[:, k]]) ** 2
        return self.encoding_.by_column(apart / self.n_neighbors)

    def _contents(self) -> dict[str, Any]:
        return {"estimators": {"tree": self.tree_}}

    def _restore(self, artifact: Artifact) -> None:
        self.tree_ = artifact.estimator("tree")
