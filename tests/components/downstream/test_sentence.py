"""The sentence: which outcome, which words, which numbers."""

import pytest

from ganforge.downstream.arms import Verdict, conclude
from ganforge.downstream.sentence import display_name, signed
from ganforge.errors import UnknownNameError

PLAIN = [0.70, 0.72, 0.71, 0.69, 0.73]


def verdict(*, weights=None, ctgan=None, base_rate=0.05, **more):
    folds = {"none": PLAIN}
    if weights is not None:
        folds["class weights"] = weights
    if ctgan is not None:
        folds["ctgan"] = ctgan
    told = {"measure": "average precision", "classifier": "gradient-boosting", "n_rows": 1000, "n_positive": 50}
    told |= {"base_rate": base_rate, "test_to_train": 0.25, **more}
    return conclude(folds, synthetic=["ctgan"] if ctgan is not None else [], **told)


def shifted(by, wobble=0.0):
    signs = (1, -1, 1, -1, 0)
    return [value + by + wobble * sign for value, sign in zip(PLAIN, signs, strict=True)]


def test_no_help():
    found = verdict(weights=shifted(0.0, 0.01), ctgan=shifted(-0.01, 0.02))
    assert (found.outcome, found.recommended) == ("no help", "none")
    assert str(found) == (
        "Do not augment. Gradient boosting with nothing added reaches .71 average precision; CTGAN's rows change that "
        "by −.01 (90 % between −.04 and +.02)."
    )


def test_the_simplest_sufficient_arm_is_what_synthetic_rows_have_to_beat():
    found = verdict(weights=shifted(0.10, 0.01), ctgan=shifted(0.09, 0.02))
    assert (found.outcome, found.recommended) == ("no help", "class weights")
    assert found.sentence.startswith(
        "Do not augment. Class weights with gradient boosting reach .81 average precision; CTGAN's rows change that by "
        "−.01 (90 % between"
    )
    assert found.arms["ctgan"].difference.above_zero  # better than nothing, and still not worth it
    assert found.difference("ctgan", "class weights").mean == pytest.approx(-0.01)


def test_helped():
    found = verdict(weights=shifted(0.0, 0.01), ctgan=shifted(0.05, 0.01))
    assert (found.outcome, found.recommended) == ("helped", "ctgan")
    assert found.sentence == (
        "Augment. CTGAN's rows lift gradient boosting from .71 to .76 average precision, by +.05 (90 % between +.04 "
        "and +.06)."
    )


@pytest.mark.parametrize(
    "differences", [(-0.085, -0.082), (0.083, 0.084), (0.08, 0.08, 0.08), (-0.3, -0.3, -0.3, -0.3)]
)
def test_few_folds_that_agree_by_accident_conclude_nothing(differences):
    plain = PLAIN[: len(differences)]
    better = [value + 0.05 for value in plain]
    added = [value + each for value, each in zip(plain, differences, strict=True)]
    told = {"measure": "average precision", "classifier": "gradient-boosting", "n_rows": 1000, "n_positive": 50}
    folds = {"none": plain, "class weights": better, "ctgan": added}
    found = conclude(folds, synthetic=["ctgan"], base_rate=0.01, test_to_train=1.0, **told)
    assert (found.outcome, found.recommended) == ("undecided", "none")
    assert found.sentence.startswith(
        f"Do not augment yet: {len(plain)} folds are too few to tell, 5 are needed. Gradient boosting with nothing "
    )
    assert found.sentence.endswith("here, which may be chance.")


def test_folds_cannot_agree_more_closely_than_the_measure_resolves():
    """Five test parts of 4 positives that all say +.05: one positive alone moves the measure by .25."""
    fine, coarse = (verdict(ctgan=shifted(0.05), resolution=step) for step in (1 / 400, 1 / 4))
    assert (fine.outcome, coarse.outcome) == ("helped", "undecided")
    assert coarse.difference("ctgan") == coarse.arms["ctgan"].difference
    assert Verdict.from_json(coarse.to_json()) == coarse


