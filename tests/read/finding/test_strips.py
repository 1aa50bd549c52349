"""Rows cut out for the network that reads lines."""

import numpy as np
import pytest

from conftest import on_paper, write_number
from read import pictures
from tenfold.read.finding import paper, strips, strokes


def test_a_row_that_climbs_is_made_level() -> None:
    ink = np.zeros((200, 400), np.float32)
    for k, x in enumerate(range(20, 380, 40)):
        ink[120 - 8 * k : 160 - 8 * k, x : x + 6] = 1
    sheet = pictures.sheet(pictures.drawn(ink))
    (row,) = strokes.rows(strokes.pieces(sheet))
    strip = strips.strip(sheet, row)
    assert strip.left < 20
    tops = [int(np.flatnonzero(strip.grey[:, x - strip.left + 3] < 128)[0]) for x in range(20, 380, 40)]
    assert max(tops) - min(tops) <= 2
    assert len(strip.grey) == pytest.approx(40 * 1.6, abs=8)
    assert strip.grey.max() == 255


def test_the_whole_of_a_picture_as_a_row_is_its_ink_and_itself() -> None:
    image = on_paper(write_number("407", size=40))
    for picture in (image, 255 - image):
        colours = pictures.colours(picture)
        sheet = next(paper.sheets(colours))
        ink, itself = strips.whole(sheet, colours)
        assert ink.grey.shape == itself.grey.shape == sheet.flat.shape
        assert np.median(ink.grey) > 240  # dark on light, and the paper white
        assert np.corrcoef(ink.grey.ravel(), itself.grey.ravel())[0, 1] > 0.9


def test_what_is_behind_the_widest_gap_is_a_row_of_its_own() -> None:
    image = on_paper(write_number("407", size=40))
    image = np.pad(image, ((20, 20), (200, 20)), constant_values=image[0, 0])
    image[40:60, 20:60:10] = image.min()  # the strokes of a label
    sheet = pictures.sheet(image)
    (row,) = strokes.rows(strokes.pieces(sheet))
    whole = strips.strip(sheet, row, line=3)
    first = min(piece.left for piece in row.pieces if piece.left > 150)
    behind = strips.behind(sheet, whole, 0, first)
    assert [piece.left for piece in behind.pieces] == [piece.left for piece in row.pieces if piece.left >= first]
    assert (behind.line, behind.left > 150) == (3, True)


@pytest.mark.parametrize(("shape", "may"), [((50, 200), True), ((50, 50), False), ((10, 300), False)])
def test_what_may_be_a_row(shape: tuple[int, int], may: bool) -> None:
    assert strips.may_be_row(shape) == may
