"""The tables of the report: the numbers beside the charts, written as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ganforge_pipelines.report import wording
from ganforge_pipelines.report.content import AnomaliesReport, FraudReport, ImagesReport
from ganforge_pipelines.report.parts import Detector, Interval, Number, OddRow


@dataclass(frozen=True, kw_only=True)
class Table:
    """Text in rows. `numeric` names the columns (from 0) that are set flush right."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[int] = ()
    wide: bool = False
    """Whether it takes the width of the page."""
    strong: Sequence[int] = ()
    """Rows (from 0) that stand out."""
    note: str = ""


def called(positive: str) -> str:
    """A noun for the positives: frauds stay frauds, is_fraud=1 becomes "rows with is_fraud=1"."""
    name = wording.clean(positive)
    return f"rows with {name}" if "=" in name and " " not in name else name


def arms_table(content: FraudReport | ImagesReport) -> Table:
    ordered = sorted(content.arms, key=lambda arm: -arm.mean)
    level = next((arm.difference.level for arm in ordered if arm.difference is not None), 0.9)
    shares = isinstance(content, ImagesReport)
    return Table(
        title="The same in numbers",
        head=("arm", content.measure, "change, where it lies"),
        rows=[
            (
                wording.clean(arm.name, longest=40),
                (wording.accuracy if shares else wording.score)(arm.mean),
                "–" if arm.difference is None else _change(arm.difference, shares=shares),
            )
            for arm in ordered
        ],
        numeric=(1, 2),
        strong=[place for place, arm in enumerate(ordered) if arm.recommended],
        note=f"The change lies between the small numbers with {wording.share(level)} probability; they allow for folds "
        "that share their training data (Nadeau & Bengio 2003).",
    )


def trade_table(content: FraudReport) -> Table:
    """What precision is left when a given share is to be found, an arm a column."""
    curves = content.precision_recall[:4]
    return Table(
        title="What that means for the alerts",
        head=("to find", *(wording.clean(curve.name, longest=20) for curve in curves)),
        rows=[
            (wording.share(recall), *(wording.share(float(np.interp(recall, curve.x, curve.y))) for curve in curves))
            for recall in (0.25, 0.5, 0.75, 0.9)
        ],
        numeric=range(1, len(curves) + 1),
        note=f"The share of alerts that are right when that share of all {called(content.positive)} is to be "
        "found, as a mean over the folds.",
    )


def _change(interval: Interval, *, shares: bool) -> str:
    if shares:
        low, high = (wording.points(each, unit=False) for each in (interval.low, interval.high))
        return f"{wording.points(interval.mean)}\n{low} to {high}"
    low, high = wording.differences([interval.low, interval.high])
    return f"{wording.difference(interval.mean)}\n{low} to {high}"


def numbers_table(numbers: Sequence[Number], *, n: int | None, copies: int | None) -> Table:
    rows = [
        (
            wording.clean(each.name, longest=60) + (f"\n{wording.clean(each.note, longest=160)}" if each.note else ""),
            wording.in_unit(each.value, each.unit),
            "" if each.floor is None else wording.in_unit(each.floor, each.unit),
        )
        for each in numbers
    ]
    if n is not None:
        rows.append(("synthetic rows" if copies is not None else "generated pictures", wording.count(n), ""))
    if copies is not None:
        rows.append(("copies of a real row, dropped", wording.count(copies), ""))
    head = ["", "synthetic", "real against real"]
    keep = [0, 1, *([2] if any(row[2] for row in rows) else [])]
    return Table(
        title="In numbers",
        head=[head[k] for k in keep],
        rows=[[row[k] for k in keep] for row in rows],
        numeric=[place for place, k in enumerate(keep) if k],
        note="“Real against real” is the same number among the real ones alone: what chance makes."
        if 2 in keep
        else "",
    )


def detectors_table(content: AnomaliesReport) -> Table:
    def at_budget(each: Detector) -> float:
        value = each.recall_at_budget
        return -1.0 if value is None else value.mean if isinstance(value, Interval) else value

    ordered = sorted(content.detectors, key=at_budget, reverse=True)
    within = "found within the budget" if content.budget is not None else "found"
    head = ["detector", within, "average precision", "AUROC"]
    rows = [
        [
            wording.clean(each.name, longest=40)
            + ("" if each.threshold is None else f"\nthreshold {wording.number(each.threshold)}"),
            _with_interval(each.recall_at_budget, share=True),
            _with_interval(each.average_precision),
            _with_interval(each.auroc),
        ]
        for each in ordered
    ]
    keep = [0, *(k for k in range(1, 4) if any(row[k] for row in rows))]
    note = ""
    if content.base_rate is not None and 2 in keep:
        note = f"Guessing reaches {wording.score(content.base_rate)} average precision and .50 AUROC."
    return Table(
        title="The detectors side by side",
        head=[head[k] for k in keep],
        rows=[[row[k] for k in keep] for row in rows],
        numeric=range(1, len(keep)),
        strong=[place for place, each in enumerate(ordered) if each.recommended],
        note=note,
    )


def _with_interval(value: Interval | float | None, *, share: bool = False) -> str:
    if value is None:
        return ""
    write = wording.share if share else wording.score
    if isinstance(value, Interval):
        return f"{write(value.mean)}\n{write(value.low)} to {write(value.high)}"
    return write(value)


def odd_table(rows: Sequence[OddRow], *, most: int = 10) -> Table:
    shown = rows[:most]
    head = ["row", "score", "what made it odd", "in truth", "values"]
    made = [
        [
            wording.count(each.row),
            wording.number(each.score),
            ", ".join(
                f"{wording.clean(name, longest=30)}{wording.NO_BREAK}{wording.share(part)}"
                for name, part in each.reasons[:3]
            ),
            "" if each.is_anomaly is None else "anomaly" if each.is_anomaly else "normal",
            ""
            if each.values is None
            else "; ".join(f"{wording.clean(name, longest=30)} = {wording.clean(value)}"
                           for name, value in list(each.values.items())[:60]),
        ]
        for each in shown
    ]  # fmt: skip
    keep = [0, 1, *(k for k in (2, 3, 4) if any(row[k] for row in made))]
    return Table(
        title=f"The {len(made)} oddest rows",
        head=[head[k] for k in keep],
        rows=[[row[k] for k in keep] for row in made],
        numeric=(0, 1),
        wide=True,
        note="Rows are counted from 1 in the file that was scored, its heading not counted.",
    )
