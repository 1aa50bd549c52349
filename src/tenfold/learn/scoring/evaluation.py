"""Scores on the test set, which nothing else reads to learn or to choose: `evaluate` is asked once, at the end."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tenfold import files
from tenfold.errors import DataError
from tenfold.learn.networks import calibration
from tenfold.learn.networks.inference import infer
from tenfold.learn.recipes import devices
from tenfold.learn.scoring import matrix, metrics, report, thumbnails
from tenfold.learn.scoring.metrics import Corrected, Evaluation, Mistake
from tenfold.learn.training import runs
from tenfold.learn.training.models import Model
from tenfold.learn.training.runs import Run
from tenfold.mnist import DIGITS, doubtful, embedded, sources
from tenfold.mnist.digits import Digits
from tenfold.progress import track

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 32  # mistakes, and samples, in a figure


def evaluate(
    run: runs.Target = None,
    *,
    data: str | Path | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    draw: bool = True,
    normalise: tuple[float, float] | None = None,
) -> Evaluation:
    """Score a model on the test set, and write evaluation.json, figures and report.html.

    Args:
        run: A run, its folder or name, or a safetensors file; None is the newest finished run in ./runs. Or a network,
            an nn.Module from images float (N, 1, 28, 28) to logits (N, classes), that was trained elsewhere; or a
            Model, or a DigitClassifier that was fitted.
        data: Other labelled digits to score on: their test part, or all of them if they have none.
        out: The folder to write to; the run's own, or one beside the data's name inside it for other `data`.
        device: Where to compute.
        draw: Write the files; without, only the scores are returned.
        normalise: Of such a network, the mean and the deviation of grey values in [0, 1] that its images are
            normalised by; by default MNIST's.

    Raises UsageError, RunError, DataError, DeviceError or StorageError, as their names say.
    """
    scored = score(run, data=data, out=out, device=device, normalise=normalise)
    if not draw:
        return scored.evaluation
    found = replace(scored.evaluation, report=str(scored.folder / "report.html"))
    _draw(found, scored)
    files.text(scored.folder / "evaluation.json", found.as_json() + "\n")
    return found


@dataclass(frozen=True)
class Scored:
    """A model's scores, and what they are of: digits (N,), their places in their data, the answers' probabilities."""

    evaluation: Evaluation
    digits: Digits
    index: NDArray[np.int64]
    probabilities: Tensor  # (N, classes)
    model: Model
    run: Run | None
    folder: Path  # for files about it


def score(
    run: runs.Target = None,
    *,
    data: str | Path | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    normalise: tuple[float, float] | None = None,
) -> Scored:
    """Score a model as `evaluate` does, and write nothing."""
    model, its_run, folder = runs.find_model(run, devices.choose(device), normalise=normalise)
    digits, notes, name, index = test_digits(model, data)
    folder = Path(out) if out is not None else folder if data is None else folder / f"on-{Path(data).stem}"
    images, labels = torch.from_numpy(digits.images), torch.from_numpy(digits.labels)
    began = time.perf_counter()
    logits = infer(model.network, images, track=track).cpu()
    seconds = time.perf_counter() - began
    found = _scores(
        *(logits, labels, index, model),
        model=runs.title(run, its_run),
        data=name,
        notes=notes,
        images_per_second=round(len(labels) / seconds),
        corrected=_corrected(logits.argmax(1).numpy(), digits, index, model),
    )
    return Scored(found, digits, index, calibration.probabilities(logits, model.temperature), model, its_run, folder)


def test_digits(model: Model, data: str | Path | None) -> tuple[Digits, list[str], str, NDArray[np.int64]]:
    """The digits to test a model on, labelled as its task has it; notes on them, their origin, their indices there.

    With `data`, its test part or all of it; else the test part of the data that the model learnt from, or MNIST's.
    """
    source = sources.load(data if data is not None else model.recipe.data, track=track)
    digits, part = source.test, "test"
    if digits is None and data is None and model.data_classes == DIGITS:
        source = sources.load()
        digits = source.test
    if digits is None and data is not None:
        digits, part = (source.train, "all") if source.validation is None else (source.validation, "validation")
    if digits is None and source.unlabelled is not None:
        raise DataError(f"{source.name} has no labels: tenfold predict answers its digits, -o answers.csv all of them")
    if digits is None:
        raise DataError(f"{source.name}, which the model learnt from, has no test part: name other digits with --data")
    if source.classes != model.data_classes:
        theirs, ours = ", ".join(source.classes), ", ".join(model.data_classes)
        raise DataError(
            f"{source.name} has the classes {theirs}, and the model learnt from {ours}: they must be the same"
        )
    if part != "test" and source.checksum == model.data.get("sha256"):
        part += ", which it learnt from"
    index = np.flatnonzero(model.task.numbers(digits.labels) >= 0)
    return model.task.apply(digits), list(source.notes), f"{source.name} ({part})", index


def _scores(logits: Tensor, labels: Tensor, index: NDArray[np.int64], model: Model, /, **known: Any) -> Evaluation:
    """The evaluation of these logits; `known` are its fields that do not follow from them."""
    names = model.task.classes
    probabilities, plain = calibration.probabilities(logits, model.temperature), logits.softmax(1)
    confidence, answers = probabilities.max(1)
    right = int((answers == labels).sum())
    matrix = metrics.confusion(answers, labels, len(names))
    bins = metrics.reliability(probabilities, labels)
    wrong = (answers != labels).nonzero()[:, 0]
    wrong = wrong[confidence[wrong].argsort(descending=True, stable=True)]
    mistakes = [
        Mistake(int(index[k]), names[int(labels[k])], names[int(answers[k])], round(float(confidence[k]), 6))
        for k in wrong
    ]
    auc = metrics.roc_auc(logits[:, 1] - logits[:, 0], labels == 1) if len(names) == 2 else None
    return Evaluation(
        **known,
        recipe=model.recipe.name,
        task=model.task.name,
        n=len(labels),
        accuracy=right / len(labels),
        interval=metrics.wilson(right, len(labels)),
        nll=metrics.nll(logits / model.temperature, labels),
        brier=metrics.brier(probabilities, labels),
        ece=metrics.calibration_error(bins),
        temperature=model.temperature,
        uncalibrated={
            "nll": metrics.nll(logits, labels),
            "brier": metrics.brier(plain, labels),
            "ece": metrics.calibration_error(metrics.reliability(plain, labels)),
        },
        auc=None if auc is None or math.isnan(auc) else auc,  # JSON has no NaN
        classes=metrics.class_scores(matrix, names),
        confusion=matrix.tolist(),
        mistakes=mistakes,
        reliability=bins,
    )


def _corrected(answers: NDArray[np.int64], digits: Digits, index: NDArray[np.int64], model: Model) -> Corrected | None:
    """The accuracy by the corrected labels, if these are MNIST's own test digits; reported, and never chosen by."""
    own = embedded.read("test")
    if model.data_classes != DIGITS or index.max(initial=0) >= len(own):
        return None
    if not np.array_equal(digits.images, own.images[index]):
        return None
    labels = doubtful.corrected(own.labels)[index]
    wanted = np.where(labels >= 0, model.task.numbers(labels), -1)
    asked = wanted >= 0
    right, n = int((answers == wanted)[asked].sum()), int(asked.sum())
    return Corrected(n, right / n, metrics.wilson(right, n))


