"""Numbers as the sentences of this room write them: .12 · 34 % · 6 × the floor."""

from __future__ import annotations

import math


def figure(value: float) -> str:
    """Two places, three below .1, no nought before the point: .12 · .034 · 1.20 · 0."""
    text = f"{value:.3f}" if 0 < abs(value) < 0.0995 else f"{value:.2f}"
    sign, digits = ("−", text[1:]) if text.startswith("-") else ("", text)
    if not digits.strip("0."):
        return "0"
    return sign + (digits[1:] if digits.startswith("0.") else digits)


def percent(share: float) -> str:
    """Whole per cents; tenths below 10; "under .1 %" where there is less."""
    value = 100 * share
    if 0 < value < 0.1:
        return "under .1 %"
    whole = value >= 9.95 or value == 0 or (value >= 0.95 and abs(value - round(value)) < 0.05)
    text = f"{value:.0f}" if whole else f"{value:.1f}"
    return f"{text[1:] if text.startswith('0.') else text} %"


def times(value: float, floor: float) -> str:
    """How a distance stands to its noise floor, in words."""
    if value <= floor * 1.2 or (value == floor == 0):
        return "no further than other real rows"
    if not floor:
        return "other real rows are not off at all"
    ratio = value / floor
    return f"{ratio:.0f} × the floor" if ratio >= 9.95 else f"{ratio:.1f} × the floor"


def ratio(value: float, floor: float) -> float | None:
    """value / floor; None where the floor is 0."""
    return value / floor if floor and math.isfinite(floor) else None


def listed(names: list[str]) -> str:
    """a · a and b · a, b and c"""
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else "".join(names)
