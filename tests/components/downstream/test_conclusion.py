"""From folds to the answer: which arm, which outcome, which words, which numbers."""

import json

import numpy as np
import pytest

from ganforge.downstream.arms import Measure, Verdict
from ganforge.downstream.conclusion import conclude
from ganforge.downstream.posteriors import Prior, correlated_posterior, credible_interval
from ganforge.errors import InputError, UnknownNameError

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
    assert (found.outcome, found.recommended, found.seat) == ("no help", "class weights", "class weights")
    assert found.sentence.startswith(
        "Do not augment. Class weights with gradient boosting reach .81 average precision; CTGAN's rows change that by "
        "−.01 (90 % between"
    )
    assert found.arms["ctgan"].difference.above_zero  # better than nothing, and still not worth it
    assert found.difference("ctgan", "class weights").mean == pytest.approx(-0.01)


def test_helped():
    found = verdict(weights=shifted(0.0, 0.01), ctgan=shifted(0.05, 0.01))
    assert (found.outcome, found.recommended, found.seat) == ("helped", "ctgan", "none")
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
    assert found.sentence.startswith(
        "Do not augment yet: there are too few rows to tell; about 430 more positives would do. Gradient boosting with"
    )
    assert found.sentence.endswith("which may be chance.")
    # mean .03, s = .06, t(.9; 4 degrees) = 1.5332: 50 · ((1.5332 · .06 · √.45 / .02)² − 1) = 426
    assert found.lacking == 430


def test_hopelessly_undecided():
    found = verdict(ctgan=shifted(0.012, 0.06))
    assert (found.outcome, found.lacking) == ("undecided", None)
    assert "too few rows to tell; even 10 times as many positives might not do." in found.sentence


def test_unlearned():
    found = verdict(ctgan=shifted(0.0, 0.01), base_rate=0.71)
    assert found.outcome == "unlearned"
    assert not found.beats_guessing
    assert "where guessing gives .71" in found.sentence


@pytest.mark.parametrize("added", ["class weights", "ctgan"])
def test_where_nothing_was_learned_nothing_is_added(added):
    """However much better one arm may be than another: guessing is no worse than either."""
    plain = [0.05, 0.12, 0.06, 0.04, 0.20]
    told = {"measure": "average precision", "classifier": "gradient-boosting", "n_rows": 1000, "n_positive": 50}
    folds = {"none": plain, added: [value + 0.03 for value in plain]}
    synthetic = ["ctgan"] if added == "ctgan" else []
    found = conclude(folds, synthetic=synthetic, base_rate=0.1, test_to_train=0.25, adds_rows=[added], **told)
    assert found.posterior(added).better > 0.99
    assert (found.outcome, found.recommended, found.seat) == ("unlearned", "none", "none")
    assert found.sentence.startswith(
        "Do not augment: nothing was learned. Gradient boosting with nothing added reaches"
    )


def test_two_folds_that_disagree_do_not_say_that_nothing_was_learned():
    told = {"measure": "average precision", "classifier": "gradient-boosting", "n_rows": 100, "n_positive": 5}
    folds = {"none": [0.3, 0.8], "smote-nc": [0.2, 0.7], "ctgan": [0.31, 0.78]}
    found = conclude(folds, synthetic=["ctgan"], base_rate=0.05, test_to_train=0.5, **told)
    assert found.outcome == "undecided"
    assert found.sentence.startswith("Do not augment yet: 2 folds are too few to tell, 5 are needed.")
    assert found.harmful == ()


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


def test_a_verdict_goes_through_json():
    found = verdict(
        weights=shifted(0.0, 0.01),
        ctgan=shifted(0.05, 0.01),
        details={"ctgan": {"rows_added": [10] * 5}},
        measures={"ctgan": {"brier": [0.1, 0.2, 0.1, 0.2, 0.1]}},
        ratios={"ctgan": 0.5},
        notices=["one"],
    )
    written = found.to_json()
    assert Verdict.from_json(json.loads(json.dumps(written, allow_nan=False))) == found
    ctgan = written["arms"]["ctgan"]
    assert ctgan["average_precision"] == {"mean": pytest.approx(0.76), "folds": list(found.arms["ctgan"].folds)}
    assert (ctgan["classifier"], ctgan["ratio"]) == ("gradient-boosting", 0.5)
    assert ctgan["p_better_than_none"] == found.arms["ctgan"].against_none.better > 0.9
    assert written["arms"]["none"]["p_better_than_none"] is None


