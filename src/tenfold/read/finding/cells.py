"""The rows of writing in the cells of a table: walls part numbers before anything is read."""

import math
from dataclasses import replace
from itertools import pairwise, zip_longest

import numpy as np

from tenfold.read import filters, limits
from tenfold.read.decode import Colours
from tenfold.read.finding import grids
from tenfold.read.finding.grids import Grid
from tenfold.read.finding.paper import Sheet
from tenfold.read.finding.rulings import Line
from tenfold.read.finding.strokes import Piece, Row, digit_height, parted, rows

_LARGE = 0.55  # of a digit's height: smaller pieces may be parts of one
_LETTER, _WORD = 0.3, 3  # of it is the least letter, and so many are a word
_OVER = 0.2  # of a piece is beside a wall that it crosses
_CROSSING = 0.2  # of the digits cross walls at most, where numbers are written into cells
_STROKES, _EDGE = 0.5, 0.1  # of an upright line: strokes of digits one above another, through more than their edges
_ROWS, _BAND, _WIDER = 3, 0.45, 2.0  # rows of a table without walls; its columns are so far apart, and times as gaps
_INK, _TALL, _MOSTLY = 0.15, 1.4, 0.9  # of a digit's height: longer ink, mostly so near to walls, is of walls
_SMALLER, _BESIDE, _BEGIN = 0.75, 0.25, 3  # of a number's height is a label, of it beside the number's first pieces
_LOW = 0.6  # of the height of the others: a row of no digit may be lower than that


def hold_numbers(grid: Grid, pieces: list[Piece]) -> bool:
    """Whether there are several rows of cells with numbers or words in them: squared paper has a digit in each.

    Most numbers on the page must be in those of a grid that may be an accident.
    """
    height = digit_height(pieces)
    every = [piece for piece in pieces if piece.height > _LARGE * height]
    large = [piece for piece in every if grid.has(piece)]
    if not grid.plain and 2 * len(large) < len(every):
        return False
    if not (grid.several_rows and sum(_crosses(grid, piece) for piece in large) <= _CROSSING * len(large)):
        return False
    letters = [piece for piece in pieces if piece.height > _LETTER * height and grid.has(piece)]
    beside = (
        sum(after.left >= before.right for before, after in pairwise(cell)) >= least
        for some, least in ((large, 1), (letters, _WORD - 1))
        for cell in _by_cell(grid, some).values()
    )
    return any(beside)


def lines(grid: Grid, pieces: list[Piece]) -> list[list[Row]]:
    """What is written in cells, from above; of each line of writing a row for every cell that has some of it.

    The first rows of the cells between two level lines are a line, however high each stands, and so on; where there are
    no level lines, lines go along all cells. What is above the grid or on its left comes before it, all else after it.
    """
    height, bands = digit_height(pieces), dict[int, list[list[Row]]]()
    pieces = [piece for piece in pieces if not _wall(grid, piece, height)]
    within = [piece for piece in pieces if grid.has(piece)] if grid.level and grid.upright else pieces
    taken = {id(piece) for piece in within}
    beside = [piece for piece in pieces if id(piece) not in taken]
    apart, pieces = with_labels(rows(beside, height), height) if beside else [], within
    whole = rows(pieces) if pieces else []
    if grid.level:
        along = {id(piece): k for k, row in enumerate(whole) for piece in row.pieces}
        for (band, _), cell in sorted(_by_cell(grid, pieces).items()):
            one = len({along.get(id(piece), -1) for piece in cell}) == 1  # a 5 in two pieces would make two rows of few
            bands.setdefault(band, []).append([Row(cell, digit_height(cell))] if one else rows(cell, height))
    else:
        for k, row in enumerate(whole):
            parts = sorted(_by_cell(grid, row.pieces).items())
            bands[k] = [[Row(part, digit_height(part))] for _, part in parts]
    found = [[row for row in some if row] for band in bands.values() for some in zip_longest(*band)]
    found = [[row if row.height > _LOW * height else replace(row, height=height) for row in line] for line in found]
    before = [line for line in apart if grid.follows(line[0].pieces[0])]
    return [*before, *found, *(line for line in apart if line not in before)]


