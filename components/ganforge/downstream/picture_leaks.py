"""What would make a judgement of pictures worthless, and how it is found; see `leaks` for tables.

marked pictures      generated pictures handed in as real ones          an error with their number
twins                equal pictures                                     they stay on one side (`twins_of`)
a peeping generator  test pictures among a synthesizer's pictures       an error with both numbers
"""

from __future__ import annotations

import numpy as np

from ganforge.data.images import MARK, Images
from ganforge.errors import InputError

MOST_MET = 1
"""Test pictures that may equal a generated one in every pixel before a synthesizer is accused: hundreds of pixels do
not meet by chance, unless the picture shows nothing (`seen_again`)."""


def refuse_marked(images: Images) -> None:
    """Raise `InputError` where some of the pictures are marked as generated (`Images.synthetic`)."""
    if images.synthetic is not None:
        raise InputError(
            f"{images.source}: {int(images.synthetic.sum()):,} of {len(images):,} pictures are marked as synthetic "
            f"({MARK}); what helps on real pictures can be told on real ones alone: judge the set without them"
        )


def twins_of(images: Images) -> np.ndarray:
    """(N,) numbers of groups: pictures that are equal in every pixel share one."""
    return np.unique(images.pixels.reshape(len(images), -1), axis=0, return_inverse=True)[1].reshape(-1)


def seen_again(tested: Images, generated: Images) -> int:
    """Test pictures that equal a generated one; pictures of a single value do not count, since they show nothing."""
    made = {each.tobytes() for each in generated.pixels}
    return sum(each.tobytes() in made for each in tested.pixels if each.min() != each.max())


def refuse_peeping(arm: str, *, met: int, tested: int) -> None:
    """Raise `InputError` where `met` of `tested` held-out pictures are among those that a synthesizer made."""
    if met > MOST_MET:
        raise InputError(
            f"arm {arm!r} has seen what it is judged on: {met:,} of {tested:,} pictures that were held out are among "
            "its own; a synthesizer must learn from what `fit` is given, and from nothing else"
        )
