"""The tables of the report: the numbers beside the charts, written as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ganforge_pipelines.report import wording
from ganforge_pipelines.report.content import AnomaliesReport, FraudReport, ImagesReport
from ganforge_pipelines.report.evidence import Distances, GateLine
from ganforge_pipelines.report.parts import Arm, Detector, Interval, Number, OddRow


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
    note = (
        f"The change lies between the small numbers with {wording.share(level)} probability; they allow for folds "
        "that share their training data (Nadeau & Bengio 2003)."
    )
    known = any(arm.better is not None for arm in ordered)
    if known:
        note += f" Better, alike, worse than nothing added: how probable each is{_alike(content.rope, shares=shares)}."
    if content.seat:
        note += _held_against(content.seat, [arm for arm in ordered if arm.better_than_seat is not None])
    return _only_filled(
        title="The same in numbers",
        head=(
            "arm",
            content.measure,
            "change, where it lies"
            + (", better · alike · worse" if any(arm.better is not None for arm in ordered) else ""),
        ),
        rows=[
            (
                wording.clean(arm.name, longest=40) + (f"\n{wording.clean(arm.model)}" if arm.model else ""),
                (wording.accuracy if shares else wording.score)(arm.mean),
                "–" if arm.difference is None else _change(arm.difference, shares=shares) + _probabilities(arm),
            )
            for arm in ordered
        ],
        strong=[place for place, arm in enumerate(ordered) if arm.recommended],
        note=note,
    )


def _held_against(seat: str, generating: Sequence[Arm]) -> str:
    """What decides for or against a generator where an arm without one is better than nothing added."""
    seat = wording.clean(seat, longest=40)
    found = ", ".join(
        f"{wording.clean(arm.name, longest=40)} is with {wording.probability(arm.better_than_seat)}"
        for arm in generating
        if arm.better_than_seat is not None
    )
    return f" What a generator has to be better than is {seat}, the simplest arm that is enough: {found}."


def _alike(rope: float | None, *, shares: bool) -> str:
    if not rope:
        return ""
    return f", alike meaning within {wording.margin(rope, shares=shares)}"


def _probabilities(arm: Arm) -> str:
    if arm.better is None or arm.equivalent is None or arm.worse is None:
        return ""
    shares = " · ".join(f"{100 * each:.0f}" for each in (arm.better, arm.equivalent, arm.worse))
    return f"\n{shares}{wording.NO_BREAK}%"


def _only_filled(
    *, title: str, head: Sequence[str], rows: Sequence[Sequence[str]], strong: Sequence[int] = (), note: str = ""
) -> Table:
    """A table without the columns that no row fills; all but the first are set flush right."""
    keep = [0, *(k for k in range(1, len(head)) if any(row[k] for row in rows))]
    return Table(
        title=title,
        head=[head[k] for k in keep],
        rows=[[row[k] for k in keep] for row in rows],
        numeric=range(1, len(keep)),
        strong=strong,
        note=note,
    )


FEW_ALARMS = {
    "recall_at_fpr_0.001": f"found at .1{wording.NO_BREAK}% false alarms",
    "recall_at_fpr_0.01": f"found at 1{wording.NO_BREAK}% false alarms",
    "precision_at_100": "right among the 100 highest",
    "group_precision_at_100": "right among the 100 highest by {group}",
}
"""Measures that a team with few hands asks for, and what the page calls them."""


def few_alarms_table(content: FraudReport) -> Table | None:
    """Recall at few false alarms, an arm a row, with the lowest and highest fold; None where nothing was measured."""
    ordered = [arm for arm in sorted(content.arms, key=lambda arm: -arm.mean) if arm.measures]
    if not ordered:
        return None
    note = "The mean over the folds, below it the lowest and the highest one."
    if content.negatives_a_fold:
        n = content.negatives_a_fold
        at = max(round(n * 0.001), 0)
        rows = "no row" if at == 0 else "1 row" if at == 1 else f"{wording.count(at)} rows"
        note += (
            f" A fold holds about {wording.count(n)} rows that are none; .1{wording.NO_BREAK}% of them is {rows}, "
            f"1{wording.NO_BREAK}% {wording.count(n * 0.01)}."
        )
    if content.positives_a_fold and content.positives_a_fold < 100:
        note += f" It holds about {content.positives_a_fold} {called(content.positive)}: no more can be right of 100."
    if content.group:
        group = wording.clean(content.group, longest=40)
        note += f" By {group}: whoever looks at one looks at all its rows, so its highest score counts."
    return _only_filled(
        title=f"What is found of the {called(content.positive)} while few others are bothered",
        head=("arm", *(each.format(group=wording.clean(content.group, longest=20)) for each in FEW_ALARMS.values())),
        rows=[(wording.clean(arm.name, longest=40), *(_spread(arm.measures.get(name, ())) for name in FEW_ALARMS))
              for arm in ordered],
        strong=[place for place, arm in enumerate(ordered) if arm.recommended],
        note=note,
    )  # fmt: skip


def _spread(folds: Sequence[float]) -> str:
    if not folds:
        return ""
    low, high = (wording.share(each) for each in (min(folds), max(folds)))
    return f"{wording.share(float(np.mean(folds)))}\n{low.removesuffix(f'{wording.NO_BREAK}%')}–{high}"


def trade_table(content: FraudReport) -> Table:
    """What precision is left when a given share is to be found, an arm a column: nothing added, the chosen one, a
    generator's, and what is best of the others."""
    best = {arm.name: place for place, arm in enumerate(sorted(content.arms, key=lambda arm: -arm.mean))}
    made = {arm.name for arm in content.arms if arm.synthetic}
    plain = {arm.name for arm in content.arms if arm.difference is None}
    ordered = sorted(
        content.precision_recall,
        key=lambda curve: (
            not (curve.recommended or curve.name in plain),
            curve.name not in made,
            best.get(curve.name, len(best)),
        ),
    )
    curves = sorted(ordered[:3], key=lambda curve: best.get(curve.name, len(best)))
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


