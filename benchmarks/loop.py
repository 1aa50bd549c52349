"""Where does the time of a training step on the CPU go, and what was done about it?

    python benchmarks/loop.py [--runs 40] [--epochs 2]

Parts are timed in turn, in one process, as medians; whole epochs of `cnn` each in a process of its own.
"""

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from measuring import machine_name, median, process, save
from tenfold.learn import networks
from tenfold.learn.networks.inference import infer
from tenfold.learn.recipes.presets import RECIPES

EPOCH = """
import sys, tempfile, time, tenfold, torch
torch.set_flush_denormal("flush" in sys.argv)
with tempfile.TemporaryDirectory() as folder:
    began = time.perf_counter()
    tenfold.train("cnn", final=True, epochs=1, out=folder + "/run", quiet=True)
    print(time.perf_counter() - began)
"""
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": "4000000000", "MALLOC_MMAP_MAX_": "0"}


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def step(network: nn.Module) -> Callable[[], object]:
    """A training step of a batch of 64, without an optimizer."""
    images, labels = torch.randn(64, 1, 28, 28), torch.randint(0, 10, (64,))

    def work() -> None:
        network.zero_grad()
        F.cross_entropy(network(images), labels).backward()  # type: ignore[no-untyped-call]

    return work


def relu_first() -> nn.Module:
    """The network of `cnn` with ReLU before the pooling, as the usual example writes it."""
    layers = list(networks.build(RECIPES["cnn"]))
    layers[3:5] = [nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=2)
    asked = parser.parse_args()
    features = torch.randn(64, 9216)
    digits = torch.randint(0, 256, (2000, 28, 28), dtype=torch.uint8)
    network = networks.build(RECIPES["cnn"])
    plain = networks.stock(networks.build(RECIPES["cnn"].changed(channels_last=False)))
    theirs, ours = nn.Dropout(0.25), networks.Dropout(0.25)
    works: dict[str, Callable[[], object]] = {
        "dropout of (64, 9216): PyTorch's": lambda: theirs(features),
        "dropout of (64, 9216): ours": lambda: ours(features),
        "step of cnn: as it stands": step(network),
        "step of cnn: PyTorch's dropout": step(networks.stock(network)),
        "step of cnn: ReLU before pooling": step(relu_first()),
        "step of cnn: not channels-last, PyTorch's dropout": step(plain),
        "2,000 logits of cnn: batches of 125": lambda: infer(network, digits, batch_size=125),
        "2,000 logits of cnn: batches of 500": lambda: infer(network, digits, batch_size=500),
    }
    rows: dict[str, list[float]] = {name: [] for name in works}
    for number in range(asked.runs + 3):
        for name, work in works.items():
            took = timed(work)
            if number >= 3:  # the first ones set things up
                rows[name].append(took)
    variants: dict[str, tuple[dict[str, str], list[str]]] = {
        "epoch of cnn: as it stands": ({}, []),
        "epoch of cnn: freed memory is kept": (KEEP_MEMORY, []),
        "epoch of cnn: denormal numbers are zero": ({}, ["flush"]),
    }
    for _ in range(asked.epochs):
        for name, (environment, words) in variants.items():
            os.environ.update(environment)
            rows.setdefault(name, []).append(float(process(["-c", EPOCH, *words])[1]))
            for key in environment:
                del os.environ[key]
    summary: dict[str, Any] = {"machine": machine_name()} | {name: median(seconds) for name, seconds in rows.items()}
    save("loop", summary, rows)
    for name, seconds in rows.items():
        print(f"{name:52} {median(seconds) * 1000:10.2f} ms  (n = {len(seconds)})")


if __name__ == "__main__":
    main()
