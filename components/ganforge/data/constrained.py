"""A table under constraints ⇄ the table that a model learns, in which they cannot be broken.

opened, closed           ⇄   opened, closed - opened     the difference is at least 0; of dates in seconds
net, tax, gross          ⇄   net, tax                    gross is their sum
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.constraints import Constraint, Inequality, Sum, as_floats, check_constraints, parsed, plan
from ganforge.data.decoding import numeric_series
from ganforge.data.dtypes import restored
from ganforge.data.schema import Column, Schema, ticks, ticks_per_second
from ganforge.data.table import Table
from ganforge.errors import InputError

_FEW = 12  # different differences, no more than which are learned as codes


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
    def fit(cls, constraints: Iterable[Constraint | str], table: Table) -> Constrained:
        """Check the constraints against all rows; raises as `check_constraints` says."""
        every = parsed(constraints)
        check_constraints(every, table)
        making, rejecting = plan(every)
        columns, references, learned = {}, {}, set()
        for each in making:
            made = table.frame[each.derived]
            columns[each.derived] = _as_number(made, each.derived, table)
            if isinstance(each, Sum):
                decimals = [_as_number(table.frame[name], name, table).decimals for name in each.parts]
                exact = None if None in decimals else max(decimals)  # whatever the totals seen happen to keep to
                columns[each.total] = replace(columns[each.total], decimals=exact)
            if isinstance(each, Inequality):
                both = [_numbers(table.frame[name].dropna(), columns[each.derived]) for name in each.columns]
                references[each.high] = min((each.min() for each in both if len(each)), default=0)
            elif (made.isna() != table.frame[list(each.parts)].isna().any(axis=1)).any():
                learned.add(each.total)
        return cls(table.schema, making, rejecting, columns, references, frozenset(learned))

    @property
    def derived(self) -> tuple[str, ...]:
        """Columns that no model learns as such."""
        return tuple(each.derived for each in self.kept_by_making if each.derived not in self.learned_totals)

    def apply(self, table: Table) -> Table:
        """The table to learn from."""
        frame, kinds = dict(table.frame.items()), table.schema.kinds()
        for each in self.kept_by_making:
            if each.derived in self.learned_totals:
                continue
            frame.pop(each.derived)
            kinds.pop(each.derived, None)
            if isinstance(each, Inequality):
                name = self._difference(each)
                frame[name] = self._minus(table.frame[each.high], table.frame[each.low], each.high)
                if frame[name].nunique() > _FEW:
                    whole = bool((frame[name].dropna() % 1 == 0).all())
                    kinds[name] = Column(name=name, kind="integer" if whole else "continuous", dtype="float64")
        if not frame:
            raise InputError(f"{table.source}: the constraints leave no column to learn")
        return Table.of(pd.DataFrame(frame), schema=kinds, source=table.source)

    def restore(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows as a model makes them → rows with the columns of the table, both in the dtypes of `Table.frame`."""
        made = dict(frame.items())
        for each in self.kept_by_making:
            column = self.columns[each.derived]
            if isinstance(each, Inequality):
                made[each.high] = self._plus(made[each.low], made.pop(self._difference(each)), column)
            else:
                made[each.total] = _total([made[name] for name in each.parts], made.get(each.total), column)
        return pd.DataFrame({name: made[name] for name in self.schema.names})

    def as_given(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The restored rows in the dtypes that the columns came in."""
        return pd.DataFrame({column.name: restored(frame[column.name], column) for column in self.schema})

    def holds(self, frame: pd.DataFrame) -> np.ndarray:
        """(N,) bool: which rows keep the constraints that are left to rejection."""
        held = np.ones(len(frame), dtype=bool)
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
            high = high.mask(below, _at_least(low, column))
        return high


def _as_number(series: pd.Series, name: str, table: Table) -> Column:
    """The column as dates or numbers, whatever kind it is learned as elsewhere."""
    valid = series.dropna()
    kind = "datetime" if series.dtype.kind == "M" else "integer" if bool((valid % 1 == 0).all()) else "continuous"
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
