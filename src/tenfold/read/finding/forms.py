"""Numbers as people write them: where the signs make what nobody writes, one of them is more likely another."""

from dataclasses import replace

from tenfold.read import limits, numbers
from tenfold.read.finding.alignment import OTHER
from tenfold.read.finding.signs import ReadRow, Sign, words

_RARE = 50.0  # times as probable is a number of a usual form as one of another
_MANY, _MOST = 5, 0.8  # numbers of digits alone, and their share of all others, where a sign is rare
_PLACES = 2.0  # in a number, more or less


def odd(rows: list[ReadRow]) -> tuple[list[int], float]:
    """Which rows with a number have signs that are no digits, where most other numbers on the page are digits alone.

    So it is in tables. And how many times less probable a sign is there: by the rule of succession a number more has
    one in one of so many, and several places for it.
    """
    every = [part for row in rows if row.number for part in words(row)]
    plain = sum(all(sign.digit for sign in part) for part in every)
    if plain < max(_MANY, _MOST * (len(every) - 1)):
        return [], 1.0
    known = [row.number and row.strip is not None for row in rows]
    return [k for k, row in enumerate(rows) if known[k] and not all(s.digit for s in row.signs)], _PLACES * plain


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
