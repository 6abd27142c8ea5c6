"""Where a file came from, and what came of it: read from the file, the manifests and MLflow's tags.

    trace("frauds.csv", workspace) ─▶ its data, generator, seed and condition;  the classifiers that ate the data
    trace("payments.csv", …), trace("3f9c1e…", …)

Outside a workspace a file of synthetic rows still says what it says of itself (`lineage.stamps`). Inside one, the
manifests of `runs/` and `work/` know every file by its SHA-256, and the registry what each version was made of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ganforge.data.readers import read_table
from ganforge.errors import InputError, UnsuitableDataError
from ganforge.files import sha256_tree
from ganforge_pipelines.lineage import stamps
from ganforge_pipelines.lineage.registry import Version, models_of, versions_of
from ganforge_pipelines.stages.manifest import NAME, Manifest
from ganforge_pipelines.workspace import Workspace

_HASH = re.compile(r"[0-9a-f]{8,64}(\.dir)?")


@dataclass(frozen=True, kw_only=True)
class Made:
    """A stage that wrote or read what is asked for."""

    stage: str
    where: str
    """Folder of the run, or of the stage in `work/`, from the workspace's root."""
    name: str
    """What the file is called there."""
    seed: int | None
    parameters: dict[str, Any]
    data: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Eater:
    """A registered version that was trained on the data."""

    name: str
    version: int
    aliases: tuple[str, ...]
    day: str
    arm: str
    """What it was trained with, beside the data."""
    ate_synthetic: bool
    """Whether synthetic rows were among its training rows."""
    made_of_it: bool
    """Whether the very file asked for is part of what was registered with it: its synthetic rows, its generator."""


