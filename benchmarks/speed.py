"""How long does it take to learn MNIST to 99 %, next to the two references, in one run on one machine?

    python benchmarks/speed.py [--seeds 10] [--cold 5] [--epochs-of-cnn 3]
    python benchmarks/speed.py mlp

Writes results/speed.json; of another recipe than `fast` results/speed-RECIPE.json, without the usual example.

All train on the 60,000 training digits and are scored on the test set at the end. Ours are timed as a user calls them:
the whole of `tenfold.train(..., final=True)`, with its checksum of the data, checkpoints and files; the references from
building the network to the last step. "Warm" runs share one process, with everything in memory. "Cold" is a whole new
process, from starting Python to the test accuracy. An "epoch" of cnn and of the usual example has a process of its own
too, since what ran before in a process changes how fast memory is had, but only the training in it is timed. Runs
alternate, so that a change in the machine's speed meets all alike, and times are compared as ratios pair by pair.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import tenfold
from measuring import deviation, machine_name, mean, median, process, save
from references import one_cycle, resident
from tenfold.learn.recipes.presets import RECIPES

OURS = """
import json, sys, time, tenfold
began = time.perf_counter()
run = tenfold.train(sys.argv[1], final=True, out=sys.argv[2], quiet=True, **json.loads(sys.argv[3]))
print(time.perf_counter() - began, tenfold.evaluate(run, draw=False).accuracy)
"""
REFERENCES = str(Path(__file__).parent / "references.py")


def warm_run(recipe: str, seed: int) -> tuple[float, float]:
    """Seconds for the whole of `tenfold.train` in this process, and test accuracy."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run = tenfold.train(recipe, final=True, seed=seed, out=Path(folder) / "run", quiet=True)
        seconds = time.perf_counter() - began
        return seconds, tenfold.evaluate(run, draw=False).accuracy


def own_process(recipe: str, **changes: int) -> tuple[float, float, float]:
    """A training in a new process: seconds of the process, seconds of `tenfold.train`, and test accuracy."""
    with tempfile.TemporaryDirectory() as folder:
        whole, printed = process(["-c", OURS, recipe, f"{folder}/run", json.dumps(changes)])
    seconds, accuracy = map(float, printed.split())
    return whole, seconds, accuracy


def reference_process(which: str, seed: int) -> tuple[float, float, float]:
    """A reference in a new process: seconds of the process, seconds of its training, and test accuracy."""
    whole, printed = process([REFERENCES, which, str(seed)])
    seconds, accuracy = map(float, printed.split())
    return whole, seconds, accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", default="fast")
    parser.add_argument("--seeds", type=int, default=10, help="warm runs of the recipe and of train_mnist_fast")
    parser.add_argument("--cold", type=int, default=5, help="whole processes of each")
    parser.add_argument("--epochs-of-cnn", type=int, default=3, help="epochs of cnn and of the usual example")
    asked = parser.parse_args()
    recipe: str = asked.recipe
    epochs_of_cnn: int = asked.epochs_of_cnn if recipe == "fast" else 0
    rows: list[dict[str, object]] = []

    def note(what: str, who: str, seed: int, seconds: float, accuracy: float) -> tuple[float, float]:
        rows.append({"what": what, "who": who, "seed": seed, "seconds": round(seconds, 4), "accuracy": accuracy})
        print(f"{what:5} {who:17} seed {seed:2}  {seconds:7.2f} s  {accuracy:.2%}", flush=True)
        return seconds, accuracy

    train, test = resident(True), resident(False)
    warm_run(recipe, 999)  # the first run of each in a process pays for what libraries set up once
    one_cycle(999, train, test)
    warm: list[tuple[tuple[float, float], tuple[float, float]]] = []
    for seed in range(asked.seeds):
        ours = note("warm", recipe, seed, *warm_run(recipe, seed))
        theirs = one_cycle(seed, train, test)
        warm.append((ours, note("warm", "train_mnist_fast", seed, theirs.seconds, theirs.accuracy)))

    cold: list[tuple[float, float]] = []
    for seed in range(asked.cold):
        whole, _, accuracy = own_process(recipe, seed=seed)
        ours = note("cold", recipe, seed, whole, accuracy)
        whole, _, accuracy = reference_process("one_cycle", seed)
        cold.append((ours[0], note("cold", "train_mnist_fast", seed, whole, accuracy)[0]))

    epoch: list[tuple[tuple[float, float], tuple[float, float]]] = []
    for seed in range(epochs_of_cnn):
        ours = note("epoch", "cnn", seed, *own_process("cnn", seed=seed, epochs=1)[1:])
        epoch.append((ours, note("epoch", "the usual example", seed, *reference_process("usual", seed)[1:])))

    fast = [ours[1] for ours, _ in warm]
    theirs_accuracy = [theirs_[1] for _, theirs_ in warm]
    summary: dict[str, Any] = {
        "machine": machine_name(),
        "fields": RECIPES[recipe].as_dict(),
        recipe: {
            "n": len(warm),
            "accuracy": mean(fast),
            "deviation": deviation(fast),
            "warm_seconds": median([ours[0] for ours, _ in warm]),
            "cold_seconds": median([ours_ for ours_, _ in cold]),
        },
        "train_mnist_fast": {
            "n": len(warm),
            "accuracy": mean(theirs_accuracy),
            "deviation": deviation(theirs_accuracy),
            "warm_seconds": median([theirs_[0] for _, theirs_ in warm]),
            "cold_seconds": median([theirs_ for _, theirs_ in cold]),
        },
        "warm_ratio": median([ours[0] / theirs_[0] for ours, theirs_ in warm]),
        "cold_ratio": median([ours_ / theirs_ for ours_, theirs_ in cold]),
    }
    if epoch:
        summary["cnn_epoch"] = {
            "n": len(epoch),
            "seconds": median([ours[0] for ours, _ in epoch]),
            "usual_seconds": median([theirs_[0] for _, theirs_ in epoch]),
            "ratio": median([ours[0] / theirs_[0] for ours, theirs_ in epoch]),
            "accuracy": mean([ours[1] for ours, _ in epoch]),
            "usual_accuracy": mean([theirs_[1] for _, theirs_ in epoch]),
        }
        print(f"an epoch of cnn / of the usual example: {summary['cnn_epoch']['ratio']:.3f}")
    save("speed" if recipe == "fast" else f"speed-{recipe}", summary, rows)
    print(f"{recipe} {mean(fast):.3%} ± {deviation(fast):.3%}, n = {len(fast)}")
    print(f"{recipe} / train_mnist_fast: warm {summary['warm_ratio']:.3f}, cold {summary['cold_ratio']:.3f}")


if __name__ == "__main__":
    main()
