"""What does the temperature do? NLL, Brier score and ECE of trained runs on the test set, without it and with it.

    python benchmarks/calibration.py RUN ...

The runs are of recipes as they stand, with validation digits: their temperature was fitted on those when they ended
(C. Guo and others 2017, arXiv 1706.04599). Writes results/calibration.json; a run takes the place of the row with its
recipe and seed, and other rows are kept as long as their recipe has not changed since.
"""

import tenfold
from measuring import Row, arguments, mean, measured, save, table
from recipes import by_recipe, collect, opened
from tenfold.learn.training.runs import Run

SCORES = ("nll", "brier", "ece")


def score(run: Run, _: float) -> Row:
    scores = tenfold.evaluate(run, draw=False)
    assert scores.uncalibrated is not None
    return {
        "temperature": scores.temperature,
        "before": {name: scores.uncalibrated[name] for name in SCORES},
        "after": {name: getattr(scores, name) for name in SCORES},
    }


def summary(rows: list[Row]) -> Row:
    """The means over the rows of one recipe."""
    return {
        "n": len(rows),
        "temperature": mean([row["temperature"] for row in rows]),
        **{when: {name: mean([row[when][name] for row in rows]) for name in SCORES} for when in ("before", "after")},
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("runs", nargs="+")
    runs = opened(parser.parse_args().runs)
    collect("calibration", runs, score, lambda rows: save("calibration", by_recipe(rows, summary), rows))


def tables() -> dict[str, str]:
    s, _, by = measured("calibration")
    rows = [
        f"`{name}` | {m['n']} | {m['temperature']:.2f} | {m['before']['nll']:.4f} → {m['after']['nll']:.4f} | "
        f"{m['before']['brier']:.4f} → {m['after']['brier']:.4f} | {m['before']['ece']:.2%} → {m['after']['ece']:.2%}"
        for name, m in s.items()
    ]
    head = "recipe | networks | temperature | NLL | Brier score | ECE"
    return {"calibration": f"{table(head, rows)}\n\n{by}"}


if __name__ == "__main__":
    main()
