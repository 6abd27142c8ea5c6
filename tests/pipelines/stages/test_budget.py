from __future__ import annotations

import numpy as np
import pytest

from ganforge.errors import InputError
from ganforge_pipelines.stages.budget import Budget, wilson
from ganforge_pipelines.stages.found import figures_of


@pytest.mark.parametrize(
    ("text", "rows", "alerts"),
    [
        ("200", 10_000, 200),
        ("200", 50, 50),
        (200, 10_000, 200),
        ("2%", 10_000, 200),
        ("0.5 %", 1_000, 5),
        ("2%", 10, 1),
    ],
)
def test_a_budget_takes_the_oddest_rows_first(text, rows, alerts):
    score = np.random.default_rng(0).permutation(rows).astype(float)
    budget = Budget.parse(text)
    raised = budget.raised(score)
    assert score[raised].tolist() == list(range(rows - 1, rows - 1 - alerts, -1))
    assert budget.threshold(score) == rows - alerts


@pytest.mark.parametrize("text", ["2/day", "2 / day", "2/d"])
def test_a_budget_a_day_is_spent_within_each_day(text):
    """All odd rows fall on one day: over all days together the six oddest are its six, a day at a time only two."""
    day = np.repeat([10, 11, 12], 6)
    score = np.concatenate([np.arange(6), 100 + np.arange(6), 10 + np.arange(6)]).astype(float)
    odd = day == 11
    budget = Budget.parse(text)
    assert budget.raised(score, day=day).tolist() == [11, 10, 17, 16, 5, 4]
    assert Budget.parse("6").raised(score).tolist() == [11, 10, 9, 8, 7, 6]
    assert figures_of(score, odd, budget, day=day)["recall_at_budget"] == pytest.approx(2 / 6)
    assert figures_of(score, odd, Budget.parse("6"))["recall_at_budget"] == 1
    # one threshold for as many a day on average: the six oddest of all three days
    assert budget.threshold(score, day=day) == 100


def test_a_day_of_few_rows_raises_no_more_than_it_has():
    raised = Budget.parse("3/day").raised(np.array([1.0, 5.0, 2.0, 3.0, 4.0]), day=np.array([1, 1, 2, 2, 2]))
    assert sorted(raised) == [0, 1, 2, 3, 4]
    assert Budget.parse("9/day").threshold(np.array([1.0, 5.0]), day=np.array([1, 2])) == 1


@pytest.mark.parametrize("text", ["", "many", "-3", "0", "120%", "2.5", "200/week", "%", "2.5/day"])
def test_anything_else_is_refused(text):
    with pytest.raises(InputError, match="budget"):
        Budget.parse(text)


def test_a_budget_a_day_needs_days():
    with pytest.raises(InputError, match="time column"):
        Budget.parse("5/day").raised(np.zeros(100))


def test_wilson_against_published_values():
    """Newcombe (1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<857), table I, method 3, 95 %: 81/263, 15/148, 0/20."""
    for hits, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        assert wilson(hits, n, level=0.95) == pytest.approx((low, high), abs=5e-5)
    assert wilson(29, 29, level=0.95)[1] == 1.0
    assert wilson(0, 0) == (0.0, 1.0)
