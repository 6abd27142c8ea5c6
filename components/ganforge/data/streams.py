"""Tables larger than memory: a CSV or Parquet file that is read by batches, and never held.

    stream = open_table("payments.parquet")            # a `StreamedTable` where the file is large, else a `Table`
    codec = Codec.fit(stream.sample, max_modes=10)
    encoded = stream.encode(codec, random_state=0)      # float32 scalars and small codes, on disk where they are many

One pass over the file settles the schema and draws a sample of its rows, one encodes them; before both, one settles
what columns of texts are (`readings.py`). Kinds are inferred on the sample, which is the whole file where that has no
more rows; bounds, categories, rounding and whether values are missing come from every row. Mixtures are fitted on the
sample. Within a sample's size, everything is what the table in memory would have.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data import sources
from ganforge.data.codec import Codec, Encoded
from ganforge.data.readings import Reading
from ganforge.data.schema import Column, Schema
from ganforge.data.surveying import Survey
from ganforge.data.table import SchemaLike, Table, conform
from ganforge.data.tables import cells_of, read_frame_chunks, read_table, settled_readings
from ganforge.errors import InputError
from ganforge.files import sha256_file

LARGE = 10_000_000
"""Values (rows × columns) from which on a file is read by batches: some 80 MB of numbers, and as much again to work
on; ten times that where many are texts."""
SAMPLE = 100_000
"""Rows that kinds are inferred and mixtures fitted on."""
BATCH = 100_000
"""Rows held at a time."""
IN_MEMORY = 512 * 2**20
"""Bytes of encoded rows from which on they lie in a temporary file, mapped into memory."""


@dataclass(frozen=True, eq=False)
class StreamedTable:
    """N rows of a file that must not change while this is in use."""

    path: Path
    schema: Schema
    rows: int
    sample: Table
    """At most `SAMPLE` rows, each as likely, in the order of the file, under the schema of the whole."""
    fingerprint: str
    """SHA-256 over schema and the *bytes of the file*: the same rows in another file, or as a `Table`, have another."""

    read_as: Schema | None = None
    """What the file's own columns are, where rows are made into others after reading; None: `schema`."""
    made_by: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    """Makes rows of `schema` of rows of `read_as`."""
    readings: Mapping[str, Reading] = field(default_factory=dict)
    """What columns of texts are by all rows: settled once, for all passes."""

    @property
    def source(self) -> str:
        return str(self.path)

    def __len__(self) -> int:
        return self.rows

    def chunks(self, *, rows: int = BATCH) -> Iterator[pd.DataFrame]:
        """The rows in order, with the schema's columns and dtypes."""
        own, done = self.read_as or self.schema, 0
        for frame in read_frame_chunks(self.path, readings=self.readings, rows=rows, schema=own):
            source = self.source if not done else f"{self.source} (rows counted from row {done + 1:,})"
            done += len(frame)
            frame = conform(frame, own, source=source)
            yield frame if self.made_by is None else conform(self.made_by(frame), self.schema, source=source)

    def through(
        self, make: Callable[[pd.DataFrame], pd.DataFrame], kinds: Mapping[str, str | Column], *, sample: int = SAMPLE
    ) -> StreamedTable:
        """The table of the rows that `make` makes of these, batch by batch. kinds: of the columns it makes, as in
        `Table.of`."""
        survey = Survey(kinds, sample=sample, readings=self.readings)
        for frame in self.chunks():
            survey.look_at(make(frame), source=self.source)
        return _found(self.path, survey, read_as=self.schema, made_by=make, readings=self.readings)

    def take(self, rows: np.ndarray) -> Table:
        """These rows (numbers from 0, in any order, the same one twice if need be) as a table of the same schema."""
        wanted, back = np.unique(rows, return_inverse=True)
        found, begin = [], 0
        for frame in self.chunks():
            here = wanted[(wanted >= begin) & (wanted < begin + len(frame))] - begin
            found.append(frame.iloc[here])
            begin += len(frame)
        frame = pd.concat(found, ignore_index=True).iloc[back].reset_index(drop=True)
        return Table.of(frame, schema=self.schema, source=self.source)

    def encode(self, codec: Codec, *, random_state: int | None = None, in_memory: int = IN_MEMORY) -> Encoded:
        """All rows as the codec has them, see `Codec.encode`: the same arrays as of the table in memory.

        Beyond `in_memory` bytes they lie in an unnamed file where temporary files go (`TMPDIR`).
        """
        width = codec.layout.scalars, len(codec.layout.blocks)
        bytes_ = self.rows * (4 * width[0] + codec.code_dtype.itemsize * width[1])
        scalars = _array((self.rows, width[0]), np.dtype(np.float32), on_disk=bytes_ > in_memory)
        codes = _array((self.rows, width[1]), codec.code_dtype, on_disk=bytes_ > in_memory)
        generators = None if random_state is None else codec.generators(random_state)
        begin = 0
        for frame in self.chunks():
            part = codec.encode(frame, random_state=generators)
            end = begin + len(part)
            if end > self.rows:
                break
            scalars[begin:end], codes[begin:end] = part.scalars, part.codes
            begin = end
        if begin != self.rows:
            raise InputError(f"{self.path} was changed while it was read: it had {self.rows:,} rows; start again")
        return Encoded(scalars, codes)


