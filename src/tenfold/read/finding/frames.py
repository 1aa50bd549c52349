"""What is drawn round numbers: rings, frames, the walls of cells."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tenfold.read import filters, limits
from tenfold.read.finding.paper import Sheet
from tenfold.read.finding.strokes import Piece, boxes_of, digit_height

_HOLLOW, _RING, _THICK = 0.25, 0.3, 0.6  # of its box is ink in the walls of cells, in a ring, and in a closed one
_THIN, _LONG = 0.25, 5.0  # of a digit's height is a line that is no dash
_ALIKE = 0.12  # of a frame's sides may those of others differ
_LARGEST = 64  # pieces that may be round others
_SOLID, _SQUARE, _WHOLE = 0.55, 0.85, 0.98  # of its box and its area is ink in an area, and more is a blot
_PANEL = 16  # pixels: the least side of an area,
_REST = 0.4  # of its box is ink in one that a digit parts,
_RIM = 0.04  # and of its height is its edge
_MANY = 12  # digits: no ring is round one alone
_PART, _FILLED = 0.3, 0.35  # of a digit's height has what is in a frame, of a ring's a single digit
_COARSE = 48  # the parts in which lines through a piece are looked for,
_THROUGH = 0.75  # of which they fill so many


def erased(sheet: Sheet, pieces: list[Piece]) -> Sheet:
    """The sheet without pieces and their soft edges."""
    if not pieces:
        return sheet
    flat = sheet.flat.copy()
    for piece in pieces:
        edges = filters.dilated(np.pad(piece.mask, 2), 2)
        top, left = max(0, piece.top - 2), max(0, piece.left - 2)
        part = flat[top : piece.bottom + 2, left : piece.right + 2]
        edges = edges[top - piece.top + 2 :, left - piece.left + 2 :][: part.shape[0], : part.shape[1]]
        edges[part > sheet.low] = False
        part[edges] = 0
        flat[piece.top : piece.bottom, piece.left : piece.right][piece.mask] = 0
    return replace(sheet, flat=flat)


def cells(piece: Piece) -> bool:
    """Whether a piece is hollow, and has lines both ways through most of it: two one way, three the other at least."""
    if piece.mass >= _HOLLOW * piece.height * piece.width:
        return False
    step = max(1, max(piece.height, piece.width) // _COARSE)  # so that lines that are not quite level stay in a row
    mask = np.pad(piece.mask, ((0, -piece.height % step), (0, -piece.width % step)))
    blocks = mask.reshape(len(mask) // step, step, -1, step).any(axis=(1, 3))
    lines = [np.count_nonzero(np.diff(np.pad(blocks.mean(axis=k) > _THROUGH, 1).astype(int)) > 0) for k in (0, 1)]
    return bool(min(lines) > 1 and max(lines) > 2)


def around(pieces: list[Piece]) -> list[Piece]:
    """The pieces that are drawn round others, rings, frames, walls of cells, a sheet's edge; and lines to write on."""
    if not pieces:
        return []
    boxes = boxes_of(pieces)
    height = digit_height(_holding_none(pieces, boxes) or pieces)
    many = sum(piece.height > 0.6 * height for piece in pieces) > _MANY
    found = []
    for frame in pieces:
        limits.check()
        filled = frame.mass / (frame.height * frame.width)
        large = frame.height > 1.2 * height or frame.width > 2.5 * height
        if frame.height < _THIN * height and frame.width > _LONG * height:
            found.append(frame)  # a line to write on
            continue
        if filled > _THICK or (many and not large):
            continue
        low, high = (frame.top, frame.left), (frame.bottom, frame.right)
        within = (boxes[:, :2] > low).all(axis=1) & (boxes[:, 2:] < high).all(axis=1)
        # It is larger than a digit, or is round a single one: a digit in pieces stands beside others.
        least = _PART * height if large else np.inf
        if not (boxes[~within, 2] - boxes[~within, 0] > 0.5 * frame.height).sum() > 1:
            least = min(least, _FILLED * frame.height)
        inside = [pieces[k] for k in np.flatnonzero(within) if max(pieces[k].height, pieces[k].width) > least]
        if inside and (filled < _RING or _encloses(frame, inside)):
            found.append(frame)
    return found


