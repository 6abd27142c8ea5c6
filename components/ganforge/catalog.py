"""The one list of what exists: kind → class.

    from ganforge.catalog import CATALOG, load_class, load_model
    load_class("f-anogan")                 # the class, imported now
    load_model("runs/…/model")             # the fitted model in a folder, whatever its kind

A new model is one file in `synthesis/` or `detectors/` (with its game in `gans/`) and one line here; the
contract tests then find it by themselves. Importing this module loads neither torch nor pandas.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ganforge.errors import InputError, UnknownNameError


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One kind of model."""

    kind: str
    """The name that commands, `params.yaml` and `model.json` use."""
    family: Literal["tables", "pictures", "anomalies"]
    role: Literal["synthesizer", "detector"]
    target: str
    """Where the class is: `module:Class`."""
    paper: str
    source: str
    """`arXiv:…` or `doi:…`."""
    summary: str
    """One line: what it is good for."""


_ENTRIES = (
    # --- synthesizers of tables
    Entry(
        kind="ctgan",
        family="tables",
        role="synthesizer",
        target="ganforge.synthesis.ctgan:CTGAN",
        paper="Xu et al. 2019, Modeling tabular data using conditional GAN",
        source="arXiv:1907.00503",
        summary="rows of mixed columns, rare values as rare as they are, conditions on any discrete column",
    ),
    Entry(
        kind="ctgan-tuned",
        family="tables",
        role="synthesizer",
        target="ganforge.synthesis.ctgan:TunedCTGAN",
        paper="Xu et al. 2019, Modeling tabular data using conditional GAN",
        source="arXiv:1907.00503",
        summary="`ctgan` with shares and numbers brought to those of the data, and ranges of numbers obeyed",
    ),
    Entry(
        kind="reference-ctgan",
        family="tables",
        role="synthesizer",
        target="ganforge.synthesis.reference:ReferenceCTGAN",
        paper="Xu et al. 2019, Modeling tabular data using conditional GAN",
        source="arXiv:1907.00503",
        summary="the ctgan package's CTGAN, to be held beside `ctgan` (needs the extra `reference`)",
    ),
    Entry(
        kind="reference-tvae",
        family="tables",
        role="synthesizer",
        target="ganforge.synthesis.reference:ReferenceTVAE",
        paper="Xu et al. 2019, Modeling tabular data using conditional GAN (§4.5, TVAE)",
        source="arXiv:1907.00503",
        summary="the ctgan package's variational autoencoder; no conditions but by rejection (needs `reference`)",
    ),
    # --- synthesizers of pictures
    Entry(
        kind="dcgan",
        family="pictures",
        role="synthesizer",
        target="ganforge.synthesis.dcgan:DCGAN",
        paper="Radford, Metz & Chintala 2016, Unsupervised representation learning with DCGANs",
        source="arXiv:1511.06434",
        summary="pictures of 28, 32 or 64 pixels, grey or colour; with labels, by class",
    ),
    # --- detectors
    Entry(
        kind="f-anogan",
        family="anomalies",
        role="detector",
        target="ganforge.detectors.f_anogan:FAnoGAN",
        paper="Schlegl et al. 2019, f-AnoGAN: fast unsupervised anomaly detection with GANs",
        source="doi:10.1016/j.media.2019.01.010",
        summary="a GAN learns what is normal; a row is odd where it cannot be rebuilt (tables and pictures)",
    ),
    Entry(
        kind="isolation-forest",
        family="anomalies",
        role="detector",
        target="ganforge.detectors.isolation_forest:IsolationForest",
        paper="Liu, Ting & Zhou 2008, Isolation Forest",
        source="doi:10.1109/ICDM.2008.17",
        summary="a row is odd where random cuts part it from the others early; the fastest to train",
    ),
    Entry(
        kind="knn",
        family="anomalies",
        role="detector",
        target="ganforge.detectors.knn:KNN",
        paper="Ramaswamy, Rastogi & Shim 2000, Efficient algorithms for mining outliers from large data sets",
        source="doi:10.1145/342009.335437",
        summary="a row is odd where its nearest normal rows are far away; strong on small tables",
    ),
)

CATALOG: dict[str, Entry] = {entry.kind: entry for entry in _ENTRIES}
"""Every kind of synthesizer and detector, by name."""


def load_class(kind: str) -> Any:
    """The class of a kind. Raises `UnknownNameError` that names the nearest kind there is."""
    if kind not in CATALOG:
        raise UnknownNameError("kind of model", kind, CATALOG)
    module, _, name = CATALOG[kind].target.partition(":")
    return getattr(importlib.import_module(module), name)


def keeps_rows(folder: str | Path) -> bool:
    """Whether the model in a folder holds rows it was trained on; a classifier, which is in no catalog, holds none."""
    from ganforge.artifacts import read_kind

    kind = read_kind(folder)
    return kind in CATALOG and bool(load_class(kind).keeps_rows)


def load_model(folder: str | Path) -> Any:
    """The fitted synthesizer or detector that was saved to `folder`.

    Raises `ArtifactError` when the folder is no model, was altered, cut short or is of a newer format, and
    `InputError` when it is a model of another sort (a classifier).
    """
    from ganforge.artifacts import read_artifact

    kind = read_artifact(folder).kind
    if kind not in CATALOG:
        raise InputError(
            f"{folder}: a model of kind {kind!r} is neither a synthesizer nor a detector; this call loads: "
            f"{', '.join(CATALOG)}. A classifier is loaded by its own class (`Classifier.load`, "
            "`PictureClassifier.load`), and once registered by `mlflow.pyfunc.load_model`"
        )
    return load_class(kind).load(folder)
