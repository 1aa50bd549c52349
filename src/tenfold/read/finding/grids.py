"""Grids: the walls of tables and forms, dark or pale, which part numbers and are never ink of them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tenfold.read import filters, limits
from tenfold.read.decode import Colours
from tenfold.read.finding.paper import Ink, Sheet, thresholds
from tenfold.read.finding.rulings import DARK, LEAST, Line, erase, lines
from tenfold.read.finding.strokes import Piece

_COLOUR = 0.02  # of full brightness lie between the channels of what has a colour
_SMALL = 400  # pixels of the longer side, at which colours are looked at
_AROUND = 15  # pixels around a place, from whose mean its colour is away;
_AWAY = 0.1  # what is so far from it, or so much lighter, is away enough
_THICK = 0.08  # of the shorter side: what is thicker is no line
_WHOLE = 0.95  # or nearly all of it; then strokes in a column, which have gaps, are none
_LONG = 0.6  # of the longest line has every other
_REACH = 0.02  # of the longer side may be between lines that cross
_MOST = 0.6  # of the other lines that any crosses are crossed by every line
_CLOSED = 8  # pixels from a line that crosses it a line ends there
_MARGIN = 12  # pixels beside a piece
_COARSE = 800  # pixels of the longer side, at which lines are looked for
_LINES = 5  # of both directions are at least two cells
_MANY = 7  # hardly cross each other by accident, however pale
_ROWS = 3  # level lines of a grid of several rows


@dataclass(frozen=True)
class Grid:
    """Level and upright lines that cross."""

    level: list[Line]
    upright: list[Line]

    @property
    def plain(self) -> bool:
        """Whether it is hardly an accident: most of its lines are ink throughout, or they are many."""
        every = (*self.level, *self.upright)
        return len(every) >= _MANY or filters.median([line.ink for line in every]) > DARK

    @property
    def several_rows(self) -> bool:
        """Whether there are rows of cells one below the other: a single one may be a comb for one number."""
        return len(self.level) >= _ROWS

    def cell(self, x: float, y: float) -> tuple[int, int]:
        """How many level lines are above a place, and how many upright ones before it."""
        level = [line.place(x) for line in self.level if line.reaches(x)]
        before, after = [place for place in level if place < y], [place for place in level if place >= y]
        middle = (max(before) + min(after)) / 2 if before and after else y  # of a band: a line is in all of it
        return len(before), sum(line.place(y) < x for line in self.upright if line.reaches(middle))

    def has(self, piece: Piece) -> bool:
        """Whether a piece is in the grid, or beside an end that no line closes by less than may have been missed."""
        x = piece.left + piece.width / 2
        return _goes(self.level, self.upright, x) and _goes(self.upright, self.level, piece.middle)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Where it is: left, top, and less than nothing right and bottom of it."""
        ends = (
            (min(line.begin for line in some), -max(line.end for line in some)) for some in (self.level, self.upright)
        )
        (left, right), (top, bottom) = ends
        return left, top, right, bottom

    def inside(self, other: "Grid") -> bool:
        """Whether all of it is in another, as the strokes of a digit are in a cell."""
        return self is not other and all(mine >= its for mine, its in zip(self.box, other.box, strict=True))

    def follows(self, piece: Piece) -> bool:
        """Whether a piece is above the grid, or on its left."""
        top, left = (min(line.begin for line in some) for some in (self.upright, self.level))
        return piece.middle < top or (piece.left < left and piece.middle < max(line.end for line in self.upright))

    def without(self, sheet: Sheet) -> Sheet:
        """The sheet without the lines, but with the strokes that cross them."""
        mask: NDArray[np.bool_] = np.asarray(sheet.flat > sheet.low)
        gone = np.zeros_like(mask)
        thickest = _THICK * min(mask.shape)
        high = [_erased(line, mask, gone, thickest) for line in self.level]
        wide = [_erased(line, mask.T, gone.T, thickest) for line in self.upright]
        for line, rows in zip(self.level, high, strict=True):  # where lines cross each seems to be a stroke
            for other, columns in zip(self.upright, wide, strict=True):
                x = other.place(line.place(other.at))
                y = line.place(x)
                top, left = max(0, round(y - rows / 2) - 1), max(0, round(x - columns / 2) - 1)
                gone[top : round(y + rows / 2) + 2, left : round(x + columns / 2) + 2] = True
        gone |= filters.dilated(gone, 2) & ~mask  # their soft edges
        flat = np.where(gone, np.float32(0), sheet.flat)
        if not (flat > sheet.high).any():
            return Sheet(flat, 0.0, 0.0, 1.0, sheet.dark, sheet.zoom)
        return thresholds(flat, sheet.dark, sheet.zoom)


