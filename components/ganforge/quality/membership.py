"""Membership inference: can someone who has the synthetic rows tell which real rows the generator was trained on?

The attacker holds real rows, some trained on and some not, and scores each by how near a synthetic row lies: a
generator that knows rows by heart puts its own there. The area under the ROC curve is .5 where the attack learns
nothing, 1 where every row trained on is found out.

    nearest       distance to the nearest synthetic row (Chen et al. 2020, GAN-Leaks, arXiv:1909.03935, full black-box)
    calibrated    that over the distance to the nearest of other real rows that the attacker has: a row in a crowd
                  is near to everything (van Breugel et al. 2023, DOMIAS, arXiv:2302.12580, with nearest neighbours
                  for its densities)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.schema import Schema
from ganforge.errors import UnsuitableDataError
from ganforge.quality.closest import RowSpace
from ganforge.quality.coding import some_rows
from ganforge.quality.two_sample import LEVEL, Superiority, superiority

FEWEST_REFERENCE = 200
"""Held-out rows below which none are spared to calibrate by."""
_FLOOR = 1e-3  # added to both distances: rows that coincide with both sides say nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class Membership:
    """How well each attack does, as areas under the ROC curve with their intervals."""

    nearest: Superiority
    calibrated: Superiority | None
    """None where too few rows were held out."""
    members: int
    """Rows trained on that were attacked; as many as were held out are set against them, at most."""

    @property
    def strongest(self) -> Superiority:
        """The attack that is surest to tell something."""
        attacks = [self.nearest, *([] if self.calibrated is None else [self.calibrated])]
        return max(attacks, key=lambda each: each.low)

    def to_json(self) -> dict[str, Any]:
        return {
            "nearest": self.nearest.to_json(),
            "calibrated": None if self.calibrated is None else self.calibrated.to_json(),
            "members": self.members,
        }


def membership_attack(
    synthetic: pd.DataFrame,
    training: pd.DataFrame,
    held_out: pd.DataFrame,
    *,
    schema: Schema | None = None,
    most_rows: int = 2_000,
    random_state: int = 0,
    level: float = LEVEL,
) -> Membership:
    """Attack `training` rows among `held_out` ones by `synthetic` rows alone.

    At most `most_rows` rows of each of the two are attacked; of the synthetic ones five times as many are looked
    through. `schema` is inferred from the training rows when it is not given.

    Raises `UnsuitableDataError` for fewer than two rows on a side.
    """
    if min(len(synthetic), len(training), len(held_out)) < 2:
        raise UnsuitableDataError("an attack needs at least 2 rows of each: synthetic, trained on, held out")
    rng = np.random.default_rng(random_state)
    schema = Schema.infer(training, source="training rows") if schema is None else schema
    space = RowSpace.of(some_rows(synthetic, 5 * most_rows, rng), schema)
    members, others = some_rows(training, most_rows, rng), held_out.iloc[rng.permutation(len(held_out))]
    if len(others) < FEWEST_REFERENCE:
        near, far = space.distances(members), space.distances(others)
        return Membership(nearest=superiority(near, far, level=level), calibrated=None, members=len(members))
    reference, others = others.iloc[: len(others) // 2], others.iloc[len(others) // 2 :].head(most_rows)
    near, far = space.distances(members), space.distances(others)
    known = RowSpace.of(reference.head(5 * most_rows), schema)
    calibrated = superiority(
        (near + _FLOOR) / (known.distances(members) + _FLOOR),
        (far + _FLOOR) / (known.distances(others) + _FLOOR),
        level=level,
    )
    return Membership(nearest=superiority(near, far, level=level), calibrated=calibrated, members=len(members))
