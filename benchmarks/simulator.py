"""The payment simulator beside the Fraud Detection Handbook's own data (Le Borgne et al. 2022), at the published scale.

5,000 customers, 10,000 terminals, 183 days, three seeds of ours; the Handbook's file holds one draw of theirs. What is
compared: payments, share of fraud per scenario, amounts, time of day, payments a terminal and a customer a day, frauds
a terminal. Distances between distributions are Kolmogorov–Smirnov's; "between seeds" is the distance of two of our
own draws, which is what two cities of the same rules differ by.

    GANFORGE_DATA=FOLDER python -m benchmarks.simulator [--data FOLDER]      # holds fraud/fraud_handbook.parquet
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp

from benchmarks._common import markdown, save
from ganforge.data.simulators import PUBLISHED_CUSTOMERS, PUBLISHED_DAYS, PUBLISHED_TERMINALS, simulate_payments
from ganforge.data.splits import as_seconds

TITLE = "The payment simulator beside the Handbook's data"
SEEDS = (0, 1, 2)
SCENARIOS = (1, 2, 3)


def main(folder: str | None = None) -> dict[str, Any]:
    """Measure and save. Exits with code 2 when the Handbook's file is not there."""
    place = folder or os.environ.get("GANFORGE_DATA")
    path = Path(place or ".") / "fraud" / "fraud_handbook.parquet"
    if place is None or not path.is_file():
        why = "GANFORGE_DATA is not set and --data not given" if place is None else f"{path} is not there"
        print(f"not measured: {why}; name the folder that holds fraud/fraud_handbook.parquet", file=sys.stderr)
        raise SystemExit(2)
    theirs = handbook(path)
    published, samples = numbers(theirs), distributions(theirs)
    ours, draws, seconds = [], [], []
    for seed in SEEDS:
        began = time.perf_counter()
        frame = simulate_payments(seed=seed)
        seconds.append(time.perf_counter() - began)
        ours.append(numbers(frame))
        draws.append(distributions(frame))
    figures = {
        "scale": {"customers": PUBLISHED_CUSTOMERS, "terminals": PUBLISHED_TERMINALS, "days": PUBLISHED_DAYS},
        "seeds": list(SEEDS),
        "seconds": statistics.median(seconds),
        "numbers": {name: {"handbook": published[name], "ours": [each[name] for each in ours]} for name in published},
        "distances": {
            name: {
                "ours": [float(ks_2samp(draw[name], samples[name]).statistic) for draw in draws],
                "between seeds": [
                    float(ks_2samp(a[name], b[name]).statistic) for a, b in itertools.combinations(draws, 2)
                ],
            }
            for name in samples
        },
    }
    return save("simulator", figures)


def handbook(path: Path) -> pd.DataFrame:
    """The Handbook's file under our names."""
    frame = pd.read_parquet(path)
    names = {
        "TX_DATETIME": "booked_at",
        "CUSTOMER_ID": "customer_id",
        "TERMINAL_ID": "terminal_id",
        "TX_AMOUNT": "amount",
        "TX_FRAUD": "is_fraud",
        "TX_FRAUD_SCENARIO": "scenario",
    }
    return frame[list(names)].rename(columns=names)


def numbers(frame: pd.DataFrame) -> dict[str, float]:
    """Counts and shares by name."""
    shares = frame["scenario"].value_counts(normalize=True)
    return {
        "payments": len(frame),
        "share of fraud, %": 100 * float(frame["is_fraud"].mean()),
        **{f"of scenario {k}, %": 100 * float(shares.get(k, 0.0)) for k in SCENARIOS},
        "mean amount": float(frame["amount"].mean()),
        **{f"mean amount, scenario {k}": float(frame.loc[frame["scenario"] == k, "amount"].mean()) for k in SCENARIOS},
        "payments a terminal and day": len(frame) / PUBLISHED_TERMINALS / PUBLISHED_DAYS,
        "terminals with a fraud, %": 100
        * frame.loc[frame["is_fraud"] == 1, "terminal_id"].nunique()
        / PUBLISHED_TERMINALS,
    }


def distributions(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """Samples by name, to be compared."""
    found = {
        "amount": frame["amount"].to_numpy(),
        "time of day": as_seconds(frame["booked_at"]) % 86_400,
        "payments a terminal": frame["terminal_id"].value_counts().reindex(range(PUBLISHED_TERMINALS), fill_value=0),
        "payments a customer": frame["customer_id"].value_counts().reindex(range(PUBLISHED_CUSTOMERS), fill_value=0),
        "frauds a compromised terminal": frame.loc[frame["scenario"] == 2, "terminal_id"].value_counts(),
    }
    for k in SCENARIOS:
        found[f"amount, scenario {k}"] = frame.loc[frame["scenario"] == k, "amount"].to_numpy()
    return {name: np.asarray(values, dtype=float) for name, values in found.items()}


def table(figures: dict[str, Any]) -> str:
    """The section of BENCHMARKS.md."""
    scale = figures["scale"]
    rows = [
        (
            name,
            f"{each['handbook']:,.4g}" if each["handbook"] < 1e4 else f"{each['handbook']:,.0f}",
            _median(each["ours"]),
        )
        for name, each in figures["numbers"].items()
    ]
    distances = [
        (name, f"{statistics.median(each['ours']):.4f}", f"{statistics.median(each['between seeds']):.4f}")
        for name, each in figures["distances"].items()
    ]
    return (
        f"{scale['customers']:,} customers, {scale['terminals']:,} terminals, {scale['days']} days; ours the median of "
        f"{len(figures['seeds'])} seeds, {figures['seconds']:.1f} s each.\n\n"
        + markdown(("", "Handbook", "ours"), rows)
        + "\n\nKolmogorov–Smirnov distance to the Handbook's draw, beside that between two of our own:\n\n"
        + markdown(("", "to the Handbook", "between seeds"), distances)
    )


def _short(value: float) -> str:
    return f"{value:,.4g}" if value < 1e4 else f"{value:,.0f}"


def _median(values: list[float]) -> str:
    return f"{_short(statistics.median(values))} ({_short(min(values))}–{_short(max(values))})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", metavar="FOLDER", help="holds fraud/fraud_handbook.parquet; else GANFORGE_DATA")
    print(table(main(parser.parse_args().data)))
