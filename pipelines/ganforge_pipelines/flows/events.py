"""What a running flow tells whoever watches."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

Kind = Literal["headline", "started", "progress", "finished", "kept", "notice"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened. `stage` is the verb: "prepare", "train", …; empty for the flow as a whole."""

    kind: Kind
    """headline: what this run is; started, progress, finished: of a stage; kept: the stage was found done;
    notice: something was left out, repaired or assumed."""
    stage: str = ""
    done: int = 0
    total: int = 0
    seconds: float = 0.0
    detail: str = ""
    """One line."""


Listener = Callable[[Event], None]
_LISTENER: ContextVar[Listener | None] = ContextVar("ganforge_listener", default=None)


@contextlib.contextmanager
def listening(listener: Listener | None) -> Iterator[None]:
    """Give the events of the flow that runs inside the block to `listener`."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def emit(event: Event) -> None:
    """Tell the listener, if there is one, and Prefect's log of the run: what its page shows."""
    listener = _LISTENER.get()
    if listener is not None:
        listener(event)
    if event.kind != "progress":
        from prefect.logging import get_run_logger

        line = " · ".join(each for each in (event.stage, event.kind, event.detail) if each)
        (get_run_logger().warning if event.kind == "notice" else get_run_logger().info)(line)


def losses_in_words(losses: Mapping[str, float]) -> str:
    """`critic −0.41  generator 0.87`: one figure a player, the sum of its terms."""
    players: dict[str, float] = {}
    for name, value in losses.items():
        player = name.split("/")[0]
        players[player] = players.get(player, 0.0) + value
    return "  ".join(f"{player} {value:.2f}".replace("-", "\N{MINUS SIGN}") for player, value in players.items())
