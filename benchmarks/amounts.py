"""Score rows of writing on real paper: cheque amounts, by the network for lines and by `tenfold read` as it is.

    python benchmarks/amounts.py FOLDER

FOLDER holds pictures of one row each and a labels.csv with the columns file and text, the digits alone. An answer is
right if its digits are those of the label. Nothing is learnt or chosen by them. Writes results/amounts.json.
"""

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import tenfold
from measuring import arguments, machine_name, measured, save
from tenfold.learn.scoring.metrics import wilson
from tenfold.read.lines import LineModel

Answer = tuple[str, bool]  # what was read, and whether it is sure


def by_lines() -> Callable[[Path], Answer]:
    """The network for lines, given the whole picture as a row."""
    model = LineModel(threads=1)

    def read(path: Path) -> Answer:
        (text,) = model.read([np.asarray(Image.open(path).convert("L"))])
        return text.text, text.probability >= model.threshold and "?" not in text.text

    return read


def by_reader() -> Callable[[Path], Answer]:
    """What `tenfold read` does."""
    reader = tenfold.Reader(threads=1)

    def read(path: Path) -> Answer:
        reading = reader.read(path)
        return "".join(digit.value for digit in reading.digits), reading.sure

    return read


def score(read: Callable[[Path], Answer], labels: dict[Path, str]) -> dict[str, Any]:
    """How many are read without a fault, how many of them surely, and the CPU seconds of each once it is warm."""
    read(next(iter(labels)))
    began = time.process_time()
    answers = {path: read(path) for path in labels}
    seconds = (time.process_time() - began) / len(labels)
    right = {path: "".join(filter(str.isdigit, answers[path][0])) == text for path, text in labels.items()}
    sure = [path for path in labels if answers[path][1]]
    return {
        "n": len(labels),
        "right": sum(right.values()),
        "accuracy": sum(right.values()) / len(labels),
        "interval": wilson(sum(right.values()), len(labels)),
        "sure": len(sure) / len(labels),
        "sure_wrong": sum(not right[path] for path in sure),
        "seconds": seconds,
        "answers": {path.name: [text, answers[path][0], answers[path][1]] for path, text in labels.items()},
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    with open(folder / "labels.csv", newline="", encoding="utf-8") as file:
        labels = {folder / row["file"]: row["text"] for row in csv.DictReader(file)}
    rows = {name: score(read(), labels) for name, read in (("lines", by_lines), ("read", by_reader))}
    summary = {name: {k: v for k, v in row.items() if k != "answers"} for name, row in rows.items()}
    save("amounts", {"machine": machine_name(), **summary}, rows)
    for name, row in summary.items():
        print(f"{name:6} {row['right']} of {row['n']} right; sure {row['sure']:.0%}, wrong {row['sure_wrong']}")


def tables() -> dict[str, str]:
    s, _, by = measured("amounts")
    lines, today = s["lines"], s["read"]
    low, high = today["interval"]
    text = (
        f"Of {today['n']} amounts on cheques `tenfold read` reads **{today['accuracy']:.0%}** without a fault "
        f"({low:.0%} to {high:.0%}), in {today['seconds'] * 1000:.0f} ms of a core each. Without a `?` are "
        f"{today['sure']:.0%}, {today['sure_wrong']} of them wrong by their labels, of which about 4 in 100 are wrong "
        f"themselves. The network for lines alone, given the whole picture as a row, reads {lines['accuracy']:.0%} in "
        f"{lines['seconds'] * 1000:.1f} ms; it is sure of {lines['sure']:.0%}, {lines['sure_wrong']} wrong. {by}"
    )
    return {"amounts": text}


if __name__ == "__main__":
    main()
