"""Rows of a mixed table as numbers on one scale, the same way for every detector.

The `Codec` says what a column is; from its scalars and codes come the D columns that distances, cuts and networks see.

    numbers            (x − mean) / deviation of the training rows; codes that are numbers (grades, 0/1) are numbers,
                       and so is the place of an ordinal value in its order
    a missing number   the mean; where training had missing ones, a place beside it says 1 when it is missing
    dates              the time of day and the day of the week as points on a circle, never the date itself: tonight's
                       rows are all later than any in training, which makes none of them odd
    categories         one place each for the most frequent, one for all the rarer ones, one for those never seen

With `modes` above 1, numbers are laid out by mode-specific normalisation instead (Xu et al. 2019, arXiv:1907.00503,
§4.2): the distance from the likeliest mode in four deviations, and one place a mode.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.codec import Codec, Encoded
from ganforge.data.encoding import codes_of, ranks
from ganforge.data.schema import Schema, ticks, ticks_per_second
from ganforge.data.table import Table, conform
from ganforge.errors import InputError, UnsuitableDataError

FREQUENT = 63
"""Categories of a column that get a place of their own."""
_CYCLES = {"time of day": 86_400.0, "day of week": 604_800.0}  # seconds


@dataclass(frozen=True)
class Group:
    """The columns of the matrix that belong to one column of the table: a number's place, then one-hot places."""

    column: str
    start: int
    scalar: int | None
    """Which scalar of the codec; None for categories."""
    block: int
    places: int
    """One-hot places after the scalar's."""

    @property
    def one_hot(self) -> tuple[int, int]:
        start = self.start + (self.scalar is not None)
        return start, start + self.places

    @property
    def stop(self) -> int:
        return self.one_hot[1]


@dataclass(frozen=True)
class RowEncoding:
    """Made by `fit` or `from_json`; turns frames of the training table's columns into (n, D) float64."""

    schema: Schema
    """The columns of the table that are used, as the user has them."""
    codec: Codec
    """Over the same columns, dates replaced by their cycles."""
    means: np.ndarray  # (S,) of the codec's scalars
    deviations: np.ndarray  # (S,)
    modes: int = 1
    notices: list[str] = field(default_factory=list)

    @classmethod
    def fit(cls, table: Table, *, modes: int = 1, random_state: int = 0) -> RowEncoding:
        """Learn scales and categories. Raises `UnsuitableDataError` when no column is left that varies."""
        schema = Schema(tuple(column for column in table.schema if column.learned))
        derived = _derive(table.frame, schema)
        still = [name for name in derived.columns if name not in schema and derived[name].std() < 1e-9]
        derived = derived.drop(columns=still)  # dates without a time of day
        if derived.shape[1] == 0:
            raise UnsuitableDataError(
                f"{table.source}: every column is constant, an identifier or free text, so no row can be odd; "
                "give at least one column that varies"
            )
        prepared = Table.of(derived, schema=_kinds(derived, schema), source=table.source)
        codec = Codec.fit(prepared, max_modes=modes, random_state=random_state)
        encoded = codec.encode(prepared, unseen="count", clip=None)
        means, deviations = _moments(codec, encoded)
        if modes > 1:  # α is on one scale already
            means, deviations = np.zeros_like(means), np.ones_like(deviations)
        return cls(schema, codec, means, deviations, modes, _notices(table))

    # --- what lies where ------------------------------------------------------------------------------------

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """One for each block of the codec, in order."""
        groups, at, scalars = [], 0, 0
        for k, column in enumerate(self.codec.columns):
            width = self.codec.layout.blocks[k].width
            if self.codec.layout.blocks[k].kind == "mixture":
                single = width - column.missing <= 1
                places = int(column.missing) if single else width
                group = Group(column.name, at, scalars, k, places)
                scalars += 1
            else:
                group = Group(column.name, at, None, k, min(width, FREQUENT + 1) + 1)
            groups.append(group)
            at = group.stop
        return tuple(groups)

    @property
    def width(self) -> int:
        """D."""
        return self.groups[-1].stop

    @property
    def one_hots(self) -> list[tuple[int, int]]:
        """(start, stop) of the places of which exactly one is 1."""
        spans = [group.one_hot for group in self.groups]
        return [(start, stop) for start, stop in spans if stop - start > 1]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The table's columns that are used, in order."""
        return tuple(dict.fromkeys(_origin(group.column) for group in self.groups))

    @cached_property
    def owners(self) -> np.ndarray:
        """(D,) int64: which of `columns` each column of the matrix belongs to."""
        owners = np.empty(self.width, dtype=np.int64)
        for group in self.groups:
            owners[group.start : group.stop] = self.columns.index(_origin(group.column))
        return owners

    def by_column(self, parts: np.ndarray) -> np.ndarray:
        """(n, D) → (n, columns): summed over what belongs to one column."""
        summed = np.zeros((len(parts), len(self.columns)))
        for k in range(len(self.columns)):
            summed[:, k] = parts[:, self.owners == k].sum(axis=1)
        return summed

    # --- encoding -------------------------------------------------------------------------------------------

    def check(self, frame: pd.DataFrame, *, source: str) -> None:
        """Refuse, before the first chunk is scored, missing columns, doubled names and infinities by their row."""
        names = [str(name) for name in frame.columns]
        for column in self.schema:
            if names.count(column.name) > 1:
                raise InputError(f"{source}: the name {column.name!r} stands over two columns; give each its own")
        conform(frame.iloc[:0].rename(columns=str), self.schema, source=source)
        for column in self.schema:
            values = frame.iloc[:, names.index(column.name)]
            if isinstance(values.dtype, np.dtype) and values.dtype.kind == "f":
                infinite = np.isinf(values.to_numpy())
                if infinite.any():
                    raise InputError(
                        f"{source}: column {column.name!r}, row {int(np.argmax(infinite)) + 1} is infinite "
                        f"({int(infinite.sum())} such values); mend it or leave it empty"
                    )

    def rows(
        self,
        frame: pd.DataFrame,
        *,
        source: str,
        unseen: Counter[str] | None = None,
        missing: Counter[str] | None = None,
    ) -> np.ndarray:
        """(n, D) float64; each row by itself.

        What was never seen is added to `unseen`, column by column; those among it that are missing, in a column where
        nothing was in training, to `missing` as well.
        """
        frame = conform(frame.rename(columns=str).reset_index(drop=True), self.schema, source=source)
        encoded = self.codec.encode(_derive(frame, self.schema), unseen="count", clip=None)
        new = self._unseen(frame, encoded)
        if unseen is not None:
            unseen.update(new)
        if missing is not None:
            gaps = {name: int(frame[name].isna().sum()) for name in new if not self.schema[name].missing}
            missing.update({name: count for name, count in gaps.items() if count})
        matrix = np.zeros((len(frame), self.width))
        every = np.arange(len(frame))
        for group in self.groups:
            codes = encoded.codes[:, group.block].astype(np.int64)
            start = group.one_hot[0]
            if group.scalar is None:
                place = np.where(codes < 0, group.places - 1, np.minimum(codes, group.places - 2))
                matrix[every, start + place] = 1.0
                continue
            column, width = self.codec.columns[group.block], self.codec.layout.blocks[group.block].width
            absent = (codes < 0) | (column.missing & (codes == width - 1))
            scaled = (encoded.scalars[:, group.scalar] - self.means[group.scalar]) / self.deviations[group.scalar]
            matrix[:, group.start] = np.where(absent, 0.0, scaled)
            if group.places == 1:
                matrix[:, start] = absent & (codes >= 0)
            elif group.places:
                known = codes >= 0
                matrix[every[known], start + codes[known]] = 1.0
        return matrix

    def _unseen(self, frame: pd.DataFrame, encoded: Encoded) -> dict[str, int]:
        counts: dict[str, int] = {}
        for name, count in encoded.unseen.items():
            counts[_origin(name)] = max(counts.get(_origin(name), 0), count)
        for column in self.schema:  # among places in an order, a strange value is as good as a missing one
            if column.kind == "ordinal" and (count := int((codes_of(pd.Series(frame[column.name]), column) < 0).sum())):
                counts[column.name] = count
        return counts

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": self.schema.to_json(),
            "codec": self.codec.to_json(),
            "means": self.means.tolist(),
            "deviations": self.deviations.tolist(),
            "modes": self.modes,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> RowEncoding:
        return cls(
            Schema.from_json(document["schema"]),
            Codec.from_json(document["codec"]),
            np.array(document["means"], dtype=np.float64),
            np.array(document["deviations"], dtype=np.float64),
            int(document["modes"]),
        )


