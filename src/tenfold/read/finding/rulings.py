"""Straight lines: found where they are dark or pale, and taken out of the ink without the strokes that cross them."""

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tenfold.read import filters, limits
from tenfold.read.finding.paper import Ink, Sheet, thresholds

_SLOPES = np.linspace(-0.08, 0.08, 17)  # of the lines that are looked for
_COVER = 0.62  # of the page's width is ink along a line,
_ENDS = 0.1  # and some of it is in either outermost part of the page
_LEFT = 0.05  # of the ink must be left, or it was no paper with lines
_LENGTH, _LONG = 40, 2.5  # pixels, and times its height: a shorter piece of ink stands on no line of its own
_WRITTEN = 0.2  # of a piece's ink at least is none of a line, or above so much of that is ink: else it is a dash
_THICK = 0.03  # of the page's shorter side: thicker is no line
_COARSE = 400  # pixels, at which lines are looked for
_MOST = 120  # lines
LEAST, _SHARE = 24, 0.12  # pixels, and of the longer side: shorter lines are strokes
DARK = 0.75  # of a line is ink, or it is pale
_WALL = 0.08  # of the shorter side: what is thicker is no wall
_GAP = 7  # pixels: a longer gap ends a line,
_FILLED = 0.85  # of a line at least is lines that continue each other: strokes in cells one above another leave gaps
_SOLID = 12  # and a stretch without any begins it: else a stroke near a wall would reach it
_ALONG = 9  # pixels of a line, in whose mean a pale line is looked for
_PALE = 0.012  # of the paper's brightness is the least by which it differs,
_NOISE = 2.0  # and so many deviations of what varies there
_FITS = 5  # of a line, until it is one through most of its ink
_STEEP = 0.1  # more than a page is mostly turned by
_CROWD = 200  # lines of a direction: more are texture
_SHORT = 0.15  # of a line may have been missed at its ends
_NEAR = 0.05  # of either of two lines at most is between them where they cross: a stroke may fill most of a cell
Along = TypeVar("Along", float, NDArray[np.float64])


def without_lines(sheet: Sheet) -> Sheet | None:
    """The sheet without straight lines across it, both ways, and lines to write on that touch what is written there.

    None where there are none, or nothing else.
    """
    if sheet.blank or min(sheet.flat.shape) < 24:
        return None
    flat = sheet.flat
    mask: NDArray[np.bool_] = np.asarray(flat > sheet.low)
    gone = _erased(mask) | _erased(mask.T).T
    gone |= _written_on(mask & ~gone)
    ink = flat > sheet.high
    if not gone.any() or np.count_nonzero(ink & ~gone) < _LEFT * np.count_nonzero(ink):
        return None
    return thresholds(np.where(gone, np.float32(0), flat), sheet.dark, sheet.zoom)


