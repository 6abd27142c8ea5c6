"""Distance to the closest record: copies are found out, new rows are not accused."""

import numpy as np
import pandas as pd
import pytest

from ganforge.data.schema import Schema
from ganforge.data.toy import toy_payments
from ganforge.errors import UnknownNameError, UnsuitableDataError
from ganforge.quality.closest import RowSpace, closest_records


def halves(n: int = 800, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = toy_payments(2 * n, seed=seed).sample(frac=1, random_state=0)
    return rows.iloc[:n], rows.iloc[n:]


def test_new_rows_of_the_population_are_as_far_as_held_out_ones():
    training, held_out = halves()
    found = closest_records(halves(seed=5)[0], training, held_out)
    assert found.nearer.low < 0.5 < found.nearer.high
    assert not found.leaks
    assert found.synthetic == pytest.approx(found.held_out, rel=0.15)


def test_copies_and_near_copies_are_found_out():
    training, held_out = halves()
    copies = closest_records(training.sample(400, random_state=1), training, held_out)
    assert copies.synthetic == 0 < copies.held_out
    assert copies.leaks
    assert copies.nearer.share > 0.95
    jittered = training.sample(400, random_state=1).assign(amount=lambda rows: rows["amount"] + 0.01)
    assert closest_records(jittered, training, held_out).nearer.low > 0.9


def test_a_share_of_copies_shows():
    training, held_out = halves()
    fresh = halves(seed=5)[0]
    mixed = pd.concat([fresh.head(500), training.sample(300, random_state=1)])
    found = closest_records(mixed, training, held_out)
    assert found.leaks
    assert 0.55 < found.nearer.share < 0.8


def test_distances_are_what_one_works_out_by_hand():
    training = pd.DataFrame({"x": [10.0, 20.0, 30.0, 1_000_000.0], "c": ["a", "a", "b", "b"]})
    space = RowSpace.of(training)
    rows = pd.DataFrame({"x": [10.0, 20.0, 30.0, 2e9], "c": ["a", "b", "b", "b"]})
    np.testing.assert_allclose(space.distances(rows), [0, 0.25, 0, 0.125], atol=1e-6)  # ranks .125 .375 .625 .875
    np.testing.assert_allclose(space.distances_within(), [0.25, 0.25, 0.25, 0.25], atol=1e-6)


def test_a_gap_is_a_category_of_its_own():
    training = pd.DataFrame({"x": [1.0, 2.0, 3.0, np.nan], "y": [0.5, 1.5, 2.5, 3.5]})
    far = RowSpace.of(training).distances(pd.DataFrame({"x": [np.nan, 2.0], "y": [3.5, 1.5]}))
    np.testing.assert_allclose(far, 0, atol=1e-6)
    assert RowSpace.of(training).distances(pd.DataFrame({"x": [np.nan], "y": [1.5]}))[0] >= 0.5


def test_twins_among_the_training_rows_are_at_zero():
    training = pd.concat([toy_payments(60, seed=0)] * 2, ignore_index=True)
    assert (RowSpace.of(training).distances_within() == 0).all()


def test_bad_calls():
    training, held_out = halves(50)
    with pytest.raises(UnknownNameError, match="merchant"):
        closest_records(training.drop(columns="merchant"), training, held_out)
    with pytest.raises(UnsuitableDataError, match="at least 2"):
        RowSpace.of(training.head(1), Schema.infer(training))