def _derive(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The schema's columns, each date replaced by cosine and sine of its cycles, ordinal values by their places."""
    columns: dict[str, Any] = {}
    for column in schema:
        series = frame[column.name]
        if column.kind != "datetime":
            columns[column.name] = ranks(pd.Series(series), column) if column.kind == "ordinal" else series
            continue
        missing = series.isna().to_numpy()
        seconds = np.where(missing, 0, ticks(pd.Series(series))) / ticks_per_second(str(series.dtype))
        for cycle, length in _CYCLES.items():
            angle = np.where(missing, np.nan, 2 * np.pi * (seconds % length) / length)
            columns[f"{column.name}\0{cycle} cos"] = np.cos(angle)
            columns[f"{column.name}\0{cycle} sin"] = np.sin(angle)
    return pd.DataFrame(columns, index=frame.index)


def _origin(name: str) -> str:
    """The user's column that a derived one comes from."""
    return name.split("\0", 1)[0]


def _kinds(derived: pd.DataFrame, schema: Schema) -> dict[str, str]:
    """Every kind as the schema has it, but numbers for codes that are numbers."""
    kinds = dict.fromkeys(derived.columns, "continuous")
    for column in schema:
        numeric = all(isinstance(each, int | float) for each in column.categories)
        if column.name in kinds and column.kind != "ordinal" and not (column.kind == "categorical" and numeric):
            kinds[column.name] = column.kind
    return kinds


def _moments(codec: Codec, encoded: Encoded) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation (S,) of the scalars of known numbers; 1 for what does not vary."""
    blocks = [k for k, block in enumerate(codec.layout.blocks) if block.kind == "mixture"]
    means, deviations = np.zeros(len(blocks)), np.ones(len(blocks))
    for s, k in enumerate(blocks):
        codes, width = encoded.codes[:, k], codec.layout.blocks[k].width
        known = (codes >= 0) & ~(codec.columns[k].missing & (codes == width - 1))
        values = encoded.scalars[known, s].astype(np.float64)
        if len(values) and values.std() > 0:
            means[s], deviations[s] = values.mean(), values.std()
    return means, deviations


def _notices(table: Table) -> list[str]:
    notices = []
    for kinds, what in (
        (("constant",), "does not vary"),
        (("identifier",), "is an identifier"),
        (("text",), "is free text"),
    ):
        names = [repr(column.name) for column in table.schema if column.kind in kinds]
        if names:
            shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
            notices.append(f"{table.source}: left out, since each {what}: {shown}")
    return notices
