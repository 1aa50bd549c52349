"""What a row's network read, sign by sign: which ink each sign is, and what the digits' network makes of that ink.

Two networks that agree are more to be trusted than either: where a sign has ink of its own, the probabilities that both
give it are multiplied, as of two experts (G. Hinton 2002).
"""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tenfold.read import filters, limits
from tenfold.read.classifier import Classifier
from tenfold.read.finding.alignment import OTHER, SMALL, WIDE, Alignment, may_be_digit
from tenfold.read.finding.paper import Ink
from tenfold.read.finding.strips import Strip
from tenfold.read.finding.strokes import Piece, union
from tenfold.read.lines import LineModel, Text

DIGITS = tuple("0123456789")
SIGNS = frozenset(".,-/:+()%")  # between digits
_LEAST = 0.02  # what the digits' network leaves of any digit: it has not seen all hands
_NO_DIGIT = 0.3  # what it leaves of signs where the other network sees a digit too: it takes a slash for a 1
PASSED_OVER = 0.5  # of its probability is left to a row with ink of a digit's size that is none of its signs
_EVEN = 0.01  # of the doubt about a text falls on every sign
_POINT = 0.75  # the probability of a point that touches a digit
_TRUST = 0.5  # the power that the digits' probabilities are raised to in a row: it is too certain of foreign hands
_KNOWN = 0.9  # the probability for it of all other digits of a row, of a hand that it knows: then the power is 1
_COMMA = 1.4  # times its width is a comma high
_TALLER, _AS_TALL = 1.15, 1.1  # times as high as digits is a slash or a bracket, and is none
_LEANING = 0.8  # times its height is a slash wide that need not be longer than digits
_LIKE, _UNLIKE = 12.0, 0.2  # times as probable is a sign by its shape
_DOLLAR = 2.0  # times as probable as the 5 that it is like is a dollar, which is no sign
_FREE = 20.0  # times as probable is a point between digits where ink of its size stands free
_GAP, _FAR = 1.25, 2.0  # of a digit's height, between digits: a wider one may part two numbers, and does


@dataclass(frozen=True, eq=False)
class Sign:
    """A sign of a row: its ink, and the probability of every class by name, OTHER among them."""

    value: str
    probability: float
    probabilities: dict[str, float]
    piece: Piece

    @property
    def digit(self) -> bool:
        """Whether it is a digit, or of another class that the digits' network knows."""
        return self.value not in SIGNS | {OTHER}

    @property
    def read(self) -> bool:
        """Whether it is read at all."""
        return self.value != OTHER


@dataclass(frozen=True, eq=False)
class ReadRow:
    """A row's signs from left to right, and the ink that is none: frames, rulings, specks.

    The probabilities of the signs are such that their product is that of the whole row.
    """

    signs: list[Sign]
    ignored: list[Piece]
    strip: Strip | None = None  # what was read
    cell: bool = False  # whether it is in one beside others, which a sign that is not read has as well
    ruled: bool = False  # whether signs share ink that is far longer than they are

    @property
    def line(self) -> int:
        """Of the sheet, counted from above: a row may be in one cell of several side by side."""
        return self.strip.line if self.strip else 0

    @cached_property
    def probability(self) -> float:
        """Of all signs together, and of no others; 0 for a row without any."""
        return float(np.prod([sign.probability for sign in self.signs])) if self.signs else 0.0

    @cached_property
    def mean(self) -> float:
        """The geometric mean of the signs' probabilities."""
        return float(self.probability ** (1 / max(1, len(self.signs))))

    @cached_property
    def number(self) -> bool:
        """Whether there are digits in it, and no more that is none: words have an l or an o. One sign fills a cell.

        A bracket never stands alone, so it may be a digit there; a word of three letters or more is none.
        """
        if self.cell and self.strip and len(self.signs) == 1 and self.signs[0].value in (OTHER, "(", ")"):
            piece = self.signs[0].piece
            letters = sum(may_be_digit(each, piece.height) for each in self.ignored)
            return may_be_digit(piece, self.strip.height) and letters < 2
        return 0 < sum(sign.digit for sign in self.signs) >= sum(not sign.read for sign in self.signs)

    @property
    def unread(self) -> list[Piece]:
        """The ink in it that is part of no number."""
        if self.number:
            return self.ignored
        return self.strip.pieces if self.strip else [*(sign.piece for sign in self.signs), *self.ignored]


