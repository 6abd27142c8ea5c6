"""The paper's formula by hand, modes found and drawn, spikes and grids that come back exactly."""

import json

import numpy as np
import pytest

from ganforge.data.mixtures import Known, Mixture, fit_mixtures

HAND = Mixture(
    scale=1.0, center=0.0, spread=1.0, weights=np.array([0.5, 0.5]), means=np.array([0.0, 100.0]),
    deviations=np.array([2.0, 5.0]), spikes=np.array([1.0]),
)  # fmt: skip


def test_the_formula_by_hand():
    alpha, modes = HAND.encode(np.array([4.0, 90.0, 0.0, 1.0]))
    assert modes.tolist() == [0, 1, 0, 2]
    assert alpha.tolist() == [4 / 8, -10 / 20, 0.0, 0.0]
    assert HAND.decode(alpha, modes).tolist() == [4.0, 90.0, 0.0, 1.0]
    assert HAND.decode(np.array([0.9]), np.array([2])).tolist() == [1.0]  # a spike has no width
    assert len(HAND) == 3


def test_modes_of_a_known_mixture_are_found_and_drawn_in_their_shares():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(-5, 0.5, 1_500), rng.normal(3, 1.0, 500)])
    mixture = Mixture.fit(values, max_modes=10)
    means = mixture.means * mixture.spread * mixture.scale + mixture.center * mixture.scale
    assert np.minimum(np.abs(means + 5), np.abs(means - 3)).max() < 1.5  # no mode where nothing is
    assert mixture.weights[means < -1].sum() == pytest.approx(0.75, abs=0.02)
    flat = Mixture(1.0, 0.0, 1.0, np.array([0.8, 0.2]), np.zeros(2), np.ones(2))
    _, drawn = flat.encode(np.zeros(4_000), rng.random(4_000))
    assert drawn.mean() == pytest.approx(0.2, abs=0.03)
    _, edges = flat.encode(np.zeros(3), np.array([0.0, 0.8, np.nextafter(1, 0)]))
    assert edges.tolist() == [0, 1, 1]


def test_a_zero_inflated_column_has_its_zero_exactly_and_the_rest_by_itself():
    rng = np.random.default_rng(1)
    values = np.where(rng.random(4_000) < 0.9, 0.0, np.exp(rng.normal(8, 0.5, 4_000)))
    mixture = Mixture.fit(values, max_modes=10)
    assert mixture.spikes.tolist() == [0.0]
    assert mixture.grid is None
    alpha, modes = mixture.encode(values, rng.random(4_000))
    assert (modes == len(mixture) - 1).mean() == pytest.approx((values == 0).mean(), abs=1e-12)
    assert (mixture.decode(rng.uniform(-1, 1, 4_000), modes)[values == 0] == 0).all()
    assert np.allclose(mixture.decode(alpha, modes), values, rtol=1e-9, atol=0)
    spread = mixture.means * mixture.spread * mixture.scale + mixture.center * mixture.scale
    assert (spread > values[values > 0].min() / 2).all()  # no Gaussian is drawn to the zero


def test_several_spikes_take_at_most_half_of_the_modes():
    rng = np.random.default_rng(2)
    codes = np.repeat([-9.0, -8.0, -7.0, 1e4, 2e4], 600)
    values = np.concatenate([rng.normal(100, 10, 3_000), codes])
    assert sorted(Mixture.fit(values, max_modes=10).spikes) == [-9.0, -8.0, -7.0, 1e4, 2e4]
    assert len(Mixture.fit(values, max_modes=4).spikes) == 2
    assert len(Mixture.fit(values, max_modes=1).spikes) == 0
    assert len(Mixture.fit(values, max_modes=10)) <= 10


def test_a_grid_is_kept_to():
    rng = np.random.default_rng(3)
    tariffs = np.array([4.99, 9.99, 24.99, 49.0, 120.0, 333.33])
    values = rng.choice(tariffs, 2_000)
    mixture = Mixture.fit(values, max_modes=3, spacing=0.01)
    assert mixture.grid is not None
    assert mixture.grid.tolist() == tariffs.tolist()
    decoded = mixture.decode(rng.uniform(-0.4, 0.4, 500), rng.integers(len(mixture.weights), size=500))
    inside = (decoded >= tariffs[0]) & (decoded <= tariffs[-1])
    assert inside.mean() > 0.5
    assert set(decoded[inside]) <= set(tariffs)
    assert set(mixture.decode(*mixture.encode(values))) == set(tariffs)


def test_columns_fitted_together_are_as_fitted_alone():
    rng = np.random.default_rng(4)
    columns = [rng.normal(size=900), np.exp(rng.normal(size=1_500)), np.full(30, 7.5), rng.integers(0, 40, 800) * 1.0]
    together = fit_mixtures([Known.of(each, max_modes=6) for each in columns], max_modes=6)
    for mixture, values in zip(together, columns, strict=True):
        alone = Mixture.fit(rng.permutation(values), max_modes=6)
        assert len(alone) == len(mixture)
        for name in ("weights", "means", "deviations"):
            np.testing.assert_allclose(getattr(alone, name), getattr(mixture, name), rtol=1e-9, atol=1e-12)
        assert np.allclose(mixture.decode(*mixture.encode(values)), values)


def test_json_with_and_without_spikes_and_grid():
    rng = np.random.default_rng(5)
    plain = Mixture.fit(rng.normal(size=300), max_modes=3)
    assert {"spikes", "grid"}.isdisjoint(plain.to_json())
    both = Mixture.fit(np.where(rng.random(3_000) < 0.5, 0.0, rng.choice([17.5, 230.0, 999.0], 3_000)), max_modes=4)
    for mixture in (plain, both, HAND):
        again = Mixture.from_json(json.loads(json.dumps(mixture.to_json())))
        assert again.to_json() == mixture.to_json()
        alpha, modes = rng.uniform(-1, 1, 50), rng.integers(len(mixture), size=50)
        assert again.decode(alpha, modes).tolist() == mixture.decode(alpha, modes).tolist()


def test_each_of_few_values_comes_back_as_itself():
    rng = np.random.default_rng(0)
    values = rng.choice([1.0, 2.0, 4.0, 7.5, 9.0, 12.0, 20.0, 31.0], 2_000)
    known = Known.of(values, max_modes=4, few=32, spacing=0.5)
    mixture = fit_mixtures([known], max_modes=4)[0]
    assert len(mixture.spikes) == 7
    assert len(mixture) == 8
    alpha, modes = mixture.encode(values)
    assert len(np.unique(modes)) == 8
    np.testing.assert_allclose(mixture.decode(alpha, modes), values)
    np.testing.assert_allclose(mixture.decode(rng.uniform(-1, 1, len(values)), modes), values, rtol=1e-4)
