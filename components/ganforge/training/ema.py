"""The average of a network's weights over its recent moves: as a rule the better generator to sample from."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from ganforge.errors import InputError


class Ema(nn.Module):
    """An exponential moving average of `network`, as an ordinary sub-module of a game.

        self.generator = …                                        # built and initialised first
        self.averaged = Ema(self.generator, half_life=10_000)     # samples
        …
        game.averaged(z)                                          # or game.averaged.module(z)

    The core moves it after each move that trains `network`, and only then: a = β·a + (1 − β)·w with
    β = ½^(samples since the last move / half_life), so that the batch size and the number of devices do not change its
    meaning (Karras et al. 2018, arXiv:1710.10196, appendix A.1, who use β = .999 a move). Parameters are averaged,
    buffers (batch norm's statistics, counters) copied. It is always in evaluation mode and never trained.

    `half_life`: in real samples; > 0.
    """

    def __init__(self, network: nn.Module, *, half_life: float) -> None:
        super().__init__()
        if not half_life > 0:
            raise InputError(f"Ema: half_life={half_life}; give a positive number of samples")
        self.half_life = float(half_life)
        self.module = copy.deepcopy(network).requires_grad_(False).eval()
        self._followed = (network,)  # in a tuple: followed, not owned, so it is not stored a second time

    @property
    def network(self) -> nn.Module:
        """The network it follows."""
        return self._followed[0]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def train(self, mode: bool = True) -> Ema:
        super().train(mode)
        self.module.eval()
        return self

    @torch.no_grad()
    def move(self, samples: float) -> None:
        """Follow the network's present weights, `samples` real samples after the last time."""
        weight = 1 - 0.5 ** (samples / self.half_life)
        averaged: list[torch.Tensor] = list(self.module.parameters())
        if averaged:  # all at once: one kernel on a GPU
            current: list[torch.Tensor] = [each.detach() for each in self.network.parameters()]
            torch._foreach_lerp_(averaged, current, weight)  # pyright: ignore
        for mine, its in zip(self.module.buffers(), self.network.buffers(), strict=True):
            mine.copy_(its)

    @torch.no_grad()
    def copy(self) -> None:
        """Take the network's present weights as they are: after it was initialised anew, for one."""
        self.module.load_state_dict(self.network.state_dict())
