"""From the words of the command line to parameters; what a plan says; what contradicts itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ganforge.errors import InputError, UnknownNameError
from ganforge_pipelines.flows.requests import OPTIONS, from_request
from ganforge_pipelines.flows.running import plan
from ganforge_pipelines.stages.roles import ROLES
from ganforge_pipelines.workspace import Workspace
from ganforge_pipelines.workspace.parameters import lookup


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace.create(tmp_path / "team")


@pytest.mark.parametrize("flow", OPTIONS)
def test_every_option_sets_a_parameter_that_exists(workspace, flow):
    for place in OPTIONS[flow].values():
        lookup(workspace.params(), f"{flow}.{place}")


def test_the_defaults_are_what_params_yaml_says(workspace):
    for flow in OPTIONS:
        assert from_request(flow, workspace) == workspace.params()


def test_data_of_ones_own_forget_what_params_yaml_says_of_the_embedded(workspace):
    params = from_request("fraud", workspace, data="inputs/x.csv", options={"target": "Class"})
    prepare = params["fraud"]["prepare"]
    assert (prepare["data"], prepare["target"], prepare["time"], prepare["leave_out"]) == (
        "inputs/x.csv",
        "Class",
        None,
        [],
    )
    assert [prepare[role] for role in ROLES] == [None] * len(ROLES)
    with pytest.raises(InputError, match="--target"):
        from_request("fraud", workspace, data="inputs/x.csv")


def test_columns_of_payments_are_named_together(workspace):
    named = {"target": "fraud", "time": "at", "customer": "card", "terminal": "shop", "amount": "eur"}
    prepare = from_request("fraud", workspace, data="inputs/x.csv", options=named)["fraud"]["prepare"]
    assert {role: prepare[role] for role in named} == named
    assert prepare["label_delay_days"] == 7.0


def test_pictures_that_hold_their_labels_name_no_other_file(workspace):
    prepare = from_request("images", workspace, data="inputs/defects")["images"]["prepare"]
    assert prepare["labels"] == prepare["data"] == "inputs/defects"
    both = from_request("images", workspace, data="a-idx3", options={"labels": "a-idx1", "per_class": 7})
    assert both["images"]["prepare"]["labels"] == "a-idx1"
    assert both["images"]["prepare"]["per_class"] == 7


def test_without_a_label_all_rows_say_what_is_normal(workspace):
    prepare = from_request("anomalies", workspace, data="inputs/x.csv")["anomalies"]["prepare"]
    assert (prepare["label"], prepare["train_on"]) == (None, "all")


def test_overrides_have_the_last_word(workspace):
    asked = {"preset": "full", "seed": 3, "overrides": {"train.steps": 5, "seed": 4}, "show_rows": True}
    params = from_request("fraud", workspace, **asked)
    assert params["fraud"]["train"]["steps"] == 5
    assert params["seed"] == 4
    assert params["fraud"]["report"]["show_rows"] is True


@pytest.mark.parametrize(
    ("flow", "request_", "words"),
    [
        ("anomalies", {"options": {"budget": "5/day", "time": None}}, "time"),
        ("anomalies", {"options": {"budget": "lots"}}, "budget"),
        ("anomalies", {"overrides": {"train.detectors": []}}, "at least one"),
        ("fraud", {"overrides": {"prepare.group": "customer_id", "prepare.time": "booked_at"}}, "both say how"),
        (
            "fraud",
            {"data": "x.csv", "options": {"target": "y", "customer": "who"}},
            "--terminal and --amount and --time",
        ),
        ("fraud", {"overrides": {"prepare.amount": None}}, "name --amount, too"),
        ("fraud", {"options": {"budget": "5"}}, "no option 'budget'"),
        ("images", {"options": {"per_class": 1}}, "at least 2"),
        ("frauds", {}, "did you mean 'fraud'"),
    ],
)
def test_what_contradicts_itself_is_refused(workspace, flow, request_, words):
    with pytest.raises(InputError, match=words):
        from_request(flow, workspace, **request_)


def test_a_plan_says_what_would_run_and_makes_nothing(workspace, tmp_path):
    before = sorted(workspace.root.rglob("*"))
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n")
    said = plan("fraud", workspace, data=tmp_path / "mine.csv", options={"target": "b"}, overrides={"train.steps": 9})
    assert said["stages"]["train"]["parameters"]["steps"] == 9
    assert said["stages"]["prepare"]["reads"] == [str(tmp_path / "mine.csv")]
    assert list(said["stages"]) == ["prepare", "train", "sample", "judge", "classify", "register", "report"]
    assert sorted(workspace.root.rglob("*")) == before


def test_a_file_that_is_not_there_is_named(workspace):
    with pytest.raises(InputError, match=r"no such file or folder: gone\.csv"):
        plan("fraud", workspace, data="gone.csv", options={"target": "b"})
    with pytest.raises(UnknownNameError, match=r"train\.steps"):
        plan("fraud", workspace, overrides={"train.stepps": 1})


def test_a_flow_that_keeps_every_stage_imports_nothing_that_only_a_stage_needs():
    code = (
        "import sys; import ganforge_pipelines.cli.flows, ganforge_pipelines.flows.running; "
        "from ganforge_pipelines.flows import connection, fraud, images, anomalies; "
        "from ganforge_pipelines.lineage import store; "
        "heavy = {'torch', 'pandas', 'sklearn', 'scipy', 'mlflow', 'prefect.server.api.server'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
