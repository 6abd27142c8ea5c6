"""Give a trained CTGAN the shares and the numbers of the rows it learned from.

A GAN learns how columns hang together long before it has learned how often each value is. What it lacks is seen in
its own samples and mended without another step of training:

    shares    the generator's last layer holds, for each condition c, an offset for each place j of a row (the columns
              of its weight matrix that belong to cond). The offset grows by log p(j | c) − log p̂(j | c): real share
              over generated share, and again until both agree. It is the correction of Deming & Stephan 1940
              (iterative proportional fitting, doi:10.1214/aoms/1177731829), made on logits as Menon et al. 2021
              (logit adjustment, arXiv:2007.07314, eq. 9) make it for one column.
    obedience the offset of the very place that is asked for grows likewise until the network makes it `OBEYED` of the
              times. It is part of the weights, learned from the network's own rows; nothing is rejected or repaired.
    ranks     α̂ has offsets of its own for each condition, see `ranks`.
    numbers   within each mode, α̂ ↦ the quantile of α that has its rank (`quantiles`). The order of the rows in a
              column, and with it what columns say about each other, stays.

What it brings by itself is the line `ctgan, calibrated` in BENCHMARKS.md, under "Fidelity of synthetic rows".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ganforge.data.layout import Layout
from ganforge.gans.ctgan import ConditionedLinear, Conditions, CTGANGame
from ganforge.synthesis.bank import ConditionBank
from ganforge.training.matmul import exact_products

ROWS = 40_000  # generated in each round, over all conditions, at most
_FEWEST_ROWS, _TIMES = 4_096, 10  # a shorter table needs fewer: ten times its own rows, whose shares are unsurer by far
OBEYED = 0.995
"""How often the network makes a value that it is asked for, at least."""
LEAST = 128  # generated for each condition: its shares are means of probabilities, not counts, and settle fast
QUANTILES = 65
CELLS = 1 << 20
"""Shares, of one value under one condition each, that are worked out at a time: some ten megabytes an array."""
_CHUNK = 8_192
_PRIOR_ROWS = 20.0  # a condition seen in so few rows is believed half as much as the network
_LARGEST = 3.0  # a round's largest correction, in nats
_FLOOR = 1e-7
_APPROACH, _SETTLING = 2, 5


@torch.no_grad()
@exact_products()
def calibrate_shares(game: CTGANGame, codes: Tensor, bank: ConditionBank, *, seed: int) -> None:
    """Move the last layer's offsets until each column has, under each condition, the shares it has in `codes`.

    game: on the CPU, in evaluation mode. codes (N, blocks): all rows, those held out to judge by among them; −1 counts
    nowhere. bank: what is asked for beside a condition. Where nothing can be asked for, the bias takes the place of the
    offsets.

    C conditions by W values may be very many: of the two numbers that are kept for each, none is kept where both are
    of one column, and the rest is worked out a stretch of conditions at a time.
    """
    conditions = game.conditions
    rows = conditions.counts(codes).astype(np.float64) if conditions.width else np.array([float(len(codes))])
    count = rows_a_condition(rows, known=len(codes))
    asked = np.repeat(np.arange(len(rows)), count)
    first = np.concatenate([[0], np.cumsum(count)])  # where the rows of each condition begin
    rng = np.random.default_rng((seed, 3))
    places = torch.tensor([c for span in game.layout.one_hots for c in range(span.start, span.stop)])
    noise = torch.Generator().manual_seed(seed)
    offsets = _offsets(game.generator.out)
    parts, targets = list(_stretches(conditions, game.layout)), []
    for number, gain in enumerate(_gains(conditions.columns)):
        drawn, steps = bank.draw(asked, rng), []
        for k, part in enumerate(parts):
            at, among = slice(part.start, part.stop), slice(first[part.start], first[part.stop])
            made = _mean_probabilities(game, asked[among] - part.start, drawn[among], count[at], noise)
            if number == 0:  # the network's own belief, where the data say little
                joint = joint_counts(codes, conditions, game.layout, start=part.start, stop=part.stop)
                target = (joint + _PRIOR_ROWS * made) / (rows[at, None] + _PRIOR_ROWS)
                targets.append(target[:, part.others].astype(np.float32))
            steps.append(_steps(made, targets[k], part, met=count[at] > 0))
        for part, (step, itself) in zip(parts, steps, strict=True):  # not before all are known: rows are asked several
            at = torch.arange(part.start, part.stop)
            for rows_at, values, move in ((at[:, None], part.others, step), (at[: len(itself)], part.itself, itself)):
                offsets[rows_at, places[values]] += torch.from_numpy(move * gain).to(offsets.dtype)


def _gains(together: int) -> Iterator[float]:
    """Which part of the step each round goes, where rows are asked for `together` columns at once.

    As many offsets move a row, each by its part; so the way is longer. At its end they follow the noise of each round's
    rows; steps that become ever smaller take its mean (Robbins & Monro 1951, doi:10.1214/aoms/1177729586).
    """
    gain = 1 / max(0.6 * together, 1)
    yield from [gain] * (_APPROACH * (together + 1))
    yield from (gain / (k + 2) for k in range(_SETTLING))


@dataclass(frozen=True, eq=False)
class _Stretch:
    """Conditions `start` to `stop`, all of one column, and the values that they say something about."""

    start: int
    stop: int
    others: np.ndarray
    """Which of the Σ widths values are of other columns."""
    itself: np.ndarray
    """Which is the very value that each condition asks for; (0,) without conditions."""


def _stretches(conditions: Conditions, layout: Layout) -> Iterator[_Stretch]:
    """All conditions, so many at a time that they have about `CELLS` shares; one stretch without conditions."""
    starts = np.concatenate([[0], np.cumsum([block.width for block in layout.blocks])])
    values = np.arange(starts[-1])
    if not conditions.width:
        yield _Stretch(0, 1, values, values[:0])
    longest = max(CELLS // len(values), 1)
    for block, top, height in zip(conditions.blocks, conditions.starts, conditions.widths, strict=True):
        own = slice(starts[block], starts[block + 1])
        others = np.delete(values, own)
        for begin in range(0, height, longest):
            end = min(begin + longest, height)
            yield _Stretch(int(top + begin), int(top + end), others, values[own][begin:end])


def _steps(made: np.ndarray, target: np.ndarray, part: _Stretch, *, met: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far the offsets are to move that say something about other columns (c, M), and about the value itself (c,).

    made (c, Σ widths): generated shares; target (c, M): those to come to; met (c,): which conditions there are rows of.
    """
    step = np.log(target.clip(_FLOOR)) - np.log(made[:, part.others].clip(_FLOOR))
    step = np.where(met[:, None], step.clip(-_LARGEST, _LARGEST), 0.0)
    itself = 2 * _lacking(made[np.arange(len(part.itself)), part.itself])  # only this one offset moves it much
    return step.astype(np.float32), np.where(met[: len(itself)], itself.clip(-_LARGEST, _LARGEST), 0.0)


