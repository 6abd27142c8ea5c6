"""What a generator of pictures makes of the same latents as it learns: the grid by step, in which collapse is seen."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from ganforge.gans.dcgan import DCGANGame, to_pixels

_LEAST, _MOST = 10, 20  # pictures a row


class Gallery(nn.Module):
    """The same latents, rendered at growing steps: k²/count² of the way, since most happens at first.

    A part of the game only so that a checkpoint holds its buffers; it has no weights and draws no random number
    while training runs.
    """

    latents: Tensor
    labels: Tensor
    steps: Tensor
    pixels: Tensor

    def __init__(
        self,
        game: DCGANGame,
        shape: tuple[int, int, int],
        class_counts: np.ndarray,
        *,
        steps: int,
        count: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.due = [math.ceil(steps * (k + 1) ** 2 / count**2) for k in range(count)]
        present = torch.from_numpy(np.flatnonzero(class_counts))[:_MOST]
        number = max(_LEAST, len(present))
        noise = torch.Generator().manual_seed(seed)
        self.register_buffer("latents", game.latents(number, generator=noise))
        self.register_buffer("labels", present[torch.arange(number) % len(present)])
        self.register_buffer("steps", torch.zeros(count, dtype=torch.int64))  # 0: not taken yet
        self.register_buffer("pixels", torch.zeros(count, number, *shape, dtype=torch.uint8))

    def look(self, game: DCGANGame, step: int) -> None:
        """Render if a snapshot is due; of several due at once only the last is taken."""
        due = [k for k, at in enumerate(self.due) if at <= step and self.steps[k] == 0]
        if due and step > int(self.steps.max()):
            self.pixels[due[-1]] = render(game, self.latents, self.labels)
            self.steps[due[-1]] = step
            for k in due[:-1]:
                self.steps[k] = -1  # passed by

    def taken(self) -> list[tuple[int, np.ndarray]]:
        kept = (self.steps > 0).nonzero()[:, 0].tolist()
        return [(int(self.steps[k]), self.pixels[k].cpu().numpy().copy()) for k in kept]


@torch.no_grad()
def render(game: DCGANGame, z: Tensor, labels: Tensor) -> Tensor:
    """z (N, Z), labels (N,) → (N, C, H, W) uint8, in evaluation mode; the game is left in the mode it was in."""
    training, generator = game.generator.training, game.generator.eval()
    try:
        device = next(generator.parameters()).device
        return to_pixels(generator(z.to(device), labels.to(device) if game.classes else None).float())
    finally:
        generator.train(training)
