"""What do the engines cost and give: trials, studies and pictures, on 1 and 2 workers, locally and on Ray?

    python benchmarks/scale.py [trainings] [driver] [pictures] [limits] [--rounds 2] [--before FOLDER]

Every figure is of a whole command in a process of its own, as a user would type it, next to the plain path: trainings
one after the other in a loop without any engine, and the local reading. The ways take turns, and ratios are between
ways of one round. Writes results/scale.json; parts that are not named keep their rows.

    trainings   `tenfold tune` and `tenfold study` of `fast`, and of `cnn-sgd` for two epochs, against a loop over the
                same number of trainings
    driver      what a search does for each trial beside training it, up to a thousand trials
    pictures    `tenfold read` of MNIST's training digits as PNG files, and of photos, into a file and into a folder; of
                two numbers of them, so that what a command takes to begin is told from what a picture takes
    limits      what the driver alone has to do for very many: list pictures, and have Ray pass them around

With --before, a checkout of earlier code, every command is also run with that, right after the one with this.
"""

import argparse
import itertools
import json
import math
import os
import pickle
import random
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
from tenfold.mnist import embedded

TRAININGS = 8  # of a command
COUNTS = {"28 x 28 PNG": (1_000, 4_000), "2-megapixel JPEG": (8, 32)}  # pictures: few and many
LISTED = (20_000, 200_000)  # pictures to plan
PASSED = (500, 3_000)  # parts to pass around
DRIVER = 1_000  # trials
WORKERS = (1, 2)
PLAIN = """
import sys, tempfile, torch
from pathlib import Path
from tenfold.learn.training.start import train
torch.set_num_threads(1)
for seed in range(int(sys.argv[3]), int(sys.argv[4])):
    with tempfile.TemporaryDirectory() as folder:
        train(sys.argv[1], epochs=int(sys.argv[2]), seed=seed, out=Path(folder) / "run", quiet=True)
"""
TRAINED = {"fast": (1, (1, 2)), "cnn-sgd": (2, (2,))}  # epochs, and on how many workers


def seconds(*commands: Sequence[str], folder: Path, code: Path | None = None) -> tuple[float, float]:
    """How long commands take that run at once, from start to the end of the last, and the most memory of one in MB.

    They run with the `code` of a checkout, or with this.
    """
    began = time.perf_counter()
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    environment |= {} if code is None else {"PYTHONPATH": str((code / "src").absolute())}
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


def codes(before: Path | None) -> dict[str, Path | None]:
    """What code is measured, by its name in the rows."""
    return {"": None} if before is None else {"": None, "before": before}


def trainings(rounds: int, before: Path | None) -> list[Row]:
    """Rows of trainings: the plain loop, tune and study, on each engine with 1 and 2 workers."""
    rows: list[Row] = []
    every = [(recipe, workers) for recipe, (_, several) in TRAINED.items() for workers in several]
    for number, (recipe, workers) in itertools.product(range(rounds), every):
        share, epochs = TRAININGS // workers, TRAINED[recipe][0]
        lr = "lr=0.015..0.025" if recipe == "fast" else "lr=0.009..0.011"  # which changes no time
        options = {"study": ["--seeds", TRAININGS], "tune": [lr, "--trials", TRAININGS, "--seeds", 0]}
        plain = [["-c", PLAIN, recipe, str(epochs), str(k * share), str((k + 1) * share)] for k in range(workers)]
        commands = {("plain", "", ""): plain}
        others = codes(before if recipe == "fast" else None)
        for verb, on, code in itertools.product(options, ("local", "ray"), others):
            more = [f"epochs={epochs}", "--on", on, "--jobs", workers, "--out", f"{verb}-{on}-{code}"]
            commands[verb, on, code] = [tenfold(verb, recipe, *options[verb], *more)]
        with tempfile.TemporaryDirectory() as folder:
            for (what, on, code), together in commands.items():
                took, peak = seconds(*together, folder=Path(folder), code=codes(before)[code])
                row = {"recipe": recipe, "what": what, "on": on, "code": code, "workers": workers, "round": number}
                row |= {"n": TRAININGS, "seconds": round(took, 2)} | ({"driver_mb": round(peak)} if on else {})
                rows.append(row)
                print(row, flush=True)
    return rows


