"""A page to the digits on it: which ink, which way up, which rows, and what is no digit."""

import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageDraw, ImageFont

import tenfold
from conftest import on_paper, write_number
from read import pictures
from tenfold.read.finding import page
from tenfold.read.finding.forms import Networks
from tenfold.read.finding.paper import Sheet
from tenfold.read.finding.signs import ReadRow, Sign
from tenfold.read.finding.strokes import Piece
from tenfold.read.finding.view import View


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


def test_what_is_upright_is_not_turned(reader: tenfold.Reader) -> None:
    turned = np.rot90(on_paper(write_number("2479")))
    assert reader.read(turned).text == "2479"
    text = reader.read(turned, upright=True).text
    assert text != "2479"
    assert tenfold.Reader(reader.classifier, always_answer=True, upright=True).read(turned).text == text


def signed(*rows: str, probability: float = 0.99) -> View:
    """A view in which these rows were read, every sign as probable."""
    flat = np.zeros((60, 60), np.float32)
    flat[10:50, 10:50] = 1
    pieces = [Piece(10, 10 * k, np.ones((40, 8), bool)) for k in range(6)]
    read = [
        [Sign(value, probability, {value: probability}, piece) for value, piece in zip(row, pieces, strict=False)]
        for row in rows
    ]
    return View(Sheet(flat, 0.3, 0.6, 1.0, True, 1.0), 0, [ReadRow(row, []) for row in read])


@pytest.mark.parametrize(
    ("upright", "turns", "seen", "turned"),
    [
        (signed("?"), 1, signed("47"), True),
        (signed("0?"), 1, signed("0", "0", "3"), False),  # one above another is no row
        (signed("?"), 2, signed("47"), True),
        (signed("6?"), 2, signed("47"), False),  # upside down a 6 with a unit may be two digits
        (signed("6?"), 2, signed("479"), True),
        (signed("?00"), 2, signed("003"), False),  # a euro sign is a 3 upside down
        (signed("?00"), 2, signed("0031"), True),
        (signed("?00", probability=0.9), 2, signed("003"), True),
        (signed("6?"), 2, signed("479", probability=0.95), False),
    ],
)
def test_a_page_is_turned_where_more_is_plainly_read_so(
    reader: tenfold.Reader,
    monkeypatch: pytest.MonkeyPatch,
    upright: View,
    turns: int,
    seen: View,
    turned: bool,
) -> None:
    views = iter([seen if way == turns else signed() for way in (1, 3, 2)])
    monkeypatch.setattr(page, "_read", lambda *_: next(views))
    found = page._turned(upright, Networks(reader.classifier, lambda: reader.lines))
    assert found.turns == (turns if turned else 0)


def test_rows_and_numbers(reader: tenfold.Reader) -> None:
    reading = reader.read(on_paper(pictures.page("1985", "60 42", "337")))
    assert reading.lines == ("1985", "60 42", "337")
    assert reading.text == "1985\n60 42\n337"
    assert [digit.line for digit in reading.digits] == [0] * 4 + [1] * 4 + [2] * 3


@pytest.mark.parametrize(
    ("others", "beyond", "text"),
    [
        (["12", "3", "405", "61", "78"], 6, "217"),
        (["12", "3"], 6, "2/7"),  # too few to tell what is written here
        (["12", "3", "405", "61", "78"], 22, "2/7"),  # is plainly a slash
    ],
)
def test_where_all_numbers_are_digits_alone_a_bar_that_leans_is_a_digit(
    reader: tenfold.Reader, others: list[str], beyond: int, text: str
) -> None:
    last = Image.fromarray((255 * write_number("2 7", seed=5)).astype(np.uint8))
    ImageDraw.Draw(last).line((202, 48 - beyond, 172, 107 + beyond), fill=255, width=5)
    rows = [pictures.page(*others), np.asarray(last) / 255]
    width = max(row.shape[1] for row in rows)
    ink = np.concatenate([np.pad(row, ((0, 0), (0, width - row.shape[1]))) for row in rows])
    assert reader.read(on_paper(ink)).lines == (*others, text)


def test_no_row_of_a_long_page_is_lost(reader: tenfold.Reader) -> None:
    texts = [f"{k:02}{99 - k}" for k in range(30)]
    lines = reader.read(on_paper(pictures.page(*texts, size=36, margin=0.4))).lines
    assert len(lines) == 30
    assert np.mean([line == text for line, text in zip(lines, texts, strict=True)]) > 0.9


