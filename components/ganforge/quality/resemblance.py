"""Fidelity: are synthetic rows like real ones, and where are they not? Every number beside its noise floor.

    from ganforge import fidelity
    found = fidelity(training, synthetic, held_out, target="income")
    print(found)                    # a sentence, then the columns that came out worst
    found.columns[0].sentence       # amount: synthetic rows have too few at or below 5 (34 %, the real ones 46 %); …

Two samples of one population are not the same either. So what synthetic rows reach against the real ones stands beside
what as many real rows reach that were held out, and the ratio of the two says how far off is far. The rows held out are
never compared with the synthetic ones, except as test rows of a model (`target`): they set the floor alone.

Cost is bounded: at most `most_rows` rows a side, `PRDC_ROWS` and `TOLD_APART` where all are compared with all or models
are trained, 500 pairs of columns; which ones is a matter of `random_state`. Where one side has more rows than are
compared, numbers of columns and pairs are means over three draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.schema import Schema
from ganforge.data.table import Table, conform, frame_of
from ganforge.errors import UnsuitableDataError
from ganforge.parameters import seed_of, whole
from ganforge.quality.associations import PairFidelity, pairs_beside
from ganforge.quality.behaviour import Behaviour, PaymentColumns, behaviour
from ganforge.quality.closest import RowSpace
from ganforge.quality.coding import learned_columns, some_rows
from ganforge.quality.gates import Gate, limits
from ganforge.quality.margins import ColumnFidelity, columns_beside
from ganforge.quality.prdc import NEIGHBOURS, prdc
from ganforge.quality.two_sample import two_sample_auc
from ganforge.quality.usefulness import Usefulness, train_on_synthetic
from ganforge.quality.wording import figure, percent, ratio, times

FIDELITY_GATES: Mapping[str, float] = {"column_distance": 0.25, "coverage": 0.05}
"""column_distance: how far columns may lie above their floor, on average. coverage: the least share of the
floor's: in 30 dimensions rows that teach nearly what real ones teach cover a fifth. Wide: they stop a generator that
has broken down; whether rows help is for `judge` to say."""
NOTABLE = 0.05
"""How far above its floor a column or a pair must lie to be named in the sentence."""
PRDC_ROWS = 1_500
TOLD_APART = 3_000
FEWEST = 20
"""Rows a side below which no classifier tells anything."""
_DRAWS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One number about all columns at once, beside its floor."""

    name: str
    value: float
    floor: float
    """The same of as many real rows that were held out."""
    higher_is_better: bool
    sentence: str
    interval: tuple[float, float] | None = None
    """90 %, where there is one."""
    floor_interval: tuple[float, float] | None = None

    @property
    def ratio(self) -> float | None:
        """value / floor; None where the floor is 0."""
        return ratio(self.value, self.floor)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": self.value,
            "floor": self.floor,
            "ratio": self.ratio,
            "higher_is_better": self.higher_is_better,
            "interval": None if self.interval is None else list(self.interval),
            "floor_interval": None if self.floor_interval is None else list(self.floor_interval),
            "sentence": self.sentence,
        }


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """What `fidelity` found. `str()` of it is the sentence and the five columns that came out worst."""

    compared: int
    """Synthetic rows, and held-out rows, in each comparison."""
    real: int
    """Real rows they were compared with, at most."""
    figures: tuple[Measured, ...]
    columns: tuple[ColumnFidelity, ...]
    """All learned columns, those first that lie furthest above their floor."""
    pairs: tuple[PairFidelity, ...]
    """Pairs of columns, likewise."""
    usefulness: Usefulness | None
    """Train on synthetic rows, test on real ones; None without a target that varies on all sides."""
    behaviour: Behaviour | None
    """Of payments; None where no columns of payments were named."""
    gates: tuple[Gate, ...]
    notes: tuple[str, ...] = ()
    """What could not be measured, and why."""

    def __getitem__(self, name: str) -> Measured:
        """The figure of that name: `fidelity(…)["coverage"].value`."""
        for each in self.figures:
            if each.name == name:
                return each
        raise KeyError(name)

    @property
    def worst(self) -> ColumnFidelity:
        """The column that lies furthest above its floor."""
        return self.columns[0]

    @property
    def passed(self) -> bool:
        return all(gate.passed for gate in self.gates)

    @property
    def sentence(self) -> str:
        """All of it in one or two plain sentences."""
        told, worst = [self["column distance"].sentence], self.worst
        if worst.distance - worst.floor > NOTABLE:
            told[0] += f"; {worst.column} stands out"
        if self.pairs and self.pairs[0].joint - self.pairs[0].joint_floor > NOTABLE:
            pair = self.pairs[0]
            told.append(f"Of pairs, {pair.first} and {pair.second} hang together least as they should")
        told += [each.sentence for each in self.figures if each.name in ("two-sample AUC", "coverage")]
        if self.usefulness is not None:
            told.append(self.usefulness.sentence)
        return ". ".join(told) + "."

    def __str__(self) -> str:
        return "\n".join([self.sentence, *(f"  {each.sentence}" for each in self.columns[:5])])

    def to_json(self) -> dict[str, Any]:
        """`compared`, `real`, `sentence`, `figures`, `columns`, `pairs`, `usefulness`, `behaviour`, `gates`, `notes`:
        the fields of the classes, each with its `ratio`."""
        return {
            "compared": self.compared,
            "real": self.real,
            "sentence": self.sentence,
            "figures": [each.to_json() for each in self.figures],
            "columns": [each.to_json() for each in self.columns],
            "pairs": [each.to_json() for each in self.pairs],
            "usefulness": None if self.usefulness is None else self.usefulness.to_json(),
            "behaviour": None if self.behaviour is None else self.behaviour.to_json(),
            "gates": [each.to_json() for each in self.gates],
            "notes": list(self.notes),
        }


