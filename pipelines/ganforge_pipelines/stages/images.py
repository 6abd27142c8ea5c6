"""Flow `images`: does augmenting a small set of labelled pictures help its classifier?

prepare   pictures             → train.npz (so many of each class), pool.npz (all that are not held out), test.npz,
                                 rows.parquet (by what pictures are known again, see `rows.py`)
train     train.npz            → generator/, its losses, and grids.npz: the same latents at growing steps
sample    generator, pool.npz  → synthetic.npz, and whether its pictures show what was asked for; quality.json: does one
                                 copy a picture trained on, may they go on (see `gating.py`)
judge     pool.npz             → verdict.json: the arms over folds, each trained on so many of each class
classify  all of them          → classifier/: the arm that the verdict recommends, held against test.npz
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from ganforge.catalog import CATALOG, load_model
from ganforge.data.images import Images
from ganforge.data.readers import holds_images, read_images
from ganforge.data.resizing import resized
from ganforge.data.splits import stratified_split
from ganforge.downstream.picture_classifier import PictureClassifier
from ganforge.downstream.picture_leaks import refuse_marked, twins_of
from ganforge.downstream.picture_trials import PictureArm
from ganforge.errors import GanforgeWarning, InputError, UnsuitableDataError
from ganforge.gans.dcgan import SIZES
from ganforge.quality.pictures import classes_that_appear, mistaken_for, obedience, obedience_by_class
from ganforge_pipelines.lineage.stamps import ALL, generator_of, stamp, write_origin
from ganforge_pipelines.stages.context import StageContext, StageProgress, data_told
from ganforge_pipelines.stages.gating import followed, gate_pictures
from ganforge_pipelines.stages.models import build_model, judged_steps, write_training
from ganforge_pipelines.stages.models import train as train_model
from ganforge_pipelines.stages.pictures import labels_of, read_part, thinned, write_part, write_sheet
from ganforge_pipelines.stages.rows import write_picture_rows

KINDS = tuple(each.kind for each in CATALOG.values() if each.family == "pictures" and each.role == "synthesizer")


def prepare(context: StageContext) -> str:
    """Read, bring to a size that there are networks for, hold out, and thin."""
    own = context.own
    images = _brought_to_size(_read(context), own["resize"])
    pool_rows, test_rows = stratified_split(
        labels_of(images), test_share=own["test_share"], random_state=context.seed, groups=twins_of(images)
    )
    pool, test = images.take(pool_rows), images.take(test_rows)
    kept = thinned(pool, own["per_class"], seed=context.seed)
    train = pool.take(kept)
    _check_counts(train, own)
    for name, part in (("train", train), ("pool", pool), ("test", test)):
        write_part(context.out / f"{name}.npz", part)
    fingerprinted = write_picture_rows(context, images, {"train": pool_rows[kept], "test": test_rows})
    shape = "×".join(str(each) for each in images.shape)
    context.write_json(
        "facts.json",
        {
            "source": own["data"],
            "headline": f"{len(images):,} pictures of {shape}, {len(images.classes)} classes",
            "rows": len(images),
            "classes": list(images.classes),
            "counts": images.class_counts(),
            "shape": list(images.shape),
            "per_class": own["per_class"],
            "split": {"train": len(train), "pool": len(pool), "test": len(test)},
            "fingerprint": images.fingerprint,
            "fingerprinted": fingerprinted,
        },
    )
    at_most = "" if own["per_class"] is None else f", at most {own['per_class']} a class"
    return f"{len(train):,} pictures to train on{at_most}, {len(test):,} held out"


def _read(context: StageContext) -> Images:
    own = context.own
    path = context.workspace.path(own["data"])
    if path.exists() and not holds_images(path):
        raise InputError(f"{own['data']} holds a table; the flow images reads pictures (`run fraud`, `run anomalies`)")
    labels = own["labels"] if own["labels"] != own["data"] else None
    images = read_images(path, labels=None if labels is None else context.workspace.path(labels))
    if images.labels is None:
        raise InputError(
            f"{own['data']}: pictures without labels; name their idx file with --labels, or give one folder a class"
        )
    if len({int(each) for each in images.labels}) < 2:
        raise UnsuitableDataError(f"{own['data']}: all pictures are of one class; there is nothing to tell apart")
    refuse_marked(images)
    return images


def _brought_to_size(images: Images, size: int | None) -> Images:
    _, height, width = images.shape
    if size is None and height == width and height in SIZES:
        return images
    if size is None:
        size = min(SIZES, key=lambda each: abs(each - max(height, width)))
        warnings.warn(
            f"pictures of {width}×{height} pixels were brought to {size}×{size}, a size there are networks for "
            "(images.prepare.resize says another)",
            GanforgeWarning,
            stacklevel=2,
        )
    elif size not in SIZES:
        raise InputError(f"images.prepare.resize={size!r}; give {', '.join(map(str, SIZES))} or null")
    return resized(images, size)


def _check_counts(train: Images, own: Mapping[str, Any]) -> None:
    counts = train.class_counts()
    rarest = min(counts, key=lambda name: counts[name])
    if counts[rarest] < 2:
        raise UnsuitableDataError(
            f"{own['data']}: {counts[rarest]} pictures of class {rarest!r} are left to train on; at least 2 are needed"
        )


def train(context: StageContext) -> str:
    """Fit the generator, with a look at the same latents as it learns."""
    facts, own = context.json("prepare", "facts.json"), context.own
    images = read_part(context.input("prepare", "train.npz"), facts)
    model = build_model(
        own["kind"], own, seed=context.seed, trainer=context.trainer, options=own["options"], family=KINDS
    )
    training = train_model(context, model, images)
    assert training is not None, "a synthesizer trains by steps"
    model.save(context.out / "generator")
    write_origin(context.out / "generator", data=data_told(context), seed=context.seed, stage=context.spec.name)
    grids: list[tuple[int, np.ndarray]] = list(getattr(model, "snapshots_", []))
    np.savez_compressed(
        context.out / "grids.npz",
        steps=np.array([step for step, _ in grids], dtype=np.int64),
        pixels=np.stack([pixels for _, pixels in grids]) if grids else np.zeros((0, 0, *images.shape), np.uint8),
    )
    write_training(context, {own["kind"]: training})
    return f"{own['kind']}, {training.steps:,} steps"


def sample(context: StageContext) -> str:
    """Draw as many pictures of each class, and see what a classifier of real ones takes them for."""
    facts, own = context.json("prepare", "facts.json"), context.own
    pool = read_part(context.input("prepare", "pool.npz"), facts)
    generator = load_model(context.input("train", "generator"))
    classes, counts = tuple(facts["classes"]), pool.class_counts()
    present = [number for number, name in enumerate(classes) if counts[name]]
    parts = [
        generator.sample(own["per_class"], condition={"label": number}, random_state=context.seed + number)
        for number in present
    ]
    asked = np.repeat(present, own["per_class"])
    synthetic = Images.of(
        np.concatenate([each.pixels for each in parts]), asked, classes=classes, source="generated", synthetic=True
    )
    origin = generator_of(context.input("train", "generator"))
    told = stamp(
        made_by=context.spec.name,
        rows=len(synthetic),
        synthetic_rows=len(synthetic),
        which=ALL,
        generator=origin,
        data=origin["data"],
        seed=context.seed,
        asked={"counts": {"label": {classes[number]: own["per_class"] for number in present}}},
    )
    write_part(context.out / "synthetic.npz", synthetic, stamp=told)
    write_sheet(context.out / "samples.png", parts)
    context.on_progress(StageProgress(step=1, steps=2, phase="what are they taken for?"))
    taken_for = PictureClassifier(steps=own["classifier_steps"], random_state=context.seed).fit(pool).predict(synthetic)
    mistaken = mistaken_for(asked, taken_for, len(classes))
    figures = {
        "rows": len(synthetic),
        "obedience": obedience(asked, taken_for),
        "classes": len(present),
        "classes_appearing": classes_that_appear(taken_for, len(classes)),
        "by_class": {
            classes[number]: {
                "asked": own["per_class"],
                "share": float(share),
                "mistaken_for": "" if mistaken[number] is None else classes[int(mistaken[number] or 0)],
            }
            for number, share in enumerate(obedience_by_class(asked, taken_for, len(classes)))
            if number in present
        },
    }
    train = read_part(context.input("prepare", "train.npz"), facts)
    gates = own["gates"]
    quality = gate_pictures(train.pixels, synthetic.pixels, pool.pixels, gates=gates, seed=context.seed)
    context.write_json("quality.json", quality)
    if not quality["passed"]:
        warnings.warn(quality["sentence"], GanforgeWarning, stacklevel=2)
    context.write_json("metrics.json", {**figures, "passes_the_gate": quality["passed"]})
    return (
        f"{len(synthetic):,} pictures, {figures['obedience']:.0%} taken for the class they were asked for, "
        f"{figures['classes_appearing']} of {len(present)} classes appear"
    )


def judge(context: StageContext) -> str:
    """Hold the arms against each other over folds of all pictures that are not held out."""
    from ganforge.downstream.picture_verdict import judge_images

    facts, own, section = context.json("prepare", "facts.json"), context.own, context.section("train")
    synthesizer = build_model(
        section["kind"],
        section,
        seed=context.seed,
        trainer={**context.trainer, "devices": 1, "num_nodes": 1, "strategy": "auto"},
        options={**section["options"], "snapshots": 0},
        family=KINDS,
        changes={} if own["steps"] is None else {"steps": own["steps"]},
    )
    steps = judged_steps(synthesizer, section)
    verdict = judge_images(
        read_part(context.input("prepare", "pool.npz"), facts),
        synthesizer=synthesizer,
        per_class=context.section("prepare")["per_class"],
        synthetic_per_class=context.section("sample")["per_class"],
        classical=own["classical"],
        classifier=PictureClassifier(steps=context.section("classify")["steps"]),
        folds=own["folds"],
        random_state=context.seed,
        n_jobs=own["n_jobs"],
        checkpoints=context.checkpoints,
        on_progress=lambda done, total, label: context.on_progress(
            StageProgress(step=done, steps=total, phase=f"fits  {label}".strip())
        ),
    )
    context.write_json("verdict.json", {**verdict.to_json(), "generator_steps": steps})
    means = {name: arm.mean for name, arm in verdict.arms.items()}
    context.write_json("metrics.json", {verdict.measure.replace(" ", "_"): means})
    return f"{own['folds']} folds, {len(verdict.arms)} arms"


def classify(context: StageContext) -> str:
    """Train the classifier as the verdict recommends and the gate allows, and hold it against the pictures held out."""
    facts, own = context.json("prepare", "facts.json"), context.own
    verdict = context.json("judge", "verdict.json")
    real = read_part(context.input("prepare", "train.npz"), facts)
    test = read_part(context.input("prepare", "test.npz"), facts)
    name = followed(verdict, context.json("sample", "quality.json"))["recommended"]
    arm = PictureArm.from_json(verdict["arms"][name]["details"]["training"])
    synthetic = None if arm.generator is None else read_part(context.input("sample", "synthetic.npz"), facts)
    classifier = arm.fit(PictureClassifier(steps=own["steps"]), real, synthetic, seed=context.seed)
    classifier.save(context.out / "classifier")
    right = classifier.predict(test) == test.labels
    counts = np.array(list(test.class_counts().values()))
    by_class = np.array([right[test.labels == number].mean() for number in np.flatnonzero(counts)])
    figures = {
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(by_class.mean()),
        "base_rate": float(counts.max() / counts.sum()),
    }
    context.write_json("metrics.json", figures)
    context.write_json(
        "test.json",
        {
            **figures,
            "arm": name,
            "training": arm.to_json(),
            "rows": len(test),
            "trained_on": len(arm.pictures(real, synthetic, seed=context.seed)),
            "by_class": {
                name: {"n": int(count), "accuracy": float(right[test.labels == number].mean()) if count else None}
                for number, (name, count) in enumerate(test.class_counts().items())
            },
        },
    )
    return f"arm {name}: {figures['accuracy']:.1%} accuracy on {len(test):,} pictures"
