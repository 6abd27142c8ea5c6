"""One trial: train an arm on one fold's training rows, test it on that fold's real rows.

    training rows ─▶ inner folds: every classifier × every ratio ─▶ the best pair ─▶ train on all of them
                                                                        └─▶ threshold, recalibration
    test rows ─▶ scores ─▶ measures

Everything here may run in another process, so it takes and gives plain values.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_curve

from ganforge.data.splits import Split
from ganforge.data.table import Table
from ganforge.downstream.arms import CLASS_WEIGHTS, NONE, OVERSAMPLING, SMOTE, THRESHOLD, Curve
from ganforge.downstream.augmenting import SyntheticPositives, rows_wanted, synthetic_positives
from ganforge.downstream.balancing import copied_rows, smote_rows
from ganforge.downstream.measures import Costs, best_threshold, brier, measured, recalibrated, reliability
from ganforge.downstream.resampling import Protocol
from ganforge.downstream.search import Candidate, Rows, Search, fitted_score
from ganforge.errors import GanforgeError, InterruptedRunError
from ganforge.files import write_whole
from ganforge.quality.copies import exact_copies
from ganforge.synthesis.base import collected_notices

CURVE_POINTS = 200


@dataclass(frozen=True, eq=False, kw_only=True)
class Trial:
    """What all trials of a judgement share."""

    table: Table
    target: str
    positive: np.ndarray
    """(N,) bool."""
    positive_values: tuple[Any, ...]
    """The target's values that count as positive, the most frequent first."""
    classifiers: Mapping[str, Any]
    """Names of `classifiers.CLASSIFIERS` (with None), or a user's own with unfitted scikit-learn classifiers."""
    ratios: tuple[float, ...]
    """Positives per negative that an arm with rows may choose from, rising."""
    protocol: Protocol
    inner_folds: int
    costs: Costs
    random_state: int
    single_thread: bool
    unseen: tuple[str, ...] = ()
    """Columns that the synthesizer learns but the classifier does not see."""
    threshold: bool = True
    """Whether the trial without anything also gives the arm with a tuned threshold."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one arm reached on one fold."""

    measures: Mapping[str, float]
    curve: Curve
    classifier: str
    ratio: float | None
    threshold: float
    inner: tuple[tuple[Candidate, float], ...]
    """Each pair with its mean average precision over the inner folds; empty where there was nothing to choose."""
    reliability: tuple[Any, Any] = ((), ())
    """`measures.reliability` before and after recalibration."""
    rows_added: int = 0
    copies_dropped: int = 0
    drawn: int = 0
    met: int = 0
    """Synthetic rows drawn for the highest ratio, and positives of the test part that equal one of them."""
    seconds: float = 0.0
    notices: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Result:
        curve = Curve(tuple(value["curve"]["recall"]), tuple(value["curve"]["precision"]))
        measures = {name: float("nan") if each is None else each for name, each in value["measures"].items()}
        inner = tuple((Candidate(**each), score) for each, score in value["inner"])
        told = {"curve": curve, "measures": measures, "inner": inner, "notices": tuple(value["notices"])}
        return cls(**{**value, **told, "reliability": tuple(value["reliability"])})

    def to_json(self) -> dict[str, Any]:
        measures = {name: None if np.isnan(each) else each for name, each in self.measures.items()}
        return {**asdict(self), "curve": self.curve.to_json(), "measures": measures}


@dataclass
class _Made:
    """Where an arm's rows come from, within one training part."""

    draw: Callable[[np.ndarray, int], Rows] | None = None
    """(places in the training part, how many at most) → rows for a model trained on these places."""
    copies: int = 0
    drawn: int = 0
    met: int = 0
    notices: tuple[str, ...] = ()


def run_trial(
    task: Trial,
    arm: str,
    fold: int,
    rows: Split,
    synthesizer: Any,
    keep: Path | None,
    fingerprint: str,
    on_progress: Callable[[Any], None] | None,
) -> tuple[str, int, dict[str, Result]]:
    """(arm, fold, results by arm). `synthesizer` is an unfitted one of this trial's own, or None for a plain arm.

    With `keep`, the synthesizer's checkpoints go to that folder and the results to that name with ".json"; the
    checkpoints are removed when the results are written.
    """
    started = time.monotonic()
    train, test = rows
    with (
        naming_the_trial(f"fold {fold + 1}, arm {arm!r}"),
        limited_threads(1 if task.single_thread else None),
        collected_notices(reissue=False) as notices,
    ):
        real = _part(task, train)
        search = Search.over(
            real.drop(*dict.fromkeys([task.target, *task.unseen])),
            task.positive[train],
            task.protocol.take(train),
            classifiers=task.classifiers,
            inner_folds=task.inner_folds,
            weighted=arm == CLASS_WEIGHTS,
            random_state=task.random_state + fold,
        )
        made = _rows_of(arm, task, fold, real, test, synthesizer, keep, on_progress, search)
        chosen = search.choose(task.ratios if made.draw is not None else (None,), made.draw)
        score, added = fitted_score(search, chosen.best, made.draw, task.table.frame.iloc[test])
        results = _results(task, arm, train, test, score, chosen)
    told = tuple(dict.fromkeys([*notices, *search.notices, *made.notices]))
    facts = {"rows_added": added, "copies_dropped": made.copies, "drawn": made.drawn, "met": made.met}
    spent = time.monotonic() - started
    results = {name: replace(each, **facts, seconds=spent, notices=told) for name, each in results.items()}
    if keep is not None:
        with write_whole(keep.with_suffix(".json")) as temporary:
            document = {name: each.to_json() for name, each in results.items()}
            temporary.write_text(json.dumps({"fingerprint": fingerprint, "results": document}), encoding="utf-8")
        shutil.rmtree(keep, ignore_errors=True)
    return arm, fold, results


