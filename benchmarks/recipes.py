"""What does each recipe reach, and how long does it take?

    python benchmarks/recipes.py [RECIPE ...] [--seeds 3]
    python benchmarks/recipes.py --runs RUN ...

Trains every recipe as it stands (50,000 digits, the other 10,000 for validation) with several seeds, `fast` with ten,
and scores each run once on the test set. Writes results/recipes.json with every row, and the summary that `tenfold
recipes` shows. Rows of recipes that are not named are kept, as long as the recipe has not changed since. With --runs it
scores trained runs instead, whose seconds are those of their epochs; each takes the place of the row with its recipe
and seed.
`pictures`, the recipe of the bundled model, is measured by model.py.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import tenfold
from measuring import RESULTS, deviation, machine_name, mean, median, save
from tenfold.learn.recipes import presets
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.training.runs import Run

SUMMARY = Path(presets.__file__).parent / "measured.json"


def one(name: str, seed: int, keep: str | None) -> dict[str, Any]:
    """Train and score once."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run = tenfold.train(name, seed=seed, out=Path(keep or folder) / f"{name}-{seed}", quiet=True)
        return scored(run, time.perf_counter() - began)


def scored(run: Run, seconds: float) -> dict[str, Any]:
    """The row of a run, of a recipe as it stands."""
    if run.recipe != presets.RECIPES.get(run.recipe.name, Recipe()).changed(seed=run.recipe.seed):
        raise SystemExit(f"{run.path} was not learnt by one of the recipes as they stand")
    found = tenfold.evaluate(run, draw=False)
    return {
        "recipe": run.recipe.name,
        "fields": run.recipe.changed(seed=0).as_dict(),
        "seed": run.recipe.seed,
        "seconds": round(seconds, 3),
        "val_accuracy": run.metrics[-1]["val_accuracy"],
        "accuracy": found.accuracy,
        "nll": found.nll,
        "ece": found.ece,
    }


def unchanged(row: dict[str, Any]) -> bool:
    """Whether a row is of a recipe as it stands; fields that came since then had their default."""
    return presets.RECIPES.get(row["recipe"]) == Recipe().changed(**row["fields"])


def write(rows: list[dict[str, Any]]) -> None:
    """Write the rows, and their summary for `tenfold recipes`."""
    summary = {}
    for name in presets.RECIPES:
        mine = [row for row in rows if row["recipe"] == name]
        if mine:
            accuracies = [row["accuracy"] for row in mine]
            summary[name] = {
                "accuracy": round(mean(accuracies), 6),
                "deviation": round(deviation(accuracies), 6),
                "n": len(mine),
                "seconds": median([row["seconds"] for row in mine]),
                "machine": machine_name(),
            }
    save("recipes", summary, rows)
    SUMMARY.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="*", help="recipes to measure; all of them if none is named")
    parser.add_argument("--seeds", type=int, default=3, help="seeds for each, 0, 1, 2 …; fast has at least ten")
    parser.add_argument("--keep", help="a folder for the runs")
    parser.add_argument("--runs", nargs="+", default=[], help="trained runs to score, of recipes as they stand")
    asked = parser.parse_args()
    old = RESULTS / "recipes.json"
    rows = json.loads(old.read_text(encoding="utf-8"))["rows"] if old.is_file() else []
    rows = [row for row in rows if unchanged(row)]
    for place in asked.runs:
        run = Run.open(place)
        row = scored(run, sum(epoch["seconds"] or 0.0 for epoch in run.metrics))
        rows = [other for other in rows if (other["recipe"], other["seed"]) != (row["recipe"], row["seed"])] + [row]
        print(f"{row['recipe']:8} seed {row['seed']}  {row['seconds']:7.1f} s  test {row['accuracy']:.2%}", flush=True)
        write(rows)
    every = [name for name in presets.RECIPES if name != "pictures"]
    for name in asked.recipe or ([] if asked.runs else every):
        rows = [row for row in rows if row["recipe"] != name]
        for seed in range(max(10, asked.seeds) if name == presets.DEFAULT else asked.seeds):
            rows.append(one(name, seed, asked.keep))
            row = rows[-1]
            print(f"{name:8} seed {seed}  {row['seconds']:7.1f} s  test {row['accuracy']:.2%}", flush=True)
        write(rows)


if __name__ == "__main__":
    main()
