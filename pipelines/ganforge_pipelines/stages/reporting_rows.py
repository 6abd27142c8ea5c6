"""What the fraud report shows of synthetic rows beside the real ones of the rare class: sums over many rows only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from ganforge.data.schema import Schema
from ganforge.quality.closest import RowSpace
from ganforge.quality.marginals import marginal_distances
from ganforge.quality.pairs import PairShares
from ganforge.quality.two_sample import superiority
from ganforge_pipelines.report.aggregates import compare_columns
from ganforge_pipelines.report.evidence import DensityMap, Distances, PairGaps
from ganforge_pipelines.report.parts import Interval, Number
from ganforge_pipelines.report.regions import density_map

FEWEST = 10
"""Real rows of the rare class below which neither map nor pairs are drawn: they would show single rows."""
MOST = 5_000
"""Synthetic rows that maps and distances look at."""
_HALVINGS = 10
_BINS = 20


def shown_rows(
    rare: pd.DataFrame, synthetic: pd.DataFrame, unseen: pd.DataFrame, facts: Mapping[str, Any], *, seed: int
) -> dict[str, Any]:
    """Fields of `FraudReport`. rare: real rows of the rare class to train on; unseen: those held out."""
    schema = Schema.from_json(facts["schema"])
    features = Schema(tuple(each for each in schema if each.name != facts["target"]))
    rng = np.random.default_rng(seed)
    some = synthetic.iloc[rng.choice(len(synthetic), min(len(synthetic), MOST), replace=False)]
    columns, fidelity = _columns(rare, synthetic, features, seed=seed)
    made: dict[str, Any] = {"columns": columns, "fidelity": fidelity}
    if len(rare) >= FEWEST:
        space = RowSpace.of(rare, features)
        made["map"] = _map(space, rare, some, seed=seed)
        made["pairs"] = _pairs(rare, some, features, seed=seed)
        if len(unseen) >= 2:
            made["distances"] = _distances(space, some, unseen)
    return made


def _columns(rare: pd.DataFrame, synthetic: pd.DataFrame, features: Schema, *, seed: int) -> Any:
    """Each column against the real one, beside two halves of the real rows against each other."""
    distances = marginal_distances(synthetic, rare, schema=features).set_index("column")["distance"]
    floors = _floors(rare, features, seed=seed)
    columns = compare_columns(rare, synthetic, distances=distances.to_dict(), floors=floors)
    mean_floor = float(np.mean(list(floors.values()))) if floors else None
    fidelity = (
        Number(
            name="mean distance of a column",
            value=float(distances.mean()),
            floor=mean_floor,
            note="0: the same distribution; the floor is two halves of the real rows",
        ),
        Number(name="worst column", value=float(distances.max()), floor=max(floors.values(), default=None)),
    )
    return columns, fidelity


def _floors(rare: pd.DataFrame, features: Schema, *, seed: int) -> dict[str, float]:
    """Column → mean distance between two random halves of the real rows: what chance alone makes."""
    if len(rare) < 4:
        return {}
    found = [
        marginal_distances(one, other, schema=features).set_index("column")["distance"]
        for one, other in _halves(rare, seed=seed)
    ]
    return pd.concat(found, axis=1).mean(axis=1).to_dict()


def _halves(rare: pd.DataFrame, *, seed: int) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    rng, half = np.random.default_rng(seed), len(rare) // 2
    for _ in range(_HALVINGS):
        order = rng.permutation(len(rare))
        yield rare.iloc[order[:half]], rare.iloc[order[half : 2 * half]]


def _map(space: RowSpace, rare: pd.DataFrame, synthetic: pd.DataFrame, *, seed: int) -> DensityMap | None:
    real, made = space.points, space.place(synthetic)
    if real.shape[1] < 2:
        return None
    plane = PCA(n_components=2, random_state=seed).fit(real)
    kept = float(plane.explained_variance_ratio_.sum())
    return density_map(plane.transform(real), plane.transform(made), kept=kept, seed=seed)


def _pairs(rare: pd.DataFrame, synthetic: pd.DataFrame, features: Schema, *, seed: int) -> PairGaps | None:
    """Mean total variation of each pair's joint shares, the margins mended, against halves of the real rows.

    Synthetic rows are as many as the other half has, so that both sides of a comparison are as noisy; the bins are so
    wide that a cell of the pair's table holds more than a row or two.
    """
    rng, half = np.random.default_rng(seed), len(rare) // 2
    bins = int(np.clip(np.sqrt(half / 2), 3, 10))
    gaps, floors = [], []
    shares = None
    for one, other in _halves(rare, seed=seed):
        shares = PairShares.of(one, features, bins=bins)
        drawn = synthetic.iloc[rng.choice(len(synthetic), min(len(synthetic), len(other)), replace=False)]
        gaps.append(shares.distances(drawn, mend_margins=True))
        floors.append(shares.distances(other, mend_margins=True))
    if shares is None or len(shares.bins.schema) < 3:
        return None
    names = [column.name for column in shares.bins.schema]
    return PairGaps(
        names=names,
        gap=_square(shares.pairs, np.mean(gaps, axis=0), len(names)),
        floor=_square(shares.pairs, np.mean(floors, axis=0), len(names)),
        measure="Total variation of the two columns' joint shares once each column alone is put right, over "
        f"{_HALVINGS} halvings of the {len(rare):,} real rows.",
    )


def _square(pairs: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    square = np.zeros((n, n))
    square[pairs[:, 0], pairs[:, 1]] = square[pairs[:, 1], pairs[:, 0]] = values
    return square


def _distances(space: RowSpace, synthetic: pd.DataFrame, unseen: pd.DataFrame) -> Distances:
    made, true = space.distances(synthetic), space.distances(unseen)
    nearer = superiority(made, true)
    edges = np.linspace(0, max(float(np.quantile(each, 0.99)) for each in (made, true)) or 1.0, _BINS + 1)
    one, other = (np.histogram(np.clip(each, 0, edges[-1]), edges)[0] / len(each) for each in (made, true))
    return Distances(
        edges=edges.tolist(),
        synthetic=one.tolist(),
        held_out=other.tolist(),
        nearer=Interval(mean=nearer.share, low=nearer.low, high=nearer.high, level=nearer.level),
        n_held_out=len(unseen),
    )
