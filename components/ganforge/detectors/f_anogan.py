"""The f-AnoGAN detector: what a GAN of normal rows or pictures cannot rebuild is odd.

Schlegl et al. 2019, doi:10.1016/j.media.2019.01.010; the game, its losses and its networks are `gans.f_anogan`.

    A(x) = A_R(x) + κ·A_D(x)      A_R: mean squared image residual x − G(E(x))
                                  A_D: mean squared feature residual f(x) − f(G(E(x))), f the critic's last hidden layer

Pictures (N, C, 28|32, 28|32) are scored exactly so. On tables the paper is silent; there

    rows        come through the codec as numbers on one scale and one-hots (`detectors.rows`). `modes` above 1 takes
                mode-specific normalisation instead: weaker on three of four tables tried (AUROC .92, .79, .95 against
                .94, .94, .96: an odd number may lie near some mode), stronger where odd values stand between codes.
    residuals   are whitened: each of the two is centred and multiplied by Σ^(−1/2), Σ its covariance over the training
                rows, so that A_R and A_D are mean squared Mahalanobis lengths, both near 1 on normal rows. A column
                that the generator rebuilds well then counts for more than one that it never learned.
                `residuals="plain"` is the paper's sum of squares.

The defaults were chosen on other data than the nine tables of `benchmarks/anomaly_detection.py`, one set for all: card
payments, network intrusions, machine failures, breast cancer, principal components of digits and clothing, and
anomalies planted in three tables. On eight of these the mean AUROC is .87 with the paper's sum of squares and .91
whitened; whitened residuals of an untrained game reach .87 already, so look at the benchmark's column "untrained"
before crediting the GAN.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from ganforge import training
from ganforge.artifacts import Artifact
from ganforge.data.images import Images
from ganforge.data.table import Table
from ganforge.detectors.base import Detector
from ganforge.detectors.residuals import Residuals
from ganforge.detectors.rows import RowEncoding
from ganforge.errors import InputError, UnknownNameError
from ganforge.gans.f_anogan import SIZES, FAnoGANGame
from ganforge.parameters import seed_of, whole
from ganforge.training import TensorBatches, TrainerOptions, Training

_ROWS, _PICTURES = 1_024, 64
"""Scored at a time. Every batch is filled up to this size, because matrix products round differently for others: so a
score is the same to the last bit whatever stands beside the row."""

_DEFAULTS = {"rows": (4_500, 128), "pictures": (1_500, 64)}
"""Steps and samples a step."""

ResidualKind = Literal["auto", "whitened", "plain"]


class FAnoGAN(Detector):
    """Anomalies by what a GAN cannot rebuild; see the head of this file, and `Detector` for methods and attributes.

    Args:
        latent: length of z; None: the width of an encoded row (at most 128), 64 for pictures.
        hidden: units in each hidden layer (rows).
        maps: feature maps at half height, a multiple of 8 (pictures).
        kappa: weight κ of the feature residual, as in the paper.
        residuals: "whitened", "plain" (the paper's), or "auto": whitened for rows, plain for pictures.
        modes: most modes of a number's mixture; 1 is plain scaling (rows).
        steps: real batches in both phases together; None: 4,500 for rows, 1,500 for pictures.
        encoder_share: share of the steps that the encoder gets.
        batch_size: samples a step; None: 128 rows, 64 pictures.
        learning_rate, encoder_learning_rate: Adam's.
        contamination: share of the training data taken for anomalies when `threshold_` is set, in (0, .5].
        random_state: seed; None takes a fresh one.
        trainer: Lightning's accelerator, devices, strategy, precision, … by name.
        log_every, checkpoint_every: steps between progress reports, and between checkpoints (None: a tenth of the run).

    Attributes besides those of `Detector`:
        training_: what `training.fit` did.
    """

    kind: ClassVar[str] = "f-anogan"
    pictures: ClassVar[bool] = True
    training_: Training

    def __init__(
        self,
        *,
        latent: int | None = None,
        hidden: int = 128,
        maps: int = 32,
        kappa: float = 1.0,
        residuals: ResidualKind = "auto",
        modes: int = 1,
        steps: int | None = None,
        encoder_share: float = 1 / 3,
        batch_size: int | None = None,
        learning_rate: float = 1e-3,
        encoder_learning_rate: float = 1e-3,
        contamination: float = 0.05,
        random_state: int | None = None,
        trainer: Mapping[str, Any] | None = None,
        log_every: int = 50,
        checkpoint_every: int | None = None,
    ) -> None:
        self.latent = latent
        self.hidden = hidden
        self.maps = maps
        self.kappa = kappa
        self.residuals = residuals
        self.modes = modes
        self.steps = steps
        self.encoder_share = encoder_share
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.encoder_learning_rate = encoder_learning_rate
        self.contamination = contamination
        self.random_state = random_state
        self.trainer = trainer
        self.log_every = log_every
        self.checkpoint_every = checkpoint_every

    # --- learning --------------------------------------------------------------------------------------------------

    def _check_parameters(self) -> None:
        for name in ("hidden", "maps", "modes"):
            whole(name, getattr(self, name))
        if self.maps % 8:
            raise InputError(f"maps={self.maps}; give a multiple of 8")
        for name, least in (("latent", 1), ("steps", 2), ("batch_size", 1)):
            if getattr(self, name) is not None:
                whole(name, getattr(self, name), least=least)
        known = ("auto", "whitened", "plain")
        if self.residuals not in known:
            raise UnknownNameError("way to take residuals", self.residuals, known)

    def _encode(self, table: Table) -> RowEncoding:
        return RowEncoding.fit(table, modes=self.modes, random_state=self.random_state or 0)

    def _learn_rows(self, rows: np.ndarray, *, data: Table, **run: Any) -> np.ndarray:
        real = torch.from_numpy(rows).float()
        return self._learn(real, self._rows_game(rows.shape[1]), lambda x: x, **run)

    def _learn_pictures(self, images: Images, **run: Any) -> np.ndarray:
        channels, height, width = images.shape
        if height != width or height not in SIZES:
            raise InputError(
                f"{images.source}: pictures of {height}×{width} pixels; f-AnoGAN has networks for "
                f"{' and '.join(f'{size}×{size}' for size in SIZES)}; resize them first"
            )
        return self._learn(torch.from_numpy(images.pixels), self._pictures_game(channels, height), _to_unit, **run)

    def _learn(
        self,
        real: Tensor,
        make: Callable[[], FAnoGANGame],
        transform: Callable[[Tensor], Tensor],
        *,
        checkpoints: Any,
        resume: bool,
        on_progress: Any,
    ) -> np.ndarray:
        seed = seed_of(self.random_state, resume=resume)
        steps, batch_size = _DEFAULTS["pictures" if self.encoding_ is None else "rows"]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.game_ = make()
        self.training_ = training.fit(
            self.game_,
            TensorBatches(real, batch_size=self.batch_size or batch_size, transform=transform),
            steps=self.steps or steps,
            seed=seed,
            trainer=TrainerOptions.from_mapping(self.trainer),
            log_every=self.log_every,
            checkpoints=checkpoints,
            checkpoint_every=self.checkpoint_every,
            resume=resume,
            fingerprint=self._identity(),
            on_progress=on_progress,
        )
        self.game_.eval()
        whitened = self.residuals == "whitened" or (self.residuals == "auto" and self.encoding_ is not None)
        pairs = lambda: self._residual_pairs(real, transform)  # noqa: E731
        self.image_ = Residuals.fit((image for image, _ in pairs()), whitened=whitened)
        self.feature_ = Residuals.fit((feature for _, feature in pairs()), whitened=whitened)
        return self._score(real, transform)

    def _identity(self) -> str:
        """What a resumed run must share: the data and everything that shapes the result."""
        parameters = {
            name: value for name, value in self.get_params(deep=False).items() if name not in ("trainer", "log_every")
        }
        text = json.dumps([self.data_fingerprint_, parameters], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def _rows_game(self, width: int) -> Callable[[], FAnoGANGame]:
        assert self.encoding_ is not None
        one_hots = self.encoding_.one_hots
        latent = self.latent or min(width, 128)
        return lambda: FAnoGANGame.rows(width, one_hots=one_hots, latent=latent, hidden=self.hidden, **self._options())

    def _pictures_game(self, channels: int, size: int) -> Callable[[], FAnoGANGame]:
        latent = self.latent or 64
        return lambda: FAnoGANGame.pictures(size, channels=channels, latent=latent, maps=self.maps, **self._options())

    def _options(self) -> dict[str, float]:
        return {
            "kappa": self.kappa,
            "learning_rate": self.learning_rate,
            "encoder_learning_rate": self.encoder_learning_rate,
            "encoder_share": self.encoder_share,
        }

    # --- scoring ---------------------------------------------------------------------------------------------------

    def _score_rows(self, rows: np.ndarray) -> np.ndarray:
        return self._score(torch.from_numpy(rows).float(), lambda x: x)

    def _score_pictures(self, pixels: np.ndarray) -> np.ndarray:
        return self._score(torch.from_numpy(pixels), _to_unit)

    def _score(self, real: Tensor, transform: Callable[[Tensor], Tensor]) -> np.ndarray:
        scores = [
            self.image_.lengths(image) + self.kappa * self.feature_.lengths(feature)
            for image, feature in self._residual_pairs(real, transform, pad=True)
        ]
        return np.concatenate(scores)[: len(real)] if scores else np.empty(0)

    @torch.no_grad()
    def _residual_pairs(
        self, real: Tensor, transform: Callable[[Tensor], Tensor], *, pad: bool = False
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Image (n, D) and feature residuals (n, F), float64, batch by batch; with `pad` the last batch is full too."""
        size = _ROWS if self.encoding_ is not None else _PICTURES
        for begin in range(0, len(real), size):
            part = real[begin : begin + size]
            filled = torch.cat([part, part[:1].expand(size - len(part), *part.shape[1:])])
            image, feature = self.game_.residuals(transform(filled))
            keep = size if pad else len(part)
            yield image.flatten(1)[:keep].double().numpy(), feature[:keep].double().numpy()

    def _explain_rows(self, rows: np.ndarray) -> np.ndarray:
        """By how much the image residual's length would fall if a column's part of it were what the others lead one
        to expect (whitened), or its square against its own spread in training (plain)."""
        assert self.encoding_ is not None
        pairs = self._residual_pairs(torch.from_numpy(rows).float(), lambda x: x, pad=True)
        return np.concatenate([self.image_.parts(image, self.encoding_.owners) for image, _ in pairs])[: len(rows)]

    def residual_map(self, X: Any) -> np.ndarray:
        """(N, C, H, W) float32: |x − G(E(x))| of each picture, in [0, 2]; where it is large, the picture is odd."""
        self._check_fitted()
        if self.encoding_ is not None:
            raise InputError("residual_map is for pictures; for rows of a table `explain` names the columns")
        maps = []
        for pixels in self._chunks(X):
            for image, _ in self._residual_pairs(torch.from_numpy(pixels), _to_unit):
                maps.append(np.abs(image).astype(np.float32).reshape(-1, *self.shape_))
        return np.concatenate(maps)

    # --- saving ----------------------------------------------------------------------------------------------------

    def _contents(self) -> dict[str, Any]:
        tensors = {f"game.{name}": value for name, value in self.game_.state_dict().items()}
        tensors |= self.image_.tensors("image") | self.feature_.tensors("feature")
        return {"tensors": tensors, "documents": {"training": self.training_.to_json()}}

    def _restore(self, artifact: Artifact) -> None:
        tensors = artifact.tensors()
        make = (
            self._rows_game(self.encoding_.width)
            if self.encoding_ is not None
            else self._pictures_game(self.shape_[0], self.shape_[1])
        )
        with torch.random.fork_rng(devices=[]):
            self.game_ = make()
        state = {name.removeprefix("game."): value for name, value in tensors.items() if name.startswith("game.")}
        self.game_.load_state_dict(state)
        self.game_.eval()
        self.image_, self.feature_ = Residuals.restore(tensors, "image"), Residuals.restore(tensors, "feature")
        self.training_ = Training(**artifact.documents["training"])


def _to_unit(pixels: Tensor) -> Tensor:
    """uint8 0 … 255 → float32 −1 … 1."""
    return pixels.float() / 127.5 - 1
