"""From numbers and codes back to a column as the house keeps it: dtype, bounds, rounding, missing values."""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.identifiers import made_anew
from ganforge.data.schema import Column, ticks_per_second


def numeric_series(values: np.ndarray, missing: np.ndarray, column: Column) -> pd.Series:
    """values (n,) float64 counted as the codec counts them; what is missing comes back missing."""
    low, high = column.low, column.high
    if low is None or high is None:
        return pd.Series(np.nan, index=range(len(values)), dtype="float64")
    if column.kind == "datetime":
        return _dates(values, missing, column)
    if column.kind == "integer" and (high >= 2.0**63 or low < -(2.0**63)):  # int64 cannot hold them: kept as float64
        values = np.round(values + float(low))
    elif column.kind == "integer":
        grain = 10 ** -(column.decimals or 0)
        whole = _whole(values, int(low), int(high), grain)
        if column.dtype in ("int64", "Int64"):
            if not missing.any():
                return pd.Series(whole, dtype=column.dtype)
            if max(abs(int(low)), abs(int(high))) > 2**53:
                return pd.Series(whole, dtype="Int64").mask(missing)
        values = whole.astype(np.float64)
    elif column.decimals is not None:
        values = np.round(values, column.decimals)
    values = np.clip(values, float(low), float(high))
    return pd.Series(np.where(missing, np.nan, values))


def one_hot_series(codes: np.ndarray, column: Column) -> pd.Series:
    """Codes (n,) → categories; the code after the last, and −1, are missing."""
    missing = (codes < 0) | (codes >= len(column.categories))
    values = np.empty(len(column.categories) + 1, dtype=object)
    values[:-1] = column.categories
    values[-1] = np.nan
    series = pd.Series(values[np.where(missing, len(column.categories), codes)], dtype=object)
    if column.dtype == "object" or (missing.any() and column.dtype == "bool"):
        return series
    if missing.any() and column.dtype == "int64":
        return series.astype("float64")
    return series.astype(column.dtype)


def constant_series(n: int, column: Column) -> pd.Series:
    """The constant n times."""
    if column.value is None:
        empty: Any = pd.NaT if column.dtype.startswith("datetime") else np.nan
        return pd.Series([empty] * n, dtype=column.dtype)
    if column.dtype.startswith("datetime"):
        return _from_ticks(np.full(n, column.value, dtype=np.int64), column.dtype)
    return pd.Series([column.value] * n, dtype=column.dtype)


def unlearned_series(n: int, column: Column, first: int) -> pd.Series:
    """Identifiers made anew, free text left empty."""
    if column.kind == "text":
        return pd.Series(np.nan, index=range(n), dtype=object)
    return made_anew(n, column, first)


def _dates(values: np.ndarray, missing: np.ndarray, column: Column) -> pd.Series:
    low, high, step = int(column.low or 0), int(column.high or 0), column.step or 1
    moments = _whole(values * ticks_per_second(column.dtype), low, high, step)
    return _from_ticks(moments, column.dtype).mask(missing)


def _from_ticks(moments: np.ndarray, dtype: str) -> pd.Series:
    unit = dtype.split("[")[1].split(",")[0].rstrip("]")
    series = pd.Series(moments.astype(f"datetime64[{unit}]"))
    return series.dt.tz_localize("UTC").astype(dtype) if "," in dtype else series


def _whole(values: np.ndarray, low: int, high: int, grain: int) -> np.ndarray:
    """Offsets from `low` → int64 multiples of `grain` within [low, high], exact beyond 2^53."""
    least, most = -(-low // grain), high // grain
    units = np.round(values / grain + (low - least * grain) / grain)  # from `least` on
    if most - least < 2**62:
        whole = np.minimum(np.clip(units, 0, float(most - least)).astype(np.int64), most - least) + least
    else:  # too wide to count from `least` in 64 bits
        edge = np.nextafter(2.0**63, 0)
        whole = np.clip(np.clip(units + float(least), -edge, edge).astype(np.int64), least, most)
    return whole * grain
