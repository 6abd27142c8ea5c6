"""Pictures between stages: .npz of pixels and labels; the classes' names are among the facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganforge.data.images import MARK, Images
from ganforge.errors import InputError
from ganforge_pipelines.lineage.stamps import as_array


def write_part(path: Path, images: Images, *, stamp: Mapping[str, Any] | None = None) -> None:
    """pixels (N, C, H, W) uint8, labels (N,) int64 and which are generated; the same pictures give the same bytes.

    stamp: what the file is to say of its origin, see `lineage.stamps`.
    """
    labels = images.labels if images.labels is not None else np.zeros(0, dtype=np.int64)
    marks: dict[str, Any] = {} if images.synthetic is None else {MARK: images.synthetic}
    if stamp is not None:
        marks |= as_array(stamp)
    np.savez_compressed(path, pixels=images.pixels, labels=labels, **marks)


def write_sheet(path: Path, classes: Sequence[Images], *, most: int = 10) -> None:
    """One PNG: a row a class, its first `most` pictures side by side."""
    rows = [np.concatenate([*each.pixels[:most]], axis=2) for each in classes]  # (C, H, most · W)
    sheet = np.concatenate(rows, axis=1).transpose(1, 2, 0)
    Image.fromarray(sheet[..., 0] if sheet.shape[2] == 1 else sheet).save(path)


def read_part(path: Path, facts: Mapping[str, Any]) -> Images:
    """Pictures that `prepare` or `sample` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return Images.of(
            file["pixels"],
            file["labels"],
            classes=tuple(facts["classes"]),
            source=facts["source"],
            synthetic=file.get(MARK),
        )


def labels_of(images: Images) -> np.ndarray:
    """(N,) int64; raises where there are none, which no stage behind `prepare` meets."""
    if images.labels is None:
        raise InputError(f"{images.source}: pictures without labels")
    return images.labels


def thinned(images: Images, per_class: int | None, *, seed: int) -> np.ndarray:
    """Sorted indices of at most `per_class` pictures of each class, drawn at random; None keeps all."""
    if per_class is None or images.labels is None:
        return np.arange(len(images))
    order = np.random.default_rng(seed).permutation(len(images))
    rank = np.empty(len(images), dtype=np.int64)
    for number in range(len(images.classes)):
        own = order[images.labels[order] == number]
        rank[own] = np.arange(len(own))
    return np.flatnonzero(rank < per_class)
