"""Rows as people write them: what the others on a page tell of each, and what nobody writes, which is hardly meant."""

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from tenfold.read import limits, numbers
from tenfold.read.classifier import Classifier
from tenfold.read.finding import signs, strips
from tenfold.read.finding.alignment import OTHER
from tenfold.read.finding.paper import Sheet
from tenfold.read.finding.signs import SIGNS, ReadRow, Sign, words
from tenfold.read.finding.view import Cut
from tenfold.read.lines import LineModel

_RARE = 50.0  # times as probable is a number of a usual form as one of another
_DIGITS = frozenset("0123456789")
_DATE = r"\d{1,2}([-./])\d{1,2}\1\d{2}(\d\d)?|\d{4}([-./])\d\d\3\d\d"
_FORMED = re.compile(_DATE + r"|([01]\d|2[0-3]):[0-5]\d|[1-9]\d{0,2}(,\d{3}\.|\.\d{3},)\d\d")
_BY_CHANCE = {8: 6e-4, 10: 1.2e-5}  # of numbers with so many digits are dates with ones for slashes
_LEAST = 1e-6  # the probability of a sign that is seen nowhere
_PLACES = 5  # of a number at most
_LOWER = 0.75  # of a number's height is a label in its line
_SELDOM = 0.3  # times as probable as elsewhere, or as improbable: a row is read again where a sign is that


class Networks:
    """What a page is read with: both networks, of which the one for lines reads a line once, and whether by cells."""

    def __init__(self, classifier: Classifier, opened: Callable[[], LineModel], *, table: bool = False) -> None:
        self.classifier: Classifier = classifier
        self.table: bool = table
        self._opened = opened

    @cached_property
    def lines(self) -> LineModel:
        """The network for lines, opened when it is first needed."""
        return self._opened().remembering()

    def read(self, cut: Cut) -> list[ReadRow]:
        """The rows of a sheet; those with other signs than the others once more, as probable as these make them."""
        rows = signs.read(cut.rows, cut.sheet.ink, self.classifier, self.lines) if cut.rows else []
        beside = {row.line for row in rows if row.number} if cut.grid else set()
        rows = [replace(row, cell=True) if row.line in beside else row for row in rows]
        if self.classifier.classes != signs.DIGITS:
            return rows
        for k, count in labels(rows).items():
            rows[k] = self._without(rows[k].signs[:count], rows[k], cut)
        for k, odds in expected(rows).items():
            if strip := rows[k].strip:
                again = self._again(rows[k], strip, cut, self.lines.expecting(odds))
                rows[k] = again if again.signs else rows[k]
        return usual(rows)

    def _without(self, label: list[Sign], row: ReadRow, cut: Cut) -> ReadRow:
        """A row of a sheet without the label that it begins with, read again."""
        rest, whole = row.signs[len(label) :], row.strip
        if not rest or not whole:
            return replace(row, signs=rest, ignored=[*row.ignored, *(sign.piece for sign in label)])
        strip = strips.behind(cut.written, whole, label[-1].piece.left, rest[0].piece.left)
        again = self._again(row, strip, cut, self.lines)
        left = min(piece.left for piece in strip.pieces)
        return replace(again, ignored=[*again.ignored, *(piece for piece in whole.pieces if piece.left < left)])

    def _again(self, row: ReadRow, strip: strips.Strip, cut: Cut, lines: LineModel) -> ReadRow:
        """A row of a sheet, or a part of it, read once more."""
        (again,) = signs.read([strip], cut.sheet.ink, self.classifier, lines)
        return replace(again, cell=row.cell)

    def read_views(self, views: list[strips.Strip], sheet: Sheet) -> ReadRow:
        """One row, of which there are several views."""
        row = signs.read_views(views, sheet.ink, self.classifier, self.lines)
        return usual([row])[0] if self.classifier.classes == signs.DIGITS else row


def expected(rows: list[ReadRow]) -> dict[int, dict[str, float]]:
    """The rows with a sign that the other numbers on the page lack, or without one that they have, as prices a point.

    And how many times as probable each sign is there. Of a sign that no other number has, the rule of succession says
    that it may be at one of as many places as they have, a long one counted as a usual one; and I. J. Good's (1953)
    that the next number is of another kind as often as a kind was met once. A date, a time or an amount
    with thousands and cents, which a sign too many hardly makes, stays one.
    """
    texts = {
        k: ["".join(sign.value for sign in part) for part in words(row)]
        for k, row in enumerate(rows)
        if row.number and row.strip
    }
    every = _Met.of([text for some in texts.values() for text in some])
    found = {}
    for k, own in texts.items():
        odds = every.without(_Met.of(own)).odds()
        extra = any(odds.get(sign, 1) < _SELDOM for text in own if not _FORMED.fullmatch(text) for sign in text)
        if extra or any(odds[sign] > 1 / _SELDOM and sign not in text for text in own for sign in odds):
            found[k] = odds
    return found


