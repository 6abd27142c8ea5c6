"""Modes of many columns at once: variational Gaussian mixtures under a Dirichlet process, each column by itself.

The model is that of scikit-learn's `BayesianGaussianMixture` in one dimension with
`weight_concentration_prior_type="dirichlet_process"` and its default priors: Blei & Jordan 2006 (doi:10.1214/06-BA104)
for the weights, Bishop 2006, *Pattern Recognition and Machine Learning*, §10.2, for means and precisions.

    y | k ~ N(μ_k, 1/Λ_k)      Λ_k ~ Wishart(ν₀ = 1, W₀⁻¹ = var y)      μ_k | Λ_k ~ N(mean y, 1/(κ₀ Λ_k)), κ₀ = 1
    π_k = v_k Π_{j<k} (1 − v_j)      v_j ~ Beta(1, γ), γ = .001

Values are taken together in bins that share their responsibilities and keep their exact sums of 1, y and y²
(Kurihara, Welling & Vlassis 2006, "Accelerated Variational Dirichlet Process Mixtures"): every row counts, and where a
column has no more different values than bins nothing is approximated at all. Both steps are then matrix products over
(columns, bins, 3) and (columns, 3, modes).

No chance is in it: the rounds start from the best k-means there is, so that the same values, in any order, give the
same modes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import digamma

BINS = 2_048
"""Most bins of a column."""
ROUNDS = 100
"""Most rounds, as scikit-learn takes; that many leave the same modes, settled to the last digit or not."""
_SETTLED = 1e-5  # a column whose weights all move by less than this in a round is done
_CONCENTRATION = 1e-3  # γ
_FLOOR = 1e-6  # added to every variance, in units of the column's
_COARSE = 192  # bins that the first clusters are made of
_CELLS = 1 << 16  # bins × modes that are worked on together: they stay in the processor's cache


class Modes(NamedTuple):
    """What one column came to: weights (K,) that sum to 1, means (K,), standard deviations (K,)."""

    weights: np.ndarray
    means: np.ndarray
    deviations: np.ndarray


@dataclass(frozen=True, eq=False)
class Bins:
    """A column's values in ascending bins: how many rows (T,), their mean (T,), the mean of their squares (T,)."""

    rows: np.ndarray
    means: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, rows: np.ndarray) -> Bins:
        """values (U,) float64 ascending without repetition, rows (U,) how often each stands; at most `BINS` of them."""
        return cls(rows.astype(np.float64), values, values**2).merged(BINS)[0]

    def __len__(self) -> int:
        return len(self.rows)

    def merged(self, most: int) -> tuple[Bins, np.ndarray]:
        """At most so many bins, and at which of these bins each of them starts.

        They are cut at shares of the rows, which follows where the rows are, and at equal distances, which follows
        the tails: half of the bins each.
        """
        if len(self) <= most:
            return self, np.arange(len(self))
        before = np.cumsum(self.rows) - self.rows
        by_share = (before * (most // 2 / self.rows.sum())).astype(np.int64)
        by_place = ((self.means - self.means[0]) * ((most // 2 - 1) / np.ptp(self.means))).astype(np.int64)
        new = (np.diff(by_share) > 0) | (np.diff(by_place) > 0)
        starts = np.concatenate([[0], np.flatnonzero(new) + 1])
        total, first, second = (np.add.reduceat(self.rows * each, starts) for each in (1.0, self.means, self.squares))
        return Bins(total, first / total, second / total), starts


def variational_modes(columns: Sequence[Bins], *, max_modes: Sequence[int]) -> list[Modes]:
    """The modes of every column, at most as many as `max_modes` says of it and at most one a bin.

    Those that came to have hardly any weight are among them. The columns are best of a like scale: variance 1.
    """
    counts = [min(len(bins), most) for bins, most in zip(columns, max_modes, strict=True)]
    found: dict[int, Modes] = {}
    for batch in _batches(columns, max(counts, default=1)):
        found.update(zip(batch, _fit([columns[c] for c in batch], [counts[c] for c in batch]), strict=True))
    return [found[c] for c in range(len(columns))]


def _batches(columns: Sequence[Bins], modes: int) -> Iterator[list[int]]:
    """Columns of nearly as many bins, so that little is spent on filling up, and no more than the cache holds."""
    batch: list[int] = []
    for c in sorted(range(len(columns)), key=lambda c: len(columns[c])):
        size = len(columns[c])
        if batch and (size > 2 * len(columns[batch[0]]) + 64 or size * modes * (len(batch) + 1) > _CELLS):
            yield batch
            batch = []
        batch.append(c)
    if batch:
        yield batch


def _fit(columns: Sequence[Bins], counts: Sequence[int]) -> list[Modes]:
    """One batch. Shapes: C columns, T bins of the longest, K modes of the richest."""
    longest = max(len(bins) for bins in columns)
    powers = np.zeros((len(columns), longest, 3))  # 1, y, y² of each bin
    powers[:, :, 0] = 1
    rows = np.zeros((len(columns), longest, 1))
    shares = np.zeros((len(columns), longest, max(counts)))  # of each bin in each mode: the responsibilities
    for c, (bins, modes) in enumerate(zip(columns, counts, strict=True)):
        powers[c, : len(bins), 1], powers[c, : len(bins), 2] = bins.means, bins.squares
        rows[c, : len(bins), 0] = bins.rows
        shares[c, np.arange(len(bins)), _first_modes(bins, modes)] = 1
    counted = powers * rows
    posterior = _Posterior.of(counted, counts)
    posterior.update(np.matmul(shares.transpose(0, 2, 1), counted))
    working = np.arange(len(columns))
    for _ in range(ROUNDS):
        part = slice(None) if len(working) == len(columns) else working
        sums = np.matmul(_shares(powers[part], posterior.log_densities(part)).transpose(0, 2, 1), counted[part])
        moved = np.abs(sums[:, :, 0] - posterior.sums[part, :, 0]).max(axis=1) / posterior.total[part, 0]
        posterior.update(sums, part)
        working = working[moved > _SETTLED]
        if not len(working):
            break
    return [posterior.modes(c) for c in range(len(columns))]


def _shares(powers: np.ndarray, densities: np.ndarray) -> np.ndarray:
    """Bishop eq. 10.49: softmax over modes of the log densities (C, 3, K) of every bin: (C, T, K)."""
    logs = np.matmul(powers, densities)
    logs -= logs.max(axis=2, keepdims=True)
    np.exp(logs, out=logs)
    logs /= logs.sum(axis=2, keepdims=True)
    return logs


class _Posterior:
    """q(v, μ, Λ) of every column and mode, by its parameters; arrays (C, K)."""

    def __init__(self, total: np.ndarray, center: np.ndarray, variance: np.ndarray, allowed: np.ndarray) -> None:
        self.total, self.center, self.variance, self.allowed = total, center, variance, allowed
        self.sums = np.zeros((*allowed.shape, 3))
        self.first, self.second, self.means, self.precisions = (np.ones(allowed.shape) for _ in range(4))

    @classmethod
    def of(cls, counted: np.ndarray, modes: Sequence[int]) -> _Posterior:
        """counted (C, T, 3): rows, Σy and Σy² of each bin, from which the priors' mean and variance follow.
        modes: how many each column may have."""
        total, first, second = counted.sum(axis=1).T[:, :, None]
        center = first / total
        variance = np.maximum(second - total * center**2, 0) / np.maximum(total - 1, 1)
        return cls(total, center, variance, np.arange(max(modes)) < np.array(modes)[:, None])

    def update(self, sums: np.ndarray, part: slice | np.ndarray = slice(None)) -> None:
        """The M step, Bishop eqs. 10.51–10.63, from the modes' sums of 1, y and y² (c, K, 3)."""
        self.sums[part] = sums
        rows = sums[:, :, 0] + 1e-15
        mean = sums[:, :, 1] / rows
        spread = np.maximum(sums[:, :, 2] / rows - mean**2, 0) + _FLOOR
        center = self.center[part]
        self.means[part] = (center + sums[:, :, 1]) / (1 + rows)
        self.precisions[part] = (1 + rows) / (
            self.variance[part] + rows * spread + rows / (1 + rows) * (mean - center) ** 2
        )
        self.first[part] = 1 + rows
        after = np.cumsum(rows[:, ::-1], axis=1)[:, ::-1] - rows  # rows in the modes behind this one
        self.second[part] = _CONCENTRATION + np.maximum(after, 0)

    def log_densities(self, part: slice | np.ndarray) -> np.ndarray:
        """Expected log π_k N(y | μ_k, Λ_k) as coefficients of 1, y and y²: (c, 3, K); the constant is left out."""
        first, second = self.first[part], self.second[part]
        means, precisions = self.means[part], self.precisions[part]
        both = digamma(first + second)
        left = digamma(second) - both
        weight = digamma(first) - both + np.cumsum(left, axis=1) - left  # Blei & Jordan, §3.2
        freedom = first  # ν_k = 1 + N_k, as it happens, and so is κ_k
        constant = weight + 0.5 * (np.log(precisions) - np.log(freedom) + digamma(0.5 * freedom) - 1 / freedom)
        constant -= 0.5 * precisions * means**2
        return np.stack(
            [np.where(self.allowed[part], constant, -np.inf), precisions * means, -0.5 * precisions], axis=1
        )

    def modes(self, column: int) -> Modes:
        allowed = self.allowed[column]
        sticks = self.first[column] / (self.first[column] + self.second[column])
        weights = (sticks * np.concatenate([[1.0], np.cumprod(1 - sticks)[:-1]]))[allowed]
        return Modes(
            weights / weights.sum(), self.means[column][allowed], 1 / np.sqrt(self.precisions[column][allowed])
        )


def _first_modes(bins: Bins, modes: int) -> np.ndarray:
    """(T,) which mode each bin starts in: the k-means of the column, coarsely binned, the best there is and not just
    one that is near (Wang & Song 2011, doi:10.32614/RJ-2011-015: in one dimension clusters are intervals)."""
    if len(bins) <= modes:
        return np.arange(len(bins))
    coarse, starts = bins.merged(_COARSE)
    size = len(coarse)
    rows, first, second = (
        np.concatenate([[0.0], np.cumsum(coarse.rows * each)]) for each in (np.ones(size), coarse.means, coarse.squares)
    )
    backward = np.tri(size, k=-1, dtype=bool)
    count = np.where(backward, 1.0, rows[None, 1:] - rows[:-1, None])
    within = second[None, 1:] - second[:-1, None] - (first[None, 1:] - first[:-1, None]) ** 2 / count
    within[backward] = np.inf  # (i, j): squared error of one cluster from bin i to bin j
    error, cuts = within[0], []
    for _ in range(1, modes):
        joined = np.concatenate([[np.inf], error[:-1]])[:, None] + within  # the last cluster begins at bin i
        cuts.append(np.argmin(joined, axis=0))
        error = joined[cuts[-1], np.arange(size)]
    begins, end = [], size - 1
    for back in reversed(cuts):
        begins.append(int(back[end]))
        end = begins[-1] - 1
    return np.searchsorted(starts[begins[::-1]], np.arange(len(bins)), side="right")
