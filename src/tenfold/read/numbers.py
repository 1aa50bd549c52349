"""Numbers as they are written by hand, and what they can mean: "1.250,-" may be 1250 or 1.250."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from tenfold.errors import UsageError

_SEPARATORS = {".": ",", ",": "."}  # the decimal separator, and the thousands separator beside it
_WRITTEN = re.compile(r"([+-]?)([0-9.,]*[0-9])(?:%?[.,]?|[.,]?-+)")  # sign, digits and separators; what ends it
_PART = r"(?:\b\d+(?:[.,]\d+)*|\(\d+(?:[.,]\d+)*\))"  # a number, or one in brackets
_FRACTION = r"\d{1,4}(?:/\d{1,4}){1,2}"  # or a date
_AMOUNT = rf"(?:[1-9]\d?\))?[-+]?{_PART}%?[.,]?-*"  # with its place in a list, and what ends it
_SUM = rf"[-+]?{_PART}(?:[-+]?{_PART})+%?"  # a range, a telephone number
_USUAL = re.compile(rf"{_AMOUNT}|{_SUM}|{_FRACTION}|\(-?{_PART}%\)|\d{{1,2}}\)|\d{{1,3}}(?::\d{{1,3}}){{1,2}}")


@dataclass(frozen=True)
class Number:
    """A number as it was written, and what it can mean."""

    text: str  # as written, such as "1.250,-"
    values: tuple[Decimal, ...]  # one; two where the separator may be either, the one with decimals first

    @property
    def value(self) -> Decimal | None:
        """The only value, None where it is open which of two is meant."""
        return self.values[0] if len(self.values) == 1 else None


def number(text: str, decimal: str | None = None) -> Number | None:
    """The number that a text without spaces is, None where it is none.

    decimal is the decimal separator, "." or ","; the other one separates thousands. Where it is None, not known, a
    number has every value that either convention gives: "1.250" is 1.250 or 1250, "3.75" and "1,250.00" have one value.
    Where it is given, a number that contradicts it is none: "3.75" with decimal=",". Decimals keep trailing zeros.

    Groups of thousands are 1 to 3 digits that do not begin with 0, then 3 each. A sign may stand before the number.
    Left out are a point or comma at the end, and the dashes that close an amount, as in "250,-", "250.-" or "250--".
    "250-" is not negative, nor is "(500)", a number in brackets. The value of a percentage is as written: "85%" is 85.

    Dates, times, ranges, sums and fractions are no numbers, nor is a text with "?", a sign that could not be read.

    Raises UsageError for another decimal separator.
    """
    check(decimal)
    bare = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    written = _WRITTEN.fullmatch(bare)
    if written is None:
        return None
    sign, digits = written.groups()
    readings = [_reading(digits, separator) for separator in ([decimal] if decimal else _SEPARATORS)]
    values = [Decimal(sign + reading) for reading in {*readings} if reading is not None]
    return Number(text, tuple(sorted(values, key=Decimal.copy_abs))) if values else None


def numbers(lines: Iterable[str], decimal: str | None = None) -> tuple[Number, ...]:
    """The numbers in lines of text, in their order: of all that stands between spaces, what `number` says is one.

    Raises UsageError for a decimal separator that is neither "." nor ",".
    """
    check(decimal)
    found = (number(text, decimal) for line in lines for text in line.split())
    return tuple(each for each in found if each is not None)


def usual(text: str) -> bool:
    """Whether people write so: a number, a date, a time, a score, a fraction, a range, a sum, a telephone number."""
    return _USUAL.fullmatch(text) is not None


def check(decimal: str | None) -> None:
    """Raise UsageError for a decimal separator that is neither "." nor ","."""
    if decimal is not None and decimal not in _SEPARATORS:
        raise UsageError(f'decimal must be "." or ",", not {decimal!r}')


def _reading(digits: str, decimal: str) -> str | None:
    """Digits and separators by one convention, as Decimal takes them; None where they contradict it."""
    whole, point, fraction = digits.partition(decimal)
    first, *groups = whole.split(_SEPARATORS[decimal])
    if point and not fraction.isdigit():  # a second separator among the decimals
        return None
    if groups and not (0 < len(first) <= 3 and first[0] != "0" and all(len(group) == 3 for group in groups)):
        return None
    return f"{first}{''.join(groups)}{point and '.'}{fraction}"
