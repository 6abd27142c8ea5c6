"""What rows of the data would be asked for: places that one real row has together, and never more than K of them."""

import numpy as np
import pytest
import torch

from ganforge.data.layout import Block, Layout
from ganforge.gans.ctgan import Conditions
from ganforge.synthesis.bank import LEAST, ConditionBank
from ganforge.synthesis.defaults import default_condition_columns

LAYOUT = Layout(
    (Block("a", "categorical", 3), Block("x", "mixture", 2), Block("b", "categorical", 4), Block("c", "categorical", 2))
)


def codes(n: int = 500) -> torch.Tensor:
    rng = np.random.default_rng(0)
    a = rng.choice([0, 1], n, p=[0.98, 0.02])  # 2 is never met
    b = np.where(a == 1, 3, rng.integers(0, 3, n))  # 3 comes with a = 1 alone
    return torch.from_numpy(np.stack([a, rng.integers(0, 2, n), b, rng.integers(-1, 2, n)], 1))


@pytest.mark.parametrize("columns", [2, 3])
def test_a_vector_has_places_of_one_real_row(columns):
    rows, conditions = codes(), Conditions(LAYOUT, modes=True, columns=columns)
    bank = ConditionBank.of(rows, conditions, seed=0)
    assert bank.vectors.shape[1] == columns
    real = rows.numpy()
    for vector in bank.vectors[:: len(bank.vectors) // 200]:
        asked = vector[vector < conditions.width]
        blocks = np.searchsorted(conditions.starts, asked, side="right") - 1
        assert len(set(blocks)) == len(blocks)
        assert (real[:, blocks] == asked - conditions.starts[blocks]).all(1).any()


def test_rare_conditions_are_kept_and_those_never_met_stand_alone():
    rows, conditions = codes(), Conditions(LAYOUT, modes=True, columns=3)
    bank = ConditionBank.of(rows, conditions, seed=0)
    kept = np.bincount(bank.vectors[:, 0], minlength=conditions.width)
    assert (kept[bank.frequencies > 0] >= LEAST).all()
    rng = np.random.default_rng(0)
    rare, never = conditions.place(0, 1), conditions.place(0, 2)
    drawn = bank.draw(np.repeat([rare, never], 100), rng)
    assert (drawn[:, 0] == np.repeat([rare, never], 100)).all()
    assert (drawn[100:, 1:] == conditions.width).all()
    b = drawn[:100, 1:][(drawn[:100, 1:] >= conditions.place(2, 0)) & (drawn[:100, 1:] < conditions.place(2, 3) + 1)]
    assert len(b) > 20
    assert (b == conditions.place(2, 3)).all()  # as all rows with the rare value have it


def test_one_column_asks_for_one_value_as_the_paper_does():
    rows, conditions = codes(), Conditions(LAYOUT)
    bank = ConditionBank.of(rows, conditions, seed=0)
    assert len(bank.vectors) == 0
    assert bank.draw(np.array([1, 0, 4]), np.random.default_rng(0)).tolist() == [[1], [0], [4]]
    assert bank.frequencies.sum() == 500 + 500 + (rows[:, 3] >= 0).sum()


def test_few_rows_are_asked_for_fewer_columns_together():
    assert [default_condition_columns(rows, 30) for rows in (10, 400, 2_000, 32_000, 10**7)] == [1, 4, 5, 7, 8]
    assert default_condition_columns(10**6, 5) == 2
    assert default_condition_columns(10**6, 1) == 1


def test_each_row_of_a_rare_condition_is_kept_before_any_is_kept_twice():
    rng = np.random.default_rng(0)
    own = torch.from_numpy(np.stack([np.arange(2_000) % 2, rng.integers(0, 2, 2_000), rng.integers(0, 4, 2_000)], 1))
    layout = Layout(tuple(Block(name, "categorical", width) for name, width in (("a", 3), ("b", 2), ("c", 100))))
    own[:100, 0], own[:100, 2] = 2, torch.arange(100)  # a hundred rows, told apart by the third column
    conditions = Conditions(layout, columns=3)
    bank = ConditionBank.of(own, conditions, seed=0)
    kept = bank.vectors[bank.vectors[:, 0] == conditions.place(0, 2)]
    assert len(kept) >= LEAST
    assert len(np.unique(kept[:, 1:].max(axis=1))) == 100
