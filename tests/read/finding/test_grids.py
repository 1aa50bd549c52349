"""Walls of tables are found, dark or pale, and taken out; strokes in their cells are not."""

import numpy as np
import pytest

from conftest import write_number
from read.pictures import sheet
from tenfold.read.finding import grids, paper
from tenfold.read.finding.paper import Sheet
from tenfold.read.finding.rulings import Line
from tenfold.read.finding.strokes import Piece

YS, XS = (20, 90, 160), (30, 130, 250, 350)


def page(strength: float, *, wide: int = 2, turned: float = 0.0) -> np.ndarray:
    """Two rows of three cells on grey paper with some noise, and a digit in the first one."""
    ink = np.zeros((190, 380))
    x, y = np.arange(380), np.arange(190)
    for k in range(wide):
        for at in YS:
            ink[np.round(at + k + turned * x).astype(int)[30:352].clip(0, 189), x[30:352]] = strength
        for at in XS:
            ink[y[20:162], np.round(at + k - turned * y).astype(int)[20:162]] = strength
    digit = write_number("4", size=36)
    digit = digit[np.ix_(digit.any(1), digit.any(0))]
    ink[35 : 35 + digit.shape[0], 50 : 50 + digit.shape[1]] = digit
    noise = np.random.default_rng(0).normal(0, 0.01, ink.shape)
    return (255 * (0.85 * (1 - 0.8 * ink) + noise).clip(0, 1)).astype(np.uint8)


@pytest.mark.parametrize(
    ("strength", "wide", "turned"), [(1.0, 2, 0.0), (1.0, 6, 0.0), (0.08, 1, 0.0), (0.3, 2, 0.01), (1.0, 2, 0.01)]
)
def test_walls_of_every_grey_and_width(strength: float, wide: int, turned: float) -> None:
    grid = grids.find(sheet(page(strength, wide=wide, turned=turned)))
    assert grid is not None
    assert grid.several_rows
    middle = (wide - 1) / 2
    assert [line.place(190) for line in grid.level] == pytest.approx([y + middle + 190 * turned for y in YS], abs=2)
    assert [line.place(95) for line in grid.upright] == pytest.approx([x + middle - 95 * turned for x in XS], abs=2)


@pytest.mark.parametrize(("tops", "height"), [((38, 108), 30), ((24, 108), 48)])
def test_strokes_one_above_another_are_no_wall(tops: tuple[int, int], height: int) -> None:
    image = page(1.0)
    for top in tops:  # bars in two cells, and far from a wall
        image[top : top + height, 200:203] = 20
    grid = grids.find(sheet(image))
    assert grid is not None
    assert len(grid.upright) == len(XS)


def test_walls_as_bright_as_the_paper_are_found_by_their_colour() -> None:
    drawn = page(1.0) < 100
    colours = np.full((190, 380, 3), (0.8, 0.75, 0.7), np.float32)
    lines = drawn.copy()
    lines[26:84, 36:124] = False
    colours[lines] = 0.72, 0.8, 0.7
    colours[drawn & ~lines] = 0.1
    seen = next(paper.sheets(colours))
    seen.flat[lines] = 0  # as where they are as bright
    assert grids.find(seen) is None
    grid = grids.in_colours(colours, seen)
    assert grid is not None
    assert (len(grid.level), len(grid.upright)) == (3, 4)
    assert grids.in_colours(np.repeat(colours[..., :1], 3, axis=2), seen) is None


def test_a_stroke_that_nearly_fills_a_cell_is_no_wall() -> None:
    image = page(1.0)[:100]  # one row of cells
    image[25:87, 200:203] = 20
    grid = grids.find(sheet(image))
    assert grid is not None
    assert len(grid.upright) == len(XS)


def test_only_the_walls_are_taken_out() -> None:
    whole = sheet(page(1.0))
    grid = grids.find(whole)
    assert grid is not None
    bare = grid.without(whole)
    ink, before = bare.flat > bare.low, whole.flat > whole.low
    cell = np.s_[26:84, 36:124]
    assert (ink[cell] == before[cell]).mean() > 0.99
    ink[cell] = False
    assert ink.sum() < 0.01 * before.sum()


