"""How accurate is a recipe, over seeds? Trains it on all 60,000 training digits and scores each network once.

    python benchmarks/records.py cnn-sgd --seeds 5 --logits
    python benchmarks/records.py tiny --seeds 10 --at-once 2
    python benchmarks/records.py fast --seeds 30 --held-out
    python benchmarks/records.py accurate --ensembles
    python benchmarks/records.py mine --finished runs/mine-0 runs/mine-1 mine.py:trained

Every finished network adds its row to results/records-RECIPE.json, and with --logits what it answers to the test
digits, in half precision, to results/records-RECIPE.npz, from which ensembles are scored. What is there already is not
trained again, so that a run that was stopped goes on, if need be on another machine: the time in the summary is then
the first one's. With --held-out the networks learn from 50,000 digits, and a temperature is fitted on the other 10,000;
without, there is none. Several at once share the cores, and their seconds are not those of one alone.

With --finished nothing is trained: runs, and modules that a function of yours gives, are scored under a name of yours.
They must have learnt from training digits alone, and nothing may have been chosen by the test set.

With --ensembles nothing is trained. For each number of members the probabilities of up to 200 random choices of that
many different networks, of those whose logits are kept, are averaged and scored on the test set; no network is picked
by its score. Writes results/ensembles-RECIPE.json.
"""

import argparse
import itertools
import json
import math
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import measuring
import tenfold
from measuring import RESULTS, Row, deviation, load, mean, median, table
from tenfold.learn.recipes import own
from tenfold.learn.recipes.presets import RECIPES, resolve
from tenfold.learn.recipes.recipe import Recipe

CHOICES = 200  # of members of an ensemble


def one(job: tuple[argparse.Namespace, int]) -> tuple[Row, "np.ndarray[Any, Any]"]:
    """Train and score one network: its row, and its logits (10,000, classes)."""
    options, seed = job
    with tempfile.TemporaryDirectory() as folder:
        place = Path(options.keep or folder) / f"{options.recipe}-{seed}"
        began = time.perf_counter()
        changes = json.loads(options.changes)
        run = tenfold.train(options.recipe, seed=seed, final=not options.held_out, out=place, quiet=True, **changes)
        return scored(run, seed, time.perf_counter() - began)


def finished(job: tuple[argparse.Namespace, int]) -> tuple[Row, "np.ndarray[Any, Any]"]:
    """Score one network that has been trained: a run, or what file.py:function gives."""
    options, number = job
    name = options.finished[number]
    if own.is_own(name):
        return scored(own.load(name)(), number, 0.0)
    run = tenfold.Run.open(name)
    return scored(run, run.recipe.seed, sum(epoch["seconds"] or 0.0 for epoch in run.metrics))


def scored(target: Any, seed: int, seconds: float) -> tuple[Row, "np.ndarray[Any, Any]"]:
    """The row of a run or a module, and its logits of the test digits."""
    import torch

    from tenfold.learn import networks
    from tenfold.learn.networks.inference import infer

    scores = tenfold.evaluate(target, draw=False)
    is_run = isinstance(target, tenfold.Run)
    network = target.model().network if is_run else target
    assert scores.corrected is not None
    row = {
        "seed": seed,
        "seconds": round(seconds, 2),
        "threads": torch.get_num_threads(),
        "processor": measuring.machine()["processor"],
        "accuracy": scores.accuracy,
        "corrected": scores.corrected.accuracy,
        "val_accuracy": target.metrics[-1]["val_accuracy"] if is_run else None,
        "temperature": scores.temperature,
        "calibrated": {"nll": scores.nll, "brier": scores.brier, "ece": scores.ece},
        "uncalibrated": scores.uncalibrated,
        "parameters": networks.parameters(network),
    }
    return row, infer(network, tenfold.MNIST(train=False).data).half().numpy()


def summary(rows: list[Row]) -> Row:
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


def choices(networks: int, members: int) -> list[tuple[int, ...]]:
    """All ways to choose so many of the networks, or CHOICES of them at random."""
    if math.comb(networks, members) <= CHOICES:
        return list(itertools.combinations(range(networks), members))
    generator, chosen = random.Random(0), set[tuple[int, ...]]()
    while len(chosen) < CHOICES:
        chosen.add(tuple(sorted(generator.sample(range(networks), members))))
    return sorted(chosen)


