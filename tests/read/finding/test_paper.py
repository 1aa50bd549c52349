"""Ink without the paper it is on: clean pictures are read at once, all others in the general way."""

import io
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

import tenfold
from conftest import on_paper, write_number
from read.pictures import colours, drawn, sheet
from read.pictures import page as rows_of
from tenfold.mnist import embedded
from tenfold.read.finding import page, paper, strokes

INK = write_number("508", size=70)
FIVE = write_number("5", size=80, seed=3)
NAVY, CREAM = np.array([20, 30, 120]), np.array([255, 250, 230])


def likeness(found: np.ndarray, ink: np.ndarray = INK) -> float:
    """Intersection over union of what is ink in both."""
    one, other = found > 0.5, ink > 0.5
    return float((one & other).sum() / (one | other).sum())


def shadow(shape: tuple[int, int]) -> np.ndarray:
    return np.linspace(1, 0.35, shape[1])[None, :] * np.linspace(0.8, 1, shape[0])[:, None]


@pytest.mark.parametrize(
    "image",
    [
        on_paper(INK) / 255,
        1 - on_paper(INK) / 255,
        on_paper(INK) / 255 * shadow(INK.shape),
        0.6 - 0.12 * INK,
        0.3 + 0.15 * INK,
    ],
    ids=["dark", "light", "shadow", "faint", "faint light"],
)
def test_ink_is_found_on_any_paper(image: np.ndarray) -> None:
    seen = sheet(image)
    assert likeness(seen.ink) > 0.8
    assert seen.dark == (image[35, 5] > image[INK > 0.9].mean())


@pytest.mark.parametrize("slope", [-3, -1, -0.5, 0.5, 1, 3])
def test_a_shadow_that_ends_hard_leaves_no_ink(slope: float) -> None:
    ink = write_number("508", size=70, margin=0.8)
    y, x = np.mgrid[-1 : 1 : ink.shape[0] * 1j, -1 : 1 : ink.shape[1] * 1j]
    light = np.where(y * ink.shape[0] > slope * x * ink.shape[1], 0.45, 1)
    found = sheet(on_paper(ink) / 255 * light).ink
    assert likeness(found, ink) > 0.7
    far = ~ndimage.binary_dilation(ink > 0.2, iterations=4)
    assert (found[far] > 0.5).mean() < 0.0005


def test_colour_alone_is_enough() -> None:
    yellow, green = np.array([0.8, 0.8, 0.3]), np.array([0.15, 0.65, 0.3])  # of nearly the same brightness
    image = (yellow * (1 - INK[..., None]) + green * INK[..., None]).astype(np.float32)
    assert likeness(next(paper.sheets(image)).ink) > 0.8


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (50, 50), (300, 200)])
def test_blank_paper_has_no_ink(level: float, shape: tuple[int, int]) -> None:
    assert list(paper.sheets(np.full((*shape, 3), level, np.float32))) == []


def test_noise_is_no_ink() -> None:
    noise = np.random.default_rng(0).normal(0.8, 0.03, (300, 400, 3)).astype(np.float32)
    found = [strokes.without_specks(strokes.pieces(s), s.flat.shape) for s in paper.sheets(noise.clip(0, 1))]
    assert sum(map(len, found)) < 12


def test_small_pictures_are_enlarged() -> None:
    small = ndimage.zoom(INK, 0.3, order=1)
    enlarged = sheet(on_paper(small))
    assert enlarged.zoom > 1
    assert min(enlarged.flat.shape) >= paper.SMALL * 0.9


def test_otsu_parts_two_heaps() -> None:
    generator = np.random.default_rng(0)
    values = np.concatenate([generator.normal(0.2, 0.05, 900), generator.normal(0.8, 0.05, 300)]).astype(np.float32)
    assert 0.35 < paper.otsu(values) < 0.65


def test_specks_are_taken_away_by_the_median_of_nine() -> None:
    values = np.random.default_rng(0).random((17, 30)).astype(np.float32)
    assert np.array_equal(paper._without_specks(values), ndimage.median_filter(values, 3))


