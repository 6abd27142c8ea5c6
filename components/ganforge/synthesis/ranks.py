"""Numbers of a trained CTGAN under a condition: as high or low within their modes as in the rows that have it.

Shares and modes are brought to those of the data under each condition by `calibration`, distributions within a mode by
`quantiles`, whatever the condition. What is left is that under a condition a number may lie too high in its mode: its
mean rank there, 0 the lowest and 1 the highest of all rows of the mode, differs from that of the real rows with the
condition. The last layer holds an offset for each condition and each α̂; it moves until both ranks agree. Ranks do not
hang on the shape of the distributions, which are still to be mapped onto each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

from ganforge.data.layout import Layout
from ganforge.gans.ctgan import CTGANGame
from ganforge.synthesis.bank import ConditionBank
from ganforge.synthesis.calibration import rows_a_condition
from ganforge.synthesis.quantiles import modes_of

_ROUNDS = 4
_CHUNK = 8_192
_CELLS = 1 << 22  # logits that are worked out at a time: 16 megabytes
_PRIOR_ROWS = 20.0  # a condition seen in so few rows is believed half as much as the network
_LARGEST = 0.5  # a round's largest correction, in units of atanh α
_EDGE = 1 - 1e-6


@torch.no_grad()
def calibrate_ranks(game: CTGANGame, scalars: Tensor, codes: Tensor, bank: ConditionBank, *, seed: int) -> None:
    """Move the last layer's offsets until numbers have, under each condition, the mean rank they have in the data.

    game: on the CPU, in evaluation mode. scalars (N, S), codes (N, blocks): all rows, those held out to judge by
    among them. bank: what is asked for beside a condition. Without conditions there is nothing to move.
    """
    conditions, last = game.conditions, game.generator.out
    if not conditions.width or last.lookup is None or not game.layout.scalars:
        return
    rng, noise = np.random.default_rng((seed, 4)), torch.Generator().manual_seed(seed)
    count = rows_a_condition(bank.frequencies.astype(np.float64), known=len(codes))
    count = -(-count // 2)  # a mean rank settles faster than a share
    asked = np.repeat(np.arange(len(count)), count)
    frozen = _own_scalars(game)
    wide = wide_modes(scalars.numpy(), codes.numpy(), game.layout)
    real, rows = _real_means(scalars.numpy(), codes.numpy(), wide, conditions_of(codes, game), conditions.width)
    target, chunk = None, max(min(_CHUNK, _CELLS // game.layout.width), 1)
    alpha = np.empty((len(asked), game.layout.scalars), dtype=np.float32)  # filled in place: small results that stay
    modes = np.empty((len(asked), len(game.layout.blocks)), dtype=np.int64)  # would cut up the memory of large ones
    for _ in range(_ROUNDS + conditions.columns):
        places = torch.from_numpy(bank.draw(asked, rng))
        places = places if places.shape[1] > 1 else places[:, 0]
        for begin in range(0, len(asked), chunk):
            part = slice(begin, begin + chunk)
            made = game.generate(len(places[part]), places[part], generator=noise)
            alpha[part], modes[part] = (each.numpy() for each in made)
        ranks, smooth = ranks_within(alpha, modes, wide)
        mean, seen = _means(ranks, smooth, asked[:, None], conditions.width)
        if target is None:
            target = (rows * real + _PRIOR_ROWS * mean) / (rows + _PRIOR_ROWS)
        step = np.where(frozen | (seen == 0), 0.0, (target - mean) / _slopes(alpha, ranks, smooth))
        step = step.clip(-_LARGEST, _LARGEST) / max(0.6 * conditions.columns, 1)
        last.lookup[: conditions.width, game.scalars] += torch.from_numpy(step).to(last.lookup.dtype)


def wide_modes(scalars: np.ndarray, codes: np.ndarray, layout: Layout) -> list[tuple[int, int, int]]:
    """(block, mode, scalar) of the modes in which real α (N, S) differ: all but spikes."""
    alphas = ((each, scalars[codes[:, each[0]] == each[1], each[2]]) for each in modes_of(layout))
    return [each for each, alpha in alphas if len(alpha) and alpha.min() < alpha.max()]


def ranks_within(
    scalars: np.ndarray, codes: np.ndarray, modes: Sequence[tuple[int, int, int]]
) -> tuple[np.ndarray, np.ndarray]:
    """Of scalars (n, S) and codes (n, blocks): the rank of each α among the rows of its mode, between 0 and 1, and
    whether it is in one of the `modes`: (n, S) each."""
    ranks, within = np.zeros(scalars.shape), np.zeros(scalars.shape, dtype=bool)
    for block, mode, scalar in modes:
        rows = np.flatnonzero(codes[:, block] == mode)
        ranks[rows, scalar] = (rankdata(scalars[rows, scalar]) - 0.5) / max(len(rows), 1)
        within[rows, scalar] = True
    return ranks, within


def conditions_of(codes: Tensor, game: CTGANGame) -> np.ndarray:
    """The place that each row has in each column that can be asked for: (N, Nd), −1 for none."""
    places = np.empty((len(codes), len(game.conditions.blocks)), dtype=np.int32)
    for number, (block, start) in enumerate(zip(game.conditions.blocks, game.conditions.starts, strict=True)):
        own = codes.numpy()[:, block]
        places[:, number] = np.where(own >= 0, own + np.int32(start), np.int32(-1))
    return places


def _real_means(
    scalars: np.ndarray, codes: np.ndarray, modes: Sequence[tuple[int, int, int]], places: np.ndarray, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """`_means` of scalars (N, S), one after another: there may be many times more rows than are generated."""
    mean, seen = np.zeros((2, width, scalars.shape[1]))
    for scalar in range(scalars.shape[1]):
        own = [(block, mode, 0) for block, mode, at in modes if at == scalar]
        ranks, smooth = ranks_within(scalars[:, scalar : scalar + 1], codes, own)
        mean[:, scalar : scalar + 1], seen[:, scalar : scalar + 1] = _means(ranks, smooth, places, width)
    return mean, seen


def _means(ranks: np.ndarray, smooth: np.ndarray, places: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean rank of each scalar over the rows (n, S) under each condition, and how many they are: (C, S) each."""
    total, seen = np.zeros((2, width + 1, ranks.shape[1]))  # −1 counts in the last
    for column in places.T:
        at = column % (width + 1)
        for scalar in range(ranks.shape[1]):
            total[:, scalar] += np.bincount(at, ranks[:, scalar], minlength=width + 1)
            seen[:, scalar] += np.bincount(at, smooth[:, scalar], minlength=width + 1)
    return (total / np.maximum(seen, 1))[:width], seen[:width]


def _slopes(alpha: np.ndarray, ranks: np.ndarray, smooth: np.ndarray) -> np.ndarray:
    """How much the rank grows with atanh α, by least squares: (S,) > 0."""
    found = np.ones(alpha.shape[1])
    for scalar, rows in enumerate(smooth.T):
        if rows.sum() > 1:
            x = np.arctanh(alpha[rows, scalar].astype(np.float64).clip(-_EDGE, _EDGE))
            slope = np.cov(x, ranks[rows, scalar])[0, 1] / max(x.var(), 1e-12)
            found[scalar] = max(slope, 0.1)
    return found


def _own_scalars(game: CTGANGame) -> np.ndarray:
    """True where a condition asks for a mode of the very number: (C, S)."""
    numeric = [k for k, block in enumerate(game.layout.blocks) if block.kind == "mixture"]
    own = np.zeros((game.conditions.width, len(numeric)), dtype=bool)
    for block, top, height in zip(game.conditions.blocks, game.conditions.starts, game.conditions.widths, strict=True):
        if block in numeric:
            own[top : top + height, numeric.index(block)] = True
    return own
