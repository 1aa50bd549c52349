"""Grids: the walls of tables and forms, dark or pale, which part numbers and are never ink of them."""

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tenfold.read import filters, limits
from tenfold.read.decode import Colours
from tenfold.read.finding.paper import Ink, Sheet, thresholds
from tenfold.read.finding.rulings import erase
from tenfold.read.finding.strokes import Piece

_LEAST, _SHARE = 24, 0.12  # pixels, and of the longer side: shorter lines are strokes
_GAP = 7  # pixels: a longer gap ends a line,
_FILLED = 0.85  # of a line at least is lines that continue each other: strokes in cells one above another leave gaps
_SOLID = 12  # and a stretch without any begins it: else a stroke near a wall would reach it
_ALONG = 9  # pixels of a line, in whose mean a pale line is looked for
_PALE = 0.012  # of the paper's brightness is the least by which it differs,
_NOISE = 2.0  # and so many deviations of what varies there
_COLOUR = 0.02  # of full brightness lie between the channels of what has a colour
_SMALL = 400  # pixels of the longer side, at which colours are looked at
_AROUND = 15  # pixels around a place, from whose mean its colour is away;
_AWAY = 0.1  # what is so far from it, or so much lighter, is away enough
_THICK = 0.08  # of the shorter side: what is thicker is no line
_DARK = 0.75  # of a line is ink, or it is pale
_WHOLE = 0.95  # or nearly all of it; then strokes in a column, which have gaps, are none
_LONG = 0.6  # of the longest line has every other
_REACH = 0.02  # of the longer side may be between lines that cross
_NEAR = 0.05  # nor more than that of either: a stroke may fill most of a cell
_FITS = 5  # of a line, until it is one through most of its ink
_STEEP = 0.1  # more than a page is mostly turned by
_MOST = 0.6  # of the other lines that any crosses are crossed by every line
_SHORT = 0.15  # of a line may have been missed at its ends
_MARGIN = 12  # pixels beside a piece
_COARSE = 800  # pixels of the longer side, at which lines are looked for
_CROWD = 200  # lines of a direction: more are texture
_LINES = 5  # of both directions are at least two cells
_ROWS = 3  # level lines of a grid of several rows
Along = TypeVar("Along", float, NDArray[np.float64])


@dataclass(frozen=True)
class Line:
    """A line from `begin` to `end` of its own direction, at `at` + `slope` times the place along it, in pixels."""

    at: float
    slope: float
    begin: float
    end: float

    def place(self, along: Along) -> Along:
        """Where it is across its direction."""
        return self.at + self.slope * along

    def reaches(self, along: float) -> bool:
        """Whether it goes as far as that, or nearly so."""
        more = _SHORT * (self.end - self.begin)
        return self.begin - more <= along <= self.end + more

    def scaled(self, step: float) -> "Line":
        """The line where `step` pixels are one of those that it is given in."""
        return Line(self.at * step + (step - 1) / 2, self.slope, self.begin * step, (self.end + 1) * step - 1)

    def moved(self, along: int, across: int) -> "Line":
        """The line on a sheet of which it is given in a part that begins there."""
        at = self.at + across - self.slope * along
        return Line(at, self.slope, self.begin + along, self.end + along)

    def crosses(self, other: "Line", reach: float) -> bool:
        """Whether it meets a line of the other direction, or would if either were longer by `reach` pixels."""
        along = other.place(self.place(other.at))  # of this line, near enough for lines that are nearly square
        across = self.place(along)
        reach = min(reach, 1 + _NEAR * (self.end - self.begin), 1 + _NEAR * (other.end - other.begin))
        return self.begin - reach <= along <= self.end + reach and other.begin - reach <= across <= other.end + reach


@dataclass(frozen=True)
class Grid:
    """Level and upright lines that cross."""

    level: list[Line]
    upright: list[Line]

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

    def holds(self, x: float, y: float) -> bool:
        """Whether a place is in the grid, or beside it by less than lines may have been missed at their ends."""
        level, upright = (
            any(line.reaches(place) for line in some) for some, place in ((self.level, x), (self.upright, y))
        )
        return level and upright

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


