"""One run at a time in a workspace.

The lock is the kernel's (`flock`), so that it ends with the process that holds it, however that process ends; the
file beside it only says who that is.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from ganforge.errors import WorkspaceBusyError

_HELD: dict[Path, tuple[int, int]] = {}
"""Lock file → (process, how often it was taken in it): taking it again inside the same process is free."""
_GUARD = threading.Lock()
_REMEDY = "wait for it (`--wait` does), or use another workspace (`ganforge init DIR`)"


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who holds a workspace."""

    pid: int
    since: str
    """Local time, ISO 8601."""
    command: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command}) since {self.since}"


@contextlib.contextmanager
def hold(path: Path, *, wait: bool, what: str = "", remedy: str = "") -> Iterator[None]:
    """Hold the lock file `path` for the time of the block.

    what, remedy: what another process has in use, and what to do; those of a workspace by default.

    Raises `WorkspaceBusyError`, naming the holder, when another process has it and `wait` is false.
    """
    path = path.resolve()
    with _GUARD:
        process, times = _HELD.get(path, (os.getpid(), 0))
        nested = times > 0 and process == os.getpid()
        if nested:
            _HELD[path] = (process, times + 1)
    if nested:
        try:
            yield
        finally:
            with _GUARD:
                process, times = _HELD[path]
                _HELD[path] = (process, times - 1)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        _take(file, wait=wait, what=what or str(path.parent.parent), remedy=remedy or _REMEDY)
        _sign(file)
        with _GUARD:
            _HELD[path] = (os.getpid(), 1)
        try:
            yield
        finally:
            with _GUARD:
                del _HELD[path]
            file.seek(0)
            file.truncate()
            file.flush()
            fcntl.flock(file, fcntl.LOCK_UN)


def holder(path: Path) -> Holder | None:
    """Who holds the lock file just now; None when nobody does, whatever a dead process left written in it."""
    if not path.is_file():
        return None
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return _read(file)
        fcntl.flock(file, fcntl.LOCK_UN)
    return None


def _take(file: IO[str], *, wait: bool, what: str, remedy: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        if not wait:
            raise WorkspaceBusyError(f"{what} is in use by {_read(file) or 'another process'}; {remedy}") from None
        fcntl.flock(file, fcntl.LOCK_EX)


def _sign(file: IO[str]) -> None:
    command = shlex.join([Path(sys.argv[0]).name or "python", *sys.argv[1:]]) if sys.argv else "python"
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    file.seek(0)
    file.truncate()
    json.dump(asdict(Holder(pid=os.getpid(), since=since, command=command[:200])), file)
    file.flush()


def _read(file: IO[str]) -> Holder | None:
    file.seek(0)
    try:
        return Holder(**json.loads(file.read()))
    except (ValueError, TypeError):  # taken a moment ago and not signed yet
        return None
