"""A small fitted model, and what a run tells MLflow about it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from ganforge.data.table import Table
from ganforge.data.toy import toy_payments
from ganforge.downstream.classifiers import make_classifier
from ganforge_pipelines.lineage.tracking import DatasetInfo


@pytest.fixture(scope="session")
def payments(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """`.features` (a Table), `.folder` of the fitted classifier, `.classifier`, `.told`: arguments of `track_run`."""
    root: Path = tmp_path_factory.mktemp("payments")
    table = Table.of(toy_payments(400, seed=0))
    features = table.drop("is_fraud")
    classifier = make_classifier(random_state=0).fit(features, table.frame["is_fraud"])
    classifier.save(root / "classifier")
    make_classifier("logistic-regression").fit(features, table.frame["is_fraud"]).save(root / "generator")
    (root / "report.html").write_text("<p>an answer</p>")
    told = {
        "flow": "fraud",
        "tags": {"data.md5": "ab.dir", "remote": "https://ann:secret@host/x", "git.dirty": False, "none": None},
        "params": {"train": {"steps": 3, "widths": [256, 256]}, "seed": 0},
        "curves": [{"step": k, "name": "critic/loss", "value": 1 / (k + 1)} for k in range(1, 1201)],
        "metrics": {"average_precision": 0.81},
        "artifacts": {"report": root / "report.html"},
        "model_folder": root / "classifier",
        "generator_folder": root / "generator",
        "dataset": DatasetInfo(
            name="payments", source="data/payments.csv", digest="d" * 64, md5="5" * 32 + ".dir", rows=400
        ),
        "registered_name": "ganforge-fraud",
        "input_example_schema": features.schema,
    }
    return SimpleNamespace(features=features, folder=root / "classifier", classifier=classifier, told=told)
