"""Columns as arrays: where numbers are cut, and what missing and unknown values become."""

import numpy as np
import pandas as pd
import pytest

from ganforge.data.schema import Schema
from ganforge.data.toy import toy_payments
from ganforge.errors import UnknownNameError, UnsuitableDataError
from ganforge.quality.coding import Bins, codes_of, numbers_of


def test_numbers_are_cut_into_parts_of_as_many_rows_each():
    real = pd.DataFrame({"x": np.random.default_rng(0).normal(size=1_000)})
    counts = np.bincount(Bins.of(real).codes(real)[0])
    assert counts[0] == 0  # nothing is missing
    assert counts[1:].tolist() == [100] * 10


def test_a_value_that_fills_several_parts_gets_one_of_its_own():
    real = pd.DataFrame({"gain": np.r_[np.zeros(950), np.linspace(1, 500, 50)]})
    bins = Bins.of(real)
    codes = bins.codes(pd.DataFrame({"gain": [-0.01, 0.0, 0.01, 400.0]}))[0]
    assert codes[0] < codes[1] < codes[2] == codes[3]


def test_missing_and_unknown_values_have_codes_of_their_own():
    real = toy_payments(400, seed=0)
    schema = Schema.infer(real)
    column = schema["country"]
    series = pd.Series([column.categories[0], np.nan, "somewhere"], dtype=object)
    assert codes_of(series, column).tolist() == [1, 0, len(column.categories) + 1]
    assert np.isnan(numbers_of(pd.Series([np.nan, 3.0]), schema["age"])).tolist() == [True, False]
    moments = pd.Series(pd.to_datetime(["2025-01-01", None]))
    assert np.isnan(numbers_of(moments, schema["booked_at"])).tolist() == [False, True]
    bins = Bins.of(real, schema)
    codes = bins.codes(real)
    assert bins.schema.names == tuple(name for name in real.columns if name != "currency")
    assert (codes.max(axis=1) < bins.widths).all()
    assert (codes >= 0).all()
    for k, name in enumerate(bins.schema.names):
        assert ((codes[k] == 0) == real[name].isna()).all(), name


def test_a_column_that_is_always_missing_is_one_part():
    real = pd.DataFrame({"x": [1.0, 2.0] * 20, "y": ["a", "b"] * 20})
    schema = Schema.infer(real)
    made = real.assign(x=np.nan)
    assert set(Bins.of(made, schema).codes(made)[0]) == {0}


def test_columns_may_come_in_any_order_but_must_be_there():
    real = toy_payments(100, seed=0)
    bins = Bins.of(real)
    assert (bins.codes(real.iloc[:, ::-1]) == bins.codes(real)).all()
    with pytest.raises(UnknownNameError, match="merchant"):
        bins.codes(real.drop(columns="merchant"))
    with pytest.raises(UnsuitableDataError, match="nothing to compare"):
        Bins.of(real[["currency"]])
