"""What the terminal shows: answers on standard output, everything else on standard error."""

from __future__ import annotations

import contextlib
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganforge.errors import GanforgeWarning, InputError

if TYPE_CHECKING:
    from rich.console import Console

Json = Annotated[
    str | None,
    typer.Option("--json", metavar="FILE|-", help="Write the answer as JSON to a file, or - for the terminal."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="The seed of everything random.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one parameter; may be repeated."),
]
SchemaFile = Annotated[
    Path | None,
    typer.Option("--schema", metavar="FILE", help="JSON or YAML: column → kind, where guessing goes wrong."),
]


LONGEST_WORD = 24
"""Letters of a table's cell that are kept together where the terminal is narrow."""


def stdout() -> Console:
    from rich.console import Console

    return Console(highlight=False)


def stderr() -> Console:
    from rich.console import Console

    return Console(stderr=True, highlight=False)


class Speaker:
    """Prints the answer of one command as text, as JSON, or not at all."""

    def __init__(self, *, json_to: str | None, quiet: bool) -> None:
        self.json_to = json_to
        self.quiet = quiet or json_to == "-"
        self.console = stdout()

    def say(self, text: str = "", *, style: str | None = None) -> None:
        """A line for people; the terminal wraps a long one, so that it can be copied whole."""
        if not self.quiet:
            self.console.print(text, style=style, markup=False, soft_wrap=True)

    def table(self, title: str | None, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        if self.quiet:
            return
        from rich.markup import escape
        from rich.table import Table

        table = Table(title=title, box=None, title_justify="left", header_style="bold", pad_edge=False)
        for column, cells in zip(columns, zip(*rows, strict=True) if rows else [()] * len(columns), strict=True):
            whole = all(" " not in str(each) and len(str(each)) <= LONGEST_WORD for each in cells)
            table.add_column(escape(column), overflow="fold", no_wrap=whole)
        for row in rows:
            table.add_row(*(escape(str(cell)) for cell in row))
        self.console.print(table)

    def answer(self, document: Any) -> None:
        """Hand over the machine-readable answer where one was asked for."""
        if self.json_to is None:
            return
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False, default=str)
        if self.json_to == "-":
            sys.stdout.write(text + "\n")
            return
        from ganforge.files import write_whole

        with write_whole(self.json_to) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")

    @contextlib.contextmanager
    def notices(self) -> Iterator[list[str]]:
        """Collect what the library tells about repaired or left-out data, and print each once, at the end."""
        told: list[str] = []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            warnings.simplefilter("always", GanforgeWarning)
            try:
                yield told
            finally:
                for each in caught:
                    if issubclass(each.category, GanforgeWarning) and str(each.message) not in told:
                        told.append(str(each.message))
                if not self.quiet:
                    for notice in told:
                        stderr().print(f"note  {notice}", style="yellow", markup=False, soft_wrap=True)

    @contextlib.contextmanager
    def training_bar(self, label: str) -> Iterator[Callable[[Any], None] | None]:
        """A progress bar with the losses; yields what to hand to `fit` (or a stage) as `on_progress`."""
        if self.quiet:
            yield None
            return
        from ganforge_pipelines.flows.events import losses_in_words

        with Bars() as bars:
            yield lambda progress: bars.show(
                label, progress.step, progress.steps, f"{progress.phase}  {losses_in_words(progress.losses)}"
            )


class Bars:
    """Progress bars by name on standard error; silent lines where it is not a terminal.

    time_left: say about how long the rest will take. False where the detail does, as soon as it can.
    """

    def __init__(self, *, time_left: bool = True) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._progress = Progress(
            TextColumn("{task.description:<9}"),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TextColumn("{task.fields[detail]}", markup=False),
            TextColumn("{task.fields[left]}", style="progress.remaining"),
            console=stderr(),
            transient=True,
        )
        self._time_left = time_left
        self._tasks: dict[str, Any] = {}
        self._began: dict[str, tuple[float, int]] = {}
        """When a bar was first shown, and what was done by then."""

    def __enter__(self) -> Bars:
        if self._progress.console.is_interactive:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress.console.is_interactive:  # elsewhere it would leave an empty line
            self._progress.stop()

    def show(self, name: str, done: int, total: int, detail: str = "") -> None:
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total, detail=detail, left="")
            self._began[name] = (self._progress.get_time(), done)
        left = self._left(name, done, total) if self._time_left and not detail.endswith(" left") else ""
        self._progress.update(self._tasks[name], completed=done, total=total, detail=detail, left=left)

    def _left(self, name: str, done: int, total: int) -> str:
        """About how long the rest will take if it goes on as it has so far. Rich's own column forgets what is older
        than half a minute, and has nothing to say of steps that take longer."""
        began, before = self._began[name]
        if done <= before or done >= total:
            return ""
        seconds = (self._progress.get_time() - began) / (done - before) * (total - done)
        return f"{seconds_in_words(seconds)} left"

    def finish(self, name: str) -> None:
        if name in self._tasks:
            self._progress.remove_task(self._tasks.pop(name))
            del self._began[name]

    def print(self, text: str, *, style: str | None = None) -> None:
        self._progress.console.print(text, style=style, markup=False, soft_wrap=True)


def seconds_in_words(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min"


def check_out(path: Path, *, model: bool = False) -> None:
    """Refuse an `--out` that would take the place of something ganforge did not make."""
    if not path.exists():
        return
    if model and not (path / "model.json").is_file():
        if path.is_dir() and not any(path.iterdir()):
            return
        raise InputError(f"--out {path} is there and is not a model folder; choose another name, or remove it first")
    if not model and path.is_dir():
        raise InputError(f"--out {path} is a folder; give the name of a file")


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._start
