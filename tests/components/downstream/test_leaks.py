"""Planted leaks are found; what only looks like one is not."""

import numpy as np
import pandas as pd
import planted
import pytest

from ganforge.data.streams import stream_table
from ganforge.data.table import Table
from ganforge.data.tables import read_table, read_table_chunks, read_verbatim_chunks
from ganforge.downstream.applying import augmented
from ganforge.downstream.leaks import MARK, refuse_peeping, share_of_twins, telling_columns, without_mark
from ganforge.downstream.verdict import judge
from ganforge.errors import GanforgeWarning, InputError, UnsuitableDataError
from ganforge.synthesis.base import marked

LEAN = {"arms": ("class weights",), "classifiers": "logistic-regression", "sampling_strategy": 0.5, "inner_folds": 0}


@pytest.fixture(scope="module")
def frame():
    return planted.ring_table().drop(columns="moment")


# -- marked rows ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelt", [[False, True], [0, 1], ["False", "True"], [0.0, 1.0]], ids=str)
def test_marked_rows_are_refused_with_their_number(frame, spelt):
    marks = np.array(spelt, dtype=object)[(np.arange(len(frame)) < 7).astype(int)]
    with pytest.raises(InputError, match=r"7 of 1,200 rows are marked as synthetic \(ganforge_synthetic\)"):
        judge(frame.assign(**{MARK: marks}), "target", synthesizer=planted.Oracle(), **LEAN)


def test_a_frame_that_is_marked_as_a_whole_is_refused(frame):
    made = frame.copy()
    made.attrs[MARK] = True
    with pytest.raises(InputError, match=r"1,200 of 1,200"):
        judge(made, "target", synthesizer=planted.Oracle(), **LEAN)
    with pytest.raises(InputError, match=r"3 of 1,200"):
        judge(Table.of(frame.assign(**{MARK: np.arange(1200) < 3})), "target", synthesizer=planted.Oracle(), **LEAN)


def test_what_a_synthesizer_made_keeps_its_mark_where_it_can(frame, tmp_path):
    """Through what is done to a frame and in Parquet; beside real rows in a column."""
    made = marked(frame.copy())
    made[made["target"] == 1].assign(noise=0.0).reset_index(drop=True).to_parquet(tmp_path / "made.parquet")
    with pytest.raises(InputError, match=r"40 of 40 rows are marked as synthetic"):
        judge(pd.read_parquet(tmp_path / "made.parquet"), "target", synthesizer=planted.Oracle(), **LEAN)
    beside = pd.concat([frame, made.head(9).assign(**{MARK: True})])
    with pytest.raises(InputError, match=r"9 of 1,209 rows are marked as synthetic"):
        judge(beside, "target", synthesizer=planted.Oracle(), **LEAN)


def test_a_table_and_a_file_of_what_a_synthesizer_made_keep_its_mark(frame, tmp_path):
    made, file = marked(frame.copy()), tmp_path / "made.parquet"
    made.to_parquet(file)
    table = Table.of(made)
    chunks = list(read_table_chunks(file, rows=500, schema=table.schema))
    streamed = stream_table(file, sample=300, batch=500)
    for synthetic in (
        made,
        table,
        Table.of(made, schema=table.schema),
        Table.of(made, schema={"target": "categorical"}),
        table.drop("noise").take(np.arange(100)),
        read_table(file),
        chunks[-1],
        next(read_verbatim_chunks(file, rows=500)),
        streamed.sample,
        streamed.take(np.arange(60)),
    ):
        with pytest.raises(InputError, match=r"rows are marked as synthetic .* judge the data they were made from"):
            judge(synthetic, "target", synthesizer=planted.Oracle(), **LEAN)
    with pytest.raises(InputError, match=r"1,200 of 1,200 rows are marked as synthetic"):
        augmented(read_table(file), "target", arm="oversampling", ratio=0.5)
    frame.to_parquet(file)
    assert not read_table(file).frame.attrs


def test_a_mark_that_marks_nothing_is_no_feature(frame):
    assert MARK not in without_mark(frame.assign(**{MARK: False})).columns
    plain = judge(frame, "target", synthesizer=planted.Oracle(), folds=2, **LEAN)
    marked = judge(frame.assign(**{MARK: False}), "target", synthesizer=planted.Oracle(), folds=2, **LEAN)
    assert {name: arm.folds for name, arm in marked.arms.items()} == {n: a.folds for n, a in plain.arms.items()}


# -- a column that knows -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [("no", "yes"), (7, 3), (False, True)], ids=str)
def test_a_copy_of_the_target_is_refused(frame, values):
    copied = frame.assign(verdict=np.array(values, dtype=object)[frame["target"]])
    with pytest.raises(UnsuitableDataError, match="column 'verdict' says in every row what 'target' says"):
        judge(copied, "target", synthesizer=planted.Oracle(), **LEAN)


def test_a_column_that_finds_the_positives_alone_is_told(frame):
    rng = np.random.default_rng(0)
    told = frame.assign(refund=np.where(frame["target"] == 1, rng.uniform(5, 9, 1200), rng.uniform(0, 4, 1200)))
    with pytest.warns(GanforgeWarning, match=r"column 'refund' alone finds the positives \(average precision 1.000\)"):
        verdict = judge(told, "target", synthesizer=planted.Oracle(), folds=2, **LEAN)
    assert any("refund" in notice for notice in verdict.notices)
    positive = frame["target"].to_numpy() == 1
    kinds = Table.of(told.assign(refund=np.where(positive, "chargeback", rng.choice(["a", "b"], 1200))))
    assert "refund" in telling_columns(kinds, "target", positive)[0]
    assert telling_columns(Table.of(frame), "target", positive) == []


def test_categories_are_not_believed_on_the_rows_they_were_counted_on():
    rng = np.random.default_rng(0)
    many = pd.DataFrame({"shop": rng.integers(0, 900, 1000).astype(str), "target": (np.arange(1000) < 50).astype(int)})
    positive = many["target"].to_numpy() == 1
    assert telling_columns(Table.of(many, schema={"shop": "categorical"}), "target", positive) == []


# -- a synthesizer that peeps --------------------------------------------------------------------------------------


def test_a_synthesizer_that_knows_the_test_rows_is_found(frame):
    planted.Peeper.everything = frame
    with pytest.raises(InputError, match=r"arm 'peeper' has seen what it is judged on: 40 of 40 positives"):
        judge(frame, "target", synthesizer=planted.Peeper(), **LEAN)


def test_an_honest_one_is_not_accused(frame):
    judge(frame, "target", synthesizer=planted.Oracle(), **LEAN)
    with pytest.warns(GanforgeWarning, match="exact copies"):
        judge(frame, "target", synthesizer=planted.Copier(), **LEAN)


def test_rows_of_few_categories_meet_by_chance():
    rng = np.random.default_rng(0)
    coarse = pd.DataFrame({name: rng.choice(["a", "b", "c"], 600, p=[0.6, 0.3, 0.1]) for name in "xyz"})
    coarse["target"] = (np.arange(600) < 60).astype(int)
    positive = coarse["target"].to_numpy() == 1
    twins = share_of_twins(Table.of(coarse), positive)
    assert twins > 0.5
    refuse_peeping("any", met=50, unseen=60, draws=200, twins=twins, positives=60)
    with pytest.raises(InputError, match="50 of 60"):
        refuse_peeping("any", met=50, unseen=60, draws=60, twins=0.0, positives=60)
    refuse_peeping("any", met=0, unseen=0, draws=0, twins=0.0, positives=60)
