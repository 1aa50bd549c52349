"""Would another model read pictures better than the bundled one? Scores runs of recipes made for pictures beside it.

    python benchmarks/readers.py RUN ... [--data pictures/]

Each is scored on what it was not taught: validation digits as pictures show them, drawn anew three times, with a fifth
as many shapes that are no digit; synthetic pages, as pages.py writes them; and, with --data, a folder of labelled
pictures, as pictures.py reads it. Writes results/readers.json; a model takes the place of the row with its name, which
is its folder's.
"""

import tempfile
from pathlib import Path

from torch.nn.functional import cross_entropy

import measuring
import pages
import tenfold
from confidence import SEEDS
from measuring import Row, deviation, mean, table
from pictures import labels
from tenfold.learn import networks
from tenfold.learn.export import onnx
from tenfold.learn.training import runs
from tenfold.learn.training.models import Model
from tenfold.mnist.digits import Digits
from tenfold.read.classifier import BUNDLED

PAGES = 40  # of each kind


def degraded(model: Model, digits: Digits) -> dict[str, float]:
    """Errors on digits as pictures show them, and on shapes that are none."""
    draws = []
    for seed in SEEDS:
        logits, labels = onnx.observed(model, digits, seed=seed)
        real = labels < 10
        answers = logits.argmax(1)
        draws.append(
            {
                "error": (logits[real][:, :10].argmax(1) != labels[real]).double().mean().item(),
                "error_or_rejected": (answers[real] != labels[real]).double().mean().item(),
                "taken_for_digits": (answers[~real] < 10).double().mean().item(),
                "nll": cross_entropy(logits, labels).item(),
            }
        )
    scores = {name: mean([draw[name] for draw in draws]) for name in draws[0]}
    return {**scores, "error_deviation": deviation([draw["error"] for draw in draws])}


def pictures_read(reader: tenfold.Reader, folder: Path) -> tuple[int, int]:
    """How many pictures of a folder are read right, and of how many."""
    right = [
        reader.read(folder / label["file"], single=label["kind"].startswith("single")).text == label["text"]
        for label in labels(folder)
    ]
    return sum(right), len(right)


def main() -> None:
    parser = measuring.arguments(__doc__)
    parser.add_argument("runs", nargs="*")
    parser.add_argument("--data", type=Path, help="a folder with labels.csv")
    options = parser.parse_args()
    digits = measuring.validation_digits()
    rows: list[Row] = measuring.earlier_rows("readers") or []
    with tempfile.TemporaryDirectory() as folder:
        for place in (BUNDLED.with_suffix(".safetensors"), *map(Path, options.runs)):
            model = runs.find_model(place)[0]
            name = "bundled" if place.parent == BUNDLED.parent else place.name
            file = BUNDLED if name == "bundled" else onnx.export(place, Path(folder) / f"{name}.onnx")
            reader = tenfold.Reader(file, always_answer=True)
            read = pages.read(reader, PAGES)
            row: Row = {
                "model": name,
                "parameters": networks.parameters(model.network),
                "bytes": file.stat().st_size,
                "fields": [recipe.as_dict() for recipe in model.members or (model.recipe,)],
                **degraded(model, digits),
                "pages": mean([one["right"] for one in read]),
                "pages_seconds": round(sum(one["seconds"] for one in read), 2),
            }
            if options.data:
                row["pictures"], row["of_pictures"] = pictures_read(reader, options.data)
            rows = [other for other in rows if other["model"] != name] + [row]
            print({key: value for key, value in row.items() if key != "fields"}, flush=True)
    measuring.save(
        "readers", {"machine": measuring.machine_name(), "pages": PAGES * len(pages.KINDS), "seeds": SEEDS}, rows
    )


def tables() -> dict[str, str]:
    s, models, by = measuring.measured("readers")
    names = {"bundled": "bundled: `vgg`", "lean": "`separable`, wide as in `accurate`", "both": "both, averaged"}
    rows = [
        f"{names.get(row['model'], row['model'])} | {row['bytes'] / 1e6:.2f} MB | {row['error']:.2%} ± "
        f"{row['error_deviation']:.2%} | {row['taken_for_digits']:.2%} | {row['nll']:.4f} | {row['pages']:.2%} | "
        f"{row['pictures']} of {row['of_pictures']}"
        for row in models
    ]
    head = "model | file | error on digits as pictures show them | shapes taken for digits | NLL | "
    head += f"{s['pages']} pages | pictures"
    return {"readers": f"{table(head, rows)}\n\n{by}"}


if __name__ == "__main__":
    main()
