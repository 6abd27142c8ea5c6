"""What is left is counted arm by arm."""

import pytest

from ganforge.downstream.pace import left_in_words, seconds_left


def test_every_arm_has_its_own_pace():
    fitted = [("none", 1.0), ("ctgan", 100.0), ("none", 3.0)]
    assert seconds_left(fitted, ["ctgan", "none", "ctgan"], 2) == pytest.approx((100 + 2 + 100) / 2)
    assert seconds_left(fitted, ["none", "smote-nc"], 1) is None  # never fitted yet
    assert seconds_left(fitted, [], 4) == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (-3.0, ""),
        (0.0, ""),
        (42.4, "about 42 s left"),
        (250.0, "about 4 min left"),
        (9_000.0, "about 2.5 h left"),
    ],
)
def test_in_words(seconds, words):
    assert left_in_words(seconds) == words
