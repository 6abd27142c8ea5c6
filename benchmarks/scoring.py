"""Rows a second, and memory, when a million rows are scored from a Parquet file a chunk at a time.

Each detector is fitted on 10,000 payments of mixed kinds (dates, numbers with missing ones, categories, booleans) in a
process of its own with one thread, which then scores the file as `ganforge score` does: read, encode, score. Memory is
how far the process's peak rises above where it stood after fitting.
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

import numpy as np
import psutil

from benchmarks._common import markdown, save

TITLE = "Scoring a million rows"
KINDS = ("f-anogan", "isolation-forest", "knn")
ROWS, CHUNK, TRAIN = 1_000_000, 50_000, 10_000
STEPS = 300  # how well it was trained does not change how fast it scores


def main() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "payments.parquet"
        _write(path)
        found = {}
        for kind in KINDS:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.scoring", kind, str(path)],
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
            found[kind] = json.loads(done.stdout.splitlines()[-1])
            print(kind, found[kind], flush=True)
        megabytes = round(path.stat().st_size / 2**20, 1)
    figures = {"rows": ROWS, "chunk": CHUNK, "trained_on": TRAIN, "file_mb": megabytes, "detectors": found}
    return save("scoring", figures)


def table(figures: dict[str, Any]) -> str:
    rows = [
        [kind, f"{each['rows_per_second']:,.0f}", f"{each['seconds']:.0f}", f"{each['memory_mb']:,.0f}"]
        for kind, each in figures["detectors"].items()
    ]
    head = (
        f"{figures['rows']:,} rows of 8 mixed columns, {figures['chunk']:,} rows a chunk, fitted on "
        f"{figures['trained_on']:,}; reading and encoding included, one thread."
    )
    return f"{head}\n\n{markdown(['detector', 'rows/s', 's', 'MB above the fitted model'], rows)}"


def _write(path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from ganforge.data.toy import toy_payments

    writer = None
    for seed in range(ROWS // CHUNK):
        part = pa.Table.from_pandas(toy_payments(CHUNK, seed=seed + 1).drop(columns="is_fraud"), preserve_index=False)
        writer = writer or pq.ParquetWriter(path, part.schema)
        writer.write_table(part.cast(writer.schema))
    if writer is not None:
        writer.close()


def _score(kind: str, path: str) -> None:
    """In a process of its own: fit, score the file, print one line of JSON."""
    import warnings

    from ganforge.catalog import load_class
    from ganforge.data.readers import read_table_chunks
    from ganforge.data.toy import toy_payments
    from ganforge.errors import GanforgeWarning

    warnings.simplefilter("ignore", GanforgeWarning)
    options = {"steps": STEPS} if kind == "f-anogan" else {}
    train = toy_payments(TRAIN, seed=0).drop(columns="is_fraud")
    detector = load_class(kind)(random_state=0, **options).fit(train)
    detector.decision_function(train[:100])
    before = psutil.Process().memory_info().rss
    began = time.perf_counter()
    scores = np.concatenate([detector.decision_function(chunk) for chunk in read_table_chunks(path, rows=CHUNK)])
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if len(scores) != ROWS or not np.isfinite(scores).all():
        raise RuntimeError(f"{kind}: {len(scores):,} scores for {ROWS:,} rows")
    figures = {
        "seconds": round(seconds, 2),
        "rows_per_second": round(ROWS / seconds),
        "memory_mb": round(max(peak - before, 0) / 2**20, 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    if len(sys.argv) == 3:
        _score(sys.argv[1], sys.argv[2])
    else:
        main()
