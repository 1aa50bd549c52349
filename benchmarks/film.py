"""Draw the page of `tenfold play` in Chromium: docs/play.png, docs/play-inside.png and the film docs/play.gif.

    python benchmarks/film.py [--out docs]

The film is of one training of `fast` in slow motion, after a 7 was written. A frame is taken each time that so many
steps are done, and all frames are shown equally long: how quick this machine is does not matter.
"""

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gallery import SHAPES, curve
from gallery import save as save_picture
from measuring import ROOT, arguments
from screenshots import SHEET, chromium, draw
from tenfold import files

LONG = 300_000  # milliseconds that a training may take
WIDTH, HEIGHT = 1120, 880  # of the window that is filmed, in CSS pixels
SHOWN = 800 / WIDTH  # of that is the film
FRAME = 100  # milliseconds
COMMON = 32  # colours that are as they were, as of the paper; the others are near to it
APART = 8  # levels from a colour of the palette to the next: Pillow does not tell nearer ones apart
SHARP = 1.5  # pixels of a picture to one of the page
EDGE = 24  # pixels of a picture, around what it shows
STEPS = [*range(1, 16), *range(19, 195, 4)]  # after which frames are taken: most changes in the first
# A pen as large as a pointer, as pictures of a page have none.
POINTER = """
document.addEventListener("DOMContentLoaded", () => {
  const pointer = document.createElement("div");
  pointer.style.cssText = "position: fixed; z-index: 9; width: 22px; height: 22px; margin: -11px; border-radius: 50%;"
    + "background: rgb(35 70 184 / 35%); border: 2px solid rgb(35 70 184); pointer-events: none; left: -40px";
  document.body.append(pointer);
  addEventListener("pointermove", ({ clientX, clientY }) => {
    [pointer.style.left, pointer.style.top] = [`${clientX}px`, `${clientY}px`];
  }, true);
});
"""
FINISHED = "() => document.getElementById('status').textContent.includes('Finished')"
DONE = "() => Number((/step ([0-9]+) of/.exec(document.getElementById('status').textContent) ?? [0, 0])[1])"


