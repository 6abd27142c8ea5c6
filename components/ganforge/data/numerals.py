"""Texts of numbers, read exactly: what one text is does not hang on those beside it.

A number is digits with or without a point and an exponent of three digits at most, in ASCII, or `inf`; one that is
spelled as a finite number and has no room in float64 (1e309, hundreds of digits) is none. `pd.to_numeric` is not used
for texts: it is off by the last bit in many a value, reads others otherwise beside a word, and 5e2147483648, which may
be a hexadecimal code, ends the process (pandas 2.3).
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false

from __future__ import annotations

import re

import numpy as np
import pandas as pd

_NUMBER = re.compile(r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?0*[0-9]{1,3})?|inf(inity)?)", re.IGNORECASE)
_UNSURE = re.compile(r"[^0-9.eE+\-\n]|[eE][+-]?[0-9]{4}")  # what Python may take for a number, and this module not
_UNWHOLE = re.compile(r"[^0-9+\-\n]")


def numbers_in(words: pd.Series) -> pd.Series:
    """Texts, none missing and no blanks around them → float64, NaN where one is no number."""
    texts = words.to_numpy(object)
    if not _UNSURE.search("\n".join(texts)):  # one look at all of them is many times as fast as one at each
        try:
            return pd.Series(_read(texts), index=words.index)
        except ValueError:
            pass
    values = np.full(len(texts), np.nan)
    are = np.fromiter((_NUMBER.fullmatch(each) is not None for each in texts), dtype=bool, count=len(texts))
    values[are] = _read(texts[are])
    return pd.Series(values, index=words.index)


def whole_numbers_in(words: pd.Series) -> pd.Series | None:
    """Texts of numbers → int64; None unless all of them are plain whole numbers, and have room in it."""
    texts = words.to_numpy(object)
    if _UNWHOLE.search("\n".join(texts)):
        return None
    try:
        return pd.Series(texts.astype("int64"), index=words.index)
    except (OverflowError, ValueError):  # beyond 64 bits; of more than some thousand digits Python makes no number
        return None


def _read(texts: np.ndarray) -> np.ndarray:
    values = texts.astype("float64")
    for k in np.flatnonzero(np.isinf(values)):
        if "n" not in texts[k].lower():
            values[k] = np.nan  # a finite one that has no room
    return values
