"""A table: a frame in a few well-known dtypes, with its schema, its fingerprint and where it came from."""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api import types

from ganforge.data.columns import EXACT, as_booleans, as_numbers, normalise, row_of
from ganforge.data.daytimes import dtype_of, is_of_day, is_of_texts, moments_of, spelled_out, ticks_of_day, times_among
from ganforge.data.dtypes import restored
from ganforge.data.images import MARK
from ganforge.data.inference import infer_schema
from ganforge.data.schema import CATEGORIES, Column, Schema, ticks, ticks_per_second
from ganforge.data.texts import spellings_of_date, to_dates
from ganforge.data.written_times import WrittenTimes
from ganforge.errors import InputError, UnknownNameError

SchemaLike = Schema | Mapping[str, str | Column] | Mapping[str, str] | Mapping[str, Column] | str | Path | None
"""A schema, a user's column → kind (`Schema.kinds()` among them), the file of one, or nothing: then everything is
inferred."""


@dataclass(frozen=True, eq=False)
class Table:
    """N rows. Not to be changed once made: the fingerprint says what is in it."""

    frame: pd.DataFrame
    """Where the rows were marked as synthetic (`synthesis.base.marked`), so is this, in its `attrs`."""
    schema: Schema
    fingerprint: str
    """SHA-256 over schema and values: the same table from CSV, CSV.gz or Parquet has the same one."""
    source: str = "data frame"
    written: Mapping[str, pd.Series] = field(default_factory=dict)
    """Columns as they came, where the schema does not give them back: texts of times of day (06:31 beside 06:31:07.5,
    blanks around them), whole numbers beyond int64 that were rounded."""

    @classmethod
    def of(cls, frame: pd.DataFrame, *, schema: SchemaLike = None, source: str = "data frame") -> Table:
        """Make a table of any frame: nullable and Arrow-backed dtypes, categoricals and dates are accepted.

        schema: a `Schema` is obeyed (a missing column is an error, columns beside it are dropped); a mapping, or a
        file of one, says the kind of some columns, and the others are inferred.
        Raises `InputError` naming `source`, column and row for what cannot be learned from.
        """
        if not isinstance(frame, pd.DataFrame):
            raise InputError(f"{source} is a {type(frame).__name__}, not a pandas DataFrame")
        frame = given_frame = _checked(frame, source)
        if isinstance(schema, Schema):
            frame = conform(frame, schema, source=source)
        else:
            overrides = Schema.read(schema) if isinstance(schema, str | Path) else dict(schema or {})
            columns = {
                str(name): normalise(frame[name], name=name, source=source, called=overrides.get(name))
                for name in frame.columns
            }
            given = {name: dtype_of(frame[name]) for name in frame.columns}
            schema = infer_schema(columns, given=given, asked=overrides, source=source)
            columns = {
                name: spelled_out(each)
                if is_of_day(given[name]) and schema[name].kind != "datetime" and each.dtype.kind == "M"
                else each
                for name, each in columns.items()
            }
            frame = _marked_as(frame, pd.DataFrame(columns, index=frame.index))
            if overrides or any(map(is_of_day, given.values())) or any(column.of_day for column in schema):
                frame = conform(frame, schema, source=source)
        written = _written(given_frame, frame, schema)
        return cls(frame, schema, _fingerprint(frame, schema), source, written)

    def __len__(self) -> int:
        return len(self.frame)

    def column(self, name: str, what: str = "column") -> pd.Series:
        """One column; `UnknownNameError` naming the nearest when there is none of that name."""
        if name not in self.frame.columns:
            raise UnknownNameError(what, name, self.frame.columns, where=self.source)
        return self.frame[name]

    def take(self, rows: np.ndarray) -> Table:
        """These rows as a table of the same schema."""
        frame = self.frame.iloc[rows].reset_index(drop=True)
        written = {name: each.iloc[rows].reset_index(drop=True) for name, each in self.written.items()}
        return Table(frame, self.schema, _fingerprint(frame, self.schema), self.source, written)

    def drop(self, *names: str) -> Table:
        """The table without these columns."""
        for name in names:
            self.column(name)
        schema = Schema(tuple(column for column in self.schema if column.name not in names))
        frame = self.frame[list(schema.names)]
        written = {name: each for name, each in self.written.items() if name not in names}
        return Table(frame, schema, _fingerprint(frame, schema), self.source, written)

    def as_given(self) -> pd.DataFrame:
        """The rows in the dtypes that the columns came in, texts of times of day and whole numbers as they were
        written."""
        columns = {each.name: restored(self.frame[each.name], each) for each in self.schema}
        return pd.DataFrame(columns | dict(self.written), index=self.frame.index)

    def time(self, name: str) -> np.ndarray:
        """A time column as (N,) float64 seconds, from dates (then since 1970) or from numbers (seconds already).

        Raises `InputError` naming the first row whose time is missing or does not parse, and for times of day, which
        say nothing of what came first.
        """
        series = self.column(name, "time column")
        of_texts = series.dtype == object and WrittenTimes.of(series).mostly  # few shifts are categories
        if of_texts or (name in self.schema and self.schema[name].of_day):
            raise InputError(f"{self.source}: column {name!r} holds times of day without a date; name one of dates")
        if series.dtype.kind == "O" and series.notna().any():
            series = to_dates(series, name=name, source=self.source)
        elif series.dtype.kind == "b":
            raise InputError(
                f"{self.source}: column {name!r} holds true and false, which is no time; "
                "name one of dates or of seconds"
            )
        missing = series.isna().to_numpy()
        if missing.any():
            raise InputError(
                f"{self.source}: column {name!r}, row {row_of(missing)}: the time is missing "
                f"({int(missing.sum())} such rows); fill it in or leave these rows out"
            )
        if series.dtype.kind == "M":
            return ticks(series) / ticks_per_second(str(series.dtype))
        return series.to_numpy(dtype="float64")


