"""Stage `report` of the flow `fraud`: the answer on one page, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.schema import Schema
from ganforge.downstream.sentence import display_name
from ganforge.quality.marginals import marginal_distances
from ganforge_pipelines.report.aggregates import band, compare_columns
from ganforge_pipelines.report.content import FraudReport
from ganforge_pipelines.report.parts import Figure, Number
from ganforge_pipelines.stages.context import StageContext
from ganforge_pipelines.stages.fraud import positives
from ganforge_pipelines.stages.reporting import arms, common, finish, judged_shorter
from ganforge_pipelines.stages.tables import read_part

FEW = 50
"""Rows of the rare class below which more of them would tell most."""


def report(context: StageContext) -> str:
    """Write report.html and answer.json."""
    facts, verdict = context.json("prepare", "facts.json"), context.json("judge", "verdict.json")
    test, sampled = context.json("classify", "test.json"), context.json("sample", "metrics.json")
    registered = context.json("register", "registered.json")
    real = read_part(context.input("prepare", "train.parquet"), facts).frame
    synthetic = read_part(context.input("sample", "synthetic.parquet"), facts).frame
    rare = real.loc[positives(real[facts["target"]], facts)]
    columns, fidelity = _fidelity(rare, synthetic, facts, seed=context.seed)
    content = FraudReport(
        sentence=verdict["sentence"],
        what_to_do=_what_to_do(verdict),
        figures=_figures(verdict, test, later=facts["time"] is not None),
        would_change=_would_change(verdict, facts),
        measure=verdict["measure"],
        base_rate=verdict["base_rate"],
        positive=f"rows with {facts['positive']}",
        classifier=verdict["classifier"],
        arms=arms(verdict),
        precision_recall=tuple(
            band(
                display_name(name),
                [(curve["recall"], curve["precision"]) for curve in folds],
                recommended=name == verdict["recommended"],
            )
            for name, folds in verdict["curves"].items()
            if folds
        ),
        columns=columns,
        fidelity=fidelity,
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
    if recommended == "none":
        return "Nothing to change: train on the real rows as they are."
    if verdict["arms"][recommended]["adds_rows"]:
        return f"Balance the training rows by {name}, as the model registered here does; leave out the generator's."
    return f"Train with {name}; leave the synthetic rows out."


def _figures(verdict: Mapping[str, Any], test: Mapping[str, Any], *, later: bool) -> tuple[Figure, ...]:
    none, best = verdict["arms"]["none"], verdict["arms"][verdict["recommended"]]
    made = [(name, each) for name, each in verdict["arms"].items() if each["synthetic"]]
    figures = [Figure(label="with nothing added", value=none["mean"], note="average precision over folds")]
    if best is not none:
        figures.append(
            Figure(label=f"with {display_name(verdict['recommended'])}", value=best["mean"], note="recommended")
        )
    for name, each in made[:1]:
        difference = each["difference"]
        figures.append(
            Figure(
                label=f"change by {display_name(name)}'s rows",
                value=difference["mean"],
                low=difference["low"],
                high=difference["high"],
                unit="difference",
                note=f"{difference['level']:.0%} interval, against nothing added",
            )
        )
    figures.append(
        Figure(
            label="rows it rests on",
            value=verdict["n_rows"],
            unit="count",
            note=f"{verdict['n_positive']:,} of them of the rare class",
        )
    )
    if len(figures) < 4:
        figures.insert(
            1,
            Figure(label="on later data" if later else "on held-out rows", value=test["average_precision"]),
        )
    return tuple(figures[:4])


def _would_change(verdict: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[str, ...]:
    told = []
    if verdict["n_positive"] < FEW:
        told.append(f"More rows of the rare class: {verdict['n_positive']:,} are few, and the intervals are wide.")
    if verdict["outcome"] == "undecided":
        more = f"About {verdict['lacking']:,} more rows of the rare class" if verdict["lacking"] else "More rows"
        told.append(f"{more}, or more folds: whether the synthetic rows help is open.")
    if facts["time"] is None:
        told.append("A time column: rows were split at random, which later data may not resemble.")
    told.extend(judged_shorter(verdict))
    told.append("A longer training of the generator (`--preset full`), or another classifier.")
    return tuple(told)


def _fidelity(rare: pd.DataFrame, synthetic: pd.DataFrame, facts: Mapping[str, Any], *, seed: int) -> Any:
    """The synthetic rows against the real ones of the rare class, beside two halves of these against each other."""
    schema = Schema.from_json(facts["schema"])
    names = tuple(each for each in schema if each.name != facts["target"])
    features = Schema(names)
    distances = marginal_distances(synthetic, rare, schema=features).set_index("column")["distance"]
    floors = _floors(rare, features, seed=seed)
    columns = compare_columns(rare, synthetic, distances=distances.to_dict(), floors=floors)
    mean_floor = float(np.mean(list(floors.values()))) if floors else None
    fidelity = (
        Number(
            name="mean distance of a column",
            value=float(distances.mean()),
            floor=mean_floor,
            note="0: the same distribution; the floor is two halves of the real rows",
        ),
        Number(name="worst column", value=float(distances.max()), floor=max(floors.values(), default=None)),
    )
    return columns, fidelity


def _floors(rare: pd.DataFrame, features: Schema, *, seed: int) -> dict[str, float]:
    """Column → distance between two random halves of the real rows: what chance alone makes."""
    order = np.random.default_rng(seed).permutation(len(rare))
    half = len(rare) // 2
    if half < 2:
        return {}
    halves = marginal_distances(rare.iloc[order[:half]], rare.iloc[order[half:]], schema=features)
    return halves.set_index("column")["distance"].to_dict()
