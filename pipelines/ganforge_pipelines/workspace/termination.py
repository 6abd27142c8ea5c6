"""SIGTERM: how it is raised, and how it is known again in what a tool makes of it."""

from __future__ import annotations

from collections.abc import Iterator

_SIGNALS = ("Terminated", "TerminationSignal", "SIGTERMException")
"""Ours, Prefect's and Lightning's: by name, since only one room may import each of them."""


class Terminated(BaseException):
    """SIGTERM has come: end what is under way, and say so."""


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and all that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def terminated(error: BaseException) -> bool:
    """Did it all begin with SIGTERM? A scheduler sends it to Prefect's server as well, and what is seen last is then
    that the server is away, or Prefect's complaint about being met between two tasks."""
    return any(type(each).__name__ in _SIGNALS for each in chain(error))
