"""Every arm on every fold, the fold untouched, and an answer that follows from the folds."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ganforge.artifacts import Artifact
from ganforge.data.images import Images
from ganforge.data.toy import toy_images
from ganforge.downstream.arms import Verdict
from ganforge.downstream.classical import Classical
from ganforge.downstream.picture_classifier import PictureClassifier
from ganforge.downstream.picture_trials import PictureArm, joined
from ganforge.downstream.picture_verdict import judge_images
from ganforge.errors import GanforgeWarning, InputError, UnknownNameError, UnsuitableDataError
from ganforge.synthesis.base import Synthesizer
from ganforge.synthesis.dcgan import DCGAN
from ganforge.training import Training

BOTH = "classical augmentation and dcgan"
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
    assert list(verdict.arms) == ["none", "classical augmentation", "dcgan", BOTH]
    assert [name for name, arm in verdict.arms.items() if arm.synthetic] == ["dcgan", BOTH]
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
    assert len(shown) == 3  # one generator a fold, for both arms that train on its pictures
    assert [each for each in tmp_path.iterdir() if each.suffix != ".json"] == []
    for name in ("none-fold-1", "lookup-fold-2"):
        (tmp_path / f"{name}.json").unlink()
    shown.clear()
    told = []
    again = judged(images, checkpoints=tmp_path, on_progress=lambda *each: told.append(each))
    assert len(shown) == 1  # in fold 2 alone
    assert told[0][:2] == (10, 12)
    assert told[-1][:2] == (12, 12)
    assert {name: arm.folds for name, arm in again.arms.items()} == {
        name: arm.folds for name, arm in first.arms.items()
    }
    shown.clear()
    judged(images, checkpoints=tmp_path, random_state=1)
    assert len(shown) == 3  # another judgement: nothing kept fits


def test_stopped_between_two_arms_the_generator_does_not_train_again(tmp_path, shown, monkeypatch):
    images, fits = toy_images(45, classes=3, seed=0), iter(range(100))
    fit = PictureClassifier.fit

    def stopping(self, *given):
        if next(fits) == 1:
            raise KeyboardInterrupt
        return fit(self, *given)

    monkeypatch.setattr(PictureClassifier, "fit", stopping)
    with pytest.raises(KeyboardInterrupt):
        judged(images, checkpoints=tmp_path)  # the second fit is the second arm of the generator in fold 1
    assert [each.name for each in tmp_path.glob("*.npz")] == ["lookup-fold-1.npz"]
    again = judged(images, checkpoints=tmp_path)
    assert len(shown) == 3  # not four
    assert {name: arm.folds for name, arm in again.arms.items()} == {
        name: arm.folds for name, arm in judged(images).arms.items()
    }


KILLED = """
import os, signal
from ganforge.data.toy import toy_images
from ganforge.downstream.picture_classifier import PictureClassifier
from ganforge.downstream.picture_trials import Kept
from ganforge.downstream.picture_verdict import judge_images
from ganforge.synthesis.dcgan import DCGAN

store, kept = Kept.store, []

def stored(self, *given):
    store(self, *given)
    kept.append(given)
    if len(kept) == 5:
        os.kill(os.getpid(), signal.SIGKILL)

if {kill}:
    Kept.store = stored
