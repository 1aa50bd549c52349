"""The reader: pictures in, digits out, with how sure it is of each."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tenfold.errors import UsageError
from tenfold.read import decode
from tenfold.read import page as reading
from tenfold.read.classifier import Classifier
from tenfold.read.decode import MAX_PIXELS, Page, Source
from tenfold.read.page import Found

UNSURE = "?"
Box = tuple[int, int, int, int]  # x, y, width, height in pixels of the picture


@dataclass(frozen=True)
class Digit:
    """A digit that was found: what it is, how probable that is, where, and whether that is sure enough to answer."""

    value: str
    probability: float
    probabilities: dict[str, float]  # of every class; what is missing to 1 is the probability of being no digit
    box: Box
    sure: bool
    line: int = 0  # of the picture, counted from 0
    number: int = 0  # of the line, counted from 0
    page: int = 1  # of a file with several

    @property
    def text(self) -> str:
        """The digit, or ? where it is not sure."""
        return self.value if self.sure else UNSURE


@dataclass(frozen=True)
class Reading:
    """What was read in a picture."""

    digits: tuple[Digit, ...]
    path: str | None = None  # of the file it was read from
    threshold: float = 0.0  # the probability from which a digit is sure
    _pages: tuple[Page, ...] = field(default=(), repr=False, compare=False)
    page_count: int = 1  # of the file

    @property
    def lines(self) -> tuple[str, ...]:
        """The text of each row, numbers parted by a space; a digit that is not sure is a ?.

        Where classes have longer names than a digit's, a space parts each from the next.
        """
        between = "" if all(len(name) == 1 for digit in self.digits for name in digit.probabilities) else " "
        lines: dict[int, list[list[str]]] = {}
        for digit in self.digits:
            numbers = lines.setdefault(digit.line, [])
            while len(numbers) <= digit.number:
                numbers.append([])
            numbers[digit.number].append(digit.text)
        return tuple(" ".join(between.join(number) for number in lines[line]) for line in sorted(lines))

    @property
    def text(self) -> str:
        """The lines, one under the other; empty where there is no digit."""
        return "\n".join(self.lines)

    @property
    def sure(self) -> bool:
        """Whether there are digits and all of them are sure."""
        return bool(self.digits) and all(digit.sure for digit in self.digits)

    def as_dict(self) -> dict[str, Any]:
        """The reading as JSON-ready values: path, text, lines, digits."""
        paged = self.page_count > 1
        return {
            "path": self.path,
            "text": self.text,
            "lines": list(self.lines),
            "digits": [
                {
                    "value": digit.value,
                    "probability": round(digit.probability, 4),
                    "box": list(digit.box),
                    "sure": digit.sure,
                    **({"page": digit.page} if paged else {}),
                }
                for digit in self.digits
            ],
        }

    def annotated(self, page: int = 1) -> Image.Image:
        """The picture, or a page of it, with a box around every digit and its value beside: green if sure, else red.

        Raises UsageError when there is no such page.
        """
        from tenfold.read.drawing import annotated

        if not 1 <= page <= len(self._pages):
            raise UsageError(f"there is no page {page}: the picture has {len(self._pages)}")
        return annotated(self._pages[page - 1], [digit for digit in self.digits if digit.page == page])


class Reader:
    """Reads digits from any picture.

        reader = tenfold.Reader()
        reading = reader.read("photo.jpg")
        print(reading.text)

    It may be used from several threads at once, and read the same picture twice to the same result.
    """

    def __init__(
        self,
        model: str | Path | Classifier | None = None,
        *,
        device: str = "cpu",
        threshold: float | None = None,
        always_answer: bool = False,
        max_pixels: int = MAX_PIXELS,
        threads: int | None = None,
    ) -> None:
        """Load the model.

        Args:
            model: A model file that `tenfold export` wrote, or a run it was exported in; None is the bundled one.
            device: cpu, cuda, coreml, or auto.
            threshold: The probability from which a digit is sure, 0 to 1; None is the model's own, at which 1 % of the
                sure answers were wrong on validation digits.
            always_answer: Answer with the likeliest digit even where it is not sure.
            max_pixels: Pictures with more are refused, so that a small file cannot fill the memory.
            threads: How many share the work of one call; None is one for each core.

        Raises RunError for a model that cannot be used, DeviceError for a device that is not there, UsageError.
        """
        if threshold is not None and not 0 <= threshold <= 1:
            raise UsageError(f"the threshold {threshold:g} makes no sense: it is a probability, from 0 to 1")
        if max_pixels < 1:
            raise UsageError(f"a limit of {max_pixels} pixels makes no sense: it must be 1 or more")
        self.classifier = model if isinstance(model, Classifier) else Classifier(model, device=device, threads=threads)
        self.threshold = (
            0.0 if always_answer else self.classifier.description.threshold if threshold is None else threshold
        )
        self.max_pixels = max_pixels

    def read(self, picture: Source, *, single: bool = False, box: Box | None = None) -> Reading:
        """The digits in a picture.

        Args:
            picture: A path, "-" for standard input, bytes, an open file, a PIL image, or an array of grey values or
                colours, (H, W), (H, W, C) or (C, H, W).
            single: The picture is one digit: all its ink is taken together.
            box: Only this part of the picture: x, y, width and height in pixels.

        Raises DataError for what is missing, damaged or too large, FormatError for what is no picture, UsageError for
        a box outside the picture.
        """
        digits: list[Digit] = []
        pages = []
        for number, page in enumerate(decode.pages(picture, max_pixels=self.max_pixels), 1):
            pages.append(page.small())
            line = digits[-1].line + 1 if digits else 0
            digits += self._digits(page, number, line, single=single, box=box)
        path = str(picture) if isinstance(picture, str | Path) else None
        return Reading(tuple(digits), path, self.threshold, tuple(pages), len(pages))

    def read_all(self, pictures: Iterable[Source], *, single: bool = False, threads: int = 4) -> Iterator[Reading]:
        """The readings of many pictures in their order, several at a time. Raises as `read` does, at the first."""
        if threads < 1:
            raise UsageError(f"{threads} threads make no sense: it must be 1 or more")
        with ThreadPoolExecutor(threads) as pool:
            under_way: deque[Future[Reading]] = deque()  # so that an endless iterable is taken a piece at a time
            for picture in pictures:
                under_way.append(pool.submit(self.read, picture, single=single))
                if len(under_way) >= 2 * threads:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()

    def classify(self, images: "NDArray[np.uint8] | NDArray[np.float32] | Sequence[Any]") -> NDArray[np.float32]:
        """Probabilities (N, K + 1) of images that hold one digit each, as MNIST's: bright ink on 0, nothing else.

        Images are uint8 or float in [0, 1], (N, H, W) or (N, 1, H, W). The last column is the probability of being no
        digit. Nothing is looked for or cleaned, so this is the fastest way for arrays that are clean already.
        """
        array = np.asarray(images)
        if array.ndim == 3:
            array = array[:, None]
        if array.ndim != 4 or array.shape[1] != 1 or 0 in array.shape[2:]:
            raise UsageError(f"images of shape {array.shape} cannot be classified: (N, H, W) is wanted")
        if array.dtype == np.uint8:
            array = array.astype(np.float32) / np.float32(255)
        return self.classifier.probabilities(np.ascontiguousarray(array, np.float32))

    def _digits(self, page: Page, number: int, line: int, *, single: bool, box: Box | None) -> list[Digit]:
        found, left, top = self.look(page, single=single, box=box)
        digits = []
        for row in found.rows:
            words = reading.words(row)
            for k, word in enumerate(words):
                for segment in word:
                    x, y, width, height = reading.box(segment.piece, found, page.scale)
                    values = {n: float(p) for n, p in zip(self.classifier.classes, segment.probabilities, strict=False)}
                    digits.append(
                        Digit(
                            value=self.classifier.classes[segment.best],
                            probability=segment.probability,
                            probabilities=values,
                            box=(x + left, y + top, width, height),
                            sure=segment.probability >= self.threshold,
                            line=line,
                            number=k,
                            page=number,
                        )
                    )
            line += bool(words)
        return digits

    def look(self, page: Page, *, single: bool = False, box: Box | None = None) -> tuple[Found, int, int]:
        """What is found on a page or in a box of it, and where that box is: left and top in pixels of the picture."""
        if box is None:
            return reading.find(page.colours, self.classifier, single=single), 0, 0
        x, y, width, height = box
        if width < 1 or height < 1 or x < 0 or y < 0 or x + width > page.width or y + height > page.height:
            raise UsageError(
                f"the box {x},{y},{width},{height} is not inside the picture of {page.width} x {page.height} pixels"
            )
        scale = page.scale
        first, last = (int(y / scale), int(x / scale)), (round((y + height) / scale), round((x + width) / scale))
        part = page.colours[first[0] : max(first[0] + 1, last[0]), first[1] : max(first[1] + 1, last[1])]
        return reading.find(part, self.classifier, single=single), x, y
