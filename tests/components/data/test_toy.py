"""Toy data: reproducible, and as hard as they say."""

import numpy as np
import pandas as pd

from ganforge.data.toy import planted_anomalies, ring, toy_payments


def test_a_ring_has_its_modes():
    points = ring(4_000, modes=8, seed=1)
    angles = np.round(np.arctan2(points[:, 1], points[:, 0]) / (2 * np.pi / 8)).astype(int) % 8
    assert np.bincount(angles, minlength=8).min() > 400
    assert np.abs(np.hypot(*points.T) - 2).max() < 0.3
    assert np.array_equal(points, ring(4_000, modes=8, seed=1))


def test_payments_are_mixed_holed_and_have_a_rare_class():
    frame = toy_payments(1_000, seed=2)
    pd.testing.assert_frame_equal(frame, toy_payments(1_000, seed=2))
    assert set(frame.dtypes.astype(str)) == {"datetime64[ns]", "float64", "object", "int64", "bool"}
    assert 0.02 < frame["is_fraud"].mean() < 0.09
    assert frame["age"].isna().any()
    assert frame["country"].isna().any()
    assert frame.groupby("is_fraud")["amount"].median().diff()[1] > 50
    assert toy_payments(2)["is_fraud"].tolist() == [1, 0]


def test_anomalies_hide_in_the_margins_and_show_in_the_dependence():
    frame, y = planted_anomalies(2_000, share=0.05, seed=3)
    assert y.sum() == 100
    spread = frame.std()
    assert (np.abs(frame[y == 1].mean() - frame[y == 0].mean()) < 0.35 * spread).all()
    normal = frame[y == 0]
    center, axes = normal.mean(), np.linalg.svd(normal - normal.mean(), full_matrices=False)[2]
    off = np.linalg.norm((frame - center) @ axes[4:].T, axis=1)  # tanh of two latents: nearly four directions
    assert np.median(off[y == 1]) > 3 * np.median(off[y == 0])
