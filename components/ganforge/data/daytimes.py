"""Times of day: 06:30 is kept as the moment 06:30 of the first of January 1970, and learned as a date is.

Python's dt.time, Arrow's time32 and time64  ⇄  datetime64[ns]     many different ones, learned as numbers
                                             ⇄  "06:30:00"         few of them, which are categories
texts such as 06:30 or 06:31:07              ⇄  datetime64[ns]     many different ones; few are categories as they stand
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ganforge.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

TIMES = "time"
"""What the dtype of a column of Python's times of day is called here: pandas knows none."""
_FORM = re.compile(r"HH:MM(?::SS(?:\.(?P<all>f{1,9})|\[\.(?P<some>f{1,9})\]|(?P<needed>\[\.\*\]))?)?")
"""What the dtype of a column of texts is called that are all times of day, by how they are written; the name of a dtype
of pandas or Arrow for texts may follow it: HH:MM string[python].

    HH:MM, HH:MM:SS       06:30, 06:30:00
    HH:MM:SS.fff          06:30:00.000, always with so many decimals
    HH:MM:SS[.fff]        with so many where any is not 0, else without, as Python writes them with six
    HH:MM:SS[.*]          with as many as are needed
"""
_SPELLED = re.compile(r"(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?")
_ARROW = re.compile(r"arrow:(dictionary<values=)?time(32|64)\[.*")
_DAY = 86_400 * 10**9
"""Nanoseconds."""
_TICK = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def dtype_of(series: pd.Series) -> Any:
    """The dtype of a column as it came; `TIMES` for objects that are times of day."""
    known = series.notna().to_numpy() if series.dtype == object else np.zeros(0, dtype=bool)
    if not known.any() or not isinstance(series.iloc[int(known.argmax())], dt.time):  # by place: labels may repeat
        return series.dtype
    return TIMES if _all_naive(series) else series.dtype


def is_of_day(dtype: Any) -> bool:
    """Is a dtype, or what `dtypes.spelled` makes of it, one of times of day?"""
    if isinstance(dtype, pd.ArrowDtype):
        dtype = f"arrow:{dtype.pyarrow_dtype}"
    return isinstance(dtype, str) and (dtype == TIMES or is_of_texts(dtype) or bool(_ARROW.fullmatch(dtype)))


def is_of_texts(dtype: Any) -> bool:
    """Is it a form of texts that are times of day, be the name of a dtype behind it or not?"""
    return isinstance(dtype, str) and bool(_FORM.fullmatch(dtype.partition(" ")[0]))


def form_of(decimals: Collection[int]) -> str:
    """How texts are written that have so many decimals of a second, −1 for those without seconds."""
    fractions = {each for each in decimals if each > 0}
    if not fractions:
        return "HH:MM" if max(decimals) < 0 else "HH:MM:SS"
    if len(fractions) > 1:
        return "HH:MM:SS[.*]"
    places = "f" * max(fractions)
    return f"HH:MM:SS.{places}" if len({*decimals}) == 1 else f"HH:MM:SS[.{places}]"


def decimals_of_text(text: str) -> int:
    """06:30:00.25 → 2 decimals of a second, 06:30:00 → 0, 06:30 → −1."""
    text = text.strip()
    return len(text.partition(".")[2]) if len(text) > len("06:30") else -1


def rewritten(given: str, form: str) -> str:
    """What texts of the same dtype are called that are written in another form."""
    _, blank, own = given.partition(" ")
    return f"{form}{blank}{own}"


def in_texts(series: pd.Series) -> pd.Series:
    """Texts → moments, missing where one is no time of day."""
    return _each(series, ticks_of_text)


def ticks_of_day(value: Any) -> int | None:
    """A time of day, as text or as dt.time → nanoseconds of the day; None for anything else."""
    return _ticks_of_time(value) if isinstance(value, dt.time) and value.tzinfo is None else ticks_of_text(value)


