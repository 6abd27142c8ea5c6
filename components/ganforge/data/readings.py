"""What a column of texts is: numbers, booleans, dates or texts.

Everything is decided on the distinct texts, which are few where rows are many, and on all rows of a column, though they
may come lot by lot: of a part alone, 0742 beside 5411 could be numbers, and with 07A1 further down they are codes.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ganforge.data.numerals import numbers_in, whole_numbers_in
from ganforge.data.texts import ISO, SLIPS, ZONE, Odd, mixing, parse_iso, spread, stripped

_DECIMAL_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?")
_DIGITS = re.compile("[0-9]+")
_EXACT, _WIDEST = 2**53, 2**63 - 1  # the last whole numbers that float64, and all that is kept here, tell apart
_FEW = 12  # no more different numbers than this may be codes, of which some are letters
_SHOWN = 4 * _FEW  # different values that are kept, to tell codes by


@dataclass(frozen=True)
class Reading:
    """What a column of texts is, by all of its values."""

    kind: str
    """nothing, truths, numbers, commas (numbers such as 1.234,5), dates or texts; of whole numbers without a sign,
    which are no texts in a file: codes, if they are to be some."""
    dtype: str = "float64"
    """Numbers: int64 where all are whole and have room in it, otherwise float64."""
    zoned: bool = False
    """Dates: has any a zone?"""
    wide: bool = False
    """Dates: is any beyond the nanoseconds' range?"""

    def apply(self, series: pd.Series) -> pd.Series:
        """Texts of the column, all or a part: blanks stripped, missing values found, and what they are made of them."""
        codes, distinct = pd.factorize(series)
        texts = stripped(distinct)
        words = texts.dropna().astype(str)
        if words.empty and self.kind in ("nothing", "numbers", "commas"):
            dtype = (
                "Int64" if self.dtype == "int64" else "float64"
            )  # joined to floats, large whole numbers would be rounded
            return pd.Series(np.nan, index=series.index, dtype=dtype, name=series.name)
        if self.kind == "truths":
            words = pd.Series((words.str.lower() == "true").to_numpy(object), index=words.index, dtype=object)
        elif self.kind in ("numbers", "commas"):
            if self.kind == "commas":
                words = words.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
            words = self._numbers(words)
            if words.dtype.kind == "i" and (len(words) < len(texts) or (codes < 0).any()):
                words = words.astype("Int64")
        elif self.kind == "dates":
            words = self._dates(words)
        return spread(words, codes, series)

    def dates(self, series: pd.Series) -> pd.Series:
        """Texts in an ISO format, no blanks around them, or missing → datetime64."""
        codes, distinct = pd.factorize(series)
        return spread(self._dates(pd.Series(distinct, dtype=object)), codes, series)

    def _dates(self, words: pd.Series) -> pd.Series:
        parsed = parse_iso(words, zoned=self.zoned)
        return parsed.astype(f"datetime64[us{', UTC' if self.zoned else ''}]") if self.wide else parsed

    def _numbers(self, words: pd.Series) -> pd.Series:
        whole = None if self.dtype == "float64" else whole_numbers_in(words)
        return numbers_in(words) if whole is None else whole


