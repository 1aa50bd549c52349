"""Cells of a table in rows and columns."""

import numpy as np
import pytest
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


def ruled(texts: list[list[str]], grey: int, width: int) -> Image.Image:
    """A table of numbers with a wall round each, close to the next."""
    parts = [[write_number(text, size=50, seed=4, margin=0.3)[:90] for text in row] for row in texts]
    wide, high = max(part.shape[1] for row in parts for part in row), 90
    ink = np.block(
        [[np.pad(part, ((0, high - len(part)), (0, wide - part.shape[1]))) for part in row] for row in parts]
    )
    picture = Image.fromarray(on_paper(ink))
    pen = ImageDraw.Draw(picture)
    for x in (1, *range(wide, ink.shape[1] - 1, wide), ink.shape[1] - 2):
        pen.line([x, 0, x, len(ink)], fill=grey, width=width)
    for y in (1, *range(high, len(ink) - 1, high), len(ink) - 2):
        pen.line([0, y, ink.shape[1], y], fill=grey, width=width)
    return picture


@pytest.mark.parametrize(("grey", "width"), [(60, 2), (60, 5), (195, 1)])
@pytest.mark.parametrize("table", [True, False])
def test_walls_part_cells_that_stand_close(reader: tenfold.Reader, grey: int, width: int, table: bool) -> None:
    texts = [["47", "32"], ["95", "68"]]
    assert tables.cells(reader.read(ruled(texts, grey, width), table=table)) == texts


def test_a_row_of_boxes_is_one_number_but_in_a_table(reader: tenfold.Reader) -> None:
    picture = ruled([list("4798")], 60, 2)
    assert reader.read(picture).text == "4798"
    assert tables.cells(reader.read(picture, table=True)) == [list("4798")]


def test_a_large_table_is_read_however_many_cells_it_has(reader: tenfold.Reader) -> None:
    texts = [[f"{(7 * k + 3 * row) % 90 + 10}" for k in range(12)] for row in range(28)]  # more cells than rows may be
    small = [[write_number(text, size=30, seed=4, margin=0.3)[:50] for text in row] for row in texts]
    wide = max(part.shape[1] for row in small for part in row)
    ink = np.block([[np.pad(p, ((0, 50 - len(p)), (0, wide - p.shape[1]))) for p in row] for row in small])
    picture = Image.fromarray(on_paper(ink))
    pen = ImageDraw.Draw(picture)
    for x in range(0, ink.shape[1] + 1, wide):
        pen.line([min(x, ink.shape[1] - 2), 0, min(x, ink.shape[1] - 2), len(ink)], fill=60, width=2)
    for y in range(0, len(ink) + 1, 50):
        pen.line([0, min(y, len(ink) - 2), ink.shape[1], min(y, len(ink) - 2)], fill=60, width=2)
    found = tables.cells(tenfold.Reader(reader.classifier, always_answer=True).read(picture))
    right = [a == b for one, other in zip(found, texts, strict=True) for a, b in zip(one, other, strict=True)]
    assert np.mean(right) > 0.9
