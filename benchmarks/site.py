"""Does the site without a service read drawings as `tenfold.Reader` does, and how fast?

    python benchmarks/site.py [--drawings 60] [--show FOLDER]

The site is written, served by a plain file server, and opened in Chromium; there its engine and, here, the reader are
given the very same PNG files. The drawings are as the page makes them: MNIST's validation digits redrawn with a round
pen in black on white, 720 x 480 pixels. The pages are those of pages.py, which stand for photos.
"""

import base64
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import tenfold
from measuring import Row, arguments, machine_name, measured, median, save, table, validation_digits
from pages import number, page, png
from screenshots import chromium
from serving import server
from tenfold.learn.digits import pens
from tenfold.mnist.digits import Digits
from tenfold.serve import site

WIDTH, HEIGHT = 720, 480  # of the page's sheet
DRAWN = ("one digit", "a number", "two rows", "touching")
PAGES = ("plain", "shadow", "light on dark")
READ = """async (files) => {
    const engine = await import(new URL("engine.js", document.baseURI).href);
    const found = [];
    for (const file of files) {
        const picture = new Blob([Uint8Array.from(atob(file), (sign) => sign.charCodeAt(0))], { type: "image/png" });
        let [waiting, longest, last] = [true, 0, performance.now()];
        const watch = () => {
            const now = performance.now();
            [longest, last] = [Math.max(longest, now - last), now];
            if (waiting) setTimeout(watch);
        };
        watch();
        const began = performance.now();
        const reading = await engine.read(picture);
        waiting = false;
        found.push({ reading, seconds: (performance.now() - began) / 1000, held: longest / 1000 });
    }
    return found;
}"""


def redrawn(digits: Digits, sign: str, size: int, pen: float, generator: np.random.Generator) -> NDArray[np.float32]:
    """A digit about `size` pixels high as ink (H, W), drawn with a round pen `pen` pixels wide."""
    chosen = digits.images[generator.choice(np.flatnonzero(digits.labels == int(sign)))]
    distances = pens.distances(torch.from_numpy(chosen[None]), lambda steps, _: steps)[0].numpy() / pens.UNIT
    factor = size / 40  # the skeletons are about 40 of the 56 pixels high
    side = round(factor * distances.shape[0])
    away = np.asarray(Image.fromarray(distances.astype(np.float32)).resize((side, side), Image.Resampling.BICUBIC))
    ink = np.clip(pen / 2 - away * factor + 0.5, 0, 1)
    rows, columns = np.flatnonzero(ink.max(1)), np.flatnonzero(ink.max(0))
    return np.asarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], np.float32)


def drawing(kind: str, digits: Digits, generator: np.random.Generator) -> tuple[NDArray[np.uint8], str]:
    """A drawing (480, 720), and what is drawn."""
    texts = {
        "one digit": lambda: [number(generator, 1, 2)],
        "a number": lambda: [number(generator, 2, 6)],
        "two rows": lambda: [number(generator, 2, 5), number(generator, 2, 5)],
        "touching": lambda: [number(generator, 2, 4)],
    }[kind]()
    gap = (-0.15, 0.0) if kind == "touching" else (0.15, 0.5)
    while True:
        size = int(generator.integers(90, 320 if len(texts) == 1 else 160))
        lines = []
        for text in texts:
            pen = generator.uniform(6, 24)
            parts = [redrawn(digits, sign, size, pen, generator) for sign in text]
            lines.append([(part, int(size * generator.uniform(*gap))) for part in parts])
        widths = [sum(part.shape[1] + max(0, space) for part, space in line) for line in lines]
        heights = [max(part.shape[0] for part, _ in line) for line in lines]
        if max(widths) < WIDTH - 40 and sum(heights) + 60 * len(lines) < HEIGHT:
            break
    ink = np.zeros((HEIGHT, WIDTH), np.float32)
    y = int(generator.integers(10, HEIGHT - sum(heights) - 60 * len(lines) + 40))
    for line, width, height in zip(lines, widths, heights, strict=True):
        x = int(generator.integers(10, WIDTH - width - 20))
        for part, space in line:
            top = y + int(generator.integers(0, 12))
            place = ink[top : top + part.shape[0], x : x + part.shape[1]]
            np.maximum(place, part, out=place)
            x += part.shape[1] + space
        y += height + 45
    return (255 * (1 - ink)).round().astype(np.uint8), "\n".join(texts)


