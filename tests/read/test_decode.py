"""Pictures of every kind as colours, and what is none."""

import io
import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tenfold.errors import DataError, FormatError, TooCostlyError, TooLargeError, UsageError
from tenfold.read import decode, limits, urls
from tenfold.read.limits import Deadline

GREY = np.full((20, 30), 200, np.uint8)
GREY[5:15, 10:12] = 20


def only(source: decode.Source, **options: Any) -> decode.Page:
    (page,) = decode.pages(source, **options)
    return page


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_every_format(form: str, mode: str) -> None:
    page = only(encoded(Image.fromarray(GREY).convert(mode), form))
    assert page.colours.shape == (20, 30, 3)
    assert page.colours.dtype == np.float32
    assert np.abs(page.colours.mean(axis=2) * 255 - GREY).mean() < 12
    assert (page.width, page.height, page.scale) == (30, 20, 1.0)


def test_heic_and_pdf_where_their_packages_are(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    assert only(encoded(Image.fromarray(GREY).convert("RGB"), "HEIF", quality=95)).width == 30
    pytest.importorskip("pypdfium2")
    grey = Image.fromarray(GREY)
    pages = list(decode.pages(encoded(grey, "PDF", save_all=True, append_images=[grey])))
    assert len(pages) == 2
    assert pages[0].colours.min() < 0.3


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGBA", "CMYK", "YCbCr", "HSV", "I", "I;16", "F"])
def test_every_mode(mode: str) -> None:
    image = Image.fromarray(GREY)
    if mode == "I;16":
        image = Image.fromarray(GREY.astype(np.uint16) * 257)
    elif mode == "F":
        image = Image.fromarray(GREY.astype(np.float32) / 255)
    elif mode in ("LA", "I", "1", "P"):
        image = image.convert(mode)
    else:
        image = image.convert("RGB").convert(mode)
    colours = only(image).colours
    assert colours.shape == (20, 30, 3)
    assert colours[10, 11].mean() < 0.4 < colours[2, 2].mean()


@pytest.mark.parametrize(
    "array",
    [
        GREY,
        GREY > 100,
        GREY / 255,
        GREY.astype(np.float32),
        GREY.astype(np.uint16) * 257,
        GREY.astype(np.int64),
        GREY[..., None],
        GREY[None],
        np.stack([GREY] * 3, axis=2),
        np.stack([GREY] * 3),
        np.dstack([GREY, GREY, GREY, np.full_like(GREY, 255)]),
    ],
)
def test_every_array(array: np.ndarray) -> None:
    colours = only(array).colours
    assert colours.shape == (20, 30, 3)
    assert colours[10, 11].mean() < 0.2
    assert colours[2, 2].mean() > 0.7


@pytest.mark.parametrize(
    "array",
    [
        GREY / 255 * 1.001,
        GREY / 255 - 0.3,
        (GREY > 100).astype(np.uint8),
        GREY.astype(np.uint16),
        GREY.astype(np.int64) * 4,
    ],
)
def test_arrays_whose_range_must_be_guessed(array: np.ndarray) -> None:
    colours = only(array).colours
    assert np.ptp(colours) > 0.45
    assert 0 <= colours.min() <= colours.max() <= 1


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float64])
@pytest.mark.parametrize("top", [1, 2, 16, 63, 255])
def test_grey_values_may_go_to_any_number(top: int, kind: type) -> None:
    values: np.ndarray = np.rint(GREY / 200.0 * top).astype(kind)
    page = only(values)
    assert page.colours.max() == 1
    assert page.notes == (() if top in (1, 255) else (f"grey values up to {top} were stretched to 255",))
    assert only(Image.fromarray(values.astype(np.int32))).notes == page.notes


def test_small_squares_may_be_digits_and_no_colours() -> None:
    for count in (2, 3, 4):
        digits = np.zeros((count, 28, 28), np.uint8)
        with pytest.raises(FormatError, match=f"may be {count} digits.* read each .* channels='first'"):
            only(digits)
        assert only(digits, channels="first").colours.shape == (28, 28, 3)
    for shape in ((1, 28, 28), (3, 28, 30), (3, 65, 65), (28, 28, 3), (4, 4, 4)):
        assert only(np.zeros(shape, np.uint8)).colours.shape[2] == 3
    assert only(np.zeros((3, 9, 4)), channels="first").width == 4
    assert only(np.zeros((3, 9, 4)), channels="last").width == 9
    with pytest.raises(FormatError, match=r"no picture: .* read each of several by itself"):
        only(np.zeros((3, 28, 28)), channels="last")
    with pytest.raises(UsageError, match="channels must be 'first' or 'last', not 'middle'"):
        only(GREY, channels="middle")


def test_a_pil_image_that_cannot_be_read_is_our_error() -> None:
    image = Image.open(io.BytesIO(BROKEN[:1500]))
    with pytest.raises(DataError, match=r"cut off|damaged"):
        only(image)
    image.close()


def test_paths_streams_and_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a b é.png"
    Image.fromarray(GREY).save(path)
    raw = path.read_bytes()
    monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": io.BytesIO(raw)}))
    with path.open("rb") as file:
        for source in (path, str(path), raw, file, "-"):
            assert only(source).colours.shape == (20, 30, 3)


