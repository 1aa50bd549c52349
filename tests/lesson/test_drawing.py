import base64
import importlib.util
import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from lesson.conftest import Shown
from serve import browser
from tenfold.lesson import canvas, drawing

SEVEN = [[[0.2, 0.2], [0.8, 0.2], [0.4, 0.9]], [[0.3, 0.5], [0.7, 0.5]]]


def threes(images: Tensor) -> Tensor:
    """A network that always answers 3, with what the image's darkest pixel is."""
    assert images.shape == (1, 1, 28, 28)
    return torch.eye(10)[3:4] * images.max()


def test_strokes_are_ink_and_are_centred(shown: list[Shown]) -> None:
    ink = drawing.inked(SEVEN)
    assert ink.shape == (1, 1, 280, 280)
    assert ink.max() == 1
    assert drawing.inked([[[0.5, 0.5]]]).mean() > 0.004  # a dot
    seen, chances = drawing.answered(drawing.inked([[[0.1, 0.1], [0.12, 0.4]]]), threes)
    rows = torch.tensor(seen).view(28, 28).sum(1)
    assert rows[:4].sum() == rows[25:].sum() == 0 < rows[5:23].min()
    assert chances == pytest.approx([0, 0, 0, 1, 0, 0, 0, 0, 0, 0])


def test_without_a_canvas_a_program_draws(
    shown: list[Shown], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    canvas(threes, "5")
    assert shown[0].alt == "A 5 drawn by a program, and a bar for each digit: the answer is 3, 100% sure."
    assert "pip install 'tenfold[lesson]'" in capsys.readouterr().out


def test_the_widget_answers_what_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    traitlets: Any = pytest.importorskip("traitlets")
    if importlib.util.find_spec("anywidget") is None:  # what the canvas asks of it
        traits: Any = traitlets.HasTraits
        stand_in: Any = ModuleType("anywidget")
        stand_in.AnyWidget = type("AnyWidget", (traits,), {"hold_sync": traits.hold_trait_notifications})
        monkeypatch.setitem(sys.modules, "anywidget", stand_in)
    widget = drawing.canvas_widget(threes)
    widget.strokes = SEVEN
    assert widget.chances[3] == pytest.approx(1)
    assert len(widget.seen) == 784
    widget.strokes = []
    assert widget.seen == widget.chances == []


PAGE = """
import widget from "data:text/javascript;base64,SCRIPT";
const values = { strokes: [], seen: [], chances: [] }, watchers = {};
window.model = {
  get: (name) => values[name],
  set: (name, value) => { values[name] = value; },
  on: (name, call) => { watchers[name] = call; },
  save_changes: () => { window.sent = (window.sent ?? 0) + 1; },
  answer: (seen, chances) => { Object.assign(values, { seen, chances }); watchers["change:chances"](); },
};
widget.render({ model, el: document.body });
"""


def test_a_hand_draws_on_the_canvas_and_clears_it() -> None:
    script = base64.b64encode(drawing.SCRIPT.read_bytes()).decode("ascii")
    with browser.started() as chromium:
        page = chromium.new_page()
        page.set_content(f"<body></body><script type=module>{PAGE.replace('SCRIPT', script)}</script>")
        box = page.wait_for_selector(".page").bounding_box()
        page.mouse.move(box["x"] + 70, box["y"] + 70)
        page.mouse.down()
        page.mouse.move(box["x"] + 140, box["y"] + 210, steps=5)
        page.mouse.up()
        page.wait_for_function("window.sent === 1")
        ((first, *_, last),) = page.evaluate("model.get('strokes')")
        assert first == pytest.approx([0.25, 0.25], abs=0.02)
        assert last == pytest.approx([0.5, 0.75], abs=0.02)
        page.evaluate(
            "model.answer([...Array(784)].map((_, k) => k === 0 ? 1 : 0), [0, 0, 0, 0, 0, 0, 0, 0.9, 0.1, 0])"
        )
        assert "7 ██████████████████ 90 %" in page.inner_text("output")
        data = "document.querySelector('.seen').getContext('2d').getImageData(0, 0, 2, 1).data"
        assert page.evaluate(f"[...{data}]")[3::4] == [255, 0]  # how opaque the first two pixels are
        page.click("button")
        page.wait_for_function("window.sent === 2")
        assert page.evaluate("model.get('strokes')") == []
        page.evaluate("model.answer([], [])")
        assert page.inner_text("output") == "Draw a digit."
