"""Checkpoints of everything: networks, optimizers, averages, curves, and the place in the run. Never a pickle.

    checkpoints/
      step-00001200/
        state.safetensors     every tensor
        checkpoint.json       everything else, and the SHA-256 of the tensors
      step-00001300/          the last two are kept
      best/                   the step the monitor liked best

Random states are not among it: every random number is a function of (seed, rank, step). A checkpoint is written whole
or not at all, and one that was damaged later is found out by its hash and passed over for the one before.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

import ganforge
from ganforge.errors import ArtifactError, GanforgeWarning, InputError
from ganforge.files import sha256_file, write_whole_folder

FORMAT = 1
KEPT = 2
BEST = "best"
_TENSORS, _RECORD = "state.safetensors", "checkpoint.json"
_TAG = "$ganforge"


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The state of a run after `step` steps; `state` is any nesting of dicts, lists, tensors and plain values."""

    step: int
    identity: Mapping[str, Any]
    """What run it belongs to; only a run of the same identity takes it up."""
    state: Mapping[str, Any]


class Checkpoints:
    """The checkpoints of one run in one folder."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.mine: list[Path] = []
        """Those of this run, oldest first; what others left is removed when the first of ours stands."""

    def path(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}"

    def write(self, snapshot: Snapshot) -> Path:
        """Write, then drop all but the last two of this run."""
        path = write(self.path(snapshot.step), snapshot)
        self.mine = [each for each in self.mine if each != path] + [path]
        del self.mine[:-KEPT]
        for each in self._found():
            if each not in self.mine:
                shutil.rmtree(each, ignore_errors=True)
        return path

    def write_best(self, snapshot: Snapshot) -> Path:
        return write(self.folder / BEST, snapshot)

    def newest(self, identity: Mapping[str, Any]) -> Snapshot | None:
        """The newest whole checkpoint of the run of that identity. Damaged ones and those of another run are told
        about by a `GanforgeWarning`."""
        for path in reversed(self._found()):
            try:
                snapshot = read(path)
            except ArtifactError as error:
                warnings.warn(f"{error}; the checkpoint before it is tried", GanforgeWarning, stacklevel=4)
                continue
            if differing := difference(snapshot.identity, identity):
                warnings.warn(
                    f"{path} belongs to another run ({differing}); training begins anew", GanforgeWarning, stacklevel=4
                )
                return None
            self.mine = [each for each in self._found() if each.name <= path.name][-KEPT:]
            return snapshot
        return None

    def best(self, identity: Mapping[str, Any]) -> Snapshot | None:
        """The best checkpoint of that run; when it is missing or damaged, None and a `GanforgeWarning`."""
        path = self.folder / BEST
        try:
            snapshot = read(path)
            if differing := difference(snapshot.identity, identity):
                raise ArtifactError(f"{path} belongs to another run ({differing})")
        except ArtifactError as error:
            warnings.warn(f"{error}; the best step is looked for anew", GanforgeWarning, stacklevel=4)
            return None
        return snapshot

    def _found(self) -> list[Path]:
        return sorted(each for each in self.folder.glob("step-*") if each.is_dir())


def write(path: Path, snapshot: Snapshot) -> Path:
    """Write a snapshot as a folder, whole or not at all."""
    tensors: dict[str, Tensor] = {}
    state = _plain(snapshot.state, "", tensors)
    with write_whole_folder(path) as folder:
        save_file(tensors, folder / _TENSORS)
        record = {
            "format": FORMAT,
            "step": snapshot.step,
            "identity": dict(snapshot.identity),
            "versions": {"ganforge": ganforge.__version__, "torch": str(torch.__version__)},
            "sha256": {_TENSORS: sha256_file(folder / _TENSORS)},
            "state": state,
        }
        (folder / _RECORD).write_text(json.dumps(record), encoding="utf-8")
    return path


def read(path: str | Path) -> Snapshot:
    """Read a snapshot; `ArtifactError` when it is damaged or of a newer format."""
    path = Path(path)
    try:
        record = json.loads((path / _RECORD).read_text(encoding="utf-8"))
        newer = record["format"] > FORMAT
        if newer:
            raise ArtifactError(f"{path} is a checkpoint of format {record['format']}; this ganforge reads {FORMAT}")
        if sha256_file(path / _TENSORS) != record["sha256"][_TENSORS]:
            raise ArtifactError(f"{path / _TENSORS} is not what was written")
        state = _restored(record["state"], load_file(path / _TENSORS))
        return Snapshot(step=int(record["step"]), identity=record["identity"], state=state)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ArtifactError(f"the checkpoint {path} is damaged ({type(error).__name__}: {error})") from error


def difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """In words, what differs between two identities; empty when nothing does."""
    found, wanted = json.loads(json.dumps(dict(found))), json.loads(json.dumps(dict(wanted)))
    said = []
    for name in sorted({*found, *wanted}):
        before, now = found.get(name), wanted.get(name)
        if before != now:
            short = len(str(before)) + len(str(now)) < 60
            said.append(f"{name} was {before}, is {now}" if short else f"{name} differs")
    return "; ".join(said)


def _plain(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """`value` as JSON, its tensors moved into `tensors` under the path they stand at."""
    if isinstance(value, Tensor):
        tensors[name] = value.detach().to("cpu", copy=True).contiguous()
        return {_TAG: "tensor", "name": name}
    if isinstance(value, Mapping):
        if all(isinstance(key, str) and key != _TAG for key in value):
            return {key: _plain(each, f"{name}/{key}", tensors) for key, each in value.items()}
        pairs = [[key, _plain(each, f"{name}/{key}", tensors)] for key, each in value.items()]
        return {_TAG: "pairs", "of": pairs}
    if isinstance(value, (list, tuple)):
        items = [_plain(each, f"{name}/{k}", tensors) for k, each in enumerate(value)]
        return items if isinstance(value, list) else {_TAG: "tuple", "of": items}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise InputError(
        f"{name.strip('/')} is a {type(value).__name__}; a checkpoint holds tensors and plain values only: "
        "keep state of a game in buffers"
    )


def _restored(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_restored(each, tensors) for each in value]
    if isinstance(value, dict):
        tag = value.get(_TAG)
        if tag == "tensor":
            return tensors[value["name"]]
        if tag == "pairs":
            return {key: _restored(each, tensors) for key, each in value["of"]}
        if tag == "tuple":
            return tuple(_restored(each, tensors) for each in value["of"])
        return {key: _restored(each, tensors) for key, each in value.items()}
    return value
