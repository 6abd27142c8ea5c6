"""How sure a difference over folds is: Nadeau and Bengio's corrected variance, and Student's t.

The k differences of a cross-validation are not independent: any two training parts share most of their rows,
so the folds' own variance over k is far too small and everything looks significant. Nadeau & Bengio (2003,
eq. 9, doi:10.1023/A:1024068626366) put in the missing part, n_test/n_train:

    variance of the mean  =  s² · (1/k + n_test / n_train),     (mean − truth) / √variance  ~  t with k − 1 degrees

Two things keep folds that agree by accident from looking certain. Of fewer than `LEAST_FOLDS` nothing is concluded
(`arms.conclude`): s² from one or two degrees of freedom is close to zero often enough. And s² is never taken to be
smaller than what the measure can resolve: on m samples it moves in steps of about 1/m, so that each of the two
measures of a difference is known to half a step only, as if it were rounded (variance of a rounding: step²/12).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy import stats

from ganforge.errors import InputError

LEVEL = 0.9
"""Share of such intervals that hold the truth. 90 % two-sided: each end alone is passed in 5 %."""
LEAST_FOLDS = 5
"""Below so many nothing is said to help or to harm."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with the range that holds the truth in a share `level` of all cases."""

    mean: float
    low: float
    high: float
    level: float = LEVEL

    @property
    def above_zero(self) -> bool:
        return self.low > 0

    @property
    def below_zero(self) -> bool:
        return self.high < 0

    def to_json(self) -> dict[str, float]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.mean:+.3f} ({self.level:.0%} between {self.low:+.3f} and {self.high:+.3f})"


def corrected_interval(
    values: Sequence[float], *, test_to_train: float, level: float = LEVEL, resolution: float = 0.0
) -> Interval:
    """The interval of the mean of `values`, one value (a paired difference, for one) a fold.

    `test_to_train`: rows in a test part over rows in its training part, averaged over folds where they differ
    (k folds of equal size: 1 / (k − 1)). Folds that go forward in time share fewer training rows than the
    formula supposes, so there the interval is, if anything, too wide.

    `resolution`: the step in which one of the two measures behind each difference moves (1 over the samples of a test
    part that it counts); s² is at least 2 · resolution²/12. 0: no such floor.

    Raises `InputError` for fewer than two values, for values that are not finite and for a level outside (0, 1).
    """
    if not 0 < level < 1:
        raise InputError(f"level={level}; give 0 < level < 1")
    error = standard_error(values, test_to_train=test_to_train, resolution=resolution)
    mean = float(np.mean(values))
    half = float(stats.t.ppf((1 + level) / 2, df=len(values) - 1)) * error
    return Interval(mean, mean - half, mean + half, level)


def standard_error(values: Sequence[float], *, test_to_train: float, resolution: float = 0.0) -> float:
    """The root of Nadeau and Bengio's corrected variance of the mean; see `corrected_interval` for what is raised."""
    folds = np.asarray(values, dtype=np.float64)
    if folds.ndim != 1 or len(folds) < 2:
        raise InputError(f"an interval needs at least 2 folds, not {folds.size}; raise folds")
    if not np.isfinite(folds).all():
        raise InputError(f"a fold's value is not finite: {folds.tolist()}; a measure was undefined on some fold")
    if test_to_train < 0:
        raise InputError(f"test_to_train={test_to_train}; give a ratio of rows ≥ 0")
    variance = max(float(folds.var(ddof=1)), resolution**2 / 6) * (1 / len(folds) + test_to_train)
    return variance**0.5
