"""What `ctgan_fidelity` holds against each other: tables, two ways to make rows without a network, and the figures."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTENC
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score

from ganforge.data.readers import read_table
from ganforge.data.schema import NUMERIC, Column, Schema
from ganforge.data.table import Table, conform
from ganforge.downstream.classifiers import make_classifier
from ganforge.files import sha256_file
from ganforge.quality.closest import closest_records
from ganforge.quality.coding import codes_of, numbers_of
from ganforge.quality.marginals import marginal_distances
from ganforge.quality.pairs import pair_distance
from ganforge.quality.two_sample import two_sample_auc

TARGETS = {
    "adult": "income",
    "bank_marketing": "y",
    "telco_churn": "Churn",
    "default_credit_clients": "default.payment.next.month",
    "cardio_disease": "cardio",
}
MEASURE = 1
"""Raise it when a figure comes to mean something else: what was measured before is then measured again."""
_TEST_SHARE = 0.3


@dataclass(frozen=True, eq=False)
class Task:
    """A table in three parts that share no row."""

    name: str
    data: str
    """SHA-256 of the files it is read from, shortened."""
    target: str
    positive: Any
    """The rarer value of the target."""
    training: Table
    reference: Table
    """Half of the rows held out: what samples are held against."""
    other: Table
    """The other half: what real rows score against the reference is the floor."""


def load_task(name: str, folder: Path) -> Task:
    """Read a table; Adult comes with its own test part, of the others three tenths are held out at random."""
    parts = ("adult_train", "adult_test") if name == "adult" else (name,)
    files = [folder / "tables" / f"{part}.csv.gz" for part in parts]
    if name == "adult":
        training, test = (read_table(file) for file in files)
        test = Table.of(test.frame, schema=training.schema, source=test.source)
        order = np.random.default_rng(0).permutation(len(test))
    else:
        whole = read_table(files[0])
        order = np.random.default_rng(0).permutation(len(whole))
        held = round(_TEST_SHARE * len(whole))
        training, test, order = whole.take(np.sort(order[held:])), whole, order[:held]
    half = len(order) // 2
    target = TARGETS[name]
    return Task(
        name=name,
        data=hashlib.sha256("".join(sha256_file(file) for file in files).encode()).hexdigest()[:12],
        target=target,
        positive=training.frame[target].value_counts().index[-1],
        training=training,
        reference=test.take(np.sort(order[:half])),
        other=test.take(np.sort(order[half:])),
    )


# ----------------------------------------------------------------------------------------------- ways to make rows


def copula(table: Table, n: int, *, seed: int) -> pd.DataFrame:
    """Rows from a Gaussian copula: the margins as they are, dependence by the correlation of normal scores.

    Each value becomes its rank, ties in random order, and the rank a normal score; drawn scores go back by the same
    way. Categories, in the order of their frequency, and missing values take part as values with very many ties, which
    is the ordered probit of latent-variable models.
    """
    rng = np.random.default_rng(seed)
    learned = [column for column in table.schema if column.learned]
    size = len(table)
    orders, scores = [], []
    for column in learned:
        series = pd.Series(table.frame[column.name])
        keys = np.nan_to_num(numbers_of(series, column), nan=-np.inf) if _numeric(column) else codes_of(series, column)
        order = np.lexsort((rng.random(size), keys))
        rank = np.empty(size)
        rank[order] = np.arange(size)
        orders.append(order)
        scores.append(norm.ppf((rank + 0.5) / size))
    drawn = rng.multivariate_normal(np.zeros(len(learned)), np.corrcoef(scores), size=n, method="eigh").T
    places = np.minimum((norm.cdf(drawn) * size).astype(int), size - 1)
    made = {
        column.name: table.frame[column.name].array[order[place]]
        for column, order, place in zip(learned, orders, places, strict=True)
    }
    return pd.DataFrame(made)


def smote(table: Table, target: str, n: int, *, seed: int) -> pd.DataFrame:
    """Rows of each class of the target between two neighbours of that class (Chawla et al. 2002, SMOTE-NC).

    Rows with a missing number are left out, since SMOTE takes none; a missing category is a category.
    """
    features = [column for column in table.schema if column.learned and column.name != target]
    coded = {
        column.name: (numbers_of if _numeric(column) else codes_of)(pd.Series(table.frame[column.name]), column)
        for column in features
    }
    frame = pd.DataFrame(coded)
    whole = np.asarray(frame.notna()).all(axis=1)
    frame, labels = frame[whole], codes_of(pd.Series(table.frame[target]), table.schema[target])[whole]
    present = np.bincount(labels)
    wanted = np.round(n * present / present.sum()).astype(int)
    maker = SMOTENC(
        categorical_features=[not _numeric(column) for column in features],
        sampling_strategy={k: int(present[k] + wanted[k]) for k in np.unique(labels)},  # pyright: ignore
        random_state=seed,
    )
    with warnings.catch_warnings():  # it warns of every class that outgrows the largest, which is what is asked for
        warnings.filterwarnings("ignore", message="After over-sampling")
        made, classes = maker.fit_resample(frame, labels)[:2]
    made, classes = pd.DataFrame(made).iloc[len(frame) :], np.asarray(classes)[len(frame) :]
    rows = {column.name: _values(made[column.name].to_numpy(), column) for column in features}
    rows[target] = _values(classes, table.schema[target])
    order = np.random.default_rng(seed).permutation(len(classes))
    return pd.DataFrame(rows).iloc[order].reset_index(drop=True)


def _numeric(column: Column) -> bool:
    return column.kind in NUMERIC


def _values(numbers: np.ndarray, column: Column) -> pd.Series:
    """From `numbers_of` and `codes_of` back to the column's values."""
    if not _numeric(column):
        return pd.Series([np.nan, *column.categories], dtype=object).take(numbers.astype(int)).reset_index(drop=True)
    if column.kind == "datetime":
        return pd.Series(numbers.round().astype("int64")).astype(column.dtype)
    return pd.Series(
        np.round(numbers, 0 if column.kind == "integer" else 12 if column.decimals is None else column.decimals)
    )


