"""Our CTGAN beside the `ctgan` package's, on the same rows for the same number of steps: time a step, distance of what
they make from the real rows, and how often they make what they are asked for.

    GANFORGE_DATA=FOLDER python -m benchmarks.ctgan_quality      # holds tables/adult_train.csv.gz (UCI Adult)

One thread each, batches of 500, pac 10, all other parameters the paper's. A step's time is processor time, the
difference of a long and a short training, so that neither side's set-up counts. Both are sampled through the same
schema, which gives the package bounds and rounding that it does not keep by itself.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks._common import markdown, save
from ganforge.catalog import load_class
from ganforge.data.readers import read_table
from ganforge.data.schema import NUMERIC
from ganforge.data.table import Table
from ganforge.errors import InputError, UnsuitableDataError
from ganforge.quality.marginals import marginal_distances
from ganforge.quality.pairs import pair_distance

TITLE = "CTGAN beside the `ctgan` package"
ROWS, SHORT, STEPS, SAMPLES, ASKED, LEAST = 10_000, 20, 1_000, 10_000, 200, 50
KINDS = {"ganforge": "ctgan", "ctgan package": "reference-ctgan"}


def distances(made: pd.DataFrame, table: Table) -> dict[str, float]:
    marginal = marginal_distances(made, table.frame, schema=table.schema)
    numeric = marginal["kind"].isin(NUMERIC)
    return {
        "total_variation": float(marginal["distance"][~numeric].mean()),
        "kolmogorov_smirnov": float(marginal["distance"][numeric].mean()),
        "pair": pair_distance(made, table.frame, schema=table.schema),
    }


def obedience(model: Any, table: Table) -> dict[str, Any]:
    """The raw share of rows that have the value asked for, over all values of at least `LEAST` rows."""
    shares = {}
    for column in table.schema:
        if column.kind in NUMERIC:
            continue
        counts = table.frame[column.name].value_counts()
        for value in counts.index[counts >= LEAST]:
            with contextlib.suppress(UnsuitableDataError):  # given up: so rarely is it obeyed
                model.sample(ASKED, condition={column.name: value}, random_state=0)
            shares[f"{column.name}={value}"] = model.obedience_
    worst = min(shares, key=lambda name: shares[name])
    return {
        "values": len(shares),
        "mean": float(np.mean(list(shares.values()))),
        "worst": shares[worst],
        "worst_value": worst,
        "income=>50K": shares["income=>50K"],
    }


def measure(kind: str, table: Table) -> dict[str, Any]:
    seconds = {}
    for steps in (SHORT, STEPS):
        began = time.process_time()
        model = load_class(kind)(steps=steps, batch_size=500, pac=10, random_state=0).fit(table)
        seconds[model.training_.steps] = time.process_time() - began
    (few, before), (many, after) = sorted(seconds.items())
    began = time.process_time()
    made = model.sample(SAMPLES, random_state=0)
    sampling = time.process_time() - began
    return {
        "steps": many,
        "step_ms": 1000 * (after - before) / (many - few),
        "sampled_rows_a_second": SAMPLES / sampling,
        **distances(made, table),
        "us_share": float((made["native-country"] == "United-States").mean()),
        "obedience": obedience(model, table),
    }


def main() -> dict:
    folder = os.environ.get("GANFORGE_DATA")
    if folder is None:
        raise InputError("GANFORGE_DATA names no folder; it must hold tables/adult_train.csv.gz")
    torch.set_num_threads(1)
    whole = read_table(Path(folder) / "tables" / "adult_train.csv.gz")
    order = np.random.default_rng(0).permutation(len(whole))
    table, other = whole.take(order[:ROWS]), whole.take(order[ROWS : 2 * ROWS])
    figures: dict[str, Any] = {
        "data": {"rows": ROWS, "fingerprint": table.fingerprint},
        "seed": 0,
        "other real rows": {
            **distances(other.frame, table),
            "us_share": float((table.frame["native-country"] == "United-States").mean()),
        },
    }
    for name, kind in KINDS.items():
        figures[name] = measure(kind, table)
        print(name, figures[name])
    figures["step_ratio"] = figures["ctgan package"]["step_ms"] / figures["ganforge"]["step_ms"]
    return save("ctgan_quality", figures)


def table(figures: dict) -> str:
    columns = [figures[name] for name in (*KINDS, "other real rows")]

    def row(label: str, key: str, form: str) -> tuple[str, ...]:
        return (label, *(format(each[key], form) if key in each else "" for each in columns))

    def obeyed(label: str, key: str) -> tuple[str, ...]:
        return (label, *(format(each["obedience"][key], ".3f") if "obedience" in each else "" for each in columns))

    rows = [
        row("processor time a step, ms", "step_ms", ".1f"),
        row("rows sampled a second", "sampled_rows_a_second", ",.0f"),
        row("categories: mean total variation", "total_variation", ".3f"),
        row("numbers: mean Kolmogorov–Smirnov", "kolmogorov_smirnov", ".3f"),
        row("pairs of columns: mean total variation", "pair", ".3f"),
        row("share of native-country United-States", "us_share", ".3f"),
        obeyed("obeyed at once: income >50K", "income=>50K"),
        obeyed("obeyed at once: mean over all values", "mean"),
        obeyed("obeyed at once: worst value", "worst"),
    ]
    steps, rows_used = figures["ganforge"]["steps"], figures["data"]["rows"]
    return (
        f"{markdown(('', *KINDS, 'other real rows'), rows)}\n\n"
        f"UCI Adult, {rows_used:,} rows, {steps:,} steps each, one thread, one seed; a step takes the package "
        f"{figures['step_ratio']:.1f} × as long. Values asked for: those of at least {LEAST} rows, {ASKED} rows each."
    )


if __name__ == "__main__":
    main()
