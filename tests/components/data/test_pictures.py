"""Reading pictures: idx, .npz and folders; what is broken is named by its file."""

import gzip
import struct

import numpy as np
import pytest
from PIL import Image

from ganforge.data.images import MARK, Images
from ganforge.data.pictures import read_idx, read_images, write_idx
from ganforge.data.readers import read
from ganforge.data.resizing import resized
from ganforge.data.toy import toy_images
from ganforge.data.writers import write_images
from ganforge.errors import GanforgeWarning, InputError


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (6, 8, 8), dtype=np.uint8)


def test_idx_round_trip_packed_and_plain(tmp_path, pixels):
    labels = np.array([3, 1, 1, 3, 7, 7], dtype=np.uint8)
    write_idx(tmp_path / "a-images-idx3-ubyte", pixels)
    write_idx(tmp_path / "a-labels-idx1-ubyte", labels)
    for name in ("a-images-idx3-ubyte", "a-labels-idx1-ubyte"):
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress((tmp_path / name).read_bytes()))
    plain = read(tmp_path / "a-images-idx3-ubyte", labels=tmp_path / "a-labels-idx1-ubyte")
    packed = read(tmp_path / "a-images-idx3-ubyte.gz", labels=tmp_path / "a-labels-idx1-ubyte.gz")
    assert np.array_equal(plain.pixels[:, 0], pixels)
    assert plain.classes == ("1", "3", "7")
    assert plain.labels.tolist() == [1, 0, 0, 1, 2, 2]
    assert plain.fingerprint == packed.fingerprint
    assert read_images(tmp_path / "a-images-idx3-ubyte").labels is None


def test_idx_by_hand(tmp_path):
    path = tmp_path / "x.idx"
    path.write_bytes(struct.pack(">BBBB2I", 0, 0, 11, 2, 1, 2) + struct.pack(">2h", -1, 300))
    assert read_idx(path).tolist() == [[-1, 300]]


def test_broken_idx_files(tmp_path, pixels):
    path = tmp_path / "b-images-idx3-ubyte"
    write_idx(path, pixels)
    good = path.read_bytes()
    for content, said in (
        (good[:-10], "was cut short: the header says 6 × 8 × 8 values"),
        (good + b"1", "more bytes than its header says"),
        (good[:9], "cut short inside its header"),
        (b"\x01\x00" + good[2:], "not an idx file"),
        (b"GIF89a....", "not an idx file"),
        (b"", "is empty"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=said) as caught:
            read(path)
        assert str(path) in str(caught.value)
    (tmp_path / "c-images-idx3-ubyte.gz").write_bytes(gzip.compress(good)[:-12])
    with pytest.raises(InputError, match="cut short or damaged"):
        read(tmp_path / "c-images-idx3-ubyte.gz")


def test_labels_and_pictures_that_do_not_belong_together(tmp_path, pixels):
    write_idx(tmp_path / "i-images-idx3-ubyte", pixels)
    write_idx(tmp_path / "l-labels-idx1-ubyte", np.zeros(5, dtype=np.uint8))
    with pytest.raises(InputError, match="6 pictures but 5 labels"):
        read(tmp_path / "i-images-idx3-ubyte", labels=tmp_path / "l-labels-idx1-ubyte")
    with pytest.raises(InputError, match="swapped"):
        read(tmp_path / "l-labels-idx1-ubyte", labels=tmp_path / "i-images-idx3-ubyte")
    with pytest.raises(InputError, match="swapped"):
        read(tmp_path / "i-images-idx3-ubyte", labels=tmp_path / "i-images-idx3-ubyte")
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "i-images-idx3-ubyte", labels=tmp_path / "none")


@pytest.mark.parametrize(
    "names", [("images", "labels"), ("X", "y"), ("train_images", "train_labels"), ("x_train", "y_train")]
)
def test_npz(tmp_path, pixels, names):
    labels = np.array([[0], [1], [0], [1], [1], [0]])
    np.savez(tmp_path / "p.npz", **{names[0]: pixels, names[1]: labels})
    images = read(tmp_path / "p.npz")
    assert images.shape == (1, 8, 8)
    assert images.labels.tolist() == [0, 1, 0, 1, 1, 0]
    with pytest.raises(InputError, match="labels inside"):
        read(tmp_path / "p.npz", labels=tmp_path / "l")


