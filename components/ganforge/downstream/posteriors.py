"""How probable it is that one arm is better than another: the Bayesian correlated t-test.

Over the n differences of a (repeated) cross-validation, with a flat prior, the mean difference μ is Student's t
(Benavoli, Corani, Demšar & Zaffalon 2017, JMLR 18(77), the correlated t-test after Corani & Benavoli 2015,
doi:10.1007/s10994-015-5486-z):

    μ  ~  t with n − 1 degrees,  location x̄,  scale² = (1/n + ρ/(1 − ρ)) · s²,      ρ = n_test / (n_test + n_train)

ρ/(1 − ρ) is n_test/n_train, so that this is Nadeau and Bengio's corrected variance once more, and the central 90 % of
the posterior are `intervals.corrected_interval`. A difference smaller than the region of practical equivalence
[−rope, rope] is nothing anybody would act on, so that there are three answers and their probabilities add up to 1:

    worse = P(μ < −rope)      equivalent = P(−rope ≤ μ ≤ rope)      better = P(μ > rope)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy import stats

from ganforge.downstream.intervals import standard_error
from ganforge.errors import InputError

ROPE = 0.01
"""Half the width of the region of practical equivalence, in the measure (a share): the paper's own choice."""
SURE = 0.9
"""Probability from which on an arm is said to be better, or worse: who adds something has to show that it pays."""
UNLIKELY = 0.2
"""Probability of being better below which the search for an answer ends: no help."""
HOPELESS = 10
"""A table that would have to grow by more than so many times is not told how many rows it lacks."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed of a mean difference after seeing the folds."""

    better: float
    equivalent: float
    worse: float
    mean: float
    scale: float
    degrees: int

    def to_json(self) -> dict[str, float]:
        return asdict(self)


def correlated_posterior(
    differences: Sequence[float], *, test_to_train: float, rope: float = ROPE, resolution: float = 0.0
) -> Posterior:
    """The three probabilities of paired differences, one a fold (over all repeats).

    `test_to_train`, `resolution`: as in `intervals.corrected_interval`; the floor that `resolution` sets is not part of
    the paper. Differences that are all exactly 0 come from one and the same ranking: no doubt is left then.

    Raises `InputError` for fewer than two differences, for one that is not finite and for a rope below 0.
    """
    if rope < 0:
        raise InputError(f"rope={rope}; give 0 or more: half the width of what counts as no difference")
    same = len(differences) > 1 and all(each == 0 for each in differences)
    scale = 0.0 if same else standard_error(differences, test_to_train=test_to_train, resolution=resolution)
    mean, degrees = float(np.mean(differences)), len(differences) - 1
    if scale == 0:
        better, worse = float(mean > rope), float(mean < -rope)
    else:
        better = float(stats.t.sf((rope - mean) / scale, df=degrees))
        worse = float(stats.t.cdf((-rope - mean) / scale, df=degrees))
    return Posterior(better, max(1.0 - better - worse, 0.0), worse, mean, scale, degrees)


def samples_lacking(
    posterior: Posterior, *, samples: int, rope: float = ROPE, sure: float = SURE, unlikely: float = UNLIKELY
) -> int | None:
    """About how many samples more would settle whether an arm is better, if what was seen is the truth.

    `samples`: how many of the class looked for there are. The spread over folds is sampling noise of these, and its
    square falls as their number grows, so that P(better) reaches `sure` (where the mean lies above the rope), or
    `unlikely` (below), at

        samples · (t · scale / |mean − rope|)²,     t the quantile of Student's t that belongs to it.

    Two digits at most, rounded up; 0 where it is settled already; None where the table would have to grow by more than
    `HOPELESS` times, or where mean and rope are the same.
    """
    goal = sure if posterior.mean > rope else 1 - unlikely
    quantile = float(stats.t.ppf(goal, df=posterior.degrees))
    distance = abs(posterior.mean - rope)
    if distance == 0 or quantile * posterior.scale > distance * math.sqrt(1 + HOPELESS):
        return None
    lacking = samples * ((quantile * posterior.scale / distance) ** 2 - 1)
    if lacking <= 0:
        return 0
    digit = 10 ** max(math.floor(math.log10(lacking)) - 1, 0)
    return math.ceil(lacking / digit) * digit