def _offsets(last: ConditionedLinear) -> Tensor:
    """What the last layer adds for each condition (C, D); without any, its bias (1, D)."""
    return last.bias.detach()[None] if last.lookup is None else last.lookup.detach()


def joint_counts(
    codes: Tensor, conditions: Conditions, layout: Layout, *, start: int = 0, stop: int | None = None
) -> np.ndarray:
    """How many rows have the condition and the value: (C, Σ widths) float64; (1, Σ widths) without conditions.

    start, stop: of the C conditions only these.
    """
    starts = np.concatenate([[0], np.cumsum([block.width for block in layout.blocks])])
    columns = codes.numpy().T
    stop = max(conditions.width, 1) if stop is None else stop
    counts = np.zeros((stop - start, starts[-1]))
    asked = zip(conditions.blocks, conditions.starts, conditions.widths, strict=True)
    for a, top, height in asked if conditions.width else [(None, 0, 1)]:
        low, high = max(start, top), min(stop, top + height)
        if low >= high:
            continue
        first = np.zeros(len(codes), dtype=np.int64) if a is None else columns[a].astype(np.int64) - (low - top)
        rows = np.flatnonzero((first >= 0) & (first < high - low))
        for b, block in enumerate(layout.blocks):
            second = columns[b][rows].astype(np.int64)
            both = first[rows][second >= 0] * block.width + second[second >= 0]
            filled = np.bincount(both, minlength=(high - low) * block.width)
            counts[low - start : high - start, starts[b] : starts[b + 1]] = filled.reshape(high - low, block.width)
    return counts


def _lacking(made: np.ndarray) -> np.ndarray:
    """What the logit of a value lacks that is made with these shares, to be made with the share `OBEYED`; ≥ 0."""
    made = made.clip(_FLOOR, 1 - _FLOOR)
    return np.maximum(np.log(OBEYED / (1 - OBEYED)) - np.log(made / (1 - made)), 0.0)


def rows_a_condition(rows: np.ndarray, *, known: int) -> np.ndarray:
    """How many rows to generate under each condition, more for those that are often met: (C,) int.

    rows (C,): how many of the table have it; known: how many the table has.
    """
    total = min(max(_TIMES * known, _FEWEST_ROWS), ROWS)
    share = np.sqrt(rows) / np.sqrt(rows).sum()
    return np.where(rows > 0, np.maximum(share * total, min(LEAST, 4 * ROWS / len(rows))), 0).astype(np.int64)


def _mean_probabilities(
    game: CTGANGame, asked: np.ndarray, places: np.ndarray, count: np.ndarray, noise: torch.Generator
) -> np.ndarray:
    """The share of each value under each condition, as the mean of the probabilities it is drawn by: (C, Σ widths).

    asked (n,): the condition that each row is counted for; places (n, K): all that it is asked for.
    """
    values = sum(block.width for block in game.layout.blocks)
    total = torch.zeros(len(count), values)
    chunk = max(min(_CHUNK, CELLS // values), 1)
    for begin in range(0, len(asked), chunk):
        part = torch.from_numpy(asked[begin : begin + chunk])
        wanted = torch.from_numpy(places[begin : begin + chunk]) if game.conditions.width else None
        z = torch.randn(len(part), game.latent, generator=noise)
        logits, at = game.generator(z, wanted).float(), 0
        for span in game.layout.one_hots:
            width = span.stop - span.start
            total[:, at : at + width].index_add_(0, part, logits[:, span.start : span.stop].softmax(1))
            at += width
    return total.numpy() / np.maximum(count, 1)[:, None]
