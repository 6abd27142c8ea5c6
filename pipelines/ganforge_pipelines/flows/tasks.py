"""Stages as Prefect tasks. They take and give paths and hashes, never frames or models.

Prefect's cache key of a task is the stage's own: a hash of the inputs' hashes, the parameters and the versions. A
record in Prefect's cache counts only while the files it speaks of are still there unaltered.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from prefect import Task, task
from prefect.cache_policies import CacheKeyFnPolicy

from ganforge_pipelines.flows.events import Event, emit, losses_in_words
from ganforge_pipelines.lineage import dvc
from ganforge_pipelines.stages.context import StageProgress
from ganforge_pipelines.stages.graph import stage
from ganforge_pipelines.stages.manifest import Manifest, finished, situation
from ganforge_pipelines.stages.running import execute
from ganforge_pipelines.workspace import Workspace

_BY_KEY = CacheKeyFnPolicy(cache_key_fn=lambda context, inputs: f"ganforge-{inputs['key']}")


def play(
    name: str, workspace: Workspace, params: Mapping[str, Any], above: list[dict[str, Any]]
) -> tuple[Manifest, bool, dict[str, Any]]:
    """Run one stage as a task: (its manifest, whether it was found finished, its result for the tasks below)."""
    spec = stage(name)
    now = situation(spec, workspace, params)
    kept = finished(spec, workspace, now.key)
    run = stage_task(name).with_options(refresh_cache=kept is None)
    arguments = {"root": str(workspace.root), "params": dict(params), "key": now.key, "above": above}
    result = run(**arguments)
    manifest = finished(spec, workspace, now.key)
    if manifest is None or result["outputs"] != manifest.outputs_digest:
        # a record of other files with the same key (`dvc repro` was here in between): make a new one of these
        result = run.with_options(refresh_cache=True)(**arguments)
        manifest = finished(spec, workspace, now.key)
    if manifest is None:
        raise RuntimeError(f"{name} is done, but its files were altered at once; does something else write there?")
    return manifest, kept is not None, result


@cache
def stage_task(name: str) -> Task[..., dict[str, Any]]:
    """The task that runs the stage `name`."""
    spec = stage(name)

    def run(root: str, params: dict[str, Any], key: str, above: list[dict[str, Any]]) -> dict[str, Any]:
        manifest = execute(spec, Workspace(Path(root)), params, on_progress=_telling(spec.verb))
        return {
            "stage": name,
            "manifest": f"{spec.folder}/manifest.json",
            "key": manifest.key,
            "outputs": manifest.outputs_digest,
        }

    run.__name__ = spec.verb
    run.__doc__ = f"`ganforge stage {name}`"
    return Task(  # the class itself: what `@task` makes
        run,
        name=spec.verb,
        task_run_name=name,
        cache_policy=_BY_KEY,
        persist_result=True,
        result_serializer="json",
    )


@task(name="version data", cache_policy=_BY_KEY, persist_result=True, result_serializer="json")
def version_data(root: str, paths: list[str], key: str) -> list[dict[str, Any]]:
    """Version the data with DVC, and push it where a remote is set: one path after another, DVC locks itself."""
    versions = [dvc.version(root, path) for path in paths]
    return [{**each.to_json(), "path": Workspace(Path(root)).relative(each.path)} for each in versions]


def _telling(verb: str) -> Any:
    def tell(progress: StageProgress) -> None:
        detail = f"{progress.phase}  {losses_in_words(progress.losses)}".strip()
        emit(Event(kind="progress", stage=verb, done=progress.step, total=progress.steps, detail=detail))

    return tell
