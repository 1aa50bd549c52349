"""The reader: pictures in, numbers out, with how sure it is of each."""

import math
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tenfold.errors import TooLargeError, UsageError
from tenfold.read import decode, limits, numbers
from tenfold.read.classifier import Classifier
from tenfold.read.decode import MAX_PIXELS, Page, Source
from tenfold.read.decoding.page import Kept
from tenfold.read.finding.page import find
from tenfold.read.finding.signs import DIGITS, SIGNS, Sign, cut_out, words
from tenfold.read.finding.strokes import Piece
from tenfold.read.finding.view import View
from tenfold.read.limits import MAX_SECONDS, TOGETHER, Deadline
from tenfold.read.lines import LineModel
from tenfold.read.reading import UNSURE, Box, Digit, Reading

UNUSUAL = 0.5  # times as probable is a text of a form that people do not write
KEPT = 300_000  # values: larger pages are kept as bytes, to be looked at,
PACKED = 10  # and packed from this one on


class Reader:
    """Reads numbers from any picture: digits, and the signs that numbers are written with.

        reader = tenfold.Reader()
        reading = reader.read("photo.jpg")
        print(reading.text)

    It may be used from several threads at once, and read the same picture twice to the same result.
    """

    def __init__(  # noqa: PLR0913 - a public signature
        self,
        model: str | Path | bytes | Classifier | None = None,
        *,
        lines: str | Path | bytes | LineModel | None = None,
        device: str = "cpu",
        threshold: float | None = None,
        always_answer: bool = False,
        upright: bool = False,
        digits_only: bool = False,
        decimal: str | None = None,
        max_pixels: int = MAX_PIXELS,
        max_pages: int | None = None,
        max_seconds: float | None = MAX_SECONDS,
        max_memory: int | None = None,
        threads: int | None = None,
    ) -> None:
        """Load the model.

        Args:
            model: A model file that `tenfold export` wrote, what it holds, or a run it was exported in; None is the
                bundled one.
            lines: The same for the model that reads rows; it is opened when it is first needed.
            device: cpu, cuda, coreml, or auto.
            threshold: The probability from which a lone digit or a number is sure, 0 to 1; None is each model's own, at
                which 1 % of the sure digits were wrong, and 5 % of the sure rows, on invented paper.
            always_answer: Answer with the likeliest digit even where it is not sure.
            upright: Pictures are the right way up: none is read turned by a quarter, however little of it is read.
            digits_only: Leave out the signs between digits: 12/05 is 1205.
            decimal: The decimal separator of `Reading.numbers`, "." or ","; None is not known, so that 1.250 may be
                either.
            max_pixels: Pictures with more are refused, so that a small file cannot fill the memory.
            max_pages: Files with more pages, or more than five times `max_pixels` on them, are refused; None is no
                limit.
            max_seconds: What takes longer to read is refused: of a picture or of each page of a file, which may take
                five times that on all its pages; None is no limit.
            max_memory: Bytes that decoding a file may take; None is 7 for each of `max_pixels`.
            threads: How many share the work of one call; None is one for each core.

        Raises RunError for a model that cannot be used, DeviceError for a device that is not there, UsageError.
        """
        if threshold is not None:
            _probability(threshold)
        _check_limits(max_pixels, max_pages, max_memory, max_seconds)
        numbers.check(decimal)
        self.classifier: Classifier = (
            model if isinstance(model, Classifier) else Classifier(model, device=device, threads=threads)
        )
        self._lines, self._device, self._threads, self._opening = lines, device, threads, threading.Lock()
        self._threshold = 0.0 if always_answer else threshold
        if lines is not None:
            _ = self.lines  # one that cannot be used is an error before anything is read
        self.upright = upright
        self.digits_only = digits_only
        self.decimal = decimal
        self.max_pixels = max_pixels
        self.max_pages = max_pages
        self.max_seconds = max_seconds
        self.max_memory = max_memory
        self.pages_kept: int | None = None  # of a file, to be looked at; None is all

    @property
    def threshold(self) -> float:
        """The probability from which a lone digit is sure."""
        return self.classifier.description.threshold if self._threshold is None else self._threshold

    @property
    def lines(self) -> LineModel:
        """The model that reads rows. Raises RunError for one that cannot be used."""
        with self._opening:
            if not isinstance(self._lines, LineModel):
                self._lines = LineModel(self._lines, device=self._device, threads=self._threads)
            return self._lines

    def read(  # noqa: PLR0913 - a public signature
        self,
        picture: Source,
        *,
        single: bool = False,
        box: Box | None = None,
        threshold: float | None = None,
        upright: bool | None = None,
        digits_only: bool | None = None,
        decimal: str | None = None,
        table: bool = False,
        details: bool = False,
        channels: str | None = None,
    ) -> Reading:
        """The numbers in a picture.

        Args:
            picture: A path, a URL such as s3://bucket/7.png, "-" for standard input, bytes, an open file, a PIL image,
                or an array of grey values or colours, (H, W), (H, W, C) or (C, H, W). Values may go to 1 or to 255; up
                to 63 they are stretched, which `Reading.notes` tells.
            single: The picture is one digit: all its ink is taken together.
            box: Only this part of the picture: x, y, width and height in pixels.
            threshold: The probability from which a lone digit or a number is sure, in place of the reader's.
            upright: Whether the picture is the right way up, in place of the reader's.
            digits_only: Leave out signs, in place of the reader's.
            decimal: The decimal separator, in place of the reader's.
            table: Part numbers at the walls of cells too; `tables.cells` puts them into rows and columns.
            details: Keep what the network for digits saw of each.
            channels: Where an array has its colours, "first" or "last"; None tells by the shape, except of squares (3,
                H, H) of 64 pixels or less, which may be three digits and are an error: `classify` takes those.

        Raises DataError for what is missing or damaged, TooLargeError for more pixels or pages than are allowed,
        TooCostlyError for what takes more time or memory, FormatError for what is no picture, UsageError for a box
        outside the picture or a threshold that is none.
        """
        numbers.check(decimal)
        only = self.digits_only if digits_only is None else digits_only
        least = self._threshold if threshold is None else _probability(threshold)
        digits: list[Digit] = []
        ignored: list[Box] = []
        kept, count, notes = list[Page | Kept](), 0, dict[str, None]()
        for page in self._pages(picture, channels):
            count += 1
            notes |= dict.fromkeys(page.notes)
            if self.pages_kept is None or count <= self.pages_kept:
                small = page.small() if page.pixels.size > KEPT else page
                kept.append(small if count < PACKED else Kept(small))
            line = digits[-1].line + 1 if digits else 0
            view = self._view(page, single=single, box=box, upright=upright, answer=least == 0, table=table)
            found = list(self._digits(view, page, count, line, least=least, only=only))
            digits += self._with_inputs(found, view) if details else [digit for digit, _ in found]
            ignored += [view.box(piece, page.scale) for piece in view.ignored]
        path = str(picture) if isinstance(picture, str | Path) else None
        shown = self.threshold if least is None else least
        boxes, separator = tuple(ignored), decimal or self.decimal
        return Reading(tuple(digits), path, shown, tuple(kept), count, boxes, separator, tuple(notes))

    def _pages(self, picture: Source, channels: str | None) -> Iterator[Page]:
        """The pages of a picture, each with the time that it may take until the next is asked for."""
        name, pixels = decode.source_name(picture), 0
        made = decode.pages(
            picture,
            max_pixels=self.max_pixels,
            max_pages=self.max_pages,
            max_memory=self.max_memory,
            channels=channels,
        )
        with limits.until(Deadline(self.max_seconds, name, pages=TOGETHER)) as deadline, closing(made):
            for number, page in enumerate(made, 1):
                pixels += page.width * page.height
                if self.max_pages is not None and (number > self.max_pages or pixels > TOGETHER * self.max_pixels):
                    most = f"{self.max_pages} pages, or {TOGETHER * self.max_pixels:,} pixels on them"
                    raise TooLargeError(f"{name} has more than {most}: --max-pages and --max-pixels allow more")
                deadline.check()
                yield page
                deadline.check()
                deadline.renew()

    def read_all(self, pictures: Iterable[Source], *, single: bool = False, threads: int = 4) -> Iterator[Reading]:
        """The readings of many pictures in their order, several at a time. Raises as `read` does, at the first."""
        if threads < 1:
            raise UsageError(f"threads must be 1 or more, not {threads}")
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

        Images are (N, H, W) or (N, 1, H, W): (3, 28, 28) is three digits. Values may have any range from 0 up, since
        the brightest of each image counts as ink. The last column is the probability of being no digit. Nothing is
        looked for or cleaned, so this is the fastest way for arrays that are clean already.
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
        self, view: View, page: Page, number: int, line: int, *, least: float | None, only: bool
    ) -> Iterator[tuple[Digit, Piece]]:
        """Digits of page `number`, and signs unless `only` is set, from row `line` of the file on, with their ink."""
        lines: dict[int, int] = {}  # by those of the sheet, of which some have no number
        done: dict[int, int] = {}  # how many numbers of each
        for row in view.rows:
            k = lines.setdefault(row.line, len(lines))
            first = done.get(k, 0)
            parts = words(row)
            done[k] = first + len(parts)
            told = [
                (word, *each)
                for word, part in enumerate(parts, first)
                for each in zip(part, self._sure([_any_sign(s) for s in part] if only else part, least), strict=True)
                if not (only and each[0].value in SIGNS)
            ]
            for word, sign, sure in told:
                digit = Digit(
                    value=sign.value,
                    probability=sign.probability,
                    probabilities={name: value for name, value in sign.probabilities.items() if name != UNSURE},
                    box=view.box(sign.piece, page.scale),
                    sure=sure,
                    line=line + k,
                    number=word,
                    page=number,
                )
                yield digit, sign.piece

    def _with_inputs(self, found: list[tuple[Digit, Piece]], view: View) -> list[Digit]:
        """Digits with what the network for digits sees of their ink."""
        if not found or view.sheet is None:
            return []
        crops = self.classifier.crops([cut_out(piece, view.sheet.ink) for _, piece in found])
        seen = (self.classifier.normalised(crops)[:, 0] * 255).round().astype(np.uint8)  # (N, 28, 28)
        return [replace(digit, seen=image) for (digit, _), image in zip(found, seen, strict=True)]

    def _sure(self, number: list[Sign], threshold: float | None) -> list[bool]:
        """Whether each sign of a number is sure: all if the number is, else those that would do if all were so."""
        if threshold is None:
            threshold = self.threshold if len(number) == 1 else self.lines.threshold
        read = all(sign.read for sign in number)
        if read and self.classifier.classes == DIGITS and not numbers.usual("".join(sign.value for sign in number)):
            threshold = min(1.0, threshold / UNUSUAL)
        each = threshold ** (1 / len(number))
        whole = read and math.prod(sign.probability for sign in number) >= threshold
        return [sign.read and (whole or sign.probability >= each) for sign in number]

    def _view(self, page: Page, *, box: Box | None = None, upright: bool | None = None, **how: bool) -> View:
        """What the finder makes of a page or of a box of it."""
        how["upright"] = self.upright if upright is None else upright
        if box is None:
            return find(page.pixels, self.classifier, lambda: self.lines, **how)
        x, y, width, height = box
        if width < 1 or height < 1 or x < 0 or y < 0 or x + width > page.width or y + height > page.height:
            raise UsageError(
                f"the box {x},{y},{width},{height} is not inside the picture of {page.width} x {page.height} pixels"
            )
        scale = page.scale
        top, left, bottom, right = (
            int(y / scale),
            int(x / scale),
            round((y + height) / scale),
            round((x + width) / scale),
        )
        part = page.pixels[top : max(top + 1, bottom), left : max(left + 1, right)]
        view = find(part, self.classifier, lambda: self.lines, **how)
        return replace(view, corner=(x, y))

    def explained(self, page: Page, *, single: bool = False) -> Image.Image:
        """Every stage of reading a page in one figure; `decode.pages` gives the pages of a picture."""
        from tenfold.read.drawing import explained

        view = self._view(page, single=single, answer=self._threshold == 0)
        parts = [part for row in view.rows for part in words(row)]
        sure = [certain for part in parts for certain in self._sure(part, self._threshold)]
        return explained(page, view, self.classifier, sure)


def _check_limits(pixels: int, pages: int | None, memory: int | None, seconds: float | None) -> None:
    """Raise UsageError for limits that cannot be."""
    for what, given in (("pixels", pixels), ("pages", pages), ("bytes of memory", memory)):
        if given is not None and given < 1:
            raise UsageError(f"the limit of {what} must be 1 or more, not {given}")
    Deadline(seconds)


def _any_sign(sign: Sign) -> Sign:
    """A sign between digits as probable as all of those are: which of them it is does not matter without it."""
    if sign.value not in SIGNS:
        return sign
    between = sum(value for name, value in sign.probabilities.items() if name in SIGNS)
    return replace(sign, probability=sign.probability * between / sign.probabilities[sign.value])


def _probability(threshold: float) -> float:
    if not 0 <= threshold <= 1:
        raise UsageError(f"the threshold must be a probability, from 0 to 1, not {threshold:g}")
    return threshold
