"""Does this checkout do what another one did? What people rely on, compared with an earlier version of tenfold.

    git worktree add /tmp/before v0.1.0
    python benchmarks/unchanged.py /tmp/before [--pictures DIR] [--only texts weights …] [--pairs 15]

Each version runs in processes of its own, with its `src` first on PYTHONPATH; times are taken in turn, as ratios. Exits
with 1 when anything differs that must not.
"""

import argparse
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from measuring import RESULTS, load, machine_name, median, save
from tenfold.mnist import embedded, idx

HERE = Path(__file__).resolve().parent.parent
PICTURES = HERE.parent / "shared" / "pictures"
TRAINED = {"fast": (), "mlp": (), "cnn": ("--epochs", "1")}  # whose weights must be the same bits
VERBS = (
    *("read", "explain", "serve", "train", "tune", "study", "evaluate", "ensemble", "predict", "recipes", "runs"),
    *("save", "export", "doctor", "data", "play"),
)
# Fields and networks that have had another name, as version 0.1.0 wrote them.
OLD_RECIPE = {"name": "old", "network": "lean", "channels": [8, 8], "hidden": [], "epochs": 2, "plain": 1}
OLD_RECIPE |= {"settle": True, "augment": "rotate=5,wear=0.5", "heed": 0.5, "soften": 3.0, "final": False}
SLOWER = 1.02  # how much slower a training may be
FIELDS = ("data=digits", "batch_size=64")
COLDER = 1.05  # and a start
WARM = """
import sys, tempfile, time, tenfold
for _ in sys.stdin:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        tenfold.train("fast", out=folder + "/run", quiet=True)
        print(time.perf_counter() - began, flush=True)
"""


class Version:
    """A checkout of tenfold, and what it does when it is called."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.env = {**os.environ, "PYTHONPATH": str(root / "src"), "NO_COLOR": "1", "COLUMNS": "100"}

    def start(self, *words: object, cwd: Path | None = None, threads: int | None = None) -> subprocess.Popen[str]:
        """`python …` under way."""
        env = self.env if threads is None else {**self.env, "OMP_NUM_THREADS": str(threads)}
        command = [sys.executable, *map(str, words)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=cwd, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    def run(
        self, *words: object, cwd: Path | None = None, threads: int | None = None, good: tuple[int, ...] = (0,)
    ) -> str:
        """What `python …` prints. Exits when it fails."""
        process = self.start(*words, cwd=cwd, threads=threads)
        out, err = process.communicate()
        if process.returncode not in good:
            raise SystemExit(f"{self.root}: {' '.join(map(str, words))} failed:\n{err}")
        return out

    def tenfold(self, *words: object, **how: Any) -> str:
        """What `tenfold …` prints."""
        return self.run("-m", "tenfold", *words, **how)


def bits(run: Path) -> str:
    """The SHA-256 of a run's weights, tensor by tensor."""
    digest = hashlib.sha256()
    for name, tensor in sorted(load_file(run / "model.safetensors").items()):
        digest.update(name.encode() + tensor.tobytes())
    return digest.hexdigest()


def texts(version: Version, _: Path, pictures: Path) -> dict[str, Any]:
    """The text of each picture, and whether each digit is sure."""
    lines = version.tenfold("read", pictures, "--json", "-q", good=(0, 3)).splitlines()
    rows = [json.loads(line) for line in lines]
    return {row["path"]: [row["text"], [digit["sure"] for digit in row["digits"]]] for row in rows}


def weights(version: Version, folder: Path, _: Path) -> dict[str, Any]:
    """The bits of trained networks, with one thread."""
    for name, options in TRAINED.items():
        version.tenfold("train", name, *options, "--out", folder / name, "-q", threads=1)
    return {name: bits(folder / name) for name in TRAINED}


def resumed(version: Version, folder: Path, _: Path) -> dict[str, Any]:
    """The bits of a training that was killed after its second epoch and resumed."""
    run = folder / "killed"
    process = version.start("-m", "tenfold", "train", "mlp", "--epochs", "6", "--out", run, "-q", threads=1)
    while len((run / "metrics.csv").read_text().splitlines() if (run / "metrics.csv").is_file() else ()) < 3:
        if process.poll() is not None:
            raise SystemExit(f"{version.root}: {process.communicate()[1]}")
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    version.tenfold("train", "--resume", run, "-q", threads=1)
    return {"mlp": bits(run)}


