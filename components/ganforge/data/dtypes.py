"""The dtype that a column came in, and a column made anew given back in it.

Inside the house a column is float64, int64, bool, datetime64 or object (`columns.py`). What it was outside, int8 or
Int64, `category`, Arrow's timestamps, stands in `Column.given` in a spelling of our own, where pandas' is ambiguous:

    int8, UInt64, boolean, period[M], datetime64[s, UTC], timedelta64[ms]      as pandas spells them
    string[pyarrow], string[python], str[pyarrow], str[python]                 pandas' texts, by storage; str: with NaN
    arrow:int64, arrow:timestamp[us, tz=UTC], arrow:decimal128(10, 2), …       Arrow-backed
    category, ordered category                                                 with `Column.levels`
    time                                                                       objects that are Python's times of day
    HH:MM, HH:MM:SS.fff string[python], …                                      texts that are, and the texts' own dtype

Unsigned numbers beyond int64 are texts of digits in the house, and come back as numbers.
A dtype that holds no missing values stays away where some came to be missing; one that is too narrow for identifiers
made anew gives way to a wider one of its make.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas.api import types

from ganforge.data import daytimes
from ganforge.data.schema import CATEGORIES, ONE_HOT, Column, Schema, plain, spelled_zone

if TYPE_CHECKING:
    import pyarrow as pa

_CATEGORIES = ("category", "ordered category")
_TEXTS = {
    "string[pyarrow]": ("pyarrow", pd.NA), "string[python]": ("python", pd.NA),
    "str[pyarrow]": ("pyarrow", np.nan), "str[python]": ("python", np.nan),
}  # fmt: skip
_WIDE = ("uint64", "UInt64", "arrow:uint64")
"""Those of whole numbers that may be beyond int64, and are texts of digits in the house then."""
_DIGITS = re.compile("[0-9]+")
_EXACT = {"float16": 2**11, "halffloat": 2**11, "float32": 2**24, "float": 2**24, "float64": 2**53, "double": 2**53}
_LADDERS = (
    ("int8", "int16", "int32", "int64", "uint64"),
    ("uint8", "uint16", "uint32", "uint64"),
    ("float16", "float32", "float64", "int64", "uint64"),
    ("Int8", "Int16", "Int32", "Int64", "UInt64"),
    ("UInt8", "UInt16", "UInt32", "UInt64"),
    ("Float32", "Float64", "Int64", "UInt64"),
    ("arrow:int8", "arrow:int16", "arrow:int32", "arrow:int64", "arrow:uint64"),
    ("arrow:uint8", "arrow:uint16", "arrow:uint32", "arrow:uint64"),
    ("arrow:halffloat", "arrow:float", "arrow:double", "arrow:int64", "arrow:uint64"),
)
"""Dtypes of one make, each with more room than the one before it."""


def spelled(dtype: Any) -> str | None:
    """A dtype in the spelling above; None for one that nothing is given back in (object, sparse, intervals, …)."""
    if dtype is daytimes.TIMES or daytimes.is_of_texts(dtype):
        return dtype
    if isinstance(dtype, pd.StringDtype):
        return f"{'string' if dtype.na_value is pd.NA else 'str'}[{dtype.storage}]"
    if isinstance(dtype, pd.CategoricalDtype):
        return "ordered category" if dtype.ordered else "category"
    if isinstance(dtype, pd.ArrowDtype):
        kind = dtype.pyarrow_dtype
        return f"arrow:{kind}" if _arrow_family(kind) and _arrow_type(str(kind)) == kind else None
    if isinstance(dtype, pd.DatetimeTZDtype):
        dtype = pd.DatetimeTZDtype(dtype.unit, spelled_zone(dtype.tz))
    return str(dtype) if _family(dtype) else None


def suits(given: str, column: Column) -> bool:
    """Can the values of a column be given back in this dtype? Not where texts were read as dates, for example."""
    known = column.categories or ((column.value,) if column.value is not None else ())
    if column.low is None and not known and column.kind not in ("identifier", "text"):
        return True  # nothing but missing values
    if given in _CATEGORIES:
        return column.kind in (*ONE_HOT, "constant") and set(known) <= set(column.levels or ())
    if daytimes.is_of_texts(given):
        return column.kind == "datetime" and "," not in column.dtype
    family = _arrow_family(_arrow_type(given[6:])) if given.startswith("arrow:") else _family(_parsed(given))
    if family == "time":
        if column.kind == "datetime":
            return "," not in column.dtype
        return column.kind in (*CATEGORIES, "constant") and all(map(daytimes.is_spelled, known))
    if given in _WIDE and column.dtype == "object" and column.kind != "boolean":
        said = (*known, *([column.last] if column.last is not None else []))
        return all(isinstance(each, str) and _DIGITS.fullmatch(each) for each in said)
    if column.dtype.startswith("datetime"):
        return family == "date" and column.kind != "identifier"  # those made anew are texts
    if known and all(isinstance(each, bool) for each in known):
        return family == "truth"
    return family in (("text",) if column.dtype == "object" else ("number", "span"))


def of_times(written: str, given: Any) -> str:
    """What texts of a dtype that are times of day are called; written: their form, by `daytimes.form_of`."""
    if isinstance(given, pd.StringDtype | pd.ArrowDtype) and (own := spelled(given)):
        return f"{written} {own}"
    return written


def levels_of(dtype: pd.CategoricalDtype) -> tuple[Any, ...]:
    """All categories in their order, as plain numbers, booleans or texts."""
    index = dtype.categories
    if are_wide(index):
        return tuple(map(str, index))
    if types.is_bool_dtype(index.dtype) or types.is_integer_dtype(index.dtype) or types.is_float_dtype(index.dtype):
        return tuple(index.astype(object).map(plain))
    return tuple(map(str, index))


def are_wide(categories: pd.Index) -> bool:
    """Are whole numbers among them beyond int64, so that they are kept as texts?"""
    return bool(types.is_unsigned_integer_dtype(categories.dtype) and len(categories) and categories.max() > 2**63 - 1)


def restored(series: pd.Series, column: Column) -> pd.Series:
    """A column as the house keeps it → in the dtype it was given in, if that is known and can hold it."""
    given = column.given
    if given is not None and column.kind == "identifier":
        given = _with_room(given, series)
    if given is None:
        return series
    if given in _CATEGORIES:
        return series.astype(pd.CategoricalDtype(list(column.levels or ()), ordered=given != "category"))
    if given == daytimes.TIMES:
        return daytimes.to_objects(series)
    if daytimes.is_of_texts(given):
        form, _, own = given.partition(" ")
        return restored(daytimes.to_texts(series, form), replace(column, given=own or None))
    if given in _WIDE and series.dtype == object and (numbers := _from_digits(series)) is not None:
        series = series if given == "uint64" and numbers.isna().any() else numbers
    if given.startswith("arrow:"):
        return _to_arrow(series, _arrow_type(given[6:]))
    dtype = _parsed(given)
    if isinstance(dtype, np.dtype) and dtype.kind in "iub" and series.isna().any():
        return series
    if isinstance(dtype, pd.PeriodDtype):
        return series.dt.to_period(dtype.freq)
    if types.is_timedelta64_dtype(dtype):
        return _to_spans(series, dtype)
    if types.is_integer_dtype(dtype) and series.dtype.kind == "f":
        edge = np.iinfo(getattr(dtype, "numpy_dtype", dtype)).max  # 2^64 − 1 is no float64: the next one below is
        series = series.clip(upper=np.nextafter(float(edge), 0) if edge > 2**53 else edge)
    return series.astype(dtype)


def times_restored(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Rows as the house keeps them, times of day in the dtype they were given in: out of the house, moments of the
    first of January 1970 are taken for dates."""
    of_day = [each for each in schema if each.name in frame and daytimes.is_of_day(each.given)]
    return frame.assign(**{each.name: restored(frame[each.name], each) for each in of_day})


