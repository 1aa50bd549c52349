"""A page: the pixels that are read, and the size that they stand for."""

import zlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tenfold.errors import DataError, TooLargeError

Colours = NDArray[np.float32]  # (H, W, 3), 0 to 1
Pixels = NDArray[np.uint8] | Colours  # (H, W, 3)

WORK = 1600  # pixels: a longer side is scaled down to this, where a digit of a row across it still has 30


@dataclass(frozen=True)
class Page:
    """A picture, or one page of it: its pixels, scaled down if it was large, and its full size.

    `notes` tell what had to be done to its values, a sentence each.
    """

    pixels: Pixels
    width: int
    height: int
    notes: tuple[str, ...] = ()

    @property
    def colours(self) -> Colours:
        """The colours from 0 to 1."""
        return colours(self.pixels)

    @property
    def image(self) -> Image.Image:
        """The page as a PIL image."""
        return Image.fromarray(self.pixels if self.pixels.dtype == np.uint8 else (self.pixels * 255).astype(np.uint8))

    def small(self) -> "Page":
        """The page with its colours as bytes, a quarter of the size, to be kept and looked at."""
        return self if self.pixels.dtype == np.uint8 else replace(self, pixels=np.asarray(self.image))

    @property
    def scale(self) -> float:
        """Pixels of the full picture to one of `colours`."""
        return self.width / int(self.pixels.shape[1])


class Kept:
    """A page of many that is kept to be looked at: packed, as they would fill the memory."""

    def __init__(self, page: Page) -> None:
        self.width: int = page.width
        self.height: int = page.height
        self._kind, self._shape, self._notes = page.pixels.dtype.char, page.pixels.shape, page.notes
        self._packed = zlib.compress(np.ascontiguousarray(page.pixels).data, 1)

    @property
    def page(self) -> Page:
        """The page as it was."""
        pixels: Pixels = np.frombuffer(zlib.decompress(self._packed), self._kind).reshape(self._shape)
        return Page(pixels, self.width, self.height, self._notes)


def colours(pixels: Pixels) -> Colours:
    """Pixels of any number as colours from 0 to 1."""
    values: Colours = pixels.astype(np.float32, copy=pixels.dtype == np.uint8)
    if pixels.dtype == np.uint8:
        values /= np.float32(255)
    return values


def fitting(width: int, height: int, most: int) -> tuple[int, int]:
    """A width and height in the same proportion, of which the longer is at most `most` pixels."""
    factor = max(1.0, max(height, width) / most)
    return max(1, round(width / factor)), max(1, round(height / factor))


def check_size(width: int, height: int, name: str, max_pixels: int) -> None:
    """Raise TooLargeError for more pixels than are allowed, DataError for none."""
    if width * height > max_pixels:
        raise TooLargeError(
            f"{name} has {width} x {height} pixels, more than the limit of {max_pixels:,}: "
            "raise it with --max-pixels if that is meant"
        )
    if not width * height:
        raise DataError(f"{name} has no pixels")
