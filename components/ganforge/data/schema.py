"""What is known about a table's columns: kind, dtype, categories, bounds, rounding.

A schema is inferred from the data (`inference.py`), or inferred under a user's word for some columns (`overrides`, a
JSON or YAML file of column → kind). It is what a model needs to give back a table of the same make.

    age: integer
    zip_code: categorical
    grade: {kind: ordinal, order: [poor, fair, good]}
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.daytimes import dtype_of, is_of_day
from ganforge.data.schema_files import read_document
from ganforge.errors import InputError, UnknownNameError

KINDS = ("continuous", "integer", "boolean", "categorical", "ordinal", "datetime", "constant", "identifier", "text")
"""`identifier` and `text` are never learned: identifiers are made anew, free text comes back empty."""

NUMERIC = ("continuous", "integer", "datetime")
CATEGORIES = ("categorical", "ordinal")
ONE_HOT = ("boolean", *CATEGORIES)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column. Fields that do not apply to its kind are empty."""

    name: str
    kind: str
    dtype: str
    """float64, int64, Int64, bool, object or datetime64[…], as `columns.normalise` leaves it."""
    missing: bool = False
    """Were there missing values?"""
    categories: tuple[Any, ...] = ()
    """One-hot kinds: the values, the most frequent first; ordinal ones in their order. `missing` comes after them and
    is not among them."""
    low: float | int | None = None
    """Numeric kinds: the smallest value seen (dates: in ticks of the dtype's unit since 1970, UTC)."""
    high: float | int | None = None
    """Numeric kinds: the largest; identifiers that are numbers: those made anew go on after it."""
    decimals: int | None = None
    """Places after the point that all values keep to; negative for round tens, hundreds, …; None: no such rounding."""
    step: int | None = None
    """Dates: all are multiples of so many ticks."""
    value: Any = None
    """Constants: the value; None when every value is missing. Dates in ticks."""
    last: str | None = field(default=None, compare=False)
    """Identifiers that are texts: what those made anew go on after, see `identifiers.py`."""
    given: str | None = field(default=None, compare=False)
    """The dtype that the column came in, where it was another: see `dtypes.py`. Columns are decoded into it."""
    levels: tuple[Any, ...] | None = field(default=None, compare=False)
    """given as categories: all of that dtype's categories in their order, those never seen among them."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownNameError("kind of column", self.kind, KINDS, where=f"column {self.name!r}")
        object.__setattr__(self, "categories", tuple(self.categories))
        if self.levels is not None:
            object.__setattr__(self, "levels", tuple(self.levels))

    @property
    def of_day(self) -> bool:
        """Is it times of day, as moments of 1 January 1970 (`daytimes.py`)? Those that are categories are texts."""
        return self.kind == "datetime" and is_of_day(self.given)

    @property
    def learned(self) -> bool:
        """Does a model see this column?"""
        return self.kind in NUMERIC or self.kind in ONE_HOT

    def to_json(self, *, outside: bool = True) -> dict[str, Any]:
        """outside: with what is only of use to give the column back as it came, which makes it no other column."""
        wanted = [each for each in fields(self) if outside or each.compare]
        values = {each.name: getattr(self, each.name) for each in wanted}
        empty = {each.name: each.default for each in wanted}
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in values.items()
            if value != empty[key] or type(value) is not type(empty[key])
        }


@dataclass(frozen=True)
class Schema:
    """The columns in the order of the table."""

    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise UnknownNameError("column", name, self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def of_kind(self, *kinds: str) -> tuple[str, ...]:
        """Names of the columns of these kinds, in order."""
        return tuple(column.name for column in self.columns if column.kind in kinds)

    def left_out(self) -> list[str]:
        """One sentence a kind of column that no model learns: what it is and what becomes of it."""
        told = (
            ("constant", "constant, left out of training and put back into samples"),
            ("identifier", "identifiers, never learned and made anew in samples"),
            ("text", "free text, not learned and empty in samples"),
        )
        return [f"{what}: {', '.join(self.of_kind(kind))}" for kind, what in told if self.of_kind(kind)]

    def kinds(self) -> dict[str, Column]:
        """Column → what it is, as `Table.of` takes it: the kinds of another frame of the same columns, to be looked at
        anew. Constants are left out: they may be none there."""
        return {column.name: column for column in self.columns if column.kind != "constant"}

    def to_json(self, *, outside: bool = True) -> dict[str, Any]:
        return {"columns": [column.to_json(outside=outside) for column in self.columns]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Schema:
        return cls(tuple(Column(**column) for column in document["columns"]))

    @classmethod
    def infer(
        cls,
        frame: pd.DataFrame,
        *,
        categorical: Iterable[str] = (),
        overrides: Mapping[str, str | Column] | None = None,
        source: str = "data frame",
    ) -> Schema:
        """Look at every column of `frame`.

        overrides: column → kind, taken instead of what the values suggest; `categorical` is short for some of these.
        A `Column` in a kind's place says its kind, its order and the dtype it came in.
        Raises `UnknownNameError` for a column or kind that does not exist, `InputError` when a column's values cannot
        be of the kind that was asked for (naming the row).
        """
        from ganforge.data.columns import normalise
        from ganforge.data.inference import infer_schema

        asked = {**dict.fromkeys(categorical, "categorical"), **(overrides or {})}
        columns = {
            str(name): normalise(frame[name], name=str(name), source=source, called=asked.get(str(name)))
            for name in frame.columns
        }
        given = {name: dtype_of(frame[name]) for name in frame.columns}
        return infer_schema(columns, given=given, asked=asked, source=source)

    @staticmethod
    def read(path: str | Path) -> dict[str, str | Column]:
        """A user's JSON or YAML file of column → kind, to be passed as `schema=` or `overrides=`."""
        document = read_document(path)
        kinds = {
            name: said for name, said in document.items() if not (name == "constraints" and isinstance(said, list))
        }
        return {str(name): _asked(kind, f"{path}, column {name!r}") for name, kind in kinds.items()}


