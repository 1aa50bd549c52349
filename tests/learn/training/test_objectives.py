from pathlib import Path
from typing import Any, cast

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tenfold.errors import UsageError
from tenfold.learn import networks
from tenfold.learn.digits import dataset
from tenfold.learn.lines.dataset import Lines
from tenfold.learn.recipes.presets import RECIPES
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.training import objectives
from tenfold.learn.training.objectives import Classification, Step, Transcription
from tenfold.learn.training.runs import Run
from tenfold.mnist import sources

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


def test_several_processes_share_the_lines_of_a_batch_and_of_the_validation(data: Path) -> None:
    recipe = RECIPES["lines"].changed(channels=(4, 6, 8, 8), batch_size=7)
    held = [(torch.randn(n, 1, 40, 32 * n), torch.randint(1, 21, (n, 4))) for n in (5, 3, 4)]
    given = torch.randn(7, 1, 40, 64), torch.arange(1, 8).unsqueeze(1)

    class Given(Lines):
        def batch(self, epoch: int, step: int) -> tuple[Tensor, Tensor]:
            return given

    lines = Transcription(recipe, Given(cast("Any", None), held, sources.load(data), steps=3), CPU)
    generator = torch.Generator()
    parts = [lines.batch(Step(0, 0, rows, torch.empty(0), False, generator)) for rows in (slice(0, 3), slice(3, 7))]
    assert torch.equal(torch.cat([images for images, _ in parts]), given[0])
    assert torch.equal(torch.cat([labels for _, labels in parts]), given[1])
    network = networks.build(recipe, 20)
    mean, right = lines.validate(network, slice(0, 12))
    shares = [(stop - start, *lines.validate(network, slice(start, stop))) for start, stop in ((0, 6), (6, 12))]
    assert mean == pytest.approx(sum(count * each for count, each, _ in shares) / 12)
    assert right == sum(each for _, _, each in shares)
