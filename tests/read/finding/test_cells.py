"""Rows in the cells of a table."""

from dataclasses import replace

import numpy as np
import pytest

from tenfold.read.finding import cells, grids
from tenfold.read.finding.grids import Grid
from tenfold.read.finding.paper import Sheet
from tenfold.read.finding.rulings import Line
from tenfold.read.finding.strokes import Piece, Row, rows

XS, YS = (0, 100, 200, 300), (0, 60, 120)


def grid(xs: tuple[int, ...] = XS, ys: tuple[int, ...] = YS) -> Grid:
    return Grid([Line(y, 0, 0, 300) for y in ys], [Line(x, 0, 0, 120) for x in xs])


def digit(left: int, top: int, height: int = 40, width: int = 20) -> Piece:
    return Piece(top, left, np.ones((height, width), bool))


def lefts(found: list[list[Row]]) -> list[list[list[int]]]:
    """Where the pieces of each row of each line begin."""
    return [[[piece.left for piece in row.pieces] for row in line] for line in found]


def test_the_rows_of_cells_side_by_side_are_a_line_however_high_they_stand() -> None:
    pieces = [digit(10, 2), digit(35, 2), digit(120, 18), digit(210, 10), digit(240, 80), digit(20, 65)]
    assert cells.hold_numbers(grid(), pieces)
    assert lefts(cells.lines(grid(), pieces)) == [[[10, 35], [120], [210]], [[20], [240]]]


def test_a_cell_may_have_several_rows() -> None:
    small = [digit(10, 5, 20, 10), digit(25, 5, 20, 10), digit(10, 35, 20, 10), digit(120, 15, 20, 10)]
    assert lefts(cells.lines(grid(), small)) == [[[10, 25], [120]], [[10]]]


def test_a_digit_in_pieces_is_one_row() -> None:
    pieces = [digit(10, 20, 19, 28), digit(27, 2, 16, 28), digit(110, 10), digit(140, 10)]
    assert lefts(cells.lines(grid(), pieces)) == [[[10, 27], [110, 140]]]


def test_a_digit_in_pieces_is_in_the_row_that_its_neighbours_are_in() -> None:
    boxes = [(95, 82, 49, 55), (228, 94, 41, 28), (244, 68, 47, 25), (297, 63, 41, 57), (348, 67, 26, 57)]
    boxes += [(435, 62, 37, 56), (482, 60, 47, 59), (533, 71, 58, 52)]
    pieces = [digit(left, top, height, width) for left, top, width, height in boxes]
    walls = Grid([Line(y, 0, 20, 610) for y in (36, 158, 255)], [Line(x, 0, 30, 260) for x in (22, 210, 409, 605)])
    assert lefts(cells.lines(walls, pieces)) == [[[95], [228, 244, 297, 348], [435, 482, 533]]]


def test_what_ink_there_is_of_a_wall_is_no_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    within = [digit(x, y) for y in (10, 70) for x in (20, 120, 210, 240)]
    walls = [digit(98, 8, 110, 4), digit(110, 118, 3, 60)]
    assert lefts(cells.lines(grid(), [*within, *walls])) == [[[20], [120], [210, 240]]] * 2
    beyond = digit(98, 150, 110, 4)
    assert beyond in cells.lines(grid(), [*within, beyond])[-1][0].pieces
    monkeypatch.setattr(grids, "find", lambda _: grid())
    sheet = Sheet(np.zeros((1, 1), np.float32), 0.3, 0.6, 1.0, True, 1.0)
    parting = cells.find([Row([*within, *walls], 40)], sheet, None, table=True)
    assert parting is not None
    assert [line.at for line in parting.upright] == list(XS)


def test_a_low_sign_in_a_cell_of_its_own_is_as_small_as_it_is() -> None:
    (line,) = cells.lines(grid(), [digit(10, 10), digit(40, 10), digit(120, 30, 5, 15)])
    assert [row.height for row in line] == [40, 40]
    assert len(line[1].pieces) == 1


def test_paper_with_a_digit_in_each_square_or_across_its_lines_is_no_table() -> None:
    assert not cells.hold_numbers(grid(), [digit(10, 10), digit(110, 10), digit(220, 10), digit(20, 70)])
    across = [digit(90, 10), digit(190, 10), digit(30, 40), digit(60, 10)]
    assert not cells.hold_numbers(grid(), across)
    assert not cells.hold_numbers(grid(ys=(0, 60)), [digit(10, 10), digit(40, 10)])  # a comb for one number


def test_a_wall_that_ends_beside_a_digit_does_not_cross_it() -> None:
    short = Grid([Line(y, 0, 0, 300) for y in YS], [Line(x, 0, 0, 90 if x == 100 else 120) for x in XS])
    assert cells.hold_numbers(short, [digit(x, y) for y in (10, 75) for x in (20, 45, 120, 145)])


def test_upright_lines_alone_part_rows() -> None:
    pieces = [digit(10, 2), digit(120, 18), digit(150, 18), digit(20, 70)]
    assert lefts(cells.lines(grid(ys=()), pieces)) == [[[10], [120, 150]], [[20]]]


def test_level_lines_alone_part_rows() -> None:
    pieces = [digit(10, 2), digit(120, 18), digit(20, 70)]
    assert lefts(cells.lines(grid(xs=()), pieces)) == [[[10, 120]], [[20]]]


