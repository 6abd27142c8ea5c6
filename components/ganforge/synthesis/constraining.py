"""Rows of a trained generator that keep what must hold between their columns (`data.constraints`)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.codec import Codec
from ganforge.data.constrained import Constrained
from ganforge.data.constraints import Constraint
from ganforge.data.streams import StreamedTable
from ganforge.data.table import Table
from ganforge.errors import GanforgeWarning, InputError, UnsuitableDataError
from ganforge.synthesis.drawing import PATIENCE, Drawn


def constrain(table: Table | StreamedTable, constraints: Sequence[Constraint]) -> Constrained | None:
    """The constraints of a table, checked against all its rows; None where there are none."""
    return Constrained.fit(constraints, table) if constraints else None


def refuse_derived(constrained: Constrained | None, *asked: Any) -> None:
    """Raise `InputError` where a condition names a column that a constraint makes of others."""
    if constrained is None:
        return
    for name in (name for each in asked if isinstance(each, Mapping) for name in each):
        if name in constrained.derived:
            made_of = next(each for each in constrained.kept_by_making if each.derived == name)
            raise InputError(
                f"column {name!r} is made of others by the constraint {made_of} and takes no condition; put one on "
                f"{' or '.join(repr(each) for each in made_of.columns if each != name)}, or pick among the rows drawn"
            )


def keep_constraints(
    constrained: Constrained, codec: Codec, drawn: Drawn, again: Callable[[int], Drawn]
) -> tuple[pd.DataFrame, int]:
    """The drawn rows with all columns of the table, in the dtypes they came in; and how many were generated for them.

    Where a constraint is left to rejection, a row that breaks it gives way to the row in its place of another draw,
    `again(1)`, `again(2)`, …, which was asked for the same. How many rows held at first is told as a `GanforgeWarning`.
    Raises `UnsuitableDataError` where 50 draws do not fill all places.
    """
    frame = constrained.restore(_decoded(codec, drawn))
    lacking, generated = ~constrained.holds(frame), drawn.drawn
    if lacking.any():
        told = " and ".join(str(each) for each in constrained.rejecting)
        share = 1 - lacking.mean()
        warnings.warn(
            f"{told}: {share:.1%} of the rows drawn kept it, the others were drawn again", GanforgeWarning, stacklevel=3
        )
        kept: list[Any] = [frame[~lacking]]
        for k in range(1, PATIENCE):
            more = again(k)
            generated += more.drawn
            frame = constrained.restore(_decoded(codec, more))
            good = lacking & constrained.holds(frame)
            kept.append(frame[good])
            lacking &= ~good
            if not lacking.any():
                break
        else:
            raise UnsuitableDataError(
                f"{told}: of {PATIENCE} rows drawn for each row asked for, none kept it in {int(lacking.sum()):,} of "
                f"{len(lacking):,} places; ask for fewer rows, train for more steps, or leave the constraint out"
            )
        frame = pd.concat(kept).sort_index()
    return constrained.as_given(frame.reset_index(drop=True)), generated


def _decoded(codec: Codec, drawn: Drawn) -> pd.DataFrame:
    return codec.decode((np.asarray(drawn.scalars), np.asarray(drawn.codes)), as_given=False)
