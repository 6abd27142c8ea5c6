"""Data versions by the real DVC, in folders with git, below git and without."""

import fcntl
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ganforge.errors import InputError, ServiceError
from ganforge.files import sha256_file
from ganforge_pipelines.lineage import dvc

ROOT = Path(__file__).parents[3]
IGNORED = "/data/\n/.dvc/tmp/\n/.dvc/cache/\n/.dvc/config.local\n"


def run(folder, *command):
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def workspace(tmp_path):
    """A folder under git with data in it, ignored as a workspace ignores it."""
    root = tmp_path / "workspace"
    (root / "data").mkdir(parents=True)
    (root / "data" / "payments.csv").write_text("a,b\n1,2\n")
    (root / ".gitignore").write_text(IGNORED)
    run(root, "git", "init", "--quiet")
    return root


def commit(root):
    run(root, "git", "add", "--all")
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    run(root, "git", *identity, "commit", "--quiet", "-m", "x")


@pytest.mark.slow
def test_versioning_again_leaves_every_tracked_byte(workspace):
    first = dvc.version(workspace, "data", rows=1)
    assert first.md5.endswith(".dir")
    assert first.md5 in (workspace / "data.dvc").read_text()
    assert (first.rows, first.pushed) == (1, None)
    assert (workspace / ".gitignore").read_text() == IGNORED
    commit(workspace)
    before = (workspace / "data.dvc").read_bytes()
    assert dvc.version(workspace, workspace / "data", rows=1) == first
    assert (workspace / "data.dvc").read_bytes() == before
    assert run(workspace, "git", "status", "--porcelain") == ""
    config = (workspace / ".dvc" / "config").read_text()
    assert "analytics = false" in config
    assert "check_update = false" in config
    assert config == (ROOT / ".dvc" / "config").read_text()  # this repository is a workspace, too
    (workspace / "data" / "payments.csv").write_text("a,b\n3,4\n")
    # A file of the folder is versioned with the folder.
    changed = dvc.version(workspace, "data/payments.csv")
    assert changed.dvc_file == workspace / "data.dvc"
    assert changed.md5 != first.md5
    assert changed.sha256 == sha256_file(workspace / "data" / "payments.csv")
    json.dumps(changed.to_json())
    # What git tracks DVC does not take; its remedy stands some lines below its complaint.
    (workspace / "mine.csv").write_text("a,b\n")
    commit(workspace)
    with pytest.raises(ServiceError, match=r"'mine\.csv' is already tracked by SCM") as caught:
        dvc.version(workspace, "mine.csv")
    assert "run `git rm -r --cached 'mine.csv' && git commit -m \"stop tracking mine.csv\"`" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_data_from_outside_stands_beside_its_own(workspace, tmp_path):
    source = tmp_path / "my export.csv.gz"
    source.write_bytes(b"\x1f\x8b1")
    inside = dvc.add_outside(workspace, source)
    assert inside == workspace / "inputs" / f"my export-{sha256_file(source)[:12]}.csv.gz"
    found = dvc.version(workspace, inside)
    assert found.dvc_file == inside.with_name(inside.name + ".dvc")
    commit(workspace)
    tracked = run(workspace, "git", "ls-files").splitlines()
    assert f"inputs/{inside.name}.dvc" in tracked
    assert f"inputs/{inside.name}" not in tracked
    assert dvc.add_outside(workspace, source) == inside
    assert dvc.add_outside(workspace, inside) == inside  # what is tracked stays where it is
    source.write_bytes(b"\x1f\x8b2")
    assert inside.read_bytes() == b"\x1f\x8b1"  # a copy: the original may change
    other = dvc.add_outside(workspace, source)
    assert other != inside
    assert inside.exists()
    folder = tmp_path / "defects"
    (folder / "ok").mkdir(parents=True)
    (folder / "ok" / "1.png").write_bytes(b"1")
    assert (dvc.add_outside(workspace, folder) / "ok" / "1.png").read_bytes() == b"1"


@pytest.mark.slow
@pytest.mark.parametrize("place", ["below git", "no git", "git taken away"])
def test_a_workspace_need_not_be_the_top_of_a_repository(workspace, place):
    root = workspace
    if place == "below git":
        root = workspace / "below"
        (root / "data").mkdir(parents=True)
        (root / "data" / "x").write_text("1")
    else:
        if place == "git taken away":
            dvc.version(root, "data")
        (workspace / ".git").rename(workspace.parent / "git")
    assert dvc.version(root, "data").md5.endswith(".dir")


@pytest.mark.slow
def test_a_remote_gets_the_data_and_one_that_is_away_is_named_without_its_password(workspace, tmp_path):
    dvc.init(workspace)
    command = [sys.executable, "-m", "dvc"]
    run(workspace, *command, "remote", "add", "--default", "store", str(tmp_path / "remote"))
    assert dvc.version(workspace, "data").pushed is True
    assert list((tmp_path / "remote").rglob("*"))
    run(workspace, *command, "remote", "modify", "store", "url", "https://ann:secret@127.0.0.1:9/data")
    assert dvc.remote(workspace) == ("store", "https://127.0.0.1:9/data")
    (workspace / "data" / "payments.csv").write_text("a,b\n5,6\n")
    with pytest.raises(ServiceError, match=r"'store' \(https://127.0.0.1:9/data\)") as caught:
        dvc.version(workspace, "data")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "versioned, but not pushed" in str(caught.value)


@pytest.mark.slow
def test_a_second_command_waits_for_the_lock(workspace, monkeypatch):
    first = dvc.version(workspace, "data")
    pauses = []
    with (workspace / ".dvc" / "tmp" / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        def pause(seconds):  # DVC was asked and refused: only now does the other one let go
            pauses.append(seconds)
            fcntl.flock(held, fcntl.LOCK_UN)

        monkeypatch.setattr(dvc, "sleep", pause)
        assert dvc.version(workspace, "data") == first
    assert len(pauses) == 1


def test_what_cannot_be_versioned_is_refused_before_dvc_is_asked(workspace, tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        dvc.version(workspace, "nowhere.csv")
    outside = tmp_path / "outside.csv"
    outside.write_text("a\n")
    with pytest.raises(InputError, match="outside the workspace"):
        dvc.version(workspace, outside)
    with pytest.raises(InputError, match="no such file or folder"):
        dvc.add_outside(workspace, tmp_path / "nowhere.csv")
    with pytest.raises(InputError, match="holds the workspace itself"):
        dvc.add_outside(workspace, tmp_path)
