"""What is kept while a step is played: whose move it is, and what the moves share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ganforge.training.ema import Ema
from ganforge.training.game import Clock, Shared, Update

if TYPE_CHECKING:
    from ganforge.training.module import AdversarialModule


@dataclass(eq=False, slots=True)
class Move:
    """An update with what playing it needs, looked up once."""

    update: Update
    optimizer: int
    on: list[nn.Parameter]
    off: list[nn.Parameter]
    averages: list[Ema]
    labels: dict[str, str] = field(default_factory=dict)


class PlayedTurn:
    """What a loss sees of the step besides the batch; see `game.Turn`."""

    __slots__ = ("_made", "_module", "_spent", "clock", "due", "move")

    def __init__(self, module: AdversarialModule, clock: Clock, due: list[Move]) -> None:
        self._module, self.clock, self.due = module, clock, due
        self.move: Move = due[0] if due else None  # type: ignore[assignment]
        self._made: dict[str, tuple[Any, str]] = {}
        self._spent: set[str] = set()

    def shared(self, key: str, by: str, make: Callable[[], Shared]) -> Shared:
        mine = by in self.move.update.trains
        if key in self._made and not (mine and key in self._spent):
            value = self._made[key][0]
        else:
            value = self._make(by, make)
            self._made[key] = (value, by)
            self._spent.discard(key)
        if mine:
            return value
        return value.detach() if isinstance(value, Tensor) else tuple(each.detach() for each in value)  # type: ignore[return-value]

    def forget(self) -> None:
        self._made.clear()
        self._spent.clear()

    def played(self, move: Move) -> None:
        """The graphs of what `move` trained are used up; the values stay, for moves that only look at them."""
        self._spent.update(key for key, (_, by) in self._made.items() if by in move.update.trains)

    def _make(self, by: str, make: Callable[[], Shared]) -> Shared:
        self._module.network(by)
        remaining = self.due[self.due.index(self.move) :]
        heir = next((each for each in remaining if by in each.update.trains), None)
        if heir is None or (heir is not self.move and self._module.micro_batches > 1):
            with torch.no_grad():
                return make()
        self._module.train_only(heir)
        value = make()
        self._module.train_only(self.move)
        return value
