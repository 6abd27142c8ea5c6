"""The gate: what is written, what it stops, and what the answer then says."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ganforge.data.schema import Schema
from ganforge.data.toy import toy_images, toy_payments
from ganforge.downstream.augmenting import SyntheticPositives
from ganforge.downstream.conclusion import conclude
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
    assert copied["sentence"].endswith("They are left out.")


def test_with_few_rows_held_out_the_real_ones_are_halved():
    found = gated(toy_payments(100, seed=5), held_out=4)
    assert found["compared"]["held_out"] == 0
    assert found["privacy"]["membership"] is None
    assert "one half of the real rows" in found["fidelity"]["notes"][0]


def test_a_row_or_two_cannot_be_judged_and_are_not_let_through():
    found = gated(toy_payments(3, seed=5))
    assert not found["passed"]
    assert found["fidelity"] is found["privacy"] is None
    told = "Only {} made, and fewer than 4 cannot be held against a gate. {} left out."
    assert found["sentence"] == told.format("3 rows were", "They are")
    one = gated(toy_payments(1, seed=5))["sentence"]
    assert one == told.format("1 row was", "It is")
    acted = followed(judged(weights=0.0, ctgan=0.15), found)
    assert acted["recommended"] == "none"
    assert acted["sentence"].startswith(f"{found['sentence']} Nothing takes their place. Over the folds: ")


def test_pictures_that_the_generator_has_not_seen_are_the_baseline():
    pixels = toy_images(80, classes=2, size=28, seed=0).pixels
    found = gate_pictures(pixels[:40], pixels[:30], pixels, gates={}, seed=0)
    assert found["compared"]["held_out"] == 40
    assert not found["passed"]
    assert "of the pictures nearly copy a real one" in found["sentence"]
    assert gate_pictures(pixels[:40], pixels[40:60], pixels[:40], gates={}, seed=0)["privacy"]["notes"]


def judged(*, weights: float, ctgan: float) -> dict:
    """A verdict over five folds: nothing added reaches .50 by a line, the others so much more by boosting."""
    plain = np.array([0.50, 0.52, 0.48, 0.51, 0.49])
    wobble = np.array([0.005, -0.005, 0.005, -0.005, 0.0])
    folds = {"none": plain, "class weights": plain + weights + wobble, "ctgan": plain + ctgan + 2 * wobble}
    return conclude(
        {name: each.tolist() for name, each in folds.items()},
        synthetic=["ctgan"],
        measure="average precision",
        classifier=dict.fromkeys(folds, "gradient-boosting") | {"none": "logistic-regression"},
        n_rows=1000,
        n_positive=50,
        base_rate=0.05,
        test_to_train=0.25,
    ).to_json()


@pytest.mark.parametrize(
    ("passed", "weights", "ctgan", "recommended", "acted"),
    [
        (True, 0.0, 0.15, "ctgan", "ctgan"),
        (False, 0.0, 0.15, "ctgan", "none"),
        (False, 0.1, 0.15, "ctgan", "class weights"),
        (False, 0.1, 0.05, "class weights", "class weights"),
    ],
)
def test_a_shut_gate_stops_synthetic_rows_alone(passed, weights, ctgan, recommended, acted):
    verdict = judged(weights=weights, ctgan=ctgan)
    assert verdict["recommended"] == recommended
    quality = {"passed": passed, "sentence": "The rows do not pass the gate: X. They are left out."}
    found = followed(verdict, quality)
    assert found["recommended"] == acted
    assert (found["sentence"] == verdict["sentence"]) == (acted == recommended)
    assert found["classifier"] == found["arms"][acted]["classifier"]
    assert verdict["recommended"] == recommended


def test_behind_a_shut_gate_the_answer_names_what_takes_the_rows_place():
    quality = {"passed": False, "sentence": "The rows do not pass the gate: X. They are left out."}
    assert followed(judged(weights=0.1, ctgan=0.15), quality)["sentence"].startswith(
        "The rows do not pass the gate: X. They are left out. Class weights take their place. Over the folds: CTGAN's "
        "rows lift gradient boosting with class weights from .60 to .65 average precision, by +.05"
    )
    assert followed(judged(weights=0.0, ctgan=0.15), quality)["sentence"].startswith(
        "The rows do not pass the gate: X. They are left out. Nothing takes their place. Over the folds: Gradient "
        "boosting with CTGAN's rows reaches .65 average precision, logistic regression with nothing added .50: a gain"
    )


def test_behind_a_shut_gate_guessing_has_to_be_beaten_by_the_arm_that_is_used():
    verdict = judged(weights=0.0, ctgan=0.15) | {"base_rate": 0.5}
    verdict["beats_guessing"] = True
    assert not followed(verdict, {"passed": False, "sentence": "Shut."})["beats_guessing"]
    assert followed(verdict, {"passed": True, "sentence": "Open."})["beats_guessing"]


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
    folder = workspace.path("work/fraud/judge")
    folder.mkdir()
    (folder / "verdict.json").write_text(json.dumps(judged(weights=0.0, ctgan=0.15)))
    run("classify")
    test = json.loads(workspace.path("work/fraud/classify/test.json").read_text())
    assert test["arm"] == "none"
    facts = json.loads(workspace.path("work/fraud/prepare/facts.json").read_text())
    assert test["trained_on"] == facts["split"]["train"]
