"""How well does `tenfold.Reader` read whole pages? Synthetic ones, written with MNIST's validation digits.

    python benchmarks/pages.py [--pages 40] [--model FILE] [--show FOLDER]

Each kind of difficulty by itself, so that a change to the finder shows where it helps. The digits are the last 10,000
of the training files, which no recipe learns from unless it is final.
"""

import io
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

import tenfold
from measuring import Row, arguments, machine_name, measured, save, table, validation_digits
from tenfold.mnist.digits import Digits

Page = NDArray[np.float32]  # brightness (H, W)


def written(digits: Digits, text: str, size: int, generator: np.random.Generator, gap: tuple[float, float]) -> Page:
    """A number as ink (H, W): each digit `size` pixels high give or take, gaps in digit heights."""
    parts: list[NDArray[Any]] = []
    for sign in text:
        if sign == " ":
            parts.append(np.zeros((size, int(1.9 * size)), np.float32))
            continue
        image = digits.images[generator.choice(np.flatnonzero(digits.labels == int(sign)))]
        rows, columns = np.flatnonzero(image.max(1) > 40), np.flatnonzero(image.max(0) > 40)
        image = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        height = int(size * generator.uniform(0.85, 1.1))
        width = max(3, round(image.shape[1] / image.shape[0] * height))
        if width > 1.2 * height:
            height, width = round(height * 1.1 * height / width), round(1.1 * height)
        parts.append(
            np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)) / np.float32(255)
        )
    gaps = [int(size * generator.uniform(*gap)) for _ in parts]
    page = np.zeros(
        (int(1.6 * size), sum(p.shape[1] + max(0, g) for p, g in zip(parts, gaps, strict=True)) + size), np.float32
    )
    x = 0
    for part, space in zip(parts, gaps, strict=True):
        y = int(0.25 * size + generator.uniform(0, 0.2) * size)
        place = page[y : y + part.shape[0], x : x + part.shape[1]]
        np.maximum(place, part[: place.shape[0], : place.shape[1]], out=place)
        x += part.shape[1] + space
    return page[:, : x + 4]


def number(generator: np.random.Generator, low: int = 2, high: int = 8) -> str:
    return "".join(map(str, generator.integers(0, 10, int(generator.integers(low, high)))))


def sheet(lines: list[Page], size: int, generator: np.random.Generator, slope: float = 0.0) -> Page:
    """Lines of ink on a sheet with margins."""
    width = max(line.shape[1] for line in lines) + 3 * size
    step = int(2.0 * size)
    page = np.zeros((step * len(lines) + 2 * size, width), np.float32)
    for k, line in enumerate(lines):
        x = size + int(generator.uniform(0, 0.6) * size)
        y = size // 2 + k * step
        page[y : y + line.shape[0], x : x + line.shape[1]] = line
    return np.asarray(ndimage.rotate(page, slope, reshape=True, order=1), np.float32) if slope else page


def on_paper(ink: Page, generator: np.random.Generator, *, dark: float = 0.75, noise: float = 0.015) -> Page:
    """Ink as dark strokes on grey paper with noise."""
    paper = np.full_like(ink, generator.uniform(0.75, 0.95))
    image = paper * (1 - dark * np.clip(ink, 0, 1))
    return np.asarray(np.clip(image + generator.normal(0, noise, ink.shape), 0, 1), np.float32)


def as_image(page: Page) -> Image.Image:
    return Image.fromarray((np.clip(page, 0, 1) * 255).astype(np.uint8))


def png(image: NDArray[np.uint8]) -> bytes:
    """The bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def photo(
    digits: Digits, texts: Sequence[str], size: int, generator: np.random.Generator, shape: tuple[int, int]
) -> Image.Image:
    """Lines of digits `size` pixels high on a sheet, enlarged to a photo's width and height."""
    ink = sheet([written(digits, text, size, generator, (0.1, 0.4)) for text in texts], size, generator)
    return as_image(on_paper(ink, generator)).resize(shape)


def shaded(image: Page, generator: np.random.Generator) -> Page:
    height, width = image.shape
    y, x = np.mgrid[0:height, 0:width] / max(image.shape)
    angle = generator.uniform(0, 2 * np.pi)
    slope = np.cos(angle) * x + np.sin(angle) * y
    light = 1 - 0.6 * (slope - slope.min()) / np.ptp(slope)
    edge = ndimage.gaussian_filter((slope > np.median(slope)).astype(float), max(image.shape) / 40)
    return np.asarray(image * light * (1 - 0.3 * edge), np.float32)


