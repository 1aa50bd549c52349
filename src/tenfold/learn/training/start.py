"""Starting a training: from nothing, from earlier weights, from a teacher, or where one was stopped."""

import csv
import shutil
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tenfold import files
from tenfold.errors import DataError, DivergedError, Interrupted, RunError, StorageError, UsageError
from tenfold.learn import networks
from tenfold.learn.networks import foreign
from tenfold.learn.recipes import own, presets
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.recipes.tasks import Task
from tenfold.learn.stopping import Stop
from tenfold.learn.training import checkpoint, models, objectives, optimizers, randomness, ranks, runs
from tenfold.learn.training.checkpoint import State
from tenfold.learn.training.display import Display
from tenfold.learn.training.loop import learn
from tenfold.learn.training.objectives import Objective
from tenfold.learn.training.ranks import SingleProcess
from tenfold.learn.training.runs import Epoch, Run
from tenfold.learn.training.watchers import Watcher, Watchers
from tenfold.mnist import sources
from tenfold.mnist.sources import IN_MEMORY, Source


def train(
    recipe: str | Path | Recipe | None = None,
    *,
    out: str | Path | None = None,
    resume: str | Path | Run | None = None,
    quiet: bool = False,
    watchers: Sequence[Watcher] = (),
    source: Source | None = None,
    **changes: Any,
) -> Run:
    """Train a network and return its run folder: see `tenfold.train`, which also knows watchers by their names."""
    with Stop() as stop, ranks.joined(stop) as group, ExitStack() as stack:
        run, fresh = None, True
        if resume:
            run, fresh = group.from_first(_held(stack, resume, recipe, out, changes) if group.first else None)
        recipe = run.recipe if run else _recipe(recipe, source, changes)
        networks.check(recipe)
        device = group.device(recipe.device)
        if recipe.batch_size < group.size:
            raise UsageError(
                f"--batch-size must be {group.size} or more for so many processes, not {recipe.batch_size}"
            )
        objective = objectives.objective(recipe, device, source)
        if group.from_first(objective.source.checksum) != objective.source.checksum:
            raise DataError(f"{objective.source.name} holds other data here than where the first process is")
        watcher = stack.enter_context(Watchers(Display(recipe, quiet=quiet or not group.first), watchers))
        stack.enter_context(randomness.isolated(device))
        for note in objective.source.notes:
            watcher.display.line(f"{objective.source.name}: {note}")
        torch.manual_seed(recipe.seed)
        network = networks.build(recipe, len(objective.task.classes))
        if fresh or run is None:
            state = _begin(network, recipe, objective, watcher.display, device)
            run = run or group.from_first(stack.enter_context(runs.begun(recipe, out)) if group.first else None)
            try:
                _save(state, run, group)  # so that it can be resumed from the start; else nothing is left behind
            except StorageError:
                if not resume:
                    shutil.rmtree(run.path, ignore_errors=True)
                raise
        else:
            state = _resume(network, run, objective, group, device)
            if state.epoch == recipe.epochs or state.stopped:
                watcher.display.line(f"{run.path} has finished already")
        watcher.begin(run)
        try:
            learn(recipe, state, objective, group, watcher, partial(_save, state, run, group))
        except Interrupted as error:
            raise Interrupted(f"{error}; resume it: tenfold train --resume {run.path}") from None
        except DivergedError as error:
            raise DivergedError(f"{error}; the last good state is kept in {run.checkpoint_file}") from None
        _finish(state, run, objective, group, watcher.display)
        watcher.end(run)
    return run


def _held(
    stack: ExitStack,
    resume: str | Path | Run,
    recipe: str | Path | Recipe | None,
    out: str | Path | None,
    changes: dict[str, Any],
) -> tuple[Run, bool]:
    """The run to resume, held, and whether it was stopped before anything was saved.

    Raises UsageError when anything is to be changed in it.
    """
    given = [*(["the recipe"] if recipe is not None else []), *(["--out"] if out is not None else [])]
    given += [f"--{name.replace('_', '-')}" for name in changes]
    if given:
        raise UsageError(
            f"--resume takes a run as it was begun: leave {', '.join(given)} out, or start from it by --init"
        )
    run = Run.open(resume)
    stack.enter_context(runs.held(run.path))
    return run, run.unused


def _recipe(recipe: str | Path | Recipe | None, source: Source | None, changes: dict[str, Any]) -> Recipe:
    """The recipe that is asked for, with full paths, so that its run can be resumed from another folder."""
    if recipe is None and changes.get("init") is not None:
        initial = runs.locate(changes["init"])
        known = initial if isinstance(initial, Run) else models.described(initial)  # plain weights do not say what of
        recipe = None if known is None else presets.fine_tuning(known.recipe, **changes)
    recipe = presets.resolve(recipe or presets.DEFAULT, **changes)
    if source is not None:
        recipe = recipe.changed(data=IN_MEMORY)
    elif recipe.data is not None and not sources.is_name(recipe.data):
        recipe = recipe.changed(data=str(files.home(recipe.data).absolute()))
    for name in ("init", "teacher"):
        target = getattr(recipe, name)
        if target and target != runs.DEFAULT:
            located = runs.locate(target)
            path = located.path if isinstance(located, Run) else located
            recipe = recipe.changed(**{name: str(path.absolute())})
    return recipe


