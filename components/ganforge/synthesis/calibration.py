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

import numpy as np
import torch
from torch import Tensor

from ganforge.data.layout import Layout
from ganforge.gans.ctgan import ConditionedLinear, Conditions, CTGANGame
from ganforge.synthesis.bank import ConditionBank

ROWS = 40_000  # generated in each round, over all conditions, at most
_FEWEST_ROWS, _TIMES = 4_096, 10  # a shorter table needs fewer: ten times its own rows, whose shares are unsurer by far
OBEYED = 0.995
"""How often the network makes a value that it is asked for, at least."""
LEAST = 128  # generated for each condition: its shares are means of probabilities, not counts, and settle fast
QUANTILES = 65
_CHUNK = 8_192
_PRIOR_ROWS = 20.0  # a condition seen in so few rows is believed half as much as the network
_LARGEST = 3.0  # a round's largest correction, in nats
_FLOOR = 1e-7
_ROUNDS = 4


@torch.no_grad()
def calibrate_shares(game: CTGANGame, codes: Tensor, bank: ConditionBank, *, seed: int) -> None:
    """Move the last layer's offsets until each column has, under each condition, the shares it has in `codes`.

    game: on the CPU, in evaluation mode. codes (N, blocks): the rows it was trained on; −1 counts nowhere. bank: what
    is asked for beside a condition. Where nothing can be asked for, the bias takes the place of the offsets.
    """
    together = game.conditions.columns  # so many offsets move at once, each by its part
    joint = joint_counts(codes, game.conditions, game.layout)
    own, itself = own_places(game.conditions, game.layout)
    rows = np.where(own, joint, 0).sum(1) if game.conditions.width else np.array([float(len(codes))])
    count = rows_a_condition(rows, known=len(codes))
    asked = np.repeat(np.arange(len(rows)), count)
    rng = np.random.default_rng((seed, 3))
    places = torch.tensor([c for span in game.layout.one_hots for c in range(span.start, span.stop)])
    noise = torch.Generator().manual_seed(seed)
    offsets = _offsets(game.generator.out)
    target = None
    for _ in range(_ROUNDS + together if together > 1 else _ROUNDS):
        made = _mean_probabilities(game, asked, bank.draw(asked, rng), count, noise)
        if target is None:  # the network's own belief, where the data say little
            target = (joint + _PRIOR_ROWS * made) / (rows[:, None] + _PRIOR_ROWS)
        step = np.log(target.clip(_FLOOR)) - np.log(made.clip(_FLOOR))
        step = np.where(own, 0.0, step)
        step[itself] = 2 * _lacking(made[itself])  # only this one offset moves it much
        step = np.where((count == 0)[:, None], 0.0, step.clip(-_LARGEST, _LARGEST))
        offsets[: len(step), places] += torch.from_numpy(step / max(0.6 * together, 1)).to(offsets.dtype)


def _offsets(last: ConditionedLinear) -> Tensor:
    """What the last layer adds for each condition (C, D); without any, its bias (1, D)."""
    return last.bias.detach()[None] if last.lookup is None else last.lookup.detach()


def joint_counts(codes: Tensor, conditions: Conditions, layout: Layout) -> np.ndarray:
    """How many rows have the condition and the value: (C, Σ widths) float64; (1, Σ widths) without conditions."""
    widths = [block.width for block in layout.blocks]
    starts = np.concatenate([[0], np.cumsum(widths)])
    columns = codes.numpy().astype(np.int64).T
    counts = np.zeros((max(conditions.width, 1), starts[-1]))
    asked = zip(conditions.blocks, conditions.starts, conditions.widths, strict=True)
    for a, top, height in asked if conditions.width else [(None, 0, 1)]:
        first = np.zeros_like(columns[0]) if a is None else columns[a]
        for b, width in enumerate(widths):
            seen = (first >= 0) & (columns[b] >= 0)
            both = np.bincount(first[seen] * width + columns[b][seen], minlength=height * width)
            counts[top : top + height, starts[b] : starts[b + 1]] = both.reshape(height, width)
    return counts


def own_places(conditions: Conditions, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """True where a condition meets a value of the column it asks for, and where it meets the very value that it asks
    for: (C, Σ widths) each."""
    starts = np.concatenate([[0], np.cumsum([block.width for block in layout.blocks])])
    own, itself = np.zeros((2, max(conditions.width, 1), starts[-1]), dtype=bool)
    for block, top, height in zip(conditions.blocks, conditions.starts, conditions.widths, strict=True):
        own[top : top + height, starts[block] : starts[block + 1]] = True
        itself[top + np.arange(height), starts[block] + np.arange(height)] = True
    return own, itself


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
    total = torch.zeros(len(count), sum(block.width for block in game.layout.blocks))
    both = zip(torch.from_numpy(asked).split(_CHUNK), torch.from_numpy(places).split(_CHUNK), strict=True)
    for part, wanted in both:
        z = torch.randn(len(part), game.latent, generator=noise)
        logits = game.generator(z, wanted if game.conditions.width else None).float()
        shares = [logits[:, span.start : span.stop].softmax(1) for span in game.layout.one_hots]
        total.index_add_(0, part, torch.cat(shares, 1))
    return total.numpy() / np.maximum(count, 1)[:, None]
