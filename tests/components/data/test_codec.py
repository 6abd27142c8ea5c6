"""The codec: what must come back whatever goes in, and the paper's formula by hand."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import pandas as frames

from ganforge.data.codec import Codec, Encoded
from ganforge.data.table import Table
from ganforge.data.toy import toy_payments
from ganforge.errors import InputError, UnknownNameError, UnsuitableDataError

FLOATS = st.one_of(
    st.floats(-1e6, 1e6), st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300),
    st.sampled_from([0.0, 0.25, np.nan]), st.integers(-500, 500).map(lambda cents: cents / 100),
)  # fmt: skip
WHOLES = st.one_of(st.integers(-(2**62), 2**62), st.integers(-5, 5), st.integers(2**53, 2**53 + 9))
TEXTS = st.sampled_from(["a", "b", "Ärger", "", "0", "1", None])
DATES = st.one_of(st.datetimes(pd.Timestamp("1700-01-01"), pd.Timestamp("2200-01-01")), st.none())
COLUMNS = [
    frames.column("number", elements=FLOATS, dtype=float),
    frames.column("whole", elements=WHOLES, dtype="int64"),
    frames.column("text", elements=TEXTS, dtype=object),
    frames.column("truth", elements=st.booleans(), dtype=bool),
    frames.column("moment", elements=DATES, dtype="datetime64[ns]"),
]


def same_make(decoded, table):
    """Columns, dtypes, missing places, categories, bounds and rounding are those of the table."""
    frame = table.frame
    assert list(decoded.columns) == list(frame.columns)
    for column in table.schema:
        got, want = decoded[column.name], frame[column.name]
        if column.kind == "text":
            assert got.isna().all(), column
            continue
        if column.kind == "identifier":
            assert got.notna().all(), column
            assert got.is_unique, column
            assert not set(got.astype(str)) & set(want.astype(str)), column
            continue
        assert got.isna().tolist() == want.isna().tolist(), column
        assert str(got.dtype) == column.dtype, column
        if column.kind in ("categorical", "boolean", "constant"):
            assert got.dropna().tolist() == want.dropna().tolist()
        elif want.notna().any():
            assert got.min() >= want.min(), column
            assert got.max() <= want.max(), column
            if column.decimals is not None:
                assert np.array_equal(np.round(got.dropna().astype(float), column.decimals), got.dropna().astype(float))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(frames.data_frames(COLUMNS, index=frames.range_indexes(min_size=3, max_size=25)), st.integers(0, 1_000))
def test_decode_restores_and_rows_are_independent(frame, seed):
    table = Table.of(frame)
    if not any(column.learned for column in table.schema):
        with pytest.raises(UnsuitableDataError, match="nothing to learn"):
            Codec.fit(table)
        return
    codec = Codec.fit(table, max_modes=3)
    encoded = codec.encode(table)
    assert encoded.unseen == {}
    assert np.abs(encoded.scalars).max(initial=0) <= 1
    same_make(codec.decode(encoded), table)
    same_make(codec.decode(codec.encode(table, random_state=seed)), table)
    order = np.random.default_rng(seed).permutation(len(frame))
    shuffled = codec.encode(table.frame.iloc[order])
    assert np.array_equal(shuffled.scalars, encoded.scalars[order])
    assert np.array_equal(shuffled.codes, encoded.codes[order])
    alone = codec.encode(table.frame.iloc[[0]][list(reversed(table.frame.columns))])
    assert np.array_equal(alone.scalars, encoded.scalars[:1])
    assert np.array_equal(alone.codes, encoded.codes[:1])
    again = Codec.from_json(json.loads(json.dumps(codec.to_json())))
    assert again.to_json() == codec.to_json()
    assert np.array_equal(again.encode(table).scalars, encoded.scalars)
    pd.testing.assert_frame_equal(again.decode(encoded), codec.decode(encoded))


def test_values_come_back_to_a_millionth_of_their_mode():
    table = Table.of(toy_payments(500))
    codec = Codec.fit(table)
    decoded = codec.decode(codec.encode(table, clip=None))
    pd.testing.assert_frame_equal(decoded, table.frame)


def test_the_order_of_rows_does_not_change_what_is_learned():
    frame = toy_payments(300)
    codec = Codec.fit(Table.of(frame))
    other = Codec.fit(Table.of(frame.sample(frac=1, random_state=3)))
    assert other.to_json() == codec.to_json()


@pytest.mark.parametrize(
    "values",
    [
        np.exp(np.random.default_rng(0).standard_cauchy(400).clip(-200, 200)),  # tails beyond measure
        np.random.default_rng(0).normal(size=400) * 1e-200,
        np.array([1e308, -1e308, 0.0] * 20),
        2**60 + np.arange(50),
        np.array([np.iinfo(np.int64).min, np.iinfo(np.int64).max, 0] * 20),
        np.array([-3.5] * 40 + [7.25]),
    ],
    ids=["heavy tails", "tiny", "huge", "beyond 2^53", "all of int64", "two values"],
)
def test_odd_magnitudes(values):
    table = Table.of(pd.DataFrame({"a": values}), schema={"a": "integer" if values.dtype.kind == "i" else "continuous"})
    codec = Codec.fit(table)
    decoded = codec.decode(codec.encode(table, clip=None))
    same_make(decoded, table)
    got, want = decoded["a"].to_numpy(float), table.frame["a"].to_numpy(float)
    assert np.median(np.abs(got - want)) <= 1e-5 * np.abs(want).max()


def test_whole_numbers_beyond_two_to_the_53_keep_their_differences():
    table = Table.of(pd.DataFrame({"a": 2**60 + 3 * np.arange(50)}))
    codec = Codec.fit(table)
    assert codec.decode(codec.encode(table, clip=None))["a"].tolist() == table.frame["a"].tolist()


def test_unsigned_numbers_beyond_int64_are_not_cut_off():
    values = np.random.default_rng(0).integers(0, np.iinfo(np.uint64).max, 400, dtype=np.uint64)
    table = Table.of(pd.DataFrame({"a": values}), schema={"a": "integer"})
    codec = Codec.fit(table)
    decoded = codec.decode(codec.encode(table, clip=None))["a"]
    assert decoded.dtype == np.uint64
    assert np.abs(decoded.to_numpy(float) - values.astype(float)).max() <= 1e-5 * 2.0**64


def test_what_is_not_learned_is_put_back():
    note = [f"far too long a text to be a category, row {k}" for k in range(60)]
    frame = toy_payments(60).assign(payment_id=range(60), note=note, nothing=np.nan, when=pd.Timestamp("2025-05-05"))
    codec = Codec.fit(Table.of(frame))
    assert {block.column for block in codec.layout.blocks} == set(toy_payments(60).columns) - {"currency"}
    decoded = codec.decode(codec.encode(frame), first_identifier=5)
    assert codec.schema.left_out() == [
        "constant, left out of training and put back into samples: currency, nothing, when",
        "identifiers, never learned and made anew in samples: payment_id",
        "free text, not learned and empty in samples: note",
    ]
    assert decoded["currency"].tolist() == ["EUR"] * 60
    assert decoded["payment_id"].tolist() == list(range(64, 124))
    assert decoded["note"].isna().all()
    assert decoded["nothing"].isna().all()
    assert (decoded["when"] == pd.Timestamp("2025-05-05")).all()
    assert decoded["when"].dtype == frame["when"].dtype


def test_blocks_of_each_kind():
    codec = Codec.fit(Table.of(toy_payments(400)), max_modes=4)
    blocks = {block.column: block for block in codec.layout.blocks}
    assert (blocks["country"].kind, blocks["country"].width) == ("categorical", 5)  # four and missing
    assert blocks["is_fraud"].width == 2
    assert blocks["age"].width == len(codec.mixtures["age"]) + 1  # missing is a mode of its own
    assert blocks["amount"].width == len(codec.mixtures["amount"]) <= 4
    encoded = codec.encode(toy_payments(400))
    matrix = codec.layout.expand(torch.from_numpy(encoded.scalars), torch.from_numpy(encoded.codes))
    assert matrix.shape == (400, codec.layout.width)


def test_what_was_never_seen():
    frame = toy_payments(300)
    codec = Codec.fit(Table.of(frame))
    new = frame.iloc[:5].assign(country=["DE", "Mars", "FR", "Venus", "NL"], items=[1, None, 2, 3, 4])
    encoded = codec.encode(new, unseen="count")
    assert encoded.unseen == {"country": 2, "items": 1}
    k = [block.column for block in codec.layout.blocks].index("country")
    assert (encoded.codes[:, k] < 0).tolist() == [False, True, False, True, False]
    decoded = codec.decode(encoded)
    assert decoded["country"].isna().tolist() == [False, True, False, True, False]
    assert decoded["items"].isna().tolist() == [False, True, False, False, False]
    with pytest.raises(UnknownNameError, match=r"column 'country' 'Mars' in data frame, row 2; there are: DE"):
        codec.encode(new.assign(items=1))
    with pytest.raises(InputError, match=r"column 'items', row 2: the value is missing, and none was"):
        codec.encode(new.assign(country="DE"))
    with pytest.raises(UnknownNameError, match="no column 'amount'"):
        codec.encode(frame.drop(columns="amount"))
    with pytest.raises(InputError, match="raise"):
        codec.encode(frame, unseen="rise")


def test_far_values_are_kept_for_detectors_and_clipped_for_generators():
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=500)})
    codec = Codec.fit(Table.of(frame))
    far = pd.DataFrame({"a": [1_000.0]})
    assert codec.encode(far).scalars.tolist() == [[1.0]]
    assert codec.encode(far, clip=None).scalars[0, 0] > 50


def test_conditions_are_found_by_value_or_by_its_text():
    codec = Codec.fit(Table.of(toy_payments(300)))
    names = [block.column for block in codec.layout.blocks]
    for value in (1, "1", 1.0, np.int64(1)):
        assert codec.code_of("is_fraud", value) == (
            names.index("is_fraud"),
            codec.schema["is_fraud"].categories.index(1),
        )
    assert codec.code_of("online", "false") == codec.code_of("online", False) == codec.code_of("online", np.False_)
    assert codec.code_of("country", None)[1] == len(codec.schema["country"].categories)
    with pytest.raises(UnknownNameError, match="did you mean 'grocery'"):
        codec.code_of("merchant", "grocer")
    with pytest.raises(UnknownNameError, match="did you mean 'merchant'"):
        codec.code_of("merchand", "fuel")
    with pytest.raises(InputError, match="amount' is continuous, and a condition takes a category"):
        codec.code_of("amount", 3)
    with pytest.raises(InputError, match="currency' is constant"):
        codec.code_of("currency", "EUR")
    with pytest.raises(UnknownNameError, match="missing"):
        codec.code_of("merchant", None)


def test_a_fold_that_lacks_what_the_schema_knows():
    """Fitted on rows where a column is missing throughout, constant, or lacks a category."""
    table = Table.of(toy_payments(300))
    fold = table.frame.iloc[:40].assign(age=np.nan, amount=7.5, merchant="fuel")
    codec = Codec.fit(Table.of(fold, schema=table.schema))
    assert codec.mixtures["age"] is None
    decoded = codec.decode(codec.encode(fold))
    assert decoded["age"].isna().all()
    assert decoded["amount"].tolist() == [7.5] * 40
    assert codec.code_of("merchant", "travel")[1] >= 0
    assert codec.encode(table, unseen="count").unseen == {"age": int(table.frame["age"].notna().sum())}


def test_shapes_that_do_not_fit():
    codec = Codec.fit(Table.of(toy_payments(60)))
    with pytest.raises(InputError, match="do not fit this codec"):
        codec.decode((np.zeros((2, 1)), np.zeros((2, 1), dtype=int)))
    with pytest.raises(InputError, match="do not fit this codec"):
        codec.decode(Encoded(np.zeros((2, codec.layout.scalars)), np.zeros((3, len(codec.columns)), dtype=np.int32)))


@pytest.mark.parametrize(
    ("values", "asked", "meant"),
    [
        ([True, False], 1, True),
        ([True, False], "0", False),
        ([True, False, None], "1", True),
        ([0, 1], True, 1),
        ([0, 1], "false", 0),
        ([0, 1], "1.0", 1),
        ([0, 1, 2], "2.0", 2),
        ([1.5, 2.5], "1.50", 1.5),
        (["yes", "no"], True, None),
        (["1", "01"], "1.0", None),
        ([0, 1, 2], True, None),
        ([True, False], 2, None),
        ([0, 1], "nan", None),
    ],
)
def test_a_condition_is_taken_for_what_it_means_where_it_can_mean_one_thing_only(values, asked, meant):
    table = Table.of(pd.DataFrame({"c": np.resize(np.array(values, dtype=object), 60)}), schema=kinds_of(values))
    codec = Codec.fit(table)
    if meant is None:
        with pytest.raises(UnknownNameError, match="no value of column 'c'"):
            codec.code_of("c", asked)
    else:
        assert codec.code_of("c", asked) == codec.code_of("c", meant)
        assert table.schema["c"].categories[codec.code_of("c", asked)[1]] == meant


def kinds_of(values):
    return {} if isinstance(values[0], bool | str) else {"c": "categorical"}


def test_a_codec_of_former_days_is_read_as_it_was():
    """Without spikes, grids, patterns of gaps and given dtypes, which came later."""
    mode = {"scale": 10.0, "center": 0.5, "spread": 0.2, "weights": [0.5, 0.5], "means": [-1.0, 1.0]}
    columns = [
        {
            "name": "a",
            "kind": "continuous",
            "dtype": "float64",
            "missing": True,
            "low": 0.0,
            "high": 10.0,
            "decimals": 1,
        },
        {"name": "b", "kind": "categorical", "dtype": "object", "missing": True, "categories": ["x", "y"]},
    ]
    codec = Codec.from_json({"schema": {"columns": columns}, "mixtures": {"a": {**mode, "deviations": [0.5, 0.5]}}})
    assert [block.width for block in codec.layout.blocks] == [3, 3]
    decoded = codec.decode((np.array([[0.0], [0.5], [0.0]]), np.array([[0, 0], [1, 1], [2, 2]])))
    assert decoded["a"].tolist()[:2] == [3.0, 9.0]
    assert decoded["b"].tolist()[:2] == ["x", "y"]
    assert decoded.iloc[2].isna().all()


def test_whole_numbers_below_int64_come_back_as_they_were():
    frame = pd.DataFrame({"a": [-9.223373136366404e18, -9.223374235878031e18, -1.3835059154793791e19] * 4})
    codec = Codec.fit(Table.of(frame, schema={"a": "integer"}))
    back = codec.decode(codec.encode(frame))["a"]
    assert back.between(frame["a"].min(), frame["a"].max()).all()
    np.testing.assert_allclose(back, frame["a"], rtol=1e-6)
