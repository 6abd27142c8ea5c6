"""Each column of synthetic rows beside other real rows, the worst first, with a sentence.

The distance is that of `marginals.py`; its floor is the same distance between the real rows and as many real rows
that were held out. The sentence says where the gap is: below which number, in which category, or in what is missing.
No value is told that fewer than `FEWEST` real rows have: numbers are rounded to two digits, rare categories unnamed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.daytimes import spelled_time
from ganforge.data.schema import NUMERIC, Column, Schema, ticks_per_second
from ganforge.quality.coding import codes_of, numbers_of
from ganforge.quality.marginals import marginal_distances
from ganforge.quality.wording import figure, percent, ratio, times

FEWEST = 10
"""Real rows below which a category is not named."""
_SHORT = {"Kolmogorov–Smirnov": "KS", "total variation": "TV"}


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnFidelity:
    """One column: how far the synthetic rows are from the real ones, and how far other real rows are."""

    column: str
    kind: str
    measure: str
    """Kolmogorov–Smirnov or total variation."""
    distance: float
    """0 the same, 1 nothing in common."""
    floor: float
    """The same of real rows held out."""
    sentence: str

    @property
    def ratio(self) -> float | None:
        """distance / floor; None where the floor is 0."""
        return ratio(self.distance, self.floor)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio}


def columns_beside(
    real: pd.DataFrame, synthetic: Sequence[pd.DataFrame], held_out: Sequence[pd.DataFrame], schema: Schema
) -> tuple[ColumnFidelity, ...]:
    """All columns of `schema`, those first that lie furthest above their floor.

    synthetic, held_out: one draw of rows or several, all of one size; distances are means over the draws. All frames
    keep to the schema.
    """
    made, floor = (_mean_distances(each, real, schema) for each in (synthetic, held_out))
    whole = pd.concat(synthetic, ignore_index=True)
    columns = []
    for column in schema:
        name = column.name
        measure = str(made.at[name, "measure"])
        distance, least = float(made.at[name, "distance"]), float(floor.at[name, "distance"])
        told = f"{_SHORT[measure]} {figure(distance)}, other real rows {figure(least)}: {times(distance, least)}"
        where = _where(pd.Series(real[name]), pd.Series(whole[name]), column) if distance > least * 1.2 else ""
        columns.append(
            ColumnFidelity(
                column=name,
                kind=column.kind,
                measure=measure,
                distance=distance,
                floor=least,
                sentence=f"{name}: {where or 'as the real ones have it'}; {told}",
            )
        )
    return tuple(sorted(columns, key=lambda each: each.floor - each.distance))


def _mean_distances(draws: Sequence[pd.DataFrame], real: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    tables = [marginal_distances(each, real, schema=schema).set_index("column") for each in draws]
    mean = pd.concat([table["distance"] for table in tables]).groupby(level=0).mean()
    return tables[0].assign(distance=mean)


def _where(real: pd.Series, made: pd.Series, column: Column) -> str:
    missing, expected = float(made.isna().mean()), float(real.isna().mean())
    if column.kind not in NUMERIC:
        return _category(real, made, column)
    true, drawn = (numbers_of(each, column) for each in (real, made))
    true, drawn = np.sort(true[~np.isnan(true)]), np.sort(drawn[~np.isnan(drawn)])
    if not len(true) or not len(drawn):
        return _missing(missing, expected)
    places = np.concatenate([true, drawn])
    gaps = _below(drawn, places) - _below(true, places)
    widest = int(np.abs(gaps).argmax())
    if abs(missing - expected) > abs(gaps[widest]):
        return _missing(missing, expected)
    place = _rounded(float(places[widest]), true)
    share, wanted = float(_below(drawn, place)), float(_below(true, place))
    many = "many" if share > wanted else "few"
    if share == wanted:  # the gap lies between two numbers that are one when rounded
        return f"crowded otherwise around {_shown(place, column)}"
    at = _shown(place, column)
    return f"synthetic rows have too {many} at or below {at} ({percent(share)}, the real ones {percent(wanted)})"


def _category(real: pd.Series, made: pd.Series, column: Column) -> str:
    codes, drawn = codes_of(real, column), codes_of(made, column)
    width = len(column.categories) + 2
    counts = np.bincount(codes, minlength=width)
    wanted, share = counts / max(len(codes), 1), np.bincount(drawn, minlength=width) / max(len(drawn), 1)
    gaps = share - wanted
    code = int(np.abs(gaps).argmax())
    if code == 0:
        return _missing(float(share[0]), float(wanted[0]))
    common = 0 < code < width - 1 and counts[code] >= FEWEST
    named = repr(column.categories[code - 1]) if common else "a rare value"
    often = "too often" if gaps[code] > 0 else "too seldom"
    return f"synthetic rows say {named} {often} ({percent(share[code])}, the real ones {percent(wanted[code])})"


def _missing(share: float, wanted: float) -> str:
    often = "too often" if share > wanted else "too seldom"
    return f"synthetic rows miss it {often} ({percent(share)}, the real ones {percent(wanted)})"


def _below(values: np.ndarray, places: np.ndarray | float) -> np.ndarray:
    return np.searchsorted(values, places, side="right") / len(values)


def _rounded(place: float, values: np.ndarray) -> float:
    """To two digits of the middle range of the values, so that no single row's number is told."""
    low, high = np.quantile(values, [0.05, 0.95])
    size = max(high - low, abs(place) * 1e-3)
    if not size or place in (low, high):
        return place
    unit = 10.0 ** np.floor(np.log10(size) - 1)
    return float(np.round(place / unit) * unit) + 0.0  # no negative zero


def _shown(place: float, column: Column) -> str:
    if column.kind != "datetime":
        size = abs(place)
        text = f"{size:,.0f}" if size == round(size) or size >= 1000 else f"{size:.3g}"
        return ("−" if place < 0 else "") + text.removeprefix("0" if size else "")
    seconds = place / ticks_per_second(column.dtype)
    if column.of_day:  # 23:59:59 rounded up is no time of the day any more
        return spelled_time(pd.Timestamp(min(int(seconds), 86_399), unit="s"))
    return str(pd.Timestamp(seconds, unit="s").date())
