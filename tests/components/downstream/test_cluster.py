"""The same judgement on a cluster: `joblib.parallel_config("dask")` over a real one, in processes on loopback."""

from __future__ import annotations

import joblib
import planted
import pytest

from ganforge.downstream.verdict import judge
from ganforge.synthesis.ctgan import CTGAN


@pytest.fixture
def cluster(tmp_path):
    distributed = pytest.importorskip("distributed", reason="the dev extra brings it", exc_type=ImportError)
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            local_directory=str(tmp_path),
            memory_limit=0,
        ) as made,
        distributed.Client(made) as client,
    ):
        yield client


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_verdict(cluster):
    table = planted.ring_table()
    options = {
        "arms": ("class weights", "smote-nc"),
        "classifiers": "logistic-regression",
        "sampling_strategy": 0.5,
        "inner_folds": 2,
        "folds": 5,
        "random_state": 3,
    }
    alone = judge(table, "target", synthesizer=CTGAN(steps=2), **options)
    told = []
    with joblib.parallel_config("dask", wait_for_workers_timeout=60):
        together = judge(
            table,
            "target",
            synthesizer=CTGAN(steps=2),
            n_jobs=2,
            on_progress=lambda *each: told.append(each),
            **options,
        )
    assert {name: arm.folds for name, arm in together.arms.items()} == {
        name: arm.folds for name, arm in alone.arms.items()
    }
    assert (together.sentence, together.recommended) == (alone.sentence, alone.recommended)
    assert [done for done, _, _ in told] == list(range(21))  # five folds of four arms that train, and the start
    ran = cluster.run(lambda dask_worker: dask_worker.state.executed_count)
    assert len(ran) == 2
    assert all(count > 0 for count in ran.values()), "a worker had nothing to do"
