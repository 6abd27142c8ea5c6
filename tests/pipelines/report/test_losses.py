"""The judged curve: its name, its axis, the chosen step and what real rows score."""

import numpy as np
import pytest

from ganforge.training import Training
from ganforge_pipelines.report.losses import loss_charts, thinned
from ganforge_pipelines.report.parts import LossCurves


def training(**told) -> Training:
    history = [
        {"step": step, "phase": "adversaries", "losses": {"critic/wasserstein": -1.0}, "metric": metric}
        for step, metric in ((200, 0.3), (250, None), (400, 0.2), (600, 0.25))
    ]
    return Training(steps=600, history=history, seconds=3.0, **told)


def test_the_judged_curve_has_its_name_the_chosen_step_and_the_floor():
    told = training(best_step=400, best_metric=0.2, metric_name="distance of pairs", metric_floor=0.05)
    curves = LossCurves.of(told.to_json(), title="ctgan")
    assert (curves.metric_name, curves.metric_floor, curves.best_step) == ("distance of pairs", 0.05, 400)
    judged, losses = loss_charts(curves, key="k")
    assert judged.title == "distance of pairs while training; step 400 was chosen"
    for text in ("distance of pairs", "chosen", "what the model makes", "real rows"):
        assert text in judged.svg, text
    assert "real rows" not in losses.svg.replace("real rows or pictures", "")


def test_without_a_floor_none_is_drawn():
    told = training(best_step=400, best_metric=0.2, metric_name="distance of pairs")
    judged = loss_charts(LossCurves.of(told.to_json(), title="ctgan"), key="k")[0]
    assert "real rows" not in judged.svg.replace("real rows or pictures", "")


def test_a_training_that_nobody_judged_has_its_losses_alone():
    told = training()
    for each in told.history:
        each["metric"] = None
    charts = loss_charts(LossCurves.of(told.to_json(), title="ctgan"), key="k")
    assert [each.title for each in charts] == [charts[0].title]
    assert "critic" in charts[0].title


def test_what_is_no_number_is_no_point():
    steps, values = thinned([1, 2, 3, 4], [0.5, None, float("nan"), 0.25])
    assert steps.tolist() == [1, 4]
    assert values.tolist() == [0.5, 0.25]
    many = thinned(range(1_000), np.arange(1_000.0), points=100)
    assert len(many[0]) == 100
    assert many[1].mean() == pytest.approx(499.5)
