"""Stage `report` of the flow `fraud`: the answer on one page, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ganforge.downstream.arms import THRESHOLD
from ganforge.downstream.classifiers import CLASSIFIERS
from ganforge.downstream.intervals import corrected_interval
from ganforge.downstream.sentence import display_name
from ganforge_pipelines.report import wording
from ganforge_pipelines.report.aggregates import band
from ganforge_pipelines.report.content import FraudReport
from ganforge_pipelines.report.evidence import CostCurve, Reliability
from ganforge_pipelines.report.parts import Figure
from ganforge_pipelines.stages.context import StageContext
from ganforge_pipelines.stages.gating import followed
from ganforge_pipelines.stages.reporting import arms, common, finish, judged_shorter, longer, seat
from ganforge_pipelines.stages.reporting_rows import shown_rows
from ganforge_pipelines.stages.tables import positives, read_part

LEAST = 5
"""Rows of the rare class in a bin of the reliability chart below which its share is mostly chance."""
FEW = 50
"""Rows of the rare class below which more of them would tell most."""


def report(context: StageContext) -> str:
    """Write report.html and answer.json."""
    facts, quality = context.json("prepare", "facts.json"), context.json("sample", "quality.json")
    verdict = followed(context.json("judge", "verdict.json"), quality)
    test, sampled = context.json("classify", "test.json"), context.json("sample", "metrics.json")
    registered = context.json("register", "registered.json")
    real = read_part(context.input("prepare", "train.parquet"), facts).frame
    synthetic = read_part(context.input("sample", "synthetic.parquet"), facts).frame
    rare = real.loc[positives(real[facts["target"]], facts)]
    rows = shown_rows(rare, synthetic, facts, quality, seed=context.seed)
    content = FraudReport(
        sentence=verdict["sentence"],
        what_to_do=f"{_what_to_do(verdict)} {_threshold_to_use(test)}",
        figures=_figures(verdict, test, later=facts["split"]["later"]),
        would_change=_would_change(context, verdict, facts),
        measure=verdict["measure"],
        base_rate=verdict["base_rate"],
        positive=f"rows with {facts['positive']}",
        classifier=verdict["classifier"],
        arms=arms(verdict),
        seat=seat(verdict),
        rope=verdict["rope"],
        cost=_cost(test, facts),
        negatives_a_fold=_a_fold(verdict, verdict["n_rows"] - verdict["n_positive"]),
        positives_a_fold=_a_fold(verdict, verdict["n_positive"]),
        group=facts["group"] or "",
        reliability=_reliability(verdict),
        precision_recall=tuple(
            band(
                display_name(name),
                [(curve["recall"], curve["precision"]) for curve in folds],
                recommended=name == verdict["recommended"],
            )
            for name, folds in verdict["curves"].items()
            if folds and name != THRESHOLD  # it moves along the curve of "none"
        ),
        **rows,
        n_synthetic=sampled["rows"],
        copies_dropped=sampled["copies_dropped"],
        **common(context, facts, registered),
    )
    answer = {
        "recommended": verdict["recommended"],
        "outcome": verdict["outcome"],
        "measure": verdict["measure"],
        "base_rate": verdict["base_rate"],
        "arms": verdict["arms"],
        "test": test,
        "gate": {name: quality[name] for name in ("passed", "sentence", "gates")},
        "synthetic": sampled,
        "rows": facts["rows"],
        "n_positive": facts["n_positive"],
        "split": facts["split"],
    }
    return finish(context, content, answer, registered)


def _what_to_do(verdict: Mapping[str, Any]) -> str:
    recommended, name = verdict["recommended"], display_name(verdict["recommended"])
    if verdict["arms"][recommended]["synthetic"]:
        return "Use the rows of synthetic.parquet in training, beside the real ones; the model registered here does."
    if verdict["outcome"] == "unlearned":
        return "Leave the model aside: no arm is clearly better than guessing. Look for what tells the classes apart."
    if recommended == "none":
        return "Nothing to change: train on the real rows as they are."
    if verdict["arms"][recommended]["adds_rows"]:
        return f"Balance the training rows by {name}, as the model registered here does; leave out the generator's."
    return f"Train with {name}; leave the synthetic rows out."


def _with(arm: str) -> str:
    return "with nothing added" if arm == "none" else f"with {display_name(arm)}"


def _threshold_to_use(test: Mapping[str, Any]) -> str:
    at = test["operating"]
    if at["cost"] >= at["nothing"]:
        return "Looking at alerts costs as much as it saves: do not alert by this model at these costs."
    return (
        f"Raise an alert from a score of {wording.score(at['threshold'])} on: of {at['rows']:,} rows held out "
        f"{at['alerts']:,} were to be looked at, {at['found']:,} of {at['positives']:,} were found, at "
        f"{wording.share(at['cost'] / at['nothing'])} of the cost of never looking."
    )


def _cost(test: Mapping[str, Any], facts: Mapping[str, Any]) -> CostCurve:
    at = test["operating"]
    return CostCurve(
        thresholds=at["curve"]["threshold"],
        cost=at["curve"]["cost"],
        alerts=at["curve"]["alerts"],
        found=at["curve"]["found"],
        chosen=at["threshold"],
        at_chosen=(at["cost"], at["alerts"], at["found"]),
        nothing=at["nothing"],
        alert_cost=at["alert_cost"],
        n_rows=at["rows"],
        n_positive=at["positives"],
        unit=facts["amount"] or "",
        low=at["low"],
        high=at["high"],
        level=at["level"],
    )


def _figures(verdict: Mapping[str, Any], test: Mapping[str, Any], *, later: bool) -> tuple[Figure, ...]:
    """What it was, what it is on rows held out, what the generator changes and how sure that is, what it rests on."""
    none, arms = verdict["arms"]["none"], verdict["arms"]
    interval = corrected_interval(none["folds"], test_to_train=verdict["test_to_train"], level=verdict["level"])
    held = test["average_precision_interval"]
    made = max((name for name in arms if arms[name]["synthetic"]), key=lambda name: arms[name]["mean"], default=None)
    changed = verdict["recommended"] if verdict["recommended"] != "none" else made
    figures = [
        Figure(
            label="with nothing added",
            value=none["mean"],
            low=max(interval.low, 0.0),
            high=min(interval.high, 1.0),
            note="average precision, mean of the folds",
        ),
        Figure(
            label=f"{'on later data' if later else 'on rows held out'}, {_with(test['arm'])}",
            value=test["average_precision"],
            low=held["low"],
            high=held["high"],
            note=f"{test['n_positive']:,} of {test['rows']:,} rows are of the rare class",
        ),
    ]
    if changed is not None:
        difference, sure = arms[changed]["difference"], arms[changed]["against_none"]
        enough = wording.margin(verdict["rope"])
        note = (
            f"against nothing added, with {difference['level']:.0%} probability; better by more than {enough}: "
            f"{sure['better']:.0%}"
        )
        figures.append(
            Figure(
                label=f"change by {display_name(changed)}{chr(39) + 's rows' if arms[changed]['synthetic'] else ''}",
                value=difference["mean"],
                low=difference["low"],
                high=difference["high"],
                unit="difference",
                note=note,
            )
        )
    figures.append(
        Figure(
            label="rows it rests on",
            value=verdict["n_rows"],
            unit="count",
            note=f"{verdict['n_positive']:,} of them of the rare class, in {len(none['folds'])} folds",
        )
    )
    return tuple(figures)


def _would_change(context: StageContext, verdict: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[str, ...]:
    told = []
    if verdict["n_positive"] < FEW:
        told.append(f"More rows of the rare class: {verdict['n_positive']:,} are few, and the intervals are wide.")
    if verdict["outcome"] == "undecided":
        more = f"About {verdict['lacking']:,} more rows of the rare class" if verdict["lacking"] else "More rows"
        told.append(f"{more}, or more folds: whether the synthetic rows help is open.")
    if not facts["split"]["later"]:
        told.append(f"A time column: rows were split {facts['split']['how']}, which later data may not resemble.")
    told.extend(judged_shorter(verdict))
    told.extend(longer(context))
    tried = context.manifests()["judge"].parameters["fraud.judge"]["classifier"]
    untried = [each for each in CLASSIFIERS if each not in tried]
    if untried:
        told.append(f"Another classifier beside them (`--set 'judge.classifier=[{', '.join((*tried, *untried))}]'`).")
    return tuple(told)


def _a_fold(verdict: Mapping[str, Any], rows: int) -> int:
    """About how many of `rows` one test part holds."""
    return round(rows * verdict["test_to_train"] / (1 + verdict["test_to_train"]))


def _reliability(verdict: Mapping[str, Any]) -> tuple[Reliability, ...]:
    """Of the best arm that adds rows, and of nothing added."""
    arms = verdict["arms"]
    adding = sorted((name for name in arms if arms[name]["adds_rows"]), key=lambda name: -arms[name]["mean"])
    made = []
    for name in (*adding[:1], "none"):
        told = arms[name].get("details", {})
        points, mended = (_points(told.get(each, ())) for each in ("reliability", "reliability_recalibrated"))
        if points:
            made.append(Reliability(name=display_name(name), points=points, mended=mended))
    return tuple(made)


def _points(bins: Any) -> tuple[tuple[float, float, int], ...]:
    """Neighbouring bins are taken together until there are `LEAST` rows of the rare class in each."""
    merged: list[np.ndarray] = []
    sums = np.zeros(3)
    for each in reversed(list(bins)):
        sums += each["rows"] * np.array([each["predicted"], each["observed"], 1.0])
        if sums[1] >= LEAST:
            merged.append(sums)
            sums = np.zeros(3)
    if sums[2]:
        merged.append(sums)
    return tuple((said / rows, so / rows, int(rows)) for said, so, rows in reversed(merged))
