"""The flow `fraud` on a small table: what it leaves, what it keeps, what it does again."""

from __future__ import annotations

import html
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from leaks import given_to_mlflow, with_numbers

from ganforge.errors import UnsuitableDataError, WorkspaceBusyError
from ganforge_pipelines.flows.events import Event
from ganforge_pipelines.flows.running import run_flow
from ganforge_pipelines.stages.graph import stages_of
from ganforge_pipelines.stages.manifest import Manifest
from ganforge_pipelines.workspace import parse_assignments

pytestmark = pytest.mark.slow
TELLING = [21_275.13 + 2_997.31 * k for k in range(12)]
"""Amounts of twelve payments, by which these would be known wherever they turned up."""
VERBS = [spec.verb for spec in stages_of("fraud")]


class Screen:
    """Remembers the events of a run."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def stages(self, kind: str) -> list[str]:
        return [each.stage for each in self.events if each.kind == kind]


@pytest.fixture(scope="module")
def first(tiny, prefect_home, tmp_path_factory):
    """(workspace, result, events) of one run that all tests of this module look at."""
    workspace, screen = tiny(tmp_path_factory.mktemp("fraud") / "team"), Screen()
    frame = pd.read_csv(workspace.data / "payments.csv")
    frame.loc[10 : 10 + len(TELLING) - 1, "amount"] = TELLING
    frame.loc[60:69, "amount"] = np.arange(90_000.5, 90_010)  # the largest, which a schema may tell
    frame.to_csv(workspace.data / "payments.csv", index=False)
    return workspace, run_flow("fraud", workspace, on_event=screen), screen


def test_a_run_ends_in_an_answer_a_report_and_a_registered_model(first):
    workspace, result, _ = first
    assert result.sentence
    page = html.unescape(result.report.read_text(encoding="utf-8")).replace("\N{NO-BREAK SPACE}", " ")
    assert result.sentence in " ".join(page.split())
    assert (result.model / "model.json").is_file()
    assert result.run_dir.parent == workspace.runs
    names = {each.name for each in result.run_dir.iterdir()}
    assert {
        "report.html",
        "answer.json",
        "model",
        "generator",
        "synthetic.parquet",
        "manifests",
        "params.yaml",
    } <= names
    assert result.answer["recommended"] in result.answer["arms"]
    assert 0 <= result.answer["test"]["average_precision"] <= 1
    assert result.model_version == 1
    assert workspace.mlflow_database.is_file()


def test_the_data_are_versioned_first_and_everything_downstream_carries_the_version(first):
    workspace, result, _ = first
    assert (workspace.root / "data/payments.csv.dvc").is_file()
    versions = [json.loads(each.read_text())["data"] for each in (result.run_dir / "manifests").iterdir()]
    assert len(versions) == len(VERBS)
    assert all(each == versions[0] for each in versions)
    assert versions[0][0]["md5"] in (workspace.root / "data/payments.csv.dvc").read_text()


def test_the_manifests_chain_what_one_stage_wrote_the_next_one_read(first):
    workspace, _, _ = first
    written: dict[str, str] = {}
    for spec in stages_of("fraud"):
        manifest = Manifest.read(workspace.path(spec.folder))
        assert manifest is not None
        for path, sha256 in manifest.inputs.items():
            if path.startswith("work/"):
                assert written[path] == sha256
        written |= {f"{spec.folder}/{name}": sha256 for name, sha256 in manifest.outputs.items()}


def test_the_watcher_sees_every_stage_and_the_training_advance(first):
    _, _, screen = first
    assert screen.stages("started") == screen.stages("finished") == VERBS
    steps = [(each.done, each.total) for each in screen.events if each.kind == "progress" and each.stage == "train"]
    assert steps == sorted(steps)
    assert steps[-1] == (6, 6)
    headline = next(each.detail for each in screen.events if each.kind == "headline")
    assert headline.startswith("fraud · 300 rows")


def test_mlflow_has_the_lineage_the_curves_and_no_real_row(first):
    workspace, result, _ = first
    import sqlite3

    with sqlite3.connect(workspace.mlflow_database) as database:
        tags = dict(database.execute("SELECT key, value FROM tags WHERE run_uuid = ?", (result.mlflow_run_id,)))
        points = database.execute("SELECT COUNT(DISTINCT step) FROM metrics WHERE key LIKE 'ctgan-tuned/%'").fetchone()[
            0
        ]
    data = result.answer["data"][0]
    assert tags["data.md5"] == data["md5"]
    assert tags["data.sha256"] == data["sha256"]
    assert "git.dirty" in tags
    assert {"version.torch", "version.ganforge"} <= set(tags)
    assert points == 6
    kept = {each.name for each in workspace.path("mlflow/artifacts").rglob("*")}
    assert {"report.html", "synthetic.parquet", "verdict.json"} <= kept
    assert not kept & {"train.parquet", "test.parquet", "payments.csv"}
    amounts = [round(each, 2) for each in TELLING]
    assert with_numbers([workspace.data / "payments.csv"], amounts) == {"payments.csv": amounts}
    train = workspace.path("work/fraud/prepare/train.parquet")
    assert len(with_numbers([train], amounts)["train.parquet"]) > 6
    given = given_to_mlflow(workspace.root, result.mlflow_run_id)
    assert {"report.html", "synthetic.parquet", "verdict.json", "model_card.md", "seen.npz"} <= {x.name for x in given}
    assert with_numbers(given, amounts) == {}
    made = pd.read_parquet(next(each for each in given if each.name == "synthetic.parquet"))
    real = pd.read_parquet(train)
    both = list(real.columns)
    assert len(made[both].astype(str).drop_duplicates().merge(real.astype(str).drop_duplicates(), on=both)) == 0


def test_nothing_changed_nothing_is_done_again(first):
    workspace, result, _ = first
    screen = Screen()
    again = run_flow("fraud", workspace, on_event=screen)
    assert screen.stages("kept") == VERBS
    assert screen.stages("finished") == []
    assert again.run_dir == result.run_dir
    assert again.mlflow_run_id == result.mlflow_run_id


def test_a_deleted_or_altered_file_counts_as_not_finished(first):
    workspace, _, _ = first
    (workspace.path("work/fraud/sample/synthetic.parquet")).unlink()
    screen = Screen()
    run_flow("fraud", workspace, on_event=screen)
    assert screen.stages("finished") == ["sample"]  # the same file came out again, so nothing below is touched
    (workspace.path("work/fraud/judge/verdict.json")).write_text("{}")
    screen = Screen()
    run_flow("fraud", workspace, on_event=screen)
    assert "judge" in screen.stages("finished")
    assert screen.stages("kept")[:3] == ["prepare", "train", "sample"]


def test_one_parameter_reruns_only_the_stages_below_it(first):
    workspace, result, _ = first
    screen = Screen()
    changed = run_flow("fraud", workspace, overrides={"classify.classifier": "logistic-regression"}, on_event=screen)
    assert screen.stages("kept") == ["prepare", "train", "sample", "judge"]
    assert screen.stages("finished") == ["classify", "register", "report"]
    assert changed.run_dir != result.run_dir
    assert changed.model_version > result.model_version
    assert result.report.is_file()  # the former run's snapshot stands


def test_the_command_of_the_report_runs_the_same_whatever_the_file_says_by_then(first):
    """The file is changed, and the run told what the package has by default: that, too, has to be said."""
    workspace, _, _ = first
    former = workspace.params()["fraud"]["classify"]["classifier"]
    workspace.write_params({"fraud.classify.classifier": "logistic-regression"})
    try:
        done = run_flow("fraud", workspace, overrides={"classify.classifier": former})
        page = html.unescape(done.report.read_text(encoding="utf-8")).replace("\N{NO-BREAK SPACE}", " ")
        found = re.search(r"ganforge run fraud --set [^<]+", page)
        assert found
        asked = parse_assignments([each for each in shlex.split(found[0])[3:] if each != "--set"])
        ran = workspace.params(flow="fraud", overrides={"classify.classifier": former})
        assert workspace.params(flow="fraud", overrides=asked) == ran
    finally:
        workspace.write_params({"fraud.classify.classifier": former})


def test_a_dvc_stage_in_between_is_kept_too(first):
    """`ganforge stage` makes files that Prefect has no record of; the flow finds them done."""
    from ganforge_pipelines.stages.running import run_stage

    workspace, _, _ = first
    params = workspace.params(flow="fraud", overrides={"sample.ratio": 0.4})
    made = run_stage("fraud-sample", workspace, params)
    screen = Screen()
    run_flow("fraud", workspace, overrides={"sample.ratio": 0.4}, on_event=screen)
    assert screen.stages("kept")[:3] == ["prepare", "train", "sample"]
    assert Manifest.read(workspace.path("work/fraud/sample")) == made


def test_data_from_outside_are_versioned_beside_the_workspaces_own(first, tmp_path, monkeypatch):
    """Named as people name it, from within the workspace."""
    workspace, _, _ = first
    monkeypatch.chdir(workspace.root)
    own = (workspace.root / "data/payments.csv").read_bytes()
    frame = pd.read_csv(workspace.root / "data/payments.csv").rename(columns={"is_fraud": "Class"})
    frame.iloc[::-1].to_csv(tmp_path / "theirs.csv", index=False)
    done = run_flow("fraud", workspace, data=os.path.relpath(tmp_path / "theirs.csv"), options={"target": "Class"})
    assert done.answer["data"][0]["path"].startswith("inputs/theirs-")
    assert (workspace.root / (done.answer["data"][0]["path"] + ".dvc")).is_file()
    assert (workspace.root / "data/payments.csv").read_bytes() == own


def test_what_fails_says_it_in_one_line_and_registers_nothing(first, tmp_path):
    workspace, _, _ = first
    frame = pd.read_csv(workspace.root / "data/payments.csv").assign(is_fraud=0)
    frame.to_csv(tmp_path / "calm.csv", index=False)
    before = sorted(each.name for each in workspace.runs.iterdir())
    with pytest.raises(UnsuitableDataError, match=r"calm\.csv: .*one value only") as failure:
        run_flow("fraud", workspace, data=tmp_path / "calm.csv", options={"target": "is_fraud"})
    assert failure.value.exit_code == 1
    assert str(failure.value).startswith(str(tmp_path / "calm.csv"))  # not the workspace's copy of it
    last = (workspace.logs / "runs.log").read_text(encoding="utf-8").splitlines()[-1]
    assert str(failure.value) in last
    assert "fraud failed" in last
    assert sorted(each.name for each in workspace.runs.iterdir()) == before


HOLD = """
import sys
from ganforge_pipelines.workspace import Workspace
with Workspace(sys.argv[1]).lock():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_leaves_and_touches_nothing(first):
    workspace, _, _ = first
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(workspace.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with other:
        assert other.stdout is not None
        other.stdout.readline()
        before = {each: each.stat().st_mtime_ns for each in workspace.path("work").rglob("*")}
        with pytest.raises(WorkspaceBusyError, match=str(other.pid)):
            run_flow("fraud", workspace, seed=9)
        assert {each: each.stat().st_mtime_ns for each in workspace.path("work").rglob("*")} == before
        other.communicate()


def test_clean_keeps_the_newest_runs_and_everything_of_the_user(first):
    from ganforge_pipelines.flows.cleaning import clean

    workspace, _, _ = first
    theirs = workspace.runs / "notes"
    theirs.mkdir()
    (theirs / "thoughts.txt").write_text("keep me")
    newest = max(each for each in workspace.runs.iterdir() if (each / "run.json").is_file())
    for day in ("20200101", "20200102"):  # older ones, whatever other tests have run before
        shutil.copytree(newest, workspace.runs / f"{day}{newest.name[8:]}")
    runs = sorted(each.name for each in workspace.runs.iterdir() if (each / "run.json").is_file())
    trimmed = clean(workspace, keep=2)
    assert trimmed.runs == len(runs) - 2
    assert trimmed.bytes > 0
    assert sorted(each.name for each in workspace.runs.iterdir()) == sorted([*runs[-2:], "notes"])
    assert (workspace.root / "data/payments.csv").is_file()
    assert (theirs / "thoughts.txt").read_text() == "keep me"
    assert all(workspace.path(spec.folder).is_dir() for spec in stages_of("fraud"))
