"""Is the verdict right? Scarce samples of large tables, judged, then held against the rows that were kept back.

    GANFORGE_DATA=FOLDER python -m benchmarks.verdict_trials [TRIALS]       # that many more; 4 where none is said
    GANFORGE_TRIALS_STEPS=1000 …                                            # with CTGAN of so many steps as an arm

A trial takes 15 to 200 positives beside 1,000 negatives of a table, judges them with the quick preset, then trains
every arm as its verdict says (classifier, ratio) on the whole sample and scores the untouched rest, weighted to the
sample's share of positives. Regret: average precision there of the best arm less that of the recommended one. The
results file grows: a trial that is in it is not run again.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from benchmarks._common import data_folder, load, markdown, save
from ganforge.data.readers import read_table
from ganforge.data.table import Table
from ganforge.downstream.applying import augmented
from ganforge.downstream.arms import CLASS_WEIGHTS, NONE, Arm, Verdict
from ganforge.downstream.leaks import MARK
from ganforge.downstream.posteriors import ROPE
from ganforge.downstream.resampling import Protocol
from ganforge.downstream.search import Candidate, Rows, Search, fitted_score
from ganforge.downstream.verdict import judge
from ganforge.errors import GanforgeWarning
from ganforge.synthesis.ctgan import CTGAN

TITLE = "The verdict against the rows kept back"
TABLES = {
    "creditcard": ("fraud/creditcard_casecontrol.csv.gz", "Class", ("Time",)),
    "bank_marketing": ("tables/bank_marketing.csv.gz", "y", ("duration",)),  # known only after the call
    "cardio_disease": ("tables/cardio_disease.csv.gz", "cardio", ("id",)),
    "default_credit_clients": ("tables/default_credit_clients.csv.gz", "default.payment.next.month", ("ID",)),
}
POSITIVES = (15, 50, 100, 200)
NEGATIVES = 1_000
REST = 12_000
"""Rows kept back at most."""
BINS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)


def main(trials: int = 4) -> dict[str, Any]:
    kept = load("verdict_trials")
    done: list[dict[str, Any]] = list(kept["figures"]["trials"]) if kept else []
    steps = int(os.environ.get("GANFORGE_TRIALS_STEPS", "0"))
    known = {(each["table"], each["positives"], each["seed"], each["steps"]) for each in done}
    for name, positives, seed in _plan():
        if trials == 0:
            break
        if (name, positives, seed, steps) in known:
            continue
        done.append(_trial(name, positives, seed, steps))
        print(f"{name}, {positives} positives, seed {seed}: {done[-1]['recommended']}, {done[-1]['rest']}", flush=True)
        save("verdict_trials", _figures(done))
        trials -= 1
    return _figures(done)


def _plan() -> Iterator[tuple[str, int, int]]:
    for seed in range(1_000):
        for positives in POSITIVES:
            for name in TABLES:
                yield name, positives, seed


def _trial(name: str, positives: int, seed: int, steps: int) -> dict[str, Any]:
    path, target, left_out = TABLES[name]
    table = read_table(data_folder() / path)
    table = table.drop(*[each for each in left_out if each in table.schema])
    positive = _positive(table, target)
    rng = np.random.default_rng([seed, positives])
    some = np.concatenate([
        rng.permutation(np.flatnonzero(positive))[:positives], rng.permutation(np.flatnonzero(~positive))[:NEGATIVES]
    ])  # fmt: skip
    rest = rng.permutation(np.setdiff1d(np.arange(len(table)), some))[:REST]
    sample = Table.of(table.frame.iloc[np.sort(some)].reset_index(drop=True), schema=table.schema.kinds(), source=name)
    generator = {"ctgan": CTGAN(steps=steps, random_state=seed)} if steps else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GanforgeWarning)
        verdict = judge(sample, target, synthesizer=generator, random_state=seed)
        scores = {
            arm: _on_the_rest(sample, target, arm, each, verdict, generator, table, rest, positive[rest], seed)
            for arm, each in verdict.arms.items()
        }
    return {
        "table": name,
        "positives": positives,
        "seed": seed,
        "steps": steps,
        "recommended": verdict.recommended,
        "outcome": verdict.outcome,
        "judged": {arm: round(each.mean, 4) for arm, each in verdict.arms.items()},
        "better": {arm: round(each.p_better_than_none or 0.0, 4) for arm, each in verdict.arms.items()},
        "rest": {arm: round(score, 4) for arm, score in scores.items()},
    }


def _on_the_rest(
    sample: Table,
    target: str,
    name: str,
    arm: Arm,
    verdict: Verdict,
    generator: dict[str, Any],
    table: Table,
    rest: np.ndarray,
    truth: np.ndarray,
    seed: int,
) -> float:
    """Average precision of an arm trained on the whole sample, the rest weighted to the sample's share of positives."""
    positive = _positive(sample, target)
    search = Search.over(
        sample.drop(target),
        positive,
        Protocol(groups=np.arange(len(sample))),
        classifiers={arm.classifier: None},
        inner_folds=0,
        weighted=name == CLASS_WEIGHTS,
        random_state=seed,
    )
    draw = None
    if arm.adds_rows and arm.ratio is not None:
        made = augmented(
            sample, target, arm=name, ratio=arm.ratio, synthesizer=generator.get(name), random_state=seed
        ).frame
        added = made[made[MARK].to_numpy(dtype=bool)].drop(columns=[MARK, target])
        rows = Rows(search, pd.DataFrame(added))
        draw = lambda places, most: rows  # noqa: E731
    score, _ = fitted_score(search, Candidate(arm.classifier, arm.ratio), draw, table.frame.iloc[rest])
    odds = (positive.sum() / (~positive).sum()) / (truth.sum() / (~truth).sum())
    return float(average_precision_score(truth, score, sample_weight=np.where(truth, odds, 1.0)))


