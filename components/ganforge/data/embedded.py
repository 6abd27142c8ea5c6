"""The data of a fresh workspace, made on the spot: the same bytes on every machine, so that one hash is theirs."""

from __future__ import annotations

from pathlib import Path

from ganforge.data.pictures import write_idx
from ganforge.data.simulators import digits, write_payments_csv
from ganforge.files import write_whole

PAYMENTS = "payments.csv"
IMAGES = "digits-images-idx3-ubyte"
LABELS = "digits-labels-idx1-ubyte"


def make_embedded(folder: str | Path) -> None:
    """Write `payments.csv` and scikit-learn's digits as two plain idx files into `folder`, each whole or not at all.

    Takes some seconds. Files of these names are replaced; others in the folder are left alone.
    """
    folder = Path(folder)
    write_payments_csv(folder / PAYMENTS)
    pixels, labels = digits()
    for name, values in ((IMAGES, pixels), (LABELS, labels)):
        with write_whole(folder / name) as temporary:
            write_idx(temporary, values)
