"""Data versions, by DVC's command line (its Python interface is not a public one).

    version(root, root / "data") ─▶ data.dvc (tracked by git: the md5)  +  the cache (and the remote, where
    one is set)

DVC owns what the data *is*. Adding unchanged data again leaves its `.dvc` file byte for byte the same.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import yaml

from ganforge.errors import InputError, ServiceError
from ganforge.files import sha256_tree, write_whole, write_whole_folder
from ganforge_pipelines.lineage import git
from ganforge_pipelines.lineage.addresses import without_password

INPUTS = "inputs"
"""Folder of a workspace for data from outside it."""
_LOCK_WAIT = 120.0
"""Seconds to go on asking while another DVC command holds the workspace."""
_PUSH_LIMIT = 1800.0
"""Seconds after which a push counts as stuck."""


@dataclass(frozen=True, kw_only=True)
class DataVersion:
    """What the data is, for every record downstream."""

    path: Path
    """The file or folder, below the workspace's root."""
    md5: str
    """As recorded in the `.dvc` file; a folder's ends in ".dir"."""
    sha256: str
    """Of the file, or of the folder's names and files."""
    rows: int | None
    dvc_file: Path
    pushed: bool | None
    """Whether the default remote has it; None where no remote is set."""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "path": str(self.path), "dvc_file": str(self.dvc_file)}


def init(root: str | Path) -> None:
    """Make `root` a DVC workspace, beside git where there is one; leaves an existing one as it is.

    Analytics and the daily look for updates are switched off in its configuration.
    """
    root = Path(root).resolve()
    top = git.top_level(root)
    if (root / ".dvc").is_dir():
        if top is None and _run(root, "config", "core.no_scm").stdout.strip().lower() != "true":
            # Made beside git, but come here without it (an unpacked archive): say so, for this place alone.
            _checked(root, "config", "--local", "core.no_scm", "true")
        return
    where = ["--no-scm"] if top is None else [] if top.resolve() == root else ["--subdir"]
    _checked(root, "init", *where)
    _checked(root, "config", "core.analytics", "false")
    _checked(root, "config", "core.check_update", "false")


def version(root: str | Path, path: str | Path, *, rows: int | None = None, push: bool = True) -> DataVersion:
    """Version `path` (a file or folder below `root`) and push it where a default remote is set.

    A file inside a folder that is tracked as a whole is versioned with that folder. Raises `InputError` when
    there is no such path or it lies outside; `ServiceError` when DVC refuses or the remote is not reached:
    the data *is* versioned then.
    """
    root = Path(root).resolve()
    path = (root / path).resolve()
    if not path.exists():
        raise InputError(f"no such file or folder: {path}")
    if not path.is_relative_to(root) or path == root:
        raise InputError(f"{path} lies outside the workspace {root}; add it with `ganforge data add {path}`")
    init(root)
    tracked = _tracked(root, path) or path
    _checked(root, "add", tracked.relative_to(root).as_posix())
    dvc_file = tracked.with_name(tracked.name + ".dvc")
    out = yaml.safe_load(dvc_file.read_text(encoding="utf-8"))["outs"][0]
    return DataVersion(
        path=path,
        md5=str(out["md5"]),
        sha256=sha256_tree(path),
        rows=rows,
        dvc_file=dvc_file,
        pushed=_push(root, dvc_file) if push else None,
    )


def add_outside(root: str | Path, source: str | Path) -> Path:
    """Copy a file or folder from anywhere into the workspace's `inputs/`, and return where it stands.

    Its name carries the first 12 digits of its SHA-256, so that the same data comes to the same place, other
    data never to the place of these, and the workspace's own data is untouched. It is a copy, not a link:
    what the user does to the original later does not change a version. `version` it next; DVC then keeps the
    copy out of git. What a `.dvc` file of the workspace tracks already stays where it is.
    """
    root, source = Path(root).resolve(), Path(source).resolve()
    if not source.exists():
        raise InputError(f"no such file or folder: {source}")
    if _tracked(root, source) is not None:
        return source
    if source.is_dir() and root.is_relative_to(source):
        raise InputError(f"{source} holds the workspace itself; name the folder with the data alone")
    sha256 = sha256_tree(source)
    target = root / INPUTS / _named(source, sha256[:12])
    if target.exists() and sha256_tree(target) == sha256:
        return target
    if source.is_dir():
        with write_whole_folder(target) as temporary:
            shutil.copytree(source, temporary, dirs_exist_ok=True)
    else:
        with write_whole(target) as temporary:
            shutil.copyfile(source, temporary)
    return target


