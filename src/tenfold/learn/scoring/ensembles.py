"""Several trained networks as one that answers with the mean of their probabilities."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch

from tenfold import files
from tenfold.errors import DataError, UsageError
from tenfold.learn import networks
from tenfold.learn.digits import dataset
from tenfold.learn.networks import calibration
from tenfold.learn.networks.inference import infer
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.training import models, runs
from tenfold.learn.training.models import Model
from tenfold.learn.training.runs import Run
from tenfold.progress import track


def ensemble(members: Sequence[str | Path | Run], out: str | Path | None = None) -> Run:
    """Join trained networks into one model in a run folder of its own, and return that.

    Each member's probabilities are those at its own temperature; of the mean a temperature is fitted again, on the
    validation digits, where all members were held back the same. L. Hansen and P. Salamon 1990, Neural network
    ensembles (IEEE PAMI 12).

    Args:
        members: Two or more runs, their folders or names, or safetensors files; an ensemble counts as its members.
        out: The folder to make; by default a new one in ./runs.

    The folder's recipe.json is the first member's, under another name; members.json says who they are.

    Raises:
        RunError: A member that cannot be used.
        UsageError: Fewer than two members, or members that do not answer the same question.
        StorageError: The folder is in use or cannot be made.
    """
    if len(members) < 2:
        raise UsageError("an ensemble has two members or more: give their runs")
    others = [type(member).__name__ for member in members if not isinstance(member, str | Path | Run)]
    if others:
        raise UsageError(f"members are runs, which say how their networks are built again, not {others[0]}")
    found = [runs.find_model(member)[0] for member in members]
    model = joined(found)
    run = runs.create(model.recipe, out)
    named = [str(member.path if isinstance(member, Run) else member) for member in members]
    files.text(run.path / "members.json", json.dumps(named, indent=2) + "\n")
    models.save(model, run.model_file, run.digests())
    return run


def joined(members: Sequence[Model]) -> Model:
    """One model out of several, in memory. Raises UsageError when they do not answer the same question."""
    first = members[0]
    for other in members[1:]:
        if (other.task, other.data_classes) != (first.task, first.data_classes):
            ours, theirs = ", ".join(first.task.classes), ", ".join(other.task.classes)
            raise UsageError(f"members must answer the same question: one tells {ours} apart, another {theirs}")
        if (other.recipe.outliers > 0) != (first.recipe.outliers > 0):
            raise UsageError("some members tell what is no digit and others do not: they cannot be joined")
    single = [part for model in members for part in parts(model)]
    each, heats, recipes = zip(*single, strict=True)
    average = networks.Average([networks.stock(one) for one in each], heats, rejects=first.recipe.outliers > 0)
    network = torch.nn.Sequential(average).eval()
    recipe = first.recipe.changed(name=f"ensemble-of-{len(single)}")
    same = {(m.data.get("sha256"), m.recipe.val_size, m.recipe.final, m.recipe.mix > 0) for m in members}
    model = Model(network, recipe, first.task, first.data_classes, {}, first.data, members=recipes)
    validation = None  # the digits that no member learnt from, if there are any still
    if len(same) == 1:
        with suppress(DataError):
            validation = dataset.held_out(model.recipe, model.data.get("sha256"))
    if validation is None:
        return model
    images, labels = torch.from_numpy(validation.images), torch.from_numpy(validation.labels)
    logits = infer(network, images, track=track)
    accuracy = (logits.argmax(1) == labels).double().mean().item()
    return replace(model, metrics={"val_accuracy": accuracy}, temperature=calibration.fit_temperature(logits, labels))


def parts(model: Model) -> list[tuple[torch.nn.Sequential, float, Recipe]]:
    """The networks of a model with their temperatures and recipes: one, or those of its members."""
    if not model.members:
        return [(model.network, model.temperature, model.recipe)]
    average = model.network[0]
    assert isinstance(average, networks.Average)
    return [
        (member, float(heat), recipe)
        for member, heat, recipe in zip(average.members, average.temperatures, model.members, strict=True)
        if isinstance(member, torch.nn.Sequential)
    ]
