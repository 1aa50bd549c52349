"""What `tenfold.train` is: a training, with the watchers that are known by name handed in."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tenfold.errors import UsageError
from tenfold.learn.recipes import presets
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.recipes.tasks import LINES
from tenfold.learn.training import ranks, start
from tenfold.learn.training.runs import Run
from tenfold.learn.training.watchers import Watcher
from tenfold.mnist.sources import Source


def train(
    recipe: str | Path | Recipe | None = None,
    *,
    out: str | Path | None = None,
    resume: str | Path | Run | None = None,
    quiet: bool = False,
    track: str | Iterable[str] = (),
    watch: bool = False,
    watchers: Sequence[Watcher] = (),
    source: Source | None = None,
    **changes: Any,
) -> Run:
    """Train a network and return its run folder.

    Args:
        recipe: The name of a recipe, a recipe in a JSON file, or a Recipe. None is the default recipe, or with init
            that of the initial network with few steps at a low learning rate: see `presets.fine_tuning`.
        out: The run folder, new or empty; runs/<time>-<recipe> when it is None.
        resume: A run that was stopped; it ends with the weights of a run without a stop.
        quiet: Show nothing.
        track: "tensorboard", "mlflow", or both: where the recipe, the curves and the model are logged.
        watch: Save the training as an animation in the run folder.
        watchers: Others that are called after every step and epoch.
        source: Labelled digits in memory, instead of `data`. Such a run can be resumed with the same source alone.
        changes: Fields of the recipe, such as epochs=3 or lr=3e-3.

    The same recipe, data and number of threads give bit-identical weights on the CPU. PyTorch's global random state
    is left as it was. The test set is not read.

    Raises:
        UsageError: a name, field or value that cannot be.
        DataError, DeviceError, RunError, StorageError: as their names say; then no folder is left behind.
        DivergedError: the loss is no longer a number. The state of the epoch before is kept.
        Interrupted: Ctrl-C. The state is saved.
    """
    watchers = list(watchers)
    if ranks.first():
        if track:
            from tenfold.learn.training import trackers  # with matplotlib, for which a training need not wait

            watchers += trackers.named(track)
        if watch:
            wanted = (
                presets.resolve(recipe or presets.DEFAULT, **changes) if resume is None else Run.open(resume).recipe
            )
            if wanted.task == LINES.name:
                raise UsageError("--watch films digits: it does not go with --task lines")
            from tenfold.learn.explain.film import Watch

            watchers.append(Watch(source=source))
    return start.train(recipe, out=out, resume=resume, quiet=quiet, watchers=watchers, source=source, **changes)
