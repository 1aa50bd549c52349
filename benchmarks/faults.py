"""What damaged and hostile files do to those who open them, and what a kill at any moment costs.

    python benchmarks/faults.py --mutations 50000 --kills 200 --seed 0

Mutations: valid files of twelve loaders with bits flipped, cut, inserted, swapped, and changed where their format
would be hurt, each opened in a process with limits of time and memory. Kills: each command is killed at a random moment
and the same is given again, until it is through; what it leaves must be what an undisturbed one does.
With --only, the rows of the others in results/faults.json stay.
"""

import contextlib
import hashlib
import io
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from measuring import RESULTS, arguments, load, measured, save, table
from tenfold import cli

SECONDS, MEMORY = 20, 3 * 2**30  # that an input may take, the memory beside what is taken before
KINDS = ("opened", "error", "other", "memory", "time", "died")  # what can come of a mutation
KILLS = ("train", "tune", "study", "read", "corrections")
SMALL: dict[str, Any] = {"network": "mlp", "hidden": (8,), "epochs": 2, "batch_size": 32, "device": "cpu"}
Opened = Callable[[Path], object]


def _tuned(folder: Path, place: Path) -> object:
    from tenfold.learn.recipes.recipe import Recipe
    from tenfold.learn.search.tuning import tune

    given: dict[str, Any] = {"trials": 2, "search": ["lr=1e-3..1e-1:log"], "seeds": 0, "jobs": 1, "quiet": True}
    return tune(Recipe(**SMALL, data=str(folder / "data.npz")), out=place, **given)


def loaders(folder: Path) -> dict[str, tuple[Path, Opened]]:
    """A valid file for each loader, made in a folder, and what opens it."""
    import numpy as np

    import tenfold
    from tenfold.learn.recipes.recipe import Recipe
    from tenfold.learn.search.study import study
    from tenfold.mnist import exports, sources
    from tenfold.read.classifier import Classifier
    from tenfold.read.many.outputs import Output

    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 255, (120, 28, 28)).astype(np.uint8), np.arange(120) % 10
    np.savez_compressed(folder / "data.npz", images=images, labels=labels)
    rows = [",".join(["label", *(f"pixel{k}" for k in range(784))])]
    rows += [",".join(map(str, [label, *image.ravel()])) for image, label in zip(images[:20], labels, strict=False)]
    (folder / "data.csv").write_text("\n".join(rows) + "\n")
    from scipy.io import savemat

    savemat(folder / "data.mat", {"images": images.reshape(120, 784), "labels": labels}, do_compression=True)
    exports.export(sources.load(folder / "data.npz"), folder / "idx", "idx")
    run = tenfold.train("mlp", data=folder / "data.npz", out=folder / "run", quiet=True, **SMALL)
    model = tenfold.export(run, folder / "model.onnx")
    _without_checksums(run, model)
    study(Recipe(**SMALL, data=str(folder / "data.npz")), seeds=2, out=folder / "study", jobs=1, quiet=True)
    _tuned(folder, folder / "tuning")
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table({"image": [image.ravel().tolist() for image in images], "label": labels})
    parquet.write_table(table, folder / "data.parquet")
    kept = [{"path": f"{k}.png", "text": str(k), "sure": True, "digits": 1, "error": None} for k in range(20)]
    (folder / "rows.csv.part").write_text("".join(json.dumps(row | {"lowest_probability": 0.9}) + "\n" for row in kept))

    def resumed(path: Path) -> object:
        return Output(path.with_suffix(""), resume=True)

    def evaluated(path: Path) -> object:
        return tenfold.evaluate(path, data=folder / "data.npz", draw=False)

    def continued(path: Path) -> object:
        place = path.parent / "run"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        shutil.copy(folder / "run" / "recipe.json", place)
        shutil.copy(path, place / "last.ckpt")
        return tenfold.train(resume=place, quiet=True)

    def tuned(path: Path) -> object:
        place = path.parent / "tuning"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(folder / "tuning", place)
        shutil.copy(path, place / "study.db")
        return _tuned(folder, place)

    def studied(path: Path) -> object:
        place = path.parent / "study"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(folder / "study", place)
        shutil.copy(path, place / "study.json")
        return study(Recipe(**SMALL, data=str(folder / "data.npz")), seeds=2, out=place, jobs=1, quiet=True)

    def idx(path: Path) -> object:
        place = path.parent / "idx"
        place.mkdir(exist_ok=True)
        shutil.copy(folder / "idx" / "train-labels-idx1-ubyte.gz", place)
        shutil.copy(path, place / "train-images-idx3-ubyte.gz")
        return sources.load(place)

    blank = np.zeros((1, 1, 28, 28), np.float32)
    return {
        "recipe": (folder / "run" / "recipe.json", Recipe.read),
        "npz": (folder / "data.npz", sources.load),
        "csv": (folder / "data.csv", sources.load),
        "mat": (folder / "data.mat", sources.load),
        "idx": (folder / "idx" / "train-images-idx3-ubyte.gz", idx),
        "weights": (folder / "run" / "model.safetensors", evaluated),
        "checkpoint": (folder / "run" / "last.ckpt", continued),
        "onnx": (model, lambda path: Classifier(path, threads=1).probabilities(blank)),
        "parquet": (folder / "data.parquet", sources.load),
        "tuning": (folder / "tuning" / "study.db", tuned),
        "study": (folder / "study" / "study.json", studied),
        "rows": (folder / "rows.csv.part", resumed),
    }


