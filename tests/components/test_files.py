"""Files that are whole or not there at all."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest
from safetensors import SafetensorError

from ganforge.errors import InputError, ServiceError
from ganforge.files import inside, sha256_file, sha256_tree, write_whole, write_whole_folder


class Broken(Exception):
    pass


def _half(path: Path) -> None:
    path.write_text("half")
    raise Broken


def test_hashes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_file(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest() == sha256_tree(tmp_path / "a")
    (tmp_path / "t" / "inner").mkdir(parents=True)
    (tmp_path / "t" / "inner" / "b").write_bytes(b"1")
    (tmp_path / "t" / "c").write_bytes(b"2")
    before = sha256_tree(tmp_path / "t")
    (tmp_path / "t" / "c").rename(tmp_path / "t" / "d")
    assert sha256_tree(tmp_path / "t") != before
    (tmp_path / "t" / "d").rename(tmp_path / "t" / "c")
    os.utime(tmp_path / "t" / "c", (0, 0))  # the day is of no account
    assert sha256_tree(tmp_path / "t") == before


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "x.csv"
    with write_whole(target) as place:
        place.write_text("1")
        assert not target.exists()
        assert place.suffix == ".csv"  # writers that look at the name
    assert target.read_text() == "1"
    assert [each.name for each in target.parent.iterdir()] == ["x.csv"]


def test_a_file_that_was_there_survives_an_error(tmp_path: Path) -> None:
    target = tmp_path / "x"
    target.write_text("before")
    with pytest.raises(Broken), write_whole(target) as place:
        _half(place)
    assert target.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["x"]


def test_a_folder_takes_the_place_of_the_former_one(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").write_text("old")
    with write_whole_folder(target) as place:
        (place / "new").write_text("new")
        assert (target / "old").exists()
    assert [each.name for each in target.iterdir()] == ["new"]
    assert [each.name for each in tmp_path.iterdir()] == ["model"]


def test_a_folder_that_was_there_survives_an_error(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").write_text("old")
    with pytest.raises(Broken), write_whole_folder(target) as place:
        _half(place / "new")
    assert [each.name for each in target.iterdir()] == ["old"]
    assert [each.name for each in tmp_path.iterdir()] == ["model"]


def test_a_folder_comes_back_when_the_last_rename_fails(tmp_path: Path, monkeypatch) -> None:
    """Between moving the former one aside and putting the new one in its place."""
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").write_text("old")
    replace, calls = Path.replace, []

    def failing(self: Path, to: Path) -> Path:
        calls.append(to)
        if len(calls) == 2:
            raise OSError(errno.EIO, "Input/output error")
        return replace(self, to)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(OSError, match="Input/output"), write_whole_folder(target) as place:
        (place / "new").write_text("new")
    assert [each.name for each in target.iterdir()] == ["old"]


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    (tmp_path / "folder").mkdir()
    with write_whole(tmp_path / "whole") as place:
        place.write_text("")
    with write_whole_folder(tmp_path / "whole-folder"):
        pass
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert (tmp_path / "whole-folder").stat().st_mode == (tmp_path / "folder").stat().st_mode


@pytest.mark.parametrize("writer", [write_whole, write_whole_folder])
@pytest.mark.parametrize(
    ("number", "message"),
    [(errno.ENOSPC, "the disk is full: .*target was not written"), (errno.EACCES, "target cannot be written")],
)
def test_the_disk_is_told_plainly(tmp_path: Path, writer, number: int, message: str) -> None:
    with pytest.raises(ServiceError, match=message), writer(tmp_path / "target"):
        raise OSError(number, "no")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("writer", [write_whole, write_whole_folder])
def test_a_full_disk_is_told_plainly_by_a_library_that_has_an_error_of_its_own(tmp_path: Path, writer) -> None:
    """Word for word what safetensors raises on one."""
    told = "Error while serializing: I/O error: No space left on device (os error 28)"
    with pytest.raises(ServiceError, match=r"the disk is full: .*target was not written"), writer(tmp_path / "target"):
        raise SafetensorError(told)
    assert list(tmp_path.iterdir()) == []


def test_names_stay_inside(tmp_path: Path) -> None:
    assert inside(tmp_path, "a/b.json") == tmp_path.resolve() / "a" / "b.json"
    (tmp_path / "link").symlink_to("/etc")
    for name in ("../x", "/etc/passwd", "a/../../x", "link/passwd"):
        with pytest.raises(InputError, match="leads out of"):
            inside(tmp_path, name)
