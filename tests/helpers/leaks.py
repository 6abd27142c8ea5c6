"""Is a real row or picture among what a run gave to MLflow? Looked for in every file, whatever its form.

A number is looked for as text (in pages, JSON, CSV, the database), as the bytes of float64 and float32 (in tensors,
estimators, archives), and as a value of a table or an array. A picture is looked for line by line: in arrays, in PNGs,
and in those that stand in a page.
"""

from __future__ import annotations

import base64
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from ganforge_pipelines.lineage.store import connected, tracking_uri

TEXTS = (".html", ".json", ".csv", ".md", ".yaml", ".yml", ".txt", "")
"""Beside `MLmodel`, `requirements.txt` and the like; a database's pages hold its texts as they are."""


def given_to_mlflow(root: Path, run_id: str) -> list[Path]:
    """The files of a run and of the model it logged, and the workspace's own database."""
    with connected(tracking_uri(root), root=root) as client:
        run = client.get_run(run_id)
        models = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run_id}'")
        places = [str(run.info.artifact_uri), *(str(each.artifact_location) for each in models)]
    assert len(places) == 2  # a run has its model
    folders = [Path(each.removeprefix("file://")) for each in places]
    found = [each for folder in folders for each in sorted(folder.rglob("*")) if each.is_file()]
    assert {".html", ".json", ".md", ".npz"} <= {each.suffix for each in found}  # as many forms as there are
    return [*found, root / "mlflow" / "mlflow.db"]


def with_numbers(files: Iterable[Path], numbers: Iterable[float]) -> dict[str, list[float]]:
    """File → which of the numbers are in it; numbers of five digits and more before the point are no others' parts."""
    numbers = list(numbers)
    found = {}
    for path in files:
        held = [number for number, there in zip(numbers, _holds_numbers(path, numbers), strict=True) if there]
        if held:
            found[path.name] = held
    return found


def with_pictures(files: Iterable[Path], pixels: np.ndarray) -> dict[str, int]:
    """File → how many of the pictures (N, C, H, W) uint8 are in it."""
    wanted = [_telling_lines(each) for each in pixels]
    found = {}
    for path in files:
        rasters = [line.tobytes() for image in _images(path) for line in image.reshape(-1, image.shape[-1])]
        raster = b"|".join(rasters)
        count = sum(all(line in raster for line in lines) for lines in wanted)
        if count:
            found[path.name] = count
    return found


def _holds_numbers(path: Path, numbers: list[float]) -> np.ndarray:
    there = np.zeros(len(numbers), dtype=bool)
    for blob in _blobs(path):
        there |= [np.float64(each).tobytes() in blob for each in numbers]
        singles = np.frombuffer(blob[: len(blob) // 4 * 4], dtype="<f4")  # as tensors lie: fewer are met by chance
        there |= np.isin(np.float32(numbers), singles)
    if path.suffix in TEXTS or path.suffix == ".db":
        text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", path.read_bytes().decode("utf-8", errors="ignore"))  # 21,275
        there |= [bool(re.search(rf"(?<![0-9a-f.]){int(each)}(?![0-9a-f])", text)) for each in numbers]
    if path.suffix == ".parquet":
        frame = pd.read_parquet(path).select_dtypes("number")
        there |= [bool(np.isclose(frame.to_numpy(np.float64), each, rtol=0, atol=0.001).any()) for each in numbers]
    return there


def _blobs(path: Path) -> Iterator[bytes]:
    """The bytes of a file, and those of what is packed in it (.npz, .skops)."""
    yield path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist())


def _images(path: Path) -> Iterator[np.ndarray]:
    """Planes (…, H, W) uint8: arrays of an archive, a PNG's or JPEG's channels, those of all pictures of a page."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            yield from (file[name] for name in file.files if file[name].dtype == np.uint8 and file[name].ndim > 2)
    elif path.suffix == ".png":
        yield _planes(path.read_bytes())
    elif path.suffix == ".html":
        for packed in re.findall(r"data:image/(?:png|jpeg);base64,([A-Za-z0-9+/=]+)", path.read_text(encoding="utf-8")):
            yield _planes(base64.b64decode(packed))


def _planes(packed: bytes) -> np.ndarray:
    image = np.asarray(Image.open(io.BytesIO(packed)))
    return image if image.ndim == 2 else np.ascontiguousarray(image.transpose(2, 0, 1))


def _telling_lines(picture: np.ndarray) -> list[bytes]:
    """The lines (W,) of a picture (C, H, W) that no other picture is likely to have."""
    lines = picture.reshape(-1, picture.shape[-1])
    telling = [line.tobytes() for line in lines if len(np.unique(line)) > picture.shape[-1] // 3]
    assert len(telling) > 2, "a picture so plain would be found everywhere"
    return telling
