"""What do the engines cost and give: trials, studies and pictures, on 1 and 2 workers, locally and on Ray?

    python benchmarks/scale.py [trainings] [driver] [pictures] [limits] [--rounds 2]

Every figure is of a whole command in a process of its own, as a user would type it, next to the plain path: trainings
one after the other in a loop without any engine, and the local reading. The ways take turns, and ratios are between
ways of one round. Writes results/scale.json; parts that are not named keep their rows.

    trainings   `tenfold tune` and `tenfold study` of the recipe fast against a loop over the same number of trainings
    driver      what the driver of a tuning does for each trial, up to a thousand trials that take no time themselves
    pictures    `tenfold read` of MNIST's training digits as PNG files, and of photos, into a file and into parts; of
                two numbers of them, so that what a command takes to begin is told from what a picture takes
    limits      what the driver alone has to do for very many: list and plan pictures, and have Ray pass parts around
"""

import argparse
import itertools
import json
import math
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from measuring import Row, arguments, earlier_rows, measured, median, process, save, table
from pages import photo
from tenfold.engines.jobs import Event, Job
from tenfold.mnist import embedded

TRAININGS = 8  # of a command
COUNTS = {"28 x 28 PNG": (3_000, 18_000), "2-megapixel JPEG": (20, 120)}  # pictures: few and many
LISTED = (20_000, 200_000)  # pictures to plan
PASSED = (500, 3_000)  # parts to pass around
DRIVER = 1_000  # trials
WORKERS = (1, 2)
PLAIN = """
import sys, tempfile, torch
from pathlib import Path
from tenfold.learn.training.start import train
torch.set_num_threads(1)
for seed in range(int(sys.argv[1]), int(sys.argv[2])):
    with tempfile.TemporaryDirectory() as folder:
        train("fast", seed=seed, out=Path(folder) / "run", quiet=True)
"""


def seconds(*commands: Sequence[str], folder: Path) -> tuple[float, float]:
    """How long commands take that run at once, from start to the end of the last, and the most memory of one in MB."""
    began = time.perf_counter()
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    with tempfile.TemporaryFile() as errors:
        running = [
            subprocess.Popen(
                [sys.executable, *c], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=errors
            )
            for c in commands
        ]
        peak = 0.0
        while any(process.poll() is None for process in running):
            peak = max(peak, *(memory(process.pid) for process in running))
            time.sleep(0.02)
        took = time.perf_counter() - began
        if any(process.returncode for process in running):
            errors.seek(0)
            raise SystemExit(errors.read().decode())
    return took, peak


def memory(process: int | str = "self") -> float:
    """The most memory in MB that a process has had until now; 0 for one that has ended.

    Not resource's ru_maxrss, which begins with that of the process it was begun by.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)


def tenfold(*words: object) -> list[str]:
    return ["-m", "tenfold", *map(str, words)]


def trainings(rounds: int) -> list[Row]:
    """Rows of trainings: the plain loop, tune and study, on each engine with 1 and 2 workers."""
    rows: list[Row] = []
    # The tuning tries a field that changes neither time nor, much, the result.
    options = {"study": ["--seeds", TRAININGS], "tune": ["lr=0.015..0.025", "--trials", TRAININGS, "--seeds", 0]}
    for number, workers in itertools.product(range(rounds), WORKERS):
        share = TRAININGS // workers
        plain = [["-c", PLAIN, str(k * share), str((k + 1) * share)] for k in range(workers)]
        commands = {("plain", ""): plain}
        for verb, on in itertools.product(options, ("local", "ray")):
            more = ["--on", on, "--jobs", workers, "--out", f"{verb}-{on}"]
            commands[verb, on] = [tenfold(verb, "fast", *options[verb], *more)]
        with tempfile.TemporaryDirectory() as folder:
            for (what, on), together in commands.items():
                took, peak = seconds(*together, folder=Path(folder))
                row = {"what": what, "on": on, "workers": workers, "round": number, "n": TRAININGS}
                row |= {"seconds": round(took, 2)} | ({"driver_mb": round(peak)} if on else {})
                rows.append(row)
                print(row, flush=True)
    return rows


class Instant:
    """An engine whose trials take no time, and tell three epochs: what is left is the driver's own work."""

    name, slots = "nothing", 1

    def __init__(self) -> None:
        self._heard: list[Event] = []
        self._scores = np.random.default_rng(0)

    def start(self, key: int, job: Job) -> None:  # noqa: ARG002, D102
        from tenfold.learn.search.jobs import Outcome

        score = float(self._scores.uniform(0.9, 0.99))
        for epoch in (1, 2, 3):
            told = {"epoch": epoch, "epochs": 3, "val_accuracy": score, "val_loss": 1 - score}
            self._heard.append(Event(key, "reported", told))
        row = {"val_accuracy": score, "val_loss": 1 - score, "seconds": 0.0, "epoch": 3}
        self._heard.append(Event(key, "done", Outcome(row)))

    def wait(self, seconds: float) -> list[Event]:  # noqa: ARG002, D102
        heard, self._heard = self._heard, []
        return heard

    def answer(self, key: int, go_on: bool) -> None:  # noqa: ARG002, D102
        return


