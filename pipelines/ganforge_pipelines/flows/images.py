"""Flow `images`: does augmenting a small set of labelled pictures help its classifier?

version data ─▶ prepare ─▶ train ─▶ sample ─┐
                   └─────▶ judge ───────────┴▶ classify ─▶ register ─▶ report
"""

from __future__ import annotations

from typing import Any

from prefect import flow

from ganforge_pipelines.flows.flowrun import FlowRun
from ganforge_pipelines.flows.requests import resolved


@flow(name="ganforge-images", flow_run_name="images", persist_result=False, validate_parameters=False)
def images(
    workspace: str = ".",
    params: dict[str, Any] | None = None,
    preset: str | None = None,
    overrides: dict[str, Any] | None = None,
    wait: bool = True,
) -> dict[str, Any]:
    """Run the flow in a workspace. `params`: all of them; otherwise params.yaml with a preset and overrides."""
    with FlowRun("images", workspace, resolved("images", workspace, params, preset, overrides), wait=wait) as run:
        version = run.version_data()
        prepared = run.stage("prepare", version)
        trained = run.stage("train", prepared)
        sampled = run.stage("sample", prepared, trained)
        judged = run.stage("judge", prepared)
        classified = run.stage("classify", prepared, sampled, judged)
        registered = run.stage("register", prepared, trained, sampled, judged, classified)
        run.stage("report", prepared, trained, sampled, judged, classified, registered)
        return run.finish()
