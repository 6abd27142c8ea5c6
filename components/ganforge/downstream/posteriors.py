"""How probable it is that one arm is better than another: the Bayesian correlated t-test, with what is known before.

Over the n differences of a (repeated) cross-validation, the folds say of the mean difference μ

    μ  ~  t with n − 1 degrees,  location x̄,  scale² = (1/n + ρ/(1 − ρ)) · s²,      ρ = n_test / (n_test + n_train)

(Benavoli, Corani, Demšar & Zaffalon 2017, JMLR 18(77), the correlated t-test after Corani & Benavoli 2015,
doi:10.1007/s10994-015-5486-z). ρ/(1 − ρ) is n_test/n_train, so that this is Nadeau and Bengio's corrected variance once
more. With a flat prior this is the posterior, and its central 90 % are `intervals.corrected_interval`.

A `Prior` is what arms have been seen to change elsewhere: μ is then shrunk towards that, next to nothing, the more the
fewer positives the folds rest on (the hierarchical model of Corani, Benavoli, Demšar, Mangili & Zaffalon 2017,
doi:10.1007/s10994-017-5641-9, with the population of effects measured once instead of anew for each judgement).
The density is prior · t, which has no closed form and is integrated by steps.

A difference smaller than the region of practical equivalence [−rope, rope] is nothing anybody would act on, so that
there are three answers and their probabilities add up to 1:

    worse = P(μ < −rope)      equivalent = P(−rope ≤ μ ≤ rope)      better = P(μ > rope)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import optimize, stats

from ganforge.downstream.intervals import LEVEL, Interval, corrected_interval, standard_error
from ganforge.errors import InputError

ROPE = 0.01
"""Half the width of the region of practical equivalence, in the measure (a share): the paper's own choice."""
SURE = 0.9
"""Probability from which on an arm is said to be better, or worse: who adds a generator has to show that it pays."""
LIKELIER = 0.5
"""Probability from which on an arm without a generator takes the seat from a simpler one. It costs a parameter, so the
likelier side decides. Asked to be `SURE` too, it left gains lying on few positives: `benchmarks/verdict_trials.py` has
what either rule gives away."""
UNLIKELY = 0.2
"""Probability of being better below which the search for an answer ends: no help."""
HOPELESS = 10
"""A table that would have to grow by more than so many times is not told how many rows it lacks."""


_STEPS = np.sinh(np.linspace(-9.0, 9.0, 1_201))
"""Where a density is taken, in scales from its middle: to ±4,000, a hundredth apart in the middle."""


