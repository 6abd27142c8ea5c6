"""Every change alone against what it must do to a picture that can be worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from ganforge.downstream.classical import Classical
from ganforge.errors import InputError, UnknownNameError

OFF = {"rotation": 0, "scale": 0, "translation": 0, "brightness": 0, "contrast": 0}


def changed(pixels: torch.Tensor, **on) -> torch.Tensor:
    return Classical(**{**OFF, **on})(pixels, generator=torch.Generator().manual_seed(0))


def a_dot(count: int, *, size: tuple[int, int] = (33, 33), at: tuple[int, int] = (16, 26)) -> torch.Tensor:
    """A white square of 3×3 pixels on black; (row, column) is its centre."""
    pixels = torch.zeros(count, 1, *size, dtype=torch.uint8)
    pixels[:, :, at[0] - 1 : at[0] + 2, at[1] - 1 : at[1] + 2] = 255
    return pixels


def centres(pixels: torch.Tensor) -> torch.Tensor:
    """(B, 2) of (row, column): where the mass of each picture lies, in pixels from its centre."""
    mass = pixels[:, 0].double()
    rows, columns = (torch.arange(n) - (n - 1) / 2 for n in mass.shape[1:])
    total = mass.sum(dim=(1, 2))
    return torch.stack([(mass.sum(2) @ rows.double()) / total, (mass.sum(1) @ columns.double()) / total], dim=1)


def test_moving_repeats_the_border_and_keeps_every_value():
    """A picture that is bright at the left border and dark elsewhere: nothing but the two values may appear."""
    pixels = torch.full((64, 1, 16, 16), 10, dtype=torch.uint8)
    pixels[..., 0] = 200
    moved = changed(pixels, translation=0.125)
    assert set(moved.unique().tolist()) == {10, 200}
    assert set((moved[:, 0, 0] == 200).sum(dim=1).tolist()) == {0, 1, 2, 3}  # up to 2 pixels to either side
    assert (moved[..., -1] == 10).all()  # never mirrored


def test_the_background_comes_in_where_it_is_asked_for_and_never_mid_grey():
    pixels = torch.full((64, 1, 16, 16), 10, dtype=torch.uint8)
    pixels[..., 0] = 200
    moved = changed(pixels, translation=0.125, padding="background")
    assert set(moved.unique().tolist()) == {10, 200}
    assert set((moved[:, 0, 0] == 200).sum(dim=1).tolist()) == {0, 1}  # what was at the border is not repeated


def test_a_flip_mirrors_about_half():
    pixels = torch.zeros(400, 1, 16, 16, dtype=torch.uint8)
    pixels[..., :8] = 255
    moved = changed(pixels, flip=True)
    mirrored = (moved[:, 0, 0, -1] == 255).float().mean().item()
    assert mirrored == pytest.approx(0.5, abs=0.1)
    assert set(moved.unique().tolist()) == {0, 255}  # exactly, without blur


@pytest.mark.parametrize("size", [(33, 33), (33, 45)])
def test_a_rotation_turns_about_the_centre_and_keeps_distances(size):
    pixels = a_dot(200, size=size, at=(16, size[1] // 2 + 10))
    found = centres(changed(pixels, rotation=30))
    assert found.norm(dim=1).numpy() == pytest.approx(10, abs=0.35)  # also where height and width differ
    angles = torch.atan2(found[:, 0], found[:, 1]).rad2deg()
    assert angles.abs().max() <= 31
    assert angles.max() > 24
    assert angles.min() < -24
    assert abs(angles.mean()) < 4


def test_scaling_grows_and_shrinks_by_the_same_factor():
    found = centres(changed(a_dot(300), scale=0.25))[:, 1]
    assert found.max() == pytest.approx(10 * 1.25, abs=0.4)
    assert found.min() == pytest.approx(10 / 1.25, abs=0.4)
    assert found.log().mean().exp() == pytest.approx(10, abs=0.3)  # as often up as down


def test_brightness_adds_and_contrast_stretches_about_the_mean():
    pixels = torch.tensor([100, 140], dtype=torch.uint8).repeat(300, 1, 8, 4)
    bright = changed(pixels, brightness=0.2).float()
    assert (bright[..., 1] - bright[..., 0] == 40).all()
    shift = bright[..., 0].mean(dim=(1, 2)) - 100
    assert 45 < shift.max() <= 51  # .2 of 255
    assert -51 <= shift.min() < -45
    stretched = changed(pixels, contrast=0.5).float()
    assert stretched.mean(dim=(1, 2, 3)).numpy() == pytest.approx(120, abs=0.51)
    apart = (stretched[..., 1] - stretched[..., 0]).mean(dim=(1, 2))
    assert 56 < apart.max() <= 61
    assert 26 <= apart.min() < 29


def test_levels_stay_whole_and_between_0_and_255():
    pixels = torch.randint(0, 256, (50, 3, 12, 9), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    moved = Classical(flip=True, brightness=1.0, contrast=1.0)(pixels, generator=torch.Generator().manual_seed(0))
    assert moved.dtype == torch.uint8
    assert moved.shape == pixels.shape


def test_the_same_draws_give_the_same_pictures_and_each_picture_its_own():
    pixels = a_dot(6)
    one, other = (Classical()(pixels, generator=torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one, other)
    assert len({each.numpy().tobytes() for each in one}) == 6


def test_what_is_on_is_said_and_all_off_is_nothing():
    assert Classical.of(OFF) is None
    assert Classical.of(None) is None
    assert Classical.of({**OFF, "flip": True}) == Classical(**OFF, flip=True)
    assert Classical().parts == ("rotation", "scale", "translation", "brightness", "contrast")
    assert str(Classical(**{**OFF, "rotation": 15.0}, flip=True)) == "flip, rotation 15"


def test_strengths_out_of_range_are_refused():
    for name, value in (("rotation", 181), ("scale", -0.1), ("translation", 0.6), ("contrast", math.nan)):
        with pytest.raises(InputError, match=f"{name}="):
            Classical(**{name: value})
    with pytest.raises(InputError, match="flip=1"):
        Classical(flip=1)  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="did you mean 'border'"):
        Classical(padding="borders")  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="did you mean 'translation'"):
        Classical.of({"translate": 0.1})