def frame_of(rows: pd.DataFrame | Table, *, source: str = "data frame") -> pd.DataFrame:
    """The frame of a table, or the frame that was given, its names made texts and its rows counted from 0.

    Raises `InputError` for anything else, and where two columns share a name.
    """
    if isinstance(rows, Table):
        return rows.frame
    if not isinstance(rows, pd.DataFrame):
        raise InputError(f"{source}: a {type(rows).__name__} was given, not a pandas DataFrame or a Table")
    return _named(rows, source)


def frame_of_array(array: np.ndarray) -> pd.DataFrame:
    """Numbers (N, columns) as a frame with the columns x0, x1, …; raises `InputError` for anything else."""
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        raise InputError(
            f"an array of shape {array.shape} and type {array.dtype} is neither rows nor pictures; give numbers "
            "(rows, columns), pixels (N, H, W), or a DataFrame"
        )
    return pd.DataFrame(array, columns=pd.Index([f"x{k}" for k in range(array.shape[1])]))


def conform(frame: pd.DataFrame, schema: Schema, *, source: str = "data frame") -> pd.DataFrame:
    """The schema's columns of `frame`, in its order and dtypes; columns beside them are dropped.

    A number that came as text, or a category that came as a number, is taken for what the schema says. Where rows of
    a column are missing that never was, its dtype becomes one that can hold it (float64, object). A frame that is
    marked as synthetic stays so.
    Raises `UnknownNameError` for a missing column, `InputError` with the row for a value of another kind.
    """
    lacking = [name for name in schema.names if name not in frame.columns]
    if lacking:
        error = UnknownNameError("column", lacking[0], frame.columns, where=source)
        if len(lacking) > 1:
            error.args = (f"{error.args[0]} ({len(lacking)} columns are missing: {', '.join(lacking[:12])})",)
        raise error
    columns = {column.name: _conform_column(frame[column.name], column, source) for column in schema}
    return _marked_as(frame, pd.DataFrame(columns, index=frame.index))


