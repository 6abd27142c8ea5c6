"""What a file of synthetic rows says of its origin: data, generator, seed and condition, in the file or beside it.

    write_stamped(frame, "frauds.parquet", stamp)   in the file's own metadata, under `ganforge.lineage`
    write_stamped(frame, "frauds.csv", stamp)       beside it, in frauds.csv.lineage.json, with the file's SHA-256
    np.savez("digits.npz", …, **as_array(stamp))    among the arrays, as text, under the same name as in Parquet
    read_stamp("frauds.csv")

A Parquet or .npz file keeps it when it is copied or renamed; what reads and writes it anew (pandas, NumPy) leaves it
out. A
CSV file has no place for it: the file beside it has to be copied, too, and says by the hash whether it still is of
this file. A generator keeps in `lineage.json` in its folder where it comes from, and what it samples repeats it.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import ganforge
from ganforge.artifacts import read_artifact
from ganforge.data.writers import write_table
from ganforge.errors import InputError
from ganforge.files import sha256_tree, write_whole

KEY = "ganforge.lineage"
BESIDE = ".lineage.json"
ORIGIN = "lineage.json"
"""In a generator's folder: the data it was trained on. It is no part of what the model's seal covers."""
FORMAT = 1
ALL = "all"
"""`synthetic.which` where no row is real; else the column that marks those which are not."""


def data_of(*files: str | Path) -> list[dict[str, Any]]:
    """Name and SHA-256 of each file or folder that something was trained on."""
    return [{"path": Path(each).name, "sha256": sha256_tree(each)} for each in files]


def write_origin(model_folder: str | Path, *, data: list[dict[str, Any]], seed: int | None, stage: str) -> None:
    """Keep with a generator what it was trained on: `data` as in `data_of`, `stage`: what trained it."""
    told = {"format": FORMAT, "data": data, "seed": seed, "trained_by": stage}
    _write(Path(model_folder) / ORIGIN, told)


def generator_of(model_folder: str | Path) -> dict[str, Any]:
    """What a stamp says of a generator: kind, SHA-256 of its folder, steps, seed, and the data where it knows them."""
    folder = Path(model_folder)
    artifact = read_artifact(folder)
    origin = _read(folder / ORIGIN) or {}
    return {
        "kind": artifact.kind,
        "sha256": sha256_tree(folder),
        "seed": origin.get("seed", artifact.parameters.get("random_state")),
        "steps": artifact.documents.get("training", {}).get("steps"),
        "data_fingerprint": artifact.data_fingerprint,
        "data": origin.get("data", []),
    }


def stamp(
    *,
    made_by: str,
    rows: int,
    synthetic_rows: int,
    which: str,
    generator: Mapping[str, Any],
    data: list[dict[str, Any]],
    seed: int | None,
    condition: Mapping[str, Any] | None = None,
    asked: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The origin of the rows of one file.

    made_by: the command or stage. which: `ALL`, or the column that marks the synthetic rows. generator: as in
    `generator_of`, or what is known of one that was not kept. condition: column → value as it was asked for; asked:
    what else was (counts, ratio, prior).
    """
    return {
        "format": FORMAT,
        "made_by": made_by,
        "ganforge": ganforge.__version__,
        "rows": rows,
        "synthetic": {
            "which": which,
            "rows": synthetic_rows,
            "generator": dict(generator),
            "seed": seed,
            "condition": {name: str(each) for name, each in (condition or {}).items()},
            **(asked or {}),
        },
        "data": data,
    }


def write_stamped(frame: pd.DataFrame, path: str | Path, told: Mapping[str, Any]) -> None:
    """Write a table with its stamp; the kind of file follows from its name."""
    path = Path(path)
    write_table(frame, path, metadata={KEY: json.dumps(told, ensure_ascii=False)})
    if path.suffix.lower() != ".parquet":
        write_beside(path, told)


def as_array(told: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The stamp as one more array of a .npz file."""
    return {KEY: np.array(json.dumps(told, ensure_ascii=False))}


def write_beside(path: str | Path, told: Mapping[str, Any]) -> None:
    """Write the stamp of a file or folder beside it, with its SHA-256."""
    path = Path(path)
    _write(beside(path), {**told, "sha256": sha256_tree(path)})


def beside(path: str | Path) -> Path:
    """Where the stamp of a file lies that has no place for it."""
    return Path(path).with_name(Path(path).name + BESIDE)


def read_stamp(path: str | Path) -> dict[str, Any] | None:
    """The stamp in a file or beside it; None where there is none.

    Raises `InputError` where what lies beside it is the stamp of another file, or none; it says what to do if the rows
    are real.
    """
    path = Path(path)
    if path.suffix.lower() == ".parquet" and path.is_file():
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            text = (pq.read_schema(path).metadata or {}).get(KEY.encode())
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"{path} cannot be read as Parquet: {error}") from error
        if text is not None:
            return _parsed(text.decode("utf-8", errors="replace"), path)
    if path.suffix.lower() == ".npz" and path.is_file() and (inside := _in_npz(path)) is not None:
        return _parsed(inside, path)
    otherwise = f"where its rows are real, remove {beside(path)}"
    try:
        told = _read(beside(path))
    except InputError as error:
        raise InputError(f"{error}; {otherwise}") from error
    if told is not None and told.get("sha256") != sha256_tree(path):
        raise InputError(
            f"{beside(path)} is not of {path} as it is now: one of them was altered; sample again, or look for the "
            f"file by its hash in its workspace; {otherwise}"
        )
    return told


def refuse_stamped(path: str | Path, name: str) -> None:
    """Raise `InputError` where the file says of itself, or the one beside it does, that none of its rows is real.

    So it does where the one beside it is of other rows: a file of synthetic ones that was opened and saved anew is no
    more real for it. Of a file in which some are, the column that marks the others tells, see `downstream.leaks`."""
    told = read_stamp(path)
    if told is not None and told["synthetic"]["which"] == ALL:
        raise InputError(
            f"{name}: all {told['rows']:,} rows are synthetic, made by {told['made_by']}; what holds for real rows can "
            "be told on real rows alone: give the data that they were made from"
        )


def _in_npz(path: Path) -> str | None:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:  # reads the one array asked for
            return str(file[KEY]) if KEY in file else None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path} cannot be read as .npz: {error}") from error


def _write(path: Path, told: Mapping[str, Any]) -> None:
    with write_whole(path) as temporary:
        temporary.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _read(path: Path) -> dict[str, Any] | None:
    return _parsed(path.read_text(encoding="utf-8"), path) if path.is_file() else None


def _parsed(text: str, path: Path) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except ValueError as error:
        raise InputError(f"{path}: what it says of its origin is no JSON ({error})") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise InputError(f"{path}: what it says of its origin was written by another version of ganforge")
    return told
