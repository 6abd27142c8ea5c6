"""The shapes a report is made of: figures, arms, curves, histograms, pictures, links of the lineage."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ganforge.errors import InputError

Unit = Literal["score", "difference", "share", "points", "count", "text"]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One of the four figures of the first screen, with its interval where it has one.

    `unit` says how the numbers are written: "score" .81 · "difference" −.01 · "share" 2.4 % · "points" +2.1 points
    (a difference of shares) · "count" 9,847 · "text" as it is.
    """

    label: str
    value: float | int | str
    low: float | None = None
    high: float | None = None
    note: str = ""
    unit: Unit = "score"


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A difference and where it lies with probability `level`."""

    mean: float
    low: float
    high: float
    level: float = 0.9


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way to treat the training data, judged on real data that it never saw."""

    name: str
    mean: float
    folds: tuple[float, ...] = ()
    difference: Interval | None = None
    """Against the arm "none"; None for that arm itself."""
    synthetic: bool = False
    """Whether this arm trains on generated data."""
    recommended: bool = False
    model: str = ""
    """The classifier it was judged with, where the arms differ in that: "gradient boosting"."""
    better: float | None = None
    """P(better than the arm "none" by more than the region of practical equivalence); with the next two 1 in all."""
    equivalent: float | None = None
    worse: float | None = None
    better_than_seat: float | None = None
    """Likewise than the arm in the seat, of an arm with a generator where that is another one than "none"."""
    measures: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Further measures by name, a value a fold that defines it: "recall_at_fpr_0.001", "precision_at_100", …"""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A line with its spread: y(x), and the lowest and highest over the folds where there are several."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    recommended: bool = False

    def __post_init__(self) -> None:
        for other in (self.y, self.low, self.high):
            if other is not None and len(other) != len(self.x):
                raise InputError(f"curve {self.name!r}: {len(self.x)} values of x, but {len(other)} of y")


@dataclass(frozen=True, kw_only=True)
class ColumnComparison:
    """How one column is distributed in the real and in the synthetic rows: shares a bin or a category.

    Numeric columns have `edges` (bins + 1), categorical ones `labels`; `real` and `synthetic` are shares in
    [0, 1]. Categories with too few real rows are merged before they come here (`aggregates.compare_columns`).
    """

    name: str
    distance: float
    measure: str
    """For example "KS distance" or "total variation", in [0, 1]."""
    real: Sequence[float]
    synthetic: Sequence[float]
    edges: Sequence[float] | None = None
    labels: Sequence[str] | None = None
    floor: float | None = None
    """The same distance of real rows that were held out, or between two halves: what no generator can go below."""
    told: str = ""
    """How distance and floor were measured, where a line must say more than both."""
    log: bool = False
    """Whether the bins are even on a logarithmic scale."""
    dates: bool = False
    """Whether `edges` are seconds since 1970."""
    of_day: bool = False
    """Whether `edges` are seconds since midnight; `dates` is false then."""

    def __post_init__(self) -> None:
        bins = len(self.labels) if self.labels is not None else len(self.edges or ()) - 1
        if len(self.real) != bins or len(self.synthetic) != bins:
            raise InputError(
                f"column {self.name!r}: {bins} bins, but {len(self.real)} real and "
                f"{len(self.synthetic)} synthetic shares"
            )


@dataclass(frozen=True, kw_only=True)
class Number:
    """One number about the generated data, beside the same number for real data where there is one."""

    name: str
    value: float
    floor: float | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""
    unit: Unit = "score"


@dataclass(frozen=True, kw_only=True)
class LossCurves:
    """Every loss term of one training by name, over steps; the quality metric and the chosen step."""

    title: str
    steps: Sequence[int]
    terms: Mapping[str, Sequence[float | None]]
    """"update/term" → one value a step; None where the term was not there (another phase)."""
    metric: Sequence[float | None] | None = None
    metric_name: str = "metric"
    metric_floor: float | None = None
    """What real rows score; None where that is not known."""
    best_step: int | None = None
    phases: Sequence[tuple[str, int, int]] = ()
    """(name, first step, last step), in order."""
    stopped: str = "steps"
    """"steps": all of the budget was used; "patience": it stopped getting better."""
    seconds: float | None = None

    @classmethod
    def of(cls, training: Mapping[str, Any], *, title: str) -> LossCurves:
        """From `Training.to_json()`: `history` holds step, phase, losses by "update/term" and metric."""
        rows = list(training.get("history", ()))
        losses = [row.get("losses", {}) for row in rows]
        names = list(dict.fromkeys(name for each in losses for name in each))
        metrics = [row.get("metric") for row in rows]
        phases: list[tuple[str, int, int]] = []
        for row in rows:
            name, step = str(row.get("phase", "")), int(row["step"])
            if phases and phases[-1][0] == name:
                phases[-1] = (name, phases[-1][1], step)
            else:
                phases.append((name, step, step))
        return cls(
            title=title,
            steps=[int(row["step"]) for row in rows],
            terms={name: [each.get(name) for each in losses] for name in names},
            metric=metrics if any(each is not None for each in metrics) else None,
            metric_name=training.get("metric_name") or "metric",
            metric_floor=training.get("metric_floor"),
            best_step=training.get("best_step"),
            phases=phases,
            stopped=str(training.get("stopped", "steps")),
            seconds=training.get("seconds"),
        )


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A parameter that differs from its default."""

    name: str
    value: Any
    default: Any


