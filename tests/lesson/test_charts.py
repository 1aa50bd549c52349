from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from lesson.conftest import Shown
from tenfold.lesson import confusion, curves, descents, dots, frequencies, lines

ROWS = [
    {"epoch": k, "train_loss": 1 / k, "val_loss": 1.1 / k, "train_accuracy": 0.9, "val_accuracy": 0.8}
    for k in (1, 2, 3)
]
CHARTS: dict[Callable[[], None], str] = {
    partial(frequencies, np.zeros((4, 28, 28), np.uint8), np.array([1, 1, 2, 9])): "ten bars",
    partial(descents, lambda w: w * w, {"short": [3.0, 1.0], "long": [3.0, -9.0]}, -2, 2): "short; long",
    partial(lines, {"a": [2.0, 1.0], "b": [3.0] * 60}, "Two"): "a goes from 2 to 1; b goes from 3 to 3",
    partial(curves, ROWS, "Learning"): "train_loss from 1.000 to 0.333",
    partial(dots, {"good": [0.9, 0.92], "off": [0.1, 0.2]}, "Seeds", 0.5): "good: 91.0%; off: 15.0%",
    partial(confusion, [[5, 0, 0], [2, 3, 1], [0, 0, 6]]): "Most often, 2 times, a 1 was taken for a 0",
}


@pytest.mark.parametrize("draw", CHARTS, ids=lambda draw: draw.func.__name__)
def test_a_chart_is_told_in_words_and_has_neither_red_nor_blue(shown: list[Shown], draw: Callable[[], None]) -> None:
    draw()
    assert CHARTS[draw] in shown[0].alt
    assert max(shown[0].share("red"), shown[0].share("blue")) < 1e-3  # but for the edges of text on orange
    assert len(shown[0].picture.convert("L").getcolors() or []) > 2
