"""What is known about a table's columns: kind, dtype, categories, bounds, rounding.

A schema is inferred from the data, or inferred under a user's word for some columns (`overrides`, a JSON or YAML file
of column → kind). It is what a model needs to give back a table of the same make.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.columns import normalise, row_of
from ganforge.data.texts import to_dates
from ganforge.errors import InputError, UnknownNameError

KINDS = ("continuous", "integer", "boolean", "categorical", "datetime", "constant", "identifier", "text")
"""`identifier` and `text` are never learned: identifiers are made anew, free text comes back empty."""

NUMERIC = ("continuous", "integer", "datetime")
ONE_HOT = ("boolean", "categorical")

_FEW = 12  # whole numbers with no more different values than this are codes: months, grades, 0/1
_ID_WORDS = r"id|udi|uid|uuid|guid|index|key|nr|no|rownum|unnamed: \d+"
_ID_NAME = re.compile(rf"(?:.*[^a-z])?(?:{_ID_WORDS})|id(?:[^a-z].*)?", re.IGNORECASE)  # payment_id, UDI, ID
_ID_CAMEL = re.compile(r".*[a-z](?:Id|ID)")  # customerID
_DAY = 86_400


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column. Fields that do not apply to its kind are empty."""

    name: str
    kind: str
    dtype: str
    """float64, int64, Int64, bool, object or datetime64[…], as `columns.normalise` leaves it."""
    missing: bool = False
    """Were there missing values?"""
    categories: tuple[Any, ...] = ()
    """One-hot kinds: the values, the most frequent first. `missing` comes after them and is not among them."""
    low: float | int | None = None
    """Numeric kinds: the smallest value seen (dates: in ticks of the dtype's unit since 1970, UTC)."""
    high: float | int | None = None
    decimals: int | None = None
    """Places after the point that all values keep to; negative for round tens, hundreds, …; None: no such rounding."""
    step: int | None = None
    """Dates: all are multiples of so many ticks."""
    value: Any = None
    """Constants: the value; None when every value is missing. Dates in ticks."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownNameError("kind of column", self.kind, KINDS, where=f"column {self.name!r}")
        object.__setattr__(self, "categories", tuple(self.categories))

    @property
    def learned(self) -> bool:
        """Does a model see this column?"""
        return self.kind in NUMERIC or self.kind in ONE_HOT

    def to_json(self) -> dict[str, Any]:
        empty = {each.name: each.default for each in fields(self)}
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
            if value != empty.get(key) or type(value) is not type(empty.get(key))
        }


@dataclass(frozen=True)
class Schema:
    """The columns in the order of the table."""

    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise UnknownNameError("column", name, self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def of_kind(self, *kinds: str) -> tuple[str, ...]:
        """Names of the columns of these kinds, in order."""
        return tuple(column.name for column in self.columns if column.kind in kinds)

    def left_out(self) -> list[str]:
        """One sentence a kind of column that no model learns: what it is and what becomes of it."""
        told = (
            ("constant", "constant, left out of training and put back into samples"),
            ("identifier", "identifiers, never learned and made anew in samples"),
            ("text", "free text, not learned and empty in samples"),
        )
        return [f"{what}: {', '.join(self.of_kind(kind))}" for kind, what in told if self.of_kind(kind)]

    def to_json(self) -> dict[str, Any]:
        return {"columns": [column.to_json() for column in self.columns]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Schema:
        return cls(tuple(Column(**column) for column in document["columns"]))

    @classmethod
    def infer(
        cls,
        frame: pd.DataFrame,
        *,
        categorical: Iterable[str] = (),
        overrides: Mapping[str, str] | None = None,
        source: str = "data frame",
    ) -> Schema:
        """Look at every column of `frame`.

        overrides: column → kind, taken instead of what the values suggest; `categorical` is short for some of these.
        Raises `UnknownNameError` for a column or kind that does not exist, `InputError` when a column's values cannot
        be of the kind that was asked for (naming the row).
        """
        asked = {**dict.fromkeys(categorical, "categorical"), **(overrides or {})}
        for name, kind in asked.items():
            if name not in frame.columns:
                raise UnknownNameError("column", name, frame.columns, where=source)
            if kind not in KINDS:
                raise UnknownNameError("kind of column", kind, KINDS, where=f"the schema of column {name!r}")
        return cls(
            tuple(
                _infer_column(normalise(frame[name], name=str(name), source=source), str(name), asked.get(name), source)
                for name in frame.columns
            )
        )

    @staticmethod
    def read(path: str | Path) -> dict[str, str]:
        """A user's JSON or YAML file of column → kind, to be passed as `schema=` or `overrides=`."""
        import yaml

        path = Path(path)
        if not path.is_file():
            raise InputError(f"no such schema file: {path}")
        try:
            text = path.read_text(encoding="utf-8")
            document = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        except (UnicodeDecodeError, json.JSONDecodeError, yaml.YAMLError) as error:
            raise InputError(f"{path} is not a schema in JSON or YAML: {' '.join(str(error).split())}") from error
        if not isinstance(document, Mapping):
            raise InputError(f"{path} does not say column: kind, line by line; for example `zip_code: categorical`")
        kinds = {}
        for name, kind in document.items():
            kind = kind.get("kind") if isinstance(kind, Mapping) else kind
            if kind not in KINDS:
                raise UnknownNameError("kind of column", kind, KINDS, where=f"{path}, column {name!r}")
            kinds[str(name)] = str(kind)
        return kinds


