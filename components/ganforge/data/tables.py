"""Tables out of files: CSV (also .gz, .tsv, .txt; see `csv_files.py`), Parquet (`parquet_files.py`), and .npz with X
and y.

Rows in messages count from 1, a header not counted.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ganforge.data import sources
from ganforge.data.csv_files import CsvFile
from ganforge.data.csv_heads import csv_without_rows
from ganforge.data.parquet_files import is_parquet, parquet_cells, parquet_parts, parquet_readings, read_parquet
from ganforge.data.readings import Reading
from ganforge.data.schema import Schema
from ganforge.data.table import SchemaLike, Table, conform
from ganforge.data.wishes import Wish
from ganforge.errors import InputError


def read_table(path: str | Path, *, schema: SchemaLike = None, names: Sequence[str] | None = None) -> Table:
    """A table out of a file: .parquet, .npz (X (N, K), y), and everything else as CSV, packed or not.

    schema: as in `Table.of`. names: column names, for a CSV file without a header.
    Raises `InputError` naming file, column and row for what cannot be read.
    """
    path = sources.existing_file(path)
    return Table.of(read_frame(path, names=names, schema=schema), schema=schema, source=str(path))


def read_frame(path: Path, *, names: Sequence[str] | None = None, schema: SchemaLike = None) -> pd.DataFrame:
    """The columns of a file, before any schema."""
    if is_parquet(path):
        return read_parquet(path)
    if path.suffix.lower() == ".npz":
        return _read_npz(path)
    return CsvFile.of(path, names).read(Wish.of(schema))


def settled_readings(path: str | Path, *, rows: int = 100_000, schema: SchemaLike = None) -> Mapping[str, Reading]:
    """What the columns of texts of a file are by all its rows, of which so many are held at a time.

    schema: as for `read_table`. Nothing is settled where nothing hangs on it: with a `Schema` and no decimal commas, or
    in a file of arrays.
    """
    path, wish = sources.existing_file(path), Wish.of(schema)
    if path.suffix.lower() == ".npz":
        return {}
    if is_parquet(path):
        lenient = wish.lenient | wish.literal
        return {} if isinstance(schema, Schema) else parquet_readings(path, rows=rows, lenient=lenient)
    file = CsvFile.of(path)
    if isinstance(schema, Schema) and not file.has_decimal_commas():
        return {}
    return file.settled(wish, rows=rows).readings


def read_frame_chunks(
    path: str | Path, *, readings: Mapping[str, Reading], rows: int = 100_000, schema: SchemaLike = None
) -> Iterator[pd.DataFrame]:
    """The rows of a file in order, at most `rows` at a time, in whatever dtypes each chunk has.

    readings: of `settled_readings`, so that texts are in every chunk what they are in the whole file. schema: says how
    to read columns of text, as for `read_table`; it is not applied.
    """
    path = sources.existing_file(path)
    for frame in _parts(path, rows, None, replace(Wish.of(schema), readings=readings)):
        yield frame.reset_index(drop=True)


def cells_of(path: Path) -> int:
    """About how many values (rows × columns) a table file holds, without reading it: of CSV, five bytes are a value."""
    if is_parquet(path):
        return parquet_cells(path)
    packed = 1 if path.suffix.lower() == ".npz" or not sources.is_packed(path) else 4
    return path.stat().st_size * packed // 5


def read_table_chunks(
    path: str | Path, *, rows: int = 100_000, schema: Schema | None = None, names: Sequence[str] | None = None
) -> Iterator[pd.DataFrame]:
    """The rows of a CSV or Parquet file in order, at most `rows` at a time: for files larger than memory.

    schema: with it, every chunk has its columns, order and dtypes; without, each chunk is inferred by itself, and a
    column's dtype may differ from one chunk to the next.
    """
    if rows < 1:
        raise InputError(f"rows={rows}; give at least 1 row a chunk")
    path = sources.existing_file(path)
    done = 0
    wanted = None if schema is None else frozenset(schema.names)
    for frame in _parts(path, rows, names, Wish.of(schema), only=wanted, settle=True):
        source = str(path) if not done else f"{path} (rows counted from row {done + 1:,})"
        done += len(frame)
        frame = frame.reset_index(drop=True)
        yield Table.of(frame, source=source).frame if schema is None else conform(frame, schema, source=source)


def read_verbatim_chunks(
    path: str | Path, *, rows: int = 100_000, names: Sequence[str] | None = None, only: Collection[str] | None = None
) -> Iterator[pd.DataFrame]:
    """The same rows as `read_table_chunks` gives, in chunks of the same lengths, but nothing interpreted.

    The values of a CSV file come as the text that stands there (00123, "nan", an empty string), those of a Parquet file
    in the types they are stored in, bytes among them: what a user's own columns must look like when they are written
    again. only: the columns to read of a CSV or Parquet file; those beside them are passed over.
    """
    path = sources.existing_file(path)
    verbatim = Wish(verbatim=True)
    for frame in _parts(path, rows, names, verbatim, only=None if only is None else frozenset(only)):
        yield frame.reset_index(drop=True)


def without_rows(path: str | Path) -> pd.DataFrame | None:
    """The columns of a table file that has a header and no row below it; None for every other file."""
    path = sources.existing_file(path)
    if is_parquet(path):
        frame = read_parquet(path) if cells_of(path) == 0 else None
    elif path.suffix.lower() == ".npz":
        frame = _read_npz(path)
    else:
        frame = csv_without_rows(path)
    return frame if frame is not None and frame.empty and len(frame.columns) else None


def _parts(
    path: Path,
    rows: int,
    names: Sequence[str] | None,
    wish: Wish,
    *,
    only: frozenset[str] | None = None,
    settle: bool = False,
) -> Iterator[pd.DataFrame]:
    """settle: go through a CSV file with decimal commas once before."""
    if is_parquet(path):
        yield from parquet_parts(path, rows, keep_bytes=wish.verbatim, only=only)
    elif path.suffix.lower() == ".npz":
        frame = _read_npz(path)
        for begin in range(0, len(frame), rows):
            yield frame.iloc[begin : begin + rows]
    else:
        file = CsvFile.of(path, names)
        if settle and file.has_decimal_commas():  # 1.234 alone does not say that 1.234,5 is to come
            wish = file.settled(wish, rows=rows, only=only)
        yield from file.parts(wish, rows=rows, only=only)


# -- NumPy -------------------------------------------------------------------------------------------------------------


def _read_npz(path: Path) -> pd.DataFrame:
    arrays = load_npz(path)
    if "X" not in arrays:
        raise InputError(
            f"{path} holds {', '.join(arrays)}; as a table it needs X (rows, columns), and y if there are labels"
        )
    values = arrays["X"]
    if values.ndim != 2:
        raise InputError(f"{path}: X has shape {values.shape}; as a table it needs (rows, columns)")
    frame = pd.DataFrame(values, columns=[f"x{k}" for k in range(values.shape[1])])
    if "y" in arrays:
        y = arrays["y"].reshape(len(arrays["y"]), -1)
        if y.shape[1] != 1 or len(y) != len(frame):
            raise InputError(
                f"{path}: X has {len(frame):,} rows, but y has shape {arrays['y'].shape}; give one label a row"
            )
        frame["y"] = y[:, 0]
    return frame


def load_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a .npz file; `InputError` when it is none, was cut short, or needs pickle (which runs code)."""
    import zipfile

    try:
        with path.open("rb") as file, zipfile.ZipFile(file), np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except ValueError as error:
        if "pickle" in str(error).lower():
            raise InputError(
                f"{path} holds Python objects (pickle), which can run code when read, and is refused; "
                "save plain arrays of numbers"
            ) from error
        raise InputError(f"{path} is not a readable .npz file: {error}") from error
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, KeyError) as error:
        raise InputError(f"{path} is not a .npz file, or was cut short ({error}); copy or download it again") from error
