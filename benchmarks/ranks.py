"""What do two processes save, and do they learn the same?

    python benchmarks/ranks.py [--runs 3] [--digits 6000] [--only times | means]

The second epoch of `cnn`, in turn: one process with one thread, two processes with one thread each, one process with
two threads. And whether what they learn is as good: validation accuracies of several recipes over seeds, by one process
and by two.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

import tenfold
from measuring import (
    Row,
    arguments,
    deviation,
    earlier_rows,
    machine_name,
    mean,
    measured,
    median,
    process,
    save,
    table,
)
from tenfold.learn.training.runs import Run
from tenfold.mnist import embedded, idx

WAYS = {"one thread": (1, 1), "two processes": (2, 1), "two threads": (1, 2)}  # processes, threads of each
BATCHES = (64, 512)
MEANS = {"mlp": 4, "cnn-sgd": 2, "fast": 4, "cnn": 1}  # recipes on 12,000 digits, and their epochs
SEEDS = 5


def digits(folder: Path, count: int) -> Path:
    """The first digits of MNIST, as IDX files."""
    folder.mkdir(parents=True)
    all_ = embedded.read("train")
    idx.write(folder / "train-images-idx3-ubyte", all_.images[:count])
    idx.write(folder / "train-labels-idx1-ubyte", all_.labels[:count].astype(np.uint8))
    return folder


def run(way: str, *words: str) -> None:
    """Python with these words, as one process or as several."""
    count, threads = WAYS[way]
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"] if count > 1 else []
    process([*launcher, *words], environment={"OMP_NUM_THREADS": str(threads)})


def seconds(way: str, out: Path, *words: str) -> float:
    """What the last epoch of a training takes."""
    options = ["--final", "--quiet", "--device", "cpu", "--out", str(out)]
    run(way, "-m", "tenfold", "train", *words, *options)
    return Run.open(out).metrics[-1]["seconds"] or 0.0


def train_all(place: Path, way: str) -> None:
    """Trainings of several recipes over seeds, on the digits that are there."""
    for name, epochs in MEANS.items():
        for seed in range(SEEDS):
            changes: Row = {"data": place / "more", "epochs": epochs, "seed": seed, "device": "cpu"}
            tenfold.train(name, quiet=True, out=place / way / f"{name}-{seed}", **changes)


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


def means(place: Path) -> list[Row]:
    """The validation accuracies of each recipe and seed, by one process and by two."""
    digits(place / "more", 12_000)
    ways = ("one thread", "two processes")
    for way in ways:
        run(way, __file__, "--means", str(place), way)
    return [
        {"recipe": name, "way": way, "seed": seed, "val_accuracy": Run.open(folder).metrics[-1]["val_accuracy"]}
        for way in ways
        for name in MEANS
        for seed in range(SEEDS)
        for folder in (place / way / f"{name}-{seed}",)
    ]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--digits", type=int, default=6000)
    parser.add_argument("--only", choices=["times", "means"], help="keep what was measured earlier of the other")
    parser.add_argument("--means", nargs=2, help=argparse.SUPPRESS)  # what the processes of this script do
    options = parser.parse_args()
    if options.means:
        train_all(Path(options.means[0]), options.means[1])
        return
    summary: Row = {"machine": machine_name(), "digits": options.digits, "n": options.runs}
    with tempfile.TemporaryDirectory() as folder:
        earlier = earlier_rows("ranks") if options.only else []
        rows = [row for row in earlier if "batch" in row]
        accuracies = [row for row in earlier if "recipe" in row]
        if options.only != "means":
            rows = times(Path(folder), options.digits, options.runs)
        if options.only != "times":
            accuracies = means(Path(folder))
    summary["accuracy"] = {}
    for name in MEANS:
        both = {w: [r["val_accuracy"] for r in accuracies if (r["recipe"], r["way"]) == (name, w)] for w in WAYS}
        summary["accuracy"][name] = {w: [mean(both[w]), deviation(both[w])] for w in WAYS if both[w]}
    for batch in BATCHES:
        each = {w: [r["seconds"] for r in rows if (r["batch"], r["way"]) == (batch, w)] for w in WAYS}
        ratios = {way: median([b / a for a, b in zip(each["one thread"], each[way], strict=True)]) for way in WAYS}
        summary[f"batch {batch}"] = {"seconds": {way: median(each[way]) for way in WAYS}, "to one thread": ratios}
    save("ranks", summary, rows + accuracies)
    print(summary)


def tables() -> dict[str, str]:
    s, _, by = measured("ranks")
    rows = []
    for batch in BATCHES:
        one = s[f"batch {batch}"]
        times = [f"{one['seconds'][way]:.1f} s, {one['to one thread'][way]:.2f}" for way in WAYS]
        rows.append(" | ".join((f"{batch}", *times)))
    shown = [
        f"`{name}` | " + " | ".join(f"{each[way][0]:.2%} ± {each[way][1]:.2%}" for way in each)
        for name, each in s["accuracy"].items()
    ]
    head = f"validation accuracy, n = {SEEDS} | one process | two processes"
    parts = (table(" | ".join(("batch size", *WAYS)), rows), table(head, shown), by)
    return {"ranks": "\n\n".join(parts)}


if __name__ == "__main__":
    main()
