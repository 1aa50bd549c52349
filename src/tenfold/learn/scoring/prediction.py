"""Answers for single test digits, to look at."""

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
from tenfold.learn.training.runs import Run
from tenfold.learn.training.start import train
from tenfold.mnist import sources
from tenfold.progress import Progress


@dataclass(frozen=True, eq=False)
class Prediction:
    """An answer: the digit's index in its data, its image uint8 (28, 28), its class and the one answered."""

    index: int
    image: NDArray[np.uint8]
    label: str
    answer: str
    confidence: float
    probabilities: dict[str, float]

    @property
    def right(self) -> bool:
        """Whether the answer is the label."""
        return self.answer == self.label


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
    Without a seed the digits differ every time. The digits are those that `evaluate` would score; no score is computed.

    Raises UsageError, RunError, DataError or DeviceError, as their names say.
    """
    if count < 1:
        raise UsageError(f"--count must be 1 or more, not {count}")
    where = devices.choose(device)
    if run is None and runs.newest() is None:
        if data is not None:
            sources.load(data)  # what is wrong with it is better reported before training
        if not quiet:
            Progress(stderr=False).line("there is no finished run yet, so the default recipe is trained first")
        run = train(device=device, quiet=quiet)
    model, _, _ = runs.find_model(run, where)
    digits, _, _, index = test_digits(model, data)
    order = np.random.default_rng(seed).permutation(len(digits))
    if not wrong:
        order = order[:count]  # only what is shown needs an answer
    logits = infer(model.network, torch.from_numpy(digits.images[order]))
    probabilities = calibration.probabilities(logits, model.temperature).cpu().numpy()
    if wrong:
        chosen = np.flatnonzero(probabilities.argmax(1) != digits.labels[order])[:count]
        order, probabilities = order[chosen], probabilities[chosen]
    names = model.task.classes
    return [
        Prediction(
            index=int(index[k]),
            image=digits.images[k],
            label=names[digits.labels[k]],
            answer=names[row.argmax()],
            confidence=float(row.max()),
            probabilities={name: float(p) for name, p in zip(names, row, strict=True)},
        )
        for k, row in zip(order, probabilities, strict=True)
    ]


def picture(predictions: list[Prediction], title: str = "Digits and answers") -> Figure:
    """The predictions as a figure, with the probability of every class."""
    images = np.stack([p.image for p in predictions]) if predictions else np.zeros((0, 28, 28), np.uint8)
    bars = np.array([list(p.probabilities.values()) for p in predictions], np.float32)
    captions = [caption(p.label, p.answer, p.confidence) for p in predictions]
    return figures.answers(images, captions, [p.right for p in predictions], title, bars if predictions else None)
