"""Precision, recall, density and coverage, against sets worked out by hand and a plain double loop."""

import numpy as np
import pytest

from ganforge.errors import InputError, UnsuitableDataError
from ganforge.quality.prdc import Prdc, prdc


def by_hand(real: np.ndarray, made: np.ndarray, k: int) -> Prdc:
    """Equations 2–5 as they stand."""

    def reach(points):
        return [sorted(np.linalg.norm(points - each, axis=1))[k] for each in points]  # [0] is the point itself

    balls, made_balls = reach(real), reach(made)
    inside = [[np.linalg.norm(x - y) <= r for y in made] for x, r in zip(real, balls, strict=True)]
    covered = [[np.linalg.norm(x - y) <= r for y, r in zip(made, made_balls, strict=True)] for x in real]
    return Prdc(
        precision=float(np.mean(np.any(inside, axis=0))),
        recall=float(np.mean(np.any(covered, axis=1))),
        density=float(np.sum(inside) / (k * len(made))),
        coverage=float(np.mean(np.any(inside, axis=1))),
    )


def test_it_is_the_papers_equations():
    rng = np.random.default_rng(0)
    real, made = rng.normal(size=(40, 3)), rng.normal(0.5, 1.5, size=(60, 3))
    found, expected = prdc(real, made, k=4), by_hand(real, made, 4)
    assert found.to_json() == pytest.approx(expected.to_json())
    assert 0 < found.precision < 1


def test_points_on_a_line():
    real = np.array([[0.0], [1.0], [2.0], [10.0]])  # to the nearest other: 1, 1, 1, 8
    made = np.array([[1.5], [5.0], [30.0]])  # 3.5, 3.5, 25
    found = prdc(real, made, k=1)
    assert found.precision == pytest.approx(2 / 3)  # 30 is in no ball
    assert found.recall == 1  # 0, 1 and 2 lie around 1.5; 10 in the wide ball of 30
    assert found.density == pytest.approx(3 / 3)  # 1.5 in the balls of 1 and 2, 5 in that of 10
    assert found.coverage == pytest.approx(3 / 4)


def test_identical_and_apart():
    points = np.random.default_rng(0).normal(size=(50, 2))
    same = prdc(points, points)
    assert same.precision == same.recall == same.coverage == 1
    apart = prdc(points, points + 100)
    assert apart == Prdc(precision=0.0, recall=0.0, density=0.0, coverage=0.0)


def test_a_collapsed_generator_is_precise_and_covers_little():
    points = np.random.default_rng(1).normal(size=(200, 2))
    found = prdc(points, np.tile(points[:1], (200, 1)) + np.random.default_rng(2).normal(0, 1e-3, (200, 2)))
    assert found.precision > 0.9
    assert found.coverage < 0.1


def test_coinciding_rows_have_balls_without_width():
    points = np.repeat(np.eye(3), 10, axis=0)
    assert prdc(points, points, k=5).coverage == 1


def test_bad_calls():
    with pytest.raises(UnsuitableDataError, match="at least 6 on each side"):
        prdc(np.zeros((5, 2)), np.zeros((50, 2)))
    with pytest.raises(InputError, match="k=0"):
        prdc(np.zeros((5, 2)), np.zeros((50, 2)), k=0)
