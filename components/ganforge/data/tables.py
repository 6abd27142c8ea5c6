"""Tables out of files: CSV (also .gz, .tsv, .txt), Parquet, and .npz with X and y.

CSV as it comes: delimiter , ; tab or |, blanks around values, `?` and the like for missing, decimal commas beside
semicolons, UTF-8, UTF-16 or an old spreadsheet's encoding. Rows in messages count from 1, the header not counted.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import contextlib
import csv
import gzip
import re
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data import sources
from ganforge.data.schema import ONE_HOT, Column, Schema
from ganforge.data.table import SchemaLike, Table, conform
from ganforge.data.texts import MISSING, parse_text
from ganforge.errors import GanforgeWarning, InputError

DELIMITERS = ",;\t|"
_HEAD = 1 << 18
_SNIFFED = 50


def read_table(path: str | Path, *, schema: SchemaLike = None, names: Sequence[str] | None = None) -> Table:
    """A table out of a file: .parquet, .npz (X (N, K), y), and everything else as CSV, packed or not.

    schema: as in `Table.of`. names: column names, for a CSV file without a header.
    Raises `InputError` naming file, column and row for what cannot be read.
    """
    path = sources.existing_file(path)
    return Table.of(read_frame(path, names=names, schema=schema), schema=schema, source=str(path))


def read_frame(path: Path, *, names: Sequence[str] | None = None, schema: SchemaLike = None) -> pd.DataFrame:
    """The columns of a file, before any schema."""
    if _is_parquet(path):
        return _read_parquet(path)
    if path.suffix.lower() == ".npz":
        return _read_npz(path)
    return _read_csv(path, names, _Wish.of(schema))


def read_frame_chunks(path: str | Path, *, rows: int = 100_000, schema: SchemaLike = None) -> Iterator[pd.DataFrame]:
    """The rows of a file in order, at most `rows` at a time, in whatever dtypes each chunk has.

    schema: says how to read columns of text, as for `read_table`; it is not applied.
    """
    path = sources.existing_file(path)
    for frame in _parts(path, rows, None, _Wish.of(schema)):
        yield frame.reset_index(drop=True)


def cells_of(path: Path) -> int:
    """About how many values (rows × columns) a table file holds, without reading it: of CSV, five bytes are a value."""
    if _is_parquet(path):
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(path) as file:
                return file.metadata.num_rows * file.metadata.num_columns
        except pa.ArrowException as error:
            raise _not_parquet(path, error) from error
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
    for frame in _parts(path, rows, names, _Wish.of(schema), only=wanted):
        source = str(path) if not done else f"{path} (rows counted from row {done + 1:,})"
        done += len(frame)
        frame = frame.reset_index(drop=True)
        yield Table.of(frame, source=source).frame if schema is None else conform(frame, schema, source=source)


def read_verbatim_chunks(
    path: str | Path, *, rows: int = 100_000, names: Sequence[str] | None = None
) -> Iterator[pd.DataFrame]:
    """The same rows as `read_table_chunks` gives, in the same chunks, but nothing interpreted.

    The values of a CSV file come as the text that stands there (00123, "nan", an empty string), those of a Parquet file
    in the types they are stored in: what a user's own columns must look like when they are written again.
    """
    path = sources.existing_file(path)
    verbatim = _Wish(verbatim=True)
    for frame in _parts(path, rows, names, verbatim):
        yield frame.reset_index(drop=True)


def without_rows(path: str | Path) -> pd.DataFrame | None:
    """The columns of a table file that has a header and no row below it; None for every other file."""
    path = sources.existing_file(path)
    if _is_parquet(path):
        frame = _read_parquet(path) if cells_of(path) == 0 else None
    elif path.suffix.lower() == ".npz":
        frame = _read_npz(path)
    else:
        head = sources.read_bytes(path, _HEAD)
        sources.refuse_binary(path, head)
        lines = [line for line in _first_lines(head, sources.encoding_of(head) or "utf-8-sig") if line.strip()]
        frame = pd.DataFrame(columns=_header(path, lines, _sniff(lines), None)) if len(lines) == 1 else None
    return frame if frame is not None and frame.empty and len(frame.columns) else None


def _parts(
    path: Path, rows: int, names: Sequence[str] | None, wish: _Wish, *, only: frozenset[str] | None = None
) -> Iterator[pd.DataFrame]:
    if _is_parquet(path):
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=rows):
                    yield _arrow_to_pandas(pa.Table.from_batches([batch]))
        except pa.ArrowException as error:
            raise _not_parquet(path, error) from error
    elif path.suffix.lower() == ".npz":
        frame = _read_npz(path)
        for begin in range(0, len(frame), rows):
            yield frame.iloc[begin : begin + rows]
    else:
        yield from _csv_parts(path, names, rows, wish, only=only)


# -- CSV -----------------------------------------------------------------------------------------------------------


def _read_csv(path: Path, names: Sequence[str] | None, wish: _Wish) -> pd.DataFrame:
    parts = list(_csv_parts(path, names, None, wish))
    return parts[0]


def _csv_parts(
    path: Path,
    names: Sequence[str] | None,
    rows: int | None,
    wish: _Wish,
    *,
    only: frozenset[str] | None = None,
) -> Iterator[pd.DataFrame]:
    """Chunks of `rows` rows (None: one of all). `only`: columns beside these are passed over, unread."""
    head = sources.read_bytes(path, _HEAD)
    sources.refuse_binary(path, head)
    encoding = sources.encoding_of(head) or "utf-8-sig"
    if encoding == "cp1252":
        warnings.warn(f"{path} is not UTF-8; its letters were read as Windows-1252", GanforgeWarning, stacklevel=4)
    lines = _first_lines(head, encoding)
    delimiter = _sniff(lines)
    header = _header(path, lines, delimiter, names)
    options: dict[str, Any] = {
        "sep": delimiter,
        "header": None if names else 0,
        "names": header,
        "index_col": False,
        "dtype": str if wish.verbatim else dict.fromkeys(wish.literal & set(header), str),
        "na_values": [] if wish.verbatim else sorted(MISSING),
        "usecols": ([name for name in header if name in only] or None) if only is not None else None,
        "keep_default_na": False,
        "skipinitialspace": True,
        "encoding": encoding,
        "compression": "gzip" if sources.is_packed(path) else None,
        "float_precision": "round_trip",
        "low_memory": False,
    }
    with _told(path):
        if rows is None:
            yield _typed(pd.read_csv(path, **options), path, delimiter, wish)
            return
        reader = pd.read_csv(path, chunksize=rows, **options)
    with reader:
        while True:
            with _told(path):  # not around the yield: the caller's warnings are the caller's
                frame = next(reader, None)
            if frame is None:
                return
            yield _typed(frame, path, delimiter, wish)


def _typed(frame: pd.DataFrame, path: Path, delimiter: str, wish: _Wish) -> pd.DataFrame:
    frame = frame.reset_index(drop=True)
    if frame.empty:
        raise InputError(f"{path} has a header but no rows; give a table with at least one")
    if wish.verbatim:
        return frame
    columns = {}
    for name in frame.columns:
        series = frame[name]
        if series.dtype == object:
            if name in wish.literal:
                series = series.str.strip()
                series = series.where(series.notna() & ~series.isin(MISSING), np.nan)
            else:
                series = parse_text(
                    series,
                    name=str(name),
                    source=str(path),
                    decimal_comma=delimiter in ";\t",
                    lenient=name in wish.lenient,
                )
        columns[name] = series
    return pd.DataFrame(columns)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """pandas' own complaints, in our words: which file, which row, what to do."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise sources.cut_short(path) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text in one encoding ({error.reason}); save it as UTF-8") from error
    except pd.errors.ParserWarning as error:
        raise InputError(
            f"{path}: rows have more values than the header has names; give every column a name"
        ) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        if found:
            raise InputError(
                f"{path}, line {found[2]}: {found[3]} values, but the header has {found[1]} names; "
                "mend the line (is a value with the delimiter in it not quoted?)"
            ) from error
        raise InputError(f"{path} is not a readable table: {' '.join(str(error).split())}") from error


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


