"""The gate between `sample` and `classify`: `quality.json`, and what follows when it does not open.

    passed      bool: may the synthetic rows go on?
    sentence    "The rows pass the gate." or "The rows do not pass the gate: 12 % of the rows copy a real one. They
                are left out."
    gates       a list of {name, value, limit, passed, sentence}: those of fidelity and of privacy, or of pictures
    compared    {what, real, synthetic, held_out, copies_dropped}: what was held against what, how many rows there were
                of each, and how many exact copies had been dropped before (of pictures none are)
    fidelity    `Fidelity.to_json()`, see `ganforge.quality.resemblance`; null for pictures, and, as
                `privacy` is, for fewer than four rows: of those nothing can be said, and the gate stays shut
                figures    [{name, value, floor, ratio, higher_is_better, interval, floor_interval, sentence}]
                columns    the worst first: [{column, kind, measure, distance, floor, ratio, sentence}]
                pairs      the worst first: [{first, second, measure, real, synthetic, held_out, difference, floor,
                           joint, joint_floor, ratio, sentence}]; `joint` is what a heat map shows
                and        compared, real, sentence, usefulness, behaviour, gates, notes
    privacy     `Privacy.to_json()`, see `ganforge.quality.exposure`; of pictures what applies to them
                histogram  {edges, synthetic, held_out}: distances to the closest record, shares of all rows
                and        passed, sentence, rows, copies, near_copies, distance, nearer, neighbour_ratio, membership,
                           singling_out, each beside its …_held_out, gates, notes

No value of a row stands in it, but rounded places of numbers and names of categories that ten real rows have. Held out
are rows of the test part: they set the floor, and are what an attack on privacy tries beside rows trained on. Nothing
is fitted to them, no synthetic row is made or dropped by them, and no classifier is tested here: what `classify`
reaches on the test part later is reached on rows that chose nothing but whether the generator is fit for use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ganforge.data.schema import Schema
from ganforge.downstream.arms import NONE, beats
from ganforge.downstream.sentence import display_name
from ganforge.quality.exposure import PRIVACY_GATES, privacy
from ganforge.quality.gates import Gate
from ganforge.quality.picture_exposure import picture_privacy
from ganforge.quality.resemblance import FIDELITY_GATES, fidelity

FEWEST = 10
"""Rows held out below which the real rows are halved for a floor instead."""
FEWEST_MADE = 4
"""Synthetic rows below which nothing can be said about them: they are not trained on."""


def gate_rows(
    real: pd.DataFrame,
    synthetic: pd.DataFrame,
    held_out: pd.DataFrame,
    *,
    schema: Schema,
    what: str,
    gates: Mapping[str, float],
    seed: int,
    copies_dropped: int = 0,
) -> dict[str, Any]:
    """`quality.json` of a table: synthetic rows of the rare class against the real ones of it.

    real: those trained on. held_out: those of the test part. schema: the columns to compare. gates: limits by name.
    copies_dropped: exact copies that were drawn, and are not among `synthetic`.

    Fewer than `FEWEST_MADE` synthetic rows do not pass. Each gate asks whether a number is surely beyond its limit, and
    with one or two rows none ever is, were they a customer's row with another cent. What cannot be looked at is not let
    through; of so few rows a classifier learns next to nothing.
    """
    unseen = held_out if len(held_out) >= FEWEST else None
    compared = {
        "what": what,
        "real": len(real),
        "synthetic": len(synthetic),
        "held_out": 0 if unseen is None else len(unseen),
        "copies_dropped": copies_dropped,
    }
    if len(synthetic) < FEWEST_MADE:
        made, left = ("1 row was", "It is") if len(synthetic) == 1 else (f"{len(synthetic)} rows were", "They are")
        sentence = f"Only {made} made, and fewer than {FEWEST_MADE} cannot be held against a gate. {left} left out."
        shut = {"passed": False, "sentence": sentence, "gates": []}
        return {**shut, "compared": compared, "fidelity": None, "privacy": None}
    options: dict[str, Any] = {"schema": schema, "random_state": seed}
    alike = fidelity(real, synthetic, unseen, gates={k: gates[k] for k in FIDELITY_GATES}, **options)
    exposed = privacy(real, synthetic, unseen, gates={k: gates[k] for k in PRIVACY_GATES}, **options)
    return {
        **_opening((*alike.gates, *exposed.gates), noun="rows"),
        "compared": compared,
        "fidelity": alike.to_json(),
        "privacy": exposed.to_json(),
    }


def gate_pictures(
    real: np.ndarray, synthetic: np.ndarray, pool: np.ndarray, *, gates: Mapping[str, float], seed: int
) -> dict[str, Any]:
    """`quality.json` of pictures (N, C, H, W) uint8: is any a copy of one trained on?

    real: those trained on. pool: all that are not held out for the test; those of it that are not among `real` are the
    baseline.
    """
    known = {each.tobytes() for each in real}
    unseen = pool[[each.tobytes() not in known for each in pool]]
    exposed = picture_privacy(
        real, synthetic, unseen if len(unseen) >= FEWEST else None, gates=gates, random_state=seed
    )
    return {
        **_opening(exposed.gates, noun="pictures"),
        "compared": {"what": "pictures", "real": len(real), "synthetic": len(synthetic), "held_out": len(unseen)},
        "fidelity": None,
        "privacy": exposed.to_json(),
    }


def _opening(gates: tuple[Gate, ...], *, noun: str) -> dict[str, Any]:
    failed = [each.sentence for each in gates if not each.passed]
    sentence = f"The {noun} pass the gate."
    if failed:
        sentence = f"The {noun} do not pass the gate: {'; '.join(failed)}. They are left out."
    return {"passed": not failed, "sentence": sentence, "gates": [each.to_json() for each in gates]}


def followed(verdict: Mapping[str, Any], quality: Mapping[str, Any]) -> dict[str, Any]:
    """The verdict as it is acted on: where it recommends synthetic data and the gate is shut, the simplest sufficient
    arm without them takes their place, and `sentence` says so before it says what the folds did; anything else
    stays."""
    if quality["passed"] or not verdict["arms"][verdict["recommended"]]["synthetic"]:
        return dict(verdict)
    seat = verdict["seat"]
    arm = verdict["arms"][seat]
    name = "nothing" if seat == NONE else display_name(seat)
    instead = f"{name[0].upper()}{name[1:]} {'take' if seat.endswith('s') else 'takes'} their place."
    over_folds = f"Over the folds: {verdict['sentence'].removeprefix('Augment. ')}"
    return {
        **verdict,
        "recommended": seat,
        "sentence": f"{quality['sentence']} {instead} {over_folds}",
        "classifier": arm["classifier"],
        "beats_guessing": beats(arm["folds"], verdict["base_rate"], verdict["test_to_train"], verdict["level"]),
    }
