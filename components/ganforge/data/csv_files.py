"""CSV as it comes, read whole or by lots of rows: the same values either way.

Delimiter , ; tab or |, blanks around values, `?` and the like for missing, decimal commas beside semicolons, UTF-8,
UTF-16 or an old spreadsheet's encoding.

pandas types what it is given: of a lot it knows nothing of the others, and 0742 becomes 742. So a column of texts is
settled over the whole file (`readings.py`), and so are whole numbers beyond 2^53 of which some are missing, for pandas
makes floats of them. Digits of which some begin with a zero, or are beyond 64 bits, may be codes or numbers: what they
were taken for is told, unless a schema says it.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import contextlib
import gzip
import re
import warnings
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data import sources
from ganforge.data.columns import EXACT
from ganforge.data.csv_heads import head_of
from ganforge.data.readings import Reading, Texts
from ganforge.data.texts import MISSING, literal
from ganforge.data.wishes import Wish
from ganforge.errors import InputError, tell

_LOT = 10_000  # rows that texts are looked at in, where the whole file is read at once
_BLOCK, _OVERLAP = 1 << 22, 200  # bytes


@dataclass(frozen=True)
class CsvFile:
    """A file whose encoding, delimiter and column names are found out."""

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    named: bool
    """Are the names given, and no line of the file?"""

    @classmethod
    def of(cls, path: Path, names: Sequence[str] | None = None) -> CsvFile:
        """Raises `InputError` for a file that is no table, and for names that do not fit it."""
        encoding, delimiter, header = head_of(path, names)
        return cls(path, encoding, delimiter, header, names is not None)

    def read(self, wish: Wish) -> pd.DataFrame:
        """All rows."""
        (raw,) = self._raw(None, wish)
        wish = self._settled(wish, [raw], rows=_LOT)
        otherwise = (name for name, each in wish.readings.items() if each.kind in ("texts", "numbers"))
        if again := [name for name in otherwise if raw[name].dtype != object]:
            (written,) = self._raw(None, wish, only=again)
            for name in again:
                raw[name] = written[name]
        return self._typed(raw, wish)

    def parts(self, wish: Wish, *, rows: int, only: Collection[str] | None = None) -> Iterator[pd.DataFrame]:
        """The rows in order, so many at a time. only: columns beside these are passed over, unread."""
        begin = 0
        for raw in self._raw(rows, wish, only=only):
            yield self._typed(raw, wish, begin=begin)
            begin += len(raw)

    def has_decimal_commas(self) -> bool:
        """May 1.234,5 be a number here, and is there anything like it in the file?"""
        return self._may_have_commas and self._holds(rb"[0-9],[0-9]")

    @property
    def _may_have_commas(self) -> bool:
        return self.delimiter in ";\t"

    def settled(self, wish: Wish, *, rows: int, only: Collection[str] | None = None) -> Wish:
        """The wish with what each column of texts is by all rows; so many are read at a time. only: as in `parts`."""
        return self._settled(wish, self._raw(rows, wish, only=only), rows=rows)

    def _settled(self, wish: Wish, lots: Iterable[pd.DataFrame], *, rows: int) -> Wish:
        """lots: all rows as pandas types them. Columns whose texts are to be looked at are read again, `rows` rows at
        a time: no more texts are held."""
        typed: dict[str, _Typed] = {}
        texts: dict[str, Texts] = {}
        for raw in lots:
            for name in raw.columns:
                if name in wish.literal:
                    continue
                typed.setdefault(name, _Typed()).look_at(raw[name])
                if typed[name].unnumbered:
                    texts.setdefault(name, self._texts()).look_at(raw[name].astype(object))
        # What pandas takes for one thing here and for another there, it may take for a third where it sees all.
        mixed = {name for name, each in typed.items() if each.disagrees}
        maybe = self._maybe_codes({name for name, each in typed.items() if each.may_be_digits} - mixed, wish)
        texts = {name: each for name, each in texts.items() if typed[name].unnumbered}
        rounded = {name for name, each in typed.items() if each.may_be_rounded} - mixed
        wide = {name for name, each in typed.items() if each.may_be_wide(rounded=name in wish.lenient)} - mixed
        if again := mixed | maybe | rounded | wide:
            for raw in self._raw(rows, wish, only=again, as_text=again):
                for name in raw.columns:
                    texts.setdefault(name, self._texts()).look_at(raw[name])
        readings = {name: self._reading(each, name, wish) for name, each in texts.items()}
        # What are numbers throughout is left to pandas, as where all rows are read at once, unless it rounds them.
        left = {name for name in maybe | rounded if readings[name].kind != "texts"}
        left -= wide | {name for name in rounded if readings[name].dtype != "float64"}
        return replace(wish, readings={name: each for name, each in readings.items() if name not in left})

    def _texts(self, series: pd.Series | None = None) -> Texts:
        texts = Texts(decimal_comma=self._may_have_commas)
        if series is not None:
            texts.look_at(series)
        return texts

    def _reading(self, texts: Texts, name: str, wish: Wish, *, begin: int = 0) -> Reading:
        codes, lenient = wish.numbers is not None and name not in wish.numbers, name in wish.lenient
        reading = texts.reading(name=name, source=str(self.path), lenient=lenient, codes=codes, begin=begin)
        if codes and not lenient:
            self._tell_of_codes(texts, name, begin=begin, kept=reading.kind == "texts")
        return reading

    def _tell_of_codes(self, texts: Texts, name: str, *, begin: int, kept: bool) -> None:
        """kept: as codes."""
        if texts.too_long is not None:
            odd, seen = texts.too_long, "some too long for whole numbers of 64 bits"
            taken = "codes, as they are written" if kept else "numbers, and rounded to 16 digits"
            mend = f"numbers, say that {name!r} is continuous" if kept else f"codes, say that {name!r} is categorical"
        elif texts.zero_led is not None:
            odd, seen = texts.zero_led, "some with a zero before them"
            taken = "codes, zeros and all" if kept else "slips of the pen in a column of numbers"
            mend = f"numbers, say that {name!r} is integer" if kept else f"codes, say that {name!r} is categorical"
        else:
            return
        tell(
            f"{self.path}: column {name!r} holds digits, {seen}: row {begin + odd.first_row} says {odd.first_text!r} "
            f"({odd.rows:,} such of {texts.known:,}); they were taken for {taken}; if they are {mend} in a schema"
        )

    def _typed(self, raw: pd.DataFrame, wish: Wish, *, begin: int = 0) -> pd.DataFrame:
        """What pandas made of rows, with texts read. begin: rows of the file before these."""
        raw = raw.reset_index(drop=True)
        if raw.empty:
            raise InputError(f"{self.path} has a header but no rows; give a table with at least one")
        if wish.verbatim:
            return raw
        columns = {}
        for name, series in raw.items():
            if series.dtype == object and name in wish.literal:
                series = literal(series)
            elif series.dtype == object:
                reading = wish.readings.get(name)
                series = (reading or self._reading(self._texts(series), name, wish, begin=begin)).apply(series)
            columns[name] = series
        return pd.DataFrame(columns)

    def _raw(
        self,
        rows: int | None,
        wish: Wish,
        *,
        only: Collection[str] | None = None,
        as_text: Collection[str] = (),
    ) -> Iterator[pd.DataFrame]:
        """As pandas types them; as texts where the wish, or `as_text`, says so. rows: at a time; None: all."""
        as_text = {*wish.literal, *wish.exact, *wish.readings, *as_text}.intersection(self.header)
        options: dict[str, Any] = {
            "sep": self.delimiter,
            "header": None if self.named else 0,
            "names": list(self.header),
            "index_col": False,
            "dtype": str if wish.verbatim else dict.fromkeys(as_text, str),
            "na_values": [] if wish.verbatim else sorted(MISSING),
            "usecols": ([name for name in self.header if name in only] or None) if only is not None else None,
            "keep_default_na": False,
            "skipinitialspace": True,
            "encoding": self.encoding,
            "compression": "gzip" if sources.is_packed(self.path) else None,
            "float_precision": "round_trip",
            "low_memory": False,
        }
        with _told(self.path):
            if rows is None:
                yield pd.read_csv(self.path, **options)
                return
            reader = pd.read_csv(self.path, chunksize=rows, **options)
        with reader:
            while True:
                with _told(self.path):  # not around the yield: the caller's warnings are the caller's
                    frame = next(reader, None)
                if frame is None:
                    return
                yield frame

    def _maybe_codes(self, numbers: set[str], wish: Wish) -> set[str]:
        """Which of the columns that pandas took for numbers may be codes: those that a schema does not call numbers,
        if digits with a zero before them stand anywhere in the file."""
        if wish.numbers is None or wish.verbatim or not numbers - wish.numbers:
            return set()
        return numbers - wish.numbers if self._has_zero_led() else set()

    def _has_zero_led(self) -> bool:
        """Is any value digits that begin with a zero?"""
        ends = re.escape(self.delimiter.encode()) + rb"\r\n"
        # A pattern for each byte before: with a fixed one at its beginning `re` looks several times as fast.
        begins = (re.escape(self.delimiter.encode()), rb"\n", rb"\r")
        return self._holds(*(begin + rb'[ "]*0[0-9]+[ "]*[' + ends + rb"]" for begin in begins))

    def _holds(self, *patterns: bytes) -> bool:
        """Is any of these in the file? A look at the bytes, which costs little beside reading them; of UTF-16 it cannot
        tell, and says yes."""
        if self.encoding == "utf-16":
            return True
        compiled = [re.compile(pattern) for pattern in patterns]
        with _told(self.path), sources.opened(self.path) as file:
            block = b"\n"
            while new := file.read(_BLOCK):
                block = block[-_OVERLAP:] + new
                if any(pattern.search(block) for pattern in compiled):
                    return True
        return any(pattern.search(block[-_OVERLAP:] + b"\n") for pattern in compiled)


class _Typed:
    """What pandas took a column for, lot by lot."""

    def __init__(self) -> None:
        self._kinds: set[str] = set()  # NumPy's, and "nothing"
        self._whole = True
        self._signed = self._inexact = self._beyond = self._gaps = False

    def look_at(self, series: pd.Series) -> None:
        """The next lot."""
        missing = series.isna().to_numpy()
        kind = "nothing" if missing.all() else series.dtype.kind
        self._kinds.add(kind)
        self._gaps = self._gaps or bool(missing.any())
        if kind in ("i", "u", "f"):
            known = series.to_numpy()[~missing]
            self._beyond = self._beyond or float(known.max()) >= 2.0**63
        if self._whole and kind in ("i", "u", "f"):
            # Of whole numbers pandas makes floats only where some are missing.
            self._whole = kind != "f" or bool(missing.any() and (known == np.floor(known)).all())
            least, most = float(known.min()), float(known.max())
            self._signed = self._signed or least < 0
            self._inexact = self._inexact or max(-least, most) >= EXACT

    @property
    def unnumbered(self) -> bool:
        """Are there texts, or nothing, in every lot so far?"""
        return self._kinds <= {"O", "nothing"}

    @property
    def may_be_digits(self) -> bool:
        """Were there numbers only, all of which may be plain digits in the file?"""
        return self._whole and not self._signed and not self.unnumbered and self._kinds <= {"i", "u", "f", "nothing"}

    @property
    def may_be_rounded(self) -> bool:
        """Were there whole numbers only, of which pandas makes floats that do not hold them, some being missing?"""
        return self._whole and self._inexact and self._gaps and self._kinds <= {"i", "f", "nothing"}

    def may_be_wide(self, *, rounded: bool) -> bool:
        """Were there numbers only, of which some are beyond int64? rounded: floats among them count as well."""
        wide = "u" in self._kinds or (rounded and self._beyond)
        return wide and not self.unnumbered and self._kinds <= {"i", "u", "f", "nothing"}

    @property
    def disagrees(self) -> bool:
        """Do lots differ in more than whole numbers, fractions and nothing at all?

        Truths beside numbers are texts; what numbers beyond 63 bits are, those beside them say.
        """
        return len(self._kinds) > 1 and not self.unnumbered and not self._kinds <= {"i", "f", "nothing"}


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """pandas' own complaints, in our words: which file, which row, what to do."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise sources.cut_short(path) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text in one encoding ({error.reason}); save it as UTF-8") from error
    except pd.errors.ParserWarning as error:
        raise InputError(
            f"{path}: rows have more values than the header has names; give every column a name"
        ) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        if found:
            raise InputError(
                f"{path}, line {found[2]}: {found[3]} values, but the header has {found[1]} names; "
                "mend the line (is a value with the delimiter in it not quoted?)"
            ) from error
        raise InputError(f"{path} is not a readable table: {' '.join(str(error).split())}") from error
