"""`detect` and `score`: rows in order, columns in any order, a missing one named, a new category counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

RANDOM = np.random.RandomState(0)
NORMAL = pd.DataFrame(
    {
        "a": RANDOM.normal(0, 1, 400),
        "b": RANDOM.normal(10, 2, 400),
        "channel": RANDOM.choice(["web", "shop"], 400),
    }
)
TONIGHT = pd.concat(
    [NORMAL.head(60), pd.DataFrame({"a": [0.1, 25.0], "b": [10.0, 9.0], "channel": ["fax", "web"]})], ignore_index=True
)


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    from ganforge.catalog import load_class

    folder = tmp_path_factory.mktemp("detector") / "knn"
    load_class("knn")().fit(NORMAL).save(folder)
    return folder


def test_detect_trains_on_the_rows_called_normal(tmp_path, cli):
    frame = pd.concat([NORMAL.assign(label=0), NORMAL.head(5).assign(a=30.0, label=1)])
    frame.to_csv(tmp_path / "t.csv", index=False)
    done = cli(
        "detect", tmp_path / "t.csv", "--kind", "knn", "--label", "label", "--out", tmp_path / "m", "--json", "-"
    )
    assert done.code == 0, done.err
    assert '"rows": 400' in done.out
    frame.drop(columns="label").to_csv(tmp_path / "x.csv", index=False)
    assert cli("score", tmp_path / "m", tmp_path / "x.csv", "--out", tmp_path / "s.csv").code == 0
    scored = pd.read_csv(tmp_path / "s.csv")
    assert set(scored.nsmallest(5, "rank").index) == {400, 401, 402, 403, 404}


def test_rows_stay_in_order_with_score_rank_and_reasons(detector, tmp_path, cli):
    TONIGHT[["channel", "b", "a"]].to_csv(tmp_path / "t.csv", index=False)
    done = cli("score", detector, tmp_path / "t.csv", "--out", tmp_path / "s.csv", "--explain")
    assert done.code == 0, done.err
    scored = pd.read_csv(tmp_path / "s.csv")
    assert np.allclose(scored["a"], TONIGHT["a"])
    assert sorted(scored["rank"])[0] == 1
    odd = scored.iloc[61]
    assert odd["rank"] == 1
    assert odd["reason_1"] == "a"
    assert "channel" in done.out
    assert "never seen" in done.out


def test_a_missing_column_is_named_and_nothing_is_written(detector, tmp_path, cli):
    TONIGHT.drop(columns="b").to_csv(tmp_path / "t.csv", index=False)
    done = cli("score", detector, tmp_path / "t.csv", "--out", tmp_path / "s.csv")
    assert done.code == 2
    assert "'b'" in done.err
    assert not (tmp_path / "s.csv").exists()


def test_chunks_change_nothing(detector, tmp_path):
    from ganforge.catalog import load_model
    from ganforge_pipelines.stages.scoring import score_file

    TONIGHT.to_parquet(tmp_path / "t.parquet")
    model = load_model(detector)
    score_file(model, tmp_path / "t.parquet", tmp_path / "whole.csv", explain=True)
    score_file(model, tmp_path / "t.parquet", tmp_path / "parts.csv", explain=True, rows=7)
    assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "parts.csv").read_bytes()


def test_a_generator_scores_nothing(tmp_path, cli):
    from ganforge import CTGAN

    CTGAN(steps=2, batch_size=20, pac=2, random_state=0).fit(NORMAL).save(tmp_path / "g")
    NORMAL.to_csv(tmp_path / "t.csv", index=False)
    done = cli("score", tmp_path / "g", tmp_path / "t.csv", "--out", tmp_path / "s.csv")
    assert done.code == 2
    assert "ganforge detect" in done.err
