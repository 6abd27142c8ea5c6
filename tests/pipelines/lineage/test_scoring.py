"""The loader module: every kind of model that is registered, by the same call, and behind `mlflow models serve`."""

import datetime as dt
import json
import os
import re
import socket
import subprocess
import sys
import textwrap
import threading
import urllib.error
import urllib.request
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from ganforge.artifacts import write_artifact
from ganforge.data.embedded import make_embedded
from ganforge.data.table import Table
from ganforge.data.toy import planted_anomalies, toy_images
from ganforge.detectors.isolation_forest import IsolationForest
from ganforge.downstream.classifiers import make_classifier
from ganforge.downstream.picture_classifier import PictureClassifier
from ganforge.errors import GanforgeWarning, InputError, UnknownNameError
from ganforge_pipelines.lineage.scoring import _load_pyfunc
from ganforge_pipelines.lineage.signatures import signature_of
from ganforge_pipelines.lineage.store import connected
from ganforge_pipelines.stages.running import run_stage
from ganforge_pipelines.workspace import Workspace

ROOT = Path(__file__).parents[3]


def test_a_classifier_gives_the_probability_of_the_class_looked_for(payments):
    scorer = _load_pyfunc(str(payments.folder))
    rows = payments.features.frame.head(7).set_index(pd.Index(list("abcdefg")))
    scored = scorer.predict(rows)
    assert list(scored.columns) == ["probability"]
    assert list(scored.index) == list("abcdefg")
    assert (scored["probability"] == payments.classifier.predict_proba(rows)[:, 1]).all()
    by_name = scorer.predict({name: rows[name].tolist() for name in rows.columns})
    assert np.allclose(by_name["probability"], scored["probability"])


def test_more_classes_give_a_column_each(tmp_path):
    frame = pd.DataFrame({"x": np.arange(60.0), "y": np.arange(60) % 7 / 2})
    make_classifier("logistic-regression").fit(frame, np.repeat(["a", "b", "c"], 20)).save(
        tmp_path / "bundle" / "model"
    )
    scored = _load_pyfunc(str(tmp_path / "bundle")).predict(frame)
    assert list(scored.columns) == ["a", "b", "c"]
    assert np.allclose(scored.sum(axis=1), 1)
    assert signature_of(None, tmp_path / "bundle" / "model") is None


def test_a_detector_gives_its_score(tmp_path):
    frame, _ = planted_anomalies(200, share=0.05, seed=0)
    detector = IsolationForest(random_state=0).fit(frame)
    detector.save(tmp_path / "model")
    scorer = _load_pyfunc(str(tmp_path / "model"))
    assert (scorer.predict(frame)["score"] == detector.decision_function(frame)).all()
    with pytest.raises(UnknownNameError, match="no column"):
        scorer.predict(frame.drop(columns=frame.columns[0]))
    with pytest.raises(InputError, match="scores tables"):
        scorer.predict(np.zeros((1, 1, 8, 8), dtype=np.uint8))


def test_a_picture_classifier_gives_a_column_a_class(tmp_path):
    images = toy_images(24, classes=2, size=8, seed=0)
    classifier = PictureClassifier(steps=2, random_state=0).fit(images)
    classifier.save(tmp_path / "model")
    scorer = _load_pyfunc(str(tmp_path / "model"))
    scored = scorer.predict(images.pixels)
    assert list(scored.columns) == [str(each) for each in classifier.classes_]
    assert np.allclose(scored.to_numpy(), classifier.predict_proba(images))
    assert np.allclose(scorer.predict(images.pixels.astype(np.float64)).to_numpy(), scored.to_numpy())
    signature = signature_of(images.shape, tmp_path / "model")
    assert signature.inputs.inputs[0].shape == (-1, *images.shape)
    assert [each.name for each in signature.outputs.inputs] == list(scored.columns)
    for wrong, message in (
        (images.pixels[0], "shape"),
        (images.pixels.astype(np.float64) - 1, "0–255"),
        (pd.DataFrame({"x": [1]}), "scores pictures"),
    ):
        with pytest.raises(InputError, match=message):
            scorer.predict(wrong)


def test_what_scores_nothing_is_refused(tmp_path, monkeypatch):
    from ganforge import catalog

    write_artifact(tmp_path / "model", kind="ctgan", parameters={})
    monkeypatch.setattr(catalog, "load_model", lambda folder: object())
    with pytest.raises(InputError, match="makes samples and scores nothing"):
        _load_pyfunc(str(tmp_path / "model"))


