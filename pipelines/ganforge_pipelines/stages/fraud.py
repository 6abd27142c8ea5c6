"""Flow `fraud`: does augmenting the rare class of a table help its classifier?

prepare   a file               → train.parquet, test.parquet, facts.json (roles of columns, split, schema),
                                 features.json (what payments to come need of the past, see `payments.py`),
                                 rows.parquet (by what rows are known again, see `rows.py`)
train     train.parquet        → generator/ and its losses
sample    generator            → synthetic.parquet: rows of the rare class, none an exact copy of a real one;
                                 quality.json: are they any good, is anyone exposed, may they go on (see `gating.py`)
judge     train.parquet        → verdict.json: the arms over folds; generator and all else fitted inside each fold,
                                 classifier and ratio chosen there; by rows.parquet no customer stands on both sides
classify  all of them          → classifier/: see `fraud_classify.py`
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ganforge.catalog import CATALOG, load_model
from ganforge.data.constraints import read_constraints
from ganforge.data.dtypes import times_restored
from ganforge.data.schema import Column, Schema, plain
from ganforge.data.splits import entity_split, stratified_split, twin_groups
from ganforge.data.table import Table
from ganforge.data.targets import binary_target, with_discrete
from ganforge.downstream.augmenting import rows_wanted, synthetic_positives
from ganforge.downstream.features import clock_columns
from ganforge.downstream.resampling import joined
from ganforge.errors import GanforgeWarning, InputError, UnsuitableDataError
from ganforge_pipelines.lineage.stamps import ALL, generator_of, stamp, write_origin, write_stamped
from ganforge_pipelines.stages.context import StageContext, StageProgress, data_told
from ganforge_pipelines.stages.gating import gate_rows
from ganforge_pipelines.stages.models import build_model, judged_steps, write_training
from ganforge_pipelines.stages.models import train as train_model
from ganforge_pipelines.stages.operating import amount_of
from ganforge_pipelines.stages.payments import with_features
from ganforge_pipelines.stages.rows import ENTITY, FILE, rows_of, write_table_rows
from ganforge_pipelines.stages.tables import (
    DAY,
    clock_only,
    learned_from,
    period_of,
    positives,
    read_input,
    read_part,
    read_rows,
    schema_of,
    split_by_time,
    without,
    write_part,
)

FEWEST = 10
"""Rows of the rare class to train on below which nothing can be judged."""
KINDS = tuple(each.kind for each in CATALOG.values() if each.family == "tables" and each.role == "synthesizer")


def prepare(context: StageContext) -> str:
    """Read, split, and fix what each column is."""
    own = context.own
    table = read_input(context)
    if own["target"] is None:
        raise InputError(f"{own['data']}: no target; name the column that marks the rare class with --target")
    target = binary_target(table, own["target"])
    as_read = table
    table, identifiers = with_features(context, table)
    group = [own["group"]] if own["group"] else []
    leave_out = list(dict.fromkeys([str(each) for each in (*own["leave_out"], *group, *identifiers)]))
    train_rows, test_rows, how, later = _split(table, target.positive, own, leave_out, seed=context.seed)
    roles = {"target": own["target"], "time": own["time"]}
    dropped = [each for each in leave_out if each != own["time"]]
    features = with_discrete(without(table, dropped, keep={"target": own["target"]}), own["target"])
    if own["time"] in leave_out:
        features = clock_only(features, own["time"])
    counts = {part: int(target.positive[rows].sum()) for part, rows in (("train", train_rows), ("test", test_rows))}
    _check_counts(counts, len(train_rows), len(test_rows), own)
    learned = learned_from(features, train_rows)
    _warn_of_leaks(learned, own, target.positive[train_rows])
    write_part(context, "train.parquet", learned)
    write_part(context, "test.parquet", features.take(test_rows))
    parts, entity = {"train": train_rows, "test": test_rows}, own["group"] or own["customer"]
    fingerprinted = write_table_rows(context, as_read, parts, target=own["target"], entity=entity)
    if len(target.positive_values) > 1:
        warnings.warn(
            f"{own['target']} has {len(target.positive_values)} values beside {plain(target.negative_value)!r}: all "
            "count as positive, and synthetic rows are made of each as often as it is there",
            GanforgeWarning,
            stacklevel=2,
        )
    if 2 * target.n_positive > len(table):
        warnings.warn(
            f"{target.positive_label} is not the rare class: {target.n_positive:,} of {len(table):,} rows have it; if "
            "the others are what you look for, give a target that is 1 in those",
            GanforgeWarning,
            stacklevel=2,
        )
    share = f"{target.n_positive / len(table):.2%}"
    headline = f"{len(table):,} rows, {target.n_positive:,} with {target.positive_label} ({share})"
    facts = {
        "source": own["data"],
        "headline": headline,
        "rows": len(table),
        "n_positive": target.n_positive,
        **roles,
        "positive": target.positive_label,
        "positive_values": [plain(each) for each in target.positive_values],
        "negative": plain(target.negative_value),
        "left_out": [each for each in leave_out if each in table.schema],
        "unseen": clock_columns(learned.schema, own["time"]),
        "gap": own["gap"],
        "group": own["group"],
        "constraints": [str(each) for each in read_constraints(schema_of(context))],
        "features": [] if not identifiers else [each for each in table.schema.names if each not in as_read.schema],
        "split": {
            "how": how,
            "later": later,
            "train": len(train_rows),
            "test": len(test_rows),
            "train_positive": counts["train"],
            "test_positive": counts["test"],
        },
        "amount": amount_of(features, own["amount"]),
        "fingerprint": table.fingerprint,
        "fingerprinted": fingerprinted,
        "period": period_of(as_read, own["time"] or (own["customer"] and own["paid_at"])),
        "schema": learned.schema.to_json(),
    }
    context.write_json("facts.json", facts)
    return f"{len(train_rows):,} rows to train on, {len(test_rows):,} to test on ({how})"


def _split(
    table: Table, positive: np.ndarray, own: Any, leave_out: list[str], *, seed: int
) -> tuple[np.ndarray, np.ndarray, str, bool]:
    """Rows to train on, rows held out, how they were split in words, and whether those held out are the later ones."""
    share = own["test_share"]
    if own["group"] is None and own["time"] is not None:
        left = [*leave_out, own["target"]]
        train, test = split_by_time(table, own["time"], leave_out=left, test_share=share, gap=own["gap"])
        apart = f", {own['gap']:g} days apart" if own["gap"] else ""
        return train, test, f"by {own['time']}{apart}", True
    left_out = [each for each in leave_out if each in table.schema]
    twins = twin_groups(table, leave_out=[*left_out, own["target"]])
    if own["group"] is None:
        train, test = stratified_split(positive, test_share=share, random_state=seed, groups=twins)
        return train, test, "at random", False
    entity = pd.factorize(table.column(own["group"], "group column"), use_na_sentinel=False)[0]
    # Customers that have a row in common are on one side, as they are in the judge's folds.
    together = joined(entity, twins)
    if not entity.any():
        raise UnsuitableDataError(
            f"{own['data']}: {own['group']!r} has one value, so no part of its rows can be held out; name another "
            "column as prepare.group, or set it to null"
        )
    if not together.any():
        raise UnsuitableDataError(
            f"{own['data']}: all values of {own['group']!r} hang together by rows that two of them have in common, so "
            "none can be held out; leave doubled rows out, or set prepare.group to null"
        )
    train, test = entity_split(together, test_share=share, random_state=seed)
    return train, test, f"by {own['group']}", False


def _warn_of_leaks(learned: Table, own: Any, positive: np.ndarray) -> None:
    """Tell of a column that gives the target away now, not after a night of training; refuse one that copies it."""
    from ganforge.downstream.leaks import telling_columns

    seen = learned.drop(*clock_columns(learned.schema, own["time"]))
    for notice in telling_columns(replace(seen, source=own["data"]), own["target"], positive):
        warnings.warn(notice, GanforgeWarning, stacklevel=2)


def _check_counts(positives: dict[str, int], n_train: int, n_test: int, own: Any) -> None:
    if positives["train"] < FEWEST or n_train - positives["train"] < FEWEST:
        fewest = min(positives["train"], n_train - positives["train"])
        raise UnsuitableDataError(
            f"{own['data']}: of the rarer class of {own['target']!r}, {fewest} are left to train on; at least {FEWEST} "
            "are needed to judge anything"
        )
    if positives["test"] == 0 or positives["test"] == n_test:
        raise UnsuitableDataError(
            f"{own['data']}: the {n_test:,} rows held out hold one class of {own['target']!r} only; "
            "raise fraud.prepare.test_share, or leave --time out"
        )


def train(context: StageContext) -> str:
    """Fit the generator on the training part."""
    facts = context.json("prepare", "facts.json")
    table = read_part(context.input("prepare", "train.parquet"), facts)
    own = context.own
    model = build_model(
        own["kind"], own, seed=context.seed, trainer=context.trainer, options=_options(own, facts), family=KINDS
    )
    training = train_model(context, model, table)
    assert training is not None, "a synthesizer trains by steps"
    model.save(context.out / "generator")
    write_origin(context.out / "generator", data=data_told(context), seed=context.seed, stage=context.spec.name)
    write_training(context, {own["kind"]: training})
    return f"{own['kind']}, {training.steps:,} steps"


def _options(section: Any, facts: Any) -> dict[str, Any]:
    """`train.options`, and the constraints that the schema file names."""
    named = {"constraints": facts["constraints"]} if facts["constraints"] else {}
    return {**named, **section["options"]}


def sample(context: StageContext) -> str:
    """Draw rows of the rare class; exact copies of real rows are dropped, counted and drawn again."""
    facts, own = context.json("prepare", "facts.json"), context.own
    real = read_part(context.input("prepare", "train.parquet"), facts)
    generator = load_model(context.input("train", "generator"))
    drawn = synthetic_positives(
        generator,
        real,
        facts["target"],
        positive_values=facts["positive_values"],
        rows=_rows_wanted(facts, own),
        random_state=context.seed,
    )
    if drawn.frame.empty:
        raise UnsuitableDataError(
            "every synthetic row is an exact copy of a real one: the columns are too coarse to make new ones"
        )
    if len(drawn.frame) < drawn.wanted:
        warnings.warn(
            f"{len(drawn.frame):,} synthetic rows instead of {drawn.wanted:,}: the others were copies of real rows",
            GanforgeWarning,
            stacklevel=2,
        )
    synthetic = Table.of(drawn.frame, schema=Schema.from_json(facts["schema"]), source="synthetic rows")
    origin = generator_of(context.input("train", "generator"))
    told = stamp(
        made_by=context.spec.name,
        rows=len(synthetic),
        synthetic_rows=len(synthetic),
        which=ALL,
        generator=origin,
        data=origin["data"],
        seed=context.seed,
        condition={facts["target"]: " or ".join(map(str, facts["positive_values"]))},
    )
    write_stamped(times_restored(synthetic.frame, synthetic.schema), context.out / "synthetic.parquet", told)
    quality = _quality(context, facts, real, synthetic, copies_dropped=drawn.copies_dropped)
    context.write_json("quality.json", quality)
    context.write_json(
        "metrics.json",
        {
            "rows": len(synthetic),
            "copies_dropped": drawn.copies_dropped,
            "obedience": getattr(generator, "obedience_", None),
            "passes_the_gate": quality["passed"],
        },
    )
    if not quality["passed"]:
        warnings.warn(quality["sentence"], GanforgeWarning, stacklevel=2)
    dropped = f"{drawn.copies_dropped:,} copies of a real one dropped"
    return (
        f"{len(synthetic):,} rows of {facts['positive']}, {dropped}; {'pass' if quality['passed'] else 'fail'} the gate"
    )


def _quality(
    context: StageContext, facts: Any, real: Table, synthetic: Table, *, copies_dropped: int
) -> dict[str, Any]:
    """The synthetic rows against the real ones of the rare class, beside those of the test part."""
    target = facts["target"]
    kept = len(facts["positive_values"]) > 1  # of a single value there is nothing to compare
    columns = tuple(each for each in real.schema if each.learned and (kept or each.name != target))
    test = read_rows(context.input("prepare", "test.parquet"))
    return gate_rows(
        real.frame.loc[positives(real.frame[target], facts)],
        synthetic.frame,
        test.loc[positives(test[target], facts)],
        schema=Schema(columns),
        what=f"rows with {facts['positive']}",
        gates=context.own["gates"],
        seed=context.seed,
        copies_dropped=copies_dropped,
    )


def _rows_wanted(facts: Any, own: Any) -> int:
    """How many synthetic rows are added to the training part; at least 1."""
    if own["rows"] is not None:
        return own["rows"]
    positive, negative = _sides(facts)
    wanted = rows_wanted(positives=positive, negatives=negative, ratio=own["ratio"])
    if wanted < 1:
        raise UnsuitableDataError(
            f"nothing to augment: there are {positive:,} rows of {facts['positive']} already, more "
            f"than sample.ratio={own['ratio']:g} asks for; raise it, or name the rarer class as target"
        )
    return wanted


def _ratio(facts: Any, own: Any) -> float:
    """Positives per negative once the synthetic rows are added: what every fold of the judgement is brought to."""
    positive, negative = _sides(facts)
    return own["ratio"] if own["rows"] is None else (positive + own["rows"]) / negative


def _ratios(facts: Any, sampled: Any, own: Any) -> list[float]:
    """What an arm that adds rows may choose from, rising: what `sample` makes rows for, and what is less."""
    most = _ratio(facts, sampled)
    return sorted({*(float(each) for each in own["ratios"] if each < most), most})


def _with_entities(context: StageContext, table: Table, group: str) -> Table:
    """The training part with a column that says whose each row is: by running numbers, since `prepare` took the names
    out for good. The judge cuts its folds by it and lets nothing learn from it."""
    lines = rows_of(context.input("prepare", FILE), "train")
    schema = Schema((*table.schema, Column(name=group, kind="identifier", dtype="int64")))
    return Table.of(table.frame.assign(**{group: lines[ENTITY].to_numpy()}), schema=schema, source=table.source)


def _sides(facts: Any) -> tuple[int, int]:
    """Positives and negatives in the training part."""
    positive = facts["split"]["train_positive"]
    return positive, facts["split"]["train"] - positive


def judge(context: StageContext) -> str:
    """Hold the arms against each other over folds of the training part."""
    from ganforge.downstream.verdict import judge as judge_table

    facts, own = context.json("prepare", "facts.json"), context.own
    table = read_part(context.input("prepare", "train.parquet"), facts)
    if facts["group"] is not None:
        table = _with_entities(context, table, facts["group"])
    section = context.section("train")
    changes = {"steps": own["steps"]} if own["steps"] is not None else {}
    synthesizer = build_model(
        section["kind"],
        section,
        seed=context.seed,
        trainer={**context.trainer, "devices": 1, "num_nodes": 1, "strategy": "auto"},
        options=_options(section, facts),
        family=KINDS,
        changes=changes,
    )
    steps = judged_steps(synthesizer, section)
    verdict = judge_table(
        table,
        facts["target"],
        synthesizer=synthesizer,
        time=facts["time"],
        gap=facts["gap"] * DAY,
        group=facts["group"],
        folds=own["folds"],
        classifiers=own["classifier"],
        random_state=context.seed,
        n_jobs=own["n_jobs"],
        sampling_strategy=_ratios(facts, context.section("sample"), own),
        amount=facts["amount"],
        alert_cost=own["alert_cost"],
        checkpoints=context.checkpoints,
        on_progress=lambda done, total, label: context.on_progress(
            StageProgress(step=done, steps=total, phase=f"fits  {label}".strip())
        ),
    )
    context.write_json("verdict.json", {**verdict.to_json(), "generator_steps": steps})
    context.write_json(
        "metrics.json",
        {verdict.measure.replace(" ", "_"): {name: arm.mean for name, arm in verdict.arms.items()}},
    )
    context.write_csv(
        "precision_recall.csv",
        ["arm", "fold", "recall", "precision"],
        (
            [arm, fold, recall, precision]
            for arm, folds in verdict.curves.items()
            for fold, curve in enumerate(folds)
            for recall, precision in zip(curve.recall, curve.precision, strict=True)
        ),
    )
    return f"{own['folds']} folds, {len(verdict.arms)} arms"
