"""Any picture as colours: files of every kind, bytes, arrays, PIL images."""

import io
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from tenfold import greys
from tenfold.errors import DataError, FormatError, TenfoldError, TooLargeError, UsageError, missing_extra
from tenfold.read import urls

Colours = NDArray[np.float32]  # (H, W, 3), 0 to 1
Pixels = NDArray[np.uint8] | Colours  # (H, W, 3)
Source = str | Path | bytes | BinaryIO | Image.Image | NDArray[Any]

MAX_PIXELS = 100_000_000  # of a picture or page; beyond that it is taken for a decompression bomb
WORK = 1600  # pixels: a longer side is scaled down to this, where a digit of a row across it still has 30
_PDF_DPI = 150
_TOPS = (1023, 4095, 65535)  # of 10, 12 and 16 bits a pixel
_SMALL = 64  # pixels: arrays (3, H, W) of squares up to this may be digits, and no colours
_LOCK = threading.Lock()  # Pillow's own limit is global
_PDF_LOCK = threading.Lock()  # PDFium is not safe to use from several threads


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


def colours(pixels: Pixels) -> Colours:
    """Pixels of any number as colours from 0 to 1."""
    values: Colours = pixels.astype(np.float32, copy=pixels.dtype == np.uint8)
    if pixels.dtype == np.uint8:
        values /= np.float32(255)
    return values


def pages(source: Source, *, max_pixels: int = MAX_PIXELS, channels: str | None = None) -> Iterator[Page]:
    """The pages of a picture, one for most.

    A path, a URL of an object store, "-" for standard input, bytes, a file open for reading, a PIL image, or an array:
    (H, W), (H, W, C) or (C, H, W) of grey, grey and alpha, RGB or RGBA. Its largest value says whether values go to 1,
    to 255 or to more; up to 63 they are stretched, and the page notes it. Squares (C, H, H) of 64 pixels or less may
    be several digits: they are a picture only where `channels` says "first".

    Raises DataError for what is missing, damaged or too large, FormatError for what is no picture, UsageError for
    channels that are neither "first" nor "last".
    """
    if channels not in (None, "first", "last"):
        raise UsageError(f"channels must be 'first' or 'last', not {channels!r}")
    name = source_name(source)
    try:
        yield from _pages(source, name, max_pixels, channels)
    except (TenfoldError, MemoryError):
        raise
    except Exception as error:  # damaged files make Pillow's plugins raise nearly anything
        reason = "it is cut off" if "truncated" in str(error).lower() else "it is damaged"
        said = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"cannot read {name}: {reason} ({said})") from error


def _pages(source: Source, name: str, max_pixels: int, channels: str | None) -> Iterator[Page]:
    if isinstance(source, Image.Image):
        yield _page(source, name, max_pixels)
        return
    if isinstance(source, str | Path):
        source = _bytes_of(source)
    elif isinstance(source, bytes | bytearray | memoryview):
        source = bytes(source)
    elif hasattr(source, "read"):
        source = source.read()
    if isinstance(source, bytes):
        yield from _from_bytes(source, name, max_pixels)
    else:
        yield _from_array(_channels_last(np.asarray(source), channels), max_pixels)


def fitting(width: int, height: int, most: int) -> tuple[int, int]:
    """A width and height in the same proportion, of which the longer is at most `most` pixels."""
    factor = max(1.0, max(height, width) / most)
    return max(1, round(width / factor)), max(1, round(height / factor))


def source_name(source: Source) -> str:
    """What to call a source in a message."""
    if isinstance(source, str | Path):
        return "standard input" if str(source) == "-" else str(source)
    if isinstance(source, Image.Image):
        return str(getattr(source, "filename", "") or "the image")
    return str(getattr(source, "name", "")) or ("the array" if hasattr(source, "__array__") else "the picture")


