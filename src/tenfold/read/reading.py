"""What was read in a picture: digits and signs, their text, and how sure each is."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tenfold.errors import UsageError
from tenfold.read.decoding.page import Kept, Page
from tenfold.read.numbers import Number, numbers

UNSURE = "?"
Box = tuple[int, int, int, int]  # x, y, width, height in pixels of the picture


@dataclass(frozen=True)
class Digit:
    """A digit in a picture, or a sign beside it: what it is, how probable, where, and whether that is sure."""

    value: str
    probability: float  # of being this sign and no other, and of there being one: of a row's they make that of the row
    probabilities: dict[str, float]  # of every class; what is missing to 1 is the probability of being none
    box: Box
    sure: bool
    line: int = 0  # of the picture, counted from 0
    number: int = 0  # of the line, counted from 0
    page: int = 1  # of a file with several
    seen: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)  # (28, 28), with `details`

    @property
    def text(self) -> str:
        """The digit, or ? where it is not sure."""
        return self.value if self.sure else UNSURE

    @property
    def none(self) -> float:
        """The probability of being no digit."""
        return max(0.0, 1.0 - sum(self.probabilities.values()))

    def _as_dict(self, *, paged: bool, details: bool) -> dict[str, Any]:
        values: dict[str, Any] = {"value": self.value, "probability": round(self.probability, 4)}
        values |= {"box": list(self.box), "sure": self.sure}
        if paged:
            values["page"] = self.page
        if details:
            values |= {"line": self.line, "number": self.number}
            values["probabilities"] = {name: round(value, 4) for name, value in self.probabilities.items()}
            values["none"] = round(self.none, 4)
            values["input"] = None if self.seen is None else base64.b64encode(self.seen.tobytes()).decode("ascii")
        return values


def line_texts(digits: Sequence[Digit], text: Callable[[Digit], str] = attrgetter("text")) -> tuple[str, ...]:
    """The text of each row of digits, with `text` of each digit; numbers are parted by a space.

    Where classes have longer names than a digit's, a space parts each from the next.
    """
    between = "" if all(len(name) == 1 for digit in digits for name in digit.probabilities) else " "
    lines: dict[int, dict[int, list[str]]] = {}
    for digit in digits:
        lines.setdefault(digit.line, {}).setdefault(digit.number, []).append(text(digit))
    return tuple(" ".join(map(between.join, numbers.values())) for _, numbers in sorted(lines.items()))


@dataclass(frozen=True)
class Reading:
    """What was read in a picture."""

    digits: tuple[Digit, ...]
    path: str | None = None  # of the file it was read from
    threshold: float = 0.0  # the probability from which a digit is sure
    _pages: tuple[Page | Kept, ...] = field(default=(), repr=False, compare=False)
    page_count: int = 1  # of the file
    ignored: tuple[Box, ...] = ()  # ink that was taken for no sign
    decimal: str | None = None  # the decimal separator of `numbers`, "." or ","; None where it is not known
    notes: tuple[str, ...] = ()  # what had to be done to the picture's values, a sentence each

    @property
    def lines(self) -> tuple[str, ...]:
        """The text of each row, numbers parted by a space; a digit that is not sure is a ?."""
        return line_texts(self.digits)

    @property
    def text(self) -> str:
        """The lines, one under the other; empty where there is no digit."""
        return "\n".join(self.lines)

    @property
    def numbers(self) -> tuple[Number, ...]:
        """What can be understood as numbers, as Decimal, with both values where points and commas leave it open."""
        return numbers(self.lines, self.decimal)

    @property
    def sure(self) -> bool:
        """Whether there are digits and all of them are sure."""
        return bool(self.digits) and all(digit.sure for digit in self.digits)

    def as_dict(self, *, details: bool = False) -> dict[str, Any]:
        """The reading as JSON-ready values: path, text, lines, numbers, digits, and the ink that was ignored.

        `details` adds all that a page needs to show it: the size of the picture, the threshold, and of each digit its
        place in the text, all probabilities, and what the network for digits saw, 784 bytes in base64.
        """
        values: dict[str, Any] = {"path": self.path, "text": self.text, "lines": list(self.lines)}
        values["numbers"] = [{"text": n.text, "values": [str(value) for value in n.values]} for n in self.numbers]
        if details:
            values |= {"width": self._pages[0].width, "height": self._pages[0].height, "threshold": self.threshold}
        values["digits"] = [digit._as_dict(paged=self.page_count > 1, details=details) for digit in self.digits]
        values["ignored"] = [list(box) for box in self.ignored]
        return values

    def _page(self, number: int) -> Page:
        """A page of those that are kept, counted from 1."""
        page = self._pages[number - 1]
        return page.page if isinstance(page, Kept) else page

    def annotated(self, page: int = 1) -> Image.Image:
        """The picture, or a page of it, with a box around every digit and its value beside: green if sure, else red.

        Raises UsageError when there is no such page.
        """
        from tenfold.read.drawing import annotated

        if not 1 <= page <= len(self._pages):
            raise UsageError(f"there is no page {page}: the picture has {len(self._pages)}")
        digits = [digit for digit in self.digits if digit.page == page]
        doubtful = (f"{digit.value.removesuffix(UNSURE)}{UNSURE} {digit.probability:.0%}" for digit in digits)
        labels = [digit.value if digit.sure else words for digit, words in zip(digits, doubtful, strict=True)]
        sure = [digit.sure for digit in digits]
        return annotated(self._page(page), zip([digit.box for digit in digits], labels, sure, strict=True))