def numbers_table(
    numbers: Sequence[Number],
    *,
    n: int | None = None,
    copies: int | None = None,
    counted: str = "synthetic rows",
    beside: Distances | None = None,
) -> Table:
    """Numbers beside their floors, then how many were made (`n` of what `counted` says) and how many were copies.

    beside: says which real ones the floors are of; None: of those held out.
    """
    rows = [
        (
            wording.clean(each.name, longest=60) + (f"\n{wording.clean(each.note, longest=160)}" if each.note else ""),
            _number(each),
            "" if each.floor is None else wording.in_unit(each.floor, each.unit),
        )
        for each in numbers
    ]
    if n is not None:
        rows.append((counted, wording.count(n), ""))
    if copies is not None:
        rows.append(("copies of a real row, dropped", wording.count(copies), ""))
    others = "that were held out" if beside is None else beside.others
    head = ["", "synthetic", "real against real"]
    keep = [0, 1, *([2] if any(row[2] for row in rows) else [])]
    return Table(
        title="In numbers",
        head=[head[k] for k in keep],
        rows=[[row[k] for k in keep] for row in rows],
        numeric=[place for place, k in enumerate(keep) if k],
        note=f"“Real against real” is the same number of real ones {others}: what chance makes." if 2 in keep else "",
    )


def gates_table(gates: Sequence[GateLine]) -> Table:
    """What synthetic data must keep to before they go on, and whether they did."""
    failed = [each for each in gates if not each.passed]
    title = "Every gate is passed" if not failed else f"{len(failed)} of {len(gates)} gates are not passed"
    return Table(
        title=title,
        head=("gate", "found", "limit", ""),
        rows=[
            (
                f"{wording.clean(each.name)}\n{wording.glued(wording.clean(each.sentence, longest=160))}",
                wording.score(each.value),
                wording.score(each.limit),
                "passed" if each.passed else "failed",
            )
            for each in gates
        ],
        numeric=(1, 2),
        strong=[place for place, each in enumerate(gates) if not each.passed],
        note="Data that fail a gate are not trained on by the model that is registered; the limits stand in "
        "`sample.gates`.",
    )


def _number(number: Number) -> str:
    told = wording.in_unit(number.value, number.unit)
    if number.low is None or number.high is None:
        return told
    low, high = (wording.in_unit(each, number.unit) for each in (number.low, number.high))
    return f"{told}\n{low} to {high}"


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
