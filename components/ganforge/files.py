"""Files that are whole or not there at all, and their hashes.

Every output of ganforge is written under a temporary name beside its place and renamed when complete: a killed
process or a full disk leaves the former file untouched.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ganforge.errors import InputError, ServiceError

_CHUNK = 1 << 20


def sha256_file(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_tree(path: str | Path) -> str:
    """The SHA-256 of a file, or of a folder's sorted (relative name, file hash) pairs."""
    path = Path(path)
    if path.is_file():
        return sha256_file(path)
    digest = hashlib.sha256()
    for file in sorted(each for each in path.rglob("*") if each.is_file()):
        digest.update(f"{file.relative_to(path).as_posix()}\0{sha256_file(file)}\n".encode())
    return digest.hexdigest()


@contextlib.contextmanager
def write_whole(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path to write a *file* to; on leaving without an error it takes the place of `path`.

    Raises `ServiceError` when the disk is full or the place cannot be written.
    """
    path = Path(path)
    with _told_plainly(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            _flush(temporary)
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def write_whole_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary *folder* to fill; on leaving without an error it takes the place of `path`.

    An existing folder is moved aside first and removed only after the new one stands in its place.
    """
    path = Path(path)
    with _told_plainly(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        aside = temporary.with_name(temporary.name + ".old")
        try:
            yield temporary
            for file in temporary.rglob("*"):
                if file.is_file():
                    _flush(file)
            temporary.chmod(0o777 & ~_umask())
            if path.exists():
                path.replace(aside)
            temporary.replace(path)
        except BaseException:
            if aside.exists() and not path.exists():
                aside.replace(path)
            raise
        finally:
            for left in (temporary, aside):
                if left.is_dir():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.unlink(missing_ok=True)


def inside(folder: str | Path, name: str) -> Path:
    """`folder / name`, refused when `name` (which came from data) would lead out of the folder."""
    folder = Path(folder).resolve()
    target = (folder / name).resolve()
    if not target.is_relative_to(folder):
        raise InputError(f"{name!r} leads out of {folder}; names inside a model or data set must stay in it")
    return target


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def _told_plainly(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        number = _number_of(error)
        if number in (errno.ENOSPC, errno.EDQUOT):
            raise ServiceError(
                f"the disk is full: {path} was not written, and what was there before is untouched; "
                "free some space (`ganforge clean` trims old runs) and run the same command again"
            ) from error
        if number in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise ServiceError(f"{path} cannot be written ({os.strerror(number)}); choose another place") from error
        raise


def _number_of(error: Exception) -> int | None:
    """The system's number of an error. A library in Rust (safetensors) raises one of its own, which only spells it."""
    if isinstance(error, OSError):
        return error.errno
    spelled = re.search(r"\(os error (\d+)\)", str(error))
    return None if spelled is None else int(spelled[1])
