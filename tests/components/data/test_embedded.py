"""The embedded data: the same bytes on every machine, and the published scheme in them."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from ganforge.data.embedded import make_embedded
from ganforge.data.readers import read
from ganforge.data.simulators import EMBEDDED, digits, simulate_payments, write_payments_csv
from ganforge.errors import InputError

ROOT = Path(__file__).parents[3]
SHA256 = {
    "payments.csv": "f788e11a1f825edef626432520c52ea4e3e4f0789c88bce8179d49ccfc29776d",
    "digits-images-idx3-ubyte": "a64062a1bbf9d202c4379619eef103dd5cbbf1f344b29287aaa848ec10e4ff35",
    "digits-labels-idx1-ubyte": "ce71631c1f31ce56fa54f31d1d498fafacff59b001e6c30c4a5e29508aa277ad",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    make_embedded(folder)
    return folder


@pytest.fixture(scope="module")
def city():
    """A tenth of the published customers and terminals, for half as long."""
    return simulate_payments(customers=500, terminals=1_000, days=90, seed=1)


def test_the_bytes_are_pinned(folder):
    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
    assert found == SHA256


def test_the_tracked_data_dvc_is_of_these_bytes(folder):
    """DVC's hash of a folder: the md5 of its JSON list of (md5, relative path), as `dvc add` writes it."""
    tracked = yaml.safe_load((ROOT / "data.dvc").read_text())["outs"][0]
    files = [
        {"md5": hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest(), "relpath": file.name}
        for file in sorted(folder.iterdir())
    ]
    listed = json.dumps(files, sort_keys=True).encode()
    assert tracked["md5"] == hashlib.md5(listed, usedforsecurity=False).hexdigest() + ".dir"
    assert tracked["size"] == sum(file.stat().st_size for file in folder.iterdir())
    assert tracked["nfiles"] == len(SHA256)


def test_the_random_state_of_the_caller_is_left_alone(folder, tmp_path):
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    make_embedded(tmp_path)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_made_again_nothing_is_written_and_what_is_missing_is_made(tmp_path):
    make_embedded(tmp_path)
    before = {file.name: file.stat() for file in tmp_path.iterdir()}
    (tmp_path / "digits-labels-idx1-ubyte").unlink()
    (tmp_path / "notes.txt").write_text("mine")
    make_embedded(tmp_path)
    for name in ("payments.csv", "digits-images-idx3-ubyte"):
        assert (tmp_path / name).stat().st_mtime_ns == before[name].st_mtime_ns
    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in tmp_path.iterdir()}
    assert found == SHA256 | {"notes.txt": hashlib.sha256(b"mine").hexdigest()}


@pytest.mark.parametrize("theirs", ["a file", "a folder", "a link to nothing", "the folder itself"])
def test_nothing_that_a_user_has_is_lost(tmp_path, theirs):
    folder, place = tmp_path / "data", tmp_path / "data" / "payments.csv"
    if theirs == "the folder itself":
        folder.write_text("mine")
        place = folder
    else:
        folder.mkdir()
        if theirs == "a file":
            place.write_text("my,own\n1,2\n")
        elif theirs == "a folder":
            place.mkdir()
        else:
            place.symlink_to(tmp_path / "away" / "payments.csv")
    before = place.lstat()
    with pytest.raises(InputError, match="move it") as caught:
        make_embedded(folder)
    assert str(place) in str(caught.value)
    after = place.lstat()  # looking at it may move the time of the last access
    assert (after.st_ino, after.st_mode, after.st_mtime_ns) == (before.st_ino, before.st_mode, before.st_mtime_ns)
    assert folder.is_file() or [file.name for file in folder.iterdir()] == ["payments.csv"]


def test_another_process_writes_the_same(tmp_path):
    code = f"from ganforge.data.simulators import write_payments_csv; write_payments_csv({str(tmp_path / 'p.csv')!r})"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert hashlib.sha256((tmp_path / "p.csv").read_bytes()).hexdigest() == SHA256["payments.csv"]


def test_the_embedded_payments(folder):
    table = read(folder / "payments.csv")
    assert table.schema.names == ("payment_id", "booked_at", "customer_id", "terminal_id", "amount", "is_fraud")
    assert table.frame["is_fraud"].sum() == 90
    assert len(table) == 9_664
    assert table.schema["amount"].decimals == 2
    assert table.frame["booked_at"].is_monotonic_increasing
    assert b"\r" not in (folder / "payments.csv").read_bytes()
    frame = simulate_payments(**EMBEDDED).drop(columns="scenario")
    pd.testing.assert_frame_equal(table.frame, frame)


