import re

import numpy as np
import pytest

from tenfold.learn.scoring import matrix
from tenfold.learn.scoring.figures import ink
from tenfold.mnist.digits import Digits

NAMES = [str(k) for k in range(10)]


def made(classes: int, count: int, wrong: float) -> tuple[Digits, np.ndarray, np.ndarray]:
    """Digits of noise, which no PNG can shorten, their answers and how sure these are."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, classes, count)
    answers = np.where(generator.random(count) < wrong, generator.integers(0, classes, count), labels)
    images = generator.integers(0, 256, (count, 28, 28)).astype(np.uint8)
    return Digits(images, labels), answers, generator.random(count).astype(np.float32)


def opened(html: str, row: int, column: int) -> str:
    """The part of a page that a cell opens."""
    (part,) = re.findall(rf'<section class="cell" id="c{row}-{column}" .*?</section>', html)
    return str(part)


def test_every_number_is_there_and_opens_the_digits_it_counts() -> None:
    digits, answers, sureness = made(10, 400, 0.3)
    numbers = np.arange(400) + 1000
    html = matrix.html(digits, answers, sureness, numbers, NAMES)
    cells = re.findall(r"<td[^>]*>(?:<a [^>]*>)?(\d+)", html)
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (digits.labels, answers), 1)
    assert [int(cell) for cell in cells] == counts.ravel().tolist()
    for row, column in np.argwhere(counts):
        mine = np.flatnonzero((digits.labels == row) & (answers == column))
        surest = mine[np.argsort(-sureness[mine])]
        shown = (surest[::-1] if row == column else surest)[: matrix.MOST]
        found = re.findall(r"<figcaption>no. (\d+)<br>(\d+)%", opened(html, row, column))
        assert found == [(str(numbers[k]), f"{sureness[k]:.0%}"[:-1]) for k in shown]
    # Where a link goes to is there, and it goes back to where it came from.
    targets = set(re.findall(r'id="([^"]+)"', html))
    assert set(re.findall(r'href="#([^"]+)"', html)) == targets
    assert "<script" not in html


def test_the_more_mistakes_the_darker() -> None:
    digits = Digits(np.zeros((6, 28, 28), np.uint8), np.array([0, 0, 0, 1, 1, 1]))
    html = matrix.html(digits, np.array([0, 0, 1, 0, 0, 1]), np.ones(6, np.float32), np.arange(6), ["a", "b"])
    assert re.findall(r'<td class="s(\d)">', html) == ["0", "4", "5", "0"]  # 0 is right


def test_how_many_are_behind_a_number_is_said() -> None:
    labels = np.repeat([0, 0, 1], [1, 30, 30])
    answers = np.repeat([1, 0, 1], [1, 30, 30])
    digits = Digits(np.zeros((61, 28, 28), np.uint8), labels)
    html = matrix.html(digits, answers, np.full(61, 0.5, np.float32), np.arange(61), ["<b>", "y"])
    assert "<h3>&lt;b&gt; taken for y: 1 digit</h3>" in opened(html, 0, 1)
    assert "<h3>y answered rightly: 30 digits, here the 24 least sure</h3>" in opened(html, 1, 1)
    assert "<b>" not in html


@pytest.mark.parametrize("classes", [26, 47])
def test_the_page_stays_small_however_bad_the_answers(classes: int) -> None:
    digits, answers, sureness = made(classes, 10_000, 0.95)
    html = matrix.html(digits, answers, sureness, np.arange(10_000), [f"class {k}" for k in range(classes)])
    assert len(html) < 1_500_000
    shown = [len(re.findall("<figure", part)) for part in re.findall("<section.*?</section>", html)]
    assert max(shown) <= matrix.MOST
    assert sum(shown) * 400 < matrix.BYTES + 1000
    assert sum(shown) > 900


@pytest.mark.parametrize(("paper", "text"), [*matrix.LIGHT, *matrix.DARK])
def test_numbers_can_be_read_on_every_shade(paper: str, text: str) -> None:
    def luminance(color: str) -> float:
        parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(paper), luminance(text)))
    assert (high + 0.05) / (low + 0.05) >= 4.5, "the contrast that WCAG 2.2 wants of text"
    dark = luminance(text) < luminance(paper)
    assert ink([int(paper[k : k + 2], 16) / 255 for k in (1, 3, 5)]) == ("black" if dark else "white")