def read(strips: list[Strip], ink: Ink, classifier: Classifier, lines: LineModel) -> list[ReadRow]:
    """The signs of each row: the network for lines reads it, the one for digits looks at the ink of each sign."""
    texts = lines.read([strip.grey for strip in strips])
    plans = [_plan(strip, text, lines) for strip, text in zip(strips, texts, strict=True)]
    return _classified(plans, ink, classifier, lines)


def read_views(views: list[Strip], ink: Ink, classifier: Classifier, lines: LineModel) -> ReadRow:
    """The signs of one row of which there are several views."""
    k, text = lines.likeliest([strip.grey for strip in views])
    return _classified([_plan(views[k], text, lines)], ink, classifier, lines)[0]


def _plan(strip: Strip, text: Text, lines: LineModel) -> Alignment:
    """Where the signs of a text stand; with a point that was passed over between digits where that is likelier."""
    row, plan = strip, Alignment(strip, text)
    whole, points, times = text.text, list[tuple[str, float, Piece]](), 1.0
    for k, names, pieces in reversed(plan.free):
        before = max(1e-30, lines.probability(text, whole))
        name = max(names, key=lambda name: lines.probability(text, whole[:k] + name + whole[k:]))
        odds = lines.probability(text, whole[:k] + name + whole[k:]) / before
        share = odds * _FREE / (1 + odds * _FREE)
        if share > 0.5:
            whole = whole[:k] + name + whole[k:]
            points.append((name, share, union(pieces)))
            strip = replace(strip, pieces=[piece for piece in strip.pieces if piece not in pieces])
        times *= 1 + odds if share > 0.5 else 1 - share
    plan = Alignment(strip, text) if points else plan
    plan.row, plan.points, plan.times = row, points, times
    return plan


def _classified(plans: "list[Alignment]", ink: Ink, classifier: Classifier, lines: LineModel) -> list[ReadRow]:
    scores = iter(classify([piece for plan in plans for piece in plan.pieces], ink, classifier))
    return [_row(plan, lines, [next(scores) for _ in plan.pieces], classifier) for plan in plans]


def _row(read: Alignment, lines: LineModel, scores: list[NDArray[np.float32]], classifier: Classifier) -> ReadRow:
    """The row, with what the digits' network makes of its `pieces`."""
    rest = iter(scores)
    alone = len(read.inks) == 1 and not read.word
    agreed = {
        k: float(score[DIGITS.index(sign)])
        for k, (sign, score, own) in enumerate(zip(read.text.text, scores, read.own, strict=False))
        if own and sign in DIGITS and classifier.classes == DIGITS
    }
    high = [p.height for p, sign in zip(read.inks, read.text.text, strict=True) if sign in WIDE]
    signs = []
    for k, (likely, piece, own) in enumerate(zip(read.text.likely, read.inks, read.own, strict=True)):
        names = dict(zip(lines.classes, likely.tolist(), strict=True))
        if own and not alone:
            names = shaped(names, piece, filters.median(high) if high else 0.0, dollar=read.like_dollar(k))
        others = [value for n, value in agreed.items() if n != k]
        trust = 1.0 if alone or (others and min(others) > _KNOWN) else _TRUST
        signs.append(fused(names, classifier, next(rest), piece, own=own, alone=alone, trust=trust))
    whole = [next(rest) for _ in read.alone]
    path = float(np.prod(read.text.likely.max(axis=1))) if signs else 0.0
    if path:  # how likely there are these signs and no others, shared among them
        share = read.text.probability / path * (PASSED_OVER if read.ruled else 1.0) * read.times
        if read.passed_over:
            missed = [next(rest) for _ in read.passed_over]
            signs, times = _with_missed(read, signs, lines, missed, classifier)
            share *= times
        signs = _doubted(signs, min(1.0, share))
    signs = _kept(read, signs)
    for name, sure, piece in read.points:
        k = sum(sign.piece.left + sign.piece.right < piece.left + piece.right for sign in signs)
        signs.insert(k, Sign(name, sure, {name: sure, OTHER: 1 - sure}, piece))
    row = ReadRow(
        signs,
        [piece for piece in read.ignored if all(piece is not s.piece for s in signs)],
        read.row,
        ruled=read.ruled,
    )
    return _likelier(row, by_digits(classifier, whole[0], read.alone[0])) if read.alone else row


