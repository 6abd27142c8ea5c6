"""What a judgement is asked for, and what it is judged on: presets, arms, classifiers, ratios, folds.

Everything that can be refused is refused here, before anything is trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import has_fit_parameter

from ganforge.data.splits import Split, twin_groups
from ganforge.data.table import Table
from ganforge.data.targets import BinaryTarget
from ganforge.downstream.arms import CLASS_WEIGHTS, NONE, PLAIN_ARMS
from ganforge.downstream.classifiers import CLASSIFIERS
from ganforge.downstream.intervals import LEAST_FOLDS
from ganforge.downstream.leaks import without_mark
from ganforge.downstream.measures import Costs
from ganforge.downstream.resampling import Protocol, joined, outer_folds
from ganforge.errors import InputError, UnknownNameError, UnsuitableDataError

LEAST_ROWS = 50


@dataclass(frozen=True, kw_only=True)
class Preset:
    """How thorough a judgement is."""

    folds: int
    repeats: int
    time_folds: int
    """Folds that go forward in time, which cannot be repeated."""
    inner_folds: int
    ratios: tuple[float, ...]
    classifiers: tuple[str, ...] = CLASSIFIERS
    steps: int | None = None
    """Training steps of the CTGAN that is judged where no synthesizer is named; None: as it chooses by itself."""


PRESETS = {
    "quick": Preset(folds=5, repeats=1, time_folds=5, inner_folds=2, ratios=(0.1, 0.5), steps=1_000),
    "full": Preset(folds=5, repeats=10, time_folds=10, inner_folds=3, ratios=(0.1, 0.3, 1.0)),
}
"""quick: BENCHMARKS.md has the minutes for 20,000 rows of 40 columns, most of them CTGAN's (`benchmarks.judge_quick`).
full: ten times as many folds, each with more to choose from and a CTGAN that trains as long as it chooses to."""


# -- what is asked -------------------------------------------------------------------------------------------------


def table_of(data: pd.DataFrame | Table) -> Table:
    """The real rows; raises `InputError` where some are marked as synthetic."""
    frame = data.frame if isinstance(data, Table) else data
    if not isinstance(frame, pd.DataFrame):
        return Table.of(frame)  # says what it is instead
    real = without_mark(frame, data.source if isinstance(data, Table) else "the data frame")
    if not isinstance(data, Table):
        return Table.of(real)
    return data if len(real.columns) == len(frame.columns) else data.drop(*frame.columns.difference(real.columns))


def plan_of(
    preset: str,
    time: str | None,
    folds: int | None,
    repeats: int | None,
    inner_folds: int | None,
    classifiers: Any,
    sampling_strategy: float | Sequence[float] | None,
) -> Preset:
    """The preset with what was asked for in its place. Raises `InputError` naming what cannot be."""
    if preset not in PRESETS:
        raise UnknownNameError("preset", preset, PRESETS)
    base = PRESETS[preset]
    folds = folds if folds is not None else base.time_folds if time is not None else base.folds
    repeats = repeats if repeats is not None else 1 if time is not None else base.repeats
    inner = inner_folds if inner_folds is not None else base.inner_folds
    if folds < 2:
        raise InputError(f"folds={folds}; give at least 2")
    if inner < 0 or inner == 1:
        raise InputError(f"inner_folds={inner}; give 2 or more, or 0 to choose nothing")
    ratios = base.ratios if sampling_strategy is None else tuple(np.atleast_1d(sampling_strategy).tolist())
    for ratio in ratios:
        if not ratio > 0:
            raise InputError(f"sampling_strategy={ratio}; give positives per negative, above 0")
    names = base.classifiers if classifiers is None else tuple(_as_mapping(classifiers))
    if not ratios or not names:
        raise InputError("sampling_strategy and classifiers need one entry at least")
    return replace(base, folds=folds, repeats=repeats, inner_folds=inner, ratios=ratios, classifiers=names)


def _as_mapping(classifiers: str | Sequence[str] | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(classifiers, Mapping):
        return dict(classifiers)
    return dict.fromkeys([classifiers] if isinstance(classifiers, str) else classifiers)


def classifiers_of(asked: Any, plan: Preset) -> dict[str, Any]:
    """Unfitted estimators by name, None for those of `CLASSIFIERS`."""
    named = dict.fromkeys(plan.classifiers) if asked is None else _as_mapping(asked)
    for name, model in named.items():
        if model is None and name not in CLASSIFIERS:
            raise UnknownNameError("classifier", name, CLASSIFIERS)
        if model is not None and not (hasattr(model, "predict_proba") or hasattr(model, "decision_function")):
            raise InputError(
                f"classifier {name!r} gives neither probabilities nor a decision function; average precision needs "
                "scores to order rows by"
            )
    return named


def plain_arms_of(asked: Sequence[str] | None, classifiers: Mapping[str, Any]) -> tuple[tuple[str, ...], list[str]]:
    """The arms without a generator, from the simplest to the most elaborate, whatever their order; and notices.

    None asks for all that these classifiers can do: class weights need one whose fit takes sample_weight. Raises
    `UnknownNameError` for an arm that does not exist, `InputError` where class weights are asked for by name and no
    classifier can have them.
    """
    wanted = PLAIN_ARMS if asked is None else tuple(asked)
    for name in wanted:
        if name not in PLAIN_ARMS:
            raise UnknownNameError("arm", name, PLAIN_ARMS)
    notices = []
    weighable = any(model is None or has_fit_parameter(model, "sample_weight") for model in classifiers.values())
    if CLASS_WEIGHTS in wanted and not weighable:
        lacking = f"none of the classifiers ({', '.join(classifiers)}) takes weights"
        if asked is not None:
            raise InputError(
                f"{lacking}; leave out the arm {CLASS_WEIGHTS!r}, or add a classifier whose fit takes sample_weight"
            )
        notices.append(f"{lacking}: the arm {CLASS_WEIGHTS!r} is left out")
        wanted = tuple(name for name in wanted if name != CLASS_WEIGHTS)
    return tuple(name for name in PLAIN_ARMS if name == NONE or name in wanted), notices


def synthesizers_of(asked: Any, steps: int | None) -> dict[str, Any]:
    """Unfitted synthesizers by the name of their arm."""
    if asked is None:
        from ganforge.synthesis.ctgan import TunedCTGAN

        asked = {"ctgan": TunedCTGAN(steps=steps)}
    named = dict(asked) if isinstance(asked, Mapping) else {asked.kind: asked}
    for name in named:
        if name in PLAIN_ARMS:
            raise InputError(f"an arm of synthetic rows cannot be called {name!r}; give it another name")
    return named


# -- what is judged on ---------------------------------------------------------------------------------------------


def suitable_ratios(
    table: Table, labels: BinaryTarget, target: str, folds: int, ratios: Sequence[float]
) -> tuple[float, ...]:
    """The ratios that ask for more positives than there are, rising."""
    n, positives = len(table), labels.n_positive
    if n < LEAST_ROWS:
        raise UnsuitableDataError(
            f"{table.source}: {n} rows are too few to judge anything; bring {LEAST_ROWS} at least"
        )
    fewest = min(positives, n - positives)
    if fewest < folds:
        fewer = f", or ask for {fewest} folds (of fewer than {LEAST_FOLDS} nothing is concluded)" if fewest > 1 else ""
        raise UnsuitableDataError(
            f"{table.source}: column {target!r} has only {fewest} rows of its rarer side, too few for {folds} folds; "
            f"bring {folds - fewest} more of them at least{fewer}"
        )
    possible = tuple(sorted({ratio for ratio in ratios if positives < ratio * (n - positives)}))
    if not possible:
        raise UnsuitableDataError(
            f"{table.source}: nothing to augment: {positives:,} of {n:,} rows have {labels.positive_label}, "
            f"which is more than sampling_strategy={max(ratios):g} asks for"
        )
    return possible


def roles_of(
    table: Table,
    labels: BinaryTarget,
    target: str,
    time: str | None,
    gap: float,
    group: str | None,
    amount: str | None,
    alert_cost: float | None,
) -> tuple[Protocol, Costs, Table]:
    """How rows are told apart, what they are worth, and the table without the column of the groups."""
    seconds = None if time is None else table.time(time)
    worth = np.ones(len(table)) if amount is None else _amounts(table, amount)
    if alert_cost is None:
        alert_cost = 0.1 * float(worth[labels.positive].mean())
    elif alert_cost < 0:
        raise InputError(f"alert_cost={alert_cost}; give 0 or more, in the unit of the amount")
    groups = None
    if group is not None:
        entity = table.column(group, "group column")
        if group in (target, time, amount):
            raise InputError(f"column {group!r} cannot say who a row belongs to and have another part, too")
        groups = pd.factorize(entity, use_na_sentinel=False)[0]
        table = table.drop(group)
    twins = twin_groups(table, leave_out=[target])
    together = twins if groups is None else joined(groups, twins)
    return Protocol(groups=together, entities=groups, time=seconds, gap=gap), Costs(worth, alert_cost), table


def _amounts(table: Table, name: str) -> np.ndarray:
    series = table.column(name, "amount column")
    if series.dtype.kind not in "iuf" or series.isna().any() or bool((series < 0).any()):
        raise InputError(
            f"{table.source}: column {name!r} cannot be the amount: it has to be a number of at least 0 in every row"
        )
    return series.to_numpy(dtype=np.float64)


def split(
    table: Table, labels: BinaryTarget, target: str, protocol: Protocol, plan: Preset, random_state: int
) -> list[Split]:
    """The outer folds; raises `UnsuitableDataError` where a side of one lacks a class."""
    pairs = outer_folds(labels.positive, protocol, folds=plan.folds, repeats=plan.repeats, random_state=random_state)
    for fold, (train, test) in enumerate(pairs, start=1):
        for side, rows in (("training", train), ("test", test)):
            if len(np.unique(labels.positive[rows])) < 2:
                what = "positives" if not labels.positive[rows].any() else "negatives"
                raise UnsuitableDataError(
                    f"{table.source}: the {side} part of fold {fold} of {len(pairs)} has no {what} in {target!r}; "
                    "ask for fewer folds" + (", or judge without a time column" if protocol.time is not None else "")
                )
    return pairs
