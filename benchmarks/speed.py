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

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import tenfold
from measuring import Row, arguments, deviation, machine_name, mean, measured, median, process, save, table
from references import one_cycle, resident
from tenfold.learn.recipes.presets import RECIPES

OURS = """
import json, sys, time, tenfold
began = time.perf_counter()
run = tenfold.train(sys.argv[1], final=True, out=sys.argv[2], quiet=True, **json.loads(sys.argv[3]))
print(time.perf_counter() - began, tenfold.evaluate(run, draw=False).accuracy)
"""
REFERENCES = str(Path(__file__).parent / "references.py")
REFERENCE, USUAL = "train_mnist_fast", "the usual example"


def warm_run(recipe: str, seed: int) -> tuple[float, float]:
    """Seconds for the whole of `tenfold.train` in this process, and test accuracy."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run = tenfold.train(recipe, final=True, seed=seed, out=Path(folder) / "run", quiet=True)
        seconds = time.perf_counter() - began
        return seconds, tenfold.evaluate(run, draw=False).accuracy


def new_process(command: Sequence[str]) -> tuple[float, float, float]:
    """A training in a new process: seconds of the process, seconds of the training, and test accuracy."""
    whole, printed = process(command)
    seconds, accuracy = map(float, printed.split())
    return whole, seconds, accuracy


def our_process(recipe: str, **changes: int) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory() as folder:
        return new_process(["-c", OURS, recipe, f"{folder}/run", json.dumps(changes)])


def measure(recipe: str, seeds: int, cold: int, epochs_of_cnn: int) -> list[Row]:
    """A row for each run: what is timed, of whom, seconds and test accuracy."""
    rows: list[Row] = []

    def note(what: str, who: str, seed: int, seconds: float, accuracy: float) -> None:
        rows.append({"what": what, "who": who, "seed": seed, "seconds": round(seconds, 4), "accuracy": accuracy})
        print(f"{what:5} {who:17} seed {seed:2}  {seconds:7.2f} s  {accuracy:.2%}", flush=True)

    train, test = resident(True), resident(False)
    warm_run(recipe, 999)  # the first run of each in a process pays for what libraries set up once
    one_cycle(999, train, test)
    for seed in range(seeds):
        note("warm", recipe, seed, *warm_run(recipe, seed))
        note("warm", REFERENCE, seed, *one_cycle(seed, train, test))
    for seed in range(cold):
        whole, _, accuracy = our_process(recipe, seed=seed)
        note("cold", recipe, seed, whole, accuracy)
        whole, _, accuracy = new_process([REFERENCES, "one_cycle", str(seed)])
        note("cold", REFERENCE, seed, whole, accuracy)
    for seed in range(epochs_of_cnn):
        note("epoch", "cnn", seed, *our_process("cnn", seed=seed, epochs=1)[1:])
        note("epoch", USUAL, seed, *new_process([REFERENCES, "usual", str(seed)])[1:])
    return rows


def column(rows: list[Row], what: str, who: str, name: str = "seconds") -> list[float]:
    return [row[name] for row in rows if (row["what"], row["who"]) == (what, who)]


def ratio(rows: list[Row], what: str, who: str, other: str) -> float:
    """The median over pairs of runs of the one's seconds to the other's."""
    pairs = zip(column(rows, what, who), column(rows, what, other), strict=True)
    return median([one / another for one, another in pairs])


def summarise(rows: list[Row], recipe: str) -> Row:
    summary: Row = {"machine": machine_name(), "fields": RECIPES[recipe].as_dict()}
    for who in (recipe, REFERENCE):
        accuracy = column(rows, "warm", who, "accuracy")
        summary[who] = {"n": len(accuracy), "accuracy": mean(accuracy), "deviation": deviation(accuracy)}
        summary[who] |= {f"{what}_seconds": median(column(rows, what, who)) for what in ("warm", "cold")}
    summary |= {f"{what}_ratio": ratio(rows, what, recipe, REFERENCE) for what in ("warm", "cold")}
    if epochs := column(rows, "epoch", "cnn"):
        summary["cnn_epoch"] = {
            "n": len(epochs),
            "seconds": median(epochs),
            "usual_seconds": median(column(rows, "epoch", USUAL)),
            "ratio": ratio(rows, "epoch", "cnn", USUAL),
            "accuracy": mean(column(rows, "epoch", "cnn", "accuracy")),
            "usual_accuracy": mean(column(rows, "epoch", USUAL, "accuracy")),
        }
    return summary


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("recipe", nargs="?", default="fast")
    parser.add_argument("--seeds", type=int, default=10, help=f"warm runs of the recipe and of {REFERENCE}")
    parser.add_argument("--cold", type=int, default=5, help="whole processes of each")
    parser.add_argument("--epochs-of-cnn", type=int, default=3, help="epochs of cnn and of the usual example")
    options = parser.parse_args()
    recipe: str = options.recipe
    rows = measure(recipe, options.seeds, options.cold, options.epochs_of_cnn if recipe == "fast" else 0)
    summary = summarise(rows, recipe)
    save("speed" if recipe == "fast" else f"speed-{recipe}", summary, rows)
    print(f"{recipe} {summary[recipe]['accuracy']:.3%} ± {summary[recipe]['deviation']:.3%}, n = {options.seeds}")
    print(f"{recipe} / {REFERENCE}: warm {summary['warm_ratio']:.3f}, cold {summary['cold_ratio']:.3f}")
    if "cnn_epoch" in summary:
        print(f"an epoch of cnn / of the usual example: {summary['cnn_epoch']['ratio']:.3f}")


def markdown(file: str, recipe: str) -> str:
    s, runs, by = measured(file, "speed")
    rows = []
    for who, shown in ((recipe, f"`tenfold train {recipe} --final`"), (REFERENCE, REFERENCE)):
        each = [column(runs, what, who) for what in ("warm", "cold")]
        times = [f"{median(one):.2f} s ({min(one):.2f} to {max(one):.2f}, n = {len(one)})" for one in each]
        accuracy = f"{s[who]['accuracy']:.3%} ± {s[who]['deviation']:.3%} (n = {s[who]['n']})"
        rows.append(" | ".join((shown, accuracy, *times)))
    rows.append(f"ratio, median of pairs |  | **{s['warm_ratio']:.2f}** | **{s['cold_ratio']:.2f}**")
    parts = [table(" | test accuracy | warm | cold: a new process, to the test accuracy", rows)]
    if e := s.get("cnn_epoch"):
        parts.append(
            f"An epoch of `cnn` takes {e['seconds']:.1f} s, of the usual example with the same network and batch size "
            f"{e['usual_seconds']:.1f} s: ratio **{e['ratio']:.2f}** (median of {e['n']} pairs)."
        )
    return "\n\n".join([*parts, by])


def tables() -> dict[str, str]:
    return {"speed": markdown("speed", "fast"), "speed-99.5": markdown("speed-fast-99.5", "fast-99.5")}


if __name__ == "__main__":
    main()
