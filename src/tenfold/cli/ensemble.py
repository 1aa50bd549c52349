"""`tenfold ensemble`."""

from pathlib import Path
from typing import Annotated

import typer

EPILOG = """
Examples:

  tenfold ensemble runs/a runs/b runs/c -o runs/three    one model that averages their probabilities

  tenfold ensemble runs/study/seeds/* -o runs/ten        all trainings of a study

  tenfold evaluate runs/three                            as any run; so do read, export, explain

  tenfold ensemble runs/a runs/b -o runs/two --distil fast    then one network that learns from it
"""


def ensemble(
    members: Annotated[list[str], typer.Argument(help="Two or more runs, or safetensors files.", metavar="RUN")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The folder of the new run.", show_default="in ./runs")
    ] = None,
    distil: Annotated[
        str | None,
        typer.Option(
            help="Also train this recipe to say what the ensemble says, into a folder beside.", metavar="RECIPE"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="With --distil: the seed.")] = 0,
    heed: Annotated[
        float, typer.Option(help="With --distil: the share of the loss that the ensemble has; labels have the rest.")
    ] = 1.0,
    soften: Annotated[float, typer.Option(help="With --distil: the temperature at which it is learnt.")] = 3.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Join trained networks into one model that answers with the mean of their probabilities."""
    from tenfold.learn.networks import parameters
    from tenfold.learn.recipes import presets
    from tenfold.learn.scoring import ensembles
    from tenfold.learn.training import start

    small = presets.resolve(distil, seed=seed, heed=heed, soften=soften) if distil is not None else None
    run = ensembles.ensemble(members, out)
    model = run.model()
    if not quiet:
        found = model.metrics.get("val_accuracy")
        said = "" if found is None else f", validation accuracy {found:.2%}"
        print(f"{len(model.members)} members, {parameters(model.network):,} parameters{said}")
        print(f"the run is in {run.path}; score it on the test set: tenfold evaluate {run.path}")
    if small is not None:
        place = run.path.with_name(f"{run.path.name}-{small.name}")
        taught = start.train(small, teacher=str(run.path), out=place, quiet=quiet)
        if not quiet:
            print(f"{small.name}, which learnt from them, is in {taught.path}: tenfold evaluate {taught.path}")
