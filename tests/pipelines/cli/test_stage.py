"""`ganforge stage`, which `dvc repro` calls: what `ganforge run` refuses is refused here, too."""

from __future__ import annotations

from ganforge.data.toy import toy_payments
from ganforge_pipelines.stages.roles import ROLES
from ganforge_pipelines.workspace import Workspace

PLAIN = {
    "fraud.prepare.target": "is_fraud",
    "fraud.prepare.leave_out": [],
    **{f"fraud.prepare.{role}": None for role in ROLES},
}


def test_parameters_that_contradict_each_other_are_refused_before_anything_is_written(tmp_path, cli, monkeypatch):
    workspace = Workspace.create(tmp_path / "team")
    workspace.data.mkdir()
    toy_payments(200, fraud_share=0.15, seed=0).to_csv(workspace.data / "payments.csv", index=False)
    workspace.write_params({**PLAIN, "fraud.prepare.time": "booked_at", "fraud.prepare.group": "merchant"})
    monkeypatch.chdir(workspace.root)
    done = cli("stage", "fraud-prepare")
    assert done.code == 2
    assert "prepare.time and prepare.group both say how to split" in done.err
    assert not workspace.path("work/fraud/prepare").exists()
    workspace.write_params({"fraud.prepare.group": None})
    done = cli("stage", "fraud-prepare")
    assert done.code == 0, done.err
    assert workspace.path("work/fraud/prepare/facts.json").is_file()
    done = cli("stage", "fraud-prepaer")
    assert done.code == 2
    assert "did you mean 'fraud-prepare'" in done.err
