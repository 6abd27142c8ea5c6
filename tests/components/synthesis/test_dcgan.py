"""Pictures in, pictures out: labels, conditions, saving, resuming, snapshots, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganforge.data.images import Images
from ganforge.data.toy import toy_images
from ganforge.downstream.picture_classifier import PictureClassifier
from ganforge.errors import (
    ArtifactError,
    GanforgeWarning,
    InputError,
    InterruptedRunError,
    UnknownNameError,
    UnsuitableDataError,
)
from ganforge.quality.pictures import classes_that_appear, obedience
from ganforge.synthesis.dcgan import DCGAN, default_steps, shares_of


def tiny(**changes) -> DCGAN:
    return DCGAN(**{"steps": 4, "batch_size": 16, "width": 8, "latent": 8, "random_state": 0, **changes})


@pytest.fixture(scope="module")
def images() -> Images:
    return toy_images(60, classes=3, seed=1)


@pytest.fixture(scope="module")
def fitted(images) -> DCGAN:
    return tiny(steps=40).fit(images)


def test_what_comes_out_is_of_the_make_of_what_went_in(images, fitted):
    made = fitted.sample(7, random_state=3)
    assert isinstance(made, Images)
    assert made.pixels.shape == (7, 1, 28, 28)
    assert made.pixels.dtype == np.uint8
    assert made.classes == images.classes
    assert fitted.data_fingerprint_ == images.fingerprint
    assert fitted.training_.steps == 40


def test_the_same_seed_gives_the_same_pictures(images, fitted):
    again = tiny(steps=40).fit(images)
    one, other = fitted.sample(5, random_state=1), again.sample(5, random_state=1)
    assert np.array_equal(one.pixels, other.pixels)
    assert np.array_equal(one.labels, other.labels)
    assert not np.array_equal(one.pixels, fitted.sample(5, random_state=2).pixels)


def test_fitting_leaves_the_callers_random_state_alone(images):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    tiny().fit(images).sample(3, random_state=0)
    assert torch.equal(torch.rand(3), expected)


def test_a_picture_does_not_hang_on_its_neighbours(fitted):
    """Batch norm in training mode would make it so."""
    z = fitted.game_.latents(6, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(6) % 3
    with torch.no_grad():
        together = fitted.game_.generator(z, labels)
        alone = fitted.game_.generator(z[2:3], labels[2:3])
    assert torch.allclose(together[2:3], alone, atol=1e-5)


def test_classes_have_the_shares_of_the_data():
    unequal = toy_images(60, classes=3).take(np.r_[np.arange(60)[np.arange(60) % 3 == 0], 1, 2])
    made = tiny(steps=1).fit(unequal).sample(44, random_state=0)
    assert np.bincount(made.labels).tolist() == [40, 2, 2]


@pytest.mark.parametrize("asked", ["2", 2, np.int64(2)])
def test_a_condition_gives_that_class_alone(fitted, asked):
    assert set(fitted.sample(5, condition={"label": asked}, random_state=0).labels.tolist()) == {2}


def test_text_is_a_name_and_a_whole_number_a_number(images):
    named = Images.of(images.pixels, images.labels, classes=("1", "2", "3"))
    model = tiny(steps=1).fit(named)
    assert model.sample(2, condition={"label": "2"}, random_state=0).labels.tolist() == [1, 1]
    assert model.sample(2, condition={"label": 2}, random_state=0).labels.tolist() == [2, 2]  # the class called "3"
    with pytest.raises(UnknownNameError, match="no class '3'"):
        model.sample(1, condition={"label": 3})


def test_a_class_that_does_not_exist_is_named_with_the_nearest(images):
    named = Images.of(images.pixels, images.labels, classes=("boot", "shirt", "coat"))
    model = tiny(steps=1).fit(named)
    with pytest.raises(UnknownNameError, match="did you mean 'shirt'"):
        model.sample(1, condition={"label": "shirts"})
    with pytest.raises(UnknownNameError, match="label"):
        model.sample(1, condition={"labels": "shirt"})


def test_a_class_without_pictures_cannot_be_asked_for(images):
    model = tiny(steps=1).fit(images.take(np.flatnonzero(images.labels != 1)))
    assert 1 not in model.sample(30, random_state=0).labels
    with pytest.raises(InputError, match="no picture of this class"):
        model.sample(1, condition={"label": 1})


def test_without_labels_it_is_the_papers_own_game(images):
    model = tiny(steps=2).fit(Images.of(images.pixels))
    assert model.game_.classes == 0
    made = model.sample(3, random_state=0)
    assert made.labels is None
    with pytest.raises(InputError, match="without labels"):
        model.sample(3, condition={"label": 1})


def test_colour_and_64_pixels():
    model = tiny(steps=1).fit(toy_images(12, size=64, channels=3))
    assert model.sample(2, random_state=0).pixels.shape == (2, 3, 64, 64)


def test_saved_and_loaded_it_makes_the_same_pictures(tmp_path, fitted):
    fitted.save(tmp_path / "model")
    again = DCGAN.load(tmp_path / "model")
    one, other = fitted.sample(6, random_state=4), again.sample(6, random_state=4)
    assert np.array_equal(one.pixels, other.pixels)
    assert np.array_equal(one.labels, other.labels)
    assert again.get_params() == fitted.get_params()
    assert again.classes_ == fitted.classes_
    for (step, pixels), (step_again, pixels_again) in zip(fitted.snapshots_, again.snapshots_, strict=True):
        assert step == step_again
        assert np.array_equal(pixels, pixels_again)


def test_weights_of_another_make_are_refused(tmp_path, fitted, images, monkeypatch):
    fitted.save(tmp_path / "model")
    monkeypatch.setattr(fitted, "width", 16)
    fitted.save(tmp_path / "mixed")
    with pytest.raises(ArtifactError, match="do not fit the parameters"):
        DCGAN.load(tmp_path / "mixed")


@pytest.mark.slow
def test_what_is_asked_for_is_what_comes_out_and_no_class_is_left_out():
    """By a classifier of real pictures; the same networks untrained, and those trained on shuffled labels, miss it."""
    images = toy_images(150, classes=3, seed=2)
    judge = PictureClassifier(steps=60, batch_size=32, width=8, random_state=0, device="cpu").fit(images)
    shuffled = Images.of(images.pixels, np.random.default_rng(0).permutation(images.labels), classes=images.classes)

    def measured(data: Images, steps: int) -> tuple[float, int]:
        quick = {"steps": steps, "batch_size": 32, "width": 32, "learning_rate": 1e-3, "snapshots": 0}
        made = tiny(**quick).fit(data).sample(300, random_state=0)
        taken = judge.predict(made)
        return obedience(made.labels, taken), classes_that_appear(taken, 3)

    assert measured(images, 150) > (0.9, 2)  # all three classes
    assert measured(images, 1)[0] < 0.6
    assert measured(shuffled, 150)[0] < 0.8  # a class it makes much of may be right by chance


def test_snapshots_are_the_same_latents_at_growing_steps(images):
    model = tiny(steps=40, snapshots=3, log_every=1).fit(images)
    assert [step for step, _ in model.snapshots_] == [5, 18, 40]
    first, last = model.snapshots_[0][1], model.snapshots_[-1][1]
    assert first.shape == (10, 1, 28, 28)
    assert first.dtype == np.uint8
    assert not np.array_equal(first, last)


def test_snapshots_change_nothing_in_training(images):
    with_them = tiny(steps=20, snapshots=3, log_every=1).fit(images).sample(3, random_state=0)
    without = tiny(steps=20, snapshots=0, log_every=1).fit(images)
    assert without.snapshots_ == []
    assert np.array_equal(with_them.pixels, without.sample(3, random_state=0).pixels)


def test_a_resumed_run_is_the_run_that_was_never_stopped_snapshots_included(tmp_path, images):
    whole = tiny(steps=8, log_every=1, checkpoint_every=2).fit(images)

    class Stop(Exception):
        pass

    def stop(progress):
        if progress.step == 5:
            raise Stop

    with pytest.raises((Stop, InterruptedRunError)):
        tiny(steps=8, log_every=1, checkpoint_every=2).fit(images, checkpoints=tmp_path, on_progress=stop)
    resumed = tiny(steps=8, log_every=1, checkpoint_every=2).fit(images, checkpoints=tmp_path, resume=True)
    assert resumed.training_.resumed_at == 4
    for name, each in whole.game_.state_dict().items():
        assert torch.equal(each, resumed.game_.state_dict()[name]), name
    assert [step for step, _ in resumed.snapshots_] == [step for step, _ in whole.snapshots_]


def test_another_size_is_refused_with_what_to_do():
    with pytest.raises(InputError, match=r"40×40 pixels.*resize=32"):
        tiny().fit(toy_images(12, size=40))


def test_another_size_is_brought_there_when_asked():
    model = tiny(steps=1, resize=32).fit(toy_images(12, size=40))
    assert model.sample(1, random_state=0).shape == (1, 32, 32)


def test_pictures_that_are_not_square_are_stretched_and_that_is_told():
    pixels = np.random.default_rng(0).integers(0, 256, (12, 30, 40), dtype=np.uint8)
    with pytest.warns(GanforgeWarning, match="stretched"):
        model = tiny(steps=1, resize=28).fit(Images.of(pixels))
    assert any("stretched" in each for each in model.notices_)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch_size": 1}, "batch_size=1"),
        ({"steps": 0}, "steps=0"),
        ({"resize": 50}, "resize=50"),
        ({"width": 6}, "width=6"),
    ],
)
def test_bad_parameters_are_named(images, changes, said):
    with pytest.raises(InputError, match=said):
        tiny(**changes).fit(images)


def test_pictures_may_be_read_only(images):
    """As they are when they were read from a file: torch warns of such arrays, and warnings are errors here."""
    fixed = Images.of(images.pixels.copy(), images.labels.copy(), classes=images.classes)
    fixed.pixels.flags.writeable = False
    fixed.labels.flags.writeable = False
    tiny(steps=1).fit(fixed)
    PictureClassifier(steps=1, device="cpu").fit(fixed).predict(fixed)


def test_what_is_no_set_of_pictures_is_refused(images):
    with pytest.raises(InputError, match="learns pictures"):
        tiny().fit(images.pixels)
    with pytest.raises(UnsuitableDataError, match="too few"):
        tiny().fit(images.take(np.arange(9)))
    with pytest.raises(InputError, match="not fitted"):
        tiny().sample(1)


def test_shares_add_up_and_keep_the_proportions():
    assert shares_of(10, np.array([1, 1, 1])).tolist() == [4, 3, 3]
    assert shares_of(7, np.array([0, 2, 5])).tolist() == [0, 2, 5]
    assert shares_of(1, np.array([1, 9])).tolist() == [0, 1]


def test_default_steps_neither_starve_few_pictures_nor_last_for_ever():
    assert default_steps(200, 64) == 1_000
    assert default_steps(6_400, 64) == 3_000
    assert default_steps(1_000_000, 64) == 6_000
