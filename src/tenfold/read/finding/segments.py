"""The strokes of a row to digits: broken ones joined, touching ones cut, whichever the classifier finds best.

Over-segmentation and search: every reasonable grouping of neighbouring pieces, and of the slices of wide ones, is
classified, and the cheapest way through the row is found by dynamic programming, as in Y. LeCun et al. 1998, section V.
A grouping costs the negative logarithm of its best class's probability, so that what is no digit is dear.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from tenfold.read.classifier import Classifier
from tenfold.read.finding.paper import Ink
from tenfold.read.finding.strokes import Piece, Row, union

_TOGETHER = 4  # pieces at most in a digit, each whole or in slices
_WIDE = 0.75  # of its height: a piece wider than this may be several digits
PLAIN = 0.98  # the probability from which a piece is a digit and not several
_NONE = 0.9  # the probability of being none from which a piece is no digit whatever the others are
CROWD = 300  # pieces: more of them that are mostly no digits are texture, or a page of text
_DEAREST = 5.0  # the cost of a grouping that cannot be a digit
_LEFT_OUT = 1.2  # the cost of taking a full-size piece for something else than a digit
_CUT = 0.5  # the least cost of a cut
_SEAM = 48  # pixels of height, at which cuts are looked for


@dataclass(frozen=True, eq=False)
class Segment:
    """What was taken for one digit, or left out: its ink, place and probabilities (K + 1,), the last of being none."""

    piece: Piece
    probabilities: NDArray[np.float32]
    digit: bool
    cut: bool = False  # off a neighbour that it touches

    @property
    def best(self) -> int:
        """The likeliest class."""
        return int(self.probabilities[:-1].argmax())

    @property
    def probability(self) -> float:
        """Its probability."""
        return float(self.probabilities[:-1].max())


@dataclass(frozen=True)
class _Atom:
    """A piece, or a slice of one, in the order of the row."""

    piece: Piece
    origin: int  # number of the piece it is of
    cut: float = 0.0  # the cost of having cut it off on its left
    whole: bool = True


def segment(rows: list[Row], ink: Ink, classifier: Classifier) -> list[list[Segment]]:
    """The segments of each row, from left to right.

    Each piece is classified whole first; only those that are not plainly a digit are thought of as several. All
    groupings of all rows are then classified in one go. A crowd of pieces that are mostly none is left at that.
    """
    nested = [_nested(row) for row in rows]
    alone = iter(classify([piece for pieces in nested for piece in pieces], ink, classifier))
    whole = [[Segment(piece, next(alone), True) for piece in pieces] for pieces in nested]
    every = [segment for segments in whole for segment in segments]
    if len(every) > CROWD and sum(segment.probability > 0.5 for segment in every) < 0.5 * len(every):
        return [[replace(s, digit=s.probability > float(s.probabilities[-1])) for s in segments] for segments in whole]
    plans = []
    for row, segments in zip(rows, whole, strict=True):
        atoms = _atoms(segments, row.height, ink)
        known = {(k, k + 1): segments[atom.origin] for k, atom in enumerate(atoms) if atom.whole}
        plans.append((row, atoms, known, [group for group in _groups(atoms, row.height) if group not in known]))
    wanted = [union([a.piece for a in atoms[i:j]]) for _, atoms, _, groups in plans for i, j in groups]
    further = iter(zip(wanted, classify(wanted, ink, classifier), strict=True))
    done = []
    for row, atoms, known, groups in plans:
        table = known | {group: Segment(*next(further), True) for group in groups}
        done.append(_best_way(atoms, table, row.height))
    return done


def classify(pieces: list[Piece], ink: Ink, classifier: Classifier) -> NDArray[np.float32]:
    """Probabilities (N, K + 1) of pieces taken as digits."""
    if not pieces:
        return np.zeros((0, len(classifier.classes) + 1), np.float32)
    return classifier.probabilities(classifier.crops([cut_out(piece, ink) for piece in pieces]))


def cut_out(piece: Piece, ink: Ink) -> Ink:
    """A piece's ink with its soft edge, and without what else is in its box: (H + 4, W + 4)."""
    around = np.zeros((piece.height + 4, piece.width + 4), bool)
    around[2:-2, 2:-2] = piece.mask
    around = ndimage.binary_dilation(around, iterations=1 if piece.height < 60 else 2)  # wider, not over corners
    image = np.zeros(around.shape, np.float32)
    top, left = max(0, piece.top - 2), max(0, piece.left - 2)
    bottom, right = min(ink.shape[0], piece.bottom + 2), min(ink.shape[1], piece.right + 2)
    y, x = top - piece.top + 2, left - piece.left + 2
    image[y : y + bottom - top, x : x + right - left] = ink[top:bottom, left:right]
    image *= around
    return image


