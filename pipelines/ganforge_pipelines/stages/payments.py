"""Features of a payment's past, where the `prepare` section of the flow `fraud` names customer, terminal and amount.

They are computed on the whole history before it is split: each row knows what was known at its own moment, labels
after their delay, so nothing of the rows held out gets into training that a bank would not have had by then.
"""

from __future__ import annotations

import datetime as dt
import json
import warnings
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.clocks import offsets_east
from ganforge.data.dtypes import times_restored
from ganforge.data.features import WINDOWS, PaymentFeatures
from ganforge.data.table import Table
from ganforge.errors import GanforgeWarning, InputError, UnknownNameError
from ganforge_pipelines.stages.context import StageContext
from ganforge_pipelines.stages.roles import ROLES, check_roles
from ganforge_pipelines.stages.tables import kinds_of

FILE = "features.json"
"""The history that payments to come need (`PaymentFeatures.from_json`), of the last 37 days by default; null where
there are no such features. It holds payments as they were, so it stays beside the data and goes to no server."""


def with_features(context: StageContext, table: Table) -> tuple[Table, list[str]]:
    """The table with the features in it, and the identifiers that they take the place of.

    Writes the history to `features.json`. Without customer, terminal and amount the table stays as it is.
    """
    own = context.own
    check_roles(own)
    if own["customer"] is None:
        _write(context, None)
        return table, []
    for role in ROLES:
        if own[role] is not None and own[role] not in table.schema:
            raise UnknownNameError("column", own[role], table.schema.names, where=f"{table.source} (prepare.{role})")
    features = PaymentFeatures(
        time=own["paid_at"] or own["time"],
        customer=own["customer"],
        terminal=own["terminal"],
        amount=own["amount"],
        target=own["target"],
        label_delay=own["label_delay_days"],
    )
    made = features.fit_transform(_by_its_clock(context, table, features.time), source=table.source)
    twice = [name for name in made.columns if name in table.schema]
    if twice:
        raise InputError(
            f"{table.source}: a feature is to be called {twice[0]!r}, and so is a column; rename the column"
        )
    _write(context, features.to_json())
    days = ", ".join(str(each) for each in WINDOWS)
    warnings.warn(
        f"{made.shape[1]} features added, of what each payment's {own['customer']} and {own['terminal']} did in the "
        f"{days} days before it, labels counting after {own['label_delay_days']:g} days; a payment to be scored needs "
        f"them, too, and gets them from {FILE}",
        GanforgeWarning,
        stacklevel=2,
    )
    if own["time"] is not None and own["gap"] < own["label_delay_days"]:
        warnings.warn(
            f"labels are taken to be known after {own['label_delay_days']:g} days, but rows are trained on up to "
            f"{own['gap']:g} days before the test part; prepare.gap={own['label_delay_days']:g} leaves those out whose "
            "labels would not have been known",
            GanforgeWarning,
            stacklevel=2,
        )
    frame = pd.concat([table.frame, made], axis=1)
    rich = Table.of(frame, schema=kinds_of(table.schema) | _kinds(made), source=table.source)
    return rich, [own["customer"], own["terminal"]]


def _by_its_clock(context: StageContext, table: Table, time: str) -> pd.DataFrame:
    """The rows with their times in the zone that the file is written in, where it names one: night and weekend are
    those of its people, and the history says in which zone the hours of payments to come are read."""
    if time not in table.schema or table.column(time).dtype.kind != "M":
        return table.frame
    if table.schema[time].of_day:
        return times_restored(table.frame, table.schema)  # what holds no dates is refused as such
    east = offsets_east(table, time, path=context.workspace.path(context.own["data"]))
    if str(table.column(time).dt.tz) != "UTC" or not east.any():
        return table.frame
    offsets, counts = np.unique(east, return_counts=True)
    zone = dt.timezone(dt.timedelta(seconds=float(offsets[counts.argmax()])))
    if len(offsets) > 1:
        warnings.warn(
            f"{table.source}: the times in {time!r} are written at {len(offsets)} distances from UTC, as with daylight "
            f"saving, and do not name their zone; nights and weekends are those of {zone}, as most rows have it. For "
            "the clock on the wall all year round, write the times without an offset, or to Parquet with their zone",
            GanforgeWarning,
            stacklevel=3,
        )
    return table.frame.assign(**{time: table.column(time).dt.tz_convert(zone)})


def _kinds(made: pd.DataFrame) -> dict[str, str]:
    """Counts are numbers, however few different ones there are; a feature without two values is a constant."""
    by_dtype = {"i": "integer", "f": "continuous", "b": "boolean"}
    return {str(name): by_dtype[made[name].dtype.kind] for name in made.columns if made[name].nunique() > 1}


def _write(context: StageContext, state: Any) -> None:
    text = json.dumps(state, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    (context.out / FILE).write_text(text + "\n", encoding="utf-8")
