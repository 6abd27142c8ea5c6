"""Pictures out of files: idx (the format of MNIST, packed or not), .npz, and a folder of PNG or JPEG files a class."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from ganforge.data import sources
from ganforge.data.images import MARK, Images
from ganforge.data.tables import load_npz
from ganforge.errors import InputError, tell

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
_PAIRS = (
    ("images", "labels"),
    ("train_images", "train_labels"),
    ("X", "y"),
    ("x_train", "y_train"),
    ("x", "y"),
    ("pixels", "labels"),
)
_IDX = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_images(path: str | Path, *, labels: str | Path | None = None) -> Images:
    """Pictures from an idx file (`labels`: the idx file of their labels), a .npz file or a folder.

    A .npz file holds images and labels, train_images and train_labels, or X and y. A folder holds one folder a class,
    or pictures alone (then without labels); all of one size; grey ones stay grey when all are. What ganforge wrote
    there of a generator's pictures comes back marked as such (`Images.synthetic`).
    Raises `InputError` naming the file that is broken, missing or of another size.
    """
    path = Path(path)
    sources.refuse_missing(path)
    if path.is_dir():
        _refuse_labels(path, labels, "a folder has its labels in its folders' names")
        return _read_folder(path)
    path = sources.existing_file(path)
    if path.suffix.lower() == ".npz":
        _refuse_labels(path, labels, "a .npz file has its labels inside")
        return _read_npz(path)
    pixels = read_idx(path)
    if pixels.ndim not in (3, 4):
        raise InputError(
            f"{path} is an idx file of shape {pixels.shape}, not of pictures; are pictures and labels swapped?"
        )
    if labels is None:
        return Images.of(pixels, source=str(path))
    numbers = read_idx(sources.existing_file(labels))
    if numbers.ndim != 1:
        raise InputError(
            f"{labels} is an idx file of shape {numbers.shape}, not of labels; are pictures and labels swapped?"
        )
    return Images.of(pixels, numbers, source=f"{path} with labels {labels}")


def read_idx(path: str | Path) -> np.ndarray:
    """An idx file (magic 0, 0, type, dimensions; sizes as big-endian int32; then the values) as an array."""
    path = Path(path)
    content = sources.read_bytes(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _IDX or not 1 <= content[3] <= 4:
        raise InputError(
            f"{path} is not an idx file (it begins with {content[:4].hex(' ') or 'nothing'}); give an idx file, "
            "a .npz file or a folder of pictures"
        )
    dtype, dimensions = np.dtype(_IDX[content[2]]), content[3]
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise InputError(f"{path} was cut short inside its header; copy or download it again")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    expected = start + int(np.prod(shape, dtype=np.uint64)) * dtype.itemsize
    if len(content) != expected:
        fault = "was cut short" if len(content) < expected else "has more bytes than its header says"
        raise InputError(
            f"{path} {fault}: the header says {' × '.join(map(str, shape))} values ({expected:,} bytes), "
            f"there are {len(content):,}; copy or download it again"
        )
    return np.frombuffer(content, dtype=dtype, offset=start).reshape(shape)


def write_idx(path: str | Path, values: np.ndarray) -> None:
    """uint8 values of one to four dimensions as a plain idx file."""
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    Path(path).write_bytes(header + np.ascontiguousarray(values, dtype=np.uint8).tobytes())


def _refuse_labels(path: Path, labels: str | Path | None, why: str) -> None:
    if labels is not None:
        raise InputError(f"labels {labels} were given beside {path}, but {why}; leave them out")


def _read_npz(path: Path) -> Images:
    arrays = load_npz(path)
    for images, labels in _PAIRS:
        if images in arrays:
            if arrays[images].ndim not in (3, 4):
                raise InputError(
                    f"{path}: {images} has shape {arrays[images].shape}, which are no pictures; "
                    "give (N, H, W) or (N, H, W, 3)"
                )
            return Images.of(arrays[images], arrays.get(labels), source=str(path), synthetic=arrays.get(MARK))
    raise InputError(
        f"{path} holds {', '.join(arrays) or 'nothing'}; pictures are looked for under "
        + ", ".join(pair[0] for pair in _PAIRS)
    )


def _read_folder(folder: Path) -> Images:
    classes = sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    loose = _pictures_in(folder)
    if classes and loose:
        raise InputError(
            f"{folder} has pictures ({loose[0].name}, …) beside folders ({classes[0].name}, …); "
            "put each into the folder of its class"
        )
    files = [(file, number) for number, each in enumerate(classes) for file in _pictures_in(each)] or [
        (file, 0) for file in loose
    ]
    if not files:
        raise InputError(
            f"{folder} holds no pictures ({', '.join(SUFFIXES)}), neither itself nor in folders one level down"
        )
    empty = [each.name for number, each in enumerate(classes) if not any(number == k for _, k in files)]
    if empty:
        tell(f"{folder}: no pictures in {', '.join(empty)}; left out as classes")
    arrays, marks = zip(*(_read_picture(file) for file, _ in files), strict=True)
    colour = any(array.ndim == 3 for array in arrays)
    size = arrays[0].shape[:2]
    for array, (file, _) in zip(arrays, files, strict=True):
        if array.shape[:2] != size:
            raise InputError(
                f"{file} is {array.shape[1]} × {array.shape[0]} pixels, but {files[0][0].name} is {size[1]} × {size[0]}"
                "; bring all pictures to one size"
            )
    if colour:
        arrays = tuple(array if array.ndim == 3 else np.repeat(array[:, :, None], 3, axis=2) for array in arrays)
    labels = np.array([classes[number].name for _, number in files]) if classes else None
    return Images.of(np.stack(arrays), labels, source=str(folder), synthetic=np.array(marks))


def _pictures_in(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES and each.is_file())


def _read_picture(path: Path) -> tuple[np.ndarray, bool]:
    """(H, W) or (H, W, 3) uint8, and whether a generator made it."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            picture.load()
            grey = picture.mode in ("1", "L", "LA", "I;16", "I")
            if picture.mode.startswith("I"):
                raise InputError(f"{path} has {picture.mode} pixels of more than 8 bits; save it with 8 bits a channel")
            return np.asarray(picture.convert("L" if grey else "RGB")), picture.info.get(MARK) == "true"
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is a broken picture ({error}); repair it or take it out of the folder") from error
