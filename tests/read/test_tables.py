"""Cells of a table in rows and columns."""

import numpy as np
from PIL import Image, ImageDraw

import tenfold
from conftest import on_paper, write_number
from read.test_reading import digit as at
from tenfold.read import tables
from tenfold.read.reading import Digit, Reading


def word(text: str, left: int, line: int, number: int, page: int = 1) -> list[Digit]:
    """A word as digits 10 pixels wide."""
    from dataclasses import replace

    return [
        replace(at(sign), box=(left + 10 * k, 30 * line, 10, 20), line=line, number=number, page=page, sure=True)
        for k, sign in enumerate(text)
    ]


def test_what_stands_one_above_the_other_is_a_column() -> None:
    digits = [*word("12", 0, 0, 0), *word("7", 105, 0, 1), *word("3", 5, 1, 0), *word("45", 100, 2, 0)]
    assert tables.cells(Reading(tuple(digits))) == [["12", "7"], ["3", ""], ["", "45"]]
    assert tables.as_csv(Reading(tuple(digits))) == "12,7\n3,\n,45\n"
    assert tables.cells(Reading(())) == []


def test_a_word_that_reaches_over_two_columns_does_not_join_them() -> None:
    digits = [*word("12", 0, 0, 0), *word("34", 60, 0, 1), *word("567890", 10, 1, 0), *word("1", 5, 2, 0)]
    assert tables.cells(Reading(tuple(digits))) == [["12", "34"], ["567890", ""], ["1", ""]]


def test_pages_have_columns_of_their_own() -> None:
    digits = [*word("1", 0, 0, 0), *word("2", 50, 0, 1), *word("3", 25, 1, 0, page=2)]
    assert tables.cells(Reading(tuple(digits), page_count=2)) == [["1", "2"], ["3", ""]]


def test_walls_part_cells_that_stand_close(reader: tenfold.Reader) -> None:
    parts = [write_number(text, size=50, seed=4, margin=0.3)[:90] for text in ("47", "32", "95", "68")]
    wide, high = max(part.shape[1] for part in parts), 90
    parts = [np.pad(part, ((0, high - len(part)), (0, wide - part.shape[1]))) for part in parts]
    ink = np.block([parts[:2], parts[2:]])
    picture = Image.fromarray(on_paper(ink))
    pen = ImageDraw.Draw(picture)
    for x in (1, wide, 2 * wide - 2):
        pen.line([x, 0, x, 2 * high], fill=60, width=2)
    for y in (1, high, 2 * high - 2):
        pen.line([0, y, 2 * wide, y], fill=60, width=2)
    reading = reader.read(picture, table=True)
    assert tables.cells(reading) == [["47", "32"], ["95", "68"]]
