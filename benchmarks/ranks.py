"""What do two ranks save?

    python benchmarks/ranks.py [--runs 3] [--digits 6000]

The second epoch of `cnn`, in turn: one process with one thread, two ranks with one thread each, one process with two
threads. And how far the weights of ranks, and of threads, come to be from those of one thread: what rounding does.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from safetensors.torch import load_file

import tenfold
from measuring import Row, arguments, machine_name, measured, median, process, save, table
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
    process([*launcher, *words], environment={"OMP_NUM_THREADS": str(threads)})


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


def times(place: Path, count: int, runs: int) -> list[Row]:
    """The seconds of the second epoch of `cnn` on so many digits, the ways in turn."""
    rows: list[Row] = []
    data = digits(place / "data", count)
    for number in range(runs):
        for batch in BATCHES:
            for way in WAYS:
                words = ["cnn", "--data", str(data), "--epochs", "2", "--batch-size", str(batch)]
                took = seconds(way, place / f"{batch}-{way}-{number}", *words)
                rows.append({"batch": batch, "way": way, "seconds": took})
                print(rows[-1], flush=True)
    return rows


def rounding(place: Path) -> Row:
    """How far the weights of each way are from those of one thread, by recipe and steps."""
    each = [(name, steps, place / f"{name}-{steps}") for name in ROUNDING for steps in STEPS]
    for name, steps, data in each:
        digits(data, steps * RECIPES[name].batch_size)
    for way in WAYS:
        run(way, __file__, "--rounding", str(place), way)
    return {
        f"{name}, {steps} steps": {way: apart(data / "one thread", data / way) for way in WAYS if way != "one thread"}
        for name, steps, data in each
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--digits", type=int, default=6000)
    parser.add_argument("--rounding", nargs=2, help=argparse.SUPPRESS)  # what the ranks of this script do
    options = parser.parse_args()
    if options.rounding:
        round_off(Path(options.rounding[0]), options.rounding[1])
        return
    summary: Row = {"machine": machine_name(), "digits": options.digits, "n": options.runs}
    with tempfile.TemporaryDirectory() as folder:
        rows = times(Path(folder), options.digits, options.runs)
        summary["apart from one thread"] = rounding(Path(folder))
    for batch in BATCHES:
        each = {w: [r["seconds"] for r in rows if (r["batch"], r["way"]) == (batch, w)] for w in WAYS}
        ratios = {way: median([b / a for a, b in zip(each["one thread"], each[way], strict=True)]) for way in WAYS}
        summary[f"batch {batch}"] = {"seconds": {way: median(each[way]) for way in WAYS}, "to one thread": ratios}
    save("ranks", summary, rows)
    print(summary)


def tables() -> dict[str, str]:
    s, _, by = measured("ranks")
    rows = []
    for batch in BATCHES:
        one = s[f"batch {batch}"]
        times = [f"{one['seconds'][way]:.1f} s, {one['to one thread'][way]:.2f}" for way in WAYS]
        rows.append(" | ".join((f"{batch}", *times)))
    differences = []
    for name in ROUNDING:
        each = [s["apart from one thread"][f"{name}, {steps} steps"] for steps in STEPS]
        numbers = [f"{one['two ranks']:.0e}, {one['two threads']:.0e}" for one in each]
        differences.append(" | ".join((f"`{name}`", *numbers)))
    head = "largest difference of a weight: two ranks, two threads | 1 step | 10 steps | 100 steps"
    parts = (table(" | ".join(("batch size", *WAYS)), rows), table(head, differences), by)
    return {"ranks": "\n\n".join(parts)}


if __name__ == "__main__":
    main()
