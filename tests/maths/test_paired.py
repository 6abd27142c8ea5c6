"""Two fixed models on rows that neither has seen: against closed forms, and what it is for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score

from ganforge.downstream.paired import average_precision_gain, share_gain
from ganforge.errors import InputError


def scores(positives: int, negatives: int, gain: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(truth, new, former): two scores that share most of their noise, the new one `gain` apart at the positives."""
    random = np.random.default_rng(seed)
    truth = np.arange(positives + negatives) < positives
    shared = random.normal(size=len(truth))
    former, new = (0.9 * shared + 0.45 * random.normal(size=len(truth)) + 2 * truth for _ in range(2))
    return truth, new + gain * truth, former


@pytest.mark.parametrize(("wins", "losses", "ties"), [(3, 0, 27), (8, 2, 40), (0, 0, 20)])
def test_shares_are_the_bayesian_mcnemar_test(wins, losses, ties):
    # with a uniform prior over who is right where they differ: P(θ > 1/2), θ ~ Beta(1 + wins, 1 + losses)
    new = np.repeat([True, False, True], [wins, losses, ties])
    former = np.repeat([False, True, True], [wins, losses, ties])
    found = share_gain(new, former, rope=0.0, draws=20_000)
    assert found.better == pytest.approx(stats.beta.sf(0.5, 1 + wins, 1 + losses), abs=0.012)
    assert found.better + found.equivalent + found.worse == pytest.approx(1)
    assert found.new - found.former == pytest.approx((wins - losses) / (wins + losses + ties))


def test_average_precision_is_scikit_learns_ties_and_all():
    random = np.random.default_rng(0)
    truth = random.random(300) < 0.1
    new, former = (np.round(random.normal(size=300) + shift * truth, 1) for shift in (1.5, 1.0))
    found = average_precision_gain(truth, new, former)
    assert found.new == pytest.approx(average_precision_score(truth, new))
    assert found.former == pytest.approx(average_precision_score(truth, former))
    assert (found.rows, found.positives) == (300, truth.sum())


def test_grouping_alike_rows_changes_nothing():
    """Rows that are alike share a gamma's weight; drawn one by one they give the same posterior."""
    truth, new, former = scores(20, 400, 0.5, seed=1)
    grouped = average_precision_gain(truth, new, former, draws=6_000)
    by_row = average_precision_gain(truth, new, former, entity=np.arange(len(truth)), draws=6_000)
    assert grouped.better == pytest.approx(by_row.better, abs=0.03)
    assert (grouped.low, grouped.high) == (pytest.approx(by_row.low, abs=0.01), pytest.approx(by_row.high, abs=0.01))


def test_symmetry_and_the_same_seed():
    truth, new, former = scores(30, 300, 0.4, seed=2)
    there, back = average_precision_gain(truth, new, former), average_precision_gain(truth, former, new)
    assert there.better == pytest.approx(back.worse, abs=0.02)
    assert average_precision_gain(truth, new, former) == there


def test_one_and_the_same_ranking_leaves_no_doubt():
    truth, new, _ = scores(10, 100, 0.0, seed=3)
    found = average_precision_gain(truth, new, np.exp(new))
    assert (found.better, found.equivalent, found.worse) == (0.0, 1.0, 0.0)


def test_rows_of_one_entity_do_not_vouch_for_one_another():
    truth, new, former = scores(12, 200, 0.6, seed=4)
    alone = average_precision_gain(truth, new, former, draws=6_000)
    tenfold = [np.repeat(each, 10) for each in (truth, new, former, np.arange(len(truth)))]
    copied = average_precision_gain(*tenfold[:3], draws=6_000)
    together = average_precision_gain(*tenfold[:3], entity=tenfold[3], draws=6_000)
    assert copied.high - copied.low < 0.5 * (together.high - together.low)
    assert together.high - together.low < alone.high - alone.low + 0.02


def test_chance_seldom_passes_for_a_better_model():
    """Of equally good models, as few as ten positives: at most one in ten is believed to be better, being none."""
    believed = [average_precision_gain(*scores(10, 200, 0.0, seed), draws=400).better >= 0.9 for seed in range(60)]
    assert np.mean(believed) <= 0.1


def test_what_cannot_be_compared():
    with pytest.raises(InputError, match="both classes"):
        average_precision_gain(np.ones(3, dtype=bool), np.arange(3), np.arange(3))
    with pytest.raises(InputError, match="former model has no score for 1 of 3 rows"):
        average_precision_gain(np.array([True, False, True]), np.arange(3), np.array([0.1, np.nan, 0.3]))
    with pytest.raises(InputError, match="one a row"):
        average_precision_gain(np.array([True, False]), np.arange(2), np.arange(3))
    with pytest.raises(InputError, match="entities"):
        share_gain(np.ones(3, dtype=bool), np.zeros(3, dtype=bool), entity=np.arange(2))
    with pytest.raises(InputError, match="rope"):
        share_gain(np.ones(3, dtype=bool), np.zeros(3, dtype=bool), rope=-1)
