from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from ganforge_pipelines.stages.budget import Budget
from ganforge_pipelines.stages.found import best_of, figures_of, mcnemar, not_told_apart, sentence_of


def detectors(found: dict[str, range], *, anomalies: int = 40, rows: int = 400):
    """(scores, truth): each detector puts these anomalies into its first 40 places, and normal rows beside them."""
    truth = np.arange(rows) < anomalies
    scores = {}
    for kind, hits in found.items():
        score = np.linspace(1, 0, rows)
        score[:anomalies] = 0.001 * score[:anomalies]
        score[list(hits)] = 5 + score[list(hits)]
        scores[kind] = score
    return scores, truth


def judged(scores, truth):
    budget = Budget.parse("40")
    figures = {kind: figures_of(score, truth, budget) for kind, score in scores.items()}
    alike, chance = not_told_apart(scores, truth, budget, figures)
    facts = {"label": "is_fraud", "positive": "is_fraud=1"}
    best = best_of(figures)
    return sentence_of(figures, best, budget, facts, rows=400, alerts=40, alike=alike), alike, chance


def test_mcnemar_is_a_coin_over_the_rows_that_differ():
    one, other = np.zeros(60, bool), np.zeros(60, bool)
    one[:24], other[14:29] = True, True  # 14 against 5
    assert mcnemar(one, other) == pytest.approx(binomtest(5, 19, 0.5).pvalue)
    assert mcnemar(one, one) == 1
    assert mcnemar(one, ~one & other) == mcnemar(~one & other, one)


def test_a_small_lead_is_no_lead():
    sentence, alike, chance = judged(*detectors({"knn": range(20), "f-anogan": range(1, 19)}))
    assert alike == ["f-anogan"]
    assert chance["f-anogan"] == pytest.approx(0.5)  # 2 against 0: as often as two coins fall alike
    assert sentence == (
        "At 40 alerts kNN finds 50 % of the rows with is_fraud=1, f-AnoGAN 45 %; kNN and f-AnoGAN cannot be told apart."
    )


def test_a_clear_lead_is_told_without_doubt():
    sentence, alike, chance = judged(*detectors({"isolation-forest": range(5), "knn": range(30)}))
    assert alike == []
    assert chance["isolation-forest"] < 1e-6
    assert sentence.endswith("kNN finds 75 % of the rows with is_fraud=1, isolation forest 12 %.")


def test_equal_counts_of_other_anomalies_are_alike_and_the_clearly_worse_is_not():
    _, alike, _ = judged(*detectors({"knn": range(20), "f-anogan": range(20, 40), "isolation-forest": range(2)}))
    assert len(alike) == 1
    assert "isolation-forest" not in alike
