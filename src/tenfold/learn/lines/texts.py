"""What people write in a line: amounts, decimals, dates, times, percentages, sums, numbers beside words."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CLOSING = ("-", "=", "~", "--", ".-", ",-", ",--", ".=", ",=", "-", ".", ",")  # after an amount

HIDDEN = ".,':-=~"  # signs so small that they may lie under others, or be cut off
OTHER, ALIKE = "?*"  # are drawn as a letter or another sign, and as a letter that is as good as a digit
UNITS = ("kg", "g", "m", "cm", "km", "mm", "mg", "€", "$", "¥", "EUR", "USD", "CHF", "Fr", "R$")
MONEY = ("€", "$", "¥", "$", "€", "R$")  # before a number as often as behind it
LETTERS = "".join(sorted(set("".join(UNITS))))


@dataclass(frozen=True)
class Line:
    """The signs of a line as they are drawn, and as they are read: "=" and "~" are drawn, and "-" is read."""

    drawn: str
    text: str

    def seen(self, seen: NDArray[np.bool_]) -> str:
        """What is drawn, without what is not seen."""
        return "".join(sign for k, sign in enumerate(self.drawn) if seen[k] or sign == " ")


def line(length: int, generator: np.random.Generator) -> Line:
    """A line with about so many digits."""

    def maybe(share: float) -> bool:
        return bool(generator.random() < share)

    kind = generator.choice(len(_SHARES), p=_SHARES)
    drawn = _KINDS[kind](length, generator)
    if kind < 2:
        if maybe(0.28):
            drawn += str(generator.choice(CLOSING))
        if maybe(0.08):
            drawn = str(generator.choice(["-", "=", "?", ".", "+"])) + drawn
    if maybe(0.2):  # a word or a unit before or after it
        unit = maybe(0.5)
        word = str(generator.choice(MONEY if maybe(0.5) else UNITS)) if unit else _word(generator)
        apart = " " if maybe(0.7) else ""
        drawn = drawn + apart + word if maybe(0.5 if word in MONEY else 0.8 if unit else 0.6) else word + apart + drawn
    return Line(drawn, read(drawn))


_AS_READ = str.maketrans("=~'" + ALIKE + LETTERS, "--,?" + OTHER * len(LETTERS))


def read(drawn: str) -> str:
    """The text that is read where signs are drawn: one dash for any closing stroke, one OTHER for a word."""
    out = ""
    for sign in drawn.translate(_AS_READ):
        if not (sign in "-?" and out.endswith(sign)):
            out += sign
    return out


def digits(length: int, generator: np.random.Generator) -> str:
    """Digits as numbers have them: often round, sometimes with a digit doubled."""
    values = generator.integers(0, 10, length)
    share = generator.random()
    if share < 0.25:
        values[length - int(generator.integers(0, length)) :] = 0
    elif share < 0.32:
        values[:] = values[0]
    elif share < 0.5 and length > 1:
        k = int(generator.integers(0, length - 1))
        values[k + 1] = values[k]
    return "".join(map(str, values))


def _plain(length: int, generator: np.random.Generator) -> str:
    text = digits(length, generator)
    if length > 3 and generator.random() < 0.15:  # in groups
        size = int(generator.integers(2, 5))
        return " ".join(text[k : k + size] for k in range(0, length, size))
    return text


def _grouped(length: int, generator: np.random.Generator) -> str:
    """Thousands apart by a point, a comma or a tick, sometimes with cents."""
    whole = digits(max(1, length - 2 if generator.random() < 0.2 else length), generator)
    sign = str(generator.choice([".", ",", "'"], p=[0.6, 0.3, 0.1]))
    first = (len(whole) - 1) % 3 + 1
    text = sign.join([whole[:first], *(whole[k : k + 3] for k in range(first, len(whole), 3))])
    if len(whole) < length:
        text += ("," if sign == "." else ".") + digits(2, generator)
    return text


def _decimal(length: int, generator: np.random.Generator) -> str:
    point = str(generator.choice([".", ","]))
    behind = min(int(generator.integers(1, 4)), max(1, length - 1))
    text = digits(max(1, length - behind), generator) + point + digits(behind, generator)
    return "-" + text if generator.random() < 0.15 else text


def _date(length: int, generator: np.random.Generator) -> str:  # noqa: ARG001
    sign = str(generator.choice(["/", ".", "-"], p=[0.5, 0.25, 0.25]))
    day, month, year = generator.integers(1, 32), generator.integers(1, 13), generator.integers(1950, 2030)
    full, zeros = generator.random() < 0.5, generator.random() < 0.6
    shown = [f"{value:02}" if zeros else str(value) for value in (day, month)]
    return sign.join([*shown, str(year if full else year % 100).zfill(2)])


def _time(length: int, generator: np.random.Generator) -> str:
    hour, minute = generator.integers(0, 24), generator.integers(0, 60)
    text = f"{hour:02}:{minute:02}" if generator.random() < 0.6 else f"{hour}:{minute:02}"
    return f"{text}:{generator.integers(0, 60):02}" if length > 5 and generator.random() < 0.4 else text


def _percent(length: int, generator: np.random.Generator) -> str:
    number = _decimal(length, generator) if length > 2 and generator.random() < 0.4 else digits(length, generator)
    return number + "%"


def _joined(length: int, generator: np.random.Generator) -> str:
    """Two numbers with a sign between: a fraction, a range, a sum, a score."""
    first = max(1, int(generator.integers(1, max(2, length))))
    sign = str(generator.choice(["/", "-", "+", ":"], p=[0.4, 0.2, 0.2, 0.2]))
    return digits(first, generator) + sign + digits(max(1, length - first), generator)


def _signed(length: int, generator: np.random.Generator) -> str:
    number = digits(length, generator) if generator.random() < 0.6 else _decimal(length, generator)
    return str(generator.choice(["-", "+"])) + number


def _bracketed(length: int, generator: np.random.Generator) -> str:
    """A number in brackets, or a telephone number with its code in them."""
    if length < 5 or generator.random() < 0.4:
        return f"({digits(length, generator)})"
    code = min(3, length - 3)
    rest = digits(length - code, generator)
    dash = "-" if generator.random() < 0.5 else ""
    return f"({digits(code, generator)}){rest[:3]}{dash}{rest[3:]}"


def _anything(length: int, generator: np.random.Generator) -> str:
    """Digits with signs anywhere."""
    signs = [""] * 8 + list(".,-/:+()%?")
    return "".join(value + str(generator.choice(signs)) for value in digits(length, generator))


def _word(generator: np.random.Generator) -> str:
    """A letter, or up to six, of which one at least is like no digit."""
    word = [OTHER, *generator.choice([OTHER, ALIKE], int(generator.choice(6, p=[0.3, 0.25, 0.2, 0.1, 0.1, 0.05])))]
    return "".join(generator.permutation(word))


def _others(length: int, generator: np.random.Generator) -> str:  # noqa: ARG001
    """Nothing that is read."""
    return _word(generator) + str(generator.choice(["", " "])) + _word(generator)


_KINDS = (_plain, _grouped, _decimal, _date, _time, _percent, _joined, _signed, _bracketed, _anything, _others)
_SHARES = (0.44, 0.13, 0.09, 0.06, 0.035, 0.05, 0.065, 0.035, 0.03, 0.045, 0.02)
