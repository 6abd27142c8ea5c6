"""`sample`: ranges, counts, shares of one's own, and what cannot be asked for."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ganforge.errors import InputError
from ganforge.files import sha256_file
from ganforge_pipelines.cli.sampling import parse_conditions

RANDOM = np.random.RandomState(0)
PAYMENTS = pd.DataFrame(
    {
        "merchant": RANDOM.choice(["food", "fuel", ">50K"], 600, p=[0.6, 0.3, 0.1]),
        "amount": RANDOM.exponential(40, 600).round(2),
        "a>b": RANDOM.choice(["yes", "no"], 600),
        "is_fraud": (RANDOM.uniform(size=600) < 0.1).astype(int),
        "branch": RANDOM.choice(np.array(["01", "02", "10", None]), 600, p=[0.2, 0.3, 0.3, 0.2]),
    }
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from ganforge import TunedCTGAN

    folder = tmp_path_factory.mktemp("generator") / "model"
    model = TunedCTGAN(steps=150, batch_size=100, learning_rate=1e-3, random_state=0)
    model.set_params(generator_widths=(32, 32), critic_widths=(32, 32)).fit(PAYMENTS).save(folder)
    return folder


@pytest.mark.parametrize(
    ("where", "parsed"),
    [
        ("merchant=fuel", ("merchant", "fuel")),
        (" merchant = fuel ", ("merchant", "fuel")),
        ("merchant=>50K", ("merchant", ">50K")),
        ("amount>500", ("amount", ">500")),
        ("amount >= 500", ("amount", ">=500")),
        ("amount=500:", ("amount", "500:")),
        ("a>b=yes", ("a>b", "yes")),
        ("unheard=1", ("unheard", "1")),
        ("unheard<=1", ("unheard", "<=1")),
    ],
)
def test_a_condition_is_read_with_the_columns_in_mind(where, parsed):
    assert parse_conditions([where], PAYMENTS.columns) == [parsed]


@pytest.mark.parametrize("where", ["", "amount", "=5", ">5"])
def test_what_is_no_condition_is_answered_with_the_form(where):
    with pytest.raises(InputError, match="'column=value'"):
        parse_conditions([where], PAYMENTS.columns)


def test_ranges_and_values(model, tmp_path, cli):
    done = cli(
        *("sample", model, "--rows", 80, "--where", "amount>20", "--where", "amount<=90", "--where", "merchant=>50K"),
        *("--where", "a>b=yes", "--seed", 0, "--out", tmp_path / "made.csv", "--json", tmp_path / "answer.json"),
    )
    assert done.code == 0, done.err
    made = pd.read_csv(tmp_path / "made.csv")
    assert len(made) == 80
    assert ((made["amount"] > 20) & (made["amount"] <= 90)).all()
    assert (made["merchant"] == ">50K").all()
    assert (made["a>b"] == "yes").all()
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert answer["condition"] == {"amount": "over 20 up to 90", "merchant": ">50K", "a>b": "yes"}
    assert 0 < answer["obedience"] <= 1
    assert "as asked when first drawn" in done.out


def test_rows_of_a_fresh_seed_can_be_made_again(model, tmp_path, cli):
    done = cli("sample", model, "--rows", 20, "--out", tmp_path / "made.csv", "--json", tmp_path / "answer.json")
    assert done.code == 0, done.err
    seed = json.loads((tmp_path / "answer.json").read_text())["seed"]
    assert cli("sample", model, "--rows", 20, "--seed", seed, "--out", tmp_path / "again.csv").code == 0
    assert (tmp_path / "made.csv").read_text() == (tmp_path / "again.csv").read_text()


def test_a_column_made_by_a_constraint_is_said_to_be(tmp_path, cli):
    from ganforge import CTGAN

    frame = pd.DataFrame({"net": np.arange(40.0), "gross": np.arange(40.0) * 1.2, "kind": ["a", "b"] * 20})
    CTGAN(steps=2, batch_size=20, random_state=0, constraints=["net <= gross"]).fit(frame).save(tmp_path / "model")
    done = cli("sample", tmp_path / "model", "--rows", 5, "--where", "gross>10", "--out", tmp_path / "made.csv")
    assert done.code == 2
    assert "'gross' is made of others by the constraint net <= gross" in done.err


def test_rows_say_where_they_come_from_outside_any_workspace(tmp_path, monkeypatch, cli):
    monkeypatch.chdir(tmp_path)
    PAYMENTS.to_csv("payments.csv", index=False)
    assert cli("fit", "payments.csv", "--kind", "ctgan", "--steps", 2, "--seed", 3, "--out", "model").code == 0
    done = cli("sample", "model", "--rows", 20, "--where", "merchant=fuel", "--seed", 5, "--out", "made.csv")
    assert done.code == 0, done.err
    found = json.loads(cli("lineage", "made.csv", "--json", "-").out)
    made = found["stamp"]["synthetic"]
    assert (made["seed"], made["condition"], made["rows"]) == (5, {"merchant": "fuel"}, 20)
    assert (made["generator"]["kind"], made["generator"]["seed"], made["generator"]["steps"]) == ("ctgan", 3, 2)
    assert found["data"] == [{"path": "payments.csv", "sha256": sha256_file("payments.csv")}]
    told = cli("lineage", "made.csv").out
    assert "condition     merchant: fuel" in told
    assert cli("lineage", "payments.csv").code == 1  # outside a workspace data say nothing of themselves
    (tmp_path / "made.csv.lineage.json").unlink()
    assert cli("lineage", "made.csv").code == 1


def test_counts_say_how_many(model, tmp_path, cli):
    counts = ("--count", "is_fraud=1:30", "--count", "is_fraud=0:10")
    done = cli("sample", model, *counts, "--seed", 0, "--out", tmp_path / "made.parquet")
    assert done.code == 0, done.err
    assert pd.read_parquet(tmp_path / "made.parquet")["is_fraud"].value_counts().to_dict() == {1: 30, 0: 10}


def test_shares_of_a_file(model, tmp_path, cli):
    other = pd.DataFrame({"merchant": ["fuel"] * 9 + ["food"], "amount": range(10)})
    other.to_csv(tmp_path / "other.csv", index=False)
    wanted = f"{tmp_path / 'other.csv'}:merchant"
    done = cli("sample", model, "--rows", 1000, "--match", wanted, "--seed", 0, "--out", tmp_path / "made.csv")
    assert done.code == 0, done.err
    shares = pd.read_csv(tmp_path / "made.csv")["merchant"].value_counts(normalize=True)
    assert shares["fuel"] == pytest.approx(0.9, abs=0.03)
    assert ">50K" not in shares


def test_shares_of_codes_and_of_missing_values(model, tmp_path, cli):
    (tmp_path / "other.csv").write_text("branch,\n" + "01,\n" * 6 + "02,\n" * 2 + ",\n" * 2)
    wanted = f"{tmp_path / 'other.csv'}:branch"
    done = cli("sample", model, "--rows", 1000, "--match", wanted, "--seed", 0, "--out", tmp_path / "made.csv")
    assert done.code == 0, done.err
    shares = pd.read_csv(tmp_path / "made.csv", dtype=str)["branch"].value_counts(normalize=True, dropna=False)
    assert shares["01"] == pytest.approx(0.6, abs=0.05)
    assert shares["02"] == pytest.approx(0.2, abs=0.05)
    assert shares[np.nan] == pytest.approx(0.2, abs=0.05)
    done = cli("sample", model, "--rows", 5, "--match", f"{wanted}es", "--out", tmp_path / "none.csv")
    assert done.code == 2
    assert "did you mean 'branch'" in done.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "how many?"),
        (("--rows", 5, "--where", "amount>1e9"), "no value lies over 1000000000"),
        (("--rows", 5, "--where", "amuont>5"), "'amount'"),
        (("--rows", 5, "--where", "merchant=feul"), "'fuel'"),
        (("--rows", 5, "--where", "merchant=fuel", "--where", "merchant=food"), "asked for twice"),
        (("--rows", 5, "--count", "is_fraud=1:30"), "add up to 30"),
        (("--count", "is_fraud=1"), "'column=value:rows'"),
        (("--rows", 5, "--match", "other.csv"), "FILE:COLUMN"),
        (("--rows", 5, "--match", "nothere.csv:merchant"), "nothere.csv"),
        (("--rows", 5, "--prior", "even"), "balanced"),
    ],
)
def test_what_cannot_be_asked_for(model, tmp_path, cli, options, said):
    done = cli("sample", model, *options, "--out", tmp_path / "made.csv")
    assert done.code == 2, (done.out, done.err)
    assert said in " ".join(done.err.split())
    assert not (tmp_path / "made.csv").exists()
