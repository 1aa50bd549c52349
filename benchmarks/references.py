"""The two reference trainings that speed is measured against, each as its authors describe it, in our own words.

`usual`: the example that comes with PyTorch (github.com/pytorch/examples, mnist): a DataLoader over PIL images, two
convolutions, Adadelta 1.0 times 0.7 an epoch, batches of 64. On a CPU it does not shuffle.

`one_cycle`: github.com/tuomaso/train_mnist_fast, its last step: tensors in memory, already normalised, one epoch of
Adam with betas 0.7 and 0.9 under a one-cycle schedule up to 0.01, batches of 256 in the files' order.

    python benchmarks/references.py usual|one_cycle SEED    a run in its own process; prints seconds and test accuracy
"""

import sys
import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from tenfold import MNIST, transforms


def usual_network() -> nn.Sequential:
    first = (nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25))
    last = (nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10), nn.LogSoftmax(1))
    return nn.Sequential(*first, nn.Flatten(), *last)


def usual(seed: int) -> tuple[float, float]:
    """Seconds from building the network to the end of an epoch, and test accuracy.

    As in the usual example, the data is made ready image by image while it trains.
    """
    torch.manual_seed(seed)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    train = DataLoader(MNIST(train=True, transform=transform), batch_size=64)
    test = DataLoader(MNIST(train=False, transform=transform), batch_size=1000)
    began = time.perf_counter()
    network = usual_network()
    optimizer = torch.optim.Adadelta(network.parameters(), lr=1.0)
    for images, labels in train:
        optimizer.zero_grad()
        F.nll_loss(network(images), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    seconds = time.perf_counter() - began
    network.eval()
    with torch.no_grad():
        right = sum(int((network(images).argmax(1) == labels).sum()) for images, labels in test)
    return seconds, right / 10_000


def one_cycle_network() -> nn.Sequential:
    first = (nn.Conv2d(1, 24, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(24, 32, 3), nn.MaxPool2d(2), nn.ReLU())
    return nn.Sequential(*first, nn.Flatten(), nn.Linear(800, 256), nn.ReLU(), nn.Linear(256, 10), nn.LogSoftmax(1))


def resident(train: bool) -> tuple[Tensor, Tensor]:
    """MNIST as normalised floats (N, 1, 28, 28), and its labels."""
    digits = MNIST(train=train)
    return digits.data[:, None].float().div_(255).sub_(0.1307).div_(0.3081), digits.targets


def one_cycle(seed: int, train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor]) -> tuple[float, float]:
    """Seconds and test accuracy of train_mnist_fast on tensors from `resident`."""
    torch.manual_seed(seed)
    images, labels = train
    began = time.perf_counter()
    network = one_cycle_network()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01, betas=(0.7, 0.9))
    steps = (len(images) - 1) // 256 + 1
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=steps, cycle_momentum=False)
    for batch, wanted in zip(images.split(256), labels.split(256), strict=True):  # type: ignore[no-untyped-call]
        optimizer.zero_grad()
        F.nll_loss(network(batch), wanted).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        scheduler.step()
    seconds = time.perf_counter() - began
    network.eval()
    with torch.no_grad():
        answers = torch.cat([network(batch).argmax(1) for batch in test[0].split(2000)])  # type: ignore[no-untyped-call]
    return seconds, (answers == test[1]).sum().item() / 10_000


if __name__ == "__main__":
    seed = int(sys.argv[2])
    print(*(usual(seed) if sys.argv[1] == "usual" else one_cycle(seed, resident(True), resident(False))))
