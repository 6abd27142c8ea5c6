"""Numbers as people read them."""

from __future__ import annotations

import pytest

from ganforge_pipelines.report import wording
from ganforge_pipelines.report.content import Figure


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.81, ".81"), (0.0088, ".009"), (1, "1.00"), (-0.3, "−.30"), (0, "0"), (12.44, "12.4"), (float("nan"), "–")],
)
def test_score(value, text):
    assert wording.score(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(-0.01, "−.01"), (0.02, "+.02"), (0.004, "+.004"), (0, "±0"), (-0.0001, "±0"), (1.5, "+1.50")]
)
def test_difference(value, text):
    assert wording.difference(value) == text


def test_differences_side_by_side_have_equal_decimals():
    assert wording.differences([-0.004, 0.044]) == ["−.004", "+.044"]
    assert wording.differences([-0.04, 0.02]) == ["−.04", "+.02"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0088, ".88 %"), (0.024, "2.4 %"), (0.81, "81 %"), (0, "0 %"), (1, "100 %"), (0.00001, "< .01 %")],
)
def test_share(value, text):
    assert wording.share(value).replace(wording.NO_BREAK, " ") == text


@pytest.mark.parametrize(
    ("value", "text"), [(1.44, "1.4 s"), (38.2, "38 s"), (60, "1 min"), (260, "4 min 20 s"), (7500, "2 h 5 min")]
)
def test_seconds(value, text):
    assert wording.seconds(value).replace(wording.NO_BREAK, " ") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1250, "1,250"), (3.24, "3.24"), (0.042, ".042"), (7, "7"), (1.2e8, "1.2e+08"), (-2500.4, "−2,500")],
)
def test_number(value, text):
    assert wording.number(value) == text


def test_a_probability_is_never_certain():
    assert [wording.probability(each) for each in (0, 0.934, 1)] == [
        "a probability below .01",
        "a probability of .93",
        "a probability above .99",
    ]


def test_a_figure_has_its_interval_in_the_same_unit():
    assert (
        wording.interval(Figure(label="", value=0.02, low=0.008, high=0.034, unit="points")) == "between +.8 and +3.4"
    )
    assert wording.interval(Figure(label="", value=0.5)) == ""


def test_clean_removes_what_cannot_be_drawn_and_shortens():
    assert wording.clean("a\x00b\u202ec\ud800") == "a bc\N{REPLACEMENT CHARACTER}"
    assert wording.clean(" \n ") == "(blank)"
    assert wording.clean("naïve 名前 🙂") == "naïve 名前 🙂"
    long = wording.clean("start" + "x" * 500 + "end")
    assert len(long) <= 60
    assert long.startswith("start")
    assert long.endswith("end")


def test_listed():
    assert wording.listed(["a"]) == "a"
    assert wording.listed(["a", "b", "c"]) == "a, b and c"
