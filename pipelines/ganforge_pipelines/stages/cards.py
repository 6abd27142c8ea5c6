"""What the model card of a run says: one function a flow, filled from the files of its stages."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ganforge.downstream.sentence import display_name
from ganforge_pipelines.lineage.tracking import CHALLENGER, CHAMPION
from ganforge_pipelines.report.card import ModelCard
from ganforge_pipelines.report.parts import Figure
from ganforge_pipelines.report.wording import in_unit, interval, score
from ganforge_pipelines.stages.budget import wilson
from ganforge_pipelines.stages.context import StageContext
from ganforge_pipelines.stages.found import LEVEL, name_of
from ganforge_pipelines.stages.promotion import Decision

LICENCE = (
    "ganforge is licensed under Apache-2.0. The licence of the data is that of whoever gave them; it goes for a model "
    "trained on them as far as it says so."
)
KEEPS_ROWS = (
    "This model holds rows it was trained on, and they can be read out of it: wherever it is registered or copied, "
    "guard it as the data themselves."
)
"""Of a model whose class says `keeps_rows`."""
_LEVEL_TOLD = f"{LEVEL:.0%} interval"


def fraud(
    context: StageContext,
    facts: Mapping[str, Any],
    verdict: Mapping[str, Any],
    test: Mapping[str, Any],
) -> ModelCard:
    """The classifier of the rare class."""
    interval, threshold, operating = test["average_precision_interval"], test["threshold"], test["operating"]
    arm = verdict["arms"][test["arm"]]
    found = f"{operating['alerts']:,} alerts find {operating['found']:,} of {operating['positives']:,} held out"
    how, later = facts["split"]["how"], facts["split"]["later"]
    held = f"{test['rows']:,} rows held out {how}, {test['n_positive']:,} with {facts['positive']}"
    chosen = "chosen by cost in training" + (", on rows that the generator knew" if arm["synthetic"] else "")
    needs = ", ".join(facts["features"][:4]) + (", …" if len(facts["features"]) > 4 else "")
    return ModelCard(
        **_common(context, facts),
        what=f"A classifier ({test['classifier']}) that tells rows with {facts['positive']} from the others, trained "
        f"with {_arm(test['arm'])} on {test['trained_on']:,} rows",
        verdict=verdict["sentence"],
        figures=(
            Figure(
                label="average precision",
                value=test["average_precision"],
                low=interval["low"],
                high=interval["high"],
                note=f"{held}; {interval['level']:.0%} interval",
            ),
            Figure(label="guessing reaches", value=test["base_rate"], note="the share of the rare class there"),
            Figure(label="AUROC", value=test["auroc"], note="on the same rows"),
            Figure(
                label="average precision over folds",
                value=arm["mean"],
                low=min(arm["folds"]),
                high=max(arm["folds"]),
                note=f"lowest and highest of {len(arm['folds'])} folds of the training part",
            ),
        ),
        threshold=f"a probability of {score(threshold)} and above is an alert, {chosen}; {found}",
        gates=_gates(context),
        intended=(
            f"Putting rows of the same kind in the order in which they should be looked at, those most probably with "
            f"{facts['positive']} first.",
        ),
        limits=(
            "Measured on rows of the same file: on another population, or much later, measure again.",
            *(() if later else (f"Rows were split {how}; later ones may be harder than it looks here.",)),
            *(
                (f"Rows to be scored need the features of their past ({needs}), from the run's features.json.",)
                if facts["features"]
                else ()
            ),
            "It answers with a probability, not with a reason; a decision about a person needs more than that.",
        ),
        parts={
            "model": f"the classifier ({test['classifier']})",
            "threshold": f"{threshold:.6g}",
            "generator": f"{_kind(context)}, whose rows "
            + ("it was trained with" if arm["synthetic"] else "were judged and left out"),
        },
    )


def images(
    context: StageContext, facts: Mapping[str, Any], verdict: Mapping[str, Any], test: Mapping[str, Any]
) -> ModelCard:
    """The classifier of pictures."""
    low, high = wilson(round(test["accuracy"] * test["rows"]), test["rows"], level=LEVEL)
    arm = verdict["arms"][test["arm"]]
    return ModelCard(
        **_common(context, facts),
        what=f"A small convolutional network that tells {len(facts['classes'])} classes of pictures apart, trained "
        f"with {_arm(test['arm'])} on {test['trained_on']:,} pictures",
        verdict=verdict["sentence"],
        figures=(
            Figure(
                label="accuracy",
                value=test["accuracy"],
                low=low,
                high=high,
                unit="share",
                note=f"{test['rows']:,} pictures held out; {_LEVEL_TOLD}",
            ),
            Figure(label="guessing reaches", value=test["base_rate"], unit="share", note="the commonest class"),
        ),
        gates=_gates(context),
        intended=("Telling pictures of these classes apart, taken as those it was trained on were.",),
        limits=(
            "It knows no class but these, and gives every picture one of them.",
            f"Pictures of {'×'.join(map(str, facts['shape']))} pixels; others have to be brought to that size.",
        ),
        parts={
            "model": "the classifier (picture-classifier)",
            "generator": f"{_kind(context)}, whose pictures "
            + ("it was trained with" if arm["synthetic"] else "were judged and left out"),
        },
    )


def anomalies(context: StageContext, facts: Mapping[str, Any], scored: Mapping[str, Any]) -> ModelCard:
    """The detector that was kept."""
    best = scored["detectors"][scored["best"]]
    labelled = facts["label"] is not None
    return ModelCard(
        **_common(context, facts),
        what=f"A detector of anomalies ({name_of(scored['best'])}), trained on {facts['trained_on']}",
        verdict=scored["sentence"],
        figures=_measured(facts, scored) if labelled else (),
        threshold=f"a score of {best['threshold']:.4g} and above is an alert, within {scored['budget']['said']}",
        intended=("Putting rows in the order in which they should be looked at, the oddest first.",),
        limits=(
            "Odd is not wrong: an alert is a reason to look, not a finding.",
            *(() if labelled else ("Without a label nobody can say how many alerts are right.",)),
        ),
        parts={"model": f"the detector ({scored['best']})", "threshold": f"{best['threshold']:.6g}"},
    )


def _measured(facts: Mapping[str, Any], scored: Mapping[str, Any]) -> tuple[Figure, ...]:
    """What a label lets us say of the detector that was kept."""
    best = scored["detectors"][scored["best"]]
    return (
        Figure(
            label=f"found at {scored['budget']['said']}",
            value=best["recall_at_budget"],
            low=best["recall_low"],
            high=best["recall_high"],
            unit="share",
            note=f"of {scored['n_positive']:,} with {facts['positive']} among {scored['rows']:,} rows held out; "
            f"{_LEVEL_TOLD}",
        ),
        Figure(label="average precision", value=best["average_precision"], note="on the same rows"),
        Figure(label="guessing reaches", value=scored["base_rate"], note="the share of anomalies there"),
    )


def placed(card: ModelCard, *, name: str, version: int, decision: Decision, since: str = "") -> ModelCard:
    """The card of a version, once the registry has numbered it; since: see `ModelCard`."""
    lines = f"""\
        import mlflow
        mlflow.set_tracking_uri("sqlite:///mlflow/mlflow.db")   # in the workspace; or your server's address
        model = mlflow.pyfunc.load_model("models:/{name}/{version}")
        model.metadata.metadata["threshold"]

        # make it champion; have the champion before back, with all that belongs to it
        ganforge models promote {name} --version {version}
        ganforge models rollback {name}"""
    return replace(
        card,
        name=name,
        version=version,
        alias=CHAMPION if decision.promote else CHALLENGER,
        reason=decision.reason,
        since=since,
        bring_back=textwrap.dedent(lines),
    )


def figure_of(card: ModelCard) -> str:
    """The first figure as `ganforge models list` shows it."""
    if not card.figures:
        return ""
    first = card.figures[0]
    told = interval(first)
    return f"{first.label} {in_unit(first.value, first.unit)}" + (f" ({told})" if told else "")


def _gates(context: StageContext) -> tuple[str, ...]:
    """What was found about the synthetic data: whether they may be trained on, and each gate in a sentence."""
    found = context.json("sample", "quality.json")
    return (
        found["sentence"],
        *(f"{'passed' if each['passed'] else 'not passed'}: {each['sentence']}" for each in found["gates"]),
    )


def _common(context: StageContext, facts: Mapping[str, Any]) -> dict[str, Any]:
    manifests = context.manifests()
    data = {}
    for position, each in enumerate(context.data):
        end = "" if position == 0 else f" {position + 1}"
        data |= {f"file{end}": str(each["path"]), f"sha256{end}": str(each["sha256"])}
        data |= {f"md5 (DVC){end}": str(each["md5"])} if each["md5"] else {}
    data["rows"] = facts["headline"]
    if facts.get("period"):
        data["period"] = facts["period"]
    split = facts["split"]
    data["split"] = f"{split['train']:,} to train on, {split['test']:,} held out {split.get('how', '')}".strip()
    last = list(manifests.values())[-1]
    lineage = {f"data {each['path']}": str(each["sha256"]) for each in context.data}
    for verb, manifest in manifests.items():
        if verb not in ("register", "report"):
            lineage[f"stage {manifest.stage}"] = manifest.outputs_digest
    if last.git["commit"]:
        lineage["git commit"] = str(last.git["commit"])
    return {
        "name": "",
        "version": 0,
        "alias": "",
        "reason": "",
        "data": data,
        "lineage": {**lineage, "seed": str(manifests["prepare"].seed)},
        "versions": last.versions,
        "licence": LICENCE,
    }


def _kind(context: StageContext) -> str:
    return display_name(next(iter(context.json("train", "training.json"))))


def _arm(name: str) -> str:
    return "nothing added" if name == "none" else display_name(name)
