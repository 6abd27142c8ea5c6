"""What the columns of a frame are, by looking at them: kind, categories, bounds, rounding.

A column that somebody has called something is that; of the others the values and the name decide.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.columns import as_booleans, as_numbers, row_of
from ganforge.data.daytimes import is_of_day, moments_of, spelled_out, ticks_of_day, times_among
from ganforge.data.dtypes import is_of_bytes, levels_of, of_times, spelled, suits
from ganforge.data.identifiers import Form, last_number
from ganforge.data.schema import KINDS, Column, Schema, plain, ticks, ticks_per_second
from ganforge.data.texts import spelled_date, to_dates
from ganforge.data.written_times import WrittenTimes
from ganforge.errors import InputError, UnknownNameError

_FEW = 12  # whole numbers with no more different values than this are codes (months, grades, 0/1), times of day shifts
_ID_WORDS = r"id|udi|uid|uuid|guid|index|key|nr|no|rownum|unnamed: \d+"
_ID_NAME = re.compile(rf"(?:.*[^a-z])?(?:{_ID_WORDS})|id(?:[^a-z].*)?", re.IGNORECASE)  # payment_id, UDI, ID
_ID_CAMEL = re.compile(r".*[a-z](?:Id|ID)")  # customerID
_DAY = 86_400


def infer_schema(
    columns: Mapping[str, pd.Series],
    *,
    given: Mapping[Any, Any],
    asked: Mapping[str, str | Column],
    source: str,
    whole: bool = True,
) -> Schema:
    """columns: as `columns.normalise` leaves them. given: the dtypes they had before, by `daytimes.dtype_of`. asked:
    kinds that are settled. whole: these are all rows; else what is a slip of the pen among them is told elsewhere.

    Raises as `Schema.infer` says.
    """
    for name, wish in asked.items():
        kind = wish.kind if isinstance(wish, Column) else wish
        if name not in columns:
            raise UnknownNameError("column", name, columns, where=source)
        if kind not in KINDS:
            raise UnknownNameError("kind of column", kind, KINDS, where=f"the schema of column {name!r}")
    given = {str(name): dtype for name, dtype in given.items()}
    return Schema(
        tuple(
            _infer_column(series, name, given[name], asked.get(name), source, whole) for name, series in columns.items()
        )
    )


def _infer_column(
    series: pd.Series, name: str, given: Any, wish: str | Column | None, source: str, whole: bool
) -> Column:
    valid = series.dropna()
    missing = len(valid) < len(series)
    distinct = valid.nunique()
    basic = {"name": name, "dtype": str(series.dtype), "missing": missing}
    kind = wish.kind if isinstance(wish, Column) else wish
    if is_of_bytes(given):
        kind = _unlearnable(kind, name, source)
    if kind is None and (distinct == 0 or (distinct == 1 and not missing)):
        kind = "constant"
    times = WrittenTimes.of(series) if may_be_times(series, given, wish) else None
    if times is not None:
        if kind is None and whole:
            refuse_odd_times(times, name=name, source=source)
        if kind == "datetime" and times.mostly:
            moments_of(series, name=name, source=source)  # refuses what is no time of day, with its row
        if times.form is not None and (kind == "datetime" or not is_few(distinct, len(valid))):
            kind, given = "datetime", of_times(times.form, given)
    if kind is None:
        kind = _suggest(valid, name, distinct, missing, given)
        if times is not None and whole:
            tell_odd_times(times, name=name, kind=kind, source=source)
    if is_of_day(given) or (isinstance(wish, Column) and is_of_day(wish.given)):
        series = moments_of(series, name=name, source=source)
        series = series if kind == "datetime" and distinct else spelled_out(series)
        valid, basic = series.dropna(), {**basic, "dtype": str(series.dtype)}
        distinct = valid.nunique()  # 06:30 and 06:30:00 are one
    if kind == "constant" and (distinct > 1 or (distinct == 1 and missing)):
        raise InputError(
            f"{source}: column {name!r} is called constant, but holds {distinct + missing} different values"
        )
    if kind == "constant" or distinct == 0:
        column = _constant(valid, basic)
    elif kind == "ordinal":
        column = _ordinal(series, valid, basic, _order(valid, name, given, wish, source), source)
    else:
        column = _BUILD[kind](series, valid, basic, source)
    return _as_given(column, given, wish)


def may_be_times(series: pd.Series, given: Any, wish: str | Column | None) -> bool:
    """Are these texts that are looked through for times of day: nobody has called them anything else?"""
    if series.dtype != object or (isinstance(wish, Column) and wish.given is not None):
        return False
    kind = wish.kind if isinstance(wish, Column) else wish
    return kind == "datetime" or (kind is None and not isinstance(given, pd.CategoricalDtype))


def refuse_odd_times(times: WrittenTimes, *, name: str, source: str) -> None:
    """Raise `InputError` for 24:00 among times of day that are too many to be categories."""
    if not is_few(times.different, times.times + times.zoned):
        times.refuse_midnight(name=name, source=source)


def tell_odd_times(times: WrittenTimes, *, name: str, kind: str, source: str) -> None:
    """Warn where times of day that are too many to be categories are texts, of this kind, because of others."""
    if not is_few(times.different, times.times + times.zoned):
        times.tell_odd(name=name, kind=kind, source=source)


def _unlearnable(kind: str | None, name: str, source: str) -> str:
    """The kind of a column of bytes."""
    if kind not in (None, "text", "identifier"):
        raise InputError(
            f"{source}: column {name!r} is called {kind}, but holds bytes, which are never learned; make them texts or "
            "numbers before"
        )
    return kind or "text"


def _as_given(column: Column, given: Any, wish: str | Column | None) -> Column:
    """With the dtype it came in, where that is another than the house keeps it in and can be given back."""
    spelling, levels = spelled(given), levels_of(given) if isinstance(given, pd.CategoricalDtype) else None
    if isinstance(wish, Column) and wish.given is not None:
        spelling, levels = wish.given, wish.levels
    with_given = replace(column, given=spelling, levels=levels)
    return with_given if spelling not in (None, column.dtype) and suits(spelling, with_given) else column


def _suggest(valid: pd.Series, name: str, distinct: int, missing: bool, given: Any) -> str:
    kind = valid.dtype.kind
    chosen = isinstance(given, pd.CategoricalDtype)  # somebody has said already that these are categories
    if chosen and given.ordered:
        return "ordinal"
    if is_of_day(given):
        return "categorical" if is_few(distinct, len(valid)) else "datetime"
    if kind == "M":
        return "datetime"
    if kind == "b" or (kind == "O" and isinstance(valid.iloc[0], bool)):
        return "boolean"
    all_distinct = distinct == len(valid) and len(valid) >= 20
    if kind == "O" and not isinstance(valid.dtype, pd.Int64Dtype):
        if distinct > 0.9 * len(valid) and len(valid) >= 20:
            return "text" if valid.str.len().mean() > 40 or valid.str.count(" ").mean() > 3 else "identifier"
        return "categorical"
    if chosen:
        return "categorical"
    whole = kind in "iu" or bool((valid == np.floor(valid)).all())
    if not whole:
        return "categorical" if distinct == 1 else "continuous"
    if all_distinct and not missing and kind in "iu" and (looks_like_identifier(name) or _runs(valid)):
        return "identifier"
    return "categorical" if is_few(distinct, len(valid)) else "integer"


def is_few(distinct: int, rows: int) -> bool:
    """Are so few different values in so many rows codes, or shifts of a day?"""
    return distinct <= 2 or (distinct <= _FEW and distinct * 10 <= rows)


def _runs(valid: pd.Series) -> bool:
    """Does every row have the number after the one before it? Such a column numbers the rows, whatever its name."""
    return bool((np.diff(valid.to_numpy()) == 1).all())


def looks_like_identifier(name: str) -> bool:
    """Is this how one names a column that numbers its rows?"""
    return bool(_ID_NAME.fullmatch(name.strip()) or _ID_CAMEL.fullmatch(name.strip()))


def _constant(valid: pd.Series, basic: dict[str, Any]) -> Column:
    if valid.empty:
        return Column(kind="constant", **basic)
    value = int(ticks(valid)[0]) if valid.dtype.kind == "M" else plain(valid.iloc[0])
    return Column(kind="constant", value=value, **basic)


def _categorical(series: pd.Series, valid: pd.Series, basic: dict[str, Any], source: str) -> Column:
    counts = valid.value_counts()
    if valid.dtype.kind == "M":
        counts.index = counts.index.map(spelled_date)
        basic = {**basic, "dtype": "object"}
    ordered = sorted(
        ((-int(count), str(value), plain(value)) for value, count in counts.items()),
        key=lambda each: each[:2],
    )
    return Column(kind="categorical", categories=tuple(value for _, _, value in ordered), **basic)


def _ordinal(series: pd.Series, valid: pd.Series, basic: dict[str, Any], order: Sequence[Any], source: str) -> Column:
    column = _categorical(series, valid, basic, source)
    rank = {value: place for place, value in enumerate(order)}
    for value in column.categories:
        if value not in rank:
            row = row_of((series == value).to_numpy(dtype=bool, na_value=False))
            raise InputError(
                f"{source}: column {basic['name']!r}, row {row}: {value!r} is not in the order given for it "
                f"({', '.join(map(str, order))}); add it there"
            )
    return replace(column, kind="ordinal", categories=tuple(sorted(column.categories, key=rank.__getitem__)))


def _order(valid: pd.Series, name: str, given: Any, wish: str | Column | None, source: str) -> Sequence[Any]:
    """The order of an ordinal column's values: as the user or the dtype says; numbers, dates and times of day have one
    of their own."""
    dates = valid.dtype.kind == "M"
    texts = dates or (valid.dtype.kind == "O" and isinstance(valid.iloc[0], str))
    if isinstance(wish, Column) and wish.categories:
        if not texts:
            return [_as_number(each) for each in wish.categories]
        known = set(valid.unique())
        times = times_among(known)  # 14:30 is 14:30:00
        said = map(str, wish.categories)
        return [each if each in known else times.get(ticks_of_day(each), each) for each in said]
    if isinstance(given, pd.CategoricalDtype) and given.ordered:
        return levels_of(given)
    if dates:
        return [spelled_date(each) for each in sorted(valid.unique())]
    if not texts:
        return [plain(each) for each in sorted(valid.unique())]
    if valid.str.fullmatch("[0-9]+").all():  # codes such as 01, 02, …
        return sorted(valid.unique(), key=lambda each: (int(each), each))
    if all(ticks_of_day(each) is not None for each in valid.unique()):
        return sorted(valid.unique(), key=lambda each: (ticks_of_day(each), each))
    raise InputError(
        f"{source}: column {name!r} is called ordinal, and texts have no order of their own; give it in a schema file "
        f"({name}: {{kind: ordinal, order: [low, middle, high]}}) or as an ordered pandas Categorical"
    )


def _as_number(said: Any) -> Any:
    """A number that a schema file has in quotes."""
    try:
        return float(said) if isinstance(said, str) else said
    except ValueError:
        return said


def _boolean(series: pd.Series, valid: pd.Series, basic: dict[str, Any], source: str) -> Column:
    truth = as_booleans(series, name=basic["name"], source=source)
    column = _categorical(truth, truth.dropna(), basic, source)
    categories = column.categories + tuple(each for each in (False, True) if each not in column.categories)
    return Column(kind="boolean", categories=categories, **{**basic, "dtype": str(truth.dtype)})


def _numeric(kind: str) -> Any:
    def build(series: pd.Series, valid: pd.Series, basic: dict[str, Any], source: str) -> Column:
        numbers = as_numbers(series, name=basic["name"], source=source)
        valid = numbers.dropna()
        if kind == "integer" and valid.dtype.kind == "f" and not bool((valid == np.floor(valid)).all()):
            row = row_of((numbers.notna() & (numbers != np.floor(numbers))).to_numpy())
            raise InputError(
                f"{source}: column {basic['name']!r} is called integer, but row {row} "
                f"holds {numbers.iloc[row - 1]}; call it continuous"
            )
        basic = {**basic, "dtype": str(numbers.dtype)}
        return Column(kind=kind, low=plain(valid.min()), high=plain(valid.max()), decimals=decimals_of(valid), **basic)

    return build


def _datetime(series: pd.Series, valid: pd.Series, basic: dict[str, Any], source: str) -> Column:
    if series.dtype.kind != "M":
        series = to_dates(series, name=basic["name"], source=source)
        basic = {**basic, "dtype": str(series.dtype)}
    moments = ticks(series.dropna())
    per_second = ticks_per_second(basic["dtype"])
    step = int(np.gcd.reduce(np.append(moments, _DAY * per_second)))
    if len(moments) < 30:  # so few may share a step by chance: keep to a natural one
        step = next(unit for unit in _natural_steps(per_second) if step % unit == 0)
    return Column(kind="datetime", low=int(moments.min()), high=int(moments.max()), step=step, **basic)


def _natural_steps(per_second: int) -> list[int]:
    below = [per_second // 1000**k for k in range(1, 4) if per_second >= 1000**k]
    return [_DAY * per_second, 3600 * per_second, 60 * per_second, per_second, *below, 1]


def _unlearned(kind: str) -> Any:
    def build(series: pd.Series, valid: pd.Series, basic: dict[str, Any], source: str) -> Column:
        if kind == "identifier" and valid.dtype.kind in "iuf":
            return Column(kind=kind, high=last_number(valid), **basic)
        texts = kind == "identifier" and basic["dtype"] == "object"
        return Column(kind=kind, last=Form.of(valid.unique(), name=basic["name"]).last if texts else None, **basic)

    return build


_BUILD = {
    "continuous": _numeric("continuous"),
    "integer": _numeric("integer"),
    "boolean": _boolean,
    "categorical": _categorical,
    "datetime": _datetime,
    "identifier": _unlearned("identifier"),
    "text": _unlearned("text"),
}


def decimals_of(valid: pd.Series) -> int | None:
    """Places after the point that all of these keep to: 2 for prices, −3 for whole thousands, None for no rule."""
    if valid.dtype.kind in "iu" or (not isinstance(valid.dtype, np.dtype)):
        common = int(np.gcd.reduce(valid.to_numpy(dtype="int64"))) if len(valid) >= 30 else 1
        return -_tens(common)
    values = valid.to_numpy(dtype="float64")
    for decimals in range(9):
        with np.errstate(over="ignore", invalid="ignore"):
            if _keeps_to(values[:1000], decimals) and _keeps_to(values, decimals):
                if decimals or np.abs(values).max() > 2**53 or len(values) < 30:
                    return decimals
                return -_tens(int(np.gcd.reduce(values.astype("int64"))))
    return None


def _keeps_to(values: np.ndarray, decimals: int) -> bool:
    """Within the last bits: 5 × 57.16 has two decimals, though it is not the float nearest to 285.8."""
    return bool((np.abs(np.round(values, decimals) - values) <= 2 * np.spacing(np.abs(values))).all())


def _tens(number: int) -> int:
    """The largest k such that 10^k divides a number; 0 for 0."""
    count = 0
    while number and number % 10 == 0:
        number, count = number // 10, count + 1
    return count