def test_the_embedded_digits(folder):
    images = read(folder / "digits-images-idx3-ubyte", labels=folder / "digits-labels-idx1-ubyte")
    assert (len(images), images.shape) == (1_797, (1, 32, 32))
    assert images.classes == tuple("0123456789")
    pixels, labels = digits()
    assert np.array_equal(images.pixels[:, 0], pixels)
    assert np.array_equal(images.labels, labels)
    assert (pixels.min(), pixels.max()) == (0, 255)
    assert np.array_equal(pixels[:, ::4, ::4], pixels[:, 3::4, 3::4])  # squares of 4 × 4


def test_an_interrupted_making_leaves_the_former_file(tmp_path, monkeypatch):
    path = tmp_path / "payments.csv"
    path.write_text("former")
    frame = simulate_payments(customers=3, terminals=6, days=3)
    monkeypatch.setattr("ganforge.data.simulators.timedelta", lambda seconds: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_payments_csv(path, frame)
    assert path.read_text() == "former"
    assert [file.name for file in tmp_path.iterdir()] == ["payments.csv"]


def test_scenario_one_is_every_large_payment(city):
    # Beyond 220 it is a fraud: of scenario 1, or of another that came over it.
    assert (city.loc[city["amount"] > 220, "scenario"] > 0).all()
    assert (city.loc[city["scenario"] == 1, "amount"] > 220).all()
    assert ((city["scenario"] > 0) == (city["is_fraud"] == 1)).all()


def test_scenario_two_is_all_payments_of_a_terminal_for_28_days(city):
    day = (city["booked_at"] - pd.Timestamp("2025-01-01")).dt.days
    for _, rows in city[city["scenario"] == 2].groupby("terminal_id"):
        first, last = day[rows.index].min(), day[rows.index].max()
        there = city[(city["terminal_id"] == rows["terminal_id"].iloc[0]) & (day >= first) & (day <= last)]
        if last - first < 28:  # compromised once
            assert (there["scenario"] > 0).all()


def test_scenario_three_is_a_third_of_a_customers_payments(city):
    scale = city[city["scenario"] == 0].groupby("customer_id")["amount"].mean()
    frauds = city[city["scenario"] == 3]
    ratio = frauds["amount"] / frauds["customer_id"].map(scale)
    assert ratio.median() == pytest.approx(5, rel=0.15)


def test_shares_are_the_published_ones_at_any_scale(city):
    """The Handbook's own table: .055, .517 and .264 % of the payments; here within what so few frauds can show."""
    share = city["scenario"].value_counts(normalize=True)
    assert share[1] == pytest.approx(0.00055, rel=0.6)
    assert share[2] == pytest.approx(0.00517, rel=0.35)
    assert share[3] == pytest.approx(0.00264, rel=0.35)
    assert len(city) == pytest.approx(500 * 1.917 * 90, rel=0.1)  # .9586 of two a day fall within the day


def test_days_and_amounts_are_the_published_ones(city):
    honest = city[city["scenario"] == 0]
    assert honest["booked_at"].dt.hour.mean() == pytest.approx(11.5, abs=0.2)
    assert honest["booked_at"].dt.hour.std() == pytest.approx(5, abs=0.5)
    per_customer = honest.groupby("customer_id")["amount"].agg(["mean", "std", "size"])
    many = per_customer[per_customer["size"] > 60]
    assert (many["std"] / many["mean"]).median() == pytest.approx(0.46, abs=0.05)  # half, less what is not negative
    assert 5 <= many["mean"].min() < many["mean"].max() <= 110


def test_customers_pay_nearby(city):
    near = city.groupby("customer_id")["terminal_id"].nunique()
    assert near.max() < 200  # of 1,000: about 78 in reach at the published density
    assert near.median() > 30


def test_a_seed_is_a_city_and_no_city_is_refused():
    small = {"customers": 5, "terminals": 9, "days": 4}
    pd.testing.assert_frame_equal(simulate_payments(**small, seed=3), simulate_payments(**small, seed=3))
    assert not simulate_payments(**small, seed=3).equals(simulate_payments(**small, seed=4))
    with pytest.raises(InputError, match="days=0"):
        simulate_payments(days=0)
