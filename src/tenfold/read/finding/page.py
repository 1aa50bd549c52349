"""One page to the segments on it: which ink, which way up, which rows."""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from tenfold.read.classifier import Classifier
from tenfold.read.decode import Colours
from tenfold.read.finding import clean, paper, rulings, segments, strokes
from tenfold.read.finding.paper import Ink, Sheet
from tenfold.read.finding.segments import Segment
from tenfold.read.finding.strokes import Piece

GOOD = 0.8  # share of the ink that is read well: then nothing else is tried
BETTER = 0.15  # by how much of that the page turned must win over the page as it stands
WIDE = 0.6  # of the page: what is as high as this may be a digit and the lines it is on
PLAIN = 0.9  # the probability of a digit among letters or blots
LETTERS = 0.3  # the share of letters at which a word is one
JOIN = 0.012  # of the longer side: gaps up to twice this are closed where more is read then
ALONE = 0.45  # the same where it is a single digit
OTHER = 0.3  # by how much light ink must win where dark ink is likelier, or the other way round
_GAP = 1.25  # of a digit's height, between digits: a wider one may part two numbers


@dataclass(frozen=True)
class View:
    """What one way of looking at a page gave."""

    sheet: Sheet | None = None
    turns: int = 0  # quarter turns to the left that were made before reading
    rows: list[list[Segment]] = field(default_factory=list)
    corner: tuple[int, int] = (0, 0)  # left and top in the full picture of the part that was looked at

    @property
    def segments(self) -> list[Segment]:
        """Those of all rows."""
        return [segment for row in self.rows for segment in row]

    @property
    def count(self) -> int:
        """The number of digits."""
        return sum(segment.digit for segment in self.segments)

    @property
    def quality(self) -> float:
        """How much of the ink is taken for digits, each counted by its probability: 0 to 1."""
        parts = [(s.piece.mass, s.probability if s.digit else 0.0) for s in self.segments]
        total = sum(mass for mass, _ in parts)
        return sum(mass * good for mass, good in parts) / total if total else 0.0

    @property
    def evidence(self) -> float:
        """The quality, and more for many digits: it takes less chance to make one of a blot than six."""
        return self.quality + 0.08 * min(6, self.count)

    @property
    def texture(self) -> bool:
        """Whether there is so much on the page, and so little of it digits, that other ways to look are a waste."""
        return len(self.segments) > segments.CROWD and self.quality < 0.5

    @property
    def bars(self) -> bool:
        """Whether there are no digits but ones, as any bar is one: too little to turn a page for."""
        return all(s.best == 1 for s in self.segments if s.digit)

    def box(self, piece: Piece, scale: float) -> tuple[int, int, int, int]:
        """Where a piece is in the full picture, with `scale` of its pixels to one looked at: x, y, width, height."""
        assert self.sheet is not None
        height, width = self.sheet.flat.shape  # as turned
        top, left, bottom, right = piece.top, piece.left, piece.bottom, piece.right
        for _ in range(self.turns):  # a quarter back, to the right
            top, left, bottom, right = left, height - bottom, right, height - top
            height, width = width, height
        factor = scale / self.sheet.zoom
        x, y = round(left * factor), round(top * factor)
        size = max(1, round(right * factor) - x), max(1, round(bottom * factor) - y)
        return x + self.corner[0], y + self.corner[1], *size


