"""The clock that a file tells its times by: how far east of UTC each of them is written.

A table keeps moments. Of a text with an offset it keeps the moment alone, in UTC: 2026-03-02 00:30+02:00 is 22:30 of
the day before. What asks for the day or the hour, as the file's people count them, asks here.

    a column with a zone      its own clock, daylight saving included
    texts with offsets        each row's own, so that they may differ from one row to the next
    no zone, or numbers       told by the file's clock already
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ganforge.data.schema import ticks, ticks_per_second
from ganforge.data.table import Table
from ganforge.data.tables import read_verbatim_chunks
from ganforge.data.texts import offsets_in


def offsets_east(table: Table, name: str, *, path: str | Path) -> np.ndarray:
    """(N,) float64: by how many seconds the clock of each row's time is ahead of UTC; 0 where no zone is written.

    `Table.time` and this, added, are the seconds of the wall clock. path: the file that the table was read from, which
    is looked at again where its zones are not in the table.
    """
    series = table.column(name, "time column")
    if series.dtype.kind == "O":
        return offsets_in(series)
    if series.dtype.kind != "M" or series.dt.tz is None:
        return np.zeros(len(table))
    east = ticks(series.dt.tz_localize(None)) - ticks(series)
    if east.any():
        return east / ticks_per_second(str(series.dtype))
    written = pd.concat([chunk[name] for chunk in read_verbatim_chunks(path, only=[name])], ignore_index=True)
    return np.zeros(len(table)) if written.dtype.kind == "M" else offsets_in(written)
