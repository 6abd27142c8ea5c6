"""The Bayesian correlated t-test against posteriors worked out by hand, and what it is for."""

import math

import numpy as np
import pytest
from scipy import stats

from ganforge.downstream.intervals import corrected_interval
from ganforge.downstream.posteriors import correlated_posterior, samples_lacking
from ganforge.errors import InputError


def cauchy_sf(x):
    """Student's t with 1 degree, in closed form."""
    return 0.5 - math.atan(x) / math.pi


def test_two_folds_by_hand():
    # x̄ = .04, s² = 2 · .01² = 2e-4; scale² = (1/2 + 1/4) · 2e-4 = 1.5e-4; t with 1 degree is Cauchy's distribution
    found = correlated_posterior([0.03, 0.05], test_to_train=0.25, rope=0.01)
    scale = math.sqrt(1.5e-4)
    assert (found.mean, found.scale, found.degrees) == (pytest.approx(0.04), pytest.approx(scale), 1)
    assert found.better == pytest.approx(cauchy_sf((0.01 - 0.04) / scale))
    assert found.worse == pytest.approx(1 - cauchy_sf((-0.01 - 0.04) / scale))


def test_three_folds_by_hand():
    # x̄ = .02, s² = 1e-4, scale² = (1/3 + 1/2) · 1e-4; with 2 degrees F(t) = 1/2 + t / (2 √(2 + t²))
    found = correlated_posterior([0.01, 0.02, 0.03], test_to_train=0.5, rope=0.01)
    scale = math.sqrt(1e-4 * (1 / 3 + 1 / 2))

    def below(t):
        return 0.5 + t / (2 * math.sqrt(2 + t * t))

    assert found.better == pytest.approx(1 - below((0.01 - 0.02) / scale))
    assert found.worse == pytest.approx(below((-0.01 - 0.02) / scale))
    assert found.better + found.equivalent + found.worse == pytest.approx(1)


def test_symmetry_and_sign():
    values = [0.03, -0.01, 0.04, 0.02, 0.00]
    there = correlated_posterior(values, test_to_train=0.25)
    back = correlated_posterior([-each for each in values], test_to_train=0.25)
    assert (there.better, there.worse) == (pytest.approx(back.worse), pytest.approx(back.better))
    assert there.better > there.worse


def test_its_central_part_is_the_corrected_interval():
    values = np.random.default_rng(0).normal(0.02, 0.03, 10).tolist()
    found = correlated_posterior(values, test_to_train=1 / 9, rope=0)
    interval = corrected_interval(values, test_to_train=1 / 9, level=0.9)
    ends = stats.t.interval(0.9, df=found.degrees, loc=found.mean, scale=found.scale)
    assert ends == (pytest.approx(interval.low), pytest.approx(interval.high))


def test_the_overlap_of_the_training_parts_makes_it_less_sure():
    values = [0.02, 0.03, 0.015, 0.04, 0.02]
    naive, corrected = (correlated_posterior(values, test_to_train=ratio).better for ratio in (0.0, 0.25))
    assert 0.5 < corrected < naive


def test_one_and_the_same_ranking_leaves_no_doubt_but_agreement_by_accident_does():
    assert correlated_posterior([0.0] * 5, test_to_train=0.25, resolution=0.2).equivalent == 1
    agreeing = correlated_posterior([0.05] * 5, test_to_train=0.25, resolution=0.25)
    assert agreeing.better < 0.9
    assert correlated_posterior([0.05] * 5, test_to_train=0.25).better == 1
    assert correlated_posterior([-0.05] * 5, test_to_train=0.25).worse == 1


def test_who_is_called_sure_is_rarely_wrong():
    """Halves of one sample, correlated like folds are: P = .9 must not mean .7."""
    rng = np.random.default_rng(0)
    right = []
    for _ in range(600):
        mean = rng.normal(0, 0.4)
        sample = rng.normal(mean, 1, 40)
        values = [float(rng.permutation(sample)[:20].mean()) for _ in range(10)]
        found = correlated_posterior(values, test_to_train=1.0, rope=0.0)
        if max(found.better, found.worse) >= 0.9:
            right.append((found.better > found.worse) == (mean > 0))
    assert len(right) > 200
    assert np.mean(right) > 0.9


def test_how_many_samples_are_lacking_by_hand():
    # mean .03, rope .01, scale .02, 4 degrees: t(.9) = 1.533206; 40 · ((1.533206 · .02 / .02)² − 1) = 54.03 → 55
    folds = [0.03 + 0.02 * each / math.sqrt(0.45) / math.sqrt(2.5) for each in (-2, -1, 0, 1, 2)]
    found = correlated_posterior(folds, test_to_train=0.25)
    assert found.scale == pytest.approx(0.02)
    assert samples_lacking(found, samples=40) == 55
    assert samples_lacking(found, samples=4000) == 5500
    # Below the rope the goal is P(better) = .2: t(.8) = .940965; mean −.005: 40 · ((.940965 · .02/.015)² − 1) = 22.97
    below = correlated_posterior([each - 0.035 for each in folds], test_to_train=0.25)
    assert samples_lacking(below, samples=40) == 23


def test_nobody_is_told_a_number_out_of_reach():
    near = correlated_posterior([0.0102 + 0.05 * each for each in (-2, -1, 0, 1, 2)], test_to_train=0.25)
    assert samples_lacking(near, samples=40) is None
    settled = correlated_posterior([0.2, 0.21, 0.22], test_to_train=0.25)
    assert samples_lacking(settled, samples=40) == 0


def test_what_makes_no_posterior_is_refused():
    with pytest.raises(InputError, match="rope=-1"):
        correlated_posterior([0.1, 0.2], test_to_train=0.25, rope=-1)
    with pytest.raises(InputError, match="at least 2 folds"):
        correlated_posterior([0.1], test_to_train=0.25)
    with pytest.raises(InputError, match="not finite"):
        correlated_posterior([0.1, math.nan], test_to_train=0.25)
