"""What all rows of a table say about its columns, looked at batch by batch: a schema, without holding the table.

A uniform sample of rows is kept, and beside it the rows that show what a sample may miss: the least and the greatest
value of each column, the first missing one, the first that is no whole number, the first that differs from those
before. Kinds, bounds and missing values are inferred on both together; categories, their order by frequency, decimals
and the steps of dates are gathered from every row.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.columns import as_numbers, normalise
from ganforge.data.daytimes import (
    dtype_of,
    in_texts,
    is_of_day,
    is_of_texts,
    moments_of,
    rewritten,
    spelled_out,
)
from ganforge.data.identifiers import Form
from ganforge.data.inference import decimals_of, infer_schema, may_be_times, refuse_odd_times, tell_odd_times
from ganforge.data.readings import Reading
from ganforge.data.schema import ONE_HOT, Column, Schema, ticks, ticks_per_second
from ganforge.data.table import SchemaLike, Table, conform, frame_of
from ganforge.data.texts import to_dates
from ganforge.data.written_times import WrittenTimes
from ganforge.errors import InputError

MOST_CATEGORIES = 200_000
"""Different values of a column that are counted; more are no categories."""
MOST_LETTERS = 4_000_000
"""Letters of the different texts that are counted, together, unless a schema calls the column categories: longer ones
are free text, of which a file larger than memory has more than memory holds."""
_CODES = 10_000
_AS_COUNTED = Reading("texts")  # values that are counted are normalised: texts among them are no dates
_NANO = 10**9
_DAY = 86_400 * _NANO
_SMALL = 30  # values: so few may keep to a rounding by chance


class Survey:
    """Gathers, batch by batch; then `schema` says what was found.

    asked: as in `Table.of`; a `Schema` is taken as it is. sample: rows to keep, each as likely. readings: what columns
    of texts are by all rows, where that is settled; of the others each batch says it.

    Attributes:
        rows: how many were seen.
    """

    def __init__(
        self, asked: SchemaLike = None, *, sample: int, readings: Mapping[str, Reading] = MappingProxyType({})
    ) -> None:
        self.rows = 0
        self._asked = asked
        self._readings = readings
        self._kinds: dict[str, Any] = {}
        if not isinstance(asked, Schema):
            self._kinds = dict(Schema.read(asked) if isinstance(asked, str | Path) else asked or {})
        self._most = sample
        self._rng = np.random.default_rng(0)
        self._kept: list[pd.DataFrame] = []
        self._levels: dict[str, pd.CategoricalDtype] = {}  # of dictionaries, which parts have their own of
        self._keys = np.zeros(0)
        self._facts: dict[str, _Facts] = {}

    @property
    def sampled(self) -> pd.DataFrame:
        """At most `sample` rows in the order they came, as they came."""
        return pd.concat(map(self._as_one, self._kept), ignore_index=True)

    def look_at(self, frame: pd.DataFrame, *, source: str) -> None:
        """One batch, with the columns of the first."""
        if not self.rows:
            frame_of(frame, source=source)  # refuses two columns of one name
        frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
        frame.index = pd.RangeIndex(self.rows, self.rows + len(frame))  # a row's number in the whole
        where = source if not self.rows else f"{source} (rows counted from row {self.rows + 1:,})"
        if isinstance(self._asked, Schema):
            conform(frame, self._asked, source=where)  # what cannot be is said now
        for name in frame.columns if not isinstance(self._asked, Schema) else ():
            facts = self._facts.setdefault(name, _Facts(name, asked=self._kinds.get(name)))
            facts.look_at(frame[name], self._as_asked(frame[name], name, where), where)
        levels = {name: dtype for name, dtype in frame.dtypes.items() if isinstance(dtype, pd.CategoricalDtype)}
        before = self._levels if self.rows else levels
        self._levels = {name: _of_both(before[name], dtype) for name, dtype in levels.items() if name in before}
        self._draw(frame)
        self.rows += len(frame)

    def schema(self, *, source: str) -> Schema:
        """What the columns are; `InputError` where there were no rows."""
        if not self.rows:
            raise InputError(f"{source} has no rows; give a table with at least one")
        if isinstance(self._asked, Schema):
            return self._asked
        if self.rows <= self._most:
            return Table.of(self.sampled, schema=self._kinds, source=source).schema
        for facts in self._facts.values():
            facts.refuse_as_datetime(source)
        counting = {name: "identifier" for name, facts in self._facts.items() if facts.runs}
        kinds = counting | self._kinds
        found = []
        for name, facts in self._facts.items():
            rows, wish = self._with_witnesses(name), kinds.get(name)
            if wish is None:
                refuse_odd_times(facts.times, name=name, source=source)
            column = normalise(rows, name=name, source=source, called=wish, reading=self._readings.get(name))
            asked = {} if wish is None else {name: wish}
            schema = infer_schema({name: column}, given={name: dtype_of(rows)}, asked=asked, source=source, whole=False)
            found.append(facts.complete(schema[name], self._kinds.get(name), source))
        return Schema(tuple(found))

    def _as_asked(self, raw: pd.Series, name: str, source: str) -> pd.Series:
        """Normalised, and numbers, dates or times of day where texts are called so; the other way round, times of day
        as texts where they are called something that is not learned as a number. Texts called datetime stay as they
        are while the rows to come may say whether they are dates or times of day."""
        wish = self._kinds.get(name)
        series = normalise(raw, name=name, source=source, called=wish, reading=self._readings.get(name))
        kind = wish.kind if isinstance(wish, Column) else wish
        no_dates = kind == "datetime" and series.dtype.kind in "iufb"
        if (
            kind in ("boolean", "integer", "ordinal") or no_dates
        ):  # what cannot be is said now: a sample does not know its rows
            infer_schema({name: series}, given={name: dtype_of(raw)}, asked={name: wish}, source=source, whole=False)
        if kind in ("continuous", "integer"):
            return as_numbers(series, name=name, source=source)
        if kind == "datetime" and isinstance(wish, Column) and wish.of_day:
            return moments_of(series, name=name, source=source)
        if kind not in (None, "datetime") and series.dtype.kind == "M" and is_of_day(dtype_of(raw)):
            return spelled_out(series)
        known = series.dtype.kind == "M" or series.isna().all()
        if kind == "datetime" and not known and not may_be_times(series, raw.dtype, wish):
            return to_dates(series, name=name, source=source)
        return series

    def _with_witnesses(self, name: str) -> pd.Series:
        rows = [*(each[name] for each in self._kept), *self._facts[name].witnesses]
        series = pd.concat([each.astype(self._levels.get(name, each.dtype)) for each in rows])
        return series[~series.index.duplicated()].reset_index(drop=True)

    def _draw(self, frame: pd.DataFrame) -> None:
        """Rows get random keys, and those of the smallest keys stay: a uniform sample of all so far."""
        keys = self._rng.random(len(frame))
        self._kept.append(frame)
        self._keys = np.concatenate([self._keys, keys])
        if len(self._keys) > self._most:
            stays = np.sort(np.argpartition(self._keys, self._most)[: self._most])
            bounds = np.cumsum([0, *(len(each) for each in self._kept)])
            self._kept = [
                each.iloc[stays[(stays >= begin) & (stays < begin + len(each))] - begin]
                for each, begin in zip(self._kept, bounds, strict=False)
            ]
            self._kept = [each for each in self._kept if len(each)]
            self._keys = self._keys[stays]
            if len(self._kept) > 8:
                self._kept = [pd.concat(map(self._as_one, self._kept))]

    def _as_one(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows with the categories of all: those of a part of its own, joined to others, would be texts."""
        return frame.astype(self._levels) if self._levels else frame


