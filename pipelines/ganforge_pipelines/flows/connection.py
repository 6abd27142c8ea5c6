"""Which Prefect this process speaks to, and that it is there."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from logging import FileHandler
from pathlib import Path
from urllib.parse import urlsplit

from ganforge.errors import ServiceError
from ganforge_pipelines.flows.ephemeral import ephemeral_server
from ganforge_pipelines.lineage.addresses import without_password
from ganforge_pipelines.workspace import Workspace

ANSWER = 5.0
"""Seconds a server gets to answer."""


def api_url() -> str | None:
    """The server that a variable or the user's profile names; None: an ephemeral one is started for each run."""
    from prefect.settings import get_current_settings

    return get_current_settings().api.url


def check_server() -> None:
    """Raise `ServiceError` within seconds when a Prefect server is named but does not answer or refuses."""
    url = api_url()
    if url is None:
        return
    address = urlsplit(url)
    port = address.port or (443 if address.scheme == "https" else 80)
    why = ""
    try:
        socket.create_connection((address.hostname or "", port), timeout=ANSWER).close()
    except OSError as error:
        why = str(error)
    if not why:
        from prefect.client.orchestration import get_client

        with get_client(sync_client=True) as client:
            failure = client.api_healthcheck()
        why = "" if failure is None else str(failure) or type(failure).__name__
    if why:
        why = " ".join(without_password(why).split())[:300].rstrip(".")
        raise ServiceError(
            f"Prefect at {without_password(url)}: {why}; start it "
            "(`ganforge ui` does), correct PREFECT_API_URL, or unset it to run without a server"
        )


@contextlib.contextmanager
def prefect_for(workspace: Workspace, *, start: bool = False) -> Iterator[None]:
    """Prefect's settings as the environment has them *now*, results in the workspace, Prefect's log in a file of it.

    start: where no server is named, start one that ends with this process. Raises `ServiceError` when it does not
    start.
    """
    if "PREFECT_HOME" in os.environ:
        Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)
    from prefect.context import root_settings_context
    from prefect.settings import PREFECT_API_URL, PREFECT_LOCAL_STORAGE_PATH, temporary_settings

    storage = workspace.hidden / "results"
    storage.mkdir(parents=True, exist_ok=True)
    with (
        root_settings_context(),  # Prefect may have been imported, and have read its settings, for something else
        temporary_settings({PREFECT_LOCAL_STORAGE_PATH: str(storage)}),
        _logged(workspace.logs / "prefect.log"),
    ):
        own = ephemeral_server(workspace).url() if start and api_url() is None else None
        with temporary_settings({PREFECT_API_URL: own}) if own else contextlib.nullcontext():
            yield


@contextlib.contextmanager
def _logged(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    loggers = [logging.getLogger(name) for name in ("prefect", "ganforge")]
    console = {each: each.level for each in _console_handlers()}
    for each in console:
        each.setLevel(logging.CRITICAL)
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
        for each, level in console.items():
            each.setLevel(level)
        handler.close()


def _console_handlers() -> list[logging.Handler]:
    """What Prefect would write over the user's answer with."""
    from prefect.logging.handlers import PrefectConsoleHandler

    names = ("", "prefect", "prefect.extra", "prefect.flow_runs", "prefect.task_runs")
    handlers = [handler for name in names for handler in logging.getLogger(name).handlers]
    return [each for each in dict.fromkeys(handlers) if isinstance(each, PrefectConsoleHandler)]
