"""What a schema says about how to read the columns of text of a file, before any is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ganforge.data.columns import EXACT
from ganforge.data.readings import Reading
from ganforge.data.schema import ONE_HOT, Column, Schema
from ganforge.data.table import SchemaLike


@dataclass(frozen=True)
class Wish:
    """What a schema says about how to read columns of text."""

    literal: frozenset[str] = frozenset()
    """Read as written: 00123 stays 00123."""
    lenient: frozenset[str] = frozenset()
    """May hold numbers and words side by side."""
    numbers: frozenset[str] | None = frozenset()
    """Neither zeros at the beginning nor any length makes codes of these; None: of none."""
    verbatim: bool = False
    """Every column as it stands, missing values included."""
    exact: frozenset[str] = frozenset()
    """Whole numbers that are rounded as floats, which pandas makes of them where some are missing."""
    readings: Mapping[str, Reading] = field(default_factory=dict)
    """What columns of texts are, where that is settled."""

    @classmethod
    def of(cls, schema: SchemaLike) -> Wish:
        if schema is None:
            return cls()
        if isinstance(schema, Schema):
            texts = (column for column in schema if column.dtype == "object" and column.kind != "boolean")
            literal = (each.name for each in texts if all(isinstance(one, str) for one in each.categories))
            return cls(
                frozenset(literal), numbers=None, exact=frozenset(each.name for each in schema if _is_large(each))
            )
        asked = Schema.read(schema) if isinstance(schema, str | Path) else schema
        kinds = {name: wish.kind if isinstance(wish, Column) else wish for name, wish in asked.items()}

        def of_kind(*wanted: str) -> frozenset[str]:
            return frozenset(name for name, kind in kinds.items() if kind in wanted)

        numbers = of_kind("continuous", "integer", "boolean") | {
            name
            for name, wish in asked.items()
            if isinstance(wish, Column)
            and wish.categories
            and not any(isinstance(each, str) for each in wish.categories)
        }
        return cls(of_kind("text"), of_kind(*ONE_HOT, "identifier"), numbers)


def _is_large(column: Column) -> bool:
    """Does a column hold whole numbers that float64 does not tell apart?"""
    said = [each for each in (column.low, column.high, *column.categories) if isinstance(each, int | float)]
    return column.dtype == "Int64" or (column.dtype == "int64" and any(abs(each) > EXACT for each in said))