def test_npz_that_is_no_picture(tmp_path):
    np.savez(tmp_path / "a.npz", weights=np.zeros(3))
    with pytest.raises(InputError, match="holds weights; pictures are looked for under images"):
        read(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", images=np.full((2, 4, 4), 0.5))
    with pytest.raises(InputError, match="whole numbers 0 to 255"):
        read(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", images=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="pickle"):
        read(tmp_path / "c.npz")


def save(path, size=(8, 8), mode="L", value=100):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value if mode == "L" else (value, 10, 20)).save(path)


def test_folders_are_classes(tmp_path):
    for k, name in enumerate(("cat", "dog")):
        save(tmp_path / name / "1.png", value=50 * k)
        save(tmp_path / name / "2.jpeg", value=50 * k)
        (tmp_path / name / "notes.txt").write_text("no picture")
    images = read(tmp_path)
    assert images.classes == ("cat", "dog")
    assert images.labels.tolist() == [0, 0, 1, 1]
    assert images.shape == (1, 8, 8)
    assert images.pixels[0].max() == 0
    assert abs(int(images.pixels[2].mean()) - 50) <= 1
    save(tmp_path / "dog" / "3.png", mode="RGB")
    assert read(tmp_path).shape == (3, 8, 8)
    (tmp_path / "mouse").mkdir()
    with pytest.warns(GanforgeWarning, match="no pictures in mouse"):
        assert read(tmp_path).classes == ("cat", "dog")


def test_a_folder_of_pictures_alone_has_no_labels(tmp_path):
    save(tmp_path / "1.png")
    images = read(tmp_path)
    assert (len(images), images.labels, images.classes) == (1, None, ())
    with pytest.raises(InputError, match="labels in its folders' names"):
        read(tmp_path, labels=tmp_path / "l")


def test_folders_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="holds no pictures"):
        read(tmp_path)
    save(tmp_path / "cat" / "1.jpg")
    broken = tmp_path / "cat" / "2.jpg"
    broken.write_bytes((tmp_path / "cat" / "1.jpg").read_bytes()[:200])
    with pytest.raises(InputError, match=r"2.jpg is a broken picture .*; repair it or take it out"):
        read(tmp_path)
    broken.write_bytes(b"no picture at all")
    with pytest.raises(InputError, match=r"2.jpg is a broken picture"):
        read(tmp_path)
    broken.unlink()
    save(tmp_path / "cat" / "3.png", size=(9, 8))
    with pytest.raises(InputError, match=r"3.png is 9 × 8 pixels, but 1.jpg is 8 × 8"):
        read(tmp_path)
    (tmp_path / "cat" / "3.png").unlink()
    save(tmp_path / "loose.png")
    with pytest.raises(InputError, match="put each into the folder of its class"):
        read(tmp_path)
    Image.new("I;16", (8, 8)).save(tmp_path / "loose.png")
    (tmp_path / "cat" / "1.jpg").unlink()
    (tmp_path / "cat").rmdir()
    with pytest.raises(InputError, match="8 bits"):
        read(tmp_path)


def test_arrays_of_pictures(pixels):
    colour = np.zeros((2, 5, 7, 3), dtype=np.uint8)
    assert Images.of(colour).shape == (3, 5, 7)
    assert Images.of(pixels.astype(np.int64)).pixels.dtype == np.uint8
    taken = Images.of(pixels, [0, 1, 0, 1, 0, 1]).take(np.array([1, 3]))
    assert taken.labels.tolist() == [1, 1]
    assert taken.classes == ("0", "1")
    assert np.array_equal(taken.pixels[:, 0], pixels[[1, 3]])
    for array, labels, classes, said in (
        (np.zeros((2, 5)), None, None, "no set of grey or RGB"),
        (np.zeros((0, 5, 5), dtype=np.uint8), None, None, "holds no pictures"),
        (pixels, [[0, 1]] * 6, None, "one number or name a picture"),
        (pixels, [0, 1, 2, 0, 1, 2], ("a", "b"), "labels must be 0 … 1"),
        (pixels, None, ("a",), "there are no labels"),
    ):
        with pytest.raises(InputError, match=said):
            Images.of(array, labels, classes=classes)


def test_toy_images_have_classes_that_differ():
    images = toy_images(40, classes=4, size=16, channels=3)
    assert images.shape == (3, 16, 16)
    means = np.stack([images.pixels[images.labels == k].mean(axis=(0, 1)) for k in range(4)])
    assert min(np.abs(means[i] - means[j]).max() for i in range(4) for j in range(i)) > 100
    assert toy_images(40, classes=4, size=16, channels=3).fingerprint == images.fingerprint


def test_generated_pictures_stay_marked_through_files_sizes_and_choices(tmp_path):
    images = toy_images(6, classes=2, size=28)
    made = Images.of(images.pixels, images.labels, classes=images.classes, synthetic=np.arange(6) >= 4)
    assert made.fingerprint == images.fingerprint
    assert made.take(np.array([0, 5])).synthetic.tolist() == [False, True]
    assert made.take(np.array([0, 1])).synthetic is None
    assert resized(made, 32).synthetic.sum() == 2
    write_images(made, tmp_path / "folder")
    again = read_images(tmp_path / "folder")
    assert again.synthetic.tolist() == [False, False, True, False, False, True]  # by class: 0, 2, 4 and 1, 3, 5
    np.savez(tmp_path / "set.npz", pixels=made.pixels, labels=made.labels, **{MARK: made.synthetic})
    assert read_images(tmp_path / "set.npz").synthetic.tolist() == made.synthetic.tolist()
    write_images(images, tmp_path / "real")
    assert read_images(tmp_path / "real").synthetic is None
    with pytest.raises(InputError, match="marks of shape"):
        Images.of(images.pixels, synthetic=np.ones(3, dtype=bool))
