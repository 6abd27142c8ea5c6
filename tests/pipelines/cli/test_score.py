"""`detect` and `score`: rows in order, columns in any order, a missing one named, a new category counted."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
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
    assert "channel: 1 rows hold a category never seen in training" in done.out
    assert "lack" not in done.out


def test_a_missing_number_is_no_category_that_was_never_seen(detector, tmp_path, cli):
    TONIGHT.assign(a=[np.nan] * 3 + list(TONIGHT["a"][3:])).to_csv(tmp_path / "t.csv", index=False)
    done = cli("score", detector, tmp_path / "t.csv", "--out", tmp_path / "s.csv", "--json", tmp_path / "answer.json")
    assert done.code == 0, done.err
    assert "a: 3 rows lack a value, never missing in training; they are scored" in done.out
    assert "channel: 1 rows hold a category never seen in training; they are scored" in done.out
    assert "a: 3 rows hold" not in done.out
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert (answer["unseen"], answer["newly_missing"]) == ({"channel": 1}, {"a": 3})


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


def test_categories_and_bytes_in_row_groups_are_explained(detector, tmp_path):
    """The rows a person sees come with bytes, those of the detector without."""
    from ganforge.catalog import load_model
    from ganforge_pipelines.stages.scoring import score_file

    rows = TONIGHT.assign(channel=TONIGHT["channel"].astype("category"), scan=[b"%d" % k for k in range(len(TONIGHT))])
    rows.to_parquet(tmp_path / "t.parquet", row_group_size=11)
    score_file(load_model(detector), tmp_path / "t.parquet", tmp_path / "s.parquet", explain=True, rows=15)
    scored = pd.read_parquet(tmp_path / "s.parquet")
    assert scored["scan"].tolist() == rows["scan"].tolist()
    assert scored["channel"].tolist() == rows["channel"].tolist()
    assert scored["reason_1"].iloc[61] == "a"


def test_times_of_day_out_of_a_csv_file_are_written_as_such(tmp_path):
    from ganforge.catalog import load_class
    from ganforge_pipelines.stages.scoring import score_file

    at = [dt.time(6 + k % 16, k * 7 % 60) for k in range(400)]
    model = load_class("knn")().fit(NORMAL.assign(at=pd.Series(at, dtype=pd.ArrowDtype(pa.time64("us")))))
    TONIGHT.assign(at=at[: len(TONIGHT)]).to_csv(tmp_path / "t.csv", index=False)
    score_file(model, tmp_path / "t.csv", tmp_path / "s.parquet")
    assert pq.read_schema(tmp_path / "s.parquet").field("at").type == pa.time64("us")
    assert pd.read_parquet(tmp_path / "s.parquet")["at"].tolist() == at[: len(TONIGHT)]


def test_a_generator_scores_nothing(tmp_path, cli):
    from ganforge import CTGAN

    CTGAN(steps=2, batch_size=20, pac=2, random_state=0).fit(NORMAL).save(tmp_path / "g")
    NORMAL.to_csv(tmp_path / "t.csv", index=False)
    done = cli("score", tmp_path / "g", tmp_path / "t.csv", "--out", tmp_path / "s.csv")
    assert done.code == 2
    assert "ganforge detect" in done.err


CASES = pd.DataFrame(
    {
        "case": [f"{k:08d}" for k in range(240)],
        "mcc": (["5411", "5812", "0742", "07A1"] * 60),
        "amount": np.round(np.random.RandomState(1).gamma(2, 30, 240), 2),
        "note": (["", "nan", "?"] * 80),
    }
)


def test_a_row_scores_the_same_whatever_stands_around_it(tmp_path):
    """Codes with leading zeros, in files whose other rows would let them pass for numbers."""
    from ganforge.catalog import load_class, load_model
    from ganforge.data.readers import read
    from ganforge_pipelines.stages.scoring import score_file

    CASES.drop(columns=["case", "note"]).to_csv(tmp_path / "train.csv", index=False)
    load_class("knn")().fit(read(tmp_path / "train.csv")).save(tmp_path / "m")
    model = load_model(tmp_path / "m")
    some = CASES[CASES["mcc"] != "07A1"]
    CASES.to_csv(tmp_path / "all.csv", index=False)
    some.to_csv(tmp_path / "some.csv", index=False)
    score_file(model, tmp_path / "all.csv", tmp_path / "a.csv")
    summary = score_file(model, tmp_path / "some.csv", tmp_path / "b.csv", rows=7)
    assert summary.unseen == summary.newly_missing == {}
    a, b = (pd.read_csv(tmp_path / name, dtype={"case": str}).set_index("case") for name in ("a.csv", "b.csv"))
    assert (a.loc[b.index, "score"] == b["score"]).all()


def test_the_users_own_columns_come_back_as_they_stood(detector, tmp_path):
    from ganforge.catalog import load_model
    from ganforge_pipelines.stages.scoring import score_file

    ours = CASES.assign(a=0.5, b=10.0, channel="web", share_1="theirs")
    ours.to_csv(tmp_path / "t.csv", index=False)
    with pytest.warns(UserWarning, match="share_1"):
        score_file(load_model(detector), tmp_path / "t.csv", tmp_path / "s.csv", explain=True, rows=50)
    scored = pd.read_csv(tmp_path / "s.csv", dtype=str, keep_default_na=False)
    given = pd.read_csv(tmp_path / "t.csv", dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(scored[list(given.columns)], given)
    assert {"ganforge_score", "ganforge_rank", "ganforge_reason_1"} <= set(scored.columns)


def test_a_column_that_is_empty_at_first_does_not_break_parquet(detector, tmp_path):
    from ganforge.catalog import load_model
    from ganforge_pipelines.stages.scoring import score_file

    frame = NORMAL.head(40).assign(note=[""] * 20 + ["x"] * 20)
    frame.to_csv(tmp_path / "t.csv", index=False)
    score_file(load_model(detector), tmp_path / "t.csv", tmp_path / "s.parquet", rows=10)
    scored = pd.read_parquet(tmp_path / "s.parquet")
    assert scored["a"].dtype == float
    assert list(scored["note"]) == list(frame["note"])


def test_a_known_time_or_category_that_is_missing_at_first_keeps_its_type(tmp_path):
    from ganforge.catalog import load_class
    from ganforge_pipelines.stages.scoring import score_file

    at = [dt.time(6 + k % 16, k * 7 % 60) for k in range(400)]
    known = NORMAL.assign(
        at=pd.Series(at, dtype=pd.ArrowDtype(pa.time64("us"))), k=pd.Categorical(["x", "y"] * 200, ordered=False)
    )
    model = load_class("knn")().fit(known)
    rows = known.head(40).assign(at=[None] * 20 + at[:20], k=[None] * 20 + ["y"] * 20)
    rows.to_csv(tmp_path / "t.csv", index=False)
    score_file(model, tmp_path / "t.csv", tmp_path / "s.parquet", rows=10)
    scored = pd.read_parquet(tmp_path / "s.parquet")
    assert scored["at"].isna().tolist() == scored["k"].isna().tolist() == [True] * 20 + [False] * 20
    assert scored["at"].tolist()[20:] == at[:20]
    assert scored["k"].tolist()[20:] == ["y"] * 20


def test_a_table_is_a_table_whatever_its_name(detector, tmp_path, cli):
    NORMAL.head(20).to_csv(tmp_path / "idx_cases.csv", index=False)
    done = cli("score", detector, tmp_path / "idx_cases.csv", "--out", tmp_path / "s.csv")
    assert done.code == 0, done.err


@pytest.mark.parametrize(("given", "written"), [("csv", "csv"), ("parquet", "parquet"), ("csv", "parquet")])
def test_a_quiet_night_gives_a_file_without_rows(detector, tmp_path, cli, given, written):
    """A scheduler goes on: the columns are there, the code is 0, and the notice says why."""
    nothing, scored = tmp_path / f"t.{given}", tmp_path / f"s.{written}"
    frame = NORMAL.head(0).assign(note="")
    frame.to_csv(nothing, index=False) if given == "csv" else frame.to_parquet(nothing)
    done = cli("score", detector, nothing, "--out", scored, "--explain", "--json", tmp_path / "answer.json")
    assert done.code == 0, done.err
    assert "has a header but no rows" in done.err
    found = pd.read_csv(scored) if written == "csv" else pd.read_parquet(scored)
    assert len(found) == 0
    reasons = [f"{what}_{k}" for k in (1, 2, 3) for what in ("reason", "share")]
    assert list(found.columns) == [*frame.columns, "score", "rank", *reasons]
    full = cli("score", detector, _with_rows(tmp_path, given), "--out", scored, "--explain")
    assert full.code == 0, full.err
    again = pd.read_csv(scored) if written == "csv" else pd.read_parquet(scored)
    assert list(again.columns) == list(found.columns)


def _with_rows(folder, kind):
    path = folder / f"full.{kind}"
    frame = NORMAL.head(3).assign(note="x")
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    return path


def test_a_file_without_rows_still_needs_its_columns(detector, tmp_path, cli):
    (tmp_path / "t.csv").write_text("a,channel\n")
    done = cli("score", detector, tmp_path / "t.csv", "--out", tmp_path / "s.csv")
    assert done.code == 2
    assert "'b'" in done.err
    (tmp_path / "t.csv").write_text("")
    assert cli("score", detector, tmp_path / "t.csv", "--out", tmp_path / "s.csv").code == 2