def joined(grids: list[Grid]) -> Grid:
    """The lines of all grids on a sheet."""
    return Grid([line for grid in grids for line in grid.level], [line for grid in grids for line in grid.upright])


def find(sheet: Sheet, piece: Piece | None = None) -> Grid | None:
    """The grid on a sheet, or in the box of a piece of its ink; None where no two lines cross three others."""
    if sheet.blank or min(sheet.flat.shape) < _LEAST:
        return None
    if piece:
        top, left = max(0, piece.top - _MARGIN), max(0, piece.left - _MARGIN)
        part = sheet.flat[top : piece.bottom + _MARGIN, left : piece.right + _MARGIN]
        grid = find(replace(sheet, flat=part))
        return grid and Grid(
            [line.moved(left, top) for line in grid.level], [line.moved(top, left) for line in grid.upright]
        )
    (flat, step), reach = _coarse(sheet), 3 + _REACH * max(sheet.flat.shape)
    level, upright = ([line.scaled(step) for line in _lines(each, sheet.low, step)] for each in (flat, flat.T))
    for _ in range(2):
        level = _crossing(level, upright, reach)
        upright = _crossing(upright, level, reach)
    return Grid(level, upright) if len(level) + len(upright) >= _LINES else None


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
            level, upright = ([line.scaled(factor) for line in lines] for lines in (grid.level, grid.upright))
            return Grid(level, upright)
    return None


def _around(image: Ink) -> Ink:
    """The means around all places of an image (H, W) or (H, W, C)."""
    return filters.mean(filters.mean(image, _AROUND, 0), _AROUND, 1)


def uprights(sheet: Sheet) -> list[Line]:
    """The upright lines on a sheet, whether others cross them or not."""
    if sheet.blank or min(sheet.flat.shape) < _LEAST:
        return []
    flat, step = _coarse(sheet)
    return [line.scaled(step) for line in _lines(flat.T, sheet.low, step)]


