"""Does synthetic data help this table's classifier?

    table ─▶ folds ─▶ train on the rest of the rows (nothing added | class weights | … | + synthetic rows)
                      test on the fold, real and untouched  ─▶  average precision  ─▶ conclude ─▶ Verdict

Everything that learns (the kinds' bounds and categories, the codec, the synthesizer, the classifier) and everything
that is chosen (which classifier, how many rows, the threshold) comes from the training part of each fold; a synthesizer
never sees the fold it is judged on, and no synthetic row is ever tested on. What could still leak is looked for
(`leaks`). Average precision, because on rare classes the area under the ROC curve hides harm (Saito & Rehmsmeier 2015,
doi:10.1371/journal.pone.0118432).
"""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.base import clone

from ganforge.data.splits import Split
from ganforge.data.table import Table
from ganforge.data.targets import binary_target, with_discrete
from ganforge.downstream.arms import CLASS_WEIGHTS, NONE, SMOTE, THRESHOLD, Arm, Curve, Verdict
from ganforge.downstream.conclusion import conclude
from ganforge.downstream.design import (
    PRESETS,
    Preset,
    classifiers_of,
    plain_arms_of,
    plan_of,
    roles_of,
    split,
    suitable_ratios,
    synthesizers_of,
    table_of,
)
from ganforge.downstream.features import clock_columns
from ganforge.downstream.identity import file_name, told
from ganforge.downstream.intervals import Interval
from ganforge.downstream.leaks import refuse_peeping, share_of_twins, telling_columns
from ganforge.downstream.outcomes import details, measures_of, usual_choice
from ganforge.downstream.pace import left_in_words, seconds_left
from ganforge.downstream.posteriors import effects_prior
from ganforge.downstream.trials import Result, Trial, run_trial
from ganforge.errors import GanforgeWarning, InputError

__all__ = ["CLASS_WEIGHTS", "NONE", "PRESETS", "Arm", "Curve", "Interval", "Preset", "Verdict", "conclude", "judge"]

OnProgress = Callable[[int, int, str], None]
"""Called with (fits done, fits in all, what is being done; and about how long the others will take, once each arm has
been fitted)."""


