from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from tenfold.learn.figures import RED, save
from tenfold.learn.scoring import figures
from tenfold.learn.scoring.metrics import Bin
from tenfold.mnist.digits import Digits


def red(figure: Figure, path: Path) -> int:
    """How many pixels of a drawn figure are red."""
    with Image.open(save(figure, path)) as opened:
        image: NDArray[Any] = np.asarray(opened.convert("RGB")).astype(int)
    return int(((image[..., 0] - image[..., 1]) > 80).sum())


def test_mistakes_are_red_in_the_confusion_matrix(tmp_path: Path) -> None:
    assert red(figures.confusion(np.array([[5, 0], [0, 5]]), ["a", "b"]), tmp_path / "good.png") == 0
    assert red(figures.confusion(np.array([[5, 0], [4, 1]]), ["a", "b"]), tmp_path / "bad.png") > 5000


@pytest.mark.parametrize("classes", [2, 26, 47])
def test_every_number_of_the_confusion_matrix_can_be_read(classes: int) -> None:
    matrix = np.arange(classes**2).reshape(classes, classes)
    axis = figures.confusion(matrix, [f"{k}" for k in range(classes)]).axes[0]
    assert [text.get_text() for text in axis.texts] == [f"{count}" for count in matrix.flat]
    assert {text.get_color() for text in axis.texts} == {"black", "white"}
    assert min(text.get_fontsize() for text in axis.texts) == 8


def test_bars_of_the_reliability_diagram_are_its_bins() -> None:
    bins = [Bin(0.5, 0.6, 0.55, 0.4, 10), Bin(0.9, 1.0, 0.97, 0.95, 90)]
    top, bottom = figures.reliability(bins, 0.033).axes
    assert [bar.get_height() for bar in top.patches] == pytest.approx([0.4, 0.95])  # type: ignore[attr-defined]
    assert [bar.get_height() for bar in bottom.patches] == [10, 90]  # type: ignore[attr-defined]


@pytest.mark.parametrize("bars", [False, True])
def test_wrong_answers_are_red(bars: bool, digits: Digits) -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32) if bars else None
    figure = figures.answers(digits.images[:2], ["right", "$wrong$"], [True, False], "title", probabilities)
    titles = {axis.get_title(): axis.title.get_color() for axis in figure.axes if axis.get_title()}
    assert titles == {"right": "black", r"\$wrong\$": RED}


def test_no_answers_can_be_drawn(digits: Digits, tmp_path: Path) -> None:
    figure = figures.answers(digits.images[:0], [], [], "none")
    assert [text.get_text() for text in figure.axes[0].texts] == ["none"]
    save(figure, tmp_path / "none.png")


def test_every_class_has_its_mean_and_examples(digits: Digits) -> None:
    figure = figures.classes(digits, list("0123456789"), per_class=3)
    assert sum(len(axis.images) for axis in figure.axes) == 10 * 4
