"""From what a user asks for to all parameters of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganforge.errors import InputError, UnknownNameError
from ganforge_pipelines.stages.budget import Budget
from ganforge_pipelines.stages.roles import check_roles
from ganforge_pipelines.workspace import Workspace

OPTIONS: dict[str, dict[str, str]] = {
    "fraud": {name: f"prepare.{name}" for name in ("target", "time", "customer", "terminal", "amount")},
    "images": {"labels": "prepare.labels", "per_class": "prepare.per_class"},
    "anomalies": {
        "label": "prepare.label",
        "time": "prepare.time",
        "budget": "score.budget",
        "train_on": "prepare.train_on",
    },
}
"""Options of `ganforge run` → the parameters they set, by flow."""
FORGOTTEN: dict[str, dict[str, Any]] = {
    "fraud": {
        **dict.fromkeys(("target", "time", "group", "schema", "customer", "terminal", "amount", "paid_at")),
        "leave_out": [],
    },
    "images": {},
    "anomalies": {"label": None, "time": None, "schema": None, "leave_out": []},
}
"""What `params.yaml` says of its own data does not hold for data named by `--data`."""


def resolved(
    flow: str,
    workspace: str | Path,
    params: Mapping[str, Any] | None,
    preset: str | None,
    overrides: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """All parameters of a flow: `params` if they are given whole, else `params.yaml` with a preset and overrides."""
    if params is not None:
        return dict(params)
    return checked(flow, Workspace.find(workspace).params(preset=preset, overrides=overrides, flow=flow))


def from_request(
    flow: str,
    workspace: Workspace,
    *,
    data: str | None = None,
    options: Mapping[str, Any] | None = None,
    preset: str | None = None,
    seed: int | None = None,
    overrides: Mapping[str, Any] | None = None,
    show_rows: bool = False,
) -> dict[str, Any]:
    """All parameters of a run as the command line asks for it.

    Args:
        data: a file or folder, as a path from the workspace's root; it takes the place of what params.yaml names,
            and of what params.yaml says about that: target, time, columns to leave out.
        options: values by the names in `OPTIONS`.
        preset, seed, overrides: see `Workspace.params`; overrides have the last word.
        show_rows: allow raw real rows and pictures into the report.

    Raises `InputError` (contradictions, values out of range) and `UnknownNameError` (names, with the nearest).
    """
    if flow not in OPTIONS:
        raise UnknownNameError("flow", flow, OPTIONS)
    asked: dict[str, Any] = {}
    if data is not None:
        asked["prepare.data"] = data
        asked |= {f"prepare.{name}": value for name, value in FORGOTTEN[flow].items()}
        if flow == "images":
            asked["prepare.labels"] = data  # what holds its own labels is named once more
    for name, value in (options or {}).items():
        if name not in OPTIONS[flow]:
            raise UnknownNameError("option", name, OPTIONS[flow], where=f"run {flow}")
        asked[OPTIONS[flow][name]] = str(value) if isinstance(value, Path) else value
    if asked.get("prepare.train_on") == "normal" and asked.get("prepare.label", "") is None:
        raise InputError("--train-on normal needs a label that says which rows are normal; name it with --label")
    if seed is not None:
        asked["seed"] = seed
    if show_rows:
        asked["report.show_rows"] = True
    return checked(flow, workspace.params(preset=preset, overrides={**asked, **(overrides or {})}, flow=flow))


def checked(flow: str, params: dict[str, Any]) -> dict[str, Any]:
    """The parameters, refused where two of them contradict each other."""
    own = params[flow]
    if flow == "fraud" and own["prepare"]["target"] is None:
        raise InputError(
            f"{own['prepare']['data']}: no target; name the column that marks the rare class with --target"
        )
    if flow == "fraud":
        check_roles(own["prepare"])
    if flow == "anomalies":
        budget = Budget.parse(own["score"]["budget"])
        if budget.per_day and own["prepare"]["time"] is None:
            raise InputError(
                f"budget {own['score']['budget']!r} is a number a day, but no time column is named; name it with "
                "--time, or give a number or a share of all rows"
            )
        if own["prepare"]["label"] is None and own["prepare"]["train_on"] == "normal":
            own["prepare"]["train_on"] = "all"  # nothing says which rows are normal
        if not own["train"]["detectors"]:
            raise InputError("anomalies.train.detectors is empty; name at least one: f-anogan, isolation-forest, knn")
    if own["prepare"].get("time") is not None and own["prepare"].get("group") is not None:
        raise InputError("prepare.time and prepare.group both say how to split; set one of them to null")
    return params
