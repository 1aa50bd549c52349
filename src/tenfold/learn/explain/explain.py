"""Explain a trained network: its first filters, where it puts the digits, and why it answers as it does."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tenfold.errors import DataError, StorageError, UsageError, nearest
from tenfold.learn.explain import figures
from tenfold.learn.explain.attributions import attributions, library
from tenfold.learn.explain.counterfactual import counterfactual
from tenfold.learn.explain.digit_map import embed, shown, tsne
from tenfold.learn.explain.explanation import Change, Explanation, Inside, Map
from tenfold.learn.explain.filters import filters
from tenfold.learn.networks import calibration
from tenfold.learn.networks.inference import infer
from tenfold.learn.recipes import devices
from tenfold.learn.scoring.evaluation import test_digits
from tenfold.learn.training import runs
from tenfold.learn.training.models import Model
from tenfold.learn.training.runs import Run
from tenfold.progress import Progress, track

MAPPED = 3_000  # digits in the map, at most


def explain(
    run: str | Path | Run | None = None,
    *,
    digit: int | Sequence[int] | None = None,
    into: str | None = None,
    data: str | Path | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    draw: bool = True,
) -> Inside:
    """Look inside a trained network, and draw what is there.

    Args:
        run: A run, its folder or name, or a safetensors file; None is the newest finished run in ./runs.
        digit: The numbers of test digits to explain; None is the most doubtful right one and the surest mistake.
        into: The class that the least change should make of them; None is the runner-up.
        data: Other labelled digits, as for `evaluate`.
        out: The folder for the figures; `inside` in the run's own when it is None.
        device: Where to compute.
        draw: Write the figures; without, only the arrays are returned.

    Raises:
        MissingExtra: Captum or scikit-learn is not installed.
        UsageError: a digit or class that is not there, or one that is answered so already.
        RunError, DataError, DeviceError, StorageError: as their names say.
    """
    library("captum.attr", "captum")
    library("sklearn.manifold", "scikit-learn")
    model, its_run, folder = runs.find_model(run, devices.choose(device))
    digits, _, _, index = test_digits(model, data)
    names = model.task.classes
    if into is not None and into not in names:
        raise UsageError(nearest("class", into, names))
    numbers = [digit] if isinstance(digit, int | np.integer) else digit or []
    chosen = [_place(number, index) for number in dict.fromkeys(numbers)]
    folder = Path(out) if out is not None else folder / "inside"
    if draw:
        _check_writable(folder)  # rather now than after the work
    embeddings, logits = embed(model.network, torch.from_numpy(digits.images), track=track)
    probabilities = calibration.probabilities(logits, model.temperature).numpy()
    answers = probabilities.argmax(1)
    chosen = chosen or telling(probabilities, digits.labels)
    for k in chosen:
        if into is not None and names[answers[k]] == into:
            raise UsageError(f"digit {index[k]} is answered {into} already: name another class, or none")
    explained = [
        _explain(model, digits.images[k], names[digits.labels[k]], int(index[k]), into)
        for k in track(chosen, "explaining")
    ]
    wrong = answers != digits.labels
    some = shown(wrong, chosen, MAPPED)
    with Progress() as progress:
        progress.update("map", "drawing the map", 0, None)
        points = tsne(embeddings[torch.from_numpy(some)].numpy())
    places = Map(points, index[some], digits.labels[some], answers[some], len(digits), int(wrong.sum()))
    name = runs.title(run, its_run)
    inside = Inside(name, names, filters(model.network)[: figures.FILTERS], places, explained)
    return figures.draw(inside, folder) if draw else inside


def telling(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> list[int]:
    """Which digits tell most: the right answer with the most doubt, and the surest mistake, if there are such."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    most_doubtful = int(np.where(right, confidence, np.inf).argmin())
    surest = int(np.where(right, -np.inf, confidence).argmax())
    return [most_doubtful] * bool(right.any()) + [surest] * (not right.all())


def _explain(model: Model, image: NDArray[np.uint8], label: str, index: int, into: str | None) -> Explanation:
    network, names = model.network, model.task.classes
    probabilities = _probabilities(model, image)
    answer, runner_up = sorted(names, key=lambda name: -probabilities[name])[:2]
    given, blank = infer(network, torch.from_numpy(np.stack([image, np.zeros_like(image)]))).tolist()
    ways = [attributions(network, image, names.index(name)) for name in (answer, runner_up)]
    gradients, erased, inked = (np.stack(pair) for pair in zip(*ways, strict=True))
    wanted = into or runner_up
    changed = counterfactual(network, image, names.index(wanted), temperature=model.temperature)
    change = None
    if changed is not None:
        ink = float(np.abs(changed.astype(float) - image).sum() / 255)
        change = Change(changed, wanted, _probabilities(model, changed), ink)
    return Explanation(
        index=index,
        image=image,
        label=label,
        answer=answer,
        runner_up=runner_up,
        probabilities=probabilities,
        logits=dict(zip(names, given, strict=True)),
        blank=dict(zip(names, blank, strict=True)),
        gradients=gradients,
        erased=erased,
        inked=inked,
        wanted=wanted,
        change=change,
    )


def _probabilities(model: Model, image: NDArray[np.uint8]) -> dict[str, float]:
    """The probability of every class for one image."""
    logits = infer(model.network, torch.from_numpy(image[None]))
    row = calibration.probabilities(logits, model.temperature)[0].tolist()
    return dict(zip(model.task.classes, row, strict=True))


def _place(number: int, index: NDArray[np.int64]) -> int:
    """Where the test digit with a number is among those that the task is about."""
    if not len(index):
        raise DataError("there is no test digit to explain")
    at = np.flatnonzero(index == number)
    if len(at):
        return int(at[0])
    if 0 <= number <= index[-1]:
        raise UsageError(f"digit {number} belongs to no class of this task: name another")
    raise UsageError(f"there is no digit {number}: give one from {index[0]} to {index[-1]}")


def _check_writable(folder: Path) -> None:
    """See that a folder for figures can be made, or written to if it is there; nothing is left. Raises StorageError."""
    try:
        there = next(place for place in (folder, *folder.parents) if place.exists())
        if not there.is_dir():
            raise StorageError(f"cannot write figures into {folder}: {there} is a file; name a folder with --out")
        tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        why = error.strerror or error
        raise StorageError(f"cannot write figures into {folder}: {why}; name another folder with --out") from error
