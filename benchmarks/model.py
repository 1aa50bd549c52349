"""Make the bundled model: train the recipe `pictures`, export it, and score it.

    python benchmarks/model.py [--run RUN]

Without a run it trains one, 20 minutes on 2 cores. Writes src/tenfold/models/digits.onnx and digits.safetensors with
their SHA256SUMS, which `tenfold doctor` checks, the log of the training to results/model.csv, and the scores to
results/model.json: the test set read once, by PyTorch as it is and through the ONNX file, which normalises it again.
"""

import hashlib
import shutil
import tempfile
from pathlib import Path

import recipes
import small
import tenfold
from measuring import RESULTS, arguments, machine_name, measured, save
from tenfold.learn import networks
from tenfold.learn.export import onnx
from tenfold.learn.recipes.presets import RECIPES
from tenfold.read.classifier import BUNDLED, Classifier


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--run", type=Path, help="a finished run of the recipe")
    given = parser.parse_args().run
    with tempfile.TemporaryDirectory() as folder:
        run = tenfold.Run.open(given) if given else tenfold.train("pictures", out=Path(folder) / "run")
        assert run.recipe == RECIPES["pictures"], "the run is of another recipe"
        BUNDLED.parent.mkdir(exist_ok=True)
        onnx.export(run, BUNDLED)
        shutil.copy(run.model_file, BUNDLED.with_suffix(".safetensors"))
        files = (BUNDLED, BUNDLED.with_suffix(".safetensors"))
        sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
        (BUNDLED.parent / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
        shutil.copy(run.path / "metrics.csv", RESULTS / "model.csv")
        scores = recipes.collect("recipes", recipes.opened([str(run.path)]), recipes.score, recipes.write, ["pictures"])
        parameters = networks.parameters(run.model().network)
    described = Classifier().description.metadata
    summary = {
        "machine": machine_name(),
        "parameters": parameters,
        "bytes": BUNDLED.stat().st_size,
        "epochs": run.recipe.epochs,
        "seconds": round(scores["seconds"], 1),
        "val_accuracy": scores["val_accuracy"],
        "test_accuracy": scores["accuracy"],
        "test_accuracy_onnx": small.score(BUNDLED),
        "nll": scores["nll"],
        **{name: described[name] for name in ("temperature", "threshold", "threshold_error", "threshold_coverage")},
    }
    save("model", summary, [{"fields": run.recipe.as_dict()}])
    for name, value in summary.items():
        print(f"{name:22} {value}")


def tables() -> dict[str, str]:
    s, _, by = measured("model")
    text = (
        f"The bundled model has {s['parameters']:,} parameters in {s['bytes'] / 1e6:.2f} MB. It scores "
        f"**{s['test_accuracy_onnx']:.2%}** on MNIST's test set through the model file, "
        f"{s['test_accuracy']:.2%} in PyTorch (one run, one seed); {s['epochs']} epochs took "
        f"{s['seconds'] / 60:.0f} minutes beside other work. {by}"
    )
    return {"model": text}


if __name__ == "__main__":
    main()
