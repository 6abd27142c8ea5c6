"""Flow `anomalies`: which detector finds most of the anomalies within what can be looked at?

version data ─▶ prepare ─▶ train ─▶ score ─▶ register ─▶ report
"""

from __future__ import annotations

from typing import Any

from prefect import flow

from ganforge_pipelines.flows.flowrun import FlowRun
from ganforge_pipelines.flows.requests import resolved


@flow(name="ganforge-anomalies", flow_run_name="anomalies", persist_result=False, validate_parameters=False)
def anomalies(
    workspace: str = ".",
    params: dict[str, Any] | None = None,
    preset: str | None = None,
    overrides: dict[str, Any] | None = None,
    wait: bool = True,
) -> dict[str, Any]:
    """Run the flow in a workspace. `params`: all of them; otherwise params.yaml with a preset and overrides."""
    with FlowRun("anomalies", workspace, resolved("anomalies", workspace, params, preset, overrides), wait=wait) as run:
        version = run.version_data()
        prepared = run.stage("prepare", version)
        trained = run.stage("train", prepared)
        scored = run.stage("score", prepared, trained)
        registered = run.stage("register", prepared, trained, scored)
        run.stage("report", prepared, trained, scored, registered)
        return run.finish()
