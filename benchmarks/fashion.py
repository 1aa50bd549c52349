"""What do the recipes reach on Fashion-MNIST, as they stand?

    python benchmarks/fashion.py [RECIPE ...] [--seeds 5] [--data fashion-mnist]

Trains each recipe with several seeds on 50,000 of its training pictures, the other 10,000 for validation, and scores
each run once on its test set, by which nothing was chosen: the recipes were made on MNIST. Writes results/fashion.json
after each seed; a seed that is there of the recipe as it stands is not trained again.

H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms",
2017, arXiv 1708.07747.
"""

import json
import tempfile
import time
from pathlib import Path

import tenfold
from measuring import Row, arguments, deviation, earlier_rows, machine_name, mean, measured, save, table
from tenfold.learn.recipes import presets

RECIPES = ("fast", "fast-99.5", "mlp", "mish", "cnn-sgd")


def trained(recipe: str, seed: int, data: str) -> Row:
    """The row of one training."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run = tenfold.train(recipe, seed=seed, data=data, val_size=10_000, out=Path(folder) / "r", quiet=True)
        seconds = time.perf_counter() - began
        found = tenfold.evaluate(run, draw=False)
        row = {"recipe": recipe, "seed": seed, "accuracy": found.accuracy, "nll": found.nll, "seconds": seconds}
        return row | {"fields": fields(recipe)}


def fields(recipe: str) -> Row:
    """What the recipe is, as JSON gives it back."""
    found: Row = json.loads(json.dumps(presets.RECIPES[recipe].as_dict()))
    return found


def summary(rows: list[Row]) -> Row:
    """Mean and deviation of each recipe."""
    found: Row = {"machine": machine_name(), "recipes": {}}
    for name in dict.fromkeys(row["recipe"] for row in rows):
        some = [row for row in rows if row["recipe"] == name]
        accuracies = [row["accuracy"] for row in some]
        found["recipes"][name] = {
            "accuracy": mean(accuracies),
            "deviation": deviation(accuracies),
            "n": len(some),
            "seconds": mean([row["seconds"] for row in some]),
        }
    return found


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("recipe", nargs="*", default=RECIPES)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data", default="fashion-mnist")
    options = parser.parse_args()
    earlier = earlier_rows("fashion") or []
    rows = [row for row in earlier if row["recipe"] not in options.recipe or row["fields"] == fields(row["recipe"])]
    there = {(row["recipe"], row["seed"]) for row in rows}
    for name in options.recipe:
        for seed in range(options.seeds):
            if (name, seed) in there:
                continue
            rows.append(trained(name, seed, options.data))
            print({key: rows[-1][key] for key in ("recipe", "seed", "accuracy", "seconds")}, flush=True)
            save("fashion", summary(rows), rows)


def tables() -> dict[str, str]:
    s, _, by = measured("fashion")
    rows = [
        f"`{name}` | {one['accuracy']:.2%} ± {one['deviation'] * 100:.2f} | {one['n']}"
        for name, one in s["recipes"].items()
    ]
    return {"fashion": f"{table('recipe | test accuracy | seeds', rows)}\n\n{by}"}


if __name__ == "__main__":
    main()
