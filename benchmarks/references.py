"""The two reference trainings that speed is measured against, each as its authors describe it, in our own words.

`usual`: the example that comes with PyTorch (github.com/pytorch/examples, mnist): a DataLoader over PIL images, two
convolutions, Adadelta 1.0 times 0.7 an epoch, batches of 64. On a CPU it does not shuffle.

`one_cycle`: github.com/tuomaso/train_mnist_fast, its last step: tensors in memory, already normalised, one epoch of
Adam with betas 0.7 and 0.9 under a one-cycle schedule up to 0.01, batches of 256 in the files' order.

    python benchmarks/references.py usual|one_cycle SEED    a run in its own process; prints seconds and test accuracy
"""

import sys
import time
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from tenfold import MNIST, transforms


@dataclass(frozen=True)
class Outcome:
    """Seconds from building the network to the end of training, and accuracy on the test set."""

    seconds: float
    accuracy: float


class _Usual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3)
        self.drop1, self.drop2 = nn.Dropout(0.25), nn.Dropout(0.5)
        self.full1, self.full2 = nn.Linear(9216, 128), nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        x = torch.flatten(self.drop1(F.max_pool2d(x, 2)), 1)
        return F.log_softmax(self.full2(self.drop2(F.relu(self.full1(x)))), dim=1)


def usual(seed: int, epochs: int = 1) -> Outcome:
    """The usual example; as in it, the data is made ready image by image while it trains."""
    torch.manual_seed(seed)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    train = DataLoader(MNIST(train=True, transform=transform), batch_size=64)
    test = DataLoader(MNIST(train=False, transform=transform), batch_size=1000)
    began = time.perf_counter()
    network = _Usual()
    optimizer = torch.optim.Adadelta(network.parameters(), lr=1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
    for _ in range(epochs):
        network.train()
        for images, labels in train:
            optimizer.zero_grad()
            F.nll_loss(network(images), labels).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        scheduler.step()
    seconds = time.perf_counter() - began
    network.eval()
    with torch.no_grad():
        right = sum(int((network(images).argmax(1) == labels).sum()) for images, labels in test)
    return Outcome(seconds, right / 10_000)


class _OneCycle(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 24, 5), nn.Conv2d(24, 32, 3)
        self.full1, self.full2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        return F.log_softmax(self.full2(F.relu(self.full1(torch.flatten(x, 1)))), dim=1)


def resident(train: bool) -> tuple[Tensor, Tensor]:
    """MNIST as normalised floats (N, 1, 28, 28), and its labels."""
    digits = MNIST(train=train)
    return digits.data[:, None].float().div_(255).sub_(0.1307).div_(0.3081), digits.targets


def one_cycle(seed: int, train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor]) -> Outcome:
    """train_mnist_fast on tensors from `resident`."""
    torch.manual_seed(seed)
    images, labels = train
    began = time.perf_counter()
    network = _OneCycle()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01, betas=(0.7, 0.9))
    steps = (len(images) - 1) // 256 + 1
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=steps, cycle_momentum=False)
    network.train()
    for batch, wanted in zip(images.split(256), labels.split(256), strict=True):  # type: ignore[no-untyped-call]
        optimizer.zero_grad()
        F.nll_loss(network(batch), wanted).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        scheduler.step()
    seconds = time.perf_counter() - began
    network.eval()
    with torch.no_grad():
        answers = torch.cat([network(batch).argmax(1) for batch in test[0].split(2000)])  # type: ignore[no-untyped-call]
    return Outcome(seconds, (answers == test[1]).sum().item() / 10_000)


if __name__ == "__main__":
    which, number = sys.argv[1], int(sys.argv[2])
    outcome = usual(number) if which == "usual" else one_cycle(number, resident(True), resident(False))
    print(outcome.seconds, outcome.accuracy)
