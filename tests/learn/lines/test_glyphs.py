import numpy as np

from conftest import draw_digits
from tenfold.learn.digits import styles
from tenfold.learn.lines.glyphs import SOURCES, glyphs, typed
from tenfold.learn.lines.hands import SIGNS
from tenfold.learn.lines.texts import ALIKE, LETTERS, OTHER


def test_there_is_a_glyph_of_every_source_for_every_digit_and_one_for_every_sign() -> None:
    digits = draw_digits(40)
    made = glyphs(digits, np.random.default_rng(0), 0.02)
    assert set(made.index) == {(source, str(digit)) for source in SOURCES for digit in range(10)} | {
        ("hand", sign) for sign in (*SIGNS, OTHER, ALIKE, *LETTERS)
    }
    assert sorted(np.concatenate(list(made.index.values()))) == list(range(len(made.images)))
    assert made.images.shape[1:] == (28, 28)
    assert made.distances.shape[1:] == (56, 56)
    assert (digits.images[digits.labels == 7] == made.images[made.index["mnist", "7"]]).all()


def test_letters_of_a_font_stand_beside_digits_of_20_pixels() -> None:
    faces, generator = styles.fonts(), np.random.default_rng(0)
    rows = {sign: [np.flatnonzero(typed(faces, sign, generator).max(1) > 99) for _ in range(9)] for sign in "Hmg$"}
    assert all(abs(some[0] - 4) <= 1 and abs(some[-1] - 23) <= 1 for some in rows["H"])
    assert all(some[0] > 6 and abs(some[-1] - 23) <= 1 for some in rows["m"])
    assert all(some[0] > 6 and some[-1] > 25 for some in rows["g"])
    assert all(some[0] < 4 and some[-1] > 23 for some in rows["$"])