@dataclass(frozen=True)
class _Wish:
    """What a schema says about how to read columns of text."""

    literal: frozenset[str] = frozenset()
    """Read as written: 00123 stays 00123."""
    lenient: frozenset[str] = frozenset()
    """May hold numbers and words side by side."""
    verbatim: bool = False
    """Every column as it stands, missing values included."""

    @classmethod
    def of(cls, schema: SchemaLike) -> _Wish:
        if schema is None:
            return cls()
        if isinstance(schema, Schema):
            texts = (column for column in schema if column.dtype == "object" and column.kind != "boolean")
            return cls(frozenset(each.name for each in texts if all(isinstance(one, str) for one in each.categories)))
        asked = Schema.read(schema) if isinstance(schema, str | Path) else schema
        kinds = {name: wish.kind if isinstance(wish, Column) else wish for name, wish in asked.items()}
        return cls(
            frozenset(name for name, kind in kinds.items() if kind == "text"),
            frozenset(name for name, kind in kinds.items() if kind in (*ONE_HOT, "identifier")),
        )


# -- Parquet and NumPy ---------------------------------------------------------------------------------------------


def _is_parquet(path: Path) -> bool:
    if path.suffix.lower() in (".parquet", ".pq"):
        return True
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            return _arrow_to_pandas(file.read())
    except (pa.ArrowException, OSError) as error:
        raise _not_parquet(path, error) from error


def _not_parquet(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path} cannot be read as Parquet: it was cut short, or is something else "
        f"({' '.join(str(error).split())[:160]})"
    )


def _arrow_to_pandas(table: Any) -> pd.DataFrame:
    # Whole numbers beside missing values would come as floats: nullable dtypes keep them exact.
    nullable = {
        "int8": pd.Int8Dtype(), "int16": pd.Int16Dtype(), "int32": pd.Int32Dtype(), "int64": pd.Int64Dtype(),
        "uint8": pd.UInt8Dtype(), "uint16": pd.UInt16Dtype(), "uint32": pd.UInt32Dtype(), "uint64": pd.UInt64Dtype(),
    }  # fmt: skip
    return table.to_pandas(
        types_mapper=lambda kind: nullable.get(str(kind)), date_as_object=False, ignore_metadata=True
    )


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
