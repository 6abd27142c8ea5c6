"""What a report says, before any thought of how it looks.

One frozen dataclass a family: `FraudReport`, `ImagesReport`, `AnomaliesReport`. Their fields are plain values
(text, numbers, tuples, mappings, uint8 arrays; the smaller shapes stand in `parts.py`), so that a stage fills
them from its files and a test by hand. Only what a report cannot do without is required; a part that is left
empty is left out of the page, without a gap.

Nothing in here is a raw row or picture of the real data, save three fields that say so (`OddRow.values`,
`ClassPictures.real`, `ClassPictures.nearest`); they are refused unless `show_rows` is true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ganforge.errors import InputError
from ganforge_pipelines.report.evidence import CostCurve, DensityMap, Distances, GateLine, PairGaps, Reliability
from ganforge_pipelines.report.parts import (
    Arm,
    Budget,
    Changed,
    ClassAccuracy,
    ClassPictures,
    ColumnComparison,
    Curve,
    Detector,
    Figure,
    Interval,
    LineageStep,
    LossCurves,
    Number,
    Obedience,
    OddRow,
    SampleGrid,
    ScoreHistogram,
    StageTime,
)

__all__ = [
    "AnomaliesReport",
    "Arm",
    "Budget",
    "Changed",
    "ClassAccuracy",
    "ClassPictures",
    "ColumnComparison",
    "CostCurve",
    "Curve",
    "DensityMap",
    "Detector",
    "Distances",
    "Figure",
    "FraudReport",
    "GateLine",
    "ImagesReport",
    "Interval",
    "LineageStep",
    "LossCurves",
    "Number",
    "Obedience",
    "OddRow",
    "PairGaps",
    "Reliability",
    "Report",
    "SampleGrid",
    "ScoreHistogram",
    "StageTime",
    "check_content",
]


@dataclass(frozen=True, kw_only=True)
class Report:
    """What all three reports begin and end with."""

    sentence: str
    what_to_do: str
    standing: str = ""
    """Which model answers now, champion or challenger, and why; one line of the first screen."""
    title: str = ""
    """For example "fraud · payments.csv"; stands small above the sentence and in the window's title."""
    made: str = ""
    """When and by which run, as text; given from outside, so that the same content gives the same page."""
    figures: tuple[Figure, ...] = ()
    would_change: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    show_rows: bool = False
    """Whether real rows and pictures may be shown (`--show-rows`)."""
    training: tuple[LossCurves, ...] = ()
    parameters: tuple[Changed, ...] = ()
    command: str = ""
    """What runs all of it again."""
    lineage: tuple[LineageStep, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, str] = field(default_factory=dict)
    stages: tuple[StageTime, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FraudReport(Report):
    """Did the synthetic rows help the classifier, and are they any good?"""

    measure: str = "average precision"
    base_rate: float | None = None
    """Share of positives: what guessing reaches in average precision."""
    positive: str = "positives"
    """What the positives are called: "frauds"."""
    classifier: str = ""
    arms: tuple[Arm, ...] = ()
    seat: str = ""
    """The plain arm that a generator is held against; empty where that is nothing added."""
    rope: float | None = None
    """Half the width of the region of practical equivalence, in the measure: what nobody would act on."""
    negatives_a_fold: int | None = None
    """Rows of the other class in one test part: what the shares of false alarms are counted on."""
    positives_a_fold: int | None = None
    group: str = ""
    """The column whose values (customers, cards) stood on one side of every fold; empty where none was named."""
    precision_recall: tuple[Curve, ...] = ()
    """One curve an arm, x = recall, y = precision."""
    cost: CostCurve | None = None
    reliability: tuple[Reliability, ...] = ()
    columns: tuple[ColumnComparison, ...] = ()
    """The worst first."""
    fidelity: tuple[Number, ...] = ()
    fidelity_told: str = ""
    """The same as a sentence."""
    compared: int | None = None
    """Rows a side in each comparison; the real ones held out are as many."""
    map: DensityMap | None = None
    pairs: PairGaps | None = None
    exposure: tuple[Number, ...] = ()
    """Numbers of privacy, each beside what chance makes."""
    exposed: str = ""
    """Whether anybody is, as far as that can be told, as a sentence."""
    gates: tuple[GateLine, ...] = ()
    distances: Distances | None = None
    n_synthetic: int | None = None
    copies_dropped: int | None = None
    """Synthetic rows that were an exact copy of a real one, and were left out."""


@dataclass(frozen=True, kw_only=True)
class ImagesReport(Report):
    """Did the generated pictures help the classifier, and do they look like what was asked for?"""

    measure: str = "accuracy"
    base_rate: float | None = None
    """What guessing the commonest class reaches."""
    classifier: str = ""
    arms: tuple[Arm, ...] = ()
    seat: str = ""
    """The plain arm that a generator is held against; empty where that is nothing added."""
    rope: float | None = None
    """Half the width of the region of practical equivalence, a share."""
    gates: tuple[GateLine, ...] = ()
    distances: Distances | None = None
    grids: tuple[SampleGrid, ...] = ()
    """By step, so that collapse is seen; the same latents at every step."""
    pictures: tuple[ClassPictures, ...] = ()
    obedience: tuple[Obedience, ...] = ()
    n_classes: int | None = None
    classes_appearing: int | None = None
    """Classes that the classifier finds at all among pictures asked for every class."""
    per_class: tuple[ClassAccuracy, ...] = ()
    fidelity: tuple[Number, ...] = ()
    n_synthetic: int | None = None


@dataclass(frozen=True, kw_only=True)
class AnomaliesReport(Report):
    """How many anomalies does a detector find within what can be looked at, and what makes a row odd?"""

    positive: str = "anomalies"
    """What the anomalies are called: "frauds"."""
    detectors: tuple[Detector, ...] = ()
    budget: Budget | None = None
    base_rate: float | None = None
    trained_on: str = ""
    """Which rows the detectors were trained on, as a sentence."""
    histogram: ScoreHistogram | None = None
    reasons: tuple[tuple[str, float], ...] = ()
    """(column, share of the scores of the top alerts), the largest first."""
    n_top: int | None = None
    """How many alerts `reasons` is over."""
    oddest: tuple[OddRow, ...] = ()


def check_content(content: Report) -> None:
    """Refuse real rows and pictures where `show_rows` does not allow them, and an empty sentence."""
    if not content.sentence.strip():
        raise InputError("a report needs its sentence: what was found, in plain words")
    if content.show_rows:
        return
    shown = ""
    if isinstance(content, AnomaliesReport) and any(row.values is not None for row in content.oddest):
        shown = "values of real rows"
    if isinstance(content, ImagesReport) and any(
        each.real is not None or each.nearest is not None for each in content.pictures
    ):
        shown = "real pictures"
    if shown:
        raise InputError(f"this report holds {shown}, but show_rows is false; leave them out or use --show-rows")
