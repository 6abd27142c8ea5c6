"""Score a file of any length with a fitted detector, chunk by chunk."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from ganforge.data.dtypes import times_restored
from ganforge.data.images import Images
from ganforge.data.readers import holds_images, read, read_table_chunks, read_verbatim_chunks, without_rows
from ganforge.data.schema import Schema
from ganforge.data.sources import refuse_missing
from ganforge.data.writers import check_writable, write_tables
from ganforge.errors import GanforgeWarning, InputError, UnknownNameError

ROWS_A_CHUNK = 50_000
REASONS = 3


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What came of scoring a file."""

    rows: int
    threshold: float
    """The score above which a training row counted as odd (the detector's contamination)."""
    unseen: dict[str, int]
    """Column → rows that hold a category never seen in training."""
    newly_missing: dict[str, int]
    """Column → rows that lack a value, where none was missing in training."""


def score_file(
    detector: Any, data: str | Path, out: str | Path, *, explain: bool = False, rows: int = ROWS_A_CHUNK
) -> Scored:
    """Write the rows of `data` in order to `out`, with `score` (higher = more anomalous) and `rank` (1 = the oddest).

    The user's own columns are written as they stand in the file; the detector reads them by the schema it was trained
    under, so that a row means the same whatever rows are around it. With `explain`, `reason_1` … `reason_3` name the
    columns that made each row odd and `share_1` … say by how much. Where the file has a column of such a name
    already, all the new ones begin with `ganforge_`. Pictures are given by their number (`picture`).

    A file with a header and no rows below it (a quiet night) gives one with the new columns and no rows, and a notice.

    Read `rows` rows at a time, twice or more, so that memory holds some chunks and a float64 a row.
    """
    data, out = Path(data), Path(out)
    refuse_missing(data)
    check_writable(out)
    if out.exists() and out.resolve() == data.resolve():
        raise InputError(f"--out {out} is the file that is read; choose another name")
    rows_of = _Pictures(data, rows) if holds_images(data) else _Rows(data, rows, detector.encoding_)
    if isinstance(rows_of, _Rows) and (nothing := without_rows(data)) is not None:
        write_tables([_no_scores(nothing, rows_of.schema, str(data), explain=explain)], out)
        warnings.warn(f"{data} has a header but no rows: {out} has none either", GanforgeWarning, stacklevel=2)
        return Scored(rows=0, threshold=float(detector.threshold_), unseen={}, newly_missing={})
    unseen: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    scores = []
    for chunk in rows_of.for_detector():
        scores.append(np.asarray(detector.decision_function(chunk)))
        here, lacking = new_in(detector)
        unseen.update(here)
        missing.update(lacking)
    score = np.concatenate(scores)
    ranks = rankdata(-score, method="min").astype(np.int64)
    typed = out.suffix.lower() == ".parquet"
    write_tables(_with_scores(detector, rows_of, score, ranks, explain=explain, typed=typed), out)
    threshold = float(detector.threshold_)
    return Scored(rows=len(score), threshold=threshold, unseen=dict(unseen), newly_missing=dict(missing))


def new_in(detector: Any) -> tuple[dict[str, int], dict[str, int]]:
    """Column → how many values of the last call were new to the detector: (categories, missing ones)."""
    missing = detector.newly_missing_
    apart = {name: count - missing.get(name, 0) for name, count in detector.unseen_.items()}
    return {name: count for name, count in apart.items() if count}, dict(missing)


def _with_scores(
    detector: Any, rows_of: _Rows | _Pictures, score: np.ndarray, ranks: np.ndarray, *, explain: bool, typed: bool
) -> Iterator[pd.DataFrame]:
    prefix = None
    start = 0
    chunks = rows_of.for_detector() if explain else None
    for frame in rows_of.for_people(typed=typed):
        stop = start + len(frame)
        added = pd.DataFrame({"score": score[start:stop], "rank": ranks[start:stop]}, index=frame.index)
        if chunks is not None:
            reasons = detector.explain(next(chunks), top=REASONS)
            added = pd.concat([added, reasons.set_index(frame.index)], axis=1)
        if prefix is None:
            prefix = _prefix(list(frame.columns), list(added.columns))
        yield pd.concat([frame, added.add_prefix(prefix)], axis=1)
        start = stop


def _no_scores(frame: pd.DataFrame, schema: Schema, source: str, *, explain: bool) -> pd.DataFrame:
    """The columns that scored rows would have, without a row; a missing one is named as it is where there are rows."""
    for name in schema.names:
        if name not in frame.columns:
            raise UnknownNameError("column", name, frame.columns, where=source)
    added: dict[str, Any] = {"score": np.zeros(0), "rank": np.zeros(0, dtype=np.int64)}
    for k in range(1, REASONS + 1 if explain else 1):
        added |= {f"reason_{k}": np.zeros(0, dtype=object), f"share_{k}": np.zeros(0)}
    new = pd.DataFrame(added)
    return pd.concat([frame, new.add_prefix(_prefix(list(frame.columns), list(new.columns)))], axis=1)


def _prefix(there: Sequence[str], added: Sequence[str]) -> str:
    """Nothing, or `ganforge_` where a column of the file has one of the new names."""
    clash = [name for name in added if name in set(there)]
    if not clash:
        return ""
    warnings.warn(
        f"the file has a column {clash[0]!r} already; the new columns are called ganforge_{added[0]}, …",
        GanforgeWarning,
        stacklevel=2,
    )
    return "ganforge_"


class _Rows:
    """A table, chunk by chunk: for the detector under its own schema, for people as it stands."""

    def __init__(self, data: Path, rows: int, encoding: Any) -> None:
        if encoding is None:
            raise InputError(f"{data} is a table, but this detector was trained on pictures; give pictures")
        self.data, self.rows, self.schema = data, rows, encoding.schema

    def for_detector(self) -> Iterator[pd.DataFrame]:
        return read_table_chunks(self.data, rows=self.rows, schema=self.schema)

    def for_people(self, *, typed: bool) -> Iterator[pd.DataFrame]:
        """`typed`: the columns the detector knows in their own types (numbers, dates), for a file that has types."""
        chunks = self.for_detector() if typed else None
        for frame in read_verbatim_chunks(self.data, rows=self.rows):
            if chunks is None or not _all_text(frame, self.schema):
                yield frame
            else:
                known = times_restored(next(chunks), self.schema)
                yield frame.assign(**{name: known[name].set_axis(frame.index) for name in known.columns})


def _all_text(frame: pd.DataFrame, schema: Schema) -> bool:
    """Did the rows come from a file without types (CSV)?"""
    return all(frame[name].dtype == object for name in schema.names)


class _Pictures:
    """A set of pictures, chunk by chunk."""

    def __init__(self, data: Path, rows: int) -> None:
        found = read(data)
        if not isinstance(found, Images):
            raise InputError(f"{data}: a table where pictures were expected")
        self.images = found
        self.bounds = list(pairwise([*range(0, len(found), rows), len(found)]))

    def for_detector(self) -> Iterator[Images]:
        for start, stop in self.bounds:
            yield self.images.take(np.arange(start, stop))

    def for_people(self, *, typed: bool) -> Iterator[pd.DataFrame]:
        del typed  # a number is a number in any file
        for start, stop in self.bounds:
            yield pd.DataFrame({"picture": np.arange(start, stop) + 1})