def _with_room(given: str, identifiers: pd.Series) -> str | None:
    """The dtype, or the narrowest of its make that holds these; None where none does."""
    if given.startswith("arrow:dictionary"):
        kind: Any = _arrow_type(given[6:])
        values = f"arrow:{kind.value_type}"
        roomy = _with_room(values, identifiers)
        return given if roomy == values and len(identifiers) <= np.iinfo(str(kind.index_type)).max else roomy
    ladder = next((each[each.index(given) :] for each in _LADDERS if given in each), ())
    if found := re.fullmatch(r"arrow:decimal\d+\((\d+), (-?\d+)\)", given):
        ladder = (given, f"arrow:decimal128(38, {found[2]})")
    if not ladder or identifiers.empty:
        return given
    if identifiers.dtype == object:  # texts of digits, or beyond all numbers
        return given if given in _WIDE and _from_digits(identifiers) is not None else None
    least, most = int(identifiers.min()), int(identifiers.max())
    return next((each for each in ladder if _holds(each, least) and _holds(each, most)), None)


def _from_digits(texts: pd.Series) -> pd.Series | None:
    """Texts → UInt64; None where one is anything but digits, or beyond 64 bits."""
    known = texts.dropna()
    if not all(
        isinstance(each, str) and _DIGITS.fullmatch(each) and len(each) <= 20 and int(each) < 2**64 for each in known
    ):
        return None
    numbers = [int(each) if isinstance(each, str) else None for each in texts]
    return pd.Series(pd.array(numbers, dtype="UInt64"), index=texts.index, name=texts.name)


def _holds(given: str, number: int) -> bool:
    """Is this whole number exact in a dtype of numbers?"""
    name = given.removeprefix("arrow:").lower()
    if found := re.fullmatch(r"decimal\d+\((\d+), (-?\d+)\)", name):
        return abs(number) < 10 ** (int(found[1]) - int(found[2]))
    if name in _EXACT:
        return abs(number) <= _EXACT[name]
    return np.iinfo(name).min <= number <= np.iinfo(name).max


def _parsed(given: str) -> Any:
    if given == daytimes.TIMES:
        return daytimes.TIMES
    if given in _TEXTS:
        storage, empty = _TEXTS[given]
        return pd.StringDtype(storage, na_value=empty)
    return types.pandas_dtype(given)