def _erased(line: Line, ink: NDArray[np.bool_], gone: NDArray[np.bool_], thickest: float) -> float:
    """Mark the ink (H, W) of a level line; how thick it is, in pixels."""
    limits.check()
    part = slice(max(0, int(line.begin)), int(line.end) + 1)
    centre = np.round(line.at + line.slope * np.arange(part.start, min(part.stop, ink.shape[1]))).astype(int)
    return erase(ink[:, part], centre, 2, gone[:, part], thickest)


def _goes(lines: list[Line], others: list[Line], along: float) -> bool:
    """Whether any of the lines goes as far as that, or may do so where it ends between those of the other direction."""
    for line in lines:
        end = min(max(along, line.begin), line.end)
        open_ = end != along and line.reaches(along)
        if end == along or (open_ and all(abs(other.place(line.place(end)) - end) > _CLOSED for other in others)):
            return True
    return False


def joined(grids: list[Grid]) -> Grid:
    """The lines of all grids on a sheet."""
    return Grid([line for grid in grids for line in grid.level], [line for grid in grids for line in grid.upright])


def find(sheet: Sheet, piece: Piece | None = None) -> Grid | None:
    """The grid on a sheet, or in the box of a piece of its ink; None where no two lines cross three others."""
    if sheet.blank or min(sheet.flat.shape) < LEAST:
        return None
    if piece:
        top, left = max(0, piece.top - _MARGIN), max(0, piece.left - _MARGIN)
        part = sheet.flat[top : piece.bottom + _MARGIN, left : piece.right + _MARGIN]
        grid = find(replace(sheet, flat=part))
        return grid and Grid(
            [line.moved(left, top) for line in grid.level], [line.moved(top, left) for line in grid.upright]
        )
    (flat, step), reach = _coarse(sheet), 3 + _REACH * max(sheet.flat.shape)
    level, upright = ([line.scaled(step) for line in lines(each, sheet.low, step)] for each in (flat, flat.T))
    found = [_crossed(*some, reach) for some in _connected(level, upright, reach)]
    found = [grid for grid in found if len(grid.level) + len(grid.upright) >= _LINES]
    return joined([grid for grid in found if not any(grid.inside(other) for other in found)]) if found else None


