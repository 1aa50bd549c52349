"""What a training is after: the batches of each step, the loss of their logits, and the score on held-out examples."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tenfold.errors import UsageError
from tenfold.learn.digits import dataset as digits
from tenfold.learn.digits.augment import augment
from tenfold.learn.digits.pictures import distort
from tenfold.learn.lines import ctc
from tenfold.learn.lines import dataset as lines
from tenfold.learn.networks.batchnorm import recalibrate
from tenfold.learn.networks.calibration import fit_temperature
from tenfold.learn.networks.inference import grey, infer, normalise
from tenfold.learn.recipes import own
from tenfold.learn.recipes.augmentation import Augmentation
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.recipes.tasks import LINES, Task
from tenfold.learn.training import runs
from tenfold.learn.training.models import Model
from tenfold.mnist.sources import Source

RECALIBRATED = 5_000  # digits that batch normalisation is recalibrated on


class Objective(Protocol):
    """What the loop asks of a training; `count` examples are learnt from in an epoch, `held` are held out."""

    task: Task
    source: Source
    device: torch.device
    count: int
    held: int

    def batch(self, wanted: "Step") -> "Batch":
        """The images and labels of a step: those that its `index` names, or what is made for the step."""

    def loss(self, logits: Tensor, labels: Tensor, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The loss, what is shown of it and compares with that on held-out examples, and how many answers are right."""

    def validate(self, network: nn.Module, part: slice) -> tuple[float, float]:
        """Mean loss on a part of the held-out examples, and how many of them are answered right."""

    def recalibrate(self, network: nn.Module) -> None:
        """Estimate batch normalisation's statistics anew."""

    def sample(self, network: nn.Module) -> Tensor:
        """The logits of a few examples."""

    def temperature(self, network: nn.Module) -> float:
        """By what logits are divided so that the network is as sure as it is right."""

    def notes(self, network: nn.Module) -> list[str]:
        """What is to be said of the network before and after, in a sentence each."""


Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Step:
    """Which step it is, and how its batch comes about."""

    epoch: int
    number: int  # in its epoch
    rows: slice  # of the batch, those of this process
    index: Tensor  # int64 (B,): the digits in them
    augmented: bool
    generator: torch.Generator


