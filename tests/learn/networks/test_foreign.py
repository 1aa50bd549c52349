"""Networks of a user's own, as they are made and looked at."""

import re
import warnings
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import tenfold
from learn.trainings import TINY
from tenfold.errors import UsageError
from tenfold.learn.networks import foreign
from tenfold.learn.recipes import own
from tenfold.learn.recipes.presets import resolve


class Net(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.out = nn.Linear(784, classes)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.out(images.flatten(1))
        return logits


class Soft(Net):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).softmax(1)


class LogSoft(Net):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).log_softmax(1)


class Dropping(Net):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(F.dropout(images, 0.5))


class Squeezed(Net):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).squeeze()


class Centred(Net):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images - images.mean(0, keepdim=True))


class Width(Net):
    def __init__(self, width: int = 16, num_classes: int = 10) -> None:
        super().__init__(num_classes)
        self.first = nn.Linear(784, width)


class WidthAlone(Net):
    def __init__(self, width: int = 16) -> None:
        super().__init__(10)
        self.first = nn.Linear(784, width)


class Keyword(Net):
    def __init__(self, *, num_classes: int = 10) -> None:
        super().__init__(num_classes)


def tied(classes: int) -> nn.Sequential:
    first, second = nn.Linear(784, 784, bias=False), nn.Linear(784, 784, bias=False)
    second.weight = first.weight
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), second, nn.Linear(784, classes))


def ten(n: int = 10) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, n))


@pytest.mark.parametrize(
    ("maker", "says"),
    [
        (Net, None),
        (LogSoft, None),
        (tied, None),
        (Soft, "ends in a softmax, and the loss has one already"),
        (Dropping, r"another answer each time, also in eval\(\): F.dropout"),
        (Squeezed, r"makes \(10,\) of 1 image, not \(1, 10\)"),
        (Centred, "depends on the others beside it"),
    ],
)
def test_what_is_probably_not_meant_is_told(maker: type[Net], says: str | None) -> None:
    network = maker(10)
    before = torch.get_rng_state()
    found = foreign.doubts(network, "mine")
    assert network.training
    assert torch.equal(torch.get_rng_state(), before)
    assert len(found) == (says is not None)
    assert says is None or re.search(says, found[0])


def test_a_training_begins_with_the_doubts(data: Path, here: Path) -> None:
    with pytest.warns(UserWarning, match="test_foreign:Soft ends in a softmax"):
        run = tenfold.train("mlp", network=Soft, data=data, epochs=1, out="r", **TINY)
    with warnings.catch_warnings(action="error"):
        tenfold.evaluate(run, draw=False)
    with pytest.raises(UsageError, match="has no weights that can be learnt"):
        tenfold.train("mlp", network=lambda n: Net(n).requires_grad_(False), data=data, epochs=1, out="q", **TINY)


@pytest.mark.parametrize(
    ("maker", "classes", "width"), [(Width, 5, 16), (WidthAlone, 10, 16), (Keyword, 5, None), (ten, 5, None)]
)
def test_the_number_of_classes_is_given_to_who_asks_for_it(maker: type[Net], classes: int, width: int | None) -> None:
    network = foreign.build(resolve("mlp", network=own.reference(maker)), classes)
    assert network(torch.zeros(3, 1, 28, 28)).shape == (3, classes)
    assert width is None or len(network.state_dict()["0.first.weight"]) == width


def test_layers_that_share_weights_are_saved(data: Path, here: Path) -> None:
    run = tenfold.train("mlp", network=tied, data=data, epochs=1, out="r", **TINY)
    weights = run.model().network.state_dict()
    assert torch.equal(weights["1.weight"], weights["3.weight"])


def test_probabilities_are_no_logits(data: Path) -> None:
    soft, plain = Soft(10), Net(10)
    plain.load_state_dict(soft.state_dict())
    wanted = tenfold.evaluate(plain, data=data, draw=False)
    found = tenfold.evaluate(soft, data=data, draw=False)
    assert found.nll == pytest.approx(wanted.nll, rel=1e-4)
    assert found.ece == pytest.approx(wanted.ece, abs=1e-4)


def test_logits_that_are_no_numbers() -> None:
    network = Net(10)
    nn.init.constant_(network.out.bias, float("nan"))
    with pytest.raises(UsageError, match="Net makes logits that are no numbers"):
        foreign.check(network)