# -------------------------------------------------------------------------------------------------------- figures


def figures_of(made: pd.DataFrame, task: Task, *, seed: int, train_on: pd.DataFrame) -> dict[str, Any]:
    """All figures of `made`; its first rows are held against the reference, the classifier learns from `train_on`."""
    learned = Schema(tuple(column for column in task.training.schema if column.learned))
    made, reference = conform(made, learned, source="synthetic rows"), task.reference.frame
    some = made.iloc[: len(reference)]
    nearest = closest_records(some, task.training.frame, reference, schema=learned, random_state=seed)
    return {
        "marginal": float(marginal_distances(some, reference, schema=learned)["distance"].mean()),
        "pair": pair_distance(some, reference, schema=learned),
        "c2st": two_sample_auc(some, reference, schema=learned, random_state=seed).to_json(),
        "dcr": nearest.to_json(),
        **train_on_synthetic(conform(train_on, learned), task, learned, seed=seed),
    }


def train_on_synthetic(made: pd.DataFrame, task: Task, learned: Schema, *, seed: int) -> dict[str, float]:
    """Average precision and area under the ROC curve on all held-out rows of gradient boosting trained on `made`."""
    features = Schema(tuple(column for column in learned if column.name != task.target))
    test = pd.concat([task.reference.frame, task.other.frame])
    truth = np.asarray(test[task.target] == task.positive)
    labels = np.asarray(made[task.target] == task.positive)
    if labels.all() or not labels.any():  # one class only: nothing can be learned
        return {"ap": float(truth.mean()), "auroc": 0.5}
    classifier = make_classifier("gradient-boosting", random_state=seed)
    classifier.fit(Table.of(made, schema=features, source="synthetic rows"), labels, positive=True)
    scores = classifier.predict_proba(test)[:, 1]
    return {"ap": float(average_precision_score(truth, scores)), "auroc": float(roc_auc_score(truth, scores))}
