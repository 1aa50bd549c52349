"""Where does the time of a training step on the CPU go, and what was done about it?

    python benchmarks/loop.py [--runs 40] [--epochs 2]

Parts are timed in turn, in one process, as medians; whole epochs of `cnn` each in a process of its own.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from measuring import Row, arguments, machine_name, measured, median, process, save, seconds, table
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


def parts() -> dict[str, Callable[[], object]]:
    """What is timed in this process."""
    features = torch.randn(64, 9216)
    digits = torch.randint(0, 256, (2000, 28, 28), dtype=torch.uint8)
    network = networks.build(RECIPES["cnn"])
    plain = networks.stock(networks.build(RECIPES["cnn"].changed(channels_last=False)))
    theirs, ours = nn.Dropout(0.25), networks.Dropout(0.25)
    return {
        "dropout of (64, 9216): PyTorch's": lambda: theirs(features),
        "dropout of (64, 9216): ours": lambda: ours(features),
        "step of cnn: as it stands": step(network),
        "step of cnn: PyTorch's dropout": step(networks.stock(network)),
        "step of cnn: ReLU before pooling": step(relu_first()),
        "step of cnn: not channels-last, PyTorch's dropout": step(plain),
        "2,000 logits of cnn: batches of 125": lambda: infer(network, digits, batch_size=125),
        "2,000 logits of cnn: batches of 500": lambda: infer(network, digits, batch_size=500),
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args()
    rows: dict[str, list[float]] = {}
    works = parts()
    for number in range(options.runs + 3):
        for name, work in works.items():
            took = seconds(work)
            if number >= 3:  # the first ones set things up
                rows.setdefault(name, []).append(took)
    for _ in range(options.epochs):
        for name, word, environment in (
            ("as it stands", "", None),
            ("freed memory is kept", "", KEEP_MEMORY),
            ("denormal numbers are zero", "flush", None),
        ):
            printed = process(["-c", EPOCH, word], environment=environment)[1]
            rows.setdefault(f"epoch of cnn: {name}", []).append(float(printed))
    summary: Row = {"machine": machine_name()} | {name: median(times) for name, times in rows.items()}
    save("loop", summary, rows)
    for name, times in rows.items():
        print(f"{name:52} {median(times) * 1000:10.2f} ms  (n = {len(times)})")


def tables() -> dict[str, str]:
    s, times, by = measured("loop")
    rows = [
        f"{name} | {f'{took:.1f} s' if took > 1 else f'{took * 1000:.2f} ms'} | {len(times[name])}"
        for name, took in s.items()
        if name != "machine"
    ]
    return {"loop": f"{table('what | median | n', rows)}\n\n{by}"}


if __name__ == "__main__":
    main()
