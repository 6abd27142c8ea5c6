"""Pictures brought to another size."""

from __future__ import annotations

import warnings

import torch
from torch import nn

from ganforge.data.images import Images
from ganforge.errors import GanforgeWarning


def resized(images: Images, size: int) -> Images:
    """The pictures at `size` × `size` pixels, with antialiasing; another shape than square is stretched, and told."""
    _, height, width = images.shape
    if (height, width) == (size, size):
        return images
    if height != width:
        warnings.warn(
            f"{images.source}: pictures of {width}×{height} pixels were stretched to {size}×{size}",
            GanforgeWarning,
            stacklevel=2,
        )
    pieces = [
        nn.functional.interpolate(each.float(), size=(size, size), mode="bilinear", antialias=True)
        .round_()
        .clamp_(0, 255)
        .to(torch.uint8)
        for each in torch.from_numpy(images.pixels).split(1_024)
    ]
    return Images.of(torch.cat(pieces).numpy(), images.labels, classes=images.classes or None, source=images.source)
