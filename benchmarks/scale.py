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
import json
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

from measuring import RESULTS, median, save
from pages import on_paper, sheet, written
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
    with tempfile.TemporaryFile() as told:
        running = [
            subprocess.Popen(
                [sys.executable, *command], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=told
            )
            for command in commands
        ]
        peak = 0.0
        while any(process.poll() is None for process in running):
            peak = max(peak, *(memory(process.pid) for process in running))
            time.sleep(0.02)
        took = time.perf_counter() - began
        if any(process.returncode for process in running):
            told.seek(0)
            raise SystemExit(told.read().decode())
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


def trainings(rounds: int) -> list[dict[str, Any]]:
    """Rows of trainings: the plain loop, tune and study, on each engine with 1 and 2 workers."""
    rows: list[dict[str, Any]] = []
    for number in range(rounds):
        for workers in WORKERS:
            share = TRAININGS // workers
            with tempfile.TemporaryDirectory() as scratch:
                folder = Path(scratch)
                ranges = [(k * share, (k + 1) * share) for k in range(workers)]
                plain = [["-c", PLAIN, str(first), str(last)] for first, last in ranges]
                row = {"what": "plain", "on": "", "workers": workers, "round": number, "n": TRAININGS}
                rows.append({**row, "seconds": round(seconds(*plain, folder=folder)[0], 2)})
                print(rows[-1])
                for verb in ("study", "tune"):
                    for on in ("local", "ray"):
                        # The tuning tries a field that changes neither time nor, much, the result.
                        words = {
                            "study": ["--seeds", TRAININGS],
                            "tune": ["lr=0.015..0.025", "--trials", TRAININGS, "--seeds", 0],
                        }[verb]
                        command = tenfold(verb, "fast", *words, "--on", on, "--jobs", workers, "--out", f"{verb}-{on}")
                        took, peak = seconds(command, folder=folder)
                        row |= {"what": verb, "on": on, "seconds": round(took, 2), "driver_mb": round(peak)}
                        rows.append(dict(row))
                        print(rows[-1])
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


def driver() -> list[dict[str, Any]]:
    """Rows of the seconds that the driver of a tuning takes for each hundred trials."""
    import optuna

    from tenfold.learn.recipes.presets import RECIPES
    from tenfold.learn.search import space, tuning
    from tenfold.learn.search.jobs import Tally
    from tenfold.learn.training.stopping import Stop

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


def make_pictures(folder: Path) -> dict[str, list[tuple[Path, int]]]:
    """Training digits of MNIST as PNG files of 28 x 28, and photos of 2 megapixels with a page of numbers."""
    source, generator = embedded.read("train"), np.random.default_rng(0)
    made: dict[str, list[tuple[Path, int]]] = {}
    for what, counts in COUNTS.items():
        for count in counts:
            place = folder / f"{what[:2]}-{count}"
            place.mkdir()
            made.setdefault(what, []).append((place, count))
            for number in range(count):
                if what.startswith("28"):
                    Image.fromarray(source.images[number]).save(place / f"{number:05}.png")
                    continue
                numbers = ["".join(map(str, generator.integers(0, 10, 5))) for _ in range(4)]
                lines = [written(source, line, 90, generator, (0.2, 0.5)) for line in numbers]
                page = (on_paper(sheet(lines, 90, generator), generator) * 255).astype(np.uint8)
                photo = Image.fromarray(page).resize((1600, 1250), Image.Resampling.BICUBIC)
                photo.save(place / f"{number:02}.jpg", quality=88)
    return made


def pictures(rounds: int) -> list[dict[str, Any]]:
    """Rows of readings: each engine with 1 and 2 workers into a CSV file, and on Ray into parts of Parquet."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        made = make_pictures(folder)
        cases = [(what, *one, workers) for what, both in made.items() for one in both for workers in WORKERS]
        for number in range(rounds):
            for what, place, count, workers in cases:
                files = set()
                for way, output, more in (
                    ("local", "local.csv", []),
                    ("ray, a file", "ray.csv", ["--on", "ray"]),
                    ("ray, parts", "parts/", ["--on", "ray"]),
                ):
                    if count < 1_000 and way == "ray, parts":
                        continue  # all would be in one part, and one worker at it
                    out = folder / f"{number}-{place.name}-{workers}-{output}"
                    slash = "/" * output.endswith("/")
                    command = tenfold("read", place, "-o", f"{out}{slash}", "--workers", workers, *more)
                    took, peak = seconds(command, folder=folder)
                    row = {"what": what, "way": way, "workers": workers, "round": number, "n": count}
                    rows.append({**row, "seconds": round(took, 2), "driver_mb": round(peak)})
                    if out.is_dir():
                        size = sum(file.stat().st_size for file in out.rglob("*.parquet"))
                        rows[-1]["bytes_a_row"] = round(size / count, 1)
                    else:
                        files.add(out.read_bytes())
                    print(rows[-1], flush=True)
                if len(files) > 1:
                    raise SystemExit("the files of the ways differ")
    return rows


class Passing:
    """What Ray keeps on a core when the work is none."""

    def __call__(self, batch: Any) -> Any:  # noqa: D102
        import pyarrow

        made = [pickle.dumps(len(item)) for item in batch["item"].to_pylist()]
        return pyarrow.table({"made": pyarrow.array(made, pyarrow.large_binary())})


def limits() -> list[dict[str, Any]]:
    """Rows of what the driver does: of planning pictures, and of passing parts around; in a process for each."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for what, numbers in (("plan", LISTED), ("pass", PASSED)):
            for number in numbers:
                place = folder / f"{number}"
                for k in range(number if what == "plan" else 0):
                    if k % 1000 == 0:
                        inner = place / f"{k // 1000:04}"
                        inner.mkdir(parents=True)
                    (inner / f"scan-of-a-form-{k:09}.png").touch()  # planning does not open them
                told = subprocess.run(
                    [sys.executable, __file__, "--limit", what, str(number), str(place)],
                    check=True,
                    capture_output=True,
                    text=True,
                )
                rows.append(json.loads(told.stdout.splitlines()[-1]))
                print(rows[-1], flush=True)
    return rows