@dataclass(frozen=True, slots=True)
class Prior:
    """What effects arms have, before any fold is seen: Student's t around `middle`, or with weight `open` anything."""

    scale: float
    degrees: float
    open: float = 0.0
    """Weight of "anything" from `low` to `high`. Without it the t that five folds give, whose own tails are heavy,
    would never outweigh a narrow prior, however clearly they speak."""
    low: float = -1.0
    high: float = 1.0
    middle: float = 0.0

    def density(self, effects: np.ndarray) -> np.ndarray:
        """(N,) of (N,).

        "Anything" is the logistic distribution of what is added to the log-odds of q, the share of the way from `low`
        to `high`: half of it up, half down, and no step where the effect is 0. From p = −low / (high − low), where
        nothing changes,

            logit q = logit p + logistic(0, 1)      has the density      p (1 − p) / (q (1 − p) + p (1 − q))²,

        which is 1, all q alike, for p = ½.
        """
        room = self.high - self.low
        p, q = -self.low / room, (effects - self.low) / room
        inside = (effects >= self.low) & (effects <= self.high)
        anything = np.where(inside, p * (1 - p) / (q * (1 - p) + p * (1 - q)) ** 2, 0.0) / room
        expected = stats.t.pdf(effects, self.degrees, self.middle, self.scale)
        return (1 - self.open) * expected + self.open * anything

    def to_json(self) -> dict[str, float]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Prior:
        return cls(**value)


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed of a mean difference after seeing the folds."""

    better: float
    equivalent: float
    worse: float
    mean: float
    """mean, scale, degrees: the t that the folds alone give."""
    scale: float
    degrees: int

    def to_json(self) -> dict[str, float]:
        return asdict(self)


MIDDLE, EFFECT, DEGREES = -0.035, 0.07, 1.6
"""Arms' true effects on average precision, in log-odds: Student's t (its middle, its scale), by maximum likelihood over
the trials of even seeds of `benchmarks/verdict_trials.py`, rounded; BENCHMARKS.md has the fit, and what the
probabilities are worth. Arms take a little more often than they give, in either half of the trials. With a flat prior
small differences on few positives were taken for gains, though most arms change little. It was the prior, not the
spread: the truth lies within the flat 90 % interval more often than in 90 % of the trials."""
OPEN = 0.75
"""Not fitted, since effects so large were too rare to count, but tried, over the trials of all seeds: their log loss
stays within .01 from .3 to .75. Below .75 five folds that agree on a large change (an average precision of .30 that
falls to .05) would not be believed."""


def effects_prior(reached: float) -> Prior:
    """What is to be expected of an arm where training with nothing added reaches a mean average precision of so much.

    Arms move the log-odds: there is less to gain near 1 and less to lose near 0, p(1 − p) being what one unit of
    log-odds is worth at p. "Anything" is all that leaves the measure between 0 and 1.
    """
    share = min(max(reached, 0.02), 0.98)
    unit = share * (1 - share)
    return Prior(EFFECT * unit, DEGREES, open=OPEN, low=-share, high=1 - share, middle=MIDDLE * unit)


def correlated_posterior(
    differences: Sequence[float],
    *,
    test_to_train: float,
    rope: float = ROPE,
    resolution: float = 0.0,
    prior: Prior | None = None,
) -> Posterior:
    """The three probabilities of paired differences, one a fold (over all repeats).

    `test_to_train`, `resolution`: as in `intervals.corrected_interval`; the floor that `resolution` sets is not part of
    the paper. `prior`: None is the flat one. Differences that are all exactly 0 come from one and the same ranking: no
    doubt is left then.

    Raises `InputError` for fewer than two differences, for one that is not finite and for a rope below 0.
    """
    if rope < 0:
        raise InputError(f"rope={rope}; give 0 or more: half the width of what counts as no difference")
    same = len(differences) > 1 and all(each == 0 for each in differences)
    scale = 0.0 if same else standard_error(differences, test_to_train=test_to_train, resolution=resolution)
    mean, degrees = float(np.mean(differences)), len(differences) - 1
    better, worse = _outside(mean, scale, degrees, rope, prior)
    return Posterior(better, max(1.0 - better - worse, 0.0), worse, mean, scale, degrees)


def credible_interval(
    differences: Sequence[float],
    *,
    test_to_train: float,
    level: float = LEVEL,
    resolution: float = 0.0,
    prior: Prior | None = None,
) -> Interval:
    """The central part of the same posterior, and its mean; `intervals.corrected_interval` where the prior is flat."""
    flat = corrected_interval(differences, test_to_train=test_to_train, level=level, resolution=resolution)
    scale = standard_error(differences, test_to_train=test_to_train, resolution=resolution)
    if prior is None or scale == 0 or all(each == 0 for each in differences):
        return flat
    nodes, below = _believed(flat.mean, scale, len(differences) - 1, prior, ())
    low, high = np.interp([(1 - level) / 2, (1 + level) / 2], below, nodes)
    mean = float(np.sum(np.diff(below) * (nodes[1:] + nodes[:-1]) / 2))
    return Interval(mean, float(low), float(high), level)


def samples_lacking(
    posterior: Posterior,
    *,
    samples: int,
    rope: float = ROPE,
    sure: float = SURE,
    unlikely: float = UNLIKELY,
    prior: Prior | None = None,
) -> int | None:
    """About how many samples more would settle whether an arm is better, if what was seen is the truth.

    `samples`: how many of the class looked for there are. The spread over folds is sampling noise of these, and its
    square falls as their number grows: with g times as many the scale is scale/√g. The answer is the least g at which
    P(better) reaches `sure` (where the mean lies above the rope), or `unlikely` (below); with a flat prior

        g = (t · scale / |mean − rope|)²,     t the quantile of Student's t that belongs to it.

    Two digits at most, rounded up; 0 where it is settled already; None where the table would have to grow by more than
    `HOPELESS` times, or where mean and rope are the same.
    """
    if posterior.mean == rope:
        return None

    def short_of(growth: float) -> float:
        """By how much P(better) misses its goal, on a table so many times as large; ≤ 0: it does not."""
        scale = posterior.scale / math.sqrt(growth)
        better, _ = _outside(posterior.mean, scale, posterior.degrees, rope, prior)
        return sure - better if posterior.mean > rope else better - unlikely

    if short_of(1.0) <= 0:
        return 0
    if short_of(1.0 + HOPELESS) > 0:
        return None
    lacking = samples * (float(optimize.root_scalar(short_of, bracket=(1.0, 1.0 + HOPELESS)).root) - 1)
    digit = 10 ** max(math.floor(math.log10(max(lacking, 1e-9))) - 1, 0)
    return math.ceil(lacking / digit) * digit


# -- the density ---------------------------------------------------------------------------------------------------


def _outside(mean: float, scale: float, degrees: int, rope: float, prior: Prior | None) -> tuple[float, float]:
    """P(μ > rope), P(μ < −rope)."""
    if scale == 0:
        return float(mean > rope), float(mean < -rope)
    if prior is None:
        return (
            float(stats.t.sf((rope - mean) / scale, df=degrees)),
            float(stats.t.cdf((-rope - mean) / scale, df=degrees)),
        )
    nodes, below = _believed(mean, scale, degrees, prior, (-rope, rope))
    worse, not_better = np.interp([-rope, rope], nodes, below)
    return float(1 - not_better), float(worse)


def _believed(
    mean: float, scale: float, degrees: int, prior: Prior, marks: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Rising values of μ and P(≤ each): prior · t, by trapezoids that are fine around both middles and at `marks`."""
    around = (mean + scale * _STEPS, prior.middle + prior.scale * _STEPS)
    ends = (np.nextafter(prior.low, -np.inf), prior.low, prior.high, np.nextafter(prior.high, np.inf))
    nodes = np.unique(np.concatenate([*around, ends, marks]))
    logs = stats.t.logpdf(nodes, degrees, mean, scale)
    density = np.exp(logs - logs.max()) * prior.density(nodes)
    below = np.concatenate([[0.0], np.cumsum(np.diff(nodes) * (density[1:] + density[:-1]) / 2)])
    return nodes, below / below[-1]
