"""What would make a judgement worthless, and how it is found.

    marked rows          synthetic rows handed in as real ones               an error with their number
    a copied target      a column that says in every row what the target says   an error with its name
    a telling column     a column that alone finds nearly every positive     a notice
    a peeping generator  rows of the test parts among a synthesizer's rows   an error with both numbers

The last one is a count: of the positives a synthesizer was never shown, how many equal one of its rows? A table of few
categories has rows that meet by chance, so what chance allows is taken from the table itself: the share of its
positives that have a twin among the others.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import average_precision_score

from ganforge.data.images import MARK
from ganforge.data.schema import ONE_HOT, Column
from ganforge.data.splits import duplicate_groups
from ganforge.data.table import Table
from ganforge.errors import InputError, UnsuitableDataError

__all__ = ["MARK", "refuse_peeping", "share_of_twins", "telling_columns", "without_mark"]
# MARK: the column (and the key in `frame.attrs`) that marks synthetic rows: true in them, false in real ones

TELLING = 0.999
"""Average precision of one column alone from which on it is spoken of."""
FEWEST = 10
"""Positives below which a column that tells them all may do so by chance."""
CHANCE = 1e-6
"""How improbable meeting so many unseen rows has to be before a synthesizer is accused."""


def without_mark(frame: pd.DataFrame, source: str = "the data") -> pd.DataFrame:
    """The frame without the column that marks synthetic rows.

    Raises `InputError` where it marks any, or where the frame is marked as a whole, as what a `Synthesizer` samples is
    (`synthesis.base.marked` says where that is lost).
    """
    marked = len(frame) if frame.attrs.get(MARK) else 0
    if MARK in frame.columns:
        marked = max(marked, int(frame[MARK].map(_is_true).sum()))
    if marked:
        remedy = "judge the file without them" if marked < len(frame) else "judge the data they were made from"
        raise InputError(
            f"{source}: {marked:,} of {len(frame):,} rows are marked as synthetic ({MARK}); what helps on real rows "
            f"can be told on real rows alone: {remedy}"
        )
    return frame.drop(columns=MARK) if MARK in frame.columns else frame


def telling_columns(table: Table, target: str, positive: np.ndarray) -> list[str]:
    """A notice for each column that alone finds nearly every positive.

    Raises `UnsuitableDataError` for a column that copies the target: one value where it is positive, another elsewhere.
    """
    notices = []
    for column in table.schema:
        if not column.learned or column.name == target:
            continue
        series = table.frame[column.name]
        if _copies(series, positive):
            raise UnsuitableDataError(
                f"{table.source}: column {column.name!r} says in every row what {target!r} says, so that nothing is "
                "left to find out; leave it out"
            )
        if positive.sum() >= FEWEST and (alone := _alone(series, column, positive)) >= TELLING:
            notices.append(
                f"column {column.name!r} alone finds the positives (average precision {alone:.3f}): if it is only "
                "known afterwards, leave it out"
            )
    return notices


def refuse_peeping(arm: str, *, met: int, unseen: int, draws: int, twins: float, positives: int) -> None:
    """Raise `InputError` where a synthesizer makes rows that it was never shown more often than chance allows.

    Args:
        met: of the `unseen` positives of the test parts, over all folds, those that equal a synthetic row.
        draws: synthetic rows a fold.
        twins: share of the table's `positives` that have a twin among the others.
    """
    if not unseen:
        return
    once = (twins * positives + 1) / (positives + 2)  # a real row meets one of the others
    by_chance = 1 - (1 - once) ** (draws / max(positives, 1))
    if stats.binom.sf(met - 1, unseen, by_chance) < CHANCE:
        raise InputError(
            f"arm {arm!r} has seen what it is judged on: {met:,} of {unseen:,} positives that were held out are among "
            "its rows; a synthesizer must learn from what `fit` is given, and from nothing else"
        )


def share_of_twins(table: Table, positive: np.ndarray) -> float:
    """Share of the positive rows that equal another positive one in every column that is learned."""
    names = [column.name for column in table.schema if column.learned]
    groups = duplicate_groups(table.frame.loc[positive, names])
    return float((np.bincount(groups)[groups] > 1).mean()) if len(groups) else 0.0


def _is_true(value: Any) -> bool:
    return str(value).strip().lower() in ("true", "1", "1.0", "yes")


def _copies(series: pd.Series, positive: np.ndarray) -> bool:
    codes = pd.factorize(series, use_na_sentinel=False)[0]
    return np.array_equal(codes, (positive != positive[0]).astype(codes.dtype))


def _alone(series: pd.Series, column: Column, positive: np.ndarray) -> float:
    """Average precision of one column: of numbers both ways, of categories by the share of positives in other rows."""
    if column.kind in ONE_HOT:
        codes = pd.factorize(series, use_na_sentinel=False)[0]
        half = np.arange(len(codes)) % 2 == 0
        score = np.zeros(len(codes))
        for one, other in ((half, ~half), (~half, half)):
            rows = np.bincount(codes[one], minlength=codes.max() + 1)
            found = np.bincount(codes[one], weights=positive[one], minlength=codes.max() + 1)
            score[other] = (found / np.maximum(rows, 1))[codes[other]]
        return float(average_precision_score(positive, score))
    return max(
        float(average_precision_score(positive, series.rank(ascending=ascending).fillna(0.0)))
        for ascending in (True, False)
    )
