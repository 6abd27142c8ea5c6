"""The data of a fresh workspace, made on the spot: the same bytes on every machine, so that one hash is theirs."""

from __future__ import annotations

import filecmp
import shutil
import tempfile
from pathlib import Path

from ganforge.data.pictures import write_idx
from ganforge.data.simulators import digits, write_payments_csv
from ganforge.errors import InputError
from ganforge.files import write_whole

PAYMENTS = "payments.csv"
IMAGES = "digits-images-idx3-ubyte"
LABELS = "digits-labels-idx1-ubyte"


def make_embedded(folder: str | Path) -> None:
    """Write `payments.csv` and scikit-learn's digits as two plain idx files into `folder`, each whole or not at all.

    Takes some seconds. What was made before stays as it is, and so does everything else in the folder. Raises
    `InputError`, and writes nothing, where something else has one of these names: it may be the only copy of it.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, where a folder of data is to be; move it away and run this again")
    with tempfile.TemporaryDirectory(prefix="ganforge-") as temporary:
        made = Path(temporary)
        write_payments_csv(made / PAYMENTS)
        pixels, labels = digits()
        write_idx(made / IMAGES, pixels)
        write_idx(made / LABELS, labels)
        missing = [name for name in (PAYMENTS, IMAGES, LABELS) if not _is_there(made / name, folder / name)]
        for name in missing:
            with write_whole(folder / name) as target:
                shutil.copyfile(made / name, target)


def _is_there(made: Path, path: Path) -> bool:
    """Whether the file stands in its place already; raises `InputError` where another one does."""
    if not path.exists() and not path.is_symlink():  # a link to a disk that is away is the user's, too
        return False
    if path.is_file() and filecmp.cmp(made, path, shallow=False):
        return True
    raise InputError(
        f"{path} is there and is not the embedded data, so it is left as it is; move it to another name and run this "
        f"again, or keep it and run on it (`ganforge data add {path}` versions it)"
    )
