"""Flow `anomalies`: which detector finds most of the anomalies within what can be looked at?

prepare   a file                  → train.parquet (rows to learn what is normal from), test.parquet, facts.json
train     train.parquet           → detectors/<kind>/ and f-AnoGAN's losses
score     test.parquet, detectors → scores.parquet, scored.json, and in model/ the detector that found most
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ganforge.catalog import CATALOG, load_model
from ganforge.data.clocks import offsets_east
from ganforge.data.schema import plain
from ganforge.data.splits import stratified_split, twin_groups
from ganforge.data.table import Table
from ganforge.data.targets import binary_target
from ganforge.data.writers import write_table
from ganforge.errors import InputError, UnsuitableDataError
from ganforge_pipelines.report.aggregates import found_curve
from ganforge_pipelines.stages.budget import Budget
from ganforge_pipelines.stages.context import StageContext, StageProgress
from ganforge_pipelines.stages.found import best_of, figures_of, name_of, not_told_apart, sentence_of
from ganforge_pipelines.stages.models import build_model, checked_options, write_training
from ganforge_pipelines.stages.models import train as train_model
from ganforge_pipelines.stages.rows import write_table_rows
from ganforge_pipelines.stages.scoring import new_in
from ganforge_pipelines.stages.tables import (
    DAY,
    learned_from,
    period_of,
    read_input,
    read_part,
    read_rows,
    split_by_time,
    without,
    write_part,
)

KINDS = tuple(each.kind for each in CATALOG.values() if each.role == "detector")
ROW, POSITIVE, TIME = "ganforge_row", "ganforge_positive", "ganforge_time"
"""Columns of test.parquet beside the features: number in the file from 1, whether it is an anomaly, seconds by the
clock that the file is written in."""


def prepare(context: StageContext) -> str:
    """Read, split, and keep of the training part the rows that are to say what is normal."""
    own = context.own
    table = read_input(context)
    label, time = own["label"], own["time"]
    target = None if label is None else binary_target(table, label)
    positive = np.zeros(len(table), dtype=bool) if target is None else target.positive
    seconds = None if time is None else table.time(time)
    clock = None
    if time is not None and seconds is not None:
        clock = seconds + offsets_east(table, time, path=context.workspace.path(own["data"]))
    train_rows, test_rows, how = _split(table, positive, own, seed=context.seed)
    normal_only = own["train_on"] == "normal"
    if normal_only and target is None:
        raise InputError("train_on=normal needs a label that says which rows are normal; name it, or train on all")
    if normal_only:
        train_rows = train_rows[~positive[train_rows]]
    if target is not None:
        _check_held_out(positive[test_rows], own)
    leave_out = [each for each in own["leave_out"] if each in table.schema]
    features = without(table, leave_out, keep={})
    features = features.drop(*[each for each in (label, time) if each is not None and each in features.schema])
    if not len(features.schema):
        raise UnsuitableDataError(f"{own['data']}: no column is left to learn from beside the label and the time")
    learned = learned_from(features, train_rows)
    write_part(context, "train.parquet", learned)
    test = features.frame.iloc[test_rows].reset_index(drop=True)
    beside = {ROW: test_rows + 1, POSITIVE: positive[test_rows]}
    if clock is not None:
        beside[TIME] = clock[test_rows]
    write_table(test.assign(**beside), context.out / "test.parquet")
    fingerprinted = write_table_rows(
        context, table, {"train": train_rows, "test": test_rows}, target=label, entity=None
    )
    trained_on = f"the rows that {label} calls normal" if normal_only else "all rows of the training part"
    headline = f"{len(table):,} rows" + (f", {int(positive.sum()):,} anomalies" if target is not None else ", no label")
    context.write_json(
        "facts.json",
        {
            "source": own["data"],
            "headline": headline,
            "rows": len(table),
            "label": label,
            "time": time,
            "positive": None if target is None else target.positive_label,
            "positive_values": [] if target is None else [plain(each) for each in target.positive_values],
            "n_positive": None if target is None else target.n_positive,
            "left_out": leave_out,
            "trained_on": trained_on,
            "split": {"how": how, "train": len(train_rows), "test": len(test_rows)},
            "days": None if clock is None else len(np.unique(calendar_days(clock[test_rows]))),
            "fingerprint": table.fingerprint,
            "fingerprinted": fingerprinted,
            "period": period_of(table, time),
            "schema": learned.schema.to_json(),
        },
    )
    return f"{len(train_rows):,} rows to train on ({trained_on}), {len(test_rows):,} held out ({how})"


def _split(
    table: Table, positive: np.ndarray, own: Mapping[str, Any], *, seed: int
) -> tuple[np.ndarray, np.ndarray, str]:
    left_out = {each for each in (*own["leave_out"], own["label"]) if each is not None and each in table.schema}
    if own["time"] is not None:
        share, gap = own["test_share"], own["gap"]
        train, test = split_by_time(table, own["time"], leave_out=left_out, test_share=share, gap=gap)
        return train, test, f"by {own['time']}"
    groups = twin_groups(table, leave_out=left_out)
    train, test = stratified_split(positive, test_share=own["test_share"], random_state=seed, groups=groups)
    return train, test, "at random"


def _check_held_out(positive: np.ndarray, own: Mapping[str, Any]) -> None:
    if positive.all() or not positive.any():
        what = "anomalies only" if positive.all() else "no anomaly"
        raise UnsuitableDataError(
            f"{own['data']}: the {len(positive):,} rows held out hold {what}, so nothing can be measured; "
            "raise anomalies.prepare.test_share, or leave --time out"
        )


def train(context: StageContext) -> str:
    """Fit every detector on the same rows."""
    facts, own = context.json("prepare", "facts.json"), context.own
    table = read_part(context.input("prepare", "train.parquet"), facts)
    kinds = list(dict.fromkeys(own["detectors"]))
    options = checked_options(own["options"], kinds)
    trainings = {}
    for position, kind in enumerate(kinds):
        context.on_progress(StageProgress(step=position, steps=len(kinds), phase=name_of(kind)))
        model = build_model(kind, own, seed=context.seed, trainer=context.trainer, options=options[kind], family=KINDS)
        training = train_model(context, model, table, name=kind)
        if training is not None:
            trainings[kind] = training
        model.save(context.out / "detectors" / kind)
    write_training(context, trainings)
    return ", ".join(name_of(kind) for kind in kinds)


def score(context: StageContext) -> str:
    """Score the rows held out, and see which detector finds most within the budget."""
    facts = context.json("prepare", "facts.json")
    test = read_rows(context.input("prepare", "test.parquet"))
    budget = Budget.parse(context.own["budget"])
    day = calendar_days(test[TIME].to_numpy()) if budget.per_day and TIME in test else None
    truth = None if facts["label"] is None else test[POSITIVE].to_numpy(dtype=bool)
    rows = test.drop(columns=[each for each in (ROW, POSITIVE, TIME) if each in test])
    folders = sorted(context.input("train", "detectors").iterdir(), key=lambda each: KINDS.index(each.name))
    models = {folder.name: load_model(folder) for folder in folders}
    scores: dict[str, np.ndarray] = {}
    for position, (kind, model) in enumerate(models.items()):
        context.on_progress(StageProgress(step=position, steps=len(models), phase=name_of(kind)))
        scores[kind] = model.decision_function(rows)
    figures = {kind: figures_of(each, truth, budget, day=day) for kind, each in scores.items()}
    best = best_of(figures)
    alike, chance = ([], {}) if truth is None else not_told_apart(scores, truth, budget, figures, day=day)
    raised = budget.raised(scores[best], day=day)
    sentence = sentence_of(figures, best, budget, facts, rows=len(test), alerts=len(raised), alike=alike)
    unseen, newly_missing = new_in(models[best])
    oddest, reasons = _oddest(models[best], scores[best], test, rows, raised)
    context.write_json(
        "scored.json",
        {
            "sentence": sentence,
            "best": best,
            "not_told_apart": alike,
            "chance_of_such_a_gap": chance,
            "budget": {
                "said": str(budget),
                "alerts": len(raised),
                "per_day": budget.per_day,
                "share": budget.share,
                "amount": budget.amount,
            },
            "rows": len(test),
            "n_positive": None if truth is None else int(truth.sum()),
            "base_rate": None if truth is None else float(truth.mean()),
            "detectors": figures,
            "oddest": oddest,
            "reasons": reasons,
            "unseen": unseen,
            "newly_missing": newly_missing,
        },
    )
    context.write_json(
        "metrics.json",
        {
            kind: {name: value for name, value in each.items() if isinstance(value, float)}
            for kind, each in figures.items()
        },
    )
    _write_scores(context, test, scores, truth, day)
    shutil.copytree(context.input("train", "detectors") / best, context.out / "model")
    return sentence


def calendar_days(seconds: np.ndarray) -> np.ndarray:
    """(N,) int: the day of each, from midnight to midnight. seconds: `TIME`, by the clock the file is written in."""
    return np.floor(seconds / DAY).astype(np.int64)


def _oddest(
    model: Any, score: np.ndarray, test: pd.DataFrame, rows: pd.DataFrame, raised: np.ndarray
) -> tuple[list[dict[str, Any]], list[list[Any]]]:
    """The ten oddest rows by number, and which columns carry the scores over the top alerts (at most 200)."""
    top = raised[:200]
    explained = model.explain(rows.iloc[top], top=min(3, rows.shape[1]))
    weights: dict[str, float] = {}
    oddest = []
    for position, place in enumerate(top):
        line = explained.iloc[position]
        pairs = [
            [str(line[f"reason_{k}"]), float(line[f"share_{k}"])]
            for k in range(1, 4)
            if f"reason_{k}" in line and line[f"reason_{k}"] is not None
        ]
        for column, share in pairs:
            weights[column] = weights.get(column, 0.0) + share / len(top)
        if position < 10:
            oddest.append(
                {
                    "row": int(test[ROW].iloc[place]),
                    "score": float(score[place]),
                    "reasons": pairs,
                    "is_anomaly": bool(test[POSITIVE].iloc[place]),
                }
            )
    return oddest, [[column, weight] for column, weight in sorted(weights.items(), key=lambda pair: -pair[1])]


def _write_scores(
    context: StageContext,
    test: pd.DataFrame,
    scores: Mapping[str, np.ndarray],
    truth: np.ndarray | None,
    day: np.ndarray | None,
) -> None:
    frame = pd.DataFrame({"row": test[ROW], **scores})
    if day is not None:
        frame["day"] = day
    if truth is not None:
        frame["is_anomaly"] = truth
    write_table(frame, context.out / "scores.parquet")
    lines: list[list[Any]] = []
    if truth is not None:
        for kind, score in scores.items():
            curve = found_curve(kind, score.tolist(), truth.tolist(), day=None if day is None else day.tolist())
            lines += [[kind, x, y] for x, y in zip(curve.x, curve.y, strict=True)]
    context.write_csv("found.csv", ["detector", "alerts", "found"], lines)
