"""`tenfold export`, and the model file behind `--model`."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from tenfold.cli import completion
from tenfold.errors import RunError, UsageError, nearest
from tenfold.progress import say

EPILOG = """
Examples:
  # one file: runs/half/model.onnx, or by another name
  tenfold export runs/half
  tenfold export runs/half -o digits.onnx
  tenfold export runs/half -o small.onnx --quantize int8
  # a header of C99 for microcontrollers
  tenfold export runs/small --format c -o digit.h
  # a static page, with the bundled model or of a run
  tenfold export --format web site
  tenfold export runs/half --format web -o site
"""

FORMATS = ("onnx", "web", "c")


def export(
    run: Annotated[
        Path | None,
        typer.Argument(
            help="A run, or a safetensors file of one; by default the newest run. With --format web and without -o: "
            "the folder to write.",
            metavar="RUN",
            autocompletion=completion.runs,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The file, by default model.onnx or digit.h in the run's folder; with --format web the folder.",
        ),
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="onnx, a file; web, a page with the model in it, a folder; or c, a header of C99 in whole numbers.",
            autocompletion=lambda: list(FORMATS),
        ),
    ] = "onnx",
    quantize: Annotated[str | None, typer.Option(help="int8: about a quarter of the size.")] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="With --format web: a .onnx file, or a run; by default the model that comes with tenfold.",
            metavar="FILE|RUN",
        ),
    ] = None,
    runtime: Annotated[
        Path | None,
        typer.Option(
            help="With --format web: onnxruntime-web as npm packs it, or unpacked; by default fetched by npm, once.",
            metavar="FILE|DIR",
        ),
    ] = None,
) -> None:
    """Write a trained network as one ONNX file that reads pictures, as a page that reads them, or as C."""
    if form not in FORMATS:
        raise UsageError(nearest("format", form, FORMATS))
    if form == "web":
        if quantize is not None:
            raise UsageError("--quantize is for ONNX files: write one with it, then give that with --model")
        _web(run, output, model, runtime)
        return
    for name, given in (("--model", model), ("--runtime", runtime)):
        if given is not None:
            raise UsageError(f"{name} is for --format web: say that too, or leave it out")
    if form == "c":
        _c(run, output, quantize)
        return
    from tenfold.learn.export import onnx as learn

    _tell(learn.export(run, output, quantize=quantize))


def _tell(path: Path) -> None:
    """Say what was written, how sure its answers are, and how to read with it."""
    from tenfold.read import model_file
    from tenfold.read.classifier import LINES_FORMAT, metadata

    described = metadata(model_file.contents(path.read_bytes()))
    lines = described["format"].startswith(LINES_FORMAT)
    say(f"saved {path}, {path.stat().st_size / 1e6:.2f} MB, for the classes {', '.join(described['classes'])}")
    sure, error, coverage = (described[f"threshold{end}"] for end in ("", "_error", "_coverage"))
    if error is None:
        say(f"an answer counts as sure from {sure:.0%}: there were no validation digits to fit that on")
    else:
        what = "invented lines of validation digits" if lines else "validation digits as pictures show them"
        say(f"an answer counts as sure from {sure:.1%}, which on {what}")
        say(
            f"answers {coverage:.1%} of them, with {error:.1%} of the answers wrong"
            if coverage >= 0.001
            else "answers hardly any: it has not learnt such pictures; the recipe `pictures` does"
        )
    if lines:
        say(f"read with it, in Python: tenfold.read.lines.LineModel({str(path)!r}).read([row])")
        return
    say(f"read with it: tenfold read photo.jpg --model {path}")


def _c(run: Path | None, output: Path | None, quantize: str | None) -> None:
    """Write the header, and say what it takes of a microcontroller, and how it is used."""
    if quantize is not None:
        raise UsageError("--quantize is for ONNX files; in C a network is always in whole numbers")
    from tenfold.learn.export import c

    path, network = c.export(run, output)
    say(f"saved {path}, C99 in whole numbers, for the classes {', '.join(network.classes)}")
    say(f"{network.constants:,} bytes of constants, their weights in {network.bits} bits; {network.ram:,} bytes of RAM")
    say(f"{network.multiplications:,} multiplications an image")
    say(f'use it: #include "{path.name}", and tenfold_digit(image, NULL) of an image of 784 bytes')


def _web(run: Path | None, output: Path | None, model: Path | None, runtime: Path | None) -> None:
    """Write the site. A single path is the folder to write, as what is read without one is the bundled model."""
    from tenfold.serve import site

    folder = output or run
    if folder is None:
        raise UsageError("name the folder to write: tenfold export --format web DIR")
    if output is None and (folder.is_file() or (folder / "recipe.json").is_file()):
        raise UsageError(f"{folder} is a model, and the folder to write is missing: add -o DIR")
    chosen = run if output is not None else None
    if chosen is not None and model is not None:
        raise UsageError(f"{chosen} and --model {model} cannot both be meant: give one")
    path = site.write(
        folder,
        model_file(chosen or model),
        runtime=runtime,
        tell=lambda line: say(f"tenfold: {line}", file=sys.stderr, flush=True),
    )
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    say(f"saved {path}, {size / 1e6:.1f} MB: any web server can serve it as it is, at any address")
    say(f"look at it: python -m http.server -b 127.0.0.1 -d {path} 8000, then http://127.0.0.1:8000/")


def model_file(given: Path | None) -> Path | None:
    """The ONNX file that `--model` means: a file as it is, that of a run, which is exported when first used.

    None stays None, which is the bundled model. Raises RunError when there is no such file or run.
    """
    if given is None or given.suffix.lower() == ".onnx":
        return given
    from tenfold.learn.training.runs import Run, locate

    located = locate(given)
    weights = located.model_file if isinstance(located, Run) else located
    if weights.suffix != ".safetensors":
        return weights
    if not weights.is_file():
        raise RunError(f"{given} has no model yet: resume it with `tenfold train --resume {given}`")
    exported = weights.with_suffix(".onnx")
    fresh = exported.is_file() and exported.stat().st_mtime >= weights.stat().st_mtime
    if not fresh and not (exported.is_file() and find_spec("torch") is None):
        from tenfold.learn.export.onnx import export as to_onnx

        say(f"tenfold: exporting {weights} to {exported}, once", file=sys.stderr)
        to_onnx(weights, exported)
    return exported