def names(version: Version, *_: Path) -> dict[str, Any]:
    """The public names, the verbs and their options."""
    found: dict[str, Any] = {"__all__": version.run("-c", "import tenfold; print(sorted(tenfold.__all__))")}
    for verb in VERBS:
        found[verb] = sorted(set(re.findall(r"(?<![\w-])--[a-z][\w-]+", version.tenfold(verb, "--help"))))
    return found


def written(before: Version, folder: Path, data: tuple[object, ...]) -> None:
    """Files of every kind, as the earlier version writes them: runs, one of them stopped, recipes, models, a study."""
    (folder / "old.json").write_text(json.dumps(OLD_RECIPE))
    for name, words in {
        "done": ("old.json",),
        "fast": ("fast",),
        "parity": ("fast", "--task", "parity"),
        "taught": ("mlp", "--epochs", "1", "--teacher", "runs/fast"),
    }.items():
        before.tenfold("train", *words, *data, "--out", f"runs/{name}", "-q", cwd=folder)
    stopped = ("-m", "tenfold", "train", "mlp", "--epochs", "400", *data, "--out", "runs/stopped", "-q")
    process = before.start(*stopped, cwd=folder)
    while not (folder / "runs/stopped/metrics.csv").is_file() and process.poll() is None:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    process.communicate()
    before.tenfold("ensemble", "runs/done", "runs/done", "-o", "runs/both", "-q", cwd=folder)
    before.tenfold("export", "runs/fast", "-o", "fast.onnx", cwd=folder)
    before.tenfold("recipes", "tiny", "--save", "tiny.json", cwd=folder)
    before.tenfold("study", "fast", *FIELDS, "--seeds", 2, "-q", "--out", "study", cwd=folder)


def old_files(before: Version, after: Version, folder: Path, pictures: Path) -> dict[str, Any]:
    """What the earlier version wrote, opened by the later one: "opened", or what the command said."""
    digits = embedded.read("train")
    small = folder / "digits"
    small.mkdir()
    for part, some in (("train", slice(0, 1500)), ("t10k", slice(1500, 1900))):
        idx.write(small / f"{part}-images-idx3-ubyte", digits.images[some])
        idx.write(small / f"{part}-labels-idx1-ubyte", digits.labels[some].astype(np.uint8))
    data: tuple[object, ...] = ("--data", "digits", "--batch-size", "64")
    written(before, folder, data)
    first = next(iter(sorted(pictures.rglob("*.png"))), None)
    commands: dict[str, tuple[object, ...]] = {
        "evaluate": ("evaluate", "runs/done", "--json"),
        "evaluate parity": ("evaluate", "runs/parity", "--json"),
        "evaluate ensemble": ("evaluate", "runs/both", "--json"),
        "evaluate taught": ("evaluate", "runs/taught", "--json"),
        "resume": ("train", "--resume", "runs/stopped", "-q"),
        "recipe": ("train", "old.json", *data, "--out", "runs/again", "-q"),
        "saved recipe": ("train", "tiny.json", *data, "--epochs", 1, "--out", "runs/tiny", "-q"),
        "study": ("study", "fast", *FIELDS, "--seeds", 3, "-q", "--out", "study"),
        "init": ("train", "--init", "runs/done", *data, "--epochs", "1", "--out", "runs/on", "-q"),
        "runs": ("runs", "--json"),
        **({} if first is None else {"read": ("read", first, "--model", "fast.onnx", "--single")}),
    }
    found: dict[str, Any] = {}
    for name, words in commands.items():
        process = after.start("-m", "tenfold", *words, cwd=folder)
        err = process.communicate()[1]
        found[name] = "opened" if process.returncode == 0 else err.strip()
    found["recipe, bits"] = bits(folder / "runs/again") == bits(folder / "runs/done")
    return found


def fast_time(before: Version, after: Version, pairs: int) -> dict[str, Any]:
    """Warm trainings of `fast`, one by turns in two processes that are kept, since the machine's speed drifts.

    The ratio is the median of those of the pairs; three pairs for each that is asked for.
    """
    kept = {name: version.start("-c", WARM) for name, version in (("before", before), ("after", after))}

    def train(name: str) -> float:
        process = kept[name]
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n")
        process.stdin.flush()
        if not (seconds := process.stdout.readline()):
            raise SystemExit(f"{name}: {process.communicate()[1]}")
        return float(seconds)

    seconds: dict[str, list[float]] = {name: [] for name in kept}
    for name in kept:
        train(name)  # the first is not warm
    for k in range(3 * pairs):
        for name in ("before", "after") if k % 2 else ("after", "before"):
            seconds[name].append(train(name))
    for process in kept.values():
        process.communicate()
    ratios = [new / old for old, new in zip(seconds["before"], seconds["after"], strict=True)]
    return {"ratio": median(ratios), **seconds}


