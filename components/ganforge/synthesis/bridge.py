"""A table as other packages take it, numbers without gaps and text codes, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.codec import NOTHING, Codec
from ganforge.data.decoding import numeric_series
from ganforge.data.dtypes import restored
from ganforge.data.schema import NUMERIC, Column, Schema, ticks, ticks_per_second
from ganforge.data.table import Table
from ganforge.errors import UnsuitableDataError


class Bridge:
    """Dates become seconds, categories codes, a missing number the median and a discrete column that says so."""

    def __init__(self, schema: Schema) -> None:
        if not any(column.learned for column in schema):
            raise UnsuitableDataError(NOTHING)
        # without mixtures our codec translates categories, constants and identifiers, and knows conditions
        self.codec = Codec(schema, dict.fromkeys(schema.of_kind(*NUMERIC)))
        self.medians: dict[str, float] = {}
        self.discrete: list[str] = []
        for column in self.codec.columns:
            if column.kind not in NUMERIC:
                self.discrete.append(column.name)
            elif column.missing:
                self.discrete.append(_gap(column))

    def cross(self, table: Table) -> pd.DataFrame:
        """The table for the package; remembers the medians that stand where a number is missing."""
        codes = self.codec.encode(table, unseen="count").codes
        plain: dict[str, Any] = {}
        for k, column in enumerate(self.codec.columns):
            if column.kind not in NUMERIC:
                plain[column.name] = codes[:, k].astype(str).astype(object)
                continue
            series = table.column(column.name)
            missing = series.isna().to_numpy()
            values = _counted(series, column)
            self.medians[column.name] = float(np.median(values[~missing]))
            plain[column.name] = np.where(missing, self.medians[column.name], values)
            if column.missing:
                plain[_gap(column)] = missing.astype(int).astype(str).astype(object)
        return pd.DataFrame(plain)

    def codes(self, raw: pd.DataFrame) -> np.ndarray:
        """The package's rows → codes as `Codec.code_of` counts them (n, blocks); numbers have none."""
        codes = np.zeros((len(raw), len(self.codec.columns)), dtype=np.int64)
        for k, column in enumerate(self.codec.columns):
            if column.kind not in NUMERIC:
                codes[:, k] = raw[column.name].astype(np.int64)
        return codes

    def back(self, raw: pd.DataFrame, codes: np.ndarray) -> pd.DataFrame:
        """The package's rows → a frame in the schema's order and dtypes."""
        frame = self.codec.decode((np.zeros((len(raw), self.codec.layout.scalars)), codes))
        for column in self.codec.columns:
            if column.kind in NUMERIC:
                gap = raw[_gap(column)].to_numpy() == "1" if column.missing else np.zeros(len(raw), dtype=bool)
                numbers = numeric_series(raw[column.name].to_numpy(np.float64), gap, column)
                frame[column.name] = restored(numbers, column)
        return frame


def _gap(column: Column) -> str:
    return f"{column.name} is missing"


def _counted(series: pd.Series, column: Column) -> np.ndarray:
    """(N,) float64: dates in seconds and whole numbers, both counted from the column's smallest; others as they are."""
    if column.kind == "datetime":
        return (ticks(series) - np.int64(int(column.low or 0))) / ticks_per_second(column.dtype)
    values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    return values - float(column.low or 0) if column.kind == "integer" else values
