"""A small convolutional network that tells classes of pictures apart: what augmentation is judged by.

    model = PictureClassifier(random_state=0).fit(images)      # Images with labels
    model.predict_proba(images)                                #  →  (N, K)
    model.predict(images)                                      #  →  (N,) numbers of classes

Three convolutions and one linear layer, some 25,000 weights at the default width: it trains in seconds on a
CPU, so that an arm can be trained again in each fold; or any module of torch. It is trained for a number of
steps rather than passes, so that every arm gets the same work, however many pictures it adds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import nn

from ganforge.artifacts import read_artifact, write_artifact
from ganforge.data.images import Images
from ganforge.data.resizing import tensor_of
from ganforge.downstream.classical import Classical
from ganforge.downstream.picture_network import NetworkFactory, Standardised, built, train
from ganforge.errors import ArtifactError, InputError, UnknownNameError, UnsuitableDataError
from ganforge.training import TensorBatches

KIND = "picture-classifier"
_LEAST_SIZE = 8
_CHUNK = 1_024


class PictureClassifier(BaseEstimator):
    """Convolutional classifier of grey or RGB pictures.

    Args:
        steps: training steps; the learning rate falls to 0 over them along a cosine.
        batch_size: pictures a step.
        width: feature maps of the first layer; the second and third have two and four times as many.
        learning_rate: Adam's, at the start.
        augment: classical augmentation at training: a `Classical`, a mapping of its parameters, or None.
        class_weight: None, or "balanced": a picture counts the more, the fewer its class has (n / (K · n_class)).
        network: None for the small CNN; a factory, called with ((channels, height, width), number of classes), that
            gives an untrained `nn.Module`; or such a module, of which a copy is trained from its weights on. It gets
            (B, C, H, W) float, each channel standardised, and gives (B, K) logits. `width` is the small CNN's alone.
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
        augment: Classical | Mapping[str, Any] | None = None,
        class_weight: str | None = None,
        network: nn.Module | NetworkFactory | None = None,
        random_state: int | None = None,
        device: str = "auto",
    ) -> None:
        self.steps = steps
        self.batch_size = batch_size
        self.width = width
        self.learning_rate = learning_rate
        self.augment = augment
        self.class_weight = class_weight
        self.network = network
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
        train(
            network.to(device),
            TensorBatches(pixels, batch_size=self.batch_size, label=target),
            steps=self.steps,
            learning_rate=self.learning_rate,
            augment=Classical.of(self.augment),
            weights=None if self.class_weight is None else _balanced(target, len(images.classes)),
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
        """Write the fitted classifier to `folder`, whole or not at all; what stood there is replaced.

        Raises `InputError` for a network of the caller's: a model folder holds no code to build it by.
        """
        self._check_fitted()
        if self.network is not None:
            raise InputError(
                "a classifier with a network of your own is not saved: a model folder holds no code; keep "
                "network_.state_dict() beside the code that makes the network"
            )
        augment = Classical.of(self.augment)
        write_artifact(
            Path(folder),
            kind=KIND,
            parameters={**self.get_params(deep=False), "augment": None if augment is None else augment.to_json()},
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

    def _new_network(self, shape: tuple[int, int, int], classes: int, seed: int) -> Standardised:
        return built(self.network, shape, classes, width=self.width, seed=seed)

    def _set_fitted(self, network: Standardised, shape: tuple[int, int, int], classes: Any, fingerprint: str) -> None:
        self.network_ = network.cpu().eval()
        self.shape_, self.classes_, self.data_fingerprint_ = shape, tuple(classes), fingerprint

    def _check(self) -> None:
        for name in ("steps", "batch_size", "width"):
            value = getattr(self, name)
            if not isinstance(value, (int, np.integer)) or value < (2 if name == "batch_size" else 1):
                raise InputError(
                    f"{name}={value!r}; give a whole number of at least {2 if name == 'batch_size' else 1}"
                )
        Classical.of(self.augment)
        if self.class_weight not in (None, "balanced"):
            raise UnknownNameError("class_weight", self.class_weight, ["balanced"])

    def _check_fitted(self) -> None:
        if not hasattr(self, "network_"):
            raise InputError("this classifier is not fitted yet; call fit(images) first")


def _balanced(target: torch.Tensor, classes: int) -> torch.Tensor:
    """(K,) float32: n / (K · n_class) over the classes that have a picture, 0 for the others."""
    counts = torch.bincount(target, minlength=classes).float()
    return torch.where(counts > 0, len(target) / (counts > 0).sum() / counts.clamp_min(1), 0.0)


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
