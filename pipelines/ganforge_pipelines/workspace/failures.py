"""What one line says of a failure that nobody raised on purpose, in this process or in another."""

from __future__ import annotations

import errno
from pathlib import Path

from ganforge_pipelines.workspace.termination import chain


def disk_full(error: BaseException) -> str | None:
    """What to say where it all began with a full disk, which any file of any tool may be the first to meet."""
    for each in chain(error):
        if isinstance(each, OSError) and each.errno in (errno.ENOSPC, errno.EDQUOT):
            where = f" (writing {each.filename})" if each.filename else ""
            return (
                f"the disk is full{where}; make room (`ganforge clean --keep 3` does), then run the same command again"
            )
    return None


def defect(kind: str, message: str, log: Path) -> str:
    """The line for an exception of class `kind` whose traceback stands in the file `log`."""
    return f"unexpected {kind}: {message}; this is a defect of ganforge, not of your input: please report it with {log}"
