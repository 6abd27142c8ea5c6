"""Pictures between stages."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from ganforge.data.toy import toy_images
from ganforge.downstream.picture_trials import PictureArm
from ganforge.errors import GanforgeWarning, InputError
from ganforge_pipelines.stages.curves import precision_recall
from ganforge_pipelines.stages.curves import thinned as few
from ganforge_pipelines.stages.images import _brought_to_size
from ganforge_pipelines.stages.pictures import labels_of, read_part, thinned, write_part, write_sheet
from ganforge_pipelines.stages.running import run_stage


def test_pictures_come_back_as_they_went_and_equal_ones_give_equal_bytes(tmp_path):
    images = toy_images(12, classes=3, size=28, seed=0)
    write_part(tmp_path / "a.npz", images)
    write_part(tmp_path / "b.npz", images)
    again = read_part(tmp_path / "a.npz", {"classes": list(images.classes), "source": "toy"})
    assert (again.pixels == images.pixels).all()
    assert (labels_of(again) == labels_of(images)).all()
    assert again.fingerprint == images.fingerprint
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_thinning_keeps_so_many_of_each_class_the_same_ones_for_a_seed():
    images = toy_images(40, classes=4, size=28, seed=0)
    kept = images.take(thinned(images, 3, seed=0))
    assert set(kept.class_counts().values()) == {3}
    assert (thinned(images, 3, seed=0) == thinned(images, 3, seed=0)).all()
    assert (thinned(images, 3, seed=0) != thinned(images, 3, seed=1)).any()
    assert len(thinned(images, None, seed=0)) == 40


def test_a_sheet_has_a_row_a_class(tmp_path):
    images = toy_images(12, classes=3, size=28, seed=0)
    by_class = [images.take(np.flatnonzero(labels_of(images) == number)) for number in range(3)]
    write_sheet(tmp_path / "sheet.png", by_class, most=4)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (4 * 28, 3 * 28)
        assert (np.asarray(sheet)[:28, :28] == by_class[0].pixels[0, 0]).all()


def test_pictures_of_another_size_are_brought_to_the_nearest_and_it_is_told():
    images = toy_images(4, classes=2, size=28, seed=0)
    assert _brought_to_size(images, None) is images
    assert _brought_to_size(images, 32).shape[1:] == (32, 32)
    with pytest.raises(InputError, match="28, 32, 64 or null"):
        _brought_to_size(images, 30)
    odd = toy_images(4, classes=2, size=40, seed=0)
    with pytest.warns(GanforgeWarning, match="40×40 pixels were brought to 32×32"):
        assert _brought_to_size(odd, None).shape[1:] == (32, 32)


def test_copied_pictures_count_as_trained_on(workspace):
    """The arm that copies pictures of the smaller class sees as many of both."""
    images = toy_images(60, classes=2, size=28, seed=0)
    kept = np.concatenate([np.flatnonzero(labels_of(images) == number)[:n] for number, n in enumerate((28, 7))])
    np.savez(workspace.data / "uneven.npz", images=images.pixels[kept], labels=labels_of(images)[kept])
    places = {f"images.prepare.{name}": "data/uneven.npz" for name in ("data", "labels")}
    workspace.write_params({**places, "images.prepare.per_class": None, "images.classify.steps": 1})

    def run(verb: str) -> None:
        run_stage(f"images-{verb}", workspace, workspace.params(flow="images"))

    run("prepare")
    real = np.load(workspace.path("work/images/prepare/train.npz"))["labels"]
    assert np.bincount(real)[1] < np.bincount(real)[0]
    arm = {"synthetic": False, "details": {"training": PictureArm(oversampled=True).to_json()}}
    left = {"judge/verdict.json": {"recommended": "x", "arms": {"x": arm}}, "sample/quality.json": {"passed": True}}
    for name, content in left.items():
        path = workspace.path(f"work/images/{name}")
        path.parent.mkdir()
        path.write_text(json.dumps(content))
    write_part(workspace.path("work/images/sample/synthetic.npz"), images)  # which this arm leaves alone
    run("classify")
    told = json.loads(workspace.path("work/images/classify/test.json").read_text())
    assert told["trained_on"] == 2 * np.bincount(real)[0]


def test_curves_are_thinned_between_their_ends():
    assert list(few(3, 5)) == [0, 1, 2]
    kept = few(1_000, 11)
    assert len(kept) == 11
    assert (kept[0], kept[-1]) == (0, 999)
    truth = np.arange(3_000) % 7 == 0
    recall, precision = precision_recall(truth, np.random.default_rng(0).normal(size=3_000) + truth)
    assert len(recall) == len(precision) <= 200
    assert recall == sorted(recall)
    assert (recall[0], recall[-1]) == (0.0, 1.0)
