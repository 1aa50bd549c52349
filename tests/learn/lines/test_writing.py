import numpy as np
import pytest

from tenfold.learn.lines.glyphs import Glyphs
from tenfold.learn.lines.texts import Line
from tenfold.learn.lines.writing import HEIGHT, WIDEST, Written, write


def written(shapes: Glyphs, *texts: str, seed: int = 0) -> Written:
    return write([Line(text, text) for text in texts], shapes, np.random.default_rng(seed))


def test_lines_are_forty_pixels_high_and_as_wide_as_their_text(shapes: Glyphs) -> None:
    lines = written(shapes, *["1", "12345", "123456789"] * 20)
    size, height, width = lines.ink.shape
    assert (size, height) == (60, HEIGHT)
    assert 16 <= lines.widths.min() <= lines.widths.max() <= min(width, WIDEST)
    means = lines.widths.reshape(20, 3).mean(0)
    assert means[0] < means[1] < means[2]
    assert 0 <= lines.ink.min() < lines.ink.max() <= 1


def test_digits_stand_in_their_order(shapes: Glyphs) -> None:
    lines = written(shapes, *["0-"] * 60)  # a ring and then a bar
    higher = []
    for ink, width in zip(lines.ink.numpy(), lines.widths, strict=True):
        columns = np.flatnonzero(ink.max(0) > 0.5)
        middle = (columns[0] + columns[-1]) / 2
        high = (ink[:, : int(middle)] > 0.5).any(1).sum(), (ink[:, int(middle) :] > 0.5).any(1).sum()
        assert width >= 16
        higher.append(high[0] > high[1])
    assert np.mean(higher) > 0.95


def test_a_space_is_wider_than_none(shapes: Glyphs) -> None:
    close, apart = (written(shapes, *[text] * 40, seed=3).widths.mean() for text in ("12345", "123 45"))
    assert apart > close + 3


def test_a_cell_has_one_sign(shapes: Glyphs) -> None:
    lines = written(shapes, *["8" * 6] * 80)
    boxed = np.flatnonzero(lines.pitches)
    assert 0 < len(boxed) < 40
    for row in boxed:
        ink = lines.ink[row].numpy().max(0)
        for k in range(6):
            start = int(lines.starts[row] + lines.pitches[row] * k)
            assert ink[max(0, start) : start + int(lines.pitches[row])].max(initial=0) > 0.5 or start >= WIDEST - 20


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_generator_writes_the_same(shapes: Glyphs, seed: int) -> None:
    first, again, other = (written(shapes, "1.250,-", seed=number).ink for number in (seed, seed, seed + 10))
    assert first.equal(again)
    assert not first.equal(other)
