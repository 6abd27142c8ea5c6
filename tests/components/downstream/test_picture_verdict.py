"""Every arm on every fold, the fold untouched, and an answer that follows from the folds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ganforge.artifacts import Artifact
from ganforge.data.images import Images
from ganforge.data.toy import toy_images
from ganforge.downstream.arms import Verdict
from ganforge.downstream.picture_classifier import PictureClassifier
from ganforge.downstream.picture_verdict import judge_images
from ganforge.errors import GanforgeWarning, InputError, UnknownNameError, UnsuitableDataError
from ganforge.synthesis.base import Synthesizer
from ganforge.synthesis.dcgan import DCGAN
from ganforge.training import Training

CLASSIFIER = PictureClassifier(steps=12, batch_size=16, width=4, device="cpu")


class Lookup(Synthesizer):
    """Gives back training pictures, and remembers which it was shown: an honest one shows none of the fold's."""

    kind = "lookup"
    shown: list[Images] = []  # noqa: RUF012
    wrong_labels: bool

    def __init__(self, *, wrong_labels: bool = False, random_state: int | None = None) -> None:
        self.wrong_labels = wrong_labels
        self.random_state = random_state

    def fit(self, data: Images, **_: Any) -> Lookup:
        self.shown.append(data)
        self.images_ = data
        self.training_ = Training(steps=1, history=[])
        return self

    def sample(self, n: int, *, condition: Any = None, random_state: int | None = None) -> Images:
        number = self.images_.classes.index(condition["label"])
        rows = np.resize(np.flatnonzero(self.images_.labels == number), n)
        label = (number + 1) % len(self.images_.classes) if self.wrong_labels else number
        return Images.of(self.images_.pixels[rows], np.full(n, label), classes=self.images_.classes)

    def _contents(self) -> dict[str, Any]:
        raise NotImplementedError

    def _restore(self, artifact: Artifact) -> None:
        raise NotImplementedError


def judged(images: Images, **changes: Any) -> Verdict:
    options = {"synthesizer": Lookup(), "classifier": CLASSIFIER, "folds": 3, **changes}
    return judge_images(images, **options)


@pytest.fixture
def shown() -> list[Images]:
    Lookup.shown.clear()
    return Lookup.shown


def keys(images: Images) -> set[bytes]:
    return {each.tobytes() for each in images.pixels}


def test_a_real_gan_is_judged_on_every_fold():
    images = toy_images(45, classes=3, seed=0)
    gan = DCGAN(steps=2, batch_size=8, width=8, latent=4)
    verdict = judge_images(images, synthesizer=gan, classifier=CLASSIFIER, folds=3, synthetic_per_class=5)
    assert list(verdict.arms) == ["none", "shifts", "dcgan", "shifts and dcgan"]
    assert [name for name, arm in verdict.arms.items() if arm.synthetic] == ["dcgan", "shifts and dcgan"]
    assert all(len(arm.folds) == 3 and all(0 <= each <= 1 for each in arm.folds) for arm in verdict.arms.values())
    assert verdict.arms["dcgan"].details["pictures_added"] == [15, 15, 15]
    assert verdict.arms["none"].details["pictures_added"] == [0, 0, 0]
    assert verdict.measure == "accuracy"
    assert verdict.base_rate == pytest.approx(1 / 3)
    assert verdict.n_rows == 45
    assert "DCGAN's pictures" in str(verdict)
    assert Verdict.from_json(verdict.to_json()) == verdict


def test_no_synthesizer_sees_a_picture_it_is_judged_on(shown):
    images = toy_images(45, classes=3, seed=0)
    judged(images)
    assert len(shown) == 3
    held_out = [keys(images) - keys(each) for each in shown]
    assert [len(each) for each in held_out] == [15, 15, 15]
    assert set.union(*held_out) == keys(images)


def test_twins_never_stand_on_both_sides(shown):
    images = toy_images(30, classes=3, seed=0)
    doubled = images.take(np.r_[np.arange(30), np.arange(30)])
    judged(doubled)
    for each in shown:
        counts = [sum(np.array_equal(picture, other) for other in each.pixels) for picture in images.pixels[:6]]
        assert set(counts) <= {0, 2}


