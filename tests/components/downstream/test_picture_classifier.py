from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from ganforge.data.images import Images
from ganforge.data.toy import toy_images
from ganforge.downstream.picture_classifier import PictureClassifier
from ganforge.errors import ArtifactError, InputError, UnknownNameError, UnsuitableDataError


def small(**changes) -> PictureClassifier:
    return PictureClassifier(
        **{"steps": 25, "batch_size": 16, "width": 4, "random_state": 0, "device": "cpu", **changes}
    )


@pytest.fixture(scope="module")
def fitted() -> PictureClassifier:
    return small().fit(toy_images(90, classes=3, seed=0))


def test_it_tells_the_classes_of_pictures_it_has_not_seen(fitted):
    unseen = toy_images(120, classes=3, seed=1)
    assert np.mean(fitted.predict(unseen) == unseen.labels) > 0.95


def test_shuffled_labels_teach_it_nothing():
    images = toy_images(90, classes=3, seed=0)
    shuffled = np.random.default_rng(0).permutation(images.labels)
    unseen = toy_images(120, classes=3, seed=1)
    model = small().fit(images, shuffled)
    assert np.mean(model.predict(unseen) == unseen.labels) < 0.7


def test_probabilities_hang_on_the_picture_alone(fitted):
    images = toy_images(30, classes=3, seed=2)
    probability = fitted.predict_proba(images)
    assert probability.shape == (30, 3)
    assert probability.sum(axis=1) == pytest.approx(np.ones(30))
    assert fitted.predict_proba(images.take(np.array([11]))) == pytest.approx(probability[[11]], abs=1e-6)
    assert fitted.predict_proba(images.pixels) == pytest.approx(probability)


def test_the_same_seed_gives_the_same_network_and_the_callers_random_state_stays():
    images = toy_images(40, classes=2, channels=3)
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    one, other = (small(augment={"flip": True}).fit(images).predict_proba(images) for _ in range(2))
    assert np.array_equal(one, other)
    assert torch.equal(torch.rand(2), expected)


def test_saved_and_loaded_it_says_the_same(tmp_path, fitted):
    images = toy_images(12, classes=3, seed=4)
    fitted.save(tmp_path / "model")
    again = PictureClassifier.load(tmp_path / "model")
    assert np.array_equal(again.predict_proba(images), fitted.predict_proba(images))
    assert again.classes_ == ("0", "1", "2")
    assert again.get_params() == fitted.get_params()
    assert again.data_fingerprint_ == fitted.data_fingerprint_


def test_a_model_of_another_kind_is_refused(tmp_path):
    from ganforge.artifacts import write_artifact

    write_artifact(tmp_path / "model", kind="dcgan", parameters={})
    with pytest.raises(ArtifactError, match="kind 'dcgan'"):
        PictureClassifier.load(tmp_path / "model")


def test_a_balanced_weight_finds_the_scarce_class_more_often():
    images = toy_images(120, classes=2, seed=0)
    scarce = images.take(np.r_[np.flatnonzero(images.labels == 0), np.flatnonzero(images.labels == 1)[:4]])
    unseen = toy_images(200, classes=2, seed=1)
    told = [small(steps=4, class_weight=each).fit(scarce).predict(unseen) for each in (None, "balanced")]
    assert (told[1] == 1).sum() > (told[0] == 1).sum()


def test_a_network_of_the_callers_is_not_saved(tmp_path, fitted):
    own = small(network=nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 3))).fit(toy_images(30, classes=3))
    with pytest.raises(InputError, match="holds no code"):
        own.save(tmp_path / "model")
    with pytest.raises(InputError, match=r"failed \(mat1"):
        small(network=nn.Sequential(nn.Flatten(), nn.Linear(9, 3))).fit(toy_images(30, classes=3))
    with pytest.raises(InputError, match="gave a int"):
        small(network=lambda shape, classes: 3).fit(toy_images(30, classes=3))


def test_what_it_cannot_learn_from_is_refused(fitted):
    images = toy_images(12, classes=2)
    with pytest.raises(InputError, match="no labels"):
        small().fit(Images.of(images.pixels))
    with pytest.raises(UnsuitableDataError, match="one class"):
        small().fit(images.take(np.flatnonzero(images.labels == 0)))
    with pytest.raises(InputError, match="8 pixels"):
        small().fit(toy_images(12, size=6))
    with pytest.raises(UnknownNameError, match="did you mean 'rotation'"):
        small(augment={"rotate": 3}).fit(images)
    with pytest.raises(UnknownNameError, match="class_weight"):
        small(class_weight="even").fit(images)
    with pytest.raises(InputError, match="steps=0"):
        small(steps=0).fit(images)
    with pytest.raises(InputError, match=r"32×32 pixels, RGB, but this classifier knows 28×28 pixels, grey"):
        fitted.predict(toy_images(2, size=32, channels=3))
    with pytest.raises(InputError, match="not fitted"):
        small().predict(images)