def test_transparent_ink_gets_the_ground_it_needs() -> None:
    for ink in (0, 255):
        image = np.zeros((20, 20, 4), np.uint8)
        image[5:15, 9:11] = (ink, ink, ink, 255)
        colours = only(image).colours
        assert abs(colours[10, 10, 0] - colours[1, 1, 0]) == 1


def test_pages_of_a_tiff_are_pages(tmp_path: Path) -> None:
    other = Image.new("L", (50, 10))
    Image.fromarray(GREY).save(tmp_path / "a.tif", save_all=True, append_images=[other])
    assert [(p.width, p.height) for p in decode.pages(tmp_path / "a.tif")] == [(30, 20), (50, 10)]


def test_exif_turns_a_picture() -> None:
    image = Image.fromarray(GREY)
    exif = image.getexif()
    exif[0x0112] = 6
    page = only(encoded(image, "JPEG", exif=exif, quality=95))
    assert page.colours.shape == (30, 20, 3)
    assert (page.width, page.height) == (20, 30)
    assert np.abs(page.colours[..., 0] * 255 - np.rot90(GREY, -1)).mean() < 10


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_large_pictures_are_scaled_down_and_know_their_size(form: str) -> None:
    page = only(encoded(Image.new("L", (4000, 1000), 255), form))
    assert max(page.colours.shape) == decode.WORK
    assert (page.width, page.height) == (4000, 1000)
    assert page.scale == 2.5


BLACK, WHITE = Image.new("L", (9, 9)), Image.new("L", (9, 9), 255)
BROKEN = encoded(Image.effect_noise((60, 60), 50), "PNG")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (b"", "empty"),
        (b"hello", "not a picture"),
        (b"%PDF-1.4 nonsense", "damaged"),
        (BROKEN[:1500], "cut off|damaged"),
        (BROKEN[:40], "damaged|cut off|not a picture"),
        (encoded(BLACK, "GIF", save_all=True, append_images=[WHITE]), "animation"),
        (np.zeros((0, 5)), "no pixels"),
        (np.zeros(5), "no picture"),
        (np.zeros((5, 5, 7)), "no picture"),
        (np.zeros((2, 3, 4, 5)), "no picture"),
        (np.array([["a"]]), "no picture"),
        (np.full((5, 5), np.nan), "no numbers"),
        (np.full((5, 5), -1), "from -1"),
        (np.zeros((5, 5), complex), "no picture"),
        (np.array([[object()]]), "no picture"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_line(source: decode.Source, said: str) -> None:
    with pytest.raises((DataError, FormatError), match=said) as caught:
        list(decode.pages(source))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(DataError, match=str(path)):
            list(decode.pages(path))


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there are no devices here")
def test_a_file_without_an_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TooLargeError, match="/dev/zero has more than 16,777,216 bytes"):
        only("/dev/zero", max_pixels=100)
    sparse = tmp_path / "sparse.png"
    with sparse.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(TooLargeError, match="bytes, 4 for each pixel"):
        only(sparse, max_pixels=5_000_000)


def test_an_object_of_a_store_is_bounded_as_a_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    from pyarrow.fs import LocalFileSystem

    with (tmp_path / "sparse.png").open("wb") as file:
        file.truncate(2**40)
    (tmp_path / "7.png").write_bytes(encoded(Image.new("L", (20, 10)), "PNG"))
    monkeypatch.setattr(urls, "_store", lambda *_: (LocalFileSystem(), str(tmp_path)))
    assert only("s3://bucket/7.png").pixels.shape[:2] == (10, 20)
    with pytest.raises(TooLargeError, match=r"s3://bucket/sparse.png has more than 20,000,000 bytes"):
        only("s3://bucket/sparse.png", max_pixels=5_000_000)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_is_waited_for_until_the_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe, raw = tmp_path / "pipe.png", encoded(Image.fromarray(GREY), "PNG")
    os.mkfifo(pipe)
    with limits.until(Deadline(0.3, "pipe.png")), pytest.raises(TooCostlyError, match=r"pipe.png takes more than 0.3"):
        only(pipe)
    writing = threading.Thread(target=pipe.write_bytes, args=[raw])
    writing.start()
    assert only(pipe).width == 30
    writing.join()
    out, into = os.pipe()
    with os.fdopen(out, "rb") as end, os.fdopen(into, "wb"):  # into which nothing is written
        monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": end}))
        with limits.until(Deadline(0.3)), pytest.raises(TooCostlyError):
            only("-")


def test_a_bomb_is_refused_before_it_is_decoded_unless_it_is_meant() -> None:
    before = Image.MAX_IMAGE_PIXELS
    raw = encoded(Image.new("1", (3000, 2000)), "PNG")
    with pytest.raises(DataError, match="--max-pixels"):
        only(raw, max_pixels=1_000_000)
    with pytest.raises(DataError, match="--max-pixels"):
        only(np.zeros((20, 20)), max_pixels=399)
    assert only(raw).width == 3000
    assert before == Image.MAX_IMAGE_PIXELS
