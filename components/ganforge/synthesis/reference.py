"""The `ctgan` package's CTGAN and TVAE behind our `Synthesizer`, to be held beside our own.

Xu et al. 2019, arXiv:1907.00503, as its authors' package trains and samples it. The package and the `rdt` it
pulls are under the Business Source License 1.1, so they come as the extra `reference`; nothing else needs
them.

What the package does is left as it is: how it trains, the condition it sets, batch norm in training mode
while sampling, log-frequencies as the sampling prior. What it does not take is translated on the way in and
back on the
way out: dates become seconds; a missing number becomes the column's median and a discrete column beside it
that says so; categories, a missing one among them, become codes. Bounds, rounding and dtypes are the
schema's. Rows that do not obey a condition are drawn again (TVAE knows no condition at all), and `obedience_`
says how many did at once.

The package saves by pickle. Here a fitted model is its network's weights, its mixtures and its sampling
frequencies; `load` builds the package's objects anew around them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch

from ganforge.errors import InputError
from ganforge.parameters import whole
from ganforge.synthesis.reference_base import Reference
from ganforge.synthesis.reference_package import decoder_of, generator_of, package, sampler_of


class ReferenceCTGAN(Reference):
    """The package's CTGAN.

    Args:
        steps: training steps; the package counts epochs of max(1, rows // batch_size) steps, so the number is
            rounded to whole epochs. None: the package's own 300 epochs.
        batch_size: even, and a multiple of `pac`.
        pac, latent, generator_widths, critic_widths, weight_decay: as in our `CTGAN`.
        learning_rate: both players'.
        random_state: None draws a fresh seed.
    """

    kind = "reference-ctgan"

    def __init__(
        self,
        *,
        steps: int | None = None,
        batch_size: int = 500,
        pac: int = 10,
        latent: int = 128,
        generator_widths: Sequence[int] = (256, 256),
        critic_widths: Sequence[int] = (256, 256),
        learning_rate: float = 2e-4,
        weight_decay: float = 1e-6,
        random_state: int | None = None,
    ) -> None:
        self.steps = steps
        self.batch_size = batch_size
        self.pac = pac
        self.latent = latent
        self.generator_widths = generator_widths
        self.critic_widths = critic_widths
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.random_state = random_state

    def _check_parameters(self) -> None:
        super()._check_parameters()
        whole("pac", self.pac)
        both = math.lcm(2, self.pac)
        if self.batch_size % both:
            near = max(both, round(self.batch_size / both) * both)
            raise InputError(
                f"batch_size={self.batch_size} with pac={self.pac}: the ctgan package takes even batches that pac "
                f"divides; the nearest that works is batch_size={near}"
            )

    def _new_model(self, epochs: int) -> Any:
        return package().CTGAN(
            embedding_dim=self.latent,
            generator_dim=tuple(self.generator_widths),
            discriminator_dim=tuple(self.critic_widths),
            generator_lr=self.learning_rate,
            discriminator_lr=self.learning_rate,
            generator_decay=self.weight_decay,
            batch_size=self.batch_size,
            pac=self.pac,
            epochs=epochs,
            enable_gpu=False,
        )

    def _steps_an_epoch(self, rows: int) -> int:
        return max(1, rows // self.batch_size)

    def _history(self, model: Any, steps_an_epoch: int) -> list[dict[str, Any]]:
        names = {"Generator Loss": "generator/loss", "Discriminator Loss": "critic/loss"}
        return [
            {
                "step": (epoch + 1) * steps_an_epoch,
                "phase": "training",
                "losses": {ours: float(row[theirs]) for theirs, ours in names.items()},
                "metric": None,
            }
            for epoch, row in enumerate(model.loss_values.to_dict("records"))
        ]

    def _network(self, model: Any) -> torch.nn.Module:
        return model._generator

    def _transformer(self, model: Any) -> Any:
        return model._transformer

    def _sampler_state(self, model: Any) -> dict[str, Any]:
        return vars(model._data_sampler)

    def _raw(self, n: int, wanted: Sequence[tuple[int, int]]) -> pd.DataFrame:
        if not wanted:
            return self.model_.sample(n)
        block, code = wanted[0]
        return self.model_.sample(n, self.bridge_.codec.columns[block].name, str(code))

    def _attach(self, model: Any, transformer: Any, numbers: dict[str, int], tensors: dict[str, Any]) -> None:
        sampler = sampler_of(numbers, tensors)
        model._transformer, model._data_sampler = transformer, sampler
        model._generator = generator_of(
            self.latent + sampler.dim_cond_vec(), self.generator_widths, transformer.output_dimensions
        )


class ReferenceTVAE(Reference):
    """The package's TVAE, a variational autoencoder for tables (the paper's §4.5).

    Args:
        steps: training steps; the package counts epochs of ceil(rows / batch_size) steps, so the number is
            rounded to whole epochs. None: the package's own 300 epochs.
        batch_size: rows a step.
        latent: length of the code.
        encoder_widths, decoder_widths: units of the hidden layers.
        l2: weight decay of both.
        loss_factor: weight of the reconstruction against the divergence.
        random_state: None draws a fresh seed.
    """

    kind = "reference-tvae"

    def __init__(
        self,
        *,
        steps: int | None = None,
        batch_size: int = 500,
        latent: int = 128,
        encoder_widths: Sequence[int] = (128, 128),
        decoder_widths: Sequence[int] = (128, 128),
        l2: float = 1e-5,
        loss_factor: float = 2,
        random_state: int | None = None,
    ) -> None:
        self.steps = steps
        self.batch_size = batch_size
        self.latent = latent
        self.encoder_widths = encoder_widths
        self.decoder_widths = decoder_widths
        self.l2 = l2
        self.loss_factor = loss_factor
        self.random_state = random_state

    def _new_model(self, epochs: int) -> Any:
        return package().TVAE(
            embedding_dim=self.latent,
            compress_dims=tuple(self.encoder_widths),
            decompress_dims=tuple(self.decoder_widths),
            l2scale=self.l2,
            batch_size=self.batch_size,
            loss_factor=self.loss_factor,
            epochs=epochs,
            enable_gpu=False,
        )

    def _steps_an_epoch(self, rows: int) -> int:
        return math.ceil(rows / self.batch_size)

    def _history(self, model: Any, steps_an_epoch: int) -> list[dict[str, Any]]:
        means = model.loss_values.groupby("Epoch")["Loss"].mean()
        return [
            {
                "step": (int(epoch) + 1) * steps_an_epoch,
                "phase": "training",
                "losses": {"autoencoder/loss": float(loss)},
                "metric": None,
            }
            for epoch, loss in means.items()
        ]

    def _network(self, model: Any) -> torch.nn.Module:
        return model.decoder

    def _transformer(self, model: Any) -> Any:
        return model.transformer

    def _raw(self, n: int, wanted: Sequence[tuple[int, int]]) -> pd.DataFrame:
        return self.model_.sample(n)

    def _attach(self, model: Any, transformer: Any, numbers: dict[str, int], tensors: dict[str, Any]) -> None:
        model.transformer = transformer
        model.decoder = decoder_of(self.latent, self.decoder_widths, transformer.output_dimensions)
