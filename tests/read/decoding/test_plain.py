"""PNG and JPEG without all but their pixels, and what is not plain."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from tenfold.errors import DataError
from tenfold.read import decode
from tenfold.read.decoding import plain as module
from tenfold.read.decoding.plain import plain

NOISE = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)


def encoded(form: str, image: Image.Image | None = None, **options: object) -> bytes:
    file = io.BytesIO()
    (image or Image.fromarray(NOISE)).save(file, form, **options)
    return file.getvalue()


def pixels(raw: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(raw)))


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_the_pixels_stay_and_the_rest_goes(form: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a description"
    raw = encoded(form, exif=exif, icc_profile=b"profile" * 9)
    few = plain(raw)
    assert few is not None
    assert few.orientation == 6
    assert (pixels(few.raw) == pixels(raw)).all()
    assert b"description" in raw
    assert b"description" not in few.raw
    assert b"profileprofile" not in few.raw


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "I;16"])
def test_every_kind_of_png(mode: str) -> None:
    image = Image.fromarray(NOISE)
    image = Image.fromarray(NOISE[..., 0].astype(np.uint16) * 257) if mode == "I;16" else image.convert(mode)
    raw = encoded("PNG", image, **({"transparency": 0} if mode == "P" else {}))
    few = plain(raw)
    assert few is not None
    assert (pixels(few.raw) == pixels(raw)).all()


@pytest.mark.parametrize("options", [{"progressive": True}, {"quality": 95, "subsampling": 0}, {"dpi": (300, 300)}])
def test_every_kind_of_jpeg(options: dict[str, object]) -> None:
    for image in (Image.fromarray(NOISE), Image.fromarray(NOISE).convert("CMYK"), Image.fromarray(NOISE).convert("L")):
        raw = encoded("JPEG", image, **options)
        few = plain(raw)
        assert few is not None
        assert (pixels(few.raw) == pixels(raw)).all()


def test_what_is_not_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="6"/>')
    turned = encoded("PNG", pnginfo=text)
    scans = encoded("JPEG", progressive=True)
    many = scans[:-2] + b"\xff\xda\0\x08\x01\x01\0\x01\x05\0" * 200_000 + scans[-2:]
    for raw in (b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", turned, many, encoded("BMP"), encoded("WEBP")):
        assert plain(raw) is None
    (page,) = decode.pages(turned)  # by a process of its own
    assert (page.width, page.height) == (40, 30)
    monkeypatch.setattr(module, "MOST", 40 * 30 - 1)
    assert plain(encoded("PNG")) is None
    assert plain(encoded("JPEG")) is None


def test_files_of_many_parts_are_not_plain() -> None:
    """Each part would be an object, of many times its bytes."""
    png, jpeg = encoded("PNG"), encoded("JPEG")
    for kind in (b"IDAT", b"tEXt"):
        assert plain(png[:33] + (bytes(4) + kind + bytes(4)) * 20_000 + png[33:]) is None
    for filling in (b"\xff" * 20_000, b"\xff\xfe\0\2" * 20_000, b"\xff\xdb\0\2" * 20_000):
        assert plain(jpeg[:2] + filling + jpeg[2:]) is None
    (page,) = decode.pages(jpeg[:2] + b"\xff" * 20_000 + jpeg[2:])  # by a process of its own
    assert (page.width, page.height) == (30, 40)
    assert plain(png + bytes(4 * module.MOST)) is None


def test_exif_that_claims_much_is_not_believed() -> None:
    """Each of its entries would be a copy of all that there is."""
    entry = struct.pack("<HHII", 0x9000, 7, 60_000, 8)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 5000) + entry * 5000
    raw = encoded("JPEG")
    raw = raw[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + raw[2:]
    few = plain(raw)
    assert few is not None
    assert few.orientation == 1
    assert len(few.raw) < 20_000


@pytest.mark.parametrize("exif", [b"", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b"nonsense" * 9])
def test_exif_that_says_nothing(exif: bytes) -> None:
    raw = encoded("PNG")
    chunk = b"eXIf" + exif
    raw = raw[:33] + len(exif).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big") + raw[33:]
    few = plain(raw)
    assert few is not None
    assert few.orientation == 1


def test_what_is_cut_off_is_told_so_as_before() -> None:
    for form in ("PNG", "JPEG"):
        with pytest.raises(DataError, match=r"cut off|damaged"):
            list(decode.pages(encoded(form)[:700]))