def ruled(image: Page, size: int, generator: np.random.Generator, *, squared: bool, strength: float) -> Page:
    step = int(size * (0.55 if squared else 1.0))
    lines = np.zeros_like(image)
    for y in range(int(generator.integers(step)), image.shape[0], step):
        lines[y : y + max(1, size // 40)] = 1
    for x in range(int(generator.integers(step)), image.shape[1], step) if squared else ():
        lines[:, x : x + max(1, size // 40)] = 1
    lines = ndimage.rotate(lines, generator.uniform(-1.5, 1.5), reshape=False, order=1)
    return np.asarray(image * (1 - strength * lines), np.float32)


def page(kind: str, digits: Digits, generator: np.random.Generator) -> tuple[Page, str]:
    """A page of a kind, and what is written on it."""
    size = int(generator.integers(40, 110))
    gap, texts, slope = (0.08, 0.5), [number(generator)], 0.0
    match kind:
        case "touching":
            gap = (-0.12, 0.02)
        case "rows":
            texts = [number(generator) for _ in range(int(generator.integers(2, 5)))]
        case "numbers":
            texts = [f"{number(generator, 2, 5)} {number(generator, 2, 5)}"]
        case "slanted":
            texts = [number(generator, 4, 8) for _ in range(int(generator.integers(1, 3)))]
            slope = generator.uniform(5, 12) * generator.choice([-1, 1])
        case "turned":
            texts = [number(generator, 4, 8)]
    lines = [written(digits, text, size, generator, gap) for text in texts]
    ink = sheet(lines, size, generator, slope)
    if kind == "broken":
        holes = ndimage.gaussian_filter(generator.normal(0, 1, ink.shape), size / 30)
        ink = ink * (holes < 1.6 * holes.std())
    if kind == "specks":
        for _ in range(30):
            y, x = generator.integers(0, ink.shape[0] - 3), generator.integers(0, ink.shape[1] - 3)
            ink[y : y + 2, x : x + 2] = 1
    image = on_paper(ink, generator, dark=0.18 if kind == "faint" else 0.75, noise=0.008 if kind == "faint" else 0.015)
    match kind:
        case "shadow":
            image = shaded(image, generator)
        case "ruled" | "squared":
            image = ruled(image, size, generator, squared=kind == "squared", strength=0.25)
        case "dark lines":
            image = ruled(image, size, generator, squared=False, strength=0.7)
        case "light on dark":
            image = 1 - image
        case "tiny":
            scale = 20 / size
            shape = (round(image.shape[1] * scale), round(image.shape[0] * scale))
            image = np.asarray(Image.fromarray(image).resize(shape, Image.Resampling.BOX))
        case "on a table":
            border = int(0.6 * size)
            image = np.pad(image, border, constant_values=0.25)
        case "turned":
            image = np.rot90(image, int(generator.integers(1, 4)))
    return np.ascontiguousarray(image), "\n".join(texts)


KINDS = (
    *("plain", "rows", "numbers", "touching", "broken", "specks", "slanted", "turned", "shadow", "faint", "ruled"),
    *("squared", "dark lines", "light on dark", "tiny", "on a table"),
)


def pages(count: int, kinds: Sequence[str] = KINDS) -> Iterator[tuple[str, int, Page, str]]:
    """So many pages of each kind: kind, seed, page, and what is written on it."""
    digits = validation_digits()
    for kind in kinds:
        for seed in range(count):
            yield kind, seed, *page(kind, digits, np.random.default_rng([KINDS.index(kind), seed]))


def read(reader: tenfold.Reader, count: int, kinds: Sequence[str] = KINDS, show: Path | None = None) -> list[Row]:
    """A row for each page; pages that are read wrong are written to the folder `show`."""
    rows: list[Row] = []
    for kind, seed, image, text in pages(count, kinds):
        began = time.perf_counter()
        answer = reader.read(image).text
        seconds = round(time.perf_counter() - began, 4)
        row = {"kind": kind, "seed": seed, "text": text, "read": answer, "right": answer == text, "seconds": seconds}
        rows.append(row)
        if show and answer != text:
            show.mkdir(parents=True, exist_ok=True)
            name = f"{kind}-{seed}-{text}-as-{answer}".replace("\n", "_").replace(" ", "+")
            as_image(image).save(show / f"{name}.png")
    return rows


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--pages", type=int, default=40, help="of each kind")
    parser.add_argument("--kinds", nargs="*", default=KINDS)
    parser.add_argument("--model")
    parser.add_argument("--show", type=Path, help="write the pages that were read wrong here")
    options = parser.parse_args()
    rows = read(tenfold.Reader(options.model, always_answer=True), options.pages, options.kinds, options.show)
    kinds = {}
    for kind in options.kinds:
        some = [row for row in rows if row["kind"] == kind]
        kinds[kind] = float(np.mean([row["right"] for row in some]))
        print(f"{kind:14} {kinds[kind]:6.1%}   {1000 * np.mean([row['seconds'] for row in some]):4.0f} ms a page")
    share = float(np.mean([row["right"] for row in rows]))
    print(f"all            {share:6.1%}")
    if tuple(options.kinds) == KINDS:
        save("pages", {"machine": machine_name(), "n": options.pages, "all": share, "kinds": kinds}, rows)


def tables() -> dict[str, str]:
    s, _, by = measured("pages")
    rows = [f"{kind} | {share:.0%}" for kind, share in s["kinds"].items()]
    rows.append(f"**all** | **{s['all']:.1%}**")
    head = f"pages | right, of {s['n']} each"
    return {"pages": f"{table(head, rows)}\n\n{by}"}


if __name__ == "__main__":
    main()
