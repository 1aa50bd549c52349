"""How do other readers read the same pictures? tenfold beside PP-OCR and tesseract, one run, one core.

    python benchmarks/peers.py --numbers FOLDER --pictures FOLDER [--count 200] [--kinds ...] [--peers tenfold ...]

Reads pictures that papers.py draws, so many of each kind, and folders with a labels.csv (file, text, kind): --numbers
holds rows of writing, whose digits are compared, --pictures one digit or several. Others join in where they are
installed: `pip install rapidocr onnxruntime`, and the program tesseract. They are told which characters may occur,
where no letters stand beside, and whether a picture is one row or a page; tenfold is told of neither, but all are told
of a picture of one digit. Its answer is its likeliest text, as that of others is; for letters, what it is sure of.

A time is CPU seconds a picture after a first one, of all threads and with decoding; tesseract's has the start of its
process. Nothing is learnt or chosen by these pictures. With all peers it writes what it has run
to results/peers.json, beside other kinds that are there.
"""

import csv
import importlib
import importlib.util
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import papers
import tenfold
from measuring import RESULTS, Row, arguments, machine_name, measured, save, table
from pages import png
from papers import DIGITS, Picture, Task
from tenfold.learn.scoring.metrics import wilson

Source = Path | Picture
Answer = tuple[str, bool]  # what was read, and whether it is sure
NUMBERS = Task(score="digits")
DASHES = str.maketrans("−–—‐：（）％，／＋", "----:()%,/+")
FILE_NAME = str.maketrans("/\n", "÷_")


@dataclass(frozen=True)
class Peer:
    """A reader: its name and version, how it reads, and the clock that counts the CPU seconds it takes."""

    name: str
    read: Callable[[Source, Task], Answer]
    clock: Callable[[], float] = time.process_time
    guess: Callable[[Source, Task], str] | None = None  # the likeliest text, of those who say that they are not sure


def by_tenfold() -> Peer:
    reader, guessing = tenfold.Reader(threads=1), tenfold.Reader(threads=1, always_answer=True)

    def read(source: Source, task: Task) -> Answer:
        reading = reader.read(source, single=task.layout == "single")
        return reading.text, reading.sure

    def guess(source: Source, task: Task) -> str:
        return guessing.read(source, single=task.layout == "single").text

    return Peer(f"tenfold {tenfold.__version__}", read, guess=guess)


def by_rapidocr() -> Peer | None:
    """PP-OCR as rapidocr brings it: its recognition of a row as it is, of a page after its detection."""
    if not importlib.util.find_spec("rapidocr"):
        return None
    threads = {f"EngineConfig.onnxruntime.{name}_op_num_threads": 1 for name in ("intra", "inter")}
    options = {"Global.log_level": "critical", "Global.text_score": 0.0, **threads}
    engine: Any = importlib.import_module("rapidocr").RapidOCR(params=options)
    engine(np.full((48, 320, 3), 255, np.uint8), use_det=False, use_cls=False)  # its networks are loaded when used
    recognition = engine.text_rec
    network, characters = recognition.session, np.array(recognition.postprocess_op.character)

    @cache
    def mask(allowed: str) -> NDArray[np.float32]:
        return np.isin(characters, ["blank", *allowed]).astype(np.float32)

    def read(source: Source, task: Task) -> Answer:
        recognition.session = (lambda batch: network(batch) * mask(task.allowed)) if task.allowed else network
        picture = source if isinstance(source, Path) else Image.fromarray(source)  # an array would be blue, green, red
        answer = engine(picture, use_det=task.layout == "page", use_cls=False, use_rec=True)
        if task.layout == "page" and answer.txts:
            return "\n".join(rows(answer.boxes, answer.txts)), True
        if task.layout == "page":  # nothing was detected: it may be one row
            answer = engine(picture, use_det=False, use_cls=False, use_rec=True)
        return " ".join(answer.txts or ()), True

    about = (getattr(value, "value", value) for value in (engine.cfg.Rec.ocr_version, engine.cfg.Rec.model_type))
    return Peer(f"{' '.join(about)} (rapidocr {metadata.version('rapidocr')})", read)


