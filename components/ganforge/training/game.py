"""A GAN as a game between networks: the words every model of `ganforge.gans` is written in.

    Game ─▶ Phase ─▶ Update ─▶ loss(Batch, Turn) → {term: scalar}

A `Game` owns the networks and lists its `Phase`s; a phase is a share of the step budget and the `Update`s played in
it, in order; an update is one player's move. `training.fit` plays the list and knows no GAN by name.

One step = one real batch. A critic that moves five times for one move of the generator is `every=5` on the
generator's update, so that each critic move sees a fresh real batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from ganforge.errors import InputError


@dataclass(frozen=True, slots=True)
class Clock:
    """Where training stands. Every schedule is a function of this, so a schedule has nothing to save."""

    step: int = 0
    """Real batches played so far (equal on every device)."""
    samples: int = 0
    """Real samples seen so far, over all devices."""


class Batch:
    """The real data of one step, with whatever goes with it by name: label, condition, mask, a second domain.

    `Batch(real, label=y)` answers to `batch.real`, `batch.label`, `"label" in batch` and `len(batch)`.
    All tensors share their first dimension.
    """

    __slots__ = ("tensors",)

    def __init__(self, real: Tensor, **extras: Tensor) -> None:
        self.tensors: dict[str, Tensor] = {"real": real, **extras}

    def __getattr__(self, name: str) -> Tensor:
        if name == "tensors":  # not set yet: while copying or pickling
            raise AttributeError(name)
        try:
            return self.tensors[name]
        except KeyError:
            raise AttributeError(f"this batch holds {', '.join(self.tensors)}; not {name!r}") from None

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def __len__(self) -> int:
        return len(self.tensors["real"])

    def to(self, device: torch.device | str) -> Batch:
        return Batch(**{name: each.to(device, non_blocking=True) for name, each in self.tensors.items()})

    def split(self, parts: int) -> list[Batch]:
        """`parts` batches of (nearly) equal length, in order."""
        pieces = {name: each.tensor_split(parts) for name, each in self.tensors.items()}
        return [Batch(**{name: each[k] for name, each in pieces.items()}) for k in range(parts)]


Shared = TypeVar("Shared", Tensor, tuple[Tensor, ...], tuple[Tensor, Tensor])


class Turn(Protocol):
    """What a loss sees besides the batch."""

    @property
    def clock(self) -> Clock: ...

    def shared(self, key: str, by: str, make: Callable[[], Shared]) -> Shared:
        """`make()`, computed once a step by the network `by` and shared by the moves of that step: a tensor or a tuple
        of them.

        The move that trains `by` gets it with its graph, every other move detached: so the critic's move can
        judge the same fakes that the generator's move of this step goes on to use, for one forward pass.
        """
        ...


Loss = Callable[[Batch, Turn], Mapping[str, Tensor]]
"""Terms by name, each a scalar; the update lowers their sum. The names are what logs, curves and errors use."""

MakeOptimizer = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
"""For example `functools.partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.9))`."""

Schedule = Callable[[Clock], float]


@dataclass(frozen=True, kw_only=True)
class Update:
    """One player's move."""

    name: str
    trains: tuple[str, ...]
    """Attributes of the game: the networks this move changes. All others are frozen while it is played."""
    loss: Loss
    optimizer: MakeOptimizer
    every: int = 1
    """Moves on steps `every`, 2·`every`, …, counted from 1 within the phase."""
    learning_rate: Schedule | None = None
    """A factor on the optimizer's own learning rate, as a function of the clock."""
    clip_norm: float | None = None
    """Largest total gradient norm."""
    after: Callable[[], None] | None = None
    """Done after each move, without gradients: weight clipping, for one. (An `Ema` moves by itself.)"""

    def __post_init__(self) -> None:
        if self.every < 1:
            raise InputError(f"update {self.name!r}: every={self.every}, but a move is made at least every 1 step")
        if not self.trains:
            raise InputError(f"update {self.name!r} trains no network; name at least one")
        if self.clip_norm is not None and self.clip_norm <= 0:
            raise InputError(f"update {self.name!r}: clip_norm={self.clip_norm}; give a positive norm or None")


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A share of the step budget, and the moves played in it, in order."""

    name: str
    updates: tuple[Update, ...]
    share: float = 1.0
    """Weight against the shares of the other phases; the phases' steps add up to the budget exactly."""
    on_enter: Callable[[], None] | None = None
    """Done once when the phase begins, after every network was put in training mode and made as trainable as it came:
    freeze, switch on the layers of the next resolution, set weights anew in place. It makes no parameters: all layers
    of a network that grows are there from the start. A resumed run goes through those of all phases that had begun,
    and then loads the checkpoint's weights over what they did."""

    def __post_init__(self) -> None:
        if self.share <= 0:
            raise InputError(f"phase {self.name!r}: share={self.share}; give a positive share of the steps")


@dataclass(frozen=True, kw_only=True)
class Monitor:
    """A validation metric, judged every so many steps: keeps the best checkpoint and may stop training."""

    name: str
    metric: Callable[[Any], float]
    """Called with the game in evaluation mode, without gradients. The higher the better if `mode="max"`."""
    every: int = 500
    """Steps."""
    mode: str = "min"
    patience: int | None = None
    """Stop after this many judgements in a row without a better one; None never stops."""
    tol: float = 0.0
    """How much better than when patience was last restored a judgement must be to restore it again. The best is kept
    all the same, by however little it is better."""
    floor: float | None = None
    """What real data score, for whoever reads the curve; None where that is not known."""

    def __post_init__(self) -> None:
        if self.mode not in ("min", "max"):
            raise InputError(f"monitor {self.name!r}: mode={self.mode!r}; there are 'min' and 'max'")
        if self.every < 1:
            raise InputError(f"monitor {self.name!r}: every={self.every}; give at least 1 step")
        if not self.tol >= 0:
            raise InputError(f"monitor {self.name!r}: tol={self.tol}; give at least 0")


class Game(nn.Module):
    """Owns the networks and says which phases they play. The only thing a new GAN writes."""

    def phases(self) -> Sequence[Phase]:
        """The phases in the order they are played."""
        raise NotImplementedError(f"{type(self).__name__} does not say which phases it plays")

    def monitor(self) -> Monitor | None:
        """The validation metric this game brings; what the caller of `fit` brings takes its place."""
        return None


class Batches(Protocol):
    """Where real data comes from. The batch of a step is a function of (seed, step, rank) and of nothing else,
    so that a resumed run needs no saved iterator and the order does not hang on workers or wall time."""

    @property
    def batch_size(self) -> int:
        """Samples a step on one device."""
        ...

    def draw(self, step: int, *, seed: int, rank: int = 0, world_size: int = 1) -> Batch: ...


@runtime_checkable
class Movable(Batches, Protocol):
    """Batches whose rows can lie on the device where training runs, instead of being sent there step by step."""

    def to(self, device: torch.device) -> Batches: ...


def steps_by_phase(phases: Sequence[Phase], steps: int) -> Iterator[tuple[Phase, range]]:
    """Each phase with the steps (counted from 0) it is played on; the ranges cover `steps` exactly."""
    if len(phases) > steps:
        raise InputError(f"{steps} steps cannot be shared among {len(phases)} phases; give at least {len(phases)}")
    total, done, begin = sum(phase.share for phase in phases), 0.0, 0
    for k, phase in enumerate(phases):
        done += phase.share
        end = steps if k == len(phases) - 1 else round(steps * done / total)
        end = min(max(end, begin + 1), steps - (len(phases) - 1 - k))
        yield phase, range(begin, end)
        begin = end
