"""What must hold between the columns of a row: one is no greater than another, parts make up a whole.

    Inequality("opened", "closed")               opened <= closed        numbers, dates, or times of day
    Sum(["net", "tax"], total="gross")           net + tax = gross       numbers

By transformation where possible: of `opened <= closed` a model learns `opened` and the difference, which is never
negative; of a sum it learns the parts, and the whole is computed. So no row needs to be thrown away, and the
dependence is learned as such. A column that two constraints would derive, or one that would be derived from itself, is
left to rejection: rows that break the second constraint are drawn again.

In a schema file they stand as a list of texts. A column name with blanks or signs in it is quoted; YAML then wants
quotes around the whole:

    constraints:
      - net + tax = gross
      - '"opened at" <= closed'

A constraint says nothing of a row where one of its columns is missing.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.columns import row_of
from ganforge.data.daytimes import in_texts, spelled_time, ticks_of_text
from ganforge.data.schema import CATEGORIES, Column, Schema
from ganforge.data.schema_files import read_document
from ganforge.data.table import Table
from ganforge.data.written_times import WrittenTimes
from ganforge.errors import InputError

KEY = "constraints"
"""Of a schema file: a list of constraints as text."""
_NEAR = 1e-9
"""How far a sum of parts may be from the whole, of the greatest of them: what adding in floats loses."""
_TOKENS = re.compile(r"""\s*(?:(<=|>=|\+|=)|"([^"]*)"|'([^']*)'|`([^`]*)`|([^\s<>=+"'`]+))""")


@dataclass(frozen=True)
class Inequality:
    """`low` is at most `high`, in every row where both are known."""

    low: str
    high: str

    @property
    def columns(self) -> tuple[str, ...]:
        return self.low, self.high

    @property
    def derived(self) -> str:
        """The column that is made of the others."""
        return self.high

    def holds(self, frame: pd.DataFrame) -> np.ndarray:
        """(N,) bool."""
        low, high = frame[self.low], frame[self.high]
        broken = (low > high).fillna(False).to_numpy(dtype=bool)
        return ~broken

    def __str__(self) -> str:
        return f"{_quoted(self.low)} <= {_quoted(self.high)}"


@dataclass(frozen=True)
class Sum:
    """The `parts` add up to `total`, in every row where all of them are known."""

    parts: Sequence[str]
    total: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))
        if len(self.parts) < 2:
            raise InputError(f"a sum of {len(self.parts)} part; give two or more")

    @property
    def columns(self) -> tuple[str, ...]:
        return *self.parts, self.total

    @property
    def derived(self) -> str:
        """The column that is made of the others."""
        return self.total

    def holds(self, frame: pd.DataFrame) -> np.ndarray:
        """(N,) bool."""
        parts = np.stack([as_floats(frame[name]) for name in self.parts])
        total = as_floats(frame[self.total])
        largest = np.abs(np.vstack([parts, total])).max(axis=0)
        off = np.abs(parts.sum(axis=0) - total)
        return np.isnan(off) | (off <= _NEAR * np.maximum(largest, 1.0))

    def __str__(self) -> str:
        return f"{' + '.join(_quoted(name) for name in self.parts)} = {_quoted(self.total)}"


Constraint = Inequality | Sum


def as_floats(series: pd.Series) -> np.ndarray:
    """(N,) float64, NaN where missing."""
    return series.to_numpy(dtype=np.float64, na_value=np.nan)


def parse(text: str) -> Constraint:
    """`opened <= closed`, `closed >= opened`, `net + tax = gross`, `gross = net + tax`.

    A name with blanks or signs in it stands in quotes ("…", '…' or `…`). Nothing is ever run as code.
    Raises `InputError` for anything else.
    """
    signs, names = _split(text)
    if signs == ["<="]:
        return Inequality(names[0], names[1])
    if signs == [">="]:
        return Inequality(names[1], names[0])
    if len(signs) > 1 and signs.count("=") == 1 and set(signs) == {"+", "="}:
        if signs[-1] == "=":
            return Sum(names[:-1], names[-1])
        if signs[0] == "=":
            return Sum(names[1:], names[0])
    raise _unreadable(text)


def _split(text: str) -> tuple[list[str], list[str]]:
    """The signs and the names between them."""
    signs: list[str] = []
    names: list[str] = []
    place = 0
    while text[place:].strip():
        found = _TOKENS.match(text, place)
        if found is None:
            raise _unreadable(text)
        place = found.end()
        if found[1] is None:
            names.append(next(each for each in found.groups()[1:] if each is not None))
        else:
            signs.append(found[1])
        if not 0 <= len(names) - len(signs) <= 1:  # name, sign, name, …
            raise _unreadable(text)
    if len(names) != len(signs) + 1:
        raise _unreadable(text)
    return signs, names


def _unreadable(text: str) -> InputError:
    return InputError(
        f"constraint {text!r} is not understood; write low <= high or part + part = whole, a column name with blanks "
        'or signs in it in quotes ("opened at" <= closed)'
    )


def parsed(constraints: Iterable[Constraint | str] | None) -> tuple[Constraint, ...]:
    """Constraints, given as such or as text."""
    if isinstance(constraints, str):
        constraints = [constraints]
    return tuple(parse(each) if isinstance(each, str) else each for each in constraints or ())


