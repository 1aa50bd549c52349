"""How well does each recipe answer corrupted, shifted, turned and resized digits?

    python benchmarks/robustness.py [RECIPE ...] [--seeds 3] [--device auto]
    python benchmarks/robustness.py --runs RUN ...

Trains each recipe as it stands with several seeds, `cnn` alone if none is named, or takes trained runs, and scores
them under the 15 corruptions of MNIST-C (arXiv 1906.02337) and the further changes of `tenfold evaluate --corrupt`.
Writes results/robustness.json with every row, and the summary that this command takes its ratios from. Rows of recipes
that are not named are kept, as long as the recipe has not changed since; a run takes the place of the row with its
recipe and seed.
"""

import json

from measuring import Row, arguments, deviation, machine_name, mean, measured, save, spread, table
from recipes import by_recipe, collect, opened, trained
from tenfold.learn.scoring import robustness
from tenfold.learn.training.runs import Run

FAMILIES = ("corruption", "shift", "rotation", "scale")


def summary(rows: list[Row]) -> Row:
    """The means over the rows of one recipe."""
    return {
        "n": len(rows),
        "clean": round(mean([row["clean"] for row in rows]), 6),
        "mean": round(mean([row["mean"] for row in rows]), 6),
        "deviation": round(deviation([row["mean"] for row in rows]), 6),
        **{f: {name: round(mean([row[f][name] for row in rows]), 6) for name in rows[0][f]} for f in FAMILIES},
        "machine": machine_name(),
    }


def write(rows: list[Row]) -> None:
    """Write the rows, and their summary for `tenfold evaluate --corrupt`."""
    summaries = by_recipe(rows, summary)
    save("robustness", summaries, rows)
    robustness.MEASURED.write_text(json.dumps(summaries, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("recipe", nargs="*", help=f"recipes to train and measure; {robustness.REFERENCE} if none")
    parser.add_argument("--runs", nargs="+", default=[], help="trained runs to measure, of recipes as they stand")
    parser.add_argument("--seeds", type=int, default=3, help="seeds for each recipe, 0, 1, 2 …")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()

    def score(run: Run, _: float) -> Row:
        scores = robustness.corrupted(run, device=options.device, draw=False)
        if (scores.data, scores.task, scores.n) != robustness.MNIST_TEST:
            raise SystemExit(f"{run.path} must answer {robustness.MNIST_TEST}, not {scores.task} of {scores.data}")
        return {"clean": scores.clean, "mean": scores.mean, **scores.errors}

    if options.runs:
        collect("robustness", opened(options.runs), score, write)
    if options.recipe or not options.runs:
        names = options.recipe or [robustness.REFERENCE]
        runs = trained(dict.fromkeys(names, options.seeds), device=options.device)
        collect("robustness", runs, score, write, anew=names)


def tables() -> dict[str, str]:
    s, _, by = measured("robustness")

    def errors(family: str, amount: str) -> list[str]:
        return [f"{one[family][amount]:.2%}" for one in s.values()]

    rows = {"as they are": [f"{one['clean']:.2%}" for one in s.values()]}
    rows |= {kind.replace("_", " "): errors("corruption", kind) for kind in s["cnn"]["corruption"]}
    rows["**mean of the 15**"] = [f"**{one['mean']:.2%}**{spread(one)}" for one in s.values()]
    rows["ratio to `cnn`"] = [f"{one['mean'] / s['cnn']['mean']:.2f}" for one in s.values()]
    for family, unit in (("shift", " px"), ("rotation", "°"), ("scale", "")):
        rows |= {f"{family} {amount}{unit}": errors(family, amount) for amount in s["cnn"][family]}
    rows["networks"] = [f"{one['n']}" for one in s.values()]
    head = " | ".join(("error", *(f"`{name}`" for name in s)))
    return {"robustness": f"{table(head, (' | '.join((name, *row)) for name, row in rows.items()))}\n\n{by}"}


if __name__ == "__main__":
    main()
