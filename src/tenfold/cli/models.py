"""`tenfold export`, and the model file behind `--model`."""

import importlib.util
from pathlib import Path
from typing import Annotated

import typer

EPILOG = """
Examples:

  tenfold export runs/half                            runs/half/model.onnx

  tenfold export runs/half -o digits.onnx

  tenfold export runs/half -o small.onnx --quantize int8
"""


def export(
    run: Annotated[
        Path | None, typer.Argument(help="A run, or a safetensors file of one. [default: the newest run]")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file. [default: model.onnx in the run's folder]")
    ] = None,
    quantize: Annotated[str | None, typer.Option(help="int8: about a quarter of the size.")] = None,
) -> None:
    """Write a trained network as one ONNX file that reads pictures, its normalisation included."""
    from tenfold.learn import export as learn
    from tenfold.read.classifier import Classifier

    path = learn.export(run, output, quantize=quantize)
    described = Classifier(path).description.metadata
    print(f"saved {path}, {path.stat().st_size / 1e6:.2f} MB, for the classes {', '.join(described['classes'])}")
    sure, error, coverage = (described[f"threshold{end}"] for end in ("", "_error", "_coverage"))
    if error is None:
        print(f"an answer counts as sure from {sure:.0%}: there were no validation digits to fit that on")
    else:
        print(f"an answer counts as sure from {sure:.1%}, which on validation digits as pictures show them")
        print(f"answers {coverage:.1%} of them, with {error:.1%} of the answers wrong")
    print(f"read with it: tenfold read photo.jpg --model {path}")


def model_file(given: Path | None) -> Path | None:
    """The ONNX file that `--model` means: a file as it is, that of a run, which is exported when first used.

    None stays None, which is the bundled model. Raises RunError when there is no such file or run.
    """
    from tenfold.errors import RunError

    if given is None or given.suffix.lower() == ".onnx" or (given.is_file() and given.suffix != ".safetensors"):
        return given
    folder = given if (given / "recipe.json").is_file() else Path("runs") / given
    weights = folder / "model.safetensors" if (folder / "recipe.json").is_file() else given
    if not weights.is_file() or weights.suffix != ".safetensors":
        raise RunError(f"there is no model {given}: give a .onnx file, a run, or its model.safetensors")
    kept = weights.with_suffix(".onnx")
    fresh = kept.is_file() and kept.stat().st_mtime >= weights.stat().st_mtime
    if not fresh and not (kept.is_file() and importlib.util.find_spec("torch") is None):
        import sys

        from tenfold.learn.export import export as to_onnx

        print(f"tenfold: exporting {weights} to {kept}, once", file=sys.stderr)
        to_onnx(weights, kept)
    return kept
