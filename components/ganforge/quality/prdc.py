"""Are synthetic rows where real ones are, and everywhere where real ones are? Two times two numbers.

Naeem et al. 2020 (arXiv:2002.09797), eq. 2–5, over balls B(x, r) around each row x that reach to its k-th nearest
neighbour of its own kind:

    precision   share of synthetic rows that lie in the ball of some real row     Σⱼ 1[yⱼ ∈ ∪ᵢ B(xᵢ)] / M
    recall      share of real rows that lie in the ball of some synthetic row     Σᵢ 1[xᵢ ∈ ∪ⱼ B(yⱼ)] / N
    density     real balls that a synthetic row lies in, over k; may exceed 1     Σⱼ Σᵢ 1[yⱼ ∈ B(xᵢ)] / kM
    coverage    share of real rows whose ball holds a synthetic row               Σᵢ 1[∃j: yⱼ ∈ B(xᵢ)] / N

Precision and recall (Kynkäänniemi et al. 2019, arXiv:1904.06991) are swayed by outliers, whose balls are large; density
and coverage are not. Balls are closed here: rows of few categories coincide, and a ball may have no width.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from sklearn.metrics import pairwise_distances
from threadpoolctl import threadpool_limits

from ganforge.errors import InputError, UnsuitableDataError

NEIGHBOURS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Prdc:
    """Precision, recall, density and coverage; all but density lie in 0 … 1."""

    precision: float
    recall: float
    density: float
    coverage: float

    def to_json(self) -> dict[str, float]:
        return asdict(self)


def prdc(real: np.ndarray, synthetic: np.ndarray, *, k: int = NEIGHBOURS) -> Prdc:
    """Of points (N, D), (M, D); `closest.RowSpace.place` makes them of rows. All N × M distances are held at once.

    Raises `UnsuitableDataError` for a side of no more than k points.
    """
    if k < 1:
        raise InputError(f"k={k}; give at least 1 neighbour")
    if min(len(real), len(synthetic)) <= k:
        raise UnsuitableDataError(
            f"{min(len(real), len(synthetic))} rows have no {k} neighbours; give at least {k + 1} on each side"
        )
    with threadpool_limits(1):
        reach, made_reach = _reach(real, k), _reach(synthetic, k)
        apart = _apart(real, synthetic)  # (N, M)
    in_real = apart <= reach[:, None]
    return Prdc(
        precision=float(in_real.any(axis=0).mean()),
        recall=float((apart <= made_reach[None, :]).any(axis=1).mean()),
        density=float(in_real.sum(axis=0).mean() / k),
        coverage=float(in_real.any(axis=1).mean()),
    )


def _reach(points: np.ndarray, k: int) -> np.ndarray:
    """(N,) squared distance to the k-th nearest other point."""
    apart = _apart(points, points)
    np.fill_diagonal(apart, np.inf)
    return np.partition(apart, k - 1, axis=1)[:, k - 1]


def _apart(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Squared distances in double precision, rounded so that equal ones tie."""
    doubles = (np.asarray(each, dtype=np.float64) for each in (first, second))
    return pairwise_distances(*doubles, metric="sqeuclidean").round(9)
