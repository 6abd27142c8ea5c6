"""From the folds of every arm to one answer.

    folds' measures by arm ─▶ conclude ─▶ Verdict (one sentence, the arm to use, and what it rests on)

Arms come from the simplest to the most elaborate. One arm holds the seat, at first "none"; a more elaborate one takes
it only where it is better by more than the region of practical equivalence (`posteriors`): an arm without a generator
where that is likelier than not, one with a generator where its probability is `sure` at least. Of several generators
that are, the simplest is taken that none of the others surely beats. So the simplest sufficient arm wins, and "do not
augment" is an answer; so is "too few rows to tell".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ganforge.downstream.arms import NONE, Arm, Curve, Measure, Verdict, beats
from ganforge.downstream.intervals import LEAST_FOLDS, LEVEL
from ganforge.downstream.posteriors import LIKELIER, ROPE, SURE, UNLIKELY, Prior, samples_lacking
from ganforge.downstream.sentence import Finding, state
from ganforge.errors import InputError, UnknownNameError


def conclude(
    folds: Mapping[str, Sequence[float]],
    *,
    synthetic: Sequence[str],
    measure: str,
    classifier: str | Mapping[str, str],
    n_rows: int,
    n_positive: int | None,
    base_rate: float,
    test_to_train: float,
    resolution: float = 0.0,
    level: float = LEVEL,
    rope: float = ROPE,
    sure: float = SURE,
    likelier: float = LIKELIER,
    prior: Prior | None = None,
    what: str = "rows",
    adds_rows: Sequence[str] = (),
    ratios: Mapping[str, float | None] | None = None,
    measures: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
    curves: Mapping[str, Sequence[Curve]] | None = None,
    details: Mapping[str, Mapping[str, Any]] | None = None,
    notices: Sequence[str] = (),
) -> Verdict:
    """The verdict over measured arms.

    Args:
        folds: by arm, from the simplest ("none", which must be first) to the most elaborate, one measure (a share, the
            higher the better) a fold, in the same order of folds and repeats.
        synthetic: the arms that train on a generator's samples. Each is held against the plain arm in the seat. The one
            spoken of is the one that is recommended; where none is, the one with the highest mean of those that may
            help, or of all.
        what: what such samples are called ("rows", "pictures").
        measure, base_rate, test_to_train, resolution, level, rope, sure, prior: see `Verdict`.
        likelier: the probability from which on an arm without a generator takes the seat from a simpler one.
        classifier: of all arms, or by arm.
        adds_rows: arms beside the synthetic ones that add rows; ratios: of those that do.
        measures: by arm and name, further measures, one a fold.

    Of fewer than `LEAST_FOLDS` folds no arm takes the seat of "none", and the outcome is "undecided" at most. Where
    no arm clearly beats guessing, "none" is recommended.

    Raises `UnknownNameError` when "none" or a synthetic arm is not measured, `InputError` when "none" is not first.
    """
    for name in (NONE, *synthetic):
        if name not in folds:
            raise UnknownNameError("arm", name, folds, where="the measured arms")
    if next(iter(folds)) != NONE:
        raise InputError(f"the first arm is {next(iter(folds))!r}; give {NONE!r} first, then from the simplest on")
    models = classifier if isinstance(classifier, Mapping) else dict.fromkeys(folds, classifier)
    arms = {
        name: Arm(
            mean=float(np.mean(values)),
            folds=tuple(float(value) for value in values),
            synthetic=name in synthetic,
            adds_rows=name in synthetic or name in adds_rows,
            classifier=models[name],
            ratio=(ratios or {}).get(name),
            measures={key: Measure(tuple(each)) for key, each in (measures or {}).get(name, {}).items()},
            details=dict((details or {}).get(name, {})),
        )
        for name, values in folds.items()
    }
    draft = Verdict(
        sentence="",
        recommended=NONE,
        measure=measure,
        arms=arms,
        n_rows=n_rows,
        n_positive=n_positive,
        base_rate=base_rate,
        test_to_train=test_to_train,
        resolution=resolution,
        level=level,
        rope=rope,
        sure=sure,
        prior=prior,
        curves={name: tuple(each) for name, each in (curves or {}).items()},
        notices=tuple(notices),
    )
    enough = len(folds[NONE]) >= LEAST_FOLDS
    seat = _seat(draft, [name for name in folds if name not in synthetic], likelier) if enough else NONE
    draft = replace(draft, seat=seat, arms=_compared(draft, seat))
    best = _spoken_of(draft, [name for name in folds if name in synthetic])
    posterior = None if best is None else draft.arms[best].against_seat
    helped = enough and posterior is not None and posterior.better >= sure
    recommended = best if best is not None and helped else seat
    learned = any(beats(arm.folds, base_rate, test_to_train, level) for arm in arms.values())
    if not learned:  # which arm is the better guess is no reason to add rows
        recommended = seat = NONE
        draft = replace(draft, seat=seat, arms=_compared(draft, seat))
    lacking = None
    if posterior is not None:
        counted = n_rows if n_positive is None else n_positive
        lacking = samples_lacking(posterior, samples=counted, rope=rope, sure=sure, prior=prior)
    outcome, sentence = state(
        Finding(
            seat=seat,
            seat_arm=arms[seat],
            best=best,
            best_arm=None if best is None else arms[best],
            difference=None if best is None else draft.difference(best, seat),
            posterior=posterior,
            sure=sure,
            lacking=lacking,
            harmful=tuple(name for name in draft.harmful if name not in (seat, best)),
            measure=measure,
            base_rate=base_rate,
            learned=learned,
            what=what,
            counted=what if n_positive is None else "positives",
            folds=len(folds[NONE]),
        )
    )
    return replace(
        draft,
        sentence=sentence,
        outcome=outcome,
        recommended=recommended,
        classifier=models[recommended],
        lacking=lacking if outcome == "undecided" and enough else None,
    )


def _seat(verdict: Verdict, plain: Sequence[str], likelier: float) -> str:
    """The simplest sufficient one of the arms without a generator."""
    seat = NONE
    for name in plain:
        if name != NONE and verdict.posterior(name, seat).better >= likelier:
            seat = name
    return seat


def _spoken_of(verdict: Verdict, generating: Sequence[str]) -> str | None:
    """The simplest of the generators that surely beat the seat and that none of these surely beats in turn; where none
    beats it, the one with the highest mean of those that may: as long as one may help, the answer is open."""
    better = {name: verdict.posterior(name, verdict.seat).better for name in generating}
    passing = [name for name in generating if better[name] >= verdict.sure]
    for name in passing:
        # Who has the highest mean is never passed over, so that there always is one.
        above = [each for each in passing if verdict.arms[each].mean > verdict.arms[name].mean]
        if not any(verdict.posterior(each, name).better >= verdict.sure for each in above):
            return name
    may = [name for name in generating if better[name] > UNLIKELY]
    return max(may or generating, key=lambda name: verdict.arms[name].mean, default=None)


def _compared(verdict: Verdict, seat: str) -> dict[str, Arm]:
    """The arms with their differences: to nothing added, to the arm in the seat, to the simplest that surely helps."""
    posteriors = {name: verdict.posterior(name) for name in verdict.arms if name != NONE}
    simplest = next((name for name, each in posteriors.items() if each.better >= verdict.sure), None)
    names = list(verdict.arms)
    later = names[names.index(simplest) + 1 :] if simplest is not None else []
    return {
        name: replace(
            arm,
            difference=None if name == NONE else verdict.difference(name),
            against_none=posteriors.get(name),
            against_seat=None if name == seat else verdict.posterior(name, seat),
            against_simplest=verdict.posterior(name, simplest) if simplest is not None and name in later else None,
        )
        for name, arm in verdict.arms.items()
    }
