"""SMOTE on a decision tree over the Handbook's payments: does the verdict say that it harms, and does it?

    GANFORGE_DATA=FOLDER python -m benchmarks.handbook_smote      # holds fraud/fraud_handbook.parquet

Le Borgne et al. 2022 (Fraud Detection Handbook, chapter 6, "Resampling strategies") find that SMOTE lifts a tree's area
under the ROC curve while its average precision falls. Here `judge` is asked with trees alone, on payments of four weeks
with what is known of customer and terminal, time-ordered as the Handbook has it; then both
arms are trained on these weeks and tested on the week that begins seven days later, which the verdict never saw.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from benchmarks._common import data_folder, markdown, save
from ganforge.data.features import PaymentFeatures
from ganforge.data.table import Table
from ganforge.downstream.arms import NONE, OVERSAMPLING, SMOTE
from ganforge.downstream.balancing import balanced_rows
from ganforge.downstream.verdict import judge
from ganforge.errors import GanforgeWarning

TITLE = "SMOTE on the Handbook's payments"
ROLES = {"time": "TX_DATETIME", "customer": "CUSTOMER_ID", "terminal": "TERMINAL_ID", "amount": "TX_AMOUNT"}
TARGET = "TX_FRAUD"
KNOWN, BEGIN = pd.Timestamp("2018-05-25"), pd.Timestamp("2018-07-02")
TRAIN_DAYS, DELAY_DAYS, TEST_DAYS = 28, 7, 7
SHARE = 20
"""One row in so many, so that a judgement takes less than a minute; the features come from all of them."""
TREES = {"depth 5": DecisionTreeClassifier(max_depth=5), "as deep as it goes": DecisionTreeClassifier()}
SEEDS = 2


def main() -> dict[str, Any]:
    train, test = _weeks()
    figures = {
        "train": {"rows": len(train), "frauds": int(train[TARGET].sum())},
        "test": {"rows": len(test), "frauds": int(test[TARGET].sum())},
        "trees": {name: {**_judged(train, tree), "later": _later(train, test, tree)} for name, tree in TREES.items()},
    }
    return save("handbook_smote", figures)


def _weeks() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Four weeks to judge on, thinned, and all of the week to test on."""
    frame = pd.read_parquet(data_folder() / "fraud" / "fraud_handbook.parquet", columns=[*ROLES.values(), TARGET])
    end = BEGIN + pd.Timedelta(days=TRAIN_DAYS + DELAY_DAYS + TEST_DAYS)
    frame = frame[(frame["TX_DATETIME"] >= KNOWN) & (frame["TX_DATETIME"] < end)].reset_index(drop=True)
    made = PaymentFeatures(**ROLES, target=TARGET).fit_transform(frame)
    whole = pd.concat([frame[["TX_DATETIME", "TX_AMOUNT"]], made, frame[[TARGET]]], axis=1)
    day = (frame["TX_DATETIME"] - BEGIN) / pd.Timedelta(days=1)
    some = np.random.default_rng(0).random(len(frame)) < 1 / SHARE
    train = whole[((day >= 0) & (day < TRAIN_DAYS) & some).to_numpy()]
    test = whole[(day >= TRAIN_DAYS + DELAY_DAYS).to_numpy()]
    return train.reset_index(drop=True), test.reset_index(drop=True)


def _judged(train: pd.DataFrame, tree: DecisionTreeClassifier) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GanforgeWarning)
        verdict = judge(
            train,
            TARGET,
            synthesizer={},
            classifiers={"tree": tree},
            arms=(NONE, OVERSAMPLING, SMOTE),
            sampling_strategy=0.5,
            time="TX_DATETIME",
            folds=5,
        )
    arms = {
        name: {
            **{measure: arm.measures[measure].mean for measure in ("average_precision", "auroc", "brier")},
            "brier_recalibrated": arm.measures["brier_recalibrated"].mean,
            "against_none": None if arm.against_none is None else arm.against_none.to_json(),
        }
        for name, arm in verdict.arms.items()
    }
    return {"sentence": verdict.sentence, "recommended": verdict.recommended, "harmful": verdict.harmful, "arms": arms}


def _later(train: pd.DataFrame, test: pd.DataFrame, tree: DecisionTreeClassifier) -> dict[str, dict[str, float]]:
    """The same arms on the week to come; means over seeds of tree and sampling."""
    features = [name for name in train.columns if name not in (TARGET, "TX_DATETIME")]
    positive = train[TARGET].to_numpy() == 1
    table = Table.of(train[features])
    told = {}
    for arm in (NONE, OVERSAMPLING, SMOTE):
        reached = []
        for seed in range(SEEDS):
            x, y = train[features], positive
            if arm != NONE:
                added = balanced_rows(arm, table, positive, ratio=0.5, random_state=seed)
                x, y = pd.concat([x, added]), np.concatenate([y, np.ones(len(added), dtype=bool)])
            model = DecisionTreeClassifier(**{**tree.get_params(), "random_state": seed})
            model.fit(x.astype(float), y)
            score = model.predict_proba(test[features].astype(float))[:, 1]
            reached.append([of(test[TARGET], score) for of in (average_precision_score, roc_auc_score)])
        precision, area = np.mean(reached, axis=0)
        told[arm] = {"average_precision": float(precision), "auroc": float(area)}
    return told


def table(figures: dict[str, Any]) -> str:
    train, test = figures["train"], figures["test"]
    rows, said = [], []
    for tree, found in figures["trees"].items():
        said.append(f"Tree, {tree}: “{found['sentence']}”")
        for name, arm in found["arms"].items():
            worse = arm["against_none"]
            later = found["later"][name]
            rows.append((
                f"{tree}: {name}", f"{arm['average_precision']:.3f}", f"{arm['auroc']:.3f}",
                "" if worse is None else f"{worse['worse']:.2f}",
                f"{later['average_precision']:.3f}", f"{later['auroc']:.3f}",
                f"{arm['brier']:.4f} → {arm['brier_recalibrated']:.4f}",
            ))  # fmt: skip
    head = ["tree: arm", "AP, judged", "AUROC, judged", "P(worse)", "AP, later week", "AUROC, later week", "Brier"]
    return (
        f"{train['rows']:,} payments of four weeks ({train['frauds']} frauds), forward in time; "
        f"later week, {DELAY_DAYS} days on: {test['rows']:,} payments, {test['frauds']} frauds. Brier: the judged "
        f"scores' as they come → recalibrated on real rows held out.\n\n"
        + "\n\n".join(said)
        + f"\n\n{markdown(head, rows)}"
    )


if __name__ == "__main__":
    print(table(main()))