def _asked(said: Any, where: str) -> str | Column:
    """What a schema file says of a column: a kind, or {kind: …, order: […]}."""
    kind = said.get("kind") if isinstance(said, Mapping) else said
    if kind not in KINDS:
        raise UnknownNameError("kind of column", kind, KINDS, where=where)
    order = said.get("order") if isinstance(said, Mapping) else None
    if order is None:
        return str(kind)
    if kind != "ordinal":
        raise InputError(f"{where}: an order belongs to an ordinal column, and this one is called {kind}")
    if not isinstance(order, list) or len(order) < 2 or len({str(each) for each in order}) < len(order):
        raise InputError(f"{where}: order must list at least two different values, the lowest first")
    return Column(name=where, kind="ordinal", dtype="object", categories=tuple(order))


def plain(value: Any) -> Any:
    """A NumPy scalar as the Python one, so that it can stand in JSON."""
    return value.item() if isinstance(value, np.generic) else value


def ticks(series: pd.Series) -> np.ndarray:
    """Dates as int64 ticks since 1970 (UTC) in the dtype's own unit; a missing one is the smallest int64."""
    if getattr(series.dt, "tz", None) is not None:
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    return series.to_numpy().astype("int64")


def ticks_per_second(dtype: str) -> int:
    """Ticks a second of a dtype written as datetime64[unit] or datetime64[unit, zone]."""
    return {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[re.split(r"[\[\],]", dtype)[1]]


def spelled_zone(zone: Any) -> Any:
    """A time zone as a dtype's name can hold it, so that the dtype is read back from a schema.

    pyarrow gives +02:00 as pytz.FixedOffset(120), and dateutil a zone as the file it was read from: pandas writes both
    into such a name and does not read them out of one. Raises `InputError` for a zone that has no name and no fixed
    distance from UTC.
    """
    if zone is None or _readable(zone):
        return zone
    offset = zone.utcoffset(None)
    if offset is not None:
        return dt.timezone(offset)
    parts = re.sub(r"^tzfile\('(.*)'\)$", r"\1", str(zone)).split("/")  # …/zoneinfo/Europe/Berlin
    for name in ("/".join(parts[k:]) for k in range(len(parts))):
        if name and _readable(name):
            return name
    raise InputError(
        f"the time zone {zone} has no name that other programs know; convert these dates before, as with "
        '.dt.tz_convert("UTC") or .dt.tz_convert("Europe/Berlin")'
    )


def _readable(zone: Any) -> bool:
    """Is a dtype of dates in this zone read back from its name?"""
    try:
        pd.api.types.pandas_dtype(str(pd.DatetimeTZDtype("ns", zone)))
    except (TypeError, ValueError, KeyError):  # an unknown name is another error of each library of zones
        return False
    return True
