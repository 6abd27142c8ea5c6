"""Which rows a label calls positive: the rare class of a target, the anomalies of a label column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ganforge.data.columns import row_of, spoken
from ganforge.data.schema import ONE_HOT
from ganforge.data.table import Table
from ganforge.errors import InputError, UnsuitableDataError

_NORMAL_WORDS = frozenset({"normal", "normal.", "benign", "legit", "genuine", "negative", "no", "false"})
_ZEROS = frozenset({"0", "0.0", "n"})
"""These say "normal" beside one other value only: 0, 1, 2 may just as well be three classes of equal rank."""


@dataclass(frozen=True, eq=False)
class BinaryTarget:
    """positive (N,) bool, the values that stand for the two sides, and the column's name."""

    positive: np.ndarray
    positive_values: tuple[Any, ...]
    """The most frequent first."""
    negative_value: Any
    name: str

    @property
    def positive_value(self) -> Any:
        """The one value of the positive side (the most frequent where a label names several kinds)."""
        return self.positive_values[0]

    @property
    def positive_label(self) -> str:
        """What is positive, for a sentence: "Class=1", or "attack≠normal (22 kinds)"."""
        if len(self.positive_values) == 1:
            return f"{self.name}={spoken(self.positive_value)}"
        return f"{self.name}≠{spoken(self.negative_value)} ({len(self.positive_values)} kinds)"

    @property
    def n_positive(self) -> int:
        return int(self.positive.sum())


def binary_target(table: Table, name: str) -> BinaryTarget:
    """Read a column as positive or negative.

    Of two values, the negative one is the one that says so (0, false, no, normal, benign, …), else the more frequent
    one. A column of several values is read so only where one of them is a word for "normal": all others are then
    positive. Several numbers are not: 0, 1 and 2 may be three classes, and none of them the one to look for.

    Raises `UnknownNameError` (no such column), `InputError` (a missing label, with its row; more than two values and
    none that says normal) and `UnsuitableDataError` (one value only).
    """
    labels = table.column(name, "target column")
    missing = labels.isna().to_numpy()
    if missing.any():
        raise InputError(
            f"{table.source}: column {name!r}, row {row_of(missing)}: the label is missing "
            f"({int(missing.sum())} such rows); label these rows or leave them out"
        )
    counts = labels.value_counts()
    values = list(counts.index)
    if len(values) == 1:
        raise UnsuitableDataError(
            f"{table.source}: column {name!r} holds one value only ({spoken(values[0])} in all {len(labels):,} rows), "
            "so there is nothing to tell apart; name another column, or bring rows of the other class"
        )
    words = _NORMAL_WORDS | _ZEROS if len(values) == 2 else _NORMAL_WORDS
    negatives = [value for value in values if str(value).strip().lower() in words]
    if len(negatives) == 1:
        negative = negatives[0]
    elif len(values) == 2:
        negative = values[0]  # the more frequent one
    else:
        raise _too_many(table, name, values)
    positive = (labels != negative).to_numpy(dtype=bool)
    return BinaryTarget(positive, tuple(value for value in values if value != negative), negative, name)


def _too_many(table: Table, name: str, values: list[Any]) -> InputError:
    shown = ", ".join(spoken(value) for value in values[:6]) + (", …" if len(values) > 6 else "")
    example = "" if len(values) > 12 else f", such as a column that says whether {name} is {spoken(values[-1])}"
    return InputError(
        f"{table.source}: column {name!r} holds {len(values):,} different values ({shown}); a target has two, "
        f"or names one of them normal in words; derive such a column first{example}, or name another one"
    )


def with_discrete(table: Table, name: str) -> Table:
    """The table with a target as categories, whatever its values suggest (0.0 and 1.0 look like numbers).

    Conditions need it so. A column that is discrete already stays as it is.
    """
    table.column(name, "target column")
    if table.schema[name].kind in ONE_HOT:
        return table
    return Table.of(table.frame, schema={**table.schema.kinds(), name: "categorical"}, source=table.source)
