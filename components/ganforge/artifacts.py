"""A model as a folder that anybody can open and nobody has to trust: safetensors, JSON, skops. Never a pickle.

    model/
      model.json             kind, parameters, versions, fingerprint of the data; size and SHA-256 of every other file
      tensors.safetensors    weights
      <document>.json        a codec, a schema, a layout
      <estimator>.skops      a fitted scikit-learn object; only the types in `TRUSTED_TYPES` are ever made from it

A folder is written whole or not at all. Reading checks every byte, and refuses one that was altered, one that was cut
short and one of a newer format, each with its own message.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ganforge
from ganforge.errors import ArtifactError, InputError, UnknownNameError
from ganforge.files import inside, sha256_file, write_whole_folder

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
"""What this version writes; it reads this and everything before."""

TRUSTED_TYPES = (
    # trees of gradient boosting, forests and the isolation forest
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    # nearest neighbours
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.metrics._dist_metrics.EuclideanDistance",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    # what gradient boosting keeps of categorical columns: a partial of scikit-learn's own input check, never called
    # while loading
    "functools.partial",
    "sklearn.utils.validation.check_array",
    # calibrated probabilities
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "numpy.dtype",
)
"""The types beyond skops' own (scikit-learn's estimators, NumPy arrays, plain containers) that a model may hold."""

_MODEL, _TENSORS = "model.json", "tensors.safetensors"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_NAMED_VERSIONS = ("torch", "numpy", "pandas", "scikit-learn", "scipy", "skops", "safetensors", "pytorch-lightning")


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A model folder that was read and checked. Weights and estimators are loaded when asked for."""

    folder: Path
    kind: str
    """The model's name in the catalog."""
    parameters: dict[str, Any]
    """What its class is constructed with."""
    documents: dict[str, Any]
    data_fingerprint: str
    """SHA-256 of the data it was trained on."""
    versions: dict[str, str]
    """What it was written with, by package."""
    extra: dict[str, Any]
    files: dict[str, str] = field(repr=False)
    """SHA-256 by file name."""

    def tensors(self, device: str = "cpu") -> dict[str, Tensor]:
        """The weights by name; empty when the model has none."""
        if _TENSORS not in self.files:
            return {}
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(self.folder / _TENSORS, device=device)
        except (OSError, SafetensorError) as error:
            raise ArtifactError(f"{self.folder / _TENSORS} cannot be read: {error}") from error

    def document(self, name: str) -> Any:
        """The JSON document of that name."""
        if name not in self.documents:
            raise UnknownNameError("document", name, self.documents, where=str(self.folder))
        return self.documents[name]

    def estimator(self, name: str) -> Any:
        """The scikit-learn object of that name. Types outside `TRUSTED_TYPES` are refused before any is made."""
        path = self.folder / f"{name}.skops"
        if path.name not in self.files:
            known = [each.removesuffix(".skops") for each in self.files if each.endswith(".skops")]
            raise UnknownNameError("estimator", name, known, where=str(self.folder))
        import skops.io
        from skops.io.exceptions import UntrustedTypesFoundException

        try:
            strangers = sorted(set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED_TYPES))
            if not strangers:
                return skops.io.load(path, trusted=list(TRUSTED_TYPES))
        except UntrustedTypesFoundException as error:
            strangers = [str(error)]
        except Exception as error:
            raise ArtifactError(
                f"{path} cannot be loaded with scikit-learn {_version('scikit-learn')} (it was written with "
                f"{self.versions.get('scikit-learn', 'an unknown version')}): {type(error).__name__}: {error}"
            ) from error
        raise ArtifactError(
            f"{path} holds types that are not loaded: {', '.join(strangers)}; ganforge never wrote such a file"
        )


def write_artifact(
    folder: str | Path,
    *,
    kind: str,
    parameters: Mapping[str, Any],
    tensors: Mapping[str, Tensor] | None = None,
    documents: Mapping[str, Any] | None = None,
    estimators: Mapping[str, Any] | None = None,
    data_fingerprint: str = "",
    extra: Mapping[str, Any] | None = None,
) -> Path:
    """Write a model folder, whole or not at all; one that was there is replaced at the end.

    `parameters`, `documents` and `extra` are JSON: NumPy scalars and arrays become numbers and lists; NaN and infinity
    are refused, because JSON has none. `tensors` go to the CPU. `estimators` are fitted scikit-learn objects.

    Raises `InputError` for what cannot be kept: a value that is not JSON, an estimator of a type that would not be
    loaded again. An existing `folder` that holds something else than a model is never replaced.
    """
    folder = Path(folder)
    if folder.exists() and not _replaceable(folder):
        raise InputError(f"{folder} exists and is not a model folder; give another place, or remove it yourself")
    names = [*(documents or {}), *(estimators or {})]
    for name in names:
        if not _NAME.fullmatch(name) or name == Path(_MODEL).stem or names.count(name) > 1:
            raise InputError(f"{name!r} cannot name a part of a model; use letters, digits, '_', '-', '.', once each")
    head = {"kind": kind, "parameters": parameters, "data_fingerprint": data_fingerprint, "extra": extra or {}}
    head = json.loads(_json(head, f"{kind}'s parameters"))
    with write_whole_folder(folder) as place:
        if tensors:
            _write_tensors(place / _TENSORS, tensors)
        for name, document in (documents or {}).items():
            (place / f"{name}.json").write_text(_json(document, f"the document {name!r}"), encoding="utf-8")
        for name, estimator in (estimators or {}).items():
            _write_estimator(place / f"{name}.skops", name, estimator)
        written = sorted(place.iterdir())
        record = {
            "format": FORMAT,
            **head,
            "versions": versions(),
            "files": {each.name: sha256_file(each) for each in written},
            "sizes": {each.name: each.stat().st_size for each in written},
        }
        record["seal"] = _seal(record)
        (place / _MODEL).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return folder


