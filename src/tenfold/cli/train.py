"""`tenfold train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenfold.cli import completion
from tenfold.cli.fields import with_fields
from tenfold.cli.options import Words
from tenfold.progress import say

if TYPE_CHECKING:
    from tenfold.learn.training.runs import Run

EPILOG = """
Examples:
  # the default recipe, in seconds
  tenfold train
  # a recipe with changes, in either form
  tenfold train cnn --epochs 5 --lr 0.5
  tenfold train cnn epochs=5 lr=0.5
  # even or odd, or two groups
  tenfold train mlp --task parity
  tenfold train cnn --task 0-4/5-9 --out runs/half
  # your own digits, a sub-folder for each class
  tenfold train fast --data my-digits/
  # your handwriting, from the bundled model on
  tenfold train --data corrections --init default
  # resume it where it stopped
  tenfold train --resume runs/half
  # with TensorBoard and a film
  tenfold train mlp --track tensorboard --watch
"""


@with_fields
def train(
    recipe: Annotated[
        str | None,
        typer.Argument(
            help="A recipe (see `tenfold recipes`) or a .json file with one. "
            "\\[default: fast; with --init that of the network it starts from, for few steps at a low learning rate]",
            metavar="RECIPE",
            autocompletion=completion.recipes,
        ),
    ] = None,
    words: Words = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The run folder, new or empty. \\[default: runs/TIME-RECIPE]")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(help="Resume a run that was stopped.", metavar="RUN", autocompletion=completion.runs),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    track: Annotated[
        list[str] | None,
        typer.Option(help="Log to tensorboard, mlflow or both (tensorboard,mlflow).", metavar="TRACKER"),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Save the training as an animation, in the run.")] = False,
) -> None:
    """Train a network on MNIST, or on your own digits, into a run folder.

    A recipe says everything; each option changes one field of it. The same seed gives the same weights.
    """
    from tenfold.learn import figures
    from tenfold.learn import train as learn
    from tenfold.learn.recipes import fields
    from tenfold.learn.training import ranks

    changes = fields.changes(words or [])
    run = learn.train(recipe, out=out, resume=resume, quiet=quiet, track=track or (), watch=watch, **changes)
    if not ranks.first():
        return
    figures.save(figures.curves(run.metrics, run.steps, f"Training {run.path.name}"), run.path / "curves.png")
    if not quiet:
        _print(run, ",".join(track or ()), watch=watch)


def _print(run: "Run", trackers: str, *, watch: bool) -> None:
    """What came of it, and what to do next."""
    last = run.model().metrics
    if last.get("val_accuracy") is not None:
        say(f"validation accuracy {last['val_accuracy']:.2%}")
    if watch and (run.path / "training.gif").is_file():
        say(f"the film is {run.path / 'training.gif'}, its moments side by side {run.path / 'training.png'}")
    elif watch:
        say("there is no film: the run had finished before it was watched")
    if "tensorboard" in trackers:
        say(f"look at it: tensorboard --logdir {run.path.parent}")
    if "mlflow" in trackers:
        import mlflow

        say(f"in MLflow: run {run.path.name} of {mlflow.get_tracking_uri()}")
    if run.recipe.mix:
        say(f"the run is in {run.path}; read with it: tenfold read photo.jpg --model {run.path}")
    else:
        say(f"the run is in {run.path}; score it on the test set: tenfold evaluate {run.path}")
