"""What the reports advise: nothing that has been done already, and nothing that is not so."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ganforge_pipelines.stages.reporting import longer
from ganforge_pipelines.stages.reporting_fraud import _would_change

VERDICT = {
    "n_positive": 90,
    "outcome": "no help",
    "lacking": None,
    "generator_steps": {"judged": None, "registered": None},
}


def ran(flow: str, *, steps: int | None, classifiers: tuple[str, ...] = ("gradient-boosting",)) -> SimpleNamespace:
    """The context of a report on a run with these parameters."""
    used = {"train": {f"{flow}.train": {"steps": steps}}, "judge": {f"{flow}.judge": {"classifier": [*classifiers]}}}
    manifests = {verb: SimpleNamespace(parameters=each) for verb, each in used.items()}
    return SimpleNamespace(spec=SimpleNamespace(flow=flow), manifests=lambda: manifests)


@pytest.mark.parametrize(
    ("flow", "steps", "advised"),
    [("fraud", 1200, True), ("fraud", None, False), ("images", 400, True), ("images", 6000, False),
     ("images", 9000, False)],
)  # fmt: skip
def test_a_longer_training_is_advised_where_the_full_preset_has_one(flow, steps, advised):
    assert bool(longer(ran(flow, steps=steps))) == advised


@pytest.mark.parametrize("how", ["at random", "by customer_id"])
def test_rows_are_said_to_be_split_as_they_were(how):
    told = _would_change(ran("fraud", steps=None), VERDICT, {"time": "at", "split": {"how": how, "later": False}})
    assert told[0] == f"A time column: rows were split {how}, which later data may not resemble."
    later = _would_change(ran("fraud", steps=None), VERDICT, {"time": "at", "split": {"how": "by at", "later": True}})
    assert not [each for each in later if "rows were split" in each]


def test_another_classifier_is_advised_while_there_is_one():
    facts = {"time": "at", "split": {"how": "by at", "later": True}}
    two = ran("fraud", steps=None, classifiers=("gradient-boosting", "logistic-regression"))
    all_three = "--set 'judge.classifier=[gradient-boosting, logistic-regression, random-forest]'"
    assert _would_change(two, VERDICT, facts) == (f"Another classifier beside them (`{all_three}`).",)
    three = ran("fraud", steps=None, classifiers=("gradient-boosting", "random-forest", "logistic-regression"))
    assert _would_change(three, VERDICT, facts) == ()
