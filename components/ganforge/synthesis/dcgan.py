"""DCGAN as a synthesizer: pictures in, pictures of the same make out, with their labels.

    model = DCGAN(random_state=0).fit(read_images("digits-images-idx3-ubyte", labels="digits-labels-idx1-ubyte"))
    model.sample(100)                                  # Images, classes in the shares they have in the data
    model.sample(20, condition={"label": "seven"})     # 20 pictures of one class

The networks and losses are `gans/dcgan.py` (Radford et al. 2015, arXiv:1511.06434; the condition after Mirza &
Osindero 2014, arXiv:1411.1784). What comes out is quantised to the same 8 bits as what went in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ganforge import training
from ganforge.artifacts import Artifact
from ganforge.data.images import Images
from ganforge.data.resizing import resized, tensor_of
from ganforge.errors import ArtifactError, InputError, UnknownNameError, UnsuitableDataError
from ganforge.gans.dcgan import SIZES, DCGANGame
from ganforge.parameters import seed_of, whole
from ganforge.synthesis.base import Synthesizer, collected_notices, fingerprint
from ganforge.synthesis.gallery import Gallery, render
from ganforge.training import Progress, TensorBatches

LEAST_PICTURES = 10
_CHUNK = 512  # pictures generated at a time: about 100 MB of activations at 32 pixels and width 128


class DCGAN(Synthesizer):
    """Class-conditional deep convolutional GAN for pictures of 28, 32 or 64 pixels, grey or RGB.

    Labelled pictures of at least two classes make it conditional; without labels it is the paper's own game.

    Args:
        steps: training steps, one real batch each; None chooses by the number of pictures, see `default_steps`.
        batch_size: pictures a step on one device (128 in the paper). It may exceed the pictures there are.
        width: feature maps at 4×4, for both networks. The paper's 1024 is for a GPU; work grows with its square.
        latent: length of the noise vector.
        learning_rate, beta1: Adam's, both players (the paper's values).
        resize: height = width in pixels to bring pictures of another size to, with antialiasing, 28, 32 or 64; what
            is generated has that size. None refuses pictures of another size.
        snapshots: how many times in training the same latents are rendered, for a grid by step; 0 for never.
        random_state: seeds weights, batches and noise; None draws a fresh seed.
        trainer: accelerator, devices, strategy, precision, … for Lightning, see `training.TrainerOptions`.
        log_every, checkpoint_every: steps. Snapshots are taken at the next log.

    Attributes:
        classes_: names of the classes, () without labels.
        class_counts_: (K,) int64, real pictures of each class.
        shape_: (channels, height, width) of what is generated.
        snapshots_: list of (step, (N, C, H, W) uint8): the same N latents and labels at growing steps, classes in turn.
    """

    kind = "dcgan"

    def __init__(
        self,
        *,
        steps: int | None = None,
        batch_size: int = 64,
        width: int = 128,
        latent: int = 100,
        learning_rate: float = 2e-4,
        beta1: float = 0.5,
        resize: int | None = None,
        snapshots: int = 6,
        random_state: int | None = None,
        trainer: Mapping[str, Any] | None = None,
        log_every: int = 50,
        checkpoint_every: int | None = None,
    ) -> None:
        self.steps = steps
        self.batch_size = batch_size
        self.width = width
        self.latent = latent
        self.learning_rate = learning_rate
        self.beta1 = beta1
        self.resize = resize
        self.snapshots = snapshots
        self.random_state = random_state
        self.trainer = trainer
        self.log_every = log_every
        self.checkpoint_every = checkpoint_every

    def fit(
        self,
        data: Images,
        *,
        schema: Any = None,
        checkpoints: str | Path | None = None,
        resume: bool = False,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Self:
        """Learn the pictures; see `Synthesizer.fit`. `schema` is for tables and must be None.

        Raises:
            InputError: no pictures, or pictures of a size there is no network for (and no `resize`).
            UnsuitableDataError: fewer than 10 pictures.
            TrainingDivergedError, InterruptedRunError: see `training.fit`.
        """
        whole("batch_size", self.batch_size, least=2)
        whole("snapshots", self.snapshots, least=0)
        if self.steps is not None:
            whole("steps", self.steps)
        seed = seed_of(self.random_state, resume=resume)
        with collected_notices() as notices:
            images = _checked(data, schema, self.resize)
        labels = images.labels if images.labels is not None else np.zeros(len(images), dtype=np.int64)
        counts = np.bincount(labels, minlength=max(1, len(images.classes)))
        steps = self.steps or default_steps(len(images), self.batch_size)
        game = self._new_game(images.shape, len(images.classes), seed)
        gallery = Gallery(game, images.shape, counts, steps=steps, count=self.snapshots, seed=seed)
        game.add_module("gallery", gallery)  # in the game, so that checkpoints hold it and a resumed run goes on

        def report(progress: Progress) -> None:
            gallery.look(game, progress.step)
            if on_progress is not None:
                on_progress(progress)

        self.training_ = training.fit(
            game,
            TensorBatches(tensor_of(images.pixels), batch_size=self.batch_size, label=tensor_of(labels)),
            steps=steps,
            seed=seed,
            trainer=self._trainer_options(self.trainer),
            log_every=self.log_every,
            checkpoints=None if checkpoints is None else Path(checkpoints),
            checkpoint_every=self.checkpoint_every,
            resume=resume,
            fingerprint=fingerprint(self, data.fingerprint),
            on_progress=report,
        )
        self._set_fitted(game, images.shape, images.classes, counts)
        self.snapshots_ = gallery.taken()
        self.data_fingerprint_, self.notices_ = data.fingerprint, notices
        return self

    def sample(self, n: int, *, condition: Mapping[str, Any] | None = None, random_state: int | None = None) -> Images:
        """`n` new pictures, in evaluation mode: a picture does not hang on the others made with it.

        Args:
            n: pictures, at least 1.
            condition: {"label": class}: text is the class's name, a whole number its number as in `Images.labels`;
                without it the classes have the shares of the data, to within one picture, in random order.
            random_state: the same pictures for the same number; None draws fresh ones.

        Raises:
            UnknownNameError: a condition on anything but the label, or a class that does not exist.
            InputError: a class without a picture in the data, or a condition on a model without classes.
        """
        self._check_fitted()
        n = whole("n", n)
        noise = torch.Generator().manual_seed(seed_of(random_state))
        if condition:
            labels = torch.full((n,), self._class_of(condition))
        else:
            shares = shares_of(n, self.class_counts_)
            labels = torch.repeat_interleave(torch.arange(len(shares)), torch.from_numpy(shares))
            labels = labels[torch.randperm(n, generator=noise)]
        pixels = torch.cat([self._render(each, noise) for each in labels.split(_CHUNK)])
        return Images.of(
            pixels.numpy(),
            labels.numpy() if self.classes_ else None,
            classes=self.classes_ or None,
            source="generated by dcgan",
            synthetic=True,
        )

    def _render(self, labels: Tensor, noise: torch.Generator) -> Tensor:
        z = self.game_.latents(len(labels), generator=noise)
        return render(self.game_, z, labels)

    def _class_of(self, condition: Mapping[str, Any]) -> int:
        for name in condition:
            if name != "label":
                raise UnknownNameError("condition on pictures", name, ["label"])
        asked = condition["label"]
        if not self.classes_:
            raise InputError(
                f"label={asked!r}: this model was fitted on pictures without labels; fit it on labelled ones"
            )
        if isinstance(asked, str) and asked in self.classes_:
            number = self.classes_.index(asked)
        elif isinstance(asked, (int, np.integer)) and not isinstance(asked, bool) and 0 <= asked < len(self.classes_):
            number = int(asked)
        else:
            raise UnknownNameError("class", asked, self.classes_)
        if self.class_counts_[number] == 0:
            raise InputError(f"label={asked!r}: there was no picture of this class to learn from")
        return number

    def _new_game(self, shape: tuple[int, int, int], classes: int, seed: int) -> DCGANGame:
        """The networks with the weights that `seed` starts them at; the caller's random state stays as it is."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return DCGANGame(
                size=shape[1],
                channels=shape[0],
                latent=self.latent,
                width=self.width,
                classes=classes if classes > 1 else 0,
                learning_rate=self.learning_rate,
                beta1=self.beta1,
            )

    def _set_fitted(
        self, game: DCGANGame, shape: tuple[int, int, int], classes: Sequence[str], counts: np.ndarray
    ) -> None:
        self.shape_, self.classes_, self.class_counts_ = shape, tuple(classes), np.asarray(counts, dtype=np.int64)
        self.game_ = game.cpu().eval()

    def _contents(self) -> dict[str, Any]:
        tensors = {f"generator.{name}": each for name, each in self.game_.generator.state_dict().items()}
        tensors |= {f"snapshot.{step}": torch.from_numpy(pixels) for step, pixels in self.snapshots_}
        pictures = {"shape": list(self.shape_), "classes": list(self.classes_), "counts": self.class_counts_.tolist()}
        return {"tensors": tensors, "documents": {"pictures": pictures}}

    def _restore(self, artifact: Artifact) -> None:
        pictures, tensors = artifact.documents["pictures"], artifact.tensors()
        channels, height, width = pictures["shape"]
        game = self._new_game((channels, height, width), len(pictures["classes"]), 0)
        weights = _under("generator.", tensors)
        try:
            game.generator.load_state_dict(weights)
        except RuntimeError as error:
            raise ArtifactError(
                f"{artifact.folder}: the weights do not fit the parameters in model.json; it was put together "
                "from different models; save the model again"
            ) from error
        self._set_fitted(game, (channels, height, width), pictures["classes"], pictures["counts"])
        taken = {int(step): each.numpy() for step, each in _under("snapshot.", tensors).items()}
        self.snapshots_ = sorted(taken.items())


