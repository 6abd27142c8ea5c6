"""What `ganforge run fraud` costs when nothing has changed, beside a Prefect flow that does nothing.

Three things in turns, each in a new process: an empty flow of Prefect alone, with the settings that ganforge runs
under and a server that Prefect starts for it; the run that keeps every stage, with a server for itself; and the same
run while `ganforge ui` has a server running. All of them with databases that are there already.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks._common import markdown, save, spread
from ganforge_pipelines.workspace.environment import QUIET

TITLE = "A run of which everything is kept"
ROUNDS = 5
SMALL = ("train.steps=20", "judge.steps=10", "judge.folds=2", "judge.classifier=logistic-regression")
"""What is kept costs the same however long it took."""
EMPTY = "from prefect import flow\n\n@flow\ndef empty():\n    pass\n\nempty()\n"
UNITS = ("wall", "processor")
NAMES = {
    "empty": "an empty Prefect flow",
    "kept": "`ganforge run fraud`, everything kept",
    "beside": "the same while `ganforge ui` runs",
}


@dataclass(frozen=True)
class Turn:
    """A command, where it runs, and its whole environment."""

    command: list[str]
    folder: Path
    environment: Mapping[str, str]

    def seconds(self) -> dict[str, float]:
        """From its start to its end: on the clock, and of processors (what a server of its own used included)."""
        start, used = time.perf_counter(), _used()
        subprocess.run(self.command, cwd=self.folder, env=self.environment, check=True, stdout=subprocess.DEVNULL)
        return {"wall": time.perf_counter() - start, "processor": _used() - used}


def main() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return measured(prepared(Path(folder)))


def prepared(folder: Path) -> dict[str, Turn]:
    """Two workspaces in which everything is done, the pages of one of them left running, and the empty flow."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "MLFLOW"))}
    home = {**kept, "HOME": str(folder)}
    script = folder / "empty.py"
    script.write_text(EMPTY, encoding="utf-8")
    run = [_ganforge(), "run", "fraud", "--quiet", *(part for each in SMALL for part in ("--set", each))]
    turns = {"empty": Turn([sys.executable, str(script)], folder, {**home, **QUIET, "PREFECT_HOME": str(folder / "p")})}
    turns |= {name: Turn(run, folder / name, home) for name in ("kept", "beside")}
    Turn([_ganforge(), "init", "kept", "--quiet"], folder, home).seconds()
    turns["kept"].seconds()
    shutil.copytree(folder / "kept", folder / "beside", symlinks=True)
    Turn([_ganforge(), "ui", "--quiet"], folder / "beside", home).seconds()
    for turn in turns.values():
        turn.seconds()
    return turns


def measured(turns: Mapping[str, Turn]) -> dict[str, Any]:
    try:
        rounds = [{name: turn.seconds() for name, turn in turns.items()} for _ in range(ROUNDS)]
    finally:
        beside = turns["beside"]
        Turn([_ganforge(), "ui", "--stop", "--quiet"], beside.folder, beside.environment).seconds()
    more = [{unit: each["kept"][unit] - each["empty"][unit] for unit in UNITS} for each in rounds]
    figures = {name: {unit: spread(each[name][unit] for each in rounds) for unit in UNITS} for name in turns}
    return save("cached_run", {**figures, "more": {unit: spread(each[unit] for each in more) for unit in UNITS}})


def table(figures: Mapping[str, Any]) -> str:
    def cells(each: Mapping[str, Any]) -> list[str]:
        told = ["{median:.1f}".format(**each[unit]) for unit in UNITS]
        spans = ["{low:.1f} – {high:.1f}".format(**each[unit]) for unit in UNITS]
        return [text.replace("-", "−") for pair in zip(told, spans, strict=True) for text in pair]

    rows = [[label, *cells(figures[name])] for name, label in NAMES.items()]
    rows.append(["kept, less the empty flow of the same round", *cells(figures["more"])])
    head = ["a new process", "s on the clock", "quartiles", "s of processors", "quartiles"]
    return f"{figures['empty']['wall']['n']} rounds, in turns.\n\n{markdown(head, rows)}"


def _used() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _ganforge() -> str:
    return str(Path(sys.executable).with_name("ganforge"))


if __name__ == "__main__":
    print(table(main()))
