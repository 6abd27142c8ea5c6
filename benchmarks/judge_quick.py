"""How long the quick preset takes for 20,000 rows of 40 columns on two cores, the default generator among the arms.

    python -m benchmarks.judge_quick

Numbers, skewed ones, gaps, categories of 2 to 60 values, booleans and dates; 2 % positives, of which a quarter of the
columns tell something. The time is that of the wall, of `judge(frame, "target", n_jobs=2)` and nothing else.
"""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._common import markdown, save
from ganforge.downstream.verdict import judge
from ganforge.errors import GanforgeWarning

TITLE = "A quick judgement of 20,000 rows by 40 columns"
ROWS, NUMBERS, SKEWED, CATEGORIES, FLAGS, DATES = 20_000, 16, 8, 10, 4, 2
SHARE, JOBS, GOAL = 0.02, 2, 600.0


def main() -> dict[str, Any]:
    frame = mixed_table()
    ends: list[tuple[float, str]] = []
    began = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GanforgeWarning)
        verdict = judge(
            frame,
            "target",
            n_jobs=JOBS,
            on_progress=lambda done, total, label: ends.append((time.monotonic() - began, label)),
        )
    seconds = time.monotonic() - began
    figures = {
        "rows": len(frame),
        "columns": frame.shape[1] - 1,
        "positives": int(frame["target"].sum()),
        "jobs": JOBS,
        "seconds": seconds,
        "by_arm": {name: sum(arm.details["seconds"]) for name, arm in verdict.arms.items()},
        "sentence": verdict.sentence,
    }
    return save("judge_quick", figures)


def mixed_table(rows: int = ROWS, seed: int = 0) -> pd.DataFrame:
    """40 columns and a target."""
    rng = np.random.default_rng(seed)
    positive = rng.random(rows) < SHARE
    columns: dict[str, Any] = {}
    for k in range(NUMBERS):
        columns[f"number_{k}"] = rng.normal(size=rows) + (0.7 * positive if k % 4 == 0 else 0)
    for k in range(SKEWED):
        values = rng.lognormal(3, 1, rows) * (1.5**positive if k % 4 == 0 else 1)
        columns[f"skewed_{k}"] = np.where(rng.random(rows) < 0.05, np.nan, values.round(2))
    for k, size in enumerate(np.geomspace(2, 60, CATEGORIES).round().astype(int)):
        weights = 1 / np.arange(1, size + 1)
        drawn = rng.choice(size, rows, p=weights / weights.sum())
        columns[f"category_{k}"] = pd.Series(np.where(positive & (k % 4 == 0), size - 1 - drawn, drawn)).map(
            "c{}".format
        )
    for k in range(FLAGS):
        columns[f"flag_{k}"] = rng.random(rows) < (0.2 + (0.3 * positive if k == 0 else 0))
    for k in range(DATES):
        moments = rng.integers(0, 365 * 86_400, rows)
        columns[f"date_{k}"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(moments, unit="s")
    return pd.DataFrame({**columns, "target": positive.astype(int)})


def table(figures: dict[str, Any]) -> str:
    rows = [(name, f"{seconds:,.0f}") for name, seconds in figures["by_arm"].items() if name != "tuned threshold"]
    return (
        f"{figures['rows']:,} rows × {figures['columns']} columns, {figures['positives']} positives, quick preset, "
        f"CTGAN as the default has it, n_jobs={figures['jobs']}: {figures['seconds'] / 60:.1f} minutes (aim: "
        f"{GOAL / 60:.0f}). The verdict: “{figures['sentence']}”\n\n"
        f"{markdown(['arm', 'seconds, all folds together'], rows)}"
    )


if __name__ == "__main__":
    print(table(main()))
