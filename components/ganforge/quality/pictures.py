"""Are generated pictures what was asked for, and are they new? Pure functions of arrays.

The classes "taken for" come from a classifier that was trained on real pictures alone.
"""

from __future__ import annotations

import numpy as np

from ganforge.errors import InputError, UnsuitableDataError

_CHUNK = 512  # pictures compared at a time: 512 × 10,000 distances are 20 MB


def obedience(asked: np.ndarray, taken_for: np.ndarray) -> float:
    """Share of the pictures that the classifier takes for the class they were asked for.

    asked, taken_for: (N,) int64 numbers of classes. Chance gives 1/K for classes asked for equally often; real pictures
    give the classifier's own accuracy, which is as much as can be expected.
    """
    asked, taken_for = _paired(asked, taken_for)
    return float(np.mean(asked == taken_for))


def obedience_by_class(asked: np.ndarray, taken_for: np.ndarray, classes: int) -> np.ndarray:
    """(K,) `obedience` of the pictures asked for each class; NaN for a class that was not asked for."""
    asked, taken_for = _paired(asked, taken_for)
    counts = np.bincount(asked, minlength=classes)
    right = np.bincount(asked[asked == taken_for], minlength=classes)
    return np.divide(right, counts, out=np.full(len(counts), np.nan), where=counts > 0)


def classes_that_appear(taken_for: np.ndarray, classes: int, *, least: float = 0.01) -> int:
    """How many of the K classes the classifier finds at all: each in at least a share `least` of a fair part, N/K.

    A generator that collapsed leaves classes out. The threshold keeps a single picture of noise, which is taken for
    something too, from standing for a class; it is never below one picture.
    """
    taken_for = np.asarray(taken_for)
    if not len(taken_for):
        raise UnsuitableDataError("there is no picture to look at")
    counts = np.bincount(taken_for, minlength=classes)
    return int(np.sum(counts >= max(1.0, least * len(taken_for) / classes)))


def mistaken_for(asked: np.ndarray, taken_for: np.ndarray, classes: int) -> list[int | None]:
    """For each class, the other class that pictures asked for it are taken for most often; None where none is."""
    asked, taken_for = _paired(asked, taken_for)
    table = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(table, (asked, taken_for), 1)
    np.fill_diagonal(table, 0)
    return [int(row.argmax()) if row.any() else None for row in table]


def diversity(pixels: np.ndarray, labels: np.ndarray, *, pairs: int = 200, random_state: int = 0) -> float:
    """How far apart two pictures of one class are: root mean square difference a pixel, in grey levels.

    pixels (N, C, H, W) uint8, labels (N,). The mean over `pairs` random pairs of each class, then over the classes with
    at least two pictures. Near 0 where a generator makes one picture of each class over and over, which every class
    appearing and every picture being what was asked for does not show; hold it against the same figure of real
    pictures. Raises `UnsuitableDataError` when no class has two pictures.
    """
    pixels, labels = np.asarray(pixels), np.asarray(labels)
    rng, means = np.random.default_rng(random_state), []
    for number in np.unique(labels):
        rows = np.flatnonzero(labels == number)
        if len(rows) < 2:
            continue
        first = rng.integers(len(rows), size=pairs)
        second = (first + rng.integers(1, len(rows), size=pairs)) % len(rows)  # never the same picture
        difference = pixels[rows[first]].astype(np.int32) - pixels[rows[second]]
        means.append(np.sqrt(np.mean(np.square(difference), axis=(1, 2, 3), dtype=np.float64)).mean())
    if not means:
        raise UnsuitableDataError("no class has two pictures to compare")
    return float(np.mean(means))


def nearest_real(generated: np.ndarray, real: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The real picture nearest to each generated one, and how far it is.

    generated (N, C, H, W), real (M, C, H, W), both uint8.

    Returns (N,) int64 indices into `real`, and (N,) float64 distances: root mean square difference a pixel, in grey
    levels from 0 (an exact copy) to 255. Memorised pictures lie nearer to the training pictures than pictures held out
    of training do; compare with `nearest_real(held_out, real)`.

    Raises `InputError` when the shapes differ, `UnsuitableDataError` when there is nothing to compare with.
    """
    generated, real = np.asarray(generated), np.asarray(real)
    if generated.shape[1:] != real.shape[1:]:
        raise InputError(
            f"generated pictures are of shape {generated.shape[1:]}, real ones of {real.shape[1:]}; resize one of them"
        )
    if not len(real):
        raise UnsuitableDataError("there is no real picture to compare with")
    flat = real.reshape(len(real), -1).astype(np.float32)
    lengths = np.einsum("md,md->m", flat, flat, dtype=np.float64)
    nearest = np.empty(len(generated), dtype=np.int64)
    for begin in range(0, len(generated), _CHUNK):
        part = generated[begin : begin + _CHUNK].reshape(-1, flat.shape[1]).astype(np.float32)
        nearest[begin : begin + _CHUNK] = (lengths - 2 * (part @ flat.T)).argmin(1)  # ‖a−b‖² less ‖a‖²
    difference = generated.reshape(len(generated), -1).astype(np.int32) - real[nearest].reshape(len(generated), -1)
    return nearest, np.sqrt(np.mean(np.square(difference), axis=1, dtype=np.float64))


def _paired(asked: np.ndarray, taken_for: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    asked, taken_for = np.asarray(asked), np.asarray(taken_for)
    if asked.shape != taken_for.shape:
        raise InputError(f"{len(asked)} classes asked for, but {len(taken_for)} taken for; give one each a picture")
    if not len(asked):
        raise UnsuitableDataError("there is no picture to look at")
    return asked, taken_for