def test_what_a_fold_does_not_define_is_null_and_not_counted():
    lacking = Measure((0.2, float("nan"), 0.4))
    assert lacking.mean == pytest.approx(0.3)
    assert lacking.to_json() == {"mean": pytest.approx(0.3), "folds": [0.2, None, 0.4]}
    assert np.isnan(Measure.from_json(lacking.to_json()).folds[1])


# -- who takes the seat --------------------------------------------------------------------------------------------


def judged(folds, **more):
    told = {"measure": "average precision", "classifier": "random-forest", "n_rows": 1000, "n_positive": 50}
    told |= {"base_rate": 0.05, "test_to_train": 0.25, "synthetic": [], **more}
    return conclude({"none": PLAIN, **folds}, **told)


def test_better_by_less_than_anybody_would_act_on_is_not_better():
    found = judged({"class weights": shifted(0.008, 0.001)})
    weights = found.arms["class weights"]
    assert weights.difference.above_zero
    assert weights.against_none.equivalent > 0.9
    assert found.recommended == "none"


def test_the_probabilities_are_those_of_the_correlated_t_test():
    found = judged({"class weights": shifted(0.03, 0.02), "random oversampling": shifted(0.10, 0.03)})
    by_hand = correlated_posterior([0.05, 0.01, 0.05, 0.01, 0.03], test_to_train=0.25, rope=0.01)
    weights, copies = found.arms["class weights"], found.arms["random oversampling"]
    assert weights.p_better_than_none == pytest.approx(by_hand.better)
    # scale = √(.45 · .0004) = .013416; (.01 − .03)/.013416 = −1.4907; of 4 degrees F(1.4907) = .8948
    assert weights.p_better_than_none == pytest.approx(0.8948, abs=1e-3)
    assert copies.p_better_than_none > 0.9
    assert copies.against_simplest is None  # it is the simplest one that helps
    assert found.recommended == "random oversampling"


def test_the_simplest_arm_that_also_helps_is_what_others_are_held_against():
    found = judged(
        {"class weights": shifted(0.05, 0.01), "smote-nc": shifted(0.055, 0.01), "ctgan": shifted(0.1, 0.01)},
        synthetic=["ctgan"],
    )
    assert found.arms["class weights"].against_simplest is None
    assert found.arms["smote-nc"].against_simplest.equivalent > 0.8
    assert found.arms["ctgan"].against_simplest.better > 0.9
    assert (found.recommended, found.outcome) == ("ctgan", "helped")
    # Between weights and SMOTE-NC the simpler one stays where the generator does not help.
    assert judged({"class weights": shifted(0.05, 0.01), "smote-nc": shifted(0.055, 0.01)}).recommended == (
        "class weights"
    )


def test_a_generator_that_surely_helps_is_not_hidden_by_a_noisier_one():
    generators = {"tight": shifted(0.05, 0.01), "loose": shifted(0.06, 0.12)}
    found = judged(generators, synthetic=["tight", "loose"])
    assert found.arms["loose"].mean > found.arms["tight"].mean
    assert found.arms["tight"].p_better_than_seat > 0.99 > 0.9 > found.arms["loose"].p_better_than_seat
    assert (found.recommended, found.outcome, found.lacking) == ("tight", "helped", None)
    assert found.sentence.startswith("Augment. Tight's rows lift random forest from .71 to .76 average precision")


@pytest.mark.parametrize(
    ("simple", "elaborate", "taken"),
    [
        (shifted(0.1, 0.01), shifted(0.1005, 0.01), "copula"),  # practically the same: the simpler one
        (shifted(0.1, 0.01), shifted(0.13, 0.07), "copula"),  # higher, but not surely
        (shifted(0.1, 0.01), shifted(0.15, 0.01), "ctgan"),  # surely better
        (shifted(0.02, 0.02), shifted(0.1, 0.01), "ctgan"),  # the simpler one does not surely help
    ],
)
def test_the_simplest_sufficient_generator_wins(simple, elaborate, taken):
    """Simplest first, as the folds are: not as `synthetic` names them."""
    found = judged({"copula": simple, "ctgan": elaborate}, synthetic=["ctgan", "copula"])
    assert (found.recommended, found.outcome) == (taken, "helped")


