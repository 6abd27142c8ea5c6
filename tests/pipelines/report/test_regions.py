"""A map of rows: regions that hold a share of them, and no trace of a single one."""

import numpy as np
import pytest

from ganforge_pipelines.report.regions import Region, density_map, level_of


def cloud(n, *, at=0.0, spread=1.0, seed=0):
    return np.random.default_rng(seed).normal(at, spread, (n, 2))


def test_a_region_holds_its_share():
    points = cloud(4000)
    edges = (np.linspace(-5, 5, 65), np.linspace(-5, 5, 65))
    region = Region.of(points, edges)
    assert region.density.sum() == pytest.approx(1)
    assert region.holds(cloud(4000, seed=1)) == pytest.approx(0.9, abs=0.03)
    assert region.holds(points, 0.5) == pytest.approx(0.5, abs=0.05)


def test_level_of_a_density_by_hand():
    assert level_of(np.array([[0.5, 0.3], [0.15, 0.05]]), 0.8) == 0.3
    assert level_of(np.array([[0.5, 0.3], [0.15, 0.05]]), 1.0) == 0.05


def test_the_same_rows_lie_in_each_others_region():
    made = density_map(cloud(600), cloud(600, seed=1))
    assert made.inside == pytest.approx(0.9, abs=0.05)
    assert made.covered == pytest.approx(0.9, abs=0.05)
    assert made.floor == pytest.approx(0.9, abs=0.06)


def test_rows_elsewhere_and_rows_that_leave_out_a_part_are_told_apart():
    elsewhere = density_map(cloud(600), cloud(600, at=2.0, seed=1))
    assert elsewhere.inside < 0.5
    narrow = density_map(cloud(600), cloud(600, spread=0.4, seed=1))
    assert narrow.inside > 0.95
    assert narrow.covered < 0.5


def test_an_outlier_is_not_drawn():
    points = np.vstack([cloud(500), [[30.0, 30.0]]])
    made = density_map(points, cloud(500, seed=1))
    assert made.x[1] < 10  # the grid ends before it


def test_points_on_a_line_and_copies_of_one_point_have_a_map():
    line = np.column_stack([np.linspace(0, 1, 20), np.zeros(20)])
    assert np.isfinite(density_map(line, line).real).all()
    assert np.isfinite(density_map(np.zeros((20, 2)), np.zeros((20, 2))).synthetic).all()
