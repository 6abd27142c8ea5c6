"""Privacy: a generator that knows rows by heart is found out, one that knows columns alone is not accused."""

import json

import numpy as np
import pandas as pd
import pytest

from ganforge.data.toy import toy_images, toy_payments
from ganforge.errors import InputError, UnknownNameError, UnsuitableDataError
from ganforge.quality import privacy
from ganforge.quality.exposure import near_copies_gate
from ganforge.quality.membership import membership_attack
from ganforge.quality.picture_exposure import picture_privacy
from ganforge.quality.singling_out import singling_out


def parts(n: int = 600) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = toy_payments(2 * n, seed=0).sample(frac=1, random_state=0)
    return rows.iloc[:n], rows.iloc[n:]


def independent(rows: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Every column drawn by itself: right columns, no row."""
    rng = np.random.default_rng(seed)
    return rows.apply(lambda column: column.to_numpy()[rng.integers(len(column), size=len(column))])


def test_a_memoriser_fails_every_gate():
    training, held_out = parts()
    found = privacy(training, training.sample(frac=1, random_state=1), held_out)
    assert [gate.name for gate in found.gates if not gate.passed] == [
        "copies", "near_copies", "nearer", "membership", "singling_out",
    ]  # fmt: skip
    assert found.copies == 1
    assert found.neighbour_ratio == 0 < found.neighbour_ratio_held_out
    assert found.membership.nearest.share == pytest.approx(1, abs=0.01)
    assert found.sentence.startswith("Rows trained on are exposed: 100 % of the rows copy a real one; ")


def test_columns_drawn_one_by_one_and_new_rows_pass():
    training, held_out = parts()
    for made in (independent(training), toy_payments(600, seed=7)):
        found = privacy(training, made, held_out)
        assert found.passed, found.sentence
        assert found.membership.nearest.share == pytest.approx(0.5, abs=0.06)
        assert found.membership.calibrated.share == pytest.approx(0.5, abs=0.06)
        assert abs(found.singling_out.risk) < 0.1
    assert found.near_copies == pytest.approx(0.05, abs=0.03)
    assert found.nearer.low < 0.5 < found.nearer.high


def test_planted_copies_are_counted_and_stop_the_rows():
    training, held_out = parts()
    made = pd.concat([toy_payments(540, seed=7), training.head(60)])
    found = privacy(training, made, held_out)
    assert found.copies == pytest.approx(0.1)
    gate = {each.name: each for each in found.gates}["copies"]
    assert not gate.passed
    assert gate.sentence == "10 % of the rows copy a real one"
    assert privacy(training, made, held_out, gates={"copies": 0.2}).gates[0].passed


def test_half_memorised_rows_show_in_the_attack_and_jittered_ones_in_near_copies():
    training, held_out = parts()
    half = pd.concat([toy_payments(300, seed=7), training.head(300)])
    attack = membership_attack(half, training, held_out)
    assert 0.65 < attack.strongest.share < 0.9
    assert attack.strongest.low > 0.6
    jittered = training.assign(amount=training["amount"] + 0.03, booked_at=training["booked_at"] + pd.Timedelta("9min"))
    found = privacy(training, jittered, held_out)
    assert found.copies < 0.01
    assert found.near_copies > 0.9
    assert not found.passed


def test_singling_out_against_a_count_by_hand():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.integers(0, 6, 240).astype(str) for name in "abc"})
    training, held_out, made = frame.iloc[:80], frame.iloc[80:160], frame.iloc[:80]
    found = singling_out(made, training, held_out)
    assert found.guesses == found.hits  # what one row of a copy has, one row has
    assert found.risk == pytest.approx(1)
    fresh = singling_out(frame.iloc[160:], training, held_out)
    assert fresh.low < 0 < fresh.high
    assert fresh.risk == pytest.approx((fresh.hits - fresh.control_hits) / (fresh.guesses - fresh.control_hits))


def test_rare_values_are_counted():
    town = ["Ulm"] * 50 + ["Köln"] * 48 + ["Aalen", "Trier"]
    training = pd.DataFrame({"town": town, "x": np.arange(100.0) ** 1.5})
    made = training.assign(town=np.where(training["town"] == "Trier", "Ulm", training["town"]))
    held_out = training.assign(town=["Ulm", "Köln"] * 50)
    found = singling_out(made, training, held_out)
    assert (found.rare_values, found.rare_values_made, found.rare_values_held_out) == (2, 1, 0)


def test_without_rows_held_out_little_can_be_said():
    training, _ = parts(200)
    found = privacy(training, training.head(50))
    assert found.membership is None
    assert [gate.name for gate in found.gates] == ["copies", "nearer"]
    assert not found.passed
    assert "no rows held out" in found.notes[0]
    fine = privacy(training, toy_payments(200, seed=9))
    assert fine.passed
    assert "needs rows that were held out" in fine.sentence


def test_order_of_rows_and_columns_mean_nothing_to_copies_and_json_is_strict():
    training, held_out = parts(150)
    made = toy_payments(150, seed=3)
    found = privacy(training, made, held_out)
    assert found == privacy(training[list(training)[::-1]], made, held_out, schema=None) or found.copies == 0
    assert sum(found.histogram["synthetic"]) == pytest.approx(1)
    assert len(found.histogram["edges"]) == len(found.histogram["held_out"]) + 1
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert document["passed"] is True
    assert document["membership"]["calibrated"] is None  # 150 rows held out: none to spare


def test_bad_calls():
    training, held_out = parts(50)
    with pytest.raises(UnknownNameError, match="did you mean 'copies'"):
        privacy(training, training, held_out, gates={"copie": 0.1})
    with pytest.raises(InputError, match="between 0 and 1"):
        privacy(training, training, held_out, gates={"copies": 2})
    with pytest.raises(UnknownNameError, match="merchant"):
        privacy(training, training.drop(columns="merchant"), held_out)
    with pytest.raises(UnsuitableDataError, match="too few rows"):
        privacy(training, training.head(1), held_out)


def test_copied_pictures_fail_and_new_ones_pass():
    pixels = toy_images(120, classes=3, size=28, seed=0).pixels
    real, kept = pixels[:60], pixels[60:]
    copied = picture_privacy(real, real[:40], kept)
    assert not copied.passed
    assert copied.distance == 0 < copied.distance_held_out
    assert picture_privacy(real, toy_images(60, classes=3, size=28, seed=5).pixels, kept).passed
    alone = picture_privacy(real, real[:40])
    assert not alone.passed
    assert alone.rows["held_out"] == 0
    json.dumps(copied.to_json(), allow_nan=False)


def test_names_and_numbers_that_cannot_be_meant():
    rng = np.random.default_rng(0)
    real, made, held_out = (pd.DataFrame(rng.normal(size=(40, 2))) for _ in range(3))
    assert privacy(real, made, held_out).copies == 0  # columns named 0 and 1
    with pytest.raises(InputError, match="most_rows=0"):
        privacy(real, made, held_out, most_rows=0)
    made.iloc[7, 1] = np.inf
    with pytest.raises(InputError, match="synthetic rows: column '1', row 8: inf"):
        privacy(real, made, held_out)


def test_a_handful_of_near_copies_is_not_taken_for_certain():
    assert near_copies_gate(1.0, 0.0, (2, 2), 0.1).passed
    assert not near_copies_gate(1.0, 0.0, (20, 20), 0.1).passed
    assert near_copies_gate(0.05, 0.05, (2_000, 2_000), 0.1).passed