class Classification:
    """Cross-entropy with the labels of digits, and distillation from a teacher."""

    def __init__(self, recipe: Recipe, data: digits.Dataset, device: torch.device) -> None:
        """Raises UsageError when the teacher answers another question, RunError."""
        self._recipe, self._data = recipe, data
        self.device: torch.device = device
        self.task: Task = data.task
        self.source: Source = data.source
        self.count: int = len(data.images)
        self.held: int = 0 if data.val_images is None else len(data.val_images)
        self._own: Callable[[Tensor], Tensor] | None = None
        self._augmentation: Augmentation = Augmentation()
        if own.is_own(recipe.augment):
            self._own = own.load(recipe.augment)
        else:
            self._augmentation = Augmentation.parse(recipe.augment)
        self._teacher: Model | None = None if recipe.teacher is None else _teacher(recipe.teacher, data, device)

    def batch(self, wanted: Step) -> Batch:
        """Images float (B, 1, 28, 28), augmented or as pictures show them, and normalised; labels (B,)."""
        data, index = self._data, wanted.index
        ink = grey(data.images[index])
        if data.distances is not None:
            ink = distort(ink, data.distances[index], self._amounts(wanted), wanted.generator)
        elif self._own is not None and wanted.augmented:
            ink = _changed(ink, self._own, self._recipe.augment)
        elif amounts := self._amounts(wanted):
            ink = augment(ink, amounts, wanted.generator)
        return normalise(ink), data.labels[index]

    def loss(self, logits: Tensor, labels: Tensor, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of logits (B, classes): the loss, the plain cross-entropy without a gradient, how many answers are right."""
        recipe, logits = self._recipe, self._all(logits)
        right = (logits.detach().argmax(1) == labels).sum()
        total = F.cross_entropy(logits.float(), labels, label_smoothing=recipe.label_smoothing)
        if self._teacher is not None:
            weight = recipe.teacher_weight
            taught = distillation(logits, images, self._teacher, recipe.teacher_temperature)
            total = weight * taught + (1 - weight) * total
        if not recipe.label_smoothing and self._teacher is None:
            return total, total.detach(), right
        return total, F.cross_entropy(logits.detach().float(), labels), right

    def validate(self, network: nn.Module, part: slice) -> tuple[float, float]:
        """Mean cross-entropy on a part of the validation digits, and how many of them are answered right."""
        assert self._data.val_images is not None
        assert self._data.val_labels is not None
        logits, labels = infer(network, self._data.val_images[part]), self._data.val_labels[part]
        return F.cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).sum().item()

    def recalibrate(self, network: nn.Module) -> None:
        """Estimate batch normalisation's statistics on digits without augmentation."""
        recalibrate(network, self._data.images[:RECALIBRATED])

    def sample(self, network: nn.Module) -> Tensor:
        """The logits of a hundred digits."""
        return infer(network, self._data.images[:100])

    def temperature(self, network: nn.Module) -> float:
        """The temperature of the validation digits; 1 where there are none."""
        if self._data.val_images is None or self._data.val_labels is None:
            return 1.0
        return fit_temperature(infer(network, self._data.val_images), self._data.val_labels)

    def notes(self, network: nn.Module) -> list[str]:
        """How many of the user's own digits are answered right; "no digit" is a wrong answer."""
        if self._data.own_images is None or self._data.own_labels is None:
            return []
        logits = self._all(infer(network, self._data.own_images))
        right = int((logits.argmax(1) == self._data.own_labels).sum())
        return [f"{right:,} of {len(logits):,} digits of yours are answered right"]

    def _amounts(self, wanted: Step) -> Augmentation:
        return self._augmentation if wanted.augmented else Augmentation()

    def _all(self, logits: Tensor) -> Tensor:
        """With outliers, what is no digit has a logit too, that is always 0."""
        return F.pad(logits, (0, 1)) if self._recipe.outliers else logits


class Transcription:
    """CTC's loss of the text of lines."""

    def __init__(self, recipe: Recipe, data: lines.Lines, device: torch.device) -> None:
        self._recipe, self._data = recipe, data
        self.device: torch.device = device
        self.task: Task = LINES
        self.source: Source = data.source
        self.count: int = data.steps * recipe.batch_size
        self.held: int = sum(len(labels) for _, labels in data.validation)

    def batch(self, wanted: Step) -> Batch:
        """Lines float (B, 1, 40, W), normalised, and their signs (B, S)."""
        images, labels = (both[wanted.rows] for both in self._data.batch(wanted.epoch, wanted.number))
        layout = torch.channels_last if self._recipe.channels_last else torch.contiguous_format
        return images.to(self.device).contiguous(memory_format=layout), labels.to(self.device)

    def loss(self, logits: Tensor, labels: Tensor, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ARG002
        """Of logits (B, T, classes): the loss, the same without a gradient, how many lines are read without a fault."""
        total = ctc.loss(logits, labels)
        return total, total.detach(), ctc.right(logits.detach(), labels)

    @torch.no_grad()
    def validate(self, network: nn.Module, part: slice) -> tuple[float, float]:
        """Mean loss on a part of the lines of validation digits, and how many of them are read without a fault."""
        network.eval()
        losses, right, first = 0.0, 0.0, 0
        for images, labels in self._data.validation:
            some = slice(max(0, part.start - first), max(0, part.stop - first))
            first, signs = first + len(labels), labels[some].to(self.device)
            if len(signs):
                logits = network(images[some].to(self.device))
                losses += ctc.loss(logits, signs).item() * len(signs)
                right += ctc.right(logits, signs).item()
        return losses / (part.stop - part.start), right

    def recalibrate(self, network: nn.Module) -> None:
        """Not for lines, as a recipe knows."""
        raise NotImplementedError

    @torch.no_grad()
    def sample(self, network: nn.Module) -> Tensor:
        """The logits of some lines."""
        images, _ = self._data.validation[0] if self._data.validation else self._data.batch(0, 0)
        network.eval()
        logits: Tensor = network(images.to(self.device))
        return logits

    def temperature(self, network: nn.Module) -> float:  # noqa: ARG002
        """1: what is sure is decided by the probability of the whole text."""
        return 1.0

    @torch.no_grad()
    def notes(self, network: nn.Module) -> list[str]:
        """How many of the user's own lines, of those that were not learnt from, are read without a fault."""
        network.eval()
        right = sum(
            int(ctc.right(network(images.to(self.device)), labels.to(self.device))) for images, labels in self._data.own
        )
        count = sum(len(labels) for _, labels in self._data.own)
        return [f"{right:,} of {count:,} lines of yours are read right; none was learnt from"] if count else []


def objective(recipe: Recipe, device: torch.device, source: Source | None = None) -> Objective:
    """What a recipe is after, with all that it learns from, on the device.

    Raises DataError, FormatError, RunError or UsageError when that cannot be had or does not fit the recipe.
    """
    if recipe.task == LINES.name:
        return Transcription(recipe, lines.load(recipe), device)
    return Classification(recipe, digits.load(recipe, device, source), device)


def _changed(ink: Tensor, change: Callable[[Tensor], Tensor], name: str) -> Tensor:
    """Ink (B, 1, 28, 28) as a user's own augmentation changes it. Raises UsageError for another shape or scale."""
    changed = change(ink)
    if not isinstance(changed, Tensor) or changed.shape != ink.shape:
        what = tuple(changed.shape) if isinstance(changed, Tensor) else type(changed).__name__
        raise UsageError(f"{name} makes {what} of a batch {tuple(ink.shape)}: the same shape is wanted")
    if not changed.is_floating_point():
        raise UsageError(f"{name} makes {changed.dtype} of ink in [0, 1]: the same scale is wanted, as float")
    return changed.to(ink)


def distillation(logits: Tensor, images: Tensor, teacher: Model, temperature: float) -> Tensor:
    """The divergence of logits (B, classes) from the teacher's for the same images, both at a temperature.

    G. Hinton, O. Vinyals, J. Dean 2015, Distilling the knowledge in a neural network (arXiv 1503.02531), but times the
    temperature, not its square: then no gradient is larger than that of labels can be, and SGD keeps its learning rate.
    """
    with torch.no_grad():
        target = (teacher.network(images).float() / (teacher.temperature * temperature)).log_softmax(1)
    student = (logits.float() / temperature).log_softmax(1)
    return F.kl_div(student, target, reduction="batchmean", log_target=True) * temperature


def _teacher(target: str, data: digits.Dataset, device: torch.device) -> Model:
    """The model to learn from. Raises UsageError when it answers another question."""
    teacher = runs.find_model(target, device)[0]
    if (teacher.task.groups, teacher.data_classes) != (data.task.groups, data.source.classes):
        raise UsageError(f"--teacher tells {', '.join(teacher.task.classes)} apart: that is another task")
    if teacher.recipe.outliers:
        raise UsageError("--teacher must not be trained with outliers: it has a class for what is no digit")
    return teacher
