"""What a new model and the champion are held against each other on: one function a flow.

fraud      average precision on the rows held out
images     accuracy on the pictures held out
anomalies  the share of anomalies found within the budget, on the rows held out; nothing without labels
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ganforge.downstream.paired import Gain, average_precision_gain, share_gain
from ganforge.errors import InputError
from ganforge_pipelines.lineage.scoring import Scorer
from ganforge_pipelines.stages.anomalies import POSITIVE, ROW, TIME, calendar_days
from ganforge_pipelines.stages.budget import Budget
from ganforge_pipelines.stages.context import StageContext
from ganforge_pipelines.stages.pictures import labels_of, read_part
from ganforge_pipelines.stages.promotion import FEWEST_PICTURES, FEWEST_UNSEEN, HeldOut
from ganforge_pipelines.stages.rows import FILE, rows_of
from ganforge_pipelines.stages.tables import positives, read_rows


def fraud(context: StageContext, facts: Any, new: Scorer) -> HeldOut:
    """By average precision; rows of one customer (or group) stand and fall together."""
    test = read_rows(context.input("prepare", "test.parquet"))
    truth = positives(test[facts["target"]], facts)
    features = test.drop(columns=facts["target"])

    def gain(champion: Scorer, unseen: np.ndarray, entity: np.ndarray | None) -> Gain:
        rows = features.loc[unseen]
        one, other = (_answers(each, rows, "probability") for each in (new, champion))
        return average_precision_gain(truth[unseen], one, other, entity=entity)

    return HeldOut(
        rows=_lines(context, len(test)),
        fingerprinted=facts["fingerprinted"],
        measure="average precision",
        whom=f"rows with {facts['positive']}",
        counts=truth,
        fewest=FEWEST_UNSEEN,
        gain=gain,
    )


def images(context: StageContext, facts: Any, new: Scorer) -> HeldOut:
    """By accuracy."""
    test = read_part(context.input("prepare", "test.npz"), facts)
    names = np.array(facts["classes"])[labels_of(test)]

    def gain(champion: Scorer, unseen: np.ndarray, entity: np.ndarray | None) -> Gain:
        del entity  # every picture is one of its own
        right = []
        for scorer in (new, champion):
            answers = scorer.predict(test.pixels[unseen])
            if set(answers.columns) != set(facts["classes"]):
                raise InputError(f"it tells other classes apart: {', '.join(map(str, answers.columns[:12]))}")
            right.append(answers.idxmax(axis=1).to_numpy() == names[unseen])
        return share_gain(*right)

    return HeldOut(
        rows=_lines(context, len(test)),
        fingerprinted=facts["fingerprinted"],
        measure="accuracy",
        whom="pictures",
        counts=np.ones(len(test), dtype=bool),
        fewest=FEWEST_PICTURES,
        gain=gain,
    )


def anomalies(context: StageContext, facts: Any, scored: Any, new: Scorer) -> HeldOut | None:
    """By the share of anomalies found within the budget; a number of alerts in all shrinks with the rows."""
    if facts["label"] is None:
        return None
    test = read_rows(context.input("prepare", "test.parquet"))
    truth = test[POSITIVE].to_numpy(dtype=bool)
    features = test.drop(columns=[each for each in (ROW, POSITIVE, TIME) if each in test])
    told = scored["budget"]

    def gain(champion: Scorer, unseen: np.ndarray, entity: np.ndarray | None) -> Gain:
        del entity
        rows, amount = features.loc[unseen], told["amount"]
        if not told["share"] and not told["per_day"]:
            amount = max(round(amount * unseen.mean()), 1)
        budget = Budget(amount=amount, share=told["share"], per_day=told["per_day"])
        day = calendar_days(test[TIME].to_numpy()[unseen]) if told["per_day"] else None
        found = []
        for scorer in (new, champion):
            raised = np.zeros(len(rows), dtype=bool)
            raised[budget.raised(_answers(scorer, rows, "score"), day=day)] = True
            found.append(raised[truth[unseen]])
        return share_gain(*found)

    return HeldOut(
        rows=_lines(context, len(test)),
        fingerprinted=facts["fingerprinted"],
        measure=f"the share found at {told['said']},",
        whom=f"rows with {facts['positive']}",
        counts=truth,
        fewest=FEWEST_UNSEEN,
        gain=gain,
    )


def _answers(scorer: Scorer, rows: pd.DataFrame, column: str) -> np.ndarray:
    answers = scorer.predict(rows)
    if column not in answers:
        raise InputError(f"it answers with {', '.join(map(str, answers.columns[:12]))} where {column} is asked for")
    return answers[column].to_numpy()


def _lines(context: StageContext, rows: int) -> pd.DataFrame:
    lines = rows_of(context.input("prepare", FILE), "test")
    if len(lines) != rows:
        raise RuntimeError(f"{FILE} tells of {len(lines):,} rows held out, and there are {rows:,}")
    return lines
