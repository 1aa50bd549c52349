"""The classes of a line: digits, the signs that numbers are written with, and something else."""

from collections.abc import Iterable

from tenfold.learn.recipes.tasks import LINES

CLASSES = LINES.classes
OTHER = CLASSES[-1]  # letters and other signs; a run of them is one
BLANK = 0  # the class of CTC that stands for nothing, before the others

NUMBERS: dict[str, int] = {sign: number for number, sign in enumerate(CLASSES, BLANK + 1)}


def encode(text: str) -> list[int]:
    """The classes of a text, spaces left out and all that is no class as OTHER, a run of which is one."""
    numbers: list[int] = []
    for sign in text:
        number = NUMBERS.get(sign, NUMBERS[OTHER])
        if not sign.isspace() and not (number == NUMBERS[OTHER] and numbers[-1:] == [number]):
            numbers.append(number)
    return numbers


def decode(numbers: Iterable[int]) -> str:
    """The text of classes."""
    return "".join(CLASSES[number - BLANK - 1] for number in numbers)
