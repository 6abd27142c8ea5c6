"""Public data sets from OpenML, through scikit-learn, where there is an internet."""

# pyright: reportArgumentType=false

from __future__ import annotations

import socket
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pandas as pd

from ganforge.data.writers import write_table
from ganforge.errors import InputError, ServiceError, UnknownNameError
from ganforge.files import write_whole

_WAIT = 20.0  # seconds without an answer after which the network counts as not there


@dataclass(frozen=True)
class PublicSet:
    """One set: its number at OpenML, a line about it, and the kind of file it becomes."""

    number: int
    about: str
    suffixes: tuple[str, ...] = (".csv", ".csv.gz", ".parquet")


PUBLIC = {
    "creditcard": PublicSet(1597, "card payments, ULB 2013: 284,807 rows, 492 frauds (Class)"),
    "adult": PublicSet(1590, "UCI census income: 48,842 rows (class)"),
    "fashion-mnist": PublicSet(40996, "clothes, 28 × 28 grey: 70,000 pictures, 10 classes", (".npz",)),
    "mnist": PublicSet(554, "handwritten digits, 28 × 28 grey: 70,000 pictures, 10 classes", (".npz",)),
}


def fetch(name: str, out: str | Path) -> Path:
    """Get a public set and write it to `out`, whole or not at all: tables as CSV or Parquet, pictures as .npz.

    Raises `UnknownNameError` for a set that is not in `PUBLIC`, `InputError` for a file name that does not fit it,
    `ServiceError` when there is no network or OpenML does not answer; nothing is written then.
    """
    out = Path(out)
    if name not in PUBLIC:
        raise UnknownNameError("public data set", name, PUBLIC)
    wanted = PUBLIC[name]
    if not out.name.lower().endswith(wanted.suffixes):
        raise InputError(f"{out}: {name} is written as {', '.join(wanted.suffixes)}; choose such a file name")
    with tempfile.TemporaryDirectory(prefix="ganforge-fetch-") as cache, _network(name):
        frame, target = _from_openml(wanted.number, cache)
    if wanted.suffixes == (".npz",):
        size = round(frame.shape[1] ** 0.5)
        images = frame.to_numpy().reshape(-1, size, size).astype(np.uint8)
        with write_whole(out) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, images=images, labels=target.astype(int).to_numpy())
    else:
        write_table(frame.assign(**{str(target.name): target}), out)
    return out


def _from_openml(number: int, cache: str) -> tuple[pd.DataFrame, pd.Series]:
    from sklearn.datasets import fetch_openml

    bunch: Any = fetch_openml(data_id=number, as_frame=True, parser="pandas", data_home=cache, n_retries=1, delay=0.5)
    return bunch.data, bunch.target


@contextmanager
def _network(name: str) -> Iterator[None]:
    """A limit on waiting, and every way a network fails told in one."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_WAIT)
    try:
        with warnings.catch_warnings():
            # scikit-learn warns of each retry and of several versions of a set; what counts is said below.
            warnings.simplefilter("ignore")
            yield
    except (URLError, OSError, TimeoutError) as error:
        raise ServiceError(
            f"{name} could not be fetched: OpenML is not reached ({getattr(error, 'reason', None) or error}). "
            "Is there a network? Without one, `ganforge data make` makes payments and digits on the spot"
        ) from error
    except ValueError as error:  # a checksum that does not hold, an answer that is none
        raise ServiceError(f"{name} could not be fetched: OpenML's answer was damaged ({error}); try again") from error
    finally:
        socket.setdefaulttimeout(before)
