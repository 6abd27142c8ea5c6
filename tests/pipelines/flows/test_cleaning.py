"""`clean` trims copies of data that nothing kept speaks of, and never a file of the user's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ganforge_pipelines.flows.cleaning import clean
from ganforge_pipelines.lineage import dvc
from ganforge_pipelines.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    return Workspace.create(tmp_path_factory.mktemp("cleaning") / "team")


def brought(workspace: Workspace, folder: Path, name: str) -> Path:
    """A copy of outside data in `inputs/`, versioned, as `--data` makes it."""
    source = folder / f"{name}.csv"
    source.write_text(f"a,b\n{name},1\n")
    path = dvc.add_outside(workspace.root, source)
    dvc.version(workspace.root, path)
    return path


def test_only_copies_that_nothing_speaks_of_are_trimmed(workspace, tmp_path):
    old, named, used, altered = (brought(workspace, tmp_path, each) for each in ("old", "named", "used", "altered"))
    uncached = brought(workspace, tmp_path, "uncached")
    own = workspace.inputs / "own-0123456789ab.csv"
    own.write_text("a,b\n1,2\n")
    tracked = workspace.inputs / "tracked.csv"
    tracked.write_text("a,b\n3,4\n")
    dvc.version(workspace.root, tracked)
    altered.unlink()
    altered.write_text("a,b\nmine,1\n")
    md5 = dvc.version(workspace.root, uncached).md5
    cached = workspace.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    cached.unlink()
    workspace.write_params({"anomalies.prepare.data": workspace.relative(named)})
    run = workspace.runs / "20250101-000000-000-fraud"
    (run / "manifests").mkdir(parents=True)
    (run / "run.json").write_text("{}")
    (run / "manifests/prepare.json").write_text(json.dumps({"inputs": {workspace.relative(used): "sha"}}))

    trimmed = clean(workspace, keep=10)
    assert trimmed.inputs == (workspace.relative(old),)
    assert trimmed.bytes >= len("a,b\nold,1\n")
    assert not old.exists()
    for kept in (named, used, altered, uncached, own, tracked, tmp_path / "old.csv"):
        assert kept.exists()
    assert old.with_name(old.name + ".dvc").is_file()  # what older models were trained on stays on record

    dvc._checked(workspace.root, "checkout", f"{workspace.relative(old)}.dvc")
    assert old.read_text() == "a,b\nold,1\n"

    assert workspace.relative(used) in clean(workspace, keep=0).inputs  # its run is gone
    assert not used.exists()
