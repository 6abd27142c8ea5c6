"""What a column is: ordered categories, what pandas says of it already, and what is refused."""

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest

from ganforge.data.codec import Codec
from ganforge.data.readers import read_table
from ganforge.data.schema import Schema
from ganforge.data.streams import stream_table
from ganforge.data.table import Table
from ganforge.detectors.rows import RowEncoding
from ganforge.downstream.features import Features
from ganforge.errors import InputError, UnknownNameError

GRADES = ["poor", "fair", "good"]


def graded(n=60):
    return pd.DataFrame({"grade": np.resize(["fair", "good", "fair", None, "poor"], n), "x": np.arange(n) / 3})


def test_an_order_comes_from_the_dtype_from_a_file_or_from_the_numbers(tmp_path):
    (tmp_path / "kinds.yaml").write_text("grade: {kind: ordinal, order: [poor, fair, good]}\n")
    (tmp_path / "kinds.json").write_text('{"grade": {"kind": "ordinal", "order": ["poor", "fair", "good"]}}')
    frame = graded()
    as_dtype = frame.assign(grade=pd.Categorical(frame["grade"], categories=GRADES, ordered=True))
    tables = [Table.of(frame, schema=tmp_path / name) for name in ("kinds.yaml", "kinds.json")]
    for table in [*tables, Table.of(as_dtype)]:
        assert table.schema["grade"].kind == "ordinal"
        assert table.schema["grade"].categories == ("poor", "fair", "good")
        assert table.schema == tables[0].schema
        assert Schema.from_json(json.loads(json.dumps(table.schema.to_json()))) == table.schema
        again = Table.of(table.frame, schema=table.schema.kinds())
        assert again.schema == table.schema
    stars = pd.DataFrame({"stars": [3, 1, 1, 5] * 10, "x": range(3, 43)})
    assert Table.of(stars, schema={"stars": "ordinal"}).schema["stars"].categories == (1, 3, 5)


def test_an_order_counts_whatever_a_file_makes_of_its_values(tmp_path):
    frame = pd.DataFrame({"stars": np.resize(["1", "4+", "3"], 60), "size": np.resize([3, 1, 2], 60), "x": range(60)})
    frame.to_csv(tmp_path / "a.csv", index=False)
    kinds = tmp_path / "kinds.yaml"
    kinds.write_text("stars: {kind: ordinal, order: [1, 2, 3, 4+]}\nsize: {kind: ordinal, order: ['3', '2', '1']}\n")
    for table in (
        read_table(tmp_path / "a.csv", schema=kinds),
        stream_table(tmp_path / "a.csv", schema=kinds, sample=2),
    ):
        assert table.schema["stars"].categories == ("1", "3", "4+")
        assert table.schema["size"].categories == (3, 2, 1)


def test_ordinal_values_are_coded_in_their_order_and_take_conditions():
    frame = graded()
    frame["grade"] = pd.Categorical(frame["grade"], categories=["worst", *GRADES], ordered=True)
    codec = Codec.fit(Table.of(frame))
    assert codec.layout.blocks[0].width == 4  # three that were seen, and missing
    assert [codec.code_of("grade", each)[1] for each in [*GRADES, None]] == [0, 1, 2, 3]
    decoded = codec.decode(codec.encode(frame))["grade"]
    pd.testing.assert_series_equal(decoded, frame["grade"], check_names=False)


def test_classifiers_and_detectors_see_the_place_in_the_order():
    frame = graded()
    table = Table.of(frame.assign(grade=pd.Categorical(frame["grade"], categories=GRADES, ordered=True)))
    features = Features.fit(table, one_hot=False)
    assert features.categorical.tolist() == [False, False]
    first = features.transform(table.frame)[:5, 0]
    np.testing.assert_array_equal(first, [1, 2, 1, np.nan, 0])
    rows = RowEncoding.fit(table)
    assert rows.codec.schema["grade"].kind in ("integer", "continuous")
    matrix = rows.rows(table.frame.iloc[:5], source="rows")
    place = matrix[:, rows.groups[0].start]
    assert place[4] < place[0] < place[1]
    assert place[3] == 0  # missing: the mean


