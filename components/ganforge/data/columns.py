"""One column at a time: from whatever dtype pandas or a file has, to the few that the rest of the house knows.

    float64 · int64 (Int64 only when missing values stand beside numbers beyond 2^53) · bool · datetime64 · object

`object` holds strings, or True/False beside missing values; a missing value in it is always NaN.
Rows in messages are counted from 1, a header not counted.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from ganforge.errors import InputError

MISSING = frozenset({"", "?", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "<NA>", "#N/A"})
"""Texts in a file that stand for a missing value. `None` is not among them: it is a category in many a table."""

EXACT = 2**53
"""Whole numbers up to this size are exact in float64."""

_ISO = re.compile(
    r"\d{4}([-/])\d{2}\1\d{2}"
    r"([ T]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?)?"
    r"\s?(Z|UTC|[+-]\d{2}:?\d{2})?"
)
_DECIMAL_COMMA = re.compile(r"[+-]?\d{1,3}(\.\d{3})*,\d+|[+-]?\d+,\d+|[+-]?\d+")


def normalise(series: pd.Series, *, name: str, source: str) -> pd.Series:
    """The same values in one of the dtypes above.

    Raises `InputError` naming source, column and row for infinities, mixed types, nested values and bytes.
    """
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return normalise(
            series.astype(dtype.categories.dtype if len(dtype.categories) else object),
            name=name,
            source=source,
        )
    if isinstance(dtype, pd.SparseDtype):
        return normalise(series.sparse.to_dense(), name=name, source=source)
    if isinstance(dtype, pd.ArrowDtype):
        return _from_arrow(series, name=name, source=source)
    if isinstance(dtype, pd.PeriodDtype):
        return normalise(series.dt.to_timestamp(), name=name, source=source)
    if types.is_bool_dtype(dtype):
        return _booleans(series)
    if types.is_integer_dtype(dtype):
        return _integers(series)
    if types.is_float_dtype(dtype):
        return _floats(series, name=name, source=source)
    if types.is_datetime64_any_dtype(dtype):
        return _datetimes(series)
    if types.is_timedelta64_dtype(dtype):
        return series.dt.total_seconds().astype("float64")
    if types.is_complex_dtype(dtype):
        raise InputError(f"{source}: column {name!r} holds complex numbers; give its parts as two columns")
    return _objects(series.astype(object), name=name, source=source)


def parse_text(series: pd.Series, *, name: str, source: str, decimal_comma: bool = False) -> pd.Series:
    """A column of texts out of a file: blanks stripped, missing values found, then numbers, booleans or dates.

    A column is numbers (or dates) when all its values are, or when all but a few (2 %, at least one) are and there are more
    different numbers than a list of codes would have: then the odd one out is an `InputError` with its row.
    """
    text = series.astype(object).where(series.notna(), None)
    text = text.map(lambda value: value.strip() if isinstance(value, str) else value)
    text = text.where(text.notna() & ~text.isin(MISSING), np.nan)
    valid = text.dropna()
    if valid.empty:
        return pd.Series(np.nan, index=series.index, dtype="float64", name=series.name)
    lowered = valid.astype(str).str.lower()
    if lowered.isin(("true", "false")).all():
        return _booleans(
            text.map(
                {
                    **dict.fromkeys(valid[lowered == "true"], True),
                    **dict.fromkeys(valid[lowered == "false"], False),
                }
            )
        )
    if decimal_comma and valid.astype(str).str.fullmatch(_DECIMAL_COMMA).all():
        text = text.astype(str).where(text.isna(), text.astype(str).str.replace(".", "").str.replace(",", "."))
        valid = text.dropna()
    numbers = pd.to_numeric(valid, errors="coerce")
    odd = numbers.isna()
    if not odd.any():
        return _numbers(numbers, text, name=name, source=source)
    if _odd_ones_out(odd, numbers):
        _refuse_odd(valid, odd, what="numbers", name=name, source=source)
    return _dates_or_texts(text, name=name, source=source)


def row_of(mask: Any) -> int:
    """The first row (counted from 1) where a mask is true."""
    return int(np.argmax(np.asarray(mask))) + 1


def to_dates(series: pd.Series, *, name: str, source: str) -> pd.Series:
    """Texts in an ISO format → datetime64; `InputError` with the row of the first that does not parse."""
    valid = series.dropna().astype(str)
    bad = ~valid.str.fullmatch(_ISO)
    parsed = None
    if not bad.any():
        parsed = _parse_iso(valid)
        bad = parsed.isna()
    if parsed is None or bad.any():
        first = bad.index[int(np.argmax(bad.to_numpy()))]
        row = series.index.get_loc(first)
        raise InputError(
            f"{source}: column {name!r}, row {int(row) + 1 if isinstance(row, int) else first}: {valid[first]!r} does not parse "
            "as a date; write dates as 2026-01-31 or 2026-01-31 23:59:59"
        )
    return _datetimes(parsed.reindex(series.index))


# -- from each kind of dtype ---------------------------------------------------------------------------------------


def _booleans(series: pd.Series) -> pd.Series:
    if series.isna().any():
        return (
            series.astype(object)
            .where(series.notna(), np.nan)
            .map(lambda each: bool(each) if each == each else np.nan)
            .astype(object)
        )
    return series.astype(bool)


def _integers(series: pd.Series) -> pd.Series:
    missing = series.isna()
    if not missing.any():
        if series.dtype.kind == "u" and len(series) and int(series.max()) > np.iinfo(np.int64).max:
            return series.astype("float64")
        return series.astype("int64")
    valid = series[~missing]
    if len(valid) and max(abs(int(valid.max())), abs(int(valid.min()))) > EXACT:
        return series.astype("Int64")
    return pd.Series(series.to_numpy(dtype="float64", na_value=np.nan), index=series.index, name=series.name)


def _floats(series: pd.Series, *, name: str, source: str) -> pd.Series:
    values = series.to_numpy(dtype="float64", na_value=np.nan)
    infinite = np.isinf(values)
    if infinite.any():
        raise InputError(
            f"{source}: column {name!r}, row {row_of(infinite)}: {values[infinite][0]} is not a finite number "
            f"({int(infinite.sum())} such values in this column); leave them empty, or put a number in their place"
        )
    if getattr(series.dtype, "itemsize", 8) < 8:
        values = _shortest(values, np.dtype(f"float{8 * series.dtype.itemsize}"))
    return pd.Series(values, index=series.index, name=series.name)


def _shortest(values: np.ndarray, narrow: np.dtype) -> np.ndarray:
    """float32's .1 is .10000000149 in float64: take the short decimal where all values have one."""
    with np.errstate(over="ignore", invalid="ignore"):
        for decimals in range(7):
            rounded = np.round(values, decimals)
            if np.array_equal(rounded.astype(narrow), values.astype(narrow), equal_nan=True):
                return rounded
    return values


