"""What is each choice in the recipe `fast` worth? One field is changed at a time.

    python benchmarks/variants.py [--seeds 6]

Everything is scored on the 10,000 validation digits; the test set is not read. For each seed the recipe as it stands is
trained too, in turn with the variants, and differences and time ratios are taken against it pair by pair.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import tenfold
from measuring import deviation, machine_name, mean, median, save

VARIANTS: dict[str, dict[str, Any]] = {
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


def one(changes: dict[str, Any], seed: int) -> tuple[float, float]:
    """Seconds of training, and validation accuracy."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run = tenfold.train("fast", out=Path(folder) / "run", seed=seed, quiet=True, **changes)
        return time.perf_counter() - began, run.metrics[-1]["val_accuracy"] or 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=6)
    seeds = parser.parse_args().seeds
    one({}, 999)
    rows: dict[str, list[tuple[float, float]]] = {name: [] for name in VARIANTS}
    for seed in range(seeds):
        for name, changes in VARIANTS.items():
            rows[name].append(one(changes, seed))
        print(f"seed {seed} done", flush=True)
    base = rows["as it stands"]
    summary: dict[str, Any] = {"machine": machine_name(), "n": seeds}
    for name, pairs in rows.items():
        gains = [ours[1] - theirs[1] for ours, theirs in zip(pairs, base, strict=True)]
        summary[name] = {
            "val_accuracy": mean([accuracy for _, accuracy in pairs]),
            "deviation": deviation([accuracy for _, accuracy in pairs]),
            "gain": mean(gains),
            "gain_deviation": deviation(gains),
            "time_ratio": median([ours[0] / theirs[0] for ours, theirs in zip(pairs, base, strict=True)]),
        }
        s = summary[name]
        gain = f"{s['gain']:+.3%} ± {s['gain_deviation']:.3%}"
        print(f"{name:34} {s['val_accuracy']:.3%}  {gain}  time {s['time_ratio']:.2f}")
    save("variants", summary, rows)


if __name__ == "__main__":
    main()
