from dataclasses import replace

import numpy as np
import pytest

import tenfold
from lesson.conftest import Shown
from tenfold.learn.training.runs import Run
from tenfold.lesson import mistakes, numbers, pictures, question


def test_the_question_is_twelve_digits_without_their_labels(shown: list[Shown]) -> None:
    question()
    dark = np.asarray(shown[0].picture.convert("L")) < 128
    columns = dark.any(axis=0)
    assert (np.diff(columns.astype(int)) == 1).sum() >= 12  # each has white paper before it
    assert not any(sign.isdigit() for sign in shown[0].alt)


def test_pictures_with_and_without_titles(shown: list[Shown]) -> None:
    images = np.random.default_rng(0).random((7, 28, 28))
    pictures(images, alt="Seven.", columns=4)
    pictures(images, range(7), alt="Seven with titles.", columns=4, title="All")
    close, titled = shown
    assert close.width == titled.width == 4 * 0.9 * 80
    assert titled.picture.height > close.picture.height > 0.4 * close.picture.width


def test_a_part_is_shown_with_its_numbers(shown: list[Shown]) -> None:
    image = np.zeros((28, 28), np.uint8)
    numbers(image, 4, 9)
    image[4:16, 9:21] = 255
    numbers(image, 4, 9)
    paper, ink = (np.asarray(each.picture.convert("L"))[:, each.picture.width // 2 :] for each in shown)
    assert paper.mean() > 200
    assert ink.mean() < 128 < ink.max()  # white numbers on black


def test_mistakes_are_shown_the_surest_first(shown: list[Shown], run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    found = tenfold.evaluate(run, draw=False)
    capsys.readouterr()
    mistakes(found, 3)
    first = found.mistakes[0]
    assert f"first: a {first.label} answered {first.answer}," in shown[0].alt
    mistakes(replace(found, mistakes=[]))
    assert capsys.readouterr().out == "There are no mistakes.\n"
