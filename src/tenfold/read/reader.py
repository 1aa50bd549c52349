"""The reader: pictures in, digits out, with how sure it is of each."""

import base64
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tenfold.errors import TooLargeError, UsageError
from tenfold.read import decode
from tenfold.read.classifier import Classifier
from tenfold.read.decode import MAX_PIXELS, Page, Source
from tenfold.read.finding import page as reading
from tenfold.read.finding.page import Found
from tenfold.read.finding.segments import Segment, cut_out

UNSURE = "?"
TOGETHER = 5  # times the pixels of a page: with `max_pages`, what a file may have on all
KEPT = 300_000  # values: larger pages are kept as bytes, to be looked at
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
    seen: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)  # (28, 28), with `details`

    @property
    def text(self) -> str:
        """The digit, or ? where it is not sure."""
        return self.value if self.sure else UNSURE

    @property
    def none(self) -> float:
        """The probability of being no digit."""
        return max(0.0, 1.0 - sum(self.probabilities.values()))


@dataclass(frozen=True)
class Reading:
    """What was read in a picture."""

    digits: tuple[Digit, ...]
    path: str | None = None  # of the file it was read from
    threshold: float = 0.0  # the probability from which a digit is sure
    _pages: tuple[Page, ...] = field(default=(), repr=False, compare=False)
    page_count: int = 1  # of the file
    left_out: tuple[Box, ...] = ()  # ink that was taken for no digit, with `details`

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

    def as_dict(self, *, details: bool = False) -> dict[str, Any]:
        """The reading as JSON-ready values: path, text, lines, digits.

        `details` adds all that a page needs to show it: the size of the picture, the threshold, what was left out, and
        of each digit its place in the text, all probabilities, and what the network saw, 784 bytes in base64.
        """
        paged = self.page_count > 1
        found: dict[str, Any] = {"path": self.path, "text": self.text, "lines": list(self.lines)}
        if details:
            found |= {"width": self._pages[0].width, "height": self._pages[0].height, "threshold": self.threshold}
        found["digits"] = [
            {
                "value": digit.value,
                "probability": round(digit.probability, 4),
                "box": list(digit.box),
                "sure": digit.sure,
                **({"page": digit.page} if paged else {}),
                **(_details(digit) if details else {}),
            }
            for digit in self.digits
        ]
        if details:
            found["left_out"] = [list(box) for box in self.left_out]
        return found

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
        model: str | Path | bytes | Classifier | None = None,
        *,
        device: str = "cpu",
        threshold: float | None = None,
        always_answer: bool = False,
        upright: bool = False,
        max_pixels: int = MAX_PIXELS,
        max_pages: int | None = None,
        threads: int | None = None,
    ) -> None:
        """Load the model.

        Args:
            model: A model file that `tenfold export` wrote, what it holds, or a run it was exported in; None is the
                bundled one.
            device: cpu, cuda, coreml, or auto.
            threshold: The probability from which a digit is sure, 0 to 1; None is the model's own, at which 1 % of the
                sure answers were wrong on validation digits.
            always_answer: Answer with the likeliest digit even where it is not sure.
            upright: Pictures are the right way up: none is read turned by a quarter, however little sense it makes.
            max_pixels: Pictures with more are refused, so that a small file cannot fill the memory.
            max_pages: Files with more pages, or more than five times `max_pixels` on them, are refused; None is no
                limit.
            threads: How many share the work of one call; None is one for each core.

        Raises RunError for a model that cannot be used, DeviceError for a device that is not there, UsageError.
        """
        if threshold is not None:
            _probability(threshold)
        if max_pixels < 1:
            raise UsageError(f"a limit of {max_pixels} pixels makes no sense: it must be 1 or more")
        if max_pages is not None and max_pages < 1:
            raise UsageError(f"a limit of {max_pages} pages makes no sense: it must be 1 or more")
        self.classifier: Classifier = (
            model if isinstance(model, Classifier) else Classifier(model, device=device, threads=threads)
        )
        self.threshold: float = (
            0.0 if always_answer else self.classifier.description.threshold if threshold is None else threshold
        )
        self.upright = upright
        self.max_pixels = max_pixels
        self.max_pages = max_pages

    def read(
        self,
        picture: Source,
        *,
        single: bool = False,
        box: Box | None = None,
        threshold: float | None = None,
        upright: bool | None = None,
        details: bool = False,
    ) -> Reading:
        """The digits in a picture.

        Args:
            picture: A path, a URL such as s3://bucket/7.png, "-" for standard input, bytes, an open file, a PIL image,
                or an array of grey values or colours, (H, W), (H, W, C) or (C, H, W).
            single: The picture is one digit: all its ink is taken together.
            box: Only this part of the picture: x, y, width and height in pixels.
            threshold: The probability from which a digit is sure, in place of the reader's.
            upright: Whether the picture is the right way up, in place of the reader's.
            details: Keep what the network saw of each digit, and where ink was taken for none.

        Raises DataError for what is missing or damaged, TooLargeError for more pixels or pages than are allowed,
        FormatError for what is no picture, UsageError for a box outside the picture or a threshold that is none.
        """
        sure = self.threshold if threshold is None else _probability(threshold)
        digits: list[Digit] = []
        left_out: list[Box] = []
        pages, pixels = [], 0
        for number, page in enumerate(decode.pages(picture, max_pixels=self.max_pixels), 1):
            pixels += page.width * page.height
            if self.max_pages is not None and (number > self.max_pages or pixels > TOGETHER * self.max_pixels):
                most = f"{self.max_pages} pages, or {TOGETHER * self.max_pixels:,} pixels on them"
                raise TooLargeError(f"{decode.source_name(picture)} has more than {most}")
            pages.append(page.small() if page.colours.size > KEPT else page)
            line = digits[-1].line + 1 if digits else 0
            found, left, top = self.look(page, single=single, box=box, upright=upright)
            digits += self._digits(found, (left, top), page, number, line, sure, details=details)
            if details:
                left_out += _left_out(found, (left, top), page.scale)
        path = str(picture) if isinstance(picture, str | Path) else None
        return Reading(tuple(digits), path, sure, tuple(pages), len(pages), tuple(left_out))

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

    def _digits(
        self, found: Found, corner: tuple[int, int], page: Page, number: int, line: int, sure: float, *, details: bool
    ) -> list[Digit]:
        """The digits found on a page or in a box of it, whose left and top are `corner`, from row `line` on."""
        digits: list[Digit] = []
        pieces = []
        for row in found.rows:
            words = reading.words(row)
            for k, word in enumerate(words):
                for segment in word:
                    values = {n: float(p) for n, p in zip(self.classifier.classes, segment.probabilities, strict=False)}
                    digits.append(
                        Digit(
                            value=self.classifier.classes[segment.best],
                            probability=segment.probability,
                            probabilities=values,
                            box=_placed(segment, found, corner, page.scale),
                            sure=segment.probability >= sure,
                            line=line,
                            number=k,
                            page=number,
                        )
                    )
                    pieces.append(segment.piece)
            line += bool(words)
        if not (details and digits and found.sheet):
            return digits
        ink = found.sheet.ink
        seen = self.classifier.normalised(self.classifier.crops([cut_out(piece, ink) for piece in pieces]))
        grey = (seen[:, 0] * 255).round().astype(np.uint8)  # (N, 28, 28)
        return [replace(digit, seen=image) for digit, image in zip(digits, grey, strict=True)]

    def look(
        self, page: Page, *, single: bool = False, box: Box | None = None, upright: bool | None = None
    ) -> tuple[Found, int, int]:
        """What is found on a page or in a box of it, and where that box is: left and top in pixels of the picture."""
        upright = self.upright if upright is None else upright
        if box is None:
            return reading.find(page.colours, self.classifier, single=single, upright=upright), 0, 0
        x, y, width, height = box
        if width < 1 or height < 1 or x < 0 or y < 0 or x + width > page.width or y + height > page.height:
            raise UsageError(
                f"the box {x},{y},{width},{height} is not inside the picture of {page.width} x {page.height} pixels"
            )
        scale = page.scale
        first, last = (int(y / scale), int(x / scale)), (round((y + height) / scale), round((x + width) / scale))
        part = page.colours[first[0] : max(first[0] + 1, last[0]), first[1] : max(first[1] + 1, last[1])]
        return reading.find(part, self.classifier, single=single, upright=upright), x, y


def _placed(segment: Segment, found: Found, corner: tuple[int, int], scale: float) -> Box:
    """Where a segment is in the whole picture."""
    x, y, width, height = reading.box(segment.piece, found, scale)
    return x + corner[0], y + corner[1], width, height


def _left_out(found: Found, corner: tuple[int, int], scale: float) -> list[Box]:
    return [_placed(segment, found, corner, scale) for row in found.rows for segment in row if not segment.digit]


def _details(digit: Digit) -> dict[str, Any]:
    return {
        "line": digit.line,
        "number": digit.number,
        "probabilities": {name: round(value, 4) for name, value in digit.probabilities.items()},
        "none": round(digit.none, 4),
        "input": None if digit.seen is None else base64.b64encode(digit.seen.tobytes()).decode("ascii"),
    }


def _probability(threshold: float) -> float:
    if not 0 <= threshold <= 1:
        raise UsageError(f"the threshold {threshold:g} makes no sense: it is a probability, from 0 to 1")
    return threshold