def default_steps(pictures: int, batch_size: int) -> int:
    """Steps for so many pictures: 30 passes over them, but at least 1,000 and at most 6,000 steps."""
    return min(max(math.ceil(30 * pictures / batch_size), 1_000), 6_000)


def shares_of(n: int, counts: np.ndarray) -> np.ndarray:
    """`n` shared out in proportion to `counts` (K,), by largest remainder: (K,) int64 that add up to n."""
    exact = n * counts / counts.sum()
    whole = np.floor(exact).astype(np.int64)
    first = np.argsort(whole - exact, kind="stable")[: n - whole.sum()]
    whole[first] += 1
    return whole


def _checked(data: Any, schema: Any, resize: int | None) -> Images:
    if not isinstance(data, Images):
        raise InputError(
            f"DCGAN learns pictures (ganforge.Images), not {type(data).__name__}; ganforge.data.readers.read_images "
            "reads them, Images.of makes them of an array, and a table is for CTGAN"
        )
    if schema is not None:
        raise InputError("a schema is for tables; pictures take none")
    if resize is not None and resize not in SIZES:
        raise InputError(f"resize={resize!r}; give {', '.join(map(str, SIZES))} or None")
    if len(data) < LEAST_PICTURES:
        raise UnsuitableDataError(
            f"{data.source}: {len(data)} pictures are too few to learn from; give at least {LEAST_PICTURES}"
        )
    _, height, width = data.shape
    if resize is None and (height != width or height not in SIZES):
        best = min(SIZES, key=lambda size: abs(size - max(height, width)))
        raise InputError(
            f"{data.source}: pictures of {width}×{height} pixels; DCGAN makes them of 28×28, 32×32 or 64×64. "
            f"resize={best} brings them there"
        )
    return data if resize is None else resized(data, resize)


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)}
