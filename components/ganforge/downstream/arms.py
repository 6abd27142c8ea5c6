"""Does synthetic data help? What every judgement answers with, for tables and for pictures.

    folds' measures by arm ─▶ conclude ─▶ Verdict (one sentence, the arm to use, and what it rests on)

An *arm* is one way to train the downstream model: with nothing added, with class weights, with a generator's
rows. Arms are listed from the simplest to the most elaborate; a more elaborate one takes the seat only when
it is clearly better than the arm that holds it, so the simplest sufficient arm wins and "do not augment" is
an answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ganforge.downstream.intervals import LEAST_FOLDS, LEVEL, Interval, corrected_interval
from ganforge.downstream.sentence import state
from ganforge.errors import UnknownNameError

NONE = "none"
CLASS_WEIGHTS = "class weights"


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way to train, with what it reached on each untouched real test part."""

    mean: float
    folds: tuple[float, ...]
    difference: Interval | None = None
    """Against the arm "none", paired by fold; None for that arm itself."""
    synthetic: bool = False
    """Whether it trains on generated samples."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """JSON values that differ by kind of arm: rows added per fold, copies dropped, seconds."""

    def to_json(self) -> dict[str, Any]:
        return {
            "mean": self.mean,
            "folds": list(self.folds),
            "difference": None if self.difference is None else self.difference.to_json(),
            "synthetic": self.synthetic,
            **({"details": dict(self.details)} if self.details else {}),
        }


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
    test_to_train: float = 0.25
    """Rows of a test part over rows of its training part: the correction of the intervals rests on it."""
    resolution: float = 0.0
    """The step in which the measure of one fold moves; no interval is narrower than that allows."""
    level: float = LEVEL
    outcome: str = ""
    """Of the best synthetic arm against the plain arm that holds the seat: "helped", "no help", "undecided"
    or "harmed"; "unlearned" where not even the best arm beats guessing; "" without a synthetic arm."""
    curves: dict[str, tuple[Curve, ...]] = field(default_factory=dict)
    """By arm, one a fold; empty where the measure has none."""
    notices: tuple[str, ...] = ()

    def difference(self, arm: str, against: str = NONE) -> Interval:
        """What `arm` reaches more than `against`, paired by fold. Raises `UnknownNameError` for no such arm."""
        for name in (arm, against):
            if name not in self.arms:
                raise UnknownNameError("arm", name, self.arms, where="this verdict")
        told = (self.test_to_train, self.level, self.resolution)
        return _difference(self.arms[arm].folds, self.arms[against].folds, *told)

    @property
    def beats_guessing(self) -> bool:
        """Whether the recommended arm is clearly above the base rate."""
        return _beats(self.arms[self.recommended].folds, self.base_rate, self.test_to_train, self.level)

    def to_json(self) -> dict[str, Any]:
        return {
            "sentence": self.sentence,
            "recommended": self.recommended,
            "outcome": self.outcome,
            "measure": self.measure,
            "classifier": self.classifier,
            "arms": {name: arm.to_json() for name, arm in self.arms.items()},
            "n_rows": self.n_rows,
            "n_positive": self.n_positive,
            "base_rate": self.base_rate,
            "beats_guessing": self.beats_guessing,
            "test_to_train": self.test_to_train,
            "resolution": self.resolution,
            "level": self.level,
            "curves": {name: [each.to_json() for each in folds] for name, folds in self.curves.items()},
            "notices": list(self.notices),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Verdict:
        """The inverse of `to_json`."""
        arms = {
            name: Arm(
                mean=arm["mean"],
                folds=tuple(arm["folds"]),
                difference=None if arm["difference"] is None else Interval(**arm["difference"]),
                synthetic=arm["synthetic"],
                details=arm.get("details", {}),
            )
            for name, arm in value["arms"].items()
        }
        curves = {
            name: tuple(Curve(tuple(each["recall"]), tuple(each["precision"])) for each in folds)
            for name, folds in value["curves"].items()
        }
        plain = ("sentence", "recommended", "outcome", "measure", "classifier", "n_rows", "n_positive")
        rest = {name: value[name] for name in (*plain, "base_rate", "test_to_train", "resolution", "level")}
        return cls(arms=arms, curves=curves, notices=tuple(value["notices"]), **rest)

    def __str__(self) -> str:
        return self.sentence


def conclude(
    folds: Mapping[str, Sequence[float]],
    *,
    synthetic: Sequence[str],
    measure: str,
    classifier: str,
    n_rows: int,
    n_positive: int | None,
    base_rate: float,
    test_to_train: float,
    resolution: float = 0.0,
    level: float = LEVEL,
    what: str = "rows",
    curves: Mapping[str, Sequence[Curve]] | None = None,
    details: Mapping[str, Mapping[str, Any]] | None = None,
    notices: Sequence[str] = (),
) -> Verdict:
    """The verdict over measured arms.

    `folds`: by arm, from the simplest ("none", which must be first) to the most elaborate, one measure (a
    share, the higher the better) a fold, in the same order of folds. `synthetic`: the arms that train on
    generated samples; `what` such samples are called ("rows", "pictures"). `resolution`: see
    `intervals.corrected_interval`. Of fewer than `LEAST_FOLDS` folds no arm takes the seat of "none", and the outcome
    is "undecided" at most.

    Raises `UnknownNameError` when "none" or a synthetic arm is not measured.
    """
    for name in (NONE, *synthetic):
        if name not in folds:
            raise UnknownNameError("arm", name, folds, where="the measured arms")

    def over(arm: str, against: str) -> Interval:
        return _difference(folds[arm], folds[against], test_to_train, level, resolution)

    enough = len(folds[NONE]) >= LEAST_FOLDS
    seat = NONE  # the simplest sufficient plain arm
    for name in folds:
        if enough and name not in synthetic and over(name, seat).above_zero:
            seat = name
    best = max(synthetic, key=lambda name: float(np.mean(folds[name])), default=None)
    against = None if best is None else over(best, seat)
    helped = enough and against is not None and against.above_zero
    recommended = best if best is not None and helped else seat
    learned = _beats(folds[recommended], base_rate, test_to_train, level)
    outcome, sentence = state(
        seat=seat,
        seat_mean=float(np.mean(folds[seat])),
        best=best,
        best_mean=None if best is None else float(np.mean(folds[best])),
        difference=against,
        measure=measure,
        classifier=classifier,
        base_rate=base_rate,
        learned=learned,
        what=what,
        folds=len(folds[NONE]),
    )
    arms = {
        name: Arm(
            mean=float(np.mean(values)),
            folds=tuple(float(value) for value in values),
            difference=None if name == NONE else over(name, NONE),
            synthetic=name in synthetic,
            details=dict((details or {}).get(name, {})),
        )
        for name, values in folds.items()
    }
    return Verdict(
        sentence=sentence,
        recommended=recommended,
        measure=measure,
        arms=arms,
        n_rows=n_rows,
        n_positive=n_positive,
        base_rate=base_rate,
        classifier=classifier,
        test_to_train=test_to_train,
        resolution=resolution,
        level=level,
        outcome=outcome,
        curves={name: tuple(each) for name, each in (curves or {}).items()},
        notices=tuple(notices),
    )


def _difference(
    arm: Sequence[float], against: Sequence[float], test_to_train: float, level: float, resolution: float
) -> Interval:
    differences = np.subtract(arm, against).tolist()
    return corrected_interval(differences, test_to_train=test_to_train, level=level, resolution=resolution)


def _beats(arm: Sequence[float], base_rate: float, test_to_train: float, level: float) -> bool:
    """Whether the lift over guessing (a ratio, so on the log scale: few positives skew it) is clearly above 1."""
    lifts = np.log(np.maximum(arm, 1e-12) / base_rate).tolist()
    return corrected_interval(lifts, test_to_train=test_to_train, level=level).above_zero