def ticks_of_text(value: Any) -> int | None:
    """06:30, 06:30:00 or 06:30:00.5 → nanoseconds of the day; None for anything else."""
    found = _SPELLED.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    hours, minutes, seconds = int(found[1]), int(found[2]), int(found[3] or 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    return ((hours * 60 + minutes) * 60 + seconds) * 10**9 + int((found[4] or "").ljust(9, "0"))


def is_spelled(value: Any) -> bool:
    """Is this a time of day as it stands among categories, 06:30:00?"""
    return isinstance(value, str) and bool(_SPELLED.fullmatch(value)) and len(value) >= len("06:30:00")


def from_objects(series: pd.Series) -> pd.Series | None:
    """dt.time, with gaps → moments; None where some are of a time zone, which no moment of a day says."""
    return _each(series, _ticks_of_time) if _all_naive(series) else None


def from_arrow(series: pd.Series) -> pd.Series:
    """time32 or time64 → moments."""
    import pyarrow as pa

    missing = series.isna().to_numpy()
    values: Any = pa.array(series, from_pandas=True).cast(pa.time64("ns")).cast(pa.int64())
    return _moments(values.fill_null(0).to_numpy(zero_copy_only=False), missing, series)


def moments_of(series: pd.Series, *, name: str, source: str) -> pd.Series:
    """Moments as they are, and texts such as 06:30 or 06:30:00.5 as moments; `InputError` with the row otherwise."""
    if series.dtype.kind == "M":
        naive = series.dt.tz is None
        odd = series.notna() & ((series.dt.normalize() != pd.Timestamp(0)) if naive else True)
    else:
        texts = series
        series = in_texts(series)
        odd = texts.notna() & series.isna()
        if odd.any():
            series = texts
    if odd.any():
        row = int(np.argmax(odd.to_numpy())) + 1
        raise no_time_of_day(row, str(series.iloc[row - 1]), name=name, source=source)
    return series


def no_time_of_day(row: int, text: str, *, name: str, source: str) -> InputError:
    """The error of a column of times of day that holds something else."""
    return InputError(
        f"{source}: column {name!r}, row {row}: {text!r} is no time of day, as this column holds them; "
        "write it as 06:30:00"
    )


def moment_of(value: Any) -> pd.Timestamp:
    """One time of day, as text or as dt.time; `ValueError` for anything else."""
    ticks = ticks_of_day(value)
    if ticks is None:
        raise ValueError(value)
    return pd.Timestamp(ticks)


def times_among(categories: Iterable[Any]) -> dict[int, str]:
    """Nanoseconds of the day → the category that is this time of day; of several spellings the first."""
    times: dict[int, str] = {}
    for each in categories:
        if (ticks := ticks_of_text(each)) is not None:
            times.setdefault(ticks, each)
    return times


def spelled_out(moments: pd.Series) -> pd.Series:
    """Moments → texts."""
    places, distinct = pd.factorize(moments)
    texts = np.array([*map(spelled_time, distinct), np.nan], dtype=object)
    return pd.Series(texts[places], index=moments.index, name=moments.name, dtype=object)


def to_texts(moments: pd.Series, form: str) -> pd.Series:
    """Moments → texts of a form; what it has no room for is cut off."""
    places, distinct = pd.factorize(moments)
    clocks = _clocks(distinct.to_numpy(), form)
    texts = np.array([*((_in_form(each, form) for each in distinct) if clocks is None else clocks), np.nan], object)
    return pd.Series(texts[places], index=moments.index, name=moments.name, dtype=object)


def _clocks(moments: np.ndarray, form: str) -> list[str] | None:
    """Whole seconds as HH:MM or HH:MM:SS, all at once, for they may be as many as a day has; None for other ones."""
    seconds = moments.astype("datetime64[s]")
    if form not in ("HH:MM", "HH:MM:SS") or not (seconds == moments).all():
        return None
    spelled = np.datetime_as_string(seconds, unit="s")  # 1970-01-01T06:30:00
    return [each[11 : 11 + len(form)] for each in spelled.tolist()]


def _in_form(moment: Any, form: str) -> str:
    found = _FORM.fullmatch(form)
    places = found and (found["all"] or found["some"])
    if found is None or not (places or found["needed"]):
        return spelled_time(moment)[: len("06:30")] if form == "HH:MM" else spelled_time(moment)
    moment = pd.Timestamp(moment)
    decimals = f"{moment.microsecond:06d}{moment.nanosecond:03d}"
    decimals = decimals[: len(places)] if places else decimals.rstrip("0")
    pointed = bool(found["all"]) or bool(decimals.strip("0"))
    return f"{moment:%H:%M:%S}.{decimals}" if pointed else f"{moment:%H:%M:%S}"


def spelled_time(moment: Any) -> str:
    """06:30:00, 06:30:00.000500, or to the nanosecond where that is needed."""
    moment = pd.Timestamp(moment)
    text = str(moment.to_pydatetime(warn=False).time())
    return f"{text if '.' in text else text + '.000000'}{moment.nanosecond:03d}" if moment.nanosecond else text


def to_objects(series: pd.Series) -> pd.Series:
    """Moments, or texts of them → dt.time, None where one is missing."""
    moments = _as_moments(series)
    times = [None if each is pd.NaT else each.to_pydatetime(warn=False).time() for each in moments]
    return pd.Series(times, index=series.index, name=series.name, dtype=object)


def to_arrow(series: pd.Series, kind: pa.DataType) -> pa.Array:
    """Moments, or texts of them → Arrow's times of one of its units."""
    import pyarrow as pa

    moments = _as_moments(series)
    missing = moments.isna().to_numpy()
    ticks = np.where(missing, 0, moments.to_numpy().astype("datetime64[ns]").astype(np.int64)) // _TICK[kind.unit]
    return pa.array(ticks.astype(f"int{kind.bit_width}"), mask=missing).cast(kind)


def _as_moments(series: pd.Series) -> pd.Series:
    return series if series.dtype.kind == "M" else in_texts(series)


def _each(series: pd.Series, ticks_of: Any) -> pd.Series:
    """One moment for each different value; missing where there is none."""
    places, distinct = pd.factorize(series)
    ticks = [ticks_of(each) for each in distinct]
    missing = np.array([*(each is None for each in ticks), True])
    values = np.array([*(each or 0 for each in ticks), 0], dtype=np.int64)
    return _moments(values[places], missing[places], series)


def _moments(ticks: np.ndarray, missing: np.ndarray, like: pd.Series) -> pd.Series:
    moments = ticks.astype("datetime64[ns]")
    moments[missing] = np.datetime64("NaT")
    return pd.Series(moments, index=like.index, name=like.name)


def _all_naive(series: pd.Series) -> bool:
    known = series.dropna().unique()
    return all(isinstance(each, dt.time) and each.tzinfo is None for each in known)


def _ticks_of_time(value: dt.time) -> int:
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    return seconds * 10**9 + value.microsecond * 1_000
