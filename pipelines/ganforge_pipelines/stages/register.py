"""Stage `register`: what a run was and what came of it to MLflow, its model to the registry.

The first model of a flow becomes champion if it beats guessing. While there is a champion, a new model is registered
as challenger: which of two is better is for a test on data that neither has seen to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ganforge.data.schema import Schema
from ganforge_pipelines.lineage.records import champion_of
from ganforge_pipelines.lineage.tracking import DatasetInfo, track_run
from ganforge_pipelines.stages.context import StageContext
from ganforge_pipelines.stages.manifest import Manifest


def fraud(context: StageContext) -> str:
    """The classifier, with the generator and its rows beside it."""
    facts, verdict = context.json("prepare", "facts.json"), context.json("judge", "verdict.json")
    test = context.json("classify", "test.json")
    schema = Schema.from_json(facts["schema"])
    features = Schema(tuple(each for each in schema if each.name not in (facts["target"], *facts["unseen"])))
    return _register(
        context,
        facts=facts,
        metrics={
            **{f"test_{name}": test[name] for name in ("average_precision", "auroc", "base_rate")},
            **{f"judged_average_precision/{name}": arm["mean"] for name, arm in verdict["arms"].items()},
        },
        artifacts={
            "synthetic": context.input("sample", "synthetic.parquet"),
            "judge": context.input("judge", "verdict.json"),
        },
        model=context.input("classify", "classifier"),
        generator=context.input("train", "generator"),
        takes=features,
        good=verdict["beats_guessing"] and test["average_precision"] > test["base_rate"],
        why="it beats guessing by the base rate",
        why_not="it does not clearly beat guessing by the base rate",
        tags={
            "recommended_arm": test["arm"],
            "outcome": verdict["outcome"],
            "needs_features": ", ".join(facts["features"]) or None,
        },
    )


def images(context: StageContext) -> str:
    """The picture classifier, with the generator and its pictures beside it."""
    facts, verdict = context.json("prepare", "facts.json"), context.json("judge", "verdict.json")
    test = context.json("classify", "test.json")
    return _register(
        context,
        facts=facts,
        metrics={
            **{f"test_{name}": test[name] for name in ("accuracy", "base_rate")},
            **{f"judged_accuracy/{name}": arm["mean"] for name, arm in verdict["arms"].items()},
        },
        artifacts={
            "synthetic": context.input("sample", "synthetic.npz"),
            "pictures": context.input("sample", "samples.png"),
            "judge": context.input("judge", "verdict.json"),
        },
        model=context.input("classify", "classifier"),
        generator=context.input("train", "generator"),
        takes=tuple(facts["shape"]),
        good=verdict["beats_guessing"] and test["accuracy"] > test["base_rate"],
        why="it beats guessing the commonest class",
        why_not="it does not clearly beat guessing the commonest class",
        tags={"recommended_arm": test["arm"], "outcome": verdict["outcome"]},
    )


def anomalies(context: StageContext) -> str:
    """The detector that found most (or, without labels, the first of those asked for)."""
    facts, scored = context.json("prepare", "facts.json"), context.json("score", "scored.json")
    best = scored["detectors"][scored["best"]]
    labelled = facts["label"] is not None
    good = not labelled or best["average_precision"] > scored["base_rate"]
    return _register(
        context,
        facts=facts,
        metrics={
            f"{name}/{figure}": each[figure]
            for name, each in scored["detectors"].items()
            for figure in ("average_precision", "auroc", "recall_at_budget")
            if each.get(figure) is not None
        },
        artifacts={"score": context.input("score", "scored.json")},
        model=context.input("score", "model"),
        generator=None,
        takes=Schema.from_json(facts["schema"]),
        good=good,
        why="it beats guessing by the base rate" if labelled else "there is no label to judge it by",
        why_not="it does not beat guessing by the base rate",
        tags={"detector": scored["best"], "trained_on": facts["trained_on"]},
    )


def _register(
    context: StageContext,
    *,
    facts: Mapping[str, Any],
    metrics: Mapping[str, float],
    artifacts: Mapping[str, Path],
    model: Path,
    generator: Path | None,
    takes: Any,
    good: bool,
    why: str,
    why_not: str,
    tags: Mapping[str, Any],
) -> str:
    root, name = context.workspace.root, context.own["name"]
    manifests = context.manifests()
    champion = champion_of(root, name)
    promote = champion is None and good
    if promote:
        reason = f"the first; {why}"
    elif champion is not None:
        reason = f"version {champion.version} stays champion until a test on data that neither has seen says otherwise"
    else:
        reason = why_not
    data = context.data[0]
    tracked = track_run(
        workspace_root=root,
        flow=context.spec.flow,
        tags={**_tags(context, manifests), **tags, "alias_reason": reason},
        params=_parameters(manifests),
        curves=_points(context.json("train", "training.json")),
        metrics=metrics,
        artifacts=artifacts,
        model_folder=model,
        generator_folder=generator,
        dataset=DatasetInfo(
            name=Path(str(data["path"])).name,
            source=str(data["path"]),
            digest=str(data["sha256"]),
            md5=str(data["md5"] or ""),
            rows=facts["rows"],
        ),
        registered_name=name,
        promote=promote,
        input_example_schema=takes,
    )
    context.write_json("registered.json", {**tracked.to_json(), "reason": reason})
    return f"{tracked.uri} → {tracked.alias} ({reason})"


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
    tags |= {f"stage.{verb}": each.outputs_digest for verb, each in manifests.items() if verb in context.spec.upstream}
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