def _atoms(segments: list[Segment], height: float, ink: Ink) -> list[_Atom]:
    atoms: list[_Atom] = []
    for number, segment in enumerate(segments):
        piece = segment.piece
        wide = piece.width > _WIDE * max(piece.height, 0.7 * height) and piece.height > 0.4 * height
        # Alone, with no neighbour that a slice might be joined to, it stays whole if that is cheaper than any cut.
        whole = len(segments) == 1 and piece.height <= height and _cost(segment, [_Atom(piece, 0)], height) < _CUT
        parts = slices(piece, ink) if wide and segment.probability < PLAIN and not whole else [(piece, 0.0)]
        atoms += [_Atom(part, number, cut, whole=len(parts) == 1) for part, cut in parts]
    return atoms


def _nested(row: Row) -> list[Piece]:
    """The row's pieces, those joined that stand one above the other: they cannot be digits side by side."""
    groups: list[list[Piece]] = []
    boxes = np.zeros((len(row.pieces), 4))  # of the groups: top, left, bottom, right
    for piece in row.pieces:
        top, left, bottom, right = boxes[: len(groups)].T
        shared = np.minimum(right, piece.right) - np.maximum(left, piece.left)
        tall = np.maximum(bottom, piece.bottom) - np.minimum(top, piece.top)
        above = shared > 0.6 * np.minimum(right - left, piece.width)
        hits = np.flatnonzero(above & (tall < 1.5 * np.maximum(row.height, bottom - top)))
        if len(hits):
            k = int(hits[0])
            groups[k].append(piece)
            boxes[k, :2] = np.minimum(boxes[k, :2], (piece.top, piece.left))
            boxes[k, 2:] = np.maximum(boxes[k, 2:], (piece.bottom, piece.right))
        else:
            boxes[len(groups)] = piece.top, piece.left, piece.bottom, piece.right
            groups.append([piece])
    return sorted((union(group) for group in groups), key=lambda p: p.left + p.right)


def _groups(atoms: list[_Atom], height: float) -> list[tuple[int, int]]:
    """Which runs of atoms may be a digit: (first, after the last)."""
    groups = []
    for i in range(len(atoms)):
        groups.append((i, i + 1))
        for j in range(i + 2, len(atoms) + 1):
            if len({atom.origin for atom in atoms[i:j]}) > _TOGETHER:
                break
            parts = [atom.piece for atom in atoms[i:j]]
            whole = union(parts)
            # A flourish may make a single stroke wide, but pieces side by side that wide are not one digit.
            widest = 2.2 if atoms[i].origin == atoms[j - 1].origin else 1.6
            if whole.width > widest * max(whole.height, height) or whole.height > 1.6 * height:
                break
            if _joinable(atoms[i:j], height):
                groups.append((i, j))
    return groups


def _joinable(atoms: list[_Atom], height: float) -> bool:
    """Whether neighbouring atoms are near enough to be of one digit."""
    for one, other in pairwise(atoms):
        if one.origin == other.origin:
            continue
        gap = other.piece.left - one.piece.right
        tall = min(one.piece.height, other.piece.height) > 0.65 * height
        if gap > (0.12 if tall else 0.35) * height:
            return False
    return True


def _best_way(atoms: list[_Atom], table: dict[tuple[int, int], Segment], height: float) -> list[Segment]:
    """The cheapest way to take all atoms as digits or leave them out."""
    best: list[tuple[float, list[Segment]]] = [(0.0, [])]
    for j in range(1, len(atoms) + 1):
        ways = []
        for i in (first for first in range(j) if (first, j) in table):
            segment = table[i, j]
            cost = _cost(segment, atoms[i:j], height)
            out = _cost_left_out(segment, height)
            if segment.probabilities[-1] > _NONE:
                cost = max(cost, out + 1e-6)
            if out < cost and len({atom.origin for atom in atoms[i:j]}) == 1:
                segment, cost = replace(segment, digit=False), out
            if atoms[i].cut or (j < len(atoms) and atoms[j].cut):
                segment = replace(segment, cut=True)
            ways.append((best[i][0] + cost, i, segment))
        cost, i, segment = min(ways, key=lambda way: way[0])
        best.append((cost, [*best[i][1], segment]))
    return best[-1][1]


