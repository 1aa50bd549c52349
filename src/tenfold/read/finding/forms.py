"""Numbers as people write them: where the signs make what nobody writes, one of them is more likely another."""

from dataclasses import replace

from tenfold.read import limits, numbers
from tenfold.read.finding.alignment import OTHER
from tenfold.read.finding.signs import ReadRow, Sign, words

_RARE = 50.0  # times as probable is a number of a usual form as one of another
_ODD = 20.0  # times as probable is a number of digits alone where all others are so,
_MANY, _MOST = 5, 0.8  # or that many of them, and that share


def usual(rows: list[ReadRow]) -> list[ReadRow]:
    """Rows of a page in whose numbers one sign each is another one, where that makes a number of a usual form of it.

    So it is with a sign among digits where most other numbers on the page are digits alone, as those of a table are.
    """
    every = [part for row in rows if row.number for part in words(row)]
    plain = sum(all(sign.digit for sign in part) for part in every)
    alone = plain >= max(_MANY, _MOST * (len(every) - 1))
    changed = {id(old): new for part in every if (swap := _swap(part, digits=alone)) for old, new in [swap]}
    return [replace(row, signs=[changed.get(id(sign), sign) for sign in row.signs]) for row in rows]


def _swap(number: list[Sign], *, digits: bool) -> tuple[Sign, Sign] | None:
    """The sign that is another one, and that; None where the number may stay as it is."""
    text = [sign.value for sign in number]
    odd = not numbers.usual("".join(text))
    if not (odd or (digits and not "".join(text).isdigit())) or not all(sign.read for sign in number):
        return None
    best, swap = 1.0, None
    for k, sign in enumerate(number):
        limits.check()
        for name in sign.probabilities.keys() - {sign.value, OTHER}:
            other = "".join([*text[:k], name, *text[k + 1 :]])
            times = (_RARE if odd else 1.0) * (_ODD if digits and other.isdigit() else 1.0)
            odds = times * sign.probabilities[name] / sign.probabilities[sign.value]
            if odds > best and numbers.usual(other):
                best, swap = odds, (sign, name, times)
    if swap is None:
        return None
    sign, name, times = swap
    named = sign.probabilities | {name: sign.probabilities[name] * times}
    named = {each: value / sum(named.values()) for each, value in named.items()}
    there = sign.probability / sign.probabilities[sign.value]  # how likely it is a sign at all
    return sign, replace(sign, value=name, probability=there * named[name], probabilities=named)
