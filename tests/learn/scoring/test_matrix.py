import re

import numpy as np
import pytest

from tenfold.learn.scoring import matrix
from tenfold.mnist.digits import Digits


def drawn(labels: list[int], answers: list[int], sureness: list[float], names: str) -> str:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (len(labels), 28, 28)).astype(np.uint8)
    digits = Digits(images, np.array(labels, np.int64))
    return matrix.html(digits, np.array(answers), np.array(sureness, np.float32), np.arange(len(labels)) + 100, names)


def test_each_number_opens_its_digits_the_most_remarkable_first() -> None:
    html = drawn([0, 0, 0, 1, 1], [0, 0, 1, 0, 0], [0.9, 0.6, 0.8, 0.7, 0.95], "ab")
    cells = re.findall(r'<td class="s(\d)"><a id="n(\d-\d)" href="#c(\d-\d)">(\d)</a>|<td>(0)</td>', html)
    assert [cell[3] or cell[4] for cell in cells] == ["2", "1", "2", "0"]
    assert [cell[0] for cell in cells[:3]] == ["0", "4", "5"]  # right, and the more mistakes the darker
    opened = {
        name: re.findall(r"no\. (\d+)<br>(\d+)%", text)
        for name, text in re.findall(r'<section class="cell" id="c(\d-\d)"(.*?)</section>', html)
    }
    assert opened["0-0"] == [("101", "60"), ("100", "90")]  # of the right answers the least sure
    assert opened["1-0"] == [("104", "95"), ("103", "70")]  # of mistakes the surest
    assert "b taken for a: 2 digits" in html
    assert "script" not in html


def test_names_are_escaped_and_many_digits_are_counted() -> None:
    html = drawn([0] * 40, [1] * 40, [0.5] * 40, "<&")
    assert "&lt; taken for &amp;: 40 digits, here the 24 surest" in html
    assert html.count("<img") == 24


@pytest.mark.parametrize("classes", [2, 47])
def test_a_page_stays_small(classes: int) -> None:
    generator = np.random.default_rng(1)
    labels, answers = (generator.integers(0, classes, 20_000).tolist() for _ in range(2))
    html = drawn(labels, answers, generator.random(20_000).tolist(), [f"{k}" for k in range(classes)])  # type: ignore[arg-type]
    assert len(html) < 3 * matrix.BYTES
