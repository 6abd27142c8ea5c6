"""Tables and pictures to files: whole or not at all, and never over something else."""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import gzip
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import pandas as pd
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ganforge.data.images import MARK, Images
from ganforge.errors import InputError
from ganforge.files import inside, write_whole, write_whole_folder

_SUFFIXES = (".csv", ".csv.gz", ".parquet")


def check_writable(path: str | Path) -> None:
    """Raise `InputError` unless `path` is the name of a table that can be written: .csv, .csv.gz, .parquet."""
    path = Path(path)
    if not path.name.lower().endswith(_SUFFIXES):
        raise InputError(f"{path}: unknown kind of table file; end the name in {', '.join(_SUFFIXES)}")
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a file")


def write_table(frame: pd.DataFrame, path: str | Path, *, metadata: Mapping[str, str] | None = None) -> None:
    """Write one frame; the kind of file follows from its name. See `write_tables`."""
    write_tables([frame], path, metadata=metadata)


def write_tables(
    frames: Iterable[pd.DataFrame], path: str | Path, *, metadata: Mapping[str, str] | None = None
) -> None:
    """Write frames of the same columns below each other, one at a time, into one file of bounded memory.

    metadata: what a Parquet file says of itself, by key; a CSV file has no place for it, and is written without.
    """
    path = Path(path)
    check_writable(path)
    with write_whole(path) as temporary:
        if path.suffix.lower() == ".parquet":
            _write_parquet(frames, temporary, metadata or {})
            return
        with _text(temporary, compressed=path.suffix.lower() == ".gz") as file:
            for k, frame in enumerate(frames):
                frame.to_csv(file, index=False, header=k == 0, lineterminator="\n")


def _write_parquet(frames: Iterable[pd.DataFrame], path: Path, metadata: Mapping[str, str]) -> None:
    """One row group a frame. A column's type is that of the first frame, unless a later one needs a wider one: a column
    without a value so far has no type, and whole numbers may be followed by fractions. What was written until then is
    a part of its own, and the parts are copied into one file at the end."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    told = {key.encode(): each.encode() for key, each in metadata.items()}
    with tempfile.TemporaryDirectory(prefix=path.name, dir=path.parent) as folder:
        parts: list[Path] = []
        schema: pa.Schema | None = None
        with ExitStack() as last:
            for frame in frames:
                table, needed = _as_arrow(frame, schema)
                if needed is not schema:
                    last.close()
                    schema = needed.with_metadata({**(needed.metadata or {}), **told})
                    parts.append(Path(folder) / str(len(parts)))
                    writer = last.enter_context(pq.ParquetWriter(parts[-1], schema))
                writer.write_table(_cast(table, schema))
        if len(parts) == 1:
            parts[0].replace(path)
        elif schema is not None:
            with pq.ParquetWriter(path, schema) as writer:
                for part in map(pq.ParquetFile, parts):
                    with part:
                        for group in range(part.num_row_groups):
                            writer.write_table(_cast(part.read_row_group(group), schema))


def _as_arrow(frame: pd.DataFrame, schema: Any) -> tuple[Any, Any]:
    """The frame as a table of `schema`, and that schema; or of the least wider one that can hold it, and this one."""
    import pyarrow as pa

    if schema is not None:
        with suppress(pa.ArrowException):
            return pa.Table.from_pandas(frame, preserve_index=False, schema=schema), schema
    table = pa.Table.from_pandas(frame, preserve_index=False)
    if schema is None:
        return table, table.schema
    fields = [_wider(before, table.schema.field(before.name)) for before in schema]
    return table, pa.schema(fields, metadata=table.schema.metadata)


def _wider(before: Any, now: Any) -> Any:
    """The least type that both of a column's hold."""
    import pyarrow as pa

    try:
        return pa.unify_schemas([pa.schema([before]), pa.schema([now])], promote_options="permissive").field(0)
    except pa.ArrowException as error:
        raise _torn(before.name, before.type, now.type) from error


def _cast(table: Any, schema: Any) -> Any:
    """The table in these types, nothing rounded."""
    import pyarrow as pa

    try:
        return table.cast(schema)
    except pa.ArrowException as error:
        for field in table.schema:
            with suppress(pa.ArrowException):
                table[field.name].cast(schema.field(field.name).type)
                continue
            raise _torn(field.name, field.type, schema.field(field.name).type) from error
        raise


def _torn(name: str, one: Any, other: Any) -> InputError:
    return InputError(
        f"column {name!r} holds values of type {one} and of type {other}, which a column of a Parquet file cannot hold "
        "together; make them one type, or write a .csv file"
    )


@contextmanager
def _text(path: Path, *, compressed: bool) -> Iterator[IO[Any]]:
    if compressed:  # mtime=0: the same rows give the same bytes
        with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as file:
            yield file
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file


def write_images(images: Images, folder: str | Path) -> None:
    """Write one PNG a picture: `folder/<class>/000001.png`, or `folder/000001.png` without labels.

    Generated ones are marked as such, by a text in the file. A folder that holds anything but such pictures is never
    replaced (`InputError`).
    """
    folder = Path(folder)
    _check_pictures_only(folder)
    made = PngInfo()
    made.add_text(MARK, "true")
    with write_whole_folder(folder) as temporary:
        for k, pixels in enumerate(images.pixels):
            place = temporary
            if images.labels is not None:
                place = inside(temporary, _file_name(images.classes[images.labels[k]]))
                place.mkdir(exist_ok=True)
            array = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
            mark = made if images.synthetic is not None and images.synthetic[k] else None
            Image.fromarray(array).save(place / f"{k + 1:06d}.png", pnginfo=mark)


def _check_pictures_only(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"{folder} is a file; give the name of a folder for the pictures")
    others = [each for each in folder.rglob("*") if each.is_file() and not re.fullmatch(r"\d{6,}\.png", each.name)]
    if others:
        raise InputError(
            f"{folder} holds {others[0].relative_to(folder)}, which is no picture of ours; choose another folder"
        )


def _file_name(name: str) -> str:
    """A class's name as a folder's: separators and leading dots are replaced."""
    return re.sub(r"[\\/:\0]", "_", name).lstrip(".") or "_"