def in_colours(colours: Colours, sheet: Sheet) -> Grid | None:
    """The grid on a sheet, in the colours that it was made from: of lines of another colour, or of lighter ones."""
    step = -(-max(colours.shape[:2]) // _SMALL)
    height, width = (size // step for size in colours.shape[:2])
    small = colours[: height * step, : width * step].reshape(height, step, width, step, 3).mean(axis=(1, 3))
    light = small.mean(axis=2) if sheet.dark else 1 - small.mean(axis=2)
    light = np.maximum(light, filters.median(light))  # without ink, beside which all paper is lighter
    ways = [(light - _around(light)).clip(0)]
    if float(np.ptp(small, axis=2).max()) > _COLOUR:
        ways.insert(0, np.sqrt(np.square(small - _around(small)).sum(axis=2)))
    factor = step * len(sheet.flat) / (height * step)
    for flat in ways:
        if grid := find(replace(sheet, flat=flat, low=_AWAY, high=2 * _AWAY)):
            some = ([line.scaled(factor) for line in lines] for lines in (grid.level, grid.upright))
            return Grid(*some)
    return None


def _around(image: Ink) -> Ink:
    """The means around all places of an image (H, W) or (H, W, C)."""
    return filters.mean(filters.mean(image, _AROUND, 0), _AROUND, 1)


def uprights(sheet: Sheet) -> list[Line]:
    """The upright lines on a sheet, whether others cross them or not."""
    if sheet.blank or min(sheet.flat.shape) < LEAST:
        return []
    flat, step = _coarse(sheet)
    return [line.scaled(step) for line in lines(flat.T, sheet.low, step)]


def _coarse(sheet: Sheet) -> tuple[Ink, int]:
    """A sheet of the size in which lines are looked for, and how many of its pixels are one there."""
    step = -(-max(sheet.flat.shape) // _COARSE)
    height, width = (size // step for size in sheet.flat.shape)
    blocks = sheet.flat[: height * step, : width * step].reshape(height, step, width, step)
    return blocks.max(axis=(1, 3)), step


def _connected(level: list[Line], upright: list[Line], reach: float) -> list[tuple[list[Line], list[Line]]]:
    """The level and the upright lines of each grid: those that are reached from one by lines which cross."""
    found = []
    left = {True: list(level), False: list(upright)}
    while left[True]:
        reached: dict[bool, list[Line]] = {True: [left[True].pop()], False: []}
        waiting = [(True, reached[True][0])]
        while waiting:
            limits.check()
            way, line = waiting.pop()
            crossing = [other for other in left[not way] if line.crosses(other, reach)]
            left[not way] = [other for other in left[not way] if other not in crossing]
            reached[not way] += crossing
            waiting += [(not way, other) for other in crossing]
        found.append((sorted(reached[True], key=_at), sorted(reached[False], key=_at)))
    return found


def _at(line: Line) -> float:
    return line.place((line.begin + line.end) / 2)


def _crossed(level: list[Line], upright: list[Line], reach: float) -> Grid:
    """The lines of a grid that is connected, without strokes."""
    level, upright = _long(level), _long(upright)
    for _ in range(2):
        level = _crossing(level, upright, reach)
        upright = _crossing(upright, level, reach)
    return Grid(_closed(level, upright), _closed(upright, level))


def _closed(lines: list[Line], others: list[Line]) -> list[Line]:
    """The lines of a direction, each no further than the outermost others where two end: a longer one is of more."""
    for last in (False, True):
        ends = [(max if last else min)((other.place(_at(line)) for other in others), default=0.0) for line in lines]
        there = [line.end if last else line.begin for line in lines]
        if sum(abs(end - own) <= _CLOSED for end, own in zip(ends, there, strict=True)) > 1:
            lines = [
                replace(line, end=min(line.end, end)) if last else replace(line, begin=max(line.begin, end))
                for line, end in zip(lines, ends, strict=True)
            ]
    return lines


def _long(lines: list[Line]) -> list[Line]:
    """The lines of one direction in a grid, without strokes: those are shorter, or paler where others are all ink.

    What is on one line with another grid, or with a line to write on, goes no further than the others.
    """
    if len(lines) >= _ROWS:
        begin, end = sorted(line.begin for line in lines)[1], sorted(line.end for line in lines)[-2]
        clipped = (replace(line, begin=max(line.begin, begin), end=min(line.end, end)) for line in lines)
        lines = [line for line in clipped if line.begin < line.end]
    longest = max((line.end - line.begin for line in lines), default=0.0)
    lines = [line for line in lines if line.end - line.begin >= _LONG * longest]
    dark = max((line.ink for line in lines), default=0.0) > _WHOLE
    return [line for line in lines if not dark or line.ink > DARK]


def _crossing(lines: list[Line], others: list[Line], reach: float) -> list[Line]:
    """The lines that cross two others, and most of those that any line crosses: what is in a cell crosses few."""
    counts = [sum(line.crosses(other, reach) for other in others) for line in lines]
    least = max(2.0, _MOST * max(counts, default=0))
    return [line for line, count in zip(lines, counts, strict=True) if count >= least]
