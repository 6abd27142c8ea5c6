"""The f-AnoGAN detector: the paper's score by hand, pictures, and what it refuses."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

from ganforge.catalog import load_model
from ganforge.data.images import Images
from ganforge.data.toy import toy_images, toy_payments
from ganforge.detectors import f_anogan
from ganforge.detectors.f_anogan import FAnoGAN
from ganforge.errors import InputError, UnknownNameError


@pytest.fixture(scope="module")
def on_pictures():
    """Fitted on pictures whose bar stands in the upper half; class 1 has it in the lower one."""
    images = toy_images(300, classes=2, size=28, seed=0)
    normal = images.take(np.flatnonzero(images.labels == 0))
    return FAnoGAN(steps=300, maps=8, latent=8, batch_size=32, random_state=0).fit(normal)


def test_plain_residuals_give_the_papers_score():
    rows = np.random.default_rng(0).normal(size=(90, 3))
    detector = FAnoGAN(steps=20, residuals="plain", kappa=0.3, random_state=0).fit(rows)
    x = torch.from_numpy(detector.encoding_.rows(pd.DataFrame(rows, columns=["x0", "x1", "x2"]), source="rows")).float()
    with torch.no_grad():
        rebuilt = detector.game_.generator(detector.game_.encoder(x))
        image = (x - rebuilt).square().mean(1)
        feature = (detector.game_.critic.features(x) - detector.game_.critic.features(rebuilt)).square().mean(1)
    np.testing.assert_allclose(detector.decision_function(rows), (image + 0.3 * feature).numpy(), rtol=1e-4, atol=1e-7)


def test_whitened_lengths_are_near_one_on_training_rows():
    rows = toy_payments(400, seed=0).drop(columns=["is_fraud", "currency"])
    detector = FAnoGAN(steps=40, random_state=0).fit(rows)
    assert detector.image_.whitening.shape == (detector.encoding_.width,) * 2
    assert detector.feature_.whitening.shape == (128, 128)
    assert 0.6 < detector.decision_scores_.mean() < 2.05  # the sum of two that are at most 1 each in the mean


@pytest.mark.parametrize("modes", [1, 4])
def test_modes_lay_numbers_out_by_mixture(modes):
    rng = np.random.default_rng(0)
    rows = np.where(rng.random((300, 2)) < 0.5, rng.normal(-20, 1, (300, 2)), rng.normal(20, 1, (300, 2)))
    detector = FAnoGAN(steps=4, modes=modes, random_state=0).fit(rows)
    assert detector.encoding_.width == 2 if modes == 1 else detector.encoding_.width > 4
    assert np.isfinite(detector.decision_function(rows)).all()


def test_pictures_of_another_class_are_odd(on_pictures):
    images = toy_images(120, classes=2, size=28, seed=1)
    assert roc_auc_score(images.labels, on_pictures.decision_function(images)) > 0.95
    assert on_pictures.image_.whitening is None  # the paper's score


def test_a_pictures_score_hangs_on_it_alone_and_survives_saving(on_pictures, tmp_path):
    images = toy_images(150, classes=2, size=28, seed=2)
    scores = on_pictures.decision_function(images)
    np.testing.assert_array_equal(on_pictures.decision_function(images.pixels[::-1]), scores[::-1])
    np.testing.assert_array_equal(on_pictures.decision_function(images.pixels[77, 0][None]), scores[[77]])
    on_pictures.save(tmp_path / "model")
    again = load_model(tmp_path / "model")
    np.testing.assert_array_equal(again.decision_function(images), scores)
    assert again.n_features_in_ == 28 * 28
    assert "encoding.json" not in {each.name for each in (tmp_path / "model").iterdir()}


def test_the_residual_map_shows_where(on_pictures):
    image = toy_images(2, classes=2, size=28, seed=3).take(np.array([0]))
    marked = image.pixels.copy()
    marked[:, :, 20:26, 20:26] = 255
    maps = on_pictures.residual_map(Images.of(np.concatenate([image.pixels, marked])))
    assert maps.shape == (2, 1, 28, 28)
    assert maps.dtype == np.float32
    assert maps[1, 0, 20:26, 20:26].mean() > maps[0, 0, 20:26, 20:26].mean() + 0.5


def test_what_it_cannot_take_is_refused(on_pictures):
    pixels = np.zeros((40, 28, 28), dtype=np.uint8)
    with pytest.raises(InputError, match="residual_map"):
        on_pictures.explain(pixels)
    with pytest.raises(InputError, match=r"\(1, 28, 28\)"):
        on_pictures.decision_function(np.zeros((4, 32, 32), dtype=np.uint8))
    with pytest.raises(InputError, match="64×64"):
        FAnoGAN().fit(np.zeros((40, 64, 64), dtype=np.uint8))
    rows = np.random.default_rng(0).normal(size=(40, 2))
    for parameters, message in (
        ({"steps": 1}, "steps=1"),
        ({"maps": 12}, "maps=12"),
        ({"hidden": 0}, "hidden=0"),
        ({"encoder_share": 1.0}, "encoder_share=1"),
        ({"trainer": {"devicse": 2}}, "did you mean 'devices'"),
    ):
        with pytest.raises(InputError, match=message):
            FAnoGAN(**parameters).fit(rows)
    with pytest.raises(UnknownNameError, match="did you mean 'whitened'"):
        FAnoGAN(residuals="whiten").fit(rows)
    with pytest.raises(InputError, match="random_state"):
        FAnoGAN(steps=4).fit(rows, checkpoints="nowhere", resume=True)
    with pytest.raises(InputError, match="residual_map is for pictures"):
        FAnoGAN(steps=4, random_state=0).fit(rows).residual_map(pixels)


def test_a_resumed_run_must_share_every_parameter_that_shapes_it():
    one = FAnoGAN(random_state=0)
    one.data_fingerprint_ = "same"
    same = FAnoGAN(random_state=0, log_every=7, trainer={"devices": 1})
    same.data_fingerprint_ = "same"
    other = FAnoGAN(random_state=0, kappa=0.5)
    other.data_fingerprint_ = "same"
    assert one._identity() == same._identity() != other._identity()


def test_every_batch_that_is_scored_has_one_size(monkeypatch):
    rows = np.random.default_rng(0).normal(size=(100, 2))
    detector = FAnoGAN(steps=4, random_state=0).fit(rows)
    seen = []
    inner = detector.game_.residuals
    monkeypatch.setattr(detector.game_, "residuals", lambda x: seen.append(len(x)) or inner(x))
    for n in (1, 99, 1_024, 1_025):
        detector.decision_function(np.resize(rows, (n, 2)))
    assert set(seen) == {f_anogan._ROWS}
    assert len(seen) == 5


def test_training_is_told_and_kept(tmp_path):
    told = []
    detector = FAnoGAN(steps=20, log_every=5, random_state=0)
    detector.fit(np.random.default_rng(0).normal(size=(50, 2)), on_progress=told.append)
    assert told[-1].step == told[-1].steps == 20
    assert {each.phase for each in told} == {"adversaries", "encoder"}
    detector.save(tmp_path / "model")
    again = load_model(tmp_path / "model").training_
    assert json.dumps(again.history) == json.dumps(detector.training_.history)