def _family(dtype: Any) -> str | None:
    """What a dtype that is not Arrow's holds: number, truth, date, time (of day), span (of time), text; None for all
    else."""
    if dtype is daytimes.TIMES:
        return "time"
    if isinstance(dtype, pd.StringDtype):
        return "text"
    if isinstance(dtype, pd.SparseDtype) or types.is_complex_dtype(dtype):
        return None
    if types.is_bool_dtype(dtype):
        return "truth"
    if types.is_integer_dtype(dtype) or types.is_float_dtype(dtype):
        return "number"
    if types.is_datetime64_any_dtype(dtype) or isinstance(dtype, pd.PeriodDtype):
        return "date"
    return "span" if types.is_timedelta64_dtype(dtype) else None


def _arrow_family(kind: pa.DataType | None) -> str | None:
    import pyarrow.types as arrow

    if kind is None:
        return None
    if arrow.is_dictionary(kind):
        return _arrow_family(kind.value_type)
    if arrow.is_boolean(kind):
        return "truth"
    if arrow.is_integer(kind) or arrow.is_floating(kind) or arrow.is_decimal(kind):
        return "number"
    if arrow.is_timestamp(kind) or arrow.is_date(kind):
        return "date"
    if arrow.is_duration(kind):
        return "span"
    if arrow.is_time(kind):
        return "time"
    if arrow.is_null(kind):
        return "nothing"
    return "text" if arrow.is_string(kind) or arrow.is_large_string(kind) or arrow.is_string_view(kind) else None


def is_of_bytes(dtype: Any) -> bool:
    """Is this pandas' dtype for Arrow's bytes?"""
    return isinstance(dtype, pd.ArrowDtype) and holds_bytes(dtype.pyarrow_dtype)


def holds_bytes(kind: Any) -> bool:
    """Is this Arrow type one of bytes: pictures, signatures, keys?"""
    import pyarrow.types as arrow

    if arrow.is_dictionary(kind):
        return holds_bytes(kind.value_type)
    ours = (arrow.is_binary, arrow.is_large_binary, arrow.is_binary_view, arrow.is_fixed_size_binary)
    return any(is_of(kind) for is_of in ours)


def _arrow_type(text: str) -> pa.DataType | None:
    """Arrow's own spelling of a type, read; None for one that is not read."""
    import pyarrow as pa

    if found := re.fullmatch(r"timestamp\[(\w+), tz=(.+)\]", text):
        return pa.timestamp(found[1], found[2])
    if found := re.fullmatch(r"(decimal\d+)\((\d+), (-?\d+)\)", text):
        return getattr(pa, found[1])(int(found[2]), int(found[3]))
    if found := re.fullmatch(r"dictionary<values=(.+), indices=(\w+), ordered=([01])>", text):
        values, places = _arrow_type(found[1]), _arrow_type(found[2])
        return None if values is None or places is None else pa.dictionary(places, values, ordered=found[3] == "1")
    try:
        return pa.type_for_alias(text)
    except ValueError:
        return None


def _to_arrow(series: pd.Series, kind: pa.DataType) -> pd.Series:
    import pyarrow as pa

    if series.isna().all():
        values = pa.nulls(len(series), kind)
    elif pa.types.is_duration(kind):
        values = pa.array(_to_spans(series, np.dtype(f"timedelta64[{kind.unit}]")), from_pandas=True)
    elif daytimes.is_of_day(f"arrow:{kind}"):
        values = daytimes.to_arrow(series, kind.value_type if pa.types.is_dictionary(kind) else kind)
    elif pa.types.is_decimal(kind):
        values = _decimals(series, kind)
    else:
        values = pa.array(series, from_pandas=True)
    if pa.types.is_dictionary(kind) and not pa.types.is_dictionary(values.type):
        values = values.cast(kind.value_type).dictionary_encode()
    if pa.types.is_integer(kind) and pa.types.is_floating(values.type):
        whole = series.astype("UInt64" if pa.types.is_unsigned_integer(kind) else "Int64")
        values = pa.array(whole, from_pandas=True)
    values = values.cast(kind)
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([values])), index=series.index, name=series.name)


def _decimals(series: pd.Series, kind: pa.DataType) -> pa.Array:
    """Numbers, within what the type has digits for: a float64 has fewer, and may be rounded to beyond."""
    import pyarrow as pa

    if series.dtype.kind == "f":
        edge = 10.0 ** (kind.precision - kind.scale)
        most = float(np.nextafter(edge, 0)) if kind.precision > 15 else edge - 10.0**-kind.scale
        series = series.clip(-most, most)
    return pa.array(series, from_pandas=True)


def _to_spans(series: pd.Series, dtype: Any) -> pd.Series:
    """Seconds → timedelta64, to the nearest tick."""
    unit = np.datetime_data(dtype)[0]
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    missing = series.isna().to_numpy()
    ticks = np.round(np.where(missing, 0, series.to_numpy(np.float64)) * per_second).astype(np.int64)
    spans = pd.Series(ticks.astype(dtype), index=series.index, name=series.name)
    return spans.mask(missing)
