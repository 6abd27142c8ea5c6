"""One column at a time: from whatever dtype pandas or a file has, to the few that the rest of the house knows.

    float64 · int64 (Int64 only when missing values stand beside numbers beyond 2^53) · bool · datetime64 · object

`object` holds strings, or True/False beside missing values; a missing value in it is always NaN. Of bytes it says only
where there are some. A time of day is a moment of 1 January 1970 (`daytimes.py`). Whole numbers beyond int64 are codes,
texts of their digits, unless they are called numbers or are too few to be codes: float64 rounds those.
Rows in messages are counted from 1, a header not counted.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from ganforge.data.daytimes import dtype_of, from_arrow, from_objects, is_of_day
from ganforge.data.dtypes import are_wide, holds_bytes
from ganforge.data.numerals import numbers_in, whole_numbers_in
from ganforge.data.readings import Dates, Reading, Unsigned
from ganforge.data.schema import ONE_HOT, Column, spelled_zone
from ganforge.data.texts import spread
from ganforge.errors import InputError

EXACT = 2**53
"""Whole numbers up to this size are exact in float64."""
BYTES = "bytes"
"""What stands where there were bytes."""
_TRUTHS = {
    "true": True, "1": True, "1.0": True, "yes": True, "t": True, "y": True,
    "false": False, "0": False, "0.0": False, "no": False, "f": False, "n": False,
}  # fmt: skip


def normalise(
    series: pd.Series, *, name: str, source: str, called: str | Column | None = None, reading: Reading | None = None
) -> pd.Series:
    """The same values in one of the dtypes above.

    called: what a schema calls the column: a text stays as written, and beside dates that are categories or identifiers
    other texts may stand. reading: what the texts of the column are by all of its rows, of which these may be a part;
    None: these say it.
    Raises `InputError` naming source, column and row for infinities, mixed types, nested values and Python's bytes.
    """
    again = partial(normalise, name=name, source=source, called=called, reading=reading)
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        held = dtype.categories.dtype if len(dtype.categories) else np.dtype(object)
        as_texts = is_of_day(dtype_of(pd.Series(dtype.categories))) or are_wide(dtype.categories)
        if (dtype.ordered and not types.is_numeric_dtype(held)) or as_texts:  # ordered dates are levels, too
            return series.astype(object).map(str, na_action="ignore")
        if series.isna().any() and types.is_integer_dtype(held):
            held = "UInt64" if types.is_unsigned_integer_dtype(held) else "Int64"
        return again(series.astype(held))
    if isinstance(dtype, pd.SparseDtype):
        return again(series.sparse.to_dense())
    if isinstance(dtype, pd.ArrowDtype):
        return _from_arrow(series, again, name=name, source=source)
    if isinstance(dtype, pd.PeriodDtype):
        return again(series.dt.to_timestamp())
    if types.is_bool_dtype(dtype):
        return _booleans(series)
    if types.is_integer_dtype(dtype):
        return _integers(series, called, reading)
    if types.is_float_dtype(dtype):
        return _floats(series, name=name, source=source)
    if types.is_datetime64_any_dtype(dtype):
        return _datetimes(series, name=name, source=source)
    if types.is_timedelta64_dtype(dtype):
        return series.dt.total_seconds().astype("float64")
    if types.is_complex_dtype(dtype):
        raise InputError(f"{source}: column {name!r} holds complex numbers; give its parts as two columns")
    if types.infer_dtype(series, skipna=True) == "string":
        return _texts(series.astype(object), called, reading, name=name, source=source)
    return _objects(series.astype(object), called, name=name, source=source)


def row_of(mask: Any) -> int:
    """The first row (counted from 1) where a mask is true."""
    return int(np.argmax(np.asarray(mask))) + 1


def as_numbers(series: pd.Series, *, name: str, source: str) -> pd.Series:
    """Numbers, from numbers, booleans or texts of numbers; `InputError` with the row otherwise."""
    if series.dtype.kind == "M":
        raise InputError(f"{source}: column {name!r} holds dates, not numbers; call it datetime")
    if series.dtype.kind == "b":
        return series.astype("int64")
    if series.dtype.kind != "O" or isinstance(series.dtype, pd.Int64Dtype):
        return series
    codes, distinct = pd.factorize(series)
    words = pd.Series(
        [str(float(each) if isinstance(each, bool | np.bool_) else each).strip() for each in distinct], dtype=object
    )
    values = numbers_in(words)
    whole = None if values.isna().any() else whole_numbers_in(words)
    if whole is not None:
        values = whole.astype("Int64") if (codes < 0).any() else whole
    numbers = spread(values, codes, series)
    bad = numbers.isna() & series.notna()
    if bad.any():
        row = row_of(bad)
        raise InputError(
            f"{source}: column {name!r}, row {row}: {series.iloc[row - 1]!r} is not a number "
            f"({int(bad.sum())} such values); mend it or leave it empty"
        )
    return normalise(numbers, name=name, source=source)


def as_booleans(series: pd.Series, *, name: str, source: str) -> pd.Series:
    """True and False, from themselves, 1 and 0, or the texts for them; `InputError` with the row otherwise."""
    truth = series.map(lambda each: _TRUTHS.get(str(each).strip().lower()), na_action="ignore").astype(object)
    bad = truth.isna() & series.notna()
    if bad.any():
        row = row_of(bad)
        raise InputError(
            f"{source}: column {name!r}, row {row}: {series.iloc[row - 1]!r} is neither true nor false; "
            "call the column categorical"
        )
    return normalise(truth, name=name, source=source) if truth.notna().any() else truth


def spoken(value: Any) -> str:
    """A value as one says it in a message: 1 for 1.0, a date as 2026-01-31 or 2026-01-31 09:30:00, a text as it is."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).removesuffix(" 00:00:00")


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


