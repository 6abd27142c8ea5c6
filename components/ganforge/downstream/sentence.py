"""One plain sentence, with numbers and how sure they are, for people who will not read the rest."""

from __future__ import annotations

from dataclasses import dataclass

from ganforge.downstream.arms import CLASS_WEIGHTS, NONE, OVERSAMPLING, SMOTE, THRESHOLD, Arm
from ganforge.downstream.intervals import LEAST_FOLDS, Interval
from ganforge.downstream.posteriors import HOPELESS, UNLIKELY, Posterior

_NAMES = {
    "ctgan": "CTGAN",
    "ctgan-tuned": "CTGAN",
    "dcgan": "DCGAN",
    "tvae": "TVAE",
    "f-anogan": "f-AnoGAN",
    SMOTE: "SMOTE-NC",
    THRESHOLD: "a tuned threshold",
}
_ADVICE = {
    NONE: "Do not augment.",
    CLASS_WEIGHTS: "Do not augment.",
    THRESHOLD: "Do not augment.",
    OVERSAMPLING: "Copy scarce {what}, no generator is needed.",
    SMOTE: "Augment with SMOTE-NC, no GAN is needed.",
}
_REMEDY = {
    "rows": "more rows of the scarce class, or columns that tell it apart",
    "pictures": "more real pictures, or a longer training of the classifier",
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What the sentence is made of."""

    seat: str
    """The simplest sufficient plain arm."""
    seat_arm: Arm
    best: str | None
    """The synthetic arm spoken of; None where none was asked for."""
    best_arm: Arm | None
    difference: Interval | None
    """best − seat, and how probable it is that this is a gain."""
    posterior: Posterior | None
    sure: float
    lacking: int | None
    harmful: tuple[str, ...]
    """Other arms that are surely worse than nothing."""
    measure: str
    base_rate: float
    learned: bool
    what: str
    counted: str
    """What more of would settle an open question: "positives", "pictures"."""
    folds: int


def state(found: Finding) -> tuple[str, str]:
    """(outcome, sentence).

    Outcomes of the synthetic arm spoken of against the seat: "helped" (better beyond the region of practical
    equivalence, with a probability of `sure`), "harmed" (worse, likewise), "no help" (better with less than
    `UNLIKELY`), "undecided" (anything between, or fewer folds than `LEAST_FOLDS`); "unlearned" when nothing beats
    guessing; "" when no synthetic arm was asked for.
    """
    outcome = _outcome(found)
    return outcome, _sentence(found, outcome)


def _outcome(found: Finding) -> str:
    few = found.folds < LEAST_FOLDS
    if not found.learned and not few:
        return "unlearned"
    if found.best is None or found.posterior is None:
        return ""
    if few:
        return "undecided"
    if found.posterior.better >= found.sure:
        return "helped"
    if found.posterior.worse >= found.sure:
        return "harmed"
    return "no help" if found.posterior.better <= UNLIKELY else "undecided"


def _sentence(found: Finding, outcome: str) -> str:
    seat, classifier, measure = found.seat, found.seat_arm.classifier, found.measure
    reached = f"{_subject(seat, classifier)} {_share(found.seat_arm.mean)} {measure}"
    if outcome == "unlearned":
        return (
            f"Do not augment: nothing was learned. {_capital(reached)} where guessing gives "
            f"{_share(found.base_rate)}; {_REMEDY.get(found.what, _REMEDY['rows'])}, would help more than synthetic "
            f"{found.what}."
        )
    if found.best is None or found.best_arm is None or found.difference is None:
        advice = f"{_advice(found)} " if seat not in (NONE, CLASS_WEIGHTS, THRESHOLD) else ""
        return f"{advice}{_capital(reached)}{_warning(found)}."
    name, span = display_name(found.best), _span(found.difference)
    if found.folds < LEAST_FOLDS:
        return (
            f"Do not augment yet: {found.folds} folds are too few to tell, {LEAST_FOLDS} are needed. "
            f"{_capital(reached)}; {name}'s {found.what} change that by {signed(found.difference.mean)} here, "
            "which may be chance."
        )
    if outcome == "helped":
        return f"Augment. {_gain(found, span)}{_warning(found)}."
    advice = _advice(found)
    change = f"{_capital(reached)}; {name}'s {found.what}{_other_model(found)} change that by {span}"
    if outcome == "harmed":
        verb = "do harm" if seat == NONE else "do worse"
        return f"{advice.rstrip('.')}: {name}'s {found.what} {verb}. {change}{_warning(found)}."
    if outcome == "no help":
        return f"{advice} {change}{_warning(found)}."
    if found.lacking is None:
        more = f"even {HOPELESS} times as many {found.counted} might not do"
    else:
        more = f"about {found.lacking:,} more {found.counted} would do"
    few = f"there are too few {found.what} to tell"
    if seat in (NONE, CLASS_WEIGHTS, THRESHOLD):
        opening = f"Do not augment yet: {few}"
    else:  # it has rows added already: what is open is the generator
        opening = f"{advice.rstrip('.')} yet: {few} whether {name}'s do better"
    return f"{opening}; {more}. {change}, which may be chance{_warning(found)}."


def _advice(found: Finding) -> str:
    enough = f"{_capital(display_name(found.seat))} {'are' if found.seat.endswith('s') else 'is'} enough."
    return _ADVICE.get(found.seat, enough).format(what=found.what)


def _gain(found: Finding, span: str) -> str:
    """What was reached without and with the synthetic rows, and the gain, which is less than the folds show where
    effects as large are rare. Where the two have different classifiers, no word makes the gain the rows' alone."""
    assert found.best is not None
    assert found.best_arm is not None
    assert found.difference is not None
    rows = f"{display_name(found.best)}'s {found.what}"
    without, reached = _share(found.seat_arm.mean), _share(found.best_arm.mean)
    plain = _bare(found.seat, found.seat_arm.classifier)
    shown = found.best_arm.mean - found.seat_arm.mean
    lasting = None if abs(shown - found.difference.mean) < 0.005 else f"; on new rows {span} is to be expected"
    if found.best_arm.classifier == found.seat_arm.classifier:
        gain = f"{_capital(rows)} lift {plain} from {without} to {reached} {found.measure}"
        return gain + (lasting or f", by {span}")
    model = found.best_arm.classifier.replace("-", " ")
    beside = f"{plain} with nothing added" if found.seat == NONE else plain
    gain = f"{_capital(model)} with {rows} reaches {reached} {found.measure}, {beside} {without}"
    return gain + (lasting or f": a gain of {span}")


def _other_model(found: Finding) -> str:
    """Names the synthetic arm's classifier where it is another one than the seat's."""
    assert found.best_arm is not None
    model = found.best_arm.classifier
    return "" if model == found.seat_arm.classifier else f" with {model.replace('-', ' ')}"


def _warning(found: Finding) -> str:
    if not found.harmful:
        return ""
    names = [display_name(each) for each in found.harmful]
    last = ", and " if any(" and " in each for each in names) else " and "
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])}{last}{names[-1]}"
    plural = len(names) > 1 or names[0].endswith("s")
    return f"; {listed} {'do' if plural else 'does'} harm"