def _cost(segment: Segment, atoms: list[_Atom], height: float) -> float:
    cost = min(_DEAREST, -float(np.log(max(segment.probability, 1e-6))))
    small = max(segment.piece.height, 0.7 * segment.piece.width) / height
    cost += 5.0 * max(0.0, 0.55 - small) + 2.0 * max(0.0, segment.piece.width / max(1, segment.piece.height) - 1)
    joined = len({atom.origin for atom in atoms}) - 1
    tall = sum(atom.piece.height > 0.65 * height for atom in atoms)
    return cost + atoms[0].cut + 0.15 * joined + (0.6 if joined and tall > 1 else 0.0)


def _cost_left_out(segment: Segment, height: float) -> float:
    """A small piece is easily left out; a large one only if it is surely no digit, and a wide one may be several."""
    size = min(1.0, max(segment.piece.height, segment.piece.width) / height)
    several = min(3.0, max(1.0, segment.piece.width / max(0.75 * segment.piece.height, 1)))
    doubt = min(1.5, -float(np.log(max(float(segment.probabilities[-1]), 1e-6))))
    return _LEFT_OUT * size * several + doubt + 0.1


def slices(piece: Piece, ink: Ink) -> list[tuple[Piece, float]]:
    """A wide piece cut from top to bottom wherever that goes through little ink, and what the cut left of each costs.

    Each cut is a seam, the cheapest path from top to bottom near a column (S. Avidan, A. Shamir 2007), which can
    follow a slanted gap.
    """
    soft = cut_out(piece, ink)[2:-2, 2:-2]
    factor = max(1.0, piece.height / _SEAM)
    size = (max(2, round(piece.width / factor)), max(2, round(piece.height / factor)))
    small = np.asarray(Image.fromarray(np.ascontiguousarray(soft)).resize(size, Image.Resampling.BOX))
    small = small / max(float(small.max()), 1e-6) + 0.02
    paths = _seams(small)
    if not paths:
        return [(piece, 0.0)]
    # Which slice each pixel of the piece is in: the number of seams to the left of it.
    rows = np.minimum((np.arange(piece.height) / piece.height * size[1]).astype(int), size[1] - 1)
    columns = np.arange(piece.width) / piece.width * size[0]
    number = sum((columns[None, :] > path[rows][:, None] + 0.5).astype(int) for path, _ in paths)
    labels = np.where(piece.mask, number + 1, 0)
    parts: list[tuple[Piece, float]] = []
    for k, place in enumerate(ndimage.find_objects(labels)):
        if place is not None and np.count_nonzero(mask := labels[place] == k + 1) >= 4:
            part = Piece(piece.top + place[0].start, piece.left + place[1].start, mask)
            parts.append((part, paths[k - 1][1] if k and parts else 0.0))
    return parts


def _seams(cost: NDArray[np.floating]) -> list[tuple[NDArray[np.int64], float]]:
    """Cheap paths from top to bottom, apart from each other, from left to right: a column for every row, and a price.

    Digits that touch mostly do so in one place; a path that crosses two strokes more likely goes through a loop.
    """
    height, width = cost.shape
    down, up = _accumulated(cost), _accumulated(cost[::-1])[::-1]
    middle = height // 2
    through = down[middle] + up[middle] - cost[middle]
    apart = max(3, round(0.2 * height))
    chosen: list[int] = []
    for column in through.argsort(kind="stable"):
        if through[column] > 0.45 * height or len(chosen) > 4 * width / height:
            break
        if apart // 2 <= column < width - apart // 2 and all(abs(column - other) >= apart for other in chosen):
            chosen.append(int(column))
    paths = []
    for column in sorted(chosen):
        path = np.empty(height, np.int64)
        path[middle] = column
        for steps, table in ((range(middle - 1, -1, -1), down), (range(middle + 1, height), up)):
            at = column
            for y in steps:
                first = max(0, at - 1)
                at = first + int(table[y, first : at + 2].argmin())
                path[y] = at
        inked = cost[np.arange(height), path] > 0.4
        crossings = int(inked[0]) + int(np.count_nonzero(inked[1:] & ~inked[:-1]))
        paths.append((path, _CUT + 1.2 * max(0, crossings - 1) + 2.0 * float(inked.mean())))
    return paths


def _accumulated(cost: NDArray[np.floating]) -> NDArray[np.float64]:
    """The cost of the cheapest path from the first row to each pixel, a step at most to the side a row."""
    total = cost.astype(np.float64).copy()
    width = total.shape[1]
    beside = np.full(width + 2, np.inf)
    for y in range(1, len(total)):
        beside[1:-1] = total[y - 1]
        aside = np.minimum(beside[:width], beside[2:]) + 0.05
        total[y] += np.minimum(total[y - 1], aside)
    return total