def open_table(path: str | Path, *, schema: SchemaLike = None, large: int = LARGE) -> Table | StreamedTable:
    """A file as a `Table`, or, from `large` values on, as a `StreamedTable`."""
    path = sources.existing_file(path)
    return stream_table(path, schema=schema) if cells_of(path) >= large else read_table(path, schema=schema)


def stream_table(
    path: str | Path, *, schema: SchemaLike = None, sample: int = SAMPLE, batch: int = BATCH
) -> StreamedTable:
    """Look through a file, whatever its size.

    schema: as in `Table.of`. Raises `InputError` for what cannot be read, and for a column of categories with more
    different values than are kept track of.
    """
    path = sources.existing_file(path)
    readings = settled_readings(path, rows=batch, schema=schema)
    survey = Survey(schema, sample=sample, readings=readings)
    for frame in read_frame_chunks(path, readings=readings, rows=batch, schema=schema):
        survey.look_at(frame, source=str(path))
    return _found(path, survey, readings=readings)


def _found(path: Path, survey: Survey, **how: Any) -> StreamedTable:
    """The table that a survey has looked through."""
    schema = survey.schema(source=str(path))
    told = json.dumps(schema.to_json(), sort_keys=True)
    digest = hashlib.sha256(f"{told}\0{sha256_file(path)}".encode()).hexdigest()
    sample = Table.of(survey.sampled, schema=schema, source=str(path))
    return StreamedTable(path, schema, survey.rows, sample, digest, **how)


def learn_codec(
    table: Table | StreamedTable, *, max_modes: int, few: int = 0, random_state: int
) -> tuple[Codec, Encoded]:
    """A codec of all rows (of a sample of them, where they are streamed), and all rows encoded by it."""
    known = table.sample if isinstance(table, StreamedTable) else table
    codec = Codec.fit(known, max_modes=max_modes, few=few, random_state=random_state)
    if isinstance(table, StreamedTable):
        return codec, table.encode(codec, random_state=random_state)
    return codec, codec.encode(table, random_state=random_state)


def _array(shape: tuple[int, int], dtype: np.dtype, *, on_disk: bool) -> np.ndarray:
    if not on_disk or not shape[0] * shape[1]:
        return np.empty(shape, dtype=dtype)
    with tempfile.TemporaryFile(prefix="ganforge-") as file:  # the mapping outlives the name, and both end with it
        return np.memmap(file, dtype=dtype, mode="w+", shape=shape)
