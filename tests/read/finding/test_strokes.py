"""Connected pieces of ink, without specks and edges, and the rows they stand in."""

import numpy as np
import pytest

from conftest import on_paper
from read import pictures
from read.hostile import hatched
from read.pictures import sheet
from tenfold.read.finding import strokes
from tenfold.read.finding.paper import Sheet
from tenfold.read.finding.strokes import Piece


def test_pieces_rows_and_specks() -> None:
    page = np.zeros((320, 500), np.float32)
    above, below = [(30, 40, 60, 20), (34, 100, 56, 30)], [(180, 50, 60, 30), (185, 120, 58, 28), (175, 200, 62, 8)]
    for y, x, height, width in above + below:
        page[y : y + height, x : x + width] = 1
    page[100, 300] = page[120:123, 20:23] = 1  # specks
    page[0:6, 100:480] = 1  # the edge of the page
    seen = sheet(on_paper(page))
    found = strokes.without_specks(strokes.pieces(seen), seen.flat.shape)
    rows = strokes.rows(found)
    assert [len(row.pieces) for row in rows] == [2, 3]
    assert all(55 <= row.height <= 66 for row in rows)
    assert [p.left for p in rows[1].pieces] == sorted(p.left for p in rows[1].pieces)


def ink(*boxes: tuple[int, int, int, int]) -> Sheet:
    """A sheet with boxes of ink at top, left, height, width."""
    flat = np.zeros((100, 100), np.float32)
    for y, x, height, width in boxes:
        flat[y : y + height, x : x + width] = 1
    return Sheet(flat, 0.3, 0.6, 1.0, True, 1.0)


def test_faint_ink_belongs_to_a_stroke_but_is_none_by_itself() -> None:
    sheet = ink((10, 10, 30, 6), (10, 60, 30, 6))
    sheet.flat[20:30, 16:20] = sheet.flat[20:30, 80:84] = 0.4
    assert [(piece.left, piece.width) for piece in strokes.pieces(sheet)] == [(10, 10), (60, 6)]


def test_gaps_are_closed_where_that_is_asked_for() -> None:
    sheet = ink((10, 10, 20, 6), (34, 10, 20, 6))  # 4 rows apart
    assert [len(strokes.pieces(sheet, join)) for join in (0, 1, 2)] == [2, 2, 1]


def test_what_is_smaller_than_the_pen_is_erased_and_a_point_is_kept() -> None:
    ink = np.zeros((80, 120), np.float32)
    ink[20:60, 20:26] = ink[20:60, 80:86] = 1  # a pen of 6 pixels
    ink[55:60, 50:55] = 1
    ink[30:32, 60:62] = 1
    sheet = pictures.sheet(pictures.drawn(ink))
    cleaned, pieces = strokes.clean(sheet)
    assert strokes.stroke_width(strokes.without_specks(pieces, ink.shape)) == pytest.approx(5.2 * sheet.zoom, rel=0.15)
    assert [round(piece.left / sheet.zoom) for piece in sorted(pieces, key=lambda p: p.left)] == [20, 50, 80]
    speck = np.s_[int(30 * sheet.zoom) : int(32 * sheet.zoom), int(60 * sheet.zoom) : int(62 * sheet.zoom)]
    assert sheet.flat[speck].max() > sheet.high
    assert cleaned.flat[speck].max() == 0


def test_columns_of_a_piece() -> None:
    mask = np.zeros((6, 10), bool)
    mask[2:4, 1:3] = mask[0, 6:9] = True
    part = strokes.Piece(10, 20, mask).columns(24, 40)
    assert part is not None
    assert (part.top, part.left, part.mask.shape) == (10, 26, (1, 3))
    assert strokes.Piece(10, 20, mask).columns(23, 26) is None


def test_pieces_within_reach_and_their_union() -> None:
    first, second, third = (Piece(0, x, np.ones((10, 4), bool)) for x in (0, 10, 40))
    assert strokes.within([first, second, third], first, 8) == [first, second]
    both = strokes.union([first, second])
    assert (both.top, both.left, both.height, both.width, both.mass) == (0, 0, 10, 14, 80)
    assert strokes.union([third]) is third


