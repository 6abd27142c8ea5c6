"""How many alerts can be looked at: `200`, `2%` of the rows, `200/day`, and which rows these are.

A budget a day is spent within each calendar day: what is left on a quiet Sunday does not come back on Tuesday.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from statistics import NormalDist
from typing import Self

import numpy as np

from ganforge.errors import InputError

_FORM = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*(%|/\s*day|/\s*d)?\s*", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A number of alerts: in all, as a share of the rows, or for every day."""

    amount: float
    """Alerts; with `share` in (0, 1]."""
    share: bool = False
    per_day: bool = False

    @classmethod
    def parse(cls, text: str | float) -> Self:
        """Read `200`, `2%` or `200/day`. Raises `InputError` for anything else, and for nothing at all."""
        match = _FORM.fullmatch(str(text))
        if match is None:
            raise InputError(f"budget {text!r} is none; write a number (200), a share (2%) or a number a day (200/day)")
        amount, unit = float(match[1].replace(",", ".")), (match[2] or "").replace(" ", "").lower()
        if amount <= 0 or (unit == "%" and amount > 100):
            raise InputError(f"budget {text!r}: give more than 0" + (" and at most 100 %" if unit == "%" else ""))
        if unit != "%" and amount != int(amount):
            raise InputError(f"budget {text!r}: a number of alerts is whole; a share is written 2%")
        return cls(amount=amount / 100 if unit == "%" else amount, share=unit == "%", per_day=unit.startswith("/"))

    def raised(self, score: np.ndarray, *, day: np.ndarray | None = None) -> np.ndarray:
        """The rows looked at, as row numbers, the oddest first: at least 1, at most all of them.

        score (N,), higher = odder. day (N,): the calendar day of each row; needed by a budget a day, which takes the
        oddest rows of every day. Of equal scores the earlier row counts as odder.
        """
        order = np.argsort(-score, kind="stable")
        if self.per_day:
            from ganforge_pipelines.report.aggregates import rank_within  # pandas: not to read a budget

            rank = rank_within(score, self._days(day))
            return order[rank[order] <= self.amount]
        return order[: self._in_all(len(score))]

    def threshold(self, score: np.ndarray, *, day: np.ndarray | None = None) -> float:
        """The lowest score among as many of the oddest rows as the budget has alerts.

        A budget a day is not spent by one threshold: this one gives that many alerts a day on average.
        """
        wanted = self._in_all(len(score))
        if self.per_day:
            wanted = min(len(score), int(self.amount) * len(np.unique(self._days(day))))
        return float(np.sort(score)[-wanted])

    def _in_all(self, rows: int) -> int:
        wanted = self.amount * rows if self.share else self.amount
        return min(rows, max(1, math.floor(wanted + 1e-9)))

    def _days(self, day: np.ndarray | None) -> np.ndarray:
        if day is None:
            raise InputError("a budget a day needs a time column; name it with --time")
        return day

    def __str__(self) -> str:
        if self.share:
            return f"{100 * self.amount:g} % of the rows"
        return f"{self.amount:g} alerts a day" if self.per_day else f"{self.amount:,.0f} alerts"


def wilson(hits: int, n: int, *, level: float = 0.9) -> tuple[float, float]:
    """Wilson's (1927) interval of a share, `hits` of `n`; unlike ±z·√(p(1−p)/n) it is right at 0, 1 and for few."""
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)
