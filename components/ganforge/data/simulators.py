"""Data that ships as code: simulated card payments with three kinds of fraud, and handwritten digits.

The payments follow the published scheme of Le Borgne, Siblini, Lebichot and Bontempi, *Reproducible Machine Learning
for Credit Card Fraud Detection – Practical Handbook* (2022), chapter "Transaction data simulator", written anew from
its description. The same bytes come out on every machine: NumPy's legacy `RandomState`, whose stream is frozen;
amounts in whole cents; nothing that a processor may round its own way is compared or kept beyond that.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ganforge.errors import InputError
from ganforge.files import write_whole

DAY = 86_400  # seconds

PUBLISHED_CUSTOMERS, PUBLISHED_TERMINALS, PUBLISHED_DAYS = 5_000, 10_000, 183
"""The scale of the Handbook's own data: 1.75 million payments, .84 % of them fraudulent."""
_SIDE = 100.0  # the map is a square of so many units a side
_REACH = 5.0  # and a customer pays at the terminals within this radius, at the published density of terminals
_LARGE = 220_00  # cents; scenario 1
_TERMINAL_DAYS, _CUSTOMER_DAYS = 28, 14  # how long a compromised terminal (scenario 2), customer (scenario 3) stays so
_TERMINALS_A_DAY, _CUSTOMERS_A_DAY = 2.0, 3.0  # newly compromised a day, at the published scale
_TIMES_AMOUNT = 5  # scenario 3

EMBEDDED = {"customers": 64, "terminals": 128, "days": 80, "seed": 11}
"""The payments of a fresh workspace: 9,664 of them, 90 frauds (.93 %), 8, 51 and 31 by scenario."""


def simulate_payments(
    *,
    customers: int = PUBLISHED_CUSTOMERS,
    terminals: int = PUBLISHED_TERMINALS,
    days: int = PUBLISHED_DAYS,
    seed: int = 0,
) -> pd.DataFrame:
    """Payments in order of time, with their frauds and the scenario of each.

    Every customer has a place on a map, a mean amount of 5 to 100 (the standard deviation is half of it) and 0 to 4
    payments a day, at terminals nearby, around noon. Then, as published:
      1  a payment of more than 220 is a fraud;
      2  two terminals a day are compromised, and all payments there are frauds for 28 days;
      3  three customers a day are compromised, and for 14 days a third of their payments are five times as large.
    At a smaller scale the radius grows and fewer are compromised, so that shares and reach stay the published ones.

    Returns `payment_id`, `booked_at` (datetime64[ns], whole seconds from 2025-01-01), `customer_id`, `terminal_id`
    (int64), `amount` (float64, two decimals), `is_fraud` (int64 0/1) and `scenario` (int64, 0 for honest ones).
    """
    for name, value in (("customers", customers), ("terminals", terminals), ("days", days)):
        if value < 1:
            raise InputError(f"{name}={value}; give at least 1")
    random = np.random.RandomState(seed)
    seconds, customer, terminal, cents = _honest(random, customers, terminals, days)
    scenario = np.zeros(len(cents), dtype=np.int64)
    scenario[cents > _LARGE] = 1
    day = seconds // DAY
    _compromise_terminals(random, scenario, day, terminal, terminals, days)
    _compromise_customers(random, scenario, cents, day, customer, customers, days)
    booked = np.datetime64("2025-01-01", "s") + seconds.astype("timedelta64[s]")
    return pd.DataFrame(
        {
            "payment_id": np.arange(len(cents), dtype=np.int64),
            "booked_at": booked.astype("datetime64[ns]"),
            "customer_id": customer,
            "terminal_id": terminal,
            "amount": cents / 100,
            "is_fraud": (scenario > 0).astype(np.int64),
            "scenario": scenario,
        }
    )


def write_payments_csv(path: str | Path, frame: pd.DataFrame | None = None) -> None:
    """Payments (the embedded ones unless given) as plain CSV, without `scenario`, which is the answer to the riddle."""
    frame = simulate_payments(**EMBEDDED) if frame is None else frame
    cents = np.rint(frame["amount"].to_numpy() * 100).astype(np.int64)
    seconds = frame["booked_at"].to_numpy().astype("datetime64[s]").astype(np.int64)
    columns = (frame[name].tolist() for name in ("payment_id", "customer_id", "terminal_id", "is_fraud"))
    epoch = datetime(1970, 1, 1)
    with write_whole(path) as temporary, temporary.open("w", encoding="ascii", newline="\n") as file:
        file.write("payment_id,booked_at,customer_id,terminal_id,amount,is_fraud\n")
        for moment, cent, (number, customer, terminal, fraud) in zip(
            seconds.tolist(), cents.tolist(), zip(*columns, strict=True), strict=True
        ):
            booked = epoch + timedelta(seconds=moment)
            file.write(f"{number},{booked},{customer},{terminal},{cent // 100}.{cent % 100:02d},{fraud}\n")


