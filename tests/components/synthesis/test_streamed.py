"""CTGAN on files that are read by batches."""

from __future__ import annotations

import pandas as pd
import pytest

from ganforge.data.streams import stream_table
from ganforge.data.toy import toy_payments
from ganforge.synthesis.ctgan import CTGAN


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("streamed") / "t.parquet"
    toy_payments(2_000, fraud_share=0.1, seed=2).to_parquet(path, row_group_size=300)
    return path


def quick(**changes) -> CTGAN:
    return CTGAN(steps=4, batch_size=50, random_state=0, **changes)


def test_a_file_read_by_batches_trains_the_model_that_the_table_in_memory_trains(path):
    stream = stream_table(path, batch=170)
    streamed, whole = quick().fit(stream), quick().fit(path)
    pd.testing.assert_frame_equal(streamed.sample(50, random_state=1), whole.sample(50, random_state=1))
    assert streamed.data_fingerprint_ == stream.fingerprint != whole.data_fingerprint_


def test_its_training_is_judged_on_rows_of_the_file(path, tmp_path):
    stream = stream_table(path, batch=170, sample=800)
    model = quick(early_stopping=True, validation_fraction=0.3).fit(stream)
    assert model.training_.steps <= 4
    model.save(tmp_path / "model")
    assert list(CTGAN.load(tmp_path / "model").sample(3).columns) == list(stream.schema.names)
