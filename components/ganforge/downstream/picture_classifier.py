"""A small convolutional network that tells classes of pictures apart: what augmentation is judged by.

    model = PictureClassifier(random_state=0).fit(images)      # Images with labels
    model.predict_proba(images)                                #  →  (N, K)
    model.predict(images)                                      #  →  (N,) numbers of classes

Three convolutions and one linear layer, some 25,000 weights at the default width: it trains in seconds on a
CPU, so that an arm can be trained again in each fold. It is trained for a number of steps rather than
passes, so that every arm gets the same work, however many pictures it adds.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from ganforge.artifacts import read_artifact, write_artifact
from ganforge.data.images import Images
from ganforge.data.resizing import tensor_of
from ganforge.errors import ArtifactError, InputError, UnknownNameError, UnsuitableDataError
from ganforge.training import TensorBatches

KIND = "picture-classifier"
AUGMENTATIONS = ("shifts", "flips and shifts")
"""Classical augmentation, drawn anew for each picture at each step: moved by up to an eighth of its size,
what comes in at the border being a copy of the edge; mirrored left to right in half of the cases (not for
letters and digits)."""
_LEAST_SIZE = 8
_CHUNK = 1_024


class PictureClassifier(BaseEstimator):
    """Convolutional classifier of grey or RGB pictures.

    Args:
        steps: training steps; the learning rate falls to 0 over them along a cosine.
        batch_size: pictures a step.
        width: feature maps of the first layer; the second and third have two and four times as many.
        learning_rate: Adam's, at the start.
        augment: None, "shifts" or "flips and shifts", see `AUGMENTATIONS`; at training alone.
        random_state: seeds weights, batches and augmentation; None draws a fresh seed.
        device: "auto" (a GPU where there is one), "cpu", "cuda", "mps".

    Attributes:
        classes_: names of the K classes, in the order of `predict_proba`'s columns.
        shape_: (channels, height, width) of the pictures.
        data_fingerprint_: SHA-256 of the pictures it was fitted on.
    """

    def __init__(
        self,
        *,
        steps: int = 300,
        batch_size: int = 64,
        width: int = 16,
        learning_rate: float = 3e-3,
        augment: str | None = None,
        random_state: int | None = None,
        device: str = "auto",
    ) -> None:
        self.steps = steps
        self.batch_size = batch_size
        self.width = width
        self.learning_rate = learning_rate
        self.augment = augment
        self.random_state = random_state
        self.device = device

    def fit(self, images: Images, labels: Any = None) -> Self:
        """Learn from N pictures; `labels` (N,), numbers of classes, take the place of the pictures' own.

        Raises:
            InputError: no labels, labels of another number, pictures below 8×8 pixels, contradicting
            parameters. UnsuitableDataError: fewer than two classes have a picture.
        """
        self._check()
        if labels is not None:
            images = Images.of(images.pixels, np.asarray(labels), classes=images.classes or None, source=images.source)
        if images.labels is None:
            raise InputError(f"{images.source}: these pictures have no labels; a classifier needs one a picture")
        if len(np.unique(images.labels)) < 2:
            raise UnsuitableDataError(f"{images.source}: all pictures are of one class; there is nothing to tell apart")
        if min(images.shape[1:]) < _LEAST_SIZE:
            raise InputError(f"{images.source}: pictures of {images.shape}; give at least {_LEAST_SIZE} pixels a side")
        seed = _seed(self.random_state)
        pixels, target = tensor_of(images.pixels), tensor_of(images.labels)
        device = _device(self.device)
        network = self._new_network(images.shape, len(images.classes), seed)
        network.measure(pixels)
        _train(
            network.to(device),
            TensorBatches(pixels, batch_size=self.batch_size, label=target),
            steps=self.steps,
            learning_rate=self.learning_rate,
            augment=self.augment,
            seed=seed,
        )
        self._set_fitted(network, images.shape, images.classes, images.fingerprint)
        return self

    @torch.no_grad()
    def predict_proba(self, images: Images | np.ndarray) -> np.ndarray:
        """(N, K) float64, rows that add up to 1; each hangs on its own picture alone.

        images: `Images`, or a uint8 array as `Images.of` takes it. Raises `InputError` for another shape of
        picture.
        """
        self._check_fitted()
        if not isinstance(images, Images):
            images = Images.of(images)
        if images.shape != self.shape_:
            raise InputError(
                f"{images.source}: pictures of {_spoken(images.shape)}, but this classifier knows "
                f"{_spoken(self.shape_)}; "
                "bring them to that shape (ganforge.data.resizing.resized)"
            )
        pieces = tensor_of(images.pixels).split(_CHUNK)
        logits = torch.cat([self.network_(each).double() for each in pieces])
        return logits.softmax(dim=1).numpy()

    def predict(self, images: Images | np.ndarray) -> np.ndarray:
        """(N,) int64: the most probable class of each picture, as its number in `classes_`."""
        return self.predict_proba(images).argmax(axis=1)

    def save(self, folder: str | Path) -> None:
        """Write the fitted classifier to `folder`, whole or not at all; what stood there is replaced."""
        self._check_fitted()
        write_artifact(
            Path(folder),
            kind=KIND,
            parameters=self.get_params(deep=False),
            tensors=self.network_.state_dict(),
            documents={"pictures": {"shape": list(self.shape_), "classes": list(self.classes_)}},
            data_fingerprint=self.data_fingerprint_,
        )

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """The classifier that was saved to `folder`; `ArtifactError` when it is another kind of model, or
        harmed."""
        artifact = read_artifact(Path(folder))
        if artifact.kind != KIND:
            raise ArtifactError(f"{folder}: holds a model of kind {artifact.kind!r}, not a classifier of pictures")
        model, pictures = cls(**artifact.parameters), artifact.documents["pictures"]
        channels, height, width = pictures["shape"]
        network = model._new_network((channels, height, width), len(pictures["classes"]), 0)
        try:
            network.load_state_dict(artifact.tensors())
        except RuntimeError as error:
            raise ArtifactError(
                f"{folder}: the weights do not fit the parameters in model.json; it was put together from different "
                "models; save the model again"
            ) from error
        model._set_fitted(network, (channels, height, width), pictures["classes"], artifact.data_fingerprint)
        return model

    def _new_network(self, shape: tuple[int, int, int], classes: int, seed: int) -> _Network:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return _Network(shape[0], classes, self.width)

    def _set_fitted(self, network: _Network, shape: tuple[int, int, int], classes: Any, fingerprint: str) -> None:
        self.network_ = network.cpu().eval()
        self.shape_, self.classes_, self.data_fingerprint_ = shape, tuple(classes), fingerprint

    def _check(self) -> None:
        for name in ("steps", "batch_size", "width"):
            value = getattr(self, name)
            if not isinstance(value, (int, np.integer)) or value < (2 if name == "batch_size" else 1):
                raise InputError(
                    f"{name}={value!r}; give a whole number of at least {2 if name == 'batch_size' else 1}"
                )
        if self.augment is not None and self.augment not in AUGMENTATIONS:
            raise UnknownNameError("augmentation", self.augment, AUGMENTATIONS)

    def _check_fitted(self) -> None:
        if not hasattr(self, "network_"):
            raise InputError("this classifier is not fitted yet; call fit(images) first")


class _Network(nn.Module):
    """x (B, C, H, W) uint8 → logits (B, K)."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int, classes: int, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("deviation", torch.ones(channels, 1, 1))
        layers: list[nn.Module] = []
        for below, above in ((channels, width), (width, 2 * width), (2 * width, 4 * width)):
            layers += [
                nn.Conv2d(below, above, 3, padding=1, bias=False),
                nn.BatchNorm2d(above),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(2),
            ]
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16 * width, classes))

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


