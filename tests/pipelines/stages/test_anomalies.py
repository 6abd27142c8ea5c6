"""Preparing for anomalies: who is trained on, and what is held out."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ganforge.data.toy import planted_anomalies
from ganforge.errors import GanforgeWarning, InputError, UnsuitableDataError
from ganforge_pipelines.stages.anomalies import POSITIVE, ROW, TIME, calendar_days
from ganforge_pipelines.stages.running import run_stage


@pytest.fixture
def rows(workspace) -> pd.DataFrame:
    """200 rows in order of time, two a day, with planted anomalies; in the workspace as data/rows.csv."""
    frame, odd = planted_anomalies(200, share=0.1, seed=0)
    frame = frame.assign(odd=odd, at=np.arange(200) * 43_200.0)
    frame.to_csv(workspace.data / "rows.csv", index=False)
    workspace.write_params(
        {
            "anomalies.prepare.data": "data/rows.csv",
            "anomalies.prepare.label": "odd",
            "anomalies.prepare.time": "at",
            "anomalies.prepare.leave_out": [],
        }
    )
    return frame


def prepare(workspace, **overrides):
    params = workspace.params(flow="anomalies", overrides={f"prepare.{k}": v for k, v in overrides.items()})
    run_stage("anomalies-prepare", workspace, params)
    folder = workspace.stage_dir("anomalies", "prepare")
    facts = json.loads((folder / "facts.json").read_text())
    return pd.read_parquet(folder / "train.parquet"), pd.read_parquet(folder / "test.parquet"), facts


def test_normal_rows_of_the_earlier_part_are_trained_on(workspace, rows):
    train, test, facts = prepare(workspace)
    assert len(test) == 80
    assert list(test[ROW]) == list(range(121, 201))  # numbers in the file, from 1
    assert (test[POSITIVE] == (rows["odd"].iloc[120:] == 1).to_numpy()).all()
    assert len(train) == int((rows["odd"].iloc[:120] == 0).sum())
    assert not {"odd", "at"} & set(train.columns)  # neither the answer nor the clock is a feature
    assert facts["days"] == 40  # two rows a day
    assert facts["trained_on"] == "the rows that odd calls normal"


def test_all_rows_are_trained_on_where_one_says_so(workspace, rows):
    train, _, facts = prepare(workspace, train_on="all")
    assert len(train) == 120
    assert facts["trained_on"] == "all rows of the training part"


def test_a_gap_leaves_rows_out_before_the_test_part(workspace, rows):
    train, test, _ = prepare(workspace, train_on="all", gap=5.0)
    assert len(test) == 80
    assert len(train) == 110  # five days of two rows


def test_what_is_tested_on_has_no_twin_in_training(workspace, rows):
    """A running number for a clock does not make two rows different; a date does, as in the judge's folds."""
    frame = rows.assign(at=np.arange(200) + 1)
    frame.iloc[190:195, :-2] = frame.iloc[:5, :-2].to_numpy()  # all columns but the label and the clock
    frame.to_csv(workspace.data / "rows.csv", index=False)
    with pytest.warns(GanforgeWarning, match="5 rows before the test part left out of training: the same"):
        train, test, _ = prepare(workspace, train_on="all")
    assert len(test) == 80
    assert len(train) == 115
    assert len(train.merge(test)) == 0
    days = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(200), unit="D")
    frame.assign(at=days).to_csv(workspace.data / "rows.csv", index=False)
    assert len(prepare(workspace, train_on="all")[0]) == 120


CLOCKS = {
    "east": ("+02:00", ["02 00:30+02:00", "02 03:30+02:00", "02 23:59+02:00", "03 00:00+02:00", "03 02:30+02:00"]),
    "west": ("-05:00", ["02T00:05:00-0500", "02T12:00:00-0500", "02T21:00:00-0500", "03T05:00:00-0500"]),
    "summer": ("Europe/Berlin", ["29 00:10+01:00", "29 04:10+02:00", "29 23:50+02:00", "30 00:10+02:00"]),
    "no zone": (None, ["02 00:30", "02 03:30", "02 23:59", "03 00:00"]),
}
"""The zone that tells the days of March 2026 apart, and moments of two of them."""


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("clock", CLOCKS)
def test_days_go_from_midnight_to_midnight_by_the_clock_of_the_file(workspace, rows, clock, suffix):
    zone, held = CLOCKS[clock]
    late = [f"2026-03-{each}" for each in held]
    early = [f"2025-12-{1 + k // 10:02d} 12:0{k % 10}{late[0][16:]}" for k in range(200 - len(late))]
    frame = rows.drop(columns="odd").assign(at=early + late)
    if suffix == "csv":
        frame.to_csv(workspace.data / "rows.csv", index=False)
    else:
        at = pd.to_datetime(frame["at"], format="ISO8601", utc=zone is not None)
        frame.assign(at=at if zone is None else at.dt.tz_convert(zone)).to_parquet(workspace.data / "rows.parquet")
        workspace.write_params({"anomalies.prepare.data": "data/rows.parquet"})
    share = len(late) / 200
    _, test, facts = prepare(workspace, test_share=share, train_on="all", label=None)
    assert list(test[ROW]) == list(range(201 - len(late), 201))
    assert facts["days"] == 2
    first = [each[:2] == held[0][:2] for each in held]
    days = calendar_days(test[TIME].to_numpy())
    assert (days == days[0]).tolist() == first


def test_without_a_time_column_the_split_is_random_and_stratified(workspace, rows):
    with pytest.warns(GanforgeWarning, match=r"left out, as prepare\.leave_out"):
        _, test, facts = prepare(workspace, time=None, leave_out=["at"])
    assert facts["days"] is None
    assert TIME not in test
    assert test[POSITIVE].mean() == pytest.approx(rows["odd"].mean(), abs=0.02)


def test_a_held_out_part_without_anomalies_is_refused(workspace, rows):
    frame = rows.assign(odd=np.where(np.arange(200) < 100, rows["odd"], 0))
    frame.to_csv(workspace.data / "rows.csv", index=False)
    with pytest.raises(UnsuitableDataError, match=r"hold no anomaly.*test_share"):
        prepare(workspace)


def test_normal_rows_need_a_label(workspace, rows):
    with pytest.raises(InputError, match="needs a label"):
        prepare(workspace, label=None)