def _bytes_of(path: str | Path) -> bytes:
    if str(path) == "-":
        return sys.stdin.buffer.read()
    if urls.is_url(str(path)):
        return urls.content(str(path))
    try:
        return Path(path).expanduser().read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"there is no picture {path}") from error
    except IsADirectoryError as error:
        raise DataError(f"{path} is a folder, not a picture") from error
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def _from_bytes(raw: bytes, name: str, max_pixels: int) -> Iterator[Page]:
    if not raw:
        raise DataError(f"{name} is empty: it has 0 bytes")
    if raw[:5] == b"%PDF-":
        yield from _from_pdf(raw, name, max_pixels)
        return
    heic = raw[4:8] == b"ftyp" and raw[8:12] in (b"heic", b"heix", b"mif1", b"hevc", b"msf1")
    if heic:
        with suppress(ImportError):
            import pillow_heif

            pillow_heif.register_heif_opener()
    try:
        with _LOCK:
            before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                picture = Image.open(io.BytesIO(raw))
            finally:
                Image.MAX_IMAGE_PIXELS = before
        with picture:
            if picture.format == "EPS":  # which another program would have to run
                raise FormatError(f"{name} is a program in PostScript, not a picture: convert it first")
            # A TIFF's pages are gone through one by one: to count them first takes long where there are many.
            tiff = picture.format == "TIFF"
            frames = 1 if tiff else getattr(picture, "n_frames", 1)
            if frames > 1 and picture.format != "MPO":
                raise DataError(
                    f"{name} is an animation of {frames} frames: save the one to read as a picture of its own"
                )
            yield _page(picture, name, max_pixels)
            for number in count(1) if tiff else ():
                try:
                    picture.seek(number)
                except EOFError:
                    break
                yield _page(picture, name, max_pixels)
    except UnidentifiedImageError as error:
        hint = ": pip install pillow-heif reads HEIC" if heic else ""
        raise FormatError(f"{name} is not a picture, or of a kind that Pillow does not know{hint}") from error


def _from_pdf(raw: bytes, name: str, max_pixels: int) -> Iterator[Page]:
    try:
        import pypdfium2
    except ImportError as error:
        raise missing_extra("pypdfium2", "pdf") from error
    try:
        with _PDF_LOCK:
            document = pypdfium2.PdfDocument(raw)
        try:
            for number in range(len(document)):
                with _PDF_LOCK:
                    sheet = document[number]
                    width, height = (round(side / 72 * _PDF_DPI) for side in sheet.get_size())
                    _check_size(width, height, name, max_pixels)
                    picture = sheet.render(scale=_PDF_DPI / 72).to_pil().copy()
                    sheet.close()
                yield _page(picture, name, max_pixels)
        finally:
            with _PDF_LOCK:
                document.close()
    except pypdfium2.PdfiumError as error:
        raise DataError(f"cannot read {name}: it is damaged or locked ({error})") from error


