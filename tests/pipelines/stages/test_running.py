"""A stage is written whole or not at all, and done again exactly when something it hangs on has changed."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

from ganforge.errors import GanforgeWarning, InputError, UnsuitableDataError
from ganforge.files import sha256_file
from ganforge_pipelines.stages import running
from ganforge_pipelines.stages.graph import stage
from ganforge_pipelines.stages.manifest import Manifest, data_identity, finished, outputs_of, situation
from ganforge_pipelines.stages.running import run_stage


def prepare(workspace, **overrides) -> Manifest:
    return run_stage("fraud-prepare", workspace, workspace.params(flow="fraud", overrides=overrides))


def test_the_manifest_says_what_went_in_and_what_came_out(workspace):
    manifest = prepare(workspace)
    folder = workspace.stage_dir("fraud", "prepare")
    assert manifest.inputs == {"data/payments.csv": sha256_file(workspace.data / "payments.csv")}
    assert manifest.outputs == {
        name: sha256_file(folder / name)
        for name in ("train.parquet", "test.parquet", "facts.json", "features.json", "rows.parquet")
    }
    assert manifest.parameters["fraud.prepare"]["target"] == "is_fraud"
    assert manifest.seed == 0
    assert {"python", "ganforge", "torch", "scikit-learn"} <= set(manifest.versions)
    assert set(manifest.git) == {"commit", "dirty"}
    assert manifest.data[0]["path"] == "data/payments.csv"
    assert Manifest.read(folder) == manifest
    assert sorted(each.name for each in folder.iterdir()) == sorted([*manifest.outputs, "manifest.json"])


def test_nothing_changed_nothing_done(workspace):
    first = prepare(workspace)
    written = workspace.stage_dir("fraud", "prepare").stat().st_ino
    assert prepare(workspace) == first
    assert workspace.stage_dir("fraud", "prepare").stat().st_ino == written


def test_a_parameter_of_another_stage_changes_nothing(workspace):
    first = prepare(workspace)
    assert prepare(workspace, **{"train.steps": 3, "judge.folds": 3}) == first


@pytest.mark.parametrize("overrides", [{"prepare.test_share": 0.4}, {"seed": 1}])
def test_its_own_parameter_does_it_again(workspace, overrides):
    first = prepare(workspace)
    assert prepare(workspace, **overrides).key != first.key


def test_other_data_do_it_again(workspace):
    first = prepare(workspace)
    file = workspace.data / "payments.csv"
    pd.read_csv(file).iloc[:-1].to_csv(file, index=False)
    again = prepare(workspace)
    assert again.outputs != first.outputs


@pytest.mark.parametrize("harm", ["deleted", "altered", "no manifest", "manifest cut short"])
def test_files_that_are_gone_or_altered_do_not_count_as_finished(workspace, harm):
    first = prepare(workspace)
    folder = workspace.stage_dir("fraud", "prepare")
    if harm == "deleted":
        (folder / "test.parquet").unlink()
    elif harm == "altered":
        (folder / "test.parquet").write_bytes(b"x" + (folder / "test.parquet").read_bytes())
    elif harm == "no manifest":
        (folder / "manifest.json").unlink()
    else:
        (folder / "manifest.json").write_text((folder / "manifest.json").read_text()[:200])
    spec = stage("fraud-prepare")
    assert finished(spec, workspace, first.key) is None
    assert prepare(workspace).outputs == first.outputs
    assert finished(spec, workspace, first.key) is not None


def test_a_stage_that_fails_leaves_what_was_there(workspace):
    first = prepare(workspace)
    frame = pd.read_csv(workspace.data / "payments.csv")
    frame.assign(is_fraud=0).to_csv(workspace.data / "payments.csv", index=False)
    with pytest.raises(UnsuitableDataError, match="one value only"):
        prepare(workspace)
    folder = workspace.stage_dir("fraud", "prepare")
    assert Manifest.read(folder) == first
    assert first.intact(folder)
    assert [each.name for each in folder.parent.iterdir()] == ["prepare"]  # and nothing beside it


def test_what_a_killed_process_left_is_cleared_away(workspace):
    prepare(workspace)
    left = workspace.stage_dir("fraud", "prepare").with_name(".prepare.abc123")
    left.mkdir()
    (left / "half.parquet").write_bytes(b"x")
    prepare(workspace, seed=3)
    assert not left.exists()


def test_a_missing_input_names_the_stage_that_makes_it(workspace):
    with pytest.raises(InputError, match="run `ganforge stage fraud-prepare` first"):
        run_stage("fraud-train", workspace, workspace.params())


def test_missing_data_say_where_data_come_from(workspace):
    (workspace.data / "payments.csv").unlink()
    with pytest.raises(InputError, match="ganforge data make"):
        prepare(workspace)


def test_a_stage_reads_only_what_the_table_declares(workspace, monkeypatch):
    """So that dvc.yaml, which is held to the table, never leaves a dependency out."""
    spec = replace(stage("fraud-prepare"), deps=(), params=("seed",))
    with pytest.raises(RuntimeError, match=r"reads the parameters fraud\.prepare, but graph\.py does not say so"):
        running.execute(spec, workspace, workspace.params())


def test_a_stage_writes_all_that_the_table_declares_and_nothing_else(tmp_path):
    spec = stage("fraud-prepare")
    for name in spec.written:
        (tmp_path / name).write_text("x")
    assert set(outputs_of(spec, tmp_path)) == set(spec.written)
    (tmp_path / "more.txt").write_text("x")
    with pytest.raises(RuntimeError, match=r"more\.txt"):
        outputs_of(spec, tmp_path)
    (tmp_path / "more.txt").unlink()
    (tmp_path / "facts.json").unlink()
    with pytest.raises(RuntimeError, match=r"facts\.json"):
        outputs_of(spec, tmp_path)


def test_notices_are_raised_and_kept(workspace):
    frame = pd.read_csv(workspace.data / "payments.csv")
    frame["currency"] = "EUR"
    frame["kind"] = [("none", "stolen", "forged")[each + (each and k % 2)] for k, each in enumerate(frame["is_fraud"])]
    frame["kind"] = frame["kind"].replace("none", "normal")
    frame.drop(columns="is_fraud").to_csv(workspace.data / "payments.csv", index=False)
    with pytest.warns(GanforgeWarning, match="kind has 2 values beside 'normal'"):
        manifest = prepare(workspace, **{"prepare.target": "kind"})
    assert any("all count as positive" in each for each in manifest.notices)
    with pytest.warns(GanforgeWarning, match="all count as positive"):
        prepare(workspace, **{"prepare.target": "kind"})  # told again, though nothing was done


def test_the_data_carry_their_dvc_version(workspace):
    file = workspace.data / "payments.csv"
    assert data_identity(workspace, "data/payments.csv", "s")["md5"] is None
    file.with_name("payments.csv.dvc").write_text("outs:\n- md5: 0123abcd\n  path: payments.csv\n")
    manifest = prepare(workspace)
    assert manifest.data == [
        {
            "path": "data/payments.csv",
            "sha256": sha256_file(file),
            "md5": "0123abcd",
            "dvc_file": "data/payments.csv.dvc",
        }
    ]


def test_a_tracking_server_is_part_of_the_key_and_its_password_is_not(workspace, monkeypatch):
    prepare(workspace)
    folder = workspace.path("work/fraud")
    spec = replace(stage("fraud-prepare"), environment=("MLFLOW_TRACKING_URI",))
    params = workspace.params()
    keys = []
    for uri in (None, "http://me:one@host:5000", "http://me:two@host:5000", "http://me:two@other:5000"):
        if uri:
            monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        keys.append(situation(spec, workspace, params).key)
    assert keys[1] == keys[2]
    assert len(set(keys)) == 3
    assert "one@" not in "".join(each.read_text() for each in folder.rglob("*.json"))


def test_equal_parameters_give_equal_bytes(workspace, tmp_path):
    first = prepare(workspace)
    again = running.execute(stage("fraud-prepare"), workspace, workspace.params(), force=True)
    assert again.outputs == first.outputs
    facts = json.loads((workspace.stage_dir("fraud", "prepare") / "facts.json").read_text())
    assert facts["split"]["train"] + facts["split"]["test"] == facts["rows"] == 400
