"""What is each choice in a recipe worth? One field is changed at a time.

    python benchmarks/variants.py [--seeds 6]
    python benchmarks/variants.py tiny --seeds 3 --at-once 2

Everything is scored on the 10,000 validation digits; the test set is not read. For each seed the recipe as it stands is
trained too, in turn with the variants, and differences and time ratios are taken against it pair by pair. Several at
once share the cores. What is in results/variants-RECIPE.json already, of the same recipe, is not trained again.
"""

import tempfile
import time
from pathlib import Path

import measuring
import tenfold
from measuring import RESULTS, Row, deviation, mean, median, table
from tenfold.learn.recipes.presets import RECIPES

FAST: dict[str, Row] = {
    "as it stands": {},
    "fewer channels, 8 and 32": {"channels": (8, 32)},
    "fewer channels, 12 and 32": {"channels": (12, 32)},
    "more channels, 16 and 48": {"channels": (16, 48)},
    "hidden layer of 32": {"hidden": (32,)},
    "hidden layer of 128": {"hidden": (128,)},
    "16 and 48 channels, hidden layer of 128, batches of 192, learning rate 0.02": {
        "channels": (16, 48),
        "hidden": (128,),
        "batch_size": 192,
        "lr": 0.02,
    },
    "no label smoothing": {"label_smoothing": 0.0},
    "label smoothing 0.1": {"label_smoothing": 0.1},
    "learning rate 0.015": {"lr": 0.015},
    "learning rate 0.06": {"lr": 0.06},
    "Adam's usual betas, 0.9 and 0.999": {"momentum": 0.9, "beta2": 0.999},
    "batches of 128": {"batch_size": 128},
    "batches of 192": {"batch_size": 192},
    "batches of 512": {"batch_size": 512},
    "one-cycle schedule": {"schedule": "onecycle", "warmup": 0.3},
    "warm-up over 0.3": {"warmup": 0.3},
    "SGD, learning rate 0.2": {"optimizer": "sgd", "lr": 0.2, "momentum": 0.9},
    "dropout 0.1": {"dropout": 0.1},
    "shifts by up to a pixel": {"augment": "shift=1"},
    "not channels-last": {"channels_last": False},
    "bfloat16": {"amp": True},
    "two epochs": {"epochs": 2},
}


MADE_TO_LEARN: dict[str, Row] = {  # of the recipes that learn changed digits for many epochs
    "as it stands": {},
    "batch normalisation does not settle": {"recalibrate_batchnorm": False},
    "augmentation to the end": {"unaugmented_epochs": 0},
    "neither": {"recalibrate_batchnorm": False, "unaugmented_epochs": 0},
    "no augmentation": {"augment": ""},
    "no elastic distortion": {"augment": "rotate=8,shift=1.5,scale=0.08,shear=5"},
    "twice as much augmentation": {"augment": "rotate=16,shift=3,scale=0.16,shear=10,elastic=1.4"},
    "Adam, learning rate 0.01": {"optimizer": "adam", "lr": 0.01, "momentum": 0.8, "beta2": 0.95, "weight_decay": 0},
    "SGD, learning rate 0.1": {"lr": 0.1},
    "SGD, learning rate 0.4": {"lr": 0.4},
    "no weight decay": {"weight_decay": 0.0},
    "label smoothing 0.1": {"label_smoothing": 0.1},
    "half of the epochs": {"epochs": 15},
    "full 3 x 3 convolutions (vgg), 8, 10 and 10 channels": {"network": "vgg", "channels": (8, 10, 10)},
}
VARIANTS = {"fast": FAST, "tiny": MADE_TO_LEARN}


def one(job: tuple[str, Row, int]) -> tuple[float, float]:
    """Seconds of training a recipe with changes and a seed, and validation accuracy."""
    recipe, changes, seed = job
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run = tenfold.train(recipe, out=Path(folder) / "run", seed=seed, quiet=True, **changes)
        return time.perf_counter() - began, run.metrics[-1]["val_accuracy"] or 0.0


def main() -> None:
    parser = measuring.arguments(__doc__)
    parser.add_argument("recipe", nargs="?", default="fast", choices=VARIANTS)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--at-once", type=int, default=1)
    options = parser.parse_args()
    recipe, variants = options.recipe, VARIANTS[options.recipe]
    name = "variants" if recipe == "fast" else f"variants-{recipe}"
    fields = {variant: RECIPES[recipe].changed(**changes).as_dict() for variant, changes in variants.items()}
    rows: dict[str, list[tuple[float, float]]] = {variant: [] for variant in variants}
    if options.at_once > 1 and (RESULTS / f"{name}.json").is_file():
        old = measuring.load(name)
        same = {variant for variant in variants if old["summary"].get("fields", {}).get(variant) == fields[variant]}
        rows |= {variant: old["rows"][variant] for variant in same}
    left = [(seed, variant) for seed in range(options.seeds) for variant in variants if len(rows[variant]) <= seed]
    jobs = [(recipe, variants[variant], seed) for seed, variant in left]
    if options.at_once == 1:
        one((recipe, {}, 999))  # the first run in a process pays for what libraries set up once
    results = map(one, jobs) if options.at_once == 1 else measuring.new_processes(one, jobs, options.at_once)
    for (seed, variant), row in zip(left, results, strict=True):
        rows[variant].append(row)
        print(f"seed {seed}  {row[1]:.2%}  {row[0]:6.1f} s  {variant}", flush=True)
        measuring.save(name, summarise(rows, fields), rows)


def summarise(rows: dict[str, list[tuple[float, float]]], fields: Row) -> Row:
    """What each variant is worth where it has been trained."""
    base = rows["as it stands"]
    summary: Row = {"machine": measuring.machine_name(), "n": len(base), "fields": fields}
    for variant, pairs in rows.items():
        if not pairs:
            continue
        accuracy = [row[1] for row in pairs]
        gains = [ours[1] - theirs[1] for ours, theirs in zip(pairs, base, strict=False)]
        summary[variant] = {
            "val_accuracy": mean(accuracy),
            "deviation": deviation(accuracy),
            "gain": mean(gains),
            "gain_deviation": deviation(gains),
            "time_ratio": median([ours[0] / theirs[0] for ours, theirs in zip(pairs, base, strict=False)]),
        }
    return summary


def tables() -> dict[str, str]:
    s, _, by = measuring.measured("variants")
    rows = []
    for name, v in s.items():
        if isinstance(v, dict) and name != "fields":
            gain = "" if name == "as it stands" else f"{v['gain'] * 100:+.3f} ± {v['gain_deviation'] * 100:.3f}"
            accuracy = f"{v['val_accuracy']:.3%} ± {v['deviation']:.3%}"
            rows.append(f"{name} | {accuracy} | {gain} | {v['time_ratio']:.2f}")
    head = f"change | validation accuracy, n = {s['n']} | gain in points | time"
    return {"variants": f"{table(head, rows)}\n\n{by}"}


if __name__ == "__main__":
    main()