@dataclass(frozen=True, kw_only=True)
class Trace:
    """All that is known of a file or hash."""

    what: str
    sha256: str | None
    """Of the file; None where a hash was given."""
    stamp: dict[str, Any] | None
    data: list[dict[str, Any]]
    """What it all began with: path, sha256, md5 where DVC has one."""
    made_by: tuple[Made, ...]
    used_by: tuple[Made, ...]
    """First stages of runs that began with it."""
    eaten_by: tuple[Eater, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def trace(asked: str | Path, workspace: Workspace | None) -> Trace:
    """What is known of a file, a folder, or a SHA-256 or md5 (8 digits or more of it).

    Raises `InputError` for what is neither, `UnsuitableDataError` where nothing is known of it.
    """
    path = Path(asked)
    told = None
    if path.exists():
        digest = sha256_tree(path)
        told = stamps.read_stamp(path)
        if told is None and (path / stamps.ORIGIN).is_file():
            told = {"data": stamps.generator_of(path)["data"]}
        hashes = {digest}
    elif _HASH.fullmatch(str(asked).lower()):
        digest, hashes = None, {str(asked).lower()}
    else:
        raise InputError(f"no such file or folder: {asked}; and it is no hash of 8 digits or more")
    manifests = [] if workspace is None else list(_manifests(workspace))
    made_by = tuple(_made(hashes, manifests))
    used_by = tuple(_used(hashes, manifests))
    data = _distinct([*(told or {}).get("data", []), *(each for made in (*made_by, *used_by) for each in made.data)])
    began = hashes | {str(each[key]) for each in data for key in ("sha256", "md5") if each.get(key)}
    versions = [] if workspace is None else _versions(workspace)
    eaten_by = tuple(_eaters(began, hashes, versions))
    if told is None and not made_by and not used_by and not eaten_by:
        known = "this folder is in no workspace" if workspace is None else f"nothing in {workspace.root} has its hash"
        raise UnsuitableDataError(f"nothing is known of {asked}: it says nothing of its origin, and {known}")
    return Trace(
        what=str(asked),
        sha256=digest,
        stamp=told if told and "synthetic" in told else None,
        data=data,
        made_by=made_by,
        used_by=used_by,
        eaten_by=eaten_by,
    )


def origin_of_row(path: str | Path, row: int, told: dict[str, Any]) -> str:
    """Whether one row of a stamped file (the first is 1) is synthetic or real: "synthetic", "real".

    Raises `InputError` for a row that is not there, and for a file without the column that marks its synthetic rows.
    """
    which, rows = told["synthetic"]["which"], told["rows"]
    if not 1 <= row <= rows:
        raise InputError(f"{path} has {rows:,} rows; --row counts from 1")
    if which == stamps.ALL:
        return "synthetic"
    frame = read_table(Path(path)).frame
    if which not in frame:
        raise InputError(f"{path} has no column {which!r} any longer, which marked its synthetic rows")
    return "synthetic" if bool(pd.Series(frame[which]).iloc[row - 1]) else "real"


def _manifests(workspace: Workspace) -> Iterator[tuple[str, Manifest]]:
    """(where, manifest), finished runs first and the newest of them first."""
    runs = sorted(workspace.runs.glob("*/manifests/*.json"), key=lambda each: each.parts[-3], reverse=True)
    work = sorted((workspace.root / "work").glob(f"*/*/{NAME}"))
    for path in (*runs, *work):
        where = path.parent.parent if path.name != NAME else path.parent
        try:
            yield workspace.relative(where), Manifest(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError):  # of another format
            continue


def _made(hashes: set[str], manifests: Iterable[tuple[str, Manifest]]) -> Iterator[Made]:
    """Stages that wrote it: each once, from the newest run that has it."""
    seen: set[tuple[str, str]] = set()
    for where, manifest in manifests:
        for name, digest in manifest.outputs.items():
            if _matches(digest, hashes) and (manifest.key, name) not in seen:
                seen.add((manifest.key, name))
                yield _told(where, manifest, name)


def _used(hashes: set[str], manifests: Iterable[tuple[str, Manifest]]) -> Iterator[Made]:
    """Runs that began with it, by their first stage."""
    seen: set[str] = set()
    for where, manifest in manifests:
        if not manifest.stage.endswith("-prepare") or manifest.key in seen:
            continue
        for each in manifest.data:
            if _matches(each["sha256"], hashes) or _matches(each["md5"] or "", hashes):
                seen.add(manifest.key)
                yield _told(where, manifest, str(each["path"]))
                break


def _told(where: str, manifest: Manifest, name: str) -> Made:
    return Made(
        stage=manifest.stage,
        where=where,
        name=name,
        seed=manifest.seed,
        parameters=manifest.parameters,
        data=[{key: each.get(key) for key in ("path", "sha256", "md5")} for each in manifest.data],
    )


def _versions(workspace: Workspace) -> list[tuple[str, Version]]:
    return [(name, each) for name in models_of(workspace.root) for each in versions_of(workspace.root, name)]


def _eaters(began: set[str], own: set[str], versions: Iterable[tuple[str, Version]]) -> Iterator[Eater]:
    for name, each in versions:
        hashes = [value for tag, value in each.tags.items() if tag.startswith(("data.sha256", "data.md5"))]
        made = [value for tag, value in each.tags.items() if tag.startswith("made.")]
        made_of_it = any(_matches(value, own) for value in made)
        if not made_of_it and not any(_matches(value, began) for value in hashes):
            continue
        yield Eater(
            name=name,
            version=each.version,
            aliases=each.aliases,
            day=each.day,
            arm=each.tags.get("recommended_arm", each.tags.get("detector", "")),
            ate_synthetic=each.tags.get("trained_on_synthetic") == "True",
            made_of_it=made_of_it,
        )


def _matches(digest: str, hashes: set[str]) -> bool:
    return bool(digest) and any(digest.startswith(each) for each in hashes)


def _distinct(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry a SHA-256, the fullest: where DVC's md5 is known, with it."""
    by_hash: dict[str, dict[str, Any]] = {}
    for each in found:
        known = by_hash.get(str(each["sha256"]))
        if known is None or (not known.get("md5") and each.get("md5")):
            by_hash[str(each["sha256"])] = dict(each)
    return list(by_hash.values())
