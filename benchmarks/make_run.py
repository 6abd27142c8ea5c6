"""What `make run` costs once everything is installed, stage by stage, the first time and when nothing has changed.

The command that `make run` calls, in a new workspace with a new home, so that Prefect makes its database (its slow
first start); then the same command again, which keeps every stage.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks._common import markdown, save

TITLE = "`make run`, once installed"


def main() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "fresh"
        _ganforge(Path(folder), "init", str(workspace), home=folder)
        _ganforge(workspace, "data", "make", home=folder)
        first = _timed(workspace, folder)
        again = _timed(workspace, folder)
    return save("make_run", {"first": first, "again": again})


def table(figures: dict[str, Any]) -> str:
    first, again = figures["first"], figures["again"]
    rows = [[name, f"{seconds:.1f}", "kept"] for name, seconds in first["stages"].items()]
    rows.append(["around the stages: Prefect, DVC, imports", f"{first['other']:.1f}", ""])
    rows.append(["in all", f"{first['seconds']:.1f}", f"{again['seconds']:.1f}"])
    answer = f"The answer: {first['sentence']}"
    return f"{answer}\n\n{markdown(['stage', 'first run, s', 'nothing changed, s'], rows)}"


def _timed(workspace: Path, home: str) -> dict[str, Any]:
    start = time.perf_counter()
    out = _ganforge(workspace, "run", "fraud", "--json", "-", home=home)
    seconds = time.perf_counter() - start
    answer = json.loads(out)
    stages = {name: float(spent) for name, spent in answer["seconds"].items()}
    manifest = json.loads((workspace / "work/fraud/report/manifest.json").read_text(encoding="utf-8"))
    stages["report"] = float(manifest["seconds"])  # the answer is written while it runs
    return {
        "seconds": seconds,
        "stages": stages,
        "other": seconds - sum(stages.values()),
        "sentence": answer["sentence"],
    }


def _ganforge(folder: Path, *arguments: str, home: str) -> str:
    command = [str(Path(sys.executable).with_name("ganforge")), *arguments]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "MLFLOW"))}
    done = subprocess.run(
        command, cwd=folder, env={**kept, "HOME": home}, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


if __name__ == "__main__":
    print(table(main()))
