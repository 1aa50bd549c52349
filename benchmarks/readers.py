"""Would another model read pictures better than the bundled one? Scores runs of recipes made for pictures beside it.

    python benchmarks/readers.py RUN ... [--data pictures/]

Each is scored on what it was not taught: validation digits as pictures show them, drawn anew three times, with a fifth
as many shapes that are no digit; synthetic pages, as pages.py writes them; and, with --data, a folder of labelled
pictures, as pictures.py reads it. Writes results/readers.json; a model takes the place of the row with its name, which
is its folder's.
"""

import argparse
import csv
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from torch.nn.functional import cross_entropy

import tenfold
from measuring import RESULTS, deviation, machine_name, mean, save
from pages import KINDS, page
from tenfold.learn import networks
from tenfold.learn.export import onnx
from tenfold.learn.training import runs
from tenfold.learn.training.models import Model
from tenfold.mnist import embedded
from tenfold.mnist.digits import Digits
from tenfold.read.classifier import BUNDLED

SEEDS = (11, 12, 13)  # others than those of the training and of the threshold
PAGES = 40  # of each kind


def spoiled(model: Model, digits: Digits) -> dict[str, float]:
    """Errors on digits as pictures show them, and on shapes that are none."""
    found = []
    for seed in SEEDS:
        logits, labels = onnx.observed(model, digits, seed=seed)
        real = labels < 10
        answers = logits.argmax(1)
        found.append(
            {
                "error": (logits[real][:, :10].argmax(1) != labels[real]).double().mean().item(),
                "error_or_rejected": (answers[real] != labels[real]).double().mean().item(),
                "taken_for_digits": (answers[~real] < 10).double().mean().item(),
                "nll": cross_entropy(logits, labels).item(),
            }
        )
    scores = {name: mean([one[name] for one in found]) for name in found[0]}
    return {**scores, "error_deviation": deviation([one["error"] for one in found])}


def pages_read(reader: tenfold.Reader, digits: Digits) -> tuple[float, float]:
    """The share of pages that are read without a mistake, and the seconds that all of them took."""
    right, seconds = [], 0.0
    for number, kind in enumerate(KINDS):
        for seed in range(PAGES):
            image, text = page(kind, digits, np.random.default_rng([number, seed]))
            began = time.perf_counter()
            right.append(reader.read(image).text == text)
            seconds += time.perf_counter() - began
    return float(np.mean(right)), seconds


def pictures_read(reader: tenfold.Reader, folder: Path) -> tuple[int, int]:
    """How many pictures of a folder are read right, and of how many."""
    with open(folder / "labels.csv", encoding="utf-8", newline="") as file:
        labels = list(csv.DictReader(file))
    right = [
        reader.read(folder / label["file"], single=label["kind"].startswith("single")).text == label["text"]
        for label in labels
    ]
    return sum(right), len(right)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*")
    parser.add_argument("--data", type=Path, help="a folder with labels.csv")
    asked = parser.parse_args()
    train = embedded.read("train")
    digits = Digits(train.images[50_000:], train.labels[50_000:])
    old = RESULTS / "readers.json"
    rows: list[dict[str, Any]] = json.loads(old.read_text(encoding="utf-8"))["rows"] if old.is_file() else []
    with tempfile.TemporaryDirectory() as folder:
        for place in (BUNDLED.with_suffix(".safetensors"), *map(Path, asked.runs)):
            model = runs.find_model(place)[0]
            name = "bundled" if place.parent == BUNDLED.parent else place.name
            file = BUNDLED if name == "bundled" else onnx.export(place, Path(folder) / f"{name}.onnx")
            reader = tenfold.Reader(file, always_answer=True)
            share, seconds = pages_read(reader, digits)
            row: dict[str, Any] = {
                "model": name,
                "parameters": networks.parameters(model.network),
                "bytes": file.stat().st_size,
                "fields": [recipe.as_dict() for recipe in model.members or (model.recipe,)],
                **spoiled(model, digits),
                "pages": share,
                "pages_seconds": round(seconds, 2),
            }
            if asked.data:
                row["pictures"], row["of_pictures"] = pictures_read(reader, asked.data)
            rows = [other for other in rows if other["model"] != name] + [row]
            print({key: value for key, value in row.items() if key != "fields"}, flush=True)
    save("readers", {"machine": machine_name(), "pages": PAGES * len(KINDS), "seeds": SEEDS}, rows)


if __name__ == "__main__":
    main()
