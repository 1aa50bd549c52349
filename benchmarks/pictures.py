"""How many of a folder of labelled pictures are read right?

    python benchmarks/pictures.py --data pictures/ [--model FILE] [--show FOLDER]

The folder has a labels.csv with the columns file, text and kind; a kind that begins with "single" is a picture of one
digit. Singles are read with `single=True` and, like all others, without. Two published readers join in when they are
installed: digit-recognizer-py and ccexam, which read one digit a picture.
"""

import argparse
import csv
import importlib
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import tenfold
from measuring import machine_name, save


def published() -> dict[str, Callable[[Path], str]]:
    """The other readers that are installed here, as functions from a picture to a digit."""
    found: dict[str, Callable[[Path], str]] = {}
    if importlib.util.find_spec("digit_recognizer"):
        recognizer = importlib.import_module("digit_recognizer").DigitRecognizer(device="cpu")
        found["digit-recognizer-py"] = lambda path: str(recognizer.predict(path))
    if importlib.util.find_spec("ccexam"):
        run = importlib.import_module("ccexam").run_inference
        found["ccexam"] = lambda path: str(run("mnist", path)[path])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with labels.csv")
    parser.add_argument("--model")
    parser.add_argument("--show", type=Path, help="write an explanation of every picture that was read wrong here")
    options = parser.parse_args()
    with open(options.data / "labels.csv", encoding="utf-8", newline="") as file:
        labels = list(csv.DictReader(file))
    sure_reader, reader = tenfold.Reader(options.model), tenfold.Reader(options.model, always_answer=True)
    others = published()
    rows: list[dict[str, Any]] = []
    for label in labels:
        path = options.data / label["file"]
        began = time.perf_counter()
        found = reader.read(path)
        row = {"file": label["file"], "kind": label["kind"], "wanted": label["text"], "text": found.text}
        row |= {"seconds": round(time.perf_counter() - began, 4), "sure": sure_reader.read(path).text}
        if label["kind"].startswith("single"):
            row["single"] = reader.read(path, single=True).text
            row |= {name: answer(path) for name, answer in others.items()}
        rows.append(row)
        wrong = row["text"] != row["wanted"] or row.get("single", row["wanted"]) != row["wanted"]
        if wrong:
            print(f"{row['file']}: {row['wanted']} read as {row['text']!r}, single {row.get('single')!r}")
        if wrong and options.show:
            from tenfold.read import decode

            options.show.mkdir(parents=True, exist_ok=True)
            image: Image.Image = reader.explained(next(iter(decode.pages(path))))
            image.save(options.show / f"{path.stem}.png")
    summary: dict[str, Any] = {"machine": machine_name(), "n": len(rows)}
    print(f"\n{'kind':18} {'n':>4} {'text':>8} {'single':>8}")
    for kind in [*sorted({row["kind"] for row in rows}), "all singles", "all others", "all"]:
        some = [row for row in rows if kind in ("all", row["kind"]) or kind == group(row)]
        if some:
            summary[kind] = {"n": len(some), "text": share(some, "text"), "single": share(some, "single")}
            summary[kind] |= {name: share(some, name) for name in others}
            print(f"{kind:18} {len(some):4} " + " ".join(f"{percent(v):>8}" for v in list(summary[kind].values())[1:]))
    digits = [row for row in rows if row["sure"] and "?" not in row["sure"]]
    summary["answered surely"] = len(digits) / len(rows)
    summary["of these wrong"] = float(np.mean([row["sure"] != row["wanted"] for row in digits]))
    given, mistaken = percent(summary["answered surely"]), percent(summary["of these wrong"])
    print(f"\nsure of all digits in {given}, of these wrong {mistaken}")
    save("pictures", summary, rows)


def group(row: dict[str, Any]) -> str:
    return "all singles" if "single" in row else "all others"


def share(rows: list[dict[str, Any]], name: str) -> float | None:
    """The share of rows in which that answer is what was wanted; None where it was not asked."""
    asked = [row[name] == row["wanted"] for row in rows if name in row]
    return float(np.mean(asked)) if asked else None


def percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


if __name__ == "__main__":
    main()
