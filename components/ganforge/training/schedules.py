"""Factors as functions of the clock, so that there is nothing of a schedule to save.

    Update(…, learning_rate=linear(1.0, 0.0, until=200_000))

Everything is counted in real samples seen over all devices, so that batch size and number of devices do not change
what a schedule means.
"""

from __future__ import annotations

import math

from ganforge.errors import InputError
from ganforge.training.game import Clock, Schedule


def constant(value: float = 1.0) -> Schedule:
    return lambda clock: value


def linear(start: float, end: float, *, until: float, after: float = 0) -> Schedule:
    """`start` up to `after` samples, then a straight line to `end` at `until` samples, and `end` from there on."""
    _check(after, until)
    return lambda clock: start + (end - start) * _share(clock, after, until)


def cosine(start: float, end: float, *, until: float, after: float = 0) -> Schedule:
    """As `linear`, along half a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983, equation 5, without restarts)."""
    _check(after, until)
    return lambda clock: end + (start - end) * (1 + math.cos(math.pi * _share(clock, after, until))) / 2


def warm_up(samples: float) -> Schedule:
    """From 0 to 1 over the first `samples` samples, then 1."""
    return linear(0.0, 1.0, until=samples)


def halving(half_life: float) -> Schedule:
    """½^(samples / half_life)."""
    _check(0, half_life)
    return lambda clock: 0.5 ** (clock.samples / half_life)


def times(*schedules: Schedule) -> Schedule:
    """The product: a warm-up times a decay, for one."""
    return lambda clock: math.prod(each(clock) for each in schedules)


def _share(clock: Clock, after: float, until: float) -> float:
    return min(max((clock.samples - after) / (until - after), 0.0), 1.0)


def _check(after: float, until: float) -> None:
    if not 0 <= after < until:
        raise InputError(f"a schedule from {after} to {until} samples; give 0 ≤ start < end")
