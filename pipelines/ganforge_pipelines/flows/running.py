"""Start a flow, watch it, and hand back its answer.

run_flow("fraud", Workspace.find("."), preset="quick", on_event=print).sentence
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ganforge.errors import GanforgeError, InputError, InterruptedRunError
from ganforge_pipelines.flows.ephemeral import start_early
from ganforge_pipelines.flows.events import Listener, listening
from ganforge_pipelines.flows.requests import from_request
from ganforge_pipelines.stages.graph import stages_of
from ganforge_pipelines.stages.manifest import dependencies
from ganforge_pipelines.workspace import Workspace, environment
from ganforge_pipelines.workspace.termination import terminated

__all__ = ["RunResult", "plan", "run_flow"]

STOPPED = "stopped by SIGTERM; the same command goes on"


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What a finished run came to."""

    flow: str
    sentence: str
    answer: dict[str, Any]
    """What `--json` gives: the sentence, the figures, the lineage, and where everything is."""
    run_dir: Path
    report: Path
    model: Path
    mlflow_run_id: str
    model_name: str
    model_version: int
    seconds: float


def plan(
    flow: str,
    workspace: Workspace,
    *,
    data: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    preset: str | None = None,
    seed: int | None = None,
    overrides: Mapping[str, Any] | None = None,
    show_rows: bool = False,
) -> dict[str, Any]:
    """What a run would do, without doing anything: parameters resolved and checked, stages with what they read."""
    request = _located(flow, workspace, data, options)
    params = from_request(
        flow, workspace, **request, preset=preset, seed=seed, overrides=overrides, show_rows=show_rows
    )
    return {
        "flow": flow,
        "workspace": str(workspace.root),
        "preset": preset or "quick",
        "seed": params["seed"],
        "trainer": params["trainer"],
        "stages": {
            spec.verb: {
                "parameters": params[flow].get(spec.verb, {}),
                "reads": dependencies(spec, params),
                "writes": [f"{spec.folder}/{name}" for name in spec.written],
            }
            for spec in stages_of(flow)
        },
    }


def run_flow(
    flow: str,
    workspace: Workspace,
    *,
    data: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    preset: str | None = None,
    seed: int | None = None,
    overrides: Mapping[str, Any] | None = None,
    show_rows: bool = False,
    params: Mapping[str, Any] | None = None,
    wait: bool = False,
    on_event: Listener | None = None,
) -> RunResult:
    """Run a flow from its data to its report and registered model.

    Stages that are done with the same inputs and parameters are kept; one that was killed in training goes on.

    Args:
        data: a file or folder anywhere; it is copied into the workspace and versioned beside the workspace's own.
        options: by the command line's names: target, time, labels, per_class, label, budget, train_on.
        preset: "quick" (what params.yaml says) or "full".
        overrides: dotted parameter → value.
        show_rows: allow raw real rows and pictures into the report.
        params: all parameters, resolved already; instead of the six above.
        wait: wait while another run holds the workspace, instead of leaving.
        on_event: called with every `Event`.

    Raises:
        InputError, UnsuitableDataError: see their exit codes; nothing is registered.
        WorkspaceBusyError: another run holds the workspace.
        ServiceError: a Prefect or MLflow server that is named but is not there, or refuses.
        InterruptedRunError: Ctrl-C; what was done is kept.
    """
    environment(workspace)
    copies: dict[str, str] = {}
    with workspace.lock(wait=wait):
        try:
            if params is None:
                request = _located(flow, workspace, data, options)
                asked = {"preset": preset, "seed": seed, "overrides": overrides, "show_rows": show_rows}
                from_request(flow, workspace, **request, **asked)  # refuses before anything is copied
                params = from_request(flow, workspace, **_brought_in(workspace, request, copies), **asked)
            done = _play(flow, workspace, params, on_event)
        except KeyboardInterrupt:
            _log(workspace, f"{flow} interrupted; the same command goes on")
            raise InterruptedRunError(
                f"{flow}: interrupted; the stages that were finished are kept, and the same command goes on from there"
            ) from None
        except GanforgeError as error:
            _name_as_given(error, workspace, copies)
            _log(workspace, f"{flow} failed: {error}")
            raise
        except BaseException as error:
            what = f"failed: {type(error).__name__}: {error}"
            _log(workspace, f"{flow} {STOPPED if terminated(error) else what}")
            raise
    answer = done["answer"]
    _log(workspace, f"{flow} done in {done['seconds']:.0f} s: {answer['sentence']}")
    folder = Path(done["run_dir"])
    places = {"run_dir": folder, "report": folder / "report.html", "model": folder / "model"}
    return RunResult(
        flow=flow,
        sentence=answer["sentence"],
        answer={
            **answer,
            "run_dir": str(folder),
            "report": str(folder / "report.html"),
            "model": str(folder / "model"),
        },
        **places,
        mlflow_run_id=answer["mlflow"]["run_id"],
        model_name=answer["mlflow"]["model_name"],
        model_version=answer["mlflow"]["version"],
        seconds=done["seconds"],
    )


