"""`ganforge ui`: the pages of Prefect and MLflow on this machine, left running until `ganforge ui --stop`.

Later runs of the workspace use the Prefect server found running, which saves each of them starting its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from ganforge.errors import ServiceError
from ganforge.files import write_whole
from ganforge_pipelines.lineage.addresses import without_password
from ganforge_pipelines.lineage.pages import pages_command
from ganforge_pipelines.workspace import Workspace, environment
from ganforge_pipelines.workspace.environment import running_server, servers_file

HOST = "127.0.0.1"
_LEFT_RUNNING: list[subprocess.Popen[bytes]] = []
"""On purpose, so Python is not to complain that nobody waits for them."""
START = 180.0
"""Seconds a server gets to answer; Prefect's first start in a workspace makes its database."""


def start(workspace: Workspace, *, prefect_port: int = 4200, mlflow_port: int = 5000) -> dict[str, str]:
    """Open both pages and return their addresses; what runs already, or is named by a variable, is used as it is.

    A port that is taken is passed over for the next free one. Raises `ServiceError` when a server does not start.
    """
    environment(workspace)
    pages = {}
    named = os.environ.get("PREFECT_API_URL")
    running = running_server(workspace.root, "prefect")
    if named and not running:
        pages["prefect"] = without_password(named.removesuffix("/api"))
    else:
        pages["prefect"] = running["url"] if running else _start_prefect(workspace, prefect_port)
        os.environ["PREFECT_API_URL"] = f"{pages['prefect']}/api"
    named = os.environ.get("MLFLOW_TRACKING_URI", "")
    running = running_server(workspace.root, "mlflow")
    if named.startswith(("http://", "https://")):
        pages["mlflow"] = without_password(named)
    else:
        pages["mlflow"] = running["url"] if running else _start_mlflow(workspace, mlflow_port)
    return pages


def stop(workspace: Workspace) -> list[str]:
    """End what `start` left running in this workspace; returns the names of what was ended."""
    stopped = []
    for name in ("prefect", "mlflow"):
        record = running_server(workspace.root, name)
        if record is not None:
            _end(record["pid"])
            _LEFT_RUNNING[:] = [each for each in _LEFT_RUNNING if each.poll() is None]
            stopped.append(name)
            if os.environ.get("PREFECT_API_URL") == f"{record['url']}/api":
                del os.environ["PREFECT_API_URL"]
    servers_file(workspace.root).unlink(missing_ok=True)
    return stopped


def _start_prefect(workspace: Workspace, port: int) -> str:
    port = _free(port)
    url = f"http://{HOST}:{port}"
    command = [sys.executable, "-P", "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)]
    quiet = {"PREFECT_API_URL": f"{url}/api", "PREFECT_UI_API_URL": f"{url}/api"}
    _start(workspace, "prefect", command, url, health=f"{url}/api/health", variables=quiet)
    return url


def _start_mlflow(workspace: Workspace, port: int) -> str:
    port = _free(port)
    url = f"http://{HOST}:{port}"
    _start(workspace, "mlflow", pages_command(workspace.root, HOST, port), url, health=f"{url}/health", variables={})
    return url


def _start(
    workspace: Workspace, name: str, command: list[str], url: str, *, health: str, variables: dict[str, str]
) -> None:
    log = workspace.logs / f"{name}-server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as output:
        output.write(f"--- {datetime.now().astimezone().isoformat(timespec='seconds')}\n")
        output.flush()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=workspace.root,
            env={**os.environ, **variables},
            start_new_session=True,  # it outlives this command
        )
    _LEFT_RUNNING.append(process)
    try:
        _wait(process, name, health, log)
    except BaseException:
        _end(process.pid)
        raise
    _remember(workspace, name, {"pid": process.pid, "started": psutil.Process(process.pid).create_time(), "url": url})


def _wait(process: subprocess.Popen[bytes], name: str, health: str, log: Path) -> None:
    until = time.monotonic() + START
    while time.monotonic() < until:
        if process.poll() is not None:
            raise ServiceError(f"{name}'s server ended at once with code {process.returncode}; its log: {log}")
        with contextlib.suppress(URLError, OSError), urlopen(health, timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.3)
    raise ServiceError(f"{name}'s server did not answer within {START:.0f} s; its log: {log}")


def _remember(workspace: Workspace, name: str, record: dict[str, Any]) -> None:
    file = servers_file(workspace.root)
    known: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(file.read_text(encoding="utf-8"))
    with write_whole(file) as temporary:
        temporary.write_text(json.dumps({**known, name: record}, indent=2), encoding="utf-8")


def _end(pid: int) -> None:
    """A server and its workers, gently, then not."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        for each in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.terminate()
        _, alive = psutil.wait_procs(family, timeout=10)
        for each in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        psutil.wait_procs(alive, timeout=10)


def _free(port: int) -> int:
    """`port`, or the next one nobody listens on."""
    for candidate in range(port, port + 50):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((HOST, candidate))
                return candidate
    raise ServiceError(f"no free port from {port} to {port + 49}; name another one")
