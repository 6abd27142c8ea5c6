"""Which classifier, and how many rows: chosen on inner folds of one training part.

    Search.over(table, …)      features fitted once on the training part, shared by all inner folds
    .choose(ratios, draw)      every classifier × every ratio on the inner folds  ─▶  the best pair
    fitted_score(…)            the best pair trained on the whole part, its scores of new rows

What is chosen is judged on the outer test part, which nothing here has seen. The inner estimates themselves are a
little too good, and used for nothing but the choice (and, held out, for threshold and recalibration):

 - the codes and scales of the features come from the whole training part, and
 - a synthesizer is trained once on the whole training part, for all ratios and inner folds, since training it is what
   a judgement costs. So it has seen the rows that its inner folds are tested on: the more it memorises, the higher the
   ratio that seems best. The outer estimate then shows what that choice is worth, so that this bias makes a
   generator's arm look worse in the end, never better. Copies and SMOTE are made anew from each inner training part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.base import clone
from sklearn.metrics import average_precision_score
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import has_fit_parameter
from threadpoolctl import threadpool_limits

from ganforge.data.splits import Split
from ganforge.data.table import Table
from ganforge.downstream.augmenting import rows_wanted
from ganforge.downstream.classifiers import make_estimator, takes_gaps
from ganforge.downstream.features import Features
from ganforge.downstream.resampling import Protocol, inner_folds

Draw = Callable[[np.ndarray, int], "Rows"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pair to choose."""

    classifier: str
    ratio: float | None
    """Positives per negative after adding rows; None: none are added."""

    @property
    def key(self) -> str:
        """How people are told of it; not to be taken apart again: a classifier may be called "tree at 5"."""
        return self.classifier if self.ratio is None else f"{self.classifier} at {self.ratio:g}"


@dataclass(frozen=True, eq=False)
class Choice:
    """What the inner folds said."""

    best: Candidate
    scores: dict[Candidate, float]
    """Mean average precision over the inner folds; empty where there were none."""
    held_out: tuple[np.ndarray, np.ndarray] | None
    """Places in the training part and the best pair's scores of them, each by a model that had not seen it."""


