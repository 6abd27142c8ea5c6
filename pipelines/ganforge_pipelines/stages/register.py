"""Stage `register`: what a run was and what came of it to MLflow, its model to the registry.

What scores, its threshold and its generator are one bundle under one version. It becomes champion if it beats guessing
and, where there is a champion, beats that one on rows that neither has seen (`promotion`); otherwise challenger. The
same work is registered once: done again, as after a kill between the registration and the stage's own files, it takes
up the version that is there.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ganforge.catalog import keeps_rows
from ganforge.data.schema import Schema
from ganforge.errors import GanforgeWarning
from ganforge_pipelines.lineage.registry import CHALLENGER, CHAMPION, FIGURE, REASON, SINCE, Known, known
from ganforge_pipelines.lineage.scoring import load_scorer
from ganforge_pipelines.lineage.tracking import MODEL_CARD, DatasetInfo, take_up, track_run
from ganforge_pipelines.report.card import ModelCard, render_card
from ganforge_pipelines.stages import cards, contests
from ganforge_pipelines.stages.context import StageContext
from ganforge_pipelines.stages.gating import followed
from ganforge_pipelines.stages.manifest import Manifest
from ganforge_pipelines.stages.promotion import Decision, HeldOut, decide
from ganforge_pipelines.stages.rows import FILE, rows_of, write_seen

DECISION = "ganforge.decision"
"""Tag of every version: the `Decision` it was registered by, as JSON and without its reason, which is the tag `REASON`:
tags are cut to a length, and freed of what looks like a password, neither of which JSON outlives."""


def fraud(context: StageContext) -> str:
    """The classifier, with the generator and its rows beside it."""
    facts, verdict = context.json("prepare", "facts.json"), _followed(context)
    test = context.json("classify", "test.json")
    schema = Schema.from_json(facts["schema"])
    features = Schema(tuple(each for each in schema if each.name not in (facts["target"], *facts["unseen"])))
    model = context.input("classify", "classifier")
    standing = _standing(
        context,
        good=verdict["beats_guessing"] and test["average_precision"] > test["base_rate"],
        why="it beats guessing by the base rate",
        why_not="does not clearly beat guessing by the base rate",
        held_out=lambda: contests.fraud(context, facts, load_scorer(model)),
    )
    return _register(
        context,
        facts=facts,
        standing=standing,
        threshold=test["threshold"],
        card=cards.fraud(context, facts, verdict, test),
        metrics={
            **{f"test_{name}": test[name] for name in ("average_precision", "auroc", "base_rate")},
            **{f"judged_average_precision/{name}": arm["mean"] for name, arm in verdict["arms"].items()},
        },
        artifacts={
            "synthetic": context.input("sample", "synthetic.parquet"),
            "judge": context.input("judge", "verdict.json"),
        },
        model=model,
        generator=context.input("train", "generator"),
        takes=features,
        tags={
            "recommended_arm": test["arm"],
            "outcome": verdict["outcome"],
            "needs_features": ", ".join(facts["features"]) or None,
            "trained_on_synthetic": verdict["arms"][test["arm"]]["synthetic"],
        },
    )


def images(context: StageContext) -> str:
    """The picture classifier, with the generator and its pictures beside it."""
    facts, verdict = context.json("prepare", "facts.json"), _followed(context)
    test = context.json("classify", "test.json")
    model = context.input("classify", "classifier")
    standing = _standing(
        context,
        good=verdict["beats_guessing"] and test["accuracy"] > test["base_rate"],
        why="it beats guessing the commonest class",
        why_not="does not clearly beat guessing the commonest class",
        held_out=lambda: contests.images(context, facts, load_scorer(model)),
    )
    return _register(
        context,
        facts=facts,
        standing=standing,
        threshold=None,
        card=cards.images(context, facts, verdict, test),
        metrics={
            **{f"test_{name}": test[name] for name in ("accuracy", "base_rate")},
            **{f"judged_accuracy/{name}": arm["mean"] for name, arm in verdict["arms"].items()},
        },
        artifacts={
            "synthetic": context.input("sample", "synthetic.npz"),
            "pictures": context.input("sample", "samples.png"),
            "judge": context.input("judge", "verdict.json"),
        },
        model=model,
        generator=context.input("train", "generator"),
        takes=tuple(facts["shape"]),
        tags={
            "recommended_arm": test["arm"],
            "outcome": verdict["outcome"],
            "trained_on_synthetic": verdict["arms"][test["arm"]]["synthetic"],
        },
    )


def anomalies(context: StageContext) -> str:
    """The detector that found most (or, without labels, the first of the catalogue's that was asked for)."""
    facts, scored = context.json("prepare", "facts.json"), context.json("score", "scored.json")
    best = scored["detectors"][scored["best"]]
    labelled = facts["label"] is not None
    model = context.input("score", "model")
    standing = _standing(
        context,
        good=not labelled or best["average_precision"] > scored["base_rate"],
        why="it beats guessing by the base rate" if labelled else "there is no label to judge it by",
        why_not="does not beat guessing by the base rate",
        held_out=lambda: contests.anomalies(context, facts, scored, load_scorer(model)),
    )
    return _register(
        context,
        facts=facts,
        standing=standing,
        threshold=best["threshold"],
        card=cards.anomalies(context, facts, scored),
        metrics={
            f"{name}/{figure}": each[figure]
            for name, each in scored["detectors"].items()
            for figure in ("average_precision", "auroc", "recall_at_budget")
            if each.get(figure) is not None
        },
        artifacts={"score": context.input("score", "scored.json")},
        model=model,
        generator=None,
        takes=Schema.from_json(facts["schema"]),
        tags={"detector": scored["best"], "trained_on": facts["trained_on"]},
    )


def _followed(context: StageContext) -> dict[str, Any]:
    """The verdict as it was acted on: whether guessing is beaten is asked of the arm that is registered."""
    return followed(context.json("judge", "verdict.json"), context.json("sample", "quality.json"))


def _register(
    context: StageContext,
    *,
    facts: Mapping[str, Any],
    standing: Standing,
    threshold: float | None,
    card: ModelCard,
    metrics: Mapping[str, float],
    artifacts: Mapping[str, Path],
    model: Path,
    generator: Path | None,
    takes: Any,
    tags: Mapping[str, Any],
) -> str:
    root, name, manifests = context.workspace.root, context.own["name"], context.manifests()
    data, decision = context.data[0], standing.decision
    bundle = _bundle(context, manifests, threshold=threshold, generator=generator is not None)
    place = {"workspace_root": root, "flow": context.spec.flow, "registered_name": name}
    if any(keeps_rows(each) for each in (model, generator) if each is not None):
        warnings.warn(cards.KEEPS_ROWS, GanforgeWarning, stacklevel=2)
        card = replace(card, limits=(*card.limits, cards.KEEPS_ROWS))
    decided = {REASON: decision.reason, DECISION: json.dumps({**decision.to_json(), "reason": None})}

    def carded(version: int) -> tuple[str, str]:
        final = cards.placed(card, name=name, version=version, decision=decision, since=standing.since)
        return final.sentence, render_card(final)

    if standing.known is not None:
        tracked = take_up(
            standing.known,
            **place,
            promote=decision.promote,
            reason=decision.reason,
            tags=decided,
            card=carded,
        )
        warnings.warn(
            f"this model was registered before, as {tracked.uri}, by the same work on the same data; that version was "
            "taken up, and no second one made",
            GanforgeWarning,
            stacklevel=2,
        )
    else:
        with tempfile.TemporaryDirectory() as folder:
            trained_on = rows_of(context.input("prepare", FILE), "train")
            seen = write_seen(Path(folder), trained_on, facts["fingerprinted"])
            tracked = track_run(
                **place,
                tags={
                    **_tags(context, manifests),
                    **tags,
                    **decided,
                    FIGURE: cards.figure_of(card),
                    "threshold": threshold,
                },
                params=_parameters(manifests),
                curves=_points(context.json("train", "training.json")),
                metrics=metrics,
                artifacts={**artifacts, "rows": seen},
                model_folder=model,
                generator_folder=generator,
                dataset=DatasetInfo(
                    name=Path(str(data["path"])).name,
                    source=str(data["path"]),
                    digest=str(data["sha256"]),
                    md5=str(data["md5"] or ""),
                    rows=facts["rows"],
                ),
                promote=decision.promote,
                reason=decision.reason,
                bundle=bundle,
                card=carded,
                input_example_schema=takes,
                key=context.key,
            )
    (context.out / MODEL_CARD).write_text(carded(tracked.version)[1], encoding="utf-8")
    context.write_json(
        "registered.json",
        {**tracked.to_json(), "reason": standing.reason, "threshold": threshold, "decision": decision.to_json()},
    )
    return f"{tracked.uri} → {tracked.alias or 'no alias'} ({standing.reason})"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is decided of the model, and the version that it has been registered as before, if it has."""

    known: Known | None
    decision: Decision
    reason: str
    """Why it has the alias that it has; of one that has another or none since it was registered, what it was and what
    happened."""
    since: str = ""
    """What happened, where it has another alias or none since it was registered."""


def _standing(context: StageContext, *, held_out: Callable[[], HeldOut | None], **asked: Any) -> Standing:
    """Champion or challenger; what was settled before stays as it was, or as somebody has moved it since.

    Started again after a kill, or after other runs, the stage finds the version that it made. To hold that one against
    the champion, perhaps itself, would say nothing, and a second version of it would only push a challenger aside.
    """
    root, name = context.workspace.root, context.own["name"]
    before = known(root, name, context.key)
    if before is None or not before.settled:
        decision = decide(root, name, held_out=held_out(), **asked)
        return Standing(known=before, decision=decision, reason=decision.reason)
    decision = _settled(before)
    was = CHAMPION if decision.promote else CHALLENGER
    if before.alias == was:
        return Standing(known=before, decision=decision, reason=before.reason)
    if before.alias == CHAMPION:
        since = f"it has become {CHAMPION}: {before.reason}"
        return Standing(known=before, decision=decision, reason=before.reason, since=since)
    other = before.holders.get(was)
    since = "it has lost that alias" if other is None else f"version {other} has become {was}"
    reason = f"it was registered as {was} ({decision.reason}); since then {since}"
    return Standing(known=before, decision=decision, reason=reason, since=since)


def _settled(before: Known) -> Decision:
    """The decision that a version was registered by; where its tag cannot be read, what the registry says beside it."""
    reason = before.tags.get(REASON, "")
    try:
        return Decision.from_json({**json.loads(before.tags[DECISION]), "reason": reason})
    except (KeyError, TypeError, ValueError):  # of another release, cut short, or written by hand
        return Decision(promote=SINCE in before.tags, reason=reason)


def _bundle(
    context: StageContext, manifests: Mapping[str, Manifest], *, threshold: float | None, generator: bool
) -> dict[str, Any]:
    """What goes with the model wherever it goes: its threshold, and by hashes what it is made of."""
    outputs = {name: digest for each in manifests.values() for name, digest in each.outputs.items()}
    scores = outputs["model" if context.spec.flow == "anomalies" else "classifier"]
    return {
        "flow": context.spec.flow,
        "threshold": threshold,
        "model_sha256": scores,
        "generator_sha256": outputs["generator"] if generator else None,
        "data_sha256": [each["sha256"] for each in context.data],
        "data_md5": [each["md5"] for each in context.data],
        "seed": manifests["prepare"].seed,
    }


MADE: Sequence[str] = ("generator", "synthetic.parquet", "synthetic.npz", "classifier", "model")
"""Outputs whose hashes stand among the tags (`made.classifier`), so that a version is found by what it is made of."""


def _tags(context: StageContext, manifests: Mapping[str, Manifest]) -> dict[str, Any]:
    """What MLflow's page of the run says of its lineage; every value comes from the manifests."""
    tags: dict[str, Any] = {"flow": context.spec.flow}
    for position, data in enumerate(context.data):
        end = "" if position == 0 else f".{position + 1}"
        tags |= {
            f"data.path{end}": data["path"],
            f"data.md5{end}": data["md5"],
            f"data.sha256{end}": data["sha256"],
        }
    last = manifests[context.spec.upstream[-1]]
    tags |= {"git.commit": last.git["commit"], "git.dirty": last.git["dirty"]}
    tags |= {f"version.{name}": each for name, each in last.versions.items()}
    above = [(verb, each) for verb, each in manifests.items() if verb in context.spec.upstream]
    tags |= {f"stage.{verb}": each.outputs_digest for verb, each in above}
    tags |= {f"made.{name}": digest for _, each in above for name, digest in each.outputs.items() if name in MADE}
    tags["seed"] = manifests["prepare"].seed
    return tags


def _parameters(manifests: Mapping[str, Manifest]) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for manifest in manifests.values():
        if manifest.stage.split("-")[-1] not in ("register", "report"):
            parameters |= manifest.parameters
    return parameters


def _points(training: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every loss and metric of every model that was trained, by step."""
    for name, each in training.items():
        for entry in each["history"]:
            values = {**entry["losses"], "metric": entry.get("metric")}
            for term, value in values.items():
                if value is not None:
                    yield {"step": entry["step"], "name": f"{name}/{term}", "value": value}
