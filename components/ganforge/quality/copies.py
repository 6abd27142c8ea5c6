"""Synthetic rows that copy a real one."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pandas.util import hash_pandas_object

from ganforge.data.schema import ONE_HOT, Column, Schema
from ganforge.data.table import conform


def exact_copies(synthetic: pd.DataFrame, real: pd.DataFrame, *, schema: Schema | None = None) -> np.ndarray:
    """(N,) bool: which synthetic rows equal a real row in every column that is learned.

    Numbers are compared at the schema's own rounding (12.3 and 12.30 are one price) and, where it knows
    none, to 9 significant digits. Identifiers and free text, which no model learns, are not looked at.
    `schema` is inferred from the real rows when it is not given; columns may come in any order.

    Raises `UnknownNameError` when a column of the real rows is missing in the synthetic ones.
    """
    schema = Schema.infer(real, source="real rows") if schema is None else schema
    learned = Schema(tuple(column for column in schema if column.learned))
    if not len(learned) or synthetic.empty or real.empty:
        return np.zeros(len(synthetic), dtype=bool)
    return np.isin(_row_hashes(synthetic, learned), _row_hashes(real, learned))


def _row_hashes(frame: pd.DataFrame, schema: Schema) -> np.ndarray:
    """(N,) uint64. 64 bits: among 10^6 × 10^6 pairs a chance agreement is expected in 5 cases of 10^8."""
    frame = conform(frame, schema)
    plain = pd.DataFrame({column.name: _canonical(pd.Series(frame[column.name]), column) for column in schema})
    hashes: pd.Series = hash_pandas_object(plain, index=False)  # pyright: ignore
    return hashes.to_numpy()


def _canonical(series: pd.Series, column: Column) -> pd.Series:
    """Equal values as equal text or number, whatever the dtype they came in."""
    if column.kind == "datetime":
        return series.astype("str")
    if column.kind in ONE_HOT:
        code = series.map({value: k for k, value in enumerate(column.categories)})
        return code.where(series.isna() | code.notna(), -1).astype("float64")
    values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    if column.decimals is not None:
        rounded = np.round(values, column.decimals)
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            power = np.where(values == 0, 0, np.floor(np.log10(np.abs(values))))
        scale = 10.0 ** (8 - np.nan_to_num(power))
        rounded = np.round(values * scale) / scale
    return pd.Series(rounded + 0.0, index=series.index)  # + 0: −0 and 0 are one number
