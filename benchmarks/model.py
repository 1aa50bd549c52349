"""Make the bundled models: train the recipes `pictures` and `lines`, export them, and score the first.

    python benchmarks/model.py [--run RUN] [--lines RUN] [--only digits|lines]

Without a run it trains one: at last 36 minutes for digits and 115 for lines, beside other work. Writes digits.onnx,
digits.safetensors and lines.onnx to src/tenfold/models with their SHA256SUMS, which `tenfold doctor` checks, the logs
of the trainings to results/model.csv and lines.csv, and the scores to results/model.json: the test set read once, by
PyTorch as it is and through the ONNX file, which normalises it again. benchmarks/amounts.py scores lines. The bundled
lines.onnx was learnt before an error in the writing of lines was mended, see docs/tried.md.
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
    parser.add_argument("--run", type=Path, help="a finished run of the recipe pictures")
    parser.add_argument("--lines", type=Path, help="a finished run of the recipe lines")
    parser.add_argument("--only", choices=("digits", "lines"))
    given = parser.parse_args()
    BUNDLED.parent.mkdir(exist_ok=True)
    if given.only != "lines":
        digits(given.run)
    if given.only != "digits":
        lines(given.lines)
    files = sorted(file for file in BUNDLED.parent.iterdir() if file.suffix in (".onnx", ".safetensors"))
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    (BUNDLED.parent / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")


def trained(recipe: str, given: Path | None, folder: Path) -> tenfold.Run:
    """A finished run of a recipe: the one that is given, or a new one."""
    run = tenfold.Run.open(given) if given else tenfold.train(recipe, out=folder / "run")
    assert run.recipe.changed(device="auto") == RECIPES[recipe], "the run is of another recipe"
    return run


def lines(given: Path | None) -> None:
    """The model for rows of writing."""
    with tempfile.TemporaryDirectory() as folder:
        run = trained("lines", given, Path(folder))
        onnx.export(run, BUNDLED.with_name("lines.onnx"))
        shutil.copy(run.path / "metrics.csv", RESULTS / "lines.csv")


def digits(given: Path | None) -> None:
    """The model for single digits, and its scores."""
    with tempfile.TemporaryDirectory() as folder:
        run = trained("pictures", given, Path(folder))
        onnx.export(run, BUNDLED)
        shutil.copy(run.model_file, BUNDLED.with_suffix(".safetensors"))
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
