"""Runs and registered models, by the real MLflow: embedded, as a server, and away."""

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ganforge.errors import InputError, ServiceError
from ganforge_pipelines.lineage import records, store, tracking
from ganforge_pipelines.lineage.registry import known
from ganforge_pipelines.lineage.tracking import check_tracking_server, take_up, track_run, tracking_uri


@pytest.fixture(scope="module")
def embedded(payments, tmp_path_factory):
    """Two runs in a fresh workspace: the first promoted, the second not."""
    root = tmp_path_factory.mktemp("workspace")
    before = dict(os.environ)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    runs = [track_run(workspace_root=root, promote=promote, **payments.told) for promote in (True, False)]
    assert dict(os.environ) == {name: value for name, value in before.items() if name != "MLFLOW_TRACKING_URI"}
    return SimpleNamespace(root=root, runs=runs, uri=tracking_uri(root))


@pytest.fixture
def client(embedded):
    with store.connected(embedded.uri, root=embedded.root) as client:
        yield client


@pytest.mark.slow
def test_what_a_run_was_told_is_there_again(embedded, client):
    first = embedded.runs[0]
    assert (first.experiment, first.model_name, first.version, first.alias) == (
        "ganforge-fraud",
        "ganforge-fraud",
        1,
        "champion",
    )
    run = client.get_run(first.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["data.md5"] == "ab.dir"
    assert run.data.tags["git.dirty"] == "False"
    assert run.data.tags["remote"] == "https://host/x"
    assert "none" not in run.data.tags
    assert run.data.params == {"train.steps": "3", "train.widths": "[256, 256]", "seed": "0"}
    assert run.data.metrics["average_precision"] == 0.81
    curve = client.get_metric_history(first.run_id, "critic/loss")
    assert sorted((point.step, point.value) for point in curve) == [(k, 1 / (k + 1)) for k in range(1, 1201)]
    assert [each.path for each in client.list_artifacts(first.run_id, "report")] == ["report/report.html"]


@pytest.mark.slow
def test_the_data_is_an_input_without_a_row_of_it(embedded, client):
    (given,) = client.get_run(embedded.runs[0].run_id).inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("payments", "5" * 32 + ".dir")
    assert json.loads(given.dataset.source) == {"path": "data/payments.csv", "md5": "5" * 32 + ".dir"}
    assert json.loads(given.dataset.profile) == {"num_rows": 400, "sha256": "d" * 64}


@pytest.mark.slow
def test_versions_take_their_aliases(embedded, client):
    aliases = client.get_registered_model("ganforge-fraud").aliases
    assert {name: int(version) for name, version in aliases.items()} == {"champion": 1, "challenger": 2}
    version = client.get_model_version("ganforge-fraud", "1")
    assert version.run_id == embedded.runs[0].run_id
    assert version.tags["data.md5"] == "ab.dir"
    champion = records.champion_of(embedded.root, "ganforge-fraud")
    assert (champion.version, champion.metrics["average_precision"]) == (1, 0.81)
    assert records.champion_of(embedded.root, "ganforge-images") is None


@pytest.mark.slow
def test_everything_lies_in_the_workspace(embedded):
    assert (embedded.root / "mlflow" / "mlflow.db").is_file()
    models = list((embedded.root / "mlflow" / "artifacts" / "models").iterdir())
    assert len(models) == 2
    assert not Path("mlruns").exists()
    assert not Path("mlflow.db").exists()


@pytest.mark.slow
def test_the_artefact_holds_data_alone(embedded):
    """No pickle, no code: whoever loads it executes nothing of it."""
    for folder in (embedded.root / "mlflow" / "artifacts" / "models").iterdir():
        files = [each for each in folder.rglob("*") if each.is_file()]
        names = {each.name for each in files}
        assert {"MLmodel", "model.json", "estimator.skops"} <= names
        assert not [name for name in names if name.endswith((".pkl", ".pickle", ".py", ".joblib", ".pt", ".bin"))]
        assert not [each for each in files if each.read_bytes()[:1] == b"\x80"]  # how every pickle since 2.3 begins
        for each in files:
            if each.suffix == ".skops":
                inside = zipfile.ZipFile(each).namelist()
                assert not [name for name in inside if not name.endswith((".json", ".npy", ".bin"))]
        described = (folder / "artifacts" / "MLmodel").read_text()
        assert "loader_module: ganforge_pipelines.lineage.scoring" in described
        assert "python_model" not in described
        assert "code:" not in described.replace("code: null", "")
        assert (folder / "artifacts" / "data" / "bundle" / "generator" / "model.json").is_file()


SCORE = """
import os, sys
os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
import mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
rows = pd.read_parquet(sys.argv[3])
model.predict(rows[rows.columns[::-1]]).to_parquet(sys.argv[4])
"""


def scored_elsewhere(uri, model, rows, folder):
    """What a fresh process answers that has the installed package alone: `-I` keeps this folder and our path away."""
    rows.to_parquet(folder / "rows.parquet")
    arguments = [uri, model, str(folder / "rows.parquet"), str(folder / "scored.parquet")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    subprocess.run(
        [sys.executable, "-I", "-c", SCORE, *arguments], cwd=folder, env=environment, check=True, capture_output=True
    )
    return pd.read_parquet(folder / "scored.parquet")


@pytest.mark.slow
def test_a_process_with_the_package_alone_scores(embedded, payments, tmp_path):
    rows = payments.features.frame.iloc[:20].copy()
    rows["amount"] = np.arange(20)  # whole numbers, where training had cents
    rows["merchant"] = ["never seen", *rows["merchant"].iloc[1:]]
    scored = scored_elsewhere(embedded.uri, "models:/ganforge-fraud@champion", rows, tmp_path)
    assert list(scored.columns) == ["probability"]
    assert np.allclose(scored["probability"], payments.classifier.predict_proba(rows)[:, 1])


@pytest.mark.slow
def test_the_callers_mlflow_is_left_as_it_was(embedded, payments, tmp_path, monkeypatch):
    import mlflow

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    mlflow.set_tracking_uri("sqlite:///mine.db")
    try:
        before = dict(os.environ)
        with store.connected(embedded.uri, root=embedded.root):
            assert mlflow.get_tracking_uri() == embedded.uri
        assert mlflow.get_tracking_uri() == "sqlite:///mine.db"
        assert dict(os.environ) == before
    finally:
        mlflow.set_tracking_uri(None)


@pytest.mark.slow
def test_a_run_that_breaks_off_is_marked_and_registers_nothing(embedded, payments, client, tmp_path):
    told = payments.told | {"artifacts": {"report": tmp_path / "missing.html"}, "registered_name": "ganforge-never"}
    with pytest.raises(InputError, match=r"missing\.html"):
        track_run(workspace_root=embedded.root, promote=True, **told)
    experiment = client.get_experiment_by_name("ganforge-fraud").experiment_id
    states = [run.info.status for run in client.search_runs([experiment])]
    assert sorted(states) == ["FAILED", "FINISHED", "FINISHED"]
    assert not client.search_registered_models(filter_string="name = 'ganforge-never'")


@pytest.mark.slow
def test_a_version_left_without_its_alias_is_found_by_its_key_and_placed(payments, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    told = {**payments.told, "curves": [], "workspace_root": tmp_path, "promote": True, "reason": "the first"}

    def broken(version: int) -> tuple[str, str]:
        raise KeyboardInterrupt

    assert known(tmp_path, "ganforge-fraud", "k1") is None
    with pytest.raises(KeyboardInterrupt):
        track_run(**told, key="k1", card=broken)
    left = known(tmp_path, "ganforge-fraud", "k1")
    assert left is not None
    assert (left.version, left.alias, left.settled) == (1, None, False)
    place = {"workspace_root": tmp_path, "flow": "fraud", "registered_name": "ganforge-fraud"}
    taken = take_up(left, **place, promote=True, reason="the first", card=lambda version: (f"no. {version}", "# card"))
    assert (taken.version, taken.alias, taken.run_id) == (1, "champion", left.run_id)
    with store.connected(tracking_uri(tmp_path), root=tmp_path) as client:
        assert client.get_run(left.run_id).info.status == "FINISHED"
        assert client.get_model_version("ganforge-fraud", "1").description == "no. 1"
        assert "model_card.md" in {each.path for each in client.list_artifacts(left.run_id)}
    found = known(tmp_path, "ganforge-fraud", "k1")
    assert found is not None
    assert (found.alias, found.settled, found.reason) == ("champion", True, "the first")
    assert known(tmp_path, "ganforge-fraud", "k2") is None  # other work is another version


def test_a_run_that_was_killed_ends_when_its_work_is_registered_again(tmp_path):
    with store.connected(tracking_uri(tmp_path), root=tmp_path) as client:
        experiment = client.create_experiment("ganforge-fraud")
        tags = {"flow": "fraud", "data.md5": "ab", "stage.train": "12", "alias_reason": "the first"}
        digest = tracking._work_digest(tags)
        runs = [client.create_run(experiment, tags={"ganforge.work": each}).info.run_id for each in (digest, "other")]
        tracking._end_killed(client, experiment, tracking._work_digest({**tags, "alias_reason": "the second"}))
        assert [client.get_run(each).info.status for each in runs] == ["KILLED", "RUNNING"]
    assert tracking._work_digest({**tags, "data.md5": "cd"}) != digest


FIRST = """
import sys
from pathlib import Path
from ganforge_pipelines.lineage import store
root = Path(sys.argv[1])
with store.connected(store.tracking_uri(root), root=root) as client:
    print(len(client.search_experiments()))
"""


@pytest.mark.slow
def test_two_processes_may_be_the_first(tmp_path):
    started = [
        subprocess.Popen(
            [sys.executable, "-c", FIRST, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    answers = [each.communicate(timeout=300) for each in started]
    assert [each.returncode for each in started] == [0, 0], answers
    assert answers == [("1\n", ""), ("1\n", "")]  # the default experiment, and not a word on standard error


# -- servers -------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path):
    """A real MLflow server on loopback that hands out artefacts itself; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-P", "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}"]
    command += ["--artifacts-destination", str(tmp_path / "artifacts")]
    log = (tmp_path / "server.log").open("w")
    started = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        poll = threading.Event()
        for _ in range(600):
            assert started.poll() is None, (tmp_path / "server.log").read_text()
            try:
                with urllib.request.urlopen(f"{address}/health", timeout=5):
                    break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                poll.wait(0.2)
        yield address
    finally:
        os.killpg(started.pid, 15)
        started.wait(timeout=60)
        log.close()


@pytest.mark.slow
def test_a_server_is_used_when_the_environment_names_one(server, payments, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    check_tracking_server()
    root = tmp_path / "workspace"
    tracked = track_run(workspace_root=root, promote=True, **payments.told)
    assert not (root / "mlflow").exists()
    rows = payments.features.frame.head(5)
    scored = scored_elsewhere(server, tracked.uri, rows, tmp_path)
    assert np.allclose(scored["probability"], payments.classifier.predict_proba(rows)[:, 1])
    records.add_artifacts(root, tracked.run_id, {"more": payments.told["artifacts"]["report"]})
    with store.connected(server) as client:
        assert [each.path for each in client.list_artifacts(tracked.run_id, "more")] == ["more/report.html"]


def test_without_a_name_there_is_nothing_to_check(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    check_tracking_server()


@pytest.mark.parametrize("call", ["check", "track"])
def test_a_server_that_is_away_is_named_without_its_password(call, payments, tmp_path, monkeypatch):
    calls = {
        "check": check_tracking_server,
        "track": lambda: track_run(workspace_root=tmp_path, promote=True, **payments.told),
    }
    with socket.socket() as taken:  # bound, but nobody listens: every connection is refused
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://ann:secret@{address}")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        with pytest.raises(ServiceError, match=rf"MLflow at http://{address}: .*unset MLFLOW_TRACKING_URI") as caught:
            calls[call]()
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_does_not_let_us_in_is_said_to(monkeypatch):
    class Guarded(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(401)
            self.end_headers()
            self.wfile.write(b"You are not authenticated.")

        do_GET = do_POST

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guarded) as guarded:
        thread = threading.Thread(target=guarded.serve_forever)
        thread.start()
        try:
            with pytest.raises(ServiceError, match=r"it does not let us in \(HTTP 401\)") as caught:
                check_tracking_server(f"http://ann:secret@127.0.0.1:{guarded.server_port}")
        finally:
            guarded.shutdown()
            thread.join()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    ["http://127.0.0.1:not-a-port", "carrier-pigeon://loft", "sqlite:////no/such/folder/x.db", "mysql://127.0.0.1:9/x"],
)
def test_an_address_that_is_none_is_refused(uri):
    with pytest.raises(ServiceError, match="MLflow at"):
        check_tracking_server(uri)