def with_labels(rows: list[Row], height: float) -> list[list[Row]]:
    """Rows as lines of the rows that they are made of; in that of a number is the label on its left, which is lower.

    Most digits on the page are `height` pixels high.
    """
    found = [parted(row, height) for row in rows]
    for line in found.copy():
        label, pieces = line[0], line[0].pieces
        top, bottom = min(piece.top for piece in pieces), max(piece.bottom for piece in pieces)
        for other in found:
            first = other[0].pieces[:_BEGIN]
            beside = min(bottom, max(p.bottom for p in first)) - max(top, min(p.top for p in first))
            behind = max(piece.right for piece in pieces) < first[0].left
            if (
                len(line) == 1
                and label.height < _SMALLER * other[0].height
                and behind
                and beside > _BESIDE * (bottom - top)
            ):
                found = [each for each in found if each is not line]
                other.insert(0, label)
                break
    return found


def find(rows: list[Row], sheet: Sheet, colours: Colours | None, *, table: bool) -> Grid | None:
    """The grid that may part rows, of lines that are no ink; in a table upright lines beside all rows are one too."""
    if not rows or not (table or sum(len(row.pieces) > 1 for row in rows) > 1):
        return None
    grid = grids.find(sheet) or (grids.in_colours(colours, sheet) if colours is not None else None)
    if grid:
        pieces = [piece for row in rows for piece in row.pieces]
        height = digit_height(pieces)
        pieces = [piece for piece in pieces if not _wall(grid, piece, height)]
        upright = [line for line in grid.upright if _through(line, pieces) < _STROKES * (line.end - line.begin)]
        return replace(grid, upright=upright)
    if not table:
        return None
    middles = [piece.middle for row in rows for piece in row.pieces]
    upright = [line for line in grids.uprights(sheet) if line.begin <= min(middles) and line.end >= max(middles)]
    return Grid([], upright)


def columns(rows: list[Row]) -> Grid | None:
    """The columns of a table without walls: paper that parts three rows or more, and wider than gaps in numbers are."""
    if len(rows) < _ROWS:
        return None
    height = digit_height([piece for row in rows for piece in row.pieces])
    each = [sorted((piece.left, piece.right) for piece in row.pieces) for row in rows]
    ends = [(row[0][0], max(right for _, right in row)) for row in each]
    bands, gaps, last = [], list[int](), 0
    for left, right in sorted(box for row in each for box in row):
        if last and left - last >= _BAND * height and sum(a < last and b > left for a, b in ends) >= _ROWS:
            bands.append((last, left))
        last = max(last, right)
    for row in each:
        last = row[0][1]
        for left, right in row[1:]:
            if not any(last <= begin and end <= left for begin, end in bands):
                gaps.append(max(0, left - last))
            last = max(last, right)
    if len(gaps) < _ROWS or min((end - begin for begin, end in bands), default=0) < _WIDER * filters.median(gaps):
        return None
    return Grid([], [Line((begin + end) / 2, 0.0, 0.0, math.inf) for begin, end in bands])


def _by_cell(grid: Grid, pieces: list[Piece]) -> dict[tuple[int, int], list[Piece]]:
    """The pieces in each cell, from left to right: cells are counted from above and from the left."""
    cells: dict[tuple[int, int], list[Piece]] = {}
    for piece in sorted(pieces, key=lambda piece: piece.left):
        limits.check()
        cells.setdefault(grid.cell(piece.left + piece.width / 2, piece.middle), []).append(piece)
    return cells


def _wall(grid: Grid, piece: Piece, height: float) -> bool:
    """Whether a piece is what ink there is of walls, beside digits of such a height."""
    if max(piece.height, piece.width) <= _TALL * height:
        return False
    inked = np.argwhere(piece.mask)
    ys, xs = (inked + np.array([piece.top, piece.left])).T.astype(float)
    near = np.zeros(len(inked), bool)
    for walls, along, across in ((grid.level, xs, ys), (grid.upright, ys, xs)):
        for line in walls:
            limits.check()
            if line.reaches(float(np.mean(along))):
                near |= np.abs(line.place(along) - across) < _INK * height
    return float(near.mean()) > _MOSTLY


def _through(line: Line, pieces: list[Piece]) -> int:
    """How many pixels of an upright line are in pieces, and not along their edges."""
    edges = [(piece, _EDGE * piece.width, line.place(piece.middle)) for piece in pieces]
    return sum(p.height for p, edge, x in edges if p.left + edge < x < p.right - edge and line.reaches(p.middle))


def _crosses(grid: Grid, piece: Piece) -> bool:
    """Whether a wall goes through a piece, and not along its edge."""
    x, y, wide, high = piece.left + piece.width / 2, piece.middle, _OVER * piece.width, _OVER * piece.height
    return any(
        line.reaches(y) and piece.left + wide < line.place(y) < piece.right - wide for line in grid.upright
    ) or any(line.reaches(x) and piece.top + high < line.place(x) < piece.bottom - high for line in grid.level)