class Texts:
    """What the texts of a column say, gathered lot by lot; `reading` then settles what they are.

    All values make a column numbers, booleans or dates. When all but a few do (2 %, at least one) and the numbers are
    too many to be codes, the odd one out is an `InputError` with its row. Plain digits are codes where more than 2 %
    begin with a zero, or where some do and all have the same width (zip codes, account numbers); otherwise the zeros
    are slips of the pen. Where some are beyond int64, nothing that is kept here holds all of them: they are codes as
    well (card numbers), unless the widths differ and float64 would round 2 % of them at most.
    """

    def __init__(self, *, decimal_comma: bool = False) -> None:
        """decimal_comma: 1.234,5 may be a number."""
        self.rows = self.known = 0
        self._decimal_comma = decimal_comma
        self._truths = self._digits = self._whole = self._comma_form = True
        self._commas = False
        self._distinct: set[str] = set()
        self._numbers: set[float] = set()
        self._widths: set[int] = set()
        self._no_numbers, self._zero_led, self._dates = Odd(), Odd(), Dates()
        self._long, self._too_long = Odd(), Odd()  # plain digits beyond 2^53, and beyond int64

    def look_at(self, series: pd.Series) -> None:
        """The next rows."""
        codes, distinct = pd.factorize(series)
        words = stripped(distinct).dropna().astype(str)
        begin, self.rows = self.rows, self.rows + len(series)
        if words.empty:
            self._dates.rows = self.rows
            return
        self.known += int(np.isin(codes, words.index).sum())
        truths = ("true", "false")
        self._truths = self._truths and words.iloc[0].lower() in truths and bool(words.str.lower().isin(truths).all())
        if self._decimal_comma and self._comma_form:
            self._commas = self._commas or bool(words.str.contains(",", regex=False).any())
            self._comma_form = bool(words.str.fullmatch(_DECIMAL_COMMA).all())
        if len(self._distinct) < _SHOWN:
            self._distinct.update(words[:_SHOWN])
        numbers = numbers_in(words)
        odd = numbers.isna()
        self._no_numbers.add(odd, words, codes, begin)
        if not odd.all():
            self._whole = self._whole and whole_numbers_in(words[~odd]) is not None
            if len(self._numbers) < _SHOWN:
                self._numbers.update(pd.unique(numbers[~odd])[:_SHOWN].tolist())
            self._look_at_digits(words[~odd], words, codes, begin)
        self._dates.look_at_words(words, codes)

    def _look_at_digits(self, numbers: pd.Series, words: pd.Series, codes: np.ndarray, begin: int) -> None:
        plain, widths = numbers.str.fullmatch(_DIGITS).astype(bool), numbers.str.len()
        self._digits = self._digits and bool(plain.all())
        if self._digits:
            self._widths.update(widths.unique().tolist())
            self._zero_led.add(numbers.str.startswith("0") & (widths > 1), words, codes, begin)
        long = numbers[plain & (widths >= len(str(_EXACT)))]
        self._long.add(long.map(lambda each: _is_more(each, _EXACT)).astype(bool), words, codes, begin)
        self._too_long.add(long.map(lambda each: _is_more(each, _WIDEST)).astype(bool), words, codes, begin)

    @property
    def zero_led(self) -> Odd | None:
        """Where all values are plain digits: those that begin with a zero, by which they may be codes or numbers."""
        return self._zero_led if self._digits and self._zero_led.rows and not self._no_numbers.rows else None

    @property
    def too_long(self) -> Odd | None:
        """Where all values are plain digits: those that no signed number of 64 bits says, so that all are codes, or
        rounded."""
        return self._too_long if self._digits and self._too_long.rows and not self._no_numbers.rows else None

    def reading(self, *, name: str, source: str, lenient: bool = False, codes: bool = True, begin: int = 0) -> Reading:
        """What they are. lenient: numbers and words may stand side by side, texts; digits are codes where one begins
        with a zero or is beyond int64. codes: may digits be? begin: rows of the file before the first."""
        if not self.known:
            return Reading("nothing")
        if self._truths:
            return Reading("truths")
        if self._commas and self._comma_form:
            return Reading("commas")
        are_codes = codes and self._are_codes(certain=lenient)
        if not self._no_numbers.rows:
            return Reading("texts") if are_codes else Reading("numbers", dtype=self._dtype())
        if not lenient and not are_codes and _few(self._no_numbers, self.known) and self._many():
            remedy = f"mend the value or leave it empty, or say in a schema that {name!r} is categorical"
            odd = self._no_numbers
            raise mixing("numbers", begin + odd.first_row, odd.first_text, odd.rows, self.rows, name, source, remedy)
        return self._dates.reading(name=name, source=source, lenient=lenient, begin=begin)

    def _are_codes(self, *, certain: bool) -> bool:
        """Are digits codes by the zeros before some, or by their length? certain: by one, which else may be a slip of
        the pen."""
        if certain and self._too_long.rows:
            return True
        odd = self._zero_led.rows, self._long.rows if self._too_long.rows else 0
        if not self._digits or not any(odd):
            return False
        return certain or len(self._widths) == 1 or max(odd) * SLIPS > self.known

    def _dtype(self) -> str:
        """What holds all the numbers, whichever lots they came in."""
        return "int64" if self._whole else "float64"

    def _many(self) -> bool:
        """Are the numbers too many to be codes?"""
        different = len(self._numbers)
        if different > _FEW or len(self._distinct) >= _SHOWN:
            return different > _FEW
        odd = int(numbers_in(pd.Series(sorted(self._distinct), dtype=object)).isna().sum())
        return different >= len(self._distinct) - odd > 1 and different > 2


