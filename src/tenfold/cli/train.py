"""`tenfold train`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tenfold.errors import UsageError

EPILOG = """
Examples:

  tenfold train                                    the default recipe, in seconds

  tenfold train cnn --epochs 5 --lr 0.5       a recipe with changes

  tenfold train mlp --task parity             even or odd

  tenfold train cnn --task 0-4/5-9 --out runs/half

  tenfold train fast --data my-digits/        a sub-folder per class

  tenfold train --data corrections --init default   your handwriting, taught to the bundled model

  tenfold train --resume runs/half            go on where it stopped

  tenfold train mlp --track tensorboard --watch
"""

_NO_FIELDS = ("recipe", "out", "resume", "quiet", "track", "watch")
_WHAT, _NET, _HOW, _WHERE = "What is learnt", "The network", "How it is learnt", "Where and how fast"


def _option(panel: str, help: str, **more: Any) -> Any:
    return typer.Option(help=help, rich_help_panel=panel, show_default=False, **more)


def train(
    recipe: Annotated[
        str | None,
        typer.Argument(
            help="A recipe (see `tenfold recipes`) or a .json file with one. "
            "\\[default: fast; with --init that of the network it starts from, for few steps at a low rate]"
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The run folder, new or empty. \\[default: runs/TIME-RECIPE]")
    ] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with a run that was stopped.", metavar="RUN")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    track: Annotated[
        list[str] | None,
        typer.Option(
            help="Tell tensorboard, mlflow or both (tensorboard,mlflow) of it.", metavar="TRACKER", show_default=False
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Save the training as an animation, in the run.")] = False,
    task: Annotated[str | None, _option(_WHAT, "digits, parity, is:7, or groups such as 0-4/5-9.")] = None,
    data: Annotated[
        Path | None, _option(_WHAT, "Your own digits: IDX files, an .npz, or a folder of class folders.")
    ] = None,
    val_size: Annotated[
        float | None,
        _option(_WHAT, "Digits held out, or a share below 1; unless the data has such a part.", metavar="N"),
    ] = None,
    final: Annotated[bool | None, _option(_WHAT, "Learn from the validation digits too.")] = None,
    mix: Annotated[
        int | None,
        _option(_WHAT, "With --data: MNIST digits learnt along, so that nothing is forgotten.", metavar="N"),
    ] = None,
    network: Annotated[str | None, _option(_NET, "mlp, mish, cnn, lenet, strided, vgg, lean, unpadded.")] = None,
    channels: Annotated[str | None, _option(_NET, "Width of each convolution, as in 32,64.", metavar="N,N")] = None,
    hidden: Annotated[str | None, _option(_NET, "Width of each hidden layer, as in 512,256.", metavar="N,N")] = None,
    dropout: Annotated[float | None, _option(_NET, "Dropout between fully connected layers.")] = None,
    dropout_conv: Annotated[float | None, _option(_NET, "Dropout after the convolutions.")] = None,
    init: Annotated[
        Path | None,
        _option(_NET, "A run, or a weights file, to start from; default is the bundled model.", metavar="RUN"),
    ] = None,
    new_head: Annotated[bool | None, _option(_NET, "With --init: a fresh output layer, for another task.")] = None,
    epochs: Annotated[int | None, _option(_HOW, "Passes over the training digits.")] = None,
    batch_size: Annotated[int | None, _option(_HOW, "Digits in a step.")] = None,
    optimizer: Annotated[str | None, _option(_HOW, "adam, adamw, sgd, adadelta or rmsprop.")] = None,
    lr: Annotated[float | None, _option(_HOW, "Highest learning rate.")] = None,
    momentum: Annotated[float | None, _option(_HOW, "Momentum; Adam's first beta.")] = None,
    beta2: Annotated[float | None, _option(_HOW, "Adam's second beta; Adadelta's rho.")] = None,
    weight_decay: Annotated[float | None, _option(_HOW, "Weight decay.")] = None,
    label_smoothing: Annotated[float | None, _option(_HOW, "Share of the target spread over all classes.")] = None,
    schedule: Annotated[str | None, _option(_HOW, "constant, step, linear, cosine or onecycle.")] = None,
    warmup: Annotated[float | None, _option(_HOW, "Share of the steps in which the rate rises.")] = None,
    gamma: Annotated[float | None, _option(_HOW, "Schedule step: factor after each epoch.")] = None,
    teacher: Annotated[
        Path | None, _option(_HOW, "A run, such as an ensemble, to learn the probabilities of.", metavar="RUN")
    ] = None,
    heed: Annotated[float | None, _option(_HOW, "With --teacher: the share of the loss that it has.")] = None,
    soften: Annotated[float | None, _option(_HOW, "With --teacher: the temperature.")] = None,
    augment: Annotated[
        str | None, _option(_HOW, "Such as rotate=10,shift=2; also scale, shear, elastic, erase, wear; none.")
    ] = None,
    plain: Annotated[int | None, _option(_HOW, "The last epochs, that are without augmentation.")] = None,
    settle: Annotated[
        bool | None, _option(_HOW, "Take batch normalisation's statistics from digits as they are, at the end.")
    ] = None,
    pictures: Annotated[
        bool | None, _option(_HOW, "Learn digits as pictures show them: other pens, blur, noise, few pixels.")
    ] = None,
    styles: Annotated[
        int | None, _option(_HOW, "Digits drawn in styles that MNIST lacks, learnt along: crossed 7s, print.")
    ] = None,
    outliers: Annotated[int | None, _option(_HOW, "Shapes that are no digit, learnt along so as to be told.")] = None,
    patience: Annotated[
        int | None, _option(_HOW, "Stop after so many epochs without improvement, keep the best.")
    ] = None,
    seed: Annotated[int | None, _option(_HOW, "Seed of all that is random.")] = None,
    device: Annotated[str | None, _option(_WHERE, "auto, cuda, mps, xpu or cpu.")] = None,
    amp: Annotated[bool | None, _option(_WHERE, "Mixed precision in bfloat16.")] = None,
    compile: Annotated[bool | None, _option(_WHERE, "Through torch.compile.")] = None,
    channels_last: Annotated[bool | None, _option(_WHERE, "Channels-last memory order.")] = None,
) -> None:
    """Train a network on MNIST, or on your own digits, into a run folder.

    A recipe says everything; each option changes one field of it. The same seed gives the same weights.
    """
    given = {name: value for name, value in locals().items() if name not in _NO_FIELDS}
    changes = {name: value for name, value in given.items() if value is not None}
    for name in ("channels", "hidden"):
        if name in changes:
            changes[name] = _widths(name, changes[name])
    from tenfold.learn import figures
    from tenfold.learn.training import ranks
    from tenfold.learn.training import start as learn

    run = learn.train(recipe, out=out, resume=resume, quiet=quiet, track=track or (), watch=watch, **changes)
    if not ranks.first():
        return
    figures.save(figures.curves(run.metrics, run.steps, f"Training {run.path.name}"), run.path / "curves.png")
    if quiet:
        return
    last = run.model().metrics
    if last.get("val_accuracy") is not None:
        print(f"validation accuracy {last['val_accuracy']:.2%}")
    if watch and (run.path / "training.gif").is_file():
        print(f"the film is {run.path / 'training.gif'}, its moments side by side {run.path / 'training.png'}")
    elif watch:
        print("there is no film: the run had come to its end before it was watched")
    _trackers(run.path, ",".join(track or ()))
    if run.recipe.mix:
        print(f"the run is in {run.path}; read with it: tenfold read photo.jpg --model {run.path}")
        return
    print(f"the run is in {run.path}; score it on the test set: tenfold evaluate {run.path}")


def _widths(name: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(width) for width in text.split(",")) if text not in ("", "none") else ()
    except ValueError:
        raise UsageError(f"--{name} {text} makes no sense: it must be widths such as 512,256") from None


def _trackers(path: Path, names: str) -> None:
    """Where the trackers show the run."""
    if "tensorboard" in names:
        print(f"look at it: tensorboard --logdir {path.parent}")
    if "mlflow" in names:
        import mlflow

        print(f"in MLflow: run {path.name} of {mlflow.get_tracking_uri()}")
