"""`ganforge clean`: trim old runs and caches of a workspace. Nothing a user made is touched, and nothing else trims."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganforge.errors import InputError
from ganforge_pipelines.flows.snapshot import runs_of
from ganforge_pipelines.lineage import dvc
from ganforge_pipelines.stages.graph import STAGES
from ganforge_pipelines.stages.manifest import Manifest
from ganforge_pipelines.workspace import Workspace
from ganforge_pipelines.workspace.parameters import read

LOG_LIMIT = 1_000_000
"""Bytes of a log that are kept: its end."""


@dataclass(frozen=True, kw_only=True)
class Trimmed:
    """What was removed."""

    runs: int
    bytes: int
    inputs: tuple[str, ...] = ()
    """Copies of data from outside, below the workspace; `dvc checkout` of the `.dvc` file beside brings one back."""


def clean(workspace: Workspace, *, keep: int = 10) -> Trimmed:
    """Remove all snapshots in `runs/` but the newest `keep`, checkpoints nobody will go on from, old records,
    and the copies in `inputs/` that ganforge made itself and no kept run, `work/` or `params.yaml` speaks of.

    Kept: `work/`, data, DVC's cache, which has those copies once more, MLflow's runs and models, and for each flow the
    newest checkpoint, from which a killed run would go on. To shrink the cache is the user's own decision: older models
    may have been trained on what is in it (`dvc gc --workspace`, once the `.dvc` files are gone).
    Raises `WorkspaceBusyError` while a run is at work.
    """
    if keep < 0:
        raise InputError(f"keep={keep}; give 0 or more runs to keep")
    with workspace.lock():
        runs = sorted(runs_of(workspace), key=lambda each: each.name)
        old = runs[: max(0, len(runs) - keep)]
        freed = sum(_remove(each) for each in old)
        inputs = _old_inputs(workspace)
        freed += sum(_remove(each) for each in inputs)
        freed += sum(_remove(each) for each in _old_checkpoints(workspace))
        freed += sum(_remove(each) for each in _old_records(workspace))
        freed += sum(_shorten(each) for each in workspace.logs.glob("*.log"))
    return Trimmed(runs=len(old), bytes=freed, inputs=tuple(workspace.relative(each) for each in inputs))


def _old_inputs(workspace: Workspace) -> list[Path]:
    """Copies in `inputs/` that nothing kept speaks of; what a user put there, or altered, is never among them."""
    if not workspace.inputs.is_dir():
        return []
    told = set(_texts(read(workspace.root / "params.yaml")))
    manifests = [workspace.path(spec.folder) / "manifest.json" for spec in STAGES.values()]
    manifests += [each for run in runs_of(workspace) for each in (run / "manifests").glob("*.json")]
    for each in manifests:
        if each.is_file():
            told |= set(_texts(json.loads(each.read_text(encoding="utf-8"))))
    unused = [each for each in sorted(workspace.inputs.iterdir()) if not _told_of(workspace.relative(each), told)]
    return [each for each in unused if dvc.own_copy(workspace.root, each)]


def _told_of(name: str, told: set[str]) -> bool:
    """Whether a path, or one below it, is among texts."""
    return any(each.removeprefix("./") == name or each.removeprefix("./").startswith(f"{name}/") for each in told)


def _texts(value: Any) -> Iterator[str]:
    """Every text in nested mappings and lists, keys included."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield str(key)
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


def _old_checkpoints(workspace: Workspace) -> list[Path]:
    old: list[Path] = []
    for flow in (workspace.hidden / "checkpoints").glob("*"):
        by_age = sorted(flow.iterdir(), key=lambda each: each.stat().st_mtime)
        old += by_age[:-1]
    return old


def _old_records(workspace: Workspace) -> list[Path]:
    """Prefect's records of tasks whose files are not those of `work/` any more."""
    manifests = [Manifest.read(workspace.path(spec.folder)) for spec in STAGES.values()]
    current = {f"ganforge-{each.key}" for each in manifests if each is not None}
    folder = workspace.hidden / "results"
    return [each for each in folder.glob("ganforge-*") if each.name not in current] if folder.is_dir() else []


def _remove(path: Path) -> int:
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    size = sum(each.stat().st_size for each in files)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    return size


def _shorten(log: Path) -> int:
    size = log.stat().st_size
    if size <= LOG_LIMIT:
        return 0
    end = log.read_bytes()[-LOG_LIMIT:]
    log.write_bytes(end[end.find(b"\n") + 1 :])
    return size - log.stat().st_size
