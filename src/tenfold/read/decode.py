"""Any picture as colours: files of every kind, bytes, arrays, PIL images."""

import select
import sys
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tenfold.errors import DataError, TenfoldError, TooLargeError, UsageError
from tenfold.read import limits, urls
from tenfold.read.decoding import arrays, images
from tenfold.read.decoding.page import WORK, Colours, Page, Pixels, colours, fitting
from tenfold.read.decoding.plain import plain

__all__ = ["MAX_PIXELS", "WORK", "Colours", "Page", "Pixels", "Source", "colours", "fitting", "pages", "source_name"]

Source = str | Path | bytes | BinaryIO | Image.Image | NDArray[Any]

MAX_PIXELS = 100_000_000  # of a picture or page; beyond that it is taken for a decompression bomb
BYTES = 7  # of memory for each of those that decoding a file may take
_ENCODED = 4  # bytes of a file for each of those: no more has a picture that is not packed at all
_LEAST = 2**24  # bytes of a file are allowed however few pixels are
_PART = 2**20  # bytes that are read at a time


def pages(
    source: Source,
    *,
    max_pixels: int = MAX_PIXELS,
    max_pages: int | None = None,
    max_memory: int | None = None,
    channels: str | None = None,
) -> Generator[Page, None, None]:
    """The pages of a picture, one for most.

    A path, a URL of an object store, "-" for standard input, bytes, a file open for reading, a PIL image, or an array:
    (H, W), (H, W, C) or (C, H, W) of grey, grey and alpha, RGB or RGBA. Its largest value says whether values go to 1,
    to 255 or to more; up to 63 they are stretched, and the page notes it. Squares (C, H, H) of 64 pixels or less may
    be several digits: they are a picture only where `channels` says "first".

    A file is decoded in a process of its own, which may take `max_memory` bytes, 7 for each of `max_pixels` where none
    are given, and the time that the thread's deadline leaves; PNG and JPEG of up to 16 megapixels are decoded here.

    Raises DataError for what is missing, damaged or too large, FormatError for what is no picture, UsageError for
    channels that are neither "first" nor "last".
    """
    if channels not in (None, "first", "last"):
        raise UsageError(f"channels must be 'first' or 'last', not {channels!r}")
    name = source_name(source)
    try:
        if isinstance(source, Image.Image):
            yield images.page(source, name, max_pixels)
        elif isinstance(raw := _content(source, name, _ENCODED * max_pixels), bytes | bytearray):
            yield from _of_file(raw, name, max_pixels, max_pages, max_memory or BYTES * max_pixels)
        else:
            yield arrays.page(arrays.channels_last(np.asarray(raw), channels), max_pixels)
    except (TenfoldError, MemoryError):
        raise
    except Exception as error:  # damaged files make Pillow's plugins raise nearly anything
        reason = "it is cut off" if "truncated" in str(error).lower() else "it is damaged"
        said = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"cannot read {name}: {reason} ({said})") from error


def _of_file(raw: bytes | bytearray, name: str, max_pixels: int, max_pages: int | None, memory: int) -> Iterator[Page]:
    """The pages of a file's bytes."""
    if not raw:
        raise DataError(f"{name} is empty: it has 0 bytes")
    limits.check()
    if few := plain(raw):
        yield from images.pages(few.raw, name, max_pixels, few.orientation)
        return
    from tenfold.read.decoding import apart

    yield from apart.pages(raw, name, apart.Limits(max_pixels, max_pages, memory))


def source_name(source: Source) -> str:
    """What to call a source in a message."""
    if isinstance(source, str | Path):
        return "standard input" if str(source) == "-" else str(source)
    if isinstance(source, Image.Image):
        return str(getattr(source, "filename", "") or "the image")
    return str(getattr(source, "name", "")) or ("the array" if hasattr(source, "__array__") else "the picture")


def _content(source: Any, name: str, most: int) -> Any:
    """The bytes of a file, or an array as it is."""
    most = max(most, _LEAST)
    if isinstance(source, str | Path):
        return _bytes_of(source, name, most)
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    return source.read() if hasattr(source, "read") else source


def _bytes_of(path: str | Path, name: str, most: int) -> bytes | bytearray:
    if str(path) == "-":
        return _bounded(sys.stdin.buffer, name, most)
    return urls.content(str(path), take=lambda opened: _bounded(opened, name, most))


def _bounded(file: Any, name: str, most: int) -> bytearray:
    """What a file holds, which may be without an end, such as a device. Raises TooLargeError, TooCostlyError."""
    found = bytearray()
    while part := _part(file):
        found += part
        if len(found) > most:
            raise TooLargeError(
                f"{name} has more than {most:,} bytes, {_ENCODED} for each pixel that is allowed: "
                "raise the limit with --max-pixels if that is meant"
            )
        limits.check()
    return found


def _part(file: Any) -> bytes:
    """What comes next in a file, which is waited for where it is a pipe. Raises TooCostlyError."""
    with suppress(AttributeError, OSError, ValueError):  # Windows cannot ask, nor is each file one of the system's
        waiting = select.poll()
        waiting.register(file, select.POLLIN)
        while not waiting.poll(100):  # milliseconds
            limits.check()
    return bytes(file.read1(_PART))
