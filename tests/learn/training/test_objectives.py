from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from tenfold.errors import UsageError
from tenfold.learn.digits import dataset
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.training import objectives
from tenfold.learn.training.objectives import Classification
from tenfold.learn.training.runs import Run

CPU = torch.device("cpu")


def test_what_a_teacher_says_pulls_no_harder_than_labels_can(trained: Run) -> None:
    teacher, images = trained.model(), torch.randn(40, 1, 28, 28)
    for temperature in (1.0, 3.0, 10.0):
        logits = (20 * torch.randn(40, 10)).requires_grad_()
        torch.autograd.backward(objectives.distillation(logits, images, teacher, temperature))
        assert logits.grad is not None
        pull = 40 * logits.grad.abs().sum(1)  # of each image; of a label's cross-entropy it is 2 at most
        assert 0.1 < pull.max() < 2.001, temperature


def test_a_teacher_of_another_question_is_refused(trained: Run, data: Path) -> None:
    parity = Recipe(task="parity", data=str(data), teacher=str(trained.path))
    with pytest.raises(UsageError, match="that is another task"):
        objectives.objective(parity, CPU)
    with pytest.raises(UsageError, match="--teacher does not go with --outliers"):
        Recipe(teacher=str(trained.path), outliers=10)


def test_smoothing_and_outliers_are_in_the_loss_and_not_in_what_is_shown(data: Path) -> None:
    logits, labels, images = torch.randn(20, 10), torch.arange(20) % 10, torch.zeros(20, 1, 28, 28)
    plain = Recipe(data=str(data))
    digits = dataset.load(plain, CPU)
    total, shown, right = Classification(plain, digits, CPU).loss(logits, labels, images)
    assert total == shown == F.cross_entropy(logits, labels)
    assert right == (logits.argmax(1) == labels).sum()
    smooth, still, _ = Classification(plain.changed(label_smoothing=0.2), digits, CPU).loss(logits, labels, images)
    assert smooth == F.cross_entropy(logits, labels, label_smoothing=0.2)
    assert still == shown
    labels[0] = 10  # no digit, whose logit is 0
    total, shown, _ = Classification(plain.changed(outliers=1), digits, CPU).loss(logits, labels, images)
    assert total == shown == F.cross_entropy(F.pad(logits, (0, 1)), labels)
