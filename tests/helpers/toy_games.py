"""Small games that the tests of the training core play, in this process and in others."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ganforge.training import Batch, Ema, Game, Phase, TensorBatches, Turn, Update
from ganforge.training.objectives import non_saturating, wasserstein
from ganforge.training.penalties import gradient_penalty, r1
from ganforge.training.schedules import linear

adam = functools.partial(torch.optim.Adam, lr=1e-3, betas=(0.5, 0.9))
sgd = functools.partial(torch.optim.SGD, lr=0.1)


def ring_points(n: int, *, modes: int = 8, seed: int = 0) -> Tensor:
    """n points (n, 2) around `modes` places on the unit circle, with a standard deviation of .05."""
    generator = torch.Generator().manual_seed(seed)
    angles = 2 * math.pi * torch.randint(modes, (n,), generator=generator) / modes
    return torch.stack([angles.cos(), angles.sin()], 1) + 0.05 * torch.randn(n, 2, generator=generator)


def modes_reached(points: Tensor, *, modes: int = 8) -> tuple[int, float]:
    """How many of the ring's places have at least half of their due share of `points` within .2, and the share of
    points that lie within .2 of any."""
    angles = 2 * math.pi * torch.arange(modes) / modes
    distances = torch.cdist(points, torch.stack([angles.cos(), angles.sin()], 1))
    near = distances.min(1)
    counts = torch.bincount(near.indices[near.values < 0.2], minlength=modes)
    return int((counts >= len(points) / modes / 2).sum()), float((near.values < 0.2).float().mean())


def mlp(*sizes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        layers += [nn.Linear(a, b), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


class RingGame(Game):
    """Two players on the ring: non-saturating with R1 on real points. z (B, 4) → x (B, 2)."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.generator, self.critic = mlp(4, width, width, 2), mlp(2, width, width, 1)

    def fakes(self, batch: Batch, turn: Turn) -> Tensor:
        return turn.shared("fakes", "generator", lambda: self.generator(torch.randn(len(batch), 4)))

    def critic_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
        return {
            "adversarial": non_saturating.critic(self.critic(batch.real), self.critic(self.fakes(batch, turn))),
            "r1": 0.2 * r1(self.critic, batch.real),
        }

    def generator_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
        return {"adversarial": non_saturating.generator(self.critic(self.fakes(batch, turn)))}

    def phases(self) -> Sequence[Phase]:
        critic = Update(name="critic", trains=("critic",), loss=self.critic_loss, optimizer=adam)
        generator = Update(name="generator", trains=("generator",), loss=self.generator_loss, optimizer=adam)
        return [Phase(name="adversaries", updates=(critic, generator))]


class EverythingGame(Game):
    """Two phases with all that a resumed run could get wrong: dropout, batch norm, an average, Adam's moments, a lazy
    move, a schedule, a clipped norm, momentum, and networks that change mode when a phase begins."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Sequential(nn.Linear(3, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))
        self.critic = nn.Sequential(nn.Linear(2, 16), nn.Dropout(0.3), nn.LeakyReLU(0.2), nn.Linear(16, 1))
        self.encoder = nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
        self.averaged = Ema(self.generator, half_life=200)

    def fakes(self, batch: Batch, turn: Turn) -> Tensor:
        return turn.shared(
            "fakes", "generator", lambda: self.generator(torch.randn(len(batch), 3, device=batch.real.device))
        )

    def critic_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
        fakes = self.fakes(batch, turn)
        return {
            "wasserstein": wasserstein.critic(self.critic(batch.real), self.critic(fakes)),
            "penalty": 10 * gradient_penalty(self.critic, batch.real, fakes),
        }

    def generator_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
        return {"wasserstein": wasserstein.generator(self.critic(self.fakes(batch, turn)))}

    def lazy_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
        return {"r1": r1(self.critic, batch.real)}

    def encoder_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
        return {"residual": (self.generator(self.encoder(batch.real)) - batch.real).square().mean()}

    def settle(self) -> None:
        self.generator.eval()

    def phases(self) -> Sequence[Phase]:
        falling = linear(1.0, 0.1, until=2000)
        momentum = functools.partial(torch.optim.SGD, lr=1e-3, momentum=0.9)
        critic = Update(name="critic", trains=("critic",), loss=self.critic_loss, optimizer=adam, learning_rate=falling)
        lazy = Update(name="lazy", trains=("critic",), loss=self.lazy_loss, optimizer=momentum, every=4)
        generator = Update(
            name="generator", trains=("generator",), loss=self.generator_loss, optimizer=adam, every=3, clip_norm=1.0
        )
        encoder = Update(name="encoder", trains=("encoder",), loss=self.encoder_loss, optimizer=adam)
        return [
            Phase(name="adversaries", updates=(critic, lazy, generator), share=3),
            Phase(name="encoder", updates=(encoder,), share=2, on_enter=self.settle),
        ]


def everything(seed: int = 0) -> tuple[EverythingGame, TensorBatches]:
    """The game as it is built, and its data."""
    torch.manual_seed(seed)
    return EverythingGame(), TensorBatches(ring_points(500), batch_size=32)


def same_state(one: nn.Module, other: nn.Module) -> bool:
    """Bit for bit."""
    mine, its = one.state_dict(), other.state_dict()
    return mine.keys() == its.keys() and all(torch.equal(mine[name], its[name]) for name in mine)
