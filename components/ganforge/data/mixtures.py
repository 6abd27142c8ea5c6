"""One numeric column as a mixture of Gaussians, and a value as its place within one of them.

Mode-specific normalisation of Xu et al. 2019 (arXiv:1907.00503, §4.2): a variational Bayesian mixture finds the
modes (μ_k, φ_k) of a column; a value c becomes the one-hot β of a mode k and the scalar α = (c − μ_k) / 4φ_k.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

SAMPLE = 5_000
"""Values a mixture is fitted on, drawn without replacement when there are more."""
LEAST_WEIGHT = 0.005
"""Modes with a smaller share than this are dropped, as in the authors' implementation."""
WIDTHS = 4.0
"""α = ±1 stands this many standard deviations from the mode's mean."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """K modes over y = (x / scale − center) / spread, which keeps any magnitude of x in comfortable range."""

    scale: float
    center: float
    spread: float
    weights: np.ndarray  # (K,)
    means: np.ndarray  # (K,) in y
    deviations: np.ndarray  # (K,) in y

    @classmethod
    def fit(cls, values: np.ndarray, *, max_modes: int, random_state: int) -> Mixture:
        """Of finite values (n,) float64, n ≥ 1. The order of the values does not matter."""
        scale = float(np.abs(values).max()) or 1.0
        values = np.sort(values / scale)
        center = float(np.mean(values))
        spread = float(np.std(values)) or max(abs(center), 1.0) * 1e-6
        y = (values - center) / spread
        if len(y) > SAMPLE:
            y = y[np.sort(np.random.default_rng(random_state).choice(len(y), SAMPLE, replace=False))]
        distinct = len(np.unique(y))
        if distinct == 1:
            modes = np.ones(1), y[:1], np.ones(1)
        else:
            modes = _variational(y, min(max_modes, distinct), random_state)
        return cls(scale, center, spread, *modes)

    def __len__(self) -> int:
        return len(self.weights)

    def encode(self, values: np.ndarray, noise: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """(n,) → α (n,), unbounded, and mode (n,): the likeliest, or one drawn by Gumbel `noise` (n, K)."""
        y = (values / self.scale - self.center) / self.spread
        distance = (y[:, None] - self.means) / self.deviations  # (n, K)
        likelihood = np.log(self.weights) - np.log(self.deviations) - 0.5 * distance**2
        modes = np.argmax(likelihood if noise is None else likelihood + noise, axis=1)
        return distance[np.arange(len(y)), modes] / WIDTHS, modes

    def decode(self, alpha: np.ndarray, modes: np.ndarray) -> np.ndarray:
        """α (n,) and modes (n,) → values (n,)."""
        y = alpha * WIDTHS * self.deviations[modes] + self.means[modes]
        return (y * self.spread + self.center) * self.scale

    def to_json(self) -> dict[str, Any]:
        lists = {name: getattr(self, name).tolist() for name in ("weights", "means", "deviations")}
        return {"scale": self.scale, "center": self.center, "spread": self.spread, **lists}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Mixture:
        arrays = {name: np.array(document[name], dtype=np.float64) for name in ("weights", "means", "deviations")}
        numbers: dict[str, Any] = {name: float(document[name]) for name in ("scale", "center", "spread")}
        return cls(**{**numbers, **arrays})


def _variational(y: np.ndarray, modes: int, random_state: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import BayesianGaussianMixture

    model = BayesianGaussianMixture(
        n_components=modes,
        weight_concentration_prior_type="dirichlet_process",
        weight_concentration_prior=1e-3,
        n_init=1,
        random_state=random_state,
    )
    with warnings.catch_warnings():
        # A hundred rounds that have not settled to the last digit still give modes that serve as well.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(y[:, None])
    weights, means = np.asarray(model.weights_), np.asarray(model.means_)[:, 0]
    deviations = np.sqrt(np.asarray(model.covariances_)[:, 0, 0])
    kept = weights > LEAST_WEIGHT
    return weights[kept] / weights[kept].sum(), means[kept], deviations[kept]
