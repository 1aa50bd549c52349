"""What do the engines cost and give: trials, studies and pictures, on 1 and 2 workers, locally and on Ray?

    python benchmarks/scale.py [trainings] [driver] [pictures] [--rounds 2]

Every figure is of a whole command in a process of its own, as a user would type it, next to the plain path: trainings
one after the other in a loop without any engine, and the local reading. The ways take turns, and ratios are between
ways of one round. Writes results/scale.json; parts that are not named keep their rows.

    trainings   `tenfold tune` and `tenfold study` of the recipe fast against a loop over the same number of trainings
    driver      what the driver of a tuning does for each trial, up to a thousand trials that take no time themselves
    pictures    `tenfold read` of MNIST's training digits as PNG files, and of photos, into a file and into parts
"""

import argparse
import json
import os
import resource
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
from tenfold.engines.jobs import Heard, Job
from tenfold.mnist import embedded

TRAININGS = 12  # of a command
SMALL, PHOTOS = 12_000, 40  # pictures
DRIVER = 1_000  # trials
WORKERS = (1, 2)
PLAIN = """
import sys, tempfile, torch
from pathlib import Path
from tenfold.learn.training import train
torch.set_num_threads(1)
for seed in range(int(sys.argv[1]), int(sys.argv[2])):
    with tempfile.TemporaryDirectory() as folder:
        train("fast", seed=seed, out=Path(folder) / "run", quiet=True)
"""


