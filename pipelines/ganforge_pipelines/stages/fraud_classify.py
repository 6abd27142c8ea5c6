"""Stage `classify` of the flow `fraud`: the arm that the verdict recommends, trained on all of the training part.

classify  the parts, the synthetic rows and the verdict  → classifier/, its threshold chosen on the training part (see
          `operating.py`), held against test.parquet
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from ganforge.data.table import Table
from ganforge.downstream.arms import CLASS_WEIGHTS
from ganforge.downstream.balancing import balanced_rows
from ganforge.downstream.classifiers import Classifier, make_classifier
from ganforge.downstream.intervals import LEVEL
from ganforge.downstream.operating import average_precision_interval
from ganforge_pipelines.stages.context import StageContext
from ganforge_pipelines.stages.curves import precision_recall
from ganforge_pipelines.stages.gating import followed
from ganforge_pipelines.stages.operating import operated
from ganforge_pipelines.stages.tables import kinds_of, positives, read_part, read_rows


def classify(context: StageContext) -> str:
    """Train the classifier on all of the training part, as the verdict recommends and the gate allows, choose its
    threshold there, and hold both against the test part."""
    facts, own = context.json("prepare", "facts.json"), context.own
    verdict = followed(context.json("judge", "verdict.json"), context.json("sample", "quality.json"))
    real = read_part(context.input("prepare", "train.parquet"), facts)
    test = read_rows(context.input("prepare", "test.parquet"))
    arm = verdict["arms"][verdict["recommended"]]
    synthetic = read_part(context.input("sample", "synthetic.parquet"), facts).frame if arm["synthetic"] else None
    rare = positives(real.frame[facts["target"]], facts)

    def fitted(places: np.ndarray) -> tuple[Classifier, int]:
        frame = _training_rows(real.take(places), rare[places], synthetic, len(places) / len(real), verdict, context)
        return _fitted(frame, real, facts, own["classifier"], verdict["recommended"], context.seed), len(frame)

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
        seed=context.seed,
    )
    context.write_json("metrics.json", figures)
    context.write_json(
        "test.json",
        {
            **figures,
            "average_precision_interval": {"low": low, "high": high, "level": LEVEL},
            "arm": verdict["recommended"],
            "classifier": own["classifier"],
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
        f"{own['classifier']}, arm {verdict['recommended']}: {figures['average_precision']:.3f} average precision on "
        f"{len(truth):,} rows; {chosen.found:,} of {chosen.positives:,} found in {chosen.alerts:,} alerts from "
        f"{chosen.threshold:.3g} on"
    )


def _training_rows(
    real: Table,
    rare: np.ndarray,
    synthetic: pd.DataFrame | None,
    share: float,
    verdict: Any,
    context: StageContext,
) -> pd.DataFrame:
    """The real rows and what the recommended arm adds to them; of the synthetic rows `share`."""
    arm = verdict["arms"][verdict["recommended"]]
    if synthetic is not None:
        some = synthetic if share == 1 else synthetic.sample(frac=share, random_state=context.seed)
        return pd.concat([real.frame, some], ignore_index=True)
    if arm["adds_rows"]:
        added = balanced_rows(verdict["recommended"], real, rare, ratio=arm["ratio"], random_state=context.seed)
        return pd.concat([real.frame, added], ignore_index=True)
    return real.frame


def _fitted(frame: pd.DataFrame, real: Table, facts: Any, name: str, arm: str, seed: int) -> Classifier:
    hidden = [facts["target"], *facts["unseen"]]
    classifier = make_classifier(name, random_state=seed, class_weight="balanced" if arm == CLASS_WEIGHTS else None)
    kinds = {column: kind for column, kind in kinds_of(real.schema).items() if column not in hidden}
    features = Table.of(frame.drop(columns=hidden), schema=kinds, source=facts["source"])  # as every fold had them
    return classifier.fit(features, positives(frame[facts["target"]], facts), positive=True)


def _scores(classifier: Classifier, rows: pd.DataFrame, facts: Any) -> np.ndarray:
    return classifier.predict_proba(rows.drop(columns=[facts["target"], *facts["unseen"]]))[:, 1]