def own_copy(root: str | Path, path: Path) -> bool:
    """Whether `path` in `inputs/` is a copy that `add_outside` made, unaltered, which `dvc checkout` can bring back.

    True only where a `.dvc` file lies beside it, its name carries its own SHA-256, and the workspace's cache holds it
    whole.
    """
    tracker, digits = path.with_name(path.name + ".dvc"), re.search(r"-([0-9a-f]{12})(?:\.|$)", path.name)
    if path.is_symlink() or digits is None or not tracker.is_file() or path.parent.name != INPUTS:
        return False
    md5 = str(yaml.safe_load(tracker.read_text(encoding="utf-8"))["outs"][0].get("md5", ""))
    return _cached(Path(root), md5) and sha256_tree(path).startswith(digits[1])


def _cached(root: Path, md5: str) -> bool:
    """Whether `.dvc/cache` has the file, or the folder with all its files."""
    place = root / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    if len(md5) < 32 or not place.is_file():
        return False
    if not md5.endswith(".dir"):
        return True
    return all(_cached(root, str(each["md5"])) for each in json.loads(place.read_text(encoding="utf-8")))


def remote(root: str | Path) -> tuple[str, str] | None:
    """The default remote's (name, address without password); None where none is set."""
    for line in _checked(Path(root), "remote", "list").stdout.splitlines():
        name, *address = line.rstrip().removesuffix("(default)").split(maxsplit=1) or [""]
        if line.rstrip().endswith("(default)"):
            return name, without_password("".join(address).strip())
    return None


def _push(root: Path, dvc_file: Path) -> bool | None:
    there = remote(root)
    if there is None:
        return None
    name, address = there
    target = dvc_file.relative_to(root).as_posix()
    try:
        done = _run(root, "push", target, limit=_PUSH_LIMIT)
        why = _reason(done.stderr) if done.returncode else None
    except subprocess.TimeoutExpired:
        why = f"no end after {_PUSH_LIMIT / 60:.0f} minutes"
    if why is not None:
        raise ServiceError(
            f"the data was versioned, but not pushed to the DVC remote {name!r} ({address}): {why}; see that "
            "it is there and lets you in, then run the same command again, or do without it by "
            "`dvc remote default --unset`"
        )
    return True


def _tracked(root: Path, path: Path) -> Path | None:
    """`path` itself, or the nearest folder above it, whichever a `.dvc` file tracks."""
    for each in (path, *path.parents):
        if each == root or not each.is_relative_to(root):
            return None
        if each.with_name(each.name + ".dvc").is_file():
            return each
    return None


def _named(source: Path, digits: str) -> str:
    stem, dot, suffixes = source.name.partition(".")
    if source.is_dir() or not stem:
        return f"{source.name}-{digits}"
    return f"{stem}-{digits}{dot}{suffixes}"


def _checked(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = _run(root, *arguments)
    if done.returncode:
        command = without_password(" ".join(arguments))
        raise ServiceError(f"`dvc {command}` failed in {root}: {_reason(done.stderr)}")
    return done


def _run(root: Path, *arguments: str, limit: float | None = None) -> subprocess.CompletedProcess[str]:
    """One DVC command in `root`; asks again while another one holds the lock."""
    quiet = {
        "DVC_NO_ANALYTICS": "1",
        "DVC_STUDIO_OFFLINE": "1",
        "CI": os.environ.get("CI", "1"),  # its only switch for the daily look for updates
    }
    until = monotonic() + _LOCK_WAIT
    while True:
        # -P: a folder of the workspace that happens to be called like a package must not stand before it.
        done = subprocess.run(
            [sys.executable, "-P", "-m", "dvc", *arguments],
            cwd=root,
            env={**os.environ, **quiet},
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=limit,
            check=False,
        )
        busy = done.returncode and re.search(r"acquire (rw)?lock|is busy, it is being blocked", done.stderr)
        if not busy or monotonic() > until:
            return done
        sleep(0.5)


def _reason(stderr: str) -> str:
    """DVC's own first complaint and the commands it gives as the remedy, on one line, without its links and without
    passwords."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()] or ["it did not say why"]
    first = next((k for k, line in enumerate(lines) if line.startswith("ERROR:")), 0)
    said = re.sub(r"\s*Check the page <[^>]*>.*$", "", lines[first].removeprefix("ERROR:").strip()).rstrip(".")
    below = takewhile(lambda line: not line.startswith("ERROR:"), lines[first + 1 :])
    commands = " && ".join(line for line in below if line.startswith(("git ", "dvc ")))
    remedy = f"; there, run `{commands}`, then the same command again" if commands else ""
    return without_password(said + remedy)
