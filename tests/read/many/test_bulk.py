import os
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tenfold.errors import DataError, StorageError, UsageError
from tenfold.read.decode import Page
from tenfold.read.many import bulk
from tenfold.read.many.bulk import Row, annotated_places, expand, read_many
from tenfold.read.reader import Digit, Reader, Reading


def touch(folder: Path, *names: str) -> None:
    for name in names:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"")


def test_folders_are_expanded_in_natural_order(here: Path) -> None:
    touch(here, "s/10.png", "s/2.PNG", "s/note.txt", "s/.hidden.png", "s/.git/1.png", "s/b/1.jpeg", "s/a 2/1.pdf")
    touch(here, "s/a 10/1.tif")
    assert [p.replace(os.sep, "/") for p in expand(["s"])] == [
        *("s/2.PNG", "s/10.png", "s/a 2/1.pdf", "s/a 10/1.tif", "s/b/1.jpeg")
    ]
    assert expand(["s/"]) == expand(["s"])


def test_globs(here: Path) -> None:
    touch(here, "s/10.png", "s/9.png", "s/deep/er/1.png", "s/deep/x.dat", "s/[1].png")
    assert expand(["s/*.png"]) == ["s/9.png", "s/10.png", "s/[1].png"]
    assert expand(["s/**"]) == ["s/9.png", "s/10.png", "s/[1].png", "s/deep/er/1.png"]
    assert expand(["s/**/*.dat"]) == ["s/deep/x.dat"]
    assert expand(["s/[1].png"]) == ["s/[1].png"]


def test_each_picture_once_and_missing_ones_stay(here: Path) -> None:
    touch(here, "s/1.png", "s/2.png")
    assert expand(["s/2.png", "s", "./s/1.png", "none.png", "-", "-"]) == ["s/2.png", "s/1.png", "none.png", "-"]


def test_nothing_to_read_is_told(here: Path) -> None:
    (here / "empty").mkdir()
    with pytest.raises(DataError, match="there are no pictures in empty"):
        expand(["empty"])
    with pytest.raises(DataError, match=r"no picture matches \*\.png"):
        expand(["*.png"])


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read all")
def test_a_folder_that_cannot_be_read(here: Path) -> None:
    touch(here, "s/1.png", "s/shut/2.png")
    (here / "s/shut").chmod(0)
    with pytest.raises(DataError, match="cannot read the folder"):
        expand(["s"])
    (here / "s/shut").chmod(0o755)


class Pretender(Reader):
    """Reads what a file's name says."""

    def __init__(self, wait: float = 0.0) -> None:
        self.wait = wait

    def read(self, picture: object, *, single: bool = False, box: object = None) -> Reading:
        name = Path(str(picture)).stem
        if name == "memory":
            raise MemoryError
        if name == "fault":
            raise ZeroDivisionError("such as a decoder's")
        if name == "bad":
            raise DataError(f"cannot read {picture}:\n it is damaged")
        if name == "death":
            os._exit(7)
        time.sleep(self.wait * (len(name) % 3))
        digits = [Digit(sign, 0.9, {sign: 0.9, "x": 0.06}, (1, 1, 4, 4), sign != "5") for sign in name]
        page = Page(np.ones((8, 8, 3), np.float32), 8, 8)
        return Reading(tuple(digits), str(picture), 0.5, (page,))


def refuse() -> Reader:
    """Makes a reader in the test's own process alone."""
    import multiprocessing

    if multiprocessing.parent_process() is not None:
        os._exit(1)
    return Pretender()


def no_place(reading: Reading, place: Path) -> None:
    raise StorageError(f"cannot write {place}")


def texts(rows: Iterator[Row]) -> list[str]:
    return [row.reading.text if row.reading is not None else f"({row.error})" for row in rows]


FAULTS = ["1", "memory", "fault", "bad", "2"]
TOLD = [
    "1",
    "(cannot read memory: there is not enough memory for it)",
    "(cannot read fault: ZeroDivisionError: such as a decoder's)",
    "(cannot read bad: it is damaged)",
    "2",
]


def test_a_bad_picture_does_not_end_the_work() -> None:
    assert texts(read_many(Pretender, FAULTS)) == TOLD


def test_rows_let_the_pages_go() -> None:
    (row,) = read_many(Pretender, ["12"])
    assert row.reading is not None
    assert row.reading._pages == ()
    assert row.as_dict()["path"] == "12"
    (row,) = read_many(Pretender, ["bad"])
    assert list(row.as_dict()) == ["path", "error", "text", "lines", "digits"]