def _draw(found: Evaluation, scored: Scored) -> None:
    """Write the figures, and the report, in which digits are pictures of their own that fit any window."""
    from tenfold.learn.figures import curves, save  # matplotlib, which scores alone can do without
    from tenfold.learn.scoring import figures

    digits, probabilities, run, folder = scored.digits, scored.probabilities, scored.run, scored.folder
    names = scored.model.task.classes
    sureness, answers = (each.numpy() for each in probabilities.max(1))
    wrong = np.flatnonzero(answers != digits.labels)
    wrong = wrong[np.argsort(-sureness[wrong], kind="stable")][:SHOWN]
    some = np.random.default_rng(0).permutation(len(digits))[:SHOWN]

    def told(index: NDArray[np.int64]) -> tuple[NDArray[np.uint8], list[str], list[bool]]:
        captions = [caption(names[digits.labels[k]], names[answers[k]], float(sureness[k])) for k in index]
        return digits.images[index], captions, [bool(answers[k] == digits.labels[k]) for k in index]

    def picture(index: NDArray[np.int64], title: str) -> "Figure":
        return figures.answers(*told(index), title, probabilities[index].numpy())

    drawings: dict[str, Callable[[], Figure]] = {
        "confusion": lambda: figures.confusion(np.array(found.confusion), names),
        "mistakes": lambda: picture(wrong, f"The surest of {len(found.mistakes)} mistakes: label → answer"),
        "reliability": lambda: figures.reliability(found.reliability, found.ece),
        "samples": lambda: picture(some, "Digits drawn at random, and the answers"),
    }
    if run is not None and run.metrics:
        rows = run.metrics
        drawings = {"curves": lambda: curves(rows, run.steps, f"Training {run.path.name}"), **drawings}
    paths = {name: save(draw(), folder / f"{name}.png") for name, draw in track(drawings.items(), "drawing figures")}
    shown: dict[str, Path | str] = {
        **paths,
        "confusion": matrix.html(digits, answers, sureness, scored.index, names),
        "mistakes": thumbnails.html(*told(wrong), probabilities[wrong].numpy()),
        "samples": thumbnails.html(*told(some), probabilities[some].numpy()),
    }
    files.text(folder / "report.html", report.html(found, scored.model, shown))


def caption(label: str | None, answer: str, confidence: float) -> str:
    """A short line on an answer: what it is, what was answered when that differs, and how sure."""
    return f"{answer}  {confidence:.0%}" if label in (None, answer) else f"{label} → {answer}  {confidence:.0%}"
