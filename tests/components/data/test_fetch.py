"""Fetching public sets: no network here, so what is tested is how its absence is told, and what is written."""

import socket
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest
import sklearn.datasets
from sklearn.utils import Bunch

from ganforge.data.fetch import PUBLIC, fetch
from ganforge.data.readers import read
from ganforge.errors import InputError, ServiceError, UnknownNameError


def failing(error):
    def fetch_openml(**options):
        raise error

    return fetch_openml


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            URLError(socket.gaierror(-2, "Name or service not known")),
            "OpenML is not reached .*Name or service not known",
        ),
        (TimeoutError("timed out"), "OpenML is not reached .*timed out"),
        (ConnectionResetError("reset"), "OpenML is not reached"),
        (ValueError("md5 checksum"), "OpenML's answer was damaged .*md5 checksum"),
    ],
)
def test_no_network_is_told_plainly(tmp_path, monkeypatch, error, said):
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", failing(error))
    before = socket.getdefaulttimeout()
    with pytest.raises(ServiceError, match=f"adult could not be fetched: {said}") as caught:
        fetch("adult", tmp_path / "adult.csv")
    assert caught.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []
    assert socket.getdefaulttimeout() == before


def test_there_is_a_limit_on_waiting(tmp_path, monkeypatch):
    seen = {}

    def fetch_openml(**options):
        seen.update(options, timeout=socket.getdefaulttimeout())
        raise TimeoutError("timed out")

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch_openml)
    with pytest.raises(ServiceError):
        fetch("adult", tmp_path / "adult.csv")
    assert (seen["data_id"], seen["n_retries"]) == (1590, 1)
    assert 0 < seen["timeout"] <= 30


def test_a_table_is_written_whole(tmp_path, monkeypatch):
    frame = pd.DataFrame({"age": range(30), "work": ["a", "b", None] * 10})
    bunch = Bunch(data=frame, target=pd.Series(["<=50K", ">50K"] * 15, name="class"))
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", lambda **options: bunch)
    for name in ("adult.csv", "adult.csv.gz", "adult.parquet"):
        table = read(fetch("adult", tmp_path / name))
        assert table.schema.names == ("age", "work", "class")
        assert table.frame["class"].tolist() == bunch.target.tolist()


def test_pictures_become_npz(tmp_path, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 784))
    bunch = Bunch(data=pd.DataFrame(pixels), target=pd.Series([str(k % 10) for k in range(20)], name="class"))
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", lambda **options: bunch)
    images = read(fetch("fashion-mnist", tmp_path / "fashion.npz"))
    assert images.shape == (1, 28, 28)
    assert np.array_equal(images.pixels.reshape(20, 784), pixels)
    assert images.labels.tolist() == [k % 10 for k in range(20)]


def test_wrong_calls(tmp_path):
    with pytest.raises(UnknownNameError, match="no public data set 'creditcards'; did you mean 'creditcard'"):
        fetch("creditcards", tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"mnist is written as .npz"):
        fetch("mnist", tmp_path / "a.csv")
    assert all(each.number > 0 and each.about for each in PUBLIC.values())