def test_categories_of_pandas_stay_categories():
    many = pd.DataFrame({"code": pd.Categorical(np.arange(200) % 40), "x": np.arange(200) / 7})
    assert Table.of(many).schema["code"].kind == "categorical"
    assert Table.of(many.astype({"code": int})).schema["code"].kind == "integer"


def test_integers_beyond_64_bits_signed_are_not_wrapped_round():
    frame = pd.DataFrame({"a": pd.array([0, 1, None, 2**64 - 2**11], dtype="UInt64")})
    assert Table.of(frame, schema={"a": "integer"}).frame["a"].tolist()[3] == float(2**64 - 2**11)
    assert Table.of(frame).frame["a"].tolist()[3] == str(2**64 - 2**11)


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("grade: ordinal", InputError, r"column 'grade' is called ordinal, and texts have no order.*schema file"),
        ("grade: {kind: ordinal, order: [poor, good]}", InputError, r"row 1: 'fair' is not in the order .*poor, good"),
        ("grade: {kind: categorical, order: [a, b]}", InputError, "an order belongs to an ordinal column"),
        ("grade: {kind: ordinal, order: [a, a]}", InputError, "at least two different values"),
        ("grade: {kind: ordinal, order: poor}", InputError, "at least two different values"),
        ("grade: {kind: ordnal}", UnknownNameError, "did you mean 'ordinal'"),
    ],
)  # fmt: skip
def test_orders_that_are_none(tmp_path, text, error, said):
    (tmp_path / "kinds.yaml").write_text(text)
    with pytest.raises(error, match=said):
        Table.of(graded(), schema=tmp_path / "kinds.yaml", source="grades.csv")


@pytest.mark.parametrize("form", ["HH:MM", "HH:MM:SS", "objects"])
@pytest.mark.parametrize("batches", [False, True])
def test_times_of_day_have_an_order_of_their_own_and_take_that_of_a_file(form, batches, tmp_path):
    late_first = ["22:30", "06:30", "14:30", "06:30"] * 30
    (tmp_path / "kinds.yaml").write_text("shift: {kind: ordinal, order: [22:30, 06:30, 14:30]}")  # YAML 1.1's 1350
    frame = pd.DataFrame({"shift": late_first, "n": np.arange(120) * 0.5})
    if form != "HH:MM":
        frame["shift"] += ":00"
    frame.to_csv(path := tmp_path / "t.csv", index=False)
    if form == "objects":
        frame["shift"] = frame["shift"].map(dt.time.fromisoformat)
        frame.to_parquet(path := tmp_path / "t.parquet")
    for schema, order in (({"shift": "ordinal"}, [1, 2, 0]), (tmp_path / "kinds.yaml", [0, 1, 2])):
        spelled = [late_first[k] + (":00" if form != "HH:MM" else "") for k in order]
        table = stream_table(path, schema=schema, sample=30, batch=20) if batches else Table.of(frame, schema=schema)
        assert table.schema["shift"].categories == tuple(spelled)
    (tmp_path / "kinds.yaml").write_text("shift: {kind: ordinal, order: [22:30, 06:30]}")
    with pytest.raises(InputError, match=r"'14:30(:00)?' is not in the order given for it"):
        Table.of(frame, schema=tmp_path / "kinds.yaml")


@pytest.mark.parametrize("value", ["!!int 06:30", "!!timestamp noon", "!!bool maybe", "!!float x"])
def test_a_schema_file_whose_value_does_not_suit_its_tag_is_told_with_its_line(value, tmp_path):
    (path := tmp_path / "kinds.yaml").write_text(f"n: integer\na: {value}\n")
    with pytest.raises(InputError, match=r"kinds.yaml is not .*does not suit its tag .*; leave the tag out .*line 2"):
        Schema.read(path)
