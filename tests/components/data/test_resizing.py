import numpy as np
import pytest

from ganforge.data.images import Images
from ganforge.data.resizing import resized
from ganforge.errors import GanforgeWarning


def test_antialiasing_averages_what_becomes_one_pixel():
    """Every other column black: without antialiasing a shrunk picture is black, white or striped."""
    pixels = np.zeros((1, 64, 64), dtype=np.uint8)
    pixels[:, :, ::2] = 255
    small = resized(Images.of(pixels), 16).pixels
    assert small.shape == (1, 1, 16, 16)
    assert np.abs(small[..., 1:-1].astype(int) - 127).max() <= 24


def test_a_flat_picture_stays_flat_and_labels_go_along():
    pixels = np.full((3, 10, 10), 77, dtype=np.uint8)
    images = resized(Images.of(pixels, np.array([0, 1, 0])), 32)
    assert (images.pixels == 77).all()
    assert images.labels.tolist() == [0, 1, 0]


def test_the_right_size_is_left_alone_and_an_oblong_is_told():
    images = Images.of(np.zeros((1, 28, 28), dtype=np.uint8))
    assert resized(images, 28) is images
    with pytest.warns(GanforgeWarning, match="20×10 pixels were stretched to 32×32"):
        resized(Images.of(np.zeros((1, 10, 20), dtype=np.uint8)), 32)
