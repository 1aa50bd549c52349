"""A digit that one draws oneself, answered at once."""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from PIL import ImageDraw
from torch import Tensor

from tenfold.errors import UsageError
from tenfold.learn.digits.normalisation import Normalisation
from tenfold.learn.figures import GREY, ORANGE, blank
from tenfold.learn.lines import hands
from tenfold.lesson.showing import put, show
from tenfold.mnist import DIGITS

SCRIPT = Path(__file__).parent / "canvas.js"
SIZE = 280  # pixels of the canvas
PEN = 22  # its width
Strokes = Sequence[Sequence[Sequence[float]]]  # of each stroke its points: x and y, from 0 to 1
Answer = Callable[[Tensor], Tensor]


def canvas(answer: Answer, example: str = "7") -> None:
    """A place to draw a digit on, and what a network answers.

    First it shows a digit that is drawn by a program, `example`, and the answer to it. Below is the canvas, where a
    notebook can show one: it needs anywidget, of the extra `lesson`. Without, and in a notebook that nobody looks at,
    there is the example alone.

    Args:
        answer: Takes an image (1, 1, 28, 28) of ink in [0, 1], scaled and centred as MNIST's, and gives ten
            probabilities, (1, 10).
        example: The digit that is drawn by a program.

    Raises UsageError for an example that is no digit.
    """
    if example not in DIGITS:
        raise UsageError(f"the example must be a digit, 0 to 9 in quotes, not {example!r}")
    drawn = torch.from_numpy(hands.digit(example, np.random.default_rng(1)).copy())[None, None] / 255
    seen, chances = answered(drawn, answer)
    figure, ((left, right),) = blank(5, 1.8, 1, 2)
    put(left, np.reshape(seen, (28, 28)))
    right.bar(range(10), chances, color=[ORANGE if chance == max(chances) else GREY for chance in chances])
    right.set(xticks=range(10), ylim=(0, 1), ylabel="probability")
    best = int(np.argmax(chances))
    show(
        figure,
        f"A {example} drawn by a program, and a bar for each digit: the answer is {best}, {max(chances):.0%} sure.",
    )
    try:
        widget = canvas_widget(answer)
    except ModuleNotFoundError:
        print("To draw one yourself: pip install 'tenfold[lesson]', and open this notebook in JupyterLab.")  # noqa: T201
        return
    from IPython.display import display

    display(widget)  # type: ignore[no-untyped-call]


def canvas_widget(answer: Answer) -> Any:
    """The canvas alone, as a widget. Raises ModuleNotFoundError without anywidget."""
    anywidget, traitlets = importlib.import_module("anywidget"), importlib.import_module("traitlets")
    traits = {name: traitlets.List().tag(sync=True) for name in ("strokes", "seen", "chances")}
    widget: Any = type("Canvas", (anywidget.AnyWidget,), {"_esm": SCRIPT.read_text(encoding="utf-8"), **traits})()

    def read(change: Any) -> None:
        with widget.hold_sync():
            widget.seen, widget.chances = answered(inked(change["new"]), answer) if change["new"] else ([], [])

    widget.observe(read, "strokes")
    return widget


def answered(ink: Tensor, answer: Answer) -> tuple[list[float], list[float]]:
    """What a network sees of ink (1, 1, H, W), 784 values, and its ten probabilities."""
    with torch.no_grad():
        image = Normalisation()(ink)
        return image.flatten().tolist(), answer(image).flatten().tolist()


def inked(strokes: Strokes) -> Tensor:
    """Strokes as a picture of ink, (1, 1, 280, 280) in [0, 1]."""
    page = PIL.Image.new("L", (SIZE, SIZE))
    pen = ImageDraw.Draw(page)
    for stroke in strokes:
        places = [(SIZE * x, SIZE * y) for x, y in stroke]
        pen.line(places, 255, PEN, joint="curve")
        for x, y in (places[0], places[-1]):
            pen.ellipse([x - PEN / 2, y - PEN / 2, x + PEN / 2, y + PEN / 2], 255)
    return torch.from_numpy(np.asarray(page).copy())[None, None] / 255
