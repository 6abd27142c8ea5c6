"""Words and numbers of the sentence; whole sentences are in `test_conclusion.py`."""

import pytest

from ganforge.downstream.sentence import display_name, signed


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(0.04, 2, "+.04"), (-0.01, 2, "−.01"), (0.0049, 2, ".00"), (-0.0049, 3, "−.005"), (1.2, 2, "+1.20")],
)
def test_signed(value, digits, text):
    assert signed(value, digits) == text


def test_display_names():
    assert [display_name(kind) for kind in ("ctgan", "reference-ctgan", "dcgan", "copula", "smote-nc")] == [
        "CTGAN",
        "reference CTGAN",
        "DCGAN",
        "copula",
        "SMOTE-NC",
    ]
