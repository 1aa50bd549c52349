"""The reader from a picture to its text, and what it must not answer."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageDraw

import tenfold
from conftest import on_paper, write_number
from tenfold.errors import DeviceError, RunError, TenfoldError, UsageError
from tenfold.mnist import embedded
from tenfold.read import decode


@pytest.fixture(scope="module")
def reader() -> tenfold.Reader:
    return tenfold.Reader(always_answer=True)


def test_a_number(reader: tenfold.Reader, tmp_path: Path) -> None:
    image = on_paper(write_number("2079"))
    reading = reader.read(image)
    assert reading.text == "2079"
    assert reading.lines == ("2079",)
    assert [digit.value for digit in reading.digits] == list("2079")
    assert all(digit.probability == max(digit.probabilities.values()) for digit in reading.digits)
    Image.fromarray(image).save(tmp_path / "number.png")
    assert reader.read(tmp_path / "number.png").as_dict()["text"] == "2079"


def halves(ink: np.ndarray) -> list[np.ndarray]:
    """The two digits of a number, each alone on the whole page."""
    blank = np.flatnonzero(ink.max(axis=0) == 0)
    cut = int(blank[np.abs(blank - ink.shape[1] / 2).argmin()])
    return [ink * (np.arange(ink.shape[1]) < cut), ink * (np.arange(ink.shape[1]) > cut)]


def test_boxes_are_where_the_digits_are(reader: tenfold.Reader) -> None:
    ink = write_number("35", size=60)
    for image, factor in ((on_paper(ink), 1), (np.kron(on_paper(ink), np.ones((12, 12), np.uint8)), 12)):
        for digit, columns in zip(reader.read(image).digits, halves(ink), strict=True):
            rows, across = np.flatnonzero(columns.max(1) > 0.3), np.flatnonzero(columns.max(0) > 0.3)
            x, y, width, height = (side / factor for side in digit.box)
            assert abs(x - across[0]) < 5
            assert abs(y - rows[0]) < 5
            assert abs(height - np.ptp(rows)) < 8
            assert abs(width - np.ptp(across)) < 8


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_dark_or_light_and_turned(reader: tenfold.Reader, dark: bool, turns: int) -> None:
    image = on_paper(write_number("27453", seed=5))
    image = np.rot90(image if dark else 255 - image, turns)
    reading = reader.read(np.ascontiguousarray(image))
    assert reading.text == "27453"
    first = reading.digits[0].box
    corner = [(0, 0), (0, 1), (1, 1), (1, 0)][turns]  # where the first digit is: left or right, top or bottom
    assert (first[0] + first[2] / 2 > image.shape[1] / 2) == corner[0] or image.shape[1] < image.shape[0]
    assert (first[1] + first[3] / 2 > image.shape[0] / 2) == corner[1] or image.shape[0] < image.shape[1]


def test_rows_and_numbers(reader: tenfold.Reader) -> None:
    rows = [write_number(text, seed=k) for k, text in enumerate(("1985", "60 42", "337"))]
    width = max(row.shape[1] for row in rows)
    page = np.concatenate([np.pad(row, ((0, 0), (0, width - row.shape[1]))) for row in rows])
    reading = reader.read(on_paper(page))
    assert reading.lines == ("1985", "60 42", "337")
    assert reading.text == "1985\n60 42\n337"
    assert [digit.line for digit in reading.digits] == [0] * 4 + [1] * 4 + [2] * 3


def test_no_row_of_a_long_page_is_lost(reader: tenfold.Reader) -> None:
    texts = [f"{k:02}{99 - k}" for k in range(30)]
    rows = [write_number(text, size=36, seed=k, margin=0.4) for k, text in enumerate(texts)]
    width = max(row.shape[1] for row in rows)
    page = np.concatenate([np.pad(row, ((0, 0), (0, width - row.shape[1]))) for row in rows])
    lines = reader.read(on_paper(page)).lines
    assert len(lines) == 30
    assert np.mean([line == text for line, text in zip(lines, texts, strict=True)]) > 0.9


def test_a_page_is_told_where_only_one_has_digits(reader: tenfold.Reader, tmp_path: Path) -> None:
    written = Image.fromarray(on_paper(write_number("7")))
    Image.new("L", written.size, 255).save(tmp_path / "two.tif", save_all=True, append_images=[written])
    assert [digit["page"] for digit in reader.read(tmp_path / "two.tif").as_dict()["digits"]] == [2]


def test_names_longer_than_a_digit_are_parted() -> None:
    some = {"probability": 1.0, "probabilities": {"odd": 1.0, "even": 0.0}, "box": (0, 0, 1, 1), "sure": True}
    digits = (tenfold.Digit("odd", **some), tenfold.Digit("even", **some))
    assert tenfold.Reading(digits).text == "odd even"


def test_pictures_are_taken_as_they_are_read(reader: tenfold.Reader) -> None:
    taken: list[int] = []

    def endless() -> Iterator[np.ndarray]:
        while True:
            taken.append(1)
            yield np.full((30, 30), 255, np.uint8)

    assert next(reader.read_all(endless(), threads=2)).text == ""
    assert len(taken) <= 4


def test_touching_digits_are_parted_and_a_broken_one_is_whole(reader: tenfold.Reader) -> None:
    assert reader.read(on_paper(write_number("5309", gap=-0.02, seed=2))).text == "5309"
    broken = write_number("5", size=80, seed=3)
    broken[:, broken.shape[1] // 2 : broken.shape[1] // 2 + 3] = 0
    assert reader.read(on_paper(broken)).text == "5"


def test_pages_of_a_tiff_follow_each_other(reader: tenfold.Reader, tmp_path: Path) -> None:
    pages = [Image.fromarray(on_paper(write_number(text))) for text in ("12", "807")]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    reading = reader.read(tmp_path / "pages.tif")
    assert reading.lines == ("12", "807")
    assert [digit.page for digit in reading.digits] == [1, 1, 2, 2, 2]
    assert reading.annotated(2).size == pages[1].size
    with pytest.raises(UsageError, match="no page 3"):
        reading.annotated(3)


def test_mnist_itself_single_and_not(reader: tenfold.Reader) -> None:
    digits = embedded.read("train")
    some = range(50_000, 50_120)
    for single in (True, False):
        texts = [reader.read(digits.images[k], single=single).text for k in some]
        assert np.mean([text == str(digits.labels[k]) for text, k in zip(texts, some, strict=True)]) > 0.95
    probabilities = reader.classify(digits.images[50_000:50_500])
    assert probabilities.shape == (500, 11)
    assert np.mean(probabilities.argmax(1) == digits.labels[50_000:50_500]) > 0.985


def test_a_box_reads_only_what_is_in_it(reader: tenfold.Reader) -> None:
    image = on_paper(write_number("468", gap=0.8))
    whole = reader.read(image)
    x, y, width, height = whole.digits[1].box
    part = reader.read(image, box=(x - 20, y - 20, width + 40, height + 40))
    assert part.text == "6"
    assert np.abs(np.array(part.digits[0].box) - whole.digits[1].box).max() <= 3
    for box in ((0, 0, 0, 5), (-1, 0, 5, 5), (0, 0, 10_000, 5)):
        with pytest.raises(UsageError, match="not inside"):
            reader.read(image, box=box)


def test_a_threshold_makes_question_marks(reader: tenfold.Reader) -> None:
    image = on_paper(write_number("2079"))
    strict = tenfold.Reader(threshold=1.0).read(image)
    assert strict.text == "????"
    assert not strict.sure
    assert [digit.value for digit in strict.digits] == list("2079")
    assert tenfold.Reader(threshold=0.0).read(image).sure
    own = tenfold.Reader()
    assert own.threshold == own.classifier.description.threshold
    with pytest.raises(UsageError, match="threshold"):
        tenfold.Reader(threshold=1.5)


def scribble() -> np.ndarray:
    canvas = Image.new("L", (300, 300), 255)
    points = np.cumsum(np.random.default_rng(1).normal(0, 50, (60, 2)), axis=0) % 220 + 40
    ImageDraw.Draw(canvas).line([tuple(p) for p in points], 0, 4)
    return np.asarray(canvas)


def photograph() -> np.ndarray:
    """Smooth shapes of all sizes, as in a landscape."""
    generator = np.random.default_rng(0)
    image = np.zeros((400, 400))
    for k, n in enumerate((4, 9, 20, 60), 1):
        coarse = Image.fromarray(generator.random((n, n)).astype(np.float32))
        image += np.asarray(coarse.resize((400, 400), Image.Resampling.BICUBIC)) / k
    return (255 * (image - image.min()) / np.ptp(image)).astype(np.uint8)


@pytest.mark.parametrize(
    "image",
    [
        np.full((200, 300), 255, np.uint8),
        np.zeros((200, 300), np.uint8),
        np.full((1, 1), 7, np.uint8),
        np.full((28, 28), 128, np.uint8),
        np.tile(np.arange(256, dtype=np.uint8), (100, 1)),
        scribble(),
        photograph(),
    ],
    ids=["white", "black", "pixel", "grey", "gradient", "scribble", "photograph"],
)
def test_what_is_no_digit_is_not_answered(image: np.ndarray) -> None:
    assert not any(digit.sure for digit in tenfold.Reader().read(image).digits)


@pytest.mark.parametrize("single", [True, False])
def test_a_picture_full_of_dots_takes_no_time(reader: tenfold.Reader, single: bool) -> None:
    dots = np.where(np.random.default_rng(0).random((800, 800)) > 0.995, 0, 255).astype(np.uint8)
    began = time.perf_counter()
    assert reader.read(dots, single=single).text == ""
    assert time.perf_counter() - began < 8  # 18 s when every slice of every dot was thought of


def test_threads_and_batches_read_the_same(reader: tenfold.Reader) -> None:
    images = [on_paper(write_number(text, seed=k)) for k, text in enumerate(("12", "345", "67", "890") * 3)]
    expected = [reader.read(image) for image in images]
    assert list(reader.read_all(images, threads=4)) == expected
    found: dict[int, tenfold.Reading] = {}
    threads = [
        threading.Thread(target=lambda k=k: found.update({k: reader.read(images[k])})) for k in range(len(images))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[k] for k in range(len(images))] == expected


def test_drawings(reader: tenfold.Reader) -> None:
    image = on_paper(write_number("41"))
    reading = reader.read(image)
    drawn = np.asarray(reading.annotated())
    assert drawn.shape[:2] == image.shape
    assert (drawn != image[..., None]).any(axis=2).sum() > 200
    for source in (image, np.zeros((1, 1)), np.full((40, 500), 255, np.uint8), embedded.read("train").images[0]):
        (page,) = decode.pages(source)
        figure = reader.explained(page)
        assert min(figure.size) > 100


@pytest.mark.parametrize("name", ["missing.onnx", "text.onnx", "folder"])
def test_a_model_that_cannot_be_used(name: str, tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("hello")
    (tmp_path / "folder").mkdir()
    with pytest.raises(RunError, match=name.split(".")[0]):
        tenfold.Reader(tmp_path / name)


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(DeviceError, match="there is cpu"):
        tenfold.Reader(device="tpu")


SHAPES = arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=24)
KINDS = st.sampled_from(["u1", "u2", "i4", "i8", "f2", "f4", "f8", "b1", "c8", "U1"])
QUIET = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))


@QUIET
@given(array=KINDS.flatmap(lambda kind: arrays.arrays(kind, SHAPES)), single=st.booleans())
def test_arrays_of_every_shape_and_kind(reader: tenfold.Reader, array: np.ndarray, single: bool) -> None:
    with np.errstate(all="ignore"):
        try:
            reading = reader.read(array, single=single)
        except TenfoldError:
            return
    assert set(reading.text) <= set("0123456789? \n")


SIDE, LEVEL = st.integers(1, 90), st.sampled_from([0, 60, 255])


@QUIET
@given(image=arrays.arrays("u1", st.tuples(SIDE, SIDE), elements=LEVEL))
def test_the_finder_holds_whatever_the_ink_is(reader: tenfold.Reader, image: np.ndarray) -> None:
    for digit in reader.read(image).digits:
        x, y, width, height = digit.box
        assert 0 <= x < x + width <= image.shape[1] + 1
        assert 0 <= y < y + height <= image.shape[0] + 1


@pytest.mark.parametrize("form", ["png", "jpg", "tif", "gif", "webp", "bmp"])
def test_damaged_files_raise_nothing_but_our_own(reader: tenfold.Reader, form: str, tmp_path: Path) -> None:
    path = tmp_path / f"picture.{form}"
    Image.fromarray(on_paper(write_number("31", size=30))).save(path)
    raw, generator = path.read_bytes(), np.random.default_rng(0)
    for _ in range(40):
        damaged = bytearray(raw[: generator.integers(1, len(raw) + 1)])
        for at in generator.integers(0, len(damaged), generator.integers(0, 12)):
            damaged[at] = generator.integers(256)
        try:
            reader.read(bytes(damaged))
        except TenfoldError as error:
            assert "\n" not in str(error)  # noqa: PT017


def test_what_is_upright_is_not_turned(reader: tenfold.Reader) -> None:
    turned = np.rot90(on_paper(write_number("2479")))
    assert reader.read(turned).text == "2479"
    assert reader.read(turned, upright=True).text != "2479"
    assert tenfold.Reader(upright=True).read(turned).text == tenfold.Reader().read(turned, upright=True).text
