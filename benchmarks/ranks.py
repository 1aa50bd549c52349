"""What do two ranks save?

    python benchmarks/ranks.py [--runs 3] [--digits 6000]

The second epoch of `cnn`, in turn: one process with one thread, two ranks with one thread each, one process with two
threads. And how far the weights of ranks, and of threads, come to be from those of one thread: what rounding does.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file

import tenfold
from measuring import machine_name, median, save
from tenfold.learn.recipes.presets import RECIPES
from tenfold.learn.training.runs import Run
from tenfold.mnist import embedded, idx

WAYS = {"one thread": (1, 1), "two ranks": (2, 1), "two threads": (1, 2)}  # ranks, threads of each
BATCHES = (64, 512)
ROUNDING = ("mlp", "cnn-sgd", "cnn", "mish", "fast")
STEPS = (1, 10, 100)


def digits(folder: Path, count: int) -> Path:
    """The first digits of MNIST, as IDX files."""
    folder.mkdir(parents=True)
    all_ = embedded.read("train")
    idx.write(folder / "train-images-idx3-ubyte", all_.images[:count])
    idx.write(folder / "train-labels-idx1-ubyte", all_.labels[:count].astype(np.uint8))
    return folder


def run(way: str, *words: str) -> None:
    """Python with these words, as one process or as ranks."""
    ranks, threads = WAYS[way]
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"] if ranks > 1 else []
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    subprocess.run([sys.executable, *launcher, *words], check=True, env=environment, stderr=subprocess.DEVNULL)


def seconds(way: str, out: Path, *words: str) -> float:
    """What the last epoch of a training takes."""
    options = ["--final", "--quiet", "--device", "cpu", "--out", str(out)]
    run(way, "-m", "tenfold", "train", *words, *options)
    return Run.open(out).metrics[-1]["seconds"] or 0.0


def round_off(place: Path, way: str) -> None:
    """Short trainings of every recipe, on the digits that are there for it."""
    for name in ROUNDING:
        for steps in STEPS:
            data = place / f"{name}-{steps}"
            tenfold.train(name, data=data, final=True, epochs=1, device="cpu", quiet=True, out=data / way)


def apart(first: Path, second: Path) -> float:
    """The largest difference between two runs' weights, but for running statistics, which are no weights."""
    a, b = (load_file(path / "model.safetensors") for path in (first, second))
    return max((a[name] - b[name]).abs().max().item() for name in a if "running" not in name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--digits", type=int, default=6000)
    parser.add_argument("--rounding", nargs=2, help=argparse.SUPPRESS)  # what the ranks of this script do
    asked = parser.parse_args()
    if asked.rounding:
        round_off(Path(asked.rounding[0]), asked.rounding[1])
        return
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {"machine": machine_name(), "digits": asked.digits, "n": asked.runs}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        data = digits(place / "data", asked.digits)
        for number in range(asked.runs):
            for batch in BATCHES:
                for way in WAYS:
                    words = ["cnn", "--data", str(data), "--epochs", "2", "--batch-size", str(batch)]
                    took = seconds(way, place / f"{batch}-{way}-{number}", *words)
                    rows.append({"batch": batch, "way": way, "seconds": took})
                    print(rows[-1], flush=True)
        for name in ROUNDING:
            for steps in STEPS:
                digits(place / f"{name}-{steps}", steps * RECIPES[name].batch_size)
        for way in WAYS:
            run(way, __file__, "--rounding", str(place), way)
        summary["apart from one thread"] = {
            f"{name}, {steps} steps": {
                way: apart(*(place / f"{name}-{steps}" / one for one in ("one thread", way)))
                for way in ("two ranks", "two threads")
            }
            for name in ROUNDING
            for steps in STEPS
        }
    for batch in BATCHES:
        times = {w: [r["seconds"] for r in rows if (r["batch"], r["way"]) == (batch, w)] for w in WAYS}
        one = times["one thread"]
        summary[f"batch {batch}"] = {
            "seconds": {way: median(times[way]) for way in WAYS},
            "to one thread": {way: median([b / a for a, b in zip(one, times[way], strict=True)]) for way in WAYS},
        }
    save("ranks", summary, rows)
    print(summary)


if __name__ == "__main__":
    main()