def rows(boxes: Sequence[NDArray[np.float32]], texts: Sequence[str]) -> Iterator[str]:
    """Texts in boxes (4, 2), those side by side in a line."""
    found: list[tuple[float, float, float, str]] = []  # row, middle, left, text
    for box, text in sorted(zip(boxes, texts, strict=True), key=lambda one: float(one[0][:, 1].mean())):
        middle, height = float(box[:, 1].mean()), float(np.ptp(box[:, 1]))
        same = found and middle - found[-1][1] < height / 2
        found.append((found[-1][0] if same else len(found), middle, float(box[:, 0].min()), text))
    for _, row in groupby(found, key=lambda one: one[0]):
        yield " ".join(one[3] for one in sorted(row, key=lambda one: one[2]))


def by_tesseract() -> Peer | None:
    program = shutil.which("tesseract")
    if not program:
        return None
    modes = {"row": "7", "page": "6", "single": "10"}

    def run(*words: str, picture: bytes = b"") -> str:
        alone = {**os.environ, "OMP_THREAD_LIMIT": "1"}
        done = subprocess.run([program, *words], input=picture, env=alone, capture_output=True, check=False)
        return done.stdout.decode()

    def read(source: Source, task: Task) -> Answer:
        picture = source.read_bytes() if isinstance(source, Path) else png(source)
        whitelist = ("-c", f"tessedit_char_whitelist={task.allowed}") if task.allowed else ()
        return run("-", "-", "--psm", modes[task.layout], *whitelist, picture=picture).strip(), True

    def clock() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    return Peer(run("--version").splitlines()[0], read, clock)


PEERS: dict[str, Callable[[], Peer | None]] = {
    "tenfold": by_tenfold,
    "rapidocr": by_rapidocr,
    "tesseract": by_tesseract,
}


def is_right(score: str, wanted: str, answer: str) -> bool:
    """Whether an answer is right; but in lines of numbers spaces do not count, and signs that look alike are one."""
    digits = "".join(sign for sign in answer if sign in DIGITS)
    match score:
        case "refused":
            return not digits
        case "digits":
            return digits == wanted
        case "set":
            return sorted(answer.split()) == wanted.split()
        case "lines":
            return [row for line in answer.splitlines() if (row := line.split())] == [
                line.split() for line in wanted.splitlines()
            ]
        case _:
            return "".join(answer.translate(DASHES).split()) == wanted


def labelled(folder: Path, *, numbers: bool) -> Iterator[tuple[str, Task, list[tuple[Source, str]]]]:
    """The kinds of a folder with labels.csv, each with its pictures and their texts."""
    with open(folder / "labels.csv", newline="", encoding="utf-8") as file:
        labels = sorted(csv.DictReader(file), key=lambda label: label["kind"])
    for kind, some in groupby(labels, key=lambda label: label["kind"]):
        task = NUMBERS if numbers else Task("single") if kind.startswith("single") else Task("page", "lines")
        yield kind, task, [(folder / label["file"], label["text"]) for label in some]


def answers(peer: Peer, task: Task, pictures: Sequence[tuple[Source, str]]) -> tuple[list[Answer], float]:
    """What is read in each picture, and the CPU seconds a picture once warm."""
    peer.read(pictures[0][0], task)
    began = peer.clock()
    found = [peer.read(source, task) for source, _ in pictures]
    seconds = (peer.clock() - began) / len(pictures)
    if peer.guess and task.score != "refused":
        both = zip(pictures, found, strict=True)
        found = [answer if answer[1] else (peer.guess(source, task), False) for (source, _), answer in both]
    return found, seconds


def scored(peer: Peer, task: Task, found: Sequence[Answer], wanted: Sequence[str], seconds: float) -> Row:
    right = [is_right(task.score, text, answer) for text, (answer, _) in zip(wanted, found, strict=True)]
    row: Row = {"right": sum(right), "interval": wilson(sum(right), len(right)), "seconds": seconds}
    if peer.guess:
        sure = [good for good, (_, sure) in zip(right, found, strict=True) if sure]
        row |= {"sure": len(sure), "sure_wrong": len(sure) - sum(sure)}
    return row