def _marked_as(frame: pd.DataFrame, made: pd.DataFrame) -> pd.DataFrame:
    """What was made of a frame, marked as synthetic where that is."""
    if frame.attrs.get(MARK):
        made.attrs[MARK] = True
    return made


def _conform_column(series: pd.Series, column: Column, source: str) -> pd.Series:
    name = column.name
    if column.kind != "datetime" and (is_of_day(column.given) or is_of_day(dtype_of(series))):
        moments = normalise(series, name=name, source=source)
        if moments.dtype.kind == "O" and column.kind in CATEGORIES and moments.notna().any():
            moments = moments_of(moments, name=name, source=source)  # 06:30 is 06:30:00
        series = spelled_out(moments) if moments.dtype.kind == "M" else series
    if column.kind in CATEGORIES and column.dtype == "object":
        return _as_texts(series, column)
    if column.kind in ("constant", "identifier", "text"):
        return _unlearned(series, column, source)
    called = "integer" if column.dtype in ("int64", "Int64", "float64") else None
    series = normalise(series, name=name, source=source, called=called)
    if series.isna().all():
        return _all_missing(series, column)
    if column.of_day:
        return moments_of(series, name=name, source=source).astype(column.dtype)
    if column.kind == "datetime":
        dates = series if series.dtype.kind == "M" else to_dates(series, name=name, source=source)
        return _dated(dates, column.dtype)
    if column.kind == "boolean":
        return as_booleans(series, name=name, source=source)
    numbers = as_numbers(series, name=name, source=source)
    if column.dtype == "float64" or numbers.isna().any():
        return numbers.astype("float64") if str(numbers.dtype) != "Int64" else numbers
    if numbers.dtype.kind == "f" and bool((numbers == np.floor(numbers)).all()) and float(numbers.abs().max()) < 2**63:
        return numbers.astype("int64")
    return numbers


def _unlearned(series: pd.Series, column: Column, source: str) -> pd.Series:
    """A column that no model learns, in the schema's dtype where all of its values have room in it, so that a part of
    a column is what the whole is; what has none may be anything, and stays as it is."""
    if column.dtype == "object" and types.infer_dtype(series, skipna=True) == "string":
        return series.astype(object).where(series.notna(), np.nan)  # dates among texts of which others are none
    try:
        made = normalise(series, name=column.name, source=source, called=column)
    except InputError:
        return series
    if made.isna().all():
        return _all_missing(made, column)
    if str(made.dtype) == column.dtype:
        return made
    if column.dtype == "object":
        return made.astype(object) if made.dtype.kind == "b" else _as_texts(made, column)
    if made.dtype == object:
        return series
    if made.dtype.kind == "M" and column.dtype.startswith("datetime"):
        return _dated(made, column.dtype)
    return _with_room(made, column.dtype)


def _with_room(numbers: pd.Series, dtype: str) -> pd.Series:
    """Numbers in another of the dtypes of numbers, if that holds each of them exactly."""
    if numbers.dtype.kind not in "iuf" or dtype not in ("int64", "Int64", "float64"):
        return numbers
    known = numbers.dropna()
    if dtype == "float64":
        return numbers.astype(dtype) if known.dtype.kind == "f" or int(known.abs().max()) <= EXACT else numbers
    fits = dtype == "Int64" or len(known) == len(numbers)
    if known.dtype.kind == "f":
        fits = fits and bool((known == np.floor(known)).all()) and float(known.abs().max()) < 2**63
    return numbers.astype(dtype) if fits else numbers


def _all_missing(series: pd.Series, column: Column) -> pd.Series:
    if column.dtype.startswith("datetime"):
        return pd.Series(pd.NaT, index=series.index, dtype=column.dtype, name=series.name)
    dtypes = {"float64": "float64", "int64": "float64", "Int64": "Int64"}  # Int64 joined to floats would be rounded
    return pd.Series(np.nan, index=series.index, dtype=dtypes.get(column.dtype, object), name=series.name)


def _dated(dates: pd.Series, dtype: str) -> pd.Series:
    alike = ("," in dtype) == ("," in str(dates.dtype))
    return dates.astype(dtype) if alike else _zoned(dates, dtype)


