"""What the three reports share: lineage, parameters that differ from the defaults, times, versions, notices."""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganforge.downstream.sentence import display_name
from ganforge_pipelines.lineage.records import add_artifacts
from ganforge_pipelines.report.content import Report
from ganforge_pipelines.report.parts import Arm, Changed, Interval, LineageStep, LossCurves, StageTime
from ganforge_pipelines.report.render import write_report
from ganforge_pipelines.stages.context import StageContext
from ganforge_pipelines.stages.manifest import Manifest
from ganforge_pipelines.workspace.parameters import assignments, defaults, flat

PRODUCTS = {
    "train.parquet": "Rows to train on",
    "test.parquet": "Rows held out",
    "train.npz": "Pictures to train on",
    "test.npz": "Pictures held out",
    "generator": "Generator",
    "detectors": "Detectors",
    "synthetic.parquet": "Synthetic rows",
    "synthetic.npz": "Synthetic pictures",
    "verdict.json": "Verdict",
    "classifier": "Classifier",
    "scores.parquet": "Scores",
    "model": "Detector kept",
}
"""Outputs that are links of the chain, and what the report calls them."""


def common(context: StageContext, facts: Mapping[str, Any], registered: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of `Report` that mean the same in every flow."""
    manifests = context.manifests()
    notices = [notice for each in manifests.values() for notice in each.notices]
    last = list(manifests.values())[-1]
    changed = _changed(context, manifests)
    return {
        "title": f"{context.spec.flow} · {Path(facts['source']).name}",
        "made": f"{registered['experiment']}, MLflow run {registered['run_id'][:8]}, {registered['uri']}",
        "standing": _standing(registered),
        "notices": tuple(dict.fromkeys(notices)),
        "show_rows": context.own["show_rows"],
        "training": _trainings(context),
        "parameters": changed,
        "command": _command(context, manifests),
        "lineage": _lineage(context, manifests, registered),
        "versions": last.versions,
        "machine": {"system": f"{platform.system()} {platform.machine()}", "cores": str(os.cpu_count())},
        "stages": tuple(StageTime(name=verb, seconds=each.seconds) for verb, each in manifests.items()),
    }


def _standing(registered: Mapping[str, Any]) -> str:
    """Which model answers from now on, and why."""
    model, reason = f"version {registered['version']} of {registered['model_name']}", registered["reason"]
    if registered["alias"] is None:
        return f"Model: {model} is registered, neither champion nor challenger: {reason}."
    return f"Model: {model} is {registered['alias']}: {reason}."


def finish(context: StageContext, content: Report, answer: Mapping[str, Any], registered: Mapping[str, Any]) -> str:
    """Write the report and the answer, and keep the report with the MLflow run."""
    write_report(content, context.out / "report.html")
    manifests = context.manifests()
    context.write_json(
        "answer.json",
        {
            "flow": context.spec.flow,
            "sentence": content.sentence,
            "what_to_do": content.what_to_do,
            **answer,
            "data": [dict(each) for each in context.data],
            "mlflow": dict(registered),
            "notices": list(content.notices),
            "seconds": {verb: each.seconds for verb, each in manifests.items()},
        },
    )
    add_artifacts(context.workspace.root, registered["run_id"], {"": context.out / "report.html"})
    return "report.html"


def arms(verdict: Mapping[str, Any]) -> tuple[Arm, ...]:
    """The arms of a verdict as the report shows them."""
    return tuple(
        Arm(
            name=display_name(name),
            mean=each["mean"],
            folds=tuple(each["folds"]),
            difference=None if each["difference"] is None else Interval(**each["difference"]),
            synthetic=each["synthetic"],
            recommended=name == verdict["recommended"],
            model=_model(each) if len({arm["classifier"] for arm in verdict["arms"].values()}) > 1 else "",
            **_probabilities(each.get("against_none")),
            better_than_seat=each["against_seat"]["better"] if each["synthetic"] and seat(verdict) else None,
            measures={
                measure: tuple(value for value in one["folds"] if value is not None)
                for measure, one in each.get("measures", {}).items()
            },
        )
        for name, each in verdict["arms"].items()
    )


def seat(verdict: Mapping[str, Any]) -> str:
    """What the report calls the plain arm that a generator is held against; empty where that is nothing added."""
    return "" if verdict["seat"] == "none" else display_name(verdict["seat"])


def _model(arm: Mapping[str, Any]) -> str:
    return str(arm["classifier"]).replace("-", " ")


def _probabilities(against: Mapping[str, Any] | None) -> dict[str, float]:
    return {} if against is None else {name: against[name] for name in ("better", "equivalent", "worse")}


def judged_shorter(verdict: Mapping[str, Any]) -> tuple[str, ...]:
    """What would change the answer where the judge's generator trained for fewer steps than the registered one."""
    steps = verdict["generator_steps"]
    if steps["judged"] is None or steps["registered"] is None or steps["judged"] >= steps["registered"]:
        return ()
    return (
        f"Judging the generator that is registered (`--set judge.steps=null`): judged here was one trained for "
        f"{steps['judged']:,} of {steps['registered']:,} steps.",
    )


def longer(context: StageContext) -> tuple[str, ...]:
    """What would change the answer where `--preset full` trains the generator for longer than it was."""
    trained = context.manifests()["train"].parameters[f"{context.spec.flow}.train"]["steps"]
    full = defaults()["presets"]["full"][context.spec.flow]["train"]["steps"]
    if trained is None or (full is not None and trained >= full):  # None: for as long as it took
        return ()
    return ("A longer training of the generator (`--preset full`).",)


def _trainings(context: StageContext) -> tuple[LossCurves, ...]:
    training = context.json("train", "training.json")
    return tuple(LossCurves.of(each, title=display_name(name)) for name, each in training.items() if each["history"])


def _changed(context: StageContext, manifests: Mapping[str, Manifest]) -> tuple[Changed, ...]:
    used: dict[str, Any] = {}
    for manifest in manifests.values():
        used |= dict(flat(manifest.parameters))
    usual = dict(flat(defaults()))
    return tuple(
        Changed(name=name, value=value, default=usual.get(name))
        for name, value in used.items()
        if value != usual.get(name)
    )


def _lineage(
    context: StageContext, manifests: Mapping[str, Manifest], registered: Mapping[str, Any]
) -> tuple[LineageStep, ...]:
    steps = []
    commit = list(manifests.values())[-1].git
    for data in context.data:
        if data["md5"]:
            steps.append(
                LineageStep(
                    what="Data file",
                    name=str(data["path"]),
                    hash=str(data["md5"]),
                    hash_kind="md5 (DVC)",
                    command=_bring_back(data, commit["commit"]),
                    note=f"sha256 {data['sha256']}",
                )
            )
        else:
            steps.append(LineageStep(what="Data file", name=str(data["path"]), hash=str(data["sha256"])))
    for verb, manifest in manifests.items():
        for name, digest in manifest.outputs.items():
            if name in PRODUCTS:
                path = f"work/{context.spec.flow}/{verb}/{name}"
                traced = f"ganforge lineage {path} tells what made each row" if name == "synthetic.parquet" else ""
                steps.append(
                    LineageStep(
                        what=PRODUCTS[name],
                        name=path,
                        hash=digest,
                        command=f"ganforge stage {manifest.stage}",
                        note=traced,
                    )
                )
    steps.append(
        LineageStep(
            what="Registered model",
            name=registered["uri"],
            hash=registered["run_id"],
            hash_kind="MLflow run",
            command=f'mlflow.pyfunc.load_model("{registered["uri"]}")',
            note=registered["reason"],
        )
    )
    if commit["commit"]:
        note = "with files that were not committed" if commit["dirty"] else ""
        steps.append(
            LineageStep(
                what="Workspace",
                name="code and parameters",
                hash=commit["commit"],
                hash_kind="git commit",
                command=f"git checkout {commit['commit'][:12]}",
                note=note,
            )
        )
    return tuple(steps)


def _bring_back(data: Mapping[str, Any], commit: str | None) -> str:
    """What gets this very version of the data: from the commit that names it, or of the file beside it."""
    if commit is None:
        return shlex.join(["dvc", "checkout", str(data["dvc_file"])])
    path = str(data["path"])
    return shlex.join(["dvc", "get", ".", path, "--rev", commit[:12], "--out", f"{commit[:7]}-{Path(path).name}"])


def _command(context: StageContext, manifests: Mapping[str, Manifest]) -> str:
    """What runs the whole of it again with these parameters: in this workspace, whose params.yaml may say otherwise,
    and in a new one."""
    flow = context.spec.flow
    used: dict[str, Any] = {}
    for manifest in manifests.values():
        used |= manifest.parameters
    used[f"{flow}.report"] = context.own
    asked = assignments(used, defaults(), context.workspace.params(flow=flow))
    return shlex.join(["ganforge", "run", flow, *(part for each in asked for part in ("--set", each))])