def read_artifact(folder: str | Path) -> Artifact:
    """Read and check a model folder.

    Raises `ArtifactError` when it is no model folder, was altered, was cut short, or is of a newer format.
    """
    folder = Path(folder)
    record = _read_record(folder)
    for name, digest in record["files"].items():
        _check_file(folder, name, digest, record["sizes"].get(name, 0))
    documents = {
        name.removesuffix(".json"): json.loads((folder / name).read_text(encoding="utf-8"))
        for name in record["files"]
        if name.endswith(".json")
    }
    return Artifact(
        folder=folder,
        kind=record["kind"],
        parameters=record["parameters"],
        documents=documents,
        data_fingerprint=record["data_fingerprint"],
        versions=record["versions"],
        extra=record["extra"],
        files=record["files"],
    )


def read_kind(folder: str | Path) -> str:
    """The kind of the model in a folder, from its `model.json` alone."""
    return str(_read_record(Path(folder))["kind"])


def versions() -> dict[str, str]:
    """The versions a model is written with: ganforge, Python, and the packages its files hang on."""
    found = {name: _version(name) for name in _NAMED_VERSIONS}
    return {
        "ganforge": ganforge.__version__,
        "python": platform.python_version(),
        **{k: v for k, v in found.items() if v},
    }


def _read_record(folder: Path) -> dict[str, Any]:
    path = folder / _MODEL
    if not path.is_file():
        what = "does not exist" if not folder.exists() else f"is not a model folder: there is no {_MODEL} in it"
        raise ArtifactError(f"{folder} {what}; give a folder that `save` or `--out` wrote")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ArtifactError(f"{path} was cut short or is not JSON ({error}); copy or train the model again") from error
    if not isinstance(record, dict) or not isinstance(record.get("format"), int):
        raise ArtifactError(f"{path} does not describe a ganforge model: it has no 'format'")
    if record["format"] > FORMAT:
        by = record.get("versions", {}).get("ganforge", "a later ganforge")
        raise ArtifactError(
            f"{folder} is of format {record['format']}, written by ganforge {by}; this is ganforge "
            f"{ganforge.__version__}, which reads up to format {FORMAT}: upgrade it to load the model"
        )
    seal = record.pop("seal", None)
    if seal != _seal(record):
        raise ArtifactError(f"{path} was altered: it is not what was written; use the original or train again")
    return record


def _check_file(folder: Path, name: str, digest: str, size: int) -> None:
    try:
        path = inside(folder, name)
    except InputError as error:
        raise ArtifactError(str(error)) from error
    if not path.is_file():
        raise ArtifactError(f"{folder} was cut short: {name} is missing; copy it again, whole")
    there = path.stat().st_size
    if there < size:
        raise ArtifactError(f"{path} was cut short: {there:,} of {size:,} bytes are there; copy it again, whole")
    if sha256_file(path) != digest:
        raise ArtifactError(f"{path} was altered: its SHA-256 is not the one in {_MODEL}; use the original")


def _write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    import torch
    from safetensors.torch import save_file

    for name, each in tensors.items():
        if not isinstance(each, torch.Tensor):
            raise InputError(f"{name!r} is a {type(each).__name__}, not a tensor; keep plain values in a document")
    # Copies: safetensors refuses two names for one memory, which tied weights are.
    save_file({name: each.detach().to("cpu", copy=True).contiguous() for name, each in tensors.items()}, path)


def _write_estimator(path: Path, name: str, estimator: Any) -> None:
    import skops.io

    try:
        skops.io.dump(estimator, path)
        strangers = sorted(set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED_TYPES))
    except (TypeError, ValueError, NotImplementedError) as error:
        raise InputError(f"the estimator {name!r} cannot be kept without pickle: {error}") from error
    if strangers:
        raise InputError(
            f"the estimator {name!r} holds {', '.join(strangers)}, which would not be loaded again; "
            "use scikit-learn's own parts, without functions or classes of your own"
        )


def _replaceable(folder: Path) -> bool:
    return folder.is_dir() and ((folder / _MODEL).is_file() or not any(folder.iterdir()))


def _json(value: Any, what: str) -> str:
    try:
        return json.dumps(value, default=_plain, allow_nan=False, indent=1)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} cannot be kept as JSON: {error}") from error


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # NumPy scalars and arrays, tensors
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} {value!r:.60} is not JSON")


def _seal(record: Mapping[str, Any]) -> str:
    text = json.dumps({k: v for k, v in record.items() if k != "seal"}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
