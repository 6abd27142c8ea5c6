"""Tables and pictures to files: whole or not at all, and never over something else."""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
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
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: pq.ParquetWriter | None = None
    try:
        for frame in frames:
            table = pa.Table.from_pandas(frame, preserve_index=False, schema=None if writer is None else writer.schema)
            if writer is None:
                told = {key.encode(): each.encode() for key, each in metadata.items()}
                writer = pq.ParquetWriter(path, table.schema.with_metadata({**(table.schema.metadata or {}), **told}))
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


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
