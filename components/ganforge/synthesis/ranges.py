"""Ranges of numbers, dates and times of day, as a caller may ask for them: a pair, a text, one value."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.daytimes import moment_of, spelled_time
from ganforge.data.schema import Column, ticks_per_second
from ganforge.errors import InputError

_COMPARISON = re.compile(r"\s*(>=|<=|>|<)\s*(.*?)\s*")
_WITHIN = re.compile(r"\s*([^:]*):([^:]*)\s*")


@dataclass(frozen=True, kw_only=True)
class Range:
    """Numbers, dates or times of day between two ends; None leaves an end open. Missing values are never within."""

    low: Any = None
    high: Any = None
    open_low: bool = False
    """True: the end itself is left out."""
    open_high: bool = False
    of_day: bool = False
    """Are the ends times of day (`data.daytimes`)?"""

    def holds(self, values: pd.Series) -> np.ndarray:
        """Which of `values` (n,) lie within: (n,) bool."""
        within = values.notna().to_numpy().copy()
        if self.low is not None:
            within &= (values > self.low if self.open_low else values >= self.low).fillna(False).to_numpy(dtype=bool)
        if self.high is not None:
            within &= (values < self.high if self.open_high else values <= self.high).fillna(False).to_numpy(dtype=bool)
        return within

    def also(self, other: Range) -> Range:
        """Both at once."""
        lows = [(each.low, each.open_low) for each in (self, other) if each.low is not None]
        highs = [(each.high, not each.open_high) for each in (self, other) if each.high is not None]
        low, open_low = max(lows, default=(None, False))
        high, closed_high = min(highs, default=(None, True))
        of_day = self.of_day or other.of_day
        return Range(low=low, high=high, open_low=open_low, open_high=not closed_high, of_day=of_day)

    @property
    def empty(self) -> bool:
        """Can no value lie within?"""
        if self.low is None or self.high is None:
            return False
        return bool(self.low > self.high or (self.low == self.high and (self.open_low or self.open_high)))

    def __str__(self) -> str:
        spoken = spelled_time if self.of_day else str
        low = "" if self.low is None else f"{'over' if self.open_low else 'from'} {spoken(self.low)}"
        high = "" if self.high is None else f"{'under' if self.open_high else 'up to'} {spoken(self.high)}"
        return " ".join(each for each in (low, high) if each) or "any"


def is_numbered(column: Column) -> bool:
    """Are the categories of this column numbers, such as grades or counts?"""
    numbers = (isinstance(each, int | float) and not isinstance(each, bool) for each in column.categories)
    return bool(column.categories) and all(numbers)


def asks_range(wanted: Any) -> bool:
    """Is this a range rather than a value: a pair, or a text such as ">5" or "5:9"?"""
    if isinstance(wanted, str):
        return bool(_COMPARISON.fullmatch(wanted) or _WITHIN.fullmatch(wanted))
    return isinstance(wanted, Range | tuple)


def range_of(column: Column, wanted: Any) -> Range:
    """A range out of a pair, a text or one number, in the column's own terms; refused where no value of it can lie.

    A list is refused too: it holds values to choose from, and where numbers are learned as such, rows that hit one of
    a few exactly are hardly ever made.
    """
    if isinstance(wanted, Range):
        asked = wanted
    elif isinstance(wanted, str):
        asked = _from_text(column, wanted)
    elif isinstance(wanted, list | set | frozenset):
        what = "time of day" if column.of_day else "date" if column.kind == "datetime" else "number"
        raise InputError(
            f"column {column.name!r} is learned as a {what}, and {wanted!r} holds values to choose from; give a tuple "
            f"for a range, {_as_pair(wanted)}, one value, or fit the model with schema={{{column.name!r}: "
            "'categorical'}"
        )
    elif isinstance(wanted, tuple):
        if len(wanted) != 2:
            raise InputError(
                f"column {column.name!r}: a range has two ends, and {wanted!r} has {len(wanted)}; give (low, high), "
                "None for an open end"
            )
        asked = Range(low=_end(column, wanted[0]), high=_end(column, wanted[1]), of_day=column.of_day)
    else:
        asked = Range(low=_end(column, wanted), high=_end(column, wanted), of_day=column.of_day)
    least, most = _bounds(column)
    if asked.also(Range(low=least, high=most)).empty:
        ends = [spelled_time(each) if column.of_day else each for each in (least, most)]
        raise InputError(
            f"column {column.name!r}: no value lies {asked}; the values learned from run from {ends[0]} to {ends[1]}"
        )
    return asked


def _as_pair(wanted: Collection[Any]) -> str:
    """The tuple that is meant where a list holds two values."""
    return repr(tuple(wanted)) if isinstance(wanted, list) and len(wanted) == 2 else "(low, high)"


def _from_text(column: Column, text: str) -> Range:
    compared = _COMPARISON.fullmatch(text)
    if compared:
        sign, end = compared[1], _end(column, compared[2])
        if sign.startswith(">"):
            return Range(low=end, open_low=sign == ">", of_day=column.of_day)
        return Range(high=end, open_high=sign == "<", of_day=column.of_day)
    colons = column.of_day or (column.kind == "datetime" and text.count(":") != 1)  # those of one end
    within = None if colons else _WITHIN.fullmatch(text)
    if within:
        low, high = (_end(column, each) if each.strip() else None for each in within.groups())
        return Range(low=low, high=high)
    end = _end(column, text)
    return Range(low=end, high=end, of_day=column.of_day)


def _end(column: Column, value: Any) -> Any:
    """One end of a range in the column's own terms: a float, a timestamp of its zone, or a moment of the day."""
    if value is None:
        return None
    try:
        if column.of_day:
            return moment_of(value)
        if column.kind == "datetime":
            moment: Any = pd.Timestamp(value)
            zone = column.dtype.split(",")[1].strip(" ]") if "," in column.dtype else None
            if moment is pd.NaT:
                raise ValueError(value)
            if zone is not None:
                return _localised(moment, zone, column) if moment.tzinfo is None else moment.tz_convert(zone)
            return moment if moment.tzinfo is None else moment.tz_convert("UTC").tz_localize(None)
        if column.kind == "integer" and (whole := _whole(value)) is not None:
            return whole
        number = float(value)
    except (TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        if column.of_day:
            raise InputError(
                f"column {column.name!r} holds times of day, and {value!r} is none, as 06:30 is one; a range is "
                "('06:30', '18:00') or '>06:30'"
            ) from error
        what = "date, as in 2024-03-01" if column.kind == "datetime" else "number"
        raise InputError(
            f"column {column.name!r} is {column.kind}, and {value!r} is no {what}; "
            "a range is (low, high), '>5', '5:' or '5:9'"
        ) from error
    if math.isnan(number):
        raise InputError(f"column {column.name!r}: a range cannot end at a missing value; leave an end open with None")
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _localised(moment: pd.Timestamp, zone: str, column: Column) -> pd.Timestamp:
    """A time of day in its zone. In the hour that a clock put forward skips, the end of that hour: none lies within."""
    found = moment.tz_localize(zone, nonexistent="shift_forward", ambiguous="NaT")
    if found is pd.NaT:
        raise InputError(
            f"column {column.name!r}: {moment} was twice in {zone}, when clocks were put back; add the distance from "
            f"UTC, as in '{moment.tz_localize(zone, ambiguous=True)}'"
        )
    return found


def _whole(value: Any) -> int | None:
    """A whole number exactly, also beyond 2^53, where float64 has gaps; None for anything else."""
    try:
        return operator.index(value) if not isinstance(value, str) else int(value)
    except (TypeError, ValueError):
        return None


def _bounds(column: Column) -> tuple[Any, Any]:
    if column.categories:
        return min(column.categories), max(column.categories)
    if column.low is None or column.high is None:
        raise InputError(f"column {column.name!r} has only missing values; no range of it can be asked for")
    if column.kind != "datetime":
        return column.low, column.high
    ticks = ticks_per_second(column.dtype)
    unit = {1: "s", 10**3: "ms", 10**6: "us", 10**9: "ns"}[ticks]
    ends = [pd.Timestamp(int(each), unit=unit) for each in (column.low, column.high)]
    if "," in column.dtype:
        zone = column.dtype.split(",")[1].strip(" ]")
        ends = [each.tz_localize("UTC").tz_convert(zone) for each in ends]
    return ends[0], ends[1]
