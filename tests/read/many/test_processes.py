"""Pictures read by processes: the same rows in the same order, whatever fails or dies."""

import multiprocessing
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from conftest import draw_digits
from read.many.fakes import FakeReader
from tenfold.errors import StorageError
from tenfold.read.many import processes, rows
from tenfold.read.many.processes import read_many
from tenfold.read.many.rows import Row, Work
from tenfold.read.many.targets import expand
from tenfold.read.reader import Reader
from tenfold.read.reading import Reading


def refuse() -> Reader:
    """Makes a reader in the test's own process alone."""
    if multiprocessing.parent_process() is not None:
        os._exit(1)
    return FakeReader()


def no_place(reading: Reading, place: Path) -> None:
    raise StorageError(f"cannot write {place}")


def texts(read: Iterator[Row]) -> list[str]:
    return [row.reading.text if row.reading is not None else f"({row.error})" for row in read]


FAULTS = ["1", "memory", "fault", "bad", "2"]
TOLD = [
    "1",
    "(cannot read memory: there is not enough memory for it)",
    "(cannot read fault: ZeroDivisionError: such as a decoder's)",
    "(cannot read bad: it is damaged)",
    "2",
]


def test_a_bad_picture_does_not_end_the_work() -> None:
    assert texts(read_many(Work(FakeReader), FAULTS)) == TOLD


def test_ctrl_c_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> Reading:
        raise KeyboardInterrupt

    monkeypatch.setattr(FakeReader, "read", stop)
    with pytest.raises(KeyboardInterrupt):
        list(read_many(Work(FakeReader), ["1"]))


def test_a_full_disk_ends_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "annotate", no_place)
    with pytest.raises(StorageError):
        list(read_many(Work(FakeReader), ["1", "2"], places={"2": tmp_path / "2.png"}))


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes are started after the first picture."""
    monkeypatch.setattr(processes, "_ALONE", -1.0)
    monkeypatch.setattr(processes, "_WORTH", -1.0)


@pytest.mark.slow
def test_processes_give_the_same_rows_in_the_same_order(eager: None) -> None:
    paths = [str(k) * (k % 7 + 1) for k in range(150)]
    work = Work(partial(FakeReader, 0.002))
    assert list(read_many(work, paths, workers=2)) == list(read_many(work, paths, workers=1))
    assert texts(read_many(Work(FakeReader), FAULTS, workers=2)) == TOLD


@pytest.mark.slow
def test_a_picture_that_kills_its_process_is_a_row(eager: None) -> None:
    found = texts(read_many(Work(FakeReader), ["1", "2", "death", "3", "4", "death", "5"], workers=2))
    assert [found[k] for k in (0, 1, 3, 4, 6)] == ["1", "2", "3", "4", "?"]
    assert found[2] == found[5]
    assert "cannot read death: the process that did it died (status 7)" in found[2]


@pytest.mark.slow
def test_reading_goes_on_here_where_no_process_can_be_started(eager: None) -> None:
    assert texts(read_many(Work(refuse), ["1", "2", "bad", "3"], workers=2)) == ["1", "2", TOLD[3], "3"]


@pytest.mark.slow
def test_leaving_early_ends_the_processes_also_one_that_does_not_listen(eager: None) -> None:
    others = set(multiprocessing.active_children())  # which other tests keep
    reading = read_many(Work(partial(FakeReader, 0.5)), ["1", "2", "stuck", "3", "4", "5"], workers=2)
    assert [next(reading).path for _ in range(2)] == ["1", "2"]
    assert len(set(multiprocessing.active_children()) - others) == 2
    reading.close()
    assert not set(multiprocessing.active_children()) - others


@pytest.mark.slow
def test_pictures_are_read_alike_by_processes(here: Path, eager: None) -> None:
    for number, image in enumerate(draw_digits(6).images):
        Image.fromarray(255 - image.repeat(3, 0).repeat(3, 1)).save(f"{number}.png")
    (here / "cut.png").write_bytes((here / "1.png").read_bytes()[:60])
    work = Work(partial(Reader, threads=1), crops=True)
    paths = [*expand(["."]), "none.png"]
    alone, shared = (list(read_many(work, paths, workers=workers)) for workers in (1, 2))
    assert alone == shared
    assert [row.error is None for row in alone] == [path not in ("cut.png", "none.png") for path in paths]
