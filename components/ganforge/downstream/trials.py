"""One trial: train an arm on one fold's training rows, test it on that fold's real rows.

Everything here may run in another process, so it takes and gives plain values.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, precision_recall_curve

from ganforge.data.splits import Split
from ganforge.data.table import Table
from ganforge.downstream.arms import CLASS_WEIGHTS, Curve
from ganforge.downstream.augmenting import synthetic_positives
from ganforge.downstream.classifiers import make_classifier
from ganforge.errors import GanforgeError, InterruptedRunError
from ganforge.files import write_whole
from ganforge.synthesis.base import collected_notices

CURVE_POINTS = 200


@dataclass(frozen=True, eq=False)
class Trial:
    """What all trials of a judgement share."""

    table: Table
    target: str
    positive: np.ndarray
    """(N,) bool."""
    positive_values: tuple[Any, ...]
    """The target's values that count as positive, the most frequent first."""
    classifier: str
    sampling_strategy: float
    random_state: int
    single_thread: bool
    unseen: tuple[str, ...] = ()
    """Columns that the synthesizer learns but the classifier does not see."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one arm reached on one fold."""

    average_precision: float
    curve: Curve
    rows_added: int = 0
    copies_dropped: int = 0
    seconds: float = 0.0
    notices: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Result:
        curve = Curve(tuple(value["curve"]["recall"]), tuple(value["curve"]["precision"]))
        return cls(**{**value, "curve": curve, "notices": tuple(value["notices"])})


def run_trial(
    task: Trial,
    arm: str,
    fold: int,
    rows: Split,
    synthesizer: Any,
    keep: Path | None,
    fingerprint: str,
    on_progress: Callable[[Any], None] | None,
) -> tuple[str, int, Result]:
    """(arm, fold, result). `synthesizer` is an unfitted one of this trial's own, or None for an arm without rows.

    With `keep`, the synthesizer's checkpoints go to that folder and the result to that name with ".json"; the
    checkpoints are removed when the result is written.
    """
    started = time.monotonic()
    train, test = rows
    with limited_threads(1 if task.single_thread else None), collected_notices(reissue=False) as notices:
        training = task.table.frame.iloc[train]
        positive = task.positive[train]
        added = copies = 0
        if synthesizer is not None:
            with naming_the_trial(f"fold {fold + 1}, arm {arm!r}"):
                synthetic, copies = _synthesize(task, fold, train, synthesizer, keep, on_progress)
            added = len(synthetic)
            training = pd.concat([training, synthetic], ignore_index=True)
            positive = np.concatenate([positive, np.ones(added, dtype=bool)])
        # Kinds are the table's own; bounds, categories and rounding are what the training rows alone show.
        hidden = [task.target, *task.unseen]
        kinds = {column.name: column.kind for column in task.table.schema if column.name not in hidden}
        classifier = make_classifier(
            task.classifier,
            random_state=task.random_state + fold,
            class_weight="balanced" if arm == CLASS_WEIGHTS else None,
        ).fit(Table.of(training.drop(columns=hidden), schema=kinds), positive)
        score = classifier.predict_proba(task.table.frame.iloc[test].drop(columns=hidden))[:, 1]
    truth = task.positive[test]
    result = Result(
        average_precision=float(average_precision_score(truth, score)),
        curve=thin_curve(truth, score),
        rows_added=added,
        copies_dropped=copies,
        seconds=time.monotonic() - started,
        notices=tuple(dict.fromkeys([*notices, *getattr(synthesizer, "notices_", ())])),
    )
    if keep is not None:
        with write_whole(keep.with_suffix(".json")) as temporary:
            told = {"fingerprint": fingerprint, "result": {**asdict(result), "curve": result.curve.to_json()}}
            temporary.write_text(json.dumps(told), encoding="utf-8")
        shutil.rmtree(keep, ignore_errors=True)
    return arm, fold, result


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


def _synthesize(
    task: Trial,
    fold: int,
    train: np.ndarray,
    synthesizer: Any,
    keep: Path | None,
    on_progress: Callable[[Any], None] | None,
) -> tuple[pd.DataFrame, int]:
    """Positive rows made by a synthesizer that saw the training rows alone, without copies of these; how many were."""
    kinds = {column.name: column.kind for column in task.table.schema}
    real = Table.of(task.table.frame.iloc[train].reset_index(drop=True), schema=kinds, source=task.table.source)
    seed = task.random_state + fold
    if synthesizer.get_params().get("random_state", 0) is None:
        synthesizer.set_params(random_state=seed)
    resume = keep is not None and keep.is_dir() and any(keep.iterdir())
    synthesizer.fit(real, checkpoints=keep, resume=resume, on_progress=on_progress)
    drawn = synthetic_positives(
        synthesizer,
        real,
        task.target,
        positive_values=task.positive_values,
        ratio=task.sampling_strategy,
        random_state=seed,
    )
    return drawn.frame, drawn.copies_dropped


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
