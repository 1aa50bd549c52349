"""Does the site without a service read drawings as `tenfold.Reader` does, how fast, and in how much JavaScript?

    python benchmarks/site.py [--drawings 60] [--show FOLDER]

The site is written, served by a plain file server, and opened in Chromium; there its engine and, here, the reader are
given the very same PNG files. The drawings are as the page makes them: MNIST's validation digits redrawn with a round
pen in black on white, 720 x 480 pixels, and signs of straight strokes between them.
"""

import base64
import re
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import tenfold
from measuring import Row, arguments, machine_name, measured, median, save, table, validation_digits
from pages import number, png
from screenshots import chromium
from serving import server
from tenfold.learn.digits import pens
from tenfold.mnist.digits import Digits
from tenfold.serve import site

WIDTH, HEIGHT = 720, 480  # of the page's sheet
KINDS = ("one digit", "a number", "with signs", "two rows", "touching")
ALL = "**all drawings**"
# Strokes x, y in digit heights, y downwards from a digit's top.
SIGNS = {
    ".": [[(0.1, 0.95), (0.12, 0.97)]],
    ",": [[(0.14, 0.9), (0.05, 1.12)]],
    "-": [[(0.05, 0.55), (0.45, 0.52)]],
    "/": [[(0.05, 1.05), (0.5, -0.02)]],
    ":": [[(0.1, 0.4), (0.12, 0.42)], [(0.1, 0.88), (0.12, 0.9)]],
    "+": [[(0.05, 0.55), (0.5, 0.52)], [(0.28, 0.3), (0.26, 0.78)]],
}
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


def sign_drawn(sign: str, size: int, pen: float) -> NDArray[np.float32]:
    """A sign beside digits `size` pixels high as ink (H, W), from above the digits to below them."""
    y, x = np.mgrid[-0.1 * size : 1.3 * size, -pen : 0.6 * size + pen].astype(np.float32)
    ink = np.zeros(x.shape, np.float32)
    for (ax, ay), (bx, by) in (np.multiply(stroke, size) for stroke in SIGNS[sign]):
        along = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / np.hypot(bx - ax, by - ay) ** 2, 0, 1)
        away = np.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay))
        np.maximum(ink, np.clip(pen / 2 - away + 0.5, 0, 1), out=ink)
    columns = np.flatnonzero(ink.max(0))
    return ink[:, columns[0] : columns[-1] + 1]


def signed(generator: np.random.Generator) -> str:
    """A price, a date, a time and the like."""
    a, b, c = (number(generator, low, low + 1) for low in (1, 2, 3))
    forms = (f"{a}.{b}", f"{b},{b}", f"{b}/{b}", f"{b}:{b}", f"-{c}", f"{a}+{b}", f"{c}-{a}", f"{a}.{c}")
    return forms[int(generator.integers(len(forms)))]


def drawing(kind: str, digits: Digits, generator: np.random.Generator) -> tuple[NDArray[np.uint8], str]:
    """A drawing (480, 720), and what is drawn."""
    texts = {
        "one digit": lambda: [number(generator, 1, 2)],
        "a number": lambda: [number(generator, 2, 6)],
        "with signs": lambda: [signed(generator)],
        "two rows": lambda: [number(generator, 2, 5), number(generator, 2, 5)],
        "touching": lambda: [number(generator, 2, 4)],
    }[kind]()
    gap = (-0.15, 0.0) if kind == "touching" else (0.15, 0.5)
    while True:
        size = int(generator.integers(90, 320 if len(texts) == 1 else 160))
        lines = []
        for text in texts:
            pen = generator.uniform(6, 24)
            parts = [
                sign_drawn(sign, size, pen) if sign in SIGNS else redrawn(digits, sign, size, pen, generator)
                for sign in text
            ]
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
    for kind in KINDS:
        generator = np.random.default_rng(list(kind.encode()))
        for _ in range(count):
            image, text = drawing(kind, digits, generator)
            made.append((kind, png(image), text))
    return made


def agreement(here: Row, there: Row) -> Row:
    """How far two readings of one picture agree: in text and sureness, in boxes in pixels, in probabilities."""
    sides = [[(d["value"], d["sure"], d["line"], d["number"]) for d in reading["digits"]] for reading in (here, there)]
    if here["text"] != there["text"] or sides[0] != sides[1]:
        return {"equal": False, "moved": None, "apart": None}
    pairs = list(zip(here["digits"], there["digits"], strict=True))
    moved = max((abs(a - b) for one, other in pairs for a, b in zip(one["box"], other["box"], strict=True)), default=0)
    likely = [(one["probabilities"], other["probabilities"]) for one, other in pairs]
    apart = max((abs(a[name] - b.get(name, 0)) for a, b in likely for name in a), default=0.0)
    return {"equal": True, "moved": moved, "apart": apart}


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
    parser.add_argument("--drawings", type=int, default=60, help="of each of the five kinds")
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
        row = {"kind": kind, "text": text, "service": service["text"], "site": reading["text"]}
        row |= agreement(reading, service) | {"seconds": here["seconds"], "held": here["held"]}
        rows.append({**row, "service_seconds": seconds})
        if options.show and not row["equal"]:
            options.show.mkdir(parents=True, exist_ok=True)
            names = [re.sub(r"[\s?:/]", "_", answer) for answer in (text, service["text"], reading["text"])]
            (options.show / f"{kind} {' '.join(names)}.png").write_bytes(raw)
    scripts = sorted((Path(site.__file__).parent / "site").glob("*.js"))
    lines = sum(len(script.read_text(encoding="utf-8").splitlines()) for script in scripts)
    summary: Row = {"machine": machine_name(), "ready": median(loads), "loads": loads, "javascript_lines": lines}
    for kind in (*KINDS, ALL):
        some = [row for row in rows if kind in (row["kind"], ALL)]
        summary[kind] = {
            "n": len(some),
            "equal": sum(row["equal"] for row in some) / len(some),
            "site_right": sum(row["site"] == row["text"] for row in some) / len(some),
            "service_right": sum(row["service"] == row["text"] for row in some) / len(some),
            **{name: max((row[name] for row in some if row["equal"]), default=None) for name in ("moved", "apart")},
            **{name: median([row[name] for row in some]) for name in ("seconds", "held", "service_seconds")},
        }
        print(kind, summary[kind], flush=True)
    print(f"from opening the page to the first reading: {median(loads):.2f} s; {lines} lines of JavaScript")
    save("site", summary, rows)


def tables() -> dict[str, str]:
    s, _, by = measured("site")
    rows = [
        f"{name} | {s[name]['n']} | {s[name]['equal']:.1%} | {s[name]['site_right']:.1%} | "
        f"{s[name]['service_right']:.1%} | {s[name]['seconds'] * 1000:.0f} ms"
        for name in (*KINDS, ALL)
    ]
    head = "pictures | n | the same text and sureness | right, the site | right, the service | median time, the site"
    more = (
        f"Where the text is the same, boxes differ by {s[ALL]['moved']} pixels at most. From opening the page to the "
        f"first reading, nothing cached: {s['ready']:.1f} s. What reads in the browser is {s['javascript_lines']} "
        "lines of JavaScript."
    )
    return {"site": f"{table(head, rows)}\n\n{more}\n\n{by}"}


if __name__ == "__main__":
    main()