def _with_missed(
    read: Alignment, signs: list[Sign], lines: LineModel, scores: list[NDArray[np.float32]], classifier: Classifier
) -> tuple[list[Sign], float]:
    """The signs, with the ink that was passed over where it is plainly digits, and how much less probable that is.

    Two texts are possible, and each network has something to say of both. A point without ink gives way.
    """
    found = [by_digits(classifier, score, piece) for score, piece in zip(scores, read.passed_over, strict=True)]
    if classifier.classes != DIGITS or OTHER in read.text.text or not all(sign.read for sign in found):
        return signs, PASSED_OVER
    every = [(sign.piece.left + sign.piece.width / 2, sign.value, sign) for sign in found]
    for middle, text, sign, own in zip(read.middles, read.text.text, signs, read.own, strict=True):
        over = any(piece.left <= middle <= piece.right for piece in read.passed_over)
        if own or not over or text not in SMALL:
            every.append((middle, text, sign))
    every.sort(key=lambda one: one[0])
    text = "".join(text for _, text, _ in every)
    odds = lines.probability(read.text, text) / max(1e-30, lines.probability(read.text, read.text.text))
    more = 1 + odds
    for sign in found:
        odds *= sign.probability / max(_LEAST, sign.probabilities[OTHER])
    return ([sign for _, _, sign in every], more * odds / (1 + odds)) if odds > 1 else (signs, PASSED_OVER)


def _kept(read: Alignment, signs: list[Sign]) -> list[Sign]:
    """Where ink stands out a point has some of its own, or it must be plain; without any ink all are kept."""
    if not any(read.own):
        return signs
    owned = {id(piece) for piece, own in zip(read.inks, read.own, strict=True) if not own}
    gone = [s for s in signs if id(s.piece) in owned and s.value in SMALL and s.probability <= _POINT]
    doubt = float(np.prod([1 - sign.probability for sign in gone]))
    kept = [sign for sign in signs if sign not in gone]
    return _doubted(kept, doubt)


def _doubted(signs: list[Sign], share: float) -> list[Sign]:
    """Signs that are together so much less probable: each by as much of the doubt as it has of its own."""
    own = [1 - sign.probability + _EVEN for sign in signs]
    return [
        replace(sign, probability=sign.probability * share ** (doubt / sum(own)))
        for sign, doubt in zip(signs, own, strict=True)
    ]


def _likelier(row: ReadRow, alone: Sign) -> ReadRow:
    """A row, or the digit that all of its ink may be, whichever is likelier."""
    one, text = alone.probability * (1 - row.probability), row.probability * (1 - alone.probability)
    if one < text or not alone.read:
        return row
    neither = (1 - alone.probability) * (1 - row.probability)
    return ReadRow([replace(alone, probability=one / (one + text + neither))], [], row.strip) if one else row


def shaped(names: dict[str, float], piece: Piece, height: float, *, dollar: bool = False) -> dict[str, float]:
    """The probabilities, by what a sign's own ink tells: commas are longer than wide, slashes and brackets than digits.

    Digits are `height` pixels high; 0 is not known. What is not probable at all stays so, but a 5 may be a `dollar`.
    """
    factors = {",": _UNLIKE} if piece.height < _COMMA * piece.width else {}
    if height:
        tall = piece.height / height
        factors |= dict.fromkeys("/()", _LIKE if tall > _TALLER else _UNLIKE if tall < _AS_TALL else 1.0)
        if piece.width > _LEANING * piece.height:
            factors["/"] = max(1.0, factors["/"])
    changed = {name: value * factors.get(name, 1.0) for name, value in names.items()}
    if dollar:
        changed[OTHER] = max(changed[OTHER], _DOLLAR * changed["5"])
    total = sum(changed.values())
    return {name: value / total for name, value in changed.items()}


