"""One fold of pictures: train every arm on its training part, test it on its real pictures.

Everything here may run in another process, so it takes and gives plain values.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone

from ganforge.data.images import Images
from ganforge.data.splits import Split
from ganforge.downstream.picture_classifier import PictureClassifier
from ganforge.downstream.trials import limited_threads
from ganforge.errors import InputError
from ganforge.files import write_whole
from ganforge.synthesis.base import collected_notices

LEAST_PER_CLASS = 100
"""Generated pictures of each class, unless there are more real ones: few real pictures can take many generated ones."""


@dataclass(frozen=True, slots=True)
class ArmOf:
    """How an arm trains."""

    synthetic: bool
    augment: str | None


@dataclass(frozen=True, kw_only=True, eq=False)
class PictureTask:
    """What the folds of a judgement share."""

    images: Images
    synthesizer: Any
    classifier: PictureClassifier
    arms: dict[str, ArmOf]
    per_class: int | None
    synthetic_per_class: int | None
    random_state: int
    single_thread: bool


@dataclass(frozen=True, kw_only=True)
class PictureResult:
    """What every arm reached on one fold."""

    tested: list[int]
    """Test pictures by class."""
    right: dict[str, list[int]]
    """By arm: how many of them were told, by class."""
    seconds: dict[str, float]
    added: int
    notices: list[str]

    def accuracy(self, arm: str) -> float:
        return sum(self.right[arm]) / sum(self.tested)


def run_fold(
    task: PictureTask,
    fold: int,
    rows: Split,
    keep: Path | None,
    fingerprint: str,
    on_progress: Callable[[Any], None] | None,
) -> tuple[int, PictureResult]:
    """(fold, result). With `keep`, the GAN's checkpoints go to that folder and the result to that name with ".json"."""
    train, test = rows
    classes, seed = len(task.images.classes), task.random_state + fold
    with limited_threads(1 if task.single_thread else None), collected_notices(reissue=False) as notices:
        real = task.images.take(_thinned(train, labels_of(task.images), task.per_class, seed))
        tested = task.images.take(test)
        notices += _scarce(real, task.per_class)
        began = time.monotonic()
        generated = _generate(task, real, seed, keep, on_progress)
        generating = time.monotonic() - began
        right, seconds = {}, {}
        for name, arm in task.arms.items():
            began = time.monotonic()
            model: Any = clone(task.classifier)
            model.set_params(random_state=seed, augment=arm.augment)
            told = model.fit(_joined(real, generated) if arm.synthetic else real).predict(tested)
            right[name] = np.bincount(labels_of(tested)[told == tested.labels], minlength=classes).tolist()
            seconds[name] = time.monotonic() - began + (generating if arm.synthetic else 0.0)
    result = PictureResult(
        tested=np.bincount(labels_of(tested), minlength=classes).tolist(),
        right=right,
        seconds=seconds,
        added=len(generated),
        notices=list(dict.fromkeys(notices)),
    )
    if keep is not None:
        with write_whole(keep.with_suffix(".json")) as temporary:
            temporary.write_text(json.dumps({"fingerprint": fingerprint, "result": asdict(result)}), encoding="utf-8")
        shutil.rmtree(keep, ignore_errors=True)
    return fold, result


def _thinned(rows: np.ndarray, labels: np.ndarray, per_class: int | None, seed: int) -> np.ndarray:
    """`per_class` of the rows of each class at random, or all there are."""
    if per_class is None:
        return rows
    shuffled = np.random.default_rng(seed).permutation(rows)
    of_class = labels[shuffled]
    return np.sort(np.concatenate([shuffled[of_class == k][:per_class] for k in np.unique(of_class)]))


def _scarce(real: Images, per_class: int | None) -> list[str]:
    few = [name for name, count in real.class_counts().items() if 0 < count < (per_class or 0)]
    return [f"fewer than per_class={per_class} pictures to train on, all taken: {', '.join(few)}"] if few else []


def _generate(
    task: PictureTask, real: Images, seed: int, keep: Path | None, on_progress: Callable[[Any], None] | None
) -> Images:
    """As many pictures of each class there is, from a GAN that saw the training pictures alone."""
    model: Any = clone(task.synthesizer)
    if model.get_params().get("random_state", 0) is None:
        model.set_params(random_state=seed)
    resume = keep is not None and keep.is_dir() and any(keep.iterdir())
    model.fit(real, checkpoints=keep, resume=resume, on_progress=on_progress)
    present = np.unique(labels_of(real))
    each = task.synthetic_per_class or max(LEAST_PER_CLASS, round(len(real) / len(present)))
    made = [model.sample(each, condition={"label": real.classes[k]}, random_state=seed * 1_000 + k) for k in present]
    return _joined(*made)


def _joined(*sets: Images) -> Images:
    return Images.of(
        np.concatenate([each.pixels for each in sets]),
        np.concatenate([labels_of(each) for each in sets]),
        classes=sets[0].classes,
        source=" and ".join(dict.fromkeys(each.source for each in sets)),
    )


def labels_of(images: Images) -> np.ndarray:
    if images.labels is None:
        raise InputError(f"{images.source}: pictures without labels; accuracy needs the class of each")
    return images.labels