def _without_checksums(run: Any, model: Path) -> None:
    """Files as earlier versions wrote them, which more of what opens them gets to see."""
    import onnx
    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file

    with safe_open(run.model_file, framework="pt") as file:
        texts = {name: text for name, text in file.metadata().items() if name != "sha256"}
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(weights, f"{run.model_file}.old", {**texts, "format": "tenfold 1"})
    plain = torch.load(run.checkpoint_file, weights_only=True)
    torch.save({name: value for name, value in plain.items() if name != "sealed"}, f"{run.checkpoint_file}.old")
    proto = onnx.load(model)
    texts = {entry.key: entry.value for entry in proto.metadata_props if entry.key != "sha256"}
    onnx.helper.set_model_props(proto, {**texts, "format": "tenfold-reader 1"})
    onnx.save(proto, f"{model}.old")


NUMBERS = (
    b"-1",
    b"0",
    b"1e999",
    b"NaN",
    b"9" * 400,
    b"1e30",
    b"null",
    b'"x"',
    b"[" * 2000,
    b"{}",
    b"true",
    b"2147483648",
)
BYTES = (b"\0" * 8, b"\xff" * 8, struct.pack("<q", 2**62), struct.pack(">i", -1), b"\x7f\xf0\0\0", b"\0\0\xc0\x7f")


