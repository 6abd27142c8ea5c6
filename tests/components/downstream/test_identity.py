"""What is asked for is told by value: the same again for the same, something else for anything else."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

from ganforge.downstream.identity import file_name, told


def written(value):
    return json.dumps(told(value), sort_keys=True)


def many(depth):
    """Fourteen trees of which one is of this depth: more than `repr` shows."""
    depths = [3] * 14
    depths[11] = depth
    return VotingClassifier([(f"tree {k}", DecisionTreeClassifier(max_depth=each)) for k, each in enumerate(depths)])


def frozen(flipped):
    X, y = np.arange(8.0)[:, None], np.arange(8) > 3
    return FrozenEstimator(DecisionTreeClassifier(max_depth=1).fit(X, y != flipped))


def scaled(by):
    return make_pipeline(FunctionTransformer(lambda x: x * by), DecisionTreeClassifier())


def with_default(by):
    def scale(x, *, by=by):
        return x * by

    return scale


class Plain:
    """No estimator, and `repr` is an address."""

    def __init__(self, value):
        self.value, self.me = value, self


class Scaling(torch.nn.Module):
    """A number that neither `repr` nor the weights show."""

    def __init__(self, by):
        super().__init__()
        self.by, self.layer = by, torch.nn.Linear(2, 2)
        torch.nn.init.ones_(self.layer.weight)
        torch.nn.init.zeros_(self.layer.bias)


def weighted(value):
    module = Scaling(1)
    torch.nn.init.constant_(module.layer.weight, value)
    return module


@pytest.mark.parametrize(
    ("make", "one", "other"),
    [
        (many, 2, 20),
        (frozen, False, True),
        (scaled, 2, 3),
        (with_default, 2, 3),
        (Plain, 1, 2),
        (Scaling, 1.0, 2.0),
        (weighted, 1.0, 1.5),
        (np.random.RandomState, 0, 1),
        (np.random.default_rng, 0, 1),
        (partial(partial, max), 1, 2),
        (lambda k: {"a": (1, {k, "b", None}), 2: b"x"}, 1, 2),
        (lambda k: np.array([["x", k]], dtype=object), 1, None),
        (lambda k: pd.DataFrame({"a": ["x", None], "b": [k, 2.0]}), 1.0, np.nan),
        (lambda k: pd.Series([1, 2], index=[0, k], name="s").index, 1, 2),
        (lambda k: stats.uniform(0, k), 1, 2),  # it holds numpy's global random state
        (lambda k: torch.tensor([k, 1.0], dtype=torch.bfloat16), 1.0, 2.0),
        (lambda k: [np.log, np.log1p][k], 0, 1),
        (lambda k: [np.float32, DecisionTreeClassifier, json, "a".upper][k], 0, 1),
    ],
)
def test_the_same_value_is_told_alike_and_another_one_otherwise(make, one, other):
    np.random.random()  # noqa: NPY002 (the global state moves on, as it does between two processes)
    first = written(make(one))
    np.random.random()  # noqa: NPY002
    assert first == written(make(one))
    assert first != written(make(other))
    assert " at 0x" not in first


def test_what_cannot_be_pickled_is_told_by_its_words():
    assert "generator object" in written(each for each in ())
    assert "LazyLinear" in written(torch.nn.LazyLinear(3))


def test_no_two_arms_share_a_file():
    names = ["class weights", "class-weights", "Class-Weights", "ctgan", "CTGAN", "größe", "gr--e", "x" * 300]
    files = [file_name(each) for each in names]
    assert len(set(map(str.lower, files))) == len(names)
    assert (file_name("ctgan"), file_name("smote-nc")) == ("ctgan", "smote-nc")
    assert all(each.isascii() and "." not in each and len(each) < 100 for each in files)
