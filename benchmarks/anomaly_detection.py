"""Where f-AnoGAN stands on nine tables of ADBench (Han et al. 2022, arXiv:2206.09426), beside isolation forest and kNN.

The protocol was fixed beforehand: half of the normal rows (drawn by the seed, at most 10,000) to train, the other half
(at most 10,000) and all anomalies to test; three seeds; every detector with its defaults, the same for all tables. The
defaults were chosen on other data (see `detectors/f_anogan.py`).

    f-anogan              whitened residuals, the default
    f-anogan, plain       the same trained game, scored by the paper's A(x) = A_R + κ·A_D
    f-anogan, untrained   two steps instead of 4,500: what whitened residuals of random networks tell already
    isolation-forest, knn ours
    PyOD IForest, KNN     the same methods of another library, its defaults, columns standardised
"""

from __future__ import annotations

import dataclasses
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.preprocessing import StandardScaler

from benchmarks._common import ROOT, markdown, save
from ganforge.detectors.f_anogan import FAnoGAN
from ganforge.detectors.isolation_forest import IsolationForest
from ganforge.detectors.knn import KNN
from ganforge.errors import GanforgeWarning

TITLE = "Anomaly detection on nine tables of ADBench"
TABLES = (
    "2_annthyroid",
    "6_cardio",
    "23_mammography",
    "25_musk",
    "26_optdigits",
    "28_pendigits",
    "32_shuttle",
    "40_vowels",
    "44_Wilt",
)
SEEDS = (0, 1, 2)
MOST = 10_000
RANKED = ("f-anogan", "isolation-forest", "knn")
"""Those whose mean rank is given; the others are variants of these."""


def data_folder() -> Path:
    """Where the tables are: `<folder>/anomalies/*.npz`, by GANFORGE_DATA or beside the repository."""
    return Path(os.environ.get("GANFORGE_DATA", ROOT.parent / "shared" / "data"))


def split(y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of the training half of the normal rows, and of what is tested on."""
    normal = np.random.default_rng(seed).permutation(np.flatnonzero(y == 0))
    half = len(normal) // 2
    return normal[:half][:MOST], np.concatenate([normal[half:][:MOST], np.flatnonzero(y == 1)])


Scores = dict[str, tuple[np.ndarray, float]]
"""By detector: scores of the test rows, seconds to fit and score."""


def score_all(train: np.ndarray, test: np.ndarray, seed: int) -> Scores:
    found: Scores = {}

    def timed(name: str, make: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        detector = make()
        found[name] = (detector.decision_function(test), time.perf_counter() - began)
        return detector

    game = timed("f-anogan", lambda: FAnoGAN(random_state=seed).fit(train))
    began = time.perf_counter()
    game.image_, game.feature_ = (dataclasses.replace(each, whitening=None) for each in (game.image_, game.feature_))
    found["f-anogan, plain"] = (game.decision_function(test), time.perf_counter() - began + found["f-anogan"][1])
    timed("f-anogan, untrained", lambda: FAnoGAN(random_state=seed, steps=2).fit(train))
    timed("isolation-forest", lambda: IsolationForest(random_state=seed).fit(train))
    timed("knn", lambda: KNN(random_state=seed).fit(train))
    found.update(_pyod(train, test, seed))
    return found


def _pyod(train: np.ndarray, test: np.ndarray, seed: int) -> Scores:
    from pyod.models.iforest import IForest
    from pyod.models.knn import KNN as PyodKNN

    scaler = StandardScaler().fit(train)
    found: Scores = {}
    for name, model in (("PyOD IForest", IForest(random_state=seed)), ("PyOD KNN", PyodKNN())):
        began = time.perf_counter()
        model.fit(scaler.transform(train))
        found[name] = (model.decision_function(scaler.transform(test)), time.perf_counter() - began)
    return found


def main() -> dict[str, Any]:
    warnings.simplefilter("ignore", GanforgeWarning)  # constant columns, told in the log of every fit
    tables: dict[str, Any] = {}
    for name in TABLES:
        with np.load(data_folder() / "anomalies" / f"{name}.npz") as file:
            X, y = file["X"].astype(np.float64), file["y"].astype(int)
        runs: dict[str, dict[str, list[float]]] = {}
        for seed in SEEDS:
            train, test = split(y, seed)
            for detector, (scores, seconds) in score_all(X[train], X[test], seed).items():
                run = runs.setdefault(detector, {"auroc": [], "average_precision": [], "seconds": []})
                run["auroc"].append(round(float(roc_auc_score(y[test], scores)), 5))
                run["average_precision"].append(round(float(average_precision_score(y[test], scores)), 5))
                run["seconds"].append(round(seconds, 2))
        tables[name] = {
            "rows": len(y),
            "columns": X.shape[1],
            "anomalies": int(y.sum()),
            "trained_on": len(train),
            "tested_on": len(test),
            "detectors": runs,
        }
        line = ", ".join(f"{each} {np.median(run['auroc']):.3f}" for each, run in runs.items())
        print(f"{name}: {line}", flush=True)
    figures = {"seeds": SEEDS, "most_rows": MOST, "tables": tables, "mean_rank": mean_ranks(tables)}
    return save("anomaly_detection", figures)


def mean_ranks(tables: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Among RANKED, by the median over seeds of each measure; 1 is best, ties share."""
    ranks: dict[str, dict[str, float]] = {}
    for measure in ("auroc", "average_precision"):
        medians = [[np.median(each["detectors"][name][measure]) for name in RANKED] for each in tables.values()]
        mean = rankdata(-np.array(medians), axis=1).mean(axis=0)
        ranks[measure] = {name: round(float(rank), 3) for name, rank in zip(RANKED, mean, strict=True)}
    return ranks


def table(figures: dict[str, Any]) -> str:
    tables = figures["tables"]
    names = list(next(iter(tables.values()))["detectors"])
    parts = [
        f"Half of the normal rows to train, the other half and all anomalies to test (at most {figures['most_rows']:,} "
        f"normal rows each); {len(figures['seeds'])} seeds; one set of defaults for all tables, chosen on other data."
    ]
    for measure, title in (("auroc", "AUROC"), ("average_precision", "average precision")):
        rows = []
        for name, each in tables.items():
            cells = []
            for detector in names:
                values = each["detectors"][detector][measure]
                cells.append(f"{np.median(values):.3f} ({min(values):.3f}–{max(values):.3f})")
            rows.append([name.split("_", 1)[1], *cells])
        medians = {name: [np.median(each["detectors"][name][measure]) for each in tables.values()] for name in names}
        rows.append(["mean", *(f"{np.mean(medians[name]):.3f}" for name in names)])
        rows.append(
            ["mean rank of three", *(f"{figures['mean_rank'][measure].get(name, float('nan')):.2f}" for name in names)]
        )
        body = markdown(["table", *names], rows).replace("nan", "")
        parts.append(f"Median {title} (lowest–highest of the seeds):\n\n{body}")
    seconds = {
        name: np.median([s for each in tables.values() for s in each["detectors"][name]["seconds"]]) for name in names
    }
    parts.append(
        "Seconds on the clock to fit and score, median, at the load below, which slows all of them: "
        + ", ".join(f"{name} {seconds[name]:.1f}" for name in names)
        + "."
    )
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