def display_name(kind: str) -> str:
    """How a sentence calls a synthesizer: "ctgan" → "CTGAN", "reference-tvae" → "reference TVAE",
    "shifts and dcgan" → "shifts and DCGAN"."""
    if " and " in kind:
        return " and ".join(display_name(each) for each in kind.split(" and "))
    head, _, tail = kind.rpartition("-")
    if kind not in _NAMES and head == "reference":
        return f"reference {_NAMES.get(tail, tail)}"
    return _NAMES.get(kind, kind)


def signed(value: float, digits: int = 2) -> str:
    """A difference of shares: "+.04", "−.01", ".00"."""
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return text.removeprefix("0")
    return ("−" if value < 0 else "+") + text.removeprefix("0")


def _share(value: float) -> str:
    text = f"{value:.2f}" if value >= 0.1 or value == 0 else f"{value:.3f}"
    return text.removeprefix("0")


def _span(difference: Interval) -> str:
    digits = 3 if difference.high - difference.low < 0.02 else 2  # two would say "between .00 and .00" …
    nearest = min(abs(difference.low), abs(difference.high))
    while (difference.above_zero or difference.below_zero) and digits < 6 and round(nearest, digits) == 0:
        digits += 1  # … or let a clear answer seem to touch zero
    mean, low, high = (signed(value, digits) for value in (difference.mean, difference.low, difference.high))
    return f"{mean} ({100 * difference.level:.0f} % between {low} and {high})"


def _subject(arm: str, classifier: str) -> str:
    """ "gradient boosting with nothing added reaches", "class weights with gradient boosting reach"."""
    model = classifier.replace("-", " ")
    if arm == NONE:
        return f"{model} with nothing added reaches"
    return f"{display_name(arm)} with {model} {'reach' if arm.endswith('s') else 'reaches'}"


def _bare(arm: str, classifier: str) -> str:
    model = classifier.replace("-", " ")
    return model if arm == NONE else f"{model} with {display_name(arm)}"


def _capital(text: str) -> str:
    return text if text.startswith("f-") else text[:1].upper() + text[1:]
