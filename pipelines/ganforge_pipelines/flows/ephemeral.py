"""A Prefect server for the time of one process, for runs that no other server is named for.

Prefect would start one itself, in the middle of the run and after importing all of its server here, too. Ours is on
its way before Prefect is imported; it is in a session of its own, so that a signal to our process group ends the run
and not the server that writes down how it ended; and it ends with us, however we end:

    parent ──stdin (kept open: its end means that the parent is gone)──▶ python -m ganforge_pipelines.flows.ephemeral
    parent ──a listening socket on loopback──▶ the same; who connects before the server is ready waits in its queue
"""

from __future__ import annotations

import atexit
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from ganforge.errors import ServiceError
from ganforge_pipelines.workspace import Workspace

HOST = "127.0.0.1"
START = 480.0
"""Seconds it gets to answer; the first start makes its database, which takes minutes on a busy machine."""
PATIENCE = 5.0
"""Seconds the server gets to end by itself."""
_RUNNING: list[EphemeralServer] = []
"""What this process has started."""


class EphemeralServer:
    """A server that has been started and may not be ready yet."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.home = Path(os.environ.get("PREFECT_HOME", Path.home() / ".prefect"))
        self.home.mkdir(parents=True, exist_ok=True)
        log.parent.mkdir(parents=True, exist_ok=True)
        with socket.create_server((HOST, 0), backlog=128) as listening, log.open("a", encoding="utf-8") as output:
            self.port: int = listening.getsockname()[1]
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "ganforge_pipelines.flows.ephemeral", str(listening.fileno())],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[listening.fileno()],
                env={**os.environ, "PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1"},
                start_new_session=True,
            )
        self._ready = False

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def url(self) -> str:
        """Its API, once it answers. Raises `ServiceError` when it ends instead, or takes too long."""
        until = time.monotonic() + START
        while not self._ready:
            left = until - time.monotonic()
            if not self.alive or left <= 0:
                ended = f"its server ended with code {self._process.returncode}"
                why = f"no answer in {START:g} s" if self.alive else ended
                raise ServiceError(
                    f"Prefect did not start: {why}; see {self.log}, or start a server that stays with `ganforge ui`"
                )
            self._ready = _healthy(self.port, timeout=left)
        return f"http://{HOST}:{self.port}/api"

    def end(self) -> None:
        """Gently, then not."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()


def ephemeral_server(workspace: Workspace) -> EphemeralServer:
    """The server of this process, started now where there is none yet: one for all workspaces that it runs in."""
    found = next((each for each in _RUNNING if each.alive and each.home.is_dir()), None)
    if found is None:
        found = EphemeralServer(workspace.logs / "prefect-ephemeral.log")
        _RUNNING.append(found)
        atexit.register(found.end)
    return found


def start_early(workspace: Workspace) -> None:
    """Start the server where it is plain, before Prefect has been imported, that a run will want it.

    It starts while this process imports what a flow needs. Where a variable, a profile or a file may name another
    server, Prefect is asked instead, a little later (`connection.prefect_for`).
    """
    variables = ("PREFECT_API_URL", "PREFECT_PROFILE", "PREFECT_PROFILES_PATH")
    files = (Path(os.environ.get("PREFECT_HOME", "")) / "profiles.toml", Path(".env"), Path("prefect.toml"))
    project = Path("pyproject.toml")
    named = (
        any(name in os.environ for name in variables)
        or any(each.is_file() for each in files)
        or (project.is_file() and "[tool.prefect" in project.read_text(encoding="utf-8", errors="replace"))
        or os.environ.get("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "true").lower() not in ("true", "1")
    )
    if not named:
        ephemeral_server(workspace)


def _healthy(port: int, *, timeout: float) -> bool:
    connection = HTTPConnection(HOST, port, timeout=max(timeout, 0.1))
    try:
        connection.request("GET", "/api/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        time.sleep(0.05)  # it has ended, or has just begun to listen
        return False
    finally:
        connection.close()


def _serve(descriptor: int) -> None:
    """What the server's process does: serve on the socket it was given until the parent is gone."""
    import signal

    def watch() -> None:
        sys.stdin.buffer.read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
    import uvicorn

    settings = uvicorn.Config("prefect.server.api.server:create_app", factory=True, log_level="error", lifespan="on")
    with socket.socket(fileno=descriptor) as listening:
        uvicorn.Server(settings).run(sockets=[listening])


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