def _positive(table: Table, target: str) -> np.ndarray:
    return (table.frame[target].astype(str).isin(["1", "1.0", "yes", "True"])).to_numpy(dtype=bool)


# -- what they say together ----------------------------------------------------------------------------------------


def _figures(trials: list[dict[str, Any]]) -> dict[str, Any]:
    regret = np.array([max(each["rest"].values()) - each["rest"][each["recommended"]] for each in trials])
    harm = np.array([each["rest"][NONE] - each["rest"][each["recommended"]] for each in trials])
    few = np.array([each["positives"] < 50 for each in trials])
    stated = np.array([each["better"][arm] for each in trials for arm in each["rest"] if arm != NONE])
    true = np.array([
        each["rest"][arm] - each["rest"][NONE] > ROPE for each in trials for arm in each["rest"] if arm != NONE
    ])  # fmt: skip
    return {
        "n": len(trials),
        "regret": {"below 50": _mean(regret[few]), "50 and more": _mean(regret[~few])},
        "worse_than_nothing": float((harm > 0.02).mean()),
        "reliability": _reliability(stated, true),
        "trials": trials,
    }


def _mean(values: np.ndarray) -> dict[str, Any]:
    """The mean with its 90 % interval by resampling the trials."""
    if not len(values):
        return {"mean": None, "low": None, "high": None, "n": 0}
    rng = np.random.default_rng(0)
    means = rng.choice(values, (2_000, len(values))).mean(axis=1)
    low, high = np.quantile(means, [0.05, 0.95])
    return {"mean": float(values.mean()), "low": float(low), "high": float(high), "n": len(values)}


def _reliability(stated: np.ndarray, true: np.ndarray) -> list[dict[str, float]]:
    bins = np.clip(np.digitize(stated, BINS) - 1, 0, len(BINS) - 2)
    return [
        {
            "from": BINS[k], "to": BINS[k + 1], "n": int((bins == k).sum()),
            "stated": float(stated[bins == k].mean()), "true": float(true[bins == k].mean()),
        }
        for k in np.unique(bins)
    ]  # fmt: skip


def table(figures: dict[str, Any]) -> str:
    regret = markdown(
        ["positives", "trials", "mean regret (90 % interval)"],
        [
            (size, each["n"], f"{each['mean']:.3f} ({each['low']:.3f} – {each['high']:.3f})" if each["n"] else "–")
            for size, each in figures["regret"].items()
        ],
    )
    reliability = markdown(
        ["stated P(better than nothing)", "arms", "stated on average", "true"],
        [
            (f"{each['from']:.1f} to {each['to']:.1f}", each["n"], f"{each['stated']:.2f}", f"{each['true']:.2f}")
            for each in figures["reliability"]
        ],
    )
    steps = sorted({each["steps"] for each in figures["trials"]} - {0})
    with_ctgan = f", with CTGAN ({', '.join(map(str, steps))} steps) in some" if steps else ", without a generator"
    return (
        f"{figures['n']} trials on {len({each['table'] for each in figures['trials']})} tables{with_ctgan}; "
        f"recommended arm worse than nothing by more than .02 in {figures['worse_than_nothing']:.0%} of them.\n\n"
        f"{regret}\n\n{reliability}"
    )


if __name__ == "__main__":
    print(table(main(int(sys.argv[1]) if len(sys.argv) > 1 else 4)))