def test_of_generators_that_do_not_help_one_that_may_is_spoken_of():
    """What one of them leaves open is not closed by another one that changes nothing."""
    found = judged({"even": shifted(0.006, 0.001), "open": shifted(0.005, 0.06)}, synthetic=["even", "open"])
    assert found.arms["even"].mean > found.arms["open"].mean
    assert (found.recommended, found.outcome) == ("none", "undecided")
    assert "; open's rows change that by +.01 (" in found.sentence
    worse = judged({"even": shifted(0.0), "noisy": shifted(-0.2, 0.01)}, synthetic=["even", "noisy"])
    assert "; even's rows change that by .000 (" in worse.sentence  # and not by what a tail would make of the other


def test_what_decides_is_told_the_probability_against_the_seat():
    """The seat is taken where that is likelier than not: nothing need surely help for a generator to be held to it."""
    found = judged({"class weights": shifted(0.02, 0.03), "ctgan": shifted(0.07, 0.05)}, synthetic=["ctgan"])
    weights, ctgan = found.arms["class weights"], found.arms["ctgan"]
    assert 0.5 < weights.p_better_than_none < 0.9
    assert found.seat == "class weights"
    assert (weights.against_seat, weights.against_simplest, ctgan.against_simplest) == (None, None, None)
    assert ctgan.against_seat == found.posterior("ctgan", "class weights")
    written = json.loads(json.dumps(found.to_json()))
    assert written["seat"] == "class weights"
    assert written["arms"]["ctgan"]["p_better_than_seat"] == ctgan.against_seat.better > 0.9
    assert written["arms"]["none"]["p_better_than_seat"] < 0.5
    assert written["arms"]["class weights"]["p_better_than_seat"] is None
    assert Verdict.from_json(written) == found
    older = {**written, "arms": {name: dict(arm) for name, arm in written["arms"].items()}}
    for each in (older, *older["arms"].values()):
        for key in ("seat", "against_seat", "p_better_than_seat"):
            each.pop(key, None)
    read = Verdict.from_json(older)
    assert (read.seat, read.arms["ctgan"].against_seat, read.recommended) == ("none", None, found.recommended)


@pytest.mark.parametrize(
    ("arm", "opening"),
    [
        ("class weights", "Do not augment. Class weights with random forest reach .81 "),
        ("random oversampling", "Copy scarce rows, no generator is needed. Random oversampling with random forest"),
        ("smote-nc", "Augment with SMOTE-NC, no GAN is needed. SMOTE-NC with random forest reaches .81 "),
        ("flips and shifts", "Flips and shifts are enough. Flips and shifts with random forest reach .81 "),
    ],
)
def test_who_holds_the_seat_is_what_is_advised(arm, opening):
    found = judged({arm: shifted(0.1, 0.01), "ctgan": shifted(0.095, 0.02)}, synthetic=["ctgan"])
    assert (found.recommended, found.outcome) == (arm, "no help")
    assert found.sentence.startswith(opening)
    worse = judged({arm: shifted(0.1, 0.01), "ctgan": shifted(0.05, 0.02)}, synthetic=["ctgan"])
    assert (worse.recommended, worse.outcome) == (arm, "harmed")
    assert "CTGAN's rows do worse" in worse.sentence


def test_what_is_open_beside_rows_that_are_added_already_is_the_generator():
    arms = {"random oversampling": shifted(0.05, 0.01), "ctgan": shifted(0.06, 0.05)}
    found = judged(arms, synthetic=["ctgan"])
    assert (found.recommended, found.outcome) == ("random oversampling", "undecided")
    opening = "Copy scarce rows, no generator is needed yet: there are too few rows to tell whether CTGAN's do better; "
    assert found.sentence.startswith(opening)


def test_of_pictures_it_says_pictures():
    given = {"what": "pictures", "n_positive": None, "measure": "accuracy", "classifier": "the small CNN"}
    arms = {"random oversampling": shifted(0.1, 0.01), "dcgan": shifted(0.095, 0.02)}
    found = judged(arms, synthetic=["dcgan"], **given)
    assert found.sentence.startswith("Copy scarce pictures, no generator is needed. Random oversampling with the small")
    open_one = judged({"dcgan": shifted(0.02, 0.03)}, synthetic=["dcgan"], **given)
    assert open_one.sentence.startswith("Do not augment yet: there are too few pictures to tell; ")
    unlearned = judged({"dcgan": shifted(0.0)}, synthetic=["dcgan"], base_rate=0.8, **given)
    assert "more real pictures, or a longer training" in unlearned.sentence
    harmful = {"classical augmentation": shifted(-0.1, 0.01), "classical augmentation and dcgan": shifted(-0.2, 0.01)}
    worse = judged({**harmful, "dcgan": shifted(0.0)}, synthetic=["dcgan", "classical augmentation and dcgan"], **given)
    assert worse.sentence.endswith("; classical augmentation, and classical augmentation and DCGAN do harm.")
    classical = judged({"classical augmentation": shifted(0.1, 0.01)}, **given)
    assert classical.sentence.startswith("Classical augmentation is enough. Classical augmentation with the small CNN")