def _check_size(width: int, height: int, name: str, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise TooLargeError(
            f"{name} has {width} x {height} pixels, more than the limit of {max_pixels:,}: "
            "raise it with --max-pixels if that is meant"
        )
    if not width * height:
        raise DataError(f"{name} has no pixels")


def _page(picture: Image.Image, name: str, max_pixels: int) -> Page:
    """A PIL image as a page, turned as its EXIF says, in colours, no larger than is needed."""
    _check_size(*picture.size, name, max_pixels)
    size = picture.size
    if picture.format == "JPEG" and max(size) > 2 * WORK:
        picture.draft("RGB", (WORK, WORK))  # which decodes it at a fraction of its size
    if getattr(picture, "getexif", None) and picture.getexif().get(0x0112, 1) != 1:
        picture = ImageOps.exif_transpose(picture)
        if (picture.width > picture.height) != (size[0] > size[1]):
            size = size[::-1]
    if picture.mode.startswith(("I", "F")):  # more than 8 bits a pixel, which convert would cut off
        return replace(_from_array(np.asarray(picture), max_pixels), width=size[0], height=size[1])
    if picture.mode == "LA" or "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        if picture.getchannel("A").getextrema() == (255, 255):  # opaque everywhere
            picture = picture.convert("RGB")
    elif picture.mode not in ("L", "RGB"):
        picture = picture.convert("L" if picture.mode == "1" else "RGB")
    if max(picture.size) > WORK:
        picture = picture.resize(fitting(*picture.size, WORK), Image.Resampling.BOX, reducing_gap=2.0)
    if picture.mode == "RGBA":
        return Page(_three(np.asarray(picture, np.float32) / np.float32(255)), *size)
    return Page(np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB")), *size)


def _shrunk(colours: Colours, size: tuple[int, int]) -> Page:
    """Colours made no larger than is needed."""
    shape = (colours.shape[1], colours.shape[0])
    if max(shape) <= WORK:
        return Page(colours, *size)
    channels = [Image.fromarray(colours[..., k]).resize(fitting(*shape, WORK), Image.Resampling.BOX) for k in range(3)]
    return Page(np.stack([np.asarray(c, np.float32) for c in channels], axis=2), *size)


def _three(values: NDArray[np.float32]) -> Colours:
    """Grey (H, W), grey and alpha (H, W, 2), RGB or RGBA as RGB, what is transparent laid on the ground it wants."""
    if values.ndim == 2:
        values = values[..., None]
    if values.shape[2] in (2, 4):
        colours, alpha = values[..., :-1], values[..., -1:]
        weight = float(alpha.sum())
        # Light ink wants a dark ground, dark ink a light one. A picture that is opaque nearly everywhere has its own.
        light = float((colours * alpha).sum()) / (colours.shape[2] * weight) > 0.5 if weight else False
        ground = 0.0 if light and float(alpha.mean()) < 0.95 else 1.0
        values = colours * alpha + ground * (1 - alpha)
    return np.ascontiguousarray(np.broadcast_to(values, (*values.shape[:2], 3)) if values.shape[2] == 1 else values)


def _channels_last(values: NDArray[Any], channels: str | None) -> NDArray[Any]:
    """An array (H, W) or (H, W, C) of one whose channels may come first. Raises FormatError for what is no picture."""
    shape = values.shape
    may_be_first = values.ndim == 3 and shape[2] > 4 and 1 <= shape[0] <= 4
    if channels is None and may_be_first and shape[0] > 1 and shape[1] == shape[2] <= _SMALL:
        raise FormatError(
            f"an array of shape {shape} may be {shape[0]} digits, or the channels of one picture: read each by itself, "
            "or all by Reader.classify; for one picture give channels='first'"
        )
    if values.ndim == 3 and (channels == "first" or (channels is None and may_be_first)):
        values = np.moveaxis(values, 0, 2)
    if values.ndim not in (2, 3) or (values.ndim == 3 and not 1 <= values.shape[2] <= 4):
        raise FormatError(
            f"an array of shape {shape} is no picture: (H, W), (H, W, C) or (C, H, W) is wanted; "
            "read each of several by itself, or digits by Reader.classify"
        )
    return values


def _from_array(values: NDArray[Any], max_pixels: int) -> Page:
    """An array (H, W) or (H, W, C) as a page."""
    _check_size(values.shape[1], values.shape[0], "the array", max_pixels)
    kind = values.dtype.kind
    if kind not in "buif":
        raise FormatError(f"an array of {values.dtype} is no picture: grey values or colours are wanted")
    scaled = values.astype(np.float32)
    low, high = float(scaled.min()), float(scaled.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise DataError("the array holds values that are no numbers")
    most = greys.white(high) if high <= 255 else next((m for m in _TOPS if high <= m), high)
    if low < (-0.5 if kind == "f" and most == 1 else 0):
        raise DataError(f"the array must hold values from 0 to 1, or 0 to 255, not from {low:g} to {high:g}")
    page = _shrunk(_three(np.clip(scaled / np.float32(most), 0, 1)), (values.shape[1], values.shape[0]))
    return replace(page, notes=greys.stretched(high) if high <= 255 else ())
