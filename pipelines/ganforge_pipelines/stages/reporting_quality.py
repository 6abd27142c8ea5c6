"""From `quality.json` to what a report shows of it: numbers beside their floors, pairs, distances, gates.

See `gating.py` for the form. Nothing of a row stands in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ganforge.quality.associations import CORRELATION, CRAMER, INFORMATION
from ganforge_pipelines.report.evidence import Distances, GateLine, PairGaps
from ganforge_pipelines.report.parts import Interval, Number

FIGURES = {
    "column distance": ("columns alone", "mean distance; 0 is the same distribution"),
    "pair distance": ("pairs of columns", "mean distance of joint shares; 0 is the same"),
    "association difference": ("how columns hang together", "mean difference of their correlations; 0 is the same"),
    "precision": ("plausible", "share of synthetic rows that lie where real ones do"),
    "recall": ("nothing left out", "share of real rows that lie where synthetic ones do"),
    "density": ("as dense as real ones", "1: as many real neighbours as expected"),
    "coverage": ("near a real row", "share of real rows with a synthetic row near them"),
    "two-sample AUC": ("told from real rows", "AUC of a classifier; .50: it cannot tell them apart"),
}
"""What a page calls the figures of fidelity, and how they are to be read; others keep their own name."""


def fidelity_numbers(quality: Mapping[str, Any]) -> tuple[Number, ...]:
    """All columns at once, each number beside the same of real rows held out."""
    return tuple(
        Number(
            name=FIGURES.get(each["name"], (each["name"], ""))[0],
            value=each["value"],
            floor=each["floor"],
            low=None if each["interval"] is None else each["interval"][0],
            high=None if each["interval"] is None else each["interval"][1],
            note=FIGURES.get(each["name"], ("", ""))[1],
        )
        for each in quality["fidelity"]["figures"]
    )


def pair_gaps(quality: Mapping[str, Any], names: Sequence[str]) -> PairGaps | None:
    """How differently each pair of columns hangs together, beside real rows held out."""
    pairs = quality["fidelity"]["pairs"]
    known = [name for name in names if any(name in (each["first"], each["second"]) for each in pairs)]
    if len(known) < 3:
        return None
    place = {name: k for k, name in enumerate(known)}
    gap, floor = np.zeros((len(known),) * 2), np.zeros((len(known),) * 2)
    for each in pairs:
        a, b = place[each["first"]], place[each["second"]]
        gap[a, b] = gap[b, a] = each["difference"]
        floor[a, b] = floor[b, a] = each["floor"]
    worst = max(pairs, key=lambda each: each["difference"] - each["floor"])
    return PairGaps(
        names=known,
        gap=gap,
        floor=floor,
        measure=f"Difference of {CORRELATION}, {CRAMER} or {INFORMATION}, as the kinds of the columns ask for.",
        worst=(
            (worst["first"], worst["second"]),
            worst["measure"],
            (worst["synthetic"], worst["real"], worst["held_out"]),
        ),
    )


def distances(quality: Mapping[str, Any], *, what: str, axis: str) -> Distances | None:
    """Distances to the closest real record, beside those of `others`; None where there are none."""
    exposed = quality["privacy"]
    shares, nearer = exposed["histogram"], exposed["nearer"]
    if not shares.get("held_out"):
        return None
    return Distances(
        edges=shares["edges"],
        synthetic=shares["synthetic"],
        held_out=shares["held_out"],
        nearer=Interval(mean=nearer["share"], low=nearer["low"], high=nearer["high"], level=nearer["level"]),
        n_held_out=exposed["rows"]["held_out"] or exposed["rows"]["training"],
        among_trained=not exposed["rows"]["held_out"],
        what=what,
        axis=axis,
    )


def others(quality: Mapping[str, Any], *, what: str) -> str:
    """Which real ones the distances are held against: those held out, or where these are too few, those trained on."""
    if quality["privacy"]["rows"]["held_out"]:
        return f"{what}s held out"
    return f"{what}s trained on to the nearest other one"


def exposure(quality: Mapping[str, Any]) -> tuple[Number, ...]:
    """Numbers of privacy, each beside what rows held out reach."""
    exposed = quality["privacy"]
    made = [
        Number(
            name="near copies",
            value=exposed["near_copies"],
            floor=exposed["near_copies_held_out"],
            unit="share",
            note="nearer to a training row than 95 % of the rows held out are",
        )
        if exposed["near_copies"] is not None
        else None,
        Number(
            name="distance to the closest record",
            value=exposed["distance"],
            floor=exposed["distance_held_out"],
            note=f"median; below that of {others(quality, what='row')} would be too near",
        ),
    ]
    attack = exposed.get("membership")
    if attack is not None:
        strongest = max(
            (each for each in (attack["nearest"], attack["calibrated"]) if each), key=lambda each: each["low"]
        )
        made.append(
            Number(
                name="attack: who was trained on?",
                value=strongest["share"],
                low=strongest["low"],
                high=strongest["high"],
                floor=0.5,
                note=f"AUC of the stronger of two attacks, on {attack['members']:,} rows; beside it a coin",
            )
        )
    single = exposed.get("singling_out")
    if single is not None:
        made.append(
            Number(
                name="attack: singled out",
                value=single["risk"],
                low=single["low"],
                high=single["high"],
                floor=0.0,
                note=f"of {single['guesses']:,} guesses {single['hits']:,} hit a row trained on, "
                f"{single['control_hits']:,} one held out",
            )
        )
    return tuple(each for each in made if each is not None)


def gate_lines(quality: Mapping[str, Any]) -> tuple[GateLine, ...]:
    """Every gate with its limit; those that failed first."""
    ordered = sorted(quality["gates"], key=lambda each: each["passed"])
    return tuple(
        GateLine(
            name=each["name"].replace("_", " "),
            value=each["value"],
            limit=each["limit"],
            passed=each["passed"],
            sentence=each["sentence"],
        )
        for each in ordered
    )


def exposed_in_words(quality: Mapping[str, Any]) -> str:
    """Whether anybody is exposed, as far as this can tell, and what it could not see."""
    exposed = quality["privacy"]
    notes = [f"{each}." for each in exposed["notes"]]
    return " ".join([exposed.get("sentence", quality["sentence"]), *notes])