def _datetimes(series: pd.Series) -> pd.Series:
    """Nanoseconds; microseconds where a date lies outside the years 1678 to 2261."""
    zone = getattr(series.dt, "tz", None)
    for unit in ("ns", "us"):
        try:
            return series.astype(pd.DatetimeTZDtype(unit, zone) if zone else f"datetime64[{unit}]")
        except pd.errors.OutOfBoundsDatetime:
            continue
    raise InputError("a date beyond the year 294,000; put a date of this world in its place")


def _from_arrow(series: pd.Series, *, name: str, source: str) -> pd.Series:
    import pyarrow as pa

    kind = series.dtype.pyarrow_dtype  # type: ignore[union-attr]
    if pa.types.is_nested(kind):
        raise InputError(f"{source}: column {name!r} holds {kind} values, not single ones; leave it out or unfold it")
    if pa.types.is_dictionary(kind):
        return normalise(series.astype(pd.ArrowDtype(kind.value_type)), name=name, source=source)
    if pa.types.is_boolean(kind):
        return _booleans(series.astype("boolean"))
    if pa.types.is_integer(kind):
        return _integers(series.astype("UInt64" if pa.types.is_unsigned_integer(kind) else "Int64"))
    if pa.types.is_floating(kind):
        return normalise(series.astype("float64" if kind.bit_width == 64 else "float32"), name=name, source=source)
    if pa.types.is_decimal(kind):
        return _floats(series.astype("float64"), name=name, source=source)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _datetimes(
            pd.to_datetime(
                pd.Series(series.to_numpy(dtype=object, na_value=None), index=series.index, name=series.name)
            )
        )
    if pa.types.is_duration(kind):
        return normalise(
            pd.to_timedelta(pd.Series(series.to_numpy(dtype=object, na_value=None), index=series.index)),
            name=name,
            source=source,
        )
    return _objects(series.astype(object), name=name, source=source)


def _objects(series: pd.Series, *, name: str, source: str) -> pd.Series:
    series = series.where(series.notna(), np.nan)
    kind = types.infer_dtype(series, skipna=True)
    if kind == "string":
        return _dates_or_texts(series, name=name, source=source)
    if kind == "empty":
        return pd.Series(np.nan, index=series.index, dtype="float64", name=series.name)
    if kind == "boolean":
        return _booleans(series)
    if kind in ("integer", "floating", "mixed-integer-float", "decimal", "mixed-integer"):
        numbers = [each for each in series if each == each]
        if all(isinstance(each, int | np.integer) for each in numbers):
            return _big_integers(series)
        if kind != "mixed-integer":
            return _floats(series.astype("float64"), name=name, source=source)
    if kind in ("datetime", "datetime64", "date"):
        return _datetimes(pd.to_datetime(series))
    if kind == "timedelta":
        return normalise(pd.to_timedelta(series), name=name, source=source)
    if kind in ("time", "interval", "period"):
        return series.map(str, na_action="ignore")
    return _mixed(series, name=name, source=source)


