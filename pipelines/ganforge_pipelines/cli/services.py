"""`ui`, `deploy`, `doctor`: the pages, the schedule, the health of the installation."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from ganforge.errors import InputError, ServiceError
from ganforge_pipelines.cli.console import Json, Quiet, Settings, Speaker


def register(app: typer.Typer) -> None:
    app.command()(ui)
    app.command()(deploy)
    app.command()(doctor)


def ui(
    stop: Annotated[bool, typer.Option("--stop", help="Stop what an earlier `ganforge ui` left running.")] = False,
    prefect_port: Annotated[int, typer.Option(help="Port of Prefect's page.")] = 4200,
    mlflow_port: Annotated[int, typer.Option(help="Port of MLflow's page.")] = 5000,
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """Open the pages of Prefect and MLflow for this workspace, and leave them running."""
    from ganforge_pipelines.workspace import Workspace, environment

    workspace = Workspace.find(Path.cwd())
    environment(workspace)
    from ganforge_pipelines.flows import server

    speaker = Speaker(json_to=json_to, quiet=quiet)
    if stop:
        stopped = server.stop(workspace)
        speaker.say(f"stopped: {', '.join(stopped) or 'nothing was running'}")
        speaker.answer({"stopped": stopped})
        return
    pages = server.start(workspace, prefect_port=prefect_port, mlflow_port=mlflow_port)
    for name, address in pages.items():
        speaker.say(f"{name:<8} {address}")
    speaker.say("later runs in this workspace use this Prefect server; `ganforge ui --stop` ends both")
    speaker.answer(pages)


def deploy(
    flow: Annotated[Literal["fraud", "images", "anomalies"], typer.Argument(metavar="FLOW")],
    cron: Annotated[str, typer.Option(help='When, as cron says it: "0 3 * * *" is every night at three.')],
    pool: Annotated[
        str, typer.Option(help="The work pool whose worker runs it; made if it is not there.")
    ] = "ganforge",
    preset: Annotated[Literal["quick", "full"] | None, typer.Option()] = None,
    set_: Settings = None,
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """Register a scheduled deployment that a `prefect worker` picks up and runs in this workspace."""
    from ganforge_pipelines.workspace import Workspace, environment, parse_assignments

    workspace = Workspace.find(Path.cwd())
    named = "PREFECT_API_URL" in os.environ
    environment(workspace)
    from ganforge_pipelines.flows.deploying import deploy as register_deployment

    deployment = register_deployment(
        flow, workspace, cron=cron, pool=pool, preset=preset, overrides=parse_assignments(set_ or [])
    )
    speaker = Speaker(json_to=json_to, quiet=quiet)
    speaker.say(f"{deployment.name} is scheduled ({cron}) on pool {pool}; start a worker where it shall run:")
    server = (
        "" if named else f"PREFECT_API_URL={os.environ.get('PREFECT_API_URL', '…')} "
    )  # a worker reads no workspace
    speaker.say(f"  {server}prefect worker start --pool {pool}")
    speaker.answer({"deployment": deployment.name, "id": deployment.id, "pool": pool, "cron": cron})


def doctor(json_to: Json = None, quiet: Quiet = False) -> None:
    """Versions, devices, and what is missing: here and now, with the servers that a run from here would use.

    Leaves with 2, as such a run would, where something that it needs is missing or a server does not answer.
    """
    from ganforge_pipelines.flows.connection import unreachable
    from ganforge_pipelines.stages.health import examine
    from ganforge_pipelines.workspace import Workspace, environment

    speaker = Speaker(json_to=json_to, quiet=quiet)
    with contextlib.suppress(InputError):
        environment(Workspace.find(Path.cwd()))
    environment()
    report = examine()
    report.problems.extend(unreachable())
    speaker.table("versions", ["package", "installed"], list(report.versions.items()))
    speaker.say()
    speaker.table("this machine", ["what", "value"], list(report.machine.items()))
    speaker.say()
    for problem in report.problems:
        speaker.say(f"✗ {problem}")
    for missing in report.optional:
        speaker.say(f"· {missing}")
    if not report.problems:
        speaker.say("✓ nothing that is needed is missing")
    speaker.answer(report.to_json())
    if report.problems:
        raise typer.Exit(ServiceError.exit_code)