def plain(value: Any) -> Any:
    """A NumPy scalar as the Python one, so that it can stand in JSON."""
    return value.item() if isinstance(value, np.generic) else value


def ticks(series: pd.Series) -> np.ndarray:
    """Dates as int64 ticks since 1970 (UTC) in the dtype's own unit; a missing one is the smallest int64."""
    if getattr(series.dt, "tz", None) is not None:
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    return series.to_numpy().astype("int64")


def ticks_per_second(dtype: str) -> int:
    """Ticks a second of a dtype written as datetime64[unit] or datetime64[unit, zone]."""
    return {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[re.split(r"[\[\],]", dtype)[1]]


# -- inference -----------------------------------------------------------------------------------------------------


def _infer_column(series: pd.Series, name: str, asked: str | None, source: str) -> Column:
    valid = series.dropna()
    missing = len(valid) < len(series)
    distinct = valid.nunique()
    basic = {"name": name, "dtype": str(series.dtype), "missing": missing}
    if asked is None:
        if distinct == 0 or (distinct == 1 and not missing):
            return _constant(valid, basic)
        asked = _suggest(valid, name, distinct, missing)
    elif asked == "constant" and (distinct > 1 or (distinct == 1 and missing)):
        raise InputError(
            f"{source}: column {name!r} is called constant, but holds {distinct + missing} different values"
        )
    if asked == "constant" or distinct == 0:
        return _constant(valid, basic)
    return _BUILD[asked](series, valid, basic, source)


def _suggest(valid: pd.Series, name: str, distinct: int, missing: bool) -> str:
    kind = valid.dtype.kind
    if kind == "M":
        return "datetime"
    if kind == "b" or (kind == "O" and isinstance(valid.iloc[0], bool)):
        return "boolean"
    all_distinct = distinct == len(valid) and len(valid) >= 20
    if kind == "O" and not isinstance(valid.dtype, pd.Int64Dtype):
        if distinct > 0.9 * len(valid) and len(valid) >= 20:
            return "text" if valid.str.len().mean() > 40 or valid.str.count(" ").mean() > 3 else "identifier"
        return "categorical"
    whole = kind in "iu" or bool((valid == np.floor(valid)).all())
    if not whole:
        return "categorical" if distinct == 1 else "continuous"
    if all_distinct and not missing and kind in "iu" and (looks_like_identifier(name) or _runs(valid)):
        return "identifier"
    if distinct <= 2 or (distinct <= _FEW and distinct * 10 <= len(valid)):
        return "categorical"
    return "integer"


def _runs(valid: pd.Series) -> bool:
    """Does every row have the number after the one before it? Such a column numbers the rows, whatever its name."""
    return bool((np.diff(valid.to_numpy()) == 1).all())


def looks_like_identifier(name: str) -> bool:
    """Is this how one names a column that numbers its rows?"""
    return bool(_ID_NAME.fullmatch(name.strip()) or _ID_CAMEL.fullmatch(name.strip()))


def _constant(valid: pd.Series, basic: dict[str, Any]) -> Column:
    if valid.empty:
        return Column(kind="constant", **basic)
    value = int(ticks(valid)[0]) if valid.dtype.kind == "M" else plain(valid.iloc[0])
    return Column(kind="constant", value=value, **basic)


def _categorical(series: pd.Series, valid: pd.Series, basic: dict[str, Any], source: str) -> Column:
    if valid.dtype.kind == "M":
        valid = valid.astype(str)
        basic = {**basic, "dtype": "object"}
    counts = valid.value_counts()
    ordered = sorted(
        ((-int(count), str(value), plain(value)) for value, count in counts.items()),
        key=lambda each: each[:2],
    )
    return Column(kind="categorical", categories=tuple(value for _, _, value in ordered), **basic)


def _boolean(series: pd.Series, valid: pd.Series, basic: dict[str, Any], source: str) -> Column:
    truth = as_booleans(series, name=basic["name"], source=source)
    column = _categorical(truth, truth.dropna(), basic, source)
    categories = column.categories + tuple(each for each in (False, True) if each not in column.categories)
    return Column(kind="boolean", categories=categories, **{**basic, "dtype": str(truth.dtype)})


def _numeric(kind: str) -> Any:
    def build(series: pd.Series, valid: pd.Series, basic: dict[str, Any], source: str) -> Column:
        numbers = as_numbers(series, name=basic["name"], source=source)
        valid = numbers.dropna()
        if kind == "integer" and valid.dtype.kind == "f" and not bool((valid == np.floor(valid)).all()):
            row = row_of((numbers.notna() & (numbers != np.floor(numbers))).to_numpy())
            raise InputError(
                f"{source}: column {basic['name']!r} is called integer, but row {row} "
                f"holds {numbers.iloc[row - 1]}; call it continuous"
            )
        basic = {**basic, "dtype": str(numbers.dtype)}
        return Column(kind=kind, low=plain(valid.min()), high=plain(valid.max()), decimals=decimals_of(valid), **basic)

    return build


def _datetime(series: pd.Series, valid: pd.Series, basic: dict[str, Any], source: str) -> Column:
    if series.dtype.kind != "M":
        series = to_dates(series, name=basic["name"], source=source)
        basic = {**basic, "dtype": str(series.dtype)}
    moments = ticks(series.dropna())
    per_second = ticks_per_second(basic["dtype"])
    step = int(np.gcd.reduce(np.append(moments, _DAY * per_second)))
    if len(moments) < 30:  # so few may share a step by chance: keep to a natural one
        step = next(unit for unit in _natural_steps(per_second) if step % unit == 0)
    return Column(kind="datetime", low=int(moments.min()), high=int(moments.max()), step=step, **basic)


def _natural_steps(per_second: int) -> list[int]:
    below = [per_second // 1000**k for k in range(1, 4) if per_second >= 1000**k]
    return [_DAY * per_second, 3600 * per_second, 60 * per_second, per_second, *below, 1]


def _unlearned(kind: str) -> Any:
    def build(series: pd.Series, valid: pd.Series, basic: dict[str, Any], source: str) -> Column:
        high = int(valid.max()) if kind == "identifier" and valid.dtype.kind in "iu" else None
        return Column(kind=kind, high=high, **basic)

    return build


_BUILD = {
    "continuous": _numeric("continuous"),
    "integer": _numeric("integer"),
    "boolean": _boolean,
    "categorical": _categorical,
    "datetime": _datetime,
    "identifier": _unlearned("identifier"),
    "text": _unlearned("text"),
}


def decimals_of(valid: pd.Series) -> int | None:
    """Places after the point that all of these keep to: 2 for prices, −3 for whole thousands, None for no rule."""
    if valid.dtype.kind in "iu" or (not isinstance(valid.dtype, np.dtype)):
        common = int(np.gcd.reduce(valid.to_numpy(dtype="int64"))) if len(valid) >= 30 else 1
        return -_tens(common)
    values = valid.to_numpy(dtype="float64")
    for decimals in range(9):
        with np.errstate(over="ignore", invalid="ignore"):
            if _keeps_to(values[:1000], decimals) and _keeps_to(values, decimals):
                if decimals or np.abs(values).max() > 2**53 or len(values) < 30:
                    return decimals
                return -_tens(int(np.gcd.reduce(values.astype("int64"))))
    return None


def _keeps_to(values: np.ndarray, decimals: int) -> bool:
    """Within the last bits: 5 × 57.16 has two decimals, though it is not the float nearest to 285.8."""
    return bool((np.abs(np.round(values, decimals) - values) <= 2 * np.spacing(np.abs(values))).all())


def _tens(number: int) -> int:
    """The largest k such that 10^k divides a number; 0 for 0."""
    count = 0
    while number and number % 10 == 0:
        number, count = number // 10, count + 1
    return count


def as_numbers(series: pd.Series, *, name: str, source: str) -> pd.Series:
    """Numbers, from numbers, booleans or texts of numbers; `InputError` with the row otherwise."""
    if series.dtype.kind == "M":
        raise InputError(f"{source}: column {name!r} holds dates, not numbers; call it datetime")
    if series.dtype.kind == "b":
        return series.astype("int64")
    if series.dtype.kind != "O" or isinstance(series.dtype, pd.Int64Dtype):
        return series
    numbers = pd.to_numeric(series, errors="coerce")
    bad = numbers.isna() & series.notna()
    if bad.any():
        row = row_of(bad)
        raise InputError(
            f"{source}: column {name!r}, row {row}: {series.iloc[row - 1]!r} is not a number "
            f"({int(bad.sum())} such values); mend it or leave it empty"
        )
    return normalise(numbers, name=name, source=source)


def as_booleans(series: pd.Series, *, name: str, source: str) -> pd.Series:
    """True and False, from themselves, 1 and 0, or the texts for them; `InputError` with the row otherwise."""
    words = {
        "true": True,
        "false": False,
        "1": True,
        "0": False,
        "1.0": True,
        "0.0": False,
        "yes": True,
        "no": False,
        "t": True,
        "f": False,
        "y": True,
        "n": False,
    }
    truth = series.map(lambda each: words.get(str(each).strip().lower()), na_action="ignore").astype(object)
    bad = truth.isna() & series.notna()
    if bad.any():
        row = row_of(bad)
        raise InputError(
            f"{source}: column {name!r}, row {row}: {series.iloc[row - 1]!r} is neither true nor false; "
            "call the column categorical"
        )
    return normalise(truth, name=name, source=source) if truth.notna().any() else truth
