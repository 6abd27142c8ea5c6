"""Does synthetic data help this table's classifier?

    table ─▶ folds ─▶ train on the rest of the rows (nothing added | class weights | + synthetic rows)
                      test on the fold, real and untouched  ─▶  average precision  ─▶ conclude ─▶ Verdict

Everything that learns (the kinds' bounds and categories, the codec, the synthesizer, the classifier) is
fitted inside the training part of each fold; a synthesizer never sees the fold it is judged on, and no
synthetic row is ever tested on. Average precision, because on rare classes the area under the ROC curve
hides harm (Saito & Rehmsmeier 2015, doi:10.1371/journal.pone.0118432).
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone

from ganforge.data.splits import Split, twin_groups
from ganforge.data.splits import folds as split_folds
from ganforge.data.table import Table
from ganforge.data.targets import BinaryTarget, binary_target, with_discrete
from ganforge.downstream.arms import CLASS_WEIGHTS, NONE, Arm, Curve, Verdict
from ganforge.downstream.classifiers import CLASSIFIERS
from ganforge.downstream.conclusion import conclude
from ganforge.downstream.features import clock_columns
from ganforge.downstream.intervals import Interval
from ganforge.downstream.trials import Result, Trial, run_trial
from ganforge.errors import GanforgeWarning, InputError, UnknownNameError, UnsuitableDataError

__all__ = ["CLASS_WEIGHTS", "NONE", "Arm", "Curve", "Interval", "Verdict", "conclude", "judge"]

LEAST_ROWS = 50
OnProgress = Callable[[int, int, str], None]
"""Called with (fits done, fits in all, what is being done)."""


def judge(
    data: pd.DataFrame | Table,
    target: str,
    *,
    synthesizer: Any = None,
    time: str | None = None,
    gap: float = 0.0,
    folds: int = 5,
    classifier: str = "gradient-boosting",
    sampling_strategy: float = 0.5,
    random_state: int = 0,
    n_jobs: int = 1,
    checkpoints: str | Path | None = None,
    on_progress: OnProgress | None = None,
) -> Verdict:
    """Hold class weights and synthetic rows against nothing at all.

    Args:
        data: N real rows.
        target: a column of two values, see `data.targets.binary_target`; the positive ones are looked for.
        synthesizer: an unfitted `Synthesizer`, or several by the name of their arm; default CTGAN. It is cloned, and
            fitted in each fold.
        time: a column of dates or seconds; then folds go forward in time instead of at random. The
            classifier sees the hour and weekday of dates; seconds it does not see: test rows are later than all it
            learned from.
        gap: seconds between training and test rows, for labels that are known late; needs `time`.
        folds: how many; each needs positives on both sides. Of fewer than 5 nothing is concluded.
        classifier: one of `classifiers.CLASSIFIERS`.
        sampling_strategy: positives per negative after augmentation. The default .5 asks for half as many positives as
            negatives: enough to move a classifier, without making most of what it sees synthetic.
        random_state: seeds folds, classifiers and those synthesizers that have no seed of their own.
        n_jobs: folds and arms at once, by joblib (`joblib.parallel_config` leads them to a cluster); each is then kept
            to one thread.
        checkpoints: a folder to keep what is done in, so that the same call goes on after it was stopped.
        on_progress: called as `on_progress(done, total, label)`.

    Raises:
        UnknownNameError: no such target, time column or classifier (the nearest is named).
        InputError: labels that are missing or of more than two kinds; a gap without a time.
        UnsuitableDataError: one class, too few rows or positives, nothing to augment.
    """
    table = data if isinstance(data, Table) else Table.of(data)
    if classifier not in CLASSIFIERS:
        raise UnknownNameError("classifier", classifier, CLASSIFIERS)
    if gap and time is None:
        raise InputError(f"gap={gap} needs the column that says when each row happened; give time=")
    labels = binary_target(table, target)
    table = with_discrete(table, target)
    _refuse_unsuitable(table, labels, target, folds, sampling_strategy)
    pairs = _split(table, labels, target, time, gap, folds, random_state)
    arms = _named(synthesizer)
    task = Trial(
        table=table,
        target=target,
        positive=labels.positive,
        positive_values=labels.positive_values,
        classifier=classifier,
        sampling_strategy=sampling_strategy,
        random_state=random_state,
        single_thread=n_jobs != 1,
        unseen=tuple(clock_columns(table.schema, time)),
    )
    jobs = [(arm, fold) for fold in range(len(pairs)) for arm in (NONE, CLASS_WEIGHTS, *arms)]
    results = _run(task, jobs, pairs, arms, n_jobs, checkpoints, on_progress)
    notices = _notices(results, task)
    for notice in notices:
        warnings.warn(notice, GanforgeWarning, stacklevel=2)
    by_arm = {name: [results[name, fold] for fold in range(len(pairs))] for name in (NONE, CLASS_WEIGHTS, *arms)}
    return conclude(
        {name: [each.average_precision for each in found] for name, found in by_arm.items()},
        synthetic=list(arms),
        measure="average precision",
        classifier=classifier,
        n_rows=len(table),
        n_positive=labels.n_positive,
        base_rate=float(np.mean([labels.positive[test].mean() for _, test in pairs])),
        test_to_train=float(np.mean([len(test) / len(train) for train, test in pairs])),
        resolution=float(np.mean([1 / labels.positive[test].sum() for _, test in pairs])),
        curves={name: [each.curve for each in found] for name, found in by_arm.items()},
        details={name: _details(found) for name, found in by_arm.items()},
        notices=notices,
    )


# -- what is judged on ---------------------------------------------------------------------------------------------


def _refuse_unsuitable(table: Table, labels: BinaryTarget, target: str, folds: int, sampling_strategy: float) -> None:
    n, positives = len(table), labels.n_positive
    if folds < 2:
        raise InputError(f"folds={folds}; give at least 2")
    if sampling_strategy <= 0:
        raise InputError(f"sampling_strategy={sampling_strategy}; give positives per negative, above 0")
    if n < LEAST_ROWS:
        raise UnsuitableDataError(
            f"{table.source}: {n} rows are too few to judge anything; bring {LEAST_ROWS} at least"
        )
    fewest = min(positives, n - positives)
    if fewest < folds:
        raise UnsuitableDataError(
            f"{table.source}: column {target!r} has only {fewest} rows of its rarer side, too few for {folds} folds; "
            f"bring more of them, or ask for fewer folds"
        )
    if positives >= sampling_strategy * (n - positives):
        raise UnsuitableDataError(
            f"{table.source}: nothing to augment: {positives:,} of {n:,} rows have {labels.positive_label}, "
            f"which is more than sampling_strategy={sampling_strategy:g} asks for"
        )


def _split(
    table: Table, labels: BinaryTarget, target: str, time: str | None, gap: float, folds: int, random_state: int
) -> list[Split]:
    pairs = split_folds(
        labels.positive,
        k=folds,
        random_state=random_state,
        time=None if time is None else table.time(time),
        gap=gap,
        groups=twin_groups(table, leave_out=[target]),
    )
    for fold, (train, test) in enumerate(pairs, start=1):
        for side, rows in (("training", train), ("test", test)):
            if len(np.unique(labels.positive[rows])) < 2:
                what = "positives" if not labels.positive[rows].any() else "negatives"
                raise UnsuitableDataError(
                    f"{table.source}: the {side} part of fold {fold} of {len(pairs)} has no {what} in {target!r}; "
                    + ("ask for fewer folds, or judge without a time column" if time else "ask for fewer folds")
                )
    return pairs


def _named(synthesizer: Any) -> dict[str, Any]:
    """Unfitted synthesizers by the name of their arm."""
    if synthesizer is None:
        from ganforge.synthesis.ctgan import CTGAN

        synthesizer = CTGAN()
    arms = dict(synthesizer) if isinstance(synthesizer, Mapping) else {synthesizer.kind: synthesizer}
    for name in arms:
        if name in (NONE, CLASS_WEIGHTS):
            raise InputError(f"an arm of synthetic rows cannot be called {name!r}; give it another name")
    return arms


# -- the trials ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Kept:
    """Results that were written down, under the fingerprint of all that led to them."""

    folder: Path | None
    fingerprint: str

    def path(self, arm: str, fold: int) -> Path | None:
        return None if self.folder is None else self.folder / f"{_slug(arm)}-fold-{fold + 1}"

    def load(self, arm: str, fold: int) -> Result | None:
        path = self.path(arm, fold)
        file = None if path is None else path.with_suffix(".json")
        if file is None or not file.is_file():
            return None
        kept = json.loads(file.read_text(encoding="utf-8"))
        return Result.from_json(kept["result"]) if kept["fingerprint"] == self.fingerprint else None


def _run(
    task: Trial,
    jobs: list[tuple[str, int]],
    pairs: list[Split],
    arms: Mapping[str, Any],
    n_jobs: int,
    checkpoints: str | Path | None,
    on_progress: OnProgress | None,
) -> dict[tuple[str, int], Result]:
    kept = _Kept(None if checkpoints is None else Path(checkpoints), _fingerprint(task, arms, pairs))
    results = {(arm, fold): found for arm, fold in jobs if (found := kept.load(arm, fold)) is not None}

    def told(label: str) -> None:
        if on_progress is not None:
            on_progress(len(results), len(jobs), label)

    def label(arm: str, fold: int) -> str:
        return f"fold {fold + 1} of {len(pairs)}: {arm}"

    def within(arm: str, fold: int) -> Callable[[Any], None] | None:
        if n_jobs != 1 or on_progress is None:  # another process cannot call back
            return None
        return lambda at: told(f"{label(arm, fold)}, step {at.step:,} of {at.steps:,}")

    told("")
    calls = (
        delayed(run_trial)(
            task,
            arm,
            fold,
            pairs[fold],
            None if arm not in arms else clone(arms[arm]),
            kept.path(arm, fold),
            kept.fingerprint,
            within(arm, fold) if arm in arms else None,
        )
        for arm, fold in jobs
        if (arm, fold) not in results
    )
    finished: Any = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(calls)
    for arm, fold, result in finished:
        results[arm, fold] = result
        told(label(arm, fold))
    return results


def _fingerprint(task: Trial, arms: Mapping[str, Any], pairs: list[Split]) -> str:
    """What a kept result belongs to: the data, the folds, and every parameter that changes the outcome."""
    told = {
        "data": task.table.fingerprint,
        "target": task.target,
        "unseen": task.unseen,
        "classifier": task.classifier,
        "sampling_strategy": task.sampling_strategy,
        "random_state": task.random_state,
        "arms": {name: [type(each).__name__, each.get_params()] for name, each in arms.items()},
        "folds": [hashlib.sha256(np.concatenate(pair).tobytes()).hexdigest() for pair in pairs],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def _slug(name: str) -> str:
    return "".join(each if each.isalnum() or each in "-_" else "-" for each in name)


# -- what is told beside the figures -------------------------------------------------------------------------------


def _details(found: list[Result]) -> dict[str, Any]:
    """By fold: training rows added, copies dropped, seconds."""
    return {
        "rows_added": [each.rows_added for each in found],
        "copies_dropped": [each.copies_dropped for each in found],
        "seconds": [round(each.seconds, 2) for each in found],
    }


def _notices(results: Mapping[tuple[str, int], Result], task: Trial) -> list[str]:
    left_out = [column.name for column in task.table.schema if not column.learned and column.name != task.target]
    notices = []
    if left_out:
        notices.append(f"not learned from (constant, identifier or free text): {', '.join(left_out)}")
    if task.unseen:
        notices.append(
            f"the classifier does not see {', '.join(task.unseen)}: a running clock tells it only how late a row is"
        )
    copies = sum(each.copies_dropped for each in results.values())
    if copies:
        notices.append(f"{copies:,} synthetic rows were exact copies of a real one and were dropped")
    for result in results.values():
        notices += [each for each in result.notices if each not in notices]
    return notices
