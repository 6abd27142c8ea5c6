"""Whether a new model becomes champion: only if it beats the present one on rows that neither was trained on.

    rows held out today  −  rows that the champion's fingerprints know  ─▶  both models score  ─▶  a Gain  ─▶  Decision

Rows held out were never trained on by the new model, but by the champion perhaps: data grow from night to night, and
another seed splits them anew. Too few rows that are new to both, other columns, a champion that cannot score these
rows: then the new one is challenger, and the reason says so. The test is `ganforge.downstream.paired`'s, its region of
practical equivalence and its certainty are the verdict's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ganforge.downstream.paired import Gain
from ganforge.downstream.posteriors import ROPE, SURE
from ganforge.errors import GanforgeError
from ganforge_pipelines.lineage.addresses import without_password
from ganforge_pipelines.lineage.records import Champion, champion_of, fetch_artifact, fetch_version
from ganforge_pipelines.lineage.scoring import Scorer, load_scorer
from ganforge_pipelines.report.wording import probability, score
from ganforge_pipelines.stages.rows import ENTITY, SEEN, not_seen

FEWEST_UNSEEN = 10
"""Positives new to both models below which nothing is compared; as many as it takes to judge anything."""
FEWEST_PICTURES = 50
"""The same of pictures, where every one of them tells who is right."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What becomes of a new version, and why in one sentence."""

    promote: bool
    reason: str
    against: int | None = None
    """The champion's version at that time."""
    gain: Gain | None = None
    """None where nothing was compared."""
    unseen: int | None = None
    """Rows held out that are new to both models."""

    def to_json(self) -> dict[str, Any]:
        return {
            "promote": self.promote,
            "reason": self.reason,
            "against": self.against,
            "unseen": self.unseen,
            "gain": None if self.gain is None else self.gain.to_json(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Decision:
        gain = document["gain"]
        return cls(**{**document, "gain": None if gain is None else Gain(**gain)})


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """What both models are to be held against each other on."""

    rows: pd.DataFrame
    """Lines of rows.parquet of the part held out, in its order."""
    fingerprinted: str
    measure: str
    """What the sentence calls it: "average precision"."""
    whom: str
    """What is counted, with its noun: "rows with is_fraud=1"."""
    counts: np.ndarray
    """(N,) bool: which rows count for there being enough of them."""
    fewest: int
    gain: Callable[[Scorer, np.ndarray, np.ndarray | None], Gain]
    """(the champion, rows that are new to both (N,) bool, their entities) → the new model against it."""


def decide(root: Path, name: str, *, good: bool, why: str, why_not: str, held_out: HeldOut | None) -> Decision:
    """Champion or challenger.

    good: whether the new model beats guessing. why: that in words; why_not: what it does not do, without its subject
    ("does not beat guessing"). held_out: None where nothing can be measured, for want of a label.
    """
    champion = champion_of(root, name)
    if champion is None:
        return Decision(promote=good, reason=f"the first, there was no other; {why}" if good else f"it {why_not}")
    if not good:
        return _stays(champion, f"the new one {why_not}")
    if held_out is None:
        return _stays(champion, f"{why}, so that nobody can say which is better")
    with tempfile.TemporaryDirectory() as folder:
        try:
            seen = fetch_artifact(root, champion.run_id, f"rows/{SEEN}", Path(folder)) if champion.run_id else None
            if seen is None:
                return _stays(champion, f"version {champion.version} does not tell which rows it was trained on")
            unseen = not_seen(seen, held_out.rows, held_out.fingerprinted)
            if unseen is None:
                told = "these data have other columns, so that it cannot be told which rows it was trained on"
                return _stays(champion, told)
            enough = int(held_out.counts[unseen].sum())
            if enough < held_out.fewest:
                told = (
                    f"of {int(held_out.counts.sum()):,} {held_out.whom} held out {enough:,} are new to version "
                    f"{champion.version}, and it takes {held_out.fewest} to compare"
                )
                return _stays(champion, told, unseen=int(unseen.sum()))
            scorer = load_scorer(fetch_version(root, name, champion.version, Path(folder)))
            entity = held_out.rows[ENTITY].to_numpy()[unseen]
            entity = entity if len(np.unique(entity)) < len(entity) else None
            gain = held_out.gain(scorer, unseen, entity)
        except GanforgeError as error:
            why = without_password(str(error))
            return _stays(champion, f"version {champion.version} could not be held against the new one ({why})")
    return _concluded(champion, gain, held_out, int(unseen.sum()), enough)


def _stays(champion: Champion, why: str, *, unseen: int | None = None) -> Decision:
    return Decision(
        promote=False,
        reason=f"version {champion.version} stays champion: {why}",
        against=champion.version,
        unseen=unseen,
    )


def _concluded(champion: Champion, gain: Gain, held_out: HeldOut, unseen: int, enough: int) -> Decision:
    figures = (
        f"{held_out.measure} {score(gain.new)} against {score(gain.former)} of version {champion.version} on "
        f"{enough:,} {held_out.whom} that neither has seen"
    )
    promote = gain.better >= SURE
    if promote:
        reason = f"{figures}: better by more than {_bar(ROPE)} with {probability(gain.better)}"
    elif gain.worse >= SURE:
        reason = f"version {champion.version} stays champion: {figures}, which is worse with {probability(gain.worse)}"
    else:
        reason = (
            f"version {champion.version} stays champion: {figures}: better by more than {_bar(ROPE)} with "
            f"{probability(gain.better)}, and it takes {_bar(SURE)}"
        )
    return Decision(promote=promote, reason=reason, against=champion.version, gain=gain, unseen=unseen)


def _bar(value: float) -> str:
    """What has to be passed, as it was set: .01, .9."""
    return f"{value:g}".removeprefix("0")