class Dates:
    """Are the texts of a column dates in an ISO format? Gathered lot by lot; `reading` then says so.

    Blanks around them are not stripped here.
    """

    def __init__(self) -> None:
        self.rows = self.known = 0
        self._some = self._zoned = self._wide = False
        self._odd = Odd()

    def look_at(self, series: pd.Series) -> None:
        """The next rows, texts or missing."""
        codes, distinct = pd.factorize(series)
        self.look_at_words(pd.Series(distinct, dtype=object), codes)

    def look_at_words(self, words: pd.Series, codes: np.ndarray) -> None:
        """The next rows by their distinct texts. codes: of which word each is; of none, it is missing."""
        begin, self.rows = self.rows, self.rows + len(codes)
        self.known += int(np.isin(codes, words.index).sum())
        are = words.str.fullmatch(ISO).astype(bool)
        if are.any():
            zoned = bool(words[are].str.fullmatch(ZONE).any())
            parsed = parse_iso(words.where(are), zoned=zoned)
            self._some, self._zoned = True, self._zoned or zoned
            self._wide = self._wide or str(parsed.dtype).startswith("datetime64[us")
            are = parsed.notna()
        self._odd.add(~are, words, codes, begin)

    def are_not(self, *, of: int) -> bool:
        """Whatever the rest says: are these texts no dates, and no slips among dates? of: rows in all."""
        return self._odd.rows > max(1, of // SLIPS)

    def reading(self, *, name: str, source: str, lenient: bool = False, begin: int = 0) -> Reading:
        """Dates or texts; `InputError` where a few among many dates are none, unless lenient. begin: rows of the file
        before the first."""
        if not self._some or (self._odd.rows and (lenient or not _few(self._odd, self.known))):
            return Reading("texts")
        if self._odd.rows:
            odd, remedy = self._odd, "write dates as 2026-01-31 23:59:59, or leave the value empty"
            raise mixing("dates", begin + odd.first_row, odd.first_text, odd.rows, self.rows, name, source, remedy)
        return Reading("dates", zoned=self._zoned, wide=self._wide)


class Unsigned:
    """What whole numbers without a sign say, gathered lot by lot: is any beyond int64, they are codes as those of a
    text file are (`Texts`), hashes for one."""

    def __init__(self) -> None:
        self._known = self._long = self._most = 0
        self._least: int | None = None

    def look_at(self, numbers: pd.Series) -> None:
        """The next rows: of any dtype of whole numbers, or Python's."""
        numbers = numbers.dropna()
        if numbers.empty:
            return
        least = int(numbers.min())
        self._known += len(numbers)
        self._least = least if self._least is None else min(least, self._least)
        self._most = max(self._most, int(numbers.max()))
        if self._most > _EXACT:
            self._long += int((numbers > _EXACT).sum())

    def are_codes(self, *, certain: bool) -> bool:
        """certain: by one of them, which else may stand for a number that is not known."""
        if self._least is None or self._least < 0 or self._most <= _WIDEST:
            return False
        return certain or len(str(self._least)) == len(str(self._most)) or self._long * SLIPS > self._known


def _few(odd: Odd, known: int) -> bool:
    """Are the odd ones so few that they are slips of the pen?"""
    return known > 2 and odd.rows <= max(1, known // SLIPS)


def _is_more(digits: str, bound: int) -> bool:
    """Compared as texts: of the longest ones Python makes no number."""
    digits, least = digits.lstrip("0"), str(bound)
    return (len(digits), digits) > (len(least), least)
