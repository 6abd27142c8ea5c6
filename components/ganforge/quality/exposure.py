"""Privacy: do synthetic rows give away the rows they were learned from? Every number beside rows held out.

    from ganforge import privacy
    found = privacy(training, synthetic, held_out)
    found.passed, found.sentence
    [gate.sentence for gate in found.gates if not gate.passed]

    copies         rows that equal a training row; held-out rows may do so, too, where columns are coarse
    near_copies    rows nearer to a training row than `NEAR` of the held-out rows are
    nearer         how often a synthetic row is nearer to its closest training row than a held-out row to its own
                   (.5: as a new sample of the population)
    membership     area under the ROC curve of the stronger of two attacks (`membership.py`)
    singling_out   risk that a rare combination of values points at one training row (`singling_out.py`)

A gate fails where a number is *surely* beyond its limit: the lower end of its 90 % interval counts, so that few rows do
not accuse. That cuts both ways: few rows acquit, too, and `notes` says so. Passing the gates is no proof of anonymity.
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
from ganforge.quality.closest import RowSpace
from ganforge.quality.coding import learned_columns, some_rows
from ganforge.quality.copies import exact_copies
from ganforge.quality.gates import Gate, limits
from ganforge.quality.membership import Membership, membership_attack
from ganforge.quality.singling_out import SinglingOut, singling_out
from ganforge.quality.two_sample import Superiority, superiority
from ganforge.quality.wording import figure, percent

PRIVACY_GATES: Mapping[str, float] = {
    "copies": 0.01,
    "near_copies": 0.1,
    "nearer": 0.6,
    "membership": 0.6,
    "singling_out": 0.1,
}
"""copies, near_copies: share of the synthetic rows beyond that of held-out ones. nearer, membership: an area under a
ROC curve, .5 being chance. singling_out: a risk, 0 being chance."""
NEAR = 0.05
"""Share of held-out rows that are nearer to a training row than a near copy may be."""
FEW = 100
"""Held-out rows below which a leak may go unseen."""
_BINS = 24


@dataclass(frozen=True, kw_only=True)
class Privacy:
    """What `privacy` found. Numbers that need held-out rows are None without them."""

    rows: dict[str, int]
    """training, synthetic, held_out: how many were given."""
    copies: float
    """Share of synthetic rows that equal a training row."""
    copies_held_out: float | None
    near_copies: float | None
    """Share of synthetic rows nearer to a training row than all but `NEAR` of the held-out rows."""
    near_copies_held_out: float | None
    distance: float
    """Median distance to the closest training row, see `closest.py` for the scale."""
    distance_held_out: float
    """Of held-out rows; without them, of training rows to their nearest other one."""
    nearer: Superiority
    neighbour_ratio: float
    """Median of distance to the closest training row over that to the second closest; small where rows hug one."""
    neighbour_ratio_held_out: float | None
    membership: Membership | None
    singling_out: SinglingOut | None
    histogram: dict[str, list[float]]
    """`edges` (B + 1,) of distances to the closest training row; shares of all rows `synthetic`, `held_out` (B,)."""
    gates: tuple[Gate, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return all(gate.passed for gate in self.gates)

    @property
    def sentence(self) -> str:
        """Is anyone exposed, as far as can be seen?"""
        failed = [gate.sentence for gate in self.gates if not gate.passed]
        if failed:
            return "Rows trained on are exposed: " + "; ".join(failed) + "."
        if self.membership is None:
            return (
                f"{percent(self.copies)} of the synthetic rows copy a real one; whether rows trained on can be found "
                "out needs rows that were held out."
            )
        return (
            f"Nothing shows that rows trained on are exposed: {percent(self.copies)} copies; an attack that guesses "
            f"who was trained on reaches {figure(self.membership.strongest.share)}, a coin .50."
        )

    def __str__(self) -> str:
        return "\n".join([self.sentence, *(f"  {'✓' if each.passed else '✗'} {each.sentence}" for each in self.gates)])

    def to_json(self) -> dict[str, Any]:
        """The fields by name, `passed` and `sentence` first; a `nearer` has `share`, `low`, `high`, `level`."""
        return {
            "passed": self.passed,
            "sentence": self.sentence,
            "rows": self.rows,
            "copies": self.copies,
            "copies_held_out": self.copies_held_out,
            "near_copies": self.near_copies,
            "near_copies_held_out": self.near_copies_held_out,
            "distance": self.distance,
            "distance_held_out": self.distance_held_out,
            "nearer": self.nearer.to_json(),
            "neighbour_ratio": self.neighbour_ratio,
            "neighbour_ratio_held_out": self.neighbour_ratio_held_out,
            "membership": None if self.membership is None else self.membership.to_json(),
            "singling_out": None if self.singling_out is None else self.singling_out.to_json(),
            "histogram": self.histogram,
            "gates": [gate.to_json() for gate in self.gates],
            "notes": list(self.notes),
        }


def privacy(
    real: pd.DataFrame | Table,
    synthetic: pd.DataFrame | Table,
    held_out: pd.DataFrame | Table | None = None,
    *,
    schema: Schema | None = None,
    gates: Mapping[str, float] | None = None,
    most_rows: int = 2_000,
    random_state: int = 0,
) -> Privacy:
    """Look for the rows that a generator was trained on in the rows that it made.

    Args:
        real: the rows it was trained on, all of them.
        synthetic: rows that it made.
        held_out: real rows of the same population that it has not seen. Without them there is nothing to hold most
            numbers against, and only copies and `nearer` have a gate (against training rows among themselves).
        schema: what each column is; inferred from the real rows when it is not given.
        gates: limits in place of `PRIVACY_GATES`.
        most_rows: synthetic and held-out rows, and rows attacked, that are looked at; drawn by `random_state`.

    Raises `UnknownNameError` for a column missing on one side or a gate that is none, `UnsuitableDataError` for fewer
    than 3 training rows or 2 of the others, `InputError` for what is no frame or has two columns of one name.
    """
    allowed, most_rows = limits(gates, PRIVACY_GATES), whole("most_rows", most_rows, least=2)
    random_state = seed_of(random_state)
    rng = np.random.default_rng(random_state)
    training, made = frame_of(real, source="real rows"), frame_of(synthetic, source="synthetic rows")
    kept = None if held_out is None else frame_of(held_out, source="rows held out")
    if len(training) < 3 or len(made) < 2 or (kept is not None and len(kept) < 2):
        raise UnsuitableDataError(
            "too few rows to look for anyone in; give at least 3 real ones and 2 on the other sides"
        )
    learned = learned_columns(training, schema)
    made = conform(made, learned, source="synthetic rows")
    kept = None if kept is None else conform(kept, learned, source="rows held out")
    space, notes = RowSpace.of(training, learned), []
    first, second = space.nearest_two(some_rows(made, most_rows, rng))
    copies = float(exact_copies(made, training, schema=learned).mean())
    attack = single = kept_copies = kept_ratio = near = kept_near = None
    if kept is None:
        others = space.distances_within()
        notes.append("no rows held out were given: distances are held against those among the training rows")
    else:
        others, others_second = space.nearest_two(some_rows(kept, most_rows, rng))
        kept_ratio, kept_copies = (
            _ratio(others, others_second),
            float(exact_copies(kept, training, schema=learned).mean()),
        )
        edge = np.quantile(others, NEAR, method="lower")
        near, kept_near = float((first <= edge).mean()), float((others <= edge).mean())
        options: dict[str, Any] = {"schema": learned, "random_state": random_state}
        attack = membership_attack(made, training, kept, most_rows=most_rows, **options)
        single = singling_out(made, training, kept, most_guesses=most_rows, **options)
        if len(kept) < FEW:
            notes.append(f"{len(kept)} rows were held out: a leak may go unseen; {FEW} tell more")
    nearer = superiority(first, others)
    found = {"copies": copies, "near": near, "nearer": nearer, "attack": attack, "single": single}
    return Privacy(
        rows={"training": len(training), "synthetic": len(made), "held_out": 0 if kept is None else len(kept)},
        copies=copies,
        copies_held_out=kept_copies,
        near_copies=near,
        near_copies_held_out=kept_near,
        distance=float(np.median(first)),
        distance_held_out=float(np.median(others)),
        nearer=nearer,
        neighbour_ratio=_ratio(first, second),
        neighbour_ratio_held_out=kept_ratio,
        membership=attack,
        singling_out=single,
        histogram=histogram(first, others),
        gates=_gates(found, allowed, sizes=(len(first), len(others)), floors=(kept_copies or 0.0, kept_near or 0.0)),
        notes=tuple(notes),
    )


def _ratio(first: np.ndarray, second: np.ndarray) -> float:
    """Median of first / second; two training rows that coincide are 1."""
    return float(np.median(np.divide(first, second, out=np.ones_like(first), where=second > 0)))


def histogram(first: np.ndarray, others: np.ndarray) -> dict[str, list[float]]:
    """Shares of distances by bin, of synthetic and of held-out ones; what lies beyond is in the last."""
    top = max(float(np.quantile(np.concatenate([first, others]), 0.99)), 1e-6)
    edges = np.linspace(0, top, _BINS + 1)
    shares = [np.histogram(np.minimum(each, top), edges)[0] / len(each) for each in (first, others)]
    return {"edges": edges.tolist(), "synthetic": shares[0].tolist(), "held_out": shares[1].tolist()}


def _gates(
    found: Mapping[str, Any], allowed: Mapping[str, float], *, sizes: tuple[int, int], floors: tuple[float, float]
) -> tuple[Gate, ...]:
    copies, nearer = max(found["copies"] - floors[0], 0.0), found["nearer"]
    beside = f", of other real rows {percent(floors[0])}" if floors[0] else ""
    made = [
        _gate(
            "copies",
            copies,
            copies,
            allowed["copies"],
            f"{percent(found['copies'])} of the rows copy a real one{beside}",
        ),
        nearer_gate(nearer, allowed["nearer"]),
    ]
    if found["near"] is not None:
        made.insert(1, near_copies_gate(found["near"], floors[1], sizes, allowed["near_copies"]))
    if found["attack"] is not None:
        attack, single = found["attack"].strongest, found["single"]
        told = f"an attack that guesses who was trained on reaches AUC {attack.share:.2f}, a coin .50"
        made.append(
            _gate("membership", attack.share, attack.low, allowed["membership"], told.replace("AUC 0.", "AUC ."))
        )
        told = (
            f"of {single.guesses:,} combinations of values that one synthetic row has, {single.hits:,} fit exactly one "
            f"row trained on, and {single.control_hits:,} exactly one of as many never seen"
        )
        made.append(_gate("singling_out", max(single.risk, 0.0), single.low, allowed["singling_out"], told))
    return tuple(made)


def near_copies_gate(near: float, kept: float, sizes: tuple[int, int], limit: float, *, what: str = "row") -> Gate:
    """near, kept: shares of the synthetic and the held-out ones that are near copies, of so many (`sizes`).

    Shut where they surely differ by more, by Agresti and Caffo's interval (2000, doi:10.1080/00031305.2000.10474560):
    a copy and a row that is none are added to each side, so that 2 of 2 is not taken for certain.
    """
    (made, made_rows), (other, other_rows) = (
        ((share * n + 1) / (n + 2), n + 2) for share, n in zip((near, kept), sizes, strict=True)
    )
    spread = made * (1 - made) / made_rows + other * (1 - other) / other_rows
    told = f"{percent(near)} of the {what}s nearly copy a real one, of other real {what}s {percent(kept)}"
    return _gate("near_copies", max(near - kept, 0.0), made - other - 1.645 * float(np.sqrt(spread)), limit, told)


def nearer_gate(nearer: Superiority, limit: float, *, what: str = "row") -> Gate:
    """How often a synthetic one is nearer to what was trained on than others are."""
    told = (
        f"a synthetic {what} is nearer to a {what} trained on than other real {what}s are in {percent(nearer.share)} "
        "of the cases, by chance in 50 %"
    )
    return _gate("nearer", nearer.share, nearer.low, limit, told)


def _gate(name: str, value: float, surely: float, limit: float, told: str) -> Gate:
    return Gate(name=name, value=float(value), limit=limit, passed=bool(surely <= limit), sentence=told)
