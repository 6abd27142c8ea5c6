"""Payments in time: do synthetic customers behave like real ones? What no single row shows.

    time between payments       hours between a customer's payment and the next
    bursts                      payments of a customer within the 24 hours that end with one of them
    amount by hour              amounts within each eighth of the day, weighted by real payments
    customers at a terminal     different customers who pay at one terminal
    payments of a customer      how many there are

Each is a distribution over payments, customers or terminals; two of them are `kolmogorov_smirnov` apart. The floor is
the same between real payments and as many real ones of *other customers*. Rows drawn one by one, each right by itself,
fail here: nobody in them has a past.

Customers, not rows, are drawn: of half a customer's payments, the time between them says nothing. Where no payments
were held out, the real customers are halved. Synthetic payments beyond as many as the floor's are cut off by customers.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.table import Table
from ganforge.errors import UnknownNameError, UnsuitableDataError
from ganforge.quality.marginals import kolmogorov_smirnov
from ganforge.quality.wording import figure, ratio, times

HOUR = 3_600.0
"""Seconds."""
_PARTS = 8  # of a day
_FEW = 20  # payments in a part of the day below which it is left out


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentColumns:
    """Names of columns."""

    customer: str
    terminal: str
    time: str
    """Dates, or seconds."""
    amount: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Habit:
    """One of the distributions."""

    name: str
    distance: float
    """Kolmogorov–Smirnov, synthetic against real: 0 the same, 1 nothing in common."""
    floor: float
    """The same of real payments held out."""
    real: float
    """Median; of amounts by hour, the largest median of a part of the day over the smallest."""
    synthetic: float
    sentence: str

    @property
    def ratio(self) -> float | None:
        return ratio(self.distance, self.floor)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio}


@dataclass(frozen=True, kw_only=True, slots=True)
class Behaviour:
    """What `behaviour` found."""

    payments: dict[str, int]
    """How many were compared: real, synthetic, held_out."""
    habits: tuple[Habit, ...]
    """The furthest above its floor first."""

    @property
    def ratio(self) -> float | None:
        """Mean distance over mean floor."""
        sums = [sum(getattr(each, name) for each in self.habits) for name in ("distance", "floor")]
        return ratio(*sums)

    @property
    def sentence(self) -> str:
        told = "" if self.ratio is None else f"{self.ratio:.0f} × the floor on average; "
        return f"Payments in time: {told}furthest off is {self.habits[0].sentence}"

    def to_json(self) -> dict[str, Any]:
        habits = [each.to_json() for each in self.habits]
        return {"payments": self.payments, "ratio": self.ratio, "sentence": self.sentence, "habits": habits}


def behaviour(
    real: pd.DataFrame,
    synthetic: pd.DataFrame,
    held_out: pd.DataFrame | None,
    columns: PaymentColumns,
    *,
    random_state: int = 0,
) -> Behaviour:
    """Hold synthetic payments against real ones by what customers and terminals do.

    held_out: real payments of other customers over as long a time; None halves the real ones by customer. All sides
    are cut, by customers, to as many payments as the smallest has. Rows without customer, terminal, time or amount are
    left out.

    Raises `UnknownNameError` for a column that one side has not, `UnsuitableDataError` where no customer pays twice
    among the real rows.
    """
    rng = np.random.default_rng(random_state)
    true, made = _payments(real, columns, "real rows"), _payments(synthetic, columns, "synthetic rows")
    if held_out is None:
        customers = true["customer"].unique()
        other = set(rng.permutation(customers)[: len(customers) // 2])
        aside = true["customer"].isin(other)
        true, kept = true[~aside], true[aside]
    else:
        kept = _payments(held_out, columns, "rows held out")
    n = min(len(true), len(made), len(kept))
    sides = {"real": true, "synthetic": made, "held_out": kept}
    sides = {name: _of_customers(each, n, rng) for name, each in sides.items()}
    if len(_gaps(sides["real"])) < _FEW or len(_gaps(sides["held_out"])) < _FEW:
        raise UnsuitableDataError(
            f"hardly a customer pays twice in {n} payments; give whole customers, and more of them"
        )
    found = []
    for name, values, unit in (
        ("time between payments", _gaps, "hours"),
        ("bursts", _bursts, "payments in 24 hours"),
        ("customers at a terminal", lambda frame: frame.groupby("terminal")["customer"].nunique().to_numpy(), ""),
        ("payments of a customer", lambda frame: frame["customer"].value_counts().to_numpy(), ""),
    ):
        one, two, three = (np.asarray(values(sides[each]), float) for each in ("real", "synthetic", "held_out"))
        distance = kolmogorov_smirnov(two, one) if len(two) else 1.0
        medians = float(np.median(one)), float(np.median(two)) if len(two) else None
        found.append(_habit(name, distance, kolmogorov_smirnov(three, one), medians, unit))
    distance, floor = (_amounts_apart(sides[each], sides["real"]) for each in ("synthetic", "held_out"))
    swings = _swing(sides["real"]), _swing(sides["synthetic"])
    found.append(_habit("amount by hour", distance, floor, swings, "times the smallest of a part of the day"))
    return Behaviour(
        payments={name: len(each) for name, each in sides.items()},
        habits=tuple(sorted(found, key=lambda each: each.floor - each.distance)),
    )


def _habit(name: str, distance: float, floor: float, medians: tuple[float, float | None], unit: str) -> Habit:
    real, made = medians
    middle = "nobody pays twice" if made is None else f"{made:,.3g}"
    told = f"{middle}, the real {real:,.3g}{f' {unit}' if unit else ''}"
    return Habit(
        name=name,
        distance=distance,
        floor=floor,
        real=real,
        synthetic=0.0 if made is None else made,
        sentence=f"{name}: in the middle {told}; KS {figure(distance)}, other real payments {figure(floor)}: "
        f"{times(distance, floor).replace('rows', 'payments')}",
    )


def _payments(frame: pd.DataFrame, columns: PaymentColumns, source: str) -> pd.DataFrame:
    roles = asdict(columns)
    for role, name in roles.items():
        if name not in frame.columns:
            raise UnknownNameError(f"{role} column", name, frame.columns, where=source)
    plain = frame[list(roles.values())].dropna()
    table = Table.of(plain[[columns.time]], source=source)
    return pd.DataFrame(
        {
            "customer": plain[columns.customer].astype(str).to_numpy(),
            "terminal": plain[columns.terminal].astype(str).to_numpy(),
            "seconds": table.time(columns.time) if len(plain) else np.zeros(0),
            "amount": plain[columns.amount].to_numpy(dtype=float),
        }
    ).sort_values(["customer", "seconds"], kind="stable", ignore_index=True)


def _of_customers(payments: pd.DataFrame, n: int, rng: np.random.Generator) -> pd.DataFrame:
    """All payments of customers drawn at random, until there are about `n`."""
    if len(payments) <= n:
        return payments
    counts = payments["customer"].value_counts()
    counts = counts.iloc[rng.permutation(len(counts))]
    before = counts.cumsum() - counts
    return payments[payments["customer"].isin(counts.index[before < n])]


def _gaps(payments: pd.DataFrame) -> np.ndarray:
    seconds, customer = payments["seconds"].to_numpy(), payments["customer"].to_numpy()
    return np.diff(seconds)[customer[1:] == customer[:-1]] / HOUR


def _bursts(payments: pd.DataFrame) -> np.ndarray:
    """(N,) payments of the same customer in the 24 hours up to each payment, itself among them."""
    owner = pd.factorize(payments["customer"])[0]
    seconds = payments["seconds"].to_numpy()
    seconds = seconds - seconds.min(initial=np.inf) if len(seconds) else seconds
    width = (seconds.max(initial=0.0) + 48 * HOUR) if len(seconds) else 0.0
    line = owner * width + seconds  # customers one after another on one line, too far apart to see each other
    return np.arange(len(line)) - np.searchsorted(line, line - 24 * HOUR, side="right") + 1


def _parts(payments: pd.DataFrame) -> np.ndarray:
    return (payments["seconds"].to_numpy() % (24 * HOUR) // (24 * HOUR / _PARTS)).astype(int)


def _amounts_apart(made: pd.DataFrame, real: pd.DataFrame) -> float:
    """Mean Kolmogorov–Smirnov distance of the amounts in each part of the day, by real payments."""
    parts, true, weights, distances = _parts(made), _parts(real), [], []
    for part in range(_PARTS):
        amounts = [frame["amount"].to_numpy()[at == part] for frame, at in ((made, parts), (real, true))]
        if len(amounts[1]) < _FEW:
            continue
        weights.append(len(amounts[1]))
        distances.append(kolmogorov_smirnov(*amounts) if len(amounts[0]) else 1.0)
    return float(np.average(distances, weights=weights)) if weights else 0.0


def _swing(payments: pd.DataFrame) -> float:
    by_part = payments["amount"].groupby(_parts(payments)).agg(["median", "size"])
    medians = by_part.loc[by_part["size"] >= _FEW, "median"]
    return float(medians.max() / medians.min()) if len(medians) and medians.min() > 0 else 1.0
