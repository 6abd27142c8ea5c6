"""Classical augmentation of pictures: each one flipped, turned, scaled, moved, brightened, by a draw of its own.

    x (B, C, H, W) uint8 ─▶ one affine map a picture, one `grid_sample` ─▶ contrast, brightness ─▶ (B, C, H, W) uint8

    Classical(flip=True)(pixels, generator=torch.Generator().manual_seed(0))

Which of them leave a picture in its class is known to who knows the pictures: a mirrored shirt is a shirt, a mirrored 5
is no 5. So flipping is off until it is asked for, and each of the others is switched off by a strength of 0.

What comes in over the border repeats the border, or is the picture's own background; neither is mid-grey, which
many a picture has nowhere else, so that it would tell how far the picture was moved.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from ganforge.errors import InputError, UnknownNameError

Padding = Literal["border", "background"]


@dataclass(frozen=True, kw_only=True)
class Classical:
    """How far a picture may be changed; every amount is drawn evenly between its two ends, anew for each picture.

    Args:
        flip: mirrored left to right in half of the cases.
        rotation: degrees, to either side; in [0, 180].
        scale: share by which a picture grows at most; it shrinks as far, by 1/(1 + scale). In [0, 1].
        translation: share of the picture's height and width, in whole pixels, each way; in [0, .5].
        brightness: share of the whole range of 255 levels, added or taken away; in [0, 1].
        contrast: share by which differences to the picture's mean grow at most, and shrink likewise; in [0, 1].
        padding: "border" repeats the picture's border outwards; "background" fills with its background, the median of
            its outermost pixels.

    Raises `InputError` for a strength out of its range, `UnknownNameError` for another padding.
    """

    flip: bool = False
    rotation: float = 10.0
    scale: float = 0.1
    translation: float = 0.1
    brightness: float = 0.1
    contrast: float = 0.1
    padding: Padding = "border"

    def __post_init__(self) -> None:
        if not isinstance(self.flip, bool):
            raise InputError(f"flip={self.flip!r}; give true or false")
        for name, most in _MOST.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
                raise InputError(f"{name}={value!r}; give a number from 0 (off) to {most:g}")
        if self.padding not in get_args(Padding):
            raise UnknownNameError("padding", self.padding, get_args(Padding))

    @classmethod
    def of(cls, value: Classical | Mapping[str, Any] | None) -> Classical | None:
        """Itself, of a mapping of its parameters, or None where that leaves every picture as it is."""
        if value is not None and not isinstance(value, Classical):
            known = [field.name for field in dataclasses.fields(cls)]
            if not isinstance(value, Mapping):
                raise InputError(f"classical={value!r}; give Classical(…), a mapping of {', '.join(known)}, or None")
            for name in value:
                if name not in known:
                    raise UnknownNameError("classical augmentation", name, known)
            value = cls(**value)
        return value if value is not None and value.parts else None

    @property
    def parts(self) -> tuple[str, ...]:
        """The changes that are switched on, in the order of the parameters."""
        return tuple(name for name in ("flip", *_MOST) if getattr(self, name))

    def __str__(self) -> str:
        return ", ".join(name if name == "flip" else f"{name} {getattr(self, name):g}" for name in self.parts)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def __call__(self, pixels: Tensor, *, generator: torch.Generator) -> Tensor:
        """(B, C, H, W) uint8 → the same, changed; `generator` is a CPU one, and the same draws give the same
        pictures."""
        draw = _Draw(len(pixels), generator)
        x = pixels.float()
        if self.flip or self.rotation or self.scale or self.translation:
            x = self._moved(x, draw)
        if self.contrast:
            mean = x.mean(dim=(1, 2, 3), keepdim=True)
            x = mean + (x - mean) * _tall(draw.factor(self.contrast))
        if self.brightness:
            x = x + 255 * _tall(draw.even(self.brightness))
        return x.round_().clamp_(0, 255).to(torch.uint8)

    def _moved(self, x: Tensor, draw: _Draw) -> Tensor:
        height, width = x.shape[2:]
        angle = draw.even(math.radians(self.rotation))
        zoom = 1 / draw.factor(self.scale)
        mirror = torch.where(draw.uniform() < 0.5, -1.0, 1.0) if self.flip else torch.ones(len(x))
        # Where each pixel of the result comes from, in pixels from the centre (right, down); `grid_sample` counts in
        # halves of the picture. Whole pixels, so that moving alone does not blur.
        right, down = (torch.round(draw.even(self.translation * side)) for side in (width, height))
        cos, sin = zoom * angle.cos(), zoom * angle.sin()
        rows = [
            torch.stack([mirror * cos, -mirror * sin * (height / width), 2 * right / width], dim=1),
            torch.stack([sin * (width / height), cos, 2 * down / height], dim=1),
        ]
        grid = nn.functional.affine_grid(torch.stack(rows, dim=1), list(x.shape), align_corners=False)
        ground = 0.0 if self.padding == "border" else _background(x)
        mode = "border" if self.padding == "border" else "zeros"
        return nn.functional.grid_sample(x - ground, grid, padding_mode=mode, align_corners=False) + ground


_MOST = {"rotation": 180.0, "scale": 1.0, "translation": 0.5, "brightness": 1.0, "contrast": 1.0}


@dataclass(frozen=True)
class _Draw:
    """(B,) random numbers, one a picture."""

    count: int
    generator: torch.Generator

    def uniform(self) -> Tensor:
        return torch.rand(self.count, generator=self.generator)

    def even(self, reach: float) -> Tensor:
        """Evenly in [−reach, reach]."""
        return (2 * self.uniform() - 1) * reach

    def factor(self, share: float) -> Tensor:
        """In [1/(1 + share), 1 + share], as likely above 1 as below."""
        return self.even(math.log1p(share)).exp()


def _tall(values: Tensor) -> Tensor:
    return values[:, None, None, None]


def _background(x: Tensor) -> Tensor:
    """(B, C, 1, 1): the median of each channel's outermost pixels."""
    frame = torch.cat([x[:, :, 0], x[:, :, -1], x[:, :, 1:-1, 0], x[:, :, 1:-1, -1]], dim=2)
    return frame.median(dim=2).values[:, :, None, None]