def test_another_classifier_of_the_generators_arm_is_named():
    models = {"none": "logistic-regression", "ctgan": "random-forest"}
    found = judged({"ctgan": shifted(0.05, 0.01)}, synthetic=["ctgan"], classifier=models)
    assert found.sentence.startswith(
        "Augment. Random forest with CTGAN's rows reaches .76 average precision, logistic regression with nothing "
        "added .71: a gain of +.05 (90 % between"
    )
    assert found.classifier == "random-forest"


def test_an_arm_that_harms_is_said_to_harm():
    """As SMOTE does to a tree where AUROC rises and average precision falls."""
    found = judged({"smote-nc": shifted(-0.05, 0.01), "ctgan": shifted(0.0, 0.01)}, synthetic=["ctgan"])
    assert found.harmful == ("smote-nc",)
    assert found.sentence.endswith("; SMOTE-NC does harm.")
    assert found.to_json()["harmful"] == ["smote-nc"]


def test_none_comes_first():
    told = {"measure": "accuracy", "classifier": "x", "n_rows": 1, "n_positive": None}
    with pytest.raises(InputError, match="give 'none' first"):
        conclude({"ctgan": PLAIN, "none": PLAIN}, synthetic=[], base_rate=0.5, test_to_train=0.25, **told)


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


def test_the_picture_shows_every_arm_and_the_advice(tmp_path):
    found = judged({"class weights": shifted(0.1, 0.01), "ctgan": shifted(0.09, 0.02)}, synthetic=["ctgan"])
    axes = found.plot()
    assert [each.get_text() for each in axes.get_yticklabels()] == ["none", "class weights  ←", "CTGAN"]
    assert axes.get_title(loc="left") == "Do not augment."
    assert axes.get_xlabel() == "average precision on untouched folds"
    assert len(axes.collections) == 3
    axes.figure.savefig(tmp_path / "verdict.png")
    assert (tmp_path / "verdict.png").stat().st_size > 5_000


# -- what is known before ------------------------------------------------------------------------------------------

SKEPTICAL = Prior(scale=0.015, degrees=3)


def test_a_prior_makes_scarce_folds_believed_less():
    gain = shifted(0.03, 0.02)
    flat, skeptical = (judged({"class weights": gain}, prior=each) for each in (None, SKEPTICAL))
    assert skeptical.arms["class weights"].p_better_than_none < flat.arms["class weights"].p_better_than_none - 0.1
    assert skeptical.arms["class weights"].difference.mean < 0.02 < flat.arms["class weights"].difference.mean
    surely = judged({"class weights": shifted(0.10, 0.01)}, prior=SKEPTICAL)
    assert surely.recommended == "class weights"


def test_interval_and_probability_are_of_one_posterior():
    found = judged(
        {"smote-nc": shifted(-0.04, 0.02), "ctgan": shifted(0.05, 0.03)}, prior=SKEPTICAL, synthetic=["ctgan"]
    )
    differences = np.subtract(found.arms["ctgan"].folds, PLAIN).tolist()
    assert found.difference("ctgan") == credible_interval(differences, test_to_train=0.25, prior=SKEPTICAL)
    for name in ("smote-nc", "ctgan"):
        low, high = found.difference(name).low, found.difference(name).high
        assert (low > 0.01) <= (found.posterior(name).better > 0.95)
        assert (high < -0.01) <= (found.posterior(name).worse > 0.95)


def test_a_gain_that_is_shrunk_is_told_as_expected_not_as_seen():
    found = verdict(ctgan=shifted(0.08, 0.02), prior=Prior(scale=0.02, degrees=3))
    assert found.outcome == "helped"
    assert "from .71 to .79 average precision; on new rows +.06 (90 % between +.01 and +.09) is to be" in found.sentence


def test_a_verdict_of_before_there_was_a_prior_is_read():
    found = verdict(ctgan=shifted(0.05, 0.01), prior=SKEPTICAL)
    assert Verdict.from_json(json.loads(json.dumps(found.to_json()))) == found
    older = {name: each for name, each in found.to_json().items() if name != "prior"}
    assert Verdict.from_json(older).prior is None