def driver() -> list[Row]:
    """Rows of the seconds that the driver of a tuning takes for each hundred trials."""
    import optuna

    from tenfold.learn.recipes.presets import RECIPES
    from tenfold.learn.search import space, tuning
    from tenfold.learn.search.jobs import Tally
    from tenfold.learn.stopping import Stop

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    recipe = RECIPES["mlp"]
    wide = space.default(recipe)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        settings = {"recipe": recipe.as_dict(), "search": space.as_words(wide), "objective": "accuracy", "prune": True}
        settings |= {"seed": 0, "threads": 1}
        study = tuning._open(folder, settings)
        with tuning._presence(folder) as me, Stop() as stop, Tally("", DRIVER, quiet=True) as tally:
            for so_far in range(100, DRIVER + 1, 100):
                work = tuning._Search(study, folder, recipe, wide, settings, so_far)
                began = time.perf_counter()
                work.run(Instant(), tally, stop, me, None)
                took = time.perf_counter() - began
                rows.append({"trials": so_far, "ms_a_trial": round(took * 10, 2)})
                rows[-1]["mb"] = round(memory())
                print(rows[-1])
        rows[-1]["database_bytes_a_trial"] = round((folder / "study.db").stat().st_size / DRIVER)
    return rows


def make_pictures(folder: Path) -> list[tuple[str, Path, int]]:
    """Training digits of MNIST as PNG files of 28 x 28, and photos of 2 megapixels with a page of numbers."""
    digits, generator = embedded.read("train"), np.random.default_rng(0)
    made = [(what, folder / f"{what[:2]}-{count}", count) for what, counts in COUNTS.items() for count in counts]
    for what, place, count in made:
        place.mkdir()
        for number in range(count):
            if what.startswith("28"):
                Image.fromarray(digits.images[number]).save(place / f"{number:05}.png")
                continue
            numbers = ["".join(map(str, generator.integers(0, 10, 5))) for _ in range(4)]
            photo(digits, numbers, 90, generator, (1600, 1250)).save(place / f"{number:02}.jpg", quality=88)
    return made


def pictures(rounds: int) -> list[Row]:
    """Rows of readings: each engine with 1 and 2 workers into a CSV file, and on Ray into parts of Parquet."""
    rows: list[Row] = []
    ways = {"local": ("local.csv",), "ray, a file": ("ray.csv", "--on", "ray"), "ray, parts": ("parts/", "--on", "ray")}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        made = make_pictures(folder)
        for number, (what, place, count), workers in itertools.product(range(rounds), made, WORKERS):
            files = set()
            for way, (output, *more) in ways.items():
                if count < 1_000 and way == "ray, parts":
                    continue  # all would be in one part, and one worker at it
                out = f"{folder}/{number}-{place.name}-{workers}-{output}"
                command = tenfold("read", place, "-o", out, "--workers", workers, *more)
                took, peak = seconds(command, folder=folder)
                row: Row = {"what": what, "way": way, "workers": workers, "round": number, "n": count}
                row |= {"seconds": round(took, 2), "driver_mb": round(peak)}
                if way == "ray, parts":
                    size = sum(file.stat().st_size for file in Path(out).rglob("*.parquet"))
                    row["bytes_a_row"] = round(size / count, 1)
                else:
                    files.add(Path(out).read_bytes())
                rows.append(row)
                print(row, flush=True)
            if len(files) > 1:
                raise SystemExit("the files of the ways differ")
    return rows


class Passing:
    """What Ray keeps on a core when the work is none."""

    def __call__(self, batch: Any) -> Any:  # noqa: D102
        import pyarrow

        made = [pickle.dumps(len(item)) for item in batch["item"].to_pylist()]
        return pyarrow.table({"made": pyarrow.array(made, pyarrow.large_binary())})


