"""`runs/<time>-<flow>/`: what a finished run came to, kept whole when the next run writes over `work/`."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from ganforge.files import write_whole_folder
from ganforge_pipelines.stages.manifest import Manifest
from ganforge_pipelines.workspace import Workspace

CONTENTS: dict[str, dict[str, str]] = {
    "fraud": {
        "report.html": "report/report.html",
        "answer.json": "report/answer.json",
        "model": "classify/classifier",
        "generator": "train/generator",
        "features.json": "prepare/features.json",
        "synthetic.parquet": "sample/synthetic.parquet",
        "registered.json": "register/registered.json",
        "model_card.md": "register/model_card.md",
    },
    "images": {
        "report.html": "report/report.html",
        "answer.json": "report/answer.json",
        "model": "classify/classifier",
        "generator": "train/generator",
        "synthetic.npz": "sample/synthetic.npz",
        "registered.json": "register/registered.json",
        "model_card.md": "register/model_card.md",
    },
    "anomalies": {
        "report.html": "report/report.html",
        "answer.json": "report/answer.json",
        "model": "score/model",
        "registered.json": "register/registered.json",
        "model_card.md": "register/model_card.md",
    },
}
"""Name in the snapshot → where it lies in `work/<flow>/`."""


def snapshot(flow: str, workspace: Workspace, params: Mapping[str, Any], manifests: Mapping[str, Manifest]) -> Path:
    """Copy what the stages left into a new folder of `runs/`, whole or not at all, and return it.

    When nothing has changed since the newest snapshot of this flow, that one is returned instead.
    """
    digest = _digest(manifests)
    newest = max(runs_of(workspace, flow), default=None)
    if newest is not None and _digest_of(newest) == digest:
        return newest
    folder = _new_name(workspace, flow)
    with write_whole_folder(folder) as temporary:
        for name, place in CONTENTS[flow].items():
            source = workspace.root / "work" / flow / place
            if source.is_dir():
                shutil.copytree(source, temporary / name)
            else:
                shutil.copyfile(source, temporary / name)
        (temporary / "manifests").mkdir()
        for verb, manifest in manifests.items():
            _write_json(temporary / "manifests" / f"{verb}.json", manifest.to_json())
        text = yaml.safe_dump(_used(flow, params), sort_keys=False, allow_unicode=True)
        (temporary / "params.yaml").write_text(text, encoding="utf-8")
        _write_json(temporary / "run.json", {"flow": flow, "digest": digest})
    return folder


def runs_of(workspace: Workspace, flow: str | None = None) -> list[Path]:
    """The snapshots of a flow (or of all), oldest first: their names sort by time."""
    if not workspace.runs.is_dir():
        return []
    folders = [each for each in workspace.runs.iterdir() if (each / "run.json").is_file()]
    return sorted(each for each in folders if flow is None or each.name.endswith(f"-{flow}"))


def _used(flow: str, params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: params[name] for name in ("seed", "trainer", flow)}


def _new_name(workspace: Workspace, flow: str) -> Path:
    while True:
        name = datetime.now().strftime("%Y%m%d-%H%M%S-%f")[:-3]
        if not any(workspace.runs.glob(f"{name}*")):
            return workspace.runs / f"{name}-{flow}"


def _digest(manifests: Mapping[str, Manifest]) -> str:
    told = {verb: [each.key, each.outputs_digest] for verb, each in manifests.items()}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _digest_of(folder: Path) -> str | None:
    try:
        return json.loads((folder / "run.json").read_text(encoding="utf-8")).get("digest")
    except (OSError, ValueError):
        return None


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