def fused(
    names: dict[str, float],
    classifier: Classifier,
    score: NDArray[np.float32],
    piece: Piece,
    *,
    own: bool,
    alone: bool = False,
    trust: float = 1.0,
) -> Sign:
    """A sign, from the probabilities of both networks; of the one for lines alone where the ink is not its own.

    A lone digit is what the digits' network sees, and no more probable than it is to both in the mean. Else its
    probabilities are raised to the power of `trust`. A digits' network with other classes is asked alone wherever the
    one for lines sees a digit or something else.
    """
    best = max(names, key=names.__getitem__)
    if classifier.classes != DIGITS:
        return by_digits(classifier, score, piece) if best not in SIGNS else of(names, piece)
    if not own:
        return of(names, piece)
    if alone and best in DIGITS:
        sign = by_digits(classifier, score, piece)
        return replace(sign, probability=min(sign.probability, (sign.probability + names[sign.value]) / 2))
    seen = dict(zip(DIGITS, score.tolist(), strict=False))
    none = max(_NO_DIGIT, float(score[-1])) if best in DIGITS else 1.0  # it makes no digit of what is a sign in a row
    if alone:
        seen[OTHER] = float(score[-1])  # of a lone sign it can tell that it is no digit
    both = {name: value * max(_LEAST, seen.get(name, none)) ** trust for name, value in names.items()}
    total = sum(both.values())
    return of({name: value / total for name, value in both.items()}, piece)


def by_digits(classifier: Classifier, score: NDArray[np.float32], piece: Piece) -> Sign:
    """A digit, or OTHER, as the network for digits sees it."""
    return of(dict(zip((*classifier.classes, OTHER), score.tolist(), strict=True)), piece)


def of(names: dict[str, float], piece: Piece) -> Sign:
    """The likeliest sign of these."""
    best = max(names, key=names.__getitem__)
    return Sign(best, names[best], names, piece)


def classify(pieces: list[Piece], ink: Ink, classifier: Classifier) -> NDArray[np.float32]:
    """Probabilities (N, K + 1) of pieces taken as digits."""
    if not pieces:
        return np.zeros((0, len(classifier.classes) + 1), np.float32)
    return classifier.probabilities(classifier.crops([cut_out(piece, ink) for piece in pieces]))


def cut_out(piece: Piece, ink: Ink) -> Ink:
    """A piece's ink with its soft edge, and without what else is in its box: (H + 4, W + 4)."""
    limits.check()
    around = np.zeros((piece.height + 4, piece.width + 4), bool)
    around[2:-2, 2:-2] = piece.mask
    around = filters.dilated(around, 1 if piece.height < 60 else 2)  # wider, not over corners
    image = np.zeros(around.shape, np.float32)
    top, left = max(0, piece.top - 2), max(0, piece.left - 2)
    bottom, right = min(ink.shape[0], piece.bottom + 2), min(ink.shape[1], piece.right + 2)
    y, x = top - piece.top + 2, left - piece.left + 2
    part = ink[top:bottom, left:right]  # nothing, of a place beside the sheet
    image[y : y + part.shape[0], x : x + part.shape[1]] = part
    image *= around
    return image


def words(row: ReadRow) -> list[list[Sign]]:
    """A row's signs as the numbers they make: parted where a gap is wide, and wider than most, or very wide."""
    some = row.signs
    if len(some) < 2:
        return [some] if some else []
    gaps = np.array([max(0, b.piece.left - a.piece.right) for a, b in pairwise(some)], float)
    height = filters.median([sign.piece.height for sign in some if sign.digit])
    usual = filters.median(gaps) if len(gaps) > 2 else float(gaps.min())
    parts, start = [], 0
    for k, gap in enumerate(gaps, 1):
        if gap > min(_FAR * height, max(_GAP * height, 2.2 * usual + 0.2 * height)):
            parts.append(some[start:k])
            start = k
    return [*parts, some[start:]]
