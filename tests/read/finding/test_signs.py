"""Which ink is which sign, and what two networks make of it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

import tenfold
from conftest import on_paper, write_number
from read import pictures
from tenfold.read.finding import signs, strips, strokes
from tenfold.read.finding.alignment import Alignment
from tenfold.read.finding.signs import ReadRow, Sign
from tenfold.read.finding.strips import Strip
from tenfold.read.finding.strokes import Piece
from tenfold.read.lines import LineModel, Text


def bar(left: int, width: int = 6, height: int = 40, top: int = 10) -> Piece:
    return Piece(top, left, np.ones((height, width), bool))


def plan(pieces: list[Piece], *middles: float) -> Alignment:
    """What is made of pieces where signs were read at `middles`."""
    strip = Strip(np.full((60, 200), 255, np.uint8), 0, 0, pieces, 40)
    places = tuple((middle - 1, middle + 1) for middle in middles)
    likely = np.full((len(middles), 20), 0.005)
    likely[:, 1] = 1 - 19 * 0.005
    return Alignment(strip, Text("1" * len(middles), 0.9, places, likely))


def sign(value: str, probability: float = 0.9, left: int = 0) -> Sign:
    return Sign(value, probability, {value: probability}, bar(left))


def test_each_sign_has_its_own_ink() -> None:
    one, dot, other = bar(20), bar(18, 4, 4, top=0), bar(80)
    made = plan([one, dot, other], 23, 83)
    assert made.own == [True, True]
    assert [piece.mass for piece in made.inks] == [one.mass + dot.mass, other.mass]
    assert made.ignored == []


def test_signs_that_share_their_ink_are_parted_in_the_middle() -> None:
    made = plan([bar(20, 60)], 30, 70)
    assert made.own == [False, False]
    assert [(piece.left, piece.right) for piece in made.inks] == [(20, 50), (50, 80)]


def test_a_sign_without_ink_has_a_box_where_it_was_read() -> None:
    (ink,) = plan([], 100).inks
    assert ink.left < 100 < ink.right
    assert ink.mass == 0


def test_the_ink_of_a_comma_is_no_part_of_the_digit_beside_it() -> None:
    digits = [bar(10, 24), bar(50, 24), bar(100, 24), bar(140, 24)]
    comma = bar(82, 12, 23, top=38)  # as high as some digits
    strip = Strip(np.full((60, 200), 255, np.uint8), 0, 0, [*digits, comma], 40)
    places = tuple((middle - 1, middle + 1) for middle in (15, 56, 75, 97, 145))
    made = Alignment(strip, Text("72,96", 0.9, places, np.eye(20)[[7, 2, 11, 9, 6]]))
    assert [ink.left for ink in made.inks] == [10, 50, 82, 100, 140]
    assert made.own == [True] * 5


def test_what_runs_along_signs_is_ignored_and_ink_of_a_digits_size_makes_the_row_doubtful() -> None:
    ruling = bar(0, 190, 2, top=55)
    made = plan([bar(20), bar(80), ruling], 23, 83)
    assert made.ignored == [ruling]
    assert not made.passed_over
    missed = bar(150)
    made = plan([bar(20), missed], 23)
    assert made.ignored == [missed]
    assert made.passed_over


def test_ink_next_to_something_else_is_in_a_word() -> None:
    likely = np.eye(20)[[7, 19]]
    strip = Strip(np.full((60, 200), 255, np.uint8), 0, 0, [bar(20), bar(80), bar(140)], 40)
    made = Alignment(strip, Text("7?", 0.9, ((22, 24), (82, 84)), likely))
    assert not made.passed_over
    assert [piece.left for piece in made.ignored] == [140]
    before = Alignment(strip, Text("?7", 0.9, ((22, 24), (82, 84)), likely[::-1]))
    assert [piece.left for piece in before.passed_over] == [140]


def test_a_digit_beside_another_is_no_part_of_it() -> None:
    made = plan([bar(20, 20), bar(44)], 32)
    assert made.passed_over == [made.ignored[0]]
    assert [piece.width for piece in made.inks] == [20]
    near = plan([bar(20, 20), bar(41)], 32)  # less than a twentieth of its height away: it is broken
    assert not near.passed_over


def test_both_networks_together_are_surer_where_they_agree(reader: tenfold.Reader) -> None:
    names = dict.fromkeys(reader.lines.classes, 0.1 / 19) | {"7": 0.9}
    score = np.full(11, 0.001, np.float32)

    def seen(digit: int, own: bool = True) -> Sign:
        given = score.copy()
        given[digit] = 0.99
        return signs.fused(names, reader.classifier, given, bar(0), own=own)

    assert seen(7).value == "7"
    assert seen(7).probability > 0.95
    assert seen(1).probability < 0.9
    assert seen(1, own=False).probability == 0.9
    slash = dict.fromkeys(reader.lines.classes, 0.1 / 19) | {"/": 0.9}
    given = score.copy()
    given[1] = 0.99
    assert signs.fused(slash, reader.classifier, given, bar(0), own=True).value == "/"


@pytest.mark.parametrize(("known", "value"), [(0.99, "7"), (0.6, "1")])
def test_the_digits_network_is_trusted_more_in_a_hand_that_it_knows(
    reader: tenfold.Reader, known: float, value: str
) -> None:
    made = plan([bar(20), bar(80), bar(140)], 23, 83, 143)
    made.text.likely[1] = 0.03 / 18
    made.text.likely[1, [1, 7]] = 0.9, 0.07
    scores = np.full((3, 11), 0.001, np.float32)
    scores[[0, 2], 1] = known
    scores[1, [1, 7]] = 0.03, 0.95
    row = signs._row(made, reader.lines, list(scores), reader.classifier)
    assert [sign.value for sign in row.signs] == ["1", value, "1"]


@pytest.mark.parametrize(
    ("line", "digits", "value", "most"),
    [
        ({"9": 0.7, "4": 0.2}, {4: 0.8, 9: 0.1}, "4", 0.5),  # a lone digit is what the digits' network sees
        ({"7": 0.9}, {7: 0.98}, "7", 0.94),  # and no more probable than to both in the mean
        ({"?": 0.6, "9": 0.2}, {9: 0.99}, "9", 1.0),  # which can tell that it is a digit
        ({"?": 0.9, "9": 0.05}, {10: 0.9, 9: 0.1}, "?", 1.0),
        ({"/": 0.9, "1": 0.1}, {1: 0.99}, "/", 1.0),  # but not that it is no sign
    ],
)
def test_a_lone_sign_is_for_both_networks(
    reader: tenfold.Reader, line: dict[str, float], digits: dict[int, float], value: str, most: float
) -> None:
    names = dict.fromkeys(reader.lines.classes, 1e-4) | line
    score = np.full(11, 1e-3, np.float32)
    for digit, probability in digits.items():
        score[digit] = probability
    sign = signs.fused(names, reader.classifier, score, bar(0), own=True, alone=True)
    assert sign.value == value
    assert sign.probability <= most + 1e-6


@pytest.mark.parametrize("height", [20, 70])
def test_what_is_cut_out_is_a_little_wider_than_the_piece(height: int) -> None:
    mask = np.random.default_rng(height).random((height, 15)) < 0.2
    around = ndimage.binary_dilation(np.pad(mask, 2), iterations=1 if height == 20 else 2)
    found = signs.cut_out(Piece(3, 4, mask), np.ones((height + 9, 30), np.float32))
    assert np.array_equal(found > 0, around)
    assert not signs.cut_out(Piece(3, 40, mask), np.ones((height + 9, 30), np.float32)).any()  # beside the sheet


def test_touching_digits_are_apart_and_a_broken_one_is_whole(reader: tenfold.Reader) -> None:
    assert reader.read(on_paper(write_number("5309", gap=-0.02, seed=2))).text == "5309"
    broken = write_number("5", size=80, seed=3)
    broken[:, broken.shape[1] // 2 : broken.shape[1] // 2 + 3] = 0
    assert reader.read(on_paper(broken)).text == "5"


def test_a_row_is_a_number_if_most_of_it_is_read() -> None:
    assert ReadRow([sign("4"), sign("?")], []).number
    assert not ReadRow([sign("4"), sign("?"), sign("?")], []).number
    assert not ReadRow([sign("-"), sign(".")], []).number
    row = ReadRow([sign("4", 0.5), sign("2", 0.8)], [])
    assert row.probability == pytest.approx(0.4)
    assert row.mean == pytest.approx(0.4**0.5)
    assert (ReadRow([], []).probability, ReadRow([], []).number) == (0.0, False)


def test_a_row_or_the_one_digit_that_all_its_ink_may_be() -> None:
    text, alone = ReadRow([sign("5", 0.9), sign("0", 0.9)], []), sign("8", 0.6)
    assert signs._likelier(text, alone) is text
    doubtful = ReadRow([sign("5", 0.4), sign("0", 0.4)], [])
    chosen = signs._likelier(doubtful, sign("8", 0.95))
    assert [each.value for each in chosen.signs] == ["8"]
    assert 0.7 < chosen.probability < 0.95
    assert signs._likelier(doubtful, sign("?", 0.95)) is doubtful


def test_a_written_number_is_read_sign_by_sign(reader: tenfold.Reader) -> None:
    sheet = pictures.sheet(on_paper(write_number("2795", size=50, seed=1)))
    cleaned, pieces = strokes.clean(sheet)
    strip = strips.strip(cleaned, strokes.rows(pieces)[0])
    (row,) = signs.read([strip], cleaned.ink, reader.classifier, reader.lines)
    assert "".join(each.value for each in row.signs) == "2795"
    assert row.probability > 0.3
    again = signs.read_views([strip, strip], cleaned.ink, reader.classifier, reader.lines)
    assert again.probability == pytest.approx(row.probability, rel=1e-3)


def read_beside(reader: tenfold.Reader, missed: str, text: str = "47") -> ReadRow:
    """A row in which the network for lines reads a text, and which has a digit more, apart from the others."""
    ink = np.concatenate([write_number(text, size=60, seed=3), write_number(missed, size=60, seed=4)], axis=1)
    sheet = pictures.sheet(pictures.drawn(ink))
    (row,) = strokes.rows(strokes.pieces(sheet))
    strip = strips.strip(sheet, row)
    whole = reader.lines.read([strip.grey])[0]
    assert whole.text == text + missed
    short = Text(text, 0.6, whole.places[:-1], whole.likely[:-1], whole.scores)
    return signs._classified([Alignment(strip, short)], sheet.ink, reader.classifier, reader.lines)[0]


def test_a_digit_that_was_passed_over_is_read_where_both_networks_see_one(
    reader: tenfold.Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = read_beside(reader, "2")
    assert "".join(sign.value for sign in row.signs) == "472"
    assert row.probability > 0.9
    assert row.ignored == []
    monkeypatch.setattr(
        LineModel, "probability", lambda *given: 1e-6 if given[-1] == "472" else 0.6
    )  # the one for lines does not
    row = read_beside(reader, "2")
    assert "".join(sign.value for sign in row.signs) == "47"
    assert row.probability < 0.5
    assert len(row.ignored) == 1


@pytest.mark.parametrize(
    ("piece", "names", "value"),
    [
        (bar(0, 6, 6), {",": 0.7, ".": 0.3}, "."),
        (bar(0, 6, 12), {",": 0.7, ".": 0.3}, ","),
        (bar(0, 20, 52), {"1": 0.8, "/": 0.2}, "/"),
        (bar(0, 20, 45), {"1": 0.8, "/": 0.2}, "1"),
        (bar(0, 20, 40), {"1": 0.3, "/": 0.7}, "1"),
        (bar(0, 20, 52), {"1": 0.99, "/": 0.01}, "1"),
    ],
)
def test_the_shape_of_ink_tells_points_from_commas_and_ones_from_slashes(
    piece: Piece, names: dict[str, float], value: str
) -> None:
    shaped = signs.shaped(names, piece, 40)
    assert max(shaped, key=shaped.__getitem__) == value
    assert sum(shaped.values()) == pytest.approx(1)
    assert signs.shaped({"1": 0.3, "/": 0.7}, piece, 0) == pytest.approx({"1": 0.3, "/": 0.7})


@pytest.mark.parametrize(
    ("text", "top", "height", "doubtful"),
    [
        ("523", 4, 52, True),  # a dollar
        ("235", 4, 52, True),
        ("253", 4, 52, False),  # only at an end
        ("823", 4, 52, False),  # only a 5
        ("523", 10, 46, False),  # it must stand out on both sides
        ("523", 4, 46, False),
        ("523", 0, 66, False),  # the others are broken
        ("511", 4, 52, False),  # beside bars nothing tells how high digits are
    ],
)
def test_a_five_that_stands_out_from_its_row_may_be_a_dollar(
    reader: tenfold.Reader, text: str, top: int, height: int, doubtful: bool
) -> None:
    inks = [bar(20 + 60 * k, 20, height if c in "58" else 40, top if c in "58" else 10) for k, c in enumerate(text)]
    likely = np.full((3, 20), 1e-4)
    scores = np.full((3, 11), 1e-4, np.float32)
    for k, c in enumerate(text):
        likely[k, int(c)], scores[k, int(c)] = 1 - 19e-4, 0.999
    strip = Strip(np.full((60, 200), 255, np.uint8), 0, 0, inks, 40)
    places = tuple((28.0 + 60 * k, 32.0 + 60 * k) for k in range(3))
    row = signs._row(Alignment(strip, Text(text, 0.99, places, likely)), reader.lines, list(scores), reader.classifier)
    assert (row.probability < 0.7) is doubtful


def test_a_slash_may_be_no_longer_than_digits_if_it_leans() -> None:
    names = {"1": 0.4, "/": 0.6}
    steep, leaning = (signs.shaped(names, bar(0, width, 40), 40) for width in (14, 34))
    assert steep["/"] < 0.5
    assert leaning == pytest.approx(names)


def test_a_sign_that_is_not_read_fills_a_cell_beside_numbers() -> None:
    strip = Strip(np.full((60, 200), 255, np.uint8), 0, 0, [bar(20)], 40)
    row = ReadRow([sign("?", 0.5, 20)], [], strip)
    assert not row.number
    assert replace(row, cell=True).number
    speck = ReadRow([Sign("?", 0.5, {}, bar(20, 6, 8))], [], strip, cell=True)
    assert not speck.number
    assert ReadRow([sign(")", 0.5, 20)], [], strip, cell=True).number  # a bracket never stands alone
    assert not ReadRow([sign("/", 0.5, 20)], [], strip, cell=True).number
    assert not ReadRow([sign("?", 0.5, 20)], [bar(40), bar(60)], strip, cell=True).number  # of a word


def test_ink_is_no_lone_digit_where_signs_were_read_far_from_it() -> None:
    assert len(plan([bar(40, 30)], 50, 60).alone) == 1
    assert not plan([bar(40, 30)], 10, 50, 120).alone


class Saying:
    """A model for lines to which texts are as probable as is said."""

    def __init__(self, **shares: float) -> None:
        self.shares = shares

    def probability(self, line: Text, text: str) -> float:
        return self.shares.get(f"_{text}".replace(".", "point").replace(",", "comma"), 0.0)


@pytest.mark.parametrize(
    ("shares", "points", "times"),
    [
        ({"_11": 0.5, "_1point1": 0.1, "_1comma1": 0.01}, ["."], 1.2),
        ({"_11": 0.5, "_1point1": 0.1, "_1comma1": 0.2}, [","], 1.4),
        ({"_11": 0.5, "_1point1": 0.005}, [], 1 - 0.2 / 1.2),  # hardly; but the ink is there
    ],
)
def test_a_point_that_was_passed_over_is_read_where_the_text_is_possible(
    shares: dict[str, float], points: list[str], times: float
) -> None:
    made = plan([bar(20), bar(40, 8, 8, top=46), bar(60)], 23, 63)
    planned = signs._plan(made.strip, made.text, Saying(**shares))  # type: ignore[arg-type]
    assert [name for name, _, _ in planned.points] == points
    assert planned.times == pytest.approx(times)
    assert len(planned.strip.pieces) == 3 - len(points)


def test_a_point_that_was_passed_over_stands_between_its_digits(reader: tenfold.Reader) -> None:
    pieces = [bar(20), bar(40, 8, 8, top=46), bar(60)]
    ink = np.zeros((60, 200), np.float32)
    for piece in pieces:
        ink[piece.top : piece.bottom, piece.left : piece.right] = 1
    made = plan(pieces, 23, 63)
    planned = signs._plan(made.strip, made.text, Saying(_11=0.5, _1point1=0.4))  # type: ignore[arg-type]
    (row,) = signs._classified([planned], ink, reader.classifier, reader.lines)
    assert [sign.value for sign in row.signs] == ["1", ".", "1"]
    assert row.signs[1].piece is pieces[1]
    assert row.signs[1].probability == pytest.approx(16 / 17)
    assert pieces[1] not in row.ignored
    assert row.strip is made.strip  # so that it is there when the row is read once more


def test_doubt_about_a_row_falls_on_the_signs_that_are_doubtful() -> None:
    some = [sign("7", 0.99), sign("5", 0.99), sign("?", 0.5)]
    doubted = signs._doubted(some, 0.5)
    assert np.prod([each.probability for each in doubted]) == pytest.approx(0.5 * 0.99 * 0.99 * 0.5)
    assert doubted[0].probability > 0.95
    assert doubted[2].probability < 0.3