def test_cut_outs_of_unsure_digits_only() -> None:
    (row,) = read_many(Pretender, ["1525"], crops=True)
    assert len(row.crops) == 2
    assert all(crop.startswith(b"\x89PNG") and len(crop) < 6000 for crop in row.crops)
    (row,) = read_many(Pretender, ["1525"])
    assert row.crops == ()


def test_ctrl_c_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> Reading:
        raise KeyboardInterrupt

    monkeypatch.setattr(Pretender, "read", stop)
    with pytest.raises(KeyboardInterrupt):
        list(read_many(Pretender, ["1"]))


def test_a_full_disk_ends_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "annotate", no_place)
    with pytest.raises(StorageError):
        list(read_many(Pretender, ["1", "2"], places={"2": tmp_path / "2.png"}))


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes are begun after the first picture."""
    monkeypatch.setattr(bulk, "_ALONE", -1.0)
    monkeypatch.setattr(bulk, "_WORTH", -1.0)


@pytest.mark.slow
def test_processes_give_the_same_rows_in_the_same_order(eager: None) -> None:
    paths = [str(k) * (k % 7 + 1) for k in range(150)]
    make = partial(Pretender, 0.002)
    assert list(read_many(make, paths, workers=2)) == list(read_many(make, paths, workers=1))
    assert texts(read_many(Pretender, FAULTS, workers=2)) == TOLD


@pytest.mark.slow
def test_a_picture_that_kills_its_process_is_a_row(eager: None) -> None:
    rows = texts(read_many(Pretender, ["1", "2", "death", "3", "4", "death", "5"], workers=2))
    assert [rows[k] for k in (0, 1, 3, 4, 6)] == ["1", "2", "3", "4", "?"]
    assert rows[2] == rows[5]
    assert "cannot read death: the process that read it died (status 7)" in rows[2]


@pytest.mark.slow
def test_reading_goes_on_here_where_no_process_can_be_started(eager: None) -> None:
    assert texts(read_many(refuse, ["1", "2", "bad", "3"], workers=2)) == ["1", "2", TOLD[3], "3"]


@pytest.mark.slow
def test_leaving_early_ends_the_processes(eager: None) -> None:
    import multiprocessing

    rows = read_many(partial(Pretender, 5.0), ["111", *(f"{k:02}" for k in range(20))], workers=2)
    assert next(rows).path == "111"
    began = time.perf_counter()
    rows.close()
    assert time.perf_counter() - began < 5
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_pictures_are_read_alike_by_processes(here: Path, eager: None) -> None:
    from conftest import draw_digits

    for number, image in enumerate(draw_digits(6).images):
        Image.fromarray(255 - image.repeat(3, 0).repeat(3, 1)).save(f"{number}.png")
    (here / "cut.png").write_bytes((here / "1.png").read_bytes()[:60])
    make = partial(Reader, threads=1)
    paths = [*expand(["."]), "none.png"]
    rows = [list(read_many(make, paths, workers=workers, crops=True)) for workers in (1, 2)]
    assert rows[0] == rows[1]
    assert [row.error is None for row in rows[0]] == [path not in ("cut.png", "none.png") for path in paths]


def test_annotated_pictures_do_not_meet(here: Path) -> None:
    places = annotated_places(["s/a/1.png", "s/b/1.png", "s/b/1.jpg", "s/b/1.JPG.png"], Path("out"))
    found = [str(place.as_posix()) for place in places.values()]
    assert found == ["out/a/1.png", "out/b/1.png", "out/b/1.jpg.png", "out/b/1.JPG.png-2.png"]
    assert annotated_places(["s/a/1.png", "-"], Path("out"))["-"] == Path("out/standard-input.png")
    assert annotated_places([str(here / "x" / "1.jpg")], Path("out")) == {
        str(here / "x" / "1.jpg"): Path("out/1.jpg.png")
    }
    with pytest.raises(UsageError, match="would write over"):
        annotated_places(["s/1.png", "s/2.png"], Path("s"))


def test_annotated_pages_are_files(tmp_path: Path) -> None:
    reading = Pretender().read("12")
    bulk.annotate(replace(reading, _pages=reading._pages * 2), tmp_path / "new" / "12.tif.png")
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["12.tif.page-2.png", "12.tif.png"]
    with Image.open(tmp_path / "new" / "12.tif.png") as opened:
        assert opened.format == "PNG"