def digits() -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's handwritten digits (Alpaydin and Kaynak 1998, UCI): uint8 (1797, 32, 32) and labels (1797,).

    The 8 × 8 pixels of 0 to 16 become 0 to 255 and squares of 4 × 4, in whole numbers.
    """
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    small, labels = bunch.data, bunch.target
    grey = (small.astype(np.int64) * 255 // 16).astype(np.uint8).reshape(-1, 8, 8)
    return np.kron(grey, np.ones((1, 4, 4), dtype=np.uint8)), labels.astype(np.uint8)


# -- inside --------------------------------------------------------------------------------------------------------


def _honest(
    random: np.random.RandomState, customers: int, terminals: int, days: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Payments before any fraud, in order of time: seconds since the beginning, customer, terminal, cents."""
    places = random.uniform(0, _SIDE, (customers, 2))
    mean = random.uniform(5, 100, customers)
    a_day = random.uniform(0, 4, customers)
    shops = random.uniform(0, _SIDE, (terminals, 2))
    counts = random.poisson(np.repeat(a_day, days)).reshape(customers, days)
    customer = np.repeat(np.arange(customers), counts.sum(axis=1))
    day = np.repeat(np.tile(np.arange(days), customers), counts.ravel())
    second = (random.standard_normal(len(customer)) * 20_000 + DAY // 2).astype(np.int64)
    normal = random.standard_normal(len(customer)) * (mean[customer] / 2) + mean[customer]
    instead = random.random_sample(len(customer)) * (2 * mean[customer])
    cents = np.rint(np.where(normal < 0, instead, normal) * 100).astype(np.int64)
    terminal = _nearby(random, places, shops, customer)
    kept = (second > 0) & (second < DAY) & (terminal >= 0)
    seconds = (day * DAY + second)[kept]
    order = np.argsort(seconds, kind="stable")
    return seconds[order], customer[kept][order], terminal[kept][order], cents[kept][order]


def _nearby(random: np.random.RandomState, places: np.ndarray, shops: np.ndarray, customer: np.ndarray) -> np.ndarray:
    """For each payment one of the terminals in reach of its customer; −1 where there is none."""
    reach = _REACH * (PUBLISHED_TERMINALS / len(shops)) ** 0.5
    chosen = np.full(len(customer), -1, dtype=np.int64)
    draws = random.random_sample(len(customer))
    begins = np.searchsorted(customer, np.arange(len(places) + 1))
    for number, place in enumerate(places):
        own = slice(begins[number], begins[number + 1])
        offsets = shops - place
        within = np.flatnonzero((offsets * offsets).sum(axis=1) < reach * reach)
        if len(within):
            chosen[own] = within[(draws[own] * len(within)).astype(np.int64)]
    return chosen


def _compromise_terminals(
    random: np.random.RandomState,
    scenario: np.ndarray,
    day: np.ndarray,
    terminal: np.ndarray,
    terminals: int,
    days: int,
) -> None:
    for begin, count in _newly(_TERMINALS_A_DAY * terminals / PUBLISHED_TERMINALS, days):
        scenario[_payments_of(random, terminals, count, terminal, day, begin, _TERMINAL_DAYS)] = 2


def _compromise_customers(
    random: np.random.RandomState,
    scenario: np.ndarray,
    cents: np.ndarray,
    day: np.ndarray,
    customer: np.ndarray,
    customers: int,
    days: int,
) -> None:
    for begin, count in _newly(_CUSTOMERS_A_DAY * customers / PUBLISHED_CUSTOMERS, days):
        theirs = _payments_of(random, customers, count, customer, day, begin, _CUSTOMER_DAYS)
        taken = random.permutation(theirs)[: len(theirs) // 3]
        cents[taken] *= _TIMES_AMOUNT
        scenario[taken] = 3


def _payments_of(
    random: np.random.RandomState, among: int, count: int, who: np.ndarray, day: np.ndarray, begin: int, lasting: int
) -> np.ndarray:
    """Rows of `count` drawn customers or terminals from day `begin` on, for `lasting` days; `day` never falls."""
    drawn = np.zeros(among, dtype=bool)
    drawn[random.permutation(among)[:count]] = True
    first, end = np.searchsorted(day, (begin, begin + lasting))
    return first + np.flatnonzero(drawn[who[first:end]])


def _newly(a_day: float, days: int) -> list[tuple[int, int]]:
    """(day, how many are newly compromised): whole numbers that add up to `a_day` a day."""
    counts = [int((day + 1) * a_day + 0.5) - int(day * a_day + 0.5) for day in range(days)]
    return [(day, count) for day, count in enumerate(counts) if count]
