"""Table ⇄ what a network learns from: scalars (N, S) float32 and codes (N, B), laid out by a `Layout`.

After Xu et al. 2019 (arXiv:1907.00503, §4.2): numbers and dates by mode-specific normalisation (`mixtures.py`),
categories and booleans as one-hots. Beyond the paper: a missing number is a mode of its own, a missing category a
category; a value that many rows share is a mode of its own; whole numbers, decimals, observed bounds, grids of values
and the dtypes that columns came in are restored; constant columns are left out and put back; identifiers are made anew
and free text comes back empty, since neither can be learned.

A row encodes the same alone, in any order and in any batch.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.decoding import constant_series, numeric_series, one_hot_series, unlearned_series
from ganforge.data.dtypes import restored
from ganforge.data.encoding import codes_of, numbers_of, spacing_of, spelled_code
from ganforge.data.gaps import NAME, Patterns, next_present
from ganforge.data.layout import Block, Layout
from ganforge.data.mixtures import Known, Mixture, fit_mixtures
from ganforge.data.schema import NUMERIC, Column, Schema, plain
from ganforge.data.table import Table, conform
from ganforge.errors import InputError, UnknownNameError, UnsuitableDataError

NOTHING = (
    "every column is constant, an identifier or free text, so there is nothing to learn from; give at least one column "
    "that varies, or a schema that says the kind of one that was guessed wrong"
)
CLIP = 1.0
"""Largest |α| that a generator's tanh can give back."""
_ROWS = 65_536  # rows a mixture is evaluated on at a time: (rows, K) float64 stays within some megabytes


@dataclass(frozen=True, eq=False)
class Encoded:
    """N rows, ready for `Layout.expand`. A code of −1 is a category (or a missing value) never seen in training."""

    scalars: np.ndarray  # (N, S) float32
    codes: np.ndarray  # (N, B), the smallest signed integers that hold them: int8, int16 or int32
    unseen: dict[str, int] = field(default_factory=dict)
    """Column → how many of its values had never been seen; columns without such a value are not in it."""

    def __len__(self) -> int:
        return len(self.codes)


