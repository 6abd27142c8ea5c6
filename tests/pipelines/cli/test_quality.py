"""`ganforge quality`: sentences, the worst first, JSON, and what is refused."""

from __future__ import annotations

import json

import pytest

from ganforge.data.toy import toy_payments


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = toy_payments(320, fraud_share=0.3, seed=0).sample(frac=1, random_state=0)
    rows.head(160).to_csv("real.csv", index=False)
    rows.tail(160).to_csv("unseen.csv", index=False)
    toy_payments(160, fraud_share=0.3, seed=4).assign(amount=lambda each: each["amount"] + 60).to_csv(
        "made.csv", index=False
    )


def test_the_worst_column_comes_first_and_the_json_says_the_same(files, cli, tmp_path):
    asked = ["made.csv", "--real", "real.csv", "--held-out", "unseen.csv", "--target", "is_fraud"]
    done = cli("quality", *asked, "--json", "found.json")
    assert done.code == 0, done.err
    found = json.loads((tmp_path / "found.json").read_text())
    first = found["fidelity"]["columns"][0]
    assert first["column"] == "amount"
    assert "too few at or below" in first["sentence"]
    assert first["distance"] > 3 * first["floor"]
    columns = done.out[done.out.index("Columns, the worst first") :].splitlines()
    assert columns[1].strip() == first["sentence"]
    assert "trained on synthetic rows reaches" in done.out
    assert found["privacy"]["passed"] is True
    assert found["privacy"]["sentence"] in done.out


def test_copies_are_told_and_are_no_error(files, cli):
    done = cli("quality", "real.csv", "--real", "real.csv", "--worst", "1")
    assert done.code == 0, done.err
    assert "FAILED  100 % of the rows copy a real one" in done.out
    assert "no rows held out were given" in done.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--target", "is_froud"], "did you mean 'is_fraud'"),
        (["--customer", "country"], "name --terminal and --time and --amount, too"),
        (["--leave-out", "amuont"], "did you mean 'amount'"),
        (["--held-out", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(files, cli, arguments, told):
    done = cli("quality", "made.csv", "--real", "real.csv", *arguments)
    assert done.code == 2
    assert told in done.err