def pictures(count: int) -> list[tuple[str, bytes, str]]:
    """Kind, PNG file and text of each."""
    digits, made = validation_digits(), []
    for kind in DRAWN + PAGES:
        generator = np.random.default_rng(list(kind.encode()))
        for _ in range(count if kind in DRAWN else count // 3):
            if kind in DRAWN:
                image, text = drawing(kind, digits, generator)
            else:
                values, text = page(kind, digits, generator)
                image = (np.clip(values, 0, 1) * 255).astype(np.uint8)
            made.append((kind, png(image), text))
    return made


def apart(one: Row, other: Row) -> float:
    """The largest difference of a probability between two readings of the same text."""
    pairs = zip(one["digits"], other["digits"], strict=True)
    return max(
        (abs(a["probabilities"][n] - b["probabilities"][n]) for a, b in pairs for n in a["probabilities"]), default=0.0
    )


def browse(files: list[str]) -> tuple[list[Row], list[float]]:
    """What the site reads in each file, and seconds from opening it to the first reading, nothing cached."""
    loads: list[float] = []
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = str(site.write(Path(name) / "site"))
        # A plain file server.
        with server("-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", folder) as (address, *_):
            for _ in range(5):
                tab = browser.new_context().new_page()
                began = time.perf_counter()
                tab.goto(address)
                tab.evaluate(READ, files[:1])
                loads.append(time.perf_counter() - began)
                if len(loads) < 5:
                    tab.context.close()
            return [reading for file in files for reading in tab.evaluate(READ, [file])], loads


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--drawings", type=int, default=60, help="of each kind; a third as many pages")
    parser.add_argument("--show", type=Path, help="write the pictures that are read otherwise to this folder")
    options = parser.parse_args()
    given = pictures(options.drawings)
    browsed, loads = browse([base64.b64encode(raw).decode() for _, raw, _ in given])
    reader = tenfold.Reader(threads=1, upright=True)
    rows: list[Row] = []
    for (kind, raw, text), here in zip(given, browsed, strict=True):
        began = time.perf_counter()
        service = reader.read(raw, details=True).as_dict(details=True)
        seconds = time.perf_counter() - began
        reading = here["reading"]
        equal = reading["text"] == service["text"]
        row = {"kind": kind, "text": text, "service": service["text"], "site": reading["text"]}
        row |= {"apart": apart(reading, service) if equal else None, "seconds": here["seconds"], "held": here["held"]}
        rows.append({**row, "service_seconds": seconds})
        if options.show and not equal:
            options.show.mkdir(parents=True, exist_ok=True)
            names = [answer.replace("\n", "_").replace("?", "x") for answer in (text, service["text"], reading["text"])]
            (options.show / f"{kind} {' '.join(names)}.png").write_bytes(raw)
    summary: Row = {"machine": machine_name(), "ready": median(loads), "loads": loads}
    for kind in (*DRAWN, "drawings", *PAGES):
        some = [row for row in rows if row["kind"] == kind or (kind == "drawings" and row["kind"] in DRAWN)]
        summary[kind] = {
            "n": len(some),
            "equal": sum(row["site"] == row["service"] for row in some) / len(some),
            "site_right": sum(row["site"] == row["text"] for row in some) / len(some),
            "service_right": sum(row["service"] == row["text"] for row in some) / len(some),
            "apart": max((row["apart"] for row in some if row["apart"] is not None), default=None),
            **{name: median([row[name] for row in some]) for name in ("seconds", "held", "service_seconds")},
        }
        print(kind, {name: round(value, 4) for name, value in summary[kind].items()}, flush=True)
    print(f"from opening the page to the first reading: {median(loads):.2f} s")
    save("site", summary, rows)


def tables() -> dict[str, str]:
    s, _, by = measured("site")
    names = {name: name for name in DRAWN} | {"drawings": "**all drawings**"}
    names |= {"plain": "a page", "shadow": "a page in shadow", "light on dark": "a page, light on dark"}
    rows = [
        f"{shown} | {s[name]['n']} | {s[name]['equal']:.1%} | {s[name]['site_right']:.1%} | "
        f"{s[name]['service_right']:.1%} | {s[name]['seconds'] * 1000:.0f} ms"
        for name, shown in names.items()
    ]
    head = "pictures | n | the same text | right, the site | right, the service | median time, the site"
    more = f"From opening the page to the first reading, nothing cached: {s['ready']:.1f} s."
    return {"site": f"{table(head, rows)}\n\n{more}\n\n{by}"}


if __name__ == "__main__":
    main()
