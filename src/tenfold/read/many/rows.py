"""What comes of a picture among many: a row with its reading or why there is none, cut-outs, an annotated picture."""

import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from PIL import Image

from tenfold import files
from tenfold.errors import StorageError, TenfoldError, UsageError
from tenfold.read.decode import source_name
from tenfold.read.many.targets import STDIN
from tenfold.read.reader import Reader
from tenfold.read.reading import Box, Digit, Reading

KINDS = ("sure", "not sure", "without digits", "not read")  # what can come of a picture
CROP = 64  # pixels: the longer side of a digit's cut-out


@dataclass(frozen=True)
class Row:
    """What came of a picture: its reading or, where it could not be read, why. The pages themselves are let go."""

    path: str
    reading: Reading | None = None
    error: str | None = None
    crops: tuple[bytes, ...] = field(default=(), repr=False)  # of its unsure digits in their order, PNG, if asked for

    @property
    def sure(self) -> bool:
        """Whether it was read, has digits, and all of them are sure."""
        return self.reading is not None and self.reading.sure

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        if self.reading is None:
            return KINDS[3]
        return KINDS[2] if not self.reading.digits else KINDS[0] if self.sure else KINDS[1]

    def as_dict(self) -> dict[str, Any]:
        """The row as JSON-ready values: those of the reading, or with an `error` and without digits."""
        if self.reading is None:
            return {"path": self.path, "error": self.error, "text": "", "lines": [], "numbers": [], "digits": []}
        return {**self.reading.as_dict(), "path": self.path}


@dataclass(frozen=True)
class Work:
    """How to read every picture."""

    make: Callable[[], Reader]
    single: bool = False  # each picture is one digit
    box: Box | None = None  # only this part of each picture
    crops: bool = False  # keep the cut-outs of unsure digits too

    def row(self, reader: Reader, path: str, place: Path | None) -> Row:
        """The row of a picture; raises nothing but StorageError, for an annotated picture that cannot be written."""
        try:
            reader.pages_kept = None if self.crops or place is not None else 0
            reading = reader.read(path, single=self.single, box=self.box)
            crops = crop_unsure(reading) if self.crops else ()
            if place is not None:
                annotate(reading, place)
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001 - one picture must not end the reading of all the others
            return Row(path, error=_reason(path, error))
        return Row(path, replace(reading, _pages=()), crops=crops)


def _reason(path: str, error: Exception) -> str:
    """In one line, why a picture could not be read."""
    if isinstance(error, TenfoldError):
        return " ".join(str(error).split())
    memory = isinstance(error, MemoryError)
    why = "there is not enough memory for it" if memory else " ".join(f"{type(error).__name__}: {error}".split())
    return f"cannot read {source_name(path)}: {why}"


def crop_unsure(reading: Reading) -> tuple[bytes, ...]:
    """The cut-out of every unsure digit, with some of what is around it, as PNG; from a reading that has its pages."""
    crops = []
    for number, digits in groupby(reading.digits, lambda digit: digit.page):
        page = reading._page(number)  # which may be packed: once for all of its digits
        image = page.image
        crops += [_crop(image, page.scale, digit) for digit in digits if not digit.sure]
    return tuple(crops)


def _crop(image: Image.Image, scale: float, digit: Digit) -> bytes:
    x, y, width, height = (side / scale for side in digit.box)
    margin = 0.3 * max(width, height)
    top, left = max(0, round(y - margin)), max(0, round(x - margin))
    picture = image.crop((left, top, round(x + width + margin) + 1, round(y + height + margin) + 1))
    factor = CROP / max(picture.size)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    picture = picture.resize(size, Image.Resampling.BICUBIC if factor > 1 else Image.Resampling.BOX)
    saved = io.BytesIO()
    picture.quantize(32).save(saved, "PNG", optimize=True)  # a third of the bytes, and the eye sees no difference
    return saved.getvalue()


def annotate(reading: Reading, place: Path) -> None:
    """Write the annotated picture of a reading that has its pages to `place`, further pages beside it, as PNG.

    Raises StorageError.
    """
    for number in range(1, len(reading._pages) + 1):
        with files.file(place if number == 1 else place.with_name(f"{place.stem}.page-{number}.png")) as temporary:
            reading.annotated(number).save(temporary, "PNG")


def annotated_places(paths: Sequence[str], folder: Path) -> dict[str, Path]:
    """Where below `folder` the annotated picture of each path goes: as they stand to each other, and no two in one.

    Raises UsageError where one would be written over a picture that is to be read.
    """
    full = [Path("standard-input" if path == STDIN else os.path.abspath(os.path.expanduser(path))) for path in paths]
    drives: dict[str, list[str]] = {}
    for place in full:
        drives.setdefault(place.anchor, []).append(str(place.parent))
    roots = {anchor: os.path.commonpath(parents) for anchor, parents in drives.items()}
    places: dict[str, Path] = {}
    taken: set[str] = set()
    for path, place in zip(paths, full, strict=True):
        inner = place.relative_to(roots[place.anchor])
        name = inner.name if inner.suffix.lower() == ".png" else f"{inner.name}.png"
        target, number = folder / inner.parent / name, 1
        while str(target).casefold() in taken:
            number += 1
            target = folder / inner.parent / f"{inner.name}-{number}.png"
        taken.add(str(target).casefold())
        places[path] = target
    real = cache(os.path.realpath)  # a link may lead to the folder of the pictures
    pictures = {(real(place.parent), place.name) for place in full}
    for target in places.values():
        if (real(target.parent), target.name) in pictures:
            raise UsageError(f"--annotate {folder} would write over {target}: name another folder")
    return places
