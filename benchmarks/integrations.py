"""How long do the notebook, the guide, doctor and explain take, and what do --watch and --track cost a training?

    python benchmarks/integrations.py [--pairs 5] [--no-notebook]

The notebook runs as it stands, without the answers to its exercises. A training that is watched or tracked alternates
with the same training alone, each in a process of its own, and the ratios are of pairs; "at work" leaves out what comes
after the last step, the making of the film and of figures.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from measuring import ROOT, Row, arguments, machine_name, measured, median, process, save, seconds, table

TRAINED = """
import json, sys, time, tenfold
from tenfold.learn.training.watchers import Watcher

class Clock(Watcher):
    def end(self, run):
        self.at = time.perf_counter()

clock = Clock()
began = time.perf_counter()
tenfold.train(sys.argv[1], out=sys.argv[2], quiet=True, watchers=[clock], **json.loads(sys.argv[3]))
print(clock.at - began, time.perf_counter() - began)
"""
WAYS: dict[str, Row] = {"watched": {"watch": True}} | {name: {"track": name} for name in ("tensorboard", "mlflow")}
TRAININGS: dict[str, Row] = {"fast": {}, "mlp": {"epochs": 3}}


def trained(recipe: str, changes: Row) -> tuple[float, float]:
    """Seconds of a training in a new process: until its model is there, and until all is done."""
    with tempfile.TemporaryDirectory() as folder:
        _, printed = process(["-c", TRAINED, recipe, "run", json.dumps(changes)], cwd=Path(folder))
    at_work, whole = map(float, printed.split())
    return at_work, whole


def notebook() -> tuple[float, int]:
    """Seconds that main.ipynb takes from top to bottom, and how many cells of code it has."""
    import nbformat
    from nbclient import NotebookClient

    book: Any = nbformat.read(ROOT / "main.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    took = seconds(NotebookClient(book, timeout=1_200, kernel_name="python3").execute)
    return took, sum(cell.cell_type == "code" for cell in book.cells)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="of trainings, watched or tracked and not")
    parser.add_argument("--notebook", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    summary: Row = {"machine": machine_name()}
    summary["doctor_seconds"] = median([process(["-m", "tenfold", "doctor"])[0] for _ in range(3)])
    with tempfile.TemporaryDirectory() as folder:
        process(["-m", "tenfold", "train", "fast", "--quiet", "--out", f"{folder}/run"])
        explain = ["-m", "tenfold", "explain", f"{folder}/run"]
        summary["explain_seconds"] = median([process(explain)[0] for _ in range(3)])
    summary["guide_seconds"] = process([str(ROOT / "docs" / "build.py")])[0]
    print({name: round(value, 1) for name, value in summary.items() if name.endswith("seconds")}, flush=True)

    rows: list[Row] = []
    ratios: dict[str, list[tuple[float, float]]] = {}
    for pair in range(options.pairs):
        for recipe, changes in TRAININGS.items():
            alone = trained(recipe, changes)
            for way, more in WAYS.items():
                both = trained(recipe, changes | more)
                ratios.setdefault(f"{recipe}, {way}", []).append((both[0] / alone[0], both[1] / alone[1]))
                rows.append({"pair": pair, "recipe": recipe, "way": way, "alone": alone, "with": both})
                print(f"{recipe}, {way}: at work {both[0] / alone[0]:.3f}, whole {both[1] / alone[1]:.3f}", flush=True)
    summary["pairs"] = options.pairs
    summary["ratios"] = {
        name: {"at_work": median([one[0] for one in pairs]), "whole": median([one[1] for one in pairs])}
        for name, pairs in ratios.items()
    }
    if options.notebook:
        took, cells = notebook()
        summary["notebook"] = {"seconds": took, "cells": cells}
    save("doors", summary, rows)


def tables() -> dict[str, str]:
    s, _, by = measured("doors", "integrations")
    rows = [f"`tenfold explain` of a run of `fast` | {s['explain_seconds']:.1f} s"]
    book = json.loads((ROOT / "main.ipynb").read_text(encoding="utf-8"))
    cells = sum(cell["cell_type"] == "code" for cell in book["cells"])
    if s["notebook"]["cells"] == cells:  # it was another one that was timed, otherwise
        rows.insert(0, f"`main.ipynb`, {cells} cells of code | {s['notebook']['seconds']:.0f} s")
    for name, ratio in s["ratios"].items():
        recipe, way = name.split(", ")
        option = "`--watch`" if way == "watched" else f"`--track {way}`"
        times = f"{ratio['whole']:.2f} of the time without; until the model is saved {ratio['at_work']:.2f}"
        rows.append(f"{option}, `{recipe}` | {times}")
    more = f"Medians of {s['pairs']} pairs. {by}"
    return {"doors": f"{table('what | time', rows)}\n\n{more}"}


if __name__ == "__main__":
    main()
