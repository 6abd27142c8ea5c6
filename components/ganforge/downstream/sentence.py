"""One plain sentence, with numbers and how sure they are, for people who will not read the rest."""

from __future__ import annotations

from ganforge.downstream.intervals import LEAST_FOLDS, Interval

WORTHWHILE = 0.01
"""A mean change (of the measure, a share) below this is nothing anybody would act on."""
POSSIBLE = 0.05
"""When an interval reaches both below zero and above this, the folds are too few to say "no help"."""

_NAMES = {"ctgan": "CTGAN", "dcgan": "DCGAN", "tvae": "TVAE", "f-anogan": "f-AnoGAN"}


def state(
    *,
    seat: str,
    seat_mean: float,
    best: str | None,
    best_mean: float | None,
    difference: Interval | None,
    measure: str,
    classifier: str,
    base_rate: float,
    learned: bool,
    what: str,
    folds: int = LEAST_FOLDS,
) -> tuple[str, str]:
    """(outcome, sentence) for the plain arm `seat` and the `best` synthetic arm, `difference` = best − seat.

    Outcomes: "helped" (the interval lies above zero), "harmed" (below), "undecided" (it spans zero and the
    gain may well be worth having, or the folds are fewer than `LEAST_FOLDS`), "no help"; "unlearned" when nothing beats
    guessing; "" when no synthetic arm was asked for.
    """
    reached = f"{_subject(seat, classifier)} {_share(seat_mean)} {measure}"
    if not learned:
        return "unlearned", (
            f"Do not augment: nothing was learned. {_capital(reached)} where guessing gives "
            f"{_share(base_rate)}; more rows of the scarce class, or columns that tell it apart, would help "
            f"more than synthetic {what}."
        )
    if best is None or best_mean is None or difference is None:
        return "", f"{_capital(reached)}."
    name, span = display_name(best), _span(difference)
    if folds < LEAST_FOLDS:
        return "undecided", (
            f"Do not augment yet: {folds} folds are too few to tell, {LEAST_FOLDS} are needed. {_capital(reached)}; "
            f"{name}'s {what} change that by {signed(difference.mean)} here, which may be chance."
        )
    change = f"{_capital(reached)}; {name}'s {what} change that by {span}"
    if difference.above_zero:
        return "helped", (
            f"Augment. {_capital(name)}'s {what} lift {_bare(seat, classifier)} from {_share(seat_mean)} to "
            f"{_share(best_mean)} {measure}, by {span}."
        )
    if difference.below_zero:
        return "harmed", f"Do not augment: {name}'s {what} do harm. {change}."
    if difference.mean > WORTHWHILE or difference.high > POSSIBLE:
        return "undecided", (f"Do not augment yet: there are too few rows to tell. {change}, which may be chance.")
    return "no help", f"Do not augment. {change}."


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
    if arm == "none":
        return f"{model} with nothing added reaches"
    return f"{arm} with {model} {'reach' if arm.endswith('s') else 'reaches'}"


def _bare(arm: str, classifier: str) -> str:
    model = classifier.replace("-", " ")
    return model if arm == "none" else f"{model} with {arm}"


def _capital(text: str) -> str:
    return text if text.startswith("f-") else text[:1].upper() + text[1:]
