"""Synthetic rows of the class looked for, as a judgement and a pipeline alike add them to real ones.

    fitted synthesizer, training rows ─▶ how many of each positive value ─▶ sample ─▶ drop copies, draw again

Where a target has several positive values (kinds of attack, types of defect) each is made in the proportion in
which the training rows have it. Exact copies of training rows are dropped, since they tell a classifier nothing
but how to count a row twice, and are drawn again a few times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.identifiers import numbered_anew
from ganforge.data.table import Table
from ganforge.data.targets import binary_target
from ganforge.downstream.leaks import MARK
from ganforge.errors import InputError
from ganforge.parameters import spawned
from ganforge.quality.copies import exact_copies

ATTEMPTS = 4
"""Draws at most: what is still a copy after so many is made of columns too coarse for new rows."""


@dataclass(frozen=True, eq=False)
class SyntheticPositives:
    """What was drawn. `frame` may have fewer rows than `wanted`, or none, where copies came again and again."""

    frame: pd.DataFrame
    """(≤ wanted, columns) rows as the synthesizer gives them, by positive value; its `attrs` mark them."""
    wanted: int
    copies_dropped: int
    """Exact copies of training rows in all draws together."""


def synthetic_positives(
    model: Any,
    table: Table,
    target: str,
    *,
    positive_values: Sequence[Any] | None = None,
    rows: int | None = None,
    ratio: float | None = None,
    random_state: int = 0,
) -> SyntheticPositives:
    """Draw rows of the class looked for from a fitted synthesizer.

    Args:
        model: a fitted `Synthesizer` whose conditions know the column `target`.
        table: the real rows to train on; they say how many positives there are, of which values, and what a copy is.
        target: the column that marks the class looked for.
        positive_values: its values that count as positive; default, as `data.targets.binary_target` reads `table`.
            Give them where `table` is a part of a larger one, so that every part means the same by "positive".
        rows: how many to draw; or
        ratio: positives per negative there shall be, real and synthetic together (`rows_wanted`); give one of the two.
        random_state: seeds the draws.

    Raises `InputError` unless exactly one of `rows` and `ratio` is given (and above 0), `UnknownNameError` for a
    target that is not there, and whatever `model.sample` says of a condition it cannot obey.
    """
    if (rows is None) == (ratio is None):
        raise InputError(f"rows={rows}, ratio={ratio}; give exactly one of them")
    if rows is not None and rows < 0:
        raise InputError(f"rows={rows}; give 0 or more")
    labels = table.column(target, "target column")
    if positive_values is None:
        positive_values = binary_target(table, target).positive_values
    counts = [int((labels == value).sum()) for value in positive_values]
    if rows is None:
        assert ratio is not None
        rows = rows_wanted(positives=sum(counts), negatives=len(table) - sum(counts), ratio=ratio)
    made, copies = [], 0
    for value, share in zip(positive_values, _shares(rows, counts), strict=True):
        kept, dropped = _drawn(model, table, {target: value}, share, random_state)
        made += kept
        copies += dropped
    frame = pd.concat(made, ignore_index=True) if made else table.frame.iloc[:0].copy()
    frame = numbered_anew(frame, table.schema)
    frame.attrs[MARK] = True
    return SyntheticPositives(frame, rows, copies)


def rows_wanted(*, positives: int, negatives: int, ratio: float) -> int:
    """Synthetic rows that bring the positives to `ratio` per negative (to the nearest row); 0 where they are there.

    Raises `InputError` for a ratio that is not above 0.
    """
    if not ratio > 0:
        raise InputError(f"ratio={ratio}; give positives per negative, above 0")
    return max(round(ratio * negatives) - positives, 0)


def _drawn(
    model: Any, real: Table, condition: dict[str, Any], wanted: int, seed: int
) -> tuple[list[pd.DataFrame], int]:
    """Frames of up to `wanted` rows together that obey `condition`, and how many copies were dropped on the way."""
    kept: list[pd.DataFrame] = []
    lacking, copies = wanted, 0
    for attempt in range(ATTEMPTS):
        if lacking == 0:
            break
        drawn = model.sample(lacking, condition=condition, random_state=spawned(seed, attempt) if attempt else seed)
        copied = exact_copies(drawn, real.frame, schema=real.schema)
        fresh = drawn.loc[~np.asarray(copied)]
        if len(fresh):
            kept.append(fresh)
        copies, lacking = copies + len(drawn) - len(fresh), lacking - len(fresh)
    return kept, copies


def _shares(n: int, counts: Sequence[int]) -> list[int]:
    """n in whole parts as near to the proportions of `counts` as can be (largest remainders)."""
    exact = [n * count / max(sum(counts), 1) for count in counts]
    parts = [int(each) for each in exact]
    most_missing = sorted(range(len(counts)), key=lambda k: exact[k] - parts[k], reverse=True)
    for k in most_missing[: n - sum(parts) if any(counts) else 0]:
        parts[k] += 1
    return parts
