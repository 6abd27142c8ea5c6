"""How float32 matrices are multiplied while training: the fastest way that is still float32.

`torch.set_float32_matmul_precision` does not only say how exact a product must be; on a CPU it also chooses the
library. "medium" permits bfloat16 inside. A processor without bfloat16 units keeps full precision, but multiplies by
oneDNN instead of MKL, which on some is twice as fast; one with them rounds to three digits. So all settings are tried
before the first step: how long does a product of the game's own size take, and how far off is it?
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

SETTINGS = ("highest", "high", "medium")
Setting = Literal["auto", "highest", "high", "medium"]
WORTH = 1.2
"""What another setting must be faster than "highest" by: far above the noise, because two runs of one seed are equal
only when they multiply alike."""
EXACT = 4.0
"""How many times the error of "highest" still is float32."""
_LEAST = 64 * 64  # entries of a weight matrix, below which nothing is to be gained
_MOST = 50_000_000  # multiplications of one product tried: a millisecond


@dataclass(frozen=True, slots=True)
class Tried:
    """A product under one setting."""

    seconds: float
    """The shortest of several."""
    error: float
    """Relative to the product in double precision, in the Frobenius norm."""


@contextlib.contextmanager
def matmul_precision(
    setting: Setting, game: nn.Module, *, rows: int, device: torch.device, earlier: str | None = None
) -> Iterator[str]:
    """Multiply by `setting` inside, and give the caller's back on leaving; yields what was settled on.

    "auto" tries products of `rows` (a batch) with the largest weight matrix of the game, where that can help: on a CPU,
    in float32, and unless the caller has left torch's default already. Any other setting is taken at its word.
    `earlier` is what the part of this run before an interruption settled on: kept where it is exact here too, so that
    the whole run multiplies alike.
    """

    def choose(callers: str, now: str) -> str:
        del now
        if setting != "auto":
            return setting
        if callers != "highest" or device.type != "cpu":
            return callers
        weights = [each.shape for each in game.parameters() if each.dim() == 2 and each.dtype == torch.float32]
        out, features = max(weights, key=lambda shape: shape[0] * shape[1], default=(0, 0))
        if out * features < _LEAST:
            return callers
        tried = _tried(max(1, min(rows, _MOST // (out * features))), features, out, torch.get_num_threads())
        return earlier if earlier is not None and _is_exact(tried, earlier) else fastest(tried)

    with _ASKED.inside(choose) as chosen:
        yield chosen


@contextlib.contextmanager
def exact_products() -> Iterator[None]:
    """Multiply on a CPU by oneDNN inside ("medium"), if that is float32 on this processor; give the caller's setting
    back on leaving, and leave one alone that is not torch's default.

    For what must come out alike each time, as the rows of one seed: unlike "auto" no clock is asked, so that every
    process on this processor multiplies alike. Mostly it is the faster way, too. The setting is the whole process's.
    """
    with _ASKED.inside(lambda callers, now: "medium" if now == "highest" and _medium_is_exact() else now):
        yield


class _Asked:
    """Which settings are asked for at the moment. There is one for the whole process: the last to come is obeyed until
    it leaves, then the last of those still inside, and the caller's own comes back when nobody is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._settings: dict[object, str] = {}  # in the order of coming
        self._callers = "highest"

    @contextlib.contextmanager
    def inside(self, choose: Callable[[str, str], str]) -> Iterator[str]:
        """`choose(callers, now)`: the setting to ask for, of the one outside of all this and of the present one."""
        mine = object()
        with self._lock:  # over the probes of `choose` as well: they go through all settings
            now = torch.get_float32_matmul_precision()
            if not self._settings:
                self._callers = now
            chosen = choose(self._callers, now)
            _set(chosen)
            self._settings[mine] = chosen
        try:
            yield chosen
        finally:
            with self._lock:
                del self._settings[mine]
                _set(next(reversed(self._settings.values()), self._callers))


_ASKED = _Asked()


def fastest(tried: Mapping[str, Tried]) -> str:
    """The fastest setting that is as exact as float32, if it is worth it; otherwise "highest"."""
    worth = tried["highest"].seconds / WORTH
    good = [name for name, each in tried.items() if each.seconds < worth and _is_exact(tried, name)]
    return min(good, key=lambda name: tried[name].seconds, default="highest")


def try_settings(
    rows: int, features: int, out: int, *, rounds: int = 5, clock: Callable[[], float] = time.perf_counter
) -> dict[str, Tried]:
    """A product (rows, features)·(features, out) under each setting in turn, `rounds` times. Some ten milliseconds;
    the caller's setting and random state are left as they were."""
    before, generator = torch.get_float32_matmul_precision(), torch.Generator().manual_seed(0)
    a, b = torch.randn(rows, features, generator=generator), torch.randn(out, features, generator=generator).t()
    exact = a.double() @ b.double()
    seconds, error = dict.fromkeys(SETTINGS, float("inf")), {}
    try:
        for _ in range(rounds):
            for name in SETTINGS:
                _set(name)
                began = clock()
                product = a @ b
                seconds[name] = min(seconds[name], clock() - began)
                error[name] = ((product - exact).norm() / exact.norm()).item()
    finally:
        _set(before)
    return {name: Tried(seconds[name], error[name]) for name in SETTINGS}


@functools.lru_cache(maxsize=256)
def _tried(rows: int, features: int, out: int, threads: int) -> Mapping[str, Tried]:
    """Once a process for each size: two runs in it multiply alike."""
    return try_settings(rows, features, out)


@functools.lru_cache(maxsize=1)
def _medium_is_exact() -> bool:
    return _is_exact(try_settings(512, 256, 256, rounds=1), "medium")


def _is_exact(tried: Mapping[str, Tried], name: str) -> bool:
    return name in tried and tried[name].error <= EXACT * tried["highest"].error


def _set(name: str) -> None:
    if torch.get_float32_matmul_precision() != name:
        torch.set_float32_matmul_precision(name)
