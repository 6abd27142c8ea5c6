"""A stage in a process of its own: started, listened to, interrupted, and never left behind.

parent ──stdin (kept open: its end means that the parent is gone)──▶ worker
parent ◀──stdout: one JSON object a line {progress | error | done}── worker          stderr ▶ the log
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ganforge import errors
from ganforge_pipelines.stages.context import StageProgress
from ganforge_pipelines.stages.graph import StageSpec
from ganforge_pipelines.workspace import Workspace
from ganforge_pipelines.workspace.failures import defect
from ganforge_pipelines.workspace.termination import terminated

PATIENCE = 60.0
"""Seconds an interrupted training gets to write its last checkpoint."""
FAREWELL = 10.0
"""Seconds that the processes of further devices get to end by themselves after the first has."""
LAST_CALL = 8.0
"""The same after SIGTERM: whoever sends it does not wait long before SIGKILL."""


def run_in_process(
    spec: StageSpec,
    workspace: Workspace,
    params: Mapping[str, Any],
    *,
    key: str,
    on_progress: Callable[[StageProgress], None] | None = None,
) -> None:
    """Run a stage in a new process under the manifest key `key`, and wait for it.

    What the stage raises on purpose is raised here again, anything else as a `DefectError`. Raises
    `InterruptedRunError` on Ctrl-C after the worker has had `PATIENCE` seconds to leave a checkpoint, and
    `ServiceError` when the process was killed from outside.
    """
    log = workspace.logs / f"{spec.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-P", "-m", "ganforge_pipelines.stages.worker", spec.name, str(workspace.root), key]
    with log.open("a", encoding="utf-8") as stderr:
        stderr.write(f"--- {datetime.now().astimezone().isoformat(timespec='seconds')} {spec.name}\n")
        stderr.flush()
        worker = subprocess.Popen(
            [*command, json.dumps(params)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=workspace.root,
            env={**os.environ, "PYTHONSAFEPATH": "1"},  # Lightning starts further ranks without the -P above
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C in a terminal reaches this process alone, and is passed on once
        )
    outcome: dict[str, Any] = {}
    try:
        _listen(worker, outcome, on_progress)
    except KeyboardInterrupt:
        _interrupt(worker, outcome, PATIENCE)
        raise _again(outcome, spec, log, worker.returncode, interrupted=True) from None
    except BaseException as error:
        if terminated(error):
            _interrupt(worker, outcome, LAST_CALL)
        raise
    finally:
        _end(worker)
    if worker.returncode != 0 or not outcome.get("done"):
        raise _again(outcome, spec, log, worker.returncode)


def _listen(
    worker: subprocess.Popen[str], outcome: dict[str, Any], on_progress: Callable[[StageProgress], None] | None
) -> None:
    assert worker.stdout is not None
    for line in worker.stdout:
        message = json.loads(line)
        if "progress" in message:
            if on_progress is not None:
                on_progress(StageProgress(**message["progress"]))
        else:
            outcome.update(message)
    worker.wait()


def _interrupt(worker: subprocess.Popen[str], outcome: dict[str, Any], patience: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt, ValueError):
        rest, _ = worker.communicate(timeout=patience)
        for line in (rest or "").splitlines():
            message = json.loads(line)
            if "progress" not in message:
                outcome.update(message)


def _end(worker: subprocess.Popen[str]) -> None:
    """Whatever happened, nothing of it stays: the worker and what it launched are one process group.

    After a training that ended well its further ranks are about to; killed before, they would leave their temporary
    folders behind.
    """
    until = time.monotonic() + FAREWELL
    with contextlib.suppress(ProcessLookupError):
        while worker.poll() == 0 and time.monotonic() < until:
            os.killpg(worker.pid, 0)
            time.sleep(0.05)
        os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    for stream in (worker.stdin, worker.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def _again(
    outcome: Mapping[str, Any], spec: StageSpec, log: Path, code: int | None, *, interrupted: bool = False
) -> Exception:
    """What the worker said went wrong, as the exception it was."""
    said = outcome.get("error")
    if interrupted and (not said or said["type"] != "InterruptedRunError"):
        return errors.InterruptedRunError(
            f"{spec.name} was interrupted; its last checkpoint stays, and the same command goes on from there"
        )
    if said:
        kind = getattr(errors, said["type"], None)
        if isinstance(kind, type) and issubclass(kind, errors.GanforgeError):
            error = kind.__new__(kind)
            error.args = (said["message"],)
            error.__dict__.update(said["details"])
            return error
        return errors.DefectError(f"{spec.name}: {defect(said['type'], said['message'], log)}")
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = "; the machine may have run out of memory" if name == "SIGKILL" else ""
        return errors.ServiceError(
            f"{spec.name}: its process was ended from outside by {name}{hint}; run the same command again to go on "
            f"from the last checkpoint (log: {log})"
        )
    return errors.DefectError(
        f"{spec.name}: its process ended with code {code} and did not say why; this is a defect of ganforge, not of "
        f"your input: please report it with {log}"
    )
