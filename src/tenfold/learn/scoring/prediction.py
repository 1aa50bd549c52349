"""Answers for single digits: some of the test part to look at, or all of them in a table."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tenfold.errors import UsageError
from tenfold.learn.networks import calibration
from tenfold.learn.networks.inference import infer
from tenfold.learn.recipes import devices
from tenfold.learn.scoring import figures
from tenfold.learn.scoring.evaluation import caption, test_digits
from tenfold.learn.training import runs
from tenfold.learn.training.models import Model
from tenfold.learn.training.runs import Run
from tenfold.learn.training.start import train
from tenfold.mnist import sources
from tenfold.progress import Progress, track


@dataclass(frozen=True, eq=False)
class Prediction:
    """An answer: the digit's index in its data, its image uint8 (28, 28), its class if known, and the one answered."""

    index: int
    image: NDArray[np.uint8]
    label: str | None
    answer: str
    confidence: float
    probabilities: dict[str, float]

    @property
    def right(self) -> bool:
        """Whether the answer is the label; where there is none, it is taken for right."""
        return self.label is None or self.answer == self.label


def predict(
    run: str | Path | Run | None = None,
    *,
    count: int = 16,
    wrong: bool = False,
    seed: int | None = None,
    data: str | Path | None = None,
    device: str = "auto",
    quiet: bool = False,
) -> list[Prediction]:
    """Answers for `count` random test digits, or for random ones among those answered wrong.

    With no run the newest finished one in ./runs serves; with none there, the default recipe is trained first.
    Without a seed the digits differ every time. The digits are those that `evaluate` would score, or those of the data
    that have no labels; no score is computed.

    Raises UsageError, RunError, DataError or DeviceError, as their names say.
    """
    if count < 1:
        raise UsageError(f"--count must be 1 or more, not {count}")
    model = _model(run, data, device, quiet=quiet)
    images, labels, index = _digits(model, data)
    if wrong and labels is None:
        raise UsageError(f"--wrong needs labels, and {data} has none")
    order = np.random.default_rng(seed).permutation(len(images))
    if not wrong:
        order = order[:count]  # only what is shown needs an answer
    probabilities = _probabilities(model, images[order])
    if wrong and labels is not None:
        chosen = np.flatnonzero(probabilities.argmax(1) != labels[order])[:count]
        order, probabilities = order[chosen], probabilities[chosen]
    names = model.task.classes
    return [
        Prediction(
            index=int(index[k]),
            image=images[k],
            label=None if labels is None else names[labels[k]],
            answer=names[row.argmax()],
            confidence=float(row.max()),
            probabilities={name: float(p) for name, p in zip(names, row, strict=True)},
        )
        for k, row in zip(order, probabilities, strict=True)
    ]


def answers(
    run: str | Path | Run | None = None,
    *,
    data: str | Path | None = None,
    device: str = "auto",
    quiet: bool = False,
) -> list[str]:
    """The class answered for every digit that `predict` draws from, in the order of the data. Raises as that does."""
    model = _model(run, data, device, quiet=quiet)
    images, _, _ = _digits(model, data)
    return [model.task.classes[k] for k in _probabilities(model, images).argmax(1)]


def _model(run: str | Path | Run | None, data: str | Path | None, device: str, *, quiet: bool) -> Model:
    """The model of a run, of the newest, or of the default recipe, which is then trained."""
    where = devices.choose(device)
    if run is None and runs.newest() is None:
        if data is not None:
            sources.load(data)  # what is wrong with it is better reported before training
        if not quiet:
            Progress(stderr=False).line("there is no finished run yet, so the default recipe is trained first")
        run = train(device=device, quiet=quiet)
    return runs.find_model(run, where)[0]


def _digits(
    model: Model, data: str | Path | None
) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None, NDArray[np.int64]]:
    """Images to answer, their labels if they have some, and their indices in the data."""
    if data is not None and (unlabelled := sources.load(data, track=track).unlabelled) is not None:
        return unlabelled, None, np.arange(len(unlabelled))
    digits, _, _, index = test_digits(model, data)
    return digits.images, digits.labels, index


def _probabilities(model: Model, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    logits = infer(model.network, torch.from_numpy(images))
    probabilities: NDArray[np.float32] = calibration.probabilities(logits, model.temperature).cpu().numpy()
    return probabilities


def picture(predictions: list[Prediction], title: str = "Digits and answers") -> Figure:
    """The predictions as a figure, with the probability of every class."""
    images = np.stack([p.image for p in predictions]) if predictions else np.zeros((0, 28, 28), np.uint8)
    bars = np.array([list(p.probabilities.values()) for p in predictions], np.float32)
    captions = [caption(p.label, p.answer, p.confidence) for p in predictions]
    return figures.answers(images, captions, [p.right for p in predictions], title, bars if predictions else None)
