"""What a caller may ask of rows: values of columns, ranges of numbers and dates, exact counts, shares of one's own.

    condition={"merchant": "fuel"}                      a value
    condition={"merchant": ["fuel", "food"]}            one of several, as often as they are in the data
    condition={"amount": (500, None)}                   a range, ends included; None leaves an end open. A tuple is
                                                        one on any column of numbers, a list on none
    condition={"amount": ">500", "booked_at": "<2024-03-01"}    the same as text: > >= < <= low:high low: :high
    condition={"amount": None}                          the value is missing
    counts={"is_fraud": {1: 500, 0: 500}}               exactly so many rows with each value
    prior={"merchant": {"fuel": 0.9, "food": 0.1}}      shares of one's own; "real" as in the data
    prior="is_fraud"                                    all values of this column alike; so are those of several in
                                                        {"is_fraud": "balanced", "merchant": "balanced"}
    prior="balanced"                                    the rare values of all columns more often

A `Request` is that, read against a fitted codec: everything unknown is refused here, before a row is made.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.codec import Codec
from ganforge.data.schema import NUMERIC, Schema
from ganforge.errors import InputError, UnknownNameError
from ganforge.synthesis.constants import beside_constants, constants_in, is_fixed_number, refuse_other
from ganforge.synthesis.ranges import Range, asks_range, is_numbered, range_of

BALANCED = "balanced"
PRIORS = ("real", BALANCED)
_SUM = 1e-6
"""How far from 1 shares may add up to, for rounding: what adds up to more or less means something else than it says."""
_EXAMPLES = {
    "condition": "{'merchant': 'fuel'}",
    "counts": "{'is_fraud': {1: 500}}",
    "prior": "{'merchant': {'fuel': 0.9, 'food': 0.1}}",
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked of `n` rows, in the codec's terms."""

    n: int
    codes: dict[int, np.ndarray] = field(default_factory=dict)
    """Block of a discrete column → the code that each row must have, (n,)."""
    ranges: dict[str, Range] = field(default_factory=dict)
    """Numeric column → where its values must lie."""
    spoken: str = ""
    """For messages: merchant='fuel' and amount from 500."""

    @property
    def free(self) -> bool:
        """Is nothing asked for?"""
        return not self.codes and not self.ranges


def request(
    codec: Codec,
    n: int | None,
    *,
    condition: Mapping[str, Any] | None,
    counts: Mapping[str, Any] | None,
    prior: str | Mapping[str, str | Mapping[Any, float]],
    share_of: Callable[[int], np.ndarray],
    rng: np.random.Generator,
) -> Request:
    """Read what was asked against `codec`.

    share_of: block of a discrete column → how often each of its codes is in the data, for "one of several".
    Raises `UnknownNameError` for a column or value that does not exist (naming the nearest) and `InputError` for what
    cannot hold: a range where no value lies, counts beside another number of rows, shares that are no shares.
    """
    for what, given in (("condition", condition), ("counts", counts)):
        if given is not None and not isinstance(given, Mapping):
            raise InputError(f"{what}={given!r}; give a mapping of columns, as in {_EXAMPLES[what]}")
    shares, several = _fixed_shares(codec, prior, share_of), beside_constants(codec.schema, condition)
    exact = _exact_counts(codec, counts)
    n = _rows(n, exact)
    exact = {name: wanted for name, wanted in exact.items() if name not in constants_in(codec.schema, exact)}
    taken = [name for name in (*exact, *shares) if name in several or (name in exact and name in shares)]
    if taken:
        raise InputError(f"column {taken[0]!r} is asked for twice; give it once, in condition, counts or prior")
    codes: dict[int, np.ndarray] = {}
    ranges: dict[str, Range] = {}
    missing = [name for name, wanted in several.items() if _is_missing(wanted)]
    for name, wanted in several.items():
        if codec.schema[name].kind in NUMERIC and name not in missing:
            ranges[name] = range_of(codec.schema[name], wanted)
            continue
        if name in missing:
            codes |= _gap(codec, name, n)
            continue
        block, options = _options(codec, name, wanted)
        weights = share_of(block)[options].astype(float)
        weights = weights / weights.sum() if weights.sum() > 0 else np.full(len(options), 1 / len(options))
        codes[block] = rng.choice(options, size=n, p=weights) if len(options) > 1 else np.full(n, options[0])
    codes |= _patterns(codec, missing, n, share_of, rng)
    for wanted in exact.values():
        block, each = _codes_of(wanted)
        codes[block] = rng.permutation(np.repeat(each, list(wanted.values())))
    for wanted in shares.values():
        block, each = _codes_of(wanted)
        codes[block] = rng.choice(each, size=n, p=list(wanted.values()))
    asked = [
        f"{name}={wanted!r}" if name not in ranges else f"{name} {ranges[name]}" for name, wanted in several.items()
    ]
    asked += [f"{what} for {name}" for what, names in (("counts", exact), ("prior", shares)) for name in names]
    return Request(n=n, codes=codes, ranges=ranges, spoken=" and ".join(asked))


