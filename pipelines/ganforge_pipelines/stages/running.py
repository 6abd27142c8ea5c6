"""Run one stage: look whether it is done already, do it in a temporary folder, put that in its place.

    run_stage("fraud-train", workspace, workspace.params())

A killed process leaves the former files; a stage whose key and files are unchanged is not done again.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ganforge.errors import GanforgeWarning
from ganforge.files import write_whole_folder
from ganforge_pipelines.lineage import git
from ganforge_pipelines.stages.context import StageContext, StageProgress
from ganforge_pipelines.stages.graph import StageSpec, stage
from ganforge_pipelines.stages.manifest import NAME, Manifest, Situation, finished, outputs_of, situation, versions
from ganforge_pipelines.workspace import Workspace

OnProgress = Callable[[StageProgress], None]

log = logging.getLogger("ganforge.stages")


def run_stage(
    name: str,
    workspace: Workspace,
    params: Mapping[str, Any],
    *,
    on_progress: OnProgress | None = None,
    force: bool = False,
    wait: bool = False,
) -> Manifest:
    """Run the stage `name` on what the stages before it left, and return its manifest.

    Notices about repaired or left-out data are raised as `GanforgeWarning`, and stand in the manifest.

    Args:
        params: all parameters, as `Workspace.params()` gives them.
        on_progress: called now and then while it runs.
        force: do it again even where nothing has changed.
        wait: wait while another run holds the workspace.

    Raises:
        UnknownNameError: no such stage.
        InputError: something it reads is not there.
        WorkspaceBusyError: another run holds the workspace.
    """
    spec = stage(name)
    with workspace.lock(wait=wait):
        manifest = execute(spec, workspace, params, on_progress=on_progress, force=force)
    for notice in manifest.notices:
        warnings.warn(notice, GanforgeWarning, stacklevel=2)
    return manifest


def execute(
    spec: StageSpec,
    workspace: Workspace,
    params: Mapping[str, Any],
    *,
    on_progress: OnProgress | None = None,
    force: bool = False,
    key: str | None = None,
) -> Manifest:
    """As `run_stage`, for who holds the lock.

    key: the work is to be done here, even if it wants a process of its own, under the key that whoever asks for it
    has found (the code may be edited while a run is at work).
    """
    now = situation(spec, workspace, params)
    if key is not None:
        now = replace(now, key=key)
    done = None if force else finished(spec, workspace, now.key)
    if done is not None:
        return done
    if spec.process and key is None:
        from ganforge_pipelines.stages.process import run_in_process

        run_in_process(spec, workspace, params, key=now.key, on_progress=on_progress)
        made = Manifest.read(workspace.path(spec.folder))
        if made is None or made.key != now.key:
            raise RuntimeError(f"{spec.name}: its process ended well, but left another manifest than was asked for")
        return made
    return _work(spec, workspace, params, now, on_progress or (lambda progress: None))


def _work(
    spec: StageSpec, workspace: Workspace, params: Mapping[str, Any], now: Situation, on_progress: OnProgress
) -> Manifest:
    started = time.monotonic()
    with _place(workspace.path(spec.folder)) as folder:
        context = StageContext(
            spec=spec,
            workspace=workspace,
            params=params,
            out=folder,
            key=now.key,
            data=now.data,
            on_progress=on_progress,
        )
        with collected_notices() as notices:
            summary = _function(spec)(context)
        state = git.state(workspace.root)
        manifest = Manifest(
            stage=spec.name,
            key=now.key,
            inputs=now.inputs,
            outputs=outputs_of(spec, folder),
            parameters=now.parameters,
            seed=params.get("seed") if "seed" in spec.params else None,
            versions=versions(),
            git={"commit": state.commit, "dirty": state.dirty},
            data=now.data,
            summary=summary,
            seconds=round(time.monotonic() - started, 3),
            notices=notices,
        )
        text = json.dumps(manifest.to_json(), indent=2, ensure_ascii=False)
        (folder / NAME).write_text(text + "\n", encoding="utf-8")
    if is_first_rank():  # another may be through before the first has kept what it trained
        shutil.rmtree(workspace.checkpoints(spec.flow, now.key), ignore_errors=True)
    return manifest


def _function(spec: StageSpec) -> Callable[[StageContext], str]:
    module, _, name = spec.run.partition(":")
    return getattr(importlib.import_module(module), name)


@contextlib.contextmanager
def _place(folder: Path) -> Iterator[Path]:
    """The temporary folder that becomes `folder`; on all ranks of a training but the first, one that is thrown away."""
    if is_first_rank():
        folder.parent.mkdir(parents=True, exist_ok=True)
        for left in folder.parent.glob(f".{folder.name}.*"):  # of a process that was killed; we hold the lock
            shutil.rmtree(left, ignore_errors=True)
        with write_whole_folder(folder) as temporary:
            yield temporary
    else:
        with tempfile.TemporaryDirectory(prefix="ganforge-rank-") as temporary:
            yield Path(temporary)


def is_first_rank() -> bool:
    """Whether this process is the one of its training group that writes (by torchrun's, Lightning's, SLURM's words)."""
    names = ("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID")
    return all(os.environ.get(name, "0") in ("", "0") for name in names)


@contextlib.contextmanager
def collected_notices() -> Iterator[list[str]]:
    """Collect `GanforgeWarning`s, each once; other warnings go to the log, where a filter lets them through."""
    notices: list[str] = []
    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=GanforgeWarning)

        def take(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: Any = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, GanforgeWarning):
                if str(message) not in notices:
                    notices.append(str(message))
            else:
                log.warning("%s:%d: %s: %s", filename, lineno, category.__name__, message)

        warnings.showwarning = take
        yield notices
