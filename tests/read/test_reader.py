"""The reader from a picture to its text: arrays and files of every kind, boxes, thresholds, threads."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

import tenfold
from conftest import on_paper, write_number
from read import hostile
from tenfold.errors import FormatError, TenfoldError, TooCostlyError, UsageError
from tenfold.mnist import embedded
from tenfold.read import reader as reader_module
from tenfold.read.decoding.page import Kept
from tenfold.read.finding.signs import Sign
from tenfold.read.finding.strokes import Piece


def test_a_number(reader: tenfold.Reader, tmp_path: Path) -> None:
    image = on_paper(write_number("2079"))
    reading = reader.read(image)
    assert reading.text == "2079"
    assert reading.lines == ("2079",)
    assert [digit.value for digit in reading.digits] == list("2079")
    assert all(0.5 < digit.probability <= max(digit.probabilities.values()) for digit in reading.digits)
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


def test_pictures_are_taken_as_they_are_read(reader: tenfold.Reader) -> None:
    taken: list[int] = []

    def endless() -> Iterator[np.ndarray]:
        while True:
            taken.append(1)
            yield np.full((30, 30), 255, np.uint8)

    assert next(reader.read_all(endless(), threads=2)).text == ""
    assert len(taken) <= 4


def test_mnist_itself_single_and_not(reader: tenfold.Reader) -> None:
    digits = embedded.read("train")
    some = range(50_000, 50_120)
    for single in (True, False):
        texts = [reader.read(digits.images[k], single=single).text for k in some]
        assert np.mean([text == str(digits.labels[k]) for text, k in zip(texts, some, strict=True)]) > 0.95
    probabilities = reader.classify(digits.images[50_000:50_500])
    assert probabilities.shape == (500, 11)
    assert np.mean(probabilities.argmax(1) == digits.labels[50_000:50_500]) > 0.985


@pytest.mark.parametrize("top", [1, 2, 16, 255])
def test_values_of_any_range_are_read_and_classified(reader: tenfold.Reader, top: int) -> None:
    images = np.rint(embedded.read("test").images[:3] / 255 * top).astype(np.uint8)  # 7, 2, 1
    reading = reader.read(images[0], single=True)
    assert reading.text == "7"
    assert bool(reading.notes) == (top in (2, 16))
    assert reader.classify(images).argmax(axis=1).tolist() == [7, 2, 1]  # three digits, no colours
    with pytest.raises(FormatError, match="may be 3 digits"):
        reader.read(images)
    assert reader.read(np.stack([images[0]] * 3), single=True, channels="first").text == "7"


def test_what_is_no_digit_is_one_only_where_an_answer_is_always_wanted(reader: tenfold.Reader) -> None:
    plus = np.full((90, 90), 255, np.uint8)
    plus[40:50, 10:80] = plus[10:80, 40:50] = 0
    assert "?" in (tenfold.Reader(reader.classifier).read(plus, single=True).text or "?")
    assert reader.threshold == 0
    assert reader.read(plus, single=True).text in [*"0123456789"]


def test_a_picture_of_few_pixels_is_of_one_digit(reader: tenfold.Reader) -> None:
    digits = embedded.read("train")
    right = []
    for image, label in zip(digits.images[50_000:50_150], digits.labels[50_000:50_150], strict=True):
        (top, *_, bottom), (left, *_, end) = (np.flatnonzero(image.max(axis=k) > 40) for k in (1, 0))
        small = Image.fromarray(image[top : bottom + 1, left : end + 1]).resize((6, 7), Image.Resampling.BOX)
        right.append(reader.read(np.pad(np.asarray(small), ((0, 0), (1, 1)))).text == str(label))
    assert np.mean(right) > 0.92  # 0.84 where the network for lines is asked too


@pytest.mark.parametrize("number", ["42", "10", "35"])
def test_of_two_digits_none_is_surely_the_single_one(reader: tenfold.Reader, number: str) -> None:
    image = on_paper(write_number(number, gap=0.6))
    assert reader.read(image).text == number
    reading = tenfold.Reader(reader.classifier).read(image, single=True)
    assert (reading.text, len(reading.ignored)) == ("?", 1)


def test_what_nobody_writes_is_less_sure(reader: tenfold.Reader) -> None:
    piece = Piece(0, 0, np.ones((1, 1), bool))
    for text, sure in (("12.50", True), ("12+-", False)):
        assert all(reader._sure([Sign(value, 0.95, {value: 0.95}, piece) for value in text], 0.7)) == sure


def test_without_signs_it_does_not_matter_which_one_it_is() -> None:
    piece = Piece(0, 0, np.ones((1, 1), bool))
    point = Sign(".", 0.3, {"1": 0.2, ".": 0.4, ",": 0.3, "-": 0.1}, piece)
    assert reader_module._any_sign(point).probability == pytest.approx(0.6)
    one = Sign("1", 0.3, {"1": 0.4, "/": 0.3}, piece)
    assert reader_module._any_sign(one) is one


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
    strict = reader.read(image, threshold=1.0)
    assert strict.text == "????"
    assert not strict.sure
    assert [digit.value for digit in strict.digits] == list("2079")
    assert reader.read(image).sure
    own = tenfold.Reader(reader.classifier)
    assert own.threshold == own.classifier.description.threshold
    for wrong in ({"threshold": 1.5}, {"max_pixels": 0}, {"max_pages": 0}, {"max_seconds": 0}, {"max_memory": 0}):
        with pytest.raises(UsageError, match="must be"):
            tenfold.Reader(reader.classifier, **wrong)


def test_time_is_bounded_where_ink_is_found_and_classified(reader: tenfold.Reader) -> None:
    crowded = hostile.dots(14, 26)  # not so many that they are known as texture
    began = time.monotonic()
    with pytest.raises(TooCostlyError, match=r"the array takes more than 0.5 s"):
        tenfold.Reader(reader.classifier, max_seconds=0.5).read(crowded)
    assert time.monotonic() - began < 5


def test_many_dots_are_known_as_texture(reader: tenfold.Reader) -> None:
    for picture in (hostile.dots(3, 6), 255 - hostile.dots(4, 8)):
        assert tenfold.Reader(reader.classifier, max_seconds=10).read(picture).digits == ()


def test_a_file_has_time_for_each_page_and_some_for_all(
    reader: tenfold.Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Image.fromarray(on_paper(write_number("31", size=30)))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page] * 11)
    short, view = tenfold.Reader(reader.classifier, lines=reader.lines, max_seconds=2), tenfold.Reader._view

    def slowly(self: tenfold.Reader, *given: Any, **more: Any) -> Any:
        time.sleep(0.4)
        return view(self, *given, **more)

    assert short.read(tmp_path / "a.tif").page_count == 12
    monkeypatch.setattr(tenfold.Reader, "_view", slowly)
    monkeypatch.setattr(reader_module, "TOGETHER", 1.2)
    with pytest.raises(TooCostlyError, match=r"a.tif takes more than 2.4 s"):
        short.read(tmp_path / "a.tif")


def test_pages_that_are_kept_are_looked_at(reader: tenfold.Reader, tmp_path: Path) -> None:
    page = Image.fromarray(on_paper(write_number("31", size=30)))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page] * 11)
    reading = reader.read(tmp_path / "a.tif")
    assert isinstance(reading._pages[-1], Kept)
    assert reading.annotated(12).size == reading.annotated(1).size
    few = tenfold.Reader(reader.classifier)
    few.pages_kept = 1
    assert len(few.read(tmp_path / "a.tif")._pages) == 1
    assert few.read(tmp_path / "a.tif").page_count == 12


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


SHAPES = arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=24)
KINDS = st.sampled_from(["u1", "u2", "i4", "i8", "f2", "f4", "f8", "b1", "c8", "U1"])


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(array=KINDS.flatmap(lambda kind: arrays.arrays(kind, SHAPES)), single=st.booleans())
def test_arrays_of_every_shape_and_kind(reader: tenfold.Reader, array: np.ndarray, single: bool) -> None:
    with np.errstate(all="ignore"):
        try:
            reading = reader.read(array, single=single)
        except TenfoldError:
            return
    assert set(reading.text) <= set("0123456789.,-/:+()%? \n")