@pytest.mark.parametrize(("top", "counts"), [(42, [3]), (80, [2, 1])])
def test_a_comma_as_high_as_half_a_digit_goes_to_the_row_that_it_hangs_below(top: int, counts: list[int]) -> None:
    found = strokes.pieces(ink((4, 10, 40, 20), (top, 36, 20, 6), (4, 50, 40, 20)))
    assert [len(row.pieces) for row in strokes.rows(found)] == counts


def test_commas_between_groups_of_digits_are_no_row_of_their_own() -> None:
    digits = [bar(10, x, 40, 20) for x in (0, 50, 80, 110, 160, 190, 220)]
    commas = [bar(46, x, 22, 10) for x in (32, 142)]
    assert [len(row.pieces) for row in strokes.rows(digits + commas)] == [9]
    small = [bar(58, x, 22, 14) for x in (60, 80, 100)]  # a number in small digits below it
    assert [len(row.pieces) for row in strokes.rows(digits + small)] == [7, 3]


@pytest.mark.parametrize(("left", "wide", "counts"), [(190, 10, [4, 4]), (120, 10, [3, 5]), (188, 36, [3, 5])])
def test_a_comma_beside_the_digits_of_another_row_is_no_part_of_a_label(
    left: int, wide: int, counts: list[int]
) -> None:
    digits = [bar(10, x, 40, 20) for x in (165, 205, 235)]
    label = [bar(44, x, 20, 10) for x in (10, 25, 40, 55)]
    found = strokes.rows([*digits, *label, bar(40, left, 32, wide)], 40)
    assert [len(row.pieces) for row in found] == counts


def test_low_pieces_that_each_stand_beside_another_row_stay_where_they_are() -> None:
    pieces = [bar(top, left, 30, 20) for top, left in ((0, 0), (0, 200), (34, 20), (34, 220))]
    assert sorted(len(row.pieces) for row in strokes.rows(pieces, 40)) == [2, 2]


def bar(top: int, left: int, height: int, width: int) -> Piece:
    return Piece(top, left, np.ones((height, width), bool))


def test_a_bar_goes_with_what_it_is_beside_and_begins_no_row() -> None:
    body, stroke = bar(40, 10, 36, 40), bar(22, 30, 8, 40)  # of a 5
    two, seven = bar(20, 120, 60, 40), bar(15, 200, 55, 40)
    dash = bar(46, 300, 8, 36)
    (row,) = strokes.rows([body, stroke, two, seven, dash])
    assert row.pieces == [body, stroke, two, seven, dash]
    assert [len(row.pieces) for row in strokes.rows([bar(40, 10, 8, 36), bar(60, 10, 8, 36)])] == [1, 1]


def test_hatching_is_texture_though_its_strokes_are_few() -> None:
    with pytest.raises(strokes.Texture):
        strokes.pieces(sheet(hatched(400)))
    y, x = np.mgrid[:400, :400]
    upright = np.where((x % 40 < 4) & (y % 200 < 160), 20, 255).astype(np.uint8)
    assert len(strokes.pieces(sheet(upright))) == 20


def test_many_pieces_alike_are_texture_and_what_stands_out_from_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strokes, "MOST", 5)
    dots = [(10 * y, 10 * x, 3, 3) for y in range(1, 4) for x in range(1, 4)]
    (piece,) = strokes.pieces(ink(*dots, (60, 60, 20, 5)))
    assert piece.height == 20
    with pytest.raises(strokes.Texture):
        strokes.pieces(ink(*dots))
    assert len(strokes.pieces(ink(*dots[:5]))) == 5


def test_a_row_is_parted_where_a_word_stands_far_from_a_number() -> None:
    word = [Piece(30, left, np.ones((20, 12), bool)) for left in (0, 15, 30)]
    number = [Piece(10, left, np.ones((40, 20), bool)) for left in (200, 230)]
    parts = strokes.parted(strokes.Row([*number, *word], 40), 40)
    assert [(part.pieces, part.height) for part in parts] == [(word, 40), (number, 40)]  # no letter is that low
    (whole,) = strokes.parted(strokes.Row(number, 40), 40)
    assert whole.pieces == number
    tall = [Piece(0, left, np.ones((60, 20), bool)) for left in (400, 430)]
    assert [part.height for part in strokes.parted(strokes.Row([*number, *tall], 40), 40)] == [40, 60]
    commas = strokes.Row([Piece(50, left, np.ones((24, 8), bool)) for left in (100, 300)], 24)
    assert strokes.parted(commas, 40) == [commas]