def limit(what: str, number: int, place: Path) -> dict[str, Any]:
    """A row of what `number` pictures or parts take; the memory is the whole process's at its largest, in MB."""
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


def summary(rows: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Medians over the rounds, and ratios to the plain path of the same round and number of workers."""
    trainings_: dict[str, dict[str, list[float]]] = {}
    trained = rows.get("trainings", [])
    for row in trained:
        beside = [other for other in trained if (other["workers"], other["round"]) == (row["workers"], row["round"])]
        plain = next(other["seconds"] for other in beside if other["what"] == "plain")
        one = trainings_.setdefault(f"{row['what']}, {row['on']}, {row['workers']}", {"per_minute": [], "ratio": []})
        one["per_minute"].append(row["n"] / row["seconds"] * 60)
        one["ratio"].append(plain / row["seconds"])
    pictures_: dict[str, dict[str, list[float]]] = {}
    read = rows.get("pictures", [])
    for row in read:
        few, many = COUNTS[row["what"]]
        if row["n"] == few:
            continue
        same = ("what", "workers", "round")
        beside = [other for other in read if all(other[key] == row[key] for key in same)]
        local = next(other["seconds"] for other in beside if (other["way"], other["n"]) == ("local", many))
        less = next(other["seconds"] for other in beside if (other["way"], other["n"]) == (row["way"], few))
        each = (row["seconds"] - less) / (many - few)
        figures = {
            "per_second": many / row["seconds"],
            "ratio": local / row["seconds"],
            "steady_per_second": 1 / each,
            "seconds_to_begin": less - few * each,
            "driver_mb": row["driver_mb"],
        }
        if "bytes_a_row" in row:
            figures["bytes_a_row"] = row["bytes_a_row"]
        entry = pictures_.setdefault(f"{row['what']}, {row['way']}, {row['workers']}", {})
        for name, value in figures.items():
            entry.setdefault(name, []).append(value)
    found: dict[str, Any] = {
        part: {name: {key: round(median(values), 3) for key, values in one.items()} for name, one in entries.items()}
        for part, entries in (("trainings", trainings_), ("pictures", pictures_))
    }
    if rows.get("driver"):
        found["driver"] = {"ms_a_trial_at_100": rows["driver"][0]["ms_a_trial"], **rows["driver"][-1]}
    for what, (few, many) in (("plan", LISTED), ("pass", PASSED)):
        made = {row["n"]: row for row in rows.get("limits", []) if row["what"] == what}
        if made:
            found[what] = {
                "ms_each": round((made[many]["seconds"] - made[few]["seconds"]) / (many - few) * 1000, 4),
                "memory_bytes_each": round((made[many]["mb"] - made[few]["mb"]) * 1024 * 1024 / (many - few), 1),
                "stored_bytes_each": round((made[many]["bytes"] - made[few]["bytes"]) / (many - few), 1),
            }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", help="trainings, driver, pictures, limits; all unless told")
    parser.add_argument("--rounds", type=int, default=2, help="how often each way is taken")
    parser.add_argument("--limit", nargs=3, help=argparse.SUPPRESS)  # what `limits` starts
    asked = parser.parse_args()
    if asked.limit:
        what, number, place = asked.limit
        print(json.dumps(limit(what, int(number), Path(place))))
        return
    old = RESULTS / "scale.json"
    rows: dict[str, Any] = json.loads(old.read_text(encoding="utf-8"))["rows"] if old.is_file() else {}
    for part in asked.part or ("driver", "limits", "pictures", "trainings"):
        if part in ("driver", "limits"):
            rows[part] = {"driver": driver, "limits": limits}[part]()
        else:
            rows[part] = {"trainings": trainings, "pictures": pictures}[part](asked.rounds)
        save("scale", summary(rows), rows)


if __name__ == "__main__":
    main()
