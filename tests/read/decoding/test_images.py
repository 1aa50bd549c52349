"""Large pictures are made small a strip at a time, to the same pixels."""

import io

import numpy as np
import pytest
from PIL import Image

from tenfold.errors import FormatError
from tenfold.read.decoding import images

NOISE = np.random.default_rng(0).integers(0, 256, (900, 2500, 4), np.uint8)


def picture(mode: str) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray(NOISE[..., 0].astype(np.uint16) * 257)
    if mode in ("I", "F"):
        return Image.fromarray(NOISE[..., 0].astype(np.int32 if mode == "I" else np.float32))
    return Image.fromarray(NOISE).convert(mode)


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGBA", "CMYK", "YCbCr", "I", "I;16", "F"])
def test_strips_give_what_the_whole_gives(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = images.page(picture(mode), "a", 10_000_000)
    monkeypatch.setattr(images, "LARGE", 1000)
    monkeypatch.setattr(images, "_STRIP", 100_000)
    strips = images.page(picture(mode), "a", 10_000_000)
    assert strips.pixels.shape == whole.pixels.shape == (576, 1600, 3)
    assert (strips.width, strips.height) == (2500, 900)
    scale = 255 if strips.pixels.dtype == np.uint8 else 1
    away = np.abs(strips.pixels.astype(float) - whole.pixels) / scale
    assert away.mean() < 0.01
    assert away.max() < 0.1


def test_notes_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "LARGE", 10)
    assert images.page(Image.fromarray(np.full((20, 20), 16, np.int32)), "a", 400).notes


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_way_up(orientation: int) -> None:
    image = Image.fromarray(NOISE[:40, :30, 0])
    exif = image.getexif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    image.save(file, "PNG", exif=exif)
    (page,) = images.pages(file.getvalue(), "a", 2000)
    turned = page.pixels[..., 0]
    assert (page.width, page.height) == turned.shape[::-1] == ((40, 30) if orientation > 4 else (30, 40))
    given = images.page(image, "a", 2000, orientation=orientation)
    assert (given.pixels == page.pixels).all()
    assert sorted(turned.ravel()) == sorted(NOISE[:40, :30, 0].ravel())


def test_a_program_is_not_run() -> None:
    file = io.BytesIO()
    Image.new("L", (20, 20)).save(file, "EPS")
    with pytest.raises(FormatError, match="a is a program in PostScript, not a picture: convert it first"):
        next(images.pages(file.getvalue(), "a", 10_000))