def judge(
    data: pd.DataFrame | Table,
    target: str,
    *,
    synthesizer: Any = None,
    arms: Sequence[str] | None = None,
    classifiers: str | Sequence[str] | Mapping[str, Any] | None = None,
    sampling_strategy: float | Sequence[float] | None = None,
    time: str | None = None,
    gap: float = 0.0,
    group: str | None = None,
    amount: str | None = None,
    alert_cost: float | None = None,
    preset: str = "quick",
    folds: int | None = None,
    repeats: int | None = None,
    inner_folds: int | None = None,
    random_state: int = 0,
    n_jobs: int = 1,
    checkpoints: str | Path | None = None,
    on_progress: OnProgress | None = None,
) -> Verdict:
    """Hold synthetic rows, and what is simpler than they are, against nothing at all.

    Args:
        data: N real rows. A column `leaks.MARK` must mark none of them as synthetic, and no synthesizer may have made
            the frame, or the one that the table was made of. That rows are synthetic cannot be known where the mark is
            lost: pandas drops it where a sample and real rows are put into one frame, and a CSV file has none (its
            stamp lies beside it, which `ganforge judge` reads). `made.assign(ganforge_synthetic=True)` keeps it.
        target: a column of two values, see `data.targets.binary_target`; the positive ones are looked for.
        synthesizer: an unfitted `Synthesizer`, or several by the name of their arm, the simplest first: of two that
            are as good the first is recommended. Default `TunedCTGAN` as "ctgan". It is cloned, and fitted in each
            fold. An empty mapping: none is judged.
        arms: which of `arms.PLAIN_ARMS` stand beside them; None: all that the classifiers can do. "none" always does.
        classifiers: names of `classifiers.CLASSIFIERS`, or unfitted scikit-learn classifiers by name; each arm uses
            the one that does best on the inner folds. A mapping's value may be None: the one of that name.
        sampling_strategy: positives per negative after adding rows, one or several; each arm that adds rows takes what
            does best on the inner folds. See `search` for what is biased in that choice and what is not.
        time: a column of dates or seconds; then folds go forward in time instead of at random. The
            classifier sees the hour and weekday of dates; seconds it does not see: test rows are later than all it
            learned from.
        gap: seconds between training and test rows, for labels that are known late; needs `time`.
        group: a column whose values (customers, cards) never stand on both sides; nothing learns from it.
        amount: a column of what a row is worth, for the measure "savings"; without it each positive is worth 1.
        alert_cost: what looking at one row costs, in the unit of `amount`; default a tenth of what a positive is worth
            on average.
        preset: "quick" or "full", see `PRESETS`: what `folds`, `repeats`, `inner_folds`, `classifiers` and
            `sampling_strategy` are where they are not given.
        folds: how many; each needs positives on both sides. Of fewer than 5 (with repeats) nothing is concluded.
        repeats: how often the folds are drawn anew; 1 with `time`.
        inner_folds: folds of a training part to choose on; 0 takes the first classifier and the lowest ratio.
        random_state: seeds folds, classifiers and those synthesizers that have no seed of their own.
        n_jobs: folds and arms at once, by joblib (`joblib.parallel_config` leads them to a cluster); each is then kept
            to one thread.
        checkpoints: a folder to keep what is done in, so that the same call goes on after it was stopped or killed.
        on_progress: called as `on_progress(done, total, label)`; from the second fold on the label ends in about how
            long the rest will take: "fold 2 of 5: ctgan, about 4 min left".

    Raises:
        UnknownNameError: no such target, column, arm, preset or classifier (the nearest is named).
        InputError: labels that are missing or of more than two kinds; rows marked as synthetic; a gap without a time; a
            synthesizer that knows the rows it is judged on.
        UnsuitableDataError: one class, too few rows or positives, nothing to augment, a column that copies the target.
    """
    table = table_of(data)
    if gap and time is None:
        raise InputError(f"gap={gap} needs the column that says when each row happened; give time=")
    plan = plan_of(preset, time, folds, repeats, inner_folds, classifiers, sampling_strategy)
    labels = binary_target(table, target)
    table = with_discrete(table, target)
    ratios = suitable_ratios(table, labels, target, plan.folds, plan.ratios)
    protocol, costs, table = roles_of(table, labels, target, time, gap, group, amount, alert_cost)
    telling = telling_columns(table, target, labels.positive)
    pairs = split(table, labels, target, protocol, plan, random_state)
    synthesizers = synthesizers_of(synthesizer, plan.steps)
    models = classifiers_of(classifiers, plan)
    plain, unable = plain_arms_of(arms, models)
    task = Trial(
        table=table,
        target=target,
        positive=labels.positive,
        positive_values=labels.positive_values,
        classifiers=models,
        ratios=ratios,
        protocol=protocol,
        inner_folds=plan.inner_folds,
        costs=costs,
        random_state=random_state,
        single_thread=n_jobs != 1,
        unseen=tuple(clock_columns(table.schema, time)),
        threshold=THRESHOLD in plain,
    )
    trained = [name for name in plain if name != THRESHOLD]  # the tuned threshold comes with the arm "none"
    jobs = [(arm, fold) for fold in range(len(pairs)) for arm in (*trained, *synthesizers)]
    results = _run(task, jobs, pairs, synthesizers, n_jobs, checkpoints, on_progress)
    by_arm = {name: [results[name, fold] for fold in range(len(pairs))] for name in (*plain, *synthesizers)}
    _refuse_leaks(by_arm, synthesizers, task, pairs)
    notices = [*telling, *unable, *_notices(by_arm, task, synthesizers)]
    for notice in notices:
        warnings.warn(notice, GanforgeWarning, stacklevel=2)
    choices = {name: usual_choice(found) for name, found in by_arm.items()}
    precisions = {name: [each.measures["average_precision"] for each in found] for name, found in by_arm.items()}
    return conclude(
        precisions,
        synthetic=list(synthesizers),
        adds_rows=[name for name, (_, ratio) in choices.items() if ratio is not None],
        measure="average precision",
        classifier={name: classifier for name, (classifier, _) in choices.items()},
        ratios={name: ratio for name, (_, ratio) in choices.items()},
        n_rows=len(table),
        n_positive=labels.n_positive,
        base_rate=float(np.mean([labels.positive[test].mean() for _, test in pairs])),
        test_to_train=float(np.mean([len(test) / len(train) for train, test in pairs])),
        resolution=float(np.mean([1 / labels.positive[test].sum() for _, test in pairs])),
        prior=effects_prior(float(np.mean(precisions[NONE]))),
        measures={name: measures_of(found) for name, found in by_arm.items()},
        curves={name: [each.curve for each in found] for name, found in by_arm.items()},
        details={name: details(found) for name, found in by_arm.items()},
        notices=notices,
    )


