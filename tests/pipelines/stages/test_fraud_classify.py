"""The stage `classify` of the flow `fraud`: the arm registered is the arm judged, whichever it is.

The verdict and the synthetic rows are made here, so that every arm gets its turn. What the arm is to reach on the rows
held out is what a trial of the judge reaches that trains on the same rows and tests on the same.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import planted
import pytest

from ganforge.data.table import Table
from ganforge.downstream.augmenting import rows_wanted, synthetic_positives
from ganforge.downstream.classifiers import Classifier
from ganforge.downstream.conclusion import conclude
from ganforge.downstream.measures import Costs, brier
from ganforge.downstream.resampling import Protocol
from ganforge.downstream.trials import Trial, run_trial
from ganforge.errors import GanforgeWarning
from ganforge_pipelines.stages import operating
from ganforge_pipelines.stages.running import run_stage
from ganforge_pipelines.stages.tables import positives, read_part

pytestmark = pytest.mark.filterwarnings("default::ganforge.errors.GanforgeWarning")
ARMS = ("none", "class weights", "tuned threshold", "random oversampling", "smote-nc", "oracle")
LINES = ("class weights", "smote-nc", "oracle")
"""Arms that are tried with logistic regression, too: its features are scaled, and by the real rows alone."""
RATIOS = (0.2, 0.5)
"""What the arm is judged with, and what `sample` makes rows for."""


def run(workspace, verb: str, **overrides) -> None:
    run_stage(f"fraud-{verb}", workspace, workspace.params(flow="fraud", overrides=overrides))


def verdict_for(recommended: str, *, seat: str = "none", classifier: str = "gradient-boosting") -> dict:
    """A verdict over five folds in which these two arms stand out; every other one is as good as nothing."""
    lift = {seat: 0.1, recommended: 0.2} if seat != "none" else {recommended: 0.2}
    lift["none"] = 0.0
    wobble = np.array([0.01, -0.01, 0.02, 0.0, -0.02])
    folds = {name: (0.5 + wobble * (1 + k / 10) + lift.get(name, -0.01)).tolist() for k, name in enumerate(ARMS)}
    made = conclude(
        folds,
        synthetic=["oracle"],
        adds_rows=ARMS[3:5],
        ratios=dict.fromkeys(ARMS[3:], RATIOS[0]),
        measure="average precision",
        classifier=dict.fromkeys(ARMS, classifier) | {"none": "logistic-regression"},
        n_rows=900,
        n_positive=30,
        base_rate=0.03,
        test_to_train=0.25,
    ).to_json()
    assert made["recommended"] == recommended
    return {**made, "generator_steps": {"judged": 1, "registered": 1}}


@pytest.fixture
def prepared(workspace):
    """(workspace, facts, training part): a ring that no line tells from what is around it; `moment` is the clock."""
    planted.ring_table(n=400, positives=45).to_csv(workspace.data / "payments.csv", index=False)
    asked = {"prepare.target": "target", "prepare.time": "moment"}
    workspace.write_params({f"fraud.{name}": value for name, value in asked.items()})
    run(workspace, "prepare")
    facts = json.loads(workspace.path("work/fraud/prepare/facts.json").read_text())
    assert facts["unseen"] == ["moment"]
    return workspace, facts, read_part(workspace.path("work/fraud/prepare/train.parquet"), facts)


def hand_over(workspace, verdict: dict, real: Table, *, passed: bool = True) -> None:
    """What `judge` and `sample` would have left: the oracle's rows are enough for the highest ratio."""
    oracle = planted.Oracle(random_state=0).fit(real)
    made = synthetic_positives(oracle, real, "target", ratio=RATIOS[-1], random_state=0)
    shut = "The rows do not pass the gate: 12 % of the rows copy a real one. They are left out."
    quality = {"passed": passed, "sentence": "The rows pass the gate." if passed else shut, "gates": []}
    for verb, name, content in (("judge", "verdict.json", verdict), ("sample", "quality.json", quality)):
        folder = workspace.path(f"work/fraud/{verb}")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    made.frame.to_parquet(workspace.path("work/fraud/sample/synthetic.parquet"))


def judged(arm: str, classifier: str, real: Table, test: pd.DataFrame, facts: dict):
    """What one trial of the judge reaches that learns from the training part and is tested on the part held out."""
    frame = pd.concat([real.frame, test], ignore_index=True)
    table = Table.of(frame, schema=real.schema.kinds())
    task = Trial(
        table=table,
        target="target",
        positive=positives(frame["target"], facts),
        positive_values=tuple(facts["positive_values"]),
        classifiers={classifier: None},
        ratios=RATIOS,
        protocol=Protocol(groups=np.arange(len(frame))),
        inner_folds=0,  # takes the lowest ratio
        costs=Costs(np.ones(len(frame)), 0.1),
        random_state=0,
        single_thread=False,
        unseen=tuple(facts["unseen"]),
    )
    oracle = planted.Oracle(random_state=0) if arm == "oracle" else None
    rows = np.arange(len(real)), np.arange(len(real), len(frame))
    trained = "none" if arm == "tuned threshold" else arm
    return run_trial(task, trained, 0, rows, oracle, None, "", None)[2][trained]


