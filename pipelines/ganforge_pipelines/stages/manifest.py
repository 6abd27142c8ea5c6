"""What went into a stage and what came out: the only record of lineage.

MLflow's tags, Prefect's cache key and the report are filled from it.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ganforge import __version__
from ganforge.errors import InputError
from ganforge.files import sha256_file, sha256_tree
from ganforge_pipelines.lineage.addresses import without_password
from ganforge_pipelines.stages.graph import StageSpec
from ganforge_pipelines.workspace import Workspace
from ganforge_pipelines.workspace.parameters import lookup

FORMAT = 1
NAME = "manifest.json"
PACKAGES = ("torch", "pytorch-lightning", "numpy", "pandas", "scikit-learn", "scipy", "mlflow", "dvc", "prefect")
DECIDING = ("torch", "pytorch-lightning", "numpy", "pandas", "scikit-learn", "scipy")
"""Packages whose version may change what a stage writes."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The record that lies beside a stage's files."""

    stage: str
    key: str
    """SHA-256 over all that decides the result: inputs, parameters, versions. Equal key, equal work."""
    inputs: dict[str, str]
    """Path from the workspace's root → sha256."""
    outputs: dict[str, str]
    """Name in the stage's folder → sha256."""
    parameters: dict[str, Any]
    """Dotted name → value or section."""
    seed: int | None
    versions: dict[str, str]
    git: dict[str, Any]
    """`commit` (None without git) and `dirty`."""
    data: list[dict[str, Any]]
    """The data it all began with: path, sha256, md5 (DVC's) and the `.dvc` file of each."""
    summary: str
    seconds: float
    notices: list[str] = field(default_factory=list)
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def outputs_digest(self) -> str:
        """One hash over everything that came out."""
        return _digest(self.outputs)

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """The manifest in a stage's folder; None where there is none, or none that can be read."""
        try:
            value = json.loads((folder / NAME).read_text(encoding="utf-8"))
            return cls(**value) if value.get("format") == FORMAT else None
        except (OSError, ValueError, TypeError, AttributeError):
            return None  # as good as not there: the stage runs again

    def intact(self, folder: Path) -> bool:
        """Whether every file that came out is still there, unaltered."""
        return all((folder / name).exists() and sha256_tree(folder / name) == has for name, has in self.outputs.items())


@dataclass(frozen=True, kw_only=True)
class Situation:
    """A stage with its inputs hashed and its parameters picked: everything known before it runs."""

    inputs: dict[str, str]
    parameters: dict[str, Any]
    data: list[dict[str, Any]]
    key: str


def situation(spec: StageSpec, workspace: Workspace, params: Mapping[str, Any]) -> Situation:
    """Hash what the stage reads. Raises `InputError` naming what is not there and the stage that makes it."""
    inputs: dict[str, str] = {}
    outside: list[str] = []
    for dep in dependencies(spec, params):
        path = workspace.path(dep)
        if not path.exists():
            raise InputError(_missing(spec, dep, path))
        inputs[dep] = sha256_tree(path)
        if not dep.startswith("work/"):
            outside.append(dep)
    parameters = {name: lookup(params, name) for name in spec.params}
    environment = {name: without_password(os.environ[name]) for name in spec.environment if os.environ.get(name)}
    data = [data_identity(workspace, dep, inputs[dep]) for dep in outside]
    for verb in spec.upstream:
        above = Manifest.read(workspace.stage_dir(spec.flow, verb))
        known = [data_identity(workspace, each["path"], each["sha256"]) for each in (above.data if above else [])]
        data.extend(each for each in known if each not in data)
    recorded = [each["md5"] for each in data] if spec.records else []
    own = workspace.params(flow=spec.flow) if spec.repeats else {}
    below = {name: own[name] for name in ("seed", "trainer", spec.flow) if name in own}
    told = [spec.name, FORMAT, inputs, parameters, environment, recorded, below, _deciding_versions(), source_digest()]
    key = _digest(told)
    return Situation(inputs=inputs, parameters=parameters, data=data, key=key)


def dependencies(spec: StageSpec, params: Mapping[str, Any]) -> list[str]:
    """What the stage reads, with the parameters put in; a parameter that is None stands for nothing to read."""
    found = [lookup(params, each[2:-1]) if each.startswith("${") else each for each in spec.deps]
    return list(dict.fromkeys(str(each) for each in found if each is not None))


def data_identity(workspace: Workspace, name: str, sha256: str) -> dict[str, Any]:
    """Path and hashes of a data file; the md5 is the one in the `.dvc` file that tracks it or the folder it is in."""
    import yaml

    path = workspace.path(name)
    for each in (path, *path.parents):
        tracker = each.with_name(each.name + ".dvc")
        if each == workspace.root or not each.is_relative_to(workspace.root):
            break
        if tracker.is_file():
            out = yaml.safe_load(tracker.read_text(encoding="utf-8"))["outs"][0]
            return {
                "path": name,
                "sha256": sha256,
                "md5": str(out.get("md5", "")),
                "dvc_file": workspace.relative(tracker),
            }
    return {"path": name, "sha256": sha256, "md5": None, "dvc_file": None}


def finished(spec: StageSpec, workspace: Workspace, key: str) -> Manifest | None:
    """The manifest of the stage if it was done with exactly this key and all it wrote is still there unaltered."""
    folder = workspace.stage_dir(spec.flow, spec.verb)
    manifest = Manifest.read(folder)
    if manifest is None or manifest.key != key or not manifest.intact(folder):
        return None
    own_store = spec.records and not os.environ.get("MLFLOW_TRACKING_URI")
    return None if own_store and not workspace.mlflow_database.is_file() else manifest


def outputs_of(spec: StageSpec, folder: Path) -> dict[str, str]:
    """Hash what a stage has written. Raises `RuntimeError` where it left something of its table out."""
    absent = [name for name in spec.written if not (folder / name).exists()]
    extra = sorted({each.name for each in folder.iterdir()} - {name.split("/")[0] for name in spec.written} - {NAME})
    if absent or extra:
        raise RuntimeError(f"{spec.name} wrote {extra or 'nothing'} beside, and left out {absent or 'nothing'}")
    return {name: sha256_tree(folder / name) for name in spec.written}


@cache
def versions() -> dict[str, str]:
    """Python, ganforge and the packages that matter."""
    found = {"python": platform.python_version(), "ganforge": __version__}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@cache
def source_digest() -> str:
    """A hash of the code that does the work, so that a developer's change is never answered from an old result."""
    import ganforge

    roots = (Path(ganforge.__file__).parent, Path(__file__).parent)
    files = [each for root in roots for each in sorted(root.rglob("*.py"))]
    return _digest([[each.name, sha256_file(each)] for each in files])


def _deciding_versions() -> dict[str, str]:
    return {name: each for name, each in versions().items() if name in ("ganforge", *DECIDING)}


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _missing(spec: StageSpec, dep: str, path: Path) -> str:
    if dep.startswith("work/"):
        verb = dep.split("/")[2]
        return f"{spec.name} needs {dep}, which is not there; run `ganforge stage {spec.flow}-{verb}` first"
    if dep.startswith("data/"):
        return f"no such file or folder: {path}; `ganforge data make` makes the embedded data, `data add` adds yours"
    return f"no such file or folder: {path}"
