"""One trial of the verdict: a scarce sample of a large table, judged, and what its arms are worth on the rest.

    table ─▶ 15 to 200 positives, 1,000 to 3,500 negatives ─▶ judge ─▶ every arm's folds and inner scores
         └─▶ the untouched rest  ◀─ every arm, trained on the whole sample as its verdict says

All that `conclude` needs is kept, so that another rule can be tried on trials that have been run.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import json
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

import ganforge
from benchmarks._common import data_folder
from ganforge.data.features import PaymentFeatures
from ganforge.data.readers import read_table
from ganforge.data.table import Table
from ganforge.data.targets import binary_target
from ganforge.downstream.arms import CLASS_WEIGHTS, SMOTE, THRESHOLD, Verdict
from ganforge.downstream.augmenting import synthetic_positives
from ganforge.downstream.balancing import copied_rows, smote_rows
from ganforge.downstream.classifiers import CLASSIFIERS
from ganforge.downstream.resampling import Protocol
from ganforge.downstream.search import Candidate, Rows, Search
from ganforge.downstream.verdict import judge
from ganforge.errors import GanforgeWarning
from ganforge.synthesis.ctgan import TunedCTGAN

TABLES = {
    "creditcard": ("fraud/creditcard_casecontrol.csv.gz", "Class", ("Time",)),
    "fraud_handbook": ("fraud/fraud_handbook.parquet", "TX_FRAUD", ()),
    "bank_marketing": ("tables/bank_marketing.csv.gz", "y", ("duration",)),  # known only after the call
    "cardio_disease": ("tables/cardio_disease.csv.gz", "cardio", ("id",)),
    "default_credit_clients": ("tables/default_credit_clients.csv.gz", "default.payment.next.month", ("ID",)),
}
"""File, target, columns left out. The Handbook's payments come with `PaymentFeatures`, without dates and names."""
HERE = Path(__file__)
POSITIVES = (15, 50, 100, 200)
NEGATIVES = (1_000, 1_000, 1_000, 2_000, 1_000, 1_000, 1_000, 3_500)
"""In turns: most trials are small ones, since what is hard is scarcity."""
STEPS = 100
"""CTGAN's, in the trials that have it as an arm; the quick preset gives it ten times as many."""
RATIO = 0.5
"""Positives per negative after adding rows, where nothing is chosen on inner folds."""
REST = (1_500, 5_000)
"""Positives and negatives that are kept back, at most."""
TRAININGS = 2
"""How often each arm is trained on the whole sample, with seeds of its own: the truth is their mean."""
HANDBOOK = pd.Timestamp("2018-05-01"), pd.Timestamp("2018-06-08"), pd.Timestamp("2018-08-01")
"""Payments known of, payments that may be drawn from, and the end: the longest window is full by then."""


@dataclass(frozen=True)
class Plan:
    """One trial to run."""

    table: str
    positives: int
    negatives: int
    seed: int
    steps: int
    """Of CTGAN; 0: the trial has no generator."""
    classifier: str
    """The one there is, with `RATIO`; "": the quick preset's three and its ratios, chosen on inner folds."""

    @property
    def key(self) -> tuple[Any, ...]:
        return self.table, self.positives, self.negatives, self.seed, self.steps, self.classifier


def plans(*, chosen: bool = False) -> Iterator[Plan]:
    """In the order in which they are run: 20 a seed, every fourth with CTGAN, the classifiers in turns.

    chosen: with the quick preset's choice on inner folds instead, which costs about seven times as much.
    """
    for seed in range(1_000):
        for size, positives in enumerate(POSITIVES):
            for place, table in enumerate(TABLES):
                number = (seed * len(POSITIVES) + size) * len(TABLES) + place
                negatives = NEGATIVES[number % len(NEGATIVES)]
                classifier = "" if chosen else CLASSIFIERS[(place + size + seed) % len(CLASSIFIERS)]
                yield Plan(table, positives, negatives, seed, 0 if (number + seed) % 4 else STEPS, classifier)


