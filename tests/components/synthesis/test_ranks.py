"""Under a condition numbers lie as high within their modes as in the rows that have it."""

import numpy as np
import pandas as pd

from ganforge.data.layout import Block, Layout
from ganforge.synthesis.ctgan import CTGAN
from ganforge.synthesis.ranks import ranks_within, wide_modes


def test_ranks_are_those_within_the_mode_and_a_spike_has_none():
    layout = Layout((Block("x", "mixture", 2), Block("a", "categorical", 2)))
    codes = np.array([[0, 0], [0, 1], [0, 0], [1, 1], [1, 0]])
    scalars = np.array([[0.3], [-0.2], [0.3], [0.0], [0.0]])
    modes = wide_modes(scalars, codes, layout)
    assert modes == [(0, 0, 0)]
    ranks, within = ranks_within(scalars, codes, modes)
    np.testing.assert_allclose(ranks[:3, 0], [2 / 3, 1 / 6, 2 / 3])
    assert within[:, 0].tolist() == [True, True, True, False, False]


def test_numbers_follow_their_condition():
    """After so few steps the network's numbers come out alike for both values, within one mode."""
    rng = np.random.default_rng(0)
    side = rng.random(2_000) < 0.5
    frame = pd.DataFrame({"side": np.where(side, "up", "down"), "x": rng.normal(0, 1, 2_000) + 0.5 * side})
    small = {"steps": 40, "batch_size": 100, "generator_widths": (32, 32), "critic_widths": (32, 32), "max_modes": 1}
    gaps = {}
    for on in (False, True):
        model = CTGAN(random_state=0, calibrate=on, **small).fit(frame)
        made = {side: model.sample(4_000, condition={"side": side}, random_state=0)["x"] for side in ("up", "down")}
        gaps[on] = made["up"].mean() - made["down"].mean()
    assert abs(gaps[True] - 0.5) < 0.1
    assert abs(gaps[False] - 0.5) > 0.1
