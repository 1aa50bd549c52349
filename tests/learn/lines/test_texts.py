import re

import numpy as np
import pytest

from tenfold.learn.lines import texts
from tenfold.learn.lines.alphabet import CLASSES
from tenfold.learn.lines.hands import SIGNS


@pytest.mark.parametrize("length", [1, 2, 5, 9])
def test_lines_are_drawn_with_known_signs_and_read_as_classes(length: int) -> None:
    generator = np.random.default_rng(length)
    lines = [texts.line(length, generator) for _ in range(500)]
    assert set("".join(line.drawn for line in lines)) <= {
        *"0123456789 ",
        *SIGNS,
        texts.OTHER,
        texts.ALIKE,
        *texts.LETTERS,
    }
    assert set("".join(line.text for line in lines)) <= {*CLASSES, " "}
    assert all(line.text == texts.read(line.drawn) != "" for line in lines)


def test_everything_people_write_comes() -> None:
    generator = np.random.default_rng(0)
    read = [texts.line(int(generator.integers(1, 10)), generator).text for _ in range(4000)]
    forms = (r"\d+", r"\d{1,3}(\.\d{3})+", r"\d+,\d+", r"\d\d/\d\d/\d{4}", r"\d\d:\d\d", r"\d+%", r"\(\d+\)", r"-\d+")
    for form in forms:
        assert sum(re.fullmatch(form, text) is not None for text in read) >= 5, form


@pytest.mark.parametrize(
    ("drawn", "text"),
    [
        *(("750--", "750-"), ("15=", "15-"), ("1.000.~", "1.000.-")),
        *(("???12", "?12"), ("1'000", "1,000"), ("*?kg 5", "? 5")),
    ],
)
def test_a_closing_stroke_is_a_dash_and_a_word_one_sign(drawn: str, text: str) -> None:
    assert texts.read(drawn) == text
