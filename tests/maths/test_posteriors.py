"""The Bayesian correlated t-test against posteriors worked out by hand, and what it is for."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats

from ganforge.downstream.intervals import corrected_interval
from ganforge.downstream.posteriors import (
    Prior,
    correlated_posterior,
    credible_interval,
    effects_prior,
    samples_lacking,
)
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


# -- what is known before ------------------------------------------------------------------------------------------

VALUES = [0.05, 0.01, 0.05, 0.01, 0.03]
SKEPTICAL = Prior(scale=0.015, degrees=3)


def integrated(low, high, prior, values=VALUES):
    """P(low < μ < high) by adaptive quadrature of prior · t, instead of by trapezoids."""
    scale = math.sqrt(0.45 * np.var(values, ddof=1))

    def density(mu):
        return stats.t.pdf(mu, 4, np.mean(values), scale) * prior.density(np.asarray(mu))

    def area(start, stop):
        points = [
            each for each in sorted((prior.low, -0.1, 0, 0.01, np.mean(values), 0.1, prior.high)) if start < each < stop
        ]
        edges = [start, *points, stop]
        return sum(integrate.quad(density, a, b)[0] for a, b in itertools.pairwise(edges))

    return area(low, high) / area(-10, 10)


@pytest.mark.parametrize(
    "prior",
    [
        SKEPTICAL, Prior(0.002, 3), Prior(0.2, 1), Prior(0.03, 30), Prior(0.02, 4, 0.2, -0.7, 0.3),
        Prior(0.01, 2, 0.8, -0.02, 0.98, middle=-0.01), Prior(0.01, 2, 0.8, -0.98, 0.02, middle=0.01),
    ],
)  # fmt: skip
def test_the_posterior_is_prior_times_t(prior):
    found = correlated_posterior(VALUES, test_to_train=0.25, rope=0.01, prior=prior)
    assert found.better == pytest.approx(integrated(0.01, 10, prior), abs=1e-4)
    assert found.worse == pytest.approx(integrated(-10, -0.01, prior), abs=1e-4)
    assert found.better + found.equivalent + found.worse == pytest.approx(1)


def test_its_interval_is_of_the_same_posterior():
    interval = credible_interval(VALUES, test_to_train=0.25, level=0.9, prior=SKEPTICAL)
    assert integrated(-10, interval.low, SKEPTICAL) == pytest.approx(0.05, abs=1e-4)
    assert integrated(interval.high, 10, SKEPTICAL) == pytest.approx(0.05, abs=1e-4)
    assert interval.low < interval.mean < interval.high
    # At an end of the interval as rope the probability is what the level leaves.
    at_the_end = correlated_posterior(VALUES, test_to_train=0.25, rope=interval.high, prior=SKEPTICAL)
    assert at_the_end.better == pytest.approx(0.05, abs=1e-4)


def test_two_normals_in_closed_form():
    """With very many degrees both are normal, and the posterior is the mean weighted by precisions."""
    folds = (0.02 + 0.4 * stats.norm.ppf((np.arange(400) + 0.5) / 400)).tolist()
    error = float(np.std(folds, ddof=1)) / math.sqrt(400)
    prior = Prior(scale=error, degrees=1e6)  # as precise as the folds: half way
    interval = credible_interval(folds, test_to_train=0.0, level=0.9, prior=prior)
    assert interval.mean == pytest.approx(0.01, rel=1e-2)
    assert interval.high - interval.mean == pytest.approx(1.645 * error / math.sqrt(2), rel=1e-2)


def test_a_wide_prior_says_nothing_and_a_narrow_one_everything():
    flat = correlated_posterior(VALUES, test_to_train=0.25)
    wide = correlated_posterior(VALUES, test_to_train=0.25, prior=Prior(1e3, 3))
    assert (wide.better, wide.worse) == (pytest.approx(flat.better, abs=1e-4), pytest.approx(flat.worse, abs=1e-4))
    assert correlated_posterior(VALUES, test_to_train=0.25, prior=Prior(1e-5, 1e6)).equivalent > 0.999
    there, back = (credible_interval(VALUES, test_to_train=0.25, prior=each) for each in (None, Prior(1e3, 3)))
    assert (back.low, back.mean, back.high) == pytest.approx((there.low, there.mean, there.high), abs=1e-4)


def test_scarce_folds_are_shrunk_more_than_many():
    few = correlated_posterior([0.12, -0.06, 0.12, -0.06, 0.03], test_to_train=0.25, prior=SKEPTICAL)
    many = correlated_posterior([0.032, 0.028] * 25, test_to_train=0.25, prior=SKEPTICAL)
    assert few.better < 0.5
    assert many.better > 0.99


def test_more_samples_settle_it_in_the_end_with_a_prior_too():
    told = correlated_posterior([0.05, 0.03, 0.08, 0.02, 0.07], test_to_train=0.25, prior=SKEPTICAL)
    more = samples_lacking(told, samples=40, prior=SKEPTICAL)
    assert told.better < 0.9
    assert more is not None
    assert more > (samples_lacking(told, samples=40) or 0)
    # So many more, and the same differences on narrower folds reach .9.
    grown = (1 + more / 40) ** -0.5
    values = [0.05 + grown * (each - 0.05) for each in (0.05, 0.03, 0.08, 0.02, 0.07)]
    assert correlated_posterior(values, test_to_train=0.25, prior=SKEPTICAL).better == pytest.approx(0.9, abs=0.02)


def test_folds_that_speak_clearly_outweigh_a_narrow_prior_that_is_open():
    """Every fold loses .3 and more: seen of a tree that learned from rows strewn over everything."""
    folds = [-0.46, -0.31, -0.31, -0.54, -0.51]
    narrow, ready = Prior(0.03, 4), Prior(0.03, 4, open=0.2, low=-0.6, high=0.4)
    assert correlated_posterior(folds, test_to_train=0.25, prior=narrow).worse < 0.9
    assert correlated_posterior(folds, test_to_train=0.25, prior=ready).worse > 0.9
    # Where the folds say little, being open changes little.
    vague = [0.2, -0.15, 0.1, -0.1, 0.05]
    one, other = (correlated_posterior(vague, test_to_train=0.25, prior=each).better for each in (narrow, ready))
    assert one == pytest.approx(other, abs=0.05)


@pytest.mark.parametrize("reached", [0.05, 0.3, 0.5, 0.74, 0.95])
def test_anything_is_half_up_half_down_and_has_no_step_at_0(reached):
    anything = Prior(1.0, 1.0, open=1.0, low=-reached, high=1 - reached)
    grid = np.linspace(-reached, 1 - reached, 200_001)
    density = anything.density(grid)
    assert integrate.trapezoid(density[grid <= 0], grid[grid <= 0]) == pytest.approx(0.5, abs=1e-3)
    assert integrate.trapezoid(density, grid) == pytest.approx(1.0, abs=1e-3)
    just_below, just_above = anything.density(np.array([-1e-6, 1e-6]))
    assert just_below == pytest.approx(just_above, rel=1e-4)
    # The logistic distribution of the change in log-odds: its quartiles are ±ln 3.
    odds = reached / (1 - reached) / 3
    lower = odds / (1 + odds) - reached
    assert integrate.trapezoid(density[grid <= lower], grid[grid <= lower]) == pytest.approx(0.25, abs=1e-3)
    assert anything.density(np.array([-reached - 0.01, 1.01 - reached])).tolist() == [0, 0]


@pytest.mark.parametrize("reached", [0.1, 0.3, 0.5, 0.74, 0.9])
def test_what_the_folds_lost_is_not_told_as_a_gain(reached):
    """Folds that scatter around a small loss: the middle of what is believed is not on the other side of 0."""
    half = 0.3 * min(reached, 1 - reached)
    folds = [-0.01 + half * each for each in (-1, -0.5, 0, 0.5, 1)]
    told = credible_interval(folds, test_to_train=0.25, prior=effects_prior(reached))
    believed = correlated_posterior(folds, test_to_train=0.25, rope=0.0, prior=effects_prior(reached))
    assert believed.worse > 0.5
    assert told.low < 0 < told.high
    assert told.mean < 0.005


def test_arms_take_a_little_more_often_than_they_give():
    """Folds that say nothing leave what was measured over many trials."""
    folds = [-0.2, -0.1, 0.0, 0.1, 0.2]
    believed = correlated_posterior(folds, test_to_train=0.25, prior=effects_prior(0.5))
    assert believed.better < believed.worse < 0.5
