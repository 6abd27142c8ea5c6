"""What a page's sections are made of: charts, tables and strips of pictures under a heading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from ganforge_pipelines.report import wording
from ganforge_pipelines.report.content import FraudReport, ImagesReport
from ganforge_pipelines.report.pictures import Strip
from ganforge_pipelines.report.svg import Chart
from ganforge_pipelines.report.tables import Table


@dataclass(frozen=True, kw_only=True)
class Strips:
    """Rows of pictures, each with its label."""

    title: str
    rows: Sequence[tuple[str, Strip]]
    note: str = ""


Part = Chart | Table | Strips


@dataclass(frozen=True, kw_only=True)
class Section:
    title: str
    lead: str = ""
    parts: Sequence[Part] = ()


def keys() -> Iterator[str]:
    """What makes the identifiers of each chart of a page its own."""
    return (f"c{k}" for k in count())


def judged(content: FraudReport | ImagesReport) -> str:
    """How the arms were judged, in words."""
    told = []
    models = list(dict.fromkeys(arm.model for arm in content.arms if arm.model))
    if models:
        told.append(
            f"Each arm has the classifier that does best on folds inside its training rows: {' or '.join(models)}."
        )
    elif content.classifier:
        told.append(f"The classifier is {wording.clean(content.classifier)}.")
    folds = max((len(arm.folds) for arm in content.arms), default=0)
    if folds:
        told.append(f"Each arm was judged on {folds} folds of real data that nothing of it had seen.")
    if content.base_rate is not None:
        write = wording.accuracy if isinstance(content, ImagesReport) else wording.score
        told.append(f"Guessing reaches {write(content.base_rate)} {content.measure}.")
    return " ".join(told)
