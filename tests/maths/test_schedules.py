"""Schedules are functions of samples seen."""

from __future__ import annotations

import pytest

from ganforge.errors import InputError
from ganforge.training.game import Clock
from ganforge.training.schedules import constant, cosine, halving, linear, times, warm_up


def at(samples: int) -> Clock:
    return Clock(step=10**9, samples=samples)  # a schedule that looked at steps would show it


def test_linear() -> None:
    schedule = linear(1.0, 0.0, after=100, until=200)
    assert [schedule(at(s)) for s in (0, 100, 150, 200, 999)] == [1, 1, 0.5, 0, 0]


def test_cosine() -> None:
    schedule = cosine(1.0, 0.2, until=100)
    assert schedule(at(0)) == 1
    assert schedule(at(50)) == pytest.approx(0.6)
    assert schedule(at(25)) == pytest.approx(0.2 + 0.4 * (1 + 0.5**0.5))
    assert schedule(at(1000)) == pytest.approx(0.2)


def test_the_others() -> None:
    assert [warm_up(10)(at(s)) for s in (0, 5, 10, 20)] == [0, 0.5, 1, 1]
    assert [halving(10)(at(s)) for s in (0, 10, 20)] == [1, 0.5, 0.25]
    assert constant(3)(at(7)) == 3
    assert times(warm_up(10), halving(10))(at(5)) == pytest.approx(0.5 * 0.5**0.5)


def test_a_span_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="200 to 100"):
        linear(1, 0, after=200, until=100)