def cold(before: Version, after: Version, pairs: int, pictures: Path) -> dict[str, Any]:
    """The time of whole processes, in turn: the ratio of the medians, and each."""
    one = next(iter(sorted(pictures.rglob("*.png"))), None)
    commands: dict[str, tuple[object, ...]] = {
        "import tenfold": ("-c", "import tenfold"),
        "tenfold --version": ("-m", "tenfold", "--version"),
        **({} if one is None else {"tenfold read one.png": ("-m", "tenfold", "read", one, "--single")}),
    }
    found: dict[str, Any] = {}
    for what, words in commands.items():
        seconds: dict[str, list[float]] = {"before": [], "after": []}
        for k in range(pairs):
            for name in ("before", "after") if k % 2 else ("after", "before"):
                began = time.perf_counter()
                (before if name == "before" else after).run(*words, good=(0, 3))
                seconds[name].append(time.perf_counter() - began)
        found[what] = {"ratio": median(seconds["after"]) / median(seconds["before"]), **seconds}
    return found


def differing(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The keys under which two answers differ."""
    return [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="a checkout of the earlier version")
    parser.add_argument("--pictures", type=Path, default=PICTURES)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--only", nargs="+", default=["texts", "weights", "resumed", "names", "old", "time", "cold"])
    parser.add_argument("--save", action="store_true", help="into results/unchanged.json, beside what --only left out")
    given = parser.parse_args()
    before, after = Version(given.before.resolve()), Version(HERE)
    compared: dict[str, Callable[[Version, Path, Path], dict[str, Any]]] = {
        "texts": texts,
        "weights": weights,
        "resumed": resumed,
        "names": names,
    }
    rows: dict[str, Any] = {}
    summary: dict[str, Any] = {"machine": machine_name()}
    bad: list[str] = []
    for what in given.only:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            if what in compared:
                (folder / "a").mkdir()
                (folder / "b").mkdir()
                was, now = (compared[what](v, folder / k, given.pictures) for v, k in ((before, "a"), (after, "b")))
                rows[what] = {"before": was, "after": now}
                apart = differing(was, now)
                summary[what] = f"{len(was) - len(apart)} of {len(was)} the same"
                if what == "names":
                    gone = {key: sorted(set(was[key]) - set(now[key])) for key in was if key != "__all__"}
                    gone = {key: names_ for key, names_ in gone.items() if names_}
                    summary[what] = {
                        "options that are gone": gone,
                        "__all__ is the same": was["__all__"] == now["__all__"],
                    }
                    bad += [what] if was["__all__"] != now["__all__"] else []
                else:
                    bad += [f"{what}: {key}" for key in apart]
            elif what == "old":
                found = old_files(before, after, folder, given.pictures)
                rows[what] = found
                bad += [f"old files: {key}: {value}" for key, value in found.items() if value not in ("opened", True)]
                summary[what] = f"{sum(value in ('opened', True) for value in found.values())} of {len(found)} open"
            elif what == "time":
                rows[what] = fast_time(before, after, given.pairs)
                summary[what] = round(rows[what]["ratio"], 4)
                bad += [f"time of fast: {summary[what]}"] if summary[what] > SLOWER else []
            else:
                rows[what] = cold(before, after, given.pairs, given.pictures)
                summary[what] = {name: round(one["ratio"], 4) for name, one in rows[what].items()}
                bad += [f"{name}: {ratio}" for name, ratio in summary[what].items() if ratio > COLDER]
        print(f"{what}: {summary[what]}", flush=True)
    if given.save:
        earlier = load("unchanged") if (RESULTS / "unchanged.json").is_file() else {"summary": {}, "rows": {}}
        save("unchanged", earlier["summary"] | summary, earlier["rows"] | rows)
    if bad:
        raise SystemExit("\n".join(["not as before:", *bad]))


if __name__ == "__main__":
    main()
