"""The shapes of what a fraud report rests on beside its arms: calibration, cost, the rows' map and pairs, distances.

All of them are sums over many rows. Where a shape could still show where a single real row lies, it says from how many
rows on it shows anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ganforge.errors import InputError
from ganforge_pipelines.report.parts import Interval


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """What an arm's probabilities say and what is so, a bin a point: (mean probability, share of positives, rows)."""

    name: str
    """Of the arm."""
    points: Sequence[tuple[float, float, int]]
    mended: Sequence[tuple[float, float, int]] = ()
    """The same after recalibration on real rows that were held out."""

    def told(self, *, mended: bool = False) -> tuple[float, float]:
        """(mean probability, share of positives) over all rows."""
        rows = np.array(self.mended if mended else self.points, dtype=float)
        predicted, observed = (rows[:, :2] * rows[:, 2:]).sum(axis=0) / rows[:, 2].sum()
        return float(predicted), float(observed)


@dataclass(frozen=True, kw_only=True)
class CostCurve:
    """What each threshold costs on real rows that neither classifier nor threshold has seen."""

    thresholds: Sequence[float]
    cost: Sequence[float]
    """Missed positives and alerts together, in `unit`."""
    alerts: Sequence[int]
    found: Sequence[int]
    """Positives among the alerts."""
    chosen: float
    """The threshold chosen on the training part, by cross-fitting."""
    at_chosen: tuple[float, int, int]
    """(cost, alerts, found) at it."""
    nothing: float
    """Cost of never looking: all that the positives are worth."""
    alert_cost: float
    n_rows: int
    n_positive: int
    unit: str = ""
    """The column whose amounts are counted; empty where every positive counts 1."""
    low: float | None = None
    high: float | None = None
    """Where the cost at the chosen threshold lies, by resampling the rows held out."""
    level: float = 0.9


@dataclass(frozen=True, kw_only=True)
class DensityMap:
    """Rows in two dimensions as smoothed shares a cell of a grid, (B, B), x first; outliers lie outside what is drawn.

    Drawn are the regions that hold half and nine tenths of a side's rows, never a row.
    """

    real: np.ndarray
    synthetic: np.ndarray
    x: tuple[float, float]
    """From where to where the grid reaches."""
    y: tuple[float, float]
    inside: float
    """Share of the synthetic rows in the region of nine tenths of the real ones: are they plausible?"""
    covered: float
    """Share of the real rows in the region of nine tenths of the synthetic ones: is all of it there?"""
    floor: float | None = None
    """Share of one half of the real rows in the region of the other half: what chance leaves of the nine tenths."""
    kept: float | None = None
    """Share of the real rows' variance that two dimensions keep."""
    n_real: int = 0
    n_synthetic: int = 0

    def __post_init__(self) -> None:
        if self.real.shape != self.synthetic.shape or self.real.ndim != 2:
            raise InputError(f"map: real {self.real.shape} and synthetic {self.synthetic.shape} are not of one grid")


@dataclass(frozen=True, kw_only=True)
class PairGaps:
    """How far each pair of columns is from the real one: (K, K), symmetric, in [0, 1]; the diagonal is not used."""

    names: Sequence[str]
    gap: np.ndarray
    floor: np.ndarray | None = None
    """The same for real rows that were held out, or for halves of the real rows."""
    measure: str = ""
    worst: tuple[tuple[str, str], str, tuple[float, float, float]] | None = None
    """The pair that stands out, what is measured, and that of (synthetic, real, other real rows)."""

    def __post_init__(self) -> None:
        for each in (self.gap, self.floor):
            if each is not None and each.shape != (len(self.names),) * 2:
                raise InputError(f"pairs: {len(self.names)} columns, but gaps of shape {each.shape}")


@dataclass(frozen=True, kw_only=True)
class GateLine:
    """A number that synthetic rows must keep to before they go on."""

    name: str
    value: float
    limit: float
    passed: bool
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Distances:
    """Distances to the closest real record in bins: shares of the synthetic rows and of real rows held out."""

    edges: Sequence[float]
    synthetic: Sequence[float]
    held_out: Sequence[float]
    nearer: Interval | None = None
    """How often a synthetic row is nearer to its closest training row than a held-out one; .5 is chance."""
    n_held_out: int = 0
    among_trained: bool = False
    """Whether the other side is the real ones trained on, each from the nearest other one: too few were held out."""
    what: str = "row"
    axis: str = "distance to the closest training row (0: a copy)"

    def __post_init__(self) -> None:
        for shares in (self.synthetic, self.held_out):
            if len(shares) != len(self.edges) - 1:
                raise InputError(f"distances: {len(self.edges) - 1} bins, but {len(shares)} shares")

    @property
    def others(self) -> str:
        """Which real ones stand beside the synthetic ones, as words that follow "real ones"."""
        return "trained on, since too few were held out" if self.among_trained else "that were held out"