def _train(
    network: _Network, batches: TensorBatches, *, steps: int, learning_rate: float, augment: str | None, seed: int
) -> None:
    device = network.mean.device
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    chance = torch.Generator().manual_seed(seed)
    network.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))
        batch = batches.draw(step, seed=seed)
        x = batch.real if augment is None else augmented(batch.real, augment, generator=chance)
        loss = nn.functional.cross_entropy(network(x.to(device)), batch.label.to(device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    network.eval()


def augmented(pixels: Tensor, how: str, *, generator: torch.Generator) -> Tensor:
    """Each of (B, C, H, W) shifted, and mirrored if `how` says so, by its own draw; the edge is repeated
    outwards."""
    count, channels, height, width = pixels.shape
    reach = max(1, round(max(height, width) / 8))
    rows = torch.randint(-reach, reach + 1, (count, 1), generator=generator) + torch.arange(height)
    columns = torch.randint(-reach, reach + 1, (count, 1), generator=generator) + torch.arange(width)
    if how == "flips and shifts":
        mirrored = torch.rand(count, 1, generator=generator) < 0.5
        columns = torch.where(mirrored, width - 1 - columns, columns)
    rows, columns = rows.clamp_(0, height - 1), columns.clamp_(0, width - 1)
    return pixels[
        torch.arange(count)[:, None, None, None],
        torch.arange(channels)[None, :, None, None],
        rows[:, None, :, None],
        columns[:, None, None, :],
    ]


def _seed(random_state: int | None) -> int:
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    return int(random_state)


def _device(name: str) -> torch.device:
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _spoken(shape: tuple[int, int, int]) -> str:
    channels, height, width = shape
    return f"{width}×{height} pixels, {'grey' if channels == 1 else 'RGB'}"
