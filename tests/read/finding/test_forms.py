"""A number of a form that nobody writes is read as the likeliest one that somebody does."""

from dataclasses import replace

import numpy as np
import pytest

from tenfold.read.finding import forms
from tenfold.read.finding.signs import ReadRow, Sign
from tenfold.read.finding.strips import Strip
from tenfold.read.finding.strokes import Piece

CLASSES = "0123456789.,-/:+()%?"


def row(*signs: str | tuple[str, str, float]) -> ReadRow:
    """A row of signs 20 pixels apart; one of three parts is (what it is, what else it may be, how probable that is)."""
    made = []
    for k, sign in enumerate(signs):
        value, other, share = sign if isinstance(sign, tuple) else (sign, "", 0.0)
        names = dict.fromkeys(CLASSES, 0.0) | {other or value: share, value: 1 - share}
        made.append(Sign(value, names[value], names, Piece(0, 20 * k, np.ones((20, 12), bool))))
    return ReadRow(made, [])


def text_of(read: ReadRow) -> str:
    return "".join(sign.value for sign in read.signs)


@pytest.mark.parametrize(
    ("signs", "read"),
    [
        ((("(", "1", 0.1), "5", "0"), "150"),
        (("6", "0", ("1", "/", 0.2), "0", "8", "/", "1", "6"), "60/08/16"),
        ((("1", "(", 0.2), "5", "0", "0", ")"), "(500)"),
        (("7", ("/", "(", 0.2), "5", ")"), "7(5)"),
        (("6", ".", "2", "3", ("+", "7", 0.1), "-"), "6.237-"),
        (("9", ("/", "1", 0.1), "4"), "9/4"),  # is written so
        (("9", ("(", "1", 0.01), "4"), "9(4"),  # is no 1 at all
        (("9", ("(", "?", 0.4), "4"), "9(4"),  # is no sign that can be read
        ((("(", "1", 0.1), ("?", "1", 0.1), "5"), "(?5"),  # what is not understood has no form
    ],
)
def test_one_sign_gives_way_where_the_form_is_usual_then(
    signs: tuple[str | tuple[str, str, float], ...], read: str
) -> None:
    assert text_of(forms.usual([row(*signs)])[0]) == read


def test_the_likeliest_of_several_is_taken_and_is_less_sure() -> None:
    before = row(("1", "(", 0.05), "5", ("0", ")", 0.02), "0", ")")
    (after,) = forms.usual([before])
    assert text_of(after) == "(500)"
    swapped = after.signs[0]
    assert swapped.probability == swapped.probabilities["("] == pytest.approx(50 * 0.05 / (50 * 0.05 + 0.95))
    assert [sign.piece for sign in after.signs] == [sign.piece for sign in before.signs]
    assert after.signs[1:] == before.signs[1:]


def test_the_probability_that_there_is_a_sign_stays() -> None:
    before = row(("(", "1", 0.5), "5")
    doubtful = ReadRow([Sign("(", 0.25, before.signs[0].probabilities, before.signs[0].piece), before.signs[1]], [])
    (after,) = forms.usual([doubtful])
    assert text_of(after) == "15"
    assert after.signs[0].probability == pytest.approx(0.5 * 50 / 51)


def test_rows_of_words_stay() -> None:
    words = row("?", "?", ("(", "1", 0.4))
    assert [each.signs for each in forms.usual([words, ReadRow([], [])])] == [words.signs, []]


@pytest.mark.parametrize(
    ("texts", "where", "sign", "odds"),
    [
        (["12", "3", "405", "61", "7", "2/7"], 5, "/", 1 / 9),  # of nine places of other numbers none has a slash
        (["123456789", "41", "2/7"], 2, "/", 1 / 7),  # a long number is no more than a usual one
        (["12", "3", "405", "61", "7", "?1", "8", "9"], 5, "?", 1 / 11),
        (["12", "3", "2/7"], 2, "/", None),  # too few to tell what is written here
        (["1234", "2/7"], 1, "/", None),  # one number tells nothing of the kinds that there are
        (["1/2", "3", "4/5", "61", "7", "8", "9", "2/7"], 7, "/", None),  # others have one
        (["12:30", "3.75", "405", "2/7"], 3, "/", None),  # each is of a kind of its own
        (["12:30", "412", "405", "731", "55", "2/7"], 5, "/", 1 / 5),  # one in five is
        (["12", "3", "405", "61", "7", "01/02/2024"], 5, "/", None),  # a date
        (["12", "3", "405", "61", "7", "09:45"], 5, ":", None),  # a time
        (["12", "3", "405", "61", "7", "29:45"], 5, ":", 1 / 9),
        (["12", "3", "405", "61", "7", "1,250.00"], 5, ",", None),  # an amount
        (["12", "3", "405", "61", "7", "1.250"], 5, ".", 1 / 9),
        (["12", "3", "405", "61", "7", "??"], 5, "?", None),  # is no number
        (["1.25", "31.00", "405", "7.30"], 2, ".", 7),  # as all others have
        (["1.25", "31.00", "4,05", "7.30"], 2, ",", 1 / 13),
        (["1.25", "405"], 1, ".", None),
    ],
)
def test_signs_are_as_probable_as_the_other_numbers_of_a_page_have_them(
    texts: list[str], where: int, sign: str, odds: float | None
) -> None:
    strip = Strip(np.zeros((30, 60), np.uint8), 0, 0, [], 20.0)
    found = forms.expected([replace(row(*each), strip=strip) for each in texts])
    assert (where in found) == (odds is not None)
    assert odds is None or found[where][sign] == pytest.approx(odds)