def written(*numbers: str, apart: int = 0) -> list[Row]:
    """A row of digits for each text, with what is blank in it: a digit is 20 pixels wide, and a place is 24."""
    return [
        Row([digit((24 + apart) * k, 60 * n) for k, c in enumerate(text) if c != " "], 40)
        for n, text in enumerate(numbers)
    ]


def test_paper_that_parts_all_rows_parts_columns() -> None:
    rows = written("125 88 ", " 37  9 ", "44  608")
    grid = cells.columns(rows)
    assert grid is not None
    assert [line.place(0) for line in grid.upright] == [82]
    lines = cells.lines(grid, [piece for row in rows for piece in row.pieces])
    assert lefts(lines) == [[[0, 24, 48], [96, 120]], [[24, 48], [120]], [[0, 24], [96, 120, 144]]]


@pytest.mark.parametrize(
    ("numbers", "apart"),
    [
        (("125 88", "37  09"), 0),  # two rows
        (("125 88", "3747 9", "44 608"), 0),  # one reaches into it
        (("12 88", "37   ", "44   "), 0),  # only one has a number on either side
        (("12588", "37109", "44608"), 20),  # digits stand as far apart as that
        (("1 2", "3 1", "4 6"), 0),  # nothing tells how far apart digits of a number stand
    ],
)
def test_gaps_are_no_columns(numbers: tuple[str, ...], apart: int) -> None:
    assert cells.columns(written(*numbers, apart=apart)) is None


def faint(grid: Grid) -> Grid:
    """The grid as it would be found in what is hardly seen."""
    return Grid(*([replace(line, ink=0.5) for line in lines] for lines in (grid.level, grid.upright)))


def test_a_grid_beside_the_numbers_of_a_page_parts_those_in_it_if_it_is_plain() -> None:
    beside = [digit(x, y) for x in (600, 630) for y in (10, 40, 70)]
    pieces = [digit(10, 10), digit(40, 10), *beside]
    assert cells.hold_numbers(grid(), pieces)
    assert not cells.hold_numbers(faint(grid(xs=XS[:3])), pieces)
    assert cells.hold_numbers(faint(grid()), pieces)  # so many lines hardly cross by accident


def test_a_word_in_a_cell_is_as_good_as_a_number_of_several_digits() -> None:
    letters = [digit(x, 90, 16, 10) for x in (10, 25, 40)]
    alone = [digit(110, 10), digit(10, 10), digit(110, 75)]
    assert cells.hold_numbers(grid(), [*alone, *letters])
    assert not cells.hold_numbers(grid(), [*alone, *letters[:2]])


def test_lines_beside_a_grid_are_their_own_and_are_read_before_or_after_it() -> None:
    walls = Grid([Line(y, 0, 500, 800) for y in (100, 160, 220)], [Line(x, 0, 100, 220) for x in (500, 650, 800)])
    within = [digit(x, y) for y in (110, 170) for x in (520, 545, 670)]
    title, fields, right, below = (
        digit(560, 20),
        [digit(x, y) for y in (90, 170) for x in (10, 40)],
        900,
        digit(20, 400),
    )
    pieces = [title, *fields, *within, digit(right, 120), below]
    found = lefts(cells.lines(walls, pieces))
    assert found == [[[560]], [[10, 40]], [[10, 40]], [[520, 545], [670]], [[520, 545], [670]], [[right]], [[20]]]


@pytest.mark.parametrize(
    ("label", "joined"),
    [
        ((10, 26, 20), True),
        ((10, 26, 38), False),  # as high as the number
        ((10, 52, 20), False),  # below it
        ((250, 26, 20), False),  # on its right
    ],
)
def test_a_low_row_on_the_left_of_a_number_is_in_its_line(label: tuple[int, int, int], joined: bool) -> None:
    left, top, height = label
    word = Row([digit(left + 15 * k, top, height, 10) for k in range(4)], height)
    number = Row([digit(150 + 25 * k, 10) for k in range(3)], 40)
    found = cells.with_labels([number, word], 40)
    assert found == ([[word, number]] if joined else [[number], [word]])


def test_strokes_one_above_another_are_no_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    found = grid(xs=(0, 100, 130, 200, 300))
    monkeypatch.setattr(grids, "find", lambda _: found)
    within = [digit(x, y) for y in (10, 70) for x in (20, 120, 210, 240)]
    parting = cells.find(rows(within), Sheet(np.zeros((1, 1), np.float32), 0.3, 0.6, 1.0, True, 1.0), None, table=True)
    assert parting is not None
    assert [line.at for line in parting.upright] == [0, 100, 200, 300]


def test_ink_where_walls_cross_is_no_sign() -> None:
    cross = np.zeros((70, 70), bool)
    cross[34:36] = cross[:, 34:36] = True
    pieces = [digit(20, 10), digit(45, 10), digit(20, 70), digit(120, 10), Piece(25, 65, cross)]
    assert lefts(cells.lines(grid(), pieces)) == [[[20, 45], [120]], [[20]]]
    beside = [digit(20, 10), digit(45, 10), digit(20, 70), digit(120, 10), Piece(2, 40, cross)]
    assert lefts(cells.lines(grid(), beside))[0][0] == [20, 40, 45]
