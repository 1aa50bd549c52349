"""Rows of pictures: what they hold, cut-outs of unsure digits, and annotated pictures beside them."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from read.many.fakes import FakeReader
from tenfold.errors import UsageError
from tenfold.read.decoding.page import Kept, Page
from tenfold.read.many.rows import KINDS, Row, Work, annotate, annotated_places, crop_unsure


def row(path: str, work: Work | None = None) -> Row:
    return (work or Work(FakeReader)).row(FakeReader(), path, None)


def test_rows_hold_what_there_is_and_let_the_pages_go() -> None:
    read, failed = row("12"), row("bad")
    assert read.reading is not None
    assert read.reading._pages == ()
    assert read.as_dict()["path"] == "12"
    assert list(failed.as_dict()) == ["path", "error", "text", "lines", "numbers", "digits"]
    assert [row(name).kind for name in ("12", "15", "", "bad")] == list(KINDS)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("memory", "cannot read memory: there is not enough memory for it"),
        ("fault", "cannot read fault: ZeroDivisionError: such as a decoder's"),
        ("bad", "cannot read bad: it is damaged"),
    ],
)
def test_a_picture_that_cannot_be_read_is_a_row_that_says_why(name: str, error: str) -> None:
    assert row(name) == Row(name, error=error)


def test_pages_are_kept_only_where_they_are_looked_at(tmp_path: Path) -> None:
    reader = FakeReader()
    for work, place, kept in (
        (Work(FakeReader), None, 0),
        (Work(FakeReader, crops=True), None, None),
        (Work(FakeReader), tmp_path / "a.png", None),
    ):
        work.row(reader, "12", place)
        assert reader.pages_kept == kept


def test_cut_outs_of_unsure_digits_only() -> None:
    crops = row("1525", Work(FakeReader, crops=True)).crops
    assert len(crops) == 2
    assert all(crop.startswith(b"\x89PNG") and len(crop) < 6000 for crop in crops)
    assert row("1525").crops == ()


def test_a_page_is_unpacked_once_for_all_of_its_cut_outs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of doubtful digits on each of many pages would take minutes."""
    reading = FakeReader().read("1525")
    page, unpacked = reading._pages[0], list[Kept]()
    assert isinstance(page, Page)
    wanted = crop_unsure(reading)

    def unpack(kept: Kept) -> Page:
        unpacked.append(kept)
        return page

    monkeypatch.setattr(Kept, "page", property(unpack))
    digits = (*reading.digits, *(replace(digit, page=2) for digit in reading.digits))
    assert crop_unsure(replace(reading, digits=digits, _pages=(Kept(page), Kept(page)))) == wanted * 2
    assert len(unpacked) == 2


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


def test_annotated_pictures_are_not_written_over_pictures_by_a_link(here: Path) -> None:
    (here / "s").mkdir()
    (here / "out").symlink_to("s")
    (here / "in").symlink_to("s")
    for picture, folder in (("s/1.png", "out"), ("in/1.png", "s"), ("in/1.png", "out")):
        with pytest.raises(UsageError, match="would write over"):
            annotated_places([picture], Path(folder))
    assert annotated_places(["s/1.png"], Path("out/boxes")) == {"s/1.png": Path("out/boxes/1.png")}


def test_annotated_pages_are_files(tmp_path: Path) -> None:
    reading = FakeReader().read("12")
    annotate(replace(reading, _pages=reading._pages * 2), tmp_path / "new" / "12.tif.png")
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["12.tif.page-2.png", "12.tif.png"]
    with Image.open(tmp_path / "new" / "12.tif.png") as opened:
        assert opened.format == "PNG"
