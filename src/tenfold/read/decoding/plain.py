"""PNG and JPEG as they mostly are: their pixels alone, which Pillow decodes in a known time and memory.

What else such a file may hold, EXIF, colour profiles, texts, previews, goes through a dozen further parsers, in which a
small file can claim much. Of all that a reading needs only which way up the picture is.
"""

import struct
from typing import NamedTuple

MOST = 16_000_000  # pixels of a file that is decoded here, times the scans of a JPEG
_BYTES, _PARTS = 4 * MOST, 10_000  # of such a file, and chunks or segments: each costs more than its bytes
_ORIENTATION = 0x0112  # the tag of EXIF
_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL")
_FRAMES = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)))


class Plain(NamedTuple):
    """A file of pixels, and which way up they are, as EXIF has it."""

    raw: bytes
    pixels: int
    orientation: int = 1


def plain(raw: bytes | bytearray) -> Plain | None:
    """The pixels of a PNG or JPEG; None for a file of another kind, a large one, and one with anything unusual."""
    if len(raw) > _BYTES:
        return None
    if raw.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png(raw)
    return _jpeg(raw) if raw.startswith(b"\xff\xd8\xff") else None


def _png(raw: bytes | bytearray) -> Plain | None:
    """The chunks that make the pixels."""
    if raw[12:16] != b"IHDR" or len(raw) < 33:
        return None
    width, height = struct.unpack_from(">II", raw, 16)
    if not 0 < width * height <= MOST:
        return None
    parts, at, orientation = [raw[:8]], 8, 1
    for _ in range(_PARTS):
        if at + 8 > len(raw):
            break
        (length,), kind = struct.unpack_from(">I", raw, at), raw[at + 4 : at + 8]
        end = at + 12 + length
        if kind in _KEPT:
            parts.append(raw[at:end])
        elif kind == b"eXIf":
            orientation = _oriented(raw[at + 8 : end - 4])
        elif kind in (b"tEXt", b"zTXt", b"iTXt") and _may_turn(raw[at + 8 : end]):
            return None
        at = end
        if kind == b"IEND":
            break
    else:
        return None
    return Plain(b"".join(parts), width * height, orientation)


def _may_turn(text: bytes | bytearray) -> bool:
    """Whether a text of a PNG may say which way up it is."""
    return text.startswith(b"Raw profile") or (text.startswith(b"XML:com.adobe") and b"Orientation" in text)


def _jpeg(raw: bytes | bytearray) -> Plain | None:
    """The segments that make the pixels: all but those for applications, and comments."""
    parts, at, orientation, pixels = [raw[:2]], 2, 1, 0
    for _ in range(_PARTS):
        if at + 4 > len(raw) or raw[at] != 0xFF:
            break
        kind = raw[at + 1]
        if kind == 0xFF:  # a byte that fills
            at += 1
            continue
        end = at + 2 + int.from_bytes(raw[at + 2 : at + 4], "big")
        segment = raw[at:end]
        if kind in _FRAMES and len(segment) > 9:
            height, width = struct.unpack_from(">HH", segment, 5)
            pixels = max(pixels, height * width)
        if kind == 0xE1 and segment[4:10] == b"Exif\0\0":
            orientation = _oriented(segment[10:])
        elif kind == 0xE1 and b"tiff:Orientation" in segment:
            return None
        if kind in (0xE0, 0xEE) or not (kind & 0xF0 == 0xE0 or kind == 0xFE):
            parts.append(segment)
        at = end
        if kind == 0xDA:  # from here on there are pixels
            scans = 1 + raw.count(b"\xff\xda", end)
            small = 0 < pixels <= MOST and scans * pixels <= 10 * MOST
            return Plain(b"".join([*parts, raw[end:]]), pixels, orientation) if small else None
    return None


def _oriented(exif: bytes | bytearray) -> int:
    """Which way up a picture is by its EXIF; 1, as it is, where that does not say."""
    exif = bytes(exif.removeprefix(b"Exif\0\0"))
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None or len(exif) < 8:
        return 1
    (at,) = struct.unpack_from(f"{order}I", exif, 4)
    if at + 2 > len(exif):
        return 1
    (count,) = struct.unpack_from(f"{order}H", exif, at)
    for place in range(at + 2, min(at + 2 + 12 * count, len(exif) - 11), 12):
        tag, kind, _, value = struct.unpack_from(f"{order}HHIH", exif, place)
        if tag == _ORIENTATION and kind == 3:
            return int(value)
    return 1
