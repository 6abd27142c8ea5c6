"""The first bytes of a CSV file: its encoding, its delimiter and its columns' names."""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ganforge.data import sources
from ganforge.errors import InputError, tell

DELIMITERS = ",;\t|"
_HEAD = 1 << 18  # bytes
_SNIFFED = 50  # lines


def head_of(path: Path, names: Sequence[str] | None = None) -> tuple[str, str, tuple[str, ...]]:
    """A file's encoding, its delimiter and its columns' names. names: given, where no line of the file holds them.

    Raises `InputError` for a file that is no table, and for names that do not fit it.
    """
    head = sources.read_bytes(path, _HEAD)
    sources.refuse_binary(path, head)
    encoding = sources.encoding_of(head) or "utf-8-sig"
    if encoding == "cp1252":
        tell(f"{path} is not UTF-8; its letters were read as Windows-1252")
    lines = _first_lines(head, encoding)
    delimiter = _sniff(lines)
    return encoding, delimiter, tuple(_header(path, lines, delimiter, names))


def csv_without_rows(path: Path) -> pd.DataFrame | None:
    """The columns of a file that has a header and no row below it; None for every other file."""
    head = sources.read_bytes(path, _HEAD)
    sources.refuse_binary(path, head)
    lines = [line for line in _first_lines(head, sources.encoding_of(head) or "utf-8-sig") if line.strip()]
    return pd.DataFrame(columns=_header(path, lines, _sniff(lines), None)) if len(lines) == 1 else None


def _first_lines(head: bytes, encoding: str) -> list[str]:
    text = head.decode(encoding, errors="ignore")
    lines = text.splitlines()
    return lines[:-1] if len(head) == _HEAD and len(lines) > 1 else lines


def _sniff(lines: list[str]) -> str:
    """The delimiter that cuts the first lines into the most fields, the same number in (nearly) each."""
    best, most = ",", 1.0
    for delimiter in DELIMITERS:
        counts = [len(row) for row in csv.reader(lines[:_SNIFFED], delimiter=delimiter, skipinitialspace=True) if row]
        if not counts or counts[0] < 2:
            continue
        score = counts[0] * sum(count == counts[0] for count in counts) / len(counts)
        if score > most:
            best, most = delimiter, score
    return best


def _header(path: Path, lines: list[str], delimiter: str, names: Sequence[str] | None) -> list[str]:
    first = next((row for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True) if row), [])
    if names is not None:
        if len(names) != len(first):
            raise InputError(f"{path} has {len(first)} columns, but {len(names)} names were given")
        return [str(name) for name in names]
    header = [name.strip() for name in first]
    remedy = "if the file has no header line, give the names (names=[…]) or put a header line in"
    if len(header) > 1 and all(_is_number(name) for name in header) and not all(name.isdigit() for name in header):
        raise InputError(
            f"{path}: the first line holds numbers ({', '.join(header[:4])}, …), not column names; {remedy}"
        )
    seen: dict[str, int] = {}
    for place, name in enumerate(header, start=1):
        if name in seen:
            raise InputError(
                f"{path}: the name {name!r} stands over columns {seen[name]} and {place}; "
                f"give every column a name of its own ({remedy})"
            )
        seen[name] = place
    return [name or f"unnamed: {place}" for place, name in enumerate(header)]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
