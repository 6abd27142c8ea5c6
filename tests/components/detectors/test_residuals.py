"""Lengths of residuals, and which column they come from, against closed forms."""

import numpy as np
import pytest

from ganforge.detectors.residuals import Residuals


@pytest.fixture
def correlated():
    rng = np.random.default_rng(0)
    return rng.normal(size=(4_000, 4)) @ rng.normal(size=(4, 4)) + np.arange(4.0)


def fitted(residuals, **options):
    return Residuals.fit(np.array_split(residuals, 7), **options)


def test_whitened_length_is_the_mahalanobis_length(correlated):
    found = fitted(correlated, whitened=True)
    apart = correlated - correlated.mean(axis=0)
    covariance = np.cov(correlated.T, bias=True)
    raised = covariance + 0.01 * np.trace(covariance) / 4 * np.eye(4)
    expected = np.einsum("ij,jk,ik->i", apart, np.linalg.inv(raised), apart) / 4
    np.testing.assert_allclose(found.lengths(correlated), expected, rtol=1e-8)
    assert 0.5 < found.lengths(correlated).mean() <= 1


def test_plain_length_is_the_mean_square(correlated):
    found = fitted(correlated, whitened=False)
    np.testing.assert_allclose(found.lengths(correlated), (correlated**2).mean(axis=1))
    np.testing.assert_allclose(found.variance, correlated.var(axis=0), rtol=1e-9)


def test_a_part_is_the_fall_when_a_column_follows_from_the_rest(correlated):
    found = fitted(correlated, whitened=True)
    owners = np.array([0, 1, 1, 2])
    row = correlated[:1] + np.array([[0.0, 3.0, -2.0, 0.0]])
    part = found.parts(row, owners)[0, 1]
    precision = found.whitening @ found.whitening
    apart = row[0] - found.mean
    own, rest = [1, 2], [0, 3]
    mended = apart.copy()  # conditional mean of own given rest, from the precision matrix
    mended[own] = -np.linalg.solve(precision[np.ix_(own, own)], precision[np.ix_(own, rest)] @ apart[rest])
    np.testing.assert_allclose(part, apart @ precision @ apart - mended @ precision @ mended, rtol=1e-8)


@pytest.mark.parametrize("whitened", [True, False])
def test_a_planted_column_has_the_largest_part(correlated, whitened):
    found = fitted(correlated, whitened=whitened)
    rows = np.repeat(found.mean[None], 4, axis=0) + 30 * np.diag(np.sqrt(found.variance))
    np.testing.assert_array_equal(found.parts(rows, np.arange(4)).argmax(axis=1), np.arange(4))


@pytest.mark.parametrize("whitened", [True, False])
def test_what_is_saved_measures_the_same(correlated, whitened):
    found = fitted(correlated, whitened=whitened)
    again = Residuals.restore(
        found.tensors("image") | fitted(correlated[:, :2], whitened=True).tensors("feature"), "image"
    )
    np.testing.assert_array_equal(again.lengths(correlated), found.lengths(correlated))
    np.testing.assert_array_equal(again.parts(correlated, np.arange(4)), found.parts(correlated, np.arange(4)))


def test_residuals_that_never_varied_stay_finite():
    found = fitted(np.zeros((50, 3)), whitened=True)
    assert np.isfinite(found.lengths(np.ones((2, 3)))).all()
    assert (found.lengths(np.zeros((2, 3))) == 0).all()
