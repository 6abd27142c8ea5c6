"""Commit and dirtiness, with and without git."""

import subprocess

from ganforge_pipelines.lineage import git
from ganforge_pipelines.lineage.git import GitState


def test_state_follows_the_work_tree(tmp_path):
    def run(*arguments):
        identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
        return subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    run("init", "--quiet")
    assert git.state(tmp_path) == GitState(commit=None, dirty=False)
    (tmp_path / "a").write_text("1")
    (tmp_path / ".gitignore").write_text("ignored\n")
    run("add", "a", ".gitignore")
    run("commit", "--quiet", "-m", "first")
    commit = run("rev-parse", "HEAD")
    assert git.state(tmp_path) == GitState(commit=commit, dirty=False)
    (tmp_path / "ignored").write_text("1")
    assert not git.state(tmp_path).dirty
    (tmp_path / "b").write_text("1")
    assert git.state(tmp_path) == GitState(commit=commit, dirty=True)
    (tmp_path / "b").unlink()
    (tmp_path / "a").write_text("2")
    assert git.state(tmp_path).dirty
    (tmp_path / "below").mkdir()
    assert git.top_level(tmp_path / "below") == tmp_path.resolve()


def test_no_repository_is_no_error(tmp_path):
    assert git.state(tmp_path) == GitState(commit=None, dirty=False)
    assert git.top_level(tmp_path) is None


def test_no_git_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git.state(tmp_path) == GitState(commit=None, dirty=False)