def _coarse(sheet: Sheet) -> tuple[Ink, int]:
    """A sheet of the size in which lines are looked for, and how many of its pixels are one there."""
    step = -(-max(sheet.flat.shape) // _COARSE)
    height, width = (size // step for size in sheet.flat.shape)
    blocks = sheet.flat[: height * step, : width * step].reshape(height, step, width, step)
    return blocks.max(axis=(1, 3)), step


def _crossing(lines: list[Line], others: list[Line], reach: float) -> list[Line]:
    """The lines that cross two others, and most of those that any line crosses: what is in a cell crosses few."""
    counts = [sum(line.crosses(other, reach) for other in others) for line in lines]
    least = max(2.0, _MOST * max(counts, default=0))
    return [line for line, count in zip(lines, counts, strict=True) if count >= least]


def _lines(flat: Ink, low: float, step: int) -> list[Line]:
    """The level lines, from above: long runs of ink, or of what is darker than the paper above and below.

    A pixel stands for `step` pixels of the sheet.
    """
    height, width = flat.shape
    ink: NDArray[np.bool_] = np.asarray(flat > low)
    along = filters.mean(np.minimum(flat, low), _ALONG, 1)
    away, noise = np.zeros_like(along), 0.0
    for beside in (max(3, height // 100), max(8, height // 40)):  # of thin and of thick lines
        padded = np.pad(along, ((beside, beside), (0, 0)), mode="edge")
        away = np.maximum(away, along - np.maximum(padded[: -2 * beside], padded[2 * beside :]))
        noise = noise or 1.4826 * filters.median(np.abs(along - padded[: -2 * beside]))
    pale = ink | (away > max(_PALE, _NOISE * noise))
    lines = _joined(
        sorted(_runs(pale, ink, max(3, _GAP // step)), key=lambda line: line.place(width / 2)), 2 + 0.01 * height
    )
    longest = max((line.end - line.begin for line in lines), default=0.0)
    lines = [line for line in lines if line.end - line.begin >= _LONG * longest]
    return _full(lines, ink) if len(lines) <= _CROWD else []


def _full(lines: list[Line], ink: NDArray[np.bool_]) -> list[Line]:
    """The level lines, without strokes one above another where others are ink throughout."""
    shares = []
    for line in lines:
        columns = np.arange(int(line.begin), int(line.end) + 1)
        rows = np.clip(np.round(line.place(columns.astype(float))).astype(int), 1, len(ink) - 2)
        shares.append(float((ink[rows - 1, columns] | ink[rows, columns] | ink[rows + 1, columns]).mean()))
    dark = max(shares, default=0.0) > _WHOLE
    return [line for line, share in zip(lines, shares, strict=True) if not dark or share > _DARK]


def _runs(mask: NDArray[np.bool_], ink: NDArray[np.bool_], gap: int) -> list[Line]:
    """Straight level runs of a mask (H, W), each from where its ink begins, if it is of ink, to where that ends."""
    length = max(_LEAST, round(_SHARE * max(mask.shape)))
    thick = filters.extreme(mask, 3, 0)
    closed = filters.extreme(filters.extreme(thick, gap, 1), gap, 1, least=True)
    labels, boxes = filters.components(_opened(closed, length))
    nearly = filters.extreme(filters.extreme(filters.extreme(ink, 3, 0), 3, 1), 3, 1, least=True)
    solid, inked = _opened(thick, _SOLID), _opened(nearly, _SOLID)
    lines: list[Line] = []
    for number, (rows, columns) in enumerate(boxes, 1):
        limits.check()
        own = labels[rows, columns] == number
        if own.sum() > (_THICK * min(mask.shape) + 4) * own.shape[1]:
            continue
        ys, xs = np.nonzero(own)
        slope, at = _fitted(xs + columns.start, ys + rows.start)
        dark = (own & inked[rows, columns]).any(axis=0)
        ends = dark if dark.mean() > _DARK else (own & solid[rows, columns]).any(axis=0)
        ends = np.flatnonzero(ends) + columns.start
        if abs(slope) < _STEEP and len(ends):
            lines.append(Line(at, slope, int(ends[0]), int(ends[-1])))
    return lines


def _fitted(xs: NDArray[np.int64], ys: NDArray[np.int64]) -> tuple[float, float]:
    """Slope and height at 0 of a line through most points: each time to the nearer half, without strokes beside it."""
    near = np.ones(len(xs), bool)
    for _ in range(_FITS):
        slope, at = np.polyfit(xs[near], ys[near], 1)
        away = np.abs(at + slope * xs - ys)
        near = away <= max(1.0, filters.median(away))
    return float(slope), float(at)


def _opened(mask: NDArray[np.bool_], length: int) -> NDArray[np.bool_]:
    """What lies in stretches of a row that are so long and full."""
    if mask.shape[1] < length:
        return np.zeros_like(mask)
    sums = np.pad(np.cumsum(mask, axis=1, dtype=np.int32), ((0, 0), (1, 0)))
    full = sums[:, length:] - sums[:, :-length] == length  # from each column on
    begun = np.pad(np.cumsum(full, axis=1, dtype=np.int32), ((0, 0), (length, length - 1)), mode="edge")
    begun[:, :length] = 0
    covered: NDArray[np.bool_] = begun[:, length:] > begun[:, :-length]
    return covered


def _joined(lines: list[Line], near: float) -> list[Line]:
    """The lines, with those in one that continue each other; but strokes of digits one above another are no line."""
    out: list[Line] = []
    filled: list[float] = []
    for line in lines:
        for k, other in enumerate(out):
            middle = (max(line.begin, other.begin) + min(line.end, other.end)) / 2
            if abs(line.place(middle) - other.place(middle)) < near:
                longer = max(line, other, key=lambda each: each.end - each.begin)
                out[k] = Line(longer.at, longer.slope, min(line.begin, other.begin), max(line.end, other.end))
                filled[k] += line.end - line.begin
                break
        else:
            out.append(line)
            filled.append(line.end - line.begin)
    return [line for line, full in zip(out, filled, strict=True) if full >= _FILLED * (line.end - line.begin)]
