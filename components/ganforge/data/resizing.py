"""Pictures as tensors, and brought to another size."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor, nn

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
        for each in tensor_of(images.pixels).split(1_024)
    ]
    return Images.of(
        torch.cat(pieces).numpy(),
        images.labels,
        classes=images.classes or None,
        source=images.source,
        synthetic=images.synthetic,
    )


def tensor_of(array: np.ndarray) -> Tensor:
    """The array as a tensor without a copy, unless it is read-only, as arrays read from files may be."""
    return torch.from_numpy(np.require(array, requirements="W"))
