"""By what a row is known again: 64 bits a row, which say nothing of it to who has not the whole row already.

    row_fingerprints(frame)  ─▶ (N,) uint64          salted(…, salt) ─▶ (N,) uint64 that no other salt gives
    picture_fingerprints(images)

A model that keeps the fingerprints of its training rows can be held against another one on rows that neither has seen,
without keeping a row. The same values give the same fingerprint whatever file they came from, and in whatever order
its columns stand. That two of a million different rows share one has a probability of 3 in 100 million.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportIndexIssue=false

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import pandas as pd
from pandas.util import hash_array, hash_pandas_object

from ganforge.data.images import Images
from ganforge.data.schema import ticks, ticks_per_second

SALT_BYTES = 16


def row_fingerprints(frame: pd.DataFrame, *, leave_out: Iterable[str] = ()) -> np.ndarray:
    """(N,) uint64 over all columns but those of `leave_out`; numbers count as float64, dates as seconds."""
    names = sorted(set(map(str, frame.columns)) - set(leave_out))
    if not names:
        return np.zeros(len(frame), dtype=np.uint64)
    columns = {name: _plain(pd.Series(frame[name])) for name in names}
    return hash_pandas_object(pd.DataFrame(columns).reset_index(drop=True), index=False).to_numpy(dtype=np.uint64)


def picture_fingerprints(images: Images) -> np.ndarray:
    """(N,) uint64 over the pixels."""
    digests = [hashlib.blake2b(each.tobytes(), digest_size=8).digest() for each in images.pixels]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def salted(fingerprints: np.ndarray, salt: bytes) -> np.ndarray:
    """(N,) uint64: the same ones under a key (BLAKE2b, RFC 7693), so that two sets of other salts cannot be compared.

    The salt does not keep a secret from who holds both: whoever knows every value of a row can ask whether it is there.
    """
    digests = [hashlib.blake2b(each.tobytes(), key=salt, digest_size=8).digest() for each in fingerprints.astype("<u8")]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def _plain(series: pd.Series) -> pd.Series:
    """A column in one of two kinds: float64 with one NaN and one zero, or text."""
    if series.dtype.kind == "M":
        numbers = np.where(series.isna(), np.nan, ticks(series) / ticks_per_second(str(series.dtype)))
        return pd.Series(numbers)
    if series.dtype.kind in "iufb":
        values = pd.to_numeric(series).to_numpy(dtype=np.float64, na_value=np.nan) + 0.0
        values[np.isnan(values)] = np.nan
        return pd.Series(values)
    places, distinct = pd.factorize(series.astype(object))  # few values stand in many rows
    texts = np.array([*map(str, distinct), ""], dtype=object)  # a missing one has place −1: the last
    return pd.Series(hash_array(texts, categorize=False)[places])
