"""CTGAN: a conditional GAN for tables of mixed columns, written to be read beside the paper.

Xu, Skoularidou, Cuesta-Infante, Veeramachaneni, "Modeling Tabular Data using Conditional GAN", NeurIPS 2019,
arXiv:1907.00503. Symbols as there:

    z (B, 128) ~ N(0, 1), cond (B,)  ─ generator ─▶  row r̂ (B, D)
    pac of 10 rows with their conds  ─ critic ────▶  score (B/10,), the higher the more real

A row is `data.layout.Layout`'s: for each numeric column α in [−1, 1] and a one-hot mode β (§4.2), for each
discrete column a one-hot d. `cond` is the paper's concatenation of mask vectors m_1 ⊕ … ⊕ m_Nd, in which
exactly one bit stands (§4.3); here that bit's *place* among the C = Σ|D_i| places is all that is ever stored,
and the product of a weight matrix with a one-hot vector is taken as what it is: looking up a row of the
matrix.

From the paper, section by section:

    §4.3  the generator's loss has a cross-entropy between m_i* and d̂_i*, so that it learns to make what it
          is asked for; training-by-sampling: a discrete column uniformly, one of its values by log-frequency,
          a row uniformly among those with that value
    §4.4  generator   h0 = z ⊕ cond;  h1 = h0 ⊕ ReLU(BN(FC(h0)));  h2 = h1 ⊕ ReLU(BN(FC(h1)));
                      α̂ = tanh(FC(h2)), β̂ = gumbel_.2(FC(h2)), d̂ = gumbel_.2(FC(h2))
          critic      h0 = r_1 ⊕ … ⊕ r_10 ⊕ cond_1 ⊕ … ⊕ cond_10;  h1 = drop(leaky_.2(FC(h0)));
                      h2 = drop(leaky_.2(FC(h1)));  C = FC(h2)
          PacGAN with 10 samples in a pac, Wasserstein loss with gradient penalty, Adam at 2e-4
    Alg. 1  one move of each player a step; ρ of the penalty's interpolate r̃ = ρ r̂ + (1 − ρ) r once a *pac*;
          the penalty is the gradient with respect to the rows, at the conds given

What the paper leaves open, and what stands here: λ = 10 and β = (.5, .9) (Gulrajani et al. 2017,
arXiv:1704.00028), weight decay 1e-6 on the generator and dropout .5 as in the authors' published experiments,
layers of 256; the logarithm is of 1 + count, so that a value seen once can be drawn.

What does not follow the paper: the generator's move goes on with the fakes that the critic has just judged
instead of drawing a second batch (Alg. 1, lines 10–12), which saves a forward pass. The cross-entropy is, as the
paper writes it, of d̂_i*, the noisy one-hot itself. (That of the noise-free logits, which implementations take, was
obeyed less: on Adult after 3,000 steps the worst of all values was made .94 of the times it was asked for, not .98.)
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from ganforge.data.layout import Layout
from ganforge.errors import InputError
from ganforge.gans._conditioned import ConditionedLinear
from ganforge.gans._critic import critic_terms
from ganforge.gans._noise import dropout_mask
from ganforge.gans._segments import drawn_codes, gumbel_rows
from ganforge.gans.conditional_batches import ConditionalBatches, Conditions, climb, ladder
from ganforge.training.game import Batch, Game, Phase, Turn, Update

__all__ = [
    "CTGANGame",
    "ConditionalBatches",
    "ConditionedLinear",
    "Conditions",
    "Critic",
    "Generator",
    "check_pac",
    "climb",
    "ladder",
]

_BLOCK = 2_048  # rows that pass through the generator at a time where none learns: what they are fits into a cache


class Generator(nn.Module):
    """z (B, Z), cond places (B,) or (B, k) → logits (B, D), before tanh and gumbel-softmax."""

    def __init__(self, *, latent: int, places: int, widths: Sequence[int], out: int) -> None:
        super().__init__()
        sizes = [latent, *widths]
        self.layers = nn.ModuleList(
            ConditionedLinear(sizes[: k + 1], places, width) for k, width in enumerate(widths)
        )  # h ⊕ …: every layer sees all before it
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in widths)
        self.out = ConditionedLinear(sizes, places, out)

    def forward(self, z: Tensor, places: Tensor | None) -> Tensor:
        h = [z]  # cond is the other half of h0; each layer looks it up
        for layer, norm in zip(self.layers, self.norms, strict=True):
            h.append(torch.relu_(norm(layer(h, places))))
        return self.out(h, places)

    def folded(self) -> Callable[[Tensor, Tensor | None], Tensor]:
        """z, places → logits as it now is in evaluation mode, its batch norms taken up by the layers before them."""
        both = zip(self.layers, self.norms, strict=True)
        layers = [cast(ConditionedLinear, layer).folded(cast(nn.BatchNorm1d, norm)) for layer, norm in both]

        def forward(z: Tensor, places: Tensor | None) -> Tensor:
            h = [z]
            for layer in layers:
                h.append(torch.relu_(layer(h, places)))
            return self.out(h, places)

        return forward


class Critic(nn.Module):
    """pacs of rows (B/p, p·D), cond places (B/p, p·K) → score (B/p,).

    It is piecewise linear: a unit passes its pre-activation on times a slope, which leaky ReLU and dropout give it.
    """

    def __init__(
        self, *, row: int, places: int, widths: Sequence[int], pac: int, dropout: float, asked: int = 1
    ) -> None:
        super().__init__()
        self.dropout = dropout
        slots = (torch.arange(pac) * places).repeat_interleave(asked)
        self.register_buffer("slots", slots, persistent=False)
        self.slots: Tensor  # the p conds of a pac lie one after the other: slot j's places start at j·C
        self.pac = pac
        self.first = ConditionedLinear([pac * row], pac * places, widths[0])
        sizes = [*widths, 1]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))

    def forward(self, pacs: Tensor, places: Tensor | None) -> Tensor:
        a = self.first([pacs], self._slotted(places))  # (B/p, h_1)
        for layer in self.layers:
            a = layer(a * self.slope(a))
        return a[:, 0]

    def terms(self, real: Tensor, fake: Tensor, places: Tensor | None) -> tuple[Tensor, Tensor]:
        """mean D(r̂) − mean D(r), and mean (‖∂D/∂r̃‖₂ − 1)² at r̃ = ρ r̂ + (1 − ρ) r, one ρ a pac: two scalars.

        Real rows and fakes (B, D) are constants, judged at the conds of `places` (B/p, p·K).
        """
        shift = self.first.shift(self._slotted(places))
        rho = torch.rand(len(real) // self.pac, 1, device=shift.device, dtype=shift.dtype)
        weights = [self.first.weights[0], *(each.get_parameter("weight") for each in self.layers)]
        biases = [each.get_parameter("bias") for each in self.layers]
        return critic_terms(real, fake, shift, rho, weights, biases, self.slope)

    def slope(self, a: Tensor) -> Tensor:
        """What each unit of a layer multiplies its pre-activation by; with dropout, drawn at each call."""
        slope = a.detach().sign().mul_(0.4).add_(0.6)  # 1 where a > 0, .2 where a < 0: faster than comparing
        if self.training and self.dropout:
            slope *= dropout_mask(slope.shape, self.dropout, device=a.device).to(slope.dtype)
        return slope

    def _slotted(self, places: Tensor | None) -> Tensor | None:
        return None if places is None else places + self.slots


class CTGANGame(Game):
    """One move of the critic and one of the generator a step.

    Args:
        layout: what a row consists of, from the codec.
        latent: length of z.
        generator_widths, critic_widths: units of the hidden layers.
        pac: rows that the critic judges together; divides the batch size.
        tau: temperature of the Gumbel-softmax, > 0.
        penalty: weight λ of the gradient penalty.
        dropout: share of the critic's units left out.
        learning_rate: Adam's, both players.
        weight_decay: Adam's L2 term, the generator only.
        condition_modes, condition_columns: ask for modes of numeric columns too, and for up to K columns together,
            see `Conditions`; the paper's are False and 1.

    A batch holds `real` = the scalars α (B, S), `codes` (B, blocks) int64 and, where a column is discrete,
    `condition` (B,) int64: the place of the bit, or (B, K) where K > 1. See `ConditionalBatches`.

    Terms logged: `critic/wasserstein` (the fakes' mean score minus the real rows'), `critic/penalty`
    (weighted), `generator/wasserstein` (minus the fakes' mean score), `generator/condition` (cross-entropy in
    nats).
    """

    def __init__(
        self,
        layout: Layout,
        *,
        latent: int = 128,
        generator_widths: Sequence[int] = (256, 256),
        critic_widths: Sequence[int] = (256, 256),
        pac: int = 10,
        tau: float = 0.2,
        penalty: float = 10.0,
        dropout: float = 0.5,
        learning_rate: float = 2e-4,
        weight_decay: float = 1e-6,
        condition_modes: bool = False,
        condition_columns: int = 1,
    ) -> None:
        super().__init__()
        if tau <= 0:
            raise InputError(f"tau={tau}; give a positive temperature (the paper's is 0.2)")
        self.layout = layout
        self.conditions = conditions = Conditions(layout, modes=condition_modes, columns=condition_columns)
        self.latent, self.pac, self.tau, self.penalty = latent, pac, tau, penalty
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.generator = Generator(latent=latent, places=conditions.places, widths=generator_widths, out=layout.width)
        self.critic = Critic(
            row=layout.width,
            places=conditions.places,
            asked=conditions.columns,
            widths=critic_widths,
            pac=pac,
            dropout=dropout,
        )

        segment = torch.empty(layout.width, dtype=torch.int64)
        for number, (_, _, start, stop) in enumerate(layout.spans):
            segment[start:stop] = number
        scalars = torch.tensor(layout.scalar_positions, dtype=torch.int64)
        one_hots = {block: start for block, kind, start, _ in layout.spans if kind == "one_hot"}
        columns = [range(one_hots[i], one_hots[i] + layout.blocks[i].width) for i in conditions.blocks]
        nothing = [[-1]] * (conditions.places - conditions.width)
        self.register_buffer("segment", segment, persistent=False)  # (D,) number of the span of each place of a row
        self.register_buffer("scalars", scalars, persistent=False)  # (S,) where the αs stand in a row
        self.register_buffer(  # (C,) where in a row the value stands that each condition asks for; −1: nowhere
            "column",
            torch.tensor([c for each in (*columns, *nothing) for c in each], dtype=torch.int64),
            persistent=False,
        )
        self.segment: Tensor
        self.scalars: Tensor
        self.column: Tensor

    def phases(self) -> Sequence[Phase]:
        adam = functools.partial(torch.optim.Adam, lr=self.learning_rate, betas=(0.5, 0.9), fused=True)
        decayed = functools.partial(adam, weight_decay=self.weight_decay)
        critic = Update(name="critic", trains=("critic",), loss=self.critic_loss, optimizer=adam)
        generator = Update(name="generator", trains=("generator",), loss=self.generator_loss, optimizer=decayed)
        return (Phase(name="adversaries", updates=(critic, generator)),)

    def critic_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
        real, (fake, _) = self.layout.expand(batch.real, batch.codes), self._fake(batch, turn)
        wasserstein, penalty = self.critic.terms(real, fake, self._places(batch))
        return {"wasserstein": wasserstein, "penalty": self.penalty * penalty}

    def generator_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
        fake, surprise = self._fake(batch, turn)
        scores = self.critic(self._pacs(fake), self._places(batch))
        losses = {"wasserstein": -scores.mean()}
        if "condition" in batch:
            losses["condition"] = surprise.mean()
        return losses

    @torch.no_grad()
    def generate(self, n: int, places: Tensor | None, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """`n` rows as (scalars (n, S), codes (n, blocks)) under `places` (n,) or (n, k), as the network now is, in
        evaluation mode.

        The noise comes from `generator` on the CPU: the same on any device.
        """
        device, network = self.segment.device, self.generator.folded()
        z = torch.randn(n, self.latent, generator=generator).to(device, self.generator.out.bias.dtype)
        if places is not None:
            alike = places.stride(0) == 0  # one condition for all rows: it is looked up once
            places = self.conditions.padded(places[:1] if alike else places).to(device)
        logits = torch.empty(self.layout.width, n, device=device)
        for at in range(0, n, _BLOCK):
            logits[:, at : at + _BLOCK] = network(z[at : at + _BLOCK], _part(places, at)).t()
        one_hots = [(span.start, span.stop) for span in self.layout.one_hots]
        uniform = torch.rand(len(one_hots), n, generator=generator).to(device)
        return logits[self.scalars].tanh_().t(), drawn_codes(logits, one_hots, uniform)

    def _fake(self, batch: Batch, turn: Turn) -> tuple[Tensor, Tensor]:
        """Rows r̂ (B, D), and the cross-entropy of each with what it was asked for (B,)."""
        return turn.shared("fake", "generator", functools.partial(self._make, batch))

    def _make(self, batch: Batch) -> tuple[Tensor, Tensor]:
        places = batch.condition if "condition" in batch else None
        z = torch.randn(len(batch), self.latent, device=self.segment.device, dtype=self.generator.out.bias.dtype)
        asked = None if places is None else self.column[places]
        return gumbel_rows(
            self.generator(z, places), self.segment, len(self.layout.spans), self.scalars, asked, self.tau
        )

    def _pacs(self, rows: Tensor) -> Tensor:
        """(B, D) → (B/p, p·D): each p rows that follow one another are judged together."""
        return rows.reshape(-1, self.pac * self.layout.width)

    def _places(self, batch: Batch) -> Tensor | None:
        return batch.condition.view(len(batch) // self.pac, -1) if "condition" in batch else None


def _part(places: Tensor | None, at: int) -> Tensor | None:
    """Of a block of rows; one that stands for all of them stays as it is."""
    return places if places is None or len(places) == 1 else places[at : at + _BLOCK]


def check_pac(batch_size: int, pac: int) -> None:
    """Raise `InputError` unless `pac` divides `batch_size`, naming both and the nearest that works."""
    if pac < 1:
        raise InputError(f"pac={pac}; give at least 1 row a pac")
    if batch_size % pac:
        near = max(pac, round(batch_size / pac) * pac)
        raise InputError(
            f"batch_size={batch_size} is not a multiple of pac={pac} (rows that the critic judges together); "
            f"the nearest that works is batch_size={near}"
        )