def test_a_lone_digit_is_not_turned(reader: tenfold.Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    turned = np.rot90(on_paper(write_number("4", size=80, seed=3)))
    view = page.find(pictures.colours(turned), reader.classifier, lambda: reader.lines)
    assert view.turns == 0
    monkeypatch.setattr(page, "_cut", lambda *_: pytest.fail("it was looked at otherwise"))
    page.find(pictures.colours(turned), reader.classifier, lambda: reader.lines, single=True)


def test_a_picture_of_one_row_is_read_as_a_whole_where_no_ink_stands_out(reader: tenfold.Reader) -> None:
    generator = np.random.default_rng(1)
    ink = write_number("4071", size=40, seed=2)
    rough = np.clip(0.75 - 0.35 * ink + generator.normal(0, 0.09, ink.shape), 0, 1).astype(np.float32)
    view = page._textured(pictures.colours(rough), Networks(reader.classifier, lambda: reader.lines))
    assert "".join(sign.value for sign in view.signs) == "4071"
    assert view.box(view.signs[0].piece, 1.0)[0] < view.box(view.signs[-1].piece, 1.0)[0]


def test_a_ring_round_a_number_is_ignored(reader: tenfold.Reader) -> None:
    image = on_paper(write_number("2479"))
    framed = Image.fromarray(image)
    ImageDraw.Draw(framed).ellipse([5, 5, framed.width - 6, framed.height - 6], outline=40, width=3)
    reading = reader.read(framed)
    assert reading.text == "2479"
    assert any(width > 0.8 * framed.width for _, _, width, _ in reading.ignored)


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
    return np.asarray(255 * (image - image.min()) / np.ptp(image), np.uint8)


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
def test_what_is_no_digit_is_not_answered(reader: tenfold.Reader, image: np.ndarray) -> None:
    assert not any(digit.sure for digit in tenfold.Reader(reader.classifier).read(image).digits)


@pytest.mark.parametrize("single", [True, False])
def test_a_picture_full_of_dots_takes_no_time(reader: tenfold.Reader, single: bool) -> None:
    dots = np.where(np.random.default_rng(0).random((800, 800)) > 0.995, 0, 255).astype(np.uint8)
    began = time.process_time()
    assert reader.read(dots, single=single).text == ""
    assert time.process_time() - began < 8  # 18 s when every slice of every dot was thought of


SIDE, LEVEL = st.integers(1, 60), st.sampled_from([0, 60, 255])


@settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
@given(image=arrays.arrays("u1", st.tuples(SIDE, SIDE), elements=LEVEL))
def test_the_finder_holds_whatever_the_ink_is(reader: tenfold.Reader, image: np.ndarray) -> None:
    for digit in reader.read(image).digits:
        x, y, width, height = digit.box
        assert 0 <= x < x + width <= image.shape[1] + 1
        assert 0 <= y < y + height <= image.shape[0] + 1


def test_a_sheet_on_a_dark_table_is_read(reader: tenfold.Reader) -> None:
    generator = np.random.default_rng(0)
    sheet = on_paper(pictures.page("4711", "208", margin=0.5), 0.85) / 255
    table = np.full((sheet.shape[0] + 220, sheet.shape[1] + 260), 0.15)
    table[110:-110, 130:-130] = sheet * np.linspace(1, 0.8, sheet.shape[1])
    turned = Image.fromarray((255 * table).astype(np.uint8)).rotate(5, Image.Resampling.BILINEAR, fillcolor=38)
    image = np.asarray(turned) + generator.normal(0, 5, table.shape)
    assert reader.read(image.clip(0, 255).astype(np.uint8)).text == "4711\n208"


def test_a_mark_in_a_cell_is_shown_beside_numbers_in_others(reader: tenfold.Reader) -> None:
    picture = Image.new("L", (620, 260), 255)
    draw = ImageDraw.Draw(picture)
    for x in (10, 210, 410, 610):
        draw.line((x, 10, x, 250), 0, 2)
    for y in (10, 130, 250):
        draw.line((10, y, 610, y), 0, 2)
    for text, (x, y) in {"47": (50, 30), "208": (230, 30), "31": (450, 30), "56": (250, 150), "92": (450, 150)}.items():
        ink = Image.fromarray(pictures.drawn(write_number(text, seed=3))).resize((24 * len(text) + 40, 80))
        picture.paste(ink, (x, y))
    cross = (80, 160, 130, 220)
    for way in (cross, (cross[2], cross[1], cross[0], cross[3])):
        draw.line(way, 0, 5)
    assert reader.read(np.asarray(picture)).text == "47 208 31\n? 56 92"


@pytest.mark.parametrize("boxes", ["dark", "framed"])
@pytest.mark.parametrize("noise", [0.0, 3.0])
def test_the_boxes_of_a_meter_are_no_digits(reader: tenfold.Reader, boxes: str, noise: float) -> None:
    panel = np.full((140, 380), 205.0)
    for k, value in enumerate("77208"):
        ink = write_number(value, size=44, seed=k + 1)
        ink = ink[ink.any(axis=1)][:, ink.any(axis=0)][:44, :44]
        box = np.full((70, 50), 20.0 if boxes == "dark" else 245.0)
        if boxes == "framed":
            box[[0, 1, -1, -2]] = box[:, [0, 1, -1, -2]] = 20
        left = (50 - ink.shape[1]) // 2
        part = box[13 : 13 + len(ink), left : left + ink.shape[1]]
        part += ink * ((235.0 if boxes == "dark" else 20.0) - part)
        panel[35:105, 40 + 60 * k : 90 + 60 * k] = box
    image = (panel + np.random.default_rng(0).normal(0, noise, panel.shape)).clip(0, 255).astype(np.uint8)
    assert reader.read(image).text == "77208"


def test_a_light_digit_on_a_coloured_plate(reader: tenfold.Reader) -> None:
    ink = write_number("2", size=110, margin=0.7)[..., None]
    plate = ink * (0.95, 0.95, 0.93) + (1 - ink) * (0.08, 0.43, 0.18)
    wall = np.tile((0.75, 0.67, 0.58), (plate.shape[0] + 120, plate.shape[1] + 160, 1))
    wall[60:-60, 80:-80] = plate
    noise = np.random.default_rng(0).normal(0, 0.02, wall.shape)
    assert reader.read((255 * (wall + noise).clip(0, 1)).astype(np.uint8)).text == "2"


def test_what_is_far_apart_is_several_numbers(reader: tenfold.Reader) -> None:
    assert reader.read(on_paper(write_number("2345", gap=2.3))).text == "2 3 4 5"


@pytest.mark.parametrize("labels", [("Price", "Total"), ("Otto", "Room")])  # an O is as good as a 0
def test_labels_far_from_their_numbers_are_left_out(reader: tenfold.Reader, labels: tuple[str, str]) -> None:
    ink = np.pad(pictures.page("2451", "308", size=36, margin=0.4), ((0, 0), (260, 20)))
    image = Image.fromarray(on_paper(ink))
    pen = ImageDraw.Draw(image)
    for y, label in zip((24, 88), labels, strict=True):
        pen.text((20, y), label, fill=60, font=ImageFont.load_default(28))
    pen.line((10, 124, image.width - 10, 124), fill=90, width=2)
    reading = reader.read(np.asarray(image))
    assert reading.text == "2451\n308"
    assert reading.sure
    assert any(x < 120 for x, *_ in reading.ignored)


@pytest.mark.parametrize(("size", "high", "fill"), [(20, 30, 150), (28, 36, 90)])
def test_the_lines_of_a_form_that_numbers_and_labels_stand_on_are_no_signs(
    reader: tenfold.Reader, size: int, high: int, fill: int
) -> None:
    ink = np.pad(pictures.page("24", "8", "7", "6", size=high, margin=0.4), ((0, 0), (260, 20)))
    image = Image.fromarray(on_paper(ink))
    pen = ImageDraw.Draw(image)
    for k in range(1, 5):
        y = k * image.height // 4 - int(0.3 * high)
        pen.text((20, y - size), "Emma", fill=60, font=ImageFont.load_default(size))
        pen.line((10, y, image.width - 10, y - 2), fill=fill, width=1)
    reading = reader.read(np.asarray(image))
    assert reading.lines == ("24", "8", "7", "6")
    assert all(digit.box[0] > 260 and digit.box[3] > high / 2 for digit in reading.digits)


@pytest.mark.parametrize("texts", [("24", "8", "7"), ("61408", "9", "50")])
def test_what_touches_lines_to_write_on_is_not_lost(reader: tenfold.Reader, texts: tuple[str, ...]) -> None:
    ink = np.pad(pictures.page(*texts, size=30, margin=0.4), ((0, 0), (150, 80)))
    image = Image.fromarray(pictures.drawn(ink))
    pen = ImageDraw.Draw(image)
    for k in range(3):
        y = (k + 1) * image.height // 3 - 14
        pen.text((20, y - 20), ("Date", "Time", "No.")[k], fill=60, font=ImageFont.load_default(20))
        pen.line((140, y, image.width - 30, y), fill=120)
    reading = reader.read(np.asarray(image))
    assert reading.lines == texts
    assert reading.sure
