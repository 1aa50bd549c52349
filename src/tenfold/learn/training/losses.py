"""What training minimises: cross-entropy with labels, and distillation from a teacher."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from tenfold.errors import UsageError
from tenfold.learn.digits.dataset import Dataset
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.training import runs
from tenfold.learn.training.models import Model

# From logits (B, classes), labels (B,) and images (B, 1, 28, 28): the loss, and the plain cross-entropy, to be compared
# with that on the validation digits, without a gradient.
Loss = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def loss(recipe: Recipe, dataset: Dataset, device: torch.device) -> Loss:
    """The loss that a recipe names. Raises UsageError when its teacher answers another question, RunError."""
    teacher = None if recipe.teacher is None else runs.find_model(recipe.teacher, device)[0]
    if teacher and (teacher.task.groups, teacher.data_classes) != (dataset.task.groups, dataset.source.classes):
        raise UsageError(f"--teacher tells {', '.join(teacher.task.classes)} apart: that is another task")
    if teacher and teacher.recipe.outliers:
        raise UsageError("--teacher must not be trained with outliers: it has a class for what is no digit")

    def compute(logits: Tensor, labels: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
        if recipe.outliers:  # what is no digit has a logit too, that is always 0
            logits = F.pad(logits, (0, 1))
        total = F.cross_entropy(logits.float(), labels, label_smoothing=recipe.label_smoothing)
        if teacher is not None:
            weight = recipe.teacher_weight
            total = weight * distillation(logits, images, teacher, recipe.teacher_temperature) + (1 - weight) * total
        if not recipe.label_smoothing and teacher is None:
            return total, total.detach()
        return total, F.cross_entropy(logits.detach().float(), labels)

    return compute


def distillation(logits: Tensor, images: Tensor, teacher: Model, temperature: float) -> Tensor:
    """The divergence of logits (B, classes) from the teacher's for the same images, both at a temperature.

    G. Hinton, O. Vinyals, J. Dean 2015, Distilling the knowledge in a neural network (arXiv 1503.02531), but times the
    temperature, not its square: then no gradient is larger than that of labels can be, and SGD keeps its learning rate.
    """
    with torch.no_grad():
        target = (teacher.network(images).float() / (teacher.temperature * temperature)).log_softmax(1)
    student = (logits.float() / temperature).log_softmax(1)
    return F.kl_div(student, target, reduction="batchmean", log_target=True) * temperature