@dataclass(frozen=True, kw_only=True)
class LineageStep:
    """One link of the chain data file → version → split → generator → synthetic file → classifier."""

    what: str
    """"Data file", "Split", "Generator", …"""
    name: str
    """Where it lies, relative to the workspace, or how it is called."""
    hash: str = ""
    hash_kind: str = "sha256"
    command: str = ""
    """What brings it back."""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class StageTime:
    name: str
    seconds: float
    cached: bool = False
    """Whether the stage was found finished, and took its time in an earlier run."""


@dataclass(frozen=True)
class SampleGrid:
    """Generated pictures at one step of training. pixels: uint8 (N, C, H, W), C = 1 or 3."""

    step: int
    pixels: np.ndarray

    def __post_init__(self) -> None:
        check_pixels(self.pixels, f"the grid of step {self.step}")


@dataclass(frozen=True, kw_only=True)
class ClassPictures:
    """Pictures of one class side by side, each uint8 (N, C, H, W)."""

    name: str
    generated: np.ndarray
    real: np.ndarray | None = None
    """Real pictures of that class; only with `show_rows`."""
    nearest: np.ndarray | None = None
    """The real picture nearest to each generated one; only with `show_rows`."""

    def __post_init__(self) -> None:
        for what in (self.generated, self.real, self.nearest):
            if what is not None:
                check_pixels(what, f"class {self.name!r}")


@dataclass(frozen=True, kw_only=True)
class Obedience:
    """Of the pictures asked for a class, the share that a classifier of real ones takes for it."""

    name: str
    asked: int
    share: float
    mistaken_for: str = ""
    """The class they are taken for most often otherwise."""


@dataclass(frozen=True, kw_only=True)
class ClassAccuracy:
    """How well one class is told, by arm."""

    name: str
    n: int
    """Test pictures of this class."""
    by_arm: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Detector:
    """One detector on held-out rows. Without labels only its name, curves and threshold are known."""

    name: str
    found: Curve | None = None
    """x = alerts (a day, or in all, see `Budget.unit`), y = share of the anomalies found."""
    average_precision: Interval | float | None = None
    auroc: Interval | float | None = None
    recall_at_budget: Interval | float | None = None
    threshold: float | None = None
    recommended: bool = False


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How many alerts can be looked at: `alerts` of `unit` ("alerts a day", "alerts")."""

    alerts: float
    unit: str = "alerts"


@dataclass(frozen=True, kw_only=True)
class ScoreHistogram:
    """Scores of held-out rows in bins: shares of each class (or of all rows, where there is no label)."""

    detector: str
    edges: Sequence[float]
    normal: Sequence[float]
    anomalous: Sequence[float] | None = None
    threshold: float | None = None
    normal_name: str = "normal rows"
    anomalous_name: str = "anomalies"
    hit: float | None = None
    """Share of the anomalies from the threshold on, and of the normal rows; reckoned from the bins unless given."""
    wrong: float | None = None
    log: bool = False
    note: str = ""
    """What the threshold means; unless given, that rows right of it become alerts."""

    def __post_init__(self) -> None:
        for shares in (self.normal, self.anomalous):
            if shares is not None and len(shares) != len(self.edges) - 1:
                raise InputError(f"score histogram: {len(self.edges) - 1} bins, but {len(shares)} shares")


@dataclass(frozen=True, kw_only=True)
class OddRow:
    """One of the oddest rows, by its number in the file (counted from 1, without the heading)."""

    row: int
    score: float
    reasons: tuple[tuple[str, float], ...] = ()
    """(column, its share of the score), the largest first."""
    is_anomaly: bool | None = None
    values: Mapping[str, Any] | None = None
    """The row itself; only with `show_rows`."""


def check_pixels(pixels: np.ndarray, where: str) -> None:
    """uint8 (N, C, H, W) with one or three channels, at least one picture."""
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1] not in (1, 3) or not len(pixels):
        raise InputError(f"{where}: {pixels.dtype} {pixels.shape}; pictures are uint8 (N, C, H, W), C = 1 or 3, N ≥ 1")


def middle(value: Interval | float | None) -> float | None:
    """The number itself of an interval or a plain number; None stays None, and NaN becomes it."""
    mean = value.mean if isinstance(value, Interval) else value
    return None if mean is None or math.isnan(mean) else mean
