"""Who is champion, who was, and how it goes back: by the real MLflow, in a store of its own."""

from __future__ import annotations

import json

import pytest

from ganforge.errors import InputError, UnknownNameError, UnsuitableDataError
from ganforge_pipelines.lineage import registry
from ganforge_pipelines.lineage.registry import models_of, promote, rollback, versions_of
from ganforge_pipelines.lineage.store import connected, tracking_uri

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture
def model(root, request, monkeypatch):
    """A registered model of three versions, the last of them challenger; its name."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    name = f"ganforge-{request.node.name}"
    with connected(tracking_uri(root), root=root) as client:
        client.create_registered_model(name)
        for number in (1, 2, 3):
            tags = {"alias_reason": f"reason {number}", "figure": f"average precision .{number}0"}
            client.create_model_version(name, source=f"{root}/{number}", tags=tags)
        client.set_registered_model_alias(name, "challenger", "3")
    return name


def champion(root, name):
    (found,) = [each for each in versions_of(root, name) if "champion" in each.aliases]
    return found.version


def test_to_look_makes_no_store(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert models_of(tmp_path) == []
    assert not (tmp_path / "mlflow").exists()


def test_promotions_are_written_down_and_taken_back_one_by_one(root, model):
    promote(root, model, 1, reason="the first")
    promote(root, model, 2, reason="better")
    done = promote(root, model, reason="by hand")
    assert (done.champion, done.former) == (3, 2)
    third, second, first = versions_of(root, model)
    assert (third.aliases, second.aliases, first.aliases) == (("champion",), (), ())  # no challenger is left
    assert (third.reason, second.reason) == ("by hand", "better")
    assert {registry.SINCE, registry.WHY} <= set(third.tags)
    assert registry.UNTIL in second.tags
    assert rollback(root, model, reason="a bad night").champion == 2
    assert champion(root, model) == 2
    assert registry.UNTIL not in {each.version: each for each in versions_of(root, model)}[2].tags
    assert rollback(root, model, reason="another").champion == 1
    with pytest.raises(UnsuitableDataError, match="version 1 is the first champion"):
        rollback(root, model, reason="no more")
    assert champion(root, model) == 1
    promote(root, model, 3, reason="forward again")
    assert rollback(root, model, reason="and back").champion == 1


def test_what_cannot_be_promoted(root, model):
    with pytest.raises(UnknownNameError, match="did you mean"):
        promote(root, model[:-1], 1, reason="")
    with pytest.raises(UnknownNameError, match="version '9'"):
        promote(root, model, 9, reason="")
    promote(root, model, 1, reason="")
    with pytest.raises(UnsuitableDataError, match="champion already"):
        promote(root, model, 1, reason="")
    promote(root, model, 3, reason="")
    with pytest.raises(InputError, match="no challenger; say which version"):
        promote(root, model, reason="")


def test_an_alias_moved_by_another_tool_is_gone_back_from_as_well(root, model):
    promote(root, model, 1, reason="")
    with connected(tracking_uri(root), root=root) as client:
        client.set_registered_model_alias(model, "champion", "2")
    assert rollback(root, model, reason="").champion == 1


@pytest.mark.parametrize("killed", ["set_registered_model_alias", "set_registered_model_tag"])
@pytest.mark.parametrize("back", [False, True], ids=["promotion", "rollback"])
def test_one_killed_half_way_is_gone_back_from_to_a_former_champion(root, model, monkeypatch, killed, back):
    from mlflow import MlflowClient

    def kill(*_, **__):
        raise KeyboardInterrupt

    for number in (1, 2):
        promote(root, model, number, reason="")
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, killed, kill)
        with pytest.raises(KeyboardInterrupt):
            rollback(root, model, reason="") if back else promote(root, model, 3, reason="")
    present = champion(root, model)
    if present == 1:
        with pytest.raises(UnsuitableDataError, match="first champion"):
            rollback(root, model, reason="")
    else:
        assert rollback(root, model, reason="").champion == present - 1


def test_a_deleted_version_is_passed_over(root, model):
    for number in (1, 2, 3):
        promote(root, model, number, reason="")
    with connected(tracking_uri(root), root=root) as client:
        client.delete_model_version(model, "2")
        assert json.loads(client.get_registered_model(model).tags[registry.FORMER]) == [1, 2, 3]
    assert rollback(root, model, reason="").champion == 1
