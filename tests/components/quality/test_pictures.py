from __future__ import annotations

import numpy as np
import pytest

from ganforge.errors import InputError, UnsuitableDataError
from ganforge.quality.pictures import (
    classes_that_appear,
    diversity,
    mistaken_for,
    nearest_real,
    obedience,
    obedience_by_class,
)

ASKED = np.array([0, 0, 0, 0, 1, 1, 2, 2])
TAKEN = np.array([0, 0, 0, 1, 1, 1, 1, 0])


def test_obedience_is_the_share_taken_for_what_was_asked():
    assert obedience(ASKED, TAKEN) == pytest.approx(5 / 8)
    assert obedience(ASKED, ASKED) == 1


def test_obedience_by_class_is_nan_where_nothing_was_asked():
    assert obedience_by_class(ASKED, TAKEN, 4).tolist() == pytest.approx([0.75, 1, 0, np.nan], nan_ok=True)


def test_the_classes_a_collapsed_generator_leaves_out_do_not_appear():
    assert classes_that_appear(TAKEN, 3) == 2
    assert classes_that_appear(np.zeros(50, dtype=int), 10) == 1
    assert classes_that_appear(np.arange(50) % 10, 10) == 10


def test_a_stray_picture_among_thousands_is_no_class():
    taken = np.r_[np.arange(9_000) % 9, 9]
    assert classes_that_appear(taken, 10) == 9
    assert classes_that_appear(np.r_[taken, np.full(9, 9)], 10) == 10


def test_the_commonest_mistake_of_each_class():
    assert mistaken_for(ASKED, TAKEN, 3) == [1, None, 0]  # of two mistakes made once, the first class


def test_the_nearest_real_picture_and_its_distance_agree_with_brute_force():
    rng = np.random.default_rng(0)
    real = rng.integers(0, 256, (700, 3, 5, 4), dtype=np.uint8)
    generated = rng.integers(0, 256, (600, 3, 5, 4), dtype=np.uint8)
    generated[7] = real[300]
    nearest, distance = nearest_real(generated, real)
    for k in (0, 7, 599):
        difference = generated[k].astype(float) - real.astype(float)
        by_hand = np.sqrt((difference**2).mean(axis=(1, 2, 3)))
        assert nearest[k] == by_hand.argmin()
        assert distance[k] == pytest.approx(by_hand.min())
    assert nearest[7] == 300
    assert distance[7] == 0


def test_a_distance_is_in_grey_levels():
    black, grey = np.zeros((1, 1, 6, 6), dtype=np.uint8), np.full((1, 1, 6, 6), 40, dtype=np.uint8)
    assert nearest_real(grey, black)[1].tolist() == [40.0]


def test_a_generator_with_one_picture_a_class_has_no_diversity():
    """Though all that is asked for comes out, and every class appears."""
    labels = np.arange(40) % 2
    pixels = np.full((40, 1, 4, 4), 50, dtype=np.uint8)
    pixels[labels == 1] = 200
    assert diversity(pixels, labels) == 0
    assert diversity(pixels, np.zeros(40, dtype=int)) > 50


def test_diversity_is_the_distance_of_two_pictures_of_a_class():
    pixels = np.zeros((5, 1, 4, 4), dtype=np.uint8)
    pixels[1] = 30  # class 0: two pictures 30 grey levels apart; class 1: two 10 apart; class 2: one alone
    pixels[3] = 10
    assert diversity(pixels, np.array([0, 0, 1, 1, 2])) == pytest.approx(20)
    with pytest.raises(UnsuitableDataError, match="two pictures"):
        diversity(pixels[:2], np.array([0, 1]))


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="8 classes asked for, but 7"):
        obedience(ASKED, TAKEN[:-1])
    with pytest.raises(UnsuitableDataError, match="no picture"):
        obedience(ASKED[:0], TAKEN[:0])
    with pytest.raises(InputError, match="resize"):
        nearest_real(np.zeros((1, 1, 4, 4), np.uint8), np.zeros((1, 1, 5, 5), np.uint8))
    with pytest.raises(UnsuitableDataError, match="no real picture"):
        nearest_real(np.zeros((1, 1, 4, 4), np.uint8), np.zeros((0, 1, 4, 4), np.uint8))
