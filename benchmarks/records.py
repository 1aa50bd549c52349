"""How accurate is a recipe, over seeds? Trains it on all 60,000 training digits and scores each network once.

    python benchmarks/records.py cnn-sgd --seeds 5 --logits
    python benchmarks/records.py tiny --seeds 10 --at-once 2
    python benchmarks/records.py fast --seeds 30 --held-out

Every finished network adds its row to results/records-RECIPE.json, and with --logits what it answers to the test
digits, in half precision, to results/records-RECIPE.npz, from which ensembles are scored. What is there already is not
trained again, so that a run that was stopped goes on, if need be on another machine: the time in the summary is then
the first one's. With --held-out the networks learn from 50,000 digits, and a temperature is fitted on the other 10,000;
without, there is none. Several at once have a thread each, and their seconds are not those of one alone.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from measuring import RESULTS, deviation, machine, mean, median
from tenfold.learn.recipes.presets import resolve


def one(recipe: str, seed: int, *, final: bool, changes: dict[str, Any], keep: str | None) -> None:
    """Train and score one network; its row and its logits are printed as JSON."""
    import torch

    import tenfold
    from tenfold.learn.networks.inference import infer

    with tempfile.TemporaryDirectory() as folder:
        place = Path(keep or folder) / f"{recipe}-{seed}"
        began = time.perf_counter()
        run = tenfold.train(recipe, seed=seed, final=final, out=place, quiet=True, **changes)
        seconds = time.perf_counter() - began
        found = tenfold.evaluate(run, draw=False)
        logits = infer(run.model().network, tenfold.MNIST(train=False).data)
        assert found.corrected is not None
        row = {
            "seed": seed,
            "seconds": round(seconds, 2),
            "threads": torch.get_num_threads(),
            "processor": machine()["processor"],
            "accuracy": found.accuracy,
            "corrected": found.corrected.accuracy,
            "val_accuracy": run.metrics[-1]["val_accuracy"],
            "temperature": found.temperature,
            "calibrated": {"nll": found.nll, "brier": found.brier, "ece": found.ece},
            "uncalibrated": found.uncalibrated,
            "parameters": sum(parameter.numel() for parameter in run.model().network.parameters()),
        }
    print(json.dumps({"row": row, "logits": logits.half().numpy().tobytes().hex()}))


def started(recipe: str, seed: int, asked: argparse.Namespace) -> tuple[dict[str, Any], "np.ndarray[Any, Any]"]:
    """One network in a process of its own: its row, and its logits (10,000, 10)."""
    command = [sys.executable, __file__, recipe, "--one", str(seed), "--changes", asked.changes]
    command += ["--held-out"] if asked.held_out else []
    command += ["--keep", asked.keep] if asked.keep else []
    environment = dict(os.environ)
    if asked.at_once > 1:
        environment |= {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // asked.at_once))}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(done.stderr)
    found = json.loads(done.stdout.splitlines()[-1])
    return found["row"], np.frombuffer(bytes.fromhex(found["logits"]), np.float16).reshape(10_000, -1)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means, deviations and extremes over the seeds."""
    accuracy = [row["accuracy"] for row in rows]
    corrected = [row["corrected"] for row in rows]
    return {
        "n": len(rows),
        "parameters": rows[0]["parameters"],
        "accuracy": mean(accuracy),
        "deviation": deviation(accuracy),
        "least": min(accuracy),
        "most": max(accuracy),
        "corrected": mean(corrected),
        "corrected_deviation": deviation(corrected),
        "seconds": median([row["seconds"] for row in rows if row["processor"] == rows[0]["processor"]]),
        **{
            f"{how}_{what}": mean([row[how][what] for row in rows])
            for how in ("calibrated", "uncalibrated")
            for what in ("nll", "brier", "ece")
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--held-out", action="store_true", help="learn from 50,000, fit a temperature on 10,000")
    parser.add_argument("--name", help="of the results, if it is not the recipe's")
    parser.add_argument("--changes", default="{}", help="fields of the recipe, as JSON")
    parser.add_argument("--logits", action="store_true", help="keep what each network answers")
    parser.add_argument("--keep", help="a folder for the runs")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    changes = json.loads(asked.changes)
    if asked.one is not None:
        one(asked.recipe, asked.one, final=not asked.held_out, changes=changes, keep=asked.keep)
        return
    name = asked.name or Path(asked.recipe).name.removesuffix(".json") + ("-held-out" if asked.held_out else "")
    file, logits_file = RESULTS / f"records-{name}.json", RESULTS / f"records-{name}.npz"
    fields = resolve(asked.recipe, **changes).changed(seed=0, final=False).as_dict()
    old: dict[str, Any] = (
        json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"fields": fields, "rows": []}
    )
    if old["fields"] != fields:
        raise SystemExit(f"{file} was measured with another recipe: remove it, or give --name")
    rows = old["rows"]
    for row in rows:
        row.setdefault("processor", old["machine"]["processor"])
    logits = dict(np.load(logits_file)) if logits_file.is_file() else {}
    left = [seed for seed in range(asked.seeds) if seed not in {row["seed"] for row in rows}]
    with ThreadPoolExecutor(asked.at_once) as pool:
        for row, its in pool.map(lambda seed: started(asked.recipe, seed, asked), left):
            rows.append(row)
            logits[str(row["seed"])] = its
            content = {
                "date": time.strftime("%Y-%m-%d"),
                "machine": old.get("machine") or machine(),
                "fields": fields,
                "at_once": asked.at_once,
                "summary": summary(rows),
                "rows": rows,
            }
            file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
            if asked.logits:
                np.savez_compressed(logits_file, **logits)
            found = content["summary"]
            print(
                f"seed {row['seed']:2}  {row['accuracy']:.2%}  {row['seconds']:7.1f} s   "
                f"mean {found['accuracy']:.3%} ± {found['deviation']:.3%}, n = {found['n']}",
                flush=True,
            )


if __name__ == "__main__":
    main()
