"""Measures against values worked out by hand."""

import numpy as np
import pytest

from ganforge.downstream.measures import (
    EDGES,
    MEASURES,
    Costs,
    best_threshold,
    brier,
    group_precision_at,
    measured,
    precision_at,
    recalibrated,
    recall_at,
    reliability,
    savings,
)

TRUTH = np.array([True, False, True, False, False, False])
SCORE = np.array([0.9, 0.8, 0.7, 0.2, 0.1, 0.05])
ONES = Costs(np.ones(6), 0.1)


def test_recall_at_a_false_positive_rate():
    assert recall_at(TRUTH, SCORE, fpr=0.0) == 0.5  # above .8 there is one of two positives
    assert recall_at(TRUTH, SCORE, fpr=0.24) == 0.5
    assert recall_at(TRUTH, SCORE, fpr=0.25) == 1.0  # one of four negatives


def test_precision_at_k_shares_ties():
    assert precision_at(TRUTH, SCORE, 1) == 1
    assert precision_at(TRUTH, SCORE, 2) == 0.5
    assert precision_at(TRUTH, SCORE, 100) == pytest.approx(2 / 6)
    tied = np.array([0.9, 0.5, 0.5, 0.5, 0.1, 0.1])
    # One sure hit; of the three that share the second place one is positive: 1/3 on average.
    assert precision_at(TRUTH, tied, 2) == pytest.approx((1 + 1 / 3) / 2)


def test_precision_of_groups_counts_each_by_its_most_suspicious_row():
    cards = np.array([7, 7, 3, 3, 5, 5])
    # card 7: .9 and a positive; card 3: .7 and a positive; card 5: .1 and none
    assert group_precision_at(TRUTH, SCORE, cards, 1) == 1
    assert group_precision_at(TRUTH, SCORE, cards, 2) == 1
    assert group_precision_at(TRUTH, SCORE, cards, 100) == pytest.approx(2 / 3)
    # Row by row the second place is a false alarm; so it is for cards whose rows are each alone.
    assert group_precision_at(TRUTH, SCORE, np.arange(6), 2) == precision_at(TRUTH, SCORE, 2) == 0.5


def test_what_is_measured_by_groups_needs_them():
    assert np.isnan(measured(TRUTH, SCORE, costs=ONES)["group_precision_at_100"])
    found = measured(TRUTH, SCORE, costs=ONES, entities=np.array([7, 7, 3, 3, 5, 5]))
    assert found["group_precision_at_100"] == pytest.approx(2 / 3)


def test_savings_by_hand():
    costs = Costs(np.array([100.0, 5, 50, 5, 5, 5]), 10.0)
    # at stake 150; alerts .9 and .8 cost 20; missed 50: 1 − 70/150
    assert savings(TRUTH, SCORE >= 0.75, costs) == pytest.approx(1 - 70 / 150)
    assert savings(TRUTH, SCORE > 1, costs) == 0
    assert savings(TRUTH, SCORE >= 0, costs) == pytest.approx(1 - 60 / 150)
    assert np.isnan(savings(~TRUTH, SCORE > 1, Costs(np.where(TRUTH, 1.0, 0.0), 1.0)))


def test_the_best_threshold_saves_the_most():
    rng = np.random.default_rng(0)
    truth = rng.random(400) < 0.1
    score = np.clip(rng.normal(0.2 + 0.3 * truth, 0.15), 0, 1).round(2)
    costs = Costs(rng.gamma(2, 30, 400), 8.0)
    found = best_threshold(truth, score, costs)
    every = [savings(truth, score >= each, costs) for each in np.unique(score)]
    assert savings(truth, score >= found, costs) == pytest.approx(max(every))
    assert best_threshold(truth, score, Costs(np.ones(400), 1e6)) == 0.5  # an alert that dear saves nothing


def test_recalibration_mends_what_added_rows_have_shifted():
    rng = np.random.default_rng(0)
    odds = rng.normal(-3, 1.5, 20_000)
    truth = rng.random(20_000) < 1 / (1 + np.exp(-odds))
    shifted = 1 / (1 + np.exp(-(odds + 2.5)))  # as after adding twelve positives for one
    held, new = slice(0, 10_000), slice(10_000, None)
    mended = recalibrated(truth[held], shifted[held], shifted[new])
    honest = 1 / (1 + np.exp(-odds[new]))
    assert brier(truth[new], shifted[new]) > 1.5 * brier(truth[new], honest)
    assert brier(truth[new], mended) == pytest.approx(brier(truth[new], honest), rel=0.02)
    assert (np.argsort(mended, kind="stable") == np.argsort(shifted[new], kind="stable")).all()


def test_reliability_adds_up():
    table = reliability(TRUTH, SCORE)
    assert table.shape == (len(EDGES) + 1, 3)
    assert table.sum(axis=0) == pytest.approx([6, SCORE.sum(), 2])
    assert table[-1].tolist() == pytest.approx([2, 1.7, 1])  # .9 and .8, one of them positive


def test_every_measure_is_there():
    found = measured(TRUTH, SCORE, costs=ONES)
    assert {*found, "brier_recalibrated"} == set(MEASURES)
    assert found["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["auroc"] == pytest.approx(7 / 8)
