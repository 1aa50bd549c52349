"""What does the temperature do? NLL, Brier score and ECE of trained runs on the test set, without it and with it.

    python benchmarks/calibration.py RUN ...

The runs are of recipes as they stand, with validation digits: their temperature was fitted on those when they ended
(C. Guo and others 2017, arXiv 1706.04599). Writes results/calibration.json; a run takes the place of the row with its
recipe and seed, and other rows are kept as long as their recipe has not changed since.
"""

import argparse
import json
from typing import Any

import tenfold
from measuring import RESULTS, mean, save
from recipes import unchanged
from tenfold.learn.recipes import presets
from tenfold.learn.training.runs import Run

SCORES = ("nll", "brier", "ece")


def one(run: Run) -> dict[str, Any]:
    """Score a run."""
    row = {
        "recipe": run.recipe.name,
        "fields": run.recipe.changed(seed=0, device="auto").as_dict(),
        "seed": run.recipe.seed,
    }
    if not unchanged(row):
        raise SystemExit(f"{run.path} was not learnt by one of the recipes as they stand")
    found = tenfold.evaluate(run, draw=False)
    assert found.uncalibrated is not None
    return {
        **row,
        "temperature": found.temperature,
        "before": {name: found.uncalibrated[name] for name in SCORES},
        "after": {"nll": found.nll, "brier": found.brier, "ece": found.ece},
    }


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The means over the rows of one recipe."""
    return {
        "n": len(rows),
        "temperature": mean([row["temperature"] for row in rows]),
        **{when: {name: mean([row[when][name] for row in rows]) for name in SCORES} for when in ("before", "after")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+")
    asked = parser.parse_args()
    old = RESULTS / "calibration.json"
    rows = json.loads(old.read_text(encoding="utf-8"))["rows"] if old.is_file() else []
    rows = [row for row in rows if unchanged(row)]
    for place in asked.runs:
        row = one(Run.open(place))
        rows = [other for other in rows if (other["recipe"], other["seed"]) != (row["recipe"], row["seed"])] + [row]
        print(
            f"{row['recipe']:8} seed {row['seed']}  T {row['temperature']:.2f}  NLL {row['before']['nll']:.4f} -> "
            f"{row['after']['nll']:.4f}  ECE {row['before']['ece']:.2%} -> {row['after']['ece']:.2%}",
            flush=True,
        )
    names = [name for name in presets.RECIPES if any(row["recipe"] == name for row in rows)]
    save("calibration", {name: summary([row for row in rows if row["recipe"] == name]) for name in names}, rows)


if __name__ == "__main__":
    main()
