"""Columns of text out of a file or a frame: which of them are numbers, booleans or dates.

Everything is decided on the distinct texts, which are few where rows are many.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd

from ganforge.errors import InputError

MISSING = frozenset({"", "?", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "<NA>", "#N/A"})
"""Texts in a file that stand for a missing value. `None` is not among them: it is a category in many a table."""

_ISO = re.compile(
    r"\d{4}([-/])\d{2}\1\d{2}"
    r"([ T]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?)?"
    r"\s?(Z|UTC|[+-]\d{2}:?\d{2})?"
)
_ZONE = re.compile(r".{11,}(?:Z|UTC|([+-])(\d{2}):?(\d{2}))")
_DECIMAL_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?")
_SLIPS = 50  # one in so many values may be a slip of the pen in a column of numbers or dates
_FEW = 12  # no more different numbers than this may be codes, of which some are letters


def parse_text(
    series: pd.Series, *, name: str, source: str, decimal_comma: bool = False, lenient: bool = False
) -> pd.Series:
    """Texts out of a file: blanks stripped, missing values found, then numbers, booleans or dates made of them.

    All values make a column one of these. When all but a few do (2 %, at least one) and the numbers are too many to
    be codes, the odd one out is an `InputError` with its row; `lenient` leaves such a column as it is, texts.
    decimal_comma: 1.234,5 is a number.
    """
    codes, distinct = pd.factorize(series)
    texts = pd.Series([value.strip() if isinstance(value, str) else value for value in distinct], dtype=object)
    texts = texts.where(~texts.isin(MISSING), np.nan)
    known = texts.notna()
    if not known.any():
        return pd.Series(np.nan, index=series.index, dtype="float64", name=series.name)
    words = texts[known].astype(str)
    lowered = words.str.lower()
    if lowered.isin(("true", "false")).all():
        return _spread(pd.Series((lowered == "true").to_numpy(object), index=words.index, dtype=object), codes, series)
    if decimal_comma and words.str.contains(",").any() and words.str.fullmatch(_DECIMAL_COMMA).all():
        words = words.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    numbers = pd.to_numeric(words, errors="coerce")
    odd = numbers.isna()
    if not odd.any():
        if numbers.dtype.kind in "iu" and (known.sum() < len(texts) or (codes < 0).any()):
            numbers = numbers.astype("Int64")
        return _spread(numbers, codes, series)
    if not lenient and _slips(odd, codes) and _many(numbers, odd):
        remedy = f"mend the value or leave it empty, or say in a schema that {name!r} is categorical"
        _refuse("numbers", odd, words, codes, name, source, remedy)
    dates = _dates(words, codes, name=name, source=source, lenient=lenient)
    return _spread(texts[known] if dates is None else dates, codes, series)


def dates_in(series: pd.Series, *, name: str, source: str) -> pd.Series | None:
    """Texts in an ISO format as datetime64; None when they are something else.

    Raises `InputError` when a few among many dates do not parse.
    """
    codes, distinct = pd.factorize(series)
    dates = _dates(pd.Series(distinct, dtype=object), codes, name=name, source=source, lenient=False)
    return None if dates is None else _spread(dates, codes, series)


def to_dates(series: pd.Series, *, name: str, source: str) -> pd.Series:
    """Texts in an ISO format → datetime64; `InputError` with the row of the first that does not parse."""
    codes, distinct = pd.factorize(series)
    texts = pd.Series(distinct, dtype=object).astype(str)
    parsed = _parse_iso(texts.where(texts.str.fullmatch(_ISO)))
    if parsed.isna().any():
        row = _first_row(parsed.isna(), codes)
        raise InputError(
            f"{source}: column {name!r}, row {row}: {str(series.iloc[row - 1])!r} does not parse as a date; "
            "write dates as 2026-01-31 or 2026-01-31 23:59:59"
        )
    return _spread(parsed, codes, series)


def offsets_in(series: pd.Series) -> np.ndarray:
    """Texts in an ISO format → (N,) float64 seconds east of UTC as each is written; 0 where it names no zone."""
    codes, distinct = pd.factorize(series)
    found = [_ZONE.fullmatch(each.strip()) if isinstance(each, str) else None for each in distinct]
    offsets = [0.0 if one is None or one[1] is None else _seconds_east(*one.groups()) for one in found]
    return np.array([*offsets, 0.0])[codes]  # a missing one has code −1: the last


def _seconds_east(sign: str, hours: str, minutes: str) -> float:
    return float(f"{sign}1") * (int(hours) * 3600 + int(minutes) * 60)


def _spread(values: pd.Series, codes: np.ndarray, series: pd.Series) -> pd.Series:
    """From a value for (some of) the distinct texts to a value a row; the others are missing."""
    spread = values.reindex(codes)  # code −1 is in no index: it comes back missing
    spread.index, spread.name = series.index, series.name
    return spread


def _first_row(odd: pd.Series, codes: np.ndarray) -> int:
    return int(np.argmax(np.isin(codes, odd.index[odd.to_numpy()]))) + 1


def _slips(odd: pd.Series, codes: np.ndarray) -> bool:
    """Are the odd ones so few that they are slips of the pen?"""
    among = int(np.isin(codes, odd.index).sum())
    return among > 2 and int(np.isin(codes, odd.index[odd.to_numpy()]).sum()) <= max(1, among // _SLIPS)


def _many(numbers: pd.Series, odd: pd.Series) -> bool:
    different = int(numbers.nunique())
    return different > _FEW or (len(odd) < 4 * _FEW and different >= len(odd) - int(odd.sum()) > 1 and different > 2)


def _refuse(
    what: str, odd: pd.Series, texts: pd.Series, codes: np.ndarray, name: str, source: str, remedy: str
) -> None:
    row = _first_row(odd, codes)
    count = int(np.isin(codes, odd.index[odd.to_numpy()]).sum())
    raise InputError(
        f"{source}: column {name!r} mixes types: it holds {what}, but row {row} says {texts[codes[row - 1]]!r} "
        f"({count} such of {len(codes)}); {remedy}"
    )


def _dates(texts: pd.Series, codes: np.ndarray, *, name: str, source: str, lenient: bool) -> pd.Series | None:
    looks = texts.str.fullmatch(_ISO).astype(bool)
    if not looks.any():
        return None
    parsed = _parse_iso(texts.where(looks))
    odd = parsed.isna()
    if not odd.any():
        return parsed
    if not lenient and _slips(odd, codes):
        _refuse(
            "dates", odd, texts, codes, name, source, "write dates as 2026-01-31 23:59:59, or leave the value empty"
        )
    return None


def _parse_iso(texts: pd.Series) -> pd.Series:
    plain = texts.str.replace("/", "-", regex=False).str.replace(",", ".", regex=False)
    zoned = bool(plain.str.fullmatch(_ZONE).any())
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)  # mixed zones would come back as objects: `utc` is said for them
        parsed = pd.to_datetime(plain, format="ISO8601", errors="coerce", utc=zoned)
    if parsed.isna().sum() == texts.isna().sum():
        return parsed
    # Beyond the nanoseconds' range (9999-12-31 means "open" in many a bank): microseconds reach further.
    wide = pd.Series(pd.NaT, index=texts.index, dtype="datetime64[us]")
    try:
        wide[texts.notna()] = np.array(
            plain.dropna().str.replace(" ", "T", regex=False).to_list(), dtype="datetime64[us]"
        )
    except ValueError:
        return parsed
    return wide
