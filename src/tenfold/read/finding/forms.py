"""Numbers as people write them: where the signs make what nobody writes, one of them is more likely another."""

from dataclasses import replace

from tenfold.read import numbers
from tenfold.read.finding.alignment import OTHER
from tenfold.read.finding.signs import ReadRow, Sign, words

_RARE = 50.0  # times as probable is a number of a usual form as one of another


def usual(row: ReadRow) -> ReadRow:
    """A row in whose numbers one sign each is another one, where that makes a number of a usual form of it."""
    if not row.number:
        return row
    changed = {id(old): new for part in words(row) if (swap := _swap(part)) for old, new in [swap]}
    return replace(row, signs=[changed.get(id(sign), sign) for sign in row.signs]) if changed else row


def _swap(number: list[Sign]) -> tuple[Sign, Sign] | None:
    """The sign that is another one, and that; None where the number may stay as it is."""
    text = [sign.value for sign in number]
    if numbers.usual("".join(text)) or not all(sign.read for sign in number):
        return None
    swaps = [
        (probability / sign.probabilities[sign.value], k, name)
        for k, sign in enumerate(number)
        for name, probability in sign.probabilities.items()
        if name not in (sign.value, OTHER) and _RARE * probability > sign.probabilities[sign.value]
    ]
    for _, k, name in sorted(swaps, reverse=True):
        if numbers.usual("".join([*text[:k], name, *text[k + 1 :]])):
            sign = number[k]
            named = sign.probabilities | {name: sign.probabilities[name] * _RARE}
            named = {each: value / sum(named.values()) for each, value in named.items()}
            there = sign.probability / sign.probabilities[sign.value]  # how likely it is a sign at all
            return sign, replace(sign, value=name, probability=there * named[name], probabilities=named)
    return None