def _of_both(first: pd.CategoricalDtype, second: pd.CategoricalDtype) -> pd.CategoricalDtype:
    """The categories of one, then those that only the other has: the order in which reading both at once has them."""
    new = second.categories[~second.categories.isin(first.categories)]
    if not len(new):
        return first
    return pd.CategoricalDtype(first.categories.append(new) if len(first.categories) else new, first.ordered)


class _Facts:
    """What all values of one column say together."""

    def __init__(self, name: str, *, asked: str | Column | None) -> None:
        """asked: what the user calls it. Where that is something, all values are counted, however many differ; else
        numbers and dates only while they may be codes."""
        self._name, self._asked, self._counted = name, asked, asked is not None
        self._form = Form(name)
        self._shown: dict[str, tuple[Any, pd.Series]] = {}  # what a row shows → its value, and itself as it came
        self._counts: Counter[Any] | None = Counter()
        self._letters = 0  # of the values that are counted
        self._decimals: list[int | None] = []
        self._few: list[pd.Series] = []  # batches with too few values to tell their rounding
        self._step = 0  # nanoseconds
        self._last: int | None = None
        self.times = WrittenTimes()
        """Of texts that are looked through for times of day."""
        self._no_date: InputError | None = None  # of texts that are called datetime, the first that is none
        self.runs = True
        """Has every row the number after that of the row before?"""

    @property
    def witnesses(self) -> list[pd.Series]:
        return [each for _, each in self._shown.values()]

    def look_at(self, raw: pd.Series, series: pd.Series, source: str) -> None:
        """raw: the batch as it came. series: as `Survey._as_asked` leaves it."""
        missing = series.isna().to_numpy()
        if missing.any():
            self._show("missing", None, raw, series.index[int(missing.argmax())])
        valid = series[~missing]
        if valid.empty or may_be_times(series, raw.dtype, self._asked):  # gaps have no dtype of their own, but are rows
            self.times.look_at(series)
            if self._asked is not None and self._no_date is None:
                self._look_at_dates(series, source)
        self.runs = self.runs and not missing.any() and series.dtype.kind == "i" and self._goes_on(series.to_numpy())
        if valid.empty:
            return
        self._count(valid)
        if valid.dtype == object and isinstance(valid.iloc[0], str):
            self._form = self._form.also(Form.of(valid.unique(), name=self._name))
            self._look_at_times(raw, valid)
        first = self._show("first", valid.iloc[0], raw, valid.index[0])
        if "different" not in self._shown:
            differs = (valid != first).to_numpy(dtype=bool)
            if differs.any():
                self._show("different", None, raw, valid.index[int(differs.argmax())])
        numeric = valid.dtype.kind in "iuf" or isinstance(valid.dtype, pd.Int64Dtype)
        if numeric or valid.dtype.kind == "M":
            self._show_extremes(raw, valid)
        if numeric:
            self._round(raw, valid)
        elif valid.dtype.kind == "M":
            self._add_steps(valid)

    def _look_at_dates(self, texts: pd.Series, source: str) -> None:
        try:
            to_dates(texts, name=self._name, source=source)
        except InputError as error:
            self._no_date = error.with_traceback(None)  # which would hold the batch

    def refuse_as_datetime(self, source: str) -> None:
        """Raise `InputError` for a column of texts called datetime, some of which are no times of day where most are,
        or no dates where most are no times of day."""
        if self._no_date is None or self.times.form is not None:
            return
        if self.times.mostly:
            self.times.refuse_others(name=self._name, source=source)
        raise self._no_date

    def _look_at_times(self, raw: pd.Series, texts: pd.Series) -> None:
        """Texts that are times of day so far, or the first that is none."""
        if "no time of day" in self._shown:
            return
        moments = in_texts(texts)
        odd = moments.isna().to_numpy()
        if odd.any():
            self._show("no time of day", None, raw, texts.index[int(odd.argmax())])
        else:
            self._show_extremes(raw, moments)
            self._add_steps(moments)

    def _add_steps(self, moments: pd.Series) -> None:
        scale = _NANO // ticks_per_second(str(moments.dtype))
        self._step = math.gcd(self._step, int(np.gcd.reduce(ticks(moments))) * scale)

    def _goes_on(self, numbers: np.ndarray) -> bool:
        begins = self._last is None or int(numbers[0]) == self._last + 1
        self._last = int(numbers[-1])
        return begins and bool((np.diff(numbers) == 1).all())

    def complete(self, column: Column, asked: str | Column | None, source: str) -> Column:
        """The column of the sample with what every row says; asked: what the user calls it."""
        if asked is None:
            tell_odd_times(self.times, name=column.name, kind=column.kind, source=source)
        if column.kind in ONE_HOT:
            return self._with_categories(column, asked, source)
        if column.kind in ("continuous", "integer"):
            return replace(column, decimals=self._rounding())
        if column.last is not None:
            return replace(column, last=self._form.last)
        if column.kind == "datetime" and self._step:
            scale = _NANO // ticks_per_second(column.dtype)
            settled = isinstance(asked, Column) and asked.given is not None
            if is_of_texts(column.given) and self.times.form is not None and not settled:
                column = replace(column, given=rewritten(column.given, self.times.form))  # seconds stand in some rows
            return replace(column, step=max(math.gcd(self._step, _DAY) // scale, 1))
        return column

    def _show(self, what: str, value: Any, raw: pd.Series, row: int) -> Any:
        """Keep a row unless one shows the same already; the value of the one that does."""
        return self._shown.setdefault(what, (value, raw.loc[[row]]))[0]

    def _show_extremes(self, raw: pd.Series, valid: pd.Series) -> None:
        for what, row, better in (("least", valid.idxmin(), operator.lt), ("greatest", valid.idxmax(), operator.gt)):
            value = valid[row]
            best = self._show(what, value, raw, row)
            if better(value, best):
                self._shown[what] = (value, raw.loc[[row]])

    def _round(self, raw: pd.Series, valid: pd.Series) -> None:
        if valid.dtype.kind == "f":
            broken = (valid != np.floor(valid)).to_numpy()
            if broken.any():
                self._show("broken", None, raw, valid.index[int(broken.argmax())])
        if len(valid) < _SMALL:
            self._few.append(valid)
        else:
            self._decimals.append(decimals_of(valid))

    def _rounding(self) -> int | None:
        told = list(self._decimals)
        if self._few:
            few = pd.concat(self._few, ignore_index=True)
            many = pd.concat([few] * math.ceil(_SMALL / len(few)), ignore_index=True) if told else few
            told.append(decimals_of(many))
        return None if None in told else max(told)

    def _count(self, valid: pd.Series) -> None:
        if self._counts is None:
            return
        counts = valid.value_counts(sort=False)
        if valid.dtype == object and isinstance(valid.iloc[0], str) and not self._counted:
            self._letters += sum(len(text) for text in counts.index if text not in self._counts)
        self._counts.update(dict(zip(counts.index.tolist(), counts.tolist(), strict=True)))
        most = MOST_CATEGORIES if self._counted or valid.dtype.kind in "Ob" else _CODES
        if len(self._counts) > most or self._letters > MOST_LETTERS:
            self._counts = None

    def _with_categories(self, column: Column, asked: str | Column | None, source: str) -> Column:
        if self._counts is None:
            long = self._letters > MOST_LETTERS
            many = f"{MOST_LETTERS:,} letters in its" if long else f"{MOST_CATEGORIES:,}"
            remedy = "categorical, text or identifier" if long else "text or identifier"
            raise InputError(
                f"{source}: column {column.name!r} has more than {many} different values, too many for categories; "
                f"call it {remedy} in a schema, or leave it out"
            )
        keys = pd.DataFrame({column.name: list(self._counts)})
        order = asked.categories if isinstance(asked, Column) and asked.categories else column.levels or ()
        wish = replace(column, categories=order if column.kind == "ordinal" else ())
        values = normalise(keys[column.name], name=column.name, source=source, reading=_AS_COUNTED)
        whole = infer_schema({column.name: values}, given=dict(keys.dtypes), asked={column.name: wish}, source=source)
        column = replace(column, categories=whole[column.name].categories)
        if column.kind == "ordinal":
            return column
        values = conform(keys, Schema((column,)), source=source)[column.name]
        counts: Counter[Any] = Counter()
        for value, count in zip(values.tolist(), self._counts.values(), strict=True):
            counts[value] += count
        number = float if column.dtype == "float64" else int if column.dtype in ("int64", "Int64") else None
        ordered = sorted(column.categories, key=lambda value: (-counts[value], str(value)))
        return replace(column, categories=tuple(ordered if number is None else map(number, ordered)))