def test_per_class_thins_what_is_trained_on_and_not_what_is_tested_on(shown):
    images = toy_images(60, classes=3, seed=0)
    verdict = judged(images, per_class=4)
    assert [each.class_counts() for each in shown] == [{"0": 4, "1": 4, "2": 4}] * 3
    right = np.array(verdict.arms["none"].details["accuracy_by_class"])
    assert right * 20 == pytest.approx(np.round(right * 20))  # of 20 pictures a class, all tested on once
    assert verdict.test_to_train == pytest.approx(0.5)


def test_few_pictures_of_a_class_are_all_taken_and_that_is_told(shown):
    images = toy_images(60, classes=3, seed=0)
    rows = np.r_[np.flatnonzero(images.labels != 2), np.flatnonzero(images.labels == 2)[:6]]
    with pytest.warns(GanforgeWarning, match=r"fewer than per_class=8 pictures.*: 2$"):
        verdict = judged(images.take(rows), per_class=8)
    assert [each.class_counts()["2"] for each in shown] == [4, 4, 4]
    assert any("per_class=8" in notice for notice in verdict.notices)


def test_pictures_with_wrong_labels_do_harm_and_the_sentence_says_so():
    images = toy_images(90, classes=3, seed=0)
    verdict = judged(images, folds=5, synthesizer=Lookup(wrong_labels=True), classical=None, synthetic_per_class=200)
    assert verdict.recommended == "none"
    assert verdict.outcome == "harmed"
    assert str(verdict).startswith("Do not augment")
    assert verdict.arms["lookup"].difference.high < 0


def test_the_same_call_goes_on_from_what_was_kept(tmp_path, shown):
    images = toy_images(45, classes=3, seed=0)
    first = judged(images, checkpoints=tmp_path)
    (tmp_path / "fold-2.json").unlink()
    shown.clear()
    told = []
    again = judged(images, checkpoints=tmp_path, on_progress=lambda *each: told.append(each))
    assert len(shown) == 1  # fold 2 alone
    assert told[0][:2] == (8, 12)
    assert told[-1][:2] == (12, 12)
    assert {name: arm.folds for name, arm in again.arms.items()} == {
        name: arm.folds for name, arm in first.arms.items()
    }
    shown.clear()
    judged(images, checkpoints=tmp_path, random_state=1)
    assert len(shown) == 3  # another judgement: nothing kept fits


@pytest.mark.slow
def test_folds_side_by_side_give_the_same_verdict():
    images = toy_images(45, classes=3, seed=0)
    gan = DCGAN(steps=2, batch_size=8, width=8, latent=4)
    options: dict[str, Any] = {"synthesizer": gan, "classifier": CLASSIFIER, "folds": 3, "synthetic_per_class": 5}
    one, other = (judge_images(images, n_jobs=n_jobs, **options) for n_jobs in (1, 2))
    for name, arm in one.arms.items():
        assert arm.folds == pytest.approx(other.arms[name].folds, abs=0.07)  # threads add up in another order


def test_pictures_of_another_size_are_judged_at_the_size_asked_for(shown):
    gan = DCGAN(steps=1, batch_size=8, width=8, latent=4, resize=28)
    verdict = judged(toy_images(30, classes=2, size=20), synthesizer=gan, classical=None, synthetic_per_class=4)
    assert list(verdict.arms) == ["none", "dcgan"]


def test_what_cannot_be_judged_is_refused():
    images = toy_images(30, classes=3)
    with pytest.raises(InputError, match="without labels"):
        judged(Images.of(images.pixels))
    with pytest.raises(UnsuitableDataError, match="nothing to tell apart"):
        judged(images.take(np.flatnonzero(images.labels == 1)))
    with pytest.raises(UnsuitableDataError, match="class '2' has 2 pictures, too few for 3 folds"):
        judged(images.take(np.r_[np.flatnonzero(images.labels != 2), np.flatnonzero(images.labels == 2)[:2]]))
    with pytest.raises(UnknownNameError, match="did you mean"):
        judged(images, classical="flips and shift")
    with pytest.raises(InputError, match="folds=1"):
        judged(images, folds=1)
    with pytest.raises(InputError, match="augment='shifts'"):
        judged(images, classifier=PictureClassifier(augment="shifts"))
