import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from lesson.conftest import Shown
from tenfold import lesson
from tenfold.errors import MissingExtra, UsageError
from tenfold.learn.figures import blank
from tenfold.lesson import picture, pictures, show


def test_a_figure_is_sharp_and_has_a_text(shown: list[Shown]) -> None:
    figure, _ = blank(3, 2)
    show(figure, "Nothing yet.")
    show(figure, "A photo.", photo=True)
    sharp, photo = shown
    assert (sharp.kind, sharp.alt, sharp.width, sharp.picture.size) == ("image/png", "Nothing yet.", 240, (480, 320))
    assert (photo.kind, photo.width) == ("image/jpeg", 240)


def test_a_file_is_shown_as_it_is(shown: list[Shown], tmp_path: Path) -> None:
    PIL.Image.new("RGB", (40, 20)).save(tmp_path / "a.jpg")
    picture(tmp_path / "a.jpg", "Black.", width=20)
    assert (shown[0].picture.size, shown[0].width, shown[0].alt) == ((40, 20), 20, "Black.")


def test_positive_is_red_and_negative_is_blue_and_ink_is_neither(shown: list[Shown]) -> None:
    ramp = np.linspace(0, 1, 16).reshape(4, 4)
    for values, signed in ((ramp, True), (-ramp, True), (ramp, False)):
        pictures([values], alt="Values.", signed=signed)
    red, blue, ink = shown
    assert red.share("red") > 0.1 > red.share("blue") == 0
    assert blue.share("blue") > 0.1 > blue.share("red") == 0
    assert ink.share("red") == ink.share("blue") == 0


def test_outside_of_a_notebook_a_figure_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("IPython")
    show(blank(1, 1)[0], "Nothing yet.")
    assert capsys.readouterr().out == "Nothing yet.\n"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: lesson.pictures([], alt="None."), "an image or more"),
        (lambda: lesson.pictures([np.eye(28)], ["a", "b"], alt="One."), "a title for each or none"),
        (lambda: lesson.photo([], "a.jpg"), "needs digits to write"),
        (lambda: lesson.photo(["a b"], "a.jpg"), "needs digits to write"),
        (lambda: lesson.canvas(lambda image: image, "x"), "must be a digit"),
        (lambda: lesson.compare({}, "None"), "nothing to compare"),
        (lambda: lesson.dots({"a": []}, "None"), "nothing to compare"),
    ],
)
def test_what_cannot_be_drawn_is_told_in_a_line(call: Callable[[], None], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        call()


def test_without_ipython_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", None)
    with pytest.raises(MissingExtra, match=r"pip install 'tenfold\[lesson\]'"):
        show(blank(1, 1)[0], "Nothing.")
