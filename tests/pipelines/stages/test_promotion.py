"""Champion or challenger: what is compared, on which rows, and what the reason says. By the real MLflow."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ganforge.data.table import Table
from ganforge.data.toy import toy_payments
from ganforge.downstream.classifiers import make_classifier
from ganforge.downstream.paired import average_precision_gain
from ganforge_pipelines.lineage.scoring import load_scorer
from ganforge_pipelines.lineage.tracking import track_run
from ganforge_pipelines.stages.promotion import HeldOut, decide
from ganforge_pipelines.stages.rows import ENTITY, FINGERPRINT, write_seen

pytestmark = pytest.mark.slow
NAME = "ganforge-fraud"
GOOD = {"good": True, "why": "it beats guessing", "why_not": "does not beat guessing"}


def classifier(frame: pd.DataFrame, folder: Path) -> Path:
    model = make_classifier(random_state=0).fit(
        Table.of(frame.drop(columns="is_fraud")), frame["is_fraud"] == 1, positive=True
    )
    model.save(folder)
    return folder


def lines(numbers: np.ndarray) -> pd.DataFrame:
    """Rows that are known by their number."""
    return pd.DataFrame({FINGERPRINT: numbers.astype(np.uint64), ENTITY: numbers})


def held_out(frame: pd.DataFrame, numbers: np.ndarray, new: Path, *, fingerprinted: str = "all") -> HeldOut:
    truth = (frame["is_fraud"] == 1).to_numpy()
    features = frame.drop(columns="is_fraud")

    def gain(champion, unseen, entity):
        one, other = (each.predict(features[unseen])["probability"].to_numpy() for each in (load_scorer(new), champion))
        return average_precision_gain(truth[unseen], one, other, entity=entity)

    return HeldOut(
        rows=lines(numbers),
        fingerprinted=fingerprinted,
        measure="average precision",
        whom="rows with is_fraud=1",
        counts=truth,
        fewest=10,
        gain=gain,
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A champion that learned from 150 rows with labels at random, all but; a good model; 600 rows held out."""
    root = tmp_path_factory.mktemp("promotion")
    frame = toy_payments(1_400, fraud_share=0.15, seed=0)
    noisy = frame.head(150).copy()
    noisy["is_fraud"] = np.random.default_rng(0).permutation(noisy["is_fraud"])
    poor, good = classifier(noisy, root / "poor"), classifier(frame.iloc[150:800], root / "good")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        tracked = track_run(
            workspace_root=root / "team",
            flow="fraud",
            tags={},
            params={},
            curves=[],
            metrics={},
            artifacts={"rows": write_seen(root, lines(np.arange(900)), "all")},
            model_folder=poor,
            registered_name=NAME,
            promote=True,
            reason="the first",
            bundle={"threshold": 0.5},
            card=lambda version: (f"version {version}", "# card"),
        )
        yield SimpleNamespace(root=root / "team", tracked=tracked, poor=poor, good=good, test=frame.iloc[800:])


def test_the_first_is_champion_if_it_beats_guessing(world):
    first = decide(world.root, "ganforge-other", held_out=None, **GOOD)
    assert (first.promote, first.reason) == (True, "the first, there was no other; it beats guessing")
    none = decide(world.root, "ganforge-other", held_out=None, **{**GOOD, "good": False})
    assert (none.promote, none.reason) == (False, "it does not beat guessing")


def test_one_that_does_not_beat_guessing_leaves_the_champion_and_is_who_is_meant(world):
    found = decide(world.root, NAME, held_out=None, **{**GOOD, "good": False})
    assert not found.promote
    assert found.reason == "version 1 stays champion: the new one does not beat guessing"


def test_a_better_one_is_champion_on_the_rows_that_are_new_to_both(world):
    found = decide(world.root, NAME, held_out=held_out(world.test, np.arange(800, 1400), world.good), **GOOD)
    assert found.promote
    assert (found.against, found.unseen) == (1, 500)  # the champion knows the rows up to 899
    positives = int((world.test["is_fraud"].iloc[100:] == 1).sum())
    assert (
        f"of version 1 on {positives} rows with is_fraud=1 that neither has seen: better by more than" in found.reason
    )
    assert found.gain is not None
    assert found.gain.better >= 0.9


def test_one_that_is_no_better_is_challenger(world):
    found = decide(world.root, NAME, held_out=held_out(world.test, np.arange(800, 1400), world.poor), **GOOD)
    assert not found.promote
    assert found.reason.startswith("version 1 stays champion: average precision ")
    assert "and it takes .9" in found.reason


@pytest.mark.parametrize(
    ("numbers", "fingerprinted", "said"),
    [
        (np.arange(600), "all", "held out 0 are new to version 1, and it takes 10 to compare"),
        (np.arange(800, 1400), "other columns", "it cannot be told which rows it was trained on"),
    ],
)
def test_what_cannot_be_compared_is_challenger_and_says_why(world, numbers, fingerprinted, said):
    asked = held_out(world.test, numbers, world.good, fingerprinted=fingerprinted)
    found = decide(world.root, NAME, held_out=asked, **GOOD)
    assert not found.promote
    assert said in found.reason


def test_a_champion_of_other_columns_is_challenger_and_says_why(world):
    test = world.test.drop(columns="merchant")
    found = decide(world.root, NAME, held_out=held_out(test, np.arange(900, 1500), world.poor), **GOOD)
    assert not found.promote
    assert "could not be held against the new one (no column 'merchant'" in found.reason


def test_without_labels_nobody_can_say(world):
    found = decide(world.root, NAME, held_out=None, **{**GOOD, "why": "there is no label"})
    assert found.reason == "version 1 stays champion: there is no label, so that nobody can say which is better"


def test_the_threshold_goes_with_the_version(world):
    import mlflow

    from ganforge_pipelines.lineage.store import connected, tracking_uri

    with connected(tracking_uri(world.root), root=world.root) as client:
        model = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
        assert model.metadata.metadata["threshold"] == 0.5
        assert client.get_model_version(NAME, "1").description == "version 1"
        assert [each.path for each in client.list_artifacts(world.tracked.run_id)] == ["model_card.md", "rows"]
