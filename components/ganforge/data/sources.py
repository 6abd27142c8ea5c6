"""Files as bytes: found or not (with the nearest name), packed or not, text or not. What readers share."""

from __future__ import annotations

import difflib
import gzip
import lzma
import zlib
from pathlib import Path
from typing import IO, cast

from ganforge.errors import InputError

_PACKED = {b"\x1f\x8b": "gzip"}
_MAGIC = (
    (b"PK\x03\x04", "a zip archive or an Excel file", "save the sheet as CSV or Parquet"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file", "save the sheet as CSV or Parquet"),
    (b"PAR1", "a Parquet file", "name it .parquet"),
    (b"\x89PNG", "a PNG picture", "give the folder it lies in"),
    (b"\xff\xd8\xff", "a JPEG picture", "give the folder it lies in"),
    (b"%PDF", "a PDF document", "export the table as CSV"),
    (b"BZh", "packed with bzip2", "unpack it, or pack it with gzip"),
    (b"\xfd7zXZ", "packed with xz", "unpack it, or pack it with gzip"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd", "unpack it, or pack it with gzip"),
    (b"SQLite format 3", "an SQLite database", "export the table as CSV"),
)


def existing_file(path: str | Path) -> Path:
    """`path`, which is a file with something in it; otherwise `InputError`, naming the nearest name in its folder."""
    path = Path(path)
    refuse_missing(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder; give a file")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes); give a file with data in it")
    return path


def refuse_missing(path: Path) -> None:
    """`InputError` when there is nothing at `path`."""
    if path.exists():
        return
    folder = path.parent
    if not folder.is_dir():
        raise InputError(f"no such file: {path} (there is no folder {folder} either)")
    names = sorted(each.name for each in folder.iterdir())
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.6)
    raise InputError(
        f"no such file: {path}"
        + (f"; did you mean {folder / near[0]}?" if near else f"; nothing in {folder} has a name like it")
    )


def is_packed(path: Path) -> bool:
    """Is the content gzip, whatever the name says?"""
    with path.open("rb") as file:
        return file.read(2) in _PACKED


def opened(path: Path) -> IO[bytes]:
    """The file to be read, unpacked if it is gzip."""
    return cast("IO[bytes]", gzip.open(path, "rb") if is_packed(path) else path.open("rb"))


def read_bytes(path: Path, limit: int | None = None) -> bytes:
    """The content, unpacked if it is gzip; at most `limit` bytes of it.

    Raises `InputError` for a packed file that was cut short or damaged.
    """
    try:
        with opened(path) as file:
            return file.read(-1 if limit is None else limit)
    except (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError) as error:
        raise cut_short(path) from error
    except PermissionError as error:
        raise InputError(f"{path} may not be read: permission denied") from error


def cut_short(path: Path) -> InputError:
    """The error for a packed file whose end is missing or whose checksum does not hold."""
    return InputError(f"{path} is a gzip file that was cut short or damaged; copy or download it again")


def refuse_binary(path: Path, head: bytes) -> None:
    """`InputError` when the first bytes of what should be a text table are none."""
    if not head.strip():
        raise InputError(f"{path} is empty: nothing in it but blanks; give a file with data in it")
    for magic, what, remedy in _MAGIC:
        if head.startswith(magic):
            raise InputError(f"{path} is not a text table but {what}; {remedy}")
    if encoding_of(head) is None:
        raise InputError(f"{path} is not a table: it holds binary data; give CSV, CSV.gz, Parquet or .npz")
    start = head.lstrip()[:200].lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise InputError(
            f"{path} is not a table but a web page or XML; a download may have failed, or export it as CSV"
        )
    if start.startswith((b"{", b"[{")):
        raise InputError(f"{path} is not a table but JSON; write it as CSV or Parquet")


def encoding_of(head: bytes) -> str | None:
    """utf-8, utf-16 or cp1252 (old spreadsheets); None for bytes that are no text."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if b"\0" in head:
        return None
    try:
        head[:-4].decode("utf-8") if len(head) > 4 else head.decode("utf-8")
        return "utf-8-sig"
    except UnicodeDecodeError as error:
        if error.start >= len(head) - 8:
            return "utf-8-sig"
    controls = sum(byte < 32 and byte not in (9, 10, 11, 12, 13) for byte in head)
    return None if controls > len(head) // 100 else "cp1252"
