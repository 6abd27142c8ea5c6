"""Patterns of missing values: when they are kept, and that made rows have no others."""

import json

import numpy as np
import pandas as pd
import pytest

from ganforge.data.codec import Codec
from ganforge.data.gaps import NAME, Patterns, next_present
from ganforge.data.layout import Block
from ganforge.data.table import Table
from ganforge.data.toy import toy_payments
from ganforge.detectors.rows import RowEncoding
from ganforge.synthesis.ctgan import CTGAN


def survey(n=900, seed=0):
    """Three answers and a grade that are there or missing together; the fourth answer only where they are missing."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    frame["grade"] = rng.choice(["good", "fair", "poor"], n)
    frame["way"] = np.where(frame["d"] > 0.3, "phone", "web")
    without = rng.random(n) < np.where(frame["way"] == "phone", 0.6, 0.1)
    frame.loc[without, ["a", "b", "c", "grade"]] = np.nan
    frame.loc[without & (rng.random(n) < 0.5), "d"] = np.nan
    return frame


def patterns_of(frame):
    return set(map(tuple, frame[[*"abcd", "grade"]].isna().to_numpy().tolist()))


def test_patterns_are_kept_where_they_recur():
    frame = survey()
    codec = Codec.fit(Table.of(frame))
    assert codec.patterns is not None
    assert codec.patterns.columns == ("a", "b", "c", "d", "grade")
    assert codec.patterns.missing[0].tolist() == [False] * 5
    assert sorted(codec.patterns.missing[1:].tolist()) == [[True, True, True, False, True], [True] * 5]
    assert codec.layout.blocks[-1] == Block(NAME, "categorical", 3)
    assert codec.encode(frame).codes.shape == (900, 7)
    again = Codec.from_json(json.loads(json.dumps(codec.to_json())))
    assert again.patterns is not None
    assert again.patterns.missing.tolist() == codec.patterns.missing.tolist()
    rng = np.random.default_rng(0)
    assert Patterns.fit(("a",), rng.random((50, 1)) < 0.5) is None  # one column has no joint pattern
    assert Patterns.fit(("a", "b"), rng.random((900, 2)) < 0.5) is None  # independent
    assert Patterns.fit([f"c{k}" for k in range(12)], rng.random((300, 12)) < 0.5) is None  # hardly one is seen again
    assert Codec.fit(Table.of(toy_payments(400))).patterns is None


def test_places_and_donors():
    patterns = Patterns(("a", "b", "c"), np.array([[0, 0, 0], [1, 1, 1], [1, 1, 0]], dtype=bool))
    asked = np.array([[1, 1, 0], [0, 0, 0], [1, 0, 0], [1, 1, 1]], dtype=bool)
    assert patterns.places(asked).tolist() == [2, 0, -1, 1]
    assert next_present(np.array([False, True, False, True, False])).tolist() == [1, 1, 3, 3, 1]
    assert next_present(np.zeros(2, dtype=bool)).tolist() == [-1, -1]


def test_a_pattern_never_seen_is_no_unseen_value():
    codec = Codec.fit(Table.of(survey()))
    other = survey().assign(a=np.nan)
    encoded = codec.encode(other)
    assert encoded.unseen == {}
    assert (encoded.codes[:, -1] == -1).any()
    pd.testing.assert_frame_equal(codec.decode(encoded).isna(), other.isna())


def test_mended_rows_have_known_patterns_and_values_that_were_made():
    frame = survey()
    codec = Codec.fit(Table.of(frame))
    encoded = codec.encode(frame)
    same = codec.mended(encoded.scalars, encoded.codes)
    assert np.array_equal(same[0], encoded.scalars)
    assert np.array_equal(same[1], encoded.codes)
    rng = np.random.default_rng(1)
    shuffled = np.stack([*(rng.permutation(codes) for codes in encoded.codes[:, :-1].T), encoded.codes[:, -1]], axis=1)
    before = shuffled.copy()
    made = codec.decode(codec.mended(encoded.scalars, shuffled))
    assert np.array_equal(shuffled, before)
    assert len(patterns_of(codec.decode((encoded.scalars, shuffled)))) > 10
    pd.testing.assert_frame_equal(made.isna(), frame.isna())
    assert set(made["grade"].dropna()) == {"good", "fair", "poor"}


def test_detectors_look_at_the_columns_alone():
    table = Table.of(survey())
    rows = RowEncoding.fit(table)
    assert rows.codec.patterns is not None
    assert set(rows.columns) == set(table.schema.names)
    assert rows.rows(table.frame, source="rows").shape == (900, rows.width)


@pytest.mark.slow
def test_a_trained_ctgan_keeps_what_is_missing_together():
    frame = survey(1_200)
    model = CTGAN(steps=300, batch_size=200, random_state=0).fit(frame)
    made = model.sample(2_000, random_state=1)
    assert patterns_of(made) == patterns_of(frame)
    for column in "ad":
        assert made[column].isna().mean() == pytest.approx(frame[column].isna().mean(), abs=0.06)
    asked = model.sample(200, condition={"grade": None}, random_state=2)
    assert asked[["a", "b", "c", "grade"]].isna().all(axis=None)
