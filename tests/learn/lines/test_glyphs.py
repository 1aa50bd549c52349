import numpy as np

from conftest import draw_digits
from tenfold.learn.lines.glyphs import SOURCES, glyphs
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
