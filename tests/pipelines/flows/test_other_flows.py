"""The flows `images` and `anomalies` on small data."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pandas as pd
import pytest
from leaks import given_to_mlflow, with_numbers, with_pictures

from ganforge.data.images import Images
from ganforge.data.toy import planted_anomalies, toy_images
from ganforge.errors import InputError
from ganforge_pipelines.flows.running import run_flow
from ganforge_pipelines.report.pictures import strip
from ganforge_pipelines.stages.pictures import write_sheet
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
    _no_real_picture_in_mlflow(workspace, done)


def _no_real_picture_in_mlflow(workspace, done):
    """Those trained on are looked for; where they are, and as a sheet or in a page, they would be found."""
    parts = [workspace.path(f"work/images/prepare/{name}.npz") for name in ("train", "pool", "test")]
    real = [np.load(each)["pixels"] for each in parts]
    folder = workspace.root.parent
    write_sheet(folder / "sheet.png", [Images.of(real[0][:10])])
    (folder / "page.html").write_text(f'<img src="{strip(real[0][:10]).uri}">')
    places = [parts[0], folder / "sheet.png", folder / "page.html"]
    assert with_pictures(places, real[0][:10]) == dict.fromkeys(("train.npz", "sheet.png", "page.html"), 10)
    given = given_to_mlflow(workspace.root, done.mlflow_run_id)
    assert {"synthetic.npz", "samples.png", "report.html"} <= {each.name for each in given}
    assert with_pictures(given, np.concatenate(real)) == {}


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
    """Values by which rows are known, trained on and held out, are looked for in all that MLflow was given."""
    frame = pd.read_csv(rows).drop(columns="at")
    telling = [round(21_275.13 + 2_997.31 * k, 2) for k in range(12)]
    name = frame.columns[0]
    frame.loc[10:21, name] = telling
    frame.loc[10:21, "odd"] = [0, 1] * 6  # the normal ones are trained on
    frame.loc[60:69, name] = np.arange(90_000.5, 90_010)  # the largest, which a schema may tell
    path = rows.with_name("secret.csv")
    frame.to_csv(path, index=False)
    asked = {"data": path, "options": {"label": "odd", "budget": "20%"}}
    quiet = run_flow("anomalies", workspace, **asked, overrides={"train.detectors": ["isolation-forest"]})
    assert len(with_numbers([workspace.path("work/anomalies/prepare/train.parquet")], telling)["train.parquet"]) > 2
    given = given_to_mlflow(workspace.root, quiet.mlflow_run_id)
    assert {"report.html", "scored.json", "model_card.md", "seen.npz"} <= {each.name for each in given}
    assert with_numbers(given, telling) == {}
    assert not any("guard it as the data" in each for each in quiet.answer["notices"])
    shown = run_flow("anomalies", workspace, **asked, overrides={"train.detectors": ["knn"]}, show_rows=True)
    given = given_to_mlflow(workspace.root, shown.mlflow_run_id)
    assert set(with_numbers(given, telling)) == {"report.html"}
    # and of a model that is made of rows one is told
    assert any("guard it as the data" in each for each in shown.answer["notices"])
    assert "guard it as the data" in next(each for each in given if each.name == "model_card.md").read_text()


def test_times_of_day_of_shown_rows_are_no_dates(workspace, rows):
    frame = pd.read_csv(rows).drop(columns="at")
    frame["sent"] = [dt.time(6 + k % 16, k * 7 % 60) for k in range(len(frame))]
    frame.to_parquet(path := rows.with_name("sent.parquet"))
    asked = {"options": {"label": "odd", "budget": "20%"}, "overrides": {"train.detectors": ["isolation-forest"]}}
    done = run_flow("anomalies", workspace, data=path, **asked, show_rows=True)
    page = done.report.read_text(encoding="utf-8")
    assert re.search(r"sent = \d\d:\d\d:00\b", page)
    assert "1970-01-01" not in page


def test_a_table_is_no_picture_and_a_picture_no_table(workspace, pictures, rows):
    with pytest.raises(InputError, match="holds a table"):
        run_flow("images", workspace, data=rows)
    with pytest.raises(InputError, match="holds pictures"):
        run_flow("anomalies", workspace, data=pictures)
    with pytest.raises(InputError, match="is a folder; the flow anomalies reads a file with a table"):
        run_flow("anomalies", workspace, data=pictures.parent)
