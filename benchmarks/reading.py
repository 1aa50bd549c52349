"""How fast is reading, and how much memory does it take?

    python benchmarks/reading.py [--pictures 10000] [--runs 7]

Whole processes of `tenfold read`: a picture, a photo of 12 million pixels, 10,000 PNG files of 28 x 28 into a CSV file.
And in one process: arrays in memory, as pages and as clean digits. Importing torch, which reading does without, is the
reference for the cold start.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import tenfold
from measuring import Row, arguments, machine_name, measured, median, process, save, seconds, table
from pages import photo
from tenfold.mnist import embedded

PEAK = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", "tenfold", *sys.argv[1:]], capture_output=True, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak(*words: str | Path) -> tuple[float, float]:
    """Seconds that tenfold takes with these words, and the most memory that a process of it held, in megabytes."""
    took, printed = process(["-c", PEAK, *map(str, words)])
    return took, int(printed) / (1e6 if sys.platform == "darwin" else 1e3)


def measure(folder: Path, pictures: int, runs: int) -> dict[str, list[float]]:
    """Everything that is measured, by its name: seconds, megabytes, or how many a second."""
    digits = embedded.read("train")
    (folder / "digits").mkdir()
    for k in range(pictures):
        Image.fromarray(digits.images[k]).save(folder / "digits" / f"{k}.png")
    one, large = folder / "one.png", folder / "photo.jpg"
    Image.fromarray(digits.images[0]).save(one)
    generator = np.random.default_rng(0)
    photo(digits, ["31415926"], 300, generator, (4000, 3000)).convert("RGB").save(large, quality=90)
    rows: dict[str, list[float]] = {}

    def note(what: str, value: float) -> None:
        rows.setdefault(what, []).append(value)

    for _ in range(runs):
        note("import torch", process(["-c", "import torch"])[0])
        note("tenfold read one.png", process(["-m", "tenfold", "read", str(one)])[0])
        note("tenfold read photo.jpg (12 million pixels)", process(["-m", "tenfold", "read", str(large)])[0])
    reader = tenfold.Reader()
    for _ in range(runs):
        note("Reader.read(photo.jpg)", seconds(lambda: reader.read(large)))
    for path in (one, large):
        note(f"peak memory of tenfold read {path.name}, MB", peak("read", path)[1])
    for _ in range(3):
        took, memory = peak("read", folder / "digits", "-o", folder / "out.csv")
        note("PNG files a second, end to end", pictures / took)
        note("peak memory of a process over them, MB", memory)
    for _ in range(3):
        took = seconds(lambda: [reader.read(image) for image in digits.images[:1000]])
        note("arrays a second, Reader.read", 1000 / took)
        took = seconds(lambda: reader.classify(digits.images[:10_000]))
        note("arrays a second, Reader.classify", 10_000 / took)
    return rows


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), options.pictures, options.runs)
    summary: Row = {name: median(values) for name, values in rows.items()}
    summary["cold start to importing torch"] = summary["tenfold read one.png"] / summary["import torch"]
    for what, value in summary.items():
        print(f"{what:45} {value:10.3f}")
    save("reading", {"machine": machine_name(), "n": options.runs, "pictures": options.pictures, **summary}, rows)


def tables() -> dict[str, str]:
    s, _, by = measured("reading")
    rows = [
        f"`tenfold read one.png`, the whole process | {s['tenfold read one.png']:.2f} s | "
        f"importing torch alone: {s['import torch']:.2f} s",
        "`tenfold read photo.jpg`, 12 million pixels, the whole process | "
        f"{s['tenfold read photo.jpg (12 million pixels)']:.2f} s | ",
        f"the same photo in `Reader.read` | {s['Reader.read(photo.jpg)']:.2f} s | ",
    ]
    for what, name, unit in (
        ("PNG files of 28 x 28, end to end into a CSV file", "PNG files a second, end to end", "a second"),
        ("arrays of 28 x 28 in `Reader.read`", "arrays a second, Reader.read", "a second"),
        ("clean arrays of 28 x 28 in `Reader.classify`", "arrays a second, Reader.classify", "a second"),
        ("peak memory, one picture", "peak memory of tenfold read one.png, MB", "MB"),
        ("peak memory, the photo", "peak memory of tenfold read photo.jpg, MB", "MB"),
        (f"peak memory of a process over {s['pictures']:,} pictures", "peak memory of a process over them, MB", "MB"),
    ):
        rows.append(f"{what} | {s[name]:,.0f} {unit} | ")
    return {"reading": f"{table('what | median | next to', rows)}\n\n{by}"}


if __name__ == "__main__":
    main()
