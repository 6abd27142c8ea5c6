"""DCGAN: convolutional generator and discriminator, written to be read beside the paper.

Radford, Metz, Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks", ICLR 2016, arXiv:1511.06434.

    z (B, 100) uniform in [−1, 1]  ─ generator ─▶      x (B, C, 64, 64) in [−1, 1]
    x (B, C, 64, 64)               ─ discriminator ─▶  logit (B,), > 0 for "real"

From the paper, section by section:

    §3  strided convolutions instead of pooling (discriminator), fractionally strided ones (generator); no fully
        connected layer: the "projection" of z to 4×4×1024 is a transposed convolution from 1×1, the last layer
        of the discriminator a 4×4 convolution to 1×1; batch norm everywhere but on the generator's output and
        the discriminator's input; ReLU in the generator, tanh on its output; LeakyReLU in the discriminator
    §4  slope .2; weights N(0, .02); pictures scaled to tanh's range and nothing else; Adam, learning rate 2e-4,
        β1 .5 (batches of 128: the caller's)
    Fig. 1  100 → 4×4×1024 → 8×8×512 → 16×16×256 → 32×32×128 → 64×64×3; the discriminator is its mirror image

What the paper leaves open, and what stands here:

    kernels of 4×4, as in the authors' Torch code: a stride of 2 divides them, so that every output pixel is the
        sum of equally many terms and no chequerboard shows; a bias where no batch norm follows, else none
    batch norm's scale starts at N(1, .02), as in that code; real and generated pictures pass the discriminator
        separately, so that the statistics of the one do not tell on the other
    32 pixels: one stage less, 4 → 8 → 16 → 32. 28 pixels: 4 → 7 → 14 → 28, first stage with kernels of 3×3
    `width` scales all layers: it is the number of feature maps at 4×4 (1024 in the paper)

With `classes` the game is conditional (Mirza & Osindero 2014, arXiv:1411.1784, eq. 2: D(x|y), G(z|y)):

    generator      one-hot y beside z, so that the projection gives each class its own 4×4 maps to start from; a 1
                   and no more: made as long as z (5.8), it is obeyed sooner and z hardly at all, so that all
                   pictures of a class come out alike
    discriminator  y as K constant maps beside x, the one of its class 1 and the others 0; and one output map a
                   class, of which y picks its own: the layer that judges has a template for each class (Miyato &
                   Koyama 2018, arXiv:1802.05637, eq. 3, without the unconditional term). With the maps alone the
                   condition is learned late, with the templates alone a class now and then not at all
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ganforge.errors import InputError
from ganforge.training.game import Batch, Game, Phase, Turn, Update
from ganforge.training.objectives import non_saturating

_UP = (4, 2, 1)  # kernel, stride, padding: doubles the height going up, halves it going down
_STAGES = {28: ((3, 2, 1), _UP, _UP), 32: (_UP, _UP, _UP), 64: (_UP, _UP, _UP, _UP)}
SIZES = tuple(_STAGES)
"""Heights (= widths) of the pictures there is a network for."""


class Generator(nn.Module):
    """z (B, Z), y (B,) int64 or None → x (B, C, H, W) in [−1, 1]."""

    def __init__(self, *, size: int, channels: int, latent: int, width: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        stages = _STAGES[size]
        maps = [width // 2**k for k in range(len(stages))]  # 1024, 512, 256, 128 in the paper
        layers: list[nn.Module] = [  # "project and reshape": (B, Z, 1, 1) → (B, 1024, 4, 4)
            nn.ConvTranspose2d(latent + classes, width, 4, 1, 0, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
        for (above, below), geometry in zip(itertools.pairwise(maps), stages[:-1], strict=True):
            layers += [
                nn.ConvTranspose2d(above, below, *geometry, bias=False),
                nn.BatchNorm2d(below),
                nn.ReLU(inplace=True),
            ]
        layers += [nn.ConvTranspose2d(maps[-1], channels, *stages[-1]), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.apply(_initialise)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        if self.classes:
            z = torch.cat([z, _one_hot(label, self.classes, z)], 1)  # (B, Z + K)
        return self.layers(z[:, :, None, None])


class Discriminator(nn.Module):
    """x (B, C, H, W), y (B,) int64 or None → logit (B,)."""

    def __init__(self, *, size: int, channels: int, width: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        stages = _STAGES[size][::-1]
        maps = [width // 2**k for k in range(len(stages))][::-1]  # 128, 256, 512, 1024: the mirror image
        layers: list[nn.Module] = [  # no batch norm on the input layer
            nn.Conv2d(channels + classes, maps[0], *stages[0]),
            nn.LeakyReLU(0.2, inplace=True),
        ]
        for (below, above), geometry in zip(itertools.pairwise(maps), stages[1:], strict=True):
            layers += [
                nn.Conv2d(below, above, *geometry, bias=False),
                nn.BatchNorm2d(above),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        layers.append(nn.Conv2d(width, max(1, classes), 4, 1, 0))  # (B, 1024, 4, 4) → (B, max(1, K), 1, 1)
        self.layers = nn.Sequential(*layers)
        self.apply(_initialise)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        if not self.classes:
            return self.layers(x)[:, 0, 0, 0]
        y = _one_hot(label, self.classes, x)  # (B, K)
        beside = y[:, :, None, None].expand(-1, -1, *x.shape[2:])
        logits = self.layers(torch.cat([x, beside], 1)).flatten(1)  # (B, K)
        return (logits * y).sum(1)


class DCGANGame(Game):
    """Two players that move once each a step; the generator learns from the fakes the discriminator judged.

    Args:
        size: height = width of the pictures in pixels, 28, 32 or 64.
        channels: 1 (grey) or 3 (colour).
        latent: length Z of z.
        width: feature maps at 4×4, a multiple of 4 (28, 32 pixels) or 8 (64 pixels).
        classes: number K of classes for the condition; 0 is the unconditional game of the paper.
        learning_rate, beta1: Adam's, both players.

    A batch holds `real`, (B, C, H, W), uint8 or float in [−1, 1], and with `classes` also `label`, (B,) int64.
    Terms logged: `discriminator/adversarial`, −log D(x) − log(1 − D(G(z))), and `generator/adversarial`,
    −log D(G(z)).

    Raises:
        InputError: a size there is no network for, or a width that the stages do not divide.
    """

    def __init__(
        self,
        *,
        size: int = 64,
        channels: int = 3,
        latent: int = 100,
        width: int = 1024,
        classes: int = 0,
        learning_rate: float = 2e-4,
        beta1: float = 0.5,
    ) -> None:
        super().__init__()
        if size not in _STAGES:
            raise InputError(f"size={size}: DCGAN makes pictures of {', '.join(map(str, SIZES))} pixels")
        divisor = 2 ** (len(_STAGES[size]) - 1)
        if width < divisor or width % divisor:
            raise InputError(f"width={width}: each stage halves it; give a multiple of {divisor} for size={size}")
        if classes == 1 or classes < 0:
            raise InputError(f"classes={classes}: a condition needs at least 2 classes; 0 is for none")
        self.latent, self.classes = latent, classes
        self.learning_rate, self.beta1 = learning_rate, beta1
        self.generator = Generator(size=size, channels=channels, latent=latent, width=width, classes=classes)
        self.discriminator = Discriminator(size=size, channels=channels, width=width, classes=classes)

    def phases(self) -> Sequence[Phase]:
        adam = functools.partial(torch.optim.Adam, lr=self.learning_rate, betas=(self.beta1, 0.999))
        return (
            Phase(
                name="adversaries",
                on_enter=self._begin_statistics,
                updates=(
                    Update(
                        name="discriminator",
                        trains=("discriminator",),
                        loss=self.discriminator_loss,
                        optimizer=adam,
                    ),
                    Update(name="generator", trains=("generator",), loss=self.generator_loss, optimizer=adam),
                ),
            ),
        )

    def discriminator_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
        label = self._label(batch)
        pictures = to_range(batch.real).to(next(self.discriminator.parameters()).dtype)
        real = self.discriminator(pictures, label)
        fake = self.discriminator(self._fake(batch, turn), label)
        return {"adversarial": non_saturating.critic(real, fake)}

    def generator_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
        fake = self.discriminator(self._fake(batch, turn), self._label(batch))
        return {"adversarial": non_saturating.generator(fake)}

    def latents(self, count: int, *, generator: torch.Generator | None = None) -> Tensor:
        """z (count, Z), uniform in [−1, 1] (§4.1 of the paper), on this game's device.

        With a `generator` (on the CPU) the numbers are the same whatever the device.
        """
        device = next(self.parameters()).device
        if generator is None:
            return torch.rand(count, self.latent, device=device) * 2 - 1
        return (torch.rand(count, self.latent, generator=generator) * 2 - 1).to(device)

    @torch.no_grad()
    def _begin_statistics(self) -> None:
        """The generator's running statistics begin at those of its first pictures, not at mean 0 and variance 1.

        Weights of .02 make its activations so small that, until the variance of 1 is forgotten some hundred steps
        later, pictures made in evaluation mode would all be one flat grey.
        """
        norms = [each for each in self.generator.modules() if isinstance(each, nn.BatchNorm2d)]
        kept = [each.momentum for each in norms]
        for each in norms:
            each.momentum = 1.0
        z = self.latents(64)
        label = torch.arange(len(z), device=z.device) % self.classes if self.classes else None
        self.generator(z.to(next(self.generator.parameters()).dtype), label)
        for each, momentum in zip(norms, kept, strict=True):
            each.momentum = momentum

    def _fake(self, batch: Batch, turn: Turn) -> Tensor:
        label = self._label(batch)  # generated pictures are asked for in the classes of the real batch
        return turn.shared("fake", "generator", lambda: self.generator(self.latents(len(batch)), label))

    def _label(self, batch: Batch) -> Tensor | None:
        return batch.label if self.classes else None


def to_range(pixels: Tensor) -> Tensor:
    """uint8 0…255 → float32 in [−1, 1], tanh's range; what is float already is left as it is."""
    return pixels.float().div_(127.5).sub_(1) if pixels.dtype == torch.uint8 else pixels


def to_pixels(pictures: Tensor) -> Tensor:
    """float in [−1, 1] → the nearest uint8, so that generated pictures are quantised as real ones are."""
    return pictures.add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)


def _one_hot(label: Tensor | None, classes: int, like: Tensor) -> Tensor:
    """(B,) int64 → (B, K) of the device and kind of `like`."""
    if label is None:
        raise InputError(f"this game is conditional on {classes} classes; give it a label for each picture")
    return nn.functional.one_hot(label, classes).to(like.dtype)


def _initialise(module: nn.Module) -> None:
    """Weights N(0, .02), batch norm's scale N(1, .02), biases 0 (§4)."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
