"""Train on synthetic rows, test on real ones: do they teach a classifier what real rows teach it?

Esteban, Hyland & Rätsch 2017 (arXiv:1706.02633), TSTR. The same model learns from synthetic rows and from as many real
ones, and both are tested on real rows held out: average precision of the rarer class for a target of two values,
accuracy for more of them, R² for a number. Gradient boosting, which takes numbers, gaps and categories as they are.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import average_precision_score, r2_score
from threadpoolctl import threadpool_limits

from ganforge.data.schema import NUMERIC, Schema
from ganforge.errors import UnsuitableDataError
from ganforge.quality.coding import codes_of, features_of, numbers_of
from ganforge.quality.wording import figure, ratio


@dataclass(frozen=True, kw_only=True, slots=True)
class Usefulness:
    """What a model reaches on real rows held out."""

    target: str
    measure: str
    """average precision, accuracy or R²."""
    synthetic: float
    """Trained on synthetic rows."""
    real: float
    """Trained on as many real rows."""
    guessing: float
    """Without looking: the base rate, the share of the commonest class, 0."""
    sentence: str

    @property
    def ratio(self) -> float | None:
        """synthetic / real: 1 where synthetic rows teach as much."""
        return ratio(self.synthetic, self.real)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio}


def train_on_synthetic(
    synthetic: pd.DataFrame,
    real: pd.DataFrame,
    held_out: pd.DataFrame,
    target: str,
    schema: Schema,
    *,
    random_state: int = 0,
) -> Usefulness:
    """All frames keep to the schema; synthetic and real rows should be as many. Rows without a target are left out.

    Raises `UnsuitableDataError` when the target does not vary among the real, the synthetic or the held-out rows.
    """
    column = schema[target]
    features = Schema(tuple(each for each in schema if each.name != target))
    sides = {"real": real, "synthetic": synthetic, "held-out": held_out}
    there = {name: frame.dropna(subset=[target]) for name, frame in sides.items()}
    numeric = column.kind in NUMERIC
    labels = {
        name: numbers_of(pd.Series(frame[target]), column) if numeric else codes_of(pd.Series(frame[target]), column)
        for name, frame in there.items()
    }
    for name, each in labels.items():
        if len(np.unique(each)) < 2:
            raise UnsuitableDataError(f"{target} does not vary among the {name} rows; there is nothing to learn")
    test, truth = features_of(there["held-out"], features), labels["held-out"]
    categorical = np.array([each.kind not in NUMERIC for each in features])
    options: dict[str, Any] = {
        "categorical_features": categorical if categorical.any() else None,
        "early_stopping": False,
        "random_state": random_state,
    }
    reached = {}
    rare = _rarer(labels["real"])
    for name in ("synthetic", "real"):
        learned = features_of(there[name], features)
        with threadpool_limits(1):
            if numeric:
                model: Any = HistGradientBoostingRegressor(**options).fit(learned, labels[name])
                reached[name] = float(r2_score(truth, model.predict(test)))
            elif len(column.categories) == 2:
                model = HistGradientBoostingClassifier(**options).fit(learned, labels[name] == rare)
                reached[name] = float(average_precision_score(truth == rare, model.predict_proba(test)[:, 1]))
            else:
                model = HistGradientBoostingClassifier(**options).fit(learned, labels[name])
                reached[name] = float(np.mean(model.predict(test) == truth))
    measure, guessing = "R²", 0.0
    if not numeric and len(column.categories) == 2:
        measure, guessing = "average precision", float(np.mean(truth == rare))
    elif not numeric:
        measure, guessing = "accuracy", float(np.unique(truth, return_counts=True)[1].max() / len(truth))
    return Usefulness(
        target=target,
        measure=measure,
        guessing=guessing,
        sentence=(
            f"A model of {target} trained on synthetic rows reaches {figure(reached['synthetic'])} {measure} on real "
            f"ones, trained on as many real rows {figure(reached['real'])}; guessing {figure(guessing)}"
        ),
        **reached,
    )


def _rarer(labels: np.ndarray) -> int:
    values, counts = np.unique(labels, return_counts=True)
    return int(values[counts.argmin()])
