"""The threshold is chosen on rows scored by models that have not seen them; its cost is counted on others."""

import numpy as np
import pytest

from ganforge.downstream.measures import Costs
from ganforge.downstream.operating import average_precision_interval, cheapest_threshold, cross_fitted, operating
from ganforge.downstream.resampling import Protocol
from ganforge.errors import GanforgeWarning, UnsuitableDataError

TRUTH = np.array([True, False, True, False, False, False])
SCORE = np.array([0.9, 0.8, 0.7, 0.2, 0.1, 0.05])


def test_costs_by_hand():
    costs = Costs(np.array([100.0, 1.0, 40.0, 1.0, 1.0, 1.0]), 5.0)
    at = operating(TRUTH, SCORE, costs, threshold=0.85)
    assert (at.cost, at.alerts, at.found) == (45.0, 1, 1)  # one alert, and the 40 are missed
    assert (at.nothing, at.rows, at.positives) == (140.0, 6, 2)
    assert at.low <= at.cost <= at.high
    curve = at.curve
    assert (curve["threshold"][0], curve["alerts"][0], curve["found"][0], curve["cost"][0]) == (0.0, 6, 2, 30.0)
    assert (curve["alerts"][-1], curve["found"][-1], curve["cost"][-1]) == (0, 0, 140.0)


def test_the_curve_agrees_with_the_point_everywhere():
    rng = np.random.default_rng(0)
    truth, score = rng.random(300) < 0.1, rng.random(300)
    costs = Costs(rng.random(300) * 50, 3.0)
    curve = operating(truth, score, costs, threshold=0.5).curve
    for place in (0, 40, 120, 199):
        at = operating(truth, score, costs, threshold=curve["threshold"][place])
        assert at.cost == pytest.approx(curve["cost"][place])
        assert (at.alerts, at.found) == (curve["alerts"][place], curve["found"][place])


def test_the_cheapest_threshold():
    assert cheapest_threshold(TRUTH, SCORE, Costs(np.ones(6), 0.1)) == pytest.approx(0.45)
    assert cheapest_threshold(TRUTH, SCORE, Costs(np.ones(6), 2.0)) == 0.5  # looking never pays


def test_no_row_is_scored_by_a_model_that_has_seen_it():
    positive = np.arange(30) % 5 == 0
    groups = np.arange(30) // 2  # each with a twin or another row of the same customer

    def scored(train, test):
        assert not set(groups[train]) & set(groups[test])
        assert positive[train].any()
        return test / 100

    places, scores = cross_fitted(positive, scored, Protocol(groups=groups))
    assert sorted(places) == list(range(30))
    assert scores.tolist() == (places / 100).tolist()
    with pytest.raises(UnsuitableDataError, match=r"2 rows of the rarer class, that belong together"):
        cross_fitted(np.arange(30) < 2, scored, Protocol(groups=groups))


def test_with_a_time_rows_are_scored_by_models_of_what_was_before():
    positive, time = np.arange(60) % 5 == 0, np.random.default_rng(0).permutation(60).astype(float)

    def scored(train, test):
        assert time[train].max() < time[test].min() - 2
        return np.zeros(len(test))

    places, _ = cross_fitted(positive, scored, Protocol(groups=np.arange(60), time=time, gap=2.0))
    assert sorted(time[places]) == list(range(15, 60))  # nothing comes before the first quarter
    late = positive & (time > 40)
    with pytest.warns(GanforgeWarning, match="chosen on random folds"):
        places, _ = cross_fitted(
            late, lambda train, test: np.zeros(len(test)), Protocol(groups=np.arange(60), time=time)
        )
    assert sorted(places) == list(range(60))


def test_the_interval_holds_the_average_precision_and_shrinks_with_rows():
    rng = np.random.default_rng(1)

    def drawn(n):
        truth = rng.random(n) < 0.2
        return average_precision_interval(truth, np.where(truth, rng.normal(1, 1, n), rng.normal(0, 1, n)))

    few, many = drawn(100), drawn(4000)
    assert many[1] - many[0] < few[1] - few[0]
    assert 0 < many[0] < many[1] < 1


def test_all_is_found_without_a_false_alarm_costs_the_alerts_alone():
    at = operating(TRUTH, TRUTH.astype(float), Costs(np.ones(6), 0.1), threshold=0.5)
    assert at.cost == pytest.approx(0.2)
    assert at.found == 2
