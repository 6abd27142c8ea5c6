"""What scores on real rows are worth: functions of truth (N,) bool and score (N,), the higher the more suspicious.

Average precision comes first: on rare classes the area under the ROC curve hides harm (Saito & Rehmsmeier 2015,
doi:10.1371/journal.pone.0118432). It stands among the measures so that this can be seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

MEASURES = {
    "average_precision": "area under precision over recall, by steps",
    "auroc": "area under the ROC curve",
    "recall_at_fpr_0.001": "positives found while 1 negative in 1,000 is taken for one",
    "recall_at_fpr_0.01": "positives found while 1 negative in 100 is taken for one",
    "precision_at_100": "positives among the 100 highest scores (or all rows, where there are fewer)",
    "group_precision_at_100": "groups (customers, cards) with a positive among the 100 whose highest score is highest",
    "savings": "share of the positives' amount that is saved, less the cost of looking at alerts",
    "brier": "mean squared error of the probabilities; the lower the better",
    "brier_recalibrated": "the same after recalibration on real rows",
}
"""Names and meanings of an arm's measures."""

ALERTS = 100
EDGES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.4, 0.6, 0.8)
"""Inner edges of the ten bins of a reliability table: fine where the scarce class lies."""
_LEAST_PROBABILITY = 1e-6


@dataclass(frozen=True, slots=True)
class Costs:
    """What a missed positive costs and what an alert costs (Bahnsen et al. 2014, doi:10.1109/ICMLA.2014.48).

    amount: (N,) what each row is worth, ≥ 0; 1 each where amounts are not known. alert: cost of looking at one row, in
    the same unit.
    """

    amount: np.ndarray
    alert: float

    def take(self, rows: np.ndarray) -> Costs:
        return Costs(self.amount[rows], self.alert)


def measured(
    truth: np.ndarray,
    score: np.ndarray,
    *,
    costs: Costs,
    threshold: float = 0.5,
    entities: np.ndarray | None = None,
) -> dict[str, float]:
    """All `MEASURES` but the recalibrated one; `truth` needs both classes. A row is an alert from `threshold` on.

    entities: (N,) numbers of who a row belongs to; None: nobody knows, and what is measured by them is NaN.
    """
    return {
        "average_precision": float(average_precision_score(truth, score)),
        "auroc": float(roc_auc_score(truth, score)),
        "recall_at_fpr_0.001": recall_at(truth, score, fpr=0.001),
        "recall_at_fpr_0.01": recall_at(truth, score, fpr=0.01),
        f"precision_at_{ALERTS}": precision_at(truth, score, ALERTS),
        f"group_precision_at_{ALERTS}": (
            float("nan") if entities is None else group_precision_at(truth, score, entities, ALERTS)
        ),
        "savings": savings(truth, score >= threshold, costs),
        "brier": brier(truth, score),
    }


def recall_at(truth: np.ndarray, score: np.ndarray, *, fpr: float) -> float:
    """The most positives (as a share) that a threshold finds which takes at most `fpr` of the negatives for some."""
    false, true, _ = roc_curve(truth, score, drop_intermediate=False)
    return float(true[false <= fpr].max())


def precision_at(truth: np.ndarray, score: np.ndarray, k: int) -> float:
    """Share of positives among the k highest scores; of rows that share the k-th score, as many as fit on average."""
    k = min(k, len(truth))
    border = np.sort(score)[-k]
    above, level = score > border, score == border
    found = truth[above].sum() + truth[level].mean() * (k - above.sum())
    return float(found / k)


def group_precision_at(truth: np.ndarray, score: np.ndarray, entities: np.ndarray, k: int) -> float:
    """`precision_at` of groups: one is as suspicious as its most suspicious row, and positive if any row is.

    With cards for groups this is the Fraud Detection Handbook's card precision top-k, over the whole test part instead
    of day by day: who looks into a card looks into all its payments.
    """
    _, group = np.unique(entities, return_inverse=True)
    highest = np.full(group.max() + 1, -np.inf)
    np.maximum.at(highest, group, score)
    return precision_at(np.bincount(group, weights=truth) > 0, highest, k)


def savings(truth: np.ndarray, alert: np.ndarray, costs: Costs) -> float:
    """1 − cost / cost of doing nothing: 1 finds all without looking, 0 is no better than not looking, below is worse.

    A missed positive costs its amount, an alert the cost of looking at it. NaN where the positives are worth nothing.
    """
    at_stake = float(costs.amount[truth].sum())
    if at_stake == 0:
        return float("nan")
    cost = float(costs.amount[truth & ~alert].sum()) + costs.alert * float(alert.sum())
    return 1 - cost / at_stake


def best_threshold(truth: np.ndarray, score: np.ndarray, costs: Costs) -> float:
    """The threshold of the highest savings on these rows; .5 where no threshold saves anything."""
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    saved = np.cumsum(np.where(truth[order], costs.amount[order], 0)) - costs.alert * np.arange(1, len(order) + 1)
    last = np.append(ordered[1:] != ordered[:-1], True)  # a threshold takes all rows of one score or none
    saved = np.where(last, saved, -np.inf)
    best = int(np.argmax(saved))
    if saved[best] <= 0:
        return 0.5
    below = ordered[best + 1] if best + 1 < len(ordered) else ordered[best]
    return float((ordered[best] + below) / 2)


def brier(truth: np.ndarray, probability: np.ndarray) -> float:
    return float(np.mean((probability - truth) ** 2))


def recalibrated(truth: np.ndarray, score: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Probabilities for `new` scores from those of real rows that were held out: logistic in the log-odds (Platt 1999).

    Rows that were added shift what a model takes for the share of positives; two numbers, slope and offset, put that
    right, and leave the order as it is while the slope is positive.
    """
    model = LogisticRegression(C=1e6, max_iter=1000).fit(_log_odds(score), truth)
    return model.predict_proba(_log_odds(new))[:, 1]


def reliability(truth: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """(10, 3): rows, sum of their probabilities and positives, by bin of the probability (`EDGES`); folds add up."""
    bins = np.digitize(probability, EDGES)
    sums = [np.bincount(bins, weights=each, minlength=len(EDGES) + 1) for each in (np.ones(len(bins)), probability)]
    return np.column_stack([*sums, np.bincount(bins, weights=truth, minlength=len(EDGES) + 1)])


def _log_odds(score: np.ndarray) -> np.ndarray:
    clipped = np.clip(score, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    return np.log(clipped / (1 - clipped))[:, None]