def _big_integers(series: pd.Series) -> pd.Series:
    try:
        return _integers(series.astype("Int64"))
    except (OverflowError, TypeError):  # beyond 64 bits
        return series.astype("float64")


def _mixed(series: pd.Series, *, name: str, source: str) -> pd.Series:
    families = series.map(_family)
    families[series.isna()] = None
    counts = families.value_counts()
    if {"a number", "true or false"} >= set(counts.index):
        return series.astype("float64")
    row = row_of(families == counts.index[-1])
    odd = series.iloc[row - 1]
    if len(counts) == 1:
        raise InputError(
            f"{source}: column {name!r}, row {row}: {str(odd)[:40]!r} is {counts.index[0]}; leave this column out, or make it "
            "numbers, texts or dates"
        )
    raise InputError(
        f"{source}: column {name!r} mixes types: most values are {counts.index[0]}, but row {row} holds {odd!r}, which is "
        f"{counts.index[-1]}; make them all one type (for categories: all texts)"
    )


def _family(value: Any) -> str:
    if isinstance(value, str):
        return "a text"
    if isinstance(value, bool | np.bool_):
        return "true or false"
    if isinstance(value, int | float | np.number):
        return "a number"
    if hasattr(value, "isoformat"):
        return "a date"
    return f"of type {type(value).__name__}"


# -- texts ---------------------------------------------------------------------------------------------------------


def _numbers(numbers: pd.Series, text: pd.Series, *, name: str, source: str) -> pd.Series:
    whole = numbers.dtype.kind in "iu"
    if len(numbers) == len(text):
        return _integers(numbers) if whole else _floats(numbers, name=name, source=source)
    if whole:
        return _integers(numbers.astype("Int64").reindex(text.index))
    return _floats(numbers.reindex(text.index), name=name, source=source)


def _odd_ones_out(odd: pd.Series, numbers: pd.Series) -> bool:
    """Are these numbers with a slip of the pen, rather than codes of which some are letters?"""
    few = int(odd.sum()) <= max(1, len(odd) // 50) and len(odd) > 2
    return few and (numbers.nunique() > 12 or (len(odd) < 50 and numbers.nunique() == len(odd) - int(odd.sum())))


def _refuse_odd(valid: pd.Series, odd: pd.Series, *, what: str, name: str, source: str) -> None:
    first = odd.index[int(np.argmax(odd.to_numpy()))]
    raise InputError(
        f"{source}: column {name!r} mixes types: it holds {what}, but row {int(first) + 1} says {valid[first]!r} "
        f"({int(odd.sum())} such of {len(odd)}); mend the value or leave it empty, or say in a schema that {name!r} is categorical"
    )


def _dates_or_texts(text: pd.Series, *, name: str, source: str) -> pd.Series:
    valid = text.dropna().astype(str)
    if valid.empty or not valid.iloc[:1].str.fullmatch(_ISO).any():
        return text
    looks = valid.str.fullmatch(_ISO)
    parsed = _parse_iso(valid.where(looks))
    bad = parsed.isna()
    if not bad.any():
        return _datetimes(parsed.reindex(text.index))
    if int(bad.sum()) <= max(1, len(bad) // 50) and len(bad) > 2:
        rows = valid.reset_index(drop=True), pd.Series(bad.to_numpy())
        place = int(np.flatnonzero(text.notna().to_numpy())[int(np.argmax(rows[1].to_numpy()))])
        raise InputError(
            f"{source}: column {name!r} mixes types: it holds dates, but row {place + 1} says {valid.iloc[int(np.argmax(bad.to_numpy()))]!r} "
            f"({int(bad.sum())} such of {len(bad)}); write dates as 2026-01-31 23:59:59, or leave the value empty"
        )
    return text


def _parse_iso(texts: pd.Series) -> pd.Series:
    plain = texts.str.replace("/", "-").str.replace(",", ".")
    zoned = plain.str.contains(r"(?:Z|UTC|[+-]\d{2}:?\d{2})$", na=False) & (plain.str.len() > 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)  # mixed zones would come back as objects: we say utc ourselves
        parsed = pd.to_datetime(plain, format="ISO8601", errors="coerce", utc=bool(zoned.any()))
    if parsed.isna().sum() > texts.isna().sum():
        # Beyond the nanosecond range (9999-12-31 means "open" in many a bank): microseconds reach further.
        wide = pd.Series(pd.NaT, index=texts.index, dtype="datetime64[us]")
        try:
            wide[texts.notna()] = np.array(plain.dropna().str.replace(" ", "T").to_list(), dtype="datetime64[us]")
        except ValueError:
            return parsed
        return wide
    return parsed
