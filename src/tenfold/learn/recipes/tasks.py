"""What is asked about a digit: which one it is, or which group of digits it belongs to."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenfold.errors import DataError, UsageError
from tenfold.mnist import DIGITS

if TYPE_CHECKING:  # so that the command line knows a recipe's fields before anything heavy is loaded
    import numpy as np
    from numpy.typing import NDArray

    from tenfold.mnist.digits import Digits

_EXAMPLES = "digits, parity, is:7, or groups of digits such as 0-4/5-9 or 0/1-4/5-9"


@dataclass(frozen=True)
class Task:
    """Groups of labels, in the order of the classes that a network tells apart, and the names of those classes."""

    name: str
    groups: tuple[tuple[int, ...], ...]
    classes: tuple[str, ...]

    def numbers(self, labels: "NDArray[np.int64]") -> "NDArray[np.int64]":
        """The group of each label (N,), counted from 0, or -1 where it is in none."""
        import numpy as np

        group_of = np.full(256, -1, np.int64)
        for number, group in enumerate(self.groups):
            group_of[list(group)] = number
        return group_of[labels]

    def apply(self, digits: "Digits") -> "Digits":
        """The digits whose label is in a group, labelled with the group's number; the others are dropped.

        Raises DataError when nothing is left.
        """
        from tenfold.mnist.digits import Digits

        labels = self.numbers(digits.labels)
        kept = labels >= 0
        if not kept.any():
            raise DataError(f"no digit in the data belongs to the task {self.name}")
        return Digits(digits.images if kept.all() else digits.images[kept], labels[kept])


# What is read in lines of writing, see `lines`: digits, the signs beside them, and something else.
LINES = Task("lines", tuple((k,) for k in range(20)), (*"0123456789.,-/:+()%", "?"))


def parse(text: str, classes: tuple[str, ...] = DIGITS) -> Task:
    """The task that `text` names, for data with these class names.

    "digits" tells all classes apart; "parity" even from odd; "is:7" sevens from all others; "0,6,8/1-3" the groups
    between the slashes, dropping the digits in none; "lines" reads rows of digits and signs.

    Raises UsageError for a wrong task, or one that needs digits where the data has other classes.
    """
    if text == "digits":
        return Task(text, tuple((k,) for k in range(len(classes))), classes)
    if text == LINES.name:
        return LINES
    if classes != DIGITS:
        raise UsageError(f"the task {text!r} is about digits, and the data has other classes: use --task digits")
    if text == "parity":
        return Task(text, ((0, 2, 4, 6, 8), (1, 3, 5, 7, 9)), ("even", "odd"))
    if match := re.fullmatch(r"is:(\d)", text):
        one = int(match[1])
        return Task(text, (tuple(k for k in range(10) if k != one), (one,)), (f"not {one}", f"{one}"))
    if "/" not in text:
        raise UsageError(f"unknown task {text!r}: there are {_EXAMPLES}")
    names = tuple(part.strip() for part in text.split("/"))
    groups = tuple(_group(name, text) for name in names)
    members = [digit for group in groups for digit in group]
    if twice := sorted({digit for digit in members if members.count(digit) > 1}):
        raise UsageError(f"the task {text!r} has the digit {twice[0]} twice: a digit belongs to one group")
    return Task(text, groups, names)


def _group(text: str, task: str) -> tuple[int, ...]:
    """The digits in "0-4" or "0,6,8" or "1,3-5"."""
    group: set[int] = set()
    for piece in text.split(","):
        match = re.fullmatch(r"(\d)(?:-(\d))?", piece.strip())
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise UsageError(f"the task {task!r} is not clear at {text!r}: there are {_EXAMPLES}")
        group |= set(range(int(match[1]), int(match[2] or match[1]) + 1))
    return tuple(sorted(group))
