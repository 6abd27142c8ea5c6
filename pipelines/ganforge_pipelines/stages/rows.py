"""Which rows a model has seen: fingerprints from `prepare`, kept with the run of every registered model.

prepare    the file        → rows.parquet: part (train, test), number in the file from 1, fingerprint, entity
register   the train part  → seen.npz among the run's artefacts: a salt of its own, and the fingerprints under it
           the test part   ◀ which of its rows the champion's seen.npz does not hold

A fingerprint is over all columns of the file but the target: a label that was corrected does not make another row.
They lie with the run, not in the model that is served and copied: see `ganforge.data.fingerprints` for what they tell.
"""

from __future__ import annotations

import hashlib
import secrets
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from ganforge.data.fingerprints import SALT_BYTES, picture_fingerprints, row_fingerprints, salted
from ganforge.data.images import Images
from ganforge.data.table import Table
from ganforge.data.writers import write_table
from ganforge.errors import InputError
from ganforge_pipelines.stages.context import StageContext

FILE, SEEN = "rows.parquet", "seen.npz"
PART, ROW, FINGERPRINT, ENTITY = "part", "row", "fingerprint", "entity"


def write_table_rows(
    context: StageContext, table: Table, parts: Mapping[str, np.ndarray], *, target: str | None, entity: str | None
) -> str:
    """Write rows.parquet of a table as it was read; returns what its fingerprints are over, for the facts.

    parts: "train" and "test" → their row numbers from 0, in the order in which the parts are written. target: the
    column that is no part of a row's identity. entity: the column whose rows stand and fall together.
    """
    names = sorted(name for name in table.frame.columns if name != target)
    fingerprints = row_fingerprints(pd.DataFrame(table.frame[names]))
    codes = None if entity is None else pd.factorize(table.column(entity), use_na_sentinel=False)[0]
    _write(context, fingerprints, parts, np.arange(len(table)) if codes is None else codes)
    return hashlib.sha256("\0".join(names).encode()).hexdigest()


def write_picture_rows(context: StageContext, images: Images, parts: Mapping[str, np.ndarray]) -> str:
    """As `write_table_rows`, of pictures as they are trained on."""
    _write(context, picture_fingerprints(images), parts, np.arange(len(images)))
    return f"pixels {images.shape}"


def _write(context: StageContext, fingerprints: np.ndarray, parts: Mapping[str, np.ndarray], codes: np.ndarray) -> None:
    frames = [
        pd.DataFrame({PART: name, ROW: rows + 1, FINGERPRINT: fingerprints[rows], ENTITY: codes[rows]})
        for name, rows in parts.items()
    ]
    write_table(pd.concat(frames, ignore_index=True), context.out / FILE)


def rows_of(path: Path, part: str) -> pd.DataFrame:
    """The lines of one part, in its order."""
    frame = pd.read_parquet(path)
    return pd.DataFrame(frame[frame[PART] == part]).reset_index(drop=True)


def write_seen(folder: Path, trained_on: pd.DataFrame, fingerprinted: str) -> Path:
    """`seen.npz` in `folder`: the fingerprints of rows trained on, sorted, under a salt that is drawn here.

    fingerprinted: what they are over, as the facts say; those over other columns cannot be compared.
    """
    salt = secrets.token_bytes(SALT_BYTES)
    np.savez_compressed(
        folder / SEEN,
        salt=np.frombuffer(salt, dtype=np.uint8),
        fingerprints=np.unique(salted(trained_on[FINGERPRINT].to_numpy(), salt)),
        fingerprinted=np.array(fingerprinted),
    )
    return folder / SEEN


def not_seen(path: Path, rows: pd.DataFrame, fingerprinted: str) -> np.ndarray | None:
    """(N,) bool: which rows are not in a `seen.npz`; None where its fingerprints are over other columns.

    Raises `InputError` for a file that is damaged: a night's work must not be lost to what a former one left.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            over, known, salt = str(file["fingerprinted"]), file["fingerprints"], file["salt"].tobytes()
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path.name} of the rows it was trained on cannot be read: {error}") from error
    if over != fingerprinted:
        return None
    own = salted(rows[FINGERPRINT].to_numpy(), salt)
    return ~np.isin(own, known)
