"""The samplers among imbalanced-learn's own: its checks, its pipelines, exact counts, frames as they came."""

import warnings
from collections import Counter

import numpy as np
import pandas as pd
import planted
import pytest
from imblearn.pipeline import make_pipeline
from imblearn.utils.estimator_checks import estimator_checks_generator
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import StandardScaler

from ganforge.data.toy import toy_payments
from ganforge.downstream.samplers import GANSampler, SynthesizerSampler
from ganforge.errors import GanforgeWarning, InputError
from ganforge.synthesis.ctgan import CTGAN

TINY = CTGAN(steps=3, batch_size=50, generator_widths=(8,), critic_widths=(8,), latent=4)


SAMPLERS = [SynthesizerSampler(TINY, random_state=0), GANSampler(steps=2, batch_size=20, random_state=0)]
# What `parametrize_with_checks` does; that one gives pytest a generator, which pytest 9 warns of.
CHECKS = [pair for sampler in SAMPLERS for pair in estimator_checks_generator(sampler)]


@pytest.mark.parametrize(
    ("estimator", "check"), CHECKS, ids=[f"{type(each).__name__}-{check.func.__name__}" for each, check in CHECKS]
)
def test_it_passes_the_checks_of_imbalanced_learn(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GanforgeWarning)  # of what a table of random numbers has in it
        check(estimator)


@pytest.fixture(scope="module")
def payments():
    frame = toy_payments(400, fraud_share=0.1, seed=0)
    return frame.drop(columns="is_fraud"), frame["is_fraud"]


@pytest.mark.filterwarnings("ignore::ganforge.errors.GanforgeWarning")
def test_frames_keep_their_columns_and_dtypes(payments):
    X, y = payments
    X = X.assign(merchant=X["merchant"].astype("category"))
    sampler = SynthesizerSampler(TINY, sampling_strategy=0.5, random_state=0)
    more, labels = sampler.fit_resample(X, y)
    assert more.dtypes.equals(X.dtypes)
    pd.testing.assert_frame_equal(more.iloc[: len(X)], X.reset_index(drop=True))
    wanted = int(0.5 * (y == 0).sum())
    assert Counter(labels) == {0: (y == 0).sum(), 1: wanted}
    assert sampler.synthetic_.sum() == wanted - (y == 1).sum() == len(more) - len(X)
    assert not sampler.synthetic_[: len(X)].any()
    assert (labels[sampler.synthetic_] == 1).all()


def test_all_classes_are_learned_with_their_names():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 3)), np.array(["a"] * 70 + ["b"] * 30 + ["c"] * 20)
    planted.Jitter.seen.clear()
    sampler = SynthesizerSampler(Shifted(), sampling_strategy={"b": 41, "c": 33})
    more, labels = sampler.fit_resample(X, y)
    assert Counter(labels) == {"a": 70, "b": 41, "c": 33}
    seen = Shifted.seen[-1]
    assert len(seen) == 120
    assert seen["class"].nunique() == 3
    assert isinstance(more, np.ndarray)
    new_b, old_b = more[120:131], X[y == "b"]
    assert all((np.abs(old_b - row).sum(axis=1) < 1e-6).any() for row in new_b - 1)


class Shifted(planted.Planted):
    """Rows of the class asked for, each number one higher."""

    kind = "shifted"
    seen = []  # noqa: RUF012

    def change(self, rows, rng):
        return rows.assign(**{name: rows[name] + 1 for name in ("x0", "x1", "x2")})


