"""What do the doors cost: the notebook, the guide, doctor, explain, a watched and a tracked training, the package?

    python benchmarks/doors.py [--pairs 5] [--no-notebook]

The notebook runs as it stands, without the answers to its exercises. A training that is watched or tracked alternates
with the same training alone, each in a process of its own, and the ratios are of pairs; "at work" leaves out what comes
after the last step, the making of the film and of figures.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring import machine_name, median, process, save

ROOT = Path(__file__).parent.parent
TRAINED = """
import json, sys, time, tenfold
from tenfold.learn.training.display import Display

class Clock(Display):
    def ended(self, run):
        self.at = time.perf_counter()
        super().ended(run)

clock = Clock(quiet=True)
began = time.perf_counter()
tenfold.train(sys.argv[1], out=sys.argv[2], display=clock, **json.loads(sys.argv[3]))
print(clock.at - began, time.perf_counter() - began)
"""
WAYS: dict[str, dict[str, Any]] = {
    "watched": {"watch": True},
    "tensorboard": {"track": "tensorboard"},
    "mlflow": {"track": "mlflow"},
}
TRAININGS: dict[str, dict[str, Any]] = {"fast": {}, "mlp": {"epochs": 3}}


def trained(recipe: str, changes: dict[str, Any]) -> tuple[float, float]:
    """Seconds of a training in a new process: until its model is there, and until all is done."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", TRAINED, recipe, "run", json.dumps(changes)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
        at_work, whole = map(float, done.stdout.split())
        return at_work, whole


def notebook() -> tuple[float, int]:
    """Seconds that main.ipynb takes from top to bottom, and how many cells of code it has."""
    import nbformat
    from nbclient import NotebookClient

    book: Any = nbformat.read(ROOT / "main.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    began = time.perf_counter()
    NotebookClient(book, timeout=1_200, kernel_name="python3").execute()
    return time.perf_counter() - began, sum(cell.cell_type == "code" for cell in book.cells)


def package() -> dict[str, float]:
    """The wheel in MB, and how complete the types of its public names are."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, str(ROOT)],
            capture_output=True,
            check=True,
        )
        (wheel,) = Path(folder).glob("*.whl")
        size = wheel.stat().st_size / 1e6
    said = subprocess.run(
        ["pyright", "--verifytypes", "tenfold", "--ignoreexternal"], capture_output=True, text=True, check=False
    ).stdout
    names = re.search(r'exported by "tenfold": (\d+)', said)
    score = re.search(r"completeness score: ([\d.]+)%", said)
    assert names is not None
    assert score is not None
    return {"wheel_mb": round(size, 2), "public_names": int(names[1]), "typed": float(score[1]) / 100}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5, help="of trainings, watched or tracked and not")
    parser.add_argument("--notebook", action=argparse.BooleanOptionalAction, default=True)
    asked = parser.parse_args()
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {"machine": machine_name(), "package": package()}
    print(summary["package"], flush=True)

    summary["doctor_seconds"] = median([process(["-m", "tenfold", "doctor"])[0] for _ in range(3)])
    with tempfile.TemporaryDirectory() as folder:
        process(["-m", "tenfold", "train", "fast", "--quiet", "--out", f"{folder}/run"])
        explain = ["-m", "tenfold", "explain", f"{folder}/run"]
        summary["explain_seconds"] = median([process(explain)[0] for _ in range(3)])
    summary["guide_seconds"] = process([str(ROOT / "docs" / "build.py")])[0]
    print({name: round(value, 1) for name, value in summary.items() if name.endswith("seconds")}, flush=True)

    ratios: dict[str, list[tuple[float, float]]] = {}
    for pair in range(asked.pairs):
        for recipe, changes in TRAININGS.items():
            alone = trained(recipe, changes)
            for way, more in WAYS.items():
                both = trained(recipe, changes | more)
                ratios.setdefault(f"{recipe}, {way}", []).append((both[0] / alone[0], both[1] / alone[1]))
                rows.append({"pair": pair, "recipe": recipe, "way": way, "alone": alone, "with": both})
                print(f"{recipe}, {way}: at work {both[0] / alone[0]:.3f}, whole {both[1] / alone[1]:.3f}", flush=True)
    summary["pairs"] = asked.pairs
    summary["ratios"] = {
        name: {"at_work": median([one[0] for one in found]), "whole": median([one[1] for one in found])}
        for name, found in ratios.items()
    }
    if asked.notebook:
        seconds, cells = notebook()
        summary["notebook"] = {"seconds": seconds, "cells": cells}
        print(summary["notebook"])
    save("doors", summary, rows)


if __name__ == "__main__":
    main()
