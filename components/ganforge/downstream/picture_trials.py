"""One fold of pictures: train arms on its training part, test them on its real pictures.

    training pictures ─▶ thinned ─┬─────────────────────────────▶ arm ─▶ classifier ─▶ right answers by class
                                  └─▶ generator ─▶ its pictures ──┘

Everything here may run in another process, so it takes and gives plain values.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone

from ganforge.data.images import Images
from ganforge.data.splits import Split
from ganforge.downstream.classical import Classical
from ganforge.downstream.identity import file_name
from ganforge.downstream.picture_classifier import PictureClassifier
from ganforge.downstream.picture_leaks import seen_again
from ganforge.downstream.trials import limited_threads
from ganforge.errors import InputError
from ganforge.files import write_whole
from ganforge.synthesis.base import collected_notices

LEAST_PER_CLASS = 100
"""Generated pictures of each class, unless there are more real ones: few real pictures can take many generated ones."""


@dataclass(frozen=True, kw_only=True)
class PictureArm:
    """How an arm trains: on the real pictures, and with what is set here."""

    generator: str | None = None
    """The name of the synthesizer whose pictures stand beside them."""
    classical: Classical | None = None
    class_weight: str | None = None
    oversampled: bool = False
    """Pictures of the smaller classes are copied until there are as many as of the largest."""

    def fit(self, classifier: PictureClassifier, real: Images, generated: Images | None, *, seed: int) -> Any:
        """A clone of the classifier, fitted as this arm says; `generated` where `generator` is set."""
        model: Any = clone(classifier)
        model.set_params(random_state=seed, augment=self.classical, class_weight=self.class_weight)
        return model.fit(self.pictures(real, generated, seed=seed))

    def pictures(self, real: Images, generated: Images | None, *, seed: int) -> Images:
        """All that `fit` trains on, copies among them."""
        if self.oversampled:
            real = _copied(real, seed)
        if self.generator is None:
            return real
        if generated is None:
            raise InputError(f"an arm with the pictures of {self.generator!r} needs them; none were given")
        return joined(real, generated)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> PictureArm:
        return cls(**{**value, "classical": Classical.of(value["classical"])})


@dataclass(frozen=True, kw_only=True, eq=False)
class PictureTask:
    """What the folds of a judgement share."""

    images: Images
    synthesizers: Mapping[str, Any]
    classifier: PictureClassifier
    arms: Mapping[str, PictureArm]
    per_class: int | None
    synthetic_per_class: int | None
    random_state: int
    single_thread: bool


@dataclass(frozen=True, kw_only=True)
class PictureResult:
    """What one arm reached on one fold."""

    tested: list[int]
    """Test pictures by class."""
    right: list[int]
    """How many of them were told, by class."""
    added: int = 0
    met: int = 0
    """Generated pictures, and test pictures that equal one of them."""
    seconds: float = 0.0
    notices: list[str]

    @property
    def accuracy(self) -> float:
        return sum(self.right) / sum(self.tested)

    @property
    def balanced_accuracy(self) -> float:
        """The mean over the classes of the share of their pictures that were told."""
        return float(np.mean([right / n for right, n in zip(self.right, self.tested, strict=True) if n]))


@dataclass(frozen=True)
class Kept:
    """Results that were written down, under the fingerprint of all that led to them; nothing without a folder."""

    folder: Path | None
    fingerprint: str

    def load(self, arm: str, fold: int) -> PictureResult | None:
        path = self._path(arm, fold, ".json")
        if path is None or not path.is_file():
            return None
        kept = json.loads(path.read_text(encoding="utf-8"))
        return PictureResult(**kept["result"]) if kept["fingerprint"] == self.fingerprint else None

    def store(self, arm: str, fold: int, result: PictureResult) -> None:
        path = self._path(arm, fold, ".json")
        if path is not None:
            with write_whole(path) as temporary:
                kept = {"fingerprint": self.fingerprint, "result": asdict(result)}
                temporary.write_text(json.dumps(kept), encoding="utf-8")

    def checkpoints(self, generator: str, fold: int) -> Path | None:
        """A folder for a generator that is training."""
        return self._path(generator, fold, "")

    def load_pictures(self, generator: str, fold: int) -> tuple[Images, float] | None:
        """What a generator made on this fold, and the seconds that it took."""
        path = self._path(generator, fold, ".npz")
        if path is None or not path.is_file():
            return None
        with np.load(path, allow_pickle=False) as file:
            if str(file["fingerprint"]) != self.fingerprint:
                return None
            classes = tuple(str(each) for each in file["classes"])
            return Images.of(file["pixels"], file["labels"], classes=classes, synthetic=True), float(file["seconds"])

    def store_pictures(self, generator: str, fold: int, made: Images, seconds: float) -> None:
        path = self._path(generator, fold, ".npz")
        if path is not None:
            with write_whole(path) as temporary, temporary.open("wb") as file:
                np.savez(
                    file,
                    pixels=made.pixels,
                    labels=labels_of(made),
                    classes=np.array(made.classes),
                    seconds=seconds,
                    fingerprint=np.array(self.fingerprint),
                )

    def forget_pictures(self, generator: str, fold: int) -> None:
        """Once every arm that trains on them is done."""
        checkpoints, pictures = self._path(generator, fold, ""), self._path(generator, fold, ".npz")
        if checkpoints is not None and pictures is not None:
            shutil.rmtree(checkpoints, ignore_errors=True)
            pictures.unlink(missing_ok=True)

    def _path(self, name: str, fold: int, suffix: str) -> Path | None:
        return None if self.folder is None else self.folder / f"{file_name(name)}-fold-{fold + 1}{suffix}"


def run_fold(
    task: PictureTask,
    fold: int,
    rows: Split,
    arms: Sequence[str],
    kept: Kept,
    on_step: Callable[[Any], None] | None,
    on_arm: Callable[[str, int, PictureResult], None] | None,
) -> list[tuple[str, int, PictureResult]]:
    """(arm, fold, result) of arms that share a generator, or have none; each is kept, and told, as soon as it is
    there."""
    train, test = rows
    classes, seed = len(task.images.classes), task.random_state + fold
    generator = task.arms[arms[0]].generator
    found = []
    with limited_threads(1 if task.single_thread else None), collected_notices(reissue=False) as notices:
        real = task.images.take(thinned(train, labels_of(task.images), task.per_class, seed))
        tested = task.images.take(test)
        notices += _scarce(real, task.per_class)
        made, generating = (None, 0.0) if generator is None else _made(task, generator, real, fold, kept, on_step)
        met = 0 if made is None else seen_again(tested, made)
        for name in arms:
            began = time.monotonic()
            told = task.arms[name].fit(task.classifier, real, made, seed=seed).predict(tested)
            result = PictureResult(
                tested=np.bincount(labels_of(tested), minlength=classes).tolist(),
                right=np.bincount(labels_of(tested)[told == tested.labels], minlength=classes).tolist(),
                added=0 if made is None else len(made),
                met=met,
                seconds=time.monotonic() - began + generating,
                notices=list(dict.fromkeys(notices)),
            )
            kept.store(name, fold, result)
            found.append((name, fold, result))
            if on_arm is not None:
                on_arm(name, fold, result)
    if generator is not None:
        kept.forget_pictures(generator, fold)
    return found


def _made(
    task: PictureTask, name: str, real: Images, fold: int, kept: Kept, on_step: Callable[[Any], None] | None
) -> tuple[Images, float]:
    """As many pictures of each class there is, from a generator that saw the training pictures alone, and seconds."""
    before = kept.load_pictures(name, fold)
    if before is not None:
        return before
    began, seed, keep = time.monotonic(), task.random_state + fold, kept.checkpoints(name, fold)
    model: Any = clone(task.synthesizers[name])
    if model.get_params().get("random_state", 0) is None:
        model.set_params(random_state=seed)
    resume = keep is not None and keep.is_dir() and any(keep.iterdir())
    model.fit(real, checkpoints=keep, resume=resume, on_progress=on_step)
    present = np.unique(labels_of(real))
    each = task.synthetic_per_class or max(LEAST_PER_CLASS, round(len(real) / len(present)))
    parts = [model.sample(each, condition={"label": real.classes[k]}, random_state=seed * 1_000 + k) for k in present]
    made, seconds = joined(*parts), time.monotonic() - began
    kept.store_pictures(name, fold, made, seconds)
    return made, seconds


def thinned(rows: np.ndarray, labels: np.ndarray, per_class: int | None, seed: int) -> np.ndarray:
    """`per_class` of the rows of each class at random, or all there are."""
    if per_class is None:
        return rows
    shuffled = np.random.default_rng(seed).permutation(rows)
    of_class = labels[shuffled]
    return np.sort(np.concatenate([shuffled[of_class == k][:per_class] for k in np.unique(of_class)]))


def _scarce(real: Images, per_class: int | None) -> list[str]:
    few = [name for name, count in real.class_counts().items() if 0 < count < (per_class or 0)]
    return [f"fewer than per_class={per_class} pictures to train on, all taken: {', '.join(few)}"] if few else []


def _copied(real: Images, seed: int) -> Images:
    from imblearn.over_sampling import RandomOverSampler

    rows: Any = RandomOverSampler(random_state=seed).fit_resample(np.arange(len(real))[:, None], labels_of(real))[0]
    return real.take(np.asarray(rows)[:, 0])


def joined(*sets: Images) -> Images:
    """The pictures below each other; which of them are generated is kept."""
    marks = [np.zeros(len(each), dtype=bool) if each.synthetic is None else each.synthetic for each in sets]
    return Images.of(
        np.concatenate([each.pixels for each in sets]),
        np.concatenate([labels_of(each) for each in sets]),
        classes=sets[0].classes,
        source=" and ".join(dict.fromkeys(each.source for each in sets)),
        synthetic=np.concatenate(marks),
    )


def labels_of(images: Images) -> np.ndarray:
    if images.labels is None:
        raise InputError(f"{images.source}: pictures without labels; accuracy needs the class of each")
    return images.labels
