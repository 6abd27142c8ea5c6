"""One run of a flow in a workspace: what the three flows share between their first line and their last."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from prefect.artifacts import create_markdown_artifact

from ganforge.errors import InputError
from ganforge.files import sha256_tree
from ganforge_pipelines.flows.events import Event, emit
from ganforge_pipelines.flows.snapshot import snapshot
from ganforge_pipelines.flows.tasks import play, version_data
from ganforge_pipelines.lineage import dvc, git
from ganforge_pipelines.stages.graph import stage
from ganforge_pipelines.stages.manifest import Manifest, data_identity, dependencies
from ganforge_pipelines.workspace import Workspace, environment

EMBEDDED = ("data/payments.csv", "data/digits-images-idx3-ubyte", "data/digits-labels-idx1-ubyte")
"""What `ganforge data make` makes."""


class FlowRun:
    """Holds the workspace while a flow runs in it, plays its stages, and keeps the snapshot in the end."""

    def __init__(self, flow: str, workspace: str | Path, params: Mapping[str, Any], *, wait: bool) -> None:
        self.flow, self.workspace, self.params = flow, Workspace.find(workspace), params
        self.manifests: dict[str, Manifest] = {}
        self.kept: dict[str, bool] = {}
        self.started = time.monotonic()
        self._wait, self._stack = wait, ExitStack()
        self._told: set[str] = set()
        self._versions: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        environment(self.workspace)
        self._stack.enter_context(self.workspace.lock(wait=self._wait))
        return self

    def __exit__(self, *details: object) -> None:
        self._stack.close()

    def version_data(self) -> dict[str, Any]:
        """Task 1: make the embedded data if they are asked for and not there, and version what this flow reads."""
        paths = dependencies(stage(f"{self.flow}-prepare"), self.params)
        self._make_embedded(paths)
        hashes = {}
        for path in paths:
            if not self.workspace.path(path).exists():
                raise InputError(f"no such file or folder: {self.workspace.path(path)}")
            hashes[path] = sha256_tree(self.workspace.path(path))
        known = all(self._in_cache(path, sha256) for path, sha256 in hashes.items())
        self._versions = version_data.with_options(refresh_cache=not known)(
            root=str(self.workspace.root), paths=paths, key=self._data_key(hashes)
        )
        return {"stage": "version data", "data": [[each["path"], each["md5"]] for each in self._versions]}

    def stage(self, verb: str, *above: dict[str, Any]) -> dict[str, Any]:
        """Play one stage below the results `above`."""
        emit(Event(kind="started", stage=verb))
        began = time.monotonic()
        manifest, kept, result = play(f"{self.flow}-{verb}", self.workspace, self.params, list(above))
        self.manifests[verb], self.kept[verb] = manifest, kept
        if verb == "prepare":
            emit(Event(kind="headline", detail=self._headline()))
        for notice in manifest.notices:
            if notice in self._told:  # prepare and judge may see the same
                continue
            self._told.add(notice)
            emit(Event(kind="notice", stage=verb, detail=notice))
        seconds = manifest.seconds if kept else time.monotonic() - began
        emit(Event(kind="kept" if kept else "finished", stage=verb, seconds=seconds, detail=manifest.summary))
        return result

    def finish(self) -> dict[str, Any]:
        """Keep the snapshot in `runs/`, and say what came out."""
        folder = snapshot(self.flow, self.workspace, self.params, self.manifests)
        answer = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
        create_markdown_artifact(
            f"**{answer['sentence']}**\n\n{answer['what_to_do']}\n\nReport: `{folder / 'report.html'}`\n\n"
            f"Model: `{answer['mlflow']['uri']}` ({answer['mlflow']['alias']}: {answer['mlflow']['reason']})",
            key=f"ganforge-{self.flow}",
            description="The answer of the run",
        )
        return {"run_dir": str(folder), "answer": answer, "seconds": time.monotonic() - self.started, "kept": self.kept}

    def _headline(self) -> str:
        facts = json.loads((self.workspace.stage_dir(self.flow, "prepare") / "facts.json").read_text(encoding="utf-8"))
        md5 = str(self._versions[0]["md5"])[:6]
        return f"{self.flow} · {facts['headline']} · data {md5}… · seed {self.params['seed']}"

    def _make_embedded(self, paths: list[str]) -> None:
        if not (self.workspace.root / ".dvc").is_dir() and shutil.which("git"):  # a workspace a run has just made
            git.init(self.workspace.root)
        dvc.init(self.workspace.root)
        if any(path in EMBEDDED and not self.workspace.path(path).exists() for path in paths):
            from ganforge.data.embedded import make_embedded

            with tempfile.TemporaryDirectory(dir=self.workspace.hidden) as temporary:
                make_embedded(temporary)
                self.workspace.data.mkdir(exist_ok=True)
                for made in Path(temporary).iterdir():  # never over what the user has put there
                    if not (self.workspace.data / made.name).exists():
                        made.rename(self.workspace.data / made.name)

    def _in_cache(self, path: str, sha256: str) -> bool:
        """Whether DVC's local cache still holds what the `.dvc` file speaks of; a cache elsewhere is asked anew."""
        identity = data_identity(self.workspace, path, sha256)
        md5 = identity["md5"]
        return bool(md5) and (self.workspace.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]).exists()

    def _data_key(self, hashes: Mapping[str, str]) -> str:
        """Changes with the data, with what its `.dvc` files say, and with DVC's configuration (a new remote)."""
        told = [data_identity(self.workspace, path, sha256) for path, sha256 in hashes.items()]
        names = (".dvc/config", ".dvc/config.local")
        files = [self.workspace.path(name) for name in names]
        config = [each.read_text(encoding="utf-8") for each in files if each.is_file()]
        return hashlib.sha256(json.dumps([told, config], sort_keys=True).encode()).hexdigest()
