"""Singling out: does a rare combination of values in the synthetic rows point at one real person?

After Giomi, Boenisch, Wehmeyer & Tasnádi 2023, *A unified framework for quantifying privacy risk in synthetic data*
(Anonymeter, arXiv:2211.10459), section 5.1, multivariate predicates. Combinations of two to five columns that a single
synthetic row has are guesses: "there is exactly one such person". A guess hits when exactly one training row has the
combination. Some would hit in any sample of the population; so the same guesses are tried on as many rows that were
held out, and

    risk = (share of hits in training − share of hits in held-out rows) / (1 − the latter)

Numbers count by their tenths. Each synthetic row makes one guess, over columns drawn at random.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ganforge.data.schema import ONE_HOT, Schema
from ganforge.errors import UnsuitableDataError
from ganforge.quality.coding import Bins
from ganforge.quality.two_sample import LEVEL

RARE = 3
"""Training rows below which a value is rare."""
_SUBSETS = 40  # sets of columns that guesses are made over
_WIDEST = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class SinglingOut:
    """How many guesses single out a row."""

    guesses: int
    hits: int
    """In the training rows."""
    control_hits: int
    """In as many rows held out."""
    risk: float
    """0: guesses do no better than on rows never seen; 1: all of them hit. May fall below 0 by chance."""
    low: float
    high: float
    rare_values: int
    """Values of categories that fewer than `RARE` training rows have."""
    rare_values_made: int
    """How many of them synthetic rows have."""
    rare_values_held_out: int
    """How many of them rows held out have."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def singling_out(
    synthetic: pd.DataFrame,
    training: pd.DataFrame,
    held_out: pd.DataFrame,
    *,
    schema: Schema | None = None,
    most_guesses: int = 2_000,
    random_state: int = 0,
    level: float = LEVEL,
) -> SinglingOut:
    """Guess by `synthetic` rows at `training` ones, and at as many `held_out` ones.

    The larger of the two real sides is cut to the size of the other, at random. `schema` is inferred from the training
    rows when it is not given. The interval is that of two binomial shares (the paper's eq. 5); guesses that share rows
    make it somewhat too narrow.

    Raises `UnsuitableDataError` for fewer than two rows on a side.
    """
    rng = np.random.default_rng(random_state)
    bins = Bins.of(training, schema)
    synthetic = synthetic.iloc[rng.permutation(len(synthetic))[: 5 * most_guesses]]
    m = min(len(training), len(held_out))
    if m < 2 or len(synthetic) < 2:
        raise UnsuitableDataError("singling out needs at least 2 rows of each: synthetic, trained on, held out")
    made = bins.codes(synthetic)
    whole = bins.codes(training)
    known, control = whole[:, rng.permutation(whole.shape[1])[:m]], bins.codes(held_out)
    rare = _rare(bins.schema, whole, made, control)
    control = control[:, rng.permutation(control.shape[1])[:m]]
    found = [0, 0, 0]
    for part in range(_SUBSETS):
        if found[0] >= most_guesses:
            break
        columns = rng.permutation(len(bins.schema))[: rng.integers(2, _WIDEST + 1)]
        guesses = _unique(_joint(made[columns], bins.widths[columns]), slice(part, None, _SUBSETS))
        found[0] += len(guesses)
        for side, codes in enumerate((known, control), start=1):
            joint = _joint(codes[columns], bins.widths[columns])
            values, counts = np.unique(joint, return_counts=True)
            found[side] += int(np.isin(guesses, values[counts == 1]).sum())
    return _risk(*found, level=level, rare=rare)


def _risk(guesses: int, hits: int, control: int, *, level: float, rare: tuple[int, int, int]) -> SinglingOut:
    n = max(guesses, 1)
    p, q = hits / n, control / n
    risk = 0.0 if q == 1 else (p - q) / (1 - q)
    z = float(stats.norm.ppf((1 + level) / 2))
    p_spread, q_spread = (z * np.sqrt(max(each * (1 - each), 1 / n) / n) for each in (p, q))
    half = float("inf") if q == 1 else float(np.hypot(p_spread / (1 - q), q_spread * (1 - p) / (1 - q) ** 2))
    return SinglingOut(
        guesses=guesses,
        hits=hits,
        control_hits=control,
        risk=float(risk),
        low=float(max(risk - half, -1.0)),
        high=float(min(risk + half, 1.0)),
        rare_values=rare[0],
        rare_values_made=rare[1],
        rare_values_held_out=rare[2],
    )


def _joint(codes: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """(N,) one number for each combination of the codes (C, N)."""
    joint = np.zeros(codes.shape[1], dtype=np.int64)
    size = 1.0
    for column, width in zip(codes, widths, strict=True):
        size *= float(width)
        if size > 2**62:  # columns of very many categories: those that fit tell rows apart by themselves
            break
        joint = joint * int(width) + column
    return joint


def _unique(joint: np.ndarray, guessing: slice) -> np.ndarray:
    """Combinations that one row alone has, that row being among those that guess."""
    values, first, counts = np.unique(joint, return_index=True, return_counts=True)
    mask = np.zeros(len(joint), dtype=bool)
    mask[guessing] = True
    return values[(counts == 1) & mask[first]]


def _rare(schema: Schema, whole: np.ndarray, made: np.ndarray, control: np.ndarray) -> tuple[int, int, int]:
    found = [0, 0, 0]
    for k, column in enumerate(schema):
        if column.kind in ONE_HOT:
            values, counts = np.unique(whole[k], return_counts=True)
            rare = values[(counts < RARE) & (values > 0)]
            found[0] += len(rare)
            found[1] += int(np.isin(rare, made[k]).sum())
            found[2] += int(np.isin(rare, control[k]).sum())
    return found[0], found[1], found[2]