def _holding_none(pieces: list[Piece], boxes: NDArray[np.int64]) -> list[Piece]:
    """The pieces without those that go all round others that may be digits, as far as these are of the largest."""
    sides = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    holding = set()
    for k in np.argsort(-sides, kind="stable")[:_LARGEST].tolist():
        limits.check()
        within = (boxes[:, :2] > boxes[k, :2]).all(axis=1) & (boxes[:, 2:] < boxes[k, 2:]).all(axis=1)
        inside = [pieces[n] for n in np.flatnonzero(within & (sides > _PART * pieces[k].height))]
        if inside and _encloses(pieces[k], inside):
            holding.add(k)
    return [piece for k, piece in enumerate(pieces) if k not in holding]


def panels(pieces: list[Piece], shape: tuple[int, int]) -> NDArray[np.bool_] | None:
    """Where areas of ink are in which numbers are left out, as on a meter or a plate: bool (H, W), the holes included.

    They are nearly rectangles; their edges are left out. None where most of the ink is none. Of several in a line one
    that a digit parts is where there is room for it.
    """
    boxes: list[tuple[int, int, int, int]] = []  # left, right, top, bottom
    solid = 0
    for piece in pieces:
        limits.check()
        box = piece.height * piece.width
        if piece.mass < _SOLID * box or min(piece.height, piece.width) < _PANEL:
            continue
        area = np.count_nonzero(filters.filled(piece.mask))
        if area > _SQUARE * box and _SOLID * area < piece.mass < _WHOLE * area:
            solid += piece.mass
            boxes.append((piece.left, piece.right, piece.top, piece.bottom))
    if 2 * solid <= sum(piece.mass for piece in pieces):
        return None
    mask = np.zeros(shape, bool)
    for left, right, top, bottom in [*boxes, *_missing(sorted(boxes), pieces)]:
        rim = max(2, round(_RIM * (bottom - top)))
        mask[top + rim : bottom - rim, max(0, left + rim) : max(0, right - rim)] = True
    return mask


def _missing(boxes: list[tuple[int, int, int, int]], pieces: list[Piece]) -> list[tuple[int, int, int, int]]:
    """The boxes, left, right, top and bottom, for which there is room in a line of others, and ink at its ends."""
    if len(boxes) < 2:
        return []
    lefts, rights, tops, bottoms = (np.array(side) for side in zip(*boxes, strict=True))
    top, bottom, width = int(filters.median(tops)), int(filters.median(bottoms)), int(filters.median(rights - lefts))
    if max(np.abs(tops - top).max(), np.abs(bottoms - bottom).max()) > _ALIKE * (bottom - top):
        return []
    gaps = lefts[1:] - rights[:-1]
    usual = int(filters.median(gaps[gaps < 0.6 * width])) if (gaps < 0.6 * width).any() else width // 8
    found = [
        (int(right) + usual, int(left) - usual, top, bottom)
        for right, left in zip(rights[:-1], lefts[1:], strict=True)
        if left - right > 0.6 * width
    ]
    for left in (int(lefts[0]) - usual - width, int(rights[-1]) + usual):
        there = [p for p in pieces if left - usual <= p.left and p.right <= left + width + usual]
        inside = sum(p.mass for p in there if p.top >= top - usual and p.bottom <= bottom + usual)
        if inside > _REST * width * (bottom - top):
            found.append((left, left + width, top, bottom))
    return found


def _encloses(frame: Piece, pieces: list[Piece]) -> bool:
    """Whether a piece goes all round one of others, however thick it is."""
    hole = filters.filled(frame.mask) & ~frame.mask
    for piece in pieces:
        top, left = piece.top - frame.top, piece.left - frame.left
        if hole[top : top + piece.height, left : left + piece.width][piece.mask].all():
            return True
    return False
