"""Do generated payments behave like payments in time? On the Fraud Detection Handbook's simulated data.

    GANFORGE_DATA=FOLDER python -m benchmarks.payment_behaviour     # holds fraud/fraud_handbook.parquet

Customers are drawn and split in three: of one third a generator learns the payments of four weeks, the next sets the
noise floor (real payments of other customers), and as many payments are drawn. A generator of rows knows of no
customer but what the identifiers say, and what it does with them is up to how the columns are read: as they are
inferred; customers as categories, so that those learned are used again; both as identifiers, so that every row gets new
ones. Two rivals need no training: every column drawn by itself, and real rows whose customers are dealt out anew.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._common import data_folder, markdown, save
from ganforge.data.schema import Schema
from ganforge.data.table import Table
from ganforge.quality.behaviour import PaymentColumns, behaviour
from ganforge.synthesis.ctgan import TunedCTGAN

TITLE = "Payments in time"
COLUMNS = PaymentColumns(customer="CUSTOMER_ID", terminal="TERMINAL_ID", time="TX_DATETIME", amount="TX_AMOUNT")
BEGIN, DAYS = pd.Timestamp("2018-07-01"), 28
CUSTOMERS, STEPS, SEEDS = 300, 500, 3
_IDS = (COLUMNS.customer, COLUMNS.terminal)
READ = {
    "ours, identifiers as inferred": {},
    "ours, customers as categories": {COLUMNS.customer: "categorical"},
    "ours, identifiers made anew": dict.fromkeys(_IDS, "identifier"),
}


def main() -> dict[str, Any]:
    path = data_folder() / "fraud" / "fraud_handbook.parquet"
    frame = pd.read_parquet(path, columns=[*vars_of(COLUMNS), "TX_FRAUD"])
    frame = frame[frame["TX_DATETIME"].between(BEGIN, BEGIN + pd.Timedelta(days=DAYS))]
    runs: dict[str, list[Any]] = {}
    seconds: list[float] = []
    inferred: dict[str, str] = {}
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        drawn = rng.permutation(frame["CUSTOMER_ID"].unique())[:CUSTOMERS].reshape(3, -1)
        known, floor, third = (frame[frame["CUSTOMER_ID"].isin(each)].reset_index(drop=True) for each in drawn)
        kinds = Schema.infer(known)
        inferred = {name: kinds[name].kind for name in _IDS}
        made = {
            "real payments of a third group": third,
            "columns drawn one by one": known.apply(lambda column, rng=rng: _dealt(column, rng)),
            "real rows, customers dealt anew": known.assign(CUSTOMER_ID=_dealt(known["CUSTOMER_ID"], rng)),
        }
        for name, kind in READ.items():
            began = time.process_time()
            model = TunedCTGAN(steps=STEPS, random_state=seed).fit(Table.of(known, schema=kind))
            made[name] = model.sample(len(known), random_state=seed)
            seconds.append(time.process_time() - began)
        for name, rows in made.items():
            runs.setdefault(name, []).append(behaviour(known, rows, floor, COLUMNS, random_state=seed).to_json())
    return save(
        "payment_behaviour",
        {
            "days": DAYS,
            "customers": CUSTOMERS // 3,
            "seeds": SEEDS,
            "steps": STEPS,
            "inferred": inferred,
            "payments": statistics.median(run["payments"]["real"] for run in next(iter(runs.values()))),
            "seconds": statistics.median(seconds),
            "runs": runs,
        },
    )


def vars_of(columns: PaymentColumns) -> list[str]:
    return [columns.customer, columns.terminal, columns.time, columns.amount]


def _dealt(column: pd.Series, rng: np.random.Generator) -> np.ndarray:
    return column.to_numpy()[rng.permutation(len(column))]


def table(figures: dict[str, Any]) -> str:
    runs = figures["runs"]
    habits = sorted(each["name"] for each in next(iter(runs.values()))[0]["habits"])
    rows = []
    for name, found in runs.items():
        by_name = [{each["name"]: each for each in run["habits"]} for run in found]
        cells = []
        for habit in habits:
            distance, floor = (statistics.median(run[habit][what] for run in by_name) for what in ("distance", "floor"))
            cells.append(f"{distance:.2f} (× {distance / floor:.1f})" if floor else f"{distance:.2f}")
        ratios = sorted(run["ratio"] for run in found)
        rows.append([name, f"× {statistics.median(ratios):.1f}", f"{ratios[0]:.1f} – {ratios[-1]:.1f}", *cells])
    inferred = " and ".join(f"`{name}` as {kind}" for name, kind in figures["inferred"].items())
    return (
        f"Fraud Detection Handbook, {figures['days']} days, {figures['customers']} customers to learn from and as many "
        f"for the floor, some {figures['payments']:,.0f} payments on each side, {figures['seeds']} seeds; the tuned "
        f"CTGAN at {figures['steps']:,} steps ({figures['seconds']:.0f} s of processor time in the middle). Each cell: "
        "Kolmogorov–Smirnov distance to the real payments, and how many times the floor that is; medians over seeds. "
        f"Inferred are {inferred}.\n\n"
        + markdown(["payments", "× the floor", "lowest – highest seed", *habits], rows)
        + "\n\nThe first column is the mean distance over the mean floor. A generator of single rows does not know "
        "what a customer did before, and ours is none but such; what it can learn of payments in time are the features "
        "of their past, which are columns like any other."
    )


if __name__ == "__main__":
    main()
