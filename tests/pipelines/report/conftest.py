"""Contents as real runs would have them, one a family, to render, to test and to look at."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pandas as pd
import pytest

from ganforge_pipelines.report.aggregates import band, compare_columns, found_curve, score_histogram
from ganforge_pipelines.report.content import (
    AnomaliesReport,
    Arm,
    Budget,
    Changed,
    ClassAccuracy,
    ClassPictures,
    Detector,
    Figure,
    FraudReport,
    ImagesReport,
    Interval,
    LineageStep,
    LossCurves,
    Number,
    Obedience,
    OddRow,
    Report,
    SampleGrid,
    StageTime,
)
from ganforge_pipelines.report.evidence import CostCurve, Distances, GateLine, PairGaps, Reliability
from ganforge_pipelines.report.regions import density_map
from ganforge_pipelines.report.render import render

HASH = "3f9c1e7ab2d4405f96c8e1d7720b5a4cfe01937bd86a2c41905ee3b7c6d8f210"


def common() -> dict:
    """The end that all three share."""
    steps = list(range(0, 1201, 50))
    rng = np.random.RandomState(0)
    wobble = rng.normal(0, 0.05, len(steps))
    return {
        "made": "run 2026-11-22T07-30-12 · seed 0 · ganforge 0.1.0",
        "training": (
            LossCurves.of(
                {
                    "history": [
                        {
                            "step": step,
                            "phase": "adversaries",
                            "losses": {
                                "critic/wasserstein": -0.5 + 0.3 * np.exp(-step / 300) + wobble[k],
                                "critic/gradient penalty": 0.1 + 0.4 * np.exp(-step / 200),
                                "generator/adversarial": 0.6 + wobble[k],
                                "generator/condition": 1.4 * np.exp(-step / 250),
                            },
                            "metric": 0.4 * np.exp(-step / 300) + 0.08 if step % 200 == 0 else None,
                        }
                        for k, step in enumerate(steps)
                    ],
                    "best_step": 1000,
                    "metric_name": "mean marginal distance",
                    "metric_floor": 0.06,
                    "stopped": "steps",
                    "seconds": 38.2,
                },
                title="CTGAN",
            ),
        ),
        "parameters": (
            Changed(name="train.steps", value=1200, default=3000),
            Changed(name="train.trainer", value={"accelerator": "cpu"}, default={"accelerator": "auto"}),
        ),
        "lineage": (
            LineageStep(
                what="Data file",
                name="data/payments.csv",
                hash="9f0c4be2d5f14d0d9d3ac31a4b0a7f11",
                hash_kind="DVC md5",
                command="dvc get . data/payments.csv --rev 6ea390d",
                note="9,847 rows, 87 frauds",
            ),
            LineageStep(what="Split", name="work/fraud/prepare", hash=HASH, command="ganforge stage fraud-prepare"),
            LineageStep(what="Generator", name="work/fraud/train", hash=HASH, command="ganforge stage fraud-train"),
            LineageStep(what="Synthetic file", name="work/fraud/sample/synthetic.parquet", hash=HASH),
            LineageStep(
                what="Classifier",
                name="models:/ganforge-fraud/1",
                hash=HASH,
                command="mlflow artifacts download --artifact-uri models:/ganforge-fraud/1",
            ),
        ),
        "versions": {"ganforge": "0.1.0", "torch": "2.9.1", "scikit-learn": "1.8.0", "python": "3.11.9"},
        "machine": {"processor": "2 cores", "accelerator": "none", "system": "Linux"},
        "stages": tuple(
            StageTime(name=name, seconds=seconds, cached=name == "prepare")
            for name, seconds in [
                ("prepare", 2.1),
                ("train", 38.2),
                ("sample", 1.2),
                ("judge", 95.0),
                ("classify", 3.3),
                ("register", 4.0),
                ("report", 2.2),
            ]
        ),
    }


def payments(n: int, seed: int, *, shifted: bool = False) -> pd.DataFrame:
    rng = np.random.RandomState(seed)
    amount = np.exp(rng.normal(3.6 + 0.3 * shifted, 0.9 - 0.2 * shifted, n)).round(2)
    merchants = ["grocery", "fuel", "restaurant", "online", "travel", "pharmacy", "jewellery"]
    weights = np.array([30, 18, 16, 20, 8, 6, 2.0])
    if shifted:
        weights = weights**0.7
    return pd.DataFrame(
        {
            "booked_at": pd.to_datetime("2026-01-01") + pd.to_timedelta(rng.randint(0, 90 * 86400, n), unit="s"),
            "amount": amount,
            "merchant": rng.choice(merchants, n, p=weights / weights.sum()),
            "hour": (rng.normal(14, 4 + shifted, n) % 24).astype(int),
            "country": rng.choice(["DE", "FR", "NL", None], n, p=[0.7, 0.15, 0.1, 0.05]),
            "terminal": rng.randint(0, 4000, n),
        }
    )


def evidence() -> dict:
    """Cost, calibration, map, pairs and distances, as a run would measure them."""
    rng = np.random.RandomState(3)
    thresholds = np.linspace(0, 1, 101) ** 3
    real, made = rng.normal(0, 1, (400, 2)), rng.normal(0.2, 0.7, (900, 2))
    names = ["amount", "merchant", "hour", "country"]
    gap = np.abs(rng.normal(0.2, 0.1, (4, 4)))
    return {
        "standing": "Model: version 3 of ganforge-fraud is challenger: version 2 stays champion.",
        "rope": 0.01,
        "negatives_a_fold": 1952,
        "positives_a_fold": 17,
        "cost": CostCurve(
            thresholds=thresholds.tolist(),
            cost=(900 + 2000 * (np.cbrt(thresholds) - 0.4) ** 2).tolist(),
            alerts=[60] * 101,
            found=[15] * 101,
            chosen=0.06,
            at_chosen=(901.0, 61, 16),
            nothing=2100.0,
            alert_cost=11.0,
            n_rows=2400,
            n_positive=22,
            unit="amount",
            low=600.0,
            high=1300.0,
        ),
        "reliability": (
            Reliability(
                name="random oversampling",
                points=((0.002, 0.001, 5000), (0.2, 0.05, 400), (0.9, 0.6, 90)),
                mended=((0.001, 0.001, 5000), (0.06, 0.05, 400), (0.62, 0.6, 90)),
            ),
        ),
        "map": density_map(real, made, kept=0.6),
        "pairs": PairGaps(names=names, gap=gap + gap.T, floor=np.full((4, 4), 0.2), measure="Total variation."),
        "exposure": (Number(name="attack", value=0.52, low=0.47, high=0.57, floor=0.5),),
        "gates": (GateLine(name="copies", value=0.0, limit=0.01, passed=True, sentence="0 % copy a real row"),),
        "exposed": "Nobody, as far as these can tell.",
        "distances": Distances(
            edges=[0, 0.5, 1.0, 1.5],
            synthetic=[0.2, 0.5, 0.3],
            held_out=[0.3, 0.5, 0.2],
            nearer=Interval(mean=0.45, low=0.38, high=0.52),
            n_held_out=22,
        ),
    }


def fraud_report(**changes) -> FraudReport:
    rng = np.random.RandomState(1)
    folds = {
        "none": np.array([0.75, 0.82, 0.79, 0.77, 0.83]),
        "class weights": np.array([0.77, 0.83, 0.80, 0.80, 0.85]),
        "ctgan": np.array([0.74, 0.79, 0.80, 0.76, 0.82]),
    }
    recall = np.linspace(0, 1, 101)
    curves = []
    for name, values in folds.items():
        lines = [
            (recall, np.clip((1 - recall ** (6 * v)) * (0.9 + 0.1 * v) + rng.normal(0, 0.01), 0.009, 1)) for v in values
        ]
        curves.append(band(name, lines, recommended=name == "class weights"))
    distances = {
        "amount": 0.142,
        "merchant": 0.11,
        "terminal": 0.094,
        "hour": 0.071,
        "booked_at": 0.04,
        "country": 0.03,
    }
    content = FraudReport(
        title="fraud · data/payments.csv",
        sentence="Do not augment. Class weights with gradient boosting reach .81 average precision; CTGAN's rows "
        "change that by −.01 (90 % between −.04 and +.02).",
        what_to_do="Train with class weights on the real rows as they are; no synthetic file is needed.",
        figures=(
            Figure(label="Average precision as it was", value=0.79, low=0.73, high=0.85),
            Figure(label="Average precision with class weights", value=0.81, low=0.76, high=0.86, note="over 5 folds"),
            Figure(
                label="What CTGAN's rows change",
                value=-0.01,
                low=-0.04,
                high=0.02,
                unit="difference",
                note="with 90 % probability",
            ),
            Figure(label="What it rests on", value="87 frauds", note="in 9,847 payments (.88 %)", unit="text"),
        ),
        would_change=(
            "More frauds: 87 leave an interval of ±.03; about 350 would halve it.",
            "A drift of the payments: the folds are random in time, tomorrow's frauds may differ.",
        ),
        notices=(
            "payment_id: 9,847 different values in 9,847 rows, an identifier; left out of training",
            "country: 492 missing values, kept as a category of their own",
            "3 exact duplicates stand on the same side of every split",
        ),
        base_rate=0.0088,
        positive="frauds",
        classifier="gradient boosting",
        arms=(
            Arm(name="none", mean=0.792, folds=tuple(folds["none"])),
            Arm(
                name="class weights",
                mean=0.81,
                folds=tuple(folds["class weights"]),
                recommended=True,
                difference=Interval(mean=0.02, low=-0.004, high=0.044),
            ),
            Arm(
                name="ctgan",
                mean=0.782,
                folds=tuple(folds["ctgan"]),
                synthetic=True,
                difference=Interval(mean=-0.01, low=-0.04, high=0.02),
            ),
        ),
        precision_recall=tuple(curves),
        columns=compare_columns(
            payments(6000, 0),
            payments(6000, 1, shifted=True),
            distances=distances,
            floors=dict.fromkeys(distances, 0.012),
        ),
        fidelity=(
            Number(name="mean distance of the columns", value=0.081, floor=0.012),
            Number(name="worst column: amount", value=0.142, floor=0.014),
        ),
        n_synthetic=9000,
        copies_dropped=0,
        **evidence(),
        **common(),
    )
    return dataclasses.replace(content, **changes)


def digits(n: int, seed: int, noise: float) -> np.ndarray:
    """Pictures uint8 (n, 1, 32, 32) of scikit-learn's digits under noise, as a stand-in for a generator's."""
    from sklearn.datasets import load_digits

    rng = np.random.RandomState(seed)
    pictures = load_digits().images[np.arange(n) % 10 + 10 * (seed % 3)] / 16 * 255
    pictures = np.kron(pictures, np.ones((4, 4)))
    return np.clip(pictures + rng.normal(0, noise, pictures.shape), 0, 255).astype(np.uint8)[:, None]


def images_report(**changes) -> ImagesReport:
    names = [str(k) for k in range(10)]
    rng = np.random.RandomState(2)
    before = 0.8 + 0.15 * rng.rand(10)
    content = ImagesReport(
        title="images · data/digits, 20 a class",
        sentence="Use the generated pictures. With them the small classifier tells 91.4 % of unseen digits right, "
        "2.1 points more than without (90 % between +.8 and +3.4).",
        what_to_do="Use work/images/sample/synthetic in training; the registered classifier already has.",
        figures=(
            Figure(label="Accuracy as it was", value=0.893, low=0.87, high=0.91, unit="share"),
            Figure(label="Accuracy with DCGAN's pictures", value=0.914, low=0.89, high=0.93, unit="share"),
            Figure(label="Gain", value=0.021, low=0.008, high=0.034, unit="points"),
            Figure(label="What it rests on", value="20 pictures a class", note="judged on 1,597 others", unit="text"),
        ),
        would_change=("Flips and shifts come within the margin at no cost of training.",),
        base_rate=0.102,
        classifier="a small convolutional network",
        arms=(
            Arm(name="none", mean=0.893, folds=(0.88, 0.9, 0.89, 0.9, 0.895)),
            Arm(
                name="dcgan",
                mean=0.914,
                folds=(0.9, 0.92, 0.91, 0.92, 0.92),
                recommended=True,
                synthetic=True,
                difference=Interval(mean=0.021, low=0.008, high=0.034),
            ),
        ),
        grids=tuple(
            SampleGrid(step, digits(10, 0, noise))
            for step, noise in [(100, 220), (300, 140), (600, 90), (1000, 50), (1500, 30)]
        ),
        pictures=tuple(
            ClassPictures(name=name, generated=np.repeat(digits(10, k % 3, 30)[k : k + 1], 8, axis=0))
            for k, name in enumerate(names[:3])
        ),
        obedience=tuple(
            Obedience(name=name, asked=100, share=float(s), mistaken_for="8")
            for name, s in zip(names, 0.7 + 0.3 * rng.rand(10), strict=True)
        ),
        n_classes=10,
        classes_appearing=10,
        per_class=tuple(
            ClassAccuracy(name=name, n=160, by_arm={"none": float(a), "dcgan": float(a + b)})
            for name, a, b in zip(names, before, rng.normal(0.02, 0.02, 10), strict=True)
        ),
        fidelity=(Number(name="pictures that show the class asked for", value=0.86, unit="share"),),
        n_synthetic=1000,
        **common(),
    )
    return dataclasses.replace(content, **changes)


def anomalies_report(**changes) -> AnomaliesReport:
    rng = np.random.RandomState(3)
    odd = rng.rand(8000) < 0.03
    kinds = {"f-anogan": 2.6, "isolation-forest": 1.6, "knn": 2.1}
    scores = {name: np.exp(rng.normal(0, 0.5, 8000) + lift * 0.55 * odd) for name, lift in kinds.items()}
    threshold = float(np.sort(scores["f-anogan"])[-200])
    content = AnomaliesReport(
        title="anomalies · payments.parquet",
        sentence="At 200 alerts a day f-AnoGAN finds 61 % of the frauds, isolation forest 48 %, kNN 55 %.",
        what_to_do=f"Look at 200 a day: threshold {threshold:.2f}.",
        figures=(
            Figure(label="Frauds found within the budget", value=0.61, low=0.52, high=0.7, unit="share"),
            Figure(label="By the next best, kNN", value=0.55, low=0.46, high=0.63, unit="share"),
            Figure(label="Alerts that are right", value=0.23, low=0.18, high=0.29, unit="share"),
            Figure(label="What it rests on", value="240 frauds", note="in 8,000 held-out payments", unit="text"),
        ),
        would_change=("Fewer than 200 cases a day: below 80, kNN finds as many.",),
        notices=("merchant: 4 rows hold a category never seen in training; scored, and counted here",),
        positive="frauds",
        detectors=tuple(
            Detector(
                name=name,
                found=found_curve(name, scores[name], odd),
                average_precision=0.2 * lift,
                auroc=0.8 + 0.05 * lift,
                recommended=name == "f-anogan",
                recall_at_budget=Interval(mean=0.2 * lift, low=0.2 * lift - 0.08, high=0.2 * lift + 0.08),
                threshold=threshold if name == "f-anogan" else None,
            )
            for name, lift in kinds.items()
        ),
        budget=Budget(alerts=200, unit="alerts a day"),
        base_rate=0.03,
        trained_on="The detectors were trained on the 12,000 rows labelled normal before 1 March; "
        "the held-out rows come after.",
        histogram=score_histogram(
            "f-anogan",
            scores["f-anogan"],
            odd,
            threshold=threshold,
            normal_name="normal payments",
            anomalous_name="frauds",
        ),
        reasons=(("amount", 0.31), ("merchant", 0.22), ("hour", 0.16), ("terminal", 0.11), ("country", 0.08)),
        n_top=200,
        oddest=tuple(
            OddRow(
                row=int(row),
                score=float(scores["f-anogan"][row]),
                is_anomaly=bool(odd[row]),
                reasons=(("amount", 0.5), ("hour", 0.2), ("merchant", 0.1)),
            )
            for row in np.argsort(-scores["f-anogan"])[:10]
        ),
        **common(),
    )
    return dataclasses.replace(content, **changes)


@pytest.fixture
def fraud():
    return functools.partial(fraud_report, training=())


@pytest.fixture
def images():
    return functools.partial(images_report, training=())


@pytest.fixture
def anomalies():
    return functools.partial(anomalies_report, training=())


@pytest.fixture(scope="session", params=["fraud", "images", "anomalies"])
def content(request) -> Report:
    """Each of the three in turn, full."""
    return {"fraud": fraud_report, "images": images_report, "anomalies": anomalies_report}[request.param]()


@pytest.fixture(scope="session")
def page(content) -> str:
    """Its page, rendered once."""
    return render(content)
