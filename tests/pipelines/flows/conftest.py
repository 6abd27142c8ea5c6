"""Small workspaces in which whole flows run in seconds, and one Prefect home for all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ganforge.data.toy import toy_payments
from ganforge_pipelines.stages.roles import ROLES
from ganforge_pipelines.workspace import Workspace

TINY: dict[str, Any] = {
    "fraud.prepare.target": "is_fraud",
    "fraud.prepare.leave_out": [],
    **{f"fraud.prepare.{role}": None for role in ROLES},
    "fraud.train.steps": 6,
    "fraud.train.batch_size": 50,
    "fraud.train.log_every": 1,
    "fraud.train.checkpoint_every": 2,
    "fraud.judge.steps": 2,
    "fraud.judge.folds": 2,
    "fraud.judge.n_jobs": 1,
    "images.train.steps": 3,
    "images.train.batch_size": 8,
    "images.train.log_every": 1,
    "images.train.options": {"width": 8},
    "images.prepare.per_class": 8,
    "images.sample.per_class": 4,
    "images.sample.classifier_steps": 5,
    "images.judge.steps": 2,
    "images.judge.folds": 2,
    "images.judge.n_jobs": 1,
    "images.classify.steps": 5,
    "anomalies.prepare.time": None,
    "anomalies.prepare.leave_out": [],
    "anomalies.train.steps": 6,
    "anomalies.train.batch_size": 32,
    "anomalies.train.log_every": 1,
    "anomalies.score.budget": "5%",
}


@pytest.fixture(scope="session")
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Prefect's first start makes its database, which takes long: once for all tests of this process."""
    home = tmp_path_factory.mktemp("prefect")
    former = os.environ.get("PREFECT_HOME")
    os.environ["PREFECT_HOME"] = str(home)
    yield home
    if former is None:
        del os.environ["PREFECT_HOME"]
    else:
        os.environ["PREFECT_HOME"] = former


@pytest.fixture(scope="session")
def tiny() -> Callable[[Path], Workspace]:
    """Makes a workspace of small data and few steps in a folder."""

    def make(folder: Path) -> Workspace:
        workspace = Workspace.create(folder)
        workspace.data.mkdir()
        toy_payments(300, fraud_share=0.12, seed=0).to_csv(workspace.data / "payments.csv", index=False)
        workspace.write_params(TINY)
        return workspace

    return make
