"""What an arm adds, made once from all real rows: the file that a verdict recommends.

    augmented(table, "is_fraud", arm="ctgan", ratio=.5, synthesizer=CTGAN())  ─▶  real rows, then added ones, marked

Nothing is judged here. The rows that come of it may be trained on; they cannot be judged on: `judge` refuses what is
marked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from ganforge.data.dtypes import restored
from ganforge.data.table import Table
from ganforge.data.targets import binary_target, with_discrete
from ganforge.downstream.arms import OVERSAMPLING, SMOTE
from ganforge.downstream.augmenting import synthetic_positives
from ganforge.downstream.balancing import balanced_rows
from ganforge.downstream.features import clock_columns
from ganforge.downstream.leaks import MARK, without_mark
from ganforge.errors import InputError, UnsuitableDataError


@dataclass(frozen=True, eq=False)
class Augmented:
    """Real rows, as they came, with added ones below."""

    frame: pd.DataFrame
    """The columns of the table and `leaks.MARK`: false in real rows, true in those that were added."""
    rows_added: int
    copies_dropped: int
    """Generated rows that equalled a real one and were left out."""


def augmented(
    table: Table,
    target: str,
    *,
    arm: str,
    ratio: float,
    synthesizer: Any = None,
    left_out: tuple[str, ...] = (),
    time: str | None = None,
    random_state: int = 0,
    checkpoints: str | Path | None = None,
    on_progress: Callable[[Any], None] | None = None,
) -> Augmented:
    """The table with what an arm adds to it.

    Args:
        table: all real rows.
        target: the column that marks the class looked for; its rarer side grows.
        arm: `arms.OVERSAMPLING`, `arms.SMOTE`, or any name for a synthesizer's.
        ratio: positives per negative there shall be.
        synthesizer: an unfitted one, which is cloned and fitted on all rows; None for the two arms without.
        left_out: columns that nothing learns from; they are missing in the added rows.
        time: the column that was judged by. A running clock makes no neighbours for SMOTE, as it makes none there.
        random_state: seeds the rows, and a synthesizer without a seed of its own.
        checkpoints: a folder for the training to be taken up from where it was stopped.
        on_progress: as in `Synthesizer.fit`.

    Raises `InputError` for a generator's arm without a synthesizer and for rows that are marked as synthetic, and
    `UnsuitableDataError` where the positives are that many already, or nothing but copies of real rows was made.
    """
    without_mark(table.frame, table.source)
    labels = binary_target(table, target)
    learned = with_discrete(table.drop(*left_out), target)
    copies = 0
    if arm in (OVERSAMPLING, SMOTE):
        unseen = (target, *clock_columns(learned.schema, time))
        added = balanced_rows(arm, learned, labels.positive, ratio=ratio, unseen=unseen, random_state=random_state)
        added = _as_given(added, table)
    else:
        if synthesizer is None:
            raise InputError(f"arm {arm!r} needs the synthesizer that makes its rows")
        model: Any = clone(synthesizer)
        if model.get_params().get("random_state", 0) is None:
            model.set_params(random_state=random_state)
        resume = checkpoints is not None and Path(checkpoints).is_dir() and any(Path(checkpoints).iterdir())
        model.fit(learned, checkpoints=checkpoints, resume=resume, on_progress=on_progress)
        positive_values = labels.positive_values
        drawn = synthetic_positives(
            model, learned, target, positive_values=positive_values, ratio=ratio, random_state=random_state
        )
        added, copies = drawn.frame, drawn.copies_dropped
    if added.empty:
        raise UnsuitableDataError(
            f"{table.source}: nothing to add at ratio {ratio:g}: {labels.n_positive:,} of {len(table):,} rows have "
            f"{labels.positive_label}" + (f", and {copies:,} rows were copies of real ones" if copies else "")
        )
    both = _below(table.as_given(), added)
    both[MARK] = np.arange(len(both)) >= len(table)
    return Augmented(both, len(added), copies)


def _as_given(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Rows as the table keeps them, in the dtypes that its columns came in."""
    return pd.DataFrame({name: restored(pd.Series(frame[name]), table.schema[str(name)]) for name in frame})


def _below(real: pd.DataFrame, added: pd.DataFrame) -> pd.DataFrame:
    """Both frames in one, in the columns of the real one and, where the added values allow it, in its dtypes."""
    columns = {}
    for name in real:
        series = pd.Series(real[name])
        new = pd.Series(added[name]) if name in added else pd.Series([None] * len(added), dtype=object)
        if name not in added or new.isna().all():
            kept = series if series.dtype == object else series.convert_dtypes()
            columns[name] = pd.concat([kept, pd.Series([pd.NA] * len(new), dtype=kept.dtype)], ignore_index=True)
            continue
        columns[name] = pd.concat([series, new.astype(series.dtype)], ignore_index=True)
    return pd.DataFrame(columns)
