"""How MLflow scores a registered ganforge model: the `loader_module` of its pyfunc flavour.

The artefact holds data alone (safetensors, JSON, skops): the code is this installed package. So nothing of
the artefact is executed on loading, and nothing is unpickled.

    frame (N columns of the training table, in any order) ─▶ a detector:    score
                                                             a classifier:  probability (of the scarce class)
                                                             …
    pixels (N, C, H, W) uint8                             ─▶ … or one column a class
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ganforge.errors import InputError

MODEL, GENERATOR, BUNDLE = "model", "generator", "bundle.json"
"""Inside the artefact: what scores; the synthesizer whose rows it was trained with, if any; threshold and origin."""


class Scorer:
    """What `mlflow.pyfunc.load_model` wraps: it only has to have `predict`."""

    def __init__(self, model: Any, *, classes: tuple[str, ...] | None, pictures: bool) -> None:
        self.model = model
        self.classes = classes
        self.pictures = pictures

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """One row of answers for each row (or picture) of the input, with the input's index.

        `params` is part of MLflow's call and is not used.
        """
        data, index = self._data(model_input)
        if self.classes is None:
            return pd.DataFrame({"score": self.model.decision_function(data)}, index=index)
        probabilities = np.asarray(self.model.predict_proba(data))
        if len(self.classes) == 2 and not self.pictures:
            return pd.DataFrame({"probability": probabilities[:, 1]}, index=index)
        return pd.DataFrame(probabilities, columns=pd.Index(self.classes), index=index)

    def _data(self, given: Any) -> tuple[Any, pd.Index | None]:
        if isinstance(given, dict):  # `mlflow models serve` may hand over columns by name
            given = pd.DataFrame(given)
        if isinstance(given, pd.DataFrame):
            if self.pictures:
                raise InputError("this model scores pictures: give an array (N, C, H, W) of numbers 0–255")
            return given, given.index
        pixels = np.asarray(given)
        if not self.pictures:
            raise InputError(f"this model scores tables: give a data frame, not an array of shape {pixels.shape}")
        return _as_images(pixels), None


def _as_images(pixels: np.ndarray) -> Any:
    from ganforge.data.images import Images

    if pixels.ndim != 4:
        raise InputError(f"pictures come as an array (N, C, H, W); this one has the shape {pixels.shape}")
    if pixels.dtype != np.uint8:
        if pixels.size and (pixels.min() < 0 or pixels.max() > 255):
            raise InputError(f"pixels are numbers 0–255; these range from {pixels.min()} to {pixels.max()}")
        pixels = np.round(pixels).astype(np.uint8)
    return Images.of(pixels)


def _load_pyfunc(data_path: str) -> Scorer:
    """MLflow calls this with the artefact's data."""
    return load_scorer(data_path)


def load_scorer(place: str | Path) -> Scorer:
    """What scores in a model folder, or in a folder that holds one as `model/`."""
    from ganforge.artifacts import read_artifact
    from ganforge.catalog import load_model

    folder = Path(place)
    if not (folder / "model.json").is_file():
        folder = folder / MODEL
    artifact = read_artifact(folder)
    if artifact.kind == "classifier":
        from ganforge.downstream.classifiers import Classifier

        classifier = Classifier.load(folder)
        return Scorer(classifier, classes=tuple(str(each) for each in classifier.classes_), pictures=False)
    if artifact.kind == "picture-classifier":
        from ganforge.downstream.picture_classifier import PictureClassifier

        pictures = PictureClassifier.load(folder)
        return Scorer(pictures, classes=tuple(str(each) for each in pictures.classes_), pictures=True)
    model = load_model(folder)
    if not hasattr(model, "decision_function"):
        raise InputError(
            f"{folder}: a model of kind {artifact.kind!r} makes samples and scores nothing; "
            "register its classifier or a detector"
        )
    return Scorer(model, classes=None, pictures=model.encoding_ is None)