class Codec:
    """Made by `Codec.fit` or `Codec.from_json`; holds the schema, one mixture a numeric column, and which values are
    missing together."""

    def __init__(
        self, schema: Schema, mixtures: Mapping[str, Mixture | None], *, patterns: Patterns | None = None
    ) -> None:
        """mixtures: numeric column → its modes; None where training saw nothing but missing values.
        patterns: None where any combination of missing values may be."""
        self.schema = schema
        self.mixtures = dict(mixtures)
        self.patterns = patterns
        self.columns: tuple[Column, ...] = tuple(column for column in schema if column.learned)
        together = () if patterns is None else (Block(NAME, "categorical", len(patterns)),)
        self.layout = Layout((*(self._block(column) for column in self.columns), *together))
        widest = max(block.width for block in self.layout.blocks)
        self.code_dtype = np.min_scalar_type(-widest - 1)  # with room for code + 1

    @classmethod
    def fit(cls, table: Table, *, max_modes: int = 10, few: int = 0, random_state: int = 0) -> Codec:
        """Learn the modes of every numeric column.

        max_modes: most modes a column may have, up to half of them spikes; with 1 there is none. few: a column that
        consists of at most so many values (`grids.few_values`) has each as a mode, beyond `max_modes`. random_state
        changes nothing: no chance is in it, and the order of the rows does not matter.
        Raises `UnsuitableDataError` when no column is left to learn from.
        """
        if not any(column.learned for column in table.schema):
            raise UnsuitableDataError(f"{table.source}: {NOTHING}")
        mixtures: dict[str, Mixture | None] = dict.fromkeys(table.schema.of_kind(*NUMERIC))
        known: dict[str, Known] = {}
        for name in mixtures:
            column = table.schema[name]
            values, missing = numbers_of(table.frame[name], column)
            if not missing.all():
                known[name] = Known.of(values[~missing], max_modes=max_modes, few=few, spacing=spacing_of(column))
        mixtures.update(zip(known, fit_mixtures(known.values(), max_modes=max_modes), strict=True))
        gaps = [column.name for column in table.schema if column.learned and column.missing]
        return cls(table.schema, mixtures, patterns=Patterns.fit(gaps, table.frame[gaps].isna().to_numpy(dtype=bool)))

    def _block(self, column: Column) -> Block:
        if column.kind in NUMERIC:
            return Block(column.name, "mixture", max(self._modes(column) + column.missing, 1))
        return Block(column.name, "categorical", len(column.categories) + column.missing)

    def _modes(self, column: Column) -> int:
        mixture = self.mixtures[column.name]
        return 0 if mixture is None else len(mixture)

    def encode(
        self,
        frame: pd.DataFrame | Table,
        *,
        unseen: str = "raise",
        random_state: int | Sequence[np.random.Generator] | None = None,
        clip: float | None = CLIP,
    ) -> Encoded:
        """Rows → scalars and codes. Columns may stand in any order; others beside them are ignored.

        unseen: a category never seen is an `UnknownNameError` ("raise"), or gets code −1 and is counted ("count").
        random_state: None takes a number's likeliest mode; a seed draws it by its probability, as the paper does
        for training; `generators` of a seed do so for rows that come in batches. clip: largest |α|; None keeps how far
        beyond the known modes a value lies, for detectors.
        """
        if unseen not in ("raise", "count"):
            raise UnknownNameError("way to take unseen values", unseen, ("raise", "count"))
        source, conformed = "data frame", False
        if isinstance(frame, Table):
            conformed = frame.schema == self.schema  # every table is as its own schema says
            frame, source = frame.frame, frame.source
        learned = frame if conformed else conform(frame, Schema(self.columns), source=source)
        drawing = self.generators(random_state) if isinstance(random_state, int | np.integer) else random_state
        scalars = np.zeros((len(learned), self.layout.scalars), dtype=np.float32)
        codes = np.empty((len(learned), len(self.layout.blocks)), dtype=self.code_dtype)
        at = 0
        for k, column in enumerate(self.columns):
            if column.kind in NUMERIC:
                rng = None if drawing is None else drawing[k]
                scalars[:, at], codes[:, k] = self._encode_numbers(learned[column.name], column, rng, clip)
                at += 1
            else:
                codes[:, k] = codes_of(learned[column.name], column)
        if self.patterns is not None:
            codes[:, -1] = self.patterns.places(self._gaps(codes)[1])
        counts = {column.name: int((codes[:, k] < 0).sum()) for k, column in enumerate(self.columns)}
        counts = {name: count for name, count in counts.items() if count}
        if counts and unseen == "raise":
            self._refuse_unseen(learned, codes, next(iter(counts)), source)
        return Encoded(scalars, codes, counts)

    def generators(self, random_state: int) -> list[np.random.Generator]:
        """One a learned column: rows encoded batch by batch with these come out as they do all at once."""
        return [np.random.default_rng((random_state, k)) for k in range(len(self.columns))]

    def _encode_numbers(
        self, series: pd.Series, column: Column, rng: np.random.Generator | None, clip: float | None
    ) -> tuple[np.ndarray, np.ndarray]:
        mixture = self.mixtures[column.name]
        values, missing = numbers_of(series, column)
        alpha = np.zeros(len(values))
        codes = np.full(len(values), self._modes(column) if column.missing else -1)
        if mixture is not None:
            rows = np.flatnonzero(~missing)
            for begin in range(0, len(rows), _ROWS):
                part = rows[begin : begin + _ROWS]
                draws = None if rng is None else rng.random(len(part))
                alpha[part], codes[part] = mixture.encode(values[part], draws)
        else:
            codes[~missing] = -1
        limit = np.finfo(np.float32).max if clip is None else clip
        return np.clip(alpha, -limit, limit), codes

    def _refuse_unseen(self, frame: pd.DataFrame, codes: np.ndarray, name: str, source: str) -> None:
        k = [column.name for column in self.columns].index(name)
        row = int(np.argmax(codes[:, k] < 0))
        value, column = frame[name].iloc[row], self.columns[k]
        if pd.isna(value):
            raise InputError(
                f"{source}: column {name!r}, row {row + 1}: the value is missing, and none was in the data the model "
                "learned from; fill it in, or train on data where some are missing"
            )
        if column.kind in NUMERIC:
            raise InputError(
                f"{source}: column {name!r}, row {row + 1}: {value!r}, but the model saw only missing values in it"
            )
        raise UnknownNameError(f"value of column {name!r}", value, column.categories, where=f"{source}, row {row + 1}")

    def _gaps(self, codes: np.ndarray) -> tuple[list[int], np.ndarray]:
        """The blocks of the columns that a pattern is about, and where rows have gaps in them: (n, k) bool."""
        names = [column.name for column in self.columns]
        blocks = [names.index(name) for name in self.patterns.columns] if self.patterns is not None else []
        return blocks, codes[:, blocks] == [self.layout.blocks[k].width - 1 for k in blocks]

    def mended(self, scalars: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Generated rows with the gaps that their pattern says, see `gaps.py`: (n, S) and (n, B), as given or copies.

        A value where the network had made a gap is that of the next row that has one.
        """
        if self.patterns is None:
            return scalars, codes
        blocks, missing = self._gaps(codes)
        wanted = self.patterns.missing[codes[:, -1]]
        mended_scalars, mended_codes = scalars.copy(), codes.copy()
        for k, gaps, without in zip(blocks, wanted.T, missing.T, strict=True):
            mended_codes[gaps & ~without, k] = self.layout.blocks[k].width - 1
            donors = next_present(~without)
            filled = np.flatnonzero(~gaps & without & (donors >= 0))
            mended_codes[filled, k] = codes[donors[filled], k]
            if self.columns[k].kind in NUMERIC:
                scalar = sum(column.kind in NUMERIC for column in self.columns[:k])
                mended_scalars[filled, scalar] = scalars[donors[filled], scalar]
        return mended_scalars, mended_codes

    def decode(
        self, encoded: Encoded | tuple[Any, Any], *, first_identifier: int = 1, as_given: bool = True
    ) -> pd.DataFrame:
        """Scalars and codes (arrays or CPU tensors) → a frame with all the schema's columns, in its order and dtypes.

        first_identifier: where the numbering of identifiers made anew begins. as_given: in the dtypes that the frame
        came in; False: in those of `Table.frame`, to compute with. A code of −1 comes back missing.
        """
        scalars, codes = (encoded.scalars, encoded.codes) if isinstance(encoded, Encoded) else encoded
        scalars, codes = np.asarray(scalars, dtype=np.float64), np.asarray(codes)
        if scalars.shape != (len(codes), self.layout.scalars) or codes.shape[1:] != (len(self.layout.blocks),):
            raise InputError(
                f"scalars {scalars.shape} and codes {codes.shape} do not fit this codec; give "
                f"(n, {self.layout.scalars}) and (n, {len(self.layout.blocks)})"
            )
        learned, at = {}, 0
        for k, column in enumerate(self.columns):
            if column.kind in NUMERIC:
                learned[column.name] = self._decode_numbers(scalars[:, at], codes[:, k], column)
                at += 1
            else:
                learned[column.name] = one_hot_series(codes[:, k], column)
        every = {}
        for column in self.schema:
            if column.name in learned:
                every[column.name] = learned[column.name]
            elif column.kind == "constant":
                every[column.name] = constant_series(len(codes), column)
            else:
                every[column.name] = unlearned_series(len(codes), column, first_identifier)
        if as_given:
            every = {column.name: restored(every[column.name], column) for column in self.schema}
        return pd.DataFrame(every, index=pd.RangeIndex(len(codes)))

    def _decode_numbers(self, alpha: np.ndarray, codes: np.ndarray, column: Column) -> pd.Series:
        mixture, modes = self.mixtures[column.name], self._modes(column)
        missing = (codes < 0) | (codes >= modes)
        values = np.zeros(len(codes))
        if mixture is not None:
            known = ~missing
            values[known] = mixture.decode(alpha[known], codes[known])
        return numeric_series(values, missing, column)

    def code_of(self, column: str, value: Any) -> tuple[int, int]:
        """(block index, code) of a category; a text stands for the number or truth value it spells.

        Raises `UnknownNameError` for a column or a value that does not exist, `InputError` for a numeric column.
        """
        names = [each.name for each in self.columns]
        if column not in names:
            if column in self.schema:
                raise InputError(
                    f"column {column!r} is {self.schema[column].kind}, which no model learns; it takes no condition"
                )
            raise UnknownNameError("column", column, names)
        k = names.index(column)
        spec = self.columns[k]
        if spec.kind in NUMERIC:
            fit = [each.name for each in self.columns if each.kind not in NUMERIC]
            raise InputError(
                f"column {column!r} is {spec.kind}, and a condition takes a category; "
                f"there are: {', '.join(fit) or 'none'}"
            )
        value = plain(value)
        if value is None or value is pd.NA or value != value:
            if not spec.missing:
                raise UnknownNameError(f"value of column {column!r}", "missing", spec.categories)
            return k, len(spec.categories)
        code = spelled_code(value, spec.categories)
        if code is None:
            raise UnknownNameError(f"value of column {column!r}", value, spec.categories)
        return k, code

    def to_json(self) -> dict[str, Any]:
        mixtures = {name: None if each is None else each.to_json() for name, each in self.mixtures.items()}
        document = {"schema": self.schema.to_json(), "mixtures": mixtures}
        return document if self.patterns is None else {**document, "patterns": self.patterns.to_json()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Codec:
        mixtures = {
            name: None if each is None else Mixture.from_json(each) for name, each in document["mixtures"].items()
        }
        patterns = Patterns.from_json(document["patterns"]) if "patterns" in document else None
        return cls(Schema.from_json(document["schema"]), mixtures, patterns=patterns)
