"""Stage `report` of the flow `anomalies`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.daytimes import spelled_out
from ganforge.data.schema import Schema
from ganforge.downstream.operating import average_precision_interval
from ganforge_pipelines.report import wording
from ganforge_pipelines.report.aggregates import found_curve, score_histogram
from ganforge_pipelines.report.content import AnomaliesReport
from ganforge_pipelines.report.parts import Budget, Curve, Detector, Figure, Interval, OddRow
from ganforge_pipelines.stages.anomalies import POSITIVE, ROW, TIME
from ganforge_pipelines.stages.budget import wilson
from ganforge_pipelines.stages.context import StageContext
from ganforge_pipelines.stages.found import LEVEL, alike_in_words, name_of
from ganforge_pipelines.stages.reporting import common, finish
from ganforge_pipelines.stages.tables import read_rows


def report(context: StageContext) -> str:
    """Write report.html and answer.json."""
    facts, scored = context.json("prepare", "facts.json"), context.json("score", "scored.json")
    registered = context.json("register", "registered.json")
    scores = read_rows(context.input("score", "scores.parquet"))
    truth = None if facts["label"] is None else scores["is_anomaly"].to_numpy(dtype=bool)
    day = scores["day"].tolist() if scored["budget"]["per_day"] else None
    best = scored["best"]
    content = AnomaliesReport(
        sentence=scored["sentence"],
        what_to_do=_what_to_do(scored),
        figures=_figures(scored, _precision_interval(scores[best].to_numpy(), truth)),
        would_change=_would_change(facts, scored),
        positive="anomalies" if facts["label"] is None else f"rows with {facts['positive']}",
        detectors=_detectors(scored, scores, truth, day),
        budget=_budget(scored),
        base_rate=scored["base_rate"],
        trained_on=_trained_on(facts, scored),
        histogram=score_histogram(
            name_of(best),
            scores[best].tolist(),
            None if truth is None else truth.tolist(),
            threshold=scored["detectors"][best]["threshold"],
            note=_threshold_note(scored),
        ),
        reasons=tuple((column, share) for column, share in scored["reasons"]),
        n_top=min(scored["budget"]["alerts"], 200),
        oddest=_oddest(context, facts, scored, labelled=truth is not None),
        **common(context, facts, registered),
    )
    answer = {
        "best": best,
        "not_told_apart": scored["not_told_apart"],
        "chance_of_such_a_gap": scored["chance_of_such_a_gap"],
        "budget": scored["budget"],
        "detectors": scored["detectors"],
        "base_rate": scored["base_rate"],
        "rows_scored": scored["rows"],
        "n_positive": scored["n_positive"],
        "rows": facts["rows"],
        "trained_on": facts["trained_on"],
        "split": facts["split"],
    }
    return finish(context, content, answer, registered)


def _what_to_do(scored: Mapping[str, Any]) -> str:
    budget, threshold = scored["budget"], scored["detectors"][scored["best"]]["threshold"]
    name = name_of(scored["best"])
    if budget["per_day"]:
        return (
            f"Look at the {budget['amount']:g} oddest rows of every day by {name}; as a fixed threshold, "
            f"{wording.number(threshold)} gives as many a day on average.{_right(scored)}"
        )
    scale = f"from {wording.number(threshold)} on, on {name}'s scale"
    return f"Look at the {budget['alerts']:,} rows {scale}.{_right(scored)}"


def _right(scored: Mapping[str, Any]) -> str:
    """How many of the alerts are to be expected right."""
    if scored["n_positive"] is None:
        return ""
    best, alerts = scored["detectors"][scored["best"]], scored["budget"]["alerts"]
    low, high = wilson(best["found"], alerts, level=LEVEL)
    return (
        f" Expect {wording.share(best['precision_at_budget'])} of them to be right ({wording.share(low)} to "
        f"{wording.share(high)}); {scored['n_positive'] - best['found']:,} of {scored['n_positive']:,} are missed."
    )


def _trained_on(facts: Mapping[str, Any], scored: Mapping[str, Any]) -> str:
    said = f"The detectors were trained on {facts['trained_on']} ({facts['split']['train']:,} rows)."
    if facts["label"] is None or len(scored["detectors"]) < 2:
        return said
    said += " The best was chosen on the rows it is measured on here, which flatters it a little"
    return f"{said}; {alike_in_words(scored['best'], scored['not_told_apart'])}." if _alike(scored) else f"{said}."


def _alike(scored: Mapping[str, Any]) -> bool:
    return bool(scored["not_told_apart"])


def _threshold_note(scored: Mapping[str, Any]) -> str:
    if not scored["budget"]["per_day"]:
        return ""
    each = f"{scored['budget']['amount']:g}"
    return f"The threshold gives {each} alerts a day on average; the budget takes the {each} oddest rows of every day."


def _precision_interval(score: np.ndarray, truth: np.ndarray | None) -> tuple[float, float] | None:
    return None if truth is None else average_precision_interval(truth, score, level=LEVEL)


def _figures(scored: Mapping[str, Any], precision: tuple[float, float] | None) -> tuple[Figure, ...]:
    best = scored["detectors"][scored["best"]]
    alerts = Figure(label="alerts", value=scored["budget"]["alerts"], unit="count", note=scored["budget"]["said"])
    rows = Figure(label="rows scored", value=scored["rows"], unit="count", note="held out, not trained on")
    if scored["n_positive"] is None or precision is None:
        return (rows, alerts)
    low, high = wilson(best["found"], scored["budget"]["alerts"], level=LEVEL)
    return (
        Figure(
            label="found within the budget",
            value=best["recall_at_budget"],
            low=best["recall_low"],
            high=best["recall_high"],
            unit="share",
            note=f"{best['found']:,} of {scored['n_positive']:,}, with {LEVEL:.0%} probability",
        ),
        Figure(
            label="of the alerts are right",
            value=best["precision_at_budget"],
            low=low,
            high=high,
            unit="share",
            note=f"{best['found']:,} of {scored['budget']['alerts']:,}",
        ),
        Figure(
            label="average precision",
            value=best["average_precision"],
            low=precision[0],
            high=precision[1],
            note=f"guessing: {wording.score(scored['base_rate'])}",
        ),
        rows,
    )


def _would_change(facts: Mapping[str, Any], scored: Mapping[str, Any]) -> tuple[str, ...]:
    told = []
    if facts["label"] is None:
        told.append("A label, even for some hundred rows: without one nothing can be measured.")
    elif scored["n_positive"] < 50:
        alike = f"; {alike_in_words(scored['best'], scored['not_told_apart'])}" if _alike(scored) else ""
        told.append(f"More anomalies to measure on: {scored['n_positive']:,} are few, the intervals are wide{alike}.")
    elif _alike(scored):
        alike = alike_in_words(scored["best"], scored["not_told_apart"])
        told.append(f"More anomalies to measure on, or another sample: {alike}.")
    if facts["time"] is None:
        told.append("A time column: rows were split at random, which later data may not resemble.")
    return tuple(told)


def _detectors(
    scored: Mapping[str, Any], scores: pd.DataFrame, truth: Any, day: list[int] | None
) -> tuple[Detector, ...]:
    made = []
    for kind, each in scored["detectors"].items():
        labelled = {}
        if truth is not None:
            labelled = {
                "found": _with_band(
                    found_curve(name_of(kind), scores[kind].tolist(), truth.tolist(), day=day), int(truth.sum())
                ),
                "average_precision": each["average_precision"],
                "auroc": each["auroc"],
                "recall_at_budget": Interval(
                    mean=each["recall_at_budget"], low=each["recall_low"], high=each["recall_high"], level=LEVEL
                ),
            }
        made.append(
            Detector(
                name=name_of(kind),
                threshold=each["threshold"],
                recommended=kind == scored["best"],
                **labelled,
            )
        )
    return tuple(made)


def _with_band(curve: Curve, n: int) -> Curve:
    """With Wilson's interval of the share found, of `n` anomalies."""
    ends = [wilson(round(share * n), n, level=LEVEL) for share in curve.y]
    return replace(curve, low=[low for low, _ in ends], high=[high for _, high in ends])


def _budget(scored: Mapping[str, Any]) -> Budget:
    if scored["budget"]["per_day"]:
        return Budget(alerts=scored["budget"]["amount"], unit="alerts a day")
    return Budget(alerts=scored["budget"]["alerts"])


def _oddest(
    context: StageContext, facts: Mapping[str, Any], scored: Mapping[str, Any], *, labelled: bool
) -> tuple[OddRow, ...]:
    values: dict[int, dict[str, Any]] = {}
    if context.own["show_rows"]:
        test = read_rows(context.input("prepare", "test.parquet")).set_index(ROW)
        of_day = [each.name for each in Schema.from_json(facts["schema"]) if each.of_day]
        test = test.assign(**{name: spelled_out(pd.Series(test[name])) for name in of_day})
        shown = test.drop(columns=[each for each in (POSITIVE, TIME) if each in test])
        values = {each["row"]: {str(k): v for k, v in shown.loc[each["row"]].items()} for each in scored["oddest"]}
    return tuple(
        OddRow(
            row=each["row"],
            score=each["score"],
            reasons=tuple((column, share) for column, share in each["reasons"]),
            is_anomaly=each["is_anomaly"] if labelled else None,
            values=values.get(each["row"]),
        )
        for each in scored["oddest"]
    )
