"""Pictures: N of one size in 8 bits, with their classes where they have any."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from ganforge.errors import InputError

MARK = "ganforge_synthetic"
"""What marks generated data: a column of a table, an array in .npz, a text in a PNG file."""


@dataclass(frozen=True, eq=False)
class Images:
    """pixels (N, C, H, W) uint8, C 1 or 3; labels (N,) int64 in 0 … len(classes) − 1, or None.

    synthetic: (N,) bool, which of them a generator made; None where all are real. It goes with the pictures, into files
    and out of them, and is no part of the fingerprint.
    """

    pixels: np.ndarray
    labels: np.ndarray | None
    classes: tuple[str, ...]
    fingerprint: str
    source: str = "array"
    synthetic: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        pixels: np.ndarray,
        labels: np.ndarray | None = None,
        *,
        classes: tuple[str, ...] | None = None,
        source: str = "array",
        synthetic: np.ndarray | bool | None = None,
    ) -> Images:
        """Make pictures of an array: (N, H, W), (N, H, W, 1|3) or (N, 1|3, H, W), of whole numbers 0 … 255.

        labels: (N,) or (N, 1) of any values; they are numbered in sorted order, unless `classes` names the numbers.
        synthetic: which of the pictures a generator made, one value for all or (N,).
        Raises `InputError` when shapes, types or numbers do not fit.
        """
        pixels = _as_pixels(np.asarray(pixels), source)
        made = _as_mark(synthetic, len(pixels), source)
        if labels is None:
            if classes:
                raise InputError(f"{source}: classes {', '.join(classes)} are named, but there are no labels")
            return cls(pixels, None, (), _fingerprint(pixels, None, ()), source, made)
        labels = np.asarray(labels)
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        if labels.ndim != 1:
            raise InputError(f"{source}: labels of shape {labels.shape}; give one number or name a picture")
        if len(labels) != len(pixels):
            raise InputError(
                f"{source}: {len(pixels):,} pictures but {len(labels):,} labels; give one label a picture, "
                "in the same order"
            )
        if classes is None:
            names, numbers = np.unique(labels, return_inverse=True)
            classes = tuple(str(name) for name in names)
        else:
            numbers = labels
            if not np.issubdtype(labels.dtype, np.integer) or (
                len(labels) and (labels.min() < 0 or labels.max() >= len(classes))
            ):
                raise InputError(
                    f"{source}: {len(classes)} classes are named, so labels must be 0 … {len(classes) - 1}"
                )
        numbers = np.ascontiguousarray(numbers, dtype=np.int64)
        return cls(pixels, numbers, tuple(classes), _fingerprint(pixels, numbers, classes), source, made)

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width in pixels."""
        _, channels, height, width = self.pixels.shape
        return channels, height, width

    def class_counts(self) -> dict[str, int]:
        """Class → how many pictures it has; empty without labels."""
        if self.labels is None:
            return {}
        counts = np.bincount(self.labels, minlength=len(self.classes))
        return {name: int(count) for name, count in zip(self.classes, counts, strict=True)}

    def take(self, indices: np.ndarray) -> Images:
        """These pictures, with the same classes."""
        pixels = self.pixels[indices]
        labels = None if self.labels is None else self.labels[indices]
        made = None if self.synthetic is None else _as_mark(self.synthetic[indices], len(pixels), self.source)
        return Images(pixels, labels, self.classes, _fingerprint(pixels, labels, self.classes), self.source, made)


def _as_pixels(pixels: np.ndarray, source: str) -> np.ndarray:
    if pixels.ndim == 3:
        pixels = pixels[:, None]
    elif pixels.ndim == 4 and pixels.shape[1] not in (1, 3) and pixels.shape[3] in (1, 3):
        pixels = pixels.transpose(0, 3, 1, 2)
    if pixels.ndim != 4 or pixels.shape[1] not in (1, 3):
        raise InputError(
            f"{source}: an array of shape {pixels.shape} is no set of grey or RGB pictures; "
            "give (N, H, W) or (N, H, W, 3)"
        )
    if len(pixels) == 0 or min(pixels.shape) == 0:
        raise InputError(f"{source} holds no pictures (shape {pixels.shape})")
    if pixels.dtype != np.uint8:
        if not np.issubdtype(pixels.dtype, np.integer) or pixels.min() < 0 or pixels.max() > 255:
            raise InputError(
                f"{source}: pixels of type {pixels.dtype} from {pixels.min()} to {pixels.max()}; "
                "give whole numbers 0 to 255 (uint8)"
            )
        pixels = pixels.astype(np.uint8)
    return np.ascontiguousarray(pixels)


def _as_mark(synthetic: np.ndarray | bool | None, count: int, source: str) -> np.ndarray | None:
    if synthetic is None:
        return None
    made = np.asarray(synthetic).astype(bool)
    if made.shape not in ((), (count,)):
        raise InputError(f"{source}: marks of shape {made.shape} for {count:,} pictures; give one a picture, or one")
    return np.broadcast_to(made, (count,)).copy() if made.any() else None


def _fingerprint(pixels: np.ndarray, labels: np.ndarray | None, classes: tuple[str, ...]) -> str:
    digest = hashlib.sha256(repr((pixels.shape, tuple(classes))).encode())
    digest.update(pixels.tobytes())
    if labels is not None:
        digest.update(labels.astype("<i8").tobytes())
    return digest.hexdigest()
