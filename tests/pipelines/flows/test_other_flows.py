"""The flows `images` and `anomalies` on small data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ganforge.data.toy import planted_anomalies, toy_images
from ganforge.errors import InputError
from ganforge_pipelines.flows.running import run_flow
from ganforge_pipelines.stages.tracing import trace

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def workspace(tiny, prefect_home, tmp_path_factory):
    return tiny(tmp_path_factory.mktemp("others") / "team")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    images = toy_images(60, classes=2, size=28, seed=0)
    path = tmp_path_factory.mktemp("pictures") / "toy.npz"
    np.savez(path, images=images.pixels, labels=images.labels)
    return path


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """400 rows over 8 days with planted anomalies."""
    frame, odd = planted_anomalies(400, share=0.08, seed=0)
    frame = frame.assign(odd=odd, at=pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(400) * 8 / 400, unit="D"))
    path = tmp_path_factory.mktemp("rows") / "toy.csv"
    frame.to_csv(path, index=False)
    return path


def test_images_end_in_a_picture_classifier(workspace, pictures):
    done = run_flow("images", workspace, data=pictures)
    assert set(done.answer["arms"]) >= {"none", "classical augmentation", "dcgan"}
    split = done.answer["split"]
    assert split["train"] == 16
    assert split["pool"] + split["test"] == 60
    assert split["test"] == pytest.approx(15, abs=1)
    assert done.answer["synthetic"]["rows"] == 8
    assert 0 <= done.answer["synthetic"]["obedience"] <= 1
    assert done.model_name == "ganforge-images"
    told = trace(done.run_dir / "synthetic.npz", None).stamp  # wherever the file is taken
    assert told is not None
    assert (told["made_by"], told["rows"], told["synthetic"]["which"]) == ("images-sample", 8, "all")
    assert told["synthetic"]["generator"]["kind"] == "dcgan"
    assert list(told["synthetic"]["counts"]["label"].values()) == [4, 4]
    assert told["data"][0]["sha256"] == done.answer["data"][0]["sha256"]
    page = done.report.read_text(encoding="utf-8")
    assert "as training went on" in page
    assert "nearest" not in done.answer["what_to_do"]


def test_anomalies_with_labels_say_who_found_most(workspace, rows):
    done = run_flow("anomalies", workspace, data=rows, options={"label": "odd", "time": "at", "budget": "10/day"})
    figures = done.answer["detectors"]
    assert set(figures) == {"f-anogan", "isolation-forest", "knn"}
    best = figures[done.answer["best"]]
    assert best["recall_at_budget"] == max(each["recall_at_budget"] for each in figures.values())
    assert all(each["recall_low"] <= each["recall_at_budget"] <= each["recall_high"] for each in figures.values())
    assert done.sentence.startswith("At 10 alerts a day ")
    assert done.answer["budget"]["alerts"] == 10 * 4  # the fourth day from the end is held out in part
    assert set(done.answer["not_told_apart"]) < set(figures)
    assert "rows that odd calls normal" in done.answer["trained_on"]
    scores = pd.read_parquet(workspace.path("work/anomalies/score/scores.parquet"))
    assert scores["row"].is_monotonic_increasing  # by time, and the file is in order
    assert len(scores) == done.answer["rows_scored"] == 160


def test_anomalies_without_labels_claim_nothing(workspace, rows):
    frame = pd.read_csv(rows).drop(columns=["odd", "at"])
    blind = rows.with_name("blind.csv")
    frame.to_csv(blind, index=False)
    done = run_flow("anomalies", workspace, data=blind, options={"budget": "5%"})
    assert "Without a label nobody can say" in done.sentence
    assert done.answer["n_positive"] is None
    assert all("average_precision" not in each for each in done.answer["detectors"].values())
    assert "average precision" not in done.report.read_text(encoding="utf-8").lower()


def test_no_real_row_is_shown_unless_it_is_asked_for(workspace, rows):
    """A value that stands in one row alone is looked for in the report and among MLflow's artefacts."""
    frame = pd.read_csv(rows).drop(columns="at")
    secret = 9876.54321
    frame.loc[len(frame) - 1, [frame.columns[0], "odd"]] = [secret, 1]
    frame.loc[len(frame) - 1, "odd"] = 1
    path = rows.with_name("secret.csv")
    frame.to_csv(path, index=False)
    asked = {"data": path, "options": {"label": "odd", "budget": "20%"}}
    quiet = run_flow("anomalies", workspace, **asked)
    shown = run_flow("anomalies", workspace, **asked, show_rows=True)
    assert "9876" not in quiet.report.read_text(encoding="utf-8").replace(",", "")
    if any(each["row"] == len(frame) for each in _oddest(workspace)):
        assert "9876" in shown.report.read_text(encoding="utf-8").replace(",", "")


def _oddest(workspace):
    import json

    return json.loads(workspace.path("work/anomalies/score/scored.json").read_text())["oddest"]


def test_a_table_is_no_picture_and_a_picture_no_table(workspace, pictures, rows):
    with pytest.raises(InputError, match="holds a table"):
        run_flow("images", workspace, data=rows)
    with pytest.raises(InputError, match="holds pictures"):
        run_flow("anomalies", workspace, data=pictures)
    with pytest.raises(InputError, match="is a folder; the flow anomalies reads a file with a table"):
        run_flow("anomalies", workspace, data=pictures.parent)
