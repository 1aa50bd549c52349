"""Readings: the text of their lines, and what they are as JSON."""

from pathlib import Path

import pytest
from PIL import Image

import tenfold
from conftest import on_paper, write_number
from tenfold.errors import UsageError
from tenfold.read.reading import Digit, Reading, line_texts


def digit(value: str, line: int = 0, number: int = 0, *, sure: bool = True) -> Digit:
    return Digit(value, 0.75, {value: 0.75, "x": 0.2}, (1, 2, 3, 4), sure, line=line, number=number)


def test_lines_have_numbers_parted_and_a_question_mark_where_it_is_not_sure() -> None:
    digits = (digit("1"), digit("2", sure=False), digit("3", number=1), digit("4", line=1))
    reading = Reading(digits)
    assert reading.lines == ("1? 3", "4")
    assert reading.text == "1? 3\n4"
    assert not reading.sure
    assert line_texts(digits, lambda each: f"<{each.value}>") == ("<1><2> <3>", "<4>")
    assert (Reading(()).text, Reading(()).sure) == ("", False)


def test_names_longer_than_a_digit_are_parted() -> None:
    assert Reading((digit("odd"), digit("even"))).text == "odd even"


def test_json_has_details_where_they_are_asked_for(reader: tenfold.Reader) -> None:
    image = on_paper(write_number("2079"))
    reading = reader.read(image, details=True)
    plain, detailed = reading.as_dict(), reading.as_dict(details=True)
    assert list(plain) == ["path", "text", "lines", "numbers", "digits", "ignored"]
    assert list(plain["digits"][0]) == ["value", "probability", "box", "sure"]
    assert list(detailed) == ["path", "text", "lines", "numbers", "width", "height", "threshold", "digits", "ignored"]
    assert list(detailed["digits"][0])[4:] == ["line", "number", "probabilities", "none", "input"]
    assert (detailed["height"], detailed["width"]) == image.shape
    assert plain == reader.read(image).as_dict()


def test_none_is_what_the_classes_leave() -> None:
    assert digit("1").none == pytest.approx(0.05)


def test_a_page_is_named_where_only_one_has_digits(reader: tenfold.Reader, tmp_path: Path) -> None:
    written = Image.fromarray(on_paper(write_number("7")))
    Image.new("L", written.size, 255).save(tmp_path / "two.tif", save_all=True, append_images=[written])
    assert [digit["page"] for digit in reader.read(tmp_path / "two.tif").as_dict()["digits"]] == [2]


def test_pages_of_a_tiff_follow_each_other(reader: tenfold.Reader, tmp_path: Path) -> None:
    pages = [Image.fromarray(on_paper(write_number(text))) for text in ("12", "807")]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    reading = reader.read(tmp_path / "pages.tif")
    assert reading.lines == ("12", "807")
    assert [digit.page for digit in reading.digits] == [1, 1, 2, 2, 2]
    assert reading.annotated(2).size == pages[1].size
    with pytest.raises(UsageError, match="no page 3"):
        reading.annotated(3)