def test_identifiers_are_different_in_all_classes_together_and_none_a_real_one():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(120, 3)), columns=["x0", "x1", "x2"]).assign(
        number=np.arange(8, 128, dtype=np.int16),
        code=pd.array(np.arange(120), dtype="uint8[pyarrow]"),
        who=[f"who-{k}" for k in range(120)],
    )
    y = np.array(["a"] * 70 + ["b"] * 30 + ["c"] * 20)
    sampler = SynthesizerSampler(Shifted(), sampling_strategy={"b": 41, "c": 33})
    more, labels = sampler.fit_resample(X, y)
    assert len(more) == len(labels) == 144
    assert more["number"].tolist()[120:] == list(range(128, 152))
    assert more["code"].tolist()[120:] == list(range(120, 144))
    assert more["who"].tolist() == [f"who-{k}" for k in range(144)]
    assert more.dtypes.equals(X.dtypes)
    for dtype in ("int8", "Int8", "int8[pyarrow]"):
        with pytest.raises(InputError, match=r"'number' holds identifiers in [iI]nt8.* for 24 new ones up to 151;"):
            sampler.fit_resample(X.astype({"number": dtype}), y)
    with pytest.raises(InputError, match=r"'x0' holds identifiers in int8"):
        sampler.fit_resample(X[["number", "x0", "x1", "x2"]].round().to_numpy(np.int8), y)


def test_nothing_to_make_makes_nothing():
    X, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    more, labels = SynthesizerSampler(Shifted()).fit_resample(X, y)
    assert np.array_equal(more, X)
    assert np.array_equal(labels, y)


def test_the_global_random_state_is_left_alone():
    X, y = np.random.default_rng(0).normal(size=(80, 2)), np.arange(80) < 10
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    GANSampler(steps=2, batch_size=20, random_state=3).fit_resample(X, y)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_in_a_pipeline_under_cross_validation():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(150, 3)), np.arange(150) < 30
    Shifted.seen.clear()
    model = make_pipeline(StandardScaler(), SynthesizerSampler(Shifted()), LogisticRegression())
    scores = cross_val_score(model, X, y, scoring="average_precision", cv=3, error_score="raise")
    assert len(scores) == len(Shifted.seen) == 3
    assert all(len(seen) == 100 for seen in Shifted.seen)  # of a fold's training rows alone


@pytest.mark.slow
def test_in_a_grid_search_with_a_gan():
    rng = np.random.default_rng(0)
    X = np.where(rng.random((120, 3)) < 0.1, np.nan, rng.normal(size=(120, 3)))
    y = np.arange(120) < 25
    model = make_pipeline(
        GANSampler(steps=3, batch_size=20, random_state=0), HistGradientBoostingClassifier(max_iter=5)
    )
    grid = {"gansampler__steps": [2, 4], "gansampler__sampling_strategy": [0.5, 1.0]}
    search = GridSearchCV(model, grid, cv=2, scoring="average_precision", error_score="raise").fit(X, y)
    assert set(search.best_params_) == set(grid)


def test_parameters_are_its_own():
    sampler = clone(GANSampler(steps=7, sampling_strategy=0.3))
    assert sampler.get_params() == {
        "sampling_strategy": 0.3,
        "random_state": None,
        "schema": None,
        "steps": 7,
        "batch_size": 500,
        "learning_rate": 2e-4,
    }
    assert SynthesizerSampler(CTGAN(steps=3)).get_params()["synthesizer__steps"] == 3


def test_copies_of_real_rows_are_drawn_again_and_counted():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.choice(["x", "y"], 200), "b": rng.integers(0, 8, 200)}).astype(object)
    y = np.where(rng.random(200) < 0.2, 1, 0)
    sampler = SynthesizerSampler(TINY, sampling_strategy={1: int((y == 1).sum()) + 40}, random_state=0)
    with pytest.warns(GanforgeWarning):  # sixteen combinations, most of which are there
        more, labels = sampler.fit_resample(frame, y)
    assert sampler.copies_dropped_ > 0
    real = set(map(tuple, frame[y == 1].astype(str).to_numpy()))
    added = more[sampler.synthetic_].astype(str).to_numpy()
    assert not any(tuple(each) in real for each in added)
    assert len(more) == len(labels) == len(sampler.synthetic_)