def on_table(lying: np.ndarray, table: float, turn: float = 0.0, size: tuple[int, int] = (300, 400)) -> np.ndarray:
    """A grey sheet in the middle of something else, turned by degrees, with some grain: float (H, W)."""
    generator = np.random.default_rng(0)
    both = [np.zeros(size, np.float32), np.zeros(size, np.float32)]
    top, left = ((whole - part) // 2 for whole, part in zip(size, lying.shape, strict=True))
    both[0][top : top + lying.shape[0], left : left + lying.shape[1]] = lying
    both[1][top : top + lying.shape[0], left : left + lying.shape[1]] = 1
    values, mask = (np.asarray(Image.fromarray(each).rotate(turn, Image.Resampling.BILINEAR)) for each in both)
    return (values + (1 - mask) * table + generator.normal(0, 0.02, size)).clip(0, 1)


@pytest.mark.parametrize(("bright", "table"), [(0.9, 0.15), (0.3, 0.7)])
@pytest.mark.parametrize("turn", [0, 6])
def test_a_sheet_that_lies_on_something_else(bright: float, table: float, turn: float) -> None:
    found = paper.lying(colours(on_table(np.full((140, 220), bright), table, turn)))
    assert found is not None
    assert found.shape == (300, 400)
    assert found[110:190, 130:270].all()
    assert not found[:60].any()
    assert not found[:, :70].any()
    assert 0.7 * 140 * 220 < found.sum() < 140 * 220


def test_what_is_no_sheet_on_something_else() -> None:
    plain = np.full((140, 220), 0.9)
    assert paper.lying(colours(np.full((300, 400), 0.9))) is None
    assert paper.lying(colours(on_table(plain, 0.75))) is None  # hardly brighter
    assert paper.lying(colours(on_table(np.full((40, 60), 0.9), 0.15))) is None  # a light blot
    assert paper.lying(colours(on_table(np.full((300, 400), 0.9), 0.15))) is None  # all that is to be seen
    hollow = plain.copy()
    hollow[30:110, 30:190] = 0.15  # a light 0
    assert paper.lying(colours(on_table(hollow, 0.15))) is None


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
        patched.setattr(paper, "clean", lambda _: None)
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
        on_paper(FIVE),
        np.full((50, 60), 255, np.uint8),
        np.full((1, 1), 7, np.uint8),
        drawn(0.1 * FIVE),
        np.pad(drawn(np.ones((60, 60))), 5, constant_values=255),
        np.where(np.arange(FIVE.shape[1]) < FIVE.shape[1] // 2, 0.5 - FIVE / 2, 0.5 + FIVE / 2) * 255,
        drawn(FIVE) * np.linspace(1, 0.5, FIVE.shape[1]),
    ],
    ids=["noise", "blank", "pixel", "faint", "mostly ink", "both sides", "shaded"],
)
def test_what_is_not_clean(image: np.ndarray) -> None:
    assert paper.clean(colours(image if image.dtype == np.uint8 else image / 255)) is None


def test_a_tight_crop_is_clean_and_ink_at_its_edges_is_known() -> None:
    rows, columns = (np.flatnonzero(FIVE.max(axis=axis) > 0.3) for axis in (1, 0))
    tight = FIVE[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    whole, cut = (paper.clean(colours(drawn(ink))) for ink in (FIVE, tight[::2, ::2]))
    assert whole is not None
    assert cut is not None
    assert whole.inside
    assert not cut.inside
    assert paper.clean(colours(drawn(np.kron(tight, np.ones((3, 3)))))) is None  # it may be anything


def test_the_sheet_is_the_distance_from_the_ground() -> None:
    made = paper.clean(colours(drawn(0.5 * FIVE)))
    assert made is not None
    assert made.dark
    assert made.zoom == 1
    assert np.abs(made.flat - FIVE / FIVE.max()).max() < 0.02


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