def read_constraints(schema: Any) -> tuple[Constraint, ...]:
    """Those that a schema file (.json, .yaml) has under `constraints`; none of anything that is no path."""
    if not isinstance(schema, str | Path):
        return ()
    Schema.read(schema)  # refuses what is no schema file, in words of its own
    said = read_document(schema).get(KEY, [])
    return parsed(said) if isinstance(said, list) else ()


def comparable(frame: pd.DataFrame, schema: Schema, constraints: Iterable[Constraint]) -> pd.DataFrame:
    """Rows in the dtypes of `Table.frame`; times of day in an inequality as moments, where they are categories (texts,
    which are ordered otherwise: 06:30 stands after 06:29:59, but before 06:30:00)."""
    named = {name for each in constraints if isinstance(each, Inequality) for name in each.columns if name in frame}
    texts = [name for name in named if are_times(schema[name])]
    return frame.assign(**{name: in_texts(frame[name]) for name in texts}) if texts else frame


def are_times(column: Column) -> bool:
    """Are all values of this column of categories, or its only one, texts of times of day?"""
    known = column.categories or (column.value,)
    return column.kind in (*CATEGORIES, "constant") and all(ticks_of_text(each) is not None for each in known)


def check_columns(constraints: Sequence[Constraint], table: Table) -> None:
    """Raise `UnknownNameError` for a column that is not there, `InputError` for columns that cannot be compared."""
    for each in constraints:
        families = {name: _family(table.column(name), table.schema[name]) for name in each.columns}
        if len(set(each.columns)) < len(each.columns):
            raise InputError(f"constraint {each}: a column stands in it twice")
        fit = ("numbers",) if isinstance(each, Sum) else ("numbers", "dates", "times of day", "dates with a time zone")
        unfit = [name for name, family in families.items() if family not in fit]
        if unfit or len(set(families.values())) > 1:
            told = ", ".join(f"{name!r} holds {family}" for name, family in families.items())
            needs = "numbers" if isinstance(each, Sum) else "numbers, dates or times of day, the same on both sides"
            times = next((name for name in unfit if _mostly_times(table.column(name)) and len(fit) > 1), None)
            remedy = (
                ""
                if times is None
                else f"; most of {times!r} are times of day: say in a schema that it is datetime, "
                "and the row that is none is named"
            )
            raise InputError(f"{table.source}: constraint {each} needs {needs}, but {told}{remedy}")


def check_rows(
    constraints: Sequence[Constraint], frames: Iterable[pd.DataFrame], *, schema: Schema, source: str
) -> None:
    """Raise `InputError` where rows break a constraint, naming the first and their number. frames: rows in order, as
    `comparable` makes them."""
    first: dict[Constraint, str] = {}
    broken: Counter[Constraint] = Counter()
    rows = 0
    for frame in frames:
        for each in constraints:
            off = ~each.holds(frame)
            if off.any():
                row = row_of(off)
                values = ", ".join(f"{name} {_said(frame[name].iloc[row - 1], schema[name])}" for name in each.columns)
                first.setdefault(each, f"row {rows + row:,} breaks the constraint {each} ({values}")
                broken[each] += int(off.sum())
        rows += len(frame)
    for each, told in first.items():
        raise InputError(
            f"{source}: {told}; {broken[each]:,} such rows of {rows:,}); mend these rows, or leave the constraint out"
        )


def plan(constraints: Sequence[Constraint]) -> tuple[tuple[Constraint, ...], tuple[Constraint, ...]]:
    """Those that are kept by transformation, in an order in which what a column is made of is there before it, and
    those that are left to rejection."""
    made_of: dict[str, Constraint] = {}
    left: list[Constraint] = []
    for each in constraints:
        if each.derived in made_of or any(_leads_to(name, each.derived, made_of) for name in _sources(each)):
            left.append(each)
        else:
            made_of[each.derived] = each
    ordered: list[Constraint] = []
    while len(ordered) < len(made_of):
        done = {each.derived for each in ordered}
        ordered += [
            each
            for name, each in made_of.items()
            if name not in done and not (set(_sources(each)) & (made_of.keys() - done))
        ]
    return tuple(ordered), tuple(left)


def _sources(constraint: Constraint) -> tuple[str, ...]:
    return tuple(name for name in constraint.columns if name != constraint.derived)


def _leads_to(name: str, target: str, made_of: dict[str, Constraint]) -> bool:
    """Is a column the target, or made of it over any number of steps?"""
    return name == target or (
        name in made_of and any(_leads_to(each, target, made_of) for each in _sources(made_of[name]))
    )


def _family(series: pd.Series, column: Column) -> str:
    if column.of_day or are_times(column):
        return "times of day"
    if series.dtype.kind == "M":
        return "dates" if series.dt.tz is None else "dates with a time zone"
    if series.dtype.kind in "iuf" or str(series.dtype) == "Int64":
        return "numbers"
    return "true and false" if column.kind == "boolean" else "texts"


def _mostly_times(series: pd.Series) -> bool:
    return series.dtype == object and WrittenTimes.of(series).mostly


def _said(value: Any, column: Column) -> str:
    return spelled_time(value) if column.of_day or are_times(column) else str(value)


def _quoted(name: str) -> str:
    if re.fullmatch(r"""[^\s<>=+"'`]+""", name):
        return name
    mark = next(each for each in "\"'`" if each not in name)
    return f"{mark}{name}{mark}"
