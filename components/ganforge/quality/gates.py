"""A gate: a number that must keep to its limit before synthetic rows go on."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ganforge.errors import InputError, UnknownNameError


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """One threshold, what was found, and what that means in a sentence."""

    name: str
    value: float
    limit: float
    passed: bool
    sentence: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def limits(asked: Mapping[str, float] | None, defaults: Mapping[str, float]) -> dict[str, float]:
    """The defaults with what was asked for in their place.

    Raises `UnknownNameError` for a gate that there is not, `InputError` for a limit outside 0 … 1.
    """
    for name, limit in (asked or {}).items():
        if name not in defaults:
            raise UnknownNameError("gate", name, defaults)
        if isinstance(limit, bool) or not isinstance(limit, numbers.Real) or not 0 <= limit <= 1:
            raise InputError(f"gate {name}={limit!r}; give a share between 0 and 1")
    return {**defaults, **(asked or {})}
