"""What a row is worth: an amount that can be counted with, or 1 each."""

import numpy as np
import pandas as pd
import pytest

from ganforge.data.table import Table
from ganforge.downstream.resampling import Protocol
from ganforge_pipelines.stages.operating import amount_of, operated


@pytest.mark.parametrize(
    ("values", "name", "expected"),
    [
        ([1.0, 2.5, 0.0], "amount", "amount"),
        ([1.0, None, 2.0], "amount", None),
        ([1.0, -2.0, 3.0], "amount", None),
        (["a", "b", "c"], "amount", None),
        ([1.0, 2.5, 0.0], "price", None),
        ([1.0, 2.5, 0.0], None, None),
    ],
)
def test_which_column_says_what_a_row_is_worth(values, name, expected):
    assert amount_of(Table.of(pd.DataFrame({"amount": values, "x": [1, 2, 3]}), source="rows"), name) == expected


def test_a_dearer_look_means_fewer_alerts_and_without_amounts_each_counts_one():
    rng = np.random.default_rng(0)
    truth = rng.random(600) < 0.1
    score = np.clip(np.where(truth, 0.6, 0.2) + rng.normal(0, 0.2, 600), 0, 1)
    rows = pd.DataFrame({"amount": np.full(600, 50.0)})

    def at(amount, alert_cost):
        return operated(
            rows, truth, rows, truth, score, amount=amount, alert_cost=alert_cost,
            scored=lambda train, held: score[held], protocol=Protocol(groups=np.arange(600)), seed=0,
        )  # fmt: skip

    cheap, dear = at("amount", 1.0), at("amount", 30.0)
    assert cheap.alerts > dear.alerts
    assert cheap.threshold < dear.threshold
    usual = at(None, None)
    assert usual.alert_cost == pytest.approx(0.1)
    assert usual.nothing == truth.sum()
