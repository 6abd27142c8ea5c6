"""Pictures as data URIs: strips of generated samples, small enough that the page stays below its limit.

uint8 (N, C, H, W) → one PNG (or JPEG) strip a row of the grid
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ganforge_pipelines.report.parts import SampleGrid

BUDGET = 600_000
"""Bytes of base64 for all pictures of one kind on a page."""
_GAP = 2
"""Pixels between two pictures of a strip."""


@dataclass(frozen=True, kw_only=True)
class Strip:
    """A row of pictures as one image. `width`, `height` are its pixels."""

    uri: str
    width: int
    height: int
    n: int


def strip(pixels: np.ndarray, *, most: int = 12, lossless: bool = True) -> Strip:
    """The first `most` pictures side by side, the gaps between them transparent (PNG) or grey (JPEG)."""
    shown = pixels[:most]
    n, channels, height, width = shown.shape
    canvas = np.full((height, n * width + (n - 1) * _GAP, channels + lossless), 128, dtype=np.uint8)
    canvas[:, :, channels:] = 0
    for k, picture in enumerate(shown):
        left = k * (width + _GAP)
        canvas[:, left : left + width, :channels] = picture.transpose(1, 2, 0)
        canvas[:, left : left + width, channels:] = 255
    image = Image.fromarray(canvas[:, :, 0] if canvas.shape[2] == 1 else canvas)
    stream = io.BytesIO()
    if lossless:
        image.save(stream, format="PNG", optimize=True)
    else:
        image.save(stream, format="JPEG", quality=82, optimize=True)
    kind = "png" if lossless else "jpeg"
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    return Strip(uri=f"data:image/{kind};base64,{data}", width=image.width, height=image.height, n=n)


def strips(rows: Sequence[np.ndarray], *, most: int = 12, budget: int = BUDGET) -> list[Strip]:
    """All rows within the budget: lossless if that fits, else JPEG, fewer pictures a row, smaller ones."""
    rows = [each[:most] for each in rows]
    lossless = True
    while True:
        made = [strip(each, most=most, lossless=lossless) for each in rows]
        if sum(len(each.uri) for each in made) <= budget:
            return made
        if lossless:
            lossless = False
        elif most > 4:
            most = max(most // 2, 4)
        elif min(each.shape[2] for each in rows) > 16:
            rows = [_halved(each) for each in rows]
        else:
            return made


def evenly(grids: Sequence[SampleGrid], *, most: int = 8) -> list[SampleGrid]:
    """At most `most` grids, the first and the last among them, evenly spread over the steps there are."""
    ordered = sorted(grids, key=lambda grid: grid.step)
    if len(ordered) <= most:
        return ordered
    places = np.linspace(0, len(ordered) - 1, most).round().astype(int)
    return [ordered[k] for k in places]


def _halved(pixels: np.ndarray) -> np.ndarray:
    """Half the side, by the mean of two by two pixels (so nothing aliases)."""
    n, channels, height, width = pixels.shape
    even = pixels[:, :, : height // 2 * 2, : width // 2 * 2].astype(np.float32)
    blocks = even.reshape(n, channels, height // 2, 2, width // 2, 2)
    return blocks.mean(axis=(3, 5)).round().astype(np.uint8)
