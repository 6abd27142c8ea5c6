"""What `ganforge run fraud` costs when nothing has changed, beside a Prefect flow that does nothing.

Three things in turns, each in a new process: an empty flow of Prefect alone, with the settings that ganforge runs
under and a server that Prefect starts for it; the run that keeps every stage, with a server for itself; and the same
run while `ganforge ui` has a server running. All of them with databases that are there already.
"""

from __future__ import annotations

import os
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
ROUNDS = 7
SMALL = ("train.steps=20", "judge.steps=10", "judge.folds=2")
"""What is kept costs the same however long it took."""
EMPTY = "from prefect import flow\n\n@flow\ndef empty():\n    pass\n\nempty()\n"
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

    def seconds(self) -> float:
        start = time.perf_counter()
        subprocess.run(self.command, cwd=self.folder, env=self.environment, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start


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
    for name in ("kept", "beside"):
        turns[name] = Turn(run, folder / name, home)
        Turn([_ganforge(), "init", name, "--quiet"], folder, home).seconds()
        if name == "beside":
            Turn([_ganforge(), "ui", "--quiet"], folder / name, home).seconds()
    for turn in turns.values():
        turn.seconds()
    return turns


def measured(turns: Mapping[str, Turn]) -> dict[str, Any]:
    try:
        rounds = [{name: turn.seconds() for name, turn in turns.items()} for _ in range(ROUNDS)]
    finally:
        beside = turns["beside"]
        Turn([_ganforge(), "ui", "--stop", "--quiet"], beside.folder, beside.environment).seconds()
    figures = {name: spread(each[name] for each in rounds) for name in turns}
    return save("cached_run", {**figures, "more_than_empty": spread(each["kept"] - each["empty"] for each in rounds)})


def table(figures: Mapping[str, Any]) -> str:
    def row(label: str, each: Mapping[str, Any]) -> list[str]:
        low, middle, high = (f"{each[name]:.1f}".replace("-", "−") for name in ("low", "median", "high"))
        return [label, middle, f"{low} – {high}"]

    rows = [row(label, figures[name]) for name, label in NAMES.items()]
    rows.append(row("kept, less the empty flow of the same round", figures["more_than_empty"]))
    head = ["wall time of a new process, s", "median", "quartiles"]
    return f"{figures['empty']['n']} rounds, in turns.\n\n{markdown(head, rows)}"


def _ganforge() -> str:
    return str(Path(sys.executable).with_name("ganforge"))


if __name__ == "__main__":
    print(table(main()))