def _integers(series: pd.Series, called: str | Column | None = None, reading: Reading | None = None) -> pd.Series:
    if _are_codes(series, called, reading):
        return series.astype(object).map(str, na_action="ignore").where(series.notna(), np.nan)
    missing = series.isna()
    valid = series[~missing]
    beyond = len(valid) > 0 and int(valid.max()) > np.iinfo(np.int64).max
    if not missing.any() and not beyond:
        return series.astype("int64")
    if not beyond and len(valid) and max(abs(int(valid.max())), abs(int(valid.min()))) > EXACT:
        return series.astype("Int64")
    return pd.Series(series.to_numpy(dtype="float64", na_value=np.nan), index=series.index, name=series.name)


def _are_codes(series: pd.Series, called: str | Column | None, reading: Reading | None) -> bool:
    """Are whole numbers beyond int64, which float64 would merge, to be kept as their digits?"""
    kind = called.kind if isinstance(called, Column) else called
    settled = isinstance(called, Column) and any(not isinstance(each, str) for each in called.categories)
    if (
        kind in ("continuous", "integer", "boolean", "datetime")
        or settled
        or types.is_signed_integer_dtype(series.dtype)
    ):
        return False
    if reading is not None:
        return reading.kind == "codes"
    numbers = Unsigned()
    numbers.look_at(series)
    return numbers.are_codes(certain=kind is not None)


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


def _datetimes(series: pd.Series, *, name: str, source: str) -> pd.Series:
    """Nanoseconds; microseconds where a date lies outside the years 1678 to 2261."""
    try:
        zone = spelled_zone(getattr(series.dt, "tz", None))
    except InputError as error:
        raise InputError(f"{source}: column {name!r}: {error}") from error
    for unit in ("ns", "us"):
        try:
            return series.astype(pd.DatetimeTZDtype(unit, zone) if zone else f"datetime64[{unit}]")
        except pd.errors.OutOfBoundsDatetime:
            continue
    raise InputError("a date beyond the year 294,000; put a date of this world in its place")


def _python_dates(series: pd.Series, *, name: str, source: str) -> pd.Series:
    """Objects that are dates, of the years 1 to 9999."""
    try:
        return _datetimes(pd.to_datetime(series), name=name, source=source)
    except pd.errors.OutOfBoundsDatetime:
        naive = [np.datetime64("NaT") if pd.isna(each) else np.datetime64(_naive(each), "us") for each in series]
        return pd.Series(np.array(naive, dtype="datetime64[us]"), index=series.index, name=series.name)
    except ValueError:  # some with a zone, or with different ones
        return _datetimes(pd.to_datetime(series, utc=True), name=name, source=source)