def ensembles(recipe: str) -> None:
    """How accurate networks are together, by their number."""
    with np.load(RESULTS / f"records-{recipe}.npz") as file:
        logits = np.stack([file[seed] for seed in sorted(file, key=int)]).astype(np.float64)
    labels = tenfold.MNIST(train=False).targets.numpy()
    each = np.exp(logits - logits.max(2, keepdims=True))
    each /= each.sum(2, keepdims=True)  # (networks, N, classes)
    rows: list[Row] = []
    for members in range(1, len(each) + 1):
        together = [each[list(chosen)].mean(0) for chosen in choices(len(each), members)]
        accuracy = [float((p.argmax(1) == labels).mean()) for p in together]
        nll = [float(-np.log(np.maximum(p[np.arange(len(labels)), labels], 1e-12)).mean()) for p in together]
        row: Row = {"members": members, "choices": len(together), "accuracy": mean(accuracy)}
        row |= {"deviation": deviation(accuracy), "least": min(accuracy), "most": max(accuracy), "nll": mean(nll)}
        rows.append(row)
        print(f"{members:3} members  {row['accuracy']:.3%} ± {row['deviation']:.3%}  n = {len(together)}")
    measuring.save(f"ensembles-{recipe}", {"networks": len(each), "choices": CHOICES}, rows)


def main() -> None:
    parser = measuring.arguments(__doc__)
    parser.add_argument("recipe")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--held-out", action="store_true", help="learn from 50,000, fit a temperature on 10,000")
    parser.add_argument("--name", help="of the results, if it is not the recipe's")
    parser.add_argument("--changes", default="{}", help="fields of the recipe, as JSON")
    parser.add_argument("--logits", action="store_true", help="keep what each network answers")
    parser.add_argument("--finished", nargs="+", metavar="RUN", help="score these: runs, or file.py:function")
    parser.add_argument("--keep", help="a folder for the runs")
    parser.add_argument("--ensembles", action="store_true", help="score networks together, from the logits kept")
    options = parser.parse_args()
    if options.ensembles:
        ensembles(options.recipe)
        return
    name = options.name or Path(options.recipe).name.removesuffix(".json") + ("-held-out" if options.held_out else "")
    name, logits_file = f"records-{name}", RESULTS / f"records-{name}.npz"
    changes = json.loads(options.changes)
    fields = {} if options.finished else resolve(options.recipe, **changes).changed(seed=0, final=False).as_dict()
    old: Row = load(name) if (RESULTS / f"{name}.json").is_file() else {"fields": fields, "rows": []}
    if Recipe.from_dict(old["fields"]) != Recipe.from_dict(fields):
        raise SystemExit(f"{name}.json was measured with another recipe: remove it, or give --name")
    rows: list[Row] = [{"processor": old["machine"]["processor"], **row} for row in old["rows"]]
    logits = dict(np.load(logits_file)) if logits_file.is_file() else {}
    seeds = range(len(options.finished) if options.finished else options.seeds)
    done = set() if options.finished else {row["seed"] for row in rows}
    rows = [] if options.finished else rows
    left = [(options, seed) for seed in seeds if seed not in done]
    for row, its_logits in measuring.new_processes(finished if options.finished else one, left, options.at_once):
        rows.append(row)
        logits[str(row["seed"])] = its_logits
        s = summary(rows)
        about = {
            "date": time.strftime("%Y-%m-%d"),
            "machine": old.get("machine") or measuring.machine(),
            "fields": fields,
        }
        measuring.write(name, {**about, "at_once": options.at_once, "summary": s, "rows": rows})
        if options.logits:
            np.savez_compressed(logits_file, **logits)
        print(
            f"seed {row['seed']:2}  {row['accuracy']:.2%}  {row['seconds']:7.1f} s   "
            f"mean {s['accuracy']:.3%} ± {s['deviation']:.3%}, n = {s['n']}",
            flush=True,
        )


def finals() -> str:
    """The networks that learnt from all 60,000 digits, a row for each recipe that was measured so."""
    rows, machines = [], []
    for name in [name for name in RECIPES if (RESULTS / f"records-{name}.json").is_file()]:
        results = load(f"records-{name}")
        machines.append(f"{results['machine']['cores']} cores of {results['machine']['processor']}")
        if Recipe.from_dict(results["fields"]) != RECIPES[name]:
            raise SystemExit(f"the recipe {name} has changed since its record: run benchmarks/records.py {name}")
        m = results["summary"]
        seconds = f"{m['seconds']:.0f} s" + (", one thread" if results["rows"][0]["threads"] == 1 else "")
        rows.append(
            f"`{name}` | {m['parameters']:,} | **{m['accuracy']:.3%}** ± {m['deviation']:.3%} | {m['n']} | "
            f"{m['least']:.2%} to {m['most']:.2%} | {m['corrected']:.3%} | {m['uncalibrated_nll']:.4f} | {seconds} | "
            f"[rows](../benchmarks/results/records-{name}.json)"
        )
    head = "recipe | parameters | test accuracy | seeds | from, to | by corrected labels | NLL | time | "
    by = f"<sub>{', '.join(dict.fromkeys(machines))}; by [records.py](../benchmarks/records.py)</sub>"
    return f"{table(head, rows)}\n\n{by}"