def _begin(
    network: nn.Sequential, recipe: Recipe, objective: Objective, display: Display, device: torch.device
) -> State:
    """The state before the first step, with fresh weights or those of an earlier network."""
    for doubt in foreign.doubts(network, own.short(recipe.network)) if own.is_own(recipe.network) else ():
        warnings.warn(doubt, stacklevel=2)
    if recipe.init is not None:
        display.line(_initialise(network, recipe, recipe.init, objective.task))
    network.to(device)
    for line in objective.notes(network):
        display.line(f"{line} before")
    optimizer = optimizers.build(recipe, network, device)
    return State(network, optimizer, list(objective.task.classes), objective.source.checksum, recipe.as_dict())


def _initialise(network: nn.Sequential, recipe: Recipe, init: str, task: Task) -> str:
    """Fill the network with the weights of an earlier one, and say so in a sentence."""
    located = runs.locate(init)
    if isinstance(located, Run):
        earlier: models.Model | None = located.model()
        path, name = located.model_file, located.path.name
    else:
        earlier, path = models.described(located), located
        name = "the bundled model" if init == runs.DEFAULT else located.name
    if earlier is not None and earlier.task.classes != task.classes and not recipe.new_head:
        raise RunError(
            f"{init} was trained for another task ({'/'.join(earlier.task.classes)}, not {'/'.join(task.classes)}): "
            "add --new-head to keep all but its output layer"
        )
    weights, fresh = models.read_weights(path), network.state_dict()
    if recipe.new_head:
        head = networks.head(network)
        weights = {key: fresh.get(key, value) if key.startswith(head) else value for key, value in weights.items()}
    if {k: v.shape for k, v in weights.items()} != {k: v.shape for k, v in fresh.items()}:
        hint = "" if earlier is None else "; leave the recipe out to continue with theirs"
        raise RunError(
            f"the weights in {init} are of another network than {recipe.network} with these widths and classes{hint}"
        )
    network.load_state_dict(weights)
    return f"weights from {name}" + (", but for the output layer" if recipe.new_head else "")


def _resume(
    network: nn.Sequential, run: Run, objective: Objective, group: SingleProcess, device: torch.device
) -> State:
    """The state in which a run was stopped, of the same recipe, task and data."""
    plain = group.from_first(_checked(run, objective) if group.first else None)
    network.to(device)
    state = checkpoint.restore(plain, network, optimizers.build(run.recipe, network, device))
    if group.first:
        _write_rows(state, run)  # a kill may have come between the checkpoint and these
    else:  # what was summed up is the first process's to bring
        state.sums, state.marks = None, [(step, torch.zeros_like(mark)) for step, mark in state.marks]
    return state


def _checked(run: Run, objective: Objective) -> dict[str, Any]:
    """What the checkpoint of a run holds. Raises RunError when recipe, task or data are others now."""
    plain = checkpoint.load(run.checkpoint_file)
    if plain["classes"] != list(objective.task.classes):
        theirs, ours = "/".join(plain["classes"]), "/".join(objective.task.classes)
        raise RunError(f"{run.path} holds a checkpoint of another task: its classes are {theirs}, the recipe's {ours}")
    free = ("data", "device", "init")  # may change without changing what is learnt
    changed = [name for name in run.recipe.differences(Recipe.from_dict(plain["recipe"])) if name not in free]
    if changed:
        raise RunError(
            f"{run.path / 'recipe.json'} was changed since the run began ({', '.join(changed)}): "
            "change it back, or use --init"
        )
    if plain["data"] != objective.source.checksum:
        raise RunError(
            f"{run.path} was begun on other data than {objective.source.name} holds now: train it again, or use --init"
        )
    return plain


def _save(state: State, run: Run, group: SingleProcess) -> None:
    """Write the checkpoint, then the metrics that belong to it."""
    if group.first:
        checkpoint.save(state, run.checkpoint_file)
        _write_rows(state, run)
    group.saved = run.path
    group.wait()


def _write_rows(state: State, run: Run) -> None:
    """Write metrics.csv and steps.csv."""
    for name, columns, rows in (
        ("metrics.csv", list(Epoch.__dataclass_fields__), [asdict(row) for row in state.history]),
        ("steps.csv", ["epoch", "loss", "accuracy"], state.steps),
    ):
        with files.file(run.path / name) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            for row in rows:
                writer.writerow({key: round(x, 6) if isinstance(x, float) else x for key, x in row.items()})


def _finish(state: State, run: Run, objective: Objective, group: SingleProcess, display: Display) -> None:
    """Fit the temperature, and write the model with its description."""
    network, source = state.network, objective.source
    if state.best is not None:
        network.load_state_dict(state.best)
    for line in objective.notes(network):
        display.line(f"{line} now")
    row = state.history[state.best_epoch if state.best is not None else -1]
    data = {"name": source.name, "sha256": source.checksum}
    model = models.Model(
        network, run.recipe, objective.task, source.classes, asdict(row), data, objective.temperature(network)
    )
    if group.first:
        models.save(model, run.model_file, run.digests())
    group.wait()
