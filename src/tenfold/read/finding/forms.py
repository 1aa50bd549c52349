"""Numbers as people write them: where the signs make what nobody writes, one of them is more likely another."""

import re
from collections import Counter
from dataclasses import replace

from tenfold.read import limits, numbers
from tenfold.read.finding.alignment import OTHER
from tenfold.read.finding.signs import SIGNS, ReadRow, Sign, words

_RARE = 50.0  # times as probable is a number of a usual form as one of another
_DIGITS = frozenset("0123456789")
_DATE = re.compile(r"\d{1,2}([-./])\d{1,2}\1\d{2}(\d\d)?|\d{4}([-./])\d\d\3\d\d")
_PLACES = 5  # of a number at most
_SELDOM = 0.3  # times as probable as elsewhere, or as improbable: a row is read again where a sign is that


def expected(rows: list[ReadRow]) -> dict[int, dict[str, float]]:
    """The rows with a sign that the other numbers on the page lack, or without one that they have, as prices a point.

    And how many times as probable each sign is there. Of a sign that no other number has, the rule of succession says
    that it may be at one of as many places as they have, a long one counted as a usual one; and I. J. Good's (1953)
    that the next number is of another kind as often as a kind was met once. A date among numbers stays one.
    """
    every = [
        (k, "".join(sign.value for sign in part))
        for k, row in enumerate(rows)
        if row.number and row.strip
        for part in words(row)
    ]
    found = {}
    for k in dict.fromkeys(k for k, _ in every):
        own, others = [text for j, text in every if j == k], [text for j, text in every if j != k]
        kinds = Counter(frozenset(text) - _DIGITS for text in others)
        new = list(kinds.values()).count(1) / max(1, len(others))
        new = max(new, 1 / max(1, sum(min(_PLACES, len(text)) for text in others)))
        odds = {}
        for sign in SIGNS | {OTHER}:
            having = sum(sign in text for text in others)
            share, rest = having + 0.5, len(others) - having + 0.5
            odds[sign] = share / rest if share > rest else share / len(others) if having else new
        extra = any(odds.get(sign, 1) < _SELDOM for text in own if not _DATE.fullmatch(text) for sign in text)
        if extra or any(odds[sign] > 1 / _SELDOM and sign not in text for text in own for sign in odds):
            found[k] = odds
    return found


def without_labels(rows: list[ReadRow]) -> list[ReadRow]:
    """The rows, those of no number that begin lines as words do on most other lines: Oil is as good as 01.

    How probable a number is at the beginning of a line, beside others, is told by the rest of the page.
    """
    lines: dict[int, list[int]] = {}
    for k in sorted(range(len(rows)), key=lambda k: strip.left if (strip := rows[k].strip) else 0):
        lines.setdefault(rows[k].line, []).append(k)
    first = [some[0] for some in lines.values() if len(some) > 1]
    found = list(rows)
    for k in first:
        if rows[k].number:
            numbers = sum(rows[j].number for j in first if j != k) + 0.5
            odds = rows[k].probability / max(1e-9, 1 - rows[k].probability) * numbers / (len(first) - numbers)
            if 2 * numbers < len(first) and odds < 1:
                found[k] = replace(rows[k], signs=[])
    return found


def usual(rows: list[ReadRow]) -> list[ReadRow]:
    """Rows in whose numbers one sign each is another one, where that makes a number of a usual form of it."""
    every = [part for row in rows if row.number for part in words(row)]
    changed = {id(old): new for part in every if (swap := _swap(part)) for old, new in [swap]}
    return [replace(row, signs=[changed.get(id(sign), sign) for sign in row.signs]) for row in rows]


def _swap(number: list[Sign]) -> tuple[Sign, Sign] | None:
    """The sign that is another one, and that; None where the number may stay as it is."""
    text = [sign.value for sign in number]
    if numbers.usual("".join(text)) or not all(sign.read for sign in number):
        return None
    best, swap = 1.0, None
    for k, sign in enumerate(number):
        limits.check()
        for name in sign.probabilities.keys() - {sign.value, OTHER}:
            other = "".join([*text[:k], name, *text[k + 1 :]])
            odds = _RARE * sign.probabilities[name] / sign.probabilities[sign.value]
            if odds > best and numbers.usual(other):
                best, swap = odds, (sign, name)
    if swap is None:
        return None
    sign, name = swap
    named = sign.probabilities | {name: sign.probabilities[name] * _RARE}
    named = {each: value / sum(named.values()) for each, value in named.items()}
    there = sign.probability / sign.probabilities[sign.value]  # how likely it is a sign at all
    return sign, replace(sign, value=name, probability=there * named[name], probabilities=named)
