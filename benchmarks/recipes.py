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

import json
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

import measuring
import tenfold
from measuring import Row, deviation, earlier_rows, mean, median, spread, table
from tenfold.learn import networks
from tenfold.learn.recipes import presets
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.training.runs import Run

SUMMARY = Path(presets.__file__).parent / "measured.json"
OF_DIGITS = {name: recipe for name, recipe in presets.RECIPES.items() if recipe.task == "digits"}


def unchanged(row: Row) -> bool:
    """Whether a row is of a recipe as it stands; fields that came since then had their default."""
    return presets.RECIPES.get(row["recipe"]) == Recipe.from_dict(row["fields"])


def trained(seeds: dict[str, int], keep: str | None = None, device: str = "auto") -> Iterator[tuple[Run, float]]:
    """A run for each recipe and seed, and the seconds it took."""
    for name, count in seeds.items():
        for seed in range(count):
            with tempfile.TemporaryDirectory() as folder:
                began = time.perf_counter()
                place = Path(keep or folder) / f"{name}-{seed}"
                run = tenfold.train(name, seed=seed, out=place, quiet=True, device=device)
                yield run, time.perf_counter() - began


def opened(places: Iterable[str]) -> Iterator[tuple[Run, float]]:
    """Trained runs, and the seconds of their epochs."""
    for place in places:
        run = Run.open(place)
        yield run, sum(epoch["seconds"] or 0.0 for epoch in run.metrics)


def collect(
    name: str,
    runs: Iterable[tuple[Run, float]],
    score: Callable[[Run, float], Row],
    write: Callable[[list[Row]], None],
    anew: Collection[str] = (),
) -> Row:
    """Score runs of recipes as they stand, and write the rows of results/NAME.json after each; returns the last row.

    A row takes the place of that with its recipe and seed; earlier ones of the recipes in `anew` are dropped.
    """
    rows = [row for row in earlier_rows(name) or [] if unchanged(row) and row["recipe"] not in anew]
    for run, seconds in runs:
        fields = run.recipe.changed(seed=0, device="auto").as_dict()
        row: Row = {"recipe": run.recipe.name, "fields": fields, "seed": run.recipe.seed}
        if not unchanged(row):
            raise SystemExit(f"{run.path} was not learnt by one of the recipes as they stand")
        rows = [other for other in rows if any(other[key] != row[key] for key in ("recipe", "seed"))]
        row |= score(run, seconds)
        rows.append(row)
        shown = [f"{key} {value:.4g}" for key, value in row.items() if isinstance(value, float)]
        print(f"{row['recipe']:8} seed {row['seed']}  {'  '.join(shown)}", flush=True)
        write(rows)
    return row


def by_recipe(rows: list[Row], summary: Callable[[list[Row]], Row]) -> dict[str, Row]:
    """The summary of each recipe's rows."""
    each = {name: [row for row in rows if row["recipe"] == name] for name in OF_DIGITS}
    return {name: summary(some) for name, some in each.items() if some}


def score(run: Run, seconds: float) -> Row:
    scores = tenfold.evaluate(run, draw=False)
    return {
        "seconds": round(seconds, 3),
        "val_accuracy": run.metrics[-1]["val_accuracy"],
        "accuracy": scores.accuracy,
        "nll": scores.nll,
        "ece": scores.ece,
        "machine": measuring.machine_name(),
    }


def summary(rows: list[Row]) -> Row:
    accuracies = [row["accuracy"] for row in rows]
    return {
        "accuracy": round(mean(accuracies), 6),
        "deviation": round(deviation(accuracies), 6),
        "n": len(rows),
        "seconds": median([row["seconds"] for row in rows]),
        "machine": rows[-1]["machine"],
    }


def write(rows: list[Row]) -> None:
    """Write the rows, and their summary for `tenfold recipes`."""
    summaries = by_recipe(rows, summary)
    measuring.save("recipes", summaries, rows)
    SUMMARY.write_text(json.dumps(summaries, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    parser = measuring.arguments(__doc__)
    parser.add_argument("recipe", nargs="*", help="recipes to measure; all of them if none is named")
    parser.add_argument("--seeds", type=int, default=3, help="seeds for each, 0, 1, 2 …; fast has at least ten")
    parser.add_argument("--keep", help="a folder for the runs")
    parser.add_argument("--runs", nargs="+", default=[], help="trained runs to score, of recipes as they stand")
    options = parser.parse_args()
    if options.runs:
        collect("recipes", opened(options.runs), score, write)
    if options.recipe or not options.runs:
        names = options.recipe or [name for name in OF_DIGITS if name != "pictures"]
        seeds = {name: max(10, options.seeds) if name == presets.DEFAULT else options.seeds for name in names}
        collect("recipes", trained(seeds, options.keep), score, write, anew=names)


def tables() -> dict[str, str]:
    s, scores, _ = measuring.measured("recipes")
    rows_of = "[every row](../benchmarks/results/recipes.json) by [recipes.py](../benchmarks/recipes.py)"
    by = f"<sub>{presets.timed_on()}; {rows_of}</sub>"
    if json.loads(SUMMARY.read_text(encoding="utf-8")) != s:
        raise SystemExit("measured.json is not what results/recipes.json says: run benchmarks/recipes.py")
    for row in scores:
        if not unchanged(row):
            raise SystemExit(f"the recipe {row['recipe']} has changed since it was measured: run benchmarks/recipes.py")
    parameters = {name: f"{networks.parameters(networks.build(r)):,}" for name, r in OF_DIGITS.items()}
    times = {name: f"{m['seconds']:,.{m['seconds'] < 100:d}f} s" for name, m in s.items()}
    rows, records = [], []
    for name, recipe in OF_DIGITS.items():
        m = s[name]
        default = " (default)" if name == presets.DEFAULT else ""
        accuracy = f"**{m['accuracy']:.2%}**{spread(m)} | {m['n']}"
        rows.append(f"`{name}`{default} | {parameters[name]} | {recipe.epochs} | {times[name]} | {accuracy}")
    for name, m in sorted(s.items(), key=lambda one: -one[1]["accuracy"]):
        nll, ece = (mean([row[key] for row in scores if row["recipe"] == name]) for key in ("nll", "ece"))
        accuracy = f"{m['accuracy']:.3%}{spread(m, 3)} | {m['n']} | {nll:.4f} | {ece:.2%}"
        records.append(f"`{name}` | {parameters[name]} | {accuracy} | {times[name]}")
    return {
        "recipes": f"{table('recipe | parameters | epochs | time | test accuracy | seeds', rows)}\n\n{by}",
        "records": f"{table('recipe | parameters | test accuracy | seeds | NLL | ECE | time', records)}\n\n{by}",
    }


if __name__ == "__main__":
    main()
