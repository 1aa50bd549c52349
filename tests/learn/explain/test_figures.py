from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

import tenfold
from conftest import draw_digits, write_idx
from tenfold.learn.explain import figures
from tenfold.learn.explain.explain import explain
from tenfold.learn.explain.explanation import Inside, percent
from tenfold.learn.training.runs import Run


def test_the_figures_are_there_and_named(run: Run, inside: Inside) -> None:
    assert list(inside.figures) == ["filters", "map", "overview"]
    for one in inside.digits:
        assert list(one.figures) == ["saliency", "change"]
    paths = [*inside.figures.values(), *(path for one in inside.digits for path in one.figures.values())]
    assert {path.parent for path in paths} == {run.path / "inside"}
    for path in paths:
        with Image.open(path) as picture:
            assert min(picture.size) > 200
            assert len(picture.convert("RGB").getcolors(10**7) or []) > 50, path


def test_the_mistakes_in_the_figure_are_those_that_are_wrong(run: Run, tmp_path: Path) -> None:
    test = draw_digits(100, seed=1)
    test.labels[[3, 50, 77]] = (test.labels[[3, 50, 77]] + 5) % 10
    other = write_idx(tmp_path / "d", draw_digits(20), test)
    given = tenfold.predict(run, count=100, data=other, quiet=True)
    wrong = {one.index for one in given if not one.right}
    assert len(wrong) > 1, "or this says nothing"
    places = explain(run, digit=0, data=other, draw=False).map
    assert {int(k) for k in places.index[places.labels != places.answers]} == wrong
    assert places.mistakes == len(wrong)
    (axis,) = figures.map_of_digits(places, tuple("0123456789")).axes
    right, marked, *_ = axis.collections
    assert np.allclose(np.asarray(marked.get_offsets()), places.points[places.labels != places.answers])
    assert np.allclose(np.asarray(right.get_offsets()), places.points[places.labels == places.answers])
    said = [text.get_text() for text in axis.texts if text.get_fontsize() == 7]
    assert said == [str(label) for label in places.labels[places.labels != places.answers]], "each says what it is"


def test_the_small_print_says_what_was_done(run: Run, inside: Inside) -> None:
    one = inside.digits[0]
    figure = figures.saliency(one)
    words = " ".join(
        " ".join(text.get_text().split()) for part in figure.subfigs for a in part.axes for text in a.texts
    )
    start, end = (f"{values[one.answer]:.1f}".replace("-", "−") for values in (one.blank, one.logits))
    assert f"in 256 steps. Together the pixels take the logit of {one.answer} from {start} to {end}." in words
    assert "4 × 4 pixels" in words
    assert one.change is not None
    titles = [axis.get_title() for axis in figures.change(one).axes]
    assert titles[0] == f"it is {one.label}, answered\n{one.answer} ({percent(one.probabilities[one.answer])})"
    after = percent(one.change.probabilities[one.change.answer])
    assert titles[2] == f"then answered\n{one.change.answer} ({after})"


def test_that_no_change_was_found_is_said(inside: Inside) -> None:
    figure = figures.change(replace(inside.digits[0], change=None, wanted="8"))
    assert [text.get_text() for text in figure.axes[1].texts] == ["No change was found\nthat makes it an 8."]