def _written_on(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of level lines that are as long as the piece of ink which they are the foot of: bool (H, W)."""
    gone = np.zeros_like(mask)
    labels, boxes = filters.components(mask)
    for number, (rows, columns) in enumerate(boxes, 1):
        limits.check()
        high, wide = rows.stop - rows.start, columns.stop - columns.start
        if wide < max(_LENGTH, _LONG * high):
            continue
        piece = labels[rows, columns] == number
        line = _erased(piece)
        ys = np.flatnonzero(line.any(axis=1))
        above = mask[max(0, rows.start - wide // 8) : rows.start, columns].any(axis=0)
        touching = np.count_nonzero(piece & ~line) > _WRITTEN * np.count_nonzero(piece)
        if len(ys) and ys.mean() > high / 2 and (touching or above.mean() > _WRITTEN):
            gone[rows, columns] |= line
    return gone


def _coarse(mask: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], int]:
    """A smaller mask in which lines are looked for, and how many pixels one of it stands for."""
    height, width = mask.shape
    step = max(1, int(np.ceil(max(height, width) / _COARSE)))
    blocks = mask[: height // step * step, : width // step * step]
    return np.asarray(blocks.reshape(height // step, step, width // step, step).any(axis=(1, 3))), step


def _erased(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of nearly level lines across a mask: bool (H, W)."""
    width = mask.shape[1]
    coarse, step = _coarse(mask)
    gone = np.zeros_like(mask)
    columns = np.arange(width)
    for middle, slope in _level_lines(coarse):
        limits.check()
        centre = np.round((middle + 0.5) * step + slope * (columns - width / 2)).astype(int)
        erase(mask, centre, step, gone, max(4.0, _THICK * min(mask.shape)))
    return gone


def _level_lines(mask: NDArray[np.bool_]) -> list[tuple[int, float]]:
    """Lines as the row in the middle of the page and the slope, the fullest first, none beside another."""
    height, width = mask.shape
    margin = int(np.abs(_SLOPES).max() * width / 2) + 2
    padded = np.pad(mask, ((margin, margin), (0, 0)))
    # Two rows together, as a line that is not level steps from one to the next.
    padded[:-1] |= padded[1:]
    end = max(1, int(_ENDS * width))
    shift = np.round(_SLOPES[:, None] * (np.arange(width) - width / 2)).astype(int) + margin  # (slopes, W)
    # A line is level from step to step: how much of each such part is ink is the difference of two cumulative sums.
    step = np.diff(shift, axis=1, prepend=-1) != 0
    step[:, (0, min(end, width - 1), width - end)] = True
    slope, first = np.nonzero(step)  # of the parts (P,)
    after = np.where(np.diff(slope, append=-1) == 0, np.roll(first, -1), width)
    sums = np.zeros((width + 1, len(padded)), np.int32)
    np.cumsum(padded.T, axis=0, out=sums[1:])
    rows = shift[slope, first][:, None] + np.arange(height)
    ink = sums[after[:, None], rows] - sums[first[:, None], rows]  # (P, H)
    begins = np.flatnonzero(np.diff(slope, prepend=-1))
    left, right = (np.add.reduceat(ink * where[:, None], begins) > 0 for where in (after <= end, first >= width - end))
    cover = np.add.reduceat(ink, begins) / width * (left & right)
    lines: list[tuple[int, float]] = []
    while len(lines) < _MOST:
        limits.check()
        k, y = divmod(int(cover.argmax()), height)
        if cover[k, y] < _COVER:
            break
        lines.append((y, float(_SLOPES[k])))
        cover[:, max(0, y - 3) : y + 4] = 0
    return lines


def erase(
    mask: NDArray[np.bool_], centre: NDArray[np.int64], step: int, gone: NDArray[np.bool_], thickest: float
) -> float:
    """Mark the ink along a line, but not where a stroke crosses it; how thick the line is, 0 if too thick for one.

    `centre` is its row in each column, give or take 2 * `step` pixels.
    """
    height, width = mask.shape
    reach = 2 * step + max(3, height // 60)
    columns = np.arange(width)
    rows = centre[None, :] + np.arange(-reach, reach + 1)[:, None]  # (2 reach + 1, W)
    inside = (rows >= 0) & (rows < height)
    window = mask[rows.clip(0, height - 1), columns[None, :]] & inside
    # The run of ink through, or nearest to, the centre of each column.
    order = np.argsort(np.abs(np.arange(-reach, reach + 1)), kind="stable")
    near = order[window[order[: 4 * step + 3]].argmax(axis=0)]
    hit = window[near, columns]
    # Where a run ends is the first gap above and below: counted with cumulative sums of the gaps.
    gaps = np.cumsum(~window, axis=0)
    same = gaps == gaps[near, columns]
    run = window & same & hit
    thick = run.sum(axis=0)
    usual = filters.median(thick[hit]) if hit.any() else 0.0
    if not 0 < usual <= thickest:
        return 0.0
    erase = run & (thick <= 1.5 * usual + 1.5)[None, :]
    ys, xs = np.nonzero(erase)
    gone[rows[ys, xs], xs] = True
    return usual


@dataclass(frozen=True)
class Line:
    """A line from `begin` to `end` of its own direction, at `at` + `slope` times the place along it, in pixels."""

    at: float
    slope: float
    begin: float
    end: float
    ink: float = 1.0  # the share of it that is ink

    def place(self, along: Along) -> Along:
        """Where it is across its direction."""
        return self.at + self.slope * along

    def reaches(self, along: float) -> bool:
        """Whether it goes as far as that, or nearly so."""
        more = _SHORT * (self.end - self.begin)
        return self.begin - more <= along <= self.end + more

    def scaled(self, step: float) -> "Line":
        """The line where `step` pixels are one of those that it is given in."""
        at = self.at * step + (step - 1) / 2
        return replace(self, at=at, begin=self.begin * step, end=(self.end + 1) * step - 1)

    def moved(self, along: int, across: int) -> "Line":
        """The line on a sheet of which it is given in a part that begins there."""
        at = self.at + across - self.slope * along
        return replace(self, at=at, begin=self.begin + along, end=self.end + along)

    def crosses(self, other: "Line", reach: float) -> bool:
        """Whether it meets a line of the other direction, or would if either were longer by `reach` pixels."""
        along = other.place(self.place(other.at))  # of this line, near enough for lines that are nearly square
        across = self.place(along)
        reach = min(reach, 1 + _NEAR * (self.end - self.begin), 1 + _NEAR * (other.end - other.begin))
        return self.begin - reach <= along <= self.end + reach and other.begin - reach <= across <= other.end + reach


def lines(flat: Ink, low: float, step: int) -> list[Line]:
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
    return [replace(line, ink=_share(line, ink)) for line in lines] if len(lines) <= _CROWD else []


def _share(line: Line, ink: NDArray[np.bool_]) -> float:
    """How much of a level line is ink, or beside ink."""
    columns = np.arange(int(line.begin), int(line.end) + 1)
    rows = np.clip(np.round(line.place(columns.astype(float))).astype(int), 1, len(ink) - 2)
    return float((ink[rows - 1, columns] | ink[rows, columns] | ink[rows + 1, columns]).mean())


def _runs(mask: NDArray[np.bool_], ink: NDArray[np.bool_], gap: int) -> list[Line]:
    """Straight level runs of a mask (H, W), each from where its ink begins, if it is of ink, to where that ends."""
    length = max(LEAST, round(_SHARE * max(mask.shape)))
    thick = filters.extreme(mask, 3, 0)
    closed = filters.extreme(filters.extreme(thick, gap, 1), gap, 1, least=True)
    labels, boxes = filters.components(_opened(closed, length))
    nearly = filters.extreme(filters.extreme(filters.extreme(ink, 3, 0), 3, 1), 3, 1, least=True)
    solid, inked = _opened(thick, _SOLID), _opened(nearly, _SOLID)
    lines: list[Line] = []
    for number, (rows, columns) in enumerate(boxes, 1):
        limits.check()
        own = labels[rows, columns] == number
        if own.sum() > (_WALL * min(mask.shape) + 4) * own.shape[1]:
            continue
        ys, xs = np.nonzero(own)
        slope, at = _fitted(xs + columns.start, ys + rows.start)
        dark = (own & inked[rows, columns]).any(axis=0)
        ends = dark if dark.mean() > DARK else (own & solid[rows, columns]).any(axis=0)
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
    """The lines, with those in one that continue each other and fill it, as strokes one above another do not."""
    groups: list[tuple[Line, list[Line]]] = []  # those in one, and what it is made of
    for line in lines:
        for k, (other, parts) in enumerate(groups):
            middle = (max(line.begin, other.begin) + min(line.end, other.end)) / 2
            if abs(line.place(middle) - other.place(middle)) < near:
                longer = max(line, other, key=lambda each: each.end - each.begin)
                whole = replace(longer, begin=min(line.begin, other.begin), end=max(line.end, other.end))
                groups[k] = whole, [*parts, line]
                break
        else:
            groups.append((line, [line]))
    full = [sum(part.end - part.begin for part in parts) >= _FILLED * (one.end - one.begin) for one, parts in groups]
    return [line for (one, parts), filled in zip(groups, full, strict=True) for line in ([one] if filled else parts)]
