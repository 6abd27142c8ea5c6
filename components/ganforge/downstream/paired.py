"""Which of two fitted models is better, on rows that neither was trained on.

A verdict asks whether a *way to train* is better: its folds train anew, and its test corrects for the training rows
that they share (`posteriors.correlated_posterior`). Here two *models* stand as they are, and one untouched set of rows
is all there is. What is not known is how the difference would come out on other rows of the same kind, and for that
there is the Bayesian bootstrap (Rubin 1981, doi:10.1214/aos/1176345338): one draw of the posterior is the measure under
weights w ~ Dirichlet(1, …, 1) over the rows, the same weights for both models:

    Δ(w) = measure(new | w) − measure(former | w),      better = P(Δ > rope),      worse = P(Δ < −rope)

The three probabilities are read as the verdict's are: the same region of practical equivalence, the same `SURE`. Rows
of one entity (a customer's payments) share a weight, since they do not vouch for one another.

The bootstrap gives no weight to what it has not seen, and is too sure where little was. So two surprises are weighed
with the rows: one that the new model gets wholly right and the former wholly wrong, and one the other way round. For
shares of right answers that is the uniform prior over who is right where they differ, the Bayesian McNemar test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from ganforge.downstream.intervals import LEVEL
from ganforge.downstream.posteriors import ROPE
from ganforge.errors import InputError

DRAWS = 4_000
"""Of the posterior: a probability of .9 is then known to within .01. A large table has a quarter of them."""
_CHUNK, _MANY = 2_000_000, 100_000_000  # weights at once, and in all


@dataclass(frozen=True, slots=True)
class Gain:
    """What is believed of the difference between two models after seeing the rows."""

    better: float
    equivalent: float
    worse: float
    new: float
    """The measure on the rows as they are."""
    former: float
    low: float
    high: float
    """The central `level` of the posterior of the difference."""
    level: float
    rows: int
    positives: int | None

    def to_json(self) -> dict[str, float | int | None]:
        return asdict(self)


def average_precision_gain(
    truth: np.ndarray,
    new: np.ndarray,
    former: np.ndarray,
    *,
    entity: np.ndarray | None = None,
    rope: float = ROPE,
    draws: int = DRAWS,
    random_state: int = 0,
) -> Gain:
    """By average precision.

    truth (N,) bool; new, former (N,) scores, higher = more probable; entity (N,) who a row belongs to.
    Raises `InputError` for another number of scores than rows, for a score that is no number, and where all rows are of
    one class.
    """
    truth = np.asarray(truth, dtype=bool)
    _check(truth, new, former)
    for name, scores in (("new", new), ("former", former)):
        lacking = int(np.isnan(np.asarray(scores, dtype=np.float64)).sum())
        if lacking:  # sorting would put them on top
            raise InputError(f"the {name} model has no score for {lacking:,} of {len(truth):,} rows; give one a row")
    if truth.all() or not truth.any():
        raise InputError("average precision needs rows of both classes; bring more rows")
    levels = [_levels(truth, np.asarray(score, dtype=np.float64)) for score in (new, former)]
    units = _Units.of(truth, *levels, entity=entity)
    ranked = [_Ranking(units.values[0], level, on_top=k == 0) for k, level in enumerate(units.values[1:])]
    as_they_are = np.append(units.rows, [0, 0]).astype(np.float64)[None]
    new_is, former_is = (float(each.measure(as_they_are)[0]) for each in ranked)
    if np.array_equal(levels[0], levels[1]):
        drawn = np.zeros(draws)  # one and the same ranking: no doubt is left
    else:
        drawn = units.posterior(lambda w: ranked[0].measure(w) - ranked[1].measure(w), draws, random_state)
    return _gain(drawn, new_is, former_is, rope, len(truth), int(truth.sum()))


def share_gain(
    new: np.ndarray,
    former: np.ndarray,
    *,
    entity: np.ndarray | None = None,
    rope: float = ROPE,
    draws: int = DRAWS,
    random_state: int = 0,
) -> Gain:
    """By the share of rows that a model gets right: pictures for accuracy, the positives alone for recall.

    new, former (N,) bool: right or not. Raises `InputError` for two lengths, and for no row.
    """
    new, former = np.asarray(new, dtype=bool), np.asarray(former, dtype=bool)
    _check(new, new, former)
    units = _Units.of(new, former, entity=entity)
    difference = np.append(units.values[0].astype(float) - units.values[1], [1.0, -1.0])
    drawn = units.posterior(lambda w: w @ difference / w.sum(axis=1), draws, random_state)
    return _gain(drawn, float(new.mean()), float(former.mean()), rope, len(new), None)


@dataclass(frozen=True)
class _Units:
    """Rows that are alike to both models, counted: a few hundred units stand for a million rows."""

    values: tuple[np.ndarray, ...]
    rows: np.ndarray
    entity: np.ndarray | None
    """(U,) numbers from 0, where rows of one entity share a weight."""

    @classmethod
    def of(cls, *values: np.ndarray, entity: np.ndarray | None) -> _Units:
        if entity is not None and len(entity) != len(values[0]):
            raise InputError(f"{len(entity):,} entities for {len(values[0]):,} rows; give one a row")
        numbers = () if entity is None else (np.unique(entity, return_inverse=True)[1].reshape(-1),)
        columns = np.stack([np.asarray(each, dtype=np.int64) for each in (*values, *numbers)])
        found, rows = np.unique(columns, axis=1, return_counts=True)
        return cls(tuple(found[: len(values)]), rows, None if entity is None else found[-1])

    def posterior(self, difference: Callable[[np.ndarray], np.ndarray], draws: int, random_state: int) -> np.ndarray:
        """(D,) the difference under weights (D, U + 2), those of the two surprises last.

        A row's weight is exponential, which a Dirichlet's parts are before they are made to sum to 1; that of as many
        rows together is a gamma's.
        """
        random = np.random.default_rng(random_state)
        draws = max(min(draws, _MANY // len(self.rows)), draws // 4)
        at_once = max(_CHUNK // len(self.rows), 1)
        found = []
        for start in range(0, draws, at_once):
            number = min(at_once, draws - start)
            if self.entity is None:
                weights = random.standard_gamma(self.rows, size=(number, len(self.rows)))
            else:
                weights = random.exponential(size=(number, int(self.entity.max()) + 1))[:, self.entity] * self.rows
            found.append(difference(np.append(weights, random.exponential(size=(number, 2)), axis=1)))
        return np.concatenate(found)


class _Ranking:
    """Average precision of one score under many weights at once."""

    def __init__(self, positive: np.ndarray, level: np.ndarray, *, on_top: bool) -> None:
        """on_top: whether the first of the two surprises, both of them positives, is ranked first or last."""
        above, below = level.max() + 1, -1
        level = np.append(level, [above, below] if on_top else [below, above])
        self.order = np.argsort(-level, kind="stable")
        ordered = level[self.order]
        self.positive = np.append(positive, [1, 1]).astype(bool)[self.order]
        ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))  # rows of one score are taken together
        self.end = ends[np.searchsorted(ends, np.flatnonzero(self.positive))]

    def measure(self, weights: np.ndarray) -> np.ndarray:
        """weights (D, U + 2) → (D,): the precision at which each positive is found, weighted by the positives."""
        weights = weights[:, self.order]
        found = np.cumsum(weights * self.positive, axis=1)[:, self.end]
        taken = np.cumsum(weights, axis=1)[:, self.end]
        own = weights[:, self.positive]
        precision = np.divide(found, taken, out=np.zeros_like(found), where=taken > 0)
        return (precision * own).sum(axis=1) / own.sum(axis=1)


def _levels(truth: np.ndarray, score: np.ndarray) -> np.ndarray:
    """(N,) how many different scores of positives a row reaches: all of its score that average precision hangs on."""
    return np.searchsorted(np.unique(score[truth]), score, side="right")


def _gain(drawn: np.ndarray, new: float, former: float, rope: float, rows: int, positives: int | None) -> Gain:
    if rope < 0:
        raise InputError(f"rope={rope}; give 0 or more: half the width of what counts as no difference")
    better, worse = float((drawn > rope).mean()), float((drawn < -rope).mean())
    low, high = (float(each) for each in np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    equivalent = max(1.0 - better - worse, 0.0)
    return Gain(better, equivalent, worse, new, former, low, high, LEVEL, rows, positives)


def _check(truth: np.ndarray, new: np.ndarray, former: np.ndarray) -> None:
    if not len(truth) == len(new) == len(former) or not len(truth):
        raise InputError(
            f"{len(truth):,} rows, {len(new):,} scores of the new model, {len(former):,} of the former; give one a row"
        )
