"""The QR code in docs/ holds a page that reads digits as its Python twin does."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from serve.browser import DIGITS, started
from tenfold.mnist import embedded

DOCS = Path(__file__).parents[1] / "docs"
MEASURED = Path(__file__).parents[1] / "benchmarks" / "results" / "poster.json"
MOST = 2953  # bytes that the largest QR code holds


def address() -> str:
    return "data:text/html," + (DOCS / "poster.html").read_text("ascii").removesuffix("\n")


def field(value: Any) -> Any:
    """What a field of a layer is: an array where it is kept as a shape and numbers."""
    if not isinstance(value, dict):
        return value
    return np.array(value["numbers"].split(), np.int64).reshape(value["shape"])


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    """The page, in a window like a phone's."""
    with started() as browser:
        page = browser.new_page(viewport={"width": 390, "height": 640})
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url) if not request.url.startswith("data:") else None)
        page.goto(address())
        yield page
        assert wrong == []


def test_the_code_holds_the_page() -> None:
    zxingcpp = pytest.importorskip("zxingcpp")
    (code,) = zxingcpp.read_barcodes(Image.open(DOCS / "poster.png"))
    assert code.text == address()
    assert len(code.text.encode()) <= MOST
    assert json.loads(MEASURED.read_text())["summary"]["bytes"] == len(code.text.encode())


@pytest.mark.slow
def test_it_answers_as_its_twin(page: Any) -> None:
    integer = pytest.importorskip("tenfold.learn.export.integer")
    measured = json.loads(MEASURED.read_text())
    layers = [integer.Layer(**{name: field(value) for name, value in row.items()}) for row in measured["rows"]]
    twin = integer.IntegerNetwork(tuple(layers), measured["summary"]["scale"], tuple("0123456789"))
    test = embedded.read("test")
    flat = np.pad(test.images.reshape(-1, 784), ((0, 0), (29, 29)))
    moved = [flat[:, 29 + by : 813 + by].reshape(-1, 28, 28) for by in (-28, -1, 0, 1, 28)]
    scores = np.sum([twin.scores(images).astype(np.int64) for images in moved], 0)
    accuracy = float((scores.argmax(1) == test.labels).mean())
    assert accuracy == measured["summary"]["accuracy"]
    some = slice(None, None, 10)  # benchmarks/poster.py asks the page for all of them
    told = page.evaluate("images => images.map(R)", test.images[some].reshape(-1, 784).tolist())
    np.testing.assert_array_equal(np.array(told), scores[some])


def test_what_is_drawn_is_read(page: Any) -> None:
    page.reload()
    for digit, strokes in DIGITS.items():
        page.get_by_role("button", name="Clear").click()
        assert page.locator("#o").inner_text() == "?"
        box = page.locator("#a").bounding_box()
        for stroke in strokes:
            (x, y), *others = [(box["x"] + 60 + 1.6 * px, box["y"] + 40 + 1.6 * py) for px, py in stroke]
            page.mouse.move(x, y)
            page.mouse.down()
            for point in others:
                page.mouse.move(*point, steps=6)
            page.mouse.up()
        assert page.locator("#o").inner_text().removesuffix("?") == digit
