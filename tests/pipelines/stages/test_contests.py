"""What a new model and the champion are held against each other on: two small models each, the figures by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ganforge.data.images import Images
from ganforge.data.toy import planted_anomalies, toy_images
from ganforge.detectors.isolation_forest import IsolationForest
from ganforge.detectors.knn import KNN
from ganforge.downstream.picture_classifier import PictureClassifier
from ganforge.errors import InputError
from ganforge_pipelines.lineage.scoring import load_scorer
from ganforge_pipelines.stages import contests
from ganforge_pipelines.stages.anomalies import POSITIVE, ROW, TIME
from ganforge_pipelines.stages.pictures import labels_of, write_part
from ganforge_pipelines.stages.rows import ENTITY, FILE, FINGERPRINT, PART
from ganforge_pipelines.stages.rows import ROW as LINE


def lines(folder: Path, rows: int) -> None:
    """rows.parquet of a part held out; what was trained on does not matter here."""
    part = {PART: "test", LINE: np.arange(rows) + 1, FINGERPRINT: np.arange(rows, dtype=np.uint64)}
    pd.DataFrame(part | {ENTITY: np.arange(rows)}).to_parquet(folder / FILE)


def at(folder: Path) -> SimpleNamespace:
    """A stage's context that reads everything from one folder."""
    return SimpleNamespace(input=lambda verb, name: folder / name)


def test_pictures_are_compared_by_those_told_right_among_the_unseen(tmp_path):
    images = toy_images(120, classes=2, size=8, seed=0)
    train, test = images.take(np.arange(40)), images.take(np.arange(40, 120))
    write_part(tmp_path / "test.npz", test)
    lines(tmp_path, len(test))
    swapped = Images.of(train.pixels, 1 - labels_of(train), classes=train.classes, source="toy")
    models = {
        "new": PictureClassifier(steps=60, random_state=0).fit(train),
        "champion": PictureClassifier(steps=60, random_state=0).fit(swapped),
    }
    scorers = {}
    for name, model in models.items():
        model.save(tmp_path / name)
        scorers[name] = load_scorer(tmp_path / name)
    facts = {"classes": list(test.classes), "source": "toy", "fingerprinted": "pixels"}
    held = contests.images(at(tmp_path), facts, scorers["new"])
    assert (held.measure, int(held.counts.sum())) == ("accuracy", 80)
    unseen = np.arange(80) % 4 != 0
    gain = held.gain(scorers["champion"], unseen, None)
    for told, name in ((gain.new, "new"), (gain.former, "champion")):
        right = models[name].predict(test) == labels_of(test)
        assert told == pytest.approx(right[unseen].mean())
    assert gain.new > gain.former
    assert gain.better > 0.9
    assert (gain.rows, gain.positives) == (60, None)

    other = toy_images(24, classes=3, size=8, seed=1)
    PictureClassifier(steps=2, random_state=0).fit(other).save(tmp_path / "other")
    with pytest.raises(InputError, match="it tells other classes apart"):
        held.gain(load_scorer(tmp_path / "other"), unseen, None)


BUDGETS = {
    "10 alerts": {"amount": 10, "share": False, "per_day": False},
    "5 % of the rows": {"amount": 0.05, "share": True, "per_day": False},
    "2 alerts a day": {"amount": 2, "share": False, "per_day": True},
}


@pytest.fixture(scope="module")
def detectors(tmp_path_factory):
    """(folder with 200 rows held out over four days, the rows, their truth, two scorers): one detector learned from
    rows as they are, the other one from rows whose values are far apart and mixed up."""
    folder = tmp_path_factory.mktemp("detectors")
    frame, odd = planted_anomalies(400, share=0.08, seed=0)
    odd = np.asarray(odd, dtype=bool)
    train, test, truth = frame[:200][~odd[:200]], frame[200:].reset_index(drop=True), odd[200:]
    beside = {ROW: np.arange(200) + 201, POSITIVE: truth, TIME: np.arange(200) // 50 * 86_400.0}
    test.assign(**beside).to_parquet(folder / "test.parquet")
    lines(folder, 200)
    blind = train.apply(lambda column: column.sample(frac=1, random_state=1).to_numpy()) * 50
    scorers = []
    for name, detector, rows in (("new", KNN(), train), ("champion", IsolationForest(random_state=0), blind)):
        detector.fit(rows).save(folder / name)
        scorers.append(load_scorer(folder / name))
    return folder, test, truth, scorers


@pytest.mark.parametrize("said", BUDGETS)
def test_detectors_are_compared_by_what_they_find_within_the_budget(detectors, said):
    folder, test, truth, (new, champion) = detectors
    facts = {"label": "odd", "fingerprinted": "all", "positive": "odd=1"}
    budget = BUDGETS[said]
    held = contests.anomalies(at(folder), facts, {"budget": {**budget, "said": said}}, new)
    assert held.measure == f"the share found at {said},"
    assert (held.counts == truth).all()
    unseen = np.arange(200) % 5 != 0
    gain = held.gain(champion, unseen, None)
    for told, scorer in ((gain.new, new), (gain.former, champion)):
        score = scorer.predict(test[unseen])["score"].to_numpy()
        if budget["per_day"]:
            day = (np.arange(200) // 50)[unseen]
            raised = np.concatenate([np.flatnonzero(day == k)[np.argsort(-score[day == k])[:2]] for k in range(4)])
        else:
            raised = np.argsort(-score)[:8]  # 10 of 200 rows, and as many of the 160 that are new to both
        assert told == pytest.approx(truth[unseen][raised].sum() / truth[unseen].sum())
    assert gain.new > gain.former
    assert gain.rows == int(truth[unseen].sum())


def test_without_labels_nothing_is_compared(detectors):
    folder, _, _, (new, _) = detectors
    assert contests.anomalies(at(folder), {"label": None}, {}, new) is None
