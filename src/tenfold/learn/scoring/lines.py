"""Scores of a network for lines, on lines written with MNIST's test digits or on a user's own."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tenfold import files
from tenfold.learn.lines import ctc, dataset, own
from tenfold.learn.lines.alphabet import BLANK
from tenfold.learn.networks import calibration
from tenfold.learn.recipes import devices
from tenfold.learn.scoring.metrics import wilson
from tenfold.learn.training import runs
from tenfold.learn.training.models import Model
from tenfold.learn.training.runs import Run
from tenfold.mnist import embedded
from tenfold.progress import track

_TEST = 7  # seed of the lines: no training writes the same


@dataclass(frozen=True)
class LinesEvaluation:
    """What `evaluate` found for lines. All but `n` are fractions."""

    model: str  # the run or file
    recipe: str
    data: str
    n: int
    accuracy: float  # of whole lines without a fault
    interval: tuple[float, float]  # of the accuracy, 95 %, Wilson
    sign_error: float  # signs to insert, delete or change, by the signs that there are
    threshold: float  # the probability of a text from which it is sure, fitted on validation lines
    sure: float  # lines whose probability reaches that
    sure_wrong: float | None  # of those, how many are read with a fault

    def as_json(self) -> str:
        """The evaluation as a JSON object."""
        return json.dumps(asdict(self), indent=2, allow_nan=False)


def evaluate(
    run: str | Path | Run | None = None,
    *,
    data: str | Path | None = None,
    out: str | Path | None = None,
    device: str = "auto",
) -> LinesEvaluation:
    """Score a model on lines of MNIST's test digits, or on own lines (see `lines.own`), and write evaluation.json.

    Arguments are those of `evaluation.evaluate`. Raises RunError, DataError, FormatError for own lines of another kind,
    DeviceError or StorageError, as their names say.
    """
    model, its_run, folder = runs.find_model(run, devices.choose(device), lines=True)
    name = runs.title(run, its_run)
    if data is None:
        batches, shown = dataset.written(embedded.read("test"), _TEST), "lines of MNIST's test digits"
    else:
        batches, shown = dataset.batched(own.read(data)), str(data)
        folder /= f"on-{Path(data).stem}"
    right, distance, signs, found = 0, 0, 0, []
    for texts, labels, probability in ctc.read(model.network, track(batches, "reading lines")):
        same = ctc.same(texts, labels)
        right += int(same.sum())
        distance += sum(edits(_signs(one), _signs(other)) for one, other in zip(texts, labels, strict=True))
        signs += int((labels != BLANK).sum())
        found.append(torch.stack([probability.double(), same.double()], 1))
    probability, same = torch.cat(found).unbind(1)
    least = _threshold(model)
    sure = probability >= least
    scores = LinesEvaluation(
        *(name, model.recipe.name, shown, len(same), right / len(same), wilson(right, len(same))),
        sign_error=distance / max(1, signs),
        threshold=least,
        sure=sure.double().mean().item(),
        sure_wrong=1 - same[sure].mean().item() if sure.any() else None,
    )
    files.text((folder if out is None else Path(out)) / "evaluation.json", scores.as_json() + "\n")
    return scores


def _threshold(model: Model) -> float:
    """The threshold that its model file has."""
    batches = dataset.held_out(model.recipe)
    if not batches:
        return calibration.UNSURE
    return calibration.threshold(*ctc.faults(model.network, batches), calibration.ERROR_OF_LINES)[0]


def _signs(text: Tensor) -> list[int]:
    signs: list[int] = text[text != BLANK].tolist()
    return signs


def edits(one: Sequence[int], other: Sequence[int]) -> int:
    """How many signs must be inserted, deleted or changed to make one text the other: V. Levenshtein 1966."""
    costs = np.arange(len(other) + 1)
    for sign in one:
        changed = costs[:-1] + (np.array(other, int) != sign)
        deleted = costs + 1
        costs = np.concatenate([deleted[:1], np.minimum(changed, deleted[1:])])
        costs = np.minimum.accumulate(costs - np.arange(len(costs))) + np.arange(len(costs))  # inserted
    return int(costs[-1])