def mutated(raw: bytes, rng: random.Random) -> bytes:
    """A file's bytes changed at random, once to four times."""
    changed = bytearray(raw)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        place, size = rng.randrange(max(1, len(changed))), rng.randrange(1, 64)
        kind = rng.randrange(7)
        if kind == 0 and changed:
            changed[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del changed[place : place + (size if rng.random() < 0.7 else len(changed))]
        elif kind == 2:
            changed[place:place] = rng.randbytes(size)
        elif kind == 3:
            other = rng.randrange(max(1, len(changed)))
            changed[place : place + size], changed[other : other + size] = (
                changed[other : other + size],
                changed[place : place + size],
            )
        elif kind == 4:
            changed[place : place + size] = rng.choice(BYTES)
        elif kind == 5:
            changed = _number(changed, rng)
        else:
            changed = _repacked(changed, rng)
    return bytes(changed)


def _number(raw: bytearray, rng: random.Random) -> bytearray:
    """Another value where a text has a number or a word."""
    found = list(re.finditer(rb"-?\d+(?:\.\d+)?(?:e-?\d+)?|\"[^\"]{0,40}\"|true|false|null", bytes(raw[:200_000])))
    if not found:
        return raw
    match = rng.choice(found)
    return raw[: match.start()] + bytearray(rng.choice(NUMBERS)) + raw[match.end() :]


def _repacked(raw: bytearray, rng: random.Random) -> bytearray:
    """What is packed, changed inside and packed again, so that its checksums are right."""
    import zipfile

    try:
        if raw[:2] == b"\x1f\x8b":
            inside = bytearray(zlib.decompress(bytes(raw), 31))
            inside[:16] = mutated_head(inside[:16], rng)
            packer = zlib.compressobj(wbits=31)
            return bytearray(packer.compress(bytes(inside)) + packer.flush())
        if raw[:2] == b"PK":
            written = io.BytesIO()
            with zipfile.ZipFile(io.BytesIO(bytes(raw))) as before, zipfile.ZipFile(written, "w") as after:
                chosen = rng.choice(before.namelist())
                for info in before.infolist():
                    inside = bytearray(before.read(info))
                    if info.filename == chosen:
                        inside[:200] = mutated_head(inside[:200], rng)
                    after.writestr(info.filename, bytes(inside), info.compress_type)
            return bytearray(written.getvalue())
    except Exception:  # noqa: BLE001 - what an earlier change has broken already
        return raw
    return raw


def mutated_head(raw: bytearray, rng: random.Random) -> bytearray:
    place = rng.randrange(max(1, len(raw)))
    if rng.random() < 0.5:
        return _number(raw, rng)
    raw[place : place + 8] = rng.choice(BYTES)
    return raw


def _try(opened: Opened, path: Path) -> tuple[str, str]:
    """What comes of a file: "opened", "error" of ours, or "other", and then which and where."""
    from tenfold.errors import TenfoldError

    try:
        with warnings.catch_warnings(action="ignore"):
            opened(path)
    except TenfoldError as error:
        return ("error", "") if "\n" not in str(error).strip() else ("other", f"{type(error).__name__}: several lines")
    except MemoryError:
        return "memory", ""
    except BaseException as error:  # noqa: BLE001 - this is what is looked for
        ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "tenfold" in frame.filename]
        where = f"{Path(ours[-1].filename).name}:{ours[-1].name}" if ours else "?"
        return "other", f"{type(error).__name__} in {where}: {str(error)[:80]}"
    return "opened", ""


def _worker(folder: str, loader: str, seed: int, count: int, pipe: Any) -> None:
    """Open so many mutations from `seed` on, and send what comes of each; limits end this process."""
    import resource

    os.chdir(folder)
    sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    path, opened = loaders_of(Path(folder))[loader]
    raws = [file.read_bytes() for file in (path, path.with_name(f"{path.name}.old")) if file.exists()]
    pages = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (pages + MEMORY, pages + MEMORY))
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / path.name
        for number in range(seed, seed + count):
            rng = random.Random(f"{loader} {number}")
            place.write_bytes(mutated(raws[number % len(raws)], rng))
            pipe.send(("begun", number))
            pipe.send(("ended", _try(opened, place)))
    pipe.send(("done", None))


_made: dict[Path, dict[str, tuple[Path, Opened]]] = {}


def loaders_of(folder: Path) -> dict[str, tuple[Path, Opened]]:
    """The loaders, of files that were made before this process was forked."""
    return _made[folder]


def mutations(folder: Path, loader: str, count: int, seed: int) -> dict[str, Any]:
    """Open so many mutations of a loader's file; what came of them."""
    counts: Counter[str] = Counter()
    others: dict[str, list[int]] = {}  # what came that should not, and at which mutations
    began, number, end = time.perf_counter(), seed, seed + count
    slowest = 0.0
    context = multiprocessing.get_context("fork")
    while number < end:
        mine, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_worker, args=(str(folder), loader, number, end - number, theirs))
        process.start()
        theirs.close()
        why = ""
        try:
            while True:
                since = time.perf_counter()
                if not mine.poll(SECONDS):
                    why = "time"
                    break
                kind, value = mine.recv()
                if kind == "done":
                    break
                if kind == "begun":
                    number = value
                    continue
                slowest = max(slowest, time.perf_counter() - since)
                counts[value[0]] += 1
                if value[0] == "other":
                    others.setdefault(value[1], []).append(number)
                number += 1
        except EOFError:
            why = "died"
        process.kill()
        process.join()
        if why:
            counts[why] += 1
            others.setdefault(why, []).append(number)
            number += 1
        elif number >= end:
            break
    return {
        "loader": loader,
        "mutations": count,
        **{kind: counts[kind] for kind in KINDS},
        "others": {what: numbers[:5] for what, numbers in others.items()},
        "slowest_seconds": round(slowest, 2),
        "seconds": round(time.perf_counter() - began, 1),
    }


