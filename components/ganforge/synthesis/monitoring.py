"""When is a CTGAN good enough? The losses of a GAN do not say; its rows do, held against real ones.

Every so many steps rows are drawn as `sample` would draw them, and their pair distance (`quality.pairs`) to real rows
that training does not see is what counts: the weights of the smallest one are kept, and training stops when it does
not get smaller any more. Rows are drawn from the same noise each time, so that two judgements differ by the network.

    many rows   a part of them is held out, as many as a judgement needs
                of a rare value nearly all rows are trained on: of a table that consists of rows with such values none
                can be held out, which is told, and it is judged as if rows were few
    few rows    every row is needed for training, which is judged on the very rows it learns from, and watched: when
                its rows come nearer to single training rows than those come to one another, it learns them by heart,
                and by how much is added to the distance

Where margins are mended after training (`calibration`), they are mended for the judgement too, by weights. Where they
are not, the mean of both distances counts: margins go up and down from step to step, and alone would hide for thousands
of steps that columns come to hang together better.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ganforge.data.codec import Codec
from ganforge.data.streams import StreamedTable
from ganforge.data.table import Table
from ganforge.errors import InputError
from ganforge.gans.ctgan import CTGANGame
from ganforge.quality.closest import RowSpace
from ganforge.quality.pairs import PairShares
from ganforge.quality.two_sample import superiority
from ganforge.synthesis.bank import ConditionBank
from ganforge.synthesis.conditions import Request
from ganforge.synthesis.drawing import Drawer
from ganforge.training import Monitor

LEAST_HELD_OUT = 500
"""Fewer rows tell too little of pairs of columns to be worth going without in training."""
MOST_HELD_OUT = 2_000
RARE = 50
"""Rows of a value that is seen less often are needed to learn it."""
SPARED = 5
"""Of the rows of such a value, at most one in so many is held out; none where they are fewer."""
EVERY = 200
"""Steps between two judgements; a judgement takes as long as about five steps."""
_DRAWN = 4_000  # rows a judgement
_PAIRS = 500  # of a wide table, so many pairs of columns are looked at
_WATCHED = 500  # drawn rows whose closest training row is looked for
_NEIGHBOURS = 5_000  # training rows that are looked through for it
_TOL = 1e-3  # of a pair distance: less is noise


def hold_out(codes: np.ndarray, *, validation_fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the rows to train on and to judge on, both in order; none to judge on where rows are few.

    codes (N, blocks): the encoded rows. They are drawn at random, but no more than one in `SPARED` of the rows of a
    rare value, of fewer than `RARE` rows: those judged on have rare values about as often as the data have, and
    training keeps the rows that it learns them by.
    Raises `InputError` for a `validation_fraction` that is no share.
    """
    wanted = _wanted(len(codes), validation_fraction)
    if wanted < LEAST_HELD_OUT:
        return np.arange(len(codes)), np.zeros(0, dtype=np.int64)
    order = np.random.default_rng((seed, len(codes))).permutation(len(codes))
    for block in codes.T:
        order = order[_spared(block, order)]
    if len(order) < LEAST_HELD_OUT:
        return np.arange(len(codes)), np.zeros(0, dtype=np.int64)
    held = np.zeros(len(codes), dtype=bool)
    held[order[:wanted]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def why_none(codes: np.ndarray, columns: Sequence[str], *, validation_fraction: float) -> str | None:
    """Why `hold_out` holds out none of a table that is large enough; None for a small one, of which nobody expects it.

    columns (blocks,): what the columns of codes (N, blocks) are called.
    """
    if _wanted(len(codes), validation_fraction) < LEAST_HELD_OUT:
        return None
    rare = [int((_rows_alike(block) < RARE).sum()) for block in codes.T]
    most = int(np.argmax(rare))
    return (
        f"no rows are held out to judge the model on: nearly all have a rare value, in column {columns[most]!r} "
        f"{rare[most]:,} of {len(codes):,} one that fewer than {RARE} rows have, and are needed to learn it; the model "
        "is judged on the rows it learns from, and watched for learning them by heart. Leave such a column out, join "
        "its rare values, or choose the steps yourself"
    )


def _wanted(rows: int, validation_fraction: float) -> int:
    """How many of so many rows are to be held out."""
    if not 0 < validation_fraction < 1:
        raise InputError(f"validation_fraction={validation_fraction!r}; give a share of the rows between 0 and 1")
    return min(round(validation_fraction * rows), MOST_HELD_OUT)


def _rows_alike(block: np.ndarray) -> np.ndarray:
    """How many rows have the value that each row (N,) has."""
    places = block.astype(np.int64) + 1  # never seen is −1
    return np.bincount(places)[places]


def _spared(block: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Which of these rows (n,), in the order they are drawn in, may be held out as far as the block goes: (n,) bool."""
    alike = _rows_alike(block)[order]
    rare = np.flatnonzero(alike < RARE)
    by_value = rare[np.argsort(block[order[rare]], kind="stable")]
    values = block[order[by_value]]
    begins = np.flatnonzero(np.append(True, values[1:] != values[:-1])[: len(values)])
    turn = np.arange(len(values)) - np.repeat(begins, np.diff(np.append(begins, len(values))))  # 0, 1, … of each value
    spared = np.ones(len(order), dtype=bool)
    spared[by_value] = turn < alike[by_value] // SPARED
    return spared


def judgements(judge: Judge, *, patience: int) -> Monitor:
    """The monitor of a training that ends after `patience` judgements without a gain."""
    return Monitor(
        name="distance of pairs",
        metric=judge,
        every=EVERY,
        patience=patience,
        tol=_TOL,
        floor=judge.floor,
    )


class Judge:
    """The distance of what a generator makes from real rows; 0 is none.

    Args:
        table: all rows; training and held_out: which of them, see `hold_out`.
        codec: table ⇄ tensors. bank: what rows of the data would be asked for.
        mend_margins: look only at how columns hang together, their own shares aside.
        seed: of the noise that rows are drawn from, and of what else is drawn.

    Attributes:
        floor: what real rows would score, as many of them as are drawn.
    """

    def __init__(
        self,
        table: Table | StreamedTable,
        codec: Codec,
        bank: ConditionBank,
        *,
        training: np.ndarray,
        held_out: np.ndarray,
        mend_margins: bool,
        seed: int,
    ) -> None:
        self.codec, self.bank, self.mend_margins, self.seed = codec, bank, mend_margins, seed
        rng, few = np.random.default_rng((seed, len(table), 1)), not len(held_out)
        known = table.take(_some(training, _NEIGHBOURS, rng)).frame
        real = known if few else table.take(held_out).frame
        self.shares = PairShares.of(real, table.schema, most_pairs=_PAIRS, random_state=seed)
        drawn = rng.choice(training, _DRAWN, replace=few or len(training) < _DRAWN)
        self.floor = self._distance(table.take(drawn).frame)
        self.space = RowSpace.of(known, table.schema) if few else None
        self.apart = self.space.distances_within() if self.space is not None else None

    def __call__(self, game: CTGANGame) -> float:
        drawn = Drawer(game, self.codec, self.bank, None).draw(Request(n=_DRAWN), seed=self.seed)
        frame = self.codec.decode((drawn.scalars, drawn.codes), as_given=False)
        distance = self._distance(frame)
        if self.space is None or self.apart is None:
            return distance
        near = self.space.distances(frame.iloc[:_WATCHED], conformed=True)
        return distance + max(superiority(near, self.apart).low - 0.5, 0.0)

    def _distance(self, frame: pd.DataFrame) -> float:
        mended = self.shares.distance(frame, conformed=True, mend_margins=True)
        return mended if self.mend_margins else (mended + self.shares.distance(frame, conformed=True)) / 2


def _some(rows: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))
