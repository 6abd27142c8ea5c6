"""Synthetic positives: the right number of each kind, none a copy."""

import numpy as np
import pandas as pd
import pytest

from ganforge.data.table import Table
from ganforge.downstream.augmenting import rows_wanted, synthetic_positives
from ganforge.downstream.leaks import MARK
from ganforge.errors import InputError, UnknownNameError
from ganforge.parameters import spawned


class Counting:
    """Gives rows of the value asked for; the first `copies` rows of the first draw are rows it was shown."""

    def __init__(self, real: pd.DataFrame, copies: int = 0, always: bool = False) -> None:
        self.real, self.copies, self.always, self.asked = real, copies, always, []

    def sample(self, n, *, condition, random_state):
        self.asked.append((n, dict(condition), random_state))
        (value,) = condition.values()
        fresh = 1_000 + 100 * len(self.asked) + np.arange(n, dtype=float)
        drawn = pd.DataFrame({"x": fresh, "label": value})
        if self.always or len(self.asked) == 1:
            shown = self.real.loc[self.real["label"] == value, "x"].to_numpy()
            many = n if self.always else min(self.copies, n)
            drawn.loc[: many - 1, "x"] = np.resize(shown, many)
        return drawn


@pytest.fixture
def table():
    """80 rows of no attack, 12 of one kind, 4 of another."""
    label = ["normal"] * 80 + ["dos"] * 12 + ["probe"] * 4
    return Table.of(pd.DataFrame({"x": np.arange(96.0) + 0.5, "label": label}))


def test_a_ratio_is_reached_with_every_kind_in_its_proportion(table):
    made = synthetic_positives(Counting(table.frame), table, "label", ratio=0.5)
    assert made.wanted == len(made.frame) == 24  # 16 are there, 40 shall be
    assert made.frame["label"].value_counts().to_dict() == {"dos": 18, "probe": 6}
    assert made.copies_dropped == 0
    assert made.frame.attrs == {MARK: True}  # judge refuses them as real rows


def test_a_number_of_rows_is_kept_to(table):
    made = synthetic_positives(Counting(table.frame), table, "label", rows=7, positive_values=["probe"])
    assert made.frame["label"].tolist() == ["probe"] * 7


def test_copies_are_dropped_and_drawn_again(table):
    model = Counting(table.frame, copies=5)
    made = synthetic_positives(model, table, "label", rows=8, positive_values=["dos"], random_state=3)
    assert (len(made.frame), made.copies_dropped) == (8, 5)
    assert [(n, seed) for n, _, seed in model.asked] == [(8, 3), (5, spawned(3, 1))]
    assert not made.frame["x"].isin(table.frame["x"]).any()
    assert made.frame.index.tolist() == list(range(8))


class Numbering(Counting):
    """Begins its identifiers at the same one in every sample, as all models do."""

    def sample(self, n, *, condition, random_state):
        drawn = super().sample(n, condition=condition, random_state=random_state)
        return drawn.assign(payment_id=np.arange(n) + 1_096, customer=[f"c-{k}" for k in range(97, 97 + n)])


def test_identifiers_are_different_in_all_draws_together_and_none_a_real_one(table):
    real = table.frame.assign(
        payment_id=np.arange(96, dtype=np.int64) + 1_000, customer=[f"c-{k}" for k in range(1, 97)]
    )
    numbered = Table.of(real)
    assert numbered.schema.of_kind("identifier") == ("payment_id", "customer")
    made = synthetic_positives(Numbering(real, copies=5), numbered, "label", ratio=0.5).frame
    assert made["payment_id"].tolist() == list(range(1_096, 1_096 + len(made)))
    assert made["customer"].tolist() == [f"c-{k}" for k in range(97, 97 + len(made))]
    assert made["payment_id"].dtype == np.int64


def test_nothing_but_copies_gives_no_rows_and_an_end(table):
    model = Counting(table.frame, always=True)
    made = synthetic_positives(model, table, "label", rows=8, positive_values=["dos"])
    assert (len(made.frame), made.wanted, made.copies_dropped) == (0, 8, 32)
    assert list(made.frame.columns) == ["x", "label"]


def test_enough_positives_ask_for_no_more(table):
    model = Counting(table.frame)
    assert len(synthetic_positives(model, table, "label", ratio=0.1).frame) == 0
    assert model.asked == []
    assert rows_wanted(positives=3, negatives=30, ratio=0.1) == 0


@pytest.mark.parametrize("given", [{}, {"rows": 1, "ratio": 1.0}, {"rows": -1}, {"ratio": 0.0}])
def test_contradictions_are_refused(table, given):
    with pytest.raises(InputError, match=r"give (exactly one|0 or more|positives per negative)"):
        synthetic_positives(Counting(table.frame), table, "label", **given)


def test_a_wrong_target_names_the_nearest(table):
    with pytest.raises(UnknownNameError, match="did you mean 'label'"):
        synthetic_positives(Counting(table.frame), table, "labels", rows=1)
