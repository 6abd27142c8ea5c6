"""Are generated pictures copies of those they were learned from?

The distance of a picture is that to the nearest training picture, in grey levels a pixel (`pictures.nearest_real`).
Where a generator knows pictures by heart it is smaller than that of real pictures it has never seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganforge.errors import UnsuitableDataError
from ganforge.quality.exposure import NEAR, histogram, near_copies_gate, nearer_gate
from ganforge.quality.gates import Gate, limits
from ganforge.quality.pictures import nearest_real
from ganforge.quality.two_sample import Superiority, superiority

PICTURE_GATES: Mapping[str, float] = {"near_copies": 0.1, "nearer": 0.7}
"""near_copies: share of the pictures beyond that of pictures held out. nearer: .5 is chance; smooth pictures lie nearer
to everything than real ones do, so the limit is wider than that of rows."""


@dataclass(frozen=True, kw_only=True)
class PicturePrivacy:
    """What `picture_privacy` found."""

    rows: dict[str, int]
    """training, synthetic, held_out: pictures."""
    near_copies: float
    """Share of the generated pictures nearer to a training picture than all but `NEAR` of the held-out ones."""
    near_copies_held_out: float
    distance: float
    """Median, grey levels a pixel."""
    distance_held_out: float
    nearer: Superiority
    """How often a generated picture is nearer to its closest training picture than a held-out one to its own."""
    histogram: dict[str, list[float]]
    """`edges` (B + 1,); shares `synthetic` and `held_out` (B,)."""
    gates: tuple[Gate, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return all(gate.passed for gate in self.gates)

    def to_json(self) -> dict[str, Any]:
        return {
            "passed": self.passed,
            "rows": self.rows,
            "near_copies": self.near_copies,
            "near_copies_held_out": self.near_copies_held_out,
            "distance": self.distance,
            "distance_held_out": self.distance_held_out,
            "nearer": self.nearer.to_json(),
            "histogram": self.histogram,
            "gates": [gate.to_json() for gate in self.gates],
            "notes": list(self.notes),
        }


def picture_privacy(
    real: np.ndarray,
    synthetic: np.ndarray,
    held_out: np.ndarray | None = None,
    *,
    gates: Mapping[str, float] | None = None,
    most_pictures: int = 2_000,
    random_state: int = 0,
) -> PicturePrivacy:
    """Look for training pictures among generated ones.

    real (N, C, H, W): those trained on. synthetic (M, C, H, W). held_out (K, C, H, W): real ones that the generator has
    not seen; without them each training picture is held against the others. All uint8. Of the last two at most
    `most_pictures` are looked at.

    Raises `InputError` when shapes differ, `UnsuitableDataError` for fewer than 2 pictures on a side.
    """
    allowed, rng = limits(gates, PICTURE_GATES), np.random.default_rng(random_state)
    if min(len(real), len(synthetic), 2 if held_out is None else len(held_out)) < 2:
        raise UnsuitableDataError("too few pictures to look for copies; give at least 2 on each side")
    made, notes = nearest_real(_some(synthetic, most_pictures, rng), real)[1], []
    if held_out is None:
        notes.append("no pictures were held out: distances are held against those among the training pictures")
        others = _nearest_others(real, rng.permutation(len(real))[:most_pictures])
    else:
        others = nearest_real(_some(held_out, most_pictures, rng), real)[1]
    edge = float(np.quantile(others, NEAR, method="lower"))
    near, kept = float((made <= edge).mean()), float((others <= edge).mean())
    nearer = superiority(made, others)
    return PicturePrivacy(
        rows={"training": len(real), "synthetic": len(synthetic), "held_out": 0 if held_out is None else len(held_out)},
        near_copies=near,
        near_copies_held_out=kept,
        distance=float(np.median(made)),
        distance_held_out=float(np.median(others)),
        nearer=nearer,
        histogram=histogram(made, others),
        gates=(
            near_copies_gate(near, kept, (len(made), len(others)), allowed["near_copies"], what="picture"),
            nearer_gate(nearer, allowed["nearer"], what="picture"),
        ),
        notes=tuple(notes),
    )


def _some(pictures: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(pictures)[rng.permutation(len(pictures))[:n]]


def _nearest_others(real: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(K,) how far each of these pictures is from the nearest other one."""
    everyone = np.arange(len(real))
    return np.array([nearest_real(real[[row]], real[everyone != row])[1][0] for row in rows])
