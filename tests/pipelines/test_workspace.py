"""Workspaces: made, found, locked, configured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import pytest

from ganforge.errors import InputError, UnknownNameError, WorkspaceBusyError
from ganforge_pipelines.workspace import Workspace, environment, parse_assignments
from ganforge_pipelines.workspace.environment import running_server, servers_file
from ganforge_pipelines.workspace.folder import template_files
from ganforge_pipelines.workspace.parameters import assignments, defaults, flat

ROOT = Path(__file__).parents[2]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "team")


# --- files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [each for each in template_files() if each != ".gitignore"])
def test_what_init_writes_is_what_this_repository_has(name):
    """The repository is itself a workspace; the package carries the same files."""
    assert template_files()[name].read_bytes() == (ROOT / name).read_bytes()


def test_the_repository_ignores_what_a_workspace_ignores():
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    lines = template_files()[".gitignore"].read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#") and line not in ignored] == []


def test_create_refuses_what_is_there_already(workspace, tmp_path):
    with pytest.raises(InputError, match="workspace already"):
        Workspace.create(workspace.root)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.doc").write_text("x")
    with pytest.raises(InputError, match="not empty"):
        Workspace.create(tmp_path / "full")
    assert [each.name for each in (tmp_path / "full").iterdir()] == ["thesis.doc"]


def test_find_looks_upwards_and_says_how_to_make_one(workspace, tmp_path):
    (workspace.root / "a" / "b").mkdir(parents=True)
    assert Workspace.find(workspace.root / "a" / "b") == workspace
    with pytest.raises(InputError, match="ganforge init"):
        Workspace.find(tmp_path)


def test_another_dvc_project_is_no_workspace(tmp_path):
    (tmp_path / "params.yaml").write_text("lr: 1")
    (tmp_path / "dvc.yaml").write_text("stages: {train: {cmd: python train.py}}")
    with pytest.raises(InputError):
        Workspace.find(tmp_path)


def test_find_or_create_makes_one_folder_and_finds_it_again(tmp_path):
    made, new = Workspace.find_or_create(tmp_path)
    assert new
    assert made.root == (tmp_path / "ganforge-workspace").resolve()
    assert Workspace.find_or_create(tmp_path) == (made, False)


def test_paths_in_manifests_count_from_the_root(workspace):
    assert workspace.relative(workspace.root / "data" / "x.csv") == "data/x.csv"
    assert workspace.relative("/elsewhere/x.csv") == "/elsewhere/x.csv"


# --- parameters -------------------------------------------------------------------------------------------------


def test_parameters_come_from_the_file_the_preset_and_the_call_in_that_order(workspace):
    quick, full = workspace.params(flow="fraud"), workspace.params(flow="fraud", preset="full")
    assert quick["fraud"]["train"]["steps"] == 1_200
    assert full["fraud"]["train"]["steps"] is None  # the generator's own rows decide
    workspace.write_params({"fraud.train.steps": 7})
    assert workspace.params()["fraud"]["train"]["steps"] == 7
    called = workspace.params(flow="fraud", preset="full", overrides={"train.steps": 3, "seed": 5})
    assert (called["fraud"]["train"]["steps"], called["seed"]) == (3, 5)


def test_overrides_count_from_the_top_or_from_the_flow(workspace):
    one = workspace.params(flow="images", overrides={"images.train.steps": 9})
    assert one == workspace.params(flow="images", overrides={"train.steps": 9})


def test_a_free_mapping_takes_any_key(workspace):
    params = workspace.params(flow="fraud", overrides={"train.options.latent": 8})
    assert params["fraud"]["train"]["options"] == {"latent": 8}


def test_what_params_yaml_leaves_out_is_taken_from_the_defaults(workspace):
    (workspace.root / "params.yaml").write_text("seed: 4\nfraud: {train: {steps: 11}}\n")
    params = workspace.params()
    assert params["seed"] == 4
    assert params["fraud"]["train"]["steps"] == 11
    assert params["fraud"]["judge"] == defaults()["fraud"]["judge"]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"train.step": 3}, "did you mean 'train.steps'"),
        ({"fraud.judge.fold": 3}, "did you mean 'fraud.judge.folds'"),
        ({"train.steps": "many"}, "a whole number"),
        ({"train.steps": 2.5}, "a whole number"),
        ({"train.steps": True}, "a whole number"),
        ({"train.steps": 0}, "at least 1"),
        ({"judge.folds": 1}, "between 2 and 50"),
        ({"prepare.test_share": 1.5}, "between 0.01 and 0.9"),
        ({"seed": -1}, "between 0 and"),
        ({"judge.classifier": "gradient-bosting"}, "did you mean 'gradient-boosting'"),
        ({"judge.classifier": ["random-forest", "gradient-bosting"]}, "did you mean 'gradient-boosting'"),
        ({"judge.classifier": []}, "give one at least: gradient-boosting, random-forest"),
        ({"judge.classifier": True}, "give a list"),
        ({"judge.ratios": [0.1, -0.5]}, "judge.ratios=-0.5; give a number between 0.001 and 100"),
        ({"judge.ratios": [0.1, "half"]}, "judge.ratios holds 'half'; give numbers"),
        ({"classify.classifier": "logistic"}, "did you mean 'logistic-regression'"),
        ({"report.show_rows": "yes"}, "true or false"),
        ({"fraud.train": 3}, "is a section"),
        ({"trainer.devices": 1.5}, "a number of devices"),
        ({"trainer.precision": 8}, "16, 32, 64 or one of Lightning's words"),
        ({"trainer.precision": True}, "16, 32, 64 or one of Lightning's words"),
        ({"trainer.matmul": "hihgest"}, "did you mean 'highest'"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(workspace, overrides, words):
    with pytest.raises(InputError, match=words):
        workspace.params(flow="fraud", overrides=overrides)


def test_whatever_the_trainer_takes_can_be_set(workspace):
    from ganforge.training.matmul import SETTINGS
    from ganforge.training.options import TrainerOptions
    from ganforge.training.trainer import build
    from ganforge_pipelines.workspace.parameters import CHOICES

    assert set(defaults()["trainer"]) == {each.name for each in fields(TrainerOptions)}
    assert TrainerOptions(**defaults()["trainer"]) == TrainerOptions()
    assert CHOICES["trainer.matmul"] == ("auto", *SETTINGS)
    for name, text in (("precision", "64"), ("precision", "bf16-mixed"), ("matmul", "highest")):
        params = workspace.params(flow="fraud", overrides=parse_assignments([f"trainer.{name}={text}"]))
        assert str(getattr(TrainerOptions.from_mapping(params["trainer"]), name)) == text
    workspace.write_params({"trainer.precision": 32})
    params = workspace.params(flow="fraud", overrides={"trainer.accelerator": "cpu"})
    assert build(TrainerOptions.from_mapping(params["trainer"]), []).precision == "32-true"


def test_one_classifier_may_be_named_as_it_is_and_the_verdicts_left_to_it(workspace):
    judged = workspace.params(flow="fraud", overrides={"judge.classifier": "random-forest", "judge.ratios": 0.2})
    assert (judged["fraud"]["judge"]["classifier"], judged["fraud"]["judge"]["ratios"]) == (["random-forest"], [0.2])
    assert judged["fraud"]["classify"]["classifier"] is None
    workspace.write_params({"fraud.classify.classifier": "random-forest"})
    assert workspace.params()["fraud"]["classify"]["classifier"] == "random-forest"
    back = workspace.params(flow="fraud", overrides={"classify.classifier": None})
    assert back["fraud"]["classify"]["classifier"] is None


def test_a_mistake_in_params_yaml_names_file_and_line(workspace):
    file = workspace.root / "params.yaml"
    file.write_text(file.read_text().replace("seed: 0", "sed: 0"))
    with pytest.raises(UnknownNameError, match=r"params\.yaml; did you mean 'seed'"):
        workspace.params()
    file.write_text("seed: 0\nfraud: [\n")
    with pytest.raises(InputError, match=r"params\.yaml, line \d+: not readable as YAML"):
        workspace.params()


def test_an_unknown_preset_names_those_there_are(workspace):
    with pytest.raises(UnknownNameError, match="full"):
        workspace.params(preset="ful")


def test_writing_parameters_leaves_everything_else_as_it_is(workspace):
    file = workspace.root / "params.yaml"
    before = file.read_text()
    workspace.write_params({"fraud.prepare.target": "churned", "anomalies.prepare.label": None})
    after = file.read_text()
    changed = [line for line in after.splitlines() if line not in before.splitlines()]
    assert [line.split("#")[0].strip() for line in changed] == ["target: churned", "label: null"]
    assert after.count("#") == before.count("#")
    with pytest.raises(UnknownNameError):
        workspace.write_params({"fraud.prepare.targt": "x"})
    assert file.read_text() == after


def test_assignments_are_read_as_yaml():
    assert parse_assignments(["a.b=3", "c=null", "d=x=y", "e=[1, 2]"]) == {
        "a.b": 3,
        "c": None,
        "d": "x=y",
        "e": [1, 2],
    }
    with pytest.raises(InputError, match="key=value"):
        parse_assignments(["steps"])


@pytest.mark.parametrize(
    ("file", "overrides"),
    [
        ({"fraud.train.steps": 5000}, {"train.steps": 1200}),  # what the package has by default, and the file has not
        ({"fraud.train.steps": 5000}, {}),
        ({"fraud.train.options": {"pac": 5, "dropout": 0.1}}, {"train.options": {"pac": 2}}),
        ({}, {"train.options": {"learning_rate": 1e-05, "name": "5"}, "prepare.time": "null", "trainer.devices": [0]}),
        ({"fraud.prepare.leave_out": ["a b", "ö"]}, {"prepare.leave_out": [], "prepare.target": "it's 1"}),
        ({"seed": 3, "trainer.accelerator": "cpu", "fraud.report.show_rows": True}, {"seed": 0}),
    ],
)
def test_what_is_to_be_set_for_the_same_parameters_gives_them_there_and_in_a_new_workspace(
    workspace, tmp_path, file, overrides
):
    defaults_ = workspace.params(flow="fraud")
    assert assignments(defaults_, defaults(), defaults_) == []
    workspace.write_params(file)
    ran = workspace.params(flow="fraud", overrides=overrides)
    asked = parse_assignments(assignments(ran, defaults(), workspace.params(flow="fraud")))
    for place in (workspace, Workspace.create(tmp_path / "other")):
        assert place.params(flow="fraud", overrides=asked) == ran


def test_every_parameter_with_a_range_exists():
    from ganforge_pipelines.workspace.parameters import CHOICES, NULLABLE, RANGES

    known = {name for name, _ in flat(defaults())}
    short = {name.split(".", 1)[1] for name in known if name.split(".")[0] in ("fraud", "images", "anomalies")}
    assert [each for each in (*RANGES, *NULLABLE) if each not in known | short] == []
    assert [each for each in CHOICES if each not in known] == []


# --- one run at a time --------------------------------------------------------------------------------------------

HOLD = """
import sys, time
from ganforge_pipelines.workspace import Workspace
with Workspace(sys.argv[1]).lock():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(workspace):
    """Another process that holds the workspace until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(workspace.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def test_the_second_run_is_told_who_holds_the_workspace(workspace, other):
    with pytest.raises(WorkspaceBusyError, match=rf"process {other.pid} \(.*\) since 20\d\d-.*--wait"):
        workspace.lock().__enter__()
    holder = workspace.holder()
    assert holder is not None
    assert holder.pid == other.pid


def test_a_killed_holder_holds_nothing(workspace, other):
    other.kill()
    other.wait()
    assert workspace.holder() is None
    with workspace.lock():
        holder = workspace.holder()
        assert holder is not None
        assert holder.pid == os.getpid()


def test_waiting_gets_the_workspace_when_it_is_free(workspace, other):
    import threading

    got: list[float] = []

    def wait() -> None:
        with workspace.lock(wait=True):
            got.append(time.monotonic())

    thread = threading.Thread(target=wait)
    thread.start()
    assert got == []
    released = time.monotonic()
    other.stdin.close()
    thread.join(timeout=60)
    assert got
    assert got[0] >= released


def test_the_same_process_may_take_it_again(workspace):
    with workspace.lock(), workspace.lock():
        pass
    assert workspace.holder() is None


# --- environment --------------------------------------------------------------------------------------------------


def test_telemetry_is_off_and_models_are_never_unpickled(monkeypatch):
    for name in ("DO_NOT_TRACK", "PREFECT_SERVER_ANALYTICS_ENABLED", "DVC_NO_ANALYTICS", "MLFLOW_DISABLE_TELEMETRY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "true")
    environment()
    assert os.environ["DO_NOT_TRACK"] == "1"
    assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert os.environ["DVC_NO_ANALYTICS"] == "true"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"


def test_prefect_lives_in_the_workspace_unless_the_user_says_otherwise(workspace, monkeypatch):
    monkeypatch.delenv("PREFECT_HOME", raising=False)
    environment(workspace)
    assert os.environ["PREFECT_HOME"] == str(workspace.root / ".ganforge" / "prefect")
    monkeypatch.setenv("PREFECT_HOME", "/users/own")
    environment(workspace)
    assert os.environ["PREFECT_HOME"] == "/users/own"


def test_a_server_left_running_is_used_and_a_dead_one_is_not(workspace, monkeypatch):
    import psutil

    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    file = servers_file(workspace.root)
    file.parent.mkdir(parents=True, exist_ok=True)
    me = psutil.Process()
    file.write_text(json.dumps({"prefect": {"pid": me.pid, "started": me.create_time() - 500, "url": "http://old"}}))
    environment(workspace)
    assert "PREFECT_API_URL" not in os.environ  # the pid is another process by now
    file.write_text(json.dumps({"prefect": {"pid": me.pid, "started": me.create_time(), "url": "http://here:1"}}))
    environment(workspace)
    assert os.environ["PREFECT_API_URL"] == "http://here:1/api"
    assert running_server(workspace.root, "mlflow") is None


def test_outside_of_the_workspace_that_a_run_has_made_it_says_where_that_is(tmp_path):
    with pytest.raises(InputError, match="ganforge init"):
        Workspace.find(tmp_path)
    Workspace.find_or_create(tmp_path)
    with pytest.raises(InputError, match="there is one in ganforge-workspace: `cd ganforge-workspace`"):
        Workspace.find(tmp_path)
