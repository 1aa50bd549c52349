"""Clean pictures are read at once, and what is not clean or not plain is left to the general way."""

import io
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

import tenfold
from conftest import on_paper, write_number
from read.pictures import colours, drawn
from read.pictures import page as rows_of
from tenfold.mnist import embedded
from tenfold.read.finding import clean, page, paper

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
        np.pad(drawn(np.ones((60, 60))), 5, constant_values=255),
        np.where(np.arange(INK.shape[1]) < INK.shape[1] // 2, 0.5 - INK / 2, 0.5 + INK / 2) * 255,
        drawn(INK) * np.linspace(1, 0.5, INK.shape[1]),
    ],
    ids=["noise", "blank", "pixel", "faint", "mostly ink", "both sides", "shaded"],
)
def test_what_is_not_clean(image: np.ndarray) -> None:
    assert clean.sheet(colours(image if image.dtype == np.uint8 else image / 255)) is None


def test_a_tight_crop_is_clean_and_ink_at_its_edges_is_known() -> None:
    rows, columns = (np.flatnonzero(INK.max(axis=axis) > 0.3) for axis in (1, 0))
    tight = INK[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    whole, cut = (clean.sheet(colours(drawn(ink))) for ink in (INK, tight[::2, ::2]))
    assert whole is not None
    assert cut is not None
    assert clean.inside(whole)
    assert not clean.inside(cut)
    assert clean.sheet(colours(drawn(np.kron(tight, np.ones((3, 3)))))) is None  # it may be anything


def test_the_sheet_is_the_distance_from_the_ground() -> None:
    sheet = clean.sheet(colours(drawn(0.5 * INK)))
    assert sheet is not None
    assert sheet.dark
    assert sheet.zoom == 1
    assert np.abs(sheet.flat - INK / INK.max()).max() < 0.02


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
