"""Rows out of a trained CTGAN: what is asked for becomes bits of the condition, what does not obey is drawn again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from ganforge.data.codec import Codec
from ganforge.data.mixtures import WIDTHS
from ganforge.errors import UnsuitableDataError
from ganforge.gans.ctgan import CTGANGame, climb, ladder
from ganforge.synthesis.bank import ConditionBank
from ganforge.synthesis.conditions import Request
from ganforge.synthesis.quantiles import QUANTILES, QuantileMaps
from ganforge.synthesis.ranges import Range
from ganforge.training.matmul import exact_products

CHUNK = 8_192  # rows generated at a time: about 50 MB of activations at Adult's width
PATIENCE = 50  # rows drawn for each row asked for, before a condition is given up


@dataclass(frozen=True)
class Drawn:
    """scalars (n, S) float32 and codes (n, blocks), one row for each that was asked for."""

    scalars: np.ndarray
    codes: np.ndarray
    drawn: int
    """Rows generated in all."""


class Drawer:
    """Draws from `game`, whose rows `codec` reads.

    bank: what rows of the data would be asked for. maps: quantile maps, or None. prior: "real" draws the value that an
    unconditional row is made under by its frequency, "balanced" all values of that column alike.

    Attributes:
        at_once: share of the rows of the last draw that obeyed when they were first drawn, before gaps were mended
            (`Codec.mended`); None where nothing was asked.
    """

    def __init__(
        self,
        game: CTGANGame,
        codec: Codec,
        bank: ConditionBank,
        maps: QuantileMaps | None,
        *,
        prior: str = "real",
    ) -> None:
        self.game, self.codec, self.bank, self.maps = game, codec, bank, maps
        weights = bank.frequencies if prior == "real" else (bank.frequencies > 0).astype(float)
        self.at_once: float | None = None
        self.steps = ladder(weights, game.conditions) if game.conditions.width else None

    @exact_products()
    def draw(self, asked: Request, *, seed: int) -> Drawn:
        """Rows that obey; the same ones for the same seed.

        Raises `UnsuitableDataError` when the network obeys too rarely to fill the rows within 50 draws a row.
        """
        layout, mode_weights = self.game.layout, self._mode_weights(asked)
        rng, noise = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
        scalars = np.empty((asked.n, layout.scalars), dtype=np.float32)
        codes = np.empty((asked.n, len(layout.blocks)), dtype=np.int64)

        def fill(rows: np.ndarray) -> tuple[np.ndarray, int]:
            """Draw for these of the rows asked for, keep what obeys; which of them did, and how many by themselves."""
            raw = self._generate(self._places(asked, rows, mode_weights, rng), len(rows), noise)
            made_scalars, made_codes = mended = self.codec.mended(*raw)
            good = self._obeying(asked, rows, *mended)
            scalars[rows[good]], codes[rows[good]] = made_scalars[good], made_codes[good]
            # where nothing was mended, the codes are the very ones that the network made
            by_itself = good if made_codes is raw[1] else good & self._obeying(asked, rows, *raw)
            return good, int(by_itself.sum())

        missed, by_itself = [], 0
        for begin in range(0, asked.n, CHUNK):
            rows = np.arange(begin, min(begin + CHUNK, asked.n))
            good, unaided = fill(rows)
            missed.append(rows[~good])
            by_itself += unaided
        lacking = np.concatenate(missed)
        drawn, obeyed = asked.n, asked.n - len(lacking)
        self.at_once = None if asked.free else by_itself / asked.n
        while len(lacking):
            if drawn >= PATIENCE * asked.n + CHUNK:
                raise UnsuitableDataError(
                    f"{asked.spoken}: of {drawn:,} rows drawn under this condition only {obeyed:,} "
                    f"({obeyed / drawn:.2%}) obey it, too few to fill {asked.n:,}; ask for fewer rows or columns at "
                    "once, for a wider range, or train for more steps"
                )
            tries = math.ceil(drawn / max(obeyed, 1))  # as many for each row as it has taken so far
            rows = np.repeat(lacking[:CHUNK], max(min(tries, CHUNK // min(len(lacking), CHUNK)), 1))
            good, _ = fill(rows)
            drawn, obeyed = drawn + len(rows), obeyed + int(good.sum())
            lacking = np.setdiff1d(lacking, rows[good])
        return Drawn(scalars, codes, drawn)

    def _generate(self, places: torch.Tensor | None, n: int, noise: torch.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Rows as the network makes them, gaps as they fall: scalars (n, S) and codes (n, blocks)."""
        scalars, codes = (each.numpy() for each in self.game.generate(n, places, generator=noise))
        return scalars if self.maps is None else self.maps.apply(scalars, codes), codes

    def _places(
        self, asked: Request, rows: np.ndarray, mode_weights: dict[int, np.ndarray], rng: np.random.Generator
    ) -> torch.Tensor | None:
        """The bits of the condition vector that stand for each of `rows`: (n,), or (n, k) where k stand."""
        conditions = self.game.conditions
        if self.steps is None:
            return None
        told = {block: codes for block, codes in asked.codes.items() if block in conditions.blocks}
        blocks = [*told, *mode_weights]  # a gap in a number is left to chance where modes cannot be asked for
        bits = [codes[rows] + conditions.place(block, 0) for block, codes in told.items()]
        for block, weights in mode_weights.items():
            bits.append(rng.choice(len(weights), size=len(rows), p=weights) + conditions.place(block, 0))
        if not bits:  # nothing that this network can be asked for: any column, its values as often as they are
            anchors = climb(self.steps, rng.integers(len(conditions.blocks), size=len(rows)), rng)
            places = self.bank.draw(anchors, rng)
        else:
            places = self._with_more(np.stack(bits, 1), blocks, rng)
        return torch.from_numpy(places[:, 0] if places.shape[1] == 1 else places)

    def _with_more(self, bits: np.ndarray, blocks: Sequence[int], rng: np.random.Generator) -> np.ndarray:
        """Bits asked for (n, k) of these blocks → (n, max(k, K)): and what rows with the rarest of them have beside."""
        conditions = self.game.conditions
        if bits.shape[1] >= conditions.columns:
            return bits
        rarest = np.take_along_axis(bits, self.bank.frequencies[bits].argmin(1)[:, None], axis=1)[:, 0]
        more = self.bank.draw(rarest, rng)[:, 1:]
        for block in blocks:  # what is asked of a column is not asked of it again
            start = conditions.place(block, 0)
            width = self.game.layout.blocks[block].width
            more = np.where((more >= start) & (more < start + width), conditions.width, more)
        return np.concatenate([bits, more], axis=1)[:, : conditions.columns]

    def _mode_weights(self, asked: Request) -> dict[int, np.ndarray]:
        """Block of a numeric column with a range → how likely each mode is, given that the value lies within."""
        if not self.game.conditions.modes:
            return {}
        names = [column.name for column in self.codec.columns]
        found = {names.index(name): self._mass(names.index(name), within) for name, within in asked.ranges.items()}
        return {block: mass / mass.sum() for block, mass in found.items() if mass.sum() > 0}

    def _mass(self, block: int, within: Range) -> np.ndarray:
        """P(mode and within) up to a factor, from evenly spaced quantiles of α in each mode: (width,)."""
        layout, conditions = self.game.layout, self.game.conditions
        width = layout.blocks[block].width
        levels = np.linspace(-2, 2, QUANTILES) / WIDTHS  # α of a Gaussian mode, where no map tells its quantiles
        alpha = np.stack([levels if self.maps is None else self.maps.of(block, mode) for mode in range(width)])
        scalars = np.zeros((alpha.size, layout.scalars), dtype=np.float32)
        scalars[:, sum(each.kind == "mixture" for each in layout.blocks[:block])] = alpha.ravel()
        codes = np.zeros((alpha.size, len(layout.blocks)), dtype=np.int64)
        codes[:, block] = np.repeat(np.arange(width), alpha.shape[1])
        values = pd.Series(self.codec.decode((scalars, codes), as_given=False)[layout.blocks[block].column])
        start = conditions.place(block, 0)
        return within.holds(values).reshape(width, -1).mean(1) * self.bank.frequencies[start : start + width]

    def _obeying(self, asked: Request, rows: np.ndarray, scalars: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Which of the generated rows have what is asked of `rows`."""
        good = np.ones(len(rows), dtype=bool)
        for block, wanted in asked.codes.items():
            good &= codes[:, block] == wanted[rows]
        if asked.ranges and good.any():
            at = np.flatnonzero(good)
            frame = self.codec.decode((scalars[at], codes[at]), as_given=False)
            for name, within in asked.ranges.items():
                good[at] &= within.holds(pd.Series(frame[name]))
        return good