def seconds(*commands: Sequence[str], folder: Path) -> tuple[float, float]:
    """How long commands take that run at once, from start to the end of the last, and the most memory of one in MB."""
    began = time.perf_counter()
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    running = [
        subprocess.Popen(
            [sys.executable, *command], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        for command in commands
    ]
    peak = 0.0
    for process in running:
        assert process.stderr is not None
        told = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(told.decode())
        peak = max(peak, used.ru_maxrss / 1024)
    return time.perf_counter() - began, peak


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
        self._heard: list[Heard] = []
        self._scores = np.random.default_rng(0)

    def start(self, key: int, job: Job) -> None:  # noqa: ARG002, D102
        from tenfold.learn.trainings import Outcome

        score = float(self._scores.uniform(0.9, 0.99))
        for epoch in (1, 2, 3):
            told = {"epoch": epoch, "epochs": 3, "val_accuracy": score, "val_loss": 1 - score}
            self._heard.append(Heard(key, "told", told))
        row = {"val_accuracy": score, "val_loss": 1 - score, "seconds": 0.0, "epoch": 3}
        self._heard.append(Heard(key, "done", Outcome(row)))

    def wait(self, seconds: float) -> list[Heard]:  # noqa: ARG002, D102
        heard, self._heard = self._heard, []
        return heard

    def answer(self, key: int, go_on: bool) -> None:  # noqa: ARG002, D102
        return


def driver() -> list[dict[str, Any]]:
    """Rows of the seconds that the driver of a tuning takes for each hundred trials."""
    import optuna

    from tenfold.learn import space, tuning
    from tenfold.learn.progress import Tally
    from tenfold.learn.recipes import RECIPES
    from tenfold.learn.stopping import Stop

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    recipe = RECIPES["mlp"]
    wide = space.default(recipe)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        settings = {"recipe": recipe.as_dict(), "search": space.as_words(wide), "objective": "accuracy", "prune": True}
        study = tuning._open(folder, settings)
        with tuning._presence(folder) as me, Stop() as stop, Tally("", DRIVER, quiet=True) as tally:
            for so_far in range(100, DRIVER + 1, 100):
                work = tuning._Search(study, folder, recipe, wide, "accuracy", 0, so_far, prune=True)
                began = time.perf_counter()
                work.run(Instant(), tally, stop, me, 1, None)
                took = time.perf_counter() - began
                rows.append({"trials": so_far, "ms_a_trial": round(took * 10, 2)})
                rows[-1]["mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
                print(rows[-1])
        rows[-1]["database_bytes_a_trial"] = round((folder / "study.db").stat().st_size / DRIVER)
    return rows


def make_pictures(folder: Path) -> dict[str, tuple[Path, int]]:
    """Training digits of MNIST as PNG files of 28 x 28, and photos of 2 megapixels with a page of numbers."""
    digits = embedded.read("train").images[:SMALL]
    small, photos = folder / "small", folder / "photos"
    for place in (small, photos):
        place.mkdir()
    for number, image in enumerate(digits):
        Image.fromarray(image).save(small / f"{number:05}.png")
    generator, source = np.random.default_rng(0), embedded.read("train")
    for number in range(PHOTOS):
        numbers = ["".join(map(str, generator.integers(0, 10, 5))) for _ in range(4)]
        lines = [written(source, line, 90, generator, (0.2, 0.5)) for line in numbers]
        page = (on_paper(sheet(lines, 90, generator), generator) * 255).astype(np.uint8)
        Image.fromarray(page).resize((1600, 1250), Image.Resampling.BICUBIC).save(
            photos / f"{number:02}.jpg", quality=88
        )
    return {"28 x 28 PNG": (small, SMALL), "2-megapixel JPEG": (photos, PHOTOS)}


def pictures(rounds: int) -> list[dict[str, Any]]:
    """Rows of readings: each engine with 1 and 2 workers into a CSV file, and on Ray into parts of Parquet."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        made = make_pictures(folder)
        for number in range(rounds):
            for what, (place, count) in made.items():
                for workers in WORKERS:
                    for way, output, more in (
                        ("local", "local.csv", []),
                        ("ray, a file", "ray.csv", ["--on", "ray"]),
                        ("ray, parts", "parts/", ["--on", "ray"]),
                    ):
                        out = folder / f"{number}-{what[:2]}-{workers}-{output}"
                        command = tenfold(
                            "read", place, "-o", f"{out}{'/' * output.endswith('/')}", "--workers", workers
                        )
                        took, peak = seconds([*command, *more], folder=folder)
                        row = {"what": what, "way": way, "workers": workers, "round": number, "n": count}
                        rows.append({**row, "seconds": round(took, 2), "driver_mb": round(peak)})
                        if out.is_dir():
                            size = sum(file.stat().st_size for file in out.rglob("*.parquet"))
                            rows[-1]["bytes_a_row"] = round(size / count, 1)
                        print(rows[-1])
            one = [row["seconds"] for row in rows if row["round"] == number]
            assert len(one) == len(made) * len(WORKERS) * 3
        csvs = [
            (folder / f"0-28-{workers}-{name}").read_bytes() for workers in WORKERS for name in ("local.csv", "ray.csv")
        ]
        if len(set(csvs)) > 1:
            raise SystemExit("the files of the ways differ")
    return rows


def summary(rows: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Medians over the rounds, and ratios to the plain path of the same round and number of workers."""
    found: dict[str, Any] = {}
    for row in rows.get("trainings", []):
        name = f"{row['what']} {row['on']} {row['workers']}".replace("  ", " ")
        plain = next(
            other["seconds"]
            for other in rows["trainings"]
            if other["what"] == "plain" and (other["workers"], other["round"]) == (row["workers"], row["round"])
        )
        entry = found.setdefault("trainings", {}).setdefault(name, {"per_minute": [], "ratio": []})
        entry["per_minute"].append(row["n"] / row["seconds"] * 60)
        entry["ratio"].append(plain / row["seconds"])
    for row in rows.get("pictures", []):
        name = f"{row['what']}, {row['way']}, {row['workers']}"
        plain = next(
            other["seconds"]
            for other in rows["pictures"]
            if other["way"] == "local"
            and (other["what"], other["workers"], other["round"]) == (row["what"], row["workers"], row["round"])
        )
        entry = found.setdefault("pictures", {}).setdefault(name, {"per_second": [], "ratio": []})
        entry["per_second"].append(row["n"] / row["seconds"])
        entry["ratio"].append(plain / row["seconds"])
    for part in found.values():
        for name, entry in part.items():
            part[name] = {key: round(median(values), 3) for key, values in entry.items()}
    if rows.get("driver"):
        found["driver"] = {"ms_a_trial_at_100": rows["driver"][0]["ms_a_trial"], **rows["driver"][-1]}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", help="trainings, driver, pictures; all unless told")
    parser.add_argument("--rounds", type=int, default=2, help="how often each way is taken")
    asked = parser.parse_args()
    old = RESULTS / "scale.json"
    rows: dict[str, Any] = json.loads(old.read_text(encoding="utf-8"))["rows"] if old.is_file() else {}
    for part in asked.part or ("driver", "pictures", "trainings"):
        if part == "driver":
            rows[part] = driver()
        else:
            rows[part] = {"trainings": trainings, "pictures": pictures}[part](asked.rounds)
        save("scale", summary(rows), rows)


if __name__ == "__main__":
    main()
