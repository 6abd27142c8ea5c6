"""What features of a payment's past cost, and what they tell, on the Fraud Detection Handbook's own simulated data.

    GANFORGE_DATA=FOLDER python -m benchmarks.payment_features      # holds fraud/fraud_handbook.parquet

Cost: all 1.75 million payments in one pass, with the peak of memory of that process, and one payment served from the
history that is kept. Worth: gradient boosting, trained on four weeks, tested on a week that begins seven days later
(labels come that late), with each scenario's frauds against the honest payments. Times are processor times.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks._common import markdown, save
from ganforge.data.features import PaymentFeatures
from ganforge.downstream.classifiers import make_classifier
from ganforge.errors import InputError

TITLE = "Features of a payment's past"
ROLES = {"time": "TX_DATETIME", "customer": "CUSTOMER_ID", "terminal": "TERMINAL_ID", "amount": "TX_AMOUNT"}
TARGET, SCENARIO = "TX_FRAUD", "TX_FRAUD_SCENARIO"
BEGIN, TRAIN_DAYS, GAP_DAYS, TEST_DAYS = pd.Timestamp("2018-07-01"), 28, 7, 7
SERVED, SEEDS = 200, 3


def main() -> dict[str, Any]:
    frame = pd.read_parquet(_file(), columns=[*ROLES.values(), TARGET, SCENARIO])
    cost = json.loads(_in_a_process("cost"))
    return save("payment_features", {"cost": cost, "served_ms": _served(frame), **_worth(frame)})


def _file() -> Path:
    folder = Path(os.environ.get("GANFORGE_DATA", "../shared/data"))
    path = folder / "fraud" / "fraud_handbook.parquet"
    if not path.is_file():
        raise InputError(f"no {path}; set GANFORGE_DATA to the folder that holds fraud/fraud_handbook.parquet")
    return path


def _features() -> PaymentFeatures:
    return PaymentFeatures(**ROLES, target=TARGET)


def cost() -> dict[str, float]:
    """Seconds of the processor; gigabytes of the process at its peak, once the frame is read and once all is made."""
    frame = pd.read_parquet(_file(), columns=[*ROLES.values(), TARGET])
    before, began = _peak(), time.process_time()
    made = _features().fit_transform(frame)
    seconds = time.process_time() - began
    return {"rows": len(frame), "features": made.shape[1], "seconds": seconds, "frame_gb": before, "peak_gb": _peak()}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _in_a_process(what: str) -> str:
    command = [sys.executable, "-m", "benchmarks.payment_features", what]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().splitlines()[-1]


def _served(frame: pd.DataFrame) -> dict[str, float]:
    """One payment at a time from the history of all before it, as it is read back from JSON."""
    state = PaymentFeatures.from_json(json.loads(json.dumps(_features().fit(frame[:-SERVED]).to_json())))
    spent = []
    for k in range(len(frame) - SERVED, len(frame)):
        row = frame.iloc[[k]].drop(columns=TARGET)
        began = time.process_time()
        state.partial_fit(row).transform(row)
        spent.append(1e3 * (time.process_time() - began))
    return {"median": statistics.median(spent), "most": max(spent), "history": len(state.history_)}


def _worth(frame: pd.DataFrame) -> dict[str, Any]:
    made = _features().fit_transform(frame)
    day = (frame[ROLES["time"]] - BEGIN) / pd.Timedelta(days=1)
    train = ((day >= 0) & (day < TRAIN_DAYS)).to_numpy()
    begin = TRAIN_DAYS + GAP_DAYS
    test = ((day >= begin) & (day < begin + TEST_DAYS)).to_numpy()
    raw = frame[list(ROLES.values())]
    inputs = {
        "the columns as they are": raw,
        "amount, hour and weekday, and the features": pd.concat([raw[[ROLES["time"], ROLES["amount"]]], made], axis=1),
    }
    y, scenario = frame[TARGET].to_numpy(), frame[SCENARIO].to_numpy()[test]
    scores = {"the amount itself, no model": [frame.loc[test, ROLES["amount"]].to_numpy()]}
    for name, columns in inputs.items():
        scores[name] = []
        for seed in range(SEEDS):
            model = make_classifier("gradient-boosting", random_state=seed)
            model.fit(columns[train].reset_index(drop=True), y[train])
            scores[name].append(model.predict_proba(columns[test])[:, 1])
    return {
        "train": {"rows": int(train.sum()), "frauds": int(y[train].sum())},
        "test": {"rows": int(test.sum()), "frauds": {str(k): int((scenario == k).sum()) for k in (1, 2, 3)}},
        "by_scenario": {name: _told(scenario, each) for name, each in scores.items()},
    }


def _told(scenario: np.ndarray, scores: list[np.ndarray]) -> dict[str, dict[str, float]]:
    """AUROC and average precision of all frauds, and of each scenario's beside the honest ones; medians over seeds."""
    told = {}
    for name, rows in {"all": scenario >= 0, **{str(k): (scenario == 0) | (scenario == k) for k in (1, 2, 3)}}.items():
        truth = scenario[rows] > 0
        told[name] = {
            measure: statistics.median(float(of(truth, each[rows])) for each in scores)
            for measure, of in (("auroc", roc_auc_score), ("average_precision", average_precision_score))
        }
    return told


def table(figures: dict[str, Any]) -> str:
    spent, served, test = figures["cost"], figures["served_ms"], figures["test"]
    frauds = test["frauds"]
    scenarios = [f"scenario {k} ({count:,})" for k, count in frauds.items()]
    rows = [
        [name, *(f"{told[k]['auroc']:.3f} / {told[k]['average_precision']:.3f}" for k in ("all", *frauds))]
        for name, told in figures["by_scenario"].items()
    ]
    head = ["gradient boosting on", f"all {sum(frauds.values()):,} frauds", *scenarios]
    return (
        f"{spent['features']} features of {spent['rows']:,} payments in {spent['seconds']:.1f} s of one core; the "
        f"process peaks at {spent['peak_gb']:.2f} GB, {spent['frame_gb']:.2f} of which were there once the frame was "
        f"read. One payment served beside a history of {served['history']:,}: {served['median']:.1f} ms (at most "
        f"{served['most']:.1f}).\n\n"
        f"AUROC / average precision, trained on {figures['train']['rows']:,} payments of four weeks, tested on "
        f"{test['rows']:,} of a week that begins seven days later:\n\n{markdown(head, rows)}"
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["cost"]:
        print(json.dumps(cost()))
    else:
        print(table(main()))