verdict = judge_images(
    toy_images(45, classes=3, seed=0), folds=3, synthetic_per_class=5, checkpoints={folder!r},
    synthesizer=DCGAN(steps=2, batch_size=8, width=8, latent=4, snapshots=0),
    classifier=PictureClassifier(steps=12, batch_size=16, width=4, device="cpu"),
    on_progress=lambda done, total, label: print(done, total, label),
)
print([arm.folds for arm in verdict.arms.values()])
"""


@pytest.mark.slow
def test_killed_it_goes_on_where_it_was_and_ends_as_if_it_had_not_been(tmp_path):
    def run(folder: str, *, kill: bool) -> subprocess.CompletedProcess[str]:
        script = KILLED.format(kill=kill, folder=str(tmp_path / folder))
        return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    killed = run("one", kill=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again, whole = run("one", kill=False), run("other", kill=False)
    assert again.returncode == whole.returncode == 0, again.stderr + whole.stderr
    assert again.stdout.splitlines()[0].strip() == "5 12"
    assert whole.stdout.splitlines()[0].strip() == "0 12"
    assert again.stdout.splitlines()[-1] == whole.stdout.splitlines()[-1]


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
    with pytest.raises(UnknownNameError, match="did you mean 'flip'"):
        judged(images, classical={"flips": True})
    with pytest.raises(InputError, match="classical='shifts'"):
        judged(images, classical="shifts")
    with pytest.raises(InputError, match="folds=1"):
        judged(images, folds=1)
    with pytest.raises(InputError, match="per_class='4'"):
        judged(images, per_class="4")
    with pytest.raises(InputError, match="augment=Classical"):
        judged(images, classifier=PictureClassifier(augment=Classical()))
    with pytest.raises(InputError, match="class_weight='balanced' would change every arm"):
        judged(images, classifier=PictureClassifier(class_weight="balanced"))
    with pytest.raises(InputError, match="classifier='cnn'"):
        judged(images, classifier="cnn")
    for name in ("none", "classical augmentation and lookup"):
        with pytest.raises(InputError, match="the name of another arm"):
            judged(images, synthesizer={name: Lookup()})


# -- the arms ------------------------------------------------------------------------------------------------------


def uneven(counts: tuple[int, ...] = (30, 8)) -> Images:
    images = toy_images(60, classes=2, seed=0)
    return images.take(np.concatenate([np.flatnonzero(images.labels == k)[:n] for k, n in enumerate(counts)]))


def test_classes_of_one_size_are_neither_weighted_nor_copied_and_that_is_told():
    verdict = judged(toy_images(30, classes=3, seed=0), synthesizer={}, classical={"flip": True})
    assert list(verdict.arms) == ["none", "classical augmentation"]
    assert any("class weights and random oversampling are not judged" in each for each in verdict.notices)
    assert verdict.outcome in ("", "unlearned")
    thinned = judged(uneven(), per_class=4, synthesizer={}, classical=None)
    assert list(thinned.arms) == ["none"]  # trained on as many of each


def test_classes_of_different_size_are_weighted_and_copied_and_judged_by_balanced_accuracy():
    images = uneven()
    verdict = judged(images, synthesizer={"one": Lookup(), "two": Lookup(wrong_labels=True)}, synthetic_per_class=4)
    assert list(verdict.arms) == [
        "none",
        "class weights",
        "random oversampling",
        "classical augmentation",
        "one",
        "two",
        "classical augmentation and one",
        "classical augmentation and two",
    ]
    assert verdict.measure == "balanced accuracy"
    assert verdict.base_rate == 0.5
    assert not any("not judged" in each for each in verdict.notices)
    arm = verdict.arms["class weights"]
    by_class = np.array(arm.details["accuracy_by_class"])
    assert arm.mean == pytest.approx(by_class.mean(), abs=0.05)  # folds have a picture more or less of a class
    assert arm.measures["accuracy"].mean == pytest.approx(by_class @ [30, 8] / 38, abs=1e-9)
    assert verdict.arms["random oversampling"].adds_rows
    assert Verdict.from_json(verdict.to_json()) == verdict


def test_what_an_arm_trains_on():
    images = uneven()
    model = PictureClassifier(steps=1, width=4, device="cpu")
    weighted = PictureArm(class_weight="balanced").fit(model, images, None, seed=3)
    assert weighted.get_params()["class_weight"] == "balanced"
    assert weighted.get_params()["random_state"] == 3
    seen: list[Images] = []

    class Recording(PictureClassifier):
        def fit(self, images, labels=None):
            seen.append(images)
            return self

    PictureArm(oversampled=True).fit(Recording(), images, None, seed=0)
    assert seen[0].class_counts() == {"0": 30, "1": 30}
    assert keys(seen[0]) == keys(images)
    assert len(PictureArm(oversampled=True).pictures(images, None, seed=0)) == 60
    with pytest.raises(InputError, match="needs them"):
        PictureArm(generator="dcgan").fit(Recording(), images, None, seed=0)
    arm = PictureArm(generator="dcgan", classical=Classical(flip=True))
    assert PictureArm.from_json(json.loads(json.dumps(arm.to_json()))) == arm


@pytest.mark.parametrize("given", ["module", "factory"])
def test_a_torch_module_is_judged_as_the_small_network_is(given, tmp_path):
    class Linear(nn.Module):
        def __init__(self, shape, classes):
            super().__init__()
            self.layers = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), classes))

        def forward(self, x):
            return self.layers(x)

    images = toy_images(45, classes=3, seed=0)
    module = Linear(images.shape, 3)
    before = [each.clone() for each in module.parameters()]
    options = {"synthesizer": {}, "checkpoints": tmp_path}
    network = PictureClassifier(steps=20, network=module if given == "module" else Linear, device="cpu")
    verdict = judged(images, classifier=network, **options)
    assert verdict.classifier == "Linear"
    assert verdict.arms["none"].mean > 0.6
    assert all(torch.equal(one, other) for one, other in zip(before, module.parameters(), strict=True))
    told = []
    judged(images, classifier=network, on_progress=lambda *each: told.append(each), **options)
    assert told == [(6, 6, "")]  # all of it was kept
    with torch.no_grad():
        module.layers[1].weight.add_(1)
    judged(images, classifier=network, on_progress=lambda *each: told.append(each), **options)
    assert told[1][0] == (0 if given == "module" else 6)  # other weights to start from are another judgement


def test_a_bare_module_or_factory_will_do():
    images = toy_images(15, classes=3, size=28, seed=0)
    for given in (nn.Sequential(nn.Flatten(), nn.Linear(784, 3)), lambda shape, classes: nn.Flatten()):
        if isinstance(given, nn.Module):
            assert judged(images, classifier=given, synthesizer={}, classical=None).classifier == "Sequential"
        else:
            with pytest.raises(InputError, match=r"gave \(2, 784\).*shape \(2, 3\)"):
                judged(images, classifier=given, synthesizer={})


# -- leaks ---------------------------------------------------------------------------------------------------------


def test_generated_pictures_are_not_judged_as_real_ones():
    images = toy_images(40, classes=2, size=28, seed=0)
    made = DCGAN(steps=1, batch_size=8, width=8, latent=4, random_state=0).fit(images).sample(10, random_state=0)
    with pytest.raises(InputError, match="10 of 50 pictures are marked as synthetic"):
        judged(joined(images, made))


def test_a_generator_that_knows_the_pictures_it_is_judged_on_is_found():
    images = toy_images(45, classes=3, seed=0)

    class Peeping(Lookup):
        kind = "peeping"

        def fit(self, data: Images, **_: Any) -> Lookup:
            return super().fit(images)

    with pytest.raises(InputError, match="'peeping' has seen what it is judged on: 45 of 45"):
        judged(images, synthesizer=Peeping(), synthetic_per_class=15, classical=None)
