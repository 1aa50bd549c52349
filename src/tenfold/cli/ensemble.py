"""`tenfold ensemble`."""

from pathlib import Path
from typing import Annotated

import typer

from tenfold.cli import completion
from tenfold.cli.fields import is_field, with_fields
from tenfold.errors import UsageError
from tenfold.progress import say

EPILOG = """
Examples:
  # one that averages, of three runs or of all of a study
  tenfold ensemble runs/a runs/b runs/c -o runs/three
  tenfold ensemble runs/study/seeds/* -o runs/ten
  # score it as any run
  tenfold evaluate runs/three
  # a small network that answers as they do
  tenfold ensemble runs/a runs/b -o runs/two --distil fast
"""


TEACHING = {"teacher_weight": 1.0, "teacher_temperature": 3.0}  # of --distil, unless given


@with_fields
def ensemble(
    words: Annotated[
        list[str],
        typer.Argument(
            help="Two or more runs, or safetensors files; with --distil also FIELD=VALUE.",
            metavar="RUN",
            autocompletion=completion.runs,
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The folder of the new run.", show_default="in ./runs")
    ] = None,
    distil: Annotated[
        str | None,
        typer.Option(
            help="Also train this recipe to answer as the ensemble does (distillation), into a folder beside; the "
            "options below change its fields.",
            metavar="RECIPE",
            autocompletion=completion.recipes,
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Join trained networks into one model, which answers with the mean of their probabilities."""
    from tenfold.learn.networks import parameters
    from tenfold.learn.recipes import fields, presets
    from tenfold.learn.scoring import ensembles
    from tenfold.learn.training import start

    members = [word for word in words if not is_field(word)]
    changes = fields.changes(word for word in words if is_field(word))
    if changes and distil is None:
        raise UsageError(f"{next(iter(changes))} is a field of the recipe to distil into: give --distil RECIPE")
    small = None if distil is None else presets.resolve(distil, **TEACHING | changes)
    run = ensembles.ensemble(members, out)
    model = run.model()
    if not quiet:
        accuracy = model.metrics.get("val_accuracy")
        score = "" if accuracy is None else f", validation accuracy {accuracy:.2%}"
        say(f"{len(model.members)} members, {parameters(model.network):,} parameters{score}")
        say(f"the run is in {run.path}; score it on the test set: tenfold evaluate {run.path}")
    if small is not None:
        place = run.path.with_name(f"{run.path.name}-{small.name}")
        student = start.train(small, teacher=str(run.path), out=place, quiet=quiet)
        if not quiet:
            say(f"{small.name}, distilled from them, is in {student.path}: tenfold evaluate {student.path}")