def _naive(moment: Any) -> Any:
    zone = getattr(moment, "tzinfo", None)
    return moment if zone is None else moment.astimezone(dt.UTC).replace(tzinfo=None)


def _from_arrow(series: pd.Series, again: Callable[[pd.Series], pd.Series], *, name: str, source: str) -> pd.Series:
    import pyarrow as pa

    kind = series.dtype.pyarrow_dtype  # type: ignore[union-attr]
    if pa.types.is_nested(kind):
        raise InputError(f"{source}: column {name!r} holds {kind} values, not single ones; leave it out or unfold it")
    if pa.types.is_dictionary(kind):
        return again(series.astype(pd.ArrowDtype(kind.value_type)))
    if pa.types.is_boolean(kind):
        return _booleans(series.astype("boolean"))
    if pa.types.is_integer(kind):
        return again(series.astype("UInt64" if pa.types.is_unsigned_integer(kind) else "Int64"))
    if pa.types.is_floating(kind):
        return normalise(series.astype("float64" if kind.bit_width == 64 else "float32"), name=name, source=source)
    if pa.types.is_decimal(kind):
        return _floats(series.astype("float64"), name=name, source=source)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _python_dates(
            pd.Series(series.to_numpy(dtype=object, na_value=None), index=series.index, name=series.name),
            name=name,
            source=source,
        )
    if pa.types.is_time(kind):
        return from_arrow(series)
    if holds_bytes(kind):  # never learned, and they may be large: whether there are some is all that is kept
        some = pd.Series(BYTES, index=series.index, name=series.name, dtype=object)
        return some.mask(series.isna().to_numpy(), np.nan)
    if pa.types.is_duration(kind):
        return normalise(
            pd.to_timedelta(pd.Series(series.to_numpy(dtype=object, na_value=None), index=series.index)),
            name=name,
            source=source,
        )
    return again(series.astype(object))


def _texts(
    series: pd.Series, called: str | Column | None, reading: Reading | None, *, name: str, source: str
) -> pd.Series:
    """Texts as they are, or the dates that they are."""
    series, kind = series.where(series.notna(), np.nan), called.kind if isinstance(called, Column) else called
    if kind == "text":
        return series
    if reading is None or reading.kind not in ("texts", "dates"):
        dates = Dates()
        dates.look_at(series)
        reading = dates.reading(name=name, source=source, lenient=kind in (*ONE_HOT, "identifier"))
    return series if reading.kind == "texts" else _datetimes(reading.dates(series), name=name, source=source)


def _objects(series: pd.Series, called: str | Column | None, *, name: str, source: str) -> pd.Series:
    series = series.where(series.notna(), np.nan)
    kind = types.infer_dtype(series, skipna=True)
    if kind == "empty":
        return pd.Series(np.nan, index=series.index, dtype="float64", name=series.name)
    if kind == "boolean":
        return _booleans(series)
    if kind in ("integer", "floating", "mixed-integer-float", "decimal", "mixed-integer"):
        numbers = [each for each in series if each == each]
        if all(isinstance(each, int | np.integer) for each in numbers):
            return _big_integers(series, called)
        if kind != "mixed-integer":
            return _floats(series.astype("float64"), name=name, source=source)
    if kind in ("datetime", "datetime64", "date"):
        return _python_dates(series, name=name, source=source)
    if kind == "timedelta":
        return normalise(pd.to_timedelta(series), name=name, source=source)
    if kind == "time" and (moments := from_objects(series)) is not None:
        return moments
    if kind in ("time", "interval", "period"):
        return series.map(str, na_action="ignore")
    return _mixed(series, name=name, source=source)


def _big_integers(series: pd.Series, called: str | Column | None) -> pd.Series:
    if _are_codes(series, called, None):
        return series.map(str, na_action="ignore")
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
            f"{source}: column {name!r}, row {row}: {str(odd)[:40]!r} is {counts.index[0]}; leave this column out, "
            "or make it numbers, texts or dates"
        )
    raise InputError(
        f"{source}: column {name!r} mixes types: most values are {counts.index[0]}, but row {row} holds {odd!r}, "
        f"which is {counts.index[-1]}; make them all one type (for categories: all texts)"
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