def test_the_signature_names_every_column_and_refuses_no_number(payments):
    from mlflow.models.utils import _enforce_schema

    signature = signature_of(payments.features.schema, payments.folder)
    assert signature.inputs.input_names() == list(payments.features.schema.names)
    assert [each.name for each in signature.outputs.inputs] == ["probability"]
    whole = payments.features.frame.head(3).assign(amount=[1, 2, 3], age=[30, 40, 50])
    enforced = _enforce_schema(whole, signature.inputs)
    assert enforced["amount"].tolist() == [1, 2, 3]
    times = pd.DataFrame({"began": [dt.time(k % 24, k % 60) for k in range(90)]})
    signature = signature_of(Table.of(times).schema, payments.folder)
    assert _enforce_schema(times.head(3), signature.inputs)["began"].tolist() == times["began"].head(3).tolist()


@pytest.fixture
def answering(payments, tmp_path):
    """The model of a folder behind `mlflow models serve`; the address of its scoring."""
    with connected(f"sqlite:///{tmp_path / 'unused.db'}"):
        import mlflow.pyfunc

        mlflow.pyfunc.save_model(
            path=str(tmp_path / "model"),
            loader_module="ganforge_pipelines.lineage.scoring",
            data_path=str(payments.folder),
            signature=signature_of(payments.features.schema, payments.folder),
            pip_requirements=["ganforge"],
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-P", "-m", "mlflow", "models", "serve", "--model-uri", str(tmp_path / "model")]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    with (tmp_path / "serve.log").open("w") as log:
        started = subprocess.Popen(
            command,
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            poll = threading.Event()
            for _ in range(600):
                assert started.poll() is None, (tmp_path / "serve.log").read_text()
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5):
                        break
                except (urllib.error.URLError, ConnectionError, TimeoutError):
                    poll.wait(0.2)
            yield f"http://127.0.0.1:{port}/invocations"
        finally:
            os.killpg(started.pid, 15)
            started.wait(timeout=60)


@pytest.mark.slow
def test_it_answers_over_http(answering, payments):
    rows = payments.features.frame.head(4)
    records = json.loads(rows.to_json(orient="records", date_format="iso"))
    assert any(value is None for record in records for value in record.values()) or rows.notna().all(axis=None)
    request = urllib.request.Request(
        answering,
        data=json.dumps({"dataframe_records": records}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        answers = [each["probability"] for each in json.load(response)["predictions"]]
    assert answers == pytest.approx(payments.classifier.predict_proba(rows)[:, 1].tolist())


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The folder of `fraud-prepare` on the embedded data, by the parameters of a new workspace."""
    workspace = Workspace.create(tmp_path_factory.mktemp("prepared") / "team")
    make_embedded(workspace.data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GanforgeWarning)
        run_stage("fraud-prepare", workspace, workspace.params(flow="fraud"))
    return workspace.stage_dir("fraud", "prepare")


def test_the_record_that_the_readme_sends_is_one_of_the_model_that_make_run_registers(prepared, tmp_path, capsys):
    from mlflow.models.utils import _enforce_schema

    readme = (ROOT / "mlflow" / "README.md").read_text(encoding="utf-8")
    sent = re.search(r"--data '(\{.*?\})'\n", readme, re.DOTALL)
    code = re.search(r"^(    import json\n.*?)\n\n\S", readme, re.DOTALL | re.MULTILINE)
    assert sent is not None
    assert code is not None
    records = json.loads(sent[1])["dataframe_records"]

    train = Table.of(pd.read_parquet(prepared / "train.parquet"))
    features = train.drop("is_fraud")
    classifier = make_classifier("logistic-regression").fit(features, train.frame["is_fraud"])
    classifier.save(tmp_path / "classifier")
    taken = _enforce_schema(pd.DataFrame(records), signature_of(features.schema, tmp_path / "classifier").inputs)
    answer = _load_pyfunc(str(tmp_path / "classifier")).predict(taken)
    assert answer["probability"].between(0, 1).all()
    assert list(records[0]) == list(features.schema.names)

    script = textwrap.dedent(code[1])
    assert "runs/…-fraud/features.json" in script
    exec(script.replace("runs/…-fraud", str(prepared)), {})  # noqa: S102 - what a reader does
    assert json.loads(capsys.readouterr().out) == [pytest.approx(each) for each in records]


def test_the_team_servers_files_fit_what_is_installed():
    """compose.yaml runs the version the project is tested with; README names the models that the flows register."""
    compose = yaml.safe_load((ROOT / "mlflow" / "compose.yaml").read_text(encoding="utf-8"))
    built = compose["services"]["server"]["build"]["dockerfile_inline"]
    pinned = re.search(r"^mlflow==(.+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert pinned is not None
    assert f"mlflow=={pinned[1]}" in built
    environment = compose["services"]["server"]["environment"]
    assert environment["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
    assert compose["services"]["server"]["ports"] == ["127.0.0.1:5000:5000"]
    assert not list((ROOT / "mlflow").glob("*.py"))
    readme = (ROOT / "mlflow" / "README.md").read_text(encoding="utf-8")
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for flow in ("fraud", "images", "anomalies"):
        assert f"`{params[flow]['register']['name']}`" in readme
