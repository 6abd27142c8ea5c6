"""What the fraud report shows of synthetic rows beside the real ones of the rare class: sums over many rows only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from ganforge.data.schema import Schema
from ganforge.quality.closest import RowSpace
from ganforge.quality.marginals import marginal_distances
from ganforge_pipelines.report.aggregates import compare_columns
from ganforge_pipelines.report.evidence import DensityMap
from ganforge_pipelines.report.parts import ColumnComparison
from ganforge_pipelines.report.regions import density_map
from ganforge_pipelines.report.wording import score
from ganforge_pipelines.stages.reporting_quality import (
    distances,
    exposed_in_words,
    exposure,
    fidelity_numbers,
    gate_lines,
    pair_gaps,
)

FEWEST = 20
"""Real rows of the rare class below which no map is drawn: it would show where single rows lie."""
MOST = 5_000
"""Rows of a side that the map looks at."""


def shown_rows(
    rare: pd.DataFrame, synthetic: pd.DataFrame, facts: Mapping[str, Any], quality: Mapping[str, Any], *, seed: int
) -> dict[str, Any]:
    """Fields of `FraudReport`. rare: real rows of the rare class to train on."""
    schema = Schema.from_json(facts["schema"])
    features = Schema(tuple(each for each in schema if each.name != facts["target"]))
    columns = _columns(rare, synthetic, features, quality)
    if quality["fidelity"] is None:  # a row or two, of which nothing can be said
        return {"columns": columns, "exposed": quality["sentence"]}
    return {
        "columns": columns,
        "fidelity": fidelity_numbers(quality),
        "fidelity_told": quality["fidelity"]["sentence"],
        "compared": quality["fidelity"]["compared"],
        "map": _map(rare, synthetic, features, seed=seed) if len(rare) >= FEWEST else None,
        "pairs": pair_gaps(quality, [each.name for each in features]),
        "exposure": exposure(quality),
        "exposed": exposed_in_words(quality),
        "distances": distances(quality, what="row", axis="distance to the closest training row (0: a copy)"),
        "gates": gate_lines(quality),
    }


def _columns(
    rare: pd.DataFrame, synthetic: pd.DataFrame, features: Schema, quality: Mapping[str, Any]
) -> tuple[ColumnComparison, ...]:
    """The worst columns over all rows, as they are drawn; beside it what `quality.json` says on as many rows a side."""
    found = marginal_distances(synthetic, rare, schema=features).set_index("column")["distance"].to_dict()
    told_of = quality["fidelity"] or {"columns": (), "compared": 0}
    beside = {each["column"]: each for each in told_of["columns"]}
    compared = told_of["compared"]
    of_day = [each.name for each in features if each.of_day]
    made = []
    for each in compare_columns(rare, synthetic, distances=found, of_day=of_day):
        told = ""
        if each.name in beside:
            other = beside[each.name]
            told = (
                f"{each.measure} {score(each.distance)} over all rows; on {compared:,} rows a side "
                f"{score(other['distance'])}, of other real rows {score(other['floor'])}"
            )
        made.append(replace(each, floor=beside.get(each.name, {}).get("floor"), told=told))
    return tuple(made)


def _map(rare: pd.DataFrame, synthetic: pd.DataFrame, features: Schema, *, seed: int) -> DensityMap | None:
    rng = np.random.default_rng(seed)
    one, other = (each.iloc[rng.choice(len(each), min(len(each), MOST), replace=False)] for each in (rare, synthetic))
    space = RowSpace.of(one, features)
    if space.points.shape[1] < 2:
        return None
    plane = PCA(n_components=2, random_state=seed).fit(space.points)
    kept = float(plane.explained_variance_ratio_.sum())
    return density_map(plane.transform(space.points), plane.transform(space.place(other)), kept=kept, seed=seed)