def fidelity(
    real: pd.DataFrame | Table,
    synthetic: pd.DataFrame | Table,
    held_out: pd.DataFrame | Table | None = None,
    *,
    target: str | None = None,
    payments: PaymentColumns | None = None,
    schema: Schema | None = None,
    gates: Mapping[str, float] | None = None,
    most_rows: int = 5_000,
    random_state: int = 0,
) -> Fidelity:
    """Hold synthetic rows against real ones, column by column, pair by pair and as a whole.

    Args:
        real: rows that the generator was trained on.
        synthetic: rows that it made.
        held_out: real rows of the same population that it has not seen; without them the real rows are halved, and
            one half sets the floor for the other.
        target: the column that a model learns from synthetic rows and is tested on in held-out ones.
        payments: which columns say who paid, where, when and how much: then behaviour in time is compared, too.
        schema: what each column is; inferred from the real rows when it is not given.
        gates: limits in place of `FIDELITY_GATES`.
        most_rows: rows of each side that are looked at.

    Raises `UnknownNameError` for a column that is missing on one side or a target that is none, `UnsuitableDataError`
    for fewer than 4 rows on a side, `InputError` for what is no
    frame or has two columns of one name.
    """
    allowed, most_rows = limits(gates, FIDELITY_GATES), whole("most_rows", most_rows, least=4)
    random_state = seed_of(random_state)
    rng = np.random.default_rng(random_state)
    true, synthetic = frame_of(real, source="real rows"), frame_of(synthetic, source="synthetic rows")
    learned = learned_columns(true, schema)
    if target is not None:
        learned[target]  # refused before anything is computed
    given = (true, synthetic, None if held_out is None else frame_of(held_out, source="rows held out"))
    notes = []
    if given[2] is None:
        order = rng.permutation(len(true))
        true, others = true.iloc[order[::2]], true.iloc[order[1::2]]
        notes.append("no rows held out were given: one half of the real rows is the floor for the other")
    else:
        others = given[2]
    n = min(len(synthetic), len(others), most_rows)
    if n < 4 or len(true) < 4:
        raise UnsuitableDataError(f"{min(n, len(true))} rows on a side tell nothing; give at least 4 on each")
    true, synthetic, others = (  # before rows are drawn, so that a message names the row that was given
        conform(each, learned, source=which)
        for each, which in ((true, "real rows"), (synthetic, "synthetic rows"), (others, "rows held out"))
    )
    true, made, kept = some_rows(true, most_rows, rng), _draws(synthetic, n, rng), _draws(others, n, rng)
    columns = columns_beside(true, made, kept, learned)
    pairs = pairs_beside(true, made, kept, learned, random_state=random_state)
    figures = [_mean_column(columns), *_mean_pairs(pairs), *_prdc(true, made[0], kept[0], learned, rng)]
    figures += _told_apart(true, made[0], kept[0], learned, random_state, notes)
    useful = None
    if target is not None:
        try:
            same = some_rows(true, n, rng)
            useful = train_on_synthetic(made[0], same, kept[0], target, learned, random_state=random_state)
        except UnsuitableDataError as error:
            notes.append(f"nothing was trained to predict {target}: {error}")
    return Fidelity(
        compared=n,
        real=len(true),
        figures=tuple(figures),
        columns=columns,
        pairs=pairs,
        usefulness=useful,
        behaviour=None if payments is None else behaviour(*given, payments, random_state=random_state),
        gates=_gates(columns, figures, allowed),
        notes=tuple(notes),
    )