def show(folder: Path, kind: str, task: Task, pictures: Sequence[tuple[Source, str]], found: Sequence[Answer]) -> None:
    """Write the pictures that were read wrong, named for what is written and what was read."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, ((source, wanted), (answer, sure)) in enumerate(zip(pictures, found, strict=True)):
        if not is_right(task.score, wanted, answer):
            name = f"{kind}-{k}-{wanted}-as-{answer}{'-sure' * sure}".translate(FILE_NAME)
            image = Image.open(source) if isinstance(source, Path) else Image.fromarray(source)
            image.save(folder / f"{name}.png")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--numbers", type=Path, help="a folder with labels.csv, of rows of writing")
    parser.add_argument("--pictures", type=Path, help="a folder with labels.csv, of one digit or several")
    parser.add_argument("--count", type=int, default=200, help="of each kind that is drawn")
    parser.add_argument("--kinds", nargs="*", choices=papers.KINDS, default=list(papers.KINDS))
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--show", type=Path, help="write the pictures that tenfold read wrong here")
    options = parser.parse_args()
    peers = {name: peer for name in options.peers if (peer := PEERS[name]())}
    for name in set(options.peers) - peers.keys():
        print(f"{name} is not installed here and left out")

    def kinds() -> Iterator[tuple[str, Task, list[tuple[Source, str]]]]:
        if options.numbers:
            yield from labelled(options.numbers, numbers=True)
        if options.pictures:
            yield from labelled(options.pictures, numbers=False)
        for kind in options.kinds:
            yield kind, papers.KINDS[kind].task, [*papers.pictures(kind, options.count)]

    summary: dict[str, Row] = {}
    raw: dict[str, list[str]] = {}  # of each picture what is written and what each has read
    for kind, task, pictures in kinds():
        wanted = [text for _, text in pictures]
        summary[kind], columns = {"n": len(pictures)}, [wanted]
        for name, peer in peers.items():
            found, seconds = answers(peer, task, pictures)
            row = summary[kind][name] = scored(peer, task, found, wanted, seconds)
            if options.show and peer.guess:
                show(options.show, kind, task, pictures, found)
            columns.append([text + " (sure)" * (peer.guess is not None and sure) for text, sure in found])
            sure = f"; sure {row['sure']}, of these wrong {row['sure_wrong']}" if "sure" in row else ""
            took = f"{1000 * seconds:5.0f} ms"
            print(f"{kind:16} {name:10} {row['right']:4} of {len(pictures)}, {took}{sure}", flush=True)
        raw[kind] = [" | ".join(texts) for texts in zip(*columns, strict=True)]
        if len(peers) == len(PEERS):
            keep(summary, raw, peers)
    if len(peers) < len(PEERS):
        print("this was not with all peers: nothing is written")


def keep(summary: dict[str, Row], raw: dict[str, list[str]], peers: dict[str, Peer]) -> None:
    """Write what has been measured beside the other kinds that are there."""
    before, rows, _ = measured("peers") if (RESULTS / "peers.json").is_file() else ({"kinds": {}}, {}, "")
    versions = {name: peer.name for name, peer in peers.items()}
    kinds = {**before["kinds"], **summary}  # of the others what was measured last
    save("peers", {"machine": machine_name(), "peers": versions, "kinds": kinds}, {**rows, **raw})


def tables() -> dict[str, str]:
    if not (RESULTS / "peers.json").is_file():
        return {}
    s, _, by = measured("peers")
    lines = []
    for kind, row in s["kinds"].items():
        ours = row["tenfold"]
        low, high = ours["interval"]
        cells = [f"`{kind}`" if kind.startswith("sign ") else kind.replace("_", " "), str(row["n"])]
        cells += [f"{ours['right'] / row['n']:.1%} ({low:.0%} to {high:.0%})"]
        cells += [f"{ours['sure'] / row['n']:.0%}, {ours['sure_wrong']} wrong", f"{1000 * ours['seconds']:.0f}"]
        for name in list(s["peers"])[1:]:
            cells += [f"{row[name]['right'] / row['n']:.1%}", f"{1000 * row[name]['seconds']:.0f}"]
        lines.append(" | ".join(cells))
    head = "pictures | n | tenfold | sure | ms | " + " | ".join(
        f"{name} | ms" for name in list(s["peers"].values())[1:]
    )
    note = "In brackets the Wilson interval at 95 %; ms of one core a picture, warm, tesseract with its start."
    return {"peers": f"{table(head, lines)}\n\n{note}\n\n{by}"}


if __name__ == "__main__":
    main()
