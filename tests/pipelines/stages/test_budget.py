from __future__ import annotations

import pytest

from ganforge.errors import InputError
from ganforge_pipelines.stages.budget import Budget, wilson


@pytest.mark.parametrize(
    ("text", "rows", "days", "alerts"),
    [
        ("200", 10_000, None, 200),
        ("200", 50, None, 50),
        (200, 10_000, None, 200),
        ("2%", 10_000, None, 200),
        ("0.5 %", 1_000, None, 5),
        ("2%", 10, None, 1),
        ("200/day", 10_000, 3.5, 700),
        ("200 / day", 10_000, 0.5, 100),
        ("7/d", 10_000, 2, 14),
        ("1/day", 10_000, 0.0, 1),
    ],
)
def test_a_budget_is_a_number_of_alerts(text, rows, days, alerts):
    assert Budget.parse(text).alerts(rows, days=days) == alerts


@pytest.mark.parametrize("text", ["", "many", "-3", "0", "120%", "2.5", "200/week", "%"])
def test_anything_else_is_refused(text):
    with pytest.raises(InputError, match="budget"):
        Budget.parse(text)


def test_a_budget_a_day_needs_days():
    with pytest.raises(InputError, match="time column"):
        Budget.parse("5/day").alerts(100)


def test_wilson_against_published_values():
    """Newcombe (1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<857), table I, method 3, 95 %: 81/263, 15/148, 0/20."""
    for hits, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        assert wilson(hits, n, level=0.95) == pytest.approx((low, high), abs=5e-5)
    assert wilson(29, 29, level=0.95)[1] == 1.0
    assert wilson(0, 0) == (0.0, 1.0)
