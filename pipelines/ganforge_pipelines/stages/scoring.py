"""Score a file of any length with a fitted detector, chunk by chunk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from ganforge.data.images import Images
from ganforge.data.readers import read, read_table_chunks
from ganforge.data.writers import check_writable, write_tables
from ganforge.errors import InputError

ROWS_A_CHUNK = 50_000


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What came of scoring a file."""

    rows: int
    threshold: float
    """The score above which a training row counted as odd (the detector's contamination)."""
    unseen: dict[str, int]
    """Column → rows that hold a category never seen in training."""


def score_file(
    detector: Any, data: str | Path, out: str | Path, *, explain: bool = False, rows: int = ROWS_A_CHUNK
) -> Scored:
    """Write the rows of `data` in order to `out`, with `score` (higher = more anomalous) and `rank` (1 = the oddest).

    Read twice, `rows` rows at a time, so that memory holds one chunk and a float64 a row. With `explain`, three
    columns `reason_1` … `reason_3` name what made each row odd. Pictures are given by their number (`picture`).
    """
    data, out = Path(data), Path(out)
    check_writable(out)
    if out.exists() and out.resolve() == data.resolve():
        raise InputError(f"--out {out} is the file that is read; choose another name")
    unseen: Counter[str] = Counter()
    scores = []
    for chunk, _ in _chunks(data, rows):
        scores.append(np.asarray(detector.decision_function(chunk)))
        unseen.update(getattr(detector, "unseen_", None) or {})
    score = np.concatenate(scores)
    rank = rankdata(-score, method="min")

    def scored() -> Iterator[pd.DataFrame]:
        start = 0
        for chunk, frame in _chunks(data, rows):
            stop = start + len(frame)
            clash = [name for name in ("score", "rank") if name in frame.columns]
            if clash:
                raise InputError(f"{data} has a column {clash[0]!r} already; rename it, or drop it before scoring")
            columns = {"score": score[start:stop], "rank": rank[start:stop].astype(np.int64)}
            frame = frame.assign(**columns)
            if explain:
                reasons = detector.explain(chunk)
                frame = pd.concat([frame, reasons.set_index(frame.index)], axis=1)
            yield frame
            start = stop

    write_tables(scored(), out)
    return Scored(rows=len(score), threshold=float(detector.threshold_), unseen=dict(unseen))


def _chunks(data: Path, rows: int) -> Iterator[tuple[Any, pd.DataFrame]]:
    """(what the detector is given, the frame that is written) for each chunk of the file."""
    if _holds_pictures(data):
        images = read(data)
        if not isinstance(images, Images):
            raise InputError(f"{data}: a table where pictures were expected")
        for start in range(0, len(images), rows):
            take = np.arange(start, min(start + rows, len(images)))
            yield images.take(take), pd.DataFrame({"picture": take + 1})
        return
    for frame in read_table_chunks(data, rows=rows):
        yield frame, frame


def _holds_pictures(data: Path) -> bool:
    return data.is_dir() or "idx" in data.name or data.suffix == ".npz"
