"""The command `ganforge`: parses, calls, prints; decides nothing.

One file a command group. Nothing heavy is imported before a command runs, so that `ganforge --help` answers
at once.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

import typer

from ganforge.errors import DefectError, GanforgeError, InterruptedRunError, ServiceError
from ganforge_pipelines.cli import (
    data,
    flows,
    judging,
    lineage,
    models,
    quality,
    registry,
    sampling,
    services,
    workspaces,
)
from ganforge_pipelines.cli.console import stderr
from ganforge_pipelines.workspace.failures import defect, disk_full
from ganforge_pipelines.workspace.termination import Terminated, terminated

app = typer.Typer(
    name="ganforge",
    help="GANs for data augmentation and anomaly detection, and an honest answer to whether they helped.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(flows.app, name="run")
app.add_typer(data.app, name="data")
app.add_typer(registry.app, name="models")
for group in (models, sampling, quality, judging, lineage, workspaces, services):
    group.register(app)

TERMINATED = 128 + 15
"""Exit code of a run that SIGTERM has stopped, as a shell tells it."""
STOPPED = "stopped by SIGTERM; what was finished is kept, and the same command goes on from there"
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]  # Typer has no public name for it


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code (see `ganforge.errors`)."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code instead of leaving."""
    # Before torch is loaded: its threads must sleep, not spin, while they wait. On a machine that others load, two
    # spinning threads took 38 s for what two sleeping ones, and one alone, do in under 3.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        with _told_of_termination():
            return app(args=arguments, standalone_mode=False) or 0
    except GanforgeError as error:
        return _tell(str(error), error.exit_code)
    except _UsageError as error:
        context = getattr(error, "ctx", None)
        hint = f" (see `{context.command_path} --help`)" if context else ""
        return _tell(error.format_message().rstrip(".") + hint, 2)  # pyright: ignore[reportAttributeAccessIssue]
    except (typer.Abort, KeyboardInterrupt):
        return _tell("interrupted; nothing was left half-written", InterruptedRunError.exit_code)
    except BrokenPipeError:  # the reader of `ganforge … | head` has left: not an error
        sys.stderr.close()
        return 0
    except BaseException as error:  # neither our sign of a termination nor Prefect's is an Exception
        if terminated(error):
            return _tell(STOPPED, TERMINATED)
        if full := disk_full(error):
            return _tell(full, ServiceError.exit_code)
        if not isinstance(error, Exception):
            raise
        # A crash must not leave with 1, which says "not worth doing", nor with 2, "a wrong call".
        return _tell(_unexpected(error), DefectError.exit_code)


@contextlib.contextmanager
def _told_of_termination() -> Iterator[None]:
    """Raise `Terminated` where SIGTERM finds this process, once: what ends in peace must not be disturbed again."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    former = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _unexpected(error: Exception) -> str:
    """One line for the user; the traceback goes to a file, where whoever mends it can read it."""
    import tempfile
    import traceback
    from pathlib import Path

    from ganforge_pipelines.lineage.addresses import without_password

    with tempfile.NamedTemporaryFile("w", prefix="ganforge-", suffix=".log", delete=False, encoding="utf-8") as file:
        file.write(without_password("".join(traceback.format_exception(error))))
    first = without_password(str(error).strip().split("\n")[0])
    return defect(type(error).__name__, first, Path(file.name))


def _tell(message: str, code: int) -> int:
    stderr().print(f"[bold red]error[/] {_plain(message)}", soft_wrap=True)
    return code


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
