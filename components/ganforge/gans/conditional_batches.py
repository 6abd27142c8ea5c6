"""What CTGAN is asked for, and the batches it is trained on: the condition vector and training-by-sampling.

Xu et al. 2019, arXiv:1907.00503, §4.3. The paper's condition vector is m_1 ⊕ … ⊕ m_Nd, one mask a discrete column, in
which exactly one bit stands; here that bit's *place* among the C = Σ|D_i| places is all that is ever stored.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ganforge.data.layout import Layout
from ganforge.errors import InputError
from ganforge.training.game import Batch

STRETCH = 32
"""Steps whose rows are drawn at once: a call of NumPy costs as much for one step as for all of them."""


class Conditions:
    """The places of the condition vector: each discrete column's values, one after the other.

    `modes=True` lets the modes of numeric columns be asked for as well, as Zhao et al. 2021 (CTAB-GAN,
    arXiv:2102.08369, §3.2) do; the paper asks for values of discrete columns alone.

    `columns=K` lets up to K columns be asked for together. A row's K places are then filled up with the place C, on
    which no bit stands: networks have a row of their own for "nothing more is asked".

    Attributes:
        blocks: index in the layout of each column that can be asked for, (Nd,).
        widths: |D_i|, (Nd,).
        starts: place of each column's first value, (Nd,).
        width: C = Σ|D_i|; 0 when nothing can be asked for.
        columns: K, no more than Nd.
        places: rows that a lookup table needs: C, or C + 1 where K > 1.
    """

    def __init__(self, layout: Layout, *, modes: bool = False, columns: int = 1) -> None:
        if columns < 1:
            raise InputError(f"condition_columns={columns}; give at least 1")
        self.modes = modes
        self.blocks = [i for i, block in enumerate(layout.blocks) if modes or block.kind == "categorical"]
        self.widths = np.array([layout.blocks[i].width for i in self.blocks], dtype=np.int64)
        self.starts = np.concatenate([[0], np.cumsum(self.widths)[:-1]]).astype(np.int64)[: len(self.blocks)]
        self.width = int(self.widths.sum())
        self.columns = max(min(columns, len(self.blocks)), 1)
        self.places = self.width + (self.columns > 1)

    def padded(self, places: Tensor) -> Tensor:
        """Places (n,) or (n, k) → (n, K) where K > 1 and k < K, filled up with "nothing more"; else as they are."""
        if self.columns == 1:
            return places
        places = places.view(len(places), -1)
        lacking = max(self.columns - places.shape[1], 0)
        return functional.pad(places, (0, lacking), value=self.width)

    def place(self, block: int, code: int) -> int:
        """The place of the bit for value `code` of the layout's block number `block`."""
        return int(self.starts[self.blocks.index(block)]) + code

    def counts(self, codes: Tensor) -> np.ndarray:
        """How many rows of `codes` (N, all blocks) have each value (C,); −1 (unseen) counts nowhere."""
        tallies = [
            np.bincount(code[code >= 0], minlength=width)
            for code, width in zip(codes[:, self.blocks].numpy().T, self.widths, strict=True)
        ]
        return np.concatenate(tallies) if tallies else np.zeros(0, dtype=np.int64)


