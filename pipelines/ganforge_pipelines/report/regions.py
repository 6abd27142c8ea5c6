"""From points in a plane to regions that hold a share of them: a map of many rows on which no row can be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.ndimage import gaussian_filter

from ganforge_pipelines.report.evidence import DensityMap

MOST = 0.9
"""The share of rows that the outer region holds."""
_CELLS = 64


@dataclass(frozen=True, eq=False)
class Region:
    """A smoothed density on a grid (Scott 1992, bandwidth n^(−1/6) of the spread)."""

    density: np.ndarray
    """(B, B), x first; adds up to 1."""
    edges: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, points: np.ndarray, edges: tuple[np.ndarray, np.ndarray]) -> Self:
        """points (N, 2), N ≥ 1; those outside the grid are left out."""
        counts, _, _ = np.histogram2d(points[:, 0], points[:, 1], bins=list(edges))
        cell = [each[1] - each[0] for each in edges]
        width = [max(float(np.std(points[:, k])) * len(points) ** (-1 / 6) / cell[k], 0.7) for k in range(2)]
        smooth = gaussian_filter(counts, width, mode="constant")
        return cls(smooth / max(float(smooth.sum()), 1e-300), edges)

    def level(self, share: float) -> float:
        """The density from which on cells hold `share` of it: the border of its smallest region."""
        return level_of(self.density, share)

    def holds(self, points: np.ndarray, share: float = MOST) -> float:
        """Share of (M, 2) points in the region of `share`."""
        cells = [np.searchsorted(edge, points[:, k], side="right") - 1 for k, edge in enumerate(self.edges)]
        known = np.all([(each >= 0) & (each < _CELLS) for each in cells], axis=0)
        inside = self.density[cells[0][known], cells[1][known]] >= self.level(share)
        return float(inside.sum()) / max(len(points), 1)


def level_of(density: np.ndarray, share: float) -> float:
    """The largest level above which the cells of `density` hold `share` of it."""
    ordered = np.sort(density, axis=None)[::-1]
    reached = np.cumsum(ordered)
    return float(ordered[min(int(np.searchsorted(reached, share * reached[-1])), len(ordered) - 1)])


def density_map(real: np.ndarray, synthetic: np.ndarray, *, kept: float | None = None, seed: int = 0) -> DensityMap:
    """The map of (N, 2) real and (M, 2) synthetic points, N ≥ 4, with how far either lies where the other does.

    The floor is one half of the real points in the region of the other, over ten halvings.
    """
    low, high = np.quantile(real, [0.005, 0.995], axis=0)
    room = 0.35 * np.maximum(high - low, 1e-9)
    edges = tuple(np.linspace(low[k] - room[k], high[k] + room[k], _CELLS + 1) for k in range(2))
    edges = (edges[0], edges[1])
    one, other = Region.of(real, edges), Region.of(synthetic, edges)
    rng = np.random.default_rng(seed)
    floors = []
    for _ in range(10):
        order = rng.permutation(len(real))
        half = len(real) // 2
        floors.append(Region.of(real[order[:half]], edges).holds(real[order[half:]]))
    return DensityMap(
        real=one.density,
        synthetic=other.density,
        x=(float(edges[0][0]), float(edges[0][-1])),
        y=(float(edges[1][0]), float(edges[1][-1])),
        inside=one.holds(synthetic),
        covered=other.holds(real),
        floor=float(np.mean(floors)),
        kept=kept,
        n_real=len(real),
        n_synthetic=len(synthetic),
    )
