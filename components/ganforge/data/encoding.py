"""From a column as the schema knows it to numbers and codes."""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.daytimes import ticks_of_day
from ganforge.data.schema import Column, ticks, ticks_per_second


def numbers_of(series: pd.Series, column: Column) -> tuple[np.ndarray, np.ndarray]:
    """(N,) float64 to learn from, and where a value is missing. Whole numbers and dates count from the smallest seen,
    so that those beyond 2^53 keep their differences; dates in seconds."""
    missing = series.isna().to_numpy()
    if column.kind == "datetime":
        offset = ticks(series) - np.int64(int(column.low or 0)) * ~missing
        return np.where(missing, 0.0, offset / ticks_per_second(column.dtype)), missing
    if str(series.dtype) in ("int64", "Int64"):
        whole = series.to_numpy(dtype="int64", na_value=0)
        low = int(column.low or 0)
        if int(whole.max(initial=low)) - low < 2**63 and int(whole.min(initial=low)) - low >= -(2**63):
            return (whole - low).astype(np.float64), missing
        return whole.astype(np.float64) - float(low), missing
    values = series.to_numpy(dtype="float64", na_value=np.nan)
    low = float(column.low or 0) if column.kind == "integer" else 0.0
    return np.where(missing, 0.0, values - low), missing


def spacing_of(column: Column) -> float | None:
    """The distance of two neighbours that a numeric column's rounding allows, as `numbers_of` counts; None for none."""
    if column.kind == "datetime":
        return (column.step or 1) / ticks_per_second(column.dtype)
    return None if column.decimals is None else 10.0**-column.decimals


def codes_of(series: pd.Series, column: Column) -> np.ndarray:
    """(N,) the place of each value among the categories; a missing one comes after them; −1 was never seen."""
    places, distinct = pd.factorize(series)
    found = pd.Index(list(column.categories), dtype=object).get_indexer(pd.Index(distinct, dtype=object))
    missing = len(column.categories) if column.missing else -1
    return np.append(found, missing)[places]  # a missing value has place −1: the last


def ranks(series: pd.Series, column: Column) -> np.ndarray:
    """(N,) float64 the place of each value in an ordinal column's order, from 0; NaN where missing or never seen."""
    codes = codes_of(series, column)
    return np.where((codes < 0) | (codes == len(column.categories)), np.nan, codes)


def spelled_code(value: Any, categories: tuple[Any, ...]) -> int | None:
    """The code of the category that a value, or a text that spells it, means; None where none or several could be.

    Where nothing else is meant by it, 1 stands for True and "true" for 1, "1.0" for 1, 06:30:00 for 06:30 and so on.
    """
    code = {_spelling(each): code for code, each in enumerate(categories)}.get(_spelling(value))
    if code is None and (ticks := ticks_of_day(value)) is not None:
        code = {ticks_of_day(each): code for code, each in reversed([*enumerate(categories)])}.get(ticks)
    return _by_meaning(value, categories) if code is None else code


def _by_meaning(value: Any, categories: tuple[Any, ...]) -> int | None:
    """The code of the number or truth value that is meant; None for texts, and where several or none could be."""
    if not all(isinstance(each, bool | int | float) for each in categories):
        return None
    truths = set(categories) <= {0, 1}  # True equals 1
    meant = _number(value, truths)
    codes = [code for code, each in enumerate(categories) if float(each) == meant]
    return codes[0] if len(codes) == 1 else None


def _number(value: Any, truths: bool) -> float | None:
    if isinstance(value, bool) and not truths:
        return None
    text = _spelling(value)
    try:
        return {"true": 1.0, "false": 0.0}[text] if truths and text in ("true", "false") else float(text)
    except ValueError:
        return None


def _spelling(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value).strip()
    return text.lower() if text.lower() in ("true", "false") else text