def instant(_: Any, watchers: Sequence[Any]) -> Any:
    """A training that takes no time, and tells three epochs."""
    from types import SimpleNamespace

    from tenfold.learn.search.jobs import Outcome
    from tenfold.learn.training.runs import Epoch

    score = random.uniform(0.9, 0.99)
    for epoch in (1, 2, 3):
        told = Epoch(epoch, 1 - score, score, 1 - score, score, lr=0.1, seconds=0.0)
        for watcher in watchers:
            watcher.epoch(SimpleNamespace(history=[told]))
    return Outcome({"val_accuracy": score, "val_loss": 1 - score, "seconds": 0.0, "epoch": 3})


def driver() -> list[Row]:
    """Rows of the seconds that a search takes for each trial, by hundreds, where a training takes none."""
    import optuna

    from tenfold.learn.recipes.presets import RECIPES
    from tenfold.learn.search import searching, space, storage
    from tenfold.learn.search.jobs import Training

    Training.trained = instant  # type: ignore[method-assign, assignment]
    recipe = RECIPES["mlp"].changed(epochs=3)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        url = f"sqlite:///{scratch}/study.db"
        optuna.create_study(storage=storage.opened(url), study_name=storage.NAME)
        for so_far in range(100, DRIVER + 1, 100):
            job = searching.Searching(url, recipe, space.default(recipe), so_far, "loss", True, 0, 1, "bench")
            began = time.perf_counter()
            job(lambda _: None)
            took = time.perf_counter() - began
            rows.append({"trials": so_far, "ms_a_trial": round(took * 10, 2), "mb": round(memory())})
            print(rows[-1], flush=True)
        rows[-1]["database_bytes_a_trial"] = round((Path(scratch) / "study.db").stat().st_size / DRIVER)
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


def pictures(rounds: int, before: Path | None) -> list[Row]:
    """Rows of readings: each engine with 1 and 2 workers into a CSV file, and on Ray into a folder of Parquet."""
    rows: list[Row] = []
    ways = {
        "local": ("local.csv",),
        "ray, a file": ("ray.csv", "--on", "ray"),
        "ray, a folder": ("folder/", "--on", "ray"),
    }
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        made = make_pictures(folder)
        for number, (what, place, count), workers in itertools.product(range(rounds), made, WORKERS):
            files = set()
            for (way, (output, *more)), code in itertools.product(ways.items(), codes(before)):
                if count < 1_000 and way == "ray, a folder":
                    continue  # all would be in one file, and one worker at it
                out = f"{folder}/{number}-{place.name}-{workers}-{code}{output}"
                command = tenfold("read", place, "-o", out, "--workers", workers, *more)
                took, peak = seconds(command, folder=folder, code=codes(before)[code])
                row: Row = {"what": what, "way": way, "code": code, "workers": workers, "round": number, "n": count}
                row |= {"seconds": round(took, 2), "driver_mb": round(peak)}
                if way == "ray, a folder":
                    size = sum(file.stat().st_size for file in Path(out).rglob("*.parquet"))
                    row["bytes_a_row"] = round(size / count, 1)
                elif not code:
                    files.add(Path(out).read_bytes())
                rows.append(row)
                print(row, flush=True)
            if len(files) > 1:
                raise SystemExit("the files of the ways differ")
    return rows


class Passing:
    """What Ray keeps on a core when the work is none."""

    def __init__(self, *_: Any) -> None:
        pass

    def __call__(self, batch: Any) -> Any:
        """As many bytes as came."""
        import pyarrow

        made = [pickle.dumps([len(item)]) for item in batch["item"].to_pylist()]
        return pyarrow.table({"made": pyarrow.array(made, pyarrow.large_binary())})


