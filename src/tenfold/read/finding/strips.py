"""Rows of ink to strips: each row cut out straight, as the network for lines reads it."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tenfold.read import limits
from tenfold.read.decode import Colours
from tenfold.read.finding.paper import Sheet
from tenfold.read.finding.strokes import Piece, Row, digit_height, without_specks
from tenfold.read.finding.strokes import pieces as all_pieces

_MARGIN = 0.3  # of a digit's height, around the row
_LEVEL = 0.03  # a row that climbs less is level
_LARGE = 0.45  # of a digit's height: smaller pieces may stand anywhere beside a row
_FULL = 1.3  # of full ink is black
LONGEST = 200  # times its height: what is longer is no row


@dataclass(frozen=True, eq=False)
class Strip:
    """A row cut out, and the pieces of ink in it."""

    grey: NDArray[np.uint8]  # (H, W), dark ink on light paper
    left: int  # the column of the sheet that is its first
    top: int  # the row of the sheet that is its first, in its middle
    pieces: list[Piece]
    height: float  # of a digit, in pixels
    line: int = 0  # of the sheet, counted from above: the cells of a table have several strips in one


def strip(sheet: Sheet, row: Row, line: int = 0) -> Strip:
    """A row of a sheet, made level, with a little around it and without specks."""
    limits.check()
    large = [piece for piece in row.pieces if max(piece.height, piece.width) >= _LARGE * row.height] or row.pieces
    middles = np.array([(piece.left + piece.right) / 2 for piece in large])
    slope = 0.0
    if len(large) > 2 and np.ptp(middles) > 2 * row.height:
        slope = float(np.polyfit(middles, [piece.middle for piece in large], 1)[0])
        slope *= abs(slope) >= _LEVEL
    margin = int(_MARGIN * row.height) + 1
    left, right = min(p.left for p in row.pieces) - margin, max(p.right for p in row.pieces) + margin
    centre = (left + right) / 2
    falls = slope * (middles - centre)
    top = int(min(piece.top - fall for piece, fall in zip(large, falls, strict=True))) - margin
    bottom = int(np.ceil(max(piece.bottom - fall for piece, fall in zip(large, falls, strict=True)))) + margin
    height, width = sheet.flat.shape
    ink = np.zeros((bottom - top, right - left), np.float32)
    columns = np.arange(max(0, left), min(right, width))
    down = np.round(slope * (columns - centre)).astype(int)
    for drop in sorted(set(down.tolist())):  # of neighbouring columns
        some = columns[down == drop]
        rows = slice(max(0, top + drop), max(0, min(bottom + drop, height)))
        part = sheet.flat[rows, some[0] : some[-1] + 1]
        ink[rows.start - top - drop : rows.start - top - drop + len(part), some - left] = part
    return Strip(_grey(ink, sheet), left, top, row.pieces, row.height, line)


def behind(sheet: Sheet, row: Strip, begin: float, end: float) -> Strip:
    """What of a row is behind the widest gap between two columns of a sheet, as a row."""
    across = columns(row.pieces)
    gaps = [(b[0] - a[1], b[0]) for a, b in pairwise(across) if a[1] > begin and b[0] <= end]
    left = max(gaps, default=(0, end))[1]
    pieces = [piece for piece in row.pieces if piece.left >= left]
    return strip(sheet, Row(pieces, digit_height(pieces)), row.line) if pieces else row


def columns(pieces: list[Piece], gap: float = 0) -> list[tuple[int, int]]:
    """Where pieces that stand one above another, or less than `gap` pixels apart, begin and end, from left to right."""
    columns: list[tuple[int, int]] = []
    for piece in sorted(pieces, key=lambda piece: piece.left):
        if columns and piece.left < columns[-1][1] + gap:
            columns[-1] = columns[-1][0], max(columns[-1][1], piece.right)
        else:
            columns.append((piece.left, piece.right))
    return columns


def whole(sheet: Sheet, colours: Colours, row: Strip | None = None) -> list[Strip]:
    """All of a sheet as one row: its ink, and the picture as it is. `row` is the one on it, if it was found."""
    pieces = row.pieces if row else without_specks(all_pieces(sheet), sheet.flat.shape)
    height = row.height if row else digit_height(pieces) or 0.6 * len(sheet.flat)
    grey = Image.fromarray((255 * colours.mean(axis=2)).astype(np.uint8)).resize(sheet.flat.shape[::-1])
    picture = np.asarray(grey) if sheet.dark else 255 - np.asarray(grey)
    return [Strip(view, 0, 0, pieces, height) for view in (_grey(sheet.flat, sheet), picture)]


def may_be_row(shape: tuple[int, ...], least: float = 1.2) -> bool:
    """Whether a picture (H, W) may be one row of writing: it is so many times as wide as high, and not too wide."""
    return least * shape[0] < shape[1] < 25 * shape[0]


def _grey(ink: NDArray[np.float32], sheet: Sheet) -> NDArray[np.uint8]:
    grey = ink / (_FULL * sheet.full)
    np.clip(grey, 0, 1, out=grey)  # in place: a page may be one strip
    np.multiply(255, grey, out=grey)
    np.subtract(255, grey, out=grey)
    return grey.astype(np.uint8)
