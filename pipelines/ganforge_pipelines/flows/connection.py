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
from ganforge_pipelines.lineage.store import check_tracking_server
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
    why, remedy = _unwell(url)
    if why:
        why = " ".join(without_password(why).split())[:300].rstrip(".")
        raise ServiceError(f"Prefect at {without_password(url)}: {why}; {remedy}, or unset it to run without a server")


def unreachable() -> list[str]:
    """What is wrong with the servers that variables name, a line each; empty where they answer and let us in."""
    _make_home()
    from prefect.context import root_settings_context

    wrong = []
    for variable, check in (("PREFECT_API_URL", check_server), ("MLFLOW_TRACKING_URI", check_tracking_server)):
        if os.environ.get(variable):
            try:
                with root_settings_context():  # Prefect may have been imported, and have read them, for something else
                    check()
            except ServiceError as error:
                wrong.append(str(error))
    return wrong


def _make_home() -> None:
    """Prefect makes its home, but not the folder that it lies in."""
    if "PREFECT_HOME" in os.environ:
        Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)


def _unwell(url: str) -> tuple[str, str]:
    """(what is wrong with the server, empty where nothing is; what to do)."""
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname:
        return "this is no address of a server", "PREFECT_API_URL is written http://HOST:4200/api"
    start = "start it (`ganforge ui` does), correct PREFECT_API_URL"
    try:
        port = address.port or (443 if address.scheme == "https" else 80)
        socket.create_connection((address.hostname, port), timeout=ANSWER).close()
    except (OSError, ValueError) as error:  # ValueError: a port that is no number
        return str(error), start
    from httpx import HTTPStatusError
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    # its own patience is for a run under way: here it would be two minutes of silence
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}), get_client(sync_client=True) as client:
        failure = client.api_healthcheck()
    if isinstance(failure, HTTPStatusError):
        code = failure.response.status_code
        if code in (401, 403):
            return (
                f"it does not let us in (HTTP {code})",
                "set PREFECT_API_AUTH_STRING (user:password) or PREFECT_API_KEY, correct PREFECT_API_URL",
            )
        return f"it answers with HTTP {code}", start
    return "" if failure is None else str(failure) or type(failure).__name__, start


@contextlib.contextmanager
def prefect_for(workspace: Workspace, *, start: bool = False) -> Iterator[None]:
    """Prefect's settings as the environment has them *now*, results in the workspace, Prefect's log in a file of it.

    start: where no server is named, start one that ends with this process. Raises `ServiceError` when it does not
    start.
    """
    _make_home()
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
