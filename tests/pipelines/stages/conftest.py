"""A workspace with a small table of payments in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganforge.data.toy import toy_payments
from ganforge_pipelines.stages.roles import ROLES
from ganforge_pipelines.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace.create(tmp_path / "team")
    made.data.mkdir()
    frame = toy_payments(400, fraud_share=0.1, seed=0)
    frame.to_csv(made.data / "payments.csv", index=False)
    roles = {f"fraud.prepare.{role}": None for role in ROLES}
    made.write_params({"fraud.prepare.target": "is_fraud", "fraud.prepare.leave_out": [], **roles})
    return made
