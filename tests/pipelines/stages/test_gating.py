"""The gate: what is written, what it stops, and what the answer then says."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ganforge.data.schema import Schema
from ganforge.data.toy import toy_images, toy_payments
from ganforge.downstream.augmenting import SyntheticPositives
from ganforge.errors import InputError
from ganforge.quality.exposure import PRIVACY_GATES
from ganforge.quality.resemblance import FIDELITY_GATES
from ganforge.synthesis.ctgan import CTGAN
from ganforge_pipelines.stages import fraud
from ganforge_pipelines.stages.gating import followed, gate_pictures, gate_rows
from ganforge_pipelines.stages.running import run_stage
from ganforge_pipelines.workspace.parameters import RANGES, defaults, resolve

GATES = {**FIDELITY_GATES, **PRIVACY_GATES}


def test_the_parameters_are_the_gates_with_their_defaults():
    assert defaults()["fraud"]["sample"]["gates"] == GATES
    assert all(f"sample.gates.{name}" in RANGES for name in GATES)
    with pytest.raises(InputError, match="between 0 and 1"):
        resolve({}, overrides={"sample.gates.copies": 7}, flow="fraud")


def gated(made: pd.DataFrame, held_out: int = 60) -> dict:
    rows = toy_payments(200, seed=0).sample(frac=1, random_state=0).drop(columns="is_fraud")
    real, kept = rows.iloc[:100], rows.iloc[100 : 100 + held_out]
    made = real if made is None else made
    schema = Schema(tuple(each for each in Schema.infer(real) if each.learned))
    found = gate_rows(real, made, kept, schema=schema, what="rows with is_fraud=1", gates=GATES, seed=0)
    return json.loads(json.dumps(found, allow_nan=False))


def test_new_rows_pass_and_copies_do_not():
    fine = gated(toy_payments(100, seed=5))
    assert fine["passed"], fine["sentence"]
    assert fine["sentence"] == "The rows pass the gate."
    counts = {"real": 100, "synthetic": 100, "held_out": 60, "copies_dropped": 0}
    assert fine["compared"] == {"what": "rows with is_fraud=1", **counts}
    assert {each["name"] for each in fine["gates"]} == set(GATES)
    copied = gated(None)
    assert not copied["passed"]
    assert copied["sentence"].startswith("The rows do not pass the gate: 100 % of the rows copy a real one; ")
    assert copied["sentence"].endswith("Nothing was augmented.")


def test_with_few_rows_held_out_the_real_ones_are_halved():
    found = gated(toy_payments(100, seed=5), held_out=4)
    assert found["compared"]["held_out"] == 0
    assert found["privacy"]["membership"] is None
    assert "one half of the real rows" in found["fidelity"]["notes"][0]


def test_a_row_or_two_are_not_judged():
    found = gated(toy_payments(3, seed=5))
    assert found["passed"]
    assert found["fidelity"] is found["privacy"] is None
    assert found["sentence"] == "3 rows are too few to be held against a gate."


def test_pictures_that_the_generator_has_not_seen_are_the_baseline():
    pixels = toy_images(80, classes=2, size=28, seed=0).pixels
    found = gate_pictures(pixels[:40], pixels[:30], pixels, gates={}, seed=0)
    assert found["compared"]["held_out"] == 40
    assert not found["passed"]
    assert "of the pictures nearly copy a real one" in found["sentence"]
    assert gate_pictures(pixels[:40], pixels[40:60], pixels[:40], gates={}, seed=0)["privacy"]["notes"]


@pytest.mark.parametrize(("passed", "recommended", "acted"), [(True, "ctgan", "ctgan"), (False, "ctgan", "none"),
                                                              (False, "class weights", "class weights")])  # fmt: skip
def test_a_shut_gate_stops_synthetic_rows_alone(passed, recommended, acted):
    arms = {"none": {"synthetic": False}, "class weights": {"synthetic": False}, "ctgan": {"synthetic": True}}
    verdict = {"recommended": recommended, "sentence": "Augment.", "arms": arms}
    quality = {"passed": passed, "sentence": "The rows do not pass the gate: X. Nothing was augmented."}
    found = followed(verdict, quality)
    assert found["recommended"] == acted
    assert (found["sentence"] == "Augment.") == (acted == recommended)
    assert verdict["recommended"] == recommended


def test_rows_that_fail_are_not_trained_on(workspace, monkeypatch):
    """A generator that knows the frauds by heart, cents apart so that no row is dropped as a copy."""
    monkeypatch.setattr(fraud, "load_model", lambda path: None)

    def by_heart(generator, real, target, *, rows, **options) -> SyntheticPositives:
        rare = real.frame[real.frame[target] == 1]
        frame = rare.iloc[np.arange(rows) % len(rare)].assign(amount=lambda each: (each["amount"] + 0.01).round(2))
        return SyntheticPositives(frame=frame.reset_index(drop=True), copies_dropped=0, wanted=rows)

    monkeypatch.setattr(fraud, "synthetic_positives", by_heart)

    def run(verb: str) -> None:
        run_stage(f"fraud-{verb}", workspace, workspace.params(flow="fraud"))

    run("prepare")
    CTGAN(steps=1, batch_size=20).fit(toy_payments(60, seed=0)).save(workspace.path("work/fraud/train/generator"))
    with pytest.warns(match="do not pass the gate"):
        run("sample")
    quality = json.loads(workspace.path("work/fraud/sample/quality.json").read_text())
    assert not quality["passed"]
    assert {"near_copies", "nearer"} <= {gate["name"] for gate in quality["gates"] if not gate["passed"]}
    judged = workspace.path("work/fraud/judge")
    judged.mkdir()
    arms = {"none": {"synthetic": False, "adds_rows": False}, "ctgan": {"synthetic": True, "adds_rows": True}}
    verdict = {"recommended": "ctgan", "sentence": "Augment.", "arms": arms}
    (judged / "verdict.json").write_text(json.dumps(verdict))
    run("classify")
    test = json.loads(workspace.path("work/fraud/classify/test.json").read_text())
    assert test["arm"] == "none"
    facts = json.loads(workspace.path("work/fraud/prepare/facts.json").read_text())
    assert test["trained_on"] == facts["split"]["train"]
