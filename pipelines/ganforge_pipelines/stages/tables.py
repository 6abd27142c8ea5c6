"""Tables between stages: parquet beside the schema and the facts that a split has fixed."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.readers import holds_images, read_table
from ganforge.data.schema import Column, Schema
from ganforge.data.splits import time_split, twin_groups
from ganforge.data.table import Table
from ganforge.data.writers import write_table
from ganforge.downstream.leaks import MARK, without_mark
from ganforge.errors import GanforgeWarning, InputError
from ganforge_pipelines.lineage.stamps import refuse_stamped
from ganforge_pipelines.stages.context import StageContext

DAY = 86_400.0
"""Seconds."""


def read_input(context: StageContext) -> Table:
    """The table of the `prepare` section: its `data`, read by its `schema` if it has one. Synthetic rows are refused
    before anything is split or trained."""
    own = context.own
    path = context.workspace.path(own["data"])
    if path.exists() and holds_images(path):
        raise InputError(f"{own['data']} holds pictures; the flow {context.spec.flow} reads a table (`run images`)")
    refuse_stamped(path, own["data"])
    table = read_table(path, schema=schema_of(context))
    without_mark(table.frame, own["data"])
    return table.drop(MARK) if MARK in table.schema else table


def schema_of(context: StageContext) -> Path | None:
    """The schema file that the `prepare` section names."""
    return context.workspace.path(context.own["schema"]) if context.own["schema"] else None


def period_of(table: Table, name: str | None) -> str | None:
    """From when to when the rows are, in words; None without a column of time."""
    if name is None or name not in table.schema:
        return None
    if table.schema[name].kind != "datetime":
        seconds = table.time(name)
        return f"{seconds.min():,.0f} to {seconds.max():,.0f} seconds ({name})"
    dates = table.column(name)
    return f"{dates.min():%Y-%m-%d %H:%M} to {dates.max():%Y-%m-%d %H:%M} ({name})"


def without(table: Table, names: Any, *, keep: Mapping[str, str | None]) -> Table:
    """The table without the columns that are no features. Raises where one of them has a part to play."""
    for role, name in keep.items():
        if name is not None and name in names:
            raise InputError(f"column {name!r} is the {role} and in leave_out, too; take it out of one of them")
    there = [name for name in dict.fromkeys(names) if name in table.schema]
    if there:
        warnings.warn(
            f"left out, as prepare.leave_out and the roles of columns say: {', '.join(there)}",
            GanforgeWarning,
            stacklevel=2,
        )
    return table.drop(*there)


def clock_only(table: Table, time: str) -> Table:
    """The table with its time column as plain seconds: rows are still told apart by it, nothing learns from dates."""
    frame = table.frame.assign(**{time: table.time(time)})
    return Table.of(frame, schema=kinds_of(table.schema) | {time: "continuous"}, source=table.source)


def split_by_time(
    table: Table, time: str, *, leave_out: Iterable[str], test_share: float, gap: float
) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on, and later ones to test on; what is tested on has no twin in training, as in the judge's folds.

    leave_out: columns that make no row another, where the table has them. gap: in days. Twins are counted in a notice.
    """
    left_out = {each for each in leave_out if each in table.schema}
    compared = clock_only(table, time) if time in left_out else table  # a clock that is hidden tells rows apart, too
    groups = twin_groups(compared, leave_out=left_out - {time})
    seconds = table.time(time)
    train, test = time_split(seconds, test_share=test_share, gap=gap * DAY, groups=groups)
    dropped = int((seconds < seconds[test].min() - gap * DAY).sum()) - len(train)
    if dropped:
        warnings.warn(
            f"{table.source}: {dropped:,} row{'s' if dropped > 1 else ''} before the test part left out of training: "
            "the same, as far as a model sees, stand in the test part",
            GanforgeWarning,
            stacklevel=2,
        )
    return train, test


def learned_from(table: Table, rows: np.ndarray) -> Table:
    """Some rows as a table whose bounds and categories come from these rows alone; the kinds are those of the whole.

    So is what identifiers made anew go on after: a model learns nothing of them, and none may be that of a row held
    out.
    """
    frame = table.frame.iloc[rows].reset_index(drop=True)
    learned = Table.of(frame, schema=kinds_of(table.schema), source=table.source)
    if not learned.schema.of_kind("identifier"):
        return learned
    columns = (
        replace(each, high=table.schema[each.name].high, last=table.schema[each.name].last)
        if each.kind == "identifier"
        else each
        for each in learned.schema
    )
    return Table.of(learned.frame, schema=Schema(tuple(columns)), source=table.source)


def kinds_of(schema: Schema) -> dict[str, str | Column]:
    """What each column is, for another frame of the same columns."""
    return dict(schema.kinds())


def write_part(context: StageContext, name: str, table: Table) -> None:
    write_table(table.frame, context.out / name)


def read_rows(path: Path) -> pd.DataFrame:
    """A part that `prepare` wrote, as it is: rows held out may have categories that training never saw."""
    return pd.read_parquet(path)


def read_part(path: Path, facts: Mapping[str, Any]) -> Table:
    """A part that `prepare` wrote, or rows made like it, with the schema of the training part."""
    return Table.of(pd.read_parquet(path), schema=Schema.from_json(facts["schema"]), source=facts["source"])


def positives(labels: Any, facts: Any) -> np.ndarray:
    """(N,) bool: which rows the rare class's values mark."""
    return (labels != facts["negative"]).to_numpy(dtype=bool)
