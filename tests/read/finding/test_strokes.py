"""Connected pieces of ink, without specks and edges, and the rows they stand in."""

import numpy as np

from conftest import on_paper
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


def test_pieces_within_reach_and_their_union() -> None:
    first, second, third = (Piece(0, x, np.ones((10, 4), bool)) for x in (0, 10, 40))
    assert strokes.within([first, second, third], first, 8) == [first, second]
    both = strokes.union([first, second])
    assert (both.top, both.left, both.height, both.width, both.mass) == (0, 0, 10, 14, 80)
    assert strokes.union([third]) is third
