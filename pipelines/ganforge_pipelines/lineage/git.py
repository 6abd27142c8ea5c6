"""What git says of a workspace: the commit it stands at, and whether files differ from it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ganforge.errors import ServiceError


@dataclass(frozen=True, slots=True)
class GitState:
    """`commit` is None without git, without a repository and before the first commit; `dirty` is False
    then."""

    commit: str | None = None
    dirty: bool = False


def state(root: str | Path) -> GitState:
    """The commit of the repository around `root`; dirty when any tracked or untracked, unignored file
    differs."""
    commit = _git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    if not commit:
        return GitState()
    return GitState(commit=commit, dirty=bool(_git(root, "status", "--porcelain", "--untracked-files=normal")))


def init(root: str | Path) -> None:
    """Make `root` the top of a repository of its own; leaves an existing one as it is. Raises `ServiceError`."""
    root = Path(root).resolve()
    if top_level(root) != root and _git(root, "init", "--quiet") is None:
        raise ServiceError(f"`git init` failed in {root}; is git installed? Workspaces and DVC use it")


def top_level(root: str | Path) -> Path | None:
    """The top folder of the repository that `root` lies in; None where there is none, or no git."""
    found = _git(root, "rev-parse", "--show-toplevel")
    return Path(found) if found else None


def _git(root: str | Path, *arguments: str) -> str | None:
    """What git prints, stripped; None where it is not installed or says no."""
    git = shutil.which("git")
    if git is None:
        return None
    # No optional locks: looking at the state must never get in the way of the user's own git command.
    done = subprocess.run(
        [git, "--no-optional-locks", "-C", str(root), *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else None
