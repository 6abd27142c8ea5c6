"""Parquet as it comes, read whole or by lots of rows: the same values either way.

The dtypes are those of the file's columns, whatever pandas has noted beside them. Whole numbers beside missing ones
stay whole; times of day and decimals are Arrow's. Bytes (pictures, signatures) are learned by no model and may be
larger than all else: it is kept where there are some, and they are let go of a few rows at a time, unless `keep_bytes`
is asked for.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ganforge.data.dtypes import holds_bytes
from ganforge.data.images import MARK
from ganforge.data.readings import Dates, Reading, Unsigned
from ganforge.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_FEW_ROWS = 1_024
"""Rows with bytes that are held at a time."""
_BUFFER = 1 << 20
"""Bytes of a column that are read at a time where it may be large; otherwise all of it in a row group at once."""


def is_parquet(path: Path) -> bool:
    """By its name, or by its first bytes."""
    if path.suffix.lower() in (".parquet", ".pq"):
        return True
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def parquet_cells(path: Path) -> int:
    """How many values a file holds, rows × columns."""
    with _opened(path) as file:
        return file.metadata.num_rows * file.metadata.num_columns


def read_parquet(path: Path) -> pd.DataFrame:
    """All rows, without bytes."""
    import pyarrow as pa

    with _opened(path) as file:
        if not _with_bytes(file.schema_arrow):
            return _to_pandas(file.read(), file.schema_arrow)
        parts = [_without_bytes(file.schema_arrow.empty_table()), *_tables(file, _FEW_ROWS, keep_bytes=False)]
        return _to_pandas(pa.concat_tables(parts), file.schema_arrow)


def parquet_readings(path: Path, *, rows: int, lenient: Collection[str]) -> Mapping[str, Reading]:
    """Which columns of texts are dates, and which of whole numbers codes, by all rows. rows: held at a time. lenient:
    columns in which other texts may stand beside dates, and numbers are codes.

    Each column is read by itself, one of texts no further than until it is certain that it holds no dates: of most that
    is the first lot.
    Raises `InputError` naming the row where a few among many dates are none.
    """
    with _opened(path) as file:
        of, fields = file.metadata.num_rows, file.schema_arrow
        texts = [field.name for field in fields if _holds_texts(field.type) and fields.names.count(field.name) == 1]
        dates = {name: Dates() for name in texts}
        for name, each in dates.items():
            for batch in file.iter_batches(batch_size=rows, columns=[name]):
                each.look_at(pd.Series(batch.column(name).cast("large_string").to_pandas(), dtype=object))
                if each.are_not(of=of):
                    break
        readings = {
            name: each.reading(name=name, source=str(path), lenient=name in lenient) for name, each in dates.items()
        }
        for field in fields:
            if str(field.type) == "uint64" and fields.names.count(field.name) == 1:
                numbers = Unsigned()
                for batch in file.iter_batches(batch_size=rows, columns=[field.name]):
                    numbers.look_at(pd.Series(batch.column(field.name).drop_null().to_numpy(zero_copy_only=False)))
                codes = numbers.are_codes(certain=field.name in lenient)
                readings[field.name] = Reading("codes") if codes else Reading("numbers")
        return readings


def parquet_parts(
    path: Path, rows: int, *, keep_bytes: bool, only: Collection[str] | None = None
) -> Iterator[pd.DataFrame]:
    """The rows in order, `rows` at a time. only: columns beside these are passed over, unread, unless one of these is
    lacking: all are there then, for a message to name those that are."""
    with _opened(path) as file:
        if only is not None and not set(only) <= set(file.schema_arrow.names):
            only = None
        for table in _tables(file, rows, keep_bytes=keep_bytes, only=only):
            yield _to_pandas(table, file.schema_arrow)


def _tables(
    file: pq.ParquetFile, rows: int, *, keep_bytes: bool, only: Collection[str] | None = None
) -> Iterator[pa.Table]:
    """`rows` at a time, fewer in the last: batches end where a row group does if a column is dictionary-encoded, and
    are cut anew, so that the same file falls into the same lots with bytes and without."""
    import pyarrow as pa

    let_go = _with_bytes(file.schema_arrow) and not keep_bytes
    kept: list[pa.Table] = []
    held = 0
    columns = None if not only else [name for name in file.schema_arrow.names if name in only]
    for batch in file.iter_batches(batch_size=min(rows, _FEW_ROWS) if let_go else rows, columns=columns):
        table = pa.Table.from_batches([batch])
        kept.append(_without_bytes(table) if let_go else table)
        held += len(batch)
        if held >= rows:
            whole = pa.concat_tables(kept)
            yield whole.slice(0, rows)
            kept, held = [whole.slice(rows)], held - rows
    if held:
        yield pa.concat_tables(kept)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        large = _with_bytes(pq.read_schema(path))
        with pq.ParquetFile(path, buffer_size=_BUFFER if large else 0) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{path} cannot be read as Parquet: it was cut short, or is something else "
            f"({' '.join(str(error).split())[:160]})"
        ) from error


def _with_bytes(schema: pa.Schema) -> bool:
    return any(holds_bytes(kind) for kind in schema.types)


def _without_bytes(table: pa.Table) -> pa.Table:
    """Empty ones where there were some."""
    import pyarrow as pa
    import pyarrow.compute as pc

    some, none = pa.scalar(b"", pa.binary()), pa.scalar(None, pa.binary())
    for k, field in enumerate(table.schema):
        if holds_bytes(field.type):
            table = table.set_column(k, field.name, pc.if_else(table.column(k).is_valid(), some, none))
    return table


def _to_pandas(table: pa.Table, schema: pa.Schema) -> pd.DataFrame:
    """schema: of the file. What it says of dtypes is not looked at; that its rows are synthetic is."""
    # Whole numbers beside missing values would come as floats: nullable dtypes keep them exact.
    nullable: dict[str, Any] = {
        "int8": pd.Int8Dtype(), "int16": pd.Int16Dtype(), "int32": pd.Int32Dtype(), "int64": pd.Int64Dtype(),
        "uint8": pd.UInt8Dtype(), "uint16": pd.UInt16Dtype(), "uint32": pd.UInt32Dtype(), "uint64": pd.UInt64Dtype(),
    }  # fmt: skip
    frame = table.to_pandas(
        types_mapper=lambda kind: pd.ArrowDtype(kind) if _stays(kind) else nullable.get(str(kind)),
        date_as_object=False,
        ignore_metadata=True,
    )
    if _is_marked(schema):
        frame.attrs[MARK] = True
    return frame


def _stays(kind: pa.DataType) -> bool:
    """Times of day, decimals and bytes would come as Python's objects, which do not say what the column was: they stay
    Arrow's."""
    import pyarrow.types as arrow

    return arrow.is_time(kind) or arrow.is_decimal(kind) or holds_bytes(kind)


def _holds_texts(kind: pa.DataType) -> bool:
    """Ordered ones are levels, whatever they say."""
    import pyarrow.types as arrow

    if arrow.is_dictionary(kind):
        return not kind.ordered and _holds_texts(kind.value_type)
    return arrow.is_string(kind) or arrow.is_large_string(kind) or arrow.is_string_view(kind)


def _is_marked(schema: pa.Schema) -> bool:
    """Does the file have the mark of synthetic rows among the `attrs` that pandas and pyarrow keep in it?"""
    metadata = schema.metadata or {}
    for key in (b"PANDAS_ATTRS", b"pandas"):
        try:
            told = json.loads(metadata.get(key, b"{}"))
        except ValueError:  # another program's, under the same name
            continue
        attributes = told.get("attributes") if isinstance(told, dict) and key == b"pandas" else told
        if isinstance(attributes, dict) and attributes.get(MARK):
            return True
    return False