def _play(flow: str, workspace: Workspace, params: Mapping[str, Any], on_event: Listener | None) -> dict[str, Any]:
    from ganforge_pipelines.flows.connection import check_server, prefect_for
    from ganforge_pipelines.lineage.store import check_tracking_server

    check_tracking_server()
    start_early(workspace)
    found = flow_named(flow)
    with prefect_for(workspace, start=True), listening(on_event or (lambda event: None)):
        check_server()
        return found(workspace=str(workspace.root), params=dict(params), wait=False)


def flow_named(name: str) -> Any:
    """The Prefect flow of that name."""
    if name == "fraud":
        from ganforge_pipelines.flows.fraud import fraud as found
    elif name == "images":
        from ganforge_pipelines.flows.images import images as found
    else:
        from ganforge_pipelines.flows.anomalies import anomalies as found
    return found


def _located(
    flow: str, workspace: Workspace, data: str | Path | None, options: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The request with its paths written from the workspace's root where they lie in it, else absolute."""
    given = dict(options or {})
    if data is not None and flow != "images" and _there(data).is_dir():
        raise InputError(f"{data} is a folder; the flow {flow} reads a file with a table (pictures: `run images`)")
    if "labels" in given:
        given["labels"] = workspace.relative(_there(given["labels"]))
        if data is None:
            raise InputError("--labels names the labels of --data; give both")
    return {"data": None if data is None else workspace.relative(_there(data)), "options": given}


def _there(path: str | Path) -> Path:
    found = Path(path).expanduser()
    if not found.exists():
        raise InputError(f"no such file or folder: {path}")
    if ".." in found.parts:  # `../payments.csv` would seem to lie in the folder that it leaves
        return found.resolve()
    return found.absolute()


def _brought_in(workspace: Workspace, request: Mapping[str, Any], copies: dict[str, str]) -> dict[str, Any]:
    """The request with its data inside the workspace: what lies outside is copied to `inputs/`, and written down in
    `copies`: name of the copy → what it was copied from."""
    from ganforge_pipelines.lineage import dvc

    def bring(name: str) -> str:
        if not Path(name).is_absolute():
            return name
        copy = workspace.relative(dvc.add_outside(workspace.root, name))
        copies[copy] = name
        return copy

    options = dict(request["options"])
    if "labels" in options:
        options["labels"] = bring(options["labels"])
    return {"data": None if request["data"] is None else bring(request["data"]), "options": options}


def _name_as_given(error: GanforgeError, workspace: Workspace, copies: Mapping[str, str]) -> None:
    """Speak of the user's file, which is to be mended, and not of the copy in `inputs/`."""
    for copy, original in copies.items():
        for name in (str(workspace.path(copy)), copy):
            error.args = tuple(each.replace(name, original) if isinstance(each, str) else each for each in error.args)


def _log(workspace: Workspace, line: str) -> None:
    """One line for the night: what and where."""
    workspace.logs.mkdir(parents=True, exist_ok=True)
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    with (workspace.logs / "runs.log").open("a", encoding="utf-8") as file:
        file.write(f"{now} {' '.join(line.split())}\n")
