"""Numbers as people write them: where the signs make what nobody writes, one of them is more likely another."""

import math
import re
from collections import Counter
from dataclasses import dataclass, replace

from tenfold.read import limits, numbers
from tenfold.read.finding.alignment import OTHER
from tenfold.read.finding.signs import SIGNS, ReadRow, Sign, words

_RARE = 50.0  # times as probable is a number of a usual form as one of another
_DIGITS = frozenset("0123456789")
_DATE = re.compile(r"\d{1,2}([-./])\d{1,2}\1\d{2}(\d\d)?|\d{4}([-./])\d\d\3\d\d")
_BY_CHANCE = {8: 6e-4, 10: 1.2e-5}  # of numbers with so many digits are dates with ones for slashes
_LEAST = 1e-6  # the probability of a sign that is seen nowhere
_PLACES = 5  # of a number at most
_SELDOM = 0.3  # times as probable as elsewhere, or as improbable: a row is read again where a sign is that


def expected(rows: list[ReadRow]) -> dict[int, dict[str, float]]:
    """The rows with a sign that the other numbers on the page lack, or without one that they have, as prices a point.

    And how many times as probable each sign is there. Of a sign that no other number has, the rule of succession says
    that it may be at one of as many places as they have, a long one counted as a usual one; and I. J. Good's (1953)
    that the next number is of another kind as often as a kind was met once. A date among numbers stays one.
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
        extra = any(odds.get(sign, 1) < _SELDOM for text in own if not _DATE.fullmatch(text) for sign in text)
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


def without_labels(rows: list[ReadRow]) -> list[ReadRow]:
    """The rows without what begins most lines and is no number: labels, of which Oil is as good as 01.

    It may be a row of its own or be parted from the number behind it. How probable a number is there, beside others, is
    told by the other lines.
    """
    lines: dict[int, list[int]] = {}
    for k in sorted(range(len(rows)), key=lambda k: strip.left if (strip := rows[k].strip) else 0):
        lines.setdefault(rows[k].line, []).append(k)
    first = {some[0]: len(some) > 1 for some in lines.values()}  # whether there are others in its line
    parts = {k: words(rows[k]) if rows[k].number else [] for k in first}
    for k, some in parts.items():
        if not first[k] and (len(some) < 2 or any(sign.digit for sign in some[0])):
            del first[k]
    begun = {k for k in first if any(sign.digit for part in parts[k][:1] for sign in part)}  # with a number
    found = list(rows)
    for k, several in first.items():
        row, numbers = rows[k], len(begun - {k}) + 0.5
        odds = row.probability / max(1e-9, 1 - row.probability) * numbers / (len(first) - numbers)
        if parts[k] and 2 * numbers < len(first) and (k not in begun or odds < 1):
            label = row.signs if several else parts[k][0]
            ignored = [*row.ignored, *(sign.piece for sign in label)]
            found[k] = replace(row, signs=row.signs[len(label) :], ignored=ignored)
    return found


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
