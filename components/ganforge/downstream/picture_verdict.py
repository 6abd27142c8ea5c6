"""Do generated pictures help this set's classifier?

    pictures ─▶ folds ─▶ train on the rest (nothing added | class weights | copies | classically augmented
                                            | + generated | + generated, all augmented)
                         test on the fold, real and untouched  ─▶  accuracy  ─▶  conclude  ─▶  Verdict

Everything that learns is fitted inside the training part of a fold: the generator never sees a picture it is judged
on, and no generated or augmented picture is ever tested on; what could still leak is looked for (`picture_leaks`). All
arms train the same network for the same number of steps. Where some classes are far larger than others the measure is
balanced accuracy, the mean over the classes: plain accuracy would hide what becomes of the small ones.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from torch import nn

from ganforge.data.images import Images
from ganforge.data.splits import Split
from ganforge.data.splits import folds as split_folds
from ganforge.downstream.arms import NONE, Verdict
from ganforge.downstream.classical import Classical
from ganforge.downstream.conclusion import conclude
from ganforge.downstream.identity import told
from ganforge.downstream.picture_classifier import PictureClassifier
from ganforge.downstream.picture_design import (
    arms_of,
    at_one_size,
    classifier_of,
    even,
    kept_counts,
    refuse_unsuitable,
    synthesizers_of,
)
from ganforge.downstream.picture_leaks import refuse_peeping, twins_of
from ganforge.downstream.picture_network import NetworkFactory, fingerprint_of, name_of
from ganforge.downstream.picture_trials import Kept, PictureResult, PictureTask, labels_of, run_fold
from ganforge.errors import GanforgeWarning
from ganforge.parameters import whole

OnProgress = Callable[[int, int, str], None]
"""Called with (fits done, fits in all, what is being done)."""


def judge_images(
    images: Images,
    *,
    synthesizer: Any = None,
    per_class: int | None = None,
    synthetic_per_class: int | None = None,
    classical: Classical | Mapping[str, Any] | None = Classical(),  # noqa: B008 (frozen)
    classifier: PictureClassifier | nn.Module | NetworkFactory | None = None,
    folds: int = 5,
    random_state: int = 0,
    n_jobs: int = 1,
    checkpoints: str | Path | None = None,
    on_progress: OnProgress | None = None,
) -> Verdict:
    """Hold generated pictures, and what is simpler than they are, against nothing at all.

    The arms, from the simplest: "none"; where the training parts' classes differ in size by more than `EVEN`, "class
    weights" and "random oversampling" (of equally large classes both are the same as nothing, and a notice says so);
    "classical augmentation"; each synthesizer; each together with classical augmentation.

    Args:
        images: N real pictures with labels; none may be marked as synthetic (`Images.synthetic`).
        synthesizer: an unfitted `Synthesizer` of pictures, or several by the name of their arm, the simplest first;
            default `DCGAN()`. It is cloned, and fitted once in each fold. An empty mapping: none is judged.
        per_class: keep so many pictures of each class in each training part, drawn at random, and leave out the
            others; None keeps all. Every picture is still tested on, once.
        synthetic_per_class: generated pictures of each class; None: as many as there are real ones on average, but at
            least 100.
        classical: which changes leave a picture in its class, and how far they may go; a mapping of `Classical`'s
            parameters does. None, or all strengths 0: no such arm. The default mirrors nothing.
        classifier: an unfitted `PictureClassifier`, default one of 300 steps; or a torch module, or a factory of one,
            as its `network` (see there).
        folds: how many; each class needs as many pictures at least. Of fewer than 5 nothing is concluded.
        random_state: seeds folds and classifiers, and those synthesizers that have no seed of their own.
        n_jobs: fits at once, by joblib (`joblib.parallel_config` leads them to a cluster); each is then kept to one
            thread.
        checkpoints: a folder to keep what is done in, so that the same call goes on after it was stopped or killed.
        on_progress: called as `on_progress(done, total, label)`.

    Returns:
        A verdict on accuracy, or balanced accuracy. Each arm's `details` hold `classes` (names), `accuracy_by_class`
        (K,), over all folds, `training` (`PictureArm.to_json`), and by fold `pictures_added` and `seconds`.

    The interval of a difference takes n_test/n_train from the folds as they are before `per_class` thins them: thinned
    training parts share fewer pictures than the correction supposes, so that it is, if anything, too wide.

    Raises:
        InputError: pictures without labels, marked as synthetic, or of a size the synthesizer does not make;
            contradicting parameters; a synthesizer that knows the pictures it is judged on.
        UnsuitableDataError: one class, or a class with fewer pictures than folds.
    """
    for name, value, least in (
        ("folds", folds, 2),
        ("per_class", per_class, 1),
        ("synthetic_per_class", synthetic_per_class, 1),
    ):
        if value is not None:
            whole(name, value, least=least)
    refuse_unsuitable(images, folds)
    synthesizers = synthesizers_of(synthesizer)
    images = at_one_size(images, synthesizers)
    counts = np.bincount(labels_of(images), minlength=len(images.classes))
    arms, left_out = arms_of(list(synthesizers), Classical.of(classical), even(kept_counts(counts, folds, per_class)))
    task = PictureTask(
        images=images,
        synthesizers=synthesizers,
        classifier=classifier_of(classifier),
        arms=arms,
        per_class=per_class,
        synthetic_per_class=synthetic_per_class,
        random_state=random_state,
        single_thread=n_jobs != 1,
    )
    pairs = split_folds(labels_of(images), k=folds, random_state=random_state, groups=twins_of(images))
    kept = Kept(None if checkpoints is None else Path(checkpoints), _fingerprint(task, pairs))
    found = _run(task, pairs, n_jobs, kept, on_progress)
    by_arm = {name: [found[name, fold] for fold in range(folds)] for name in arms}
    for name, results in by_arm.items():
        refuse_peeping(name, met=sum(each.met for each in results), tested=len(images))
    notices = list(dict.fromkeys(each for results in by_arm.values() for result in results for each in result.notices))
    for notice in notices:
        warnings.warn(notice, GanforgeWarning, stacklevel=2)
    return _concluded(task, by_arm, counts, [*notices, *left_out])


def _concluded(
    task: PictureTask, by_arm: Mapping[str, list[PictureResult]], counts: np.ndarray, notices: Sequence[str]
) -> Verdict:
    folds, present = len(by_arm[NONE]), counts[counts > 0]
    balanced = not even(counts)
    shares = {
        name: {
            "accuracy": [each.accuracy for each in results],
            "balanced_accuracy": [each.balanced_accuracy for each in results],
        }
        for name, results in by_arm.items()
    }
    return conclude(
        {name: each["balanced_accuracy" if balanced else "accuracy"] for name, each in shares.items()},
        synthetic=[name for name, arm in task.arms.items() if arm.generator is not None],
        adds_rows=[name for name, arm in task.arms.items() if arm.oversampled],
        measure="balanced accuracy" if balanced else "accuracy",
        classifier=name_of(task.classifier.network),
        n_rows=len(task.images),
        n_positive=None,
        base_rate=1 / len(present) if balanced else float(present.max() / present.sum()),
        test_to_train=1 / (folds - 1),
        resolution=folds / (len(present) * int(present.min()) if balanced else len(task.images)),
        what="pictures",
        measures=shares,
        details={
            name: {
                "classes": list(task.images.classes),
                "accuracy_by_class": [
                    None if n == 0 else float(sum(each.right[k] for each in results) / n) for k, n in enumerate(counts)
                ],
                "training": task.arms[name].to_json(),
                "pictures_added": [each.added for each in results],
                "seconds": [round(each.seconds, 2) for each in results],
            }
            for name, results in by_arm.items()
        },
        notices=notices,
    )


# -- all folds -----------------------------------------------------------------------------------------------------


def _run(
    task: PictureTask, pairs: Sequence[Split], n_jobs: int, kept: Kept, on_progress: OnProgress | None
) -> dict[tuple[str, int], PictureResult]:
    wanted = [(arm, fold) for fold in range(len(pairs)) for arm in task.arms]
    done = {(arm, fold): found for arm, fold in wanted if (found := kept.load(arm, fold)) is not None}
    here = n_jobs == 1 and on_progress is not None  # another process cannot call back

    def tell(label: str) -> None:
        if on_progress is not None:
            on_progress(len(done), len(wanted), label)

    def arrived(arm: str, fold: int, result: PictureResult) -> None:
        done[arm, fold] = result
        tell(f"fold {fold + 1} of {len(pairs)}: {arm}")

    def within(generator: str | None, fold: int) -> Callable[[Any], None] | None:
        label = f"fold {fold + 1} of {len(pairs)}: {generator}"
        return (lambda at: tell(f"{label}, step {at.step:,} of {at.steps:,}")) if here else None

    tell("")
    calls = []
    for fold, pair in enumerate(pairs):
        for generator in (*task.synthesizers, None):  # the longest first, so that cores are idle for less at the end
            open_arms = [
                name for name, arm in task.arms.items() if arm.generator == generator and (name, fold) not in done
            ]
            if open_arms:
                calls.append(
                    delayed(run_fold)(
                        task, fold, pair, open_arms, kept, within(generator, fold), arrived if here else None
                    )
                )
    finished: Any = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(calls)
    for found in finished:
        for arm, fold, result in found:
            if (arm, fold) not in done:
                arrived(arm, fold, result)
    return done


def _fingerprint(task: PictureTask, pairs: Sequence[Split]) -> str:
    """What a kept result belongs to: the pictures, the folds, and every parameter that changes the outcome."""
    network, shape = task.classifier.network, task.images.shape
    asked = {
        "form": 3,
        "data": task.images.fingerprint,
        "synthesizers": {name: told(each) for name, each in task.synthesizers.items()},
        "classifier": told({**task.classifier.get_params(deep=False), "network": None}),
        "network": fingerprint_of(network, shape, len(task.images.classes)),
        "arms": {name: arm.to_json() for name, arm in task.arms.items()},
        "per_class": task.per_class,
        "synthetic_per_class": task.synthetic_per_class,
        "random_state": task.random_state,
        "folds": [hashlib.sha256(np.concatenate(pair).tobytes()).hexdigest() for pair in pairs],
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()
