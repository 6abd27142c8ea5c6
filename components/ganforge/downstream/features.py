"""A table's columns as numbers a classifier takes: (N rows) → (N, F) float64, NaN where missing.

    number        as it is
    boolean       0, 1
    category      its rank by frequency ("codes"), or one 0/1 column a category ("one-hot")
    ordinal       its place in the order, a number
    date          hour of the day (0–24), day of the week (0 = Monday), never the date itself: rows to come are later
                  than any in training, and a model that split by the date would take them all for the latest
    left out      constants, identifiers, free text

Fitted on training rows alone; a category never seen there is missing (codes) or all zeros (one-hot). A row's
numbers depend on that row alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.encoding import ranks
from ganforge.data.schema import Column, Schema, ticks, ticks_per_second
from ganforge.data.table import Table, conform
from ganforge.errors import UnsuitableDataError

MAX_CATEGORIES = 250
"""More are taken together as rare: scikit-learn's boosting splits at most 255 groups at once."""
_DAY = 86_400.0


@dataclass(frozen=True)
class Features:
    """How the columns of a schema become F numbers."""

    schema: Schema
    categories: dict[str, tuple[Any, ...]]
    """By column, the categories that have a code of their own, the most frequent first."""
    one_hot: bool
    center: np.ndarray | None = None
    """(F,) means of the training rows; one-hot form only, where missing numbers take the mean."""
    scale: np.ndarray | None = None
    """(F,) standard deviations, 1 where there is none."""

    @classmethod
    def fit(cls, table: Table, *, one_hot: bool) -> Features:
        """Look at the training rows. Raises `UnsuitableDataError` when no column can be learned from."""
        schema = Schema(tuple(column for column in table.schema if column.learned))
        if not len(schema):
            raise UnsuitableDataError(
                f"{table.source}: no column can be learned from (constants, identifiers and free text are left "
                "out); bring columns that vary"
            )
        categories = {
            column.name: column.categories[:MAX_CATEGORIES] for column in schema if column.kind == "categorical"
        }
        features = cls(schema, categories, one_hot)
        if not one_hot:
            return features
        raw = features._raw(table.frame)
        known = ~np.isnan(raw)
        count = np.maximum(known.sum(axis=0), 1)
        center = np.where(known, raw, 0).sum(axis=0) / count
        spread = np.sqrt(np.where(known, (raw - center) ** 2, 0).sum(axis=0) / count)
        return cls(schema, categories, one_hot, center, np.where(spread > 0, spread, 1.0))

    @property
    def categorical(self) -> np.ndarray:
        """(F,) bool: which features are codes of categories (none in the one-hot form)."""
        if self.one_hot:
            return np.zeros(0, dtype=bool)
        return np.concatenate([[column.kind == "categorical"] * _width(column) for column in self.schema]).astype(bool)

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        """(N, F) float64 of these rows; columns may come in any order.

        Raises `UnknownNameError` for a missing column, `InputError` naming column and row for a value of
        another kind.
        """
        raw = self._raw(conform(frame, self.schema))
        if self.center is None or self.scale is None:
            return raw
        scaled = (raw - self.center) / self.scale
        lacking = np.isnan(scaled)
        flags = lacking[:, self._numeric_features()]  # the mean says "unremarkable"; the flag says it was missing
        return np.hstack([np.where(lacking, 0.0, scaled), flags.astype(np.float64)])

    def unseen(self, frame: pd.DataFrame) -> dict[str, int]:
        """Column → rows with a category that the training rows did not have."""
        counts = {}
        for name in self.categories:
            column = self.schema[name]
            values = conform(frame, Schema((column,))).iloc[:, 0]
            strange = int((values.notna() & ~values.isin(list(column.categories))).sum())
            if strange:
                counts[name] = strange
        return counts

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": self.schema.to_json(),
            "categories": {name: list(values) for name, values in self.categories.items()},
            "one_hot": self.one_hot,
            "center": None if self.center is None else self.center.tolist(),
            "scale": None if self.scale is None else self.scale.tolist(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Features:
        """The inverse of `to_json`."""
        return cls(
            schema=Schema.from_json(value["schema"]),
            categories={name: tuple(values) for name, values in value["categories"].items()},
            one_hot=value["one_hot"],
            center=None if value["center"] is None else np.asarray(value["center"]),
            scale=None if value["scale"] is None else np.asarray(value["scale"]),
        )

    def _raw(self, frame: pd.DataFrame) -> np.ndarray:
        return np.hstack([self._column(pd.Series(frame[column.name]), column) for column in self.schema])

    def _column(self, series: pd.Series, column: Column) -> np.ndarray:
        """(N, features of this column)."""
        if column.kind == "datetime":
            return _moments(series, column)
        if column.kind == "ordinal":
            return ranks(series, column)[:, None]
        if column.kind != "categorical":
            return series.to_numpy(dtype=np.float64, na_value=np.nan)[:, None]
        categories = self.categories[column.name]
        code = series.map({value: k for k, value in enumerate(categories)}).to_numpy(dtype=np.float64, na_value=np.nan)
        if self.one_hot:
            return (code[:, None] == np.arange(len(categories))).astype(np.float64)
        if len(categories) < len(column.categories):  # known, but too rare for a code of its own
            code[np.isnan(code) & series.isin(list(column.categories[len(categories) :])).to_numpy()] = len(categories)
        return code[:, None]

    def _numeric_features(self) -> np.ndarray:
        """Indices of the features that may be missing: all but the one-hot ones."""
        place, found = 0, []
        for column in self.schema:
            width = len(self.categories[column.name]) if column.kind == "categorical" else _width(column)
            if column.kind != "categorical" and column.missing:
                found += range(place, place + width)
            place += width
        return np.asarray(found, dtype=np.int64)


def clock_columns(schema: Schema, time: str | None) -> list[str]:
    """What a classifier is not to learn from where rows are told apart by `time`: that column, unless it holds dates.

    Seconds that count from somewhere are a date in another spelling. Dates stay, for their hour and weekday.
    """
    return [] if time is None or schema[time].kind == "datetime" else [time]


def _width(column: Column) -> int:
    return 2 if column.kind == "datetime" else 1


def _moments(series: pd.Series, column: Column) -> np.ndarray:
    """Dates (N,) → (N, 2): hour of the day, day of the week, both in UTC."""
    dates = series if series.dtype.kind == "M" else pd.to_datetime(series)
    seconds = ticks(dates) / ticks_per_second(str(dates.dtype))
    days = np.floor(seconds / _DAY)
    # 1 January 1970 was a Thursday, day 3 of a week that begins on Monday.
    moments = np.stack([(seconds - days * _DAY) / 3600, (days + 3) % 7], axis=1)
    moments[dates.isna().to_numpy()] = np.nan
    return moments
