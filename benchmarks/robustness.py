"""How well does each recipe answer corrupted, shifted, turned and resized digits?

    python benchmarks/robustness.py [RECIPE ...] [--seeds 3] [--device auto]
    python benchmarks/robustness.py --runs RUN ...

Trains each recipe as it stands with several seeds, `cnn` alone if none is named, or takes trained runs, and scores
them under the 15 corruptions of MNIST-C (arXiv 1906.02337) and the further changes of `tenfold evaluate --corrupt`.
Writes results/robustness.json with every row, and the summary that this command takes its ratios from. Rows of recipes
that are not named are kept, as long as the recipe has not changed since; a run takes the place of the row with its
recipe and seed.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import tenfold
from measuring import RESULTS, deviation, machine_name, mean, save
from recipes import unchanged
from tenfold.learn.recipes import presets
from tenfold.learn.scoring import robustness
from tenfold.learn.training.runs import Run


def one(run: Run, device: str) -> dict[str, Any]:
    """Score a run."""
    found = robustness.corrupted(run, device=device, draw=False)
    if (found.data, found.task, found.n) != robustness.MNIST_TEST:
        raise SystemExit(f"{run.path} answers {found.task} on {found.n} digits of {found.data}: not MNIST's test set")
    row = {"recipe": run.recipe.name, "fields": fields(run), "seed": run.recipe.seed}
    return {**row, "clean": found.clean, "mean": found.mean, **found.errors}


def fields(run: Run) -> dict[str, Any]:
    """The run's recipe, but for its seed and the device, which do not make it another."""
    return run.recipe.changed(seed=0, device="auto").as_dict()


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The means over the rows of one recipe."""
    families = ("corruption", "shift", "rotation", "scale")
    return {
        "n": len(rows),
        "clean": round(mean([row["clean"] for row in rows]), 6),
        "mean": round(mean([row["mean"] for row in rows]), 6),
        "deviation": round(deviation([row["mean"] for row in rows]), 6),
        **{f: {name: round(mean([row[f][name] for row in rows]), 6) for name in rows[0][f]} for f in families},
        "machine": machine_name(),
    }


def write(rows: list[dict[str, Any]]) -> None:
    """Write the rows, and their summary for `tenfold evaluate --corrupt`."""
    names = [name for name in presets.RECIPES if any(row["recipe"] == name for row in rows)]
    summaries = {name: summary([row for row in rows if row["recipe"] == name]) for name in names}
    save("robustness", summaries, rows)
    robustness.MEASURED.write_text(json.dumps(summaries, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="*", help=f"recipes to train and measure; {robustness.REFERENCE} if none")
    parser.add_argument("--runs", nargs="+", default=[], help="trained runs to measure, of recipes as they stand")
    parser.add_argument("--seeds", type=int, default=3, help="seeds for each recipe, 0, 1, 2 …")
    parser.add_argument("--device", default="auto")
    asked = parser.parse_args()
    old = RESULTS / "robustness.json"
    rows = json.loads(old.read_text(encoding="utf-8"))["rows"] if old.is_file() else []
    rows = [row for row in rows if unchanged(row)]

    def add(row: dict[str, Any]) -> None:
        rows[:] = [other for other in rows if (other["recipe"], other["seed"]) != (row["recipe"], row["seed"])]
        rows.append(row)
        print(
            f"{row['recipe']:8} seed {row['seed']}  mean error {row['mean']:.2%}, clean {row['clean']:.2%}", flush=True
        )
        write(rows)

    for place in asked.runs:
        run = Run.open(place)
        if not unchanged({"recipe": run.recipe.name, "fields": fields(run)}):
            raise SystemExit(f"{place} was not learnt by one of the recipes as they stand")
        add(one(run, asked.device))
    for name in asked.recipe or ([] if asked.runs else [robustness.REFERENCE]):
        rows[:] = [row for row in rows if row["recipe"] != name]
        for seed in range(asked.seeds):
            with tempfile.TemporaryDirectory() as folder:
                run = tenfold.train(name, seed=seed, out=Path(folder) / "run", quiet=True, device=asked.device)
                add(one(run, asked.device))


if __name__ == "__main__":
    main()
