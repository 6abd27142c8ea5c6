"""Variational modes beside scikit-learn's, which fits one column after the other and looks at every row."""

import warnings

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import BayesianGaussianMixture

from ganforge.data.dirichlet import BINS, Bins, variational_modes

LEAST = 0.005


def shapes(n=3_000):
    rng = np.random.default_rng(7)
    grams = rng.normal(500, 80, n)
    return {
        "three Gaussians": np.concatenate(
            [rng.normal(-4, 0.5, n // 3), rng.normal(0, 1, n // 2), rng.normal(6, 2, n // 6)]
        ),
        "log-normal": np.exp(rng.normal(0, 1, n)),
        "zero-inflated": np.where(rng.random(n) < 0.6, 0.0, np.exp(rng.normal(3, 1, n))),
        "heavy-tailed": rng.standard_t(3, n),
        "uniform": rng.random(n),
        "whole": np.round(grams),
    }


SHAPES = shapes()


def standard(values):
    return (values - values.mean()) / values.std()


def kept(weights, means, deviations):
    by_weight = weights > LEAST
    return weights[by_weight] / weights[by_weight].sum(), means[by_weight], deviations[by_weight]


def log_likelihood(y, weights, means, deviations):
    """Mean over rows, in nats."""
    z = (y[:, None] - means) / deviations
    return logsumexp(np.log(weights / deviations) - 0.5 * z**2 - 0.5 * np.log(2 * np.pi), axis=1).mean()


def ours(y, modes=10):
    return kept(*variational_modes([Bins.of(*np.unique(y, return_counts=True))], max_modes=[modes])[0])


def theirs(y, *, seed, modes=10):
    model = BayesianGaussianMixture(
        n_components=modes, weight_concentration_prior_type="dirichlet_process", weight_concentration_prior=1e-3,
        random_state=seed,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(y[:, None])
    return kept(model.weights_, model.means_[:, 0], np.sqrt(model.covariances_[:, 0, 0]))


@pytest.mark.parametrize("name", SHAPES)
def test_as_many_modes_and_as_likely_as_scikit_learns(name):
    y = standard(SHAPES[name])
    mine = ours(y)
    references = [theirs(y, seed=seed) for seed in range(3)]  # its own start is drawn: take what three of them span
    counts = [len(each[0]) for each in references]
    assert min(counts) - 1 <= len(mine[0]) <= max(counts) + 1
    assert log_likelihood(y, *mine) > min(log_likelihood(y, *each) for each in references) - 0.02  # nats a row


def test_from_the_same_start_one_round_is_scikit_learns_to_the_last_digits(monkeypatch):
    """Two well-parted clusters: k-means is the same, and so must be all that follows."""
    rng = np.random.default_rng(0)
    y = standard(np.concatenate([rng.normal(-5, 0.3, 700), rng.normal(5, 1.0, 300)]))
    for rounds in (1, 4):
        monkeypatch.setattr("ganforge.data.dirichlet.ROUNDS", rounds)
        model = BayesianGaussianMixture(
            n_components=2, weight_concentration_prior_type="dirichlet_process", weight_concentration_prior=1e-3,
            max_iter=rounds, tol=0.0, random_state=0,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(y[:, None])
        [mine] = variational_modes([Bins.of(*np.unique(y, return_counts=True))], max_modes=[2])
        order = np.argsort(model.means_[:, 0])
        np.testing.assert_allclose(np.sort(mine.means), model.means_[order, 0], rtol=1e-6)
        np.testing.assert_allclose(
            mine.deviations[np.argsort(mine.means)], np.sqrt(model.covariances_[order, 0, 0]), rtol=1e-6
        )
        np.testing.assert_allclose(mine.weights[np.argsort(mine.means)], model.weights_[order], atol=1e-5)


def test_bins_keep_every_row_and_their_sums():
    values = np.random.default_rng(0).standard_cauchy(30_000)
    distinct, rows = np.unique(values, return_counts=True)
    bins = Bins.of(distinct, rows)
    assert 500 < len(bins) <= BINS
    assert bins.rows.sum() == 30_000
    assert (bins.rows * bins.means).sum() == pytest.approx(values.sum(), rel=1e-9)
    assert (bins.rows * bins.squares).sum() == pytest.approx((values**2).sum(), rel=1e-9)
    assert (np.diff(bins.means) > 0).all()
    coarse, starts = bins.merged(64)
    assert len(coarse) == len(starts) <= 64
    assert coarse.rows.tolist() == np.add.reduceat(bins.rows, starts).tolist()


def test_bins_of_a_large_column_lose_nothing_that_counts():
    y = standard(np.random.default_rng(1).gamma(2.0, 1.0, 40_000))
    distinct, rows = np.unique(y, return_counts=True)
    fine = kept(*variational_modes([Bins(rows * 1.0, distinct, distinct**2)], max_modes=[10])[0])
    assert len(Bins.of(distinct, rows)) <= BINS < len(distinct)
    assert log_likelihood(y, *ours(y)) == pytest.approx(log_likelihood(y, *fine), abs=1e-3)


def test_columns_do_not_touch_each_other_and_keep_to_their_own_number_of_modes():
    columns = [Bins.of(*np.unique(standard(values), return_counts=True)) for values in SHAPES.values()]
    few = Bins.of(np.array([-1.0, 1.0]), np.array([30, 10]))
    most = [10, 3, 8, 1, 10, 5, 10]
    together = variational_modes([*columns, few], max_modes=most)
    for bins, modes, found in zip([*columns, few], most, together, strict=True):
        [alone] = variational_modes([bins], max_modes=[modes])
        assert len(found.weights) == min(modes, len(bins))
        assert found.weights.sum() == pytest.approx(1)
        for mine, other in zip(found, alone, strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-9)
    assert together[-1].means == pytest.approx([-1, 1], abs=0.2)  # drawn to the middle by the prior
