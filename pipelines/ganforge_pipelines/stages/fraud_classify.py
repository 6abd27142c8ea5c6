"""Stage `classify` of the flow `fraud`: the arm that the verdict recommends, trained on all of the training part.

classify  the parts, the synthetic rows and the verdict  → classifier/, its threshold chosen on the training part over
          folds like the judge's (see `ganforge.downstream.operating`, for what a generator knows of them, too), held
          against test.parquet

Which classifier, how many rows and where they come from is what the folds chose for that arm (`downstream.search`): a
figure of the verdict says nothing of a model that was trained in another way.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from ganforge.data.splits import twin_groups
from ganforge.data.table import Table
from ganforge.downstream.arms import CLASS_WEIGHTS, OVERSAMPLING, SMOTE
from ganforge.downstream.augmenting import rows_wanted
from ganforge.downstream.balancing import balanced_rows
from ganforge.downstream.classifiers import Classifier, make_classifier
from ganforge.downstream.intervals import LEVEL
from ganforge.downstream.operating import average_precision_interval
from ganforge.downstream.resampling import Protocol, joined
from ganforge.errors import GanforgeWarning
from ganforge_pipelines.stages.context import StageContext
from ganforge_pipelines.stages.curves import precision_recall
from ganforge_pipelines.stages.gating import followed
from ganforge_pipelines.stages.operating import operated
from ganforge_pipelines.stages.rows import ENTITY, FILE, rows_of
from ganforge_pipelines.stages.tables import DAY, kinds_of, positives, read_part, read_rows


def classify(context: StageContext) -> str:
    """Train the classifier on all of the training part, as the verdict recommends and the gate allows, choose its
    threshold there, and hold both against the test part."""
    facts, own = context.json("prepare", "facts.json"), context.own
    verdict = followed(context.json("judge", "verdict.json"), context.json("sample", "quality.json"))
    real = read_part(context.input("prepare", "train.parquet"), facts)
    test = read_rows(context.input("prepare", "test.parquet"))
    arm = verdict["arms"][verdict["recommended"]]
    name = _classifier(own["classifier"], arm["classifier"])
    rare = positives(real.frame[facts["target"]], facts)
    seen = real.drop(*_hidden(facts))
    synthetic = None
    if arm["synthetic"]:
        made = read_part(context.input("sample", "synthetic.parquet"), facts).drop(*_hidden(facts)).frame
        synthetic = made.sample(frac=1, random_state=context.seed, ignore_index=True)  # any first n of all kinds alike

    def fitted(places: np.ndarray) -> tuple[Classifier, int]:
        part, positive = seen.take(places), rare[places]
        added = _added(verdict["recommended"], arm["ratio"], part, positive, synthetic, context.seed)
        frame = part.frame if added is None else pd.concat([part.frame, added], ignore_index=True)
        positive = np.append(positive, np.ones(len(frame) - len(part), dtype=bool))
        rows = Table.of(frame, schema=kinds_of(part.schema), source=facts["source"])
        weight = "balanced" if verdict["recommended"] == CLASS_WEIGHTS else None
        model = make_classifier(name, random_state=context.seed, class_weight=weight)
        return model.fit(rows, positive, positive=True, real=part), len(frame)  # as every fold had them

    classifier, trained_on = fitted(np.arange(len(real)))
    classifier.save(context.out / "classifier")
    truth = positives(test[facts["target"]], facts)
    score = _scores(classifier, test, facts)
    recall, precision = precision_recall(truth, score)
    low, high = average_precision_interval(truth, score, random_state=context.seed)
    figures = {
        "average_precision": float(average_precision_score(truth, score)),
        "auroc": float(roc_auc_score(truth, score)),
        "base_rate": float(truth.mean()),
    }
    chosen = operated(
        real.frame,
        rare,
        test,
        truth,
        score,
        amount=facts["amount"],
        alert_cost=context.section("judge")["alert_cost"],
        scored=lambda train, held: _scores(fitted(train)[0], real.frame.iloc[held], facts),
        protocol=_protocol(context, real, facts),
        seed=context.seed,
    )
    context.write_json("metrics.json", figures)
    context.write_json(
        "test.json",
        {
            **figures,
            "average_precision_interval": {"low": low, "high": high, "level": LEVEL},
            "arm": verdict["recommended"],
            "classifier": name,
            "rows": len(truth),
            "n_positive": int(truth.sum()),
            "trained_on": trained_on,
            "threshold": chosen.threshold,
            "operating": chosen.to_json(),
        },
    )
    rows = zip(recall, precision, strict=True)
    context.write_csv("precision_recall.csv", ["recall", "precision"], rows)
    return (
        f"{name}, arm {verdict['recommended']}: {figures['average_precision']:.3f} average precision on "
        f"{len(truth):,} rows; {chosen.found:,} of {chosen.positives:,} found in {chosen.alerts:,} alerts from "
        f"{chosen.threshold:.3g} on"
    )


def _protocol(context: StageContext, real: Table, facts: Any) -> Protocol:
    """How rows may be told apart when the threshold is chosen: as in the judge's folds."""
    time = None if facts["time"] is None else real.time(facts["time"])
    twins = twin_groups(real, leave_out=[facts["target"]])
    if facts["group"] is None:
        return Protocol(groups=twins, time=time, gap=facts["gap"] * DAY)
    entities = rows_of(context.input("prepare", FILE), "train")[ENTITY].to_numpy()
    return Protocol(groups=joined(entities, twins), entities=entities, time=time, gap=facts["gap"] * DAY)


def _classifier(asked: str | None, judged: str) -> str:
    """The one that the verdict chose for its arm, unless another one was asked for; told, since nobody judged it."""
    if asked is None or asked == judged:
        return judged
    warnings.warn(
        f"classify.classifier={asked}: the folds chose {judged} for the arm that is registered, and the verdict's "
        f"figures are of that one; nobody judged the arm with {asked}. null registers what was judged",
        GanforgeWarning,
        stacklevel=2,
    )
    return asked


def _added(
    name: str, ratio: float | None, seen: Table, rare: np.ndarray, synthetic: pd.DataFrame | None, seed: int
) -> pd.DataFrame | None:
    """What the arm adds to these rows to bring them to its ratio; SMOTE finds neighbours in what a classifier sees."""
    if ratio is None:
        return None
    count = int(rare.sum())
    if synthetic is None:
        arm = OVERSAMPLING if name == SMOTE and count < 2 else name  # a single row has no neighbour; so do the trials
        return balanced_rows(arm, seen, rare, ratio=ratio, random_state=seed)
    return synthetic.iloc[: rows_wanted(positives=count, negatives=len(rare) - count, ratio=ratio)]


def _hidden(facts: Any) -> list[str]:
    """Columns that no classifier sees."""
    return list(dict.fromkeys([facts["target"], *facts["unseen"]]))


def _scores(classifier: Classifier, rows: pd.DataFrame, facts: Any) -> np.ndarray:
    return classifier.predict_proba(rows.drop(columns=_hidden(facts)))[:, 1]
