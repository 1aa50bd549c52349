"""Pictures of every kind that Pillow opens, as pages; large ones a strip at a time, without a second copy of them."""

import io
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from tenfold.errors import DataError, FormatError
from tenfold.read.decoding import arrays
from tenfold.read.decoding.page import WORK, Page, check_size, fitting

LARGE = 16_000_000  # pixels: more are converted in strips,
_STRIP = 1_000_000  # of about so many
_LOCK = threading.Lock()  # Pillow's own limit is global
_ORIENTATION = 0x0112  # the tag of EXIF


def is_heic(raw: bytes) -> bool:
    """Whether a file is HEIC, or of another kind that pillow-heif opens."""
    return raw[4:8] == b"ftyp" and raw[8:12] in (b"heic", b"heix", b"mif1", b"hevc", b"msf1")


def pages(raw: bytes, name: str, max_pixels: int, orientation: int | None = None) -> Iterator[Page]:
    """The pages of a file, one for most; None is the `orientation` that is in the file.

    Raises DataError, TooLargeError, FormatError for what is no picture, and whatever Pillow does for damaged files.
    """
    heic = is_heic(raw)
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
            first = page(picture, name, max_pixels, orientation=orientation, own=True)
            _let_go(picture)
            yield first
            for number in count(1) if tiff else ():
                try:
                    picture.seek(number)
                except EOFError:
                    break
                further = page(picture, name, max_pixels, own=True)
                _let_go(picture)
                yield further
    except UnidentifiedImageError as error:
        hint = ": pip install pillow-heif reads HEIC" if heic else ""
        raise FormatError(f"{name} is not a picture, or of a kind that Pillow does not know{hint}") from error


def _let_go(picture: Image.Image) -> None:
    """Let the pixels of a picture go, which may be many, while its page is read."""
    picture.im = None  # type: ignore[assignment]


def page(
    picture: Image.Image,
    name: str,
    max_pixels: int,
    *,
    size: tuple[int, int] | None = None,
    orientation: int | None = None,
    own: bool = False,
) -> Page:
    """A PIL image as a page, turned as its EXIF says, in colours, no larger than is needed.

    `size` is what it stands for, if that is more than it has; the pixels of one that is our `own` may be let go. Raises
    as `pages` does.
    """
    check_size(*picture.size, name, max_pixels)
    size = size or picture.size
    if picture.format == "JPEG" and max(size) > 2 * WORK:
        picture.draft("RGB", (WORK, WORK))  # which decodes it at a fraction of its size
    if orientation is None:
        orientation = picture.getexif().get(_ORIENTATION, 1) if hasattr(picture, "getexif") else 1
    if orientation in range(5, 9):
        size = size[::-1]
    notes, whole = tuple[str, ...](), picture
    if picture.mode.startswith(("I", "F")):  # more than 8 bits a pixel, which convert would cut off
        if picture.width * picture.height <= LARGE:
            shown = arrays.page(np.asarray(_turned(picture, orientation)), max_pixels)
            return Page(shown.pixels, *size, shown.notes)
        whole, (picture, notes) = picture, _deep(picture)
    elif picture.width * picture.height > LARGE:
        whole, picture = picture, _in_strips(picture)
    if own and whole is not picture:
        _let_go(whole)
    if picture.mode == "F":
        return Page(arrays.three(np.asarray(_turned(picture, orientation))), *size, notes)
    picture = _coloured(picture)
    if max(picture.size) > WORK:
        picture = picture.resize(fitting(*picture.size, WORK), Image.Resampling.BOX, reducing_gap=2.0)
    picture = _turned(picture, orientation)
    if picture.mode == "RGBA":
        return Page(arrays.three(np.asarray(picture, np.float32) / np.float32(255)), *size)
    return Page(np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB")), *size)


def _coloured(picture: Image.Image) -> Image.Image:
    """A picture in grey, RGB, or RGBA where it is not opaque everywhere."""
    if picture.mode == "LA" or "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        return picture.convert("RGB") if picture.getchannel("A").getextrema() == (255, 255) else picture
    return picture if picture.mode in ("L", "RGB") else picture.convert("L" if picture.mode == "1" else "RGB")


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _turned(picture: Image.Image, orientation: Any) -> Image.Image:
    """A picture turned as a value of EXIF says."""
    return picture.transpose(_TURNS[orientation]) if orientation in _TURNS else picture


def _strips(picture: Image.Image, height: int) -> Iterator[tuple[int, int, float, Image.Image]]:
    """The strips of a picture that make rows of one of so many: the first row and the last, and where that begins."""
    factor = picture.height / height
    step = max(1, int(_STRIP / (picture.width * factor)))
    for first in range(0, height, step):
        last = min(height, first + step)
        top = int(first * factor)
        bottom = min(picture.height, int(np.ceil(last * factor)))
        yield first, last, first * factor - top, picture.crop((0, top, picture.width, bottom))


def _resized(strip: Image.Image, width: int, rows: int, begin: float, factor: float) -> Image.Image:
    end = min(strip.height, begin + rows * factor)
    return strip.resize((width, rows), Image.Resampling.BOX, (0, begin, strip.width, end))


def _in_strips(picture: Image.Image) -> Image.Image:
    """A large picture of any mode in colours, and no larger than is needed."""
    width, height = fitting(*picture.size, WORK)
    made = Image.new("RGBA", (width, height))
    for first, last, begin, strip in _strips(picture, height):
        small = _resized(_coloured(strip), width, last - first, begin, picture.height / height)
        made.paste(small.convert("RGBA"), (0, first))
    return made


def _deep(picture: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """A large picture of more than 8 bits in grey values from 0 to 1, no larger than is needed; and the notes."""
    width, height = fitting(*picture.size, WORK)
    ends = [
        (values.min(), values.max()) for *_, strip in _strips(picture, height) if (values := np.asarray(strip)).size
    ]
    low, high = float(np.min([end[0] for end in ends])), float(np.max([end[1] for end in ends]))  # a NaN stays one
    most = arrays.white(low, high, real=picture.mode.startswith("F"))
    made = Image.new("F", (width, height))
    for first, last, begin, strip in _strips(picture, height):
        values = np.clip(np.asarray(strip, np.float32) / np.float32(most), 0, 1)
        made.paste(_resized(Image.fromarray(values), width, last - first, begin, picture.height / height), (0, first))
    return made, arrays.notes(high)
