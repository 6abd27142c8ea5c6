"""Put a flow on a schedule: a deployment that a `prefect worker` picks up and runs in its workspace.

`prefect.yaml` says the same for `prefect deploy --all`, except that its hours are UTC's, since a file that is copied
from machine to machine knows no local time; a test holds the two together.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ganforge.errors import InputError, ServiceError
from ganforge_pipelines.flows.connection import api_url, check_server, prefect_for
from ganforge_pipelines.flows.requests import resolved
from ganforge_pipelines.flows.running import flow_named
from ganforge_pipelines.workspace import Workspace, environment

NAME = "scheduled"
"""Of the deployment: "ganforge-fraud/scheduled"."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A flow on a schedule."""

    name: str
    """`flow/deployment`, as `prefect deployment run` wants it."""
    id: str
    pool: str
    cron: str
    timezone: str


def deploy(
    flow: str,
    workspace: Workspace,
    *,
    cron: str,
    pool: str = "ganforge",
    preset: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Deployment:
    """Register a deployment that runs `flow` in this workspace whenever `cron` says so (in local time).

    Registering it again changes it. A work pool of type "process" is made where there is none of that name.

    Raises:
        ServiceError: no Prefect server is named or left running by `ganforge ui`, or it does not answer.
        InputError: not a cron expression.
        UnknownNameError: a flow, preset or parameter that does not exist.
    """
    environment(workspace)
    resolved(flow, workspace.root, None, preset, overrides)  # refuses tonight's mistakes now
    with prefect_for(workspace):
        if api_url() is None:
            raise ServiceError(
                "a schedule needs a Prefect server that stays: start one with `ganforge ui`, or set PREFECT_API_URL"
            )
        schedule = _schedule(cron, local_timezone())
        check_server()
        return _registered(flow, workspace, schedule, pool, parameters_of(str(workspace.root), preset, overrides))


def _registered(flow: str, workspace: Workspace, schedule: Any, pool: str, parameters: dict[str, Any]) -> Deployment:
    from prefect.deployments.runner import RunnerDeployment
    from prefect.types.entrypoint import EntrypointType

    _make_pool(pool)
    made = RunnerDeployment.from_flow(
        flow_named(flow),
        name=NAME,
        schedule=schedule,
        parameters=parameters,
        work_pool_name=pool,
        job_variables={"working_dir": str(workspace.root)},
        entrypoint_type=EntrypointType.MODULE_PATH,
        enforce_parameter_schema=False,
        description=f"`ganforge run {flow}` in {workspace.root}",
    )
    identity = made.apply(work_pool_name=pool)
    return Deployment(
        name=made.full_name, id=str(identity), pool=pool, cron=schedule.cron, timezone=str(schedule.timezone)
    )


def parameters_of(workspace: str, preset: str | None, overrides: Mapping[str, Any] | None) -> dict[str, Any]:
    """The flow's parameters in a deployment: params.yaml is read when it runs, not now."""
    return {"workspace": workspace, "preset": preset, "overrides": dict(overrides or {}), "wait": True}


def local_timezone() -> str:
    """The machine's IANA time zone, such as "Europe/Vienna"; "UTC" where it does not say."""
    place = Path("/etc/localtime")
    candidates = [os.environ.get("TZ", "").lstrip(":")]
    if place.is_symlink():
        candidates.append(str(place.resolve()).partition("zoneinfo/")[2])
    for name in filter(None, candidates):
        try:
            return ZoneInfo(name).key
        except (ZoneInfoNotFoundError, ValueError):
            continue
    return "UTC"


def _schedule(cron: str, zone: str) -> Any:
    from prefect.schedules import Cron

    try:
        return Cron(cron, timezone=zone)
    except ValueError as error:
        raise InputError(
            f'--cron {cron!r} is no cron expression; five fields, as in "0 3 * * *" for every night at three'
        ) from error


def _make_pool(name: str) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(name)
        except ObjectNotFound:
            client.create_work_pool(WorkPoolCreate(name=name, type="process"))
