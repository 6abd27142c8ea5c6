"""Copies of real rows, at the schema's rounding."""

import numpy as np
import pandas as pd
import pytest

from ganforge.data.schema import Schema
from ganforge.data.toy import toy_payments
from ganforge.errors import UnknownNameError
from ganforge.quality.copies import exact_copies


def test_every_row_is_a_copy_of_itself_whatever_its_order():
    real = toy_payments(300, seed=0)
    assert exact_copies(real, real).all()
    assert exact_copies(real.iloc[::-1, ::-1], real).all()
    assert not exact_copies(toy_payments(300, seed=1), real).any()


def test_planted_copies_are_found_and_nothing_else():
    real, made = toy_payments(300, seed=0), toy_payments(100, seed=1)
    made.iloc[[3, 50, 99]] = real.iloc[[7, 7, 250]].to_numpy()
    made = made.astype(real.dtypes)
    assert np.flatnonzero(exact_copies(made, real)).tolist() == [3, 50, 99]


def test_one_different_value_makes_a_row_new():
    real = toy_payments(50, seed=0)
    for column, value in (("amount", 0.01), ("merchant", "fuel"), ("age", 99.0), ("online", None)):
        made = real.head(1).copy()
        made[column] = ~made[column] if value is None else value
        assert (made[column] != real[column].head(1)).all()
        assert not exact_copies(made, real).any(), column


def test_numbers_are_compared_at_the_columns_own_rounding():
    real = pd.DataFrame({"price": [1.25, 2.5, 3.99] * 20})
    made = pd.DataFrame({"price": [1.2500001, 2.51, 3.99 + 1e-12]})
    assert exact_copies(made, real).tolist() == [True, False, True]
    exact = pd.DataFrame({"x": [np.pi, np.e, 1e-9] * 20})
    near = pd.DataFrame({"x": [np.pi * (1 + 1e-12), np.e * (1 + 1e-6), -1e-9]})
    assert exact_copies(near, exact).tolist() == [True, False, False]


def test_missing_values_equal_one_another_and_dtypes_do_not_matter():
    real = pd.DataFrame({"n": [1.0, np.nan, 3.0] * 10, "c": ["a", None, "b"] * 10})
    made = pd.DataFrame({"n": [1, 3], "c": pd.Categorical(["a", "b"])})
    assert exact_copies(made, real).tolist() == [True, True]
    assert exact_copies(real.iloc[[1]], real).all()


def test_identifiers_are_not_looked_at():
    real = pd.DataFrame({"id": np.arange(100), "x": np.arange(100) % 7 / 2})
    schema = Schema.infer(real)
    assert schema["id"].kind == "identifier"
    made = pd.DataFrame({"id": [9000], "x": [1.5]})
    assert exact_copies(made, real, schema=schema).tolist() == [True]


def test_no_rows_and_missing_columns():
    real = toy_payments(30, seed=0)
    assert exact_copies(real.iloc[:0], real).tolist() == []
    assert exact_copies(real, real.iloc[:0], schema=Schema.infer(real)).tolist() == [False] * 30
    with pytest.raises(UnknownNameError, match="no column 'amount'"):
        exact_copies(real.drop(columns="amount"), real)
