"""A user's own lines: a folder of pictures of one row each, with a labels.csv that says what is written in them."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tenfold import files
from tenfold.errors import DataError, FormatError
from tenfold.learn.lines.alphabet import encode
from tenfold.learn.lines.writing import HEIGHT, WIDEST
from tenfold.mnist.layouts.pictures import LARGEST

LABELS = "labels.csv"
_HELD_OUT = 6  # every so many lines one is not learnt from


@dataclass(frozen=True)
class Own:
    """Lines as pictures uint8 (HEIGHT, W), dark ink on light paper, and the classes of their texts."""

    pictures: list[NDArray[np.uint8]]
    classes: list[list[int]]

    def __len__(self) -> int:
        return len(self.pictures)

    def split(self) -> tuple["Own", "Own"]:
        """Those to learn from, and every sixth to validate on."""
        rest, held = [k for k in range(len(self)) if k % _HELD_OUT], range(0, len(self), _HELD_OUT)
        return self.some(rest), self.some(held)

    def some(self, numbers: Sequence[int]) -> "Own":
        """These of them."""
        return Own([self.pictures[k] for k in numbers], [self.classes[k] for k in numbers])


def read(folder: str | Path) -> Own:
    """The lines in a folder: pictures, and a labels.csv with the columns file and text, spaces left out.

    Each picture is one row of writing, dark ink on light paper, with little round it. Raises DataError for what is
    missing or damaged, FormatError for a labels.csv of another kind.
    """
    folder = files.home(folder)
    place = folder / LABELS
    try:
        with open(place, newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            if not {"file", "text"} <= set(table.fieldnames or ()):
                raise FormatError(f"{place} must have the columns file and text")
            rows = [(row["file"] or "", row["text"] or "") for row in table]
    except FileNotFoundError as error:
        raise DataError(f"there is no {place}: lines are pictures in a folder with a {LABELS} (file, text)") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {place}: {error}") from error
    if not rows:
        raise DataError(f"{place} names no pictures")
    own = Own([], [])
    for number, (name, text) in enumerate(rows, 2):
        classes = encode(text)
        if not classes:
            raise FormatError(f"{place}, line {number}: {name} has no text")
        own.pictures.append(_picture(folder / name, len(classes)))
        own.classes.append(classes)
    return own


def _picture(path: Path, signs: int) -> NDArray[np.uint8]:
    """A picture made HEIGHT pixels high, wide enough for so many signs."""
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > LARGEST:
                raise ValueError(f"it has {picture.width:,} x {picture.height:,} pixels, and {LARGEST:,} are the most")
            grey = picture.convert("L")
    except FileNotFoundError as error:
        raise DataError(f"there is no picture {path}") from error
    except Exception as error:  # damaged files make Pillow's plugins raise nearly anything
        raise DataError(f"cannot read {path}: {error}") from error
    width = max(round(grey.width * HEIGHT / grey.height), 5 * signs, 16)
    size = min(width, 2 * WIDEST), HEIGHT
    how = Image.Resampling.BILINEAR if grey.height < 2 * HEIGHT else Image.Resampling.BOX
    return np.asarray(grey.resize(size, how))
