"""Ruled and squared paper: straight lines across the page, taken out of the ink without the strokes that cross them."""

import numpy as np
from numpy.typing import NDArray

from tenfold.read import filters, limits
from tenfold.read.finding.paper import Sheet, thresholds

_SLOPES = np.linspace(-0.08, 0.08, 17)  # of the lines that are looked for
_COVER = 0.62  # of the page's width is ink along a line,
_ENDS = 0.1  # and some of it is in either outermost part of the page
_LEFT = 0.05  # of the ink must be left, or it was no paper with lines
_LENGTH, _LONG = 40, 2.5  # pixels, and times its height: a shorter piece of ink stands on no line of its own
_WRITTEN = 0.2  # of a piece's ink at least is none of a line, or above so much of that is ink: else it is a dash
_THICK = 0.03  # of the page's shorter side: thicker is no line
_COARSE = 400  # pixels, at which lines are looked for
_MOST = 120  # lines


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