def _command(folder: Path, verb: str) -> list[list[str]]:
    """The command of a verb, and what to give where it says that the first was begun already."""
    data = ["--data", str(folder / "data.npz"), "--device", "cpu"]
    small = ["network=mlp", "hidden=8", "batch_size=16"]
    if verb == "train":
        return [
            ["train", "mlp", *small, "epochs=10", *data, "--out", "out"],
            ["train", "--resume", "out"],
        ]
    if verb == "study":
        return [["study", "mlp", *small, "epochs=3", *data, "--seeds", "2", "--jobs", "1", "--out", "out"]]
    if verb == "tune":
        given = ["--trials", "2", "--jobs", "1", "--seeds", "0", "--search", "lr=1e-3..1e-1:log"]
        return [["tune", "mlp", *small, "epochs=3", *data, *given, "--out", "out"]]
    if verb == "read":
        return [["read", str(folder / "pictures"), "-o", "out.csv", "--resume", "--single", "-q", "--workers", "1"]]
    return [["correct", "out", str(folder / "data.npz")]]


def _left(verb: str, place: Path) -> object:
    """What a command has left, without times and paths, to be compared."""
    if verb == "read":
        return (place / "out.csv").read_text(), [path.name for path in place.iterdir()]
    if verb == "corrections":
        names = (path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())
        return sorted(re.sub(r"\d{8}-\d{6}", "", name) for name in names)
    if verb == "train":
        from tenfold.learn.training import models

        weights = models.read_weights(place / "out" / "model.safetensors")
        digest = hashlib.sha256(b"".join(weights[name].numpy().tobytes() for name in sorted(weights))).hexdigest()
        return digest, sorted(path.name for path in (place / "out").iterdir())
    found = json.loads((place / "out" / ("study.json" if verb == "study" else "tuning.json")).read_text())
    if verb == "study":
        return [{k: v for k, v in row.items() if k != "seconds"} for row in found["seeds"]]
    return found["trials"], found["best"]


def _ran(command: list[str], place: Path, after: float | None) -> tuple[int, str]:
    """Run a command, killed `after` so many seconds with all that it started; its status and what it said.

    It runs in a fork of this process, which has loaded PyTorch already: what is killed then is work, not imports.
    """
    said = place.with_name(f"{place.name}.said")
    pid = os.fork()
    if not pid:
        _run(command, place, said)
    end = time.monotonic() + (after or 600)
    while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
        if time.monotonic() > end:
            os.killpg(pid, signal.SIGKILL)
            ended = os.waitpid(pid, 0)
            break
        time.sleep(0.002)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # what it started and left
    text = said.read_text("utf-8", "replace").strip()
    said.unlink()
    return os.waitstatus_to_exitcode(ended[1]), text


def _run(command: list[str], place: Path, said: Path) -> NoReturn:
    """Be the process of a command, in a session of its own."""
    os.setsid()
    os.chdir(place)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT), 2)
    status = 0
    try:
        if command[0] == "correct":
            correct(*command[1:])
        else:
            sys.argv = ["tenfold", *command]
            cli.main()
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:  # noqa: BLE001 - as the interpreter would
        traceback.print_exc()
        status = 1
    os._exit(status)


