"""What a judgement answers with, for tables and for pictures: the arms, and the verdict over them.

An *arm* is one way to train the downstream model: with nothing added, with class weights, with a generator's
rows. `conclusion.conclude` makes a `Verdict` of measured arms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ganforge.downstream.intervals import LEAST_FOLDS, LEVEL, Interval, corrected_interval
from ganforge.downstream.posteriors import ROPE, SURE, Posterior, Prior, correlated_posterior, credible_interval
from ganforge.errors import UnknownNameError

NONE = "none"
CLASS_WEIGHTS = "class weights"
THRESHOLD = "tuned threshold"
OVERSAMPLING = "random oversampling"
SMOTE = "smote-nc"
PLAIN_ARMS = (NONE, CLASS_WEIGHTS, THRESHOLD, OVERSAMPLING, SMOTE)
"""What needs no generator, from the simplest to the most elaborate."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of an arm on each untouched real test part; NaN where a part does not define it."""

    folds: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the folds that define it; NaN where none does."""
        known = [each for each in self.folds if not np.isnan(each)]
        return float(np.mean(known)) if known else float("nan")

    def to_json(self) -> dict[str, Any]:
        return {"mean": _finite(self.mean), "folds": [_finite(each) for each in self.folds]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Measure:
        return cls(tuple(float("nan") if each is None else each for each in value["folds"]))


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way to train, with what it reached on each untouched real test part."""

    mean: float
    """Of the measure that is judged by, and its folds (all repeats)."""
    folds: tuple[float, ...]
    difference: Interval | None = None
    """Against the arm "none", see `Verdict.difference`; None for that arm itself."""
    synthetic: bool = False
    """Whether it trains on samples of a generator."""
    adds_rows: bool = False
    """Whether its training data have rows that the real ones have not: a generator's, SMOTE's, copies."""
    classifier: str = ""
    """The downstream model that the inner folds chose most often for the best."""
    ratio: float | None = None
    """Positives per negative after adding rows, chosen likewise; None for an arm that adds none."""
    against_none: Posterior | None = None
    against_seat: Posterior | None = None
    """Against the plain arm in the seat (`Verdict.seat`): what decides whether a generator is recommended. None for
    that arm itself."""
    against_simplest: Posterior | None = None
    """Against the simplest arm that is surely (`Verdict.sure`) better than nothing added; None where none is, for that
    arm and those before it."""
    measures: Mapping[str, Measure] = field(default_factory=dict)
    """Every measure by name (`measures.MEASURES`), the one judged by among them."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """JSON values that differ by kind of arm: rows added per fold, copies dropped, seconds, reliability."""

    @property
    def p_better_than_none(self) -> float | None:
        """P(better than nothing added by more than the region of practical equivalence)."""
        return None if self.against_none is None else self.against_none.better

    @property
    def p_better_than_seat(self) -> float | None:
        """P(better than the plain arm in the seat by more than the region of practical equivalence)."""
        return None if self.against_seat is None else self.against_seat.better

    def to_json(self) -> dict[str, Any]:
        return {
            "mean": self.mean,
            "folds": list(self.folds),
            "difference": None if self.difference is None else self.difference.to_json(),
            "synthetic": self.synthetic,
            "adds_rows": self.adds_rows,
            "classifier": self.classifier,
            "ratio": self.ratio,
            "p_better_than_none": self.p_better_than_none,
            "p_better_than_seat": self.p_better_than_seat,
            "against_none": None if self.against_none is None else self.against_none.to_json(),
            "against_seat": None if self.against_seat is None else self.against_seat.to_json(),
            "against_simplest": None if self.against_simplest is None else self.against_simplest.to_json(),
            "measures": {name: each.to_json() for name, each in self.measures.items()},
            **({"details": dict(self.details)} if self.details else {}),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Arm:
        """The inverse of `to_json`; an arm written before it was held against the seat is not."""
        seated = value.get("against_seat")
        return cls(
            mean=value["mean"],
            folds=tuple(value["folds"]),
            difference=None if value["difference"] is None else Interval(**value["difference"]),
            synthetic=value["synthetic"],
            adds_rows=value["adds_rows"],
            classifier=value["classifier"],
            ratio=value["ratio"],
            against_none=None if value["against_none"] is None else Posterior(**value["against_none"]),
            against_seat=None if seated is None else Posterior(**seated),
            against_simplest=None if value["against_simplest"] is None else Posterior(**value["against_simplest"]),
            measures={name: Measure.from_json(each) for name, each in value["measures"].items()},
            details=value.get("details", {}),
        )


@dataclass(frozen=True, slots=True)
class Curve:
    """A precision–recall curve of one fold, thinned to at most 200 points, recall rising."""

    recall: tuple[float, ...]
    precision: tuple[float, ...]

    def to_json(self) -> dict[str, list[float]]:
        return {"recall": list(self.recall), "precision": list(self.precision)}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The answer; `str(verdict)` is the sentence."""

    sentence: str
    recommended: str
    """Name of the arm to use: a key of `arms`."""
    measure: str
    """"average precision" or "accuracy": the share that the arms' figures are."""
    arms: dict[str, Arm]
    """From the simplest to the most elaborate."""
    n_rows: int
    n_positive: int | None
    """Rows of the class looked for; None where there are more than two classes."""
    base_rate: float
    """What guessing reaches: the positives' share (average precision), the largest class's share
    (accuracy)."""
    classifier: str = ""
    """Of the recommended arm."""
    test_to_train: float = 0.25
    """Rows of a test part over rows of its training part: the correction of the intervals rests on it."""
    resolution: float = 0.0
    """The step in which the measure of one fold moves; no interval is narrower than that allows."""
    level: float = LEVEL
    rope: float = ROPE
    """Half the width of the region of practical equivalence."""
    sure: float = SURE
    """The probability from which on an arm is called better, or worse."""
    prior: Prior | None = None
    """What effects were expected of arms before; None: any size alike."""
    seat: str = NONE
    """The plain arm in the seat: the simplest sufficient one of those without a generator, against which every
    generator is held, and the one to use where no synthetic data may be."""
    outcome: str = ""
    """Of the synthetic arm spoken of against the plain arm in the seat: "helped", "no help", "undecided"
    or "harmed"; "unlearned" where nothing clearly beats guessing, and "none" is recommended; "" without a synthetic
    arm."""
    lacking: int | None = None
    """Where undecided: about how many more of the class looked for would settle it; None where it cannot be said."""
    curves: dict[str, tuple[Curve, ...]] = field(default_factory=dict)
    """By arm, one a fold; empty where the measure has none."""
    notices: tuple[str, ...] = ()

    def difference(self, arm: str, against: str = NONE) -> Interval:
        """What `arm` is to be expected to reach more than `against` on new rows, from the folds' paired differences and
        the prior. Raises `UnknownNameError` for no such arm."""
        return credible_interval(
            self._differences(arm, against),
            test_to_train=self.test_to_train,
            level=self.level,
            resolution=self.resolution,
            prior=self.prior,
        )

    def posterior(self, arm: str, against: str = NONE) -> Posterior:
        """How probable it is that `arm` is better than `against`, paired by fold; raises as `difference` does."""
        return correlated_posterior(
            self._differences(arm, against),
            test_to_train=self.test_to_train,
            rope=self.rope,
            resolution=self.resolution,
            prior=self.prior,
        )

    @property
    def beats_guessing(self) -> bool:
        """Whether the recommended arm is clearly above the base rate."""
        return beats(self.arms[self.recommended].folds, self.base_rate, self.test_to_train, self.level)

    @property
    def harmful(self) -> tuple[str, ...]:
        """The arms that are surely worse than nothing added; none where the folds are too few to tell."""
        if len(self.arms[NONE].folds) < LEAST_FOLDS:
            return ()
        posteriors = {name: arm.against_none for name, arm in self.arms.items()}
        return tuple(name for name, each in posteriors.items() if each is not None and each.worse >= self.sure)

    def plot(self, ax: Any = None) -> Any:
        """Every arm's folds and mean as a picture; gives back the matplotlib `Axes`, see `plots.plot_verdict`."""
        from ganforge.downstream.plots import plot_verdict

        return plot_verdict(self, ax)

    def to_json(self) -> dict[str, Any]:
        judged = self.measure.replace(" ", "_")
        return {
            "sentence": self.sentence,
            "recommended": self.recommended,
            "seat": self.seat,
            "outcome": self.outcome,
            "measure": self.measure,
            "classifier": self.classifier,
            "arms": {name: {judged: Measure(arm.folds).to_json(), **arm.to_json()} for name, arm in self.arms.items()},
            "n_rows": self.n_rows,
            "n_positive": self.n_positive,
            "base_rate": self.base_rate,
            "beats_guessing": self.beats_guessing,
            "harmful": list(self.harmful),
            "lacking": self.lacking,
            "test_to_train": self.test_to_train,
            "resolution": self.resolution,
            "level": self.level,
            "rope": self.rope,
            "sure": self.sure,
            "prior": None if self.prior is None else self.prior.to_json(),
            "curves": {name: [each.to_json() for each in folds] for name, folds in self.curves.items()},
            "notices": list(self.notices),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Verdict:
        """The inverse of `to_json`; a verdict written before there was a prior has a flat one, and one written before
        there was a seat gives it to "none"."""
        prior = value.get("prior")
        curves = {
            name: tuple(Curve(tuple(each["recall"]), tuple(each["precision"])) for each in folds)
            for name, folds in value["curves"].items()
        }
        plain = ("sentence", "recommended", "outcome", "measure", "classifier", "n_rows", "n_positive", "base_rate")
        plain = (*plain, "test_to_train", "resolution", "level", "rope", "sure", "lacking")
        return cls(
            arms={name: Arm.from_json(arm) for name, arm in value["arms"].items()},
            curves=curves,
            notices=tuple(value["notices"]),
            prior=None if prior is None else Prior.from_json(prior),
            seat=value.get("seat", NONE),
            **{name: value[name] for name in plain},
        )

    def __str__(self) -> str:
        return self.sentence

    def _differences(self, arm: str, against: str) -> list[float]:
        for name in (arm, against):
            if name not in self.arms:
                raise UnknownNameError("arm", name, self.arms, where="this verdict")
        return np.subtract(self.arms[arm].folds, self.arms[against].folds).tolist()


def beats(folds: tuple[float, ...], base_rate: float, test_to_train: float, level: float) -> bool:
    """Whether the lift over guessing (a ratio, so on the log scale: few positives skew it) is clearly above 1."""
    lifts = np.log(np.maximum(folds, 1e-12) / base_rate).tolist()
    return corrected_interval(lifts, test_to_train=test_to_train, level=level).above_zero


def _finite(value: float) -> float | None:
    return None if np.isnan(value) else value