def _draws(frame: pd.DataFrame, n: int, rng: np.random.Generator) -> list[pd.DataFrame]:
    return [some_rows(frame, n, rng) for _ in range(1 if len(frame) == n else _DRAWS)]


def _mean_column(columns: tuple[ColumnFidelity, ...]) -> Measured:
    value, floor = (float(np.mean([getattr(each, name) for each in columns])) for name in ("distance", "floor"))
    return Measured(
        name="column distance",
        value=value,
        floor=floor,
        higher_is_better=False,
        sentence=(
            f"Columns alone are {figure(value)} off on average, other real rows {figure(floor)}: {times(value, floor)}"
        ),
    )


def _mean_pairs(pairs: tuple[PairFidelity, ...]) -> list[Measured]:
    figures = []
    for name, (made, kept), what in (
        ("pair distance", ("joint", "joint_floor"), "The joint shares of two columns"),
        ("association difference", ("difference", "floor"), "Correlations and other associations of two columns"),
    ):
        if pairs:
            value, floor = (float(np.mean([getattr(each, field) for each in pairs])) for field in (made, kept))
            told = f"{what} are {figure(value)} off on average, other real rows {figure(floor)}: {times(value, floor)}"
            figures.append(Measured(name=name, value=value, floor=floor, higher_is_better=False, sentence=told))
    return figures


def _prdc(
    real: pd.DataFrame, made: pd.DataFrame, kept: pd.DataFrame, schema: Schema, rng: np.random.Generator
) -> list[Measured]:
    """As many rows on all three sides: balls grow as rows get fewer."""
    space, n = RowSpace.of(real, schema), min(len(real), len(made), PRDC_ROWS)
    points = [space.place(some_rows(each, n, rng), conformed=True) for each in (real, made, kept)]
    k = min(NEIGHBOURS, max(1, n // 10))  # of few rows, five neighbours are everybody
    value, floor = (prdc(points[0], each, k=k).to_json() for each in points[1:])
    words = {
        "precision": "{} of the synthetic rows lie where real rows are",
        "recall": "{} of the real rows lie where synthetic rows are",
        "density": "A synthetic row has {} times the real neighbours that would be expected",
        "coverage": "{} of the real rows have a synthetic row near them",
    }
    return [
        Measured(
            name=name,
            value=value[name],
            floor=floor[name],
            higher_is_better=True,
            sentence="{}, other real rows: {}".format(
                *(
                    text.format(figure(number) if name == "density" else percent(number))
                    for text, number in ((told, value[name]), ("{}", floor[name]))
                )
            ),
        )
        for name, told in words.items()
    ]


def _told_apart(
    real: pd.DataFrame, made: pd.DataFrame, kept: pd.DataFrame, schema: Schema, seed: int, notes: list[str]
) -> list[Measured]:
    n = min(len(real), len(made), len(kept), TOLD_APART)
    if n < FEWEST:
        notes.append(f"{n} rows a side are too few for a classifier to tell synthetic from real ones; {FEWEST} are")
        return []
    options: dict[str, Any] = {"schema": schema, "folds": min(3, n // 10), "most_rows": n, "random_state": seed}
    value, floor = (two_sample_auc(each, real, **options) for each in (made, kept))
    told = (
        f"A classifier tells synthetic rows from real ones with AUC {figure(value.share)} ({figure(value.low)}–"
        f"{figure(value.high)}), other real rows with {figure(floor.share)}; .50 is not at all"
    )
    return [
        Measured(
            name="two-sample AUC",
            value=value.share,
            floor=floor.share,
            higher_is_better=False,
            sentence=told,
            interval=(value.low, value.high),
            floor_interval=(floor.low, floor.high),
        )
    ]


def _gates(
    columns: tuple[ColumnFidelity, ...], figures: list[Measured], allowed: Mapping[str, float]
) -> tuple[Gate, ...]:
    named = {each.name: each for each in figures}
    coverage = named["coverage"]
    above = float(np.mean([max(each.distance - each.floor, 0.0) for each in columns]))
    share = coverage.ratio if coverage.ratio is not None else 1.0
    return (
        Gate(
            name="column_distance",
            value=above,
            limit=allowed["column_distance"],
            passed=above <= allowed["column_distance"],
            sentence=f"columns lie {figure(above)} above their floor on average, "
            f"up to {figure(allowed['column_distance'])} may be",
        ),
        Gate(
            name="coverage",
            value=share,
            limit=allowed["coverage"],
            passed=share >= allowed["coverage"],
            sentence=f"synthetic rows cover {figure(share)} of what other real rows do, "
            f"at least {figure(allowed['coverage'])} must be",
        ),
    )