def find(colours: Colours, classifier: Classifier, *, single: bool = False, upright: bool = False) -> View:
    """The digits on a page, dark or light, and turned by quarters if they are only digits then; never if `upright`.

    The likeliest way to look at the page comes first, and is taken if it makes digits of most of the ink.
    """
    page, alone = clean.sheet(colours), None
    if page is not None:
        view = _plain(page, classifier) or _seen(page, 0, classifier, single=single, most=clean.FEW)
        certain = clean.certainty(page, view.rows)
        if certain >= GOOD:
            return view
        # A lone digit, turned, would have to be likelier by ALONE; a small picture of one is never on its side.
        if view.count == 1 and (certain > 1 - ALONE or (certain and min(colours.shape[:2]) < paper.SMALL)):
            alone = view
    best = alone or View()
    for number, sheet in enumerate(paper.sheets(colours)):
        view = _upright(sheet, classifier, single=single)
        if view.texture:
            break
        if alone is not None:
            return max(alone, view, key=lambda either: either.quality)
        if view.quality < GOOD and not upright:
            view = _turned(view, classifier, single=single)
        # What the picture looks like at first sight is mostly right about which is ink and which is paper.
        if number == 0 or (view.evidence > best.evidence + OTHER and not view.bars):
            best = view
        if best.quality >= GOOD and (single or not best.bars):
            break
    return best


def _plain(sheet: Sheet, classifier: Classifier) -> View | None:
    """A sheet with a single piece of ink that is plainly a digit, as most small pictures are: nothing else is tried."""
    pieces = strokes.pieces(sheet)
    if len(pieces) != 1:
        return None
    segment = Segment(pieces[0], segments.classify(pieces, sheet.ink, classifier)[0], True)
    return View(sheet, 0, [[segment]]) if segment.probability >= segments.PLAIN else None


def _upright(sheet: Sheet, classifier: Classifier, *, single: bool) -> View:
    """A sheet as it stands, or without its ruled lines, or with small gaps closed, if that is better."""
    view = _seen(sheet, 0, classifier, single=single)
    if view.texture:
        return view
    # Lines may also hang on digits that are read well, as long as they are faint.
    hung = any(s.piece.height > WIDE * sheet.flat.shape[0] for s in view.segments)
    poor = view.quality < GOOD
    if (poor or hung) and (bare := rulings.without_lines(sheet, least=1 if poor else 4)) is not None and not bare.blank:
        without = _seen(bare, 0, classifier, single=single)
        if without.quality > view.quality - 0.1 * (not poor):
            view = without
    if view.quality < GOOD and not single:
        joined = _seen(sheet, 0, classifier, single=False, join=max(2, round(JOIN * max(sheet.flat.shape))))
        # What must then be cut again was not one digit in pieces.
        if joined.quality > view.quality and not any(s.cut for s in joined.segments):
            view = joined
    return view


def _turned(upright: View, classifier: Classifier, *, single: bool) -> View:
    """The sheet turned by quarters if more of it is read so than upright."""
    best, sheet = upright, upright.sheet
    assert sheet is not None
    for turns in (1, 3, 2):
        view = _seen(sheet, turns, classifier, single=single)
        # On its head much is a digit too, and so is a single one on its side: it takes more to believe that.
        margin = ALONE if view.count == 1 else 2 * BETTER if turns == 2 and view.count == 2 else BETTER
        enough = view.count >= min(2, upright.count) and not view.bars
        if view.quality > max(upright.quality + margin, best.quality, 0.75) and enough:
            best = view
    return best


def _seen(
    sheet: Sheet, turns: int, classifier: Classifier, *, single: bool, join: int = 0, most: float = np.inf
) -> View:
    """A sheet turned and read, with gaps of up to 2 * `join` pixels closed; nothing where there are too many pieces."""
    if turns:
        sheet = replace(sheet, flat=np.ascontiguousarray(np.rot90(sheet.flat, turns)))
    ink = sheet.ink
    pieces = strokes.without_specks(strokes.pieces(sheet, join), ink.shape)
    if not 0 < len(pieces) <= most:
        return View(sheet, turns)
    if single:
        return View(sheet, turns, [[_single(pieces, ink, classifier)]])
    return View(sheet, turns, _writing(segments.segment(strokes.rows(pieces), ink, classifier)))