def limits() -> list[Row]:
    """Rows of what the driver does: of planning pictures, and of passing parts around; in a process for each."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        for what, number in [*(("plan", number) for number in LISTED), *(("pass", number) for number in PASSED)]:
            place = Path(scratch) / f"{number}"
            for k in range(number if what == "plan" else 0):
                inner = place / f"{k // 1000:04}"
                inner.mkdir(parents=True, exist_ok=True)
                (inner / f"scan-of-a-form-{k:09}.png").touch()  # planning does not open them
            printed = process([__file__, "--limit", what, str(number), str(place)])[1]
            rows.append(json.loads(printed.splitlines()[-1]))
            print(rows[-1], flush=True)
    return rows


def limit(what: str, number: int, place: Path) -> Row:
    """A row of what so many pictures or parts take; the memory is the whole process's at its largest, in MB."""
    if what == "plan":
        from tenfold.read.many import parts, targets

        began = time.perf_counter()
        plan, _ = parts.settle(f"{place}-parts", targets.stream([str(place)]), {})
        took = time.perf_counter() - began
        assert sum(plan.sizes) == number
        size = sum(file.stat().st_size for file in Path(f"{place}-parts").rglob("*") if file.is_file())
    else:
        from tenfold.engines.connection import connected
        from tenfold.read.many import cluster

        size = 0
        with connected(cores=2) as ray:
            items = [pickle.dumps(k) for k in range(number)]
            began = time.perf_counter()
            assert sum(1 for _ in cluster._through(ray, Passing, (), items, 2, in_order=False)) == number
            took = time.perf_counter() - began
    return {"what": what, "n": number, "seconds": round(took, 3), "mb": round(memory(), 1), "bytes": size}


def medians(entries: dict[str, list[dict[str, float]]]) -> Row:
    """For each name, the medians of its rows' figures."""
    return {
        name: {key: round(median([row[key] for row in rows]), 3) for key in rows[0]} for name, rows in entries.items()
    }


def of_trainings(rows: list[Row]) -> Row:
    """Trainings a minute, and their ratio to the plain loop of the same round and number of workers."""
    plain = {(row["workers"], row["round"]): row["seconds"] for row in rows if row["what"] == "plain"}
    ways: dict[str, list[dict[str, float]]] = {}
    for row in rows:
        figures = {"per_minute": row["n"] / row["seconds"] * 60}
        figures["ratio"] = plain[row["workers"], row["round"]] / row["seconds"]
        ways.setdefault(f"{row['what']}, {row['on']}, {row['workers']}", []).append(figures)
    return medians(ways)


def of_pictures(rows: list[Row]) -> Row:
    """Pictures a second, what is before the first, and the ratio to local reading of the same round and workers."""
    took = {(row["what"], row["way"], row["workers"], row["round"], row["n"]): row["seconds"] for row in rows}
    ways: dict[str, list[dict[str, float]]] = {}
    for row in rows:
        few, many = COUNTS[row["what"]]
        if row["n"] == few:
            continue
        less = took[row["what"], row["way"], row["workers"], row["round"], few]
        each = (row["seconds"] - less) / (many - few)
        figures: dict[str, float] = {
            "per_second": many / row["seconds"],
            "ratio": took[row["what"], "local", row["workers"], row["round"], many] / row["seconds"],
            "steady_per_second": 1 / each,
            "seconds_to_begin": less - few * each,
            **{name: row[name] for name in ("driver_mb", "bytes_a_row") if name in row},
        }
        ways.setdefault(f"{row['what']}, {row['way']}, {row['workers']}", []).append(figures)
    return medians(ways)


def summary(rows: dict[str, list[Row]]) -> Row:
    """Medians over the rounds; of the driver and of the limits, what a trial, a picture or a part adds."""
    figures: Row = {
        "trainings": of_trainings(rows.get("trainings", [])),
        "pictures": of_pictures(rows.get("pictures", [])),
    }
    if rows.get("driver"):
        figures["driver"] = {"ms_a_trial_at_100": rows["driver"][0]["ms_a_trial"], **rows["driver"][-1]}
    for what, (few, many) in (("plan", LISTED), ("pass", PASSED)):
        by_number = {row["n"]: row for row in rows.get("limits", []) if row["what"] == what}
        if by_number:
            more: Row = {
                key: (by_number[many][key] - by_number[few][key]) / (many - few) for key in ("seconds", "mb", "bytes")
            }
            figures[what] = {
                "ms_each": round(more["seconds"] * 1000, 4),
                "memory_bytes_each": round(more["mb"] * 1024 * 1024, 1),
                "stored_bytes_each": round(more["bytes"], 1),
            }
    return figures


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("part", nargs="*", help="trainings, driver, pictures, limits; by default all")
    parser.add_argument("--rounds", type=int, default=2, help="how often each way is taken")
    parser.add_argument("--limit", nargs=3, help=argparse.SUPPRESS)  # what `limits` starts
    options = parser.parse_args()
    if options.limit:
        what, number, place = options.limit
        print(json.dumps(limit(what, int(number), Path(place))))
        return
    rows: dict[str, Any] = earlier_rows("scale") or {}
    for part in options.part or ("driver", "limits", "pictures", "trainings"):
        if part in ("driver", "limits"):
            rows[part] = {"driver": driver, "limits": limits}[part]()
        else:
            rows[part] = {"trainings": trainings, "pictures": pictures}[part](options.rounds)
        save("scale", summary(rows), rows)


