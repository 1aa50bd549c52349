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


def text(read: ReadRow) -> str:
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
    assert text(forms.usual([row(*signs)])[0]) == read


def test_the_likeliest_of_several_is_taken_and_is_less_sure() -> None:
    before = row(("1", "(", 0.05), "5", ("0", ")", 0.02), "0", ")")
    (after,) = forms.usual([before])
    assert text(after) == "(500)"
    swapped = after.signs[0]
    assert swapped.probability == swapped.probabilities["("] == pytest.approx(50 * 0.05 / (50 * 0.05 + 0.95))
    assert [sign.piece for sign in after.signs] == [sign.piece for sign in before.signs]
    assert after.signs[1:] == before.signs[1:]


def test_the_probability_that_there_is_a_sign_stays() -> None:
    before = row(("(", "1", 0.5), "5")
    doubtful = ReadRow([Sign("(", 0.25, before.signs[0].probabilities, before.signs[0].piece), before.signs[1]], [])
    (after,) = forms.usual([doubtful])
    assert text(after) == "15"
    assert after.signs[0].probability == pytest.approx(0.5 * 50 / 51)


def test_rows_of_words_stay() -> None:
    words = row("?", "?", ("(", "1", 0.4))
    assert [each.signs for each in forms.usual([words, ReadRow([], [])])] == [words.signs, []]


@pytest.mark.parametrize(
    ("texts", "odd", "odds"),
    [
        (["12", "3", "405", "61", "7", "2/7"], [5], 10),
        (["12", "3", "405", "61", "7", "2/7", "8", "9"], [5], 14),
        (["12", "3", "405", "61", "7", "?1", "8", "9"], [5], 14),
        (["12", "3", "405", "61", "2/7"], [], 1),  # too few to tell what is written here
        (["1/2", "3", "4/5", "61", "7", "8", "9", "2/7"], [], 1),
        (["12", "3", "405", "61", "7", "??"], [], 10),  # is no number
    ],
)
def test_among_numbers_of_digits_alone_those_with_signs_are_odd(texts: list[str], odd: list[int], odds: float) -> None:
    strip = Strip(np.zeros((30, 60), np.uint8), 0, 0, [], 20.0)
    assert forms.odd([replace(row(*each), strip=strip) for each in texts]) == (odd, odds)
