import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tenfold
from learn.trainings import TINY
from tenfold.learn.scoring import report
from tenfold.learn.training.runs import Run
from tenfold.mnist.digits import Digits

pytestmark = pytest.mark.usefixtures("few_shown")
FIGURES = {"curves", "confusion", "mistakes", "reliability", "samples"}


def test_the_report_stands_alone(run: Run) -> None:
    found = tenfold.evaluate(run)
    written = json.loads((run.path / "evaluation.json").read_text())
    assert written["accuracy"] == found.accuracy
    assert json.loads(found.as_json()) == written
    html = (run.path / "report.html").read_text()
    assert found.report == str(run.path / "report.html")
    assert f"{found.accuracy:.2%}" in html
    inside = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    assert base64.b64decode(inside[0]) == (run.path / "curves.png").read_bytes()
    assert not re.search(r'(src|href)="(?!data:|#)', html)
    assert "<script" not in html
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(re.findall(r'id="([^"]+)"', html))
    assert len(html) < 2_000_000
    sections = re.split("<h2>", html)
    counts = {section.partition("<")[0]: section.count("<img") for section in sections}
    assert (counts["The mistakes it was surest of"], counts["Digits drawn at random"]) == (2, 2)
    matrix = next(section for section in sections if section.startswith("Which classes"))
    for mistake in found.mistakes[:5]:
        assert f"no. {mistake.index}<br>{mistake.confidence:.0%}" in matrix
    for name in FIGURES:
        with Image.open(run.path / f"{name}.png") as picture_file:
            assert picture_file.size[0] > 300


def test_names_in_the_report_are_escaped(tmp_path: Path, digits: Digits) -> None:
    names = np.array(["<b>x", "y&z $^$"])[digits.labels % 2]
    place = tmp_path / "<i>.npz"
    np.savez(place, images=digits.images, labels=names)
    run = tenfold.train("mlp", data=place, out=tmp_path / "run", epochs=1, **TINY)
    assert run.model().task.classes == ("<b>x", "y&z $^$")
    tenfold.evaluate(run, data=place)
    html = (run.path / "on-<i>" / "report.html").read_text()
    assert "<b>x" not in html
    assert "<i>" not in html
    assert "&lt;b&gt;x" in html


def test_text_is_escaped_and_a_picture_is_inside(tmp_path: Path) -> None:
    assert "<td>&lt;b&gt;</td>" in report.table(("a", "b"), [("1", "<b>")])
    assert "<title>a &amp; b</title>" in report.page("a & b", "<p>text</p>")
    (tmp_path / "p.png").write_bytes(b"png")
    assert report.picture(tmp_path / "p.png", 'a "b"') == '<img alt="a &quot;b&quot;" src="data:image/png;base64,cG5n">'
