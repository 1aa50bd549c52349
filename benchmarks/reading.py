"""How fast is reading, and how much memory does it take?

    python benchmarks/reading.py [--pictures 10000] [--runs 7]

Whole processes of `tenfold read`: a picture, a photo of 12 million pixels, 10,000 PNG files of 28 x 28 into a CSV file.
And in one process: arrays in memory, as pages and as clean digits. Importing torch, which reading does without, is the
reference for the cold start.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import tenfold
from measuring import machine_name, median, process, save
from pages import on_paper, sheet, written
from tenfold.mnist import embedded


def peak(command: list[str]) -> tuple[float, float]:
    """Seconds that a process takes and the most memory that it, or a child of it, held, in megabytes."""
    program = f"import resource, subprocess, sys; r = subprocess.run({command!r}, capture_output=True).returncode; "
    program += "print(r, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    began = time.perf_counter()
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert out[0] == "0", command
    return time.perf_counter() - began, int(out[1]) / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    digits = embedded.read("train")
    rows: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "digits").mkdir()
        for k in range(options.pictures):
            Image.fromarray(digits.images[k]).save(folder / "digits" / f"{k}.png")
        generator = np.random.default_rng(0)
        ink = sheet([written(digits, "31415926", 300, generator, (0.1, 0.4))], 300, generator)
        photo = Image.fromarray((on_paper(ink, generator) * 255).astype(np.uint8)).resize((4000, 3000)).convert("RGB")
        photo.save(folder / "photo.jpg", quality=90)
        Image.fromarray(digits.images[0]).save(folder / "one.png")
        for _ in range(options.runs):
            for what, command in (
                ("import torch", ["-c", "import torch"]),
                ("tenfold read one.png", ["-m", "tenfold", "read", str(folder / "one.png")]),
                ("tenfold read photo.jpg (12 million pixels)", ["-m", "tenfold", "read", str(folder / "photo.jpg")]),
            ):
                rows.setdefault(what, []).append(process(command)[0])
        reader = tenfold.Reader()
        for _ in range(options.runs):
            began = time.perf_counter()
            reader.read(folder / "photo.jpg")
            rows.setdefault("Reader.read(photo.jpg)", []).append(time.perf_counter() - began)
        for what, command in (
            ("peak memory of tenfold read one.png, MB", ["read", str(folder / "one.png")]),
            ("peak memory of tenfold read photo.jpg, MB", ["read", str(folder / "photo.jpg")]),
        ):
            rows[what] = [peak([sys.executable, "-m", "tenfold", *command])[1]]
        bulk = [sys.executable, "-m", "tenfold", "read", str(folder / "digits"), "-o", str(folder / "out.csv")]
        for _ in range(3):
            seconds, memory = peak(bulk)
            rows.setdefault("PNG files a second, end to end", []).append(options.pictures / seconds)
            rows.setdefault("peak memory of a process over them, MB", []).append(memory)
        for _ in range(3):
            began = time.perf_counter()
            for k in range(1000):
                reader.read(digits.images[k])
            rows.setdefault("arrays a second, Reader.read", []).append(1000 / (time.perf_counter() - began))
            began = time.perf_counter()
            reader.classify(digits.images[:10_000])
            rows.setdefault("arrays a second, Reader.classify", []).append(10_000 / (time.perf_counter() - began))
    summary = {name: median(values) for name, values in rows.items()}
    summary["cold start to importing torch"] = summary["tenfold read one.png"] / summary["import torch"]
    for what, value in summary.items():
        print(f"{what:45} {value:10.3f}")
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    save("reading", {"machine": machine_name(), "n": options.runs, "pictures": options.pictures, **summary}, rows)
    print(f"(this process itself: {own:.0f} MB)")


if __name__ == "__main__":
    main()
