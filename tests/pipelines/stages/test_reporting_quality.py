"""From quality.json to the page: numbers beside their floors, nothing of a row, nothing invented."""

import numpy as np
import pandas as pd
import pytest

from ganforge.data.schema import Schema
from ganforge_pipelines.stages.gating import gate_rows
from ganforge_pipelines.stages.reporting_quality import (
    distances,
    exposed_in_words,
    exposure,
    fidelity_numbers,
    gate_lines,
    pair_gaps,
)
from ganforge_pipelines.stages.reporting_rows import shown_rows

GATES = {"column_distance": 0.25, "coverage": 0.2, "copies": 0.01, "near_copies": 0.1, "nearer": 0.6,
         "membership": 0.6, "singling_out": 0.1}  # fmt: skip


def rows(n, seed, *, shift=0.0):
    rng = np.random.default_rng(seed)
    amount = rng.lognormal(3 + shift, 1, n).round(2)
    return pd.DataFrame(
        {"amount": amount, "fee": (amount * 0.1).round(2), "kind": rng.choice(["card", "transfer"], n), "is_fraud": 1}
    )


REAL, SYNTHETIC, HELD_OUT = rows(60, 0), rows(200, 1, shift=0.5), rows(40, 2)
SCHEMA = Schema.infer(REAL.drop(columns="is_fraud"), source="rows")


@pytest.fixture(scope="module")
def quality():
    made = REAL.drop(columns="is_fraud"), SYNTHETIC.drop(columns="is_fraud"), HELD_OUT.drop(columns="is_fraud")
    return gate_rows(*made, schema=SCHEMA, what="rows with is_fraud=1", gates=GATES, seed=0)


def test_every_number_of_fidelity_stands_beside_its_floor(quality):
    numbers = fidelity_numbers(quality)
    assert len(numbers) == len(quality["fidelity"]["figures"])
    assert all(each.floor is not None and each.note for each in numbers)
    told_apart = next(each for each in numbers if each.name == "told from real rows")
    assert told_apart.low <= told_apart.value <= told_apart.high


def test_the_pair_that_stands_out_is_the_one_in_the_heat_map(quality):
    pairs = pair_gaps(quality, list(SCHEMA.names))
    over = pairs.gap - pairs.floor
    one, other = (list(pairs.names).index(each) for each in pairs.worst[0])
    assert over[one, other] == over.max()
    assert (pairs.gap == pairs.gap.T).all()


def test_attacks_and_gates_are_told_with_their_intervals(quality):
    numbers = {each.name: each for each in exposure(quality)}
    attack = numbers["attack: who was trained on?"]
    assert attack.low < attack.value < attack.high
    assert attack.floor == 0.5
    lines = gate_lines(quality)
    assert {each.name.replace(" ", "_") for each in lines} == set(GATES)
    assert [each.passed for each in lines] == sorted(each.passed for each in lines)
    assert "40 rows were held out" in exposed_in_words(quality)


def test_the_heat_map_names_what_is_measured(quality):
    told = pair_gaps(quality, list(SCHEMA.names)).measure
    assert {each["measure"] for each in quality["fidelity"]["pairs"]} == {"rank correlation", "mutual information"}
    assert (
        told == "Difference of rank correlation, Cramér's V or mutual information, as the kinds of the columns ask for."
    )


def test_with_few_rows_held_out_those_trained_on_are_called_what_they_are(quality):
    few = HELD_OUT[:5].drop(columns="is_fraud")
    made = REAL.drop(columns="is_fraud"), SYNTHETIC.drop(columns="is_fraud"), few
    found = gate_rows(*made, schema=SCHEMA, what="rows with is_fraud=1", gates=GATES, seed=0)
    shown = distances(found, what="row", axis="distance")
    assert (shown.n_held_out, shown.among_trained) == (60, True)
    assert not distances(quality, what="row", axis="distance").among_trained
    notes = [next(each.note for each in exposure(one) if each.name.startswith("distance")) for one in (found, quality)]
    assert notes[0] == "median; below that of rows trained on to the nearest other one would be too near"
    assert notes[1] == "median; below that of rows held out would be too near"


def test_distances_are_shares_of_many_rows(quality):
    made = distances(quality, what="row", axis="distance")
    assert sum(made.synthetic) == pytest.approx(1)
    assert sum(made.held_out) == pytest.approx(1)
    assert made.n_held_out == 40


def test_the_worst_columns_and_the_map_hold_no_row(quality):
    facts = {"schema": Schema.infer(REAL, source="rows").to_json(), "target": "is_fraud"}
    shown = shown_rows(REAL, SYNTHETIC, facts, quality, seed=0)
    worst = shown["columns"]
    assert [each.distance for each in worst] == sorted((each.distance for each in worst), reverse=True)
    assert "of other real rows" in worst[0].told
    assert shown["map"].n_real == 60
    few = shown_rows(REAL[:15], SYNTHETIC, facts, quality, seed=0)
    assert few["map"] is None  # a map of few rows shows where each of them lies


def test_a_row_or_two_are_shown_without_a_judgement():
    made = REAL.drop(columns="is_fraud"), SYNTHETIC[:2].drop(columns="is_fraud"), HELD_OUT.drop(columns="is_fraud")
    quality = gate_rows(*made, schema=SCHEMA, what="rows with is_fraud=1", gates=GATES, seed=0)
    facts = {"schema": Schema.infer(REAL, source="rows").to_json(), "target": "is_fraud"}
    shown = shown_rows(REAL, SYNTHETIC[:2], facts, quality, seed=0)
    assert shown["exposed"].startswith("Only 2 rows were made, and fewer than 4 cannot be held against a gate.")
    assert {each.name for each in shown["columns"]} == {"amount", "fee", "kind"}
