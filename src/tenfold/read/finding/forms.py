"""Numbers as people write them: where the signs make what nobody writes, one of them is more likely another."""

from dataclasses import replace

from tenfold.read import limits, numbers
from tenfold.read.finding.alignment import OTHER
from tenfold.read.finding.signs import SIGNS, ReadRow, Sign, words

_RARE = 50.0  # times as probable is a number of a usual form as one of another
_PLACES = 5  # of a number at most
_SELDOM = 0.3  # times as probable as elsewhere, or as improbable: a row is read again where a sign is that


def expected(rows: list[ReadRow]) -> dict[int, dict[str, float]]:
    """The rows with a sign that the other numbers on the page lack, or without one that they have, as prices a point.

    And how many times as probable each sign is there, by the rule of succession: one that no other number has may be
    at one of as many places as all of these have, a long one counted as a usual one.
    """
    every = [
        (k, {s.value for s in part}, part)
        for k, row in enumerate(rows)
        if row.number and row.strip
        for part in words(row)
    ]
    found = {}
    for k in dict.fromkeys(k for k, *_ in every):
        own, others = [some for j, some, _ in every if j == k], [some for j, some, _ in every if j != k]
        places = sum(min(_PLACES, len(part)) for j, _, part in every if j != k)
        odds = {}
        for sign in SIGNS | {OTHER}:
            having = sum(sign in some for some in others)
            share, rest = having + 0.5, len(others) - having + 0.5
            odds[sign] = share / rest if share > rest else share / len(others) if having else 1 / max(1, places)
        extra = any(odds.get(sign, 1) < _SELDOM for some in own for sign in some)
        if extra or any(odds[sign] > 1 / _SELDOM and sign not in some for some in own for sign in odds):
            found[k] = odds
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
