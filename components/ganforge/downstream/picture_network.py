"""The networks that pictures are classified by, and how they are trained.

    x (B, C, H, W) uint8 ─ mean and deviation of each channel ─▶ float ─ layers ─▶ logits (B, K)

`layers` is the small CNN, or a module of the caller's: it gets standardised pictures and gives logits.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ganforge.downstream.classical import Classical
from ganforge.downstream.identity import told
from ganforge.errors import InputError
from ganforge.training import TensorBatches

Shape = tuple[int, int, int]
"""Channels, height and width."""
NetworkFactory = Callable[[Shape, int], nn.Module]
"""(shape, number of classes) → an untrained module."""


class Standardised(nn.Module):
    """Layers behind the mean and deviation of the training pictures' channels."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, layers: nn.Module, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("deviation", torch.ones(channels, 1, 1))
        self.layers = layers

    def measure(self, pixels: Tensor) -> None:
        """Take mean and deviation of each channel from (N, C, H, W) uint8; a flat channel keeps its scale."""
        counts = torch.stack([torch.bincount(pixels[:, k].flatten(), minlength=256) for k in range(pixels.shape[1])])
        share, levels = counts.double() / counts.sum(1, keepdim=True), torch.arange(256, dtype=torch.float64)
        mean = share @ levels
        deviation = ((share @ levels.square()) - mean.square()).clamp_min(0).sqrt()
        self.mean.copy_(mean.float()[:, None, None])
        self.deviation.copy_(torch.where(deviation < 1, 1.0, deviation).float()[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        return self.layers((x.float() - self.mean) / self.deviation)


def small_cnn(channels: int, classes: int, width: int) -> nn.Sequential:
    """Three convolutions, each halving the picture, and one linear layer; some 25,000 weights at a width of 16."""
    layers: list[nn.Module] = []
    for below, above in ((channels, width), (width, 2 * width), (2 * width, 4 * width)):
        layers += [
            nn.Conv2d(below, above, 3, padding=1, bias=False),
            nn.BatchNorm2d(above),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16 * width, classes))


def built(
    network: nn.Module | NetworkFactory | None, shape: Shape, classes: int, *, width: int, seed: int
) -> Standardised:
    """The untrained network: the small CNN, what the caller's factory gives, or a copy of the caller's module.

    Weights are drawn from `seed`; the caller's random state stays as it is, and so does the module: every training
    starts from the weights it was handed in with. Raises `InputError` where it does not give (B, K) logits.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if network is None:
            return Standardised(small_cnn(shape[0], classes, width), shape[0])
        layers = copy.deepcopy(network) if isinstance(network, nn.Module) else network(shape, classes)
    if not isinstance(layers, nn.Module):
        raise InputError(
            f"network: {name_of(network)} gave a {type(layers).__name__}; a factory takes ((channels, height, "
            "width), number of classes) and gives a torch.nn.Module"
        )
    made = Standardised(layers, shape[0])
    _check_logits(made, shape, classes, network)
    return made


@torch.no_grad()
def _check_logits(made: Standardised, shape: Shape, classes: int, network: Any) -> None:
    spoken = f"{name_of(network)} on 2 pictures of shape {shape}"
    made.eval()
    try:
        given: Any = made(torch.zeros(2, *shape, dtype=torch.uint8))
    except RuntimeError as error:
        raise InputError(f"network: {spoken} failed ({str(error).splitlines()[0]})") from error
    if not isinstance(given, Tensor) or given.shape != (2, classes):
        found = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
        raise InputError(f"network: {spoken} gave {found}; it shall give logits of shape (2, {classes}), one a class")


def name_of(network: nn.Module | NetworkFactory | None) -> str:
    """How a sentence calls it: "the small CNN", a module's class, a factory's own name."""
    if network is None:
        return "the small CNN"
    name = getattr(network, "__name__", type(network).__name__)
    return "the network given" if "<" in name else name.replace("_", " ")


def fingerprint_of(network: nn.Module | NetworkFactory | None, shape: Shape, classes: int) -> str | None:
    """SHA-256 of its architecture and of the weights it starts with, for one seed; None for the small CNN."""
    if network is None:
        return None
    made = built(network, shape, classes, width=1, seed=0)
    return hashlib.sha256(json.dumps(told(made), sort_keys=True).encode()).hexdigest()


def train(
    network: Standardised,
    batches: TensorBatches,
    *,
    steps: int,
    learning_rate: float,
    augment: Classical | None,
    weights: Tensor | None,
    seed: int,
) -> None:
    """Lower the cross-entropy by Adam, its learning rate falling to 0 along a cosine; `weights` (K,) of the classes."""
    device = network.mean.device
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    chance = torch.Generator().manual_seed(seed)
    weights = None if weights is None else weights.to(device)
    network.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # what a module draws itself, as dropout does
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))
            batch = batches.draw(step, seed=seed)
            x = batch.real if augment is None else augment(batch.real, generator=chance)
            loss = nn.functional.cross_entropy(network(x.to(device)), batch.label.to(device), weight=weights)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
    network.eval()
