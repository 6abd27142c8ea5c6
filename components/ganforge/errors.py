"""What can go wrong, as one hierarchy.

Every message says *what* is wrong, *where* (file, column, row) and *what to do*. The command line prints the
message alone and leaves with `exit_code`:

    1   understood, but the data do not allow it or it is not worth doing; nothing was written
    2   a wrong call, unreadable input, or a service that is not there
    70  a defect of ganforge itself (EX_SOFTWARE); the traceback is in a file that the message names
    130 interrupted by the user; the message says how to go on
"""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Iterable


class GanforgeError(Exception):
    """The root: whoever catches this catches everything that ganforge raises on purpose."""

    exit_code = 2


class InputError(GanforgeError, ValueError):
    """A wrong call, or input that cannot be read as what it is said to be."""


class UnknownNameError(InputError, LookupError):
    """A column, kind or parameter that does not exist; the message names the nearest that does."""

    def __init__(self, what: str, name: object, known: Iterable[object], *, where: str = "") -> None:
        known = [str(each) for each in known]
        near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5) or [
            each for each in known if each.lower() == str(name).lower()
        ]
        place = f" in {where}" if where else ""
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known[:12]) or 'none'}"
        if not near and len(known) > 12:
            hint += f", … ({len(known)} in all)"
        super().__init__(f"no {what} {str(name)!r}{place}; {hint}")
        self.name, self.nearest = str(name), near[0] if near else None

    def __str__(self) -> str:  # LookupError would print the repr of its argument
        return str(self.args[0])


class UnsuitableDataError(GanforgeError, ValueError):
    """The input was understood, but nothing sensible can be done with it: one class, too few rows."""

    exit_code = 1


class ArtifactError(GanforgeError):
    """A model folder that is not one, was altered, was cut short, or is of a newer format."""


class TrainingDivergedError(GanforgeError, ArithmeticError):
    """A loss term stopped being a finite number. `step`, `term` say which; `checkpoint` is the last good one."""

    exit_code = 1

    def __init__(self, message: str, *, step: int, term: str, checkpoint: str | None = None) -> None:
        super().__init__(message)
        self.step, self.term, self.checkpoint = step, term, checkpoint


class ServiceError(GanforgeError):
    """A server or tool that was named but is not there, or refused: Prefect, MLflow, DVC, git, a disk."""


class WorkspaceBusyError(ServiceError):
    """Another run holds the workspace."""


class DefectError(GanforgeError):
    """A stage failed in a process of its own by what nobody raised on purpose; the message names the log."""

    exit_code = 70


class InterruptedRunError(GanforgeError):
    """The user pressed Ctrl-C; what was done is kept."""

    exit_code = 130


class GanforgeWarning(UserWarning):
    """Something was left out, repaired or assumed. What is repaired is counted and told."""


def tell(message: str) -> None:
    """A `GanforgeWarning` at the line outside of the library that led to it, however deep inside it is found out."""
    level, frame = 1, sys._getframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __name__.partition(".")[0]:
        level, frame = level + 1, frame.f_back  # Python 3.12 has skip_file_prefixes for this
    warnings.warn(message, GanforgeWarning, stacklevel=level)