def test_harmed():
    found = verdict(ctgan=shifted(-0.05, 0.01))
    assert (found.outcome, found.recommended) == ("harmed", "none")
    assert found.sentence.startswith("Do not augment: CTGAN's rows do harm. Gradient boosting with nothing added")
    assert "by −.05 (90 % between −.06 and −.04)" in found.sentence


def test_undecided():
    found = verdict(ctgan=shifted(0.03, 0.06))
    assert (found.outcome, found.recommended) == ("undecided", "none")
    assert found.sentence.startswith("Do not augment yet: there are too few rows to tell.")
    assert found.sentence.endswith("which may be chance.")


def test_unlearned():
    found = verdict(ctgan=shifted(0.0, 0.01), base_rate=0.71)
    assert found.outcome == "unlearned"
    assert not found.beats_guessing
    assert "where guessing gives .71" in found.sentence


def test_a_high_lift_is_learning_however_much_the_folds_differ():
    """On few positives folds differ widely and upwards: .24 where guessing gives .037 is no "nothing was learned"."""
    told = {"measure": "average precision", "classifier": "random-forest", "n_rows": 1600, "n_positive": 60}
    folds = {"none": [0.26, 0.14, 0.26, 0.08, 0.45]}
    assert conclude(folds, synthetic=[], base_rate=0.037, test_to_train=0.25, **told).beats_guessing
    assert not conclude(folds, synthetic=[], base_rate=0.2, test_to_train=0.25, **told).beats_guessing


def test_without_a_synthetic_arm_there_is_nothing_to_advise():
    found = verdict(weights=shifted(0.0, 0.01))
    assert (found.outcome, found.sentence) == (
        "",
        "Gradient boosting with nothing added reaches .71 average precision.",
    )


def test_a_clear_answer_never_seems_to_touch_zero():
    found = verdict(ctgan=shifted(0.0145, 0.01))
    assert 0 < found.arms["ctgan"].difference.low < 0.0005
    assert "(90 % between +.0002 and" in found.sentence


def test_pictures_are_called_so():
    found = verdict(ctgan=shifted(0.05, 0.01), what="pictures", measure="accuracy")
    assert "CTGAN's pictures lift" in found.sentence
    assert "accuracy" in found.sentence


def test_the_best_of_several_synthesizers_is_the_one_spoken_of():
    told = {"measure": "average precision", "classifier": "random-forest", "n_rows": 10, "n_positive": 5}
    found = conclude(
        {"none": PLAIN, "ctgan": shifted(0.02, 0.01), "reference-tvae": shifted(0.06, 0.01)},
        synthetic=["ctgan", "reference-tvae"],
        base_rate=0.1,
        test_to_train=0.25,
        **told,
    )
    assert found.recommended == "reference-tvae"
    assert found.sentence.startswith("Augment. Reference TVAE's rows lift random forest")


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(0.04, 2, "+.04"), (-0.01, 2, "−.01"), (0.0049, 2, ".00"), (-0.0049, 3, "−.005"), (1.2, 2, "+1.20")],
)
def test_signed(value, digits, text):
    assert signed(value, digits) == text


def test_display_names():
    assert [display_name(kind) for kind in ("ctgan", "reference-ctgan", "dcgan", "copula")] == [
        "CTGAN",
        "reference CTGAN",
        "DCGAN",
        "copula",
    ]


def test_a_verdict_goes_through_json():
    found = verdict(
        weights=shifted(0.0, 0.01),
        ctgan=shifted(0.05, 0.01),
        details={"ctgan": {"rows_added": [10] * 5}},
        notices=["one"],
    )
    assert Verdict.from_json(found.to_json()) == found


def test_unknown_arms_are_named():
    with pytest.raises(UnknownNameError, match="did you mean 'ctgan'"):
        verdict(ctgan=PLAIN).difference("ctgna")
    with pytest.raises(UnknownNameError, match="no arm 'none'"):
        conclude(
            {"ctgan": PLAIN},
            synthetic=["ctgan"],
            measure="accuracy",
            classifier="x",
            n_rows=1,
            n_positive=None,
            base_rate=0.5,
            test_to_train=0.25,
        )
