"""f-AnoGAN: a WGAN-GP learns what is normal, then an encoder learns to find each sample in it.

Schlegl, Seeböck, Waldstein, Langs, Schmidt-Erfurth, "f-AnoGAN: Fast unsupervised anomaly detection with generative
adversarial networks", Medical Image Analysis 54 (2019), doi:10.1016/j.media.2019.01.010.

    z (B, Z) ~ N(0, I)  ─ generator G ─▶  x (B, …)
    x (B, …)            ─ critic D ────▶  (B, 1), by way of its features f(x) (B, F)
    x (B, …)            ─ encoder E ───▶  z (B, Z), ‖z‖ < √Z + 1

Two phases of one game, each with its share of the steps:

    adversaries  the critic moves on every step, the generator on every fifth, each critic move with a fresh real batch
        critic      E D(G(z)) − E D(x) + λ E (‖∇D(x̂)‖₂ − 1)²      Gulrajani et al. 2017, arXiv:1704.00028, eq. 3
        generator   −E D(G(z))
    encoder      G and D stand still; E is trained on real samples under "izi_f", the paper's best
        L_izif(x) = 1/n ‖x − G(E(x))‖² + κ/n_f ‖f(x) − f(G(E(x)))‖²     image and feature residual

A sample is then judged by the same two residuals, n the size of x and n_f that of f:

    A(x) = A_R(x) + κ·A_D(x),   A_R = 1/n ‖x − G(E(x))‖²,   A_D = 1/n_f ‖f(x) − f(G(E(x)))‖²

From the paper and its authors' code: WGAN-GP with λ = 10 and five critic moves, Adam with β = (0, .9) for G and D; f
is what the critic's last, linear layer sees; κ = 1; z normal; pictures in [−1, 1] behind a tanh.

What does not follow the paper, and why:
    networks    the paper's are residual for 64×64 scans on a GPU. Here: perceptrons for rows, four-by-four
                convolutions for pictures of 28 and 32 pixels, which train in a minute on two processor cores.
    no batch norm anywhere (the paper has it in G and E): in this game G is judged frozen, one sample at a time, and a
                score must hang on its own sample alone. Pictures have group norm in G and none elsewhere.
    E's output  is drawn into the ball ‖z‖ < √Z + 1, where z ~ N(0, I) lives (the authors' code offers clipping each
                place at ±1 or ±3, unused): further out the generator was never judged, and would rebuild anomalies.
                So Z may be as large as a row; a smaller one loses what is normal as well.
    optimisers  Adam(1e-3) for G and D where the authors' code has 1e-4, and Adam instead of RMSProp for E: thousands
                of steps do on tables where scans take tens of thousands.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ganforge.errors import InputError
from ganforge.training.game import Batch, Game, Phase, Turn, Update
from ganforge.training.objectives import wasserstein
from ganforge.training.penalties import gradient_penalty

SIZES = (28, 32)
"""Heights (= widths) of the pictures there is a network for."""


class Generator(nn.Module):
    """z (B, Z) → x: a body, then tanh on pictures; softmax on the one-hot segments of rows, nothing on numbers."""

    def __init__(self, body: nn.Module, *, one_hots: Sequence[tuple[int, int]] = (), tanh: bool = False) -> None:
        super().__init__()
        self.body, self.one_hots, self.tanh = body, tuple(one_hots), tanh

    def forward(self, z: Tensor) -> Tensor:
        x = self.body(z)
        if self.tanh:
            return torch.tanh(x)
        if not self.one_hots:
            return x
        parts, at = [], 0
        for start, stop in self.one_hots:
            parts += [x[:, at:start], x[:, start:stop].softmax(1)]
            at = stop
        return torch.cat([*parts, x[:, at:]], 1)


class Critic(nn.Module):
    """x → (B, 1); `features(x)` (B, F) is what the last layer sees."""

    def __init__(self, features: nn.Module, width: int) -> None:
        super().__init__()
        self.features, self.last = features, nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.features(x))


class Encoder(nn.Module):
    """x → z (B, Z) inside the ball of radius R = √Z + 1: h drawn in along its own direction to length R·tanh(‖h‖/R)."""

    def __init__(self, body: nn.Module, latent: int) -> None:
        super().__init__()
        self.body, self.radius = body, math.sqrt(latent) + 1

    def forward(self, x: Tensor) -> Tensor:
        h = self.body(x)
        length = h.square().sum(1, keepdim=True).add(1e-12).sqrt()
        return h * (self.radius * torch.tanh(length / self.radius) / length)


class FAnoGANGame(Game):
    """Three players, two phases, over any three networks that fit together; `rows` and `pictures` make them.

    Args:
        generator, critic, encoder: as above; the critic also answers to `features(x)`.
        latent: length Z of z.
        kappa: weight κ of the feature residual, in training and in the score.
        penalty: weight λ of the gradient penalty.
        critic_moves: moves of the critic for one of the generator.
        learning_rate: Adam's, generator and critic.
        encoder_learning_rate: Adam's, encoder.
        encoder_share: share of the steps that the second phase gets, in (0, 1).
    """

    critic: Critic

    def __init__(
        self,
        *,
        generator: nn.Module,
        critic: Critic,
        encoder: nn.Module,
        latent: int,
        kappa: float = 1.0,
        penalty: float = 10.0,
        critic_moves: int = 5,
        learning_rate: float = 1e-3,
        encoder_learning_rate: float = 1e-3,
        encoder_share: float = 1 / 3,
    ) -> None:
        super().__init__()
        if kappa < 0 or penalty < 0:
            raise InputError(f"kappa={kappa}, penalty={penalty}; weights are not negative")
        if not 0 < encoder_share < 1:
            raise InputError(f"encoder_share={encoder_share}; give a share of the steps between 0 and 1")
        self.generator, self.critic, self.encoder = generator, critic, encoder
        self.latent, self.kappa, self.penalty = latent, kappa, penalty
        self.critic_moves, self.encoder_share = critic_moves, encoder_share
        self.learning_rate, self.encoder_learning_rate = learning_rate, encoder_learning_rate

    def phases(self) -> Sequence[Phase]:
        adversary = functools.partial(torch.optim.Adam, lr=self.learning_rate, betas=(0.0, 0.9))
        critic = Update(name="critic", trains=("critic",), loss=self.critic_loss, optimizer=adversary)
        generator = Update(
            name="generator",
            trains=("generator",),
            loss=self.generator_loss,
            optimizer=adversary,
            every=self.critic_moves,
        )
        encoder = Update(
            name="encoder",
            trains=("encoder",),
            loss=self.encoder_loss,
            optimizer=functools.partial(torch.optim.Adam, lr=self.encoder_learning_rate),
        )
        return (
            Phase(name="adversaries", updates=(critic, generator), share=1 - self.encoder_share),
            Phase(name="encoder", updates=(encoder,), share=self.encoder_share),
        )

    # --- phase 1 -----------------------------------------------------------------------------------------------------

    def fake(self, batch: Batch, turn: Turn) -> Tensor:
        """G(z): judged by the critic's move, and used again where the generator moves on the same step."""

        def make() -> Tensor:
            return self.generator(torch.randn(len(batch), self.latent, device=batch.real.device))

        return turn.shared("fake", by="generator", make=make)

    def critic_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
        fake = self.fake(batch, turn)
        return {
            "wasserstein": wasserstein.critic(self.critic(batch.real), self.critic(fake)),
            "penalty": self.penalty * gradient_penalty(self.critic, batch.real, fake),
        }

    def generator_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
        return {"wasserstein": wasserstein.generator(self.critic(self.fake(batch, turn)))}

    # --- phase 2 -----------------------------------------------------------------------------------------------------

    def encoder_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
        image, feature = self.residuals(batch.real)
        return {
            "image_residual": image.square().mean(),
            "feature_residual": self.kappa * feature.square().mean(),
        }

    def residuals(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x − G(E(x)) in the shape of x, and f(x) − f(G(E(x))) (B, F)."""
        rebuilt = self.generator(self.encoder(x))
        return x - rebuilt, self.critic.features(x) - self.critic.features(rebuilt)

    # --- the networks ------------------------------------------------------------------------------------------------

    @classmethod
    def rows(
        cls,
        width: int,
        *,
        one_hots: Sequence[tuple[int, int]] = (),
        latent: int,
        hidden: int = 128,
        **options: float,
    ) -> FAnoGANGame:
        """For rows (B, width): perceptrons with two hidden layers of `hidden` units, LeakyReLU .2.

        one_hots: (start, stop) of each one-hot segment in a row, in order.
        """
        _at_least_one(latent)
        return cls(
            generator=Generator(_perceptron(latent, hidden, width), one_hots=one_hots),
            critic=Critic(_perceptron(width, hidden), hidden),
            encoder=Encoder(_perceptron(width, hidden, latent), latent),
            latent=latent,
            **options,  # type: ignore[arg-type]  # names and types as in __init__
        )

    @classmethod
    def pictures(cls, size: int, *, channels: int, latent: int, maps: int = 32, **options: float) -> FAnoGANGame:
        """For pictures (B, channels, size, size) in [−1, 1], size 28 or 32; `maps` feature maps at full height/2."""
        if size not in SIZES:
            raise InputError(
                f"pictures of {size}×{size} pixels: there are networks for {' and '.join(map(str, SIZES))}; "
                "resize the pictures first"
            )
        _at_least_one(latent)
        least = size // 4  # 7 or 8
        flat = 2 * maps * least * least

        def down() -> list[nn.Module]:
            return [
                nn.Conv2d(channels, maps, 4, 2, 1),  # (B, maps, size/2, size/2)
                nn.LeakyReLU(0.2),
                nn.Conv2d(maps, 2 * maps, 4, 2, 1),  # (B, 2·maps, size/4, size/4)
                nn.LeakyReLU(0.2),
                nn.Flatten(),
            ]

        up = nn.Sequential(
            nn.Linear(latent, flat),
            nn.Unflatten(1, (2 * maps, least, least)),
            nn.GroupNorm(8, 2 * maps),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * maps, maps, 4, 2, 1),
            nn.GroupNorm(8, maps),
            nn.ReLU(),
            nn.ConvTranspose2d(maps, channels, 4, 2, 1),
        )
        return cls(
            generator=Generator(up, tanh=True),
            critic=Critic(nn.Sequential(*down()), flat),
            encoder=Encoder(nn.Sequential(*down(), nn.Linear(flat, latent)), latent),
            latent=latent,
            **options,  # type: ignore[arg-type]  # names and types as in __init__
        )


def _at_least_one(latent: int) -> None:
    if latent < 1:
        raise InputError(f"latent={latent}; give at least 1")


def _perceptron(inputs: int, hidden: int, outputs: int | None = None) -> nn.Sequential:
    """Two hidden layers; without `outputs` it ends in the second one's activations."""
    layers = [nn.Linear(inputs, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, hidden), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, *([] if outputs is None else [nn.Linear(hidden, outputs)]))