def _options(codec: Codec, name: str, wanted: Any) -> tuple[int, list[int]]:
    """Block and codes of one value, of several, or of all numbers in a range where the categories are numbers."""
    column = codec.schema[name]
    if is_numbered(column) and asks_range(wanted):
        within = range_of(column, wanted).holds(pd.Series(column.categories, dtype="float64"))
        wanted = [value for value, good in zip(column.categories, within, strict=True) if good]
    elif isinstance(wanted, tuple) and column.learned:
        raise InputError(
            f"column {name!r}: a tuple is a range, and its values are no numbers that one could be of; give a list of "
            f"values to choose from, as in {list(wanted)!r}"
        )
    values = list(wanted) if isinstance(wanted, list | set | frozenset) else [wanted]
    if not values:
        raise InputError(f"column {name!r}: there is no value to choose from; give at least one that the data have")
    found = [codec.code_of(str(name), value) for value in values]
    return found[0][0], sorted({code for _, code in found})


def _is_missing(wanted: Any) -> bool:
    return wanted is None or wanted is pd.NA or (isinstance(wanted, float | type(pd.NaT)) and bool(pd.isna(wanted)))


def _gap(codec: Codec, name: str, n: int) -> dict[int, np.ndarray]:
    """Block → the code of a missing value, n times."""
    column = codec.schema[name]
    if column.kind not in NUMERIC or not column.learned:
        block, code = codec.code_of(name, None)
        return {block: np.full(n, code)}
    if not column.missing:
        raise InputError(
            f"column {name!r}: no value was missing in the data that the model learned from, so none can be asked for"
        )
    block = [each.name for each in codec.columns].index(name)
    return {block: np.full(n, codec.layout.blocks[block].width - 1)}


def _patterns(
    codec: Codec, missing: Sequence[str], n: int, share_of: Callable[[int], np.ndarray], rng: np.random.Generator
) -> dict[int, np.ndarray]:
    """Where gaps hang together, what is missing beside: patterns with these gaps, as often as they are in the data."""
    if codec.patterns is None or not missing:
        return {}
    at = [codec.patterns.columns.index(name) for name in missing]
    block = len(codec.layout.blocks) - 1
    weights = share_of(block) * codec.patterns.missing[:, at].all(axis=1)
    if not weights.sum() > 0:
        told = " and ".join(map(repr, missing))
        raise InputError(f"columns {told} are never missing together in the data; ask for one of them at a time")
    return {block: rng.choice(len(weights), size=n, p=weights / weights.sum())}


_Coded = dict[tuple[int, int], Any]
"""(block, code) → how many rows, or what share of them."""
_NOWHERE = (-1, 0)
"""The block and code of a constant column's value."""


def _codes_of(wanted: _Coded) -> tuple[int, list[int]]:
    return next(iter(wanted))[0], [code for _, code in wanted]


def _exact_counts(codec: Codec, counts: Mapping[str, Any] | None) -> dict[str, _Coded]:
    """Column → rows of each value. `{"fraud": 500}` stands for the one column that has such a value."""
    if counts is None:
        return {}
    if counts and not any(isinstance(each, Mapping) for each in counts.values()):
        counts = {_column_with(codec, counts): counts}
    read: dict[str, _Coded] = {}
    for name, values in counts.items():
        if not isinstance(values, Mapping) or not values:
            raise InputError(
                f"counts: column {name!r} needs a value and a number of rows, as in {{{name!r}: {{1: 500}}}}"
            )
        read[name] = {}
        for value, number in values.items():
            if isinstance(number, bool) or not isinstance(number, numbers.Integral) or number < 0:
                raise InputError(f"counts: {name}={value!r} has {number!r} rows; give a whole number of at least 0")
            if name not in constants_in(codec.schema, counts):
                at = codec.code_of(str(name), value)
            else:
                at = _NOWHERE
                if number:
                    refuse_other(codec.schema[str(name)], value)
            read[name][at] = read[name].get(at, 0) + int(number)
    return read


def _column_with(codec: Codec, values: Iterable[Any]) -> str:
    """The only discrete column that has all these values."""
    values, having = list(values), []
    for column in codec.columns:
        try:
            if column.kind not in NUMERIC and [codec.code_of(column.name, value) for value in values]:
                having.append(column.name)
        except UnknownNameError:
            continue
    if len(having) != 1:
        found = "no column" if not having else "each of the columns " + ", ".join(map(repr, having))
        told = ", ".join(map(repr, values))
        raise InputError(f"counts: {found} has the values {told}; name it, as in counts={{'column': {{value: rows}}}}")
    return having[0]