@contextmanager
def playing() -> Iterator[str]:
    """The service, and its address."""
    command = [sys.executable, "-m", "tenfold", "play", "--port", "0", "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        address = re.search(r"http://\S+", process.stdout.readline())
        assert address is not None
        yield address[0]
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def opened(browser: Any, address: str, script: str = "", **context: Any) -> Iterator[Any]:
    """The page, once a training can begin; closed at the end, as there is one page at a time."""
    made = browser.new_context(**context)
    made.set_default_timeout(LONG)
    made.add_init_script(script)
    page = made.new_page()
    page.goto(address)
    page.wait_for_function("() => !document.getElementById('train').disabled")
    yield page
    made.close()


def choose_unit(page: Any) -> Any:
    """One of the second layer that matters for the answer."""
    return page.locator(".layer .units").nth(1).locator(".unit.joined").nth(2)


def pictures(browser: Any, address: str, out: Path) -> None:
    """The whole page after a training, and the look inside."""
    with opened(browser, address, viewport={"width": 1280, "height": 1000}, device_scale_factor=SHARP) as page:
        for k, sign in enumerate("74"):
            list(draw(page, SHAPES[sign], 110 + 290 * k, 90, 300))
        page.wait_for_function("() => document.querySelectorAll('.mind').length === 2")
        page.locator("#train").click()
        page.wait_for_function(FINISHED)
        page.locator(".mind button").first.click()
        page.locator("#inside-answer", has_text="It says 7").wait_for()
        page.wait_for_timeout(500)  # in which the last look comes
        choose_unit(page).click()
        page.locator("#unit-title", has_text="Unit").wait_for()
        page.locator("#wanted").select_option("1")
        page.locator("#changed", has_text=re.compile("ink|No change")).wait_for()
        page.mouse.move(0, 0)
        page.evaluate("document.activeElement.blur()")
        page.wait_for_timeout(300)
        page.evaluate("scrollTo(0, 0)")
        whole, box = _image(page.screenshot(full_page=True)), page.locator("#inside").bounding_box()
        x, y, width, height = (SHARP * box[side] for side in ("x", "y", "width", "height"))
        save_picture(whole, out / "play.png", 128)
        save_picture(whole.crop((x - EDGE, y + 3, x + width + EDGE, y + height + EDGE)), out / "play-inside.png", 128)


def film(browser: Any, address: str) -> list[Image.Image]:
    """The frames: a 7 is written, Train is pressed, the network learns, and a look inside."""
    window = {"width": WIDTH, "height": HEIGHT}
    with opened(browser, address, POINTER, viewport=window, device_scale_factor=2 * SHOWN) as page:
        frames: list[Image.Image] = []

        def take(count: int = 1) -> None:
            page.wait_for_timeout(60)  # until what was told is painted
            frames.extend([_image(page.screenshot()).reduce(2)] * count)

        page.locator("#slow").check()
        box = page.locator("#sheet").bounding_box()
        scale = box["width"] / SHEET
        line = [point for part in SHAPES["7"][0] for point in curve(part, 5)]
        places = [(box["x"] + scale * (230 + 300 * x), box["y"] + scale * (90 + 300 * y)) for x, y in line]
        page.mouse.move(*places[0])
        take(4)
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place)
            take()
        page.mouse.up()
        page.locator(".mind").wait_for()
        _go(page, places[-1], "#train", take)
        page.mouse.down()
        page.mouse.up()
        take()
        page.mouse.move(WIDTH - 24, HEIGHT / 2)
        for step in STEPS:
            page.wait_for_function(f"step => ({DONE})() >= step", arg=step)
            take()
        page.wait_for_function(FINISHED)
        page.wait_for_timeout(1000)  # in which the last look inside comes
        take(8)
        top = page.evaluate("document.getElementById('inside').getBoundingClientRect().top - 16")
        for part in (0.1, 0.35, 0.65, 0.9, 1):
            page.evaluate("top => scrollTo({ top, behavior: 'instant' })", top * part)
            take()
        take(5)
        unit = choose_unit(page).bounding_box()
        page.mouse.move(unit["x"] + unit["width"] / 2, unit["y"] + unit["height"] / 2)
        take(3)
        page.mouse.down()
        page.mouse.up()
        page.locator("#unit-title", has_text="Unit").wait_for()
        page.wait_for_timeout(300)
        take(20)
    return frames


def _go(page: Any, start: tuple[float, float], to: str, take: Any) -> None:
    """Move the pointer to an element, in some frames."""
    box = page.locator(to).bounding_box()
    end = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for part in (0.25, 0.5, 0.75, 1):
        page.mouse.move(*(a + part * (b - a) for a, b in zip(start, end, strict=True)))
        take()


def write_film(frames: list[Image.Image], path: Path) -> None:
    """Write a GIF in which all frames have one palette."""
    some = [*frames[:: len(frames) // 8], frames[-1]]
    together = Image.new("RGB", (frames[0].width, frames[0].height * len(some)))
    for k, frame in enumerate(some):
        together.paste(frame, (0, k * frame.height))
    counted = sorted(together.getcolors(together.width * together.height) or [], reverse=True)
    others = np.reshape(together.quantize(256 - COMMON, Image.Quantize.MEDIANCUT).getpalette() or [], (-1, 3))
    kept: list[Any] = []
    for colour in np.concatenate([np.array([one for _, one in counted[:COMMON]], int), others]):
        if all(np.abs(colour - one).max() >= APART for one in kept):
            kept.append(colour)
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.ravel(kept).tolist())
    quantised = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    file = io.BytesIO()
    quantised[0].save(file, "GIF", save_all=True, append_images=quantised[1:], duration=FRAME, loop=0, optimize=True)
    files.content(path, file.getvalue())
    seconds = len(frames) * FRAME / 1000
    print(f"{path}: {len(file.getvalue()) / 1e3:.1f} kB, {frames[0].size}, {len(frames)} frames, {seconds:.1f} s")


def _image(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    out = parser.parse_args().out
    with chromium() as browser:
        with playing() as address:
            pictures(browser, address, out)
        with playing() as address:  # anew, as a page shows the training before
            write_film(film(browser, address), out / "play.gif")


if __name__ == "__main__":
    main()
