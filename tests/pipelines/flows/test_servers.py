"""Real servers on loopback: the pages, a flow on both, a deployment that a worker picks up; and servers not there."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml

from ganforge.errors import InputError, ServiceError
from ganforge_pipelines.flows import server
from ganforge_pipelines.flows.deploying import NAME, deploy, parameters_of
from ganforge_pipelines.flows.running import run_flow
from ganforge_pipelines.workspace import Workspace, environment

ROOT = Path(__file__).parents[3]
FREE = 47_123
"""Where the tests' servers begin to look for free ports."""


@pytest.fixture(scope="module")
def served(tiny, prefect_home, tmp_path_factory):
    """A small workspace with both servers running: (workspace, addresses)."""
    workspace = tiny(tmp_path_factory.mktemp("served") / "team")
    before = dict(os.environ)
    pages = server.start(workspace, prefect_port=FREE, mlflow_port=FREE + 100)
    yield workspace, pages
    os.environ.clear()
    os.environ.update(before)
    assert sorted(server.stop(workspace)) == ["mlflow", "prefect"]
    for page in pages.values():
        with pytest.raises(OSError, match="refused"):
            urlopen(page, timeout=5)


def flow_runs(workspace):
    """Flow runs with their task runs, oldest first, as the server has them."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.sorting import FlowRunSort, TaskRunSort

    from ganforge_pipelines.flows.connection import prefect_for

    with prefect_for(workspace), get_client(sync_client=True) as client:
        tasks = client.read_task_runs(sort=TaskRunSort.EXPECTED_START_TIME_ASC, limit=200)
        runs = client.read_flow_runs(sort=FlowRunSort.START_TIME_ASC, limit=200)
        return [(run, [task for task in tasks if task.flow_run_id == run.id]) for run in runs]


@pytest.mark.slow
def test_a_flow_on_real_servers(served, monkeypatch, tmp_path):
    workspace, pages = served
    for page in pages.values():
        with urlopen(page, timeout=10) as answer:
            assert answer.status == 200
    assert server.start(workspace) == pages  # what runs already is used
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    environment(workspace)
    assert os.environ["PREFECT_API_URL"] == f"{pages['prefect']}/api"  # later runs find what was left running
    monkeypatch.setenv("MLFLOW_TRACKING_URI", pages["mlflow"])

    done = run_flow("fraud", workspace)
    until = time.monotonic() + 60
    while True:  # the server writes down the last states a moment after they were reached
        run, tasks = flow_runs(workspace)[-1]
        if (len(tasks) == 8 and run.state.is_final()) or time.monotonic() > until:
            break
        time.sleep(0.5)
    assert run.state.is_completed()
    assert {each.name for each in tasks} >= {"fraud-prepare", "fraud-train", "fraud-report"}
    with urlopen(f"{pages['mlflow']}/api/2.0/mlflow/runs/get?run_id={done.mlflow_run_id}", timeout=10) as answer:
        assert answer.status == 200

    calm = tmp_path / "calm.csv"
    rows = (workspace.data / "payments.csv").read_text().splitlines()
    calm.write_text("\n".join([rows[0].replace("is_fraud", "was"), *rows[1:]]))
    with pytest.raises(Exception, match="is_fraud"):
        run_flow("fraud", workspace, data=calm, options={"target": "is_fraud"})
    run, _ = flow_runs(workspace)[-1]
    assert run.state.is_failed()
    assert "is_fraud" in run.state.message
    assert "\n" not in run.state.message.strip()


@pytest.mark.slow
def test_a_deployment_is_picked_up_by_a_worker_and_runs(served, monkeypatch):
    from prefect.client.orchestration import get_client

    from ganforge_pipelines.flows.connection import prefect_for

    workspace, pages = served
    monkeypatch.setenv("PREFECT_API_URL", f"{pages['prefect']}/api")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", pages["mlflow"])
    made = deploy("fraud", workspace, cron="0 3 * * *", pool="night")
    assert made.name == f"ganforge-fraud/{NAME}"
    again = deploy("fraud", workspace, cron="0 4 * * *", pool="night", overrides={"seed": 0})
    assert again.id == made.id
    with prefect_for(workspace), get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(made.name)
        assert [each.schedule.cron for each in deployment.schedules] == ["0 4 * * *"]
        assert deployment.entrypoint == "ganforge_pipelines.flows.fraud.fraud"
        assert deployment.work_pool_name == "night"
        run = client.create_flow_run_from_deployment(deployment.id)
    worker = subprocess.Popen(
        [sys.executable, "-m", "prefect", "worker", "start", "--pool", "night", "--type", "process"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=workspace.root.parent,  # not the workspace: the deployment says where it is
    )
    try:
        until = time.monotonic() + 400
        while True:
            with prefect_for(workspace), get_client(sync_client=True) as client:
                state = client.read_flow_run(run.id).state
            assert state is not None
            if state.is_final():
                break
            assert time.monotonic() < until, f"the worker did not run it: {state}"
            time.sleep(1)
    finally:
        worker.terminate()
        worker.wait(timeout=60)
    assert state.is_completed(), state.message
    assert len(list(workspace.runs.iterdir())) >= 1


def test_a_schedule_without_a_server_says_to_start_one(tmp_path, monkeypatch):
    workspace = Workspace.create(tmp_path / "team")
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(ServiceError, match="start one with `ganforge ui`, or set PREFECT_API_URL") as failure:
        deploy("fraud", workspace, cron="0 3 * * *")
    assert failure.value.exit_code == 2


def test_a_schedule_is_checked_before_it_is_registered(tmp_path, monkeypatch):
    workspace = Workspace.create(tmp_path / "team")
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    with pytest.raises(InputError, match="no cron expression"):
        deploy("fraud", workspace, cron="every night")
    with pytest.raises(InputError, match=r"train\.steps"):
        deploy("fraud", workspace, cron="0 3 * * *", overrides={"train.step": 3})


@pytest.mark.parametrize(
    ("variable", "value", "tool"),
    [
        ("PREFECT_API_URL", "http://me:secret@127.0.0.1:9/api", "Prefect"),
        ("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9", "MLflow"),
    ],
)
def test_a_server_that_is_named_but_not_there_is_told_at_once(tmp_path, monkeypatch, variable, value, tool):
    workspace = Workspace.create(tmp_path / "team")
    monkeypatch.setenv(variable, value)
    with pytest.raises(ServiceError, match=f"{tool} at .*127.0.0.1:9") as failure:
        run_flow("fraud", workspace)
    assert failure.value.exit_code == 2
    assert "secret" not in str(failure.value)
    assert "secret" not in "".join(each.read_text() for each in workspace.logs.glob("*.log"))
    assert not (workspace.root / "work").exists()


@pytest.mark.parametrize(
    ("code", "told"), [(401, r"it does not let us in \(HTTP 401\); set PREFECT_API_AUTH_STRING"), (502, "HTTP 502")]
)
def test_a_prefect_that_answers_badly_is_told_at_once(tmp_path, monkeypatch, code, told):
    class Bad(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(code)
            self.end_headers()

        def log_message(self, *_):
            pass

    workspace = Workspace.create(tmp_path / "team")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bad) as bad:
        thread = threading.Thread(target=bad.serve_forever)
        thread.start()
        monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{bad.server_port}/api")
        try:
            with pytest.raises(ServiceError, match=told):
                run_flow("fraud", workspace)
        finally:
            bad.shutdown()
            thread.join()


@pytest.mark.parametrize("flow", ["fraud", "images", "anomalies"])
def test_prefect_yaml_says_what_deploy_registers(flow):
    said = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    found = [each for each in said["deployments"] if each["flow_name"] == f"ganforge-{flow}"]
    assert len(found) == 1
    assert found[0]["name"] == NAME
    assert found[0]["entrypoint"] == f"ganforge_pipelines.flows.{flow}.{flow}"
    assert found[0]["parameters"] == parameters_of("{{ $PWD }}", None, None)
    assert found[0]["work_pool"]["name"] == "ganforge"
    assert found[0]["work_pool"]["job_variables"] == {"working_dir": "{{ $PWD }}"}
    assert found[0]["schedules"] == [{"cron": "0 3 * * *", "timezone": "UTC"}]


def test_the_entrypoint_is_an_importable_flow():
    from prefect import Flow
    from prefect.utilities.importtools import import_object

    for flow in ("fraud", "images", "anomalies"):
        assert isinstance(import_object(f"ganforge_pipelines.flows.{flow}.{flow}"), Flow)


def test_a_port_that_is_taken_is_passed_over():
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind((server.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert server._free(port) != port
