"""What a judgement of pictures is asked: which arms, which classifier, on which pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import nn

from ganforge.data.images import Images
from ganforge.data.resizing import resized
from ganforge.downstream.arms import CLASS_WEIGHTS, NONE, OVERSAMPLING
from ganforge.downstream.classical import Classical
from ganforge.downstream.picture_classifier import PictureClassifier
from ganforge.downstream.picture_leaks import refuse_marked
from ganforge.downstream.picture_network import NetworkFactory
from ganforge.downstream.picture_trials import PictureArm, labels_of
from ganforge.errors import InputError, UnsuitableDataError

CLASSICAL = "classical augmentation"
EVEN = 1.5
"""Largest class over smallest, up to which classes count as equally large."""


def refuse_unsuitable(images: Images, folds: int) -> None:
    counts = {name: count for name, count in images.class_counts().items() if count}
    labels_of(images)
    refuse_marked(images)
    if len(counts) < 2:
        raise UnsuitableDataError(
            f"{images.source}: all {len(images):,} pictures are of class {next(iter(counts), '?')!r}; "
            "there is nothing to tell apart"
        )
    rarest = min(counts, key=lambda name: counts[name])
    if counts[rarest] < folds:
        raise UnsuitableDataError(
            f"{images.source}: class {rarest!r} has {counts[rarest]} pictures, too few for {folds} folds; "
            "bring more of them, or ask for fewer folds"
        )


def synthesizers_of(synthesizer: Any) -> dict[str, Any]:
    if synthesizer is None:
        from ganforge.synthesis.dcgan import DCGAN

        synthesizer = DCGAN()
    given = dict(synthesizer) if isinstance(synthesizer, Mapping) else {synthesizer.kind: synthesizer}
    for name in given:
        if name in (NONE, CLASS_WEIGHTS, OVERSAMPLING, CLASSICAL) or name.startswith(f"{CLASSICAL} and "):
            raise InputError(f"synthesizer: {name!r} is the name of another arm; give this one a name of its own")
    return given


def at_one_size(images: Images, synthesizers: Mapping[str, Any]) -> Images:
    sizes = {each.get_params().get("resize") for each in synthesizers.values()}
    if len(sizes) > 1:
        raise InputError(
            f"synthesizer: pictures of several sizes (resize={', '.join(str(each) for each in sizes)}); all arms are "
            "judged on the same pictures, so give all synthesizers the same"
        )
    size = next(iter(sizes), None)
    return images if size is None else resized(images, size)


def classifier_of(classifier: PictureClassifier | nn.Module | NetworkFactory | None) -> PictureClassifier:
    if classifier is None:
        return PictureClassifier()
    if not isinstance(classifier, PictureClassifier):
        if not callable(classifier):
            raise InputError(
                f"classifier={classifier!r}; give a PictureClassifier, a torch.nn.Module or a factory of one"
            )
        return PictureClassifier(network=classifier)
    for name in ("augment", "class_weight"):
        if getattr(classifier, name) is not None:
            raise InputError(
                f"classifier: {name}={getattr(classifier, name)!r} would change every arm; leave it None: the arms "
                "set it"
            )
    return classifier


def kept_counts(counts: np.ndarray, folds: int, per_class: int | None) -> np.ndarray:
    """About how many pictures of each class a training part has."""
    trained = counts * (folds - 1) / folds
    return trained if per_class is None else np.minimum(trained, per_class)


def even(counts: np.ndarray) -> bool:
    present = counts[counts > 0]
    return bool(present.max() <= EVEN * present.min())


def arms_of(
    generators: Sequence[str], classical: Classical | None, even: bool
) -> tuple[dict[str, PictureArm], list[str]]:
    """The arms from the simplest to the most elaborate, and what is said of those that are left out."""
    arms, notices = {NONE: PictureArm()}, []
    if even:
        notices.append(
            f"{CLASS_WEIGHTS} and {OVERSAMPLING} are not judged: the classes are about equally large, so that both "
            "are the same as nothing added"
        )
    else:
        arms[CLASS_WEIGHTS] = PictureArm(class_weight="balanced")
        arms[OVERSAMPLING] = PictureArm(oversampled=True)
    if classical is not None:
        arms[CLASSICAL] = PictureArm(classical=classical)
    for name in generators:
        arms[name] = PictureArm(generator=name)
    if classical is not None:
        for name in generators:
            arms[f"{CLASSICAL} and {name}"] = PictureArm(generator=name, classical=classical)
    return arms, notices
