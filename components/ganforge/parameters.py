"""What parameters are checked by, whoever takes them: counts and seeds."""

from __future__ import annotations

import numbers

import numpy as np

from ganforge.errors import InputError


def whole(name: str, value: object, *, least: int = 1) -> int:
    """`value` as an int of at least `least`; raises `InputError` naming the parameter otherwise."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or int(value) < least:
        raise InputError(f"{name}={value!r}; give a whole number of at least {least}")
    return int(value)


def seed_of(random_state: object, *, resume: bool = False) -> int:
    """A seed: the number given, or a fresh one from the operating system for None.

    None cannot be resumed: the run to go on with had a seed of its own that nobody knows.
    """
    if random_state is None:
        if resume:
            raise InputError("resume=True needs the random_state of the run that stopped; this model has None")
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, bool) or not isinstance(random_state, numbers.Integral) or int(random_state) < 0:
        raise InputError(f"random_state={random_state!r}; give a whole number of at least 0, or None")
    return int(random_state)


def spawned(seed: int, *path: int) -> int:
    """A seed for one part of what `seed` seeds, below 2³¹; `path` says which, as `numpy.random.SeedSequence` spawns.

    Not `seed + k`: that is the next seed's own, and the same rows would be drawn under both.
    """
    return int(np.random.SeedSequence(seed, spawn_key=path).generate_state(1)[0] >> 1)
