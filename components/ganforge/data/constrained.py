"""A table under constraints ⇄ the table that a model learns, in which they cannot be broken.

opened, closed           ⇄   opened, closed - opened     the difference is at least 0; of dates and times in seconds
net, tax, gross          ⇄   net, tax                    gross is their sum
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.constraints import (
    Constraint,
    Inequality,
    Sum,
    are_times,
    as_floats,
    check_columns,
    check_rows,
    comparable,
    parsed,
    plan,
)
from ganforge.data.daytimes import in_texts, is_of_day, spelled_out, to_texts
from ganforge.data.decoding import numeric_series
from ganforge.data.dtypes import restored
from ganforge.data.schema import NUMERIC, Column, Schema, ticks, ticks_per_second
from ganforge.data.streams import StreamedTable
from ganforge.data.table import Table
from ganforge.data.written_times import WrittenTimes

_FEW = 12  # different differences, no more than which are learned as codes
_NEXT_DAY = pd.Timestamp(86_400, unit="s")  # of times of day, which are moments of 1 January 1970


@dataclass(frozen=True, eq=False)
class Constrained:
    """The constraints of a table, and how its columns are made of those that are learned."""

    schema: Schema
    """Of the table as it came."""
    kept_by_making: tuple[Constraint, ...]
    """In the order in which their columns are made."""
    rejecting: tuple[Constraint, ...]
    """Rows that break these are drawn again."""
    columns: dict[str, Column] = field(default_factory=dict)
    """Columns that are made, read as numbers or dates: bounds and rounding."""
    references: dict[str, float | int] = field(default_factory=dict)
    """Inequalities: what stands for `low` where it is missing, in numbers or ticks."""
    learned_totals: frozenset[str] = frozenset()
    """Totals that are missing, or there, where their parts are not: learned as well, then overwritten by the sum."""

    @classmethod
    def fit(cls, constraints: Iterable[Constraint | str], table: Table | StreamedTable) -> Constrained:
        """Check the constraints against all rows; raises as `check_columns` and `check_rows` say."""
        every = parsed(constraints)
        sample = table if isinstance(table, Table) else table.sample
        check_columns(every, sample)
        check_rows(every, _frames(table, every), schema=table.schema, source=table.source)
        making, rejecting = plan(every)
        columns = {each.derived: _as_number(sample, each.derived) for each in making}
        for each in making:
            if isinstance(each, Sum):
                decimals = [_as_number(sample, name).decimals for name in each.parts]
                exact = None if None in decimals else max(decimals)  # whatever the totals seen happen to keep to
                columns[each.total] = replace(columns[each.total], decimals=exact)
        references: dict[str, float | int] = {}
        learned = set()
        for frame in _frames(table, making):
            for each in making:
                if isinstance(each, Inequality):
                    known = [_numbers(frame[name].dropna(), columns[each.high]) for name in each.columns]
                    least = [one.min().item() for one in known if len(one)]
                    references[each.high] = min([*least, references.get(each.high, math.inf)])
                elif (frame[each.total].isna() != frame[list(each.parts)].isna().any(axis=1)).any():
                    learned.add(each.total)
        references = {name: least if least < math.inf else 0 for name, least in references.items()}
        return cls(table.schema, making, rejecting, columns, references, frozenset(learned))

    @property
    def derived(self) -> tuple[str, ...]:
        """Columns that no model learns as such."""
        return tuple(each.derived for each in self.kept_by_making if each.derived not in self.learned_totals)

    def apply(self, table: Table | StreamedTable) -> Table | StreamedTable:
        """The table to learn from."""
        sample = self.forward(table.frame if isinstance(table, Table) else table.sample.frame)
        kinds = {name: kind for name, kind in table.schema.kinds().items() if name not in self.derived}
        for each in self.kept_by_making:
            name = self._difference(each) if isinstance(each, Inequality) else ""
            if name and sample[name].nunique() > _FEW:
                whole = bool((sample[name].dropna() % 1 == 0).all())
                kinds[name] = Column(name=name, kind="integer" if whole else "continuous", dtype="float64")
        if isinstance(table, Table):
            return Table.of(sample, schema=kinds, source=table.source)
        return table.through(self.forward, kinds)

    def forward(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows in the dtypes of `Table.frame` → with the columns that are learned."""
        columns = {str(name): series for name, series in frame.items() if name not in self.derived}
        compared = comparable(frame, self.schema, self.kept_by_making)
        for each in self.kept_by_making:
            if isinstance(each, Inequality):
                difference = self._minus(compared[each.high], compared[each.low], each.high)
                columns[self._difference(each)] = difference.set_axis(frame.index)
        return pd.DataFrame(columns)

    def restore(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows as a model makes them → rows with the columns of the table, both in the dtypes of `Table.frame`."""
        made = dict(frame.items())
        for each in self.kept_by_making:
            column = self.columns[each.derived]
            if isinstance(each, Inequality):
                low = comparable(made[each.low].to_frame(each.low), self.schema, (each,))[each.low]
                made[each.high] = self._spelled(self._plus(low, made.pop(self._difference(each)), column), each.high)
            else:
                made[each.total] = _total([made[name] for name in each.parts], made.get(each.total), column)
        return pd.DataFrame({name: made[name] for name in self.schema.names})

    def as_given(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The restored rows in the dtypes that the columns came in."""
        return pd.DataFrame({column.name: restored(frame[column.name], column) for column in self.schema})

    def holds(self, frame: pd.DataFrame) -> np.ndarray:
        """(N,) bool: which rows keep the constraints that are left to rejection."""
        held, frame = np.ones(len(frame), dtype=bool), comparable(frame, self.schema, self.rejecting)
        for each in self.rejecting:
            held &= each.holds(frame)
        return held

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": self.schema.to_json(),
            "kept_by_making": [str(each) for each in self.kept_by_making],
            "rejecting": [str(each) for each in self.rejecting],
            "columns": {name: column.to_json() for name, column in self.columns.items()},
            "references": self.references,
            "learned_totals": sorted(self.learned_totals),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Constrained:
        return cls(
            schema=Schema.from_json(document["schema"]),
            kept_by_making=parsed(document["kept_by_making"]),
            rejecting=parsed(document["rejecting"]),
            columns={name: Column(**column) for name, column in document["columns"].items()},
            references=dict(document["references"]),
            learned_totals=frozenset(document["learned_totals"]),
        )

    def _difference(self, constraint: Inequality) -> str:
        """What the column of differences is called; a name that no column of the table has."""
        name = f"{constraint.high} - {constraint.low}"
        while name in self.schema:
            name += "'"
        return name

    def _minus(self, high: pd.Series, low: pd.Series, name: str) -> pd.Series:
        """(N,) float64, at least 0: from the reference where low is missing, missing where high is; dates in seconds.

        What subtracting floats leaves behind the last decimal is rounded off.
        """
        column, missing = self.columns[name], high.isna().to_numpy()
        base = np.where(low.isna(), self.references[name], _numbers(low, column))
        difference = _numbers(high, column) - base
        if column.kind == "datetime":
            difference = difference / ticks_per_second(column.dtype)
        elif difference.dtype.kind == "f":
            lost = 4 * np.spacing(np.maximum(np.abs(base), np.abs(difference + base)).astype(np.float64))
            difference = _short(difference, lost, ~missing)
        return pd.Series(np.where(missing, np.nan, difference))

    def _plus(self, low: pd.Series, difference: pd.Series, column: Column) -> pd.Series:
        """low + difference within the bounds and the rounding of `high`, and never below low."""
        missing, start = difference.isna().to_numpy(), column.low or 0
        base = np.where(low.isna(), self.references[column.name], _numbers(low, column))
        if column.kind == "datetime":
            offset = (base - np.int64(start)) / ticks_per_second(column.dtype)
        else:
            offset = base.astype(np.float64) - (float(start) if column.kind == "integer" else 0.0)
        added = as_floats(difference)
        high = numeric_series(np.where(missing, 0.0, offset + added), missing, column)
        below = (low > high).fillna(False).to_numpy(dtype=bool)
        if below.any():
            least = _at_least(low, column)
            if self.schema[column.name].of_day or are_times(self.schema[column.name]):
                least = least.mask(least >= _NEXT_DAY, low)  # 24:00 would be 00:00
            high = high.mask(below, least)
        return high

    def _spelled(self, moments: pd.Series, name: str) -> pd.Series:
        """A column that was made, as `Table.frame` has it: times of day that are categories are texts."""
        column = self.schema[name]
        if not are_times(column):
            return moments
        if is_of_day(column.given):
            return spelled_out(moments)
        known = pd.Series(column.categories or (column.value,), dtype=object)
        return to_texts(moments, WrittenTimes.of(known).form or "HH:MM:SS")


def _frames(table: Table | StreamedTable, constraints: Sequence[Constraint]) -> Iterator[pd.DataFrame]:
    """The rows in order, all at once or batch by batch, as the constraints compare them."""
    frames = iter([table.frame]) if isinstance(table, Table) else table.chunks()
    return (comparable(frame, table.schema, constraints) for frame in frames)


def _as_number(table: Table, name: str) -> Column:
    """The column as dates or numbers, whatever kind it is learned as elsewhere; bounds and rounding are the schema's
    where it says them."""
    column, series = table.schema[name], table.frame[name]
    if column.kind not in NUMERIC:
        if column.categories:
            series = pd.Series(list(column.categories))
        if are_times(column):
            series = in_texts(series)
        whole = bool((series.dropna() % 1 == 0).all()) if series.dtype.kind != "M" else False
        kind = "datetime" if series.dtype.kind == "M" else "integer" if whole else "continuous"
        column = Schema.infer(series.to_frame(name), overrides={name: kind}, source=table.source).columns[0]
    return replace(column, given=None, levels=None)


def _numbers(series: pd.Series, column: Column) -> np.ndarray:
    """(N,) int64 ticks of the column's unit for dates, int64 for whole numbers without gaps, float64 otherwise."""
    if column.kind == "datetime":
        return ticks(series.astype(column.dtype))
    if str(series.dtype) == "int64":
        return series.to_numpy()
    return as_floats(series)


def _short(values: np.ndarray, lost: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The values rounded to the fewest decimals that all known ones keep to, within what was `lost` in each."""
    for decimals in range(9):
        rounded = np.round(values, decimals)
        if bool((np.abs(rounded - values) <= lost)[known].all()):
            return rounded
    return values


def _at_least(low: pd.Series, column: Column) -> pd.Series:
    """The smallest values not below `low` that the column's rounding allows."""
    if column.kind == "datetime":
        step, moments = column.step or 1, ticks(low.astype(column.dtype))
        unit = column.dtype.split("[")[1].split(",")[0].rstrip("]")
        raised = pd.Series((-(-moments // step) * step).astype(f"datetime64[{unit}]"))
        return raised.dt.tz_localize("UTC").astype(column.dtype) if "," in column.dtype else raised
    values = as_floats(low)
    if column.decimals is not None:
        grain = 10.0**column.decimals
        values = np.maximum(np.ceil(np.round(values * grain, 6)) / grain, values)
    return pd.Series(values)


def _total(parts: Sequence[pd.Series], learned: pd.Series | None, column: Column) -> pd.Series:
    """The sum of the parts; missing where one of them is. A total that is learned has its own say in what is missing,
    and its own value where a part is."""
    missing = np.any([each.isna().to_numpy() for each in parts], axis=0)
    whole = all(str(each.dtype) == "int64" for each in parts)
    total = sum(each.to_numpy() for each in parts) if whole else np.sum([as_floats(each) for each in parts], axis=0)
    if column.decimals is not None and not whole:
        total = np.round(total, max(column.decimals, 0))
    if learned is not None:
        own = as_floats(learned)
        total = np.where(missing | np.isnan(own), own, total)
        missing = np.isnan(total)
    if column.dtype == "int64" and not missing.any():
        return pd.Series(np.asarray(total).astype(np.int64))
    return pd.Series(np.where(missing, np.nan, total))