@dataclass(frozen=True)
class _Met:
    """What was met in some numbers: their places, and how many there are of each kind, which is its signs."""

    places: int
    kinds: Counter[frozenset[str]]

    @classmethod
    def of(cls, texts: list[str]) -> "_Met":
        """What is met in some texts."""
        places = sum(min(_PLACES, len(text)) for text in texts)
        return cls(places, Counter(frozenset(text) - _DIGITS for text in texts))

    def without(self, own: "_Met") -> "_Met":
        """What is met in the other numbers."""
        return _Met(self.places - own.places, self.kinds - own.kinds)

    def odds(self) -> dict[str, float]:
        """How many times as probable as elsewhere each sign is in a further number."""
        numbers, odds = self.kinds.total(), {}
        new = max(list(self.kinds.values()).count(1) / max(1, numbers), 1 / max(1, self.places))
        for sign in SIGNS | {OTHER}:
            having = sum(count for kind, count in self.kinds.items() if sign in kind)
            share, rest = having + 0.5, numbers - having + 0.5
            odds[sign] = share / rest if share > rest else share / numbers if having else new
        return odds


def labels(rows: list[ReadRow]) -> dict[int, int]:
    """How many signs at the begin of rows are a label, where most lines begin with one: Oil is as good as 01.

    It may be a row of its own or be parted from the number behind it. How probable a number is there, beside others, is
    told by the other lines.
    """
    lines: dict[int, list[int]] = {}
    for k in sorted(range(len(rows)), key=lambda k: strip.left if (strip := rows[k].strip) else 0):
        lines.setdefault(rows[k].line, []).append(k)
    first = {some[0]: len(some) > 1 for some in lines.values()}  # whether there are others in its line
    parts = {k: words(rows[k]) if rows[k].number else [] for k in first}
    worded = {k for k, some in parts.items() if len(some) > 1 and not any(sign.digit for sign in some[0])}
    first = {k: several for k, several in first.items() if several or k in worded}
    begun = {k for k in first if any(sign.digit for part in parts[k][:1] for sign in part)}  # with a number
    found = {}
    for k in first:
        numbers = len(begun - {k}) + 0.5
        odds = rows[k].probability / max(1e-9, 1 - rows[k].probability) * numbers / (len(first) - numbers)
        if parts[k] and 2 * numbers < len(first) and (k not in begun or odds < 1):
            found[k] = len(parts[k][0] if k in worded and not _lower(rows[k], rows) else rows[k].signs)
    return found


def _lower(row: ReadRow, rows: list[ReadRow]) -> bool:
    """Whether a row is lower than another one in its line, as what is typed."""
    heights = [other.strip.height for other in rows if other.strip and other.line == row.line]
    return row.strip is not None and row.strip.height < _LOWER * max(heights)


def usual(rows: list[ReadRow]) -> list[ReadRow]:
    """Rows in whose numbers ones are the slashes of a date, or one sign each is another, where that is likelier."""
    every = [part for row in rows if row.number for part in words(row)]
    changed = {id(old): new for part in every for old, new in _slashes(part) or _swap(part)}
    return [replace(row, signs=[changed.get(id(sign), sign) for sign in row.signs]) for row in rows]


def _slashes(number: list[Sign]) -> list[tuple[Sign, Sign]]:
    """The two signs of a number that are slashes, and those; none where it is likelier no date.

    Of numbers as long, few are a day, a 1, a month, a 1 and a year by chance: then slashes that are as upright as ones
    are likelier, if dates are as usual as such numbers.
    """
    text = [sign.value for sign in number]
    if len(text) not in _BY_CHANCE or not {text[2], text[5]} <= {"1", "/"} or not all(sign.read for sign in number):
        return []
    day, month, year = ("".join(text[k:end]) for k, end in ((0, 2), (3, 5), (6, None)))
    low, high = sorted((int(day), int(month))) if (day + month + year).isdigit() else (0, 0)
    if not (0 < low <= 12 and high <= 31 and (len(year) == 2 or year[:2] in ("19", "20"))):
        return []
    marks = number[2], number[5]
    odds = math.prod(mark.probabilities["/"] / max(_LEAST, mark.probabilities["1"]) for mark in marks)
    share = math.sqrt(odds / (odds + _BY_CHANCE[len(text)]))  # that both are, half of it for each
    if share**2 < 0.5:
        return []
    named = {"/": share, "1": 1 - share}
    there = [mark.probability / mark.probabilities[mark.value] for mark in marks]  # how likely it is a sign at all
    return [
        (mark, replace(mark, value="/", probability=some * share, probabilities=mark.probabilities | named))
        for mark, some in zip(marks, there, strict=True)
    ]


def _swap(number: list[Sign]) -> list[tuple[Sign, Sign]]:
    """The sign that is another one, and that; none where the number may stay as it is."""
    text = [sign.value for sign in number]
    if numbers.usual("".join(text)) or not all(sign.read for sign in number):
        return []
    best, swap = 1.0, None
    for k, sign in enumerate(number):
        limits.check()
        for name in sign.probabilities.keys() - {sign.value, OTHER}:
            other = "".join([*text[:k], name, *text[k + 1 :]])
            odds = _RARE * sign.probabilities[name] / sign.probabilities[sign.value]
            if odds > best and numbers.usual(other):
                best, swap = odds, (sign, name)
    if swap is None:
        return []
    sign, name = swap
    named = sign.probabilities | {name: sign.probabilities[name] * _RARE}
    named = {each: value / sum(named.values()) for each, value in named.items()}
    there = sign.probability / sign.probabilities[sign.value]  # how likely it is a sign at all
    return [(sign, replace(sign, value=name, probability=there * named[name], probabilities=named))]