def _zoned(dates: pd.Series, dtype: str) -> pd.Series:
    """Dates with a zone where the schema has none, or the other way round: what has none is taken for UTC."""
    if "," in dtype:
        return dates.dt.tz_localize("UTC").astype(dtype)
    return dates.dt.tz_convert("UTC").dt.tz_localize(None).astype(dtype)


def _as_texts(series: pd.Series, column: Column) -> pd.Series:
    if column.categories and not all(isinstance(each, str) for each in column.categories):
        return series.astype(object).where(series.notna(), np.nan)
    places, distinct = pd.factorize(series)  # few values stand in many rows
    known, times = frozenset(column.categories), times_among(column.categories)
    texts = np.array([*(_as_text(each, known, times) for each in distinct), np.nan], dtype=object)
    return pd.Series(texts[places], index=series.index, name=series.name)  # a missing one has place −1: the last


def _as_text(value: object, known: frozenset[str], times: Mapping[int, str]) -> str:
    """known: the categories, among which a date is spelled in one way, whatever the file says. times: those that are
    times of day, by their nanoseconds: 06:30 is 06:30:00 is dt.time(6, 30)."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str) and value in known:
        return value
    if times and (spelled := times.get(ticks_of_day(value))) is not None:
        return spelled
    dates = spellings_of_date(value)
    text = dates[0] if dates and not isinstance(value, str) else str(value)
    return next((each for each in dates if each in known), text)


def _written(given: pd.DataFrame, frame: pd.DataFrame, schema: Schema) -> dict[str, pd.Series]:
    """The columns of texts of times of day, and of whole numbers beyond int64, that come back otherwise than they
    came."""
    texts = (each for each in schema if each.of_day and is_of_texts(each.given))
    rounded = (
        each
        for each in schema
        if each.given is not None
        and frame[each.name].dtype == "float64"
        and types.is_unsigned_integer_dtype(given[each.name].dtype)
    )
    return {
        each.name: given[each.name]
        for each in (*texts, *rounded)
        if given[each.name].dtype.kind != "M" and not restored(frame[each.name], each).equals(given[each.name])
    }


def _checked(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    frame = _named(frame, source)
    if frame.shape[1] == 0:
        raise InputError(f"{source} has no columns; give a table with at least one")
    if frame.empty:
        raise InputError(f"{source} has column names but no rows; give a table with at least one")
    return frame


def _named(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    if isinstance(frame.columns, pd.MultiIndex):
        raise InputError(f"{source} has column names of several levels; flatten them to one")
    frame = frame.reset_index(drop=True)
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    doubled = frame.columns[frame.columns.duplicated()]
    if len(doubled):
        places = [str(k + 1) for k, name in enumerate(frame.columns) if name == doubled[0]]
        raise InputError(
            f"{source}: the name {doubled[0]!r} stands over columns {' and '.join(places)}; "
            "give every column a name of its own"
        )
    return frame


def _fingerprint(frame: pd.DataFrame, schema: Schema) -> str:
    digest = hashlib.sha256(json.dumps(schema.to_json(outside=False), sort_keys=True).encode())
    for name in frame.columns:
        series = frame[name]
        digest.update(f"\0{name}\0{len(series)}\0".encode())
        if series.dtype.kind == "M":
            digest.update(ticks(series).astype("<i8").tobytes())
        elif isinstance(series.dtype, np.dtype) and series.dtype.kind in "iub":
            digest.update(series.to_numpy().astype("<i8").tobytes())
        elif isinstance(series.dtype, np.dtype) and series.dtype.kind == "f":
            values = series.to_numpy().astype("<f8") + 0.0  # −0 becomes 0
            values[np.isnan(values)] = np.nan  # one NaN of the many
            digest.update(values.tobytes())
        else:
            codes, values = pd.factorize(series.astype(object))
            digest.update(codes.astype("<i8").tobytes())
            digest.update("\0".join(f"{type(value).__name__}:{value}" for value in values).encode())
    return digest.hexdigest()
