"""What tests in a browser share: Chromium, a page that is watched, and a hand that writes."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
WIDTH, HEIGHT = 720, 480  # of the sheet, in its own units

# Digits as strokes in a box of 100 x 150, each a list of x, y.
DIGITS: dict[str, list[list[tuple[int, int]]]] = {
    "1": [[(20, 35), (45, 5), (45, 75), (45, 145)]],
    "2": [[(12, 40), (20, 15), (45, 5), (72, 14), (78, 40), (60, 80), (10, 145), (50, 141), (90, 143)]],
    "3": [[(15, 18), (45, 5), (74, 20), (70, 52), (38, 70), (72, 84), (80, 115), (50, 145), (10, 132)]],
    "4": [[(45, 5), (28, 50), (8, 92), (50, 93), (92, 90)], [(68, 45), (66, 95), (62, 145)]],
    "7": [[(10, 12), (50, 13), (88, 8), (60, 70), (35, 145)]],
}
STAR = [[(50, 0), (20, 100), (100, 38), (0, 38), (80, 100), (50, 0)]]


def absent(why: str) -> NoReturn:
    """Skip for want of a browser; in continuous integration that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"{why}, and in continuous integration the browser tests must run")
    pytest.skip(why)


@contextmanager
def started() -> Iterator[Any]:
    """Chromium."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        absent("playwright is not installed")
    if CHROMIUM is None:
        absent("there is no chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


# Whether anything is asked for, or was just now: what is on a page may be drawn anew by an answer still to come.
ASKED = """
let under_way = 0, last = 0;
const ask = window.fetch, now = () => { last = performance.now(); };
window.fetch = (...all) => { under_way++; return ask(...all).finally(() => { under_way--; now(); }); };
window.addEventListener("pointerup", now, true);
window.settled = () => under_way === 0 && performance.now() - last > 150;
"""


@dataclass
class Watch:
    """Opens pages, and notes what must not happen on them: an error, or a request to anywhere else."""

    browser: Any
    wrong: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)  # patterns of errors that a test brings about
    contexts: list[Any] = field(default_factory=list)

    def open(self, address: str, *, script: str | None = None, ready: bool = True, **context: Any) -> Any:
        """A page in a context of its own; `script` runs before those of the page. Waits until it knows its model."""
        made = self.browser.new_context(**context)
        self.contexts.append(made)
        made.set_default_timeout(15_000)
        made.on("request", lambda request: self._check(request.url, address))
        made.on("weberror", lambda error: self.wrong.append(str(error.error)))
        made.on("console", self._note)
        made.add_init_script(ASKED)
        if script is not None:
            made.add_init_script(script)
        page = made.new_page()
        page.goto(f"{address}/")
        if ready:
            page.wait_for_function("() => document.getElementById('about').textContent.startsWith('tenfold ')")
        return page

    def close(self) -> None:
        """Close what was opened. Fails where something went wrong on a page."""
        for context in self.contexts:
            context.close()
        wrong = [line for line in self.wrong if not any(re.search(pattern, line) for pattern in self.expected)]
        assert wrong == [], wrong

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"{message.text} {message.location.get('url', '')}")

    def _check(self, url: str, address: str) -> None:
        if not url.startswith((f"{address}/", "data:", "blob:")):
            self.wrong.append(f"requested {url}")


Place = Callable[[float, float], tuple[float, float]]


def sheet_place(page: Any) -> Place:
    """What turns units of the sheet into pixels of the window."""
    page.locator("#sheet").scroll_into_view_if_needed()
    box = page.locator("#sheet").bounding_box()

    def place(x: float, y: float) -> tuple[float, float]:
        return box["x"] + x * box["width"] / WIDTH, box["y"] + y * box["height"] / HEIGHT

    return place


def draw(page: Any, strokes: list[list[tuple[int, int]]], x: float, y: float, size: float = 1.5) -> None:
    """Draw strokes with the mouse, `size` units of the sheet to one of theirs."""
    place = sheet_place(page)
    for stroke in strokes:
        points = [place(x + size * px, y + size * py) for px, py in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=3)
        page.mouse.up()


def write(page: Any, text: str, x: float = 60, y: float = 120) -> None:
    """Write a number on the sheet with the mouse."""
    for sign in text:
        draw(page, DIGITS[sign], x, y)
        x += 165


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """One for all tests of a folder."""
    with started() as chromium:
        yield chromium


@pytest.fixture
def watch(browser: Any) -> Iterator[Watch]:
    """What opens pages in it, and at the end has found no error in them."""
    watching = Watch(browser)
    yield watching
    watching.close()
