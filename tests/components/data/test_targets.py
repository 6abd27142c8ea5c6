"""Which side of a label is looked for, and when a column is no such label."""

import numpy as np
import pandas as pd
import pytest

from ganforge.data.table import Table
from ganforge.data.targets import binary_target, with_discrete
from ganforge.errors import InputError, UnknownNameError, UnsuitableDataError


def table_of(labels):
    return Table.of(pd.DataFrame({"label": labels, "x": np.arange(len(labels)) + 0.5}), source="a.csv")


@pytest.mark.parametrize(
    ("labels", "negative", "label"),
    [
        ([0] * 5 + [1] * 35, 0, "label=1"),
        ([0.0] * 35 + [1.0] * 5, 0.0, "label=1"),
        ([False] * 30 + [True] * 10, False, "label=True"),
        (["yes"] * 30 + ["no"] * 10, "no", "label=yes"),
        (["good"] * 30 + ["bad"] * 10, "good", "label=bad"),
        ([1] * 30 + [2] * 10, 1, "label=2"),
        (["dos"] * 25 + ["Normal."] * 10 + ["probe"] * 5, "Normal.", "label≠Normal. (2 kinds)"),
        (["no"] * 25 + ["heat"] * 10 + ["strain"] * 5, "no", "label≠no (2 kinds)"),
    ],
)
def test_the_side_that_is_looked_for(labels, negative, label):
    target = binary_target(table_of(labels), "label")
    assert target.negative_value == negative
    assert target.positive.tolist() == [each != negative for each in labels]
    assert (target.positive_label, target.n_positive) == (label, sum(each != negative for each in labels))


@pytest.mark.parametrize("labels", [[0, 1, 2], [0.0, 1.0, 2.0], ["0", "1", "2"], ["n", "s", "w"]])
def test_three_classes_are_not_two(labels):
    """A 0 among several numbers is a class like the others, not "normal"."""
    with pytest.raises(
        InputError, match=r"a\.csv: column 'label' holds 3 different values .* a target has two"
    ) as error:
        binary_target(table_of(labels * 20), "label")
    assert "derive such a column first" in str(error.value)


def test_values_are_told_plainly():
    days = pd.to_datetime(["2026-01-31", "2026-02-01", "2026-02-02"])
    with pytest.raises(InputError, match=r"\(2026-01-31, 2026-02-01, 2026-02-02\)"):
        binary_target(table_of(days), "label")
    with pytest.raises(UnsuitableDataError, match=r"one value only \(1 in all 30 rows\)"):
        binary_target(table_of([1.0] * 30), "label")
    with pytest.raises(InputError, match=r"row 2: the label is missing"):
        binary_target(table_of([1.0, None, 0.0]), "label")


def test_a_target_becomes_discrete_whatever_its_values_suggest():
    table = table_of([0, 1, 1, 0, 2**40] * 3)
    assert table.schema["label"].kind == "integer"
    discrete = with_discrete(table, "label")
    assert discrete.schema["label"].kind == "categorical"
    assert discrete.schema["x"] == table.schema["x"]
    assert with_discrete(discrete, "label") is discrete
    with pytest.raises(UnknownNameError, match="did you mean 'label'"):
        with_discrete(table, "lable")
