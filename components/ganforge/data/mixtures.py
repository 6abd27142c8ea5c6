"""One numeric column as a mixture of Gaussians and spikes, and a value as its place within one of them.

Mode-specific normalisation of Xu et al. 2019 (arXiv:1907.00503, §4.2): a variational Bayesian mixture finds the
modes (μ_k, φ_k) of a column; a value c becomes the one-hot β of a mode k and the scalar α = (c − μ_k) / 4φ_k.

Beyond the paper: a value that many rows share is a mode of its own, after the others, with α = 0 (`grids.py`); and
what is decoded keeps to the column's grid where it has one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ganforge.data.dirichlet import Bins, Modes, variational_modes
from ganforge.data.grids import few_values, grid_of, snapped, spikes_of

LEAST_WEIGHT = 0.005
"""Modes with a smaller share than this are dropped, as in the authors' implementation."""
WIDTHS = 4.0
"""α = ±1 stands this many standard deviations from the mode's mean."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """K Gaussian modes over y = (x / scale − center) / spread, which keeps any magnitude of x in comfortable range,
    then P spikes."""

    scale: float
    center: float
    spread: float
    weights: np.ndarray  # (K,) of the rows in no spike; K ≥ 1
    means: np.ndarray  # (K,) in y
    deviations: np.ndarray  # (K,) in y
    spikes: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (P,) in x
    grid: np.ndarray | None = None  # (G,) in x, ascending

    @classmethod
    def fit(cls, values: np.ndarray, *, max_modes: int, spacing: float | None = None) -> Mixture:
        """Of finite values (n,) float64, n ≥ 1, in any order; see `fit_mixtures`."""
        return fit_mixtures([Known.of(values, max_modes=max_modes, spacing=spacing)], max_modes=max_modes)[0]

    def __len__(self) -> int:
        return len(self.weights) + len(self.spikes)

    def encode(self, values: np.ndarray, draws: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """(n,) → α (n,), unbounded, and mode (n,): the likeliest, or by its probability, from `draws` (n,) uniform
        in [0, 1). A value that is a spike is always in the spike's mode."""
        places, distinct = pd.factorize(values)  # many rows share a value: what follows is done once for each
        y = (distinct / self.scale - self.center) / self.spread
        distance = (y[:, None] - self.means) / self.deviations  # (U, K)
        logs = np.log(self.weights) - np.log(self.deviations) - 0.5 * distance**2
        if draws is None:
            modes = np.argmax(logs, axis=1)[places]
        else:
            chances = np.exp(logs - logs.max(axis=1, keepdims=True))
            ladder = np.cumsum(chances, axis=1)
            modes = (ladder[places, :-1] <= (draws * ladder[places, -1])[:, None]).sum(axis=1)
        alpha = distance[places, modes] / WIDTHS
        for number, spike in enumerate(self.spikes):
            on = values == spike
            alpha[on], modes[on] = 0.0, len(self.weights) + number
        return alpha, modes

    def decode(self, alpha: np.ndarray, modes: np.ndarray) -> np.ndarray:
        """α (n,) and modes (n,) → values (n,)."""
        smooth = modes < len(self.weights)
        within = np.where(smooth, modes, 0)
        y = alpha * WIDTHS * self.deviations[within] + self.means[within]
        values = (y * self.spread + self.center) * self.scale
        if self.grid is not None:
            values = snapped(values, self.grid)
        if not smooth.all():
            values[~smooth] = self.spikes[modes[~smooth] - len(self.weights)]
        return values

    def to_json(self) -> dict[str, Any]:
        lists = {name: getattr(self, name).tolist() for name in ("weights", "means", "deviations")}
        document = {"scale": self.scale, "center": self.center, "spread": self.spread, **lists}
        if len(self.spikes):
            document["spikes"] = self.spikes.tolist()
        if self.grid is not None:
            document["grid"] = self.grid.tolist()
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Mixture:
        arrays = {name: np.array(document[name], dtype=np.float64) for name in ("weights", "means", "deviations")}
        numbers: dict[str, Any] = {name: float(document[name]) for name in ("scale", "center", "spread")}
        grid = document.get("grid")
        return cls(
            **{**numbers, **arrays},
            spikes=np.array(document.get("spikes", ()), dtype=np.float64),
            grid=None if grid is None else np.array(grid, dtype=np.float64),
        )


class Known(NamedTuple):
    """What a mixture is fitted to, and all that needs to be kept of a column's rows until then."""

    scale: float
    center: float
    spread: float
    bins: Bins
    """In y, of the rows in no spike."""
    spikes: np.ndarray
    grid: np.ndarray | None

    @classmethod
    def of(cls, values: np.ndarray, *, max_modes: int, few: int = 0, spacing: float | None = None) -> Known:
        """Of finite values (n,) float64, n ≥ 1, in any order. Half of the modes at most are spikes.

        few: a column that consists of at most so many values has each of them as a spike, whatever `max_modes`.
        spacing: the distance of two values that the column's rounding allows; None for no rounding.
        """
        distinct, rows = np.unique(values, return_counts=True)
        found = few_values(rows, most=few)
        if not len(found):
            found = spikes_of(distinct, rows, most=max_modes // 2)
        spikes, grid = distinct[found], grid_of(distinct, rows, found, spacing=spacing)
        distinct, rows = np.delete(distinct, found), np.delete(rows, found)
        scale = float(np.abs(distinct).max()) or 1.0
        distinct = distinct / scale
        center = float(np.average(distinct, weights=rows))
        spread = float(np.sqrt(np.average((distinct - center) ** 2, weights=rows)))
        spread = spread or max(abs(center), 1.0) * 1e-6
        return cls(scale, center, spread, Bins.of((distinct - center) / spread, rows), spikes, grid)


def fit_mixtures(columns: Iterable[Known], *, max_modes: int) -> list[Mixture]:
    """The modes of every column, spikes among them: at most `max_modes`, but half as many smooth ones in any case.
    All columns at once, which is fast."""
    columns = list(columns)
    varied = [k for k, column in enumerate(columns) if len(column.bins) > 1]
    most = {k: max_modes - min(len(columns[k].spikes), max_modes // 2) for k in varied}
    modes = dict.fromkeys(range(len(columns)), Modes(np.ones(1), np.zeros(1), np.ones(1)))
    found = variational_modes([columns[k].bins for k in varied], max_modes=[most[k] for k in varied])
    modes.update(zip(varied, map(_weighty, found), strict=True))
    return [
        Mixture(column.scale, column.center, column.spread, *modes[k], column.spikes, column.grid)
        for k, column in enumerate(columns)
    ]


def _weighty(modes: Modes) -> Modes:
    kept = modes.weights > LEAST_WEIGHT
    return Modes(modes.weights[kept] / modes.weights[kept].sum(), modes.means[kept], modes.deviations[kept])
