"""Which threshold the classifier of the flow `fraud` is to be used at, and what it costs on the rows held out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from ganforge.data.table import Table
from ganforge.downstream.measures import Costs
from ganforge.downstream.operating import Operating, cheapest_threshold, cross_fitted, operating
from ganforge.downstream.resampling import Protocol

ALERT = 0.1
"""What looking at one alert costs unless it is said: a tenth of what a positive is worth on average."""


def amount_of(table: Table, name: str | None) -> str | None:
    """The column of what a row is worth, if there is one that can be counted with."""
    if name is None or name not in table.schema:
        return None
    series = pd.Series(table.frame[name])
    if series.dtype.kind not in "iuf":
        return None
    values = series.to_numpy(dtype=float)
    return name if bool(np.all(values >= 0)) else None  # a missing amount is none, either


def operated(
    train: pd.DataFrame,
    rare: np.ndarray,
    test: pd.DataFrame,
    truth: np.ndarray,
    score: np.ndarray,
    *,
    amount: str | None,
    alert_cost: float | None,
    scored: Callable[[np.ndarray, np.ndarray], np.ndarray],
    protocol: Protocol,
    seed: int,
) -> Operating:
    """The cheapest threshold on cross-fitted scores of the training rows, and what it costs on the test rows.

    train, test: rows, of which `rare` and `truth` say which are positive. score: of the test rows, by the model that is
    kept. scored, protocol: see `cross_fitted`. Without an amount every positive is worth 1.
    """
    worth, held = (
        np.ones(len(rows)) if amount is None else rows[amount].to_numpy(dtype=float) for rows in (train, test)
    )
    alert = ALERT * float(worth[rare].mean()) if alert_cost is None else float(alert_cost)
    places, crossed = cross_fitted(rare, scored, protocol, random_state=seed)
    threshold = cheapest_threshold(rare[places], crossed, Costs(worth, alert).take(places))
    return operating(truth, score, Costs(held, alert), threshold=threshold, random_state=seed)