def classified(workspace) -> tuple[dict, Classifier]:
    folder = workspace.path("work/fraud/classify")
    return json.loads((folder / "test.json").read_text()), Classifier.load(folder / "classifier")


@pytest.mark.parametrize(
    ("arm", "chosen"),
    [*((arm, "gradient-boosting") for arm in ARMS[1:]), *((arm, "logistic-regression") for arm in LINES)],
)
def test_the_arm_registered_is_the_arm_judged(prepared, arm, chosen):
    workspace, facts, real = prepared
    hand_over(workspace, verdict_for(arm, classifier=chosen), real)
    run(workspace, "classify")
    told, classifier = classified(workspace)
    test = pd.read_parquet(workspace.path("work/fraud/prepare/test.parquet"))
    expected = judged(arm, chosen, real, test, facts)
    assert told["average_precision"] == pytest.approx(expected.measures["average_precision"], abs=1e-9)
    probability = classifier.predict_proba(test.drop(columns=["target", "moment"]))[:, 1]
    assert brier(test["target"].to_numpy() == 1, probability) == pytest.approx(expected.measures["brier"], abs=1e-9)
    assert (told["arm"], told["classifier"]) == (arm, chosen)
    count = facts["split"]["train_positive"]
    added = rows_wanted(positives=count, negatives=len(real) - count, ratio=RATIOS[0])
    assert expected.rows_added == (added if arm in ARMS[3:] else 0)
    assert told["trained_on"] == len(real) + expected.rows_added


def test_the_threshold_is_chosen_on_customers_that_the_model_has_not_seen(workspace, monkeypatch):
    """Also where two of them have a row in common; and on rows later than those trained on where there is a time."""
    sides, chosen = [], operating.cross_fitted

    def spied(positive, scored, *rest, **options):
        def noted(train, held):
            sides.append((train, held))
            return scored(train, held)

        return chosen(positive, noted, *rest, **options)

    def folds_of(**asked) -> pd.DataFrame:
        """Runs the stage; the rows of the training part as they are in the file."""
        workspace.write_params({f"fraud.prepare.{name}": value for name, value in asked.items()})
        run(workspace, "prepare")
        facts = json.loads(workspace.path("work/fraud/prepare/facts.json").read_text())
        real = read_part(workspace.path("work/fraud/prepare/train.parquet"), facts)
        hand_over(workspace, verdict_for("class weights"), real)
        sides.clear()
        run(workspace, "classify")
        assert len(sides) > 1
        lines = pd.read_parquet(workspace.path("work/fraud/prepare/rows.parquet"))
        return frame.iloc[lines.loc[lines["part"] == "train", "row"] - 1]

    monkeypatch.setattr(operating, "cross_fitted", spied)
    frame = planted.ring_table(n=400, positives=90).assign(card=[f"C{k:03d}" for k in np.arange(400) // 4])
    twins = frame.columns.drop(["target", "card"])
    frame.loc[200:219, twins] = frame.loc[0:19, twins].to_numpy()
    frame.to_csv(workspace.data / "payments.csv", index=False)
    trained = folds_of(target="target", group="card", leave_out=["moment"])
    for train, held in sides:
        one, other = trained.iloc[train], trained.iloc[held]
        assert not set(one["card"]) & set(other["card"])
        assert not set(one["x"]) & set(other["x"])
    trained = folds_of(time="moment", group=None, leave_out=["card"])
    assert all(trained["moment"].iloc[train].max() < trained["moment"].iloc[held].min() for train, held in sides)


def test_another_classifier_than_the_verdicts_is_registered_and_told(prepared):
    workspace, _, real = prepared
    hand_over(workspace, verdict_for("class weights"), real)
    with pytest.warns(GanforgeWarning, match=r"nobody judged the arm with logistic-regression\. null registers"):
        run(workspace, "classify", **{"classify.classifier": "logistic-regression"})
    told, classifier = classified(workspace)
    assert told["classifier"] == classifier.name == "logistic-regression"


@pytest.mark.parametrize("seat", ["none", "smote-nc"])
def test_behind_a_shut_gate_the_best_arm_without_a_generator_is_registered(prepared, seat):
    workspace, facts, real = prepared
    hand_over(workspace, verdict_for("oracle", seat=seat), real, passed=False)
    run(workspace, "classify")
    told, _ = classified(workspace)
    test = pd.read_parquet(workspace.path("work/fraud/prepare/test.parquet"))
    classifier = "logistic-regression" if seat == "none" else "gradient-boosting"
    expected = judged(seat, classifier, real, test, facts)
    assert (told["arm"], told["classifier"]) == (seat, classifier)
    assert told["average_precision"] == pytest.approx(expected.measures["average_precision"], abs=1e-9)
