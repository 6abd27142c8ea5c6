"""How long a residual is, measured by the residuals of the training data.

r (n, D) with mean μ and covariance Σ over the training data:

    plain      1/D ‖r‖²
    whitened   1/D ‖(r − μ) Σ^(−1/2)‖², the squared Mahalanobis length over D; near 1 on the training data

Σ's eigenvalues are raised by a hundredth of their mean, so that directions in which training never strayed count for
much, but not for everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_FLOOR = 0.01  # of the mean eigenvalue


@dataclass(frozen=True)
class Residuals:
    """What training's residuals were like."""

    mean: np.ndarray  # (D,)
    variance: np.ndarray  # (D,) second moments about the mean
    whitening: np.ndarray | None  # (D, D), or None for plain lengths

    @classmethod
    def fit(cls, batches: Iterable[np.ndarray], *, whitened: bool) -> Residuals:
        """From batches (n, D) float64 of the training data's residuals, looked at once each."""
        count, total, square = 0, 0.0, 0.0
        for batch in batches:
            count += len(batch)
            total = total + batch.sum(axis=0)
            square = square + (batch.T @ batch if whitened else (batch**2).sum(axis=0))
        mean = np.asarray(total) / count
        if not whitened:
            return cls(mean, np.maximum(np.asarray(square) / count - mean**2, 0.0), None)
        covariance = np.asarray(square) / count - np.outer(mean, mean)
        values, vectors = np.linalg.eigh(covariance)
        values = np.maximum(values, 0.0)
        values = values + _FLOOR * values.mean() + 1e-12
        return cls(mean, np.maximum(np.diag(covariance), 0.0), (vectors / np.sqrt(values)) @ vectors.T)

    def lengths(self, residuals: np.ndarray) -> np.ndarray:
        """(n, D) → (n,) ≥ 0."""
        if self.whitening is None:
            return (residuals**2).mean(axis=1)
        return (((residuals - self.mean) @ self.whitening) ** 2).mean(axis=1)

    def parts(self, residuals: np.ndarray, owners: np.ndarray) -> np.ndarray:
        """(n, D) → (n, owners.max() + 1) ≥ 0: what each owner's columns J add to the length.

        Whitened, with P = Σ⁻¹ and v = P(r − μ): v_Jᵀ (P_JJ)⁻¹ v_J, by which the squared length falls when r_J is
        replaced by its conditional mean given the rest. Plain: Σ_J r_j² / variance_j.
        """
        parts = np.zeros((len(residuals), int(owners.max()) + 1))
        if self.whitening is None:
            scaled = residuals**2 / (self.variance + _FLOOR * self.variance.mean() + 1e-12)
            for k in range(parts.shape[1]):
                parts[:, k] = scaled[:, owners == k].sum(axis=1)
            return parts
        precision = self.whitening @ self.whitening
        pulls = (residuals - self.mean) @ precision
        for k in range(parts.shape[1]):
            own = np.flatnonzero(owners == k)
            solved = np.linalg.solve(precision[np.ix_(own, own)], pulls[:, own].T)
            parts[:, k] = (pulls[:, own] * solved.T).sum(axis=1)
        return parts

    def tensors(self, name: str) -> dict[str, Tensor]:
        arrays = {"mean": self.mean, "variance": self.variance, "whitening": self.whitening}
        return {f"{name}.{part}": torch.from_numpy(each) for part, each in arrays.items() if each is not None}

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor], name: str) -> Residuals:
        whitening = tensors.get(f"{name}.whitening")
        return cls(
            tensors[f"{name}.mean"].numpy(),
            tensors[f"{name}.variance"].numpy(),
            None if whitening is None else whitening.numpy(),
        )
