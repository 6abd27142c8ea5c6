"""Which columns of a payment say who pays, where, how much and when.

A file of its own, so that a call is checked without importing pandas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganforge.errors import InputError

ROLES = ("customer", "terminal", "amount", "paid_at")
"""Parameters that name the columns; the last may be left to `time`."""


def check_roles(own: Mapping[str, Any]) -> None:
    """Raise `InputError` where some of the columns are named and others are not."""
    named = {role: own[role] for role in ("customer", "terminal", "amount")}
    if not any(named.values()):
        return
    lacking = [f"--{role}" for role, column in named.items() if column is None]
    if own["paid_at"] is None and own["time"] is None:
        lacking.append("--time")
    if lacking:
        told = ", ".join(f"{role} {column!r}" for role, column in named.items() if column is not None)
        raise InputError(f"features of payments need more columns than {told}; name {' and '.join(lacking)}, too")
