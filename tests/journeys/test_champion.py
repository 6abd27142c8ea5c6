"""Night after night in one workspace: who is champion, why, back again, and where the rows came from.

The stages are run without a scheduler, as `dvc repro` runs them: what is looked at here is the registry.
"""

from __future__ import annotations

import json
import re
import shutil
from types import SimpleNamespace

import pandas as pd
import pytest

from ganforge.data.toy import toy_payments
from ganforge.errors import GanforgeWarning
from ganforge_pipelines.cli import run
from ganforge_pipelines.flows.snapshot import snapshot
from ganforge_pipelines.lineage.registry import promote, rollback, versions_of
from ganforge_pipelines.stages import register
from ganforge_pipelines.stages.graph import stages_of
from ganforge_pipelines.stages.payments import ROLES
from ganforge_pipelines.stages.promotion import Decision
from ganforge_pipelines.stages.running import run_stage
from ganforge_pipelines.workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default::ganforge.errors.GanforgeWarning")]
NAME = "ganforge-fraud"
FEW = {
    "fraud.prepare.target": "is_fraud",
    "fraud.prepare.leave_out": [],
    **{f"fraud.prepare.{role}": None for role in ROLES},
    "fraud.train.kind": "ctgan",
    "fraud.train.steps": 2,
    "fraud.train.batch_size": 50,
    "fraud.sample.rows": 20,
    "fraud.judge.steps": 2,
    "fraud.judge.folds": 2,
    "fraud.judge.n_jobs": 1,
}


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    """Two nights: 400 rows; 1,000, those of the first night among them, and another seed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        workspace = Workspace.create(tmp_path_factory.mktemp("nights") / "team")
        workspace.data.mkdir()
        workspace.write_params(FEW)
        frame = toy_payments(1_000, fraud_share=0.15, seed=0).drop(columns="booked_at")
        done = []
        for data, seed in ((frame.head(400), 0), (frame, 1)):
            data.to_csv(workspace.data / "payments.csv", index=False)
            params = workspace.params(flow="fraud", overrides={"seed": seed})
            manifests = {each.verb: run_stage(each.name, workspace, params) for each in stages_of("fraud")}
            done.append(snapshot("fraud", workspace, params, manifests))
        yield SimpleNamespace(workspace=workspace, runs=done, frame=frame)


@pytest.fixture
def ganforge(nights, capsys, monkeypatch):
    """`ganforge("models", …)` in the workspace → (exit code, answer, standard error)."""
    monkeypatch.chdir(nights.workspace.root)

    def call(*arguments: object) -> tuple[int, object, str]:
        capsys.readouterr()
        code = run([*map(str, arguments), "--json", "-"])
        captured = capsys.readouterr()
        return code, json.loads(captured.out) if captured.out else None, captured.err

    return call


def registered(folder) -> dict:
    return json.loads((folder / "registered.json").read_text())


def test_the_first_is_champion_and_the_second_has_to_beat_it_on_rows_that_neither_has_seen(nights):
    first, second = (registered(each) for each in nights.runs)
    assert (first["version"], first["alias"]) == (1, "champion")
    assert first["reason"] == "the first, there was no other; it beats guessing by the base rate"
    assert (second["version"], second["alias"]) == (2, "challenger")  # both are good: more rows change little
    assert second["reason"].startswith("version 1 stays champion: average precision ")
    told = (
        r"that neither has seen: better by more than \.01 with a probability (of \.\d\d|below \.01), and it takes \.9$"
    )
    assert re.search(told, second["reason"])
    test = pd.read_parquet(nights.workspace.path("work/fraud/prepare/test.parquet"))
    known = len(test) - second["decision"]["unseen"]
    assert 0.2 < known / len(test) < 0.4  # 300 of the 1,000 rows were trained on the first night


def test_the_card_lies_with_the_run_the_version_and_the_snapshot(nights):
    from ganforge_pipelines.lineage.store import connected, tracking_uri

    root = nights.workspace.root
    card = (nights.runs[1] / "model_card.md").read_text()
    assert "# ganforge-fraud, version 2" in card
    assert "1,000 rows" in card
    with connected(tracking_uri(root), root=root) as client:
        run_id = registered(nights.runs[1])["run_id"]
        assert {"model_card.md", "rows", "synthetic"} <= {each.path for each in client.list_artifacts(run_id)}
        assert "Average precision ." in client.get_model_version(NAME, "2").description


def test_the_same_work_is_registered_once(nights):
    """Killed before its files were in place, the stage finds its version again, and not itself for a rival."""
    from ganforge_pipelines.lineage.store import connected, tracking_uri

    root, params = nights.workspace.root, nights.workspace.params(flow="fraud", overrides={"seed": 1})
    second = registered(nights.runs[1])

    def again() -> dict:
        shutil.rmtree(nights.workspace.path("work/fraud/register"))
        with pytest.warns(GanforgeWarning, match=rf"registered before, as models:/{NAME}/2,.*no second one made"):
            run_stage("fraud-register", nights.workspace, params)
        return registered(nights.workspace.path("work/fraud/register"))

    def aliases() -> dict[str, int]:
        with connected(tracking_uri(root), root=root) as client:
            return {name: int(each) for name, each in client.get_registered_model(NAME).aliases.items()}

    assert again() == second
    card = nights.workspace.path("work/fraud/register/model_card.md").read_text()
    assert card == (nights.runs[1] / "model_card.md").read_text()
    with connected(tracking_uri(root), root=root) as client:  # killed before the version had its alias
        client.delete_registered_model_alias(NAME, "challenger")
        client.update_run(second["run_id"], status="RUNNING")
    assert again() == second
    with connected(tracking_uri(root), root=root) as client:
        assert client.get_run(second["run_id"]).info.status == "FINISHED"
    assert aliases() == {"champion": 1, "challenger": 2}
    promote(root, NAME, 2, reason="by hand")
    assert again() == {**second, "alias": "champion", "reason": "by hand"}
    written = nights.workspace.path("work/fraud/register/model_card.md")
    assert f"{second['reason'][-30:]}. Since then it has become champion: by hand.\n\n" in written.read_text()
    rollback(root, NAME, reason="a bad night")  # somebody's word stands
    moved = again()
    assert moved["alias"] is None
    assert moved["reason"] == f"it was registered as challenger ({second['reason']}); since then it has lost that alias"
    assert aliases() == {"champion": 1}
    assert [each.version for each in versions_of(root, NAME)] == [2, 1]
    with connected(tracking_uri(root), root=root) as client:  # for the tests below
        client.set_registered_model_alias(NAME, "challenger", "2")


def test_the_champion_scores_and_goes_back_with_its_threshold_and_generator(nights, ganforge):
    import mlflow

    from ganforge_pipelines.lineage.store import connected, tracking_uri

    root = nights.workspace.root
    rows = nights.frame.drop(columns="is_fraud").head(5)

    def champion():
        with connected(tracking_uri(root), root=root):
            model = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
            return model.predict(rows)["probability"].tolist(), model.metadata.metadata

    first, told = champion()
    assert told["threshold"] == registered(nights.runs[0])["threshold"]
    code, answer, _ = ganforge("models", "list", NAME)
    assert code == 0
    assert [(each["version"], each["aliases"]) for each in answer[NAME]] == [(2, ["challenger"]), (1, ["champion"])]
    assert all(each["figure"].startswith("average precision ") and each["reason"] for each in answer[NAME])
    code, answer, _ = ganforge("models", "promote", NAME, "--reason", "we like more rows")
    assert (code, answer["champion"], answer["former"]) == (0, 2, 1)
    second, moved = champion()
    assert first != second
    assert moved["generator_sha256"] != told["generator_sha256"]
    assert moved["threshold"] == registered(nights.runs[1])["threshold"]
    assert ganforge("models", "promote", NAME, "--version", 2)[0] == 1  # it is champion already
    assert ganforge("models", "rollback", NAME)[1]["champion"] == 1
    assert champion() == (first, told)
    code, _, error = ganforge("models", "rollback", NAME)
    assert code == 1
    assert "version 1 is the first champion" in error
    assert ganforge("models", "promote", "ganforge-froud")[0] == 2
    assert ganforge("models")[1][0]["kind"]  # the catalog, as before


def test_from_a_synthetic_row_to_its_data_and_from_there_to_every_model(nights, ganforge, tmp_path):
    synthetic = tmp_path / "copied.parquet"
    shutil.copy(nights.runs[1] / "synthetic.parquet", synthetic)
    code, found, _ = ganforge("lineage", synthetic, "--row", 3)
    assert code == 0
    made = found["stamp"]["synthetic"]
    assert (made["seed"], made["condition"], made["generator"]["kind"]) == (1, {"is_fraud": "1"}, "ctgan")
    assert found["row"] == {"number": 3, "origin": "synthetic"}
    assert found["made_by"][0]["stage"] == "fraud-sample"
    (origin,) = found["data"]
    assert origin["path"] == "data/payments.csv"
    assert [(each["version"], each["made_of_it"]) for each in found["eaten_by"]] == [(2, True)]
    for asked in ("data/payments.csv", origin["sha256"][:12], nights.runs[1] / "generator"):
        assert [each["version"] for each in ganforge("lineage", asked)[1]["eaten_by"]] == [2]
    _, earlier, _ = ganforge("lineage", nights.runs[0] / "synthetic.parquet")
    assert [each["version"] for each in earlier["eaten_by"]] == [1]


def test_what_nothing_is_known_of(nights, ganforge, tmp_path):
    pd.DataFrame({"a": [1]}).to_csv(tmp_path / "other.csv", index=False)
    code, _, error = ganforge("lineage", tmp_path / "other.csv")
    assert code == 1
    assert "nothing is known of" in error
    assert ganforge("lineage", "nowhere.csv")[0] == 2
    assert ganforge("lineage", "data/payments.csv", "--row", 1)[0] == 2


def test_a_champion_that_was_displaced_says_by_whom(nights):
    """Registered under a name of its own, as the first; then somebody makes another version of it champion."""
    from ganforge_pipelines.lineage.store import connected, tracking_uri

    root, name = nights.workspace.root, "ganforge-displaced"
    params = nights.workspace.params(flow="fraud", overrides={"seed": 1, "register.name": name})
    run_stage("fraud-register", nights.workspace, params)
    folder = nights.workspace.path("work/fraud/register")
    first = registered(folder)
    assert (first["version"], first["alias"]) == (1, "champion")
    with connected(tracking_uri(root), root=root) as client:
        client.create_model_version(name, source=client.get_model_version(name, "1").source, run_id=first["run_id"])
    promote(root, name, 2, reason="by hand")
    shutil.rmtree(folder)
    with pytest.warns(GanforgeWarning, match="registered before"):
        run_stage("fraud-register", nights.workspace, params)
    assert registered(folder)["reason"] == (
        f"it was registered as champion ({first['reason']}); since then version 2 has become champion"
    )
    told = "Registered as **champion**: the first, there was no other; it beats guessing by the base rate. Since then "
    assert f"{told}version 2 has become champion.\n" in (folder / "model_card.md").read_text()


@pytest.mark.parametrize("promoted", [True, False])
def test_a_version_is_taken_up_again_whatever_its_reason_and_its_tags_hold(nights, monkeypatch, promoted):
    """A reason may hold another program's error message; a tag, what another release wrote."""
    from ganforge_pipelines.lineage.store import connected, tracking_uri

    root, name = nights.workspace.root, f"ganforge-wordy-{promoted}".lower()
    reason = f'could not be held against it ("s3://bucket/x?token=abc", {"and so on, " * 600})'
    made = Decision(promote=promoted, reason=reason, against=3, unseen=40)
    monkeypatch.setattr(register, "decide", lambda *place, **asked: made)
    params = nights.workspace.params(flow="fraud", overrides={"seed": 1, "register.name": name})
    folder = nights.workspace.path("work/fraud/register")

    def again() -> dict:
        shutil.rmtree(folder)
        with pytest.warns(GanforgeWarning, match="registered before"):
            run_stage("fraud-register", nights.workspace, params)
        return registered(folder)

    run_stage("fraud-register", nights.workspace, params)
    first = registered(folder)
    assert (first["alias"], first["reason"]) == ("champion" if promoted else "challenger", reason)
    taken = again()
    assert taken["alias"] == first["alias"]
    assert taken["decision"] == {**first["decision"], "reason": taken["decision"]["reason"]}
    assert taken["decision"]["reason"].startswith('could not be held against it ("s3://bucket/x?token=…", and so on')
    with connected(tracking_uri(root), root=root) as client:
        client.set_model_version_tag(name, "1", register.DECISION, '{"promote": true, "reason": "cut sh')
    taken = again()
    assert taken["alias"] == first["alias"]
    assert taken["decision"]["promote"] == promoted
