"""Which sections each family's report has, and in which order: content → sections of charts, tables and strips.

A part for which there is nothing is left out, and a section without parts too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ganforge_pipelines.report import wording
from ganforge_pipelines.report.closeness import distances_chart
from ganforge_pipelines.report.content import AnomaliesReport, FraudReport, ImagesReport, Report
from ganforge_pipelines.report.distributions import obedience_chart, reasons_chart, score_chart
from ganforge_pipelines.report.figures import arms_chart, found_chart, per_class_chart
from ganforge_pipelines.report.layout import Part, Section, Strips, judged, keys
from ganforge_pipelines.report.losses import loss_charts
from ganforge_pipelines.report.parts import Arm
from ganforge_pipelines.report.pictures import evenly, strips
from ganforge_pipelines.report.sections_fraud import fraud_sections
from ganforge_pipelines.report.tables import arms_table, called, detectors_table, gates_table, numbers_table, odd_table


def sections_of(content: Report) -> list[Section]:
    """The sections between the first screen and the folded end."""
    if isinstance(content, FraudReport):
        made = fraud_sections(content)
    elif isinstance(content, ImagesReport):
        made = _images(content)
    elif isinstance(content, AnomaliesReport):
        made = _anomalies(content)
    else:
        made = []
    return [section for section in made if section.parts]


def training_sections(content: Report) -> list[Section]:
    """One section a training: its metric and every loss term by name."""
    made = []
    for place, curves in enumerate(content.training):
        told = [f"{wording.count(max(curves.steps, default=0))} steps"]
        if curves.seconds is not None:
            told.append(f"in {wording.seconds(curves.seconds)}")
        if curves.stopped == "patience":
            told.append("and stopped because it no longer got better")
        if len(curves.phases) > 1:
            names = [f"{wording.clean(name)} (steps {a:,}–{b:,})" for name, a, b in curves.phases]
            told.append("in the phases " + wording.listed(names))
        lead = " ".join(told) + ". A GAN's losses do not say how good its samples are; they show whether it ran well."
        made.append(Section(title=wording.clean(curves.title), lead=lead, parts=loss_charts(curves, key=f"t{place}")))
    return made


def _images(content: ImagesReport) -> list[Section]:
    key = keys()
    grid: list[Part] = []
    if content.grids:
        shown = evenly(content.grids)
        made = strips([each.pixels for each in shown])
        grid.append(
            Strips(
                title="Generated pictures as training went on",
                rows=[(f"step {each.step:,}", one) for each, one in zip(shown, made, strict=True)],
                note="Each column keeps its latent and class. Where they all come to look alike, it has collapsed.",
            )
        )
    if content.pictures:
        grid.append(_class_strips(content))
    obeyed: list[Part] = []
    if content.obedience:
        obeyed.append(obedience_chart(content.obedience, key=next(key)))
    if content.distances is not None:
        obeyed.append(distances_chart(content.distances, key=next(key)))
    if content.gates:
        obeyed.append(gates_table(content.gates))
    if content.fidelity:
        obeyed.append(
            numbers_table(
                content.fidelity, n=content.n_synthetic, counted="generated pictures", beside=content.distances
            )
        )
    helped: list[Part] = []
    if content.arms:
        helped = [
            arms_chart(content.arms, measure=content.measure, key=next(key), shares=True, rope=content.rope),
            arms_table(content),
        ]
    before, after = _before_after(content.arms)
    if content.per_class and before and after:
        helped.append(per_class_chart(content.per_class, before=before, after=after, key=next(key)))
    lead = ""
    if content.classes_appearing is not None and content.n_classes:
        lead = f"{content.classes_appearing} of {content.n_classes} classes appear among the generated pictures."
    return [
        Section(title="What it draws", parts=grid),
        Section(title="Do the pictures show what was asked for", lead=lead, parts=obeyed),
        Section(title="Which arm helped", lead=judged(content), parts=helped),
    ]


def _anomalies(content: AnomaliesReport) -> list[Section]:
    key = keys()
    found: list[Part] = []
    if any(each.found is not None for each in content.detectors):
        found.append(
            found_chart(content.detectors, budget=content.budget, positive=called(content.positive), key=next(key))
        )
    if content.detectors:
        found.append(detectors_table(content))
    apart: list[Part] = []
    if content.histogram is not None:
        apart.append(score_chart(content.histogram, key=next(key)))
    if content.reasons:
        apart.append(reasons_chart(content.reasons, n_top=content.n_top, key=next(key)))
    oddest: list[Part] = [odd_table(content.oddest)] if content.oddest else []
    return [
        Section(title="How much is found within the budget", lead=wording.clean(content.trained_on, longest=400)
                if content.trained_on else "", parts=found),
        Section(title="What the scores look like", parts=apart),
        Section(
            title="The oddest rows",
            lead="" if content.show_rows else "By number only; their values are shown with --show-rows.",
            parts=oddest,
        ),
    ]  # fmt: skip


def _class_strips(content: ImagesReport, *, most: int = 12) -> Strips:
    rows: list[tuple[str, np.ndarray]] = []
    for each in content.pictures[:most]:
        name = wording.clean(each.name, longest=24)
        rows.append((f"{name}: generated", each.generated))
        if each.real is not None:
            rows.append((f"{name}: real", each.real))
        if each.nearest is not None:
            rows.append((f"{name}: nearest real", each.nearest))
    made = strips([pixels for _, pixels in rows], most=10)
    real = any(each.real is not None for each in content.pictures)
    note = [] if content.show_rows else ["Real pictures are shown with --show-rows."]
    if len(content.pictures) > most:
        note.append(f"{len(content.pictures) - most} more classes are left out.")
    return Strips(
        title="Generated beside real, class by class" if real else "Generated pictures, class by class",
        rows=[(label, one) for (label, _), one in zip(rows, made, strict=True)],
        note=" ".join(note),
    )


def _before_after(arms: Sequence[Arm]) -> tuple[str, str]:
    """The arm without augmentation, and the best one that trains on generated pictures."""
    before = next((arm.name for arm in arms if arm.difference is None), "")
    after = max((arm for arm in arms if arm.synthetic), key=lambda arm: arm.mean, default=None)
    return before, "" if after is None else after.name