def trainings_table(s: Row) -> str:
    shown = {"plain, ": "a loop of trainings, without an engine"}
    shown |= {f"{verb}, {on}": f"`tenfold {verb}`, {on}" for verb in ("study", "tune") for on in ("local", "ray")}
    rows = []
    for way, name in shown.items():
        both = [s["trainings"][f"{way}, {workers}"] for workers in WORKERS]
        cells = [f"{one['per_minute']:.1f} | {one['ratio']:.2f}" for one in both]
        rows.append(" | ".join((name, *cells)))
    return table(" | 1 worker: trainings a minute | to the loop | 2 workers | to the loop", rows)


def many_table(s: Row) -> str:
    rows = []
    for what in COUNTS:
        for way in ("local", "ray, a file", "ray, parts"):
            if f"{what}, {way}, 1" not in s["pictures"]:
                continue
            one, two = (s["pictures"][f"{what}, {way}, {workers}"] for workers in WORKERS)
            rates = [f"{r:,.{0 if r > 100 else 1}f}" for r in (one["steady_per_second"], two["steady_per_second"])]
            cells = f"{two['seconds_to_begin']:.1f} s | {two['ratio']:.2f} | {two['driver_mb']:.0f} MB"
            rows.append(f"{what} | {way} | {rates[0]} | {rates[1]} | {cells}")
    return table("pictures | way | a second, 1 worker | 2 workers | to begin | whole command to local | driver", rows)


def billion_table(s: Row) -> str:
    """What the measured rates come to for a billion pictures, if nothing else were in the way."""
    rows, billion = [], 1_000_000_000
    for what in COUNTS:
        keys = (f"{what}, ray, parts, 2", f"{what}, ray, a file, 2")
        one = next(s["pictures"][key] for key in keys if key in s["pictures"])
        core = one["steady_per_second"] / 2
        hours = billion / core / 3600
        memory = f"{s['pictures'][f'{what}, local, 1']['driver_mb']:.0f} MB"
        size = f"{one['bytes_a_row'] * billion / 1e9:,.0f} GB" if "bytes_a_row" in one else "not measured"
        rate, machines = f"{core:,.{0 if core > 100 else 1}f}", f"{math.ceil(hours / 16 / 24):,}"
        rows.append(f"{what} | {rate} | {hours:,.0f} | {machines} | {memory} | {size}")
    plan, passed, parts = s["plan"], s["pass"], billion / 10_000
    more = (
        f"The driver alone: listing and planning a billion names takes {plan['ms_each'] * billion / 3.6e6:,.0f} hours "
        f"at {1000 / plan['ms_each']:,.0f} a second, and {plan['stored_bytes_each'] * billion / 1e9:,.1f} GB; passing "
        f"{parts:,.0f} parts of 10,000 pictures around takes {passed['ms_each'] * parts / 3.6e6:,.1f} hours at "
        f"{passed['ms_each']:.1f} ms and {passed['memory_bytes_each'] / 1024:,.1f} kB of the driver's memory each, "
        f"{passed['memory_bytes_each'] * parts / 1e9:,.1f} GB in all."
    )
    head = "a billion of | a second and core | core hours | machines of 16 cores for a day | "
    head += "memory of a process that reads | rows in Parquet"
    return f"{table(head, rows)}\n\n{more}"


def tables() -> dict[str, str]:
    s, _, by = measured("scale")
    minute = s["trainings"]["tune, ray, 2"]["per_minute"] / 2
    driver, loop = s["driver"], s["trainings"]["plain, , 1"]["per_minute"]
    thousand = (
        f"A thousand trials of `fast` without pruning: {1000 / minute / 60:,.1f} core hours at {minute:.1f} a minute "
        f"and core. The driver takes {driver['ms_a_trial_at_100']:.0f} ms a trial in the first hundred and "
        f"{driver['ms_a_trial']:.0f} ms in the last of a thousand, {driver['database_bytes_a_trial'] / 1000:.1f} kB a "
        f"trial in `study.db`, and {driver['mb']:,} MB of memory in all. So one driver keeps up with "
        f"{60_000 / driver['ms_a_trial'] / loop:,.0f} cores that train `fast`. {by}"
    )
    each = {"trainings": trainings_table(s), "many": many_table(s), "billion": billion_table(s)}
    return {name: f"{markdown}\n\n{by}" for name, markdown in each.items()} | {"thousand": thousand}


if __name__ == "__main__":
    main()
