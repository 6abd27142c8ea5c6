"""Numbers of a trained CTGAN brought to the distribution that they have in the data, mode by mode."""

from __future__ import annotations

from collections.abc import Iterator

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
        """Generated scalars (n, S) and their codes (n, blocks) → scalars (n, S)."""
        mapped = scalars.copy()
        for number, (block, mode, scalar) in enumerate(modes_of(self.layout)):
            rows = codes[:, block] == mode
            mapped[rows, scalar] = np.interp(scalars[rows, scalar], self.generated[number], self.real[number])
        return mapped

    def of(self, block: int, mode: int) -> np.ndarray:
        """The real α at evenly spaced ranks of this mode: (65,)."""
        return self.real[[each[:2] for each in modes_of(self.layout)].index((block, mode))]


def modes_of(layout: Layout) -> Iterator[tuple[int, int, int]]:
    """(block, mode, which of the S scalars) for each mode of each mixture block."""
    numeric = [k for k, block in enumerate(layout.blocks) if block.kind == "mixture"]
    return ((block, mode, scalar) for scalar, block in enumerate(numeric) for mode in range(layout.blocks[block].width))
