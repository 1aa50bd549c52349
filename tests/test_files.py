import errno
import os
from pathlib import Path

import pytest

from tenfold import files
from tenfold.errors import StorageError


def test_a_file_appears_whole(tmp_path: Path) -> None:
    files.text(tmp_path / "new" / "a.txt", "ä\n")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "ä\n".encode()
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.txt"]


def test_an_error_inside_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    files.text(tmp_path / "a.txt", "old")

    def fail() -> None:
        with files.file(tmp_path / "a.txt") as temporary:
            temporary.write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_full_disk_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left on device"):
        files.text(tmp_path / "a.txt", "new")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def fail() -> None:
        with files.folder(tmp_path / "out") as place:
            (place / "half").write_text("")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list(tmp_path.iterdir()) == []
    with files.folder(tmp_path / "out") as place:
        (place / "a").write_text("")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a"]
    with pytest.raises(StorageError, match="not empty"), files.folder(tmp_path / "out"):
        pass


def test_a_file_in_the_way_of_a_folder_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        files.text(tmp_path / "a" / "b.txt", "")
