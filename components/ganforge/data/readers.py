"""The one door for data: a path becomes a `Table` or `Images`. Reading never runs code out of a file.

Another kind of data (series of measurements, for one) is a reader in a file of its own and a line in `read`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ganforge.data import sources
from ganforge.data.images import Images
from ganforge.data.pictures import read_idx, read_images, write_idx
from ganforge.data.table import SchemaLike, Table
from ganforge.data.tables import load_npz, read_table, read_table_chunks, read_verbatim_chunks, without_rows
from ganforge.errors import InputError

__all__ = [
    "holds_images",
    "read",
    "read_idx",
    "read_images",
    "read_table",
    "read_table_chunks",
    "read_verbatim_chunks",
    "without_rows",
    "write_idx",
]


def read(
    path: str | Path,
    *,
    labels: str | Path | None = None,
    schema: SchemaLike = None,
    names: Sequence[str] | None = None,
) -> Table | Images:
    """Read whatever `path` is: a folder or idx file gives pictures, .npz whichever its arrays are, the rest a table.

    labels: the idx file of an idx file's labels. schema, names: as in `read_table`.
    """
    path = Path(path)
    sources.refuse_missing(path)
    if holds_images(path):
        if schema is not None or names is not None:
            raise InputError(f"{path} holds pictures, which take no schema and no column names")
        return read_images(path, labels=labels)
    if labels is not None:
        raise InputError(f"{path} is a table; its labels are a column of it, so leave {labels} out")
    return read_table(path, schema=schema, names=names)


def holds_images(path: Path) -> bool:
    """Does this existing path hold pictures rather than a table?"""
    if path.is_dir():
        return True
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(("-ubyte", ".idx")) or "-idx" in name:
        return True
    if path.suffix.lower() == ".npz":
        arrays = load_npz(sources.existing_file(path))
        return not ("X" in arrays and arrays["X"].ndim == 2)
    return False