def _part(task: Trial, rows: np.ndarray) -> Table:
    """Rows as a table whose kinds are those of the whole, but whose bounds and categories come from these alone."""
    frame = task.table.frame.iloc[rows].reset_index(drop=True)
    return Table.of(frame, schema=task.table.schema.kinds(), source=task.table.source)


# -- where rows come from ------------------------------------------------------------------------------------------


def _rows_of(
    arm: str,
    task: Trial,
    fold: int,
    real: Table,
    test: np.ndarray,
    synthesizer: Any,
    keep: Path | None,
    on_progress: Callable[[Any], None] | None,
    search: Search,
) -> _Made:
    seed = task.random_state + fold
    if synthesizer is not None:
        drawn = _synthesize(task, seed, real, search.positive, synthesizer, keep, on_progress)
        frame = drawn.frame.sample(frac=1, random_state=seed, ignore_index=True)  # any first n of all kinds alike
        unseen = task.table.frame.iloc[test[task.positive[test]]]
        met = int(exact_copies(unseen, frame, schema=real.schema).sum()) if len(frame) else 0
        rows = Rows(search, frame)
        notices = tuple(getattr(synthesizer, "notices_", ()))
        return _Made(lambda places, most: rows, drawn.copies_dropped, len(frame), met, notices)
    if arm in (OVERSAMPLING, SMOTE):

        def draw(places: np.ndarray, most: int) -> Rows:
            positive, make = search.positive[places], smote_rows if arm == SMOTE else copied_rows
            if arm == SMOTE and positive.sum() < 2:
                search.notices.append("SMOTE-NC copied a single positive row, which has no neighbour")
                make = copied_rows
            return Rows(search, make(search.table.take(places), positive, most, random_state=seed))

        return _Made(draw)
    return _Made()


def _synthesize(
    task: Trial,
    seed: int,
    real: Table,
    positive: np.ndarray,
    synthesizer: Any,
    keep: Path | None,
    on_progress: Callable[[Any], None] | None,
) -> SyntheticPositives:
    """Positive rows made by a synthesizer that saw the training rows alone, enough for the highest ratio."""
    if synthesizer.get_params().get("random_state", 0) is None:
        synthesizer.set_params(random_state=seed)
    resume = keep is not None and keep.is_dir() and any(keep.iterdir())
    synthesizer.fit(real, checkpoints=keep, resume=resume, on_progress=on_progress)
    count = int(positive.sum())
    most = rows_wanted(positives=count, negatives=len(real) - count, ratio=max(task.ratios))
    return synthetic_positives(
        synthesizer, real, task.target, positive_values=task.positive_values, rows=most, random_state=seed
    )


# -- what came of it -----------------------------------------------------------------------------------------------


def _results(
    task: Trial, arm: str, train: np.ndarray, test: np.ndarray, score: np.ndarray, chosen: Any
) -> dict[str, Result]:
    truth, costs, entities = task.positive[test], task.costs.take(test), task.protocol.take(test).entities
    held = chosen.held_out
    measures = measured(truth, score, costs=costs, entities=entities)
    mended, threshold = None, 0.5
    if held is not None:
        places, held_score = held
        held_truth = task.positive[train][places]
        mended = recalibrated(held_truth, held_score, score)
        threshold = best_threshold(held_truth, held_score, task.costs.take(train).take(places))
    measures["brier_recalibrated"] = float("nan") if mended is None else brier(truth, mended)
    best: Candidate = chosen.best
    result = Result(
        measures=measures,
        curve=thin_curve(truth, score),
        classifier=best.classifier,
        ratio=best.ratio,
        threshold=0.5,
        inner=tuple(chosen.scores.items()),
        reliability=(
            reliability(truth, score).tolist(),
            [] if mended is None else reliability(truth, mended).tolist(),
        ),
    )
    if arm != NONE or not task.threshold:
        return {arm: result}
    moved = measured(truth, score, costs=costs, threshold=threshold, entities=entities)
    moved["brier_recalibrated"] = measures["brier_recalibrated"]
    return {arm: result, THRESHOLD: replace(result, measures=moved, threshold=threshold)}


def thin_curve(truth: np.ndarray, score: np.ndarray, points: int = CURVE_POINTS) -> Curve:
    """The precision–recall curve of (N,) bool and (N,) scores, recall rising, at most `points` of its corners."""
    precision, recall, _ = precision_recall_curve(truth, score)
    precision, recall = precision[::-1], recall[::-1]  # from recall 0 on
    chosen = np.arange(len(recall))
    if len(recall) > points:
        # The corners nearest to evenly spaced recalls, both ends among them.
        chosen = np.unique(np.searchsorted(recall, np.linspace(0, 1, points)).clip(0, len(recall) - 1))
    return Curve(
        tuple(np.round(recall[chosen], 5).tolist()),
        tuple(np.round(precision[chosen], 5).tolist()),
    )


@contextlib.contextmanager
def naming_the_trial(place: str) -> Iterator[None]:
    """Say in which fold and arm it was that something could not be done; the error stays of its own kind."""
    try:
        yield
    except InterruptedRunError:
        raise
    except GanforgeError as error:
        error.args = (f"{place}: {error}", *error.args[1:])
        raise


@contextlib.contextmanager
def limited_threads(limit: int | None) -> Iterator[None]:
    """Keep every library inside to so many threads: trials side by side would only stand in each other's way."""
    if limit is None:
        yield
        return
    import torch
    from threadpoolctl import threadpool_limits

    former = torch.get_num_threads()
    torch.set_num_threads(limit)
    try:
        with threadpool_limits(limit):
            yield
    finally:
        torch.set_num_threads(former)
