"""Draw the page of `tenfold serve` in Chromium, and time how soon a reading stands there after the pen lifts.

    python benchmarks/screenshots.py [--out docs] [--numbers 12]

The service is a process of its own on loopback, the browser has no GPU. A time is that from the pen's last event to the
reading on the page, with the picture encoded, sent, read and answered in between.
"""

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gallery import SHAPES, Stroke, curve
from gallery import save as save_picture
from measuring import ROOT, Row, arguments, machine_name, measured, median, save
from serving import serve

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
SHEET = 720  # units across
# A 2 with too little foot, or a 7 with too much.
DOUBTFUL: list[Stroke] = [
    [[(0.06, 0.14), (0.3, 0.02), (0.5, 0.12), (0.42, 0.4), (0.2, 0.98)], [(0.2, 0.98), (0.32, 0.95), (0.42, 0.97)]]
]


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        raise SystemExit("there is no chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


def draw(page: Any, strokes: list[Stroke], x: float, y: float, size: float) -> Iterator[int]:
    """Draw strokes with the mouse at a place on the sheet; yields the number of each when the pen has lifted."""
    box = page.locator("#sheet").bounding_box()
    scale = box["width"] / SHEET
    for number, stroke in enumerate(strokes, 1):
        line = [point for part in stroke for point in curve(part, 5)]
        places = [(box["x"] + scale * (x + size * px), box["y"] + scale * (y + size * py)) for px, py in line]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place)
        page.mouse.up()
        yield number


def reading_time(page: Any) -> float:
    """Wait for the reading of what was drawn last. Returns the milliseconds from the pen's lifting to it."""
    page.wait_for_function("() => performance.getEntriesByName('pen up to reading').length > 0")
    taken = page.evaluate("() => performance.getEntriesByName('pen up to reading').at(-1).duration")
    page.evaluate("() => performance.clearMeasures()")
    return float(taken)


def write(page: Any, shapes: list[list[Stroke]], x: float, y: float, size: float, step: float) -> list[Row]:
    """Draw digits side by side, and wait after each stroke. Returns a row for each."""
    rows = []
    for k, shape in enumerate(shapes):
        for number in draw(page, shape, x + k * step, y, size):
            taken = reading_time(page)
            finished = number == len(shape)
            rows.append({"milliseconds": round(taken, 1), "digits": k + finished, "finished": finished})
    return rows


def picture(page: Any, path: Path) -> None:
    page.wait_for_timeout(300)
    save_picture(Image.open(io.BytesIO(page.screenshot())).convert("RGB"), path, 256)


def opened(browser: Any, address: str, **context: Any) -> Any:
    page = browser.new_context(**context).new_page()
    page.goto(address)
    page.wait_for_function("() => document.getElementById('about').textContent.startsWith('tenfold ')")
    return page


def screenshots(browser: Any, address: str, out: Path) -> None:
    desk = {"width": 1280, "height": 800}
    page = opened(browser, address, viewport=desk)
    write(page, [*(SHAPES[sign] for sign in "286"), DOUBTFUL], 62, 128, 225, 166)
    picture(page, out / "page.png")
    phone = {"width": 360, "height": 740}
    page = opened(browser, address, viewport=phone, is_mobile=True, has_touch=True, device_scale_factor=2)
    write(page, [SHAPES[sign] for sign in "2478"], 62, 128, 225, 166)
    picture(page, out / "page-phone.png")
    page = opened(browser, address, viewport=desk, color_scheme="dark")
    page.locator("#gallery button").nth(1).click()
    page.wait_for_function("() => document.querySelectorAll('#cards button').length === 4")
    picture(page, out / "page-dark.png")


def times(browser: Any, address: str, numbers: int) -> list[Row]:
    """How soon, over numbers of four digits that are written one after the other."""
    page = opened(browser, address, viewport={"width": 1280, "height": 800})
    generator = np.random.default_rng(0)
    rows = []
    for _ in range(numbers + 1):
        text = "".join(map(str, generator.integers(0, 10, 4)))
        strokes = write(page, [SHAPES[sign] for sign in text], 62, 128, 225, 166)
        right = page.locator("#text").inner_text().strip() == text
        rows += [{"number": text, "right": right, **row} for row in strokes]
        page.locator("#clear").click()
        page.wait_for_timeout(200)
    return [row for row in rows if row["number"] != rows[0]["number"]]  # the first warms up


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    parser.add_argument("--numbers", type=int, default=12)
    options = parser.parse_args()
    with serve("--quiet") as (address, *_), chromium() as browser:
        screenshots(browser, address, options.out)
        rows = times(browser, address, options.numbers)
    finished = sorted(row["milliseconds"] for row in rows if row["finished"])
    between = sorted(row["milliseconds"] for row in rows if not row["finished"])
    summary = {
        "machine": machine_name(),
        "lifts": len(rows),
        "median after a finished digit": median(finished),
        "90 % after a finished digit": finished[int(0.9 * len(finished))],
        "median inside a digit": median(between) if between else None,
        "numbers right": f"{len({r['number'] for r in rows if r['right']})} of {len({r['number'] for r in rows})}",
    }
    save("page", summary, rows)
    for what, value in summary.items():
        print(f"{what}: {value}")


def tables() -> dict[str, str]:
    s, _, by = measured("page", "screenshots")
    text = (
        f"From the pen's lift to the reading on the page: {s['median after a finished digit']:.0f} ms after a finished "
        f"digit, within {s['90 % after a finished digit']:.0f} ms in 9 of 10; {s['median inside a digit']:.0f} ms "
        f"inside one (medians, {s['lifts']} lifts, {s['numbers right']} numbers right). {by}"
    )
    return {"page": text}


if __name__ == "__main__":
    main()
