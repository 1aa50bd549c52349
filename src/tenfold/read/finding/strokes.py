"""Ink to strokes: connected pieces of ink, without specks and edges, and the rows they stand in."""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tenfold.read import filters, limits
from tenfold.read.finding.paper import Sheet

MOST = 4000  # pieces: more are no writing,
_STANDS_OUT = 4.0  # but what has so many times the ink of most of them may be
_OVER = 8  # times as large as the page are the boxes of its pieces together at most: those of writing hardly overlap
_POINT = 0.7  # of the pen's width: what is smaller is no point
_FLAT, _ALONG = 0.35, 0.25  # of a digit's height is a dash, or the bar of a 5; what is beside it counts as so far
_COMMA, _HANGING = 0.75, 0.85  # of a digit's height: a smaller piece that is alone may hang below a row, or beside one
_BETWEEN = 1.2  # of a digit's height are at least between two commas of a number: three digits
_FAR, _LOW = 2.5, 0.6  # of a digit's height: a wider gap parts rows, and a row of no digit may be lower
_SPECK = 0.14  # of a digit's height: smaller pieces are specks


class Texture(Exception):
    """A sheet is full of pieces that are alike: there is no writing on it."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A connected piece of ink: where it is in pixels of the sheet, and which of those pixels are its own."""

    top: int
    left: int
    mask: NDArray[np.bool_]  # (H, W)

    @cached_property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return int(self.mask.shape[0])

    @cached_property
    def width(self) -> int:
        """Pixels from left to right."""
        return int(self.mask.shape[1])

    @cached_property
    def bottom(self) -> int:
        """The row after its last."""
        return self.top + self.height

    @cached_property
    def right(self) -> int:
        """The column after its last."""
        return self.left + self.width

    @cached_property
    def mass(self) -> int:
        """Pixels of ink."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def middle(self) -> float:
        """The row in the middle of it."""
        return self.top + self.height / 2

    def columns(self, first: int, last: int) -> "Piece | None":
        """The part of it in the columns from `first` to before `last`, without empty edges; None where it has none."""
        first, last = max(first, self.left) - self.left, min(last, self.right) - self.left
        part = self.mask[:, max(0, first) : max(0, last)]
        if not part.any():
            return None
        rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
        inside = part[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return Piece(self.top + int(rows[0]), self.left + first + int(columns[0]), inside)


@dataclass(frozen=True)
class Row:
    """Pieces that stand side by side, from left to right, and the height of a digit among them in pixels."""

    pieces: list[Piece]
    height: float


def pieces(sheet: Sheet, join: int = 0) -> list[Piece]:
    """The connected pieces of ink on a sheet, joined over corners too; only those that are surely ink somewhere.

    Gaps of up to 2 * `join` pixels are closed. Two thresholds (J. Canny's hysteresis, 1986): a faint end of a stroke
    stays, a faint line of the paper does not. Raises Texture.
    """
    if sheet.blank:
        return []
    low = sheet.flat > sheet.low
    if join:
        low = filters.closed(np.pad(low, join), 2 * join + 1)[join:-join, join:-join]
    inked = np.flatnonzero(low.any(axis=1)), np.flatnonzero(low.any(axis=0))
    if not len(inked[0]):
        return []
    top, left = int(inked[0][0]), int(inked[1][0])  # nothing is looked for where there is no ink
    box = slice(top, int(inked[0][-1]) + 1), slice(left, int(inked[1][-1]) + 1)
    labels, boxes = filters.components(low[box])
    numbers = labels[low[box]]
    areas = np.bincount(numbers, minlength=len(boxes) + 1)
    sure = np.zeros(len(boxes) + 1, bool)
    sure[numbers[sheet.flat[box][low[box]] > sheet.high]] = True
    sure &= areas >= 4
    areas[0] = 0
    if 2 * areas.max() > labels.size:  # of a net there are as many holes
        holes = filters.components(labels != areas.argmax(), corners=False)[1]
        if len(holes) > MOST:
            raise Texture
    if sure.sum() > MOST:  # the rest is texture
        sure &= areas > _STANDS_OUT * filters.median(areas[sure])
        if not 0 < sure.sum() <= MOST:
            raise Texture
    some = [(number, place) for number, place in enumerate(boxes, 1) if sure[number]]
    if sum(labels[place].size for _, place in some) > _OVER * labels.size:  # as of hatching
        raise Texture
    return [Piece(top + place[0].start, left + place[1].start, labels[place] == number) for number, place in some]


def stroke_width(pieces: list[Piece]) -> float:
    """How wide the pen is, in pixels: twice the ink by the length of its edge, as of a bar."""
    edge = 0
    for piece in pieces:
        limits.check()
        around = np.pad(piece.mask, 1)
        edge += int((around[1:] != around[:-1]).sum() + (around[:, 1:] != around[:, :-1]).sum())
    return 2 * sum(piece.mass for piece in pieces) / max(1, edge)


def clean(sheet: Sheet, join: int = 0) -> tuple[Sheet, list[Piece]]:
    """The sheet without pieces smaller than the pen, and those that may be signs or parts of them; `join` as above."""
    every = pieces(sheet, join)
    large = without_specks(every, sheet.flat.shape)
    if not large:
        return sheet, []
    least, height = _POINT * stroke_width(large), digit_height(large)
    kept = {id(piece) for piece in large}
    flat, points = sheet.flat, []
    for piece in every:
        if id(piece) in kept or max(piece.height, piece.width) > height:
            continue
        if max(piece.height, piece.width) >= max(least, 2.0):
            points.append(piece)
        else:
            if flat is sheet.flat:
                flat = flat.copy()
            top, left = max(0, piece.top - 1), max(0, piece.left - 1)
            flat[top : piece.bottom + 1, left : piece.right + 1] = 0
    return replace(sheet, flat=flat), large + points


def digit_height(pieces: list[Piece]) -> float:
    """The height of most digits in pixels: the median over pieces, each counted by its ink."""
    if len(pieces) < 2:
        return float(pieces[0].height) if pieces else 0.0
    # A wide piece may be digits that touch, a low one part of a digit: neither is taller than a digit.
    heights = np.array([piece.height for piece in pieces], float)
    masses = np.array([piece.mass for piece in pieces], float)
    order = heights.argsort()
    total = masses[order].cumsum()
    return float(heights[order][np.searchsorted(total, total[-1] / 2)])


def without_specks(pieces: list[Piece], shape: tuple[int, int]) -> list[Piece]:
    """The pieces that may be digits or parts of them: no specks, and nothing that runs along the picture's edge."""
    while True:
        limits.check()
        height = digit_height([p for p in pieces if not _touches(p, shape)]) or digit_height(pieces)
        kept = [p for p in pieces if max(p.height, p.width) >= max(3.0, _SPECK * height)]
        inside = [p for p in kept if not _edge(p, shape, height)]
        # What is nearly all the ink of a page is hardly its edge, unless it goes around the page.
        framed = any(_frame(p, shape) for p in kept)
        if inside and (framed or sum(p.mass for p in inside) > 0.1 * sum(p.mass for p in kept)):
            kept = inside
        if len(kept) == 1 and _rim(kept[0], shape):
            return []
        if len(kept) == len(pieces):
            return kept
        pieces = kept


def _rim(piece: Piece, shape: tuple[int, int]) -> bool:
    """Whether a piece fills one end of the picture: a shade that begins there."""
    height, width = shape
    ends = (piece.top <= 1, piece.bottom >= height - 1, piece.left <= 1, piece.right >= width - 1)
    return sum(ends) == 3 and piece.mass > 0.9 * piece.height * piece.width


def _touches(piece: Piece, shape: tuple[int, int]) -> tuple[bool, bool, bool, bool] | None:
    """Which ends of the picture a piece reaches, top, bottom, left and right; None for none."""
    margin = max(1, round(0.01 * max(shape)))
    ends = (
        *(piece.top <= margin, piece.bottom >= shape[0] - margin),
        *(piece.left <= margin, piece.right >= shape[1] - margin),
    )
    return ends if any(ends) else None


def _frame(piece: Piece, shape: tuple[int, int]) -> bool:
    """Whether a piece goes around the picture: it reaches three ends and three corners, and is hollow."""
    y, x = piece.height // 12 + 1, piece.width // 12 + 1
    corners = (piece.mask[:y, :x], piece.mask[:y, -x:], piece.mask[-y:, :x], piece.mask[-y:, -x:])
    reached = sum(bool(corner.any()) for corner in corners)
    return sum(_touches(piece, shape) or ()) >= 3 and reached >= 3 and piece.mass < 0.6 * piece.height * piece.width


def _edge(piece: Piece, shape: tuple[int, int], digit: float) -> bool:
    """Whether a piece is the edge of a page or a table, or the rim of a shadow, and not a digit that was cut."""
    ends = _touches(piece, shape)
    # Pictures are often cropped to the digits, which then reach their ends: what is an edge is longer than a digit.
    if ends is None or max(piece.height, piece.width) < 1.4 * digit:
        return False
    slim = min(piece.height, piece.width) < 0.2 * max(piece.height, piece.width)
    if slim and ((ends[0] or ends[1]) if piece.width > piece.height else (ends[2] or ends[3])):
        return True
    return sum(ends) >= 3 or (sum(ends) == 2 and piece.mass < 0.2 * piece.height * piece.width)


def rows(pieces: list[Piece], height: float = 0.0) -> list[Row]:
    """The pieces in rows, from top to bottom, each from left to right. A row may climb or fall.

    Digits are about `height` pixels high; 0 is not known.
    """
    height = height or digit_height(pieces)
    largest = max((max(p.height, p.width) for p in pieces), default=0)
    least = min(0.45 * height, largest)
    large = [p for p in pieces if max(p.height, p.width) >= least]
    tall = [p for p in large if p.height >= _FLAT * height]
    large = tall or large  # what is flat goes with what it is beside
    larger = {id(p) for p in large}
    small = [p for p in pieces if id(p) not in larger]
    built: list[list[Piece]] = []
    ends = np.zeros((len(large), 2, 4))  # top, bottom, right and height of the last two pieces of each row
    for piece in sorted(large, key=lambda p: p.left):
        limits.check()
        shares = _beside(ends[: len(built)], piece)
        best = int(shares.argmax()) if built else 0
        if built and shares[best] > 0.35:
            built[best].append(piece)
        else:
            best = len(built)
            built.append([piece])
            ends[best, 0] = piece.top, piece.bottom, piece.right, piece.height
        ends[best, 1], ends[best, 0] = ends[best, 0], (piece.top, piece.bottom, piece.right, piece.height)
    hanging = [piece for row in built for piece in _hanging(row, large, height)]
    if kept := [left for row in built if (left := [piece for piece in row if piece not in hanging])]:
        built, small = kept, small + hanging
    low = [row for row in built if _commas(row, height)]
    if len(low) == len(built) and low:  # of a single digit in pieces, say
        low.remove(max(low, key=lambda row: max(p.mass for p in row)))
    small += [piece for row in low for piece in row]
    built = [row for row in built if row not in low]
    settled = [(piece, row) for row in built for piece in row]
    boxes = boxes_of([piece for piece, _ in settled])
    for piece in small:  # to the piece that it is nearest to, if that is near at all
        limits.check()
        apart = _distances(boxes, piece, across=_ALONG if piece.height < _FLAT * height < piece.width else 1.0)
        if apart.min() < 0.5 * height:
            settled[int(apart.argmin())][1].append(piece)
        elif max(piece.height, piece.width) >= 0.45 * height:
            built.append([piece])
    done = [Row(sorted(row, key=lambda p: p.left + p.right), digit_height(row)) for row in built]
    return sorted(done, key=lambda row: filters.median([p.middle for p in row.pieces]))


def _commas(row: list[Piece], height: float) -> bool:
    """Whether a row has only pieces that are smaller than digits and as far apart as the commas of a number."""
    small = all(max(piece.height, piece.width) < _COMMA * height for piece in row)
    return small and all(after.left - before.right > _BETWEEN * height for before, after in pairwise(row))


def _hanging(row: list[Piece], large: list[Piece], height: float) -> list[Piece]:
    """The pieces of a row that are low and alone in it, but beside one of another row: the commas of that, say."""
    gaps = [after.left - before.right for before, after in pairwise(row)]
    alone = [
        piece
        for piece, beside in zip(row, zip([np.inf, *gaps], [*gaps, np.inf], strict=True), strict=True)
        if len(row) > 1 and max(piece.height, piece.width) < _HANGING * height and min(beside) > _BETWEEN * height
    ]
    others = [piece for piece in large if piece not in row] if alone else []
    return [piece for piece in alone if others and _distances(boxes_of(others), piece).min() < 0.5 * height]


def parted(row: Row, height: float) -> list[Row]:
    """A row as the rows that it is made of: a word, or another number, may stand far from a number.

    Most digits on the page are `height` pixels high: a row without any may be of the commas of another one.
    """
    if max(piece.height for piece in row.pieces) < _COMMA * height:
        return [row]
    parts: list[list[Piece]] = []
    right = 0
    for piece in sorted(row.pieces, key=lambda p: p.left):
        if parts and piece.left - right <= _FAR * row.height:
            parts[-1].append(piece)
        else:
            parts.append([piece])
        right = max(right, piece.right)
    if len(parts) == 1:
        return [row]
    made = [Row(part, digit_height(part)) for part in parts]
    return [part if part.height > _LOW * row.height else replace(part, height=row.height) for part in made]


def _beside(ends: NDArray[np.float64], piece: Piece) -> NDArray[np.float64]:
    """How much of the lower one's height a piece shares with the last two pieces of each row: (rows,)."""
    top, bottom, right, height = (ends[..., k] for k in range(4))
    shared = np.minimum(bottom, piece.bottom) - np.maximum(top, piece.top)
    near = piece.left - right <= 12 * np.maximum(piece.height, height)
    return np.where(near, shared / np.minimum(height, piece.height).clip(1), 0.0).max(axis=1)  # type: ignore[no-any-return]


def _distances(boxes: NDArray[np.int64], piece: Piece, across: float = 1.0) -> NDArray[np.float64]:
    """Pixels between a piece's box and others (N, 4), top, left, bottom and right; 0 where they overlap.

    Those `across` count so many times.
    """
    aside = np.maximum(boxes[:, 1], piece.left) - np.minimum(boxes[:, 3], piece.right)
    down = np.maximum(boxes[:, 0], piece.top) - np.minimum(boxes[:, 2], piece.bottom)
    return np.hypot(across * aside.clip(0), down.clip(0))  # type: ignore[no-any-return]


def boxes_of(pieces: list[Piece]) -> NDArray[np.int64]:
    """Where pieces are: top, left, bottom and right, (N, 4)."""
    return np.array([(p.top, p.left, p.bottom, p.right) for p in pieces])


def within(pieces: list[Piece], first: Piece, reach: float) -> list[Piece]:
    """The pieces that are reached from the first in steps of less than `reach` pixels, itself included."""
    boxes, reached = boxes_of(pieces), np.array([p is first for p in pieces])
    waiting = [first]
    while waiting:
        limits.check()
        fresh = ~reached & (_distances(boxes, waiting.pop()) < reach)
        reached |= fresh
        waiting += [pieces[k] for k in np.flatnonzero(fresh)]
    return [p for p, there in zip(pieces, reached, strict=True) if there]


def union(parts: list[Piece]) -> Piece:
    """Several pieces as one."""
    if len(parts) == 1:
        return parts[0]
    top, left = min(p.top for p in parts), min(p.left for p in parts)
    mask = np.zeros((max(p.bottom for p in parts) - top, max(p.right for p in parts) - left), bool)
    for p in parts:
        mask[p.top - top : p.bottom - top, p.left - left : p.right - left] |= p.mask
    return Piece(top, left, mask)