# -- the trials ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Kept:
    """Results that were written down, under the fingerprint of all that led to them."""

    folder: Path | None
    fingerprint: str

    def path(self, arm: str, fold: int) -> Path | None:
        return None if self.folder is None else self.folder / f"{file_name(arm)}-fold-{fold + 1}"

    def load(self, arm: str, fold: int) -> dict[str, Result] | None:
        path = self.path(arm, fold)
        file = None if path is None else path.with_suffix(".json")
        if file is None or not file.is_file():
            return None
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["fingerprint"] != self.fingerprint:
            return None
        return {name: Result.from_json(each) for name, each in kept["results"].items()}


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
    done = {(arm, fold): found for arm, fold in jobs if (found := kept.load(arm, fold)) is not None}

    workers, at_work = effective_n_jobs(n_jobs), time.monotonic()

    def tell(label: str) -> None:
        if on_progress is None:
            return
        fits = [(arm, next(iter(found.values())).seconds) for (arm, _), found in done.items()]
        left = seconds_left(fits, [arm for arm, fold in jobs if (arm, fold) not in done], workers)
        if left is not None:
            left -= time.monotonic() - at_work if workers == 1 else 0.0  # of the fit at work a part is done
        on_progress(len(done), len(jobs), ", ".join(filter(None, (label, left_in_words(left)))))

    def label(arm: str, fold: int) -> str:
        return f"fold {fold + 1} of {len(pairs)}: {arm}"

    def within(arm: str, fold: int) -> Callable[[Any], None] | None:
        if n_jobs != 1 or on_progress is None:  # another process cannot call back
            return None
        return lambda at: tell(f"{label(arm, fold)}, step {at.step:,} of {at.steps:,}")

    tell("")
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
        if (arm, fold) not in done
    )
    finished: Any = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(calls)
    for arm, fold, found in finished:
        done[arm, fold], at_work = found, time.monotonic()
        tell(label(arm, fold))
    return {(name, fold): each for (_, fold), found in done.items() for name, each in found.items()}


def _fingerprint(task: Trial, arms: Mapping[str, Any], pairs: list[Split]) -> str:
    """What a kept result belongs to: the data, the folds, and every parameter that changes the outcome."""
    asked = {
        "form": 4,
        "data": task.table.fingerprint,
        "target": task.target,
        "unseen": task.unseen,
        "classifiers": [[name, told(each)] for name, each in task.classifiers.items()],  # of equal ones the first wins
        "ratios": task.ratios,
        "inner_folds": task.inner_folds,
        "random_state": task.random_state,
        "threshold": task.threshold,
        "alert_cost": task.costs.alert,
        "gap": task.protocol.gap,
        "arms": {name: told(each) for name, each in arms.items()},
    }
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode())
    for rows in (task.costs.amount, task.protocol.groups, *(each for pair in pairs for each in pair)):
        digest.update(hashlib.sha256(rows.tobytes()).digest())
    return digest.hexdigest()


# -- what is told beside the figures -------------------------------------------------------------------------------


def _refuse_leaks(
    by_arm: Mapping[str, list[Result]], synthesizers: Mapping[str, Any], task: Trial, pairs: list[Split]
) -> None:
    if not synthesizers:
        return
    twins, unseen = share_of_twins(task.table, task.positive), sum(int(task.positive[test].sum()) for _, test in pairs)
    for name in synthesizers:
        found = by_arm[name]
        draws = int(np.mean([each.drawn for each in found]))
        refuse_peeping(
            name, met=sum(each.met for each in found), unseen=unseen, draws=draws, twins=twins,
            positives=int(task.positive.sum()),
        )  # fmt: skip


def _notices(by_arm: Mapping[str, list[Result]], task: Trial, synthesizers: Mapping[str, Any]) -> list[str]:
    left_out = [column.name for column in task.table.schema if not column.learned and column.name != task.target]
    notices = []
    if left_out:
        notices.append(f"not learned from (constant, identifier or free text): {', '.join(left_out)}")
    if task.unseen:
        notices.append(
            f"the classifier does not see {', '.join(task.unseen)}: a running clock tells it only how late a row is"
        )
    copies = sum(each.copies_dropped for name in synthesizers for each in by_arm[name])
    if copies:
        which = "row was an exact copy" if copies == 1 else "rows were exact copies"
        notices.append(f"{copies:,} synthetic {which} of a real one and dropped")
    if SMOTE in by_arm and any(column.missing for column in task.table.schema if column.learned):
        notices.append("SMOTE-NC's rows have the median where a number is missing: it cannot lie between two gaps")
    for found in by_arm.values():
        for result in found:
            notices += [each for each in result.notices if each not in notices]
    return notices