@dataclass(eq=False)
class Search:
    """The training part of one fold, ready to be learned from."""

    table: Table
    """What a classifier sees: without the target and what is hidden from it."""
    positive: np.ndarray
    classifiers: Mapping[str, Any]
    splits: list[Split]
    weighted: bool
    random_state: int
    notices: list[str] = field(default_factory=list)

    @classmethod
    def over(
        cls,
        table: Table,
        positive: np.ndarray,
        protocol: Protocol,
        *,
        classifiers: Mapping[str, Any],
        inner_folds: int,
        weighted: bool,
        random_state: int,
    ) -> Search:
        """With `weighted`, rows of either class weigh as much together, and what takes no weights is left out."""
        splits, notice = _splits(positive, protocol, inner_folds, random_state)
        search = cls(table, positive, dict(classifiers), splits, weighted, random_state, [notice] if notice else [])
        if weighted:
            search.classifiers = {name: each for name, each in classifiers.items() if search.takes_weights(name)}
        return search

    @cached_property
    def codes(self) -> Features:
        return Features.fit(self.table, one_hot=False)

    @cached_property
    def one_hot(self) -> Features:
        return Features.fit(self.table, one_hot=True)

    @cached_property
    def _matrices(self) -> dict[bool, np.ndarray]:
        return {}

    def matrix(self, gaps: bool) -> np.ndarray:
        """(N, F) of the training part, as codes with gaps or as 0/1 features without."""
        if gaps not in self._matrices:
            self._matrices[gaps] = self.features(gaps).transform(self.table.frame)
        return self._matrices[gaps]

    def features(self, gaps: bool) -> Features:
        return self.codes if gaps else self.one_hot

    def estimator(self, name: str) -> Any:
        """A new unfitted one."""
        own = self.classifiers[name]
        if own is None:
            return make_estimator(name, categorical=self.codes.categorical, random_state=self.random_state)
        model: Any = clone(own)
        if model.get_params().get("random_state", 0) is None:
            model.set_params(random_state=self.random_state)
        return model

    def gaps(self, name: str) -> bool:
        return name != "logistic-regression" and takes_gaps(self.estimator(name))

    def takes_weights(self, name: str) -> bool:
        return has_fit_parameter(self.estimator(name), "sample_weight")

    def choose(self, ratios: Sequence[float | None], draw: Draw | None) -> Choice:
        """The pair with the highest mean average precision over the inner folds; of equal ones the first.

        Without inner folds (too few positives) the first classifier and the lowest ratio are taken.
        """
        candidates = [Candidate(name, ratio) for ratio in ratios for name in self.classifiers]
        scores: dict[Candidate, list[float]] = {each: [] for each in candidates}
        held: dict[Candidate, list[np.ndarray]] = {each: [] for each in candidates}
        for train, test in self.splits:
            rows = None if draw is None else draw(train, max(self.wanted(train, ratio) for ratio in ratios))
            for each in candidates:
                model = self.trained(each, train, rows)
                score = self.score(model, self.matrix(self.gaps(each.classifier))[test])
                scores[each].append(float(average_precision_score(self.positive[test], score)))
                held[each].append(score)
        if not self.splits:
            return Choice(candidates[0], {}, None)
        means = {each: float(np.mean(values)) for each, values in scores.items()}
        best = max(candidates, key=lambda each: means[each])
        places = np.concatenate([test for _, test in self.splits])
        return Choice(best, means, (places, np.concatenate(held[best])))

    def wanted(self, places: np.ndarray, ratio: float | None) -> int:
        """Rows that bring these places of the training part to a ratio."""
        if ratio is None:
            return 0
        count = int(self.positive[places].sum())
        return rows_wanted(positives=count, negatives=len(places) - count, ratio=ratio)

    def trained(self, candidate: Candidate, places: np.ndarray, rows: Rows | None) -> Any:
        """A model of these places of the training part and as many of `rows` as the ratio asks for."""
        gaps, model = self.gaps(candidate.classifier), self.estimator(candidate.classifier)
        features, positive = self.matrix(gaps)[places], self.positive[places]
        if rows is not None:
            added = rows.matrix(gaps)[: self.wanted(places, candidate.ratio)]
            features = np.concatenate([features, added])
            positive = np.concatenate([positive, np.ones(len(added), dtype=bool)])
        weights = {"sample_weight": compute_sample_weight("balanced", positive)} if self.weighted else {}
        # Boosting's threads wait for one another in a loop: on a busy machine a second one can cost 20-fold.
        with threadpool_limits(1):
            return model.fit(features, positive.astype(np.int64), **weights)

    @staticmethod
    def score(model: Any, features: np.ndarray) -> np.ndarray:
        """(N,) the probability of being positive, or what a decision function makes of it."""
        with threadpool_limits(1):
            if hasattr(model, "predict_proba"):
                return np.asarray(model.predict_proba(features))[:, 1].astype(np.float64)
            return expit(np.asarray(model.decision_function(features), dtype=np.float64))


class Rows:
    """Positive rows to add, turned into features when they are needed."""

    def __init__(self, search: Search, frame: pd.DataFrame) -> None:
        self._search, self.frame = search, frame
        self._matrices: dict[bool, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.frame)

    def matrix(self, gaps: bool) -> np.ndarray:
        """(rows, F)"""
        if gaps not in self._matrices:
            features = self._search.features(gaps)
            empty = np.zeros((0, self._search.matrix(gaps).shape[1]))
            self._matrices[gaps] = features.transform(self.frame) if len(self.frame) else empty
        return self._matrices[gaps]


def fitted_score(search: Search, best: Candidate, draw: Draw | None, frame: pd.DataFrame) -> tuple[np.ndarray, int]:
    """Scores of new rows by the best pair, trained on the whole training part, and how many rows that had added."""
    every = np.arange(len(search.positive))
    wanted = search.wanted(every, best.ratio)
    rows = None if draw is None else draw(every, wanted)
    model = search.trained(best, every, rows)
    features = search.features(search.gaps(best.classifier)).transform(frame)
    return search.score(model, features), 0 if rows is None else min(len(rows), wanted)


def _splits(positive: np.ndarray, protocol: Protocol, folds: int, random_state: int) -> tuple[list[Split], str | None]:
    return inner_folds(positive, protocol, folds=folds, random_state=random_state) if folds else ([], None)