@pytest.mark.parametrize("number", ["1", "4", "111", "714", "888888"])
def test_strokes_are_no_grid(number: str) -> None:
    ink = write_number(number, size=90)
    assert grids.find(sheet((255 * (1 - 0.9 * ink)).astype(np.uint8))) is None


def test_an_empty_page_has_no_grid() -> None:
    assert grids.find(Sheet(np.zeros((90, 90), np.float32), 0.0, 0.0, 1.0, True, 1.0)) is None


def test_walls_that_are_lighter_than_the_paper_are_found() -> None:
    drawn = page(1.0)
    walls = np.zeros(drawn.shape, bool)
    for y in YS:
        walls[y : y + 2, 30:352] = True
    for x in XS:
        walls[20:162, x : x + 2] = True
    grey = np.where(walls, 235, page(0.0)).astype(np.uint8)
    colours = np.repeat((grey / np.float32(255))[..., None], 3, axis=2).astype(np.float32)
    seen = next(paper.sheets(colours))
    assert grids.find(seen) is None
    grid = grids.in_colours(colours, seen)
    assert grid is not None
    assert (len(grid.level), len(grid.upright)) == (3, 4)


def test_strokes_one_above_another_are_no_wall_beside_walls_that_are_ink_throughout() -> None:
    wall, strokes = Line(10, 0, 0, 99), Line(30, 0, 0, 99, ink=0.5)
    assert grids._long([wall, strokes]) == [wall]
    assert grids._long([strokes]) == [strokes]  # a wall may be paler


def test_walls_that_begin_too_late_are_in_all_of_a_row_or_in_none() -> None:
    level = [Line(y, 0, 0, 300) for y in (0, 100, 200)]
    upright = [Line(0, 0, 70, 200), Line(150, 0, 0, 200)]
    found = grids.Grid(level, upright)
    assert [found.cell(60, y) for y in (30, 60, 90)] == [(1, 0)] * 3
    assert [found.cell(60, y) for y in (110, 190)] == [(2, 1)] * 2


def test_a_table_is_found_beside_longer_lines_and_those_that_continue_its_own() -> None:
    image = np.full((300, 900), 220, np.uint8)
    image[50:240, 480:860] = page(1.0)
    for y in (70, 155, 240, 270):  # to write on: one is as high as a wall
        image[y : y + 2, 40:400] = 40
    image[20:22, 20:880] = 40  # below a title
    found = grids.find(sheet(image))
    assert found is not None
    assert [line.place(600) for line in found.level] == pytest.approx([50 + y for y in YS], abs=3)
    assert [line.place(130) for line in found.upright] == pytest.approx([480 + x for x in XS], abs=3)
    assert min(line.begin for line in found.level) > 450
    in_table, beside = (Piece(100, left, np.ones((40, 20), bool)) for left in (540, 380))
    assert found.has(in_table)
    assert not found.has(beside)


@pytest.mark.parametrize(("begin", "near"), [(0, False), (12, True)])
def test_a_grid_goes_on_where_no_line_closes_it(begin: int, near: bool) -> None:
    level = [Line(y, 0, begin, 300) for y in (0, 100, 200)]
    found = grids.Grid(level, [Line(x, 0, 0, 200) for x in (0, 150, 300)])
    assert found.has(Piece(40, begin - 30, np.ones((30, 20), bool))) == near


def test_strokes_in_a_cell_are_no_grid_in_a_grid() -> None:
    image = page(1.0)
    for k in range(3):
        image[28 + 22 * k : 31 + 22 * k, 140:240] = 20
        image[26:84, 150 + 38 * k : 153 + 38 * k] = 20
    found = grids.find(sheet(image))
    assert found is not None
    assert (len(found.level), len(found.upright)) == (len(YS), len(XS))
