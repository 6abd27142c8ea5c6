"""Stage `report` of the flow `images`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ganforge.data.images import Images
from ganforge.downstream.intervals import corrected_interval
from ganforge.downstream.picture_design import CLASSICAL
from ganforge.downstream.picture_trials import PictureArm
from ganforge.downstream.sentence import display_name
from ganforge.quality.pictures import nearest_real
from ganforge_pipelines.report import wording
from ganforge_pipelines.report.content import ImagesReport
from ganforge_pipelines.report.parts import (
    ClassAccuracy,
    ClassPictures,
    Figure,
    Number,
    Obedience,
    SampleGrid,
)
from ganforge_pipelines.stages.budget import wilson
from ganforge_pipelines.stages.context import StageContext
from ganforge_pipelines.stages.gating import followed
from ganforge_pipelines.stages.pictures import labels_of, read_part
from ganforge_pipelines.stages.reporting import arms, common, finish, judged_shorter, longer, seat
from ganforge_pipelines.stages.reporting_quality import distances, gate_lines, others

SHOWN = 10
"""Pictures of each class in the report."""
OBEDIENT = 0.5
"""Share of pictures showing what was asked for, below which a generator has not learned to draw."""


def report(context: StageContext) -> str:
    """Write report.html and answer.json."""
    facts, quality = context.json("prepare", "facts.json"), context.json("sample", "quality.json")
    verdict = followed(context.json("judge", "verdict.json"), quality)
    test, sampled = context.json("classify", "test.json"), context.json("sample", "metrics.json")
    registered = context.json("register", "registered.json")
    real = read_part(context.input("prepare", "train.npz"), facts)
    synthetic = read_part(context.input("sample", "synthetic.npz"), facts)
    shared = common(context, facts, registered)
    content = ImagesReport(
        sentence=verdict["sentence"],
        what_to_do=_what_to_do(verdict),
        figures=_figures(verdict, sampled, test),
        would_change=_would_change(context, facts, verdict, sampled),
        measure=verdict["measure"],
        base_rate=verdict["base_rate"],
        classifier=verdict["classifier"],
        arms=arms(verdict),
        seat=seat(verdict),
        rope=verdict["rope"],
        distances=distances(quality, what="picture", axis="grey levels a pixel from the nearest trained on"),
        gates=gate_lines(quality),
        grids=_grids(context),
        pictures=_pictures(real, synthetic, show_rows=context.own["show_rows"]),
        obedience=tuple(
            Obedience(name=name, asked=each["asked"], share=each["share"], mistaken_for=each["mistaken_for"])
            for name, each in sampled["by_class"].items()
        ),
        n_classes=sampled["classes"],
        classes_appearing=sampled["classes_appearing"],
        per_class=_per_class(facts, verdict),
        fidelity=(
            Number(
                name="median distance to the nearest real picture",
                value=quality["privacy"]["distance"],
                floor=quality["privacy"]["distance_held_out"],
                note=f"grey levels a pixel; beside it the same for {others(quality, what='picture')}",
            ),
        ),
        n_synthetic=sampled["rows"],
        **{**shared, "notices": tuple(dict.fromkeys([*shared["notices"], *verdict["notices"]]))},
    )
    answer = {
        "recommended": verdict["recommended"],
        "outcome": verdict["outcome"],
        "measure": verdict["measure"],
        "base_rate": verdict["base_rate"],
        "arms": verdict["arms"],
        "test": test,
        "gate": {name: quality[name] for name in ("passed", "sentence", "gates")},
        "synthetic": sampled,
        "rows": facts["rows"],
        "classes": facts["classes"],
        "split": facts["split"],
    }
    return finish(context, content, answer, registered)


def _what_to_do(verdict: Mapping[str, Any]) -> str:
    recommended = verdict["recommended"]
    if verdict["arms"][recommended]["synthetic"]:
        return "Use the pictures of synthetic.npz in training, beside the real ones; the model registered here does."
    if verdict["outcome"] == "unlearned":
        return "Leave the model aside: no arm is clearly better than guessing. Look for what tells the classes apart."
    if recommended == "none":
        return "Nothing to change: train on the real pictures as they are."
    arm = PictureArm.from_json(verdict["arms"][recommended]["details"]["training"])
    how = recommended if arm.classical is None else f"{recommended} ({arm.classical})"
    return f"Train with {how}; leave the generated pictures out."


def _figures(verdict: Mapping[str, Any], sampled: Mapping[str, Any], test: Mapping[str, Any]) -> tuple[Figure, ...]:
    """What it was, what it is on pictures held out, what the generator changes and how sure that is, on how many."""
    none, arms = verdict["arms"]["none"], verdict["arms"]
    interval = corrected_interval(none["folds"], test_to_train=verdict["test_to_train"], level=verdict["level"])
    reached = test[verdict["measure"].replace(" ", "_")]
    low, high = wilson(round(reached * test["rows"]), test["rows"], level=verdict["level"])
    made = max((name for name in arms if arms[name]["synthetic"]), key=lambda name: arms[name]["mean"], default=None)
    changed = verdict["recommended"] if verdict["recommended"] != "none" else made
    arm = "nothing added" if verdict["recommended"] == "none" else display_name(verdict["recommended"])
    figures = [
        Figure(
            label="with nothing added",
            value=none["mean"],
            low=max(interval.low, 0.0),
            high=min(interval.high, 1.0),
            unit="share",
            note=f"{verdict['measure']}, mean of the folds",
        ),
        Figure(
            label=f"on pictures held out, with {arm}",
            value=reached,
            low=low,
            high=high,
            unit="share",
            note=f"{test['rows']:,} pictures",
        ),
    ]
    if changed is not None:
        difference, sure = arms[changed]["difference"], arms[changed]["against_none"]
        enough = wording.margin(verdict["rope"], shares=True)
        figures.append(
            Figure(
                label=f"change by {display_name(changed)}",
                value=difference["mean"],
                low=difference["low"],
                high=difference["high"],
                unit="points",
                note=f"against nothing added, with {difference['level']:.0%} probability; better by more than "
                f"{enough}: {sure['better']:.0%}",
            )
        )
    note = f"in {len(none['folds'])} folds; {sampled['obedience']:.0%} of the generated ones show what was asked for"
    figures.append(Figure(label="pictures judged on", value=verdict["n_rows"], unit="count", note=note))
    return tuple(figures)


def _would_change(
    context: StageContext, facts: Mapping[str, Any], verdict: Mapping[str, Any], sampled: Mapping[str, Any]
) -> tuple[str, ...]:
    told = []
    if sampled["obedience"] < OBEDIENT:
        told.append(
            f"A generator that can draw: of this one's pictures {sampled['obedience']:.0%} show what was asked for; "
            "the answer is about this one, not about every generator."
        )
    if verdict["outcome"] == "undecided":
        told.append("More folds or pictures: the interval of the best generated arm reaches to both sides of zero.")
    if facts["per_class"] is not None:
        told.append(f"More pictures a class than {facts['per_class']}: the fewer, the less there is to learn to draw.")
    told.extend(judged_shorter(verdict))
    if CLASSICAL in verdict["harmful"]:
        told.append(
            "A longer training of the classifier (`--set classify.steps=1500`), or smaller changes "
            "(`--set judge.classical.rotation=0`): pictures that change at every step take longer to learn."
        )
    told.extend(longer(context))
    return tuple(told)


def _grids(context: StageContext) -> tuple[SampleGrid, ...]:
    with np.load(context.input("train", "grids.npz"), allow_pickle=False) as file:
        steps, pixels = file["steps"], file["pixels"]
    return tuple(SampleGrid(int(step), each) for step, each in zip(steps, pixels, strict=True))


def _pictures(real: Images, synthetic: Images, *, show_rows: bool) -> tuple[ClassPictures, ...]:
    made = []
    for number, name in enumerate(real.classes):
        generated = synthetic.pixels[labels_of(synthetic) == number][:SHOWN]
        if not len(generated):
            continue
        shown: dict[str, np.ndarray] = {}
        if show_rows:
            own = real.pixels[labels_of(real) == number]
            nearest, _ = nearest_real(generated, real.pixels)
            shown = {"real": own[:SHOWN], "nearest": real.pixels[nearest]}
        made.append(ClassPictures(name=name, generated=generated, **shown))
    return tuple(made)


def _per_class(facts: Mapping[str, Any], verdict: Mapping[str, Any]) -> tuple[ClassAccuracy, ...]:
    by_arm = {
        display_name(name): arm["details"]["accuracy_by_class"]
        for name, arm in verdict["arms"].items()
        if arm.get("details")
    }
    return tuple(
        ClassAccuracy(
            name=name,
            n=facts["counts"][name],
            by_arm={arm: values[number] for arm, values in by_arm.items() if values[number] is not None},
        )
        for number, name in enumerate(facts["classes"])
    )