def taught(student: str = "mlp") -> str:
    """A network that an ensemble taught beside the same one taught by labels, pair by pair of seeds."""
    by_ensemble, by_labels = load(f"records-{student}-taught"), load(f"records-{student}")
    accuracy = {row["seed"]: row["accuracy"] for row in by_labels["rows"]}
    seeds = [row for row in by_ensemble["rows"] if row["seed"] in accuracy]
    pairs = [(row["accuracy"], accuracy[row["seed"]]) for row in seeds]
    gains = [one - other for one, other in pairs]
    better = sum(gain > 0 for gain in gains)
    theirs, ours = (f"{mean(one):.3%} ± {deviation(one):.3%}" for one in zip(*pairs, strict=True))
    about = by_ensemble["machine"]
    return (
        f"`{student}` has a test accuracy of {theirs} distilled from the ensemble, and of {ours} trained on labels: "
        f"{mean(gains) * 100:+.3f} ± {deviation(gains) * 100:.3f} points with the same seeds, better in {better} of "
        f"{len(pairs)}.\n\n<sub>{about['cores']} cores of {about['processor']}, torch {about['torch']}, "
        f"{by_ensemble['date']}; [rows distilled](../benchmarks/results/records-{student}-taught.json) and "
        f"[on labels](../benchmarks/results/records-{student}.json) by [records.py](../benchmarks/records.py)</sub>"
    )


def ensembles_table(name: str = "ensembles-accurate") -> str:
    _, scores, by = measuring.measured(name, "records")
    rows = []
    for row in scores:
        accuracy = f"{row['accuracy']:.3%}" + (f" ± {row['deviation']:.3%}" if row["choices"] > 1 else "")
        rows.append(f"{row['members']} | {accuracy} | {row['choices']} | {row['nll']:.4f}")
    return f"{table('networks | test accuracy | choices | NLL', rows)}\n\n{by}"


def ladder() -> str:
    """The best of tenfold on each rung, and the command that repeats it."""
    speed, slower = load("speed")["summary"], load("speed-fast-99.5")["summary"]
    ten = load("ensembles-accurate")["rows"][-1]
    chips = [row for row in load("microcontroller")["rows"] if row["recipe"] == "tiny-4bit"]
    poster = load("poster")["summary"]

    def of(name: str) -> str:
        s = load(f"records-{name}")["summary"]
        return f"{s['accuracy']:.3%} ± {s['deviation']:.3%} | {s['n']} | `records.py {name} --seeds {s['n']}`"

    def time_to(s: Row, name: str, script: str) -> str:
        ratio = f"{s['warm_ratio']:.2f} of the time of train_mnist_fast"
        return f"{s[name]['accuracy']:.3%} ± {s[name]['deviation']:.3%} in {ratio} | {s[name]['n']} | `{script}`"

    ints, size = [row["accuracy"] for row in chips], max(row["bytes"]["Cortex-M0"] for row in chips)
    rows = [
        f"99 % in time | `fast` | {time_to(speed, 'fast', 'speed.py')}",
        f"99.5 % in time | `fast-99.5` | {time_to(slower, 'fast-99.5', 'speed.py fast-99.5')}",
        "99.7 % in time | | nobody yet, as a mean over seeds | | ",
        f"accuracy of one network | `accurate` | {of('accurate')}",
        f"accuracy of ten | `accurate` | {ten['accuracy']:.3%} | {ten['choices']} | `records.py accurate --ensembles`",
        f"fewer than 4,000 parameters | `tiny` | {of('tiny')}",
        "fewer than 1,000 parameters | | 99.03 %, the best of about 700 runs by their test set, by others | | ",
        f"bytes, code and weights | `tiny-4bit` | {mean(ints):.3%} ± {deviation(ints):.3%} in {size:,} bytes | "
        f"{len(ints)} | `microcontroller.py`",
        f"a page in one QR code | `tiny`, narrower | {poster['accuracy']:.2%} in {poster['bytes']:,} bytes | 1 | "
        "`poster.py`",
    ]
    return table("rung | recipe | test accuracy | n | script", rows)


def tables() -> dict[str, str]:
    return {"ladder": ladder(), "finals": finals(), "taught": taught(), "ensembles": ensembles_table()}


if __name__ == "__main__":
    main()