@pytest.mark.parametrize(
    ("written", "share", "read"),
    [
        ("2510612024", 0.02, "25/06/2024"),
        ("0613119", 0.02, "0613119"),  # a digit less
        ("06131119", 0.05, "06/31/19"),
        ("06131119", 0.01, "06131119"),  # shorter ones are dates by chance more often
        ("2510612024", 1e-4, "2510612024"),  # plainly ones
        ("2513612024", 0.2, "2513612024"),  # no month has a 36th day
        ("2510614024", 0.2, "2510614024"),
    ],
)
def test_upright_slashes_of_a_date_are_no_ones(written: str, share: float, read: str) -> None:
    signs = [(sign, "/", share) if k in (2, 5) and sign == "1" else sign for k, sign in enumerate(written)]
    (after,) = forms.usual([row(*signs)])
    assert text_of(after) == read
    if read != written:
        assert after.signs[2].probability == after.signs[2].probabilities["/"] > 0.8


@pytest.mark.parametrize(
    ("left", "probability", "stays"),
    [
        (["??", "??", "01", "??"], 0.5, False),
        (["??", "??", "01", "??"], 0.99, True),
        (["??", "12", "01", "7"], 0.1, True),  # numbers begin other lines too
        (["??", "01"], 0.5, False),
    ],
)
def test_what_begins_a_line_where_words_begin_the_others_is_no_number(
    left: list[str], probability: float, stays: bool
) -> None:
    rows = []
    for line, text in enumerate(left):
        for place, signs in ((200, "405"), (10, text)):
            strip = Strip(np.zeros((30, 60), np.uint8), place, 0, [], 20.0, line)
            made = replace(row(*signs), strip=strip)
            if signs == "01":
                made = replace(made, signs=[replace(made.signs[0], probability=probability), made.signs[1]])
            rows.append(made)
    (place,) = (k for k, each in enumerate(rows) if text_of(each) == "01")
    assert forms.labels(rows) == ({} if stays else {place: 2})


@pytest.mark.parametrize(("texts", "labels"), [(["? 12", "? 405", "7"], {0: 1, 1: 1}), (["? 12", "7", "61"], {})])
def test_a_word_before_a_number_is_left_out_where_most_lines_begin_with_one(
    texts: list[str], labels: dict[int, int]
) -> None:
    rows = []
    for line, text in enumerate(texts):
        strip = Strip(np.zeros((30, 60), np.uint8), 0, 0, [], 20.0, line)
        made = replace(row(*text), strip=strip)
        rows.append(replace(made, signs=[sign for sign in made.signs if sign.value != " "]))
    assert forms.labels(rows) == labels


def test_only_the_word_before_a_number_is_a_label_where_another_number_stands_in_the_line() -> None:
    rows = []
    for line, text in enumerate(("? 12", "? 405")):
        for place, signs in ((10, text), (200, "7")):
            strip = Strip(np.zeros((30, 60), np.uint8), place, 0, [], 20.0, line)
            made = replace(row(*signs), strip=strip)
            rows.append(replace(made, signs=[sign for sign in made.signs if sign.value != " "]))
    assert forms.labels(rows) == {0: 1, 2: 1}


def test_a_low_row_before_a_number_in_its_line_is_a_label_as_a_whole() -> None:
    rows = []
    for line, height in enumerate((12.0, 20.0)):
        for place, signs, high in ((10, "? 21", height), (200, "7", 20.0)):
            strip = Strip(np.zeros((30, 60), np.uint8), place, 0, [], high, line)
            made = replace(row(*signs), strip=strip)
            rows.append(replace(made, signs=[sign for sign in made.signs if sign.value != " "]))
    assert forms.labels(rows) == {0: 3, 2: 1}
