"""The model card: whole, in a reading order, and nothing from data that Markdown would take for markup."""

from __future__ import annotations

from dataclasses import replace

from ganforge_pipelines.report.card import ModelCard, render_card
from ganforge_pipelines.report.parts import Figure

CARD = ModelCard(
    name="ganforge-fraud",
    version=3,
    alias="challenger",
    reason="version 2 stays champion: of 40 rows held out 4 are new to it",
    what="Gradient boosting that tells frauds from the rest",
    verdict="Do not augment.",
    data={"file": "data/payments.csv", "sha256": "ab" * 32, "rows": "9,664 rows"},
    figures=(Figure(label="average precision", value=0.73, low=0.61, high=0.83, note="2,416 rows held out"),),
    threshold="a probability of .50",
    intended=("Putting rows in order.",),
    limits=("Measured on rows of the same file.",),
    parts={"model": "the classifier", "threshold": ".50"},
    lineage={"stage fraud-train": "cd" * 32},
    bring_back='mlflow.pyfunc.load_model("models:/ganforge-fraud/3")',
    versions={"ganforge": "0.1.0", "torch": "2.9"},
    licence="Apache-2.0",
)


def test_it_says_what_where_how_good_and_how_to_have_it_back():
    text = render_card(CARD)
    heads = [line for line in text.splitlines() if line.startswith("#")]
    assert heads == [
        "# ganforge-fraud, version 3",
        "## Data",
        "## What it reaches",
        "## For what",
        "## Limits",
        "## What belongs together",
        "## Where it comes from",
        "## How to bring it back",
        "## Versions and licence",
    ]
    assert "| average precision | .73 (between .61 and .83) | 2,416 rows held out |" in text
    assert "Registered as **challenger**: version 2 stays champion" in text
    assert 'mlflow.pyfunc.load_model("models:/ganforge-fraud/3")' in text
    assert "ganforge 0.1.0, torch 2.9" in text
    assert "\n\n\n" not in text


def test_the_description_is_what_figure_and_verdict():
    assert CARD.sentence == (
        "Gradient boosting that tells frauds from the rest. Average precision .73. Do not augment."
    )


def test_gates_have_a_section_where_there_are_any():
    text = render_card(replace(CARD, gates=("No row is nearer to a real one than real rows are.",)))
    assert "## Gates\n\n- No row is nearer" in text


def test_what_was_not_measured_leaves_no_empty_table():
    text = render_card(replace(CARD, figures=()))
    assert "## What it reaches\n\nThreshold: a probability of .50." in text
    assert "| figure |" not in text
    assert "## What it reaches" not in render_card(replace(CARD, figures=(), threshold=""))
    assert "\n\n\n" not in text


def test_text_from_data_is_no_markup():
    text = render_card(
        replace(CARD, data={"file": "a|b<script>`x`*y*.csv\n# no", "c_d": "_e_"}, lineage={"a`b": "c`d"})
    )
    assert r"a\|b\<script\>\`x\`\*y\*.csv \# no" in text
    assert r"| c_d | \_e\_ |" in text
    assert r"| a\`b | `c'd` |" in text
