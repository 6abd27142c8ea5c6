"""Do generated pictures help this set's classifier?

    pictures ─▶ folds ─▶ train on the rest (nothing added | shifted | + generated | + generated, all shifted)
                         test on the fold, real and untouched  ─▶  accuracy  ─▶  conclude  ─▶  Verdict

Everything that learns is fitted inside the training part of a fold: the GAN never sees a picture it is judged on, and
no generated picture is ever tested on. All arms train the same small network for the same number of steps.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from ganforge.data.images import Images
from ganforge.data.resizing import resized
from ganforge.data.splits import Split
from ganforge.data.splits import folds as split_folds
from ganforge.downstream.arms import NONE, Verdict
from ganforge.downstream.conclusion import conclude
from ganforge.downstream.picture_classifier import AUGMENTATIONS, PictureClassifier
from ganforge.downstream.picture_trials import ArmOf, PictureResult, PictureTask, labels_of, run_fold
from ganforge.errors import GanforgeWarning, InputError, UnknownNameError, UnsuitableDataError

CLASSIFIER = "the small CNN"
OnProgress = Callable[[int, int, str], None]
"""Called with (fits done, fits in all, what is being done)."""


def judge_images(
    images: Images,
    *,
    synthesizer: Any = None,
    per_class: int | None = None,
    synthetic_per_class: int | None = None,
    classical: str | None = "shifts",
    classifier: PictureClassifier | None = None,
    folds: int = 5,
    random_state: int = 0,
    n_jobs: int = 1,
    checkpoints: str | Path | None = None,
    on_progress: OnProgress | None = None,
) -> Verdict:
    """Hold classical augmentation and generated pictures, alone and together, against nothing at all.

    Args:
        images: N real pictures with labels.
        synthesizer: an unfitted `Synthesizer` of pictures, default `DCGAN()`; cloned, and fitted in each fold.
        per_class: keep so many pictures of each class in each training part, drawn at random, and leave out the
            others; None keeps all. Every picture is still tested on, once.
        synthetic_per_class: generated pictures of each class; None: as many as there are real ones on average, but at
            least 100.
        classical: "shifts", "flips and shifts" (where a mirrored picture is of the same class), or None for no arm.
        classifier: an unfitted `PictureClassifier` without augmentation, default one of 300 steps.
        folds: how many; each class needs as many pictures at least. Of fewer than 5 nothing is concluded.
        random_state: seeds folds and classifiers, and those synthesizers that have no seed of their own.
        n_jobs: folds at once, by joblib (`joblib.parallel_config` leads them to a cluster); each is then kept to one
            thread.
        checkpoints: a folder to keep what is done in, so that the same call goes on after it was stopped.
        on_progress: called as `on_progress(done, total, label)`.

    Returns:
        A verdict on accuracy. Each arm's `details` hold `classes` (names), `accuracy_by_class` (K,), over all folds,
        `pictures_added` and `seconds`, by fold.

    The interval of a difference takes n_test/n_train from the folds as they are before `per_class` thins them: thinned
    training parts share fewer pictures than the correction supposes, so that it is, if anything, too wide.

    Raises:
        InputError: pictures without labels, of a size the synthesizer does not make, contradicting parameters.
        UnsuitableDataError: one class, or a class with fewer pictures than folds.
    """
    task, pairs = _prepare(
        images, synthesizer, per_class, synthetic_per_class, classical, classifier, folds, random_state, n_jobs
    )
    results = _run(task, pairs, n_jobs, None if checkpoints is None else Path(checkpoints), on_progress)
    names = list(task.arms)
    notices = list(dict.fromkeys(each for result in results for each in result.notices))
    for notice in notices:
        warnings.warn(notice, GanforgeWarning, stacklevel=2)
    tested = np.bincount(labels_of(task.images), minlength=len(task.images.classes))
    return conclude(
        {name: [result.accuracy(name) for result in results] for name in names},
        synthetic=[name for name, arm in task.arms.items() if arm.synthetic],
        measure="accuracy",
        classifier=CLASSIFIER,
        n_rows=len(task.images),
        n_positive=None,
        base_rate=float(tested.max() / tested.sum()),
        test_to_train=1 / (folds - 1),
        resolution=folds / len(task.images),
        what="pictures",
        details={
            name: {
                "classes": list(task.images.classes),
                "accuracy_by_class": [
                    None if n == 0 else float(sum(each.right[name][k] for each in results) / n)
                    for k, n in enumerate(tested)
                ],
                "pictures_added": [each.added if task.arms[name].synthetic else 0 for each in results],
                "seconds": [round(each.seconds[name], 2) for each in results],
            }
            for name in names
        },
        notices=notices,
    )


def _prepare(
    images: Images,
    synthesizer: Any,
    per_class: int | None,
    synthetic_per_class: int | None,
    classical: str | None,
    classifier: PictureClassifier | None,
    folds: int,
    random_state: int,
    n_jobs: int,
) -> tuple[PictureTask, list[Split]]:
    if classical is not None and classical not in AUGMENTATIONS:
        raise UnknownNameError("augmentation", classical, AUGMENTATIONS)
    for name, value, least in (
        ("folds", folds, 2),
        ("per_class", per_class, 1),
        ("synthetic_per_class", synthetic_per_class, 1),
    ):
        if value is not None and value < least:
            raise InputError(f"{name}={value}; give at least {least}")
    if classifier is not None and classifier.augment is not None:
        raise InputError(
            f"classifier: augment={classifier.augment!r} would shift every arm's pictures; leave it None and give "
            "classical= to judge_images"
        )
    _refuse_unsuitable(images, folds)
    if synthesizer is None:
        from ganforge.synthesis.dcgan import DCGAN

        synthesizer = DCGAN()
    size = synthesizer.get_params().get("resize")
    images = images if size is None else resized(images, size)
    made = synthesizer.kind
    arms = {NONE: ArmOf(False, None), made: ArmOf(True, None)}
    if classical is not None:
        arms = {
            NONE: ArmOf(False, None),
            classical: ArmOf(False, classical),
            made: ArmOf(True, None),
            f"{classical} and {made}": ArmOf(True, classical),
        }
    task = PictureTask(
        images=images,
        synthesizer=synthesizer,
        classifier=classifier if classifier is not None else PictureClassifier(),
        arms=arms,
        per_class=per_class,
        synthetic_per_class=synthetic_per_class,
        random_state=random_state,
        single_thread=n_jobs != 1,
    )
    twins = np.unique(images.pixels.reshape(len(images), -1), axis=0, return_inverse=True)[1].reshape(-1)
    return task, split_folds(labels_of(images), k=folds, random_state=random_state, groups=twins)


def _refuse_unsuitable(images: Images, folds: int) -> None:
    counts = {name: count for name, count in images.class_counts().items() if count}
    if images.labels is None:
        raise InputError(f"{images.source}: pictures without labels; accuracy needs the class of each")
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


# -- all folds -----------------------------------------------------------------------------------------------------


def _run(
    task: PictureTask, pairs: Sequence[Split], n_jobs: int, keep: Path | None, on_progress: OnProgress | None
) -> list[PictureResult]:
    fingerprint = _fingerprint(task, pairs)
    paths = [None if keep is None else keep / f"fold-{fold + 1}" for fold in range(len(pairs))]
    results = {fold: found for fold, path in enumerate(paths) if (found := _kept(path, fingerprint)) is not None}
    each, total = len(task.arms), len(task.arms) * len(pairs)
    told: OnProgress = on_progress or (lambda done, total, label: None)
    told(each * len(results), total, "")

    def within(fold: int) -> Callable[[Any], None] | None:
        if n_jobs != 1 or on_progress is None:  # another process cannot call back
            return None
        label = f"fold {fold + 1} of {len(pairs)}: {task.synthesizer.kind}"
        return lambda at: told(each * len(results), total, f"{label}, step {at.step:,} of {at.steps:,}")

    calls = (
        delayed(run_fold)(task, fold, pair, paths[fold], fingerprint, within(fold))
        for fold, pair in enumerate(pairs)
        if fold not in results
    )
    finished: Any = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(calls)
    for fold, result in finished:
        results[fold] = result
        told(each * len(results), total, f"fold {fold + 1} of {len(pairs)}")
    return [results[fold] for fold in range(len(pairs))]


def _kept(path: Path | None, fingerprint: str) -> PictureResult | None:
    file = None if path is None else path.with_suffix(".json")
    if file is None or not file.is_file():
        return None
    kept = json.loads(file.read_text(encoding="utf-8"))
    return PictureResult(**kept["result"]) if kept["fingerprint"] == fingerprint else None


def _fingerprint(task: PictureTask, pairs: Sequence[Split]) -> str:
    """What a kept result belongs to: the pictures, the folds, and every parameter that changes the outcome."""
    told = {
        "data": task.images.fingerprint,
        "synthesizer": [task.synthesizer.kind, task.synthesizer.get_params()],
        "classifier": task.classifier.get_params(),
        "arms": {name: asdict(arm) for name, arm in task.arms.items()},
        "per_class": task.per_class,
        "synthetic_per_class": task.synthetic_per_class,
        "random_state": task.random_state,
        "folds": [hashlib.sha256(np.concatenate(pair).tobytes()).hexdigest() for pair in pairs],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()
