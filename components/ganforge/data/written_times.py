"""What texts of a column say of the times of day among them, lot by lot: how they are written, and which are none.

06:30, 06:31:07, 06:31:07.250           times of day
06:31:07+02:00, 06:31:07Z               times of day of a time zone, which no moment of a day says
24:00                                   none; a few among many times of day are slips of the pen, and refused
24:01, 61:02                            none, and the others hardly are: minutes and seconds of calls, scores of games
6:30, 12:61, 6 o'clock, unknown         none; a few make texts of a column of times of day, with a warning
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from ganforge.data.daytimes import decimals_of_text, form_of, no_time_of_day, ticks_of_text
from ganforge.data.texts import SLIPS
from ganforge.errors import InputError, tell

_ENOUGH = 50  # times of day: of fewer one says little of an odd value beside them
_TIME, _ZONED, _MIDNIGHT, _LATER = 1, 2, 3, 4
"""What a text says: a time of day, one of a time zone, 24:00, or a duration or a score such as 24:01 and 31:12."""
_WITH_ZONE = re.compile(r"(\d{2}:\d{2}:\d{2}(?:\.\d+)?)(?:Z|[+-](?:0\d|1[0-5])(?::?[0-5]\d)?)")
"""Seconds are asked for: 09:00-09:30 is a stretch of the day."""
_AS_24_00 = re.compile(r"24:00(?::00(?:\.0+)?)?")
_FROM_24 = re.compile(r"0*(?:[1-9]\d{2,}|[3-9]\d|2[4-9]):\d+(?::\d+(?:\.\d+)?)?")
_SHOWN = 100  # different times of day that are kept, to tell many from few


class WrittenTimes:
    """Gathers, lot by lot. Whether a column of texts holds times of day is settled by all of its rows."""

    def __init__(self) -> None:
        self.rows = self.known = self.times = self.zoned = 0
        """Rows; those not missing; those that are times of day; those that are of a time zone."""
        self._different: set[int | str] = set()
        self._decimals: set[int] = set()
        self._odd: tuple[int, str] | None = None  # the first row, and what it says
        self._midnights = 0  # 24:00
        self._first_midnight: tuple[int, str] | None = None
        self._first_zoned: tuple[int, str] | None = None
        self._durations = False  # is one later than 24:00?

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
        said = _said_by(distinct)
        times, zoned, midnights = said == _TIME, said == _ZONED, said == _MIDNIGHT
        self.times += int(counts[times].sum())
        self.zoned += int(counts[zoned].sum())
        self._midnights += int(counts[midnights].sum())
        self._durations = self._durations or bool((said == _LATER).any())
        for text in distinct[times | zoned]:
            if len(self._different) >= _SHOWN:
                break
            ticks = ticks_of_text(text)
            self._different.add(text if ticks is None else ticks)
        self._decimals.update(map(decimals_of_text, distinct[times]))
        self._odd = self._odd or _first(~(times | zoned), codes, distinct, begin)
        self._first_midnight = self._first_midnight or _first(midnights, codes, distinct, begin)
        self._first_zoned = self._first_zoned or _first(zoned, codes, distinct, begin)

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

    def refuse_others(self, *, name: str, source: str) -> None:
        """Raise `InputError` for the first that is no time of day, or one of a time zone."""
        others = [each for each in (self._odd, self._first_zoned) if each is not None]
        if others:
            raise no_time_of_day(*min(others), name=name, source=source)

    def refuse_midnight(self, *, name: str, source: str) -> None:
        """Raise `InputError`, naming the first row, where 24:00 stands among times of day as a slip of the pen: at
        least `_ENOUGH` are times of day, and all but a few (2 %, at least one), and none is later than 24:00."""
        if self._first_midnight is None or not self._few_odd:
            return
        row, text = self._first_midnight
        raise InputError(
            f"{source}: column {name!r} mixes types: it holds times of day, but row {row:,} says {text!r} "
            f"({self._midnights:,} such of {self.rows:,}); write midnight as 00:00, or leave the value empty; "
            f"if these are to stay texts, {_as_texts(name)}"
        )

    def tell_odd(self, *, name: str, kind: str, source: str) -> None:
        """A `GanforgeWarning`, naming the first row, where times of day are taken for texts because of others.

        kind: of the column. Where it is not learned, any others count, else only a few of them among many.
        """
        first = self._odd or self._first_zoned
        lost = kind in ("identifier", "text") and self.mostly
        if first is None or self._durations or not (lost or self._few_odd):
            return
        row, text = first
        is_none, remedy = "is none", "write it as 06:30 or 06:30:00 or leave it empty"
        count = self.known - self.times - self.zoned
        if self._odd is None:
            is_none, remedy = "is of a time zone", "write all of them by one clock and without a zone, as 06:30:00"
            count = self.zoned
        learned = "none of which is learned" if lost else "each text by itself"
        tell(
            f"{source}: column {name!r} holds times of day, but row {row:,} says {text!r}, which {is_none} ({count:,} "
            f"such of {self.rows:,}); it was taken for texts ({kind}, {learned}); to have times of day learned, "
            f"{remedy}; if these are to stay texts, {_as_texts(name)}"
        )

    @property
    def _few_odd(self) -> bool:
        """Are those that are no times of day so few among so many that they are slips of the pen?"""
        times = self.times + self.zoned
        return times >= _ENOUGH and not self._durations and self.known - times <= max(1, self.known // SLIPS)


def _as_texts(name: str) -> str:
    """How to say in a schema or in a notebook that a column holds texts."""
    return f"call {name!r} categorical in a schema, or make it frame[{name!r}].astype('category') in a data frame"


def _said_by(distinct: np.ndarray) -> np.ndarray:
    """What each of these says, as one of the codes above; 0 for anything else."""
    said = np.zeros(len(distinct), dtype=np.uint8)
    colons = np.fromiter((isinstance(each, str) and ":" in each for each in distinct), bool, len(distinct))
    if colons.any():  # of most texts nothing more need be asked, and there are many
        said[colons] = [*map(_said_by_text, distinct[colons])]
    return said


def _said_by_text(text: str) -> int:
    if ticks_of_text(text) is not None:
        return _TIME
    text = text.strip()
    zoned = _WITH_ZONE.fullmatch(text)
    if zoned is not None and ticks_of_text(zoned[1]) is not None:
        return _ZONED
    if _AS_24_00.fullmatch(text):
        return _MIDNIGHT
    return _LATER if _FROM_24.fullmatch(text) else 0


def _first(which: np.ndarray, codes: np.ndarray, distinct: np.ndarray, begin: int) -> tuple[int, str] | None:
    """The first row (counted from 1) whose text is one of these, and that text; None where there is none."""
    if not which.any():
        return None
    here = np.append(which, False)[codes]  # a missing one has code −1: the last
    place = int(np.argmax(here))
    return begin + place + 1, str(distinct[codes[place]])
