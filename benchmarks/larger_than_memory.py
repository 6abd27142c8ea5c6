"""Fitting CTGAN on a file read by batches beside reading it whole: peak of memory, seconds.

    GANFORGE_DATA=FOLDER python -m benchmarks.larger_than_memory      # holds fraud/fraud_handbook.parquet

Each in a process of its own, `ganforge fit … --steps 50` and the same through a table in memory; the peak is the
process's resident memory as the system reports it, libraries (some .5 GB of them) and all. Then the same rows three
times over, by batches alone: what grows is what is kept of a row, not what is read.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks._common import markdown, save
from ganforge.errors import InputError

TITLE = "Tables larger than memory"
STEPS, TIMES = 50, 3


def main() -> dict[str, Any]:
    folder = Path(os.environ.get("GANFORGE_DATA", "../shared/data"))
    path = folder / "fraud" / "fraud_handbook.parquet"
    if not path.is_file():
        raise InputError(f"no {path}; set GANFORGE_DATA to the folder that holds fraud/fraud_handbook.parquet")
    figures = {how: _in_a_process(how, path) for how in ("imports", "batches", "memory")}
    with tempfile.TemporaryDirectory() as place:
        many = Path(place) / "many.parquet"
        _repeat(path, many)
        figures["many"] = _in_a_process("batches", many)
    return save("larger_than_memory", figures)


def _repeat(path: Path, out: Path) -> None:
    """The rows of a file `TIMES` times over."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file, pq.ParquetWriter(out, file.schema_arrow) as writer:
        for _ in range(TIMES):
            for batch in file.iter_batches(batch_size=100_000):
                writer.write_batch(batch)


def _in_a_process(how: str, path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.larger_than_memory", how, str(path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.decode().splitlines()[-1])


def measure(how: str, path: Path) -> dict[str, float]:
    """Processor seconds and gigabytes at the peak: of the command, of the same with the table in memory, of imports."""
    from ganforge_pipelines.cli import run

    began = time.process_time()
    rows = 0
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "model"
        if how == "batches":
            answer = Path(folder) / "answer.json"
            asked = ["fit", str(path), "--out", str(out), "--steps", str(STEPS), "--seed", "0", "--quiet"]
            if run([*asked, "--json", str(answer)]):
                raise SystemExit("the command failed")
            rows = json.loads(answer.read_text())["rows"]
        elif how == "memory":
            from ganforge.data.tables import read_table
            from ganforge.synthesis.ctgan import TunedCTGAN

            table = read_table(path)
            TunedCTGAN(steps=STEPS, random_state=0).fit(table).save(out)
            rows = len(table)
        else:
            from ganforge.synthesis import ctgan  # noqa: F401
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"rows": rows, "seconds": time.process_time() - began, "peak_gb": peak}


def table(figures: dict[str, Any]) -> str:
    told = {
        "imports": "imports alone",
        "batches": "read by batches",
        "memory": "as a table in memory",
        "many": "read by batches",
    }
    rows = [
        [name, f"{each['rows']:,}", f"{each['peak_gb']:.2f}", f"{each['seconds']:.0f}"]
        for name, each in ((told[how], figures[how]) for how in told)
    ]
    return f"{STEPS} steps of training:\n\n{markdown(['', 'rows', 'peak, GB', 'processor seconds'], rows)}"


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]))))
    else:
        print(table(main()))
