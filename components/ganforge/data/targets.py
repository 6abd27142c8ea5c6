"""Which rows a label calls positive: the rare class of a target, the anomalies of a label column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ganforge.data.columns import row_of
from ganforge.data.schema import ONE_HOT
from ganforge.data.table import Table
from ganforge.errors import InputError, UnsuitableDataError

_NEGATIVE_WORDS = frozenset(
    {"0", "0.0", "false", "no", "n", "normal", "normal.", "benign", "legit", "genuine", "negative"}
)


@dataclass(frozen=True, eq=False)
class BinaryTarget:
    """positive (N,) bool, and the values that stand for the two sides."""

    positive: np.ndarray
    positive_values: tuple[Any, ...]
    negative_value: Any

    @property
    def positive_value(self) -> Any:
        """The one value of the positive side (the most frequent where a label names several kinds)."""
        return self.positive_values[0]

    @property
    def n_positive(self) -> int:
        return int(self.positive.sum())


def binary_target(table: Table, name: str) -> BinaryTarget:
    """Read a column as positive or negative.

    Of two values, the negative one is the one that says so (0, false, no, normal, benign, …), else the more frequent
    one. A column of several values is read so only where one of them says "normal": all others are then positive.

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
            f"{table.source}: column {name!r} holds one value only ({values[0]!r} in all {len(labels):,} rows), "
            "so there is nothing to tell apart; name another column, or bring rows of the other class"
        )
    negatives = [value for value in values if str(value).strip().lower() in _NEGATIVE_WORDS]
    if len(negatives) == 1:
        negative = negatives[0]
    elif len(values) == 2:
        negative = values[0]  # the more frequent one
    else:
        shown = ", ".join(repr(value) for value in values[:6]) + (", …" if len(values) > 6 else "")
        raise InputError(
            f"{table.source}: column {name!r} holds {len(values):,} different values ({shown}); a target has two, "
            "or names one of them normal; derive such a column first, or name another one"
        )
    positive = (labels != negative).to_numpy(dtype=bool)
    return BinaryTarget(positive, tuple(value for value in values if value != negative), negative)


def with_discrete(table: Table, name: str) -> Table:
    """The table with a target as categories, whatever its values suggest (0.0 and 1.0 look like numbers).

    Conditions need it so. A column that is discrete already stays as it is.
    """
    table.column(name, "target column")
    if table.schema[name].kind in ONE_HOT:
        return table
    kinds = {column.name: column.kind for column in table.schema if column.kind != "constant"}
    return Table.of(table.frame, schema=kinds | {name: "categorical"}, source=table.source)
