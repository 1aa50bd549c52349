"""Make the bundled model: train the recipe `pictures`, export it, and score it.

    python benchmarks/model.py [--run RUN]

Without a run it trains one, 20 minutes on 2 cores. Writes src/tenfold/models/digits.onnx and digits.safetensors with
their SHA256SUMS, which `tenfold doctor` checks, the log of the training to results/model.csv, and the scores to
results/model.json: the test set read once, by PyTorch as it is and through the ONNX file, which normalises it again.
"""

import argparse
import hashlib
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

import recipes as measuring_recipes
import tenfold
from measuring import RESULTS, machine_name, save
from tenfold.learn import networks
from tenfold.learn.export import onnx
from tenfold.learn.recipes.presets import RECIPES
from tenfold.learn.training.runs import Run
from tenfold.mnist import embedded
from tenfold.read.classifier import BUNDLED, Classifier


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="a finished run of the recipe")
    given = parser.parse_args().run
    with tempfile.TemporaryDirectory() as folder:
        run = Run.open(given) if given else tenfold.train("pictures", out=Path(folder) / "run")
        assert run.recipe == RECIPES["pictures"], "the run is of another recipe"
        BUNDLED.parent.mkdir(exist_ok=True)
        onnx.export(run, BUNDLED)
        shutil.copy(run.model_file, BUNDLED.with_suffix(".safetensors"))
        files = (BUNDLED, BUNDLED.with_suffix(".safetensors"))
        sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
        (BUNDLED.parent / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
        shutil.copy(run.path / "metrics.csv", RESULTS / "model.csv")
        found = tenfold.evaluate(run, draw=False)
        seconds = sum(float(row["seconds"] or 0) for row in run.metrics)
        model = run.model()
        validation = run.metrics[-1]["val_accuracy"]
    test = embedded.read("test")
    classifier = Classifier()
    images = test.images[:, None].astype(np.float32) / np.float32(255)
    through = float((classifier.logits(images).argmax(1) == test.labels).mean())
    described = classifier.description.metadata
    summary = {
        "machine": machine_name(),
        "parameters": networks.parameters(model.network),
        "bytes": BUNDLED.stat().st_size,
        "epochs": run.recipe.epochs,
        "seconds": round(seconds, 1),
        "val_accuracy": validation,
        "test_accuracy": found.accuracy,
        "test_accuracy_onnx": through,
        "nll": found.nll,
        "temperature": described["temperature"],
        "threshold": described["threshold"],
        "threshold_error": described["threshold_error"],
        "threshold_coverage": described["threshold_coverage"],
    }
    save("model", summary, [{"fields": run.recipe.as_dict()}])
    rows = json.loads((RESULTS / "recipes.json").read_text(encoding="utf-8"))["rows"]
    rows = [row for row in rows if measuring_recipes.unchanged(row) and row["recipe"] != "pictures"]
    scores = {"val_accuracy": validation, "accuracy": found.accuracy, "nll": found.nll, "ece": found.ece}
    about = {
        "recipe": "pictures",
        "fields": run.recipe.as_dict(),
        "seed": run.recipe.seed,
        "seconds": round(seconds, 3),
    }
    measuring_recipes.write([*rows, {**about, **scores}])
    for name, value in summary.items():
        print(f"{name:22} {value}")


if __name__ == "__main__":
    main()
