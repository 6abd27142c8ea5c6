"""More rows of the class looked for without a generator: copies, and SMOTE-NC.

    table, positive (N,) ─▶ `wanted` rows with the columns of the table

SMOTE puts a new row somewhere between a positive row and one of its nearest positive neighbours (Chawla et al. 2002,
doi:10.1613/jair.953; §6.1 for SMOTE-NC: nominal columns count in the distance with the median deviation of the
numbers, and take the neighbours' commonest value). imbalanced-learn does it; here stands what it needs of a table:
numbers standardised, gaps filled with the median, categories as codes, and the way back.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist

from ganforge.data.decoding import constant_series, numeric_series, one_hot_series, unlearned_series
from ganforge.data.encoding import codes_of, numbers_of
from ganforge.data.schema import ONE_HOT, Column
from ganforge.data.table import Table
from ganforge.downstream.arms import OVERSAMPLING, SMOTE
from ganforge.downstream.augmenting import rows_wanted
from ganforge.errors import UnknownNameError, UnsuitableDataError

NEIGHBOURS = 5
_AT_ONCE = 1_000
"""New rows whose distances to all positive ones are in memory together."""


def balanced_rows(
    arm: str,
    table: Table,
    positive: np.ndarray,
    *,
    ratio: float,
    unseen: Sequence[str] = (),
    random_state: int = 0,
) -> pd.DataFrame:
    """What the arm "random oversampling" or "smote-nc" adds to a table to bring its positives to `ratio` a negative.

    unseen: columns of the table that the classifier does not see (the target, a running clock). In a judgement they are
    not there when neighbours are looked for, see `smote_rows`; a copy has them of the row that it copies.
    """
    if arm not in (OVERSAMPLING, SMOTE):
        raise UnknownNameError("arm that balances rows", arm, (OVERSAMPLING, SMOTE))
    count = int(positive.sum())
    wanted = rows_wanted(positives=count, negatives=len(table) - count, ratio=ratio)
    if arm == OVERSAMPLING:
        return copied_rows(table, positive, wanted, random_state=random_state)
    return smote_rows(table, positive, wanted, unseen=unseen, random_state=random_state)


def copied_rows(table: Table, positive: np.ndarray, wanted: int, *, random_state: int) -> pd.DataFrame:
    """`wanted` positive rows, drawn with replacement."""
    from imblearn.over_sampling import RandomOverSampler

    count = int(positive.sum())
    if count == 0:
        raise UnsuitableDataError(f"{table.source}: no positive row to copy")
    sampler = RandomOverSampler(sampling_strategy={1: count + wanted}, random_state=random_state)
    rows = np.asarray(sampler.fit_resample(np.arange(len(table))[:, None], positive.astype(int))[0])
    return table.frame.iloc[rows[len(table) :, 0]].reset_index(drop=True)


def smote_rows(
    table: Table, positive: np.ndarray, wanted: int, *, unseen: Sequence[str] = (), random_state: int
) -> pd.DataFrame:
    """`wanted` rows between positive ones: SMOTE-NC, SMOTE where all columns are numbers, SMOTEN where none is.

    `unseen` columns make no neighbours, so that the others are those of a table without them; a row has them of the
    positive one that is nearest to it. Identifiers are made anew and free text is empty, as in a generator's rows.
    Raises `UnsuitableDataError` where fewer than two positives leave no neighbour.
    """
    from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC

    count = int(positive.sum())
    if count < 2:
        raise UnsuitableDataError(f"{table.source}: SMOTE needs two positive rows at least, not {count}")
    learned = [column for column in table.schema if column.learned and column.name not in unseen]
    nominal = np.array([column.kind in ONE_HOT for column in learned])
    numbers = np.column_stack([_numbers(table.frame[column.name], column) for column in learned])
    center, scale = _standards(numbers, nominal)
    options: dict[str, Any] = {
        "k_neighbors": min(NEIGHBOURS, count - 1),
        "sampling_strategy": {1: count + wanted},
        "random_state": random_state,
    }
    if nominal.all():
        sampler = SMOTEN(**options)
    elif nominal.any():
        sampler = SMOTENC(categorical_features=np.flatnonzero(nominal).tolist(), **options)
    else:
        sampler = SMOTE(**options)
    with warnings.catch_warnings():  # codes of categories are no labels to be unknown or ill-shaped
        warnings.simplefilter("ignore", UserWarning)
        rows = np.asarray(sampler.fit_resample((numbers - center) / scale, positive.astype(int))[0])
    between, made = rows[len(table) :], rows[len(table) :] * scale + center
    new = {column.name: _back(made[:, k], column) for k, column in enumerate(learned)}
    if any(name in table.schema for name in unseen):
        nearest = np.flatnonzero(positive)[_nearest(between, ((numbers - center) / scale)[positive], nominal)]
        whole = table.frame.iloc[nearest].reset_index(drop=True)
        new |= {name: whole[name] for name in unseen}
    for column in table.schema:
        if column.name in unseen:
            continue
        if column.kind == "constant":
            new[column.name] = constant_series(wanted, column)
        elif not column.learned:
            new[column.name] = unlearned_series(wanted, column, 1)
    return pd.DataFrame({name: new[name] for name in table.schema.names})


def _numbers(series: pd.Series, column: Column) -> np.ndarray:
    """(N,) float64: a number as it is, gaps filled with the median; a category's code, missing being one of them."""
    if column.kind in ONE_HOT:
        return codes_of(series, column).astype(np.float64)
    values, missing = numbers_of(series, column)
    return np.where(missing, np.median(values[~missing]) if not missing.all() else 0.0, values)


def _standards(numbers: np.ndarray, nominal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each number, 0 and 1 for a code: without them the largest unit alone makes neighbours."""
    center, scale = numbers.mean(axis=0), numbers.std(axis=0)
    return np.where(nominal, 0.0, center), np.where(nominal | (scale == 0), 1.0, scale)


def _nearest(made: np.ndarray, real: np.ndarray, nominal: np.ndarray) -> np.ndarray:
    """(rows,) places among the real ones; another category counts as much as one deviation of a number."""
    found = [np.zeros(0, dtype=np.int64)]
    for start in range(0, len(made), _AT_ONCE):
        some = made[start : start + _AT_ONCE]
        distance = cdist(some[:, ~nominal], real[:, ~nominal], "sqeuclidean") if not nominal.all() else 0.0
        if nominal.any():
            distance = distance + cdist(some[:, nominal], real[:, nominal], "hamming") * nominal.sum()
        found.append(np.asarray(distance).argmin(axis=1))
    return np.concatenate(found)


def _back(values: np.ndarray, column: Column) -> pd.Series:
    """Numbers as the column has them, rounded as it rounds; codes as categories."""
    if column.kind in ONE_HOT:
        return one_hot_series(np.round(values).astype(np.int64), column)
    return numeric_series(values, np.zeros(len(values), dtype=bool), column)