def kills(folder: Path, verb: str, count: int, seed: int) -> dict[str, Any]:
    """Kill a command so many times, each at a random moment of the whole; what differs in the end."""
    rng, began = random.Random(f"{verb} {seed}"), time.perf_counter()
    commands = _command(folder, verb)
    with tempfile.TemporaryDirectory() as scratch:
        since = time.perf_counter()
        status, said = _ran(commands[0], Path(scratch), None)
        whole = time.perf_counter() - since
        assert status == 0, said
        wanted = _left(verb, Path(scratch))
    done, same, refused, different = 0, 0, Counter[str](), 0
    while done < count:
        with tempfile.TemporaryDirectory() as scratch:
            place, given, ways = Path(scratch), commands[0], 0
            while True:
                kill = done < count and ways < 3
                status, said = _ran(given, place, rng.uniform(0.1, 1.0) * whole if kill else None)
                if status == -signal.SIGKILL:
                    done, ways = done + 1, ways + 1
                elif status != 0 and "--resume out" in said and given is not commands[-1]:
                    given = commands[-1]
                elif status != 0:
                    refused[re.sub(r"/\S+/", "", said)[-160:]] += 1
                    break
                else:
                    found = _left(verb, place)
                    same, different = same + (found == wanted), different + (found != wanted)
                    break
    return {
        "verb": verb,
        "kills": done,
        "same": same,
        "different": different,
        "refused": dict(refused),
        "undisturbed_seconds": round(whole, 2),
        "seconds": round(time.perf_counter() - began, 1),
    }


def correct(out: str, data: str) -> None:
    """Save a hundred corrections, as the service does, those that are there again."""
    from tenfold.mnist import sources
    from tenfold.serve.corrections import Corrections

    digits = sources.load(data).parts["train"]
    kept = Corrections(out, [str(k) for k in range(10)], 1000)
    for image, label in zip(digits.images[:100], digits.labels, strict=False):
        kept.save(image.tobytes(), str(label))


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--mutations", type=int, default=50_000, help="of each loader")
    parser.add_argument("--kills", type=int, default=200, help="of each command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="loaders and commands")
    given = parser.parse_args()
    import torch
    from PIL import Image

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        _made[folder] = loaders(folder)
        (folder / "pictures").mkdir()
        from tenfold.mnist import sources

        for k, image in enumerate(sources.load().test.images[:40]):  # type: ignore[union-attr]
            Image.fromarray(255 - image).resize((64, 64)).save(folder / "pictures" / f"{k:02}.png")
        chosen = [name for name in _made[folder] if given.only is None or name in given.only]
        for name in chosen if given.mutations else ():
            _keep("mutations", mutations(folder, name, given.mutations, given.seed))
        for verb in KILLS if given.kills else ():
            if given.only is None or verb in given.only:
                _keep("kills", kills(folder, verb, given.kills, given.seed))


def _keep(kind: str, row: dict[str, Any]) -> None:
    """Put a row in the place of an earlier one of the same loader or command."""
    print(json.dumps(row), flush=True)
    name = next(iter(row))
    rows = load("faults")["rows"] if (RESULTS / "faults.json").exists() else {"mutations": [], "kills": []}
    rows[kind] = [*(one for one in rows[kind] if one[name] != row[name]), row]
    total: Counter[str] = Counter()
    for one in rows["mutations"]:
        total.update({what: one[what] for what in KINDS})
    ends = {what: sum(one[what] for one in rows["kills"]) for what in ("kills", "same", "different")}
    save("faults", {"mutations": dict(total), **ends}, rows)


def tables() -> dict[str, str]:
    _, rows, by = measured("faults")
    opened = [
        f"{row['loader']} | {row['mutations']:,} | {row['opened']:,} | {row['error']:,} | "
        f"{row['mutations'] - row['opened'] - row['error']:,} | {row['slowest_seconds']:.2f} s"
        for row in rows["mutations"]
    ]
    killed = [
        f"{row['verb']} | {row['kills']} | {row['same']} | {row['different']} | {sum(row['refused'].values())} | "
        f"{row['undisturbed_seconds']:.1f} s"
        for row in rows["kills"]
    ]
    heads = (
        "what is opened | changed files | opened | told in a line | anything else | slowest",
        "command | kills | left the same | something else | an error | takes",
    )
    both = [f"{table(head, lines)}\n\n{by}" for head, lines in zip(heads, (opened, killed), strict=True)]
    return dict(zip(("mutations", "kills"), both, strict=True))


if __name__ == "__main__":
    main()