def _rows(n: int | None, exact: Mapping[str, _Coded]) -> int:
    sums = {name: sum(each.values()) for name, each in exact.items()}
    told = {total for total in (n, *sums.values()) if total is not None}
    if len(told) > 1:
        raise InputError(
            f"counts add up to {' and '.join(f'{total:,} rows ({name})' for name, total in sums.items())}, "
            f"but {'they must agree' if n is None else f'{n:,} rows are asked for'}; leave the number of rows out, or "
            "change the counts"
        )
    if not told or told == {0}:
        raise InputError("how many rows? Give n, or counts of at least one row")
    return int(told.pop())


def _fixed_shares(
    codec: Codec, prior: str | Mapping[str, str | Mapping[Any, float]], share_of: Callable[[int], np.ndarray]
) -> dict[str, _Coded]:
    if isinstance(prior, str):
        if prior in PRIORS or constants_in(codec.schema, {prior: BALANCED}):
            return {}
        discrete = [column.name for column in codec.columns if column.kind not in NUMERIC]
        if prior not in discrete:
            raise UnknownNameError("prior", prior, (*PRIORS, *discrete))
        prior = {prior: BALANCED}
    if not isinstance(prior, Mapping):
        raise InputError(f"prior={prior!r}; give one of {', '.join(PRIORS)}, a column, or {_EXAMPLES['prior']}")
    read: dict[str, _Coded] = {}
    for name, values in prior.items():
        constant = name in constants_in(codec.schema, prior)
        if isinstance(values, str) and values == BALANCED:
            if not constant:
                read[name] = _alike(codec, str(name), share_of)
            continue
        if not isinstance(values, Mapping) or not values:
            raise InputError(
                f"prior: column {name!r} needs values and shares, as in {{{name!r}: {{'a': 0.9, 'b': 0.1}}}}, "
                f"or all of its values alike: {{{name!r}: {BALANCED!r}}}; not {values!r}"
            )
        if constant:
            for value in [value for value, share in values.items() if share]:
                refuse_other(codec.schema[str(name)], value)
            continue
        shares: _Coded = {}
        for value, share in values.items():
            if isinstance(share, bool) or not isinstance(share, numbers.Real) or not 0 <= share < math.inf:
                raise InputError(f"prior: {name}={value!r} has the share {share!r}; give a number of at least 0")
            at = codec.code_of(str(name), value)
            shares[at] = shares.get(at, 0.0) + float(share)
        total = sum(shares.values())
        if total <= 0:
            raise InputError(f"prior: the shares of column {name!r} add up to 0; give at least one value a share")
        if abs(total - 1) > _SUM:
            told = f"prior: the shares of column {name!r} add up to {total:.7g}"
            if total < 1 and len(shares) < len(codec.schema[name].categories) + codec.schema[name].missing:
                raise InputError(f"{told}; say what the other values are to have, too, so that they add up to 1")
            raise InputError(f"{told}; give shares that add up to 1: divide each of them by {total:.7g}")
        read[name] = {at: share / total for at, share in shares.items()}
    return read


def _alike(codec: Codec, name: str, share_of: Callable[[int], np.ndarray]) -> _Coded:
    """Every value that the data have, missing ones aside, as often as any other."""
    categories = codec.schema[name].categories
    block, _ = codec.code_of(name, categories[0] if categories else None)
    seen = np.flatnonzero(share_of(block)[: len(categories)])
    return {(block, int(code)): 1 / len(seen) for code in seen}


def joined(several: Sequence[tuple[str, str]], schema: Schema) -> dict[str, Any]:
    """Conditions as a command line gives them, (column, text) each; several ranges of one column hold together, and no
    text is a missing value, as in a CSV file."""
    condition: dict[str, Any] = {}
    for name, text in several:
        column = schema[name]
        ranged = column.kind in NUMERIC or (is_numbered(column) and asks_range(text))
        nothing = not text and "" not in column.categories
        asked = None if nothing else range_of(column, text) if ranged else text
        if name in condition and asked is not None and condition[name] is not None and is_fixed_number(column):
            refuse_other(column, text)  # both are to hold: the first is looked at where the condition is read
        elif name in condition and not (isinstance(asked, Range) and isinstance(condition[name], Range)):
            raise InputError(f"column {name!r} is asked for twice; give it one value")
        elif name in condition:
            condition[name] = condition[name].also(asked)
        else:
            condition[name] = asked
    return condition