def run(plan: Plan) -> dict[str, Any]:
    """The trial as plain values; what each means stands in `_told`."""
    table, target = load_table(plan.table)
    sample, rest, truth = drawn(plan, table, target)
    generator = {"ctgan": TunedCTGAN(steps=plan.steps, random_state=plan.seed)} if plan.steps else {}
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore", GanforgeWarning)
        began = time.process_time()
        verdict = judge(
            sample,
            target,
            synthesizer=generator,
            classifiers=plan.classifier or None,
            sampling_strategy=RATIO if plan.classifier else None,
            inner_folds=0 if plan.classifier else None,
            random_state=plan.seed,
            checkpoints=folder,
        )
        judged = time.process_time()
        results = _results(Path(folder), list(verdict.arms))
        worth = on_the_rest(verdict, sample, target, generator, table.frame.iloc[rest], truth, plan.seed)
    seconds = {"judge": round(judged - began, 1), "rest": round(time.process_time() - judged, 1)}
    kept_back = {"positives": int(truth.sum()), "negatives": int((~truth).sum())}
    return {**_told(plan, sample, verdict, results), "rest": worth, "rest_rows": kept_back, "seconds": seconds}


def _told(plan: Plan, sample: Table, verdict: Verdict, results: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return {
        **plan.__dict__,
        "day": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "code": code_version(),
        "data": sample.fingerprint,
        "n_rows": verdict.n_rows,
        "base_rate": round(verdict.base_rate, 6),
        "test_to_train": round(verdict.test_to_train, 6),
        "resolution": round(verdict.resolution, 6),
        "synthetic": [name for name, arm in verdict.arms.items() if arm.synthetic],
        "arms": {
            name: {
                "classifier": verdict.arms[name].classifier,
                "ratio": verdict.arms[name].ratio,
                **{
                    measure: [_rounded(each["measures"][measure]) for each in found]
                    for measure in ("average_precision", "auroc", "brier", "brier_recalibrated")
                },
                "chosen": [Candidate(each["classifier"], each["ratio"]).key for each in found],
                "inner": [{key: _rounded(value) for key, value in each["inner"].items()} for each in found],
                "seconds": round(sum(each["seconds"] for each in found), 1),
            }
            for name, found in results.items()
        },
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def _results(folder: Path, arms: list[str]) -> dict[str, list[dict[str, Any]]]:
    """By arm, what `judge` wrote down of each fold; the tuned threshold ranks as the arm "none" and is left out."""
    found: dict[str, dict[int, dict[str, Any]]] = {name: {} for name in arms if name != THRESHOLD}
    for path in folder.glob("*-fold-*.json"):
        for name, result in json.loads(path.read_text(encoding="utf-8"))["results"].items():
            if name in found:
                found[name][int(path.stem.rpartition("-")[2])] = result
    return {name: [folds[k] for k in sorted(folds)] for name, folds in found.items()}


# -- the table, the sample, the rest -------------------------------------------------------------------------------


@functools.cache
def load_table(name: str) -> tuple[Table, str]:
    """The whole table and its target."""
    path, target, left_out = TABLES[name]
    if name == "fraud_handbook":
        return handbook(), target
    table = read_table(data_folder() / path)
    return table.drop(*left_out), target


def handbook() -> Table:
    """Payments of eight weeks with what is known of customer and terminal at that moment."""
    columns = {"time": "TX_DATETIME", "customer": "CUSTOMER_ID", "terminal": "TERMINAL_ID", "amount": "TX_AMOUNT"}
    frame = pd.read_parquet(data_folder() / TABLES["fraud_handbook"][0], columns=[*columns.values(), "TX_FRAUD"])
    begin, first, end = HANDBOOK
    frame = frame[(frame["TX_DATETIME"] >= begin) & (frame["TX_DATETIME"] < end)].reset_index(drop=True)
    made = PaymentFeatures(**columns, target="TX_FRAUD").fit_transform(frame)
    whole = pd.concat([frame[["TX_AMOUNT"]], made, frame[["TX_FRAUD"]]], axis=1)
    return Table.of(whole[(frame["TX_DATETIME"] >= first).to_numpy()].reset_index(drop=True), source="fraud_handbook")


def drawn(plan: Plan, table: Table, target: str) -> tuple[Table, np.ndarray, np.ndarray]:
    """The sample, rows of the table that are kept back, and which of these are positive."""
    positive = binary_target(table, target).positive
    rng = np.random.default_rng([plan.seed, plan.positives])
    sides = [rng.permutation(np.flatnonzero(side)) for side in (positive, ~positive)]
    sizes = plan.positives, plan.negatives
    some = np.sort(np.concatenate([side[:size] for side, size in zip(sides, sizes, strict=True)]))
    kept = [side[size : size + most] for side, size, most in zip(sides, sizes, REST, strict=True)]
    rest = np.sort(np.concatenate(kept))
    frame = table.frame.iloc[some].reset_index(drop=True)
    return Table.of(frame, schema=table.schema.kinds(), source=plan.table), rest, positive[rest]


# -- the truth -----------------------------------------------------------------------------------------------------


def on_the_rest(
    verdict: Verdict,
    sample: Table,
    target: str,
    generator: dict[str, Any],
    rest: pd.DataFrame,
    truth: np.ndarray,
    seed: int,
) -> dict[str, list[float]]:
    """Arm → average precision on the rest, one a training on the whole sample as the verdict says.

    The rest is weighted to the sample's share of positives. What leaves nothing to chance is trained once, and so is
    a generator, for what it costs.
    """
    positive = binary_target(sample, target).positive
    odds = (positive.sum() / (~positive).sum()) / (truth.sum() / (~truth).sum())
    weight = np.where(truth, odds, 1.0)
    every, features = np.arange(len(positive)), sample.drop(target)
    matrices: dict[bool, np.ndarray] = {}
    worth: dict[str, list[float]] = {}
    for name, arm in verdict.arms.items():
        if name == THRESHOLD:
            continue
        chance = (arm.ratio is not None or arm.classifier == "random-forest") and not arm.synthetic
        for training in range(TRAININGS if chance else 1):
            random_state = seed + 100_000 * training
            search = Search.over(
                features,
                positive,
                Protocol(groups=every),
                classifiers={arm.classifier: None},
                inner_folds=0,
                weighted=name == CLASS_WEIGHTS,
                random_state=random_state,
            )
            gaps = search.gaps(arm.classifier)
            if gaps not in matrices:
                matrices[gaps] = search.features(gaps).transform(rest)
            rows = None
            if arm.ratio is not None:
                rows = _added(name, arm.ratio, sample, target, generator, search, random_state)
            model = search.trained(Candidate(arm.classifier, arm.ratio), every, rows)
            score = search.score(model, matrices[gaps])
            reached = float(average_precision_score(truth, score, sample_weight=weight))
            worth.setdefault(name, []).append(round(reached, 5))
    return worth


def _added(
    arm: str, ratio: float, sample: Table, target: str, generator: dict[str, Any], search: Search, random_state: int
) -> Rows:
    """What an arm adds to the whole sample."""
    wanted = search.wanted(np.arange(len(search.positive)), ratio)
    if arm in generator:
        model = generator[arm].__class__(**{**generator[arm].get_params(), "random_state": random_state}).fit(sample)
        return Rows(search, synthetic_positives(model, sample, target, rows=wanted, random_state=random_state).frame)
    make = smote_rows if arm == SMOTE else copied_rows
    return Rows(search, make(search.table, search.positive, wanted, random_state=random_state))


@functools.cache
def code_version() -> str:
    """ganforge's version and a hash of the code that a trial's figures hang on; a commit may be written anew."""
    package = Path(ganforge.__file__).parent
    digest = hashlib.sha256()
    for path in [*sorted((package / "downstream").glob("*.py")), *sorted((package / "gans").glob("*ctgan*.py")), HERE]:
        digest.update(path.read_bytes())
    return f"{ganforge.__version__}+{digest.hexdigest()[:12]}"
