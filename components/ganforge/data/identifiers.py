"""Identifiers made anew: of the form that the real ones have, and never one of them.

    1041, 1042, …               numbers go on after the largest seen
    customer-041, …             so do texts that are all one beginning and a number
    iban-1, iban-2, …           others: the column's name and a number; new-iban-1 where a real one begins like that

Of the real ones no more is kept than the last of that form (`Column.high`, `Column.last`).
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.dtypes import restored
from ganforge.data.schema import Column, Schema

_NUMBERED = re.compile(r"(.*?)([0-9]{1,400})", re.DOTALL)  # Python reads no numbers of more than 4,300 digits
_LEAST = -(2**63)


@dataclass(frozen=True)
class Form:
    """What identifiers that are texts have in common."""

    name: str
    """Of their column."""
    prefix: str | None = None
    """The beginning of all; None: there is no common one, or no number after it."""
    digits: str = "0"
    """The largest number as it is written."""
    taken: int = 0
    """So often must "new-" stand before the column's name, that none of them begins like it."""
    seen: bool = False

    @classmethod
    def of(cls, texts: Iterable[Any], *, name: str) -> Form:
        """texts: at least one."""
        found, prefixes, largest, taken = True, set(), (-1, "0"), 0
        ours = re.compile(f"((?:new-)*){re.escape(name)}-", re.IGNORECASE)
        for text in map(str, texts):
            if found:
                match = _NUMBERED.fullmatch(text)
                found = match is not None and len(prefixes | {match[1]}) == 1
                if match is not None and found:
                    prefixes.add(match[1])
                    largest = max(largest, (int(match[2]), match[2]), key=lambda each: (each[0], len(each[1])))
            if (like := ours.match(text)) is not None:
                taken = max(taken, len(like[1]) // 4 + 1)
        return cls(name, prefixes.pop() if found and prefixes else None, largest[1], taken, True)

    def also(self, other: Form) -> Form:
        """Of these and those together."""
        if not (self.seen and other.seen):
            return self if self.seen else other
        common = self.prefix if self.prefix == other.prefix else None
        digits = max(self.digits, other.digits, key=lambda each: (int(each), len(each)))
        return Form(self.name, common, digits, max(self.taken, other.taken), True)

    @property
    def last(self) -> str:
        """The text that new ones go on after."""
        if self.prefix is not None:
            return f"{self.prefix}{self.digits}"
        return f"{'new-' * self.taken}{self.name}-0"


def last_number(valid: pd.Series) -> int:
    """A whole number that none of these numbers lies above."""
    most = valid.max()
    if valid.dtype.kind != "f":
        return int(most)
    if abs(float(most)) >= 2.0**53:  # whole numbers that were rounded on the way lie up to a float further on
        most = np.nextafter(float(most), math.inf)
    return max(math.floor(most), _LEAST) if math.isfinite(most) else math.floor(valid.max())


def made_anew(n: int, column: Column, first: int) -> pd.Series:
    """n identifiers, from the `first` after the last one seen on (1: the next)."""
    if column.last is not None:
        match = _NUMBERED.fullmatch(column.last)
        assert match is not None, column.last
        begin, width = int(match[2]) + first, len(match[2])
        return pd.Series([f"{match[1]}{begin + k:0{width}d}" for k in range(n)], dtype=object)
    if column.high is None:
        return pd.Series([f"{column.name}-{first + k}" for k in range(n)], dtype=object)
    begin = int(column.high) + first
    end = begin + n
    if end > 2**64:  # no dtype of numbers holds them all
        return pd.Series([str(begin + k) for k in range(n)], dtype=object)
    if end > 2**63:
        return pd.Series(np.arange(n, dtype=np.uint64) + np.uint64(begin))
    numbers = pd.Series(np.arange(begin, end, dtype=np.int64))
    exact = column.dtype != "float64" or (begin >= -(2**53) and end <= 2**53)
    return numbers.astype(column.dtype) if exact else numbers


def numbered_anew(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Rows out of several samples: each began its identifiers at the same one, and these are different in all rows."""
    identifiers = [column for column in schema if column.kind == "identifier" and column.name in frame.columns]
    anew = {column.name: restored(made_anew(len(frame), column, 1), column) for column in identifiers}
    return frame.assign(**{name: series.set_axis(frame.index) for name, series in anew.items()}) if anew else frame