def limits() -> list[Row]:
    """Rows of what the driver does: of listing pictures, and of passing them around; in a process for each."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        for what, number in [*(("list", number) for number in LISTED), *(("pass", number) for number in PASSED)]:
            place = Path(scratch) / f"{number}"
            for k in range(number if what == "list" else 0):
                inner = place / f"{k // 1000:04}"
                inner.mkdir(parents=True, exist_ok=True)
                (inner / f"scan-of-a-form-{k:09}.png").touch()  # listing does not open them
            printed = process([__file__, "--limit", what, str(number), str(place)])[1]
            rows.append(json.loads(printed.splitlines()[-1]))
            print(rows[-1], flush=True)
    return rows


def limit(what: str, number: int, place: Path) -> Row:
    """A row of what so many pictures or blocks take; the memory is the whole process's at its largest, in MB."""
    if what == "list":
        from tenfold.read.many import targets

        began = time.perf_counter()
        listed = list(targets.stream([str(place)]))
        took = time.perf_counter() - began
        assert len(listed) == number
    else:
        from tenfold.engines.connection import connected
        from tenfold.read.many import cluster
        from tenfold.read.many.rows import Work

        with connected(cores=2) as ray:
            items = [pickle.dumps(k) for k in range(number)]
            began = time.perf_counter()
            done, _ = cluster._mapped(ray, Passing, Work(int), items, 2, in_order=False)  # type: ignore[arg-type]
            assert sum(batch.num_rows for batch in done.iter_batches(batch_size=None, batch_format="pyarrow")) == number
            took = time.perf_counter() - began
    return {"what": what, "n": number, "seconds": round(took, 3), "mb": round(memory(), 1)}


def medians(entries: dict[str, list[dict[str, float]]]) -> Row:
    """For each name, the medians of its rows' figures."""
    return {
        name: {key: round(median([row[key] for row in rows]), 3) for key in rows[0]} for name, rows in entries.items()
    }


def of_trainings(rows: list[Row]) -> Row:
    """Trainings a minute, their ratio to the plain loop of the same round, and to the code before."""
    took = {tuple(row[k] for k in ("recipe", "what", "on", "code", "workers", "round")): row["seconds"] for row in rows}
    ways: dict[str, list[dict[str, float]]] = {}
    for row in rows:
        recipe, what, on, workers, number = (row[k] for k in ("recipe", "what", "on", "workers", "round"))
        if row["code"]:
            continue
        figures = {"per_minute": row["n"] / row["seconds"] * 60}
        figures["ratio"] = took[recipe, "plain", "", "", workers, number] / row["seconds"]
        earlier = took.get((recipe, what, on, "before", workers, number))
        figures |= {} if earlier is None else {"to_before": earlier / row["seconds"]}
        ways.setdefault(f"{recipe}, {what}, {on}, {workers}", []).append(figures)
    return medians(ways)


def of_pictures(rows: list[Row]) -> Row:
    """Pictures a second, what is before the first, and ratios to local reading and to the code before, of a round."""
    took = {tuple(row[k] for k in ("what", "way", "code", "workers", "round", "n")): row["seconds"] for row in rows}
    ways: dict[str, list[dict[str, float]]] = {}
    for row in rows:
        few, many = COUNTS[row["what"]]
        what, way, workers, number = (row[k] for k in ("what", "way", "workers", "round"))
        if row["n"] == few or row["code"]:
            continue

        def parts(code: str, key: tuple[Any, ...] = (what, way, workers, number, few, many)) -> tuple[float, float]:
            """Seconds for each picture, and before the first."""
            what, way, workers, number, few, many = key
            less, more = (took[what, way, code, workers, number, n] for n in (few, many))
            each = (more - less) / (many - few)
            return each, less - few * each

        each, begin = parts("")
        figures: dict[str, float] = {
            "per_second": many / row["seconds"],
            "ratio": took[what, "local", "", workers, number, many] / row["seconds"],
            "steady_per_second": 1 / each,
            "seconds_to_begin": begin,
            **{name: row[name] for name in ("driver_mb", "bytes_a_row") if name in row},
        }
        if (what, way, "before", workers, number, many) in took:
            figures["to_before"] = took[what, way, "before", workers, number, many] / row["seconds"]
            figures["steady_to_before"] = parts("before")[0] / each
            figures["begin_to_before"] = begin / parts("before")[1]
        ways.setdefault(f"{what}, {way}, {workers}", []).append(figures)
    return medians(ways)