class ConditionalBatches:
    """Training-by-sampling (§4.3): rows drawn, with replacement, so that rare values are seen as often as
    log-frequency says. Without a discrete column, rows are drawn uniformly and there is no condition. Where K > 1
    columns may be asked for, up to K − 1 more of the row drawn are, any number of them as often.

    Args:
        scalars: (N, S) float32; codes: (N, blocks) integers; both as `Codec.encode` gives them.
        conditions: what is asked for, the game's.
        batch_size: rows a step on one device; may be larger than N.

    The batch of a step is a function of (seed, step, rank). What to take is drawn for `STRETCH` steps at once, and lies
    on the device of the rows: a step on a GPU waits for nothing.
    """

    def __init__(self, scalars: Tensor, codes: Tensor, conditions: Conditions, *, batch_size: int) -> None:
        if not len(codes):
            raise InputError("there are no rows to draw batches from")
        self.scalars, self.codes, self._batch_size = scalars, codes, batch_size
        self.conditions = conditions
        counts = self.conditions.counts(codes)
        # rows sorted by value, column after column; `first` is where each value's rows begin. One column at a time:
        # rows may be many millions, and all that is kept of each is four bytes a column
        self._rows, end = np.empty(int(counts.sum()), dtype=np.int32), 0
        for block in self.conditions.blocks:
            column = codes[:, block].numpy()
            order = np.argsort(column, kind="stable")[np.count_nonzero(column < 0) :]
            begin, end = end, end + len(order)
            self._rows[begin:end] = order
        self._first = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)[: len(counts)]
        self._counts = counts
        self._asked_codes = codes.numpy()[:, self.conditions.blocks]  # (N, Nd)
        self._ladder = ladder(np.log1p(counts), self.conditions)
        self._drawn: dict[tuple[int, int, int], tuple[Tensor, Tensor | None]] = {}

    @property
    def batch_size(self) -> int:
        return self._batch_size

    def draw(self, step: int, *, seed: int, rank: int = 0, world_size: int = 1) -> Batch:
        rows, places = self._stretch(seed, step // STRETCH, rank)
        at = rows[step % STRETCH]
        extras = {} if places is None else {"condition": places[step % STRETCH]}
        return Batch(self.scalars.index_select(0, at), codes=self.codes.index_select(0, at).long(), **extras)

    def to(self, device: torch.device) -> ConditionalBatches:
        """The same batches, drawn from rows that lie on `device`."""
        moved = copy.copy(self)
        moved.scalars, moved.codes = self.scalars.to(device), self.codes.to(device)
        moved._drawn = {}
        return moved

    def _stretch(self, seed: int, number: int, rank: int) -> tuple[Tensor, Tensor | None]:
        """Rows and places of the conditions of `STRETCH` steps, (STRETCH, batch_size) int64 each, the places with one
        more dimension where K > 1; the last is kept."""
        key = seed, number, rank
        if key not in self._drawn:
            rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))
            rows, places = self._rows_and_places(STRETCH * self._batch_size, rng)
            device, shape = self.scalars.device, (STRETCH, self._batch_size)
            asked = None if places is None else torch.from_numpy(places).view(*shape, *places.shape[1:]).to(device)
            self._drawn = {key: (torch.from_numpy(rows).view(shape).to(device), asked)}
        return self._drawn[key]

    def _rows_and_places(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
        if not self.conditions.width:
            return rng.integers(len(self.codes), size=n), None
        columns = rng.integers(len(self.conditions.blocks), size=n)
        places = climb(self._ladder, columns, rng)
        within = (rng.random(n) * self._counts[places]).astype(np.int64)
        rows = self._rows[self._first[places] + within].astype(np.int64)
        return rows, self._with_more(rows, columns, places, rng) if self.conditions.columns > 1 else places

    def _with_more(
        self, rows: np.ndarray, first: np.ndarray, places: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Beside the column asked for first, others of each row: (n, K) places."""
        conditions = self.conditions
        lots = rng.random((len(rows), len(conditions.blocks)))
        lots[np.arange(len(rows)), first] = 2  # it is asked for already
        others = np.argsort(lots, axis=1)[:, : conditions.columns - 1]
        codes = self._asked_codes[rows[:, None], others]
        wanted = np.arange(conditions.columns - 1) < rng.integers(conditions.columns, size=(len(rows), 1))
        more = np.where(wanted & (codes >= 0), conditions.starts[others] + codes, conditions.width)
        return np.concatenate([places[:, None], more], axis=1)


def ladder(weights: np.ndarray, conditions: Conditions) -> np.ndarray:
    """Cumulative shares of each discrete column's weights, column i lifted by i: (C,), so that one search
    serves all.

    Raises `InputError` when a column has no weight at all.
    """
    steps = np.empty(len(weights))
    for i, (start, width) in enumerate(zip(conditions.starts, conditions.widths, strict=True)):
        shares = np.cumsum(weights[start : start + width])
        if not shares[-1] > 0:
            raise InputError(f"discrete column number {i + 1} has no value that is ever seen")
        steps[start : start + width] = i + shares / shares[-1]
    return steps


def climb(steps: np.ndarray, columns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The place of a value of each of `columns` (n,), drawn by the weights of the `ladder`: (n,) int64."""
    lifted = columns + rng.random(len(columns))
    # i + u may round up to i + 1, which is the next column's
    return np.searchsorted(steps, np.minimum(lifted, np.nextafter(columns + 1.0, 0)), side="right")
