"""Texts as files and frames hold them: which stand for nothing, and which are dates.

Everything is found out on the distinct texts, which are few where rows are many.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import datetime as dt
import re
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ganforge.errors import InputError

MISSING = frozenset({"", "?", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "<NA>", "#N/A"})
"""Texts in a file that stand for a missing value. `None` is not among them: it is a category in many a table."""

ISO = re.compile(
    r"\d{4}([-/])\d{2}\1\d{2}"
    r"([ T]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?)?"
    r"\s?(Z|UTC|[+-]\d{2}:?\d{2})?"
)
ZONE = re.compile(r".{11,}(?:Z|UTC|([+-])(\d{2}):?(\d{2}))")
SLIPS = 50  # one in so many values may be a slip of the pen in a column of numbers or dates


@dataclass
class Odd:
    """Values that are not what the others are."""

    rows: int = 0
    first_row: int = 0
    first_text: str = ""

    def add(self, odd: pd.Series, words: pd.Series, codes: np.ndarray, begin: int) -> None:
        """odd: which of the distinct words. codes: the word of each row. begin: rows before these."""
        if not odd.any():
            return
        here = np.isin(codes, odd.index[odd.to_numpy()])
        if not self.rows:
            at = int(np.argmax(here))
            self.first_row, self.first_text = begin + at + 1, words[codes[at]]
        self.rows += int(here.sum())


def literal(series: pd.Series) -> pd.Series:
    """Texts as they stand, blanks around them stripped and missing values found."""
    series = series.str.strip()
    return series.where(series.notna() & ~series.isin(MISSING), np.nan)


def stripped(distinct: Any) -> pd.Series:
    """Distinct values as objects: blanks around texts stripped, those that stand for nothing missing."""
    texts = pd.Series([value.strip() if isinstance(value, str) else value for value in distinct], dtype=object)
    return texts.where(~texts.isin(MISSING), np.nan)


def to_dates(series: pd.Series, *, name: str, source: str) -> pd.Series:
    """Texts in an ISO format → datetime64; `InputError` with the row of the first that does not parse."""
    codes, distinct = pd.factorize(series)
    texts = pd.Series(distinct, dtype=object).astype(str)
    parsed = parse_iso(texts.where(texts.str.fullmatch(ISO)))
    if parsed.isna().any():
        row = _first_row(parsed.isna(), codes)
        raise InputError(
            f"{source}: column {name!r}, row {row}: {str(series.iloc[row - 1])!r} does not parse as a date; "
            "write dates as 2026-01-31 or 2026-01-31 23:59:59"
        )
    return spread(parsed, codes, series)


def spelled_date(moment: Any) -> str:
    """A date as it stands among categories, whatever the others are: 2026-01-31, or 2026-01-31 09:30:00."""
    return str(pd.Timestamp(moment)).removesuffix(" 00:00:00")


def spellings_of_date(value: Any) -> list[str]:
    """How a date, or a text of one, may stand among categories, the likeliest first; none for anything else."""
    if isinstance(value, str):
        value = value.strip().replace("/", "-").replace(",", ".") if ISO.fullmatch(value.strip()) else None
    try:
        moment = pd.Timestamp(value) if isinstance(value, str | dt.datetime) else pd.NaT
    except ValueError:  # 2026-02-30
        return []
    if moment is pd.NaT:
        return []
    in_utc = moment.tz_localize("UTC") if moment.tz is None else moment.tz_convert("UTC")  # beside dates with a zone
    return [spelled_date(moment), str(moment), spelled_date(in_utc)]


def offsets_in(series: pd.Series) -> np.ndarray:
    """Texts in an ISO format → (N,) float64 seconds east of UTC as each is written; 0 where it names no zone."""
    codes, distinct = pd.factorize(series)
    found = [ZONE.fullmatch(each.strip()) if isinstance(each, str) else None for each in distinct]
    offsets = [0.0 if one is None or one[1] is None else _seconds_east(*one.groups()) for one in found]
    return np.array([*offsets, 0.0])[codes]  # a missing one has code −1: the last


def _seconds_east(sign: str, hours: str, minutes: str) -> float:
    return float(f"{sign}1") * (int(hours) * 3600 + int(minutes) * 60)


def spread(values: pd.Series, codes: np.ndarray, series: pd.Series) -> pd.Series:
    """From a value for (some of) the distinct texts to a value a row; the others are missing."""
    rows = values.reindex(codes)  # code −1 is in no index: it comes back missing
    rows.index, rows.name = series.index, series.name
    return rows


def _first_row(odd: pd.Series, codes: np.ndarray) -> int:
    return int(np.argmax(np.isin(codes, odd.index[odd.to_numpy()]))) + 1


def mixing(what: str, row: int, text: str, odd_rows: int, rows: int, name: str, source: str, remedy: str) -> InputError:
    """The error of a column that holds `what` in all but a few of its rows."""
    return InputError(
        f"{source}: column {name!r} mixes types: it holds {what}, but row {row} says {text!r} "
        f"({odd_rows} such of {rows}); {remedy}"
    )


def parse_iso(texts: pd.Series, *, zoned: bool | None = None) -> pd.Series:
    """Texts in an ISO format → datetime64, missing where one is no date, in UTC where any has a zone.

    zoned: has any, here or in another part of the column? None: look.
    """
    plain = texts.str.replace("/", "-", regex=False).str.replace(",", ".", regex=False)
    zoned = bool(plain.str.fullmatch(ZONE).any()) if zoned is None else zoned
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)  # mixed zones would come back as objects: `utc` is said for them
        parsed = pd.to_datetime(plain, format="ISO8601", errors="coerce", utc=zoned)
    if parsed.isna().sum() == texts.isna().sum():
        return parsed
    # Beyond the nanoseconds' range (9999-12-31 means "open" in many a bank): microseconds reach further.
    wide = pd.Series(pd.NaT, index=texts.index, dtype="datetime64[us]")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # NumPy knows no zones, and reckons them into UTC
            wide[texts.notna()] = np.array(
                plain.dropna().str.replace(" ", "T", regex=False).to_list(), dtype="datetime64[us]"
            )
    except ValueError:
        return parsed
    return wide.dt.tz_localize("UTC") if zoned else wide
