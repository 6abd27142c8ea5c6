"""Numbers of a trained CTGAN brought to the distribution that they have in the data, mode by mode."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

import numpy as np

from ganforge.data.layout import Layout

QUANTILES = 65


class QuantileMaps:
    """α̂ ↦ α for each mode of each numeric column, as two rows of quantiles each.

    `generated`, `real` (M, 65) float32 for the M = Σ widths modes of all mixture blocks, one block after the other.
    """

    def __init__(self, layout: Layout, generated: np.ndarray, real: np.ndarray) -> None:
        self.layout, self.generated, self.real = layout, generated, real

    @classmethod
    def fit(
        cls, layout: Layout, generated: tuple[np.ndarray, np.ndarray], real: tuple[np.ndarray, np.ndarray]
    ) -> QuantileMaps:
        """From generated and real rows, both as scalars (n, S) and codes (n, blocks)."""
        straight = np.tile(np.linspace(-1, 1, QUANTILES), (sum(1 for _ in modes_of(layout)), 1))
        maps = cls(layout, straight.astype(np.float32), straight.astype(np.float32))
        for number, (block, mode, scalar) in enumerate(modes_of(layout)):
            made = generated[0][generated[1][:, block] == mode, scalar]
            true = real[0][real[1][:, block] == mode, scalar]
            knots = min(QUANTILES, len(made) // 5, len(true) // 5)  # quantiles of so few values are those values
            if knots >= 2:
                levels = np.linspace(0, 1, knots)
                for into, values in ((maps.generated, made), (maps.real, true)):
                    into[number] = np.interp(np.linspace(0, 1, QUANTILES), levels, np.quantile(values, levels))
        return maps

    def apply(self, scalars: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Generated scalars (n, S) and their codes (n, blocks) → scalars (n, S).

        The maps of all modes of a column lie one behind the other on one axis, each two wide beyond its neighbours, so
        that a column is mapped at once.
        """
        mapped = np.empty_like(scalars)
        for block, modes, scalar in _columns_of(self.layout):
            generated, real = self.generated[modes].astype(np.float64), self.real[modes]
            at = codes[:, block]
            mapped[:, scalar] = real[at, 0]  # a spike is all there is of its mode
            rows = np.flatnonzero((real[:, 0] < real[:, -1])[at])
            if len(rows):
                at = at[rows]
                alpha = scalars[rows, scalar].clip(generated[at, 0], generated[at, -1])
                apart = 4.0 * np.arange(len(generated))  # α lies between −1 and 1
                places = (generated + apart[:, None]).ravel()
                mapped[rows, scalar] = np.interp(alpha + apart[at], places, real.ravel())
        return mapped

    def of(self, block: int, mode: int) -> np.ndarray:
        """The real α at evenly spaced ranks of this mode: (65,)."""
        return next(self.real[modes][mode] for each, modes, _ in _columns_of(self.layout) if each == block)


def modes_of(layout: Layout) -> Iterator[tuple[int, int, int]]:
    """(block, mode, which of the S scalars) for each mode of each mixture block."""
    for block, modes, scalar in _columns_of(layout):
        yield from ((block, mode, scalar) for mode in range(modes.stop - modes.start))


def _columns_of(layout: Layout) -> Iterator[tuple[int, slice, int]]:
    """(block, which of the M modes are its, which of the S scalars) for each mixture block."""
    numeric = [(number, block.width) for number, block in enumerate(layout.blocks) if block.kind == "mixture"]
    ends = accumulate(width for _, width in numeric)
    for scalar, ((block, width), end) in enumerate(zip(numeric, ends, strict=True)):
        yield block, slice(end - width, end), scalar
