import errno
import os
import subprocess
import sys
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


def test_what_the_dead_left_is_removed_and_what_the_living_write_stays(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = [
        f".a.txt.{dead.pid}.part",
        f".b.{files._machine()}-{dead.pid}.part",
        f".c.{files._machine()}-{dead.pid}.x1.part",
    ]
    kept = [f".d.{files._machine()}-{os.getpid()}.part", f".e.00000000-{dead.pid}.part", "rows.csv.part"]
    for name in (*left, *kept):
        (tmp_path / name).write_text("half")
    files.text(tmp_path / "a.txt", "whole")
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", *kept}


def test_a_folder_is_synced_after_a_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(files, "sync", synced.append)
    files.text(tmp_path / "new" / "a.txt", "")
    with files.folder(tmp_path / "out"):
        pass
    assert synced == [tmp_path, tmp_path / "new", tmp_path]


def test_a_home_that_is_not_there_is_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("USERPROFILE", "/home/me")
    assert files.home("~/a") == Path("/home/me/a")
    assert files.home("~$nobody.png") == Path("~$nobody.png")


def test_who_comes_second_is_told_by_whom(tmp_path: Path) -> None:
    code = f"from tenfold import files\nwith files.held({str(tmp_path / 'a')!r}, 'taken'): print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        first.stdout.readline()
        with (
            pytest.raises(StorageError, match=rf"^taken \(process {first.pid}\)$"),
            files.held(tmp_path / "a", "taken"),
        ):
            pass
        first.kill()
    with files.held(tmp_path / "a", "taken"):  # nothing of the dead is in the way
        assert files.lock_file(tmp_path / "a").read_text() == str(os.getpid())
    assert list(tmp_path.iterdir()) == []