def _writing(rows: list[list[Segment]]) -> list[list[Segment]]:
    """The rows without what only looks like digits: letters in a word, and tiny things beside the rest.

    A word of letters has an l or an o in it. So a word a good part of which is no digit is none, and where that is
    most of the page, a row's digits must be plain and not alone.
    """
    total = sum(s.piece.mass for row in rows for s in row)
    checked = [[_word(word) for word in _apart(row)] for row in rows]
    kept = sum(s.piece.mass for row in checked for word in row for s in word if s.digit)
    usual = float(np.median([sum(s.piece.mass for s in row) for row in rows])) if rows else 0.0
    done = []
    for words in checked:
        row = [s for word in words for s in word]
        ink, digits = sum(s.piece.mass for s in row), [s for s in row if s.digit]
        tiny = ink < min(0.04 * total, 0.3 * usual)  # beside the page, and beside the other rows
        if tiny or kept < 0.5 * total:
            plain = all(s.probability > PLAIN for s in digits) and sum(s.piece.mass for s in digits) > 0.5 * ink
            if not plain or (len(digits) == 1 and not tiny):
                row = [replace(s, digit=False) for s in row]
        done.append(row)
    return done


def _word(word: list[Segment]) -> list[Segment]:
    height = max(s.piece.height for s in word)
    large = [s for s in word if s.piece.height > 0.5 * height]
    letters = [s for s in large if not s.digit and not s.cut]
    # Beside a letter, what had to be cut apart is more likely letters than digits that touch.
    if letters and sum(not s.digit or s.cut for s in large) >= LETTERS * len(large):
        return [replace(s, digit=False) for s in word]
    # Between digits, what was cut off and is none is a digit that cannot be read, and not to be passed over.
    if not letters and sum(s.digit for s in large) > len(large) / 2:
        return [replace(s, digit=True) if s in large else s for s in word]
    return word


def _apart(row: list[Segment]) -> list[list[Segment]]:
    """A row's segments in words, parted by gaps wider than half their height."""
    words: list[list[Segment]] = []
    for segment in row:
        last = words[-1][-1].piece if words else None
        gap = segment.piece.left - last.right if last else 0
        if last is None or gap > 0.5 * max(last.height, segment.piece.height):
            words.append([])
        words[-1].append(segment)
    return words


def _single(pieces: list[Piece], ink: Ink, classifier: Classifier) -> Segment:
    """All ink as one digit: the largest piece with what is near it, or with all that is large enough."""
    main = max(pieces, key=lambda p: p.mass)
    reach = 0.35 * max(main.height, main.width)
    near = strokes.within(pieces, main, reach)
    choices = [strokes.union(near), main, strokes.union(pieces)]
    if len(pieces) == 1:
        choices = [main]
    probabilities = segments.classify(choices, ink, classifier)
    # All of what is near, unless less or more is clearly better; less has to answer for the ink that it leaves out.
    extra = (0.0, 0.3 + 5 * (1 - main.mass / choices[0].mass), 0.7)[: len(choices)]
    k = int(np.argmin(-np.log(probabilities[:, :-1].max(axis=1) + 1e-6) + np.array(extra)))
    digit = probabilities[k].argmax() < len(probabilities[k]) - 1 and len(pieces) <= segments.CROWD
    return Segment(choices[k], probabilities[k], bool(digit))


def words(row: list[Segment]) -> list[list[Segment]]:
    """A row's digits as the numbers they make: parted where a gap is wide, and wider than most between digits."""
    digits = [segment for segment in row if segment.digit]
    if len(digits) < 2:
        return [digits] if digits else []
    gaps = np.array([max(0, b.piece.left - a.piece.right) for a, b in pairwise(digits)], float)
    height = float(np.median([s.piece.height for s in digits]))
    usual = float(np.median(gaps)) if len(gaps) > 2 else float(gaps.min())
    parts, start = [], 0
    for k, gap in enumerate(gaps, 1):
        if gap > _GAP * height and gap > 2.2 * usual + 0.2 * height:
            parts.append(digits[start:k])
            start = k
    return [*parts, digits[start:]]