def summary(rows: dict[str, list[Row]]) -> Row:
    """Medians over the rounds; of the driver and of the limits, what a trial, a picture or a part adds."""
    figures: Row = {
        "trainings": of_trainings(rows.get("trainings", [])),
        "pictures": of_pictures(rows.get("pictures", [])),
    }
    if rows.get("driver"):
        figures["driver"] = {"ms_a_trial_at_100": rows["driver"][0]["ms_a_trial"], **rows["driver"][-1]}
    for what, (few, many) in (("list", LISTED), ("pass", PASSED)):
        by_number = {row["n"]: row for row in rows.get("limits", []) if row["what"] == what}
        if by_number:
            more: Row = {key: (by_number[many][key] - by_number[few][key]) / (many - few) for key in ("seconds", "mb")}
            figures[what] = {
                "ms_each": round(more["seconds"] * 1000, 4),
                "memory_bytes_each": round(more["mb"] * 1024 * 1024, 1),
            }
    return figures


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("part", nargs="*", help="trainings, driver, pictures, limits; by default all")
    parser.add_argument("--rounds", type=int, default=2, help="how often each way is taken")
    parser.add_argument("--before", type=Path, help="a checkout of earlier code, to compare with")
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
            rows[part] = {"trainings": trainings, "pictures": pictures}[part](options.rounds, options.before)
        save("scale", summary(rows), rows)


def trainings_table(s: Row) -> str:
    shown = {"plain, ": "a loop of trainings, without an engine"}
    shown |= {f"{verb}, {on}": f"`tenfold {verb}`, {on}" for verb in ("study", "tune") for on in ("local", "ray")}
    rows = []
    for recipe, (way, name) in itertools.product(TRAINED, shown.items()):
        both = [s["trainings"].get(f"{recipe}, {way}, {workers}") for workers in WORKERS]
        cells = ["– | –" if one is None else f"{one['per_minute']:.1f} | {one['ratio']:.2f}" for one in both]
        rows.append(" | ".join((f"`{recipe}`", name, *cells)))
    return table("recipe | way | 1 worker: trainings a minute | to the loop | 2 workers | to the loop", rows)


def many_table(s: Row) -> str:
    rows = []
    for what in COUNTS:
        for way in ("local", "ray, a file", "ray, a folder"):
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
        keys = (f"{what}, ray, a folder, 2", f"{what}, ray, a file, 2")
        one = next(s["pictures"][key] for key in keys if key in s["pictures"])
        core = one["steady_per_second"] / 2
        hours = billion / core / 3600
        memory = f"{s['pictures'][f'{what}, local, 1']['driver_mb']:.0f} MB"
        size = f"{one['bytes_a_row'] * billion / 1e9:,.0f} GB" if "bytes_a_row" in one else "not measured"
        rate, machines = f"{core:,.{0 if core > 100 else 1}f}", f"{math.ceil(hours / 16 / 24):,}"
        rows.append(f"{what} | {rate} | {hours:,.0f} | {machines} | {memory} | {size}")
    listed, passed, blocks = s["list"], s["pass"], billion / 10_000
    more = (
        f"The driver alone: listing a billion names takes {listed['ms_each'] * billion / 3.6e6:,.0f} hours "
        f"at {1000 / listed['ms_each']:,.0f} a second, and {listed['memory_bytes_each'] * billion / 1e9:,.0f} GB to "
        f"hold them: that many are for several commands. Passing {blocks:,.0f} blocks of 10,000 pictures around takes "
        f"{passed['ms_each'] * blocks / 3.6e6:,.1f} hours at {passed['ms_each']:.1f} ms each."
    )
    head = "a billion of | a second and core | core hours | machines of 16 cores for a day | "
    head += "memory of a process that reads | rows in Parquet"
    return f"{table(head, rows)}\n\n{more}"


def tables() -> dict[str, str]:
    s, _, by = measured("scale")
    minute = s["trainings"]["fast, tune, ray, 2"]["per_minute"] / 2
    driver, loop = s["driver"], s["trainings"]["fast, plain, , 1"]["per_minute"]
    thousand = (
        f"A thousand trials of `fast` without pruning: {1000 / minute / 60:,.1f} core hours at {minute:.1f} a minute "
        f"and core. Optuna takes {driver['ms_a_trial_at_100']:.0f} ms a trial in the first hundred and "
        f"{driver['ms_a_trial']:.0f} ms in the last of a thousand, {driver['database_bytes_a_trial'] / 1000:.1f} kB a "
        f"trial in `study.db`; `fast` takes {60_000 / loop:,.0f} ms to train. {by}"
    )
    each = {"trainings": trainings_table(s), "many": many_table(s), "billion": billion_table(s)}
    return {name: f"{markdown}\n\n{by}" for name, markdown in each.items()} | {"thousand": thousand}


if __name__ == "__main__":
    main()
