"""What texts of a column say of the times of day among them, lot by lot: how they are written, and which are none.

06:30, 06:31:07, 06:31:07.250           times of day
06:31:07+02:00, 06:31:07Z               times of day of a time zone, which no moment of a day says
24:00, 6 o'clock, unknown               none; so few among many times of day are slips of the pen
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from ganforge.data.daytimes import decimals_of_text, form_of, ticks_of_text
from ganforge.errors import InputError

_SLIPS = 50  # one in so many values may be a slip of the pen, as among numbers and dates
_ZONED = re.compile(r"(\d{2}:\d{2}:\d{2}(?:\.\d+)?)(?:Z|[+-](?:0\d|1[0-5])(?::?[0-5]\d)?)")
"""Seconds are asked for: 09:00-09:30 is a stretch of the day."""
_SHOWN = 100  # different times of day that are kept, to tell many from few


class WrittenTimes:
    """Gathers, lot by lot. Whether a column of texts holds times of day is settled by all of its rows."""

    def __init__(self) -> None:
        self.rows = self.known = self.times = self.zoned = 0
        """Rows; those not missing; those that are times of day; those that are of a time zone."""
        self._different: set[int | str] = set()
        self._decimals: set[int] = set()
        self._odd: tuple[int, str] | None = None  # the first row, and what it says
        self._first_zoned: tuple[int, str] | None = None

    @classmethod
    def of(cls, series: pd.Series) -> WrittenTimes:
        """All rows at once."""
        times = cls()
        times.look_at(series)
        return times

    def look_at(self, series: pd.Series) -> None:
        """The next rows: texts, and gaps."""
        codes, distinct = pd.factorize(series.to_numpy(dtype=object))
        begin, self.rows = self.rows, self.rows + len(series)
        counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
        self.known += int(counts.sum())
        ticks = [ticks_of_text(each) for each in distinct]
        times = np.array([each is not None for each in ticks], dtype=bool)
        zoned = np.array([each is None and _is_zoned(text) for each, text in zip(ticks, distinct, strict=True)], bool)
        self.times += int(counts[times].sum())
        self.zoned += int(counts[zoned].sum())
        if len(self._different) < _SHOWN:
            self._different.update(each for each in ticks if each is not None)
            self._different.update(distinct[zoned])
        self._decimals.update(map(decimals_of_text, distinct[times]))
        if self._odd is None:
            self._odd = _first(~(times | zoned), codes, distinct, begin)
        if self._first_zoned is None:
            self._first_zoned = _first(zoned, codes, distinct, begin)

    @property
    def form(self) -> str | None:
        """How texts that are all times of day are written, by `daytimes.form_of`; None where one is something else,
        and for nothing but gaps."""
        return form_of(self._decimals) if self.known and self.times == self.known else None

    @property
    def mostly(self) -> bool:
        """Are more than half of them times of day, of a time zone or not?"""
        return 2 * (self.times + self.zoned) > self.known

    @property
    def different(self) -> int:
        """How many different times of day there are, of a time zone or not; no more than 100 or so are counted."""
        return len(self._different)

    def refuse_odd(self, *, name: str, source: str) -> None:
        """Raise `InputError`, naming the first row, where all but a few are times of day (2 %, at least one, is a slip
        of the pen), or where some are of a time zone."""
        odd = self.known - self.times - self.zoned
        if self.known <= 2 or odd > max(1, self.known // _SLIPS) or not self.times + self.zoned:
            return
        if self._odd is not None:
            row, text = self._odd
            raise InputError(
                f"{source}: column {name!r} mixes types: it holds times of day, but row {row:,} says {text!r} "
                f"({odd:,} such of {self.rows:,}); write times of day as 06:30 or 06:30:00 (midnight is 00:00, not "
                f"24:00), leave the value empty, or say in a schema that {name!r} is categorical"
            )
        if self._first_zoned is not None:
            row, text = self._first_zoned
            raise InputError(
                f"{source}: column {name!r}, row {row:,}: {text!r} is a time of day of a time zone ({self.zoned:,} "
                f"such of {self.rows:,}), which is not learned; write all of them by one clock and without a zone, as "
                f"06:30:00, or say in a schema that {name!r} is categorical, or text, which comes back empty"
            )


def _is_zoned(text: object) -> bool:
    found = _ZONED.fullmatch(text.strip()) if isinstance(text, str) else None
    return found is not None and ticks_of_text(found[1]) is not None


def _first(which: np.ndarray, codes: np.ndarray, distinct: np.ndarray, begin: int) -> tuple[int, str] | None:
    """The first row (counted from 1) whose text is one of these, and that text; None where there is none."""
    here = np.append(which, False)[codes]  # a missing one has code −1: the last
    if not here.any():
        return None
    place = int(np.argmax(here))
    return begin + place + 1, str(distinct[codes[place]])
