"""Conditions on constant columns: what always holds asks nothing, what never holds is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from ganforge.data.columns import spoken
from ganforge.data.decoding import constant_series
from ganforge.data.encoding import spelled_code
from ganforge.data.schema import Column, Schema, plain
from ganforge.errors import InputError
from ganforge.synthesis.ranges import range_of


def constants_in(schema: Schema, asked: Mapping[Any, Any]) -> list[Any]:
    """The constant columns among those that something is asked of."""
    return [name for name in asked if str(name) in schema and schema[str(name)].kind == "constant"]


def beside_constants(schema: Schema, condition: Mapping[str, Any] | None) -> dict[str, Any]:
    """A condition without what it asks of constant columns; `InputError` where that is not what they are."""
    asked = dict(condition or {})
    for name in constants_in(schema, asked):
        refuse_other(schema[str(name)], asked.pop(name))
    return asked


def refuse_other(column: Column, wanted: Any) -> None:
    """Raise `InputError` unless a constant column is what is asked for: a value, one of several, or a range."""
    several = list | set | frozenset if is_fixed_number(column) else list | set | frozenset | tuple
    if any(_is(column, each) for each in (wanted if isinstance(wanted, several) else [wanted])):
        return
    value: Any = plain(constant_series(1, column).iloc[0])
    told = "missing" if column.value is None else spoken(value) if is_fixed_number(column) else repr(value)
    raise InputError(
        f"column {column.name!r} is {told} in all data that the model learned from; no row can have {wanted!r}, "
        "which is asked of it: leave that out"
    )


def is_fixed_number(column: Column) -> bool:
    """Is this a constant that is a number or a date, of which ranges can be asked?"""
    return column.value is not None and not isinstance(column.value, str | bool)


def _is(column: Column, wanted: Any) -> bool:
    nothing = wanted is None or wanted is pd.NA or wanted is pd.NaT or (isinstance(wanted, float) and wanted != wanted)
    if column.value is None or nothing:
        return column.value is None and (nothing or wanted == "")
    if not is_fixed_number(column):
        return spelled_code(plain(wanted), (column.value,)) is not None
    kind = "datetime" if column.dtype.startswith("datetime") else "continuous"
    try:
        range_of(replace(column, kind=kind, low=column.value, high=column.value), wanted)
    except InputError:  # outside, or nothing that a number or date can be
        return False
    return True
