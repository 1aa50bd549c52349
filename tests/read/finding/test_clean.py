"""Clean pictures are read at once, and what is not clean or not plain is left to the general way."""

import io
import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import tenfold
from conftest import on_paper, write_number
from read.pictures import colours, drawn
from read.pictures import page as rows_of
from tenfold.mnist import embedded
from tenfold.read.finding import clean, page, paper
from tenfold.read.finding.segments import Segment
from tenfold.read.finding.strokes import Piece

INK = write_number("5", size=80, seed=3)
NAVY, CREAM = np.array([20, 30, 120]), np.array([255, 250, 230])


def png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("text", ["7", "2079", "41\n306", "12 88"])
@pytest.mark.parametrize("kind", ["dark", "light", "coloured"])
def test_one_look_is_enough_for_clean_pictures(
    reader: tenfold.Reader, text: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ink = rows_of(*text.split("\n"))
    mixed = (CREAM * (1 - ink[..., None]) + NAVY * ink[..., None]).astype(np.uint8)
    image = {"dark": drawn(ink), "light": 255 - drawn(ink), "coloured": mixed}[kind]
    with monkeypatch.context() as patched:
        patched.setattr(clean, "sheet", lambda _: None)
        general = reader.read(image)
    monkeypatch.setattr(paper, "sheets", lambda _: pytest.fail("the paper was estimated"))
    reading = reader.read(image)
    assert reading.text == general.text == text
    for one, other in zip(reading.digits, general.digits, strict=True):
        assert np.abs(np.array(one.box) - other.box).max() <= 2
        assert one.probability > page.GOOD


def test_most_digits_of_mnist_are_read_at_one_look(reader: tenfold.Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    digits, sheets = embedded.read("train"), paper.sheets
    general: list[np.ndarray] = []

    def counted(seen: np.ndarray) -> Iterator[paper.Sheet]:
        general.append(seen)
        return sheets(seen)

    monkeypatch.setattr(paper, "sheets", counted)
    for single in (False, True):
        texts = [reader.read(png(digits.images[k]), single=single).text for k in range(55_000, 55_100)]
        assert np.mean([text == str(digits.labels[55_000 + k]) for k, text in enumerate(texts)]) > 0.96
    assert len(general) < 20


@pytest.mark.parametrize(
    "image",
    [
        on_paper(INK),
        np.full((50, 60), 255, np.uint8),
        np.full((1, 1), 7, np.uint8),
        drawn(0.1 * INK),
        drawn(np.pad(INK, 40, mode="edge") + np.eye(len(INK) + 80, INK.shape[1] + 80)),
        np.pad(drawn(np.ones((60, 60))), 10, constant_values=255),
        np.where(np.arange(INK.shape[1]) < INK.shape[1] // 2, 0.5 - INK / 2, 0.5 + INK / 2) * 255,
        drawn(INK) * np.linspace(1, 0.5, INK.shape[1]),
    ],
    ids=["noise", "blank", "pixel", "faint", "to the edge", "mostly ink", "both sides", "shaded"],
)
def test_what_is_not_clean(image: np.ndarray) -> None:
    assert clean.sheet(colours(image if image.dtype == np.uint8 else image / 255)) is None


def test_the_sheet_is_the_distance_from_the_ground() -> None:
    sheet = clean.sheet(colours(drawn(0.5 * INK)))
    assert sheet is not None
    assert sheet.dark
    assert sheet.zoom == 1
    assert np.abs(sheet.flat - INK / INK.max()).max() < 0.02


def bars(*boxes: tuple[int, int, int, int], size: int = 60) -> tuple[paper.Sheet, list[Segment]]:
    """Bars of ink at top, left, height, width, each taken for a surer 1 than the one before."""
    ink = np.zeros((size, size), np.float32)
    for y, x, height, width in boxes:
        ink[y : y + height, x : x + width] = 1
    sheet = clean.sheet(colours(drawn(ink)))
    assert sheet is not None
    table = np.zeros((len(boxes), 11), np.float32)
    table[:, 1] = 0.9 + 0.01 * np.arange(len(boxes))
    pieces = [Piece(y, x, np.ones((height, width), bool)) for y, x, height, width in boxes]
    return sheet, [Segment(p, row, True) for p, row in zip(pieces, table, strict=True)]


def test_certainty_is_for_whole_digits_of_one_height_and_nothing_besides() -> None:
    sheet, row = bars((10, 10, 30, 5), (12, 30, 25, 5))
    assert clean.certainty(sheet, [row]) == pytest.approx(0.9)
    assert clean.certainty(sheet, []) == 0
    assert clean.certainty(sheet, [row[:1]]) == 0  # half of the ink is left
    for other in (replace(row[1], cut=True), replace(row[1], digit=False)):
        assert clean.certainty(sheet, [[row[0], other]]) == 0
    low, unlike = bars((10, 10, 30, 5), (12, 30, 12, 5))
    assert clean.certainty(low, [unlike]) == 0
    near = ((10, 10, 30, 5), (10, 16, 30, 5))  # a pixel between them
    assert clean.certainty(bars(*near)[0], [bars(*near)[1]]) == 0
    assert clean.certainty(bars(*near, size=150)[0], [bars(*near, size=150)[1]]) > 0


def test_many_threads_read_clean_pictures_the_same(reader: tenfold.Reader) -> None:
    pictures = [png(image) for image in embedded.read("train").images[:48]]
    expected = [reader.read(picture) for picture in pictures]
    found: dict[int, list[tenfold.Reading]] = {}
    threads = [
        threading.Thread(target=lambda k=k: found.update({k: [reader.read(p) for p in pictures]})) for k in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(found[k] == expected for k in range(8))
